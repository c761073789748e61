//go:build !linux

package smb_test

// diskBackends is empty: what the tests expect of the disk's is what they are on Linux.
func diskBackends() []modelBackendKind { return nil }
