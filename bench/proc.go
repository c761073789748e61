package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
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
	w := &watcher{pid: pid, before: cpuTime(tree(pid)), quit: make(chan struct{}), peak: make(chan int64)}
	go func() {
		var peak int64
		t := time.NewTicker(20 * time.Millisecond)
		defer t.Stop()
		for {
			peak = max(peak, memory(tree(pid)))
			select {
			case <-w.quit:
				w.peak <- peak
				return
			case <-t.C:
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
	m.cpu = cpuTime(tree(w.pid)) - w.before
	return m
}

// stat is what is used of /proc/PID/stat.
type stat struct {
	pid, parent int
	cpu         time.Duration // with the children that ended
}

// tree returns the process and all below it.
func tree(pid int) []stat {
	paths, _ := filepath.Glob("/proc/[0-9]*/stat")
	children := make(map[int][]stat)
	var found []stat
	for _, p := range paths {
		data, err := os.ReadFile(p)
		if err != nil {
			continue // ended
		}
		s, err := parseStat(data)
		if err != nil {
			continue
		}
		if s.pid == pid {
			found = append(found, s)
		}
		children[s.parent] = append(children[s.parent], s)
	}
	for i := 0; i < len(found); i++ {
		found = append(found, children[found[i].pid]...)
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
	if s.parent, err = strconv.Atoi(fields[1]); err != nil {
		return stat{}, err
	}
	for _, f := range fields[11:15] { // utime stime cutime cstime
		n, err := strconv.ParseInt(f, 10, 64)
		if err != nil {
			return stat{}, err
		}
		s.cpu += time.Duration(n) * tick
	}
	return s, nil
}

func cpuTime(all []stat) time.Duration {
	var sum time.Duration
	for _, s := range all {
		sum += s.cpu
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
		for line := range strings.Lines(string(data)) {
			if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
				n, _ := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
				sum += n << 10
			}
		}
	}
	return sum
}
