package main

import (
	"time"

	"golang.org/x/sys/unix"
)

// profileSignal is what the server begins and ends its profiles by.
const profileSignal = unix.SIGUSR2

// cpuClock returns the CPU time that the threads of a process used so far, in nanoseconds
// where /proc has hundredths of a second.
func cpuClock(pid int) (time.Duration, bool) {
	var t unix.Timespec
	err := unix.ClockGettime(int32(^pid<<3|2), &t) // clock_getcpuclockid(3)
	return time.Duration(t.Nano()), err == nil
}

// freeBytes returns how much room there is for files below dir.
func freeBytes(dir string) int64 {
	var st unix.Statfs_t
	if unix.Statfs(dir, &st) != nil {
		return 0
	}
	return int64(st.Bavail) * int64(st.Bsize)
}

// descriptors returns how many files a process may have open.
func descriptors() int {
	var l unix.Rlimit
	unix.Getrlimit(unix.RLIMIT_NOFILE, &l)
	return int(min(l.Max, 1<<30))
}
