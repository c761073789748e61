//go:build !unix

package main

import "os"

// signalHint ends the help text of -status.
const signalHint = ""

// statusSignal returns nil: there is no signal to ask with.
func statusSignal() <-chan os.Signal { return nil }
