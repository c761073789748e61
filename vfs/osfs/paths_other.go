//go:build !linux

package osfs

import "io/fs"

func (f *FS) mkdir(name string, mode fs.FileMode) error { return f.root.Mkdir(name, mode) }

func (f *FS) unlink(name string) error { return f.root.Remove(name) }

func (f *FS) rename(oldname, newname string) error { return f.root.Rename(oldname, newname) }

// lastLink does nothing: there are no streams.
func (f *FS) lastLink(string) (gone func(), err error) { return func() {}, nil }

func (f *FS) hardLink(oldname, newname string) error { return f.root.Link(oldname, newname) }

func (f *FS) spellsSidecars(string) bool { return false }
