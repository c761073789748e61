//go:build !linux

package smb

func (t *tcp) wakeAt(int) bool { return false }
