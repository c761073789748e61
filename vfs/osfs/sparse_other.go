//go:build !linux

package osfs

// dontCompress does nothing: compression can't be set here.
func (h *File) dontCompress() {}
