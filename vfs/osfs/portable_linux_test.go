package osfs

import "testing"

// makePortable has f do as on systems without openat2.
func makePortable(t *testing.T, f *FS) { f.sys.openat2 = false }

func (f *FS) isBest() bool { return f.sys.openat2 }
