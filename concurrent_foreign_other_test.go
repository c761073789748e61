//go:build !linux

package smb_test

// startForeign isn't called where no backend is on a disk.
func startForeign(modelBackend, *ledger, uint64) (end func()) { panic("no disk") }
