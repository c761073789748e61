//go:build unix

package main

import (
	"os"
	"os/signal"
	"syscall"
)

// signalHint ends the help text of -status.
const signalHint = "; SIGUSR1 lists them once"

func statusSignal() <-chan os.Signal {
	c := make(chan os.Signal, 1)
	signal.Notify(c, syscall.SIGUSR1)
	return c
}
