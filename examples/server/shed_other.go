//go:build !linux

package main

// shedCapabilities does nothing: it is about Linux.
func shedCapabilities(*config) error { return nil }
