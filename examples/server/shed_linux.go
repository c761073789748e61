package main

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"syscall"

	"golang.org/x/sys/unix"
)

// shedCapabilities starts the program again without two capabilities of root's, if a share
// has the option runas: without them osfs writes as fast as otherwise. To be without them
// in all threads takes a new start.
func shedCapabilities(cfg *config) error {
	runs := func(s shareConfig) bool { return s.runAs != "" }
	if !slices.ContainsFunc(cfg.shares, runs) {
		return nil
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	again := false
	for _, c := range []uintptr{unix.CAP_FSETID, unix.CAP_SYS_RESOURCE} {
		if has, err := unix.PrctlRetInt(unix.PR_CAPBSET_READ, c, 0, 0, 0); err != nil || has == 0 {
			continue
		}
		if err := unix.Prctl(unix.PR_CAPBSET_DROP, c, 0, 0, 0); err != nil {
			return fmt.Errorf("writes take longer: %w", err)
		}
		again = true
	}
	if !again {
		return nil
	}
	self, err := os.Executable()
	if err == nil {
		err = syscall.Exec(self, os.Args, os.Environ())
	}
	return fmt.Errorf("writes take longer: %w", err)
}
