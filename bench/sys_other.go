//go:build !linux

package main

import (
	"os"
	"time"
)

// Bench is for Linux.

var profileSignal os.Signal

func cpuClock(int) (time.Duration, bool) { return 0, false }
func freeBytes(string) int64             { return 0 }
func descriptors() int                   { return 0 }
