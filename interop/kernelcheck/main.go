//go:build linux

// Kernelcheck does the work of the scripts coherence.sh, multichannel.sh and
// persistent.sh inside their virtual machine: it uses a share through mounts of
// the Linux kernel's client and reports what the server may not let happen.
//
//	kernelcheck coherence [flags] MOUNT-A MOUNT-B PLAIN-MOUNT
//	kernelcheck survive   [flags] MOUNT-A MOUNT-B PLAIN-MOUNT
//
// It exits with 1 if there was such a thing.
package main

import (
	"fmt"
	"os"
)

func main() {
	var run func(args []string) error
	if len(os.Args) > 1 {
		run = map[string]func([]string) error{"coherence": coherence, "survive": survive}[os.Args[1]]
	}
	if run == nil {
		fmt.Fprintln(os.Stderr, "usage: kernelcheck coherence|survive [flags] MOUNT-A MOUNT-B PLAIN-MOUNT")
		os.Exit(2)
	}
	if err := run(os.Args[2:]); err != nil {
		fmt.Fprintf(os.Stderr, "kernelcheck: %v\n", err)
		os.Exit(1)
	}
}
