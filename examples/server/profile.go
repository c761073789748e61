//go:build profile && unix

package main

import (
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"syscall"
)

// Built with the tag profile, the server notes what it does from one SIGUSR2 to the next,
// and writes profiles of it into the directory that SMB_PROFILE names.
func init() {
	c := make(chan os.Signal, 1)
	signal.Notify(c, syscall.SIGUSR2)
	go func() {
		for {
			<-c
			f, err := os.Create(filepath.Join(os.Getenv("SMB_PROFILE"), "cpu.pprof"))
			if err == nil {
				err = pprof.StartCPUProfile(f)
			}
			runtime.SetMutexProfileFraction(10)
			runtime.SetBlockProfileRate(10_000) // ns
			fmt.Fprintln(os.Stderr, "profiling:", err)
			<-c
			pprof.StopCPUProfile()
			f.Close()
			fmt.Fprintln(os.Stderr, "profiled:", writeProfiles())
			runtime.SetMutexProfileFraction(0)
			runtime.SetBlockProfileRate(0)
		}
	}()
}

func writeProfiles() error {
	for _, name := range []string{"mutex", "block", "allocs", "goroutine"} {
		f, err := os.Create(filepath.Join(os.Getenv("SMB_PROFILE"), name+".pprof"))
		if err != nil {
			return err
		}
		if err := pprof.Lookup(name).WriteTo(f, 0); err != nil {
			return err
		}
		if err := f.Close(); err != nil {
			return err
		}
	}
	return nil
}
