//go:build darwin || freebsd

package osfs

import "testing"

func makePortable(t *testing.T, f *FS) {}

func (f *FS) isBest() bool { return false }
