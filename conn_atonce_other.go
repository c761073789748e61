//go:build !linux

package smb

func (t *tcp) writeAtOnce() (done bool) { return false }
