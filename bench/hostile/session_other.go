//go:build !linux

package main

import "syscall"

func ownSession(bool) *syscall.SysProcAttr { return nil } // it doesn't work there anyway
