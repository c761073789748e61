//go:build unix

package harness

import "syscall"

func ownGroup() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

// killGroup ends what is left of the group that pid began.
func killGroup(pid int) { syscall.Kill(-pid, syscall.SIGKILL) }
