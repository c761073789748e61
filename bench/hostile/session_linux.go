package main

import "syscall"

// ownSession makes a process a session of its own; it may be to end with its parent.
func ownSession(dies bool) *syscall.SysProcAttr {
	a := &syscall.SysProcAttr{Setsid: true}
	if dies {
		a.Pdeathsig = syscall.SIGTERM
	}
	return a
}
