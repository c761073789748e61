//go:build !linux

package osfs

import "github.com/gosmbd/smb/vfs"

// createSecure ignores the descriptor: a File isn't a vfs.Securer here.
func (f *FS) createSecure(a *agent, name string, opt vfs.CreateOptions) (*File, error) {
	return f.createPlain(a, name, opt)
}
