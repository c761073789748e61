package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gosmbd/smb/bench/load"
)

// measurement is what one run of a phase took.
type measurement struct {
	wall time.Duration
	cpu  time.Duration // of the server's processes
	peak int64         // bytes of memory that they held at most
	load load.Result   // of the load generator
	work int           // of the phase
}

// tick is the unit of CPU times in /proc; it is 1/100 s on all of Linux.
const tick = 10 * time.Millisecond

// watcher samples a process and its children.
type watcher struct {
	pid    int
	before time.Duration
	quit   chan struct{}
	peak   chan int64
}

func watchProcess(pid int) *watcher {
	w := &watcher{pid: pid, before: cpuTime(settled(pid)), quit: make(chan struct{}), peak: make(chan int64)}
	go func() {
		var peak int64
		for {
			began := time.Now()
			peak = max(peak, memory(tree(pid)))
			select {
			case <-w.quit:
				w.peak <- peak
				return
			case <-time.After(max(20*time.Millisecond, 20*time.Since(began))): // the CPUs are the load's
			}
		}
	}()
	return w
}

// stop returns what was used since the start. A child of smbd that served a
// connection may need a moment to end, after which the parent has its time.
func (w *watcher) stop() measurement {
	close(w.quit)
	m := measurement{peak: <-w.peak}
	m.cpu = cpuTime(settled(w.pid)) - w.before
	return m
}

// stat is what is used of /proc/PID/stat.
type stat struct {
	pid   int
	cpu   time.Duration // that it used
	ended time.Duration // that children used which ended
}

// settled returns the tree when it is the same twice: a child that ends while one looks is
// neither there, nor in what its parent says of those that ended.
func settled(pid int) []stat {
	all := tree(pid)
	for range 100 {
		before := all
		all = tree(pid)
		if slices.EqualFunc(before, all, func(a, b stat) bool { return a.pid == b.pid && a.ended == b.ended }) {
			break
		}
		time.Sleep(time.Millisecond)
	}
	return all
}

// tree returns the process and all below it.
func tree(pid int) []stat {
	var found []stat
	for pids := []int{pid}; len(pids) > 0; pids = pids[1:] {
		dir := "/proc/" + strconv.Itoa(pids[0])
		data, err := os.ReadFile(dir + "/stat")
		if err != nil {
			continue // ended
		}
		s, err := parseStat(data)
		if err != nil {
			continue
		}
		if t, ok := cpuClock(s.pid); ok {
			s.cpu = t
		}
		found = append(found, s)
		threads, _ := filepath.Glob(dir + "/task/*/children")
		for _, t := range threads {
			data, _ := os.ReadFile(t)
			for _, f := range strings.Fields(string(data)) {
				if child, err := strconv.Atoi(f); err == nil {
					pids = append(pids, child)
				}
			}
		}
	}
	return found
}

func parseStat(data []byte) (stat, error) {
	// The name, in parentheses, may hold anything.
	end := bytes.LastIndexByte(data, ')')
	if end < 0 {
		return stat{}, fmt.Errorf("no name in %q", data)
	}
	pid, _, _ := strings.Cut(string(data), " ")
	fields := strings.Fields(string(data[end+1:]))
	if len(fields) < 15 {
		return stat{}, fmt.Errorf("%d fields", len(fields))
	}
	var s stat
	var err error
	if s.pid, err = strconv.Atoi(pid); err != nil {
		return stat{}, err
	}
	for i, f := range fields[11:15] { // utime stime cutime cstime
		n, err := strconv.ParseInt(f, 10, 64)
		if err != nil {
			return stat{}, err
		}
		if i < 2 {
			s.cpu += time.Duration(n) * tick
		} else {
			s.ended += time.Duration(n) * tick
		}
	}
	return s, nil
}

func cpuTime(all []stat) time.Duration {
	var sum time.Duration
	for _, s := range all {
		sum += s.cpu + s.ended
	}
	return sum
}

// memory sums up the peaks of the processes. Pages that smbd's processes share
// count for each.
func memory(all []stat) int64 {
	var sum int64
	for _, s := range all {
		data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.pid))
		if err != nil {
			continue
		}
		sum += kibibytes(data, "VmHWM:")
	}
	return sum
}

// availableMemory returns how many bytes of memory programs and files in memory can have.
func availableMemory() int64 {
	data, _ := os.ReadFile("/proc/meminfo")
	return kibibytes(data, "MemAvailable:")
}

// kibibytes returns what /proc says of name, in bytes.
func kibibytes(data []byte, name string) int64 {
	for line := range strings.Lines(string(data)) {
		if rest, ok := strings.CutPrefix(line, name); ok {
			n, _ := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			return n << 10
		}
	}
	return 0
}
