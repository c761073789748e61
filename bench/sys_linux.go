package main

import (
	"time"

	"golang.org/x/sys/unix"
)

// cpuClock returns the CPU time that the threads of a process used so far, in nanoseconds
// where /proc has hundredths of a second.
func cpuClock(pid int) (time.Duration, bool) {
	var t unix.Timespec
	err := unix.ClockGettime(int32(^pid<<3|2), &t) // clock_getcpuclockid(3)
	return time.Duration(t.Nano()), err == nil
}
