//go:build linux

package main

import (
	"fmt"
	"os"
	"slices"
	"sync"
	"time"
)

// report collects what went wrong and how long things took.
type report struct {
	max   int // faults after which the run ends
	start time.Time

	mu     sync.Mutex
	faults int
	count  map[string]int
	took   map[string][]time.Duration
}

func newReport(most int) *report {
	return &report{max: most, start: time.Now(), count: make(map[string]int), took: make(map[string][]time.Duration)}
}

// fault reports something that the server may not let happen.
func (r *report) fault(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.faults++
	fmt.Printf("FAULT at %.1f s: %s\n", time.Since(r.start).Seconds(), fmt.Sprintf(format, args...))
}

// note reports something that is only good to know.
func (r *report) note(format string, args ...any) {
	fmt.Printf("at %.1f s: %s\n", time.Since(r.start).Seconds(), fmt.Sprintf(format, args...))
}

// did counts one more thing done.
func (r *report) did(what string) {
	r.mu.Lock()
	r.count[what]++
	r.mu.Unlock()
}

// after counts one thing done and how long it took.
func (r *report) after(what string, d time.Duration) {
	r.mu.Lock()
	r.count[what]++
	r.took[what] = append(r.took[what], d)
	r.mu.Unlock()
}

// enough reports whether there were so many faults that the rest is noise.
func (r *report) enough() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.faults >= r.max
}

// finish prints the counts and returns an error if there were faults.
func (r *report) finish() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	var names []string
	for name := range r.count {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		d := r.took[name]
		if len(d) == 0 {
			fmt.Printf("%-28s %7d\n", name, r.count[name])
			continue
		}
		slices.Sort(d)
		at := func(f float64) time.Duration { return d[int(f*float64(len(d)-1))].Round(100 * time.Microsecond) }
		fmt.Printf("%-28s %7d  median %v, 99 %% %v, most %v\n", name, r.count[name], at(0.5), at(0.99), at(1))
	}
	if r.faults > 0 {
		return fmt.Errorf("%d faults", r.faults)
	}
	fmt.Fprintln(os.Stdout, "no faults")
	return nil
}
