package aferofs

import (
	"io/fs"
	"os"
	"slices"
	"sync/atomic"

	"github.com/spf13/afero"
	"github.com/spf13/afero/mem"

	"github.com/gosmbd/smb/vfs"
)

// copying is what is known of an afero.CopyOnWriteFs, which copies a file to its upper layer
// when it is opened for writing. Clients open with all the rights that they can have, so in
// an upper layer in memory whatever they look at would stay. A file of the lower layer is
// therefore opened for reading, and copied before it is changed first: nothing in memory
// refuses to be written, so who may write is known at the open.
//
// All who have the file open go over to the copy at the same time. Until then it can't be
// removed or renamed, and is what its name means, unless it is replaced; see makeWay.
type copying struct {
	on    bool         // the file system is a CopyOnWriteFs
	upper atomic.Int32 // one of those below
}

// Where the upper layer is.
const (
	upperUnknown = iota
	upperInMemory
	upperElsewhere
)

// lock locks mu for one who opens a file or sets its attributes. Only one at a time may have
// a file copied: a copy replaces another.
func (f *aferoFS) lock(changes bool) (unlock func()) {
	if f.copying.on && changes {
		f.mu.Lock()
		return f.mu.Unlock
	}
	f.mu.RLock()
	return f.mu.RUnlock
}

// isLower reports whether a file is in the lower layer and would be copied into memory. One
// that is in memory there, too, isn't known from one in the upper layer.
func (f *aferoFS) isLower(fi fs.FileInfo) bool {
	return f.copying.on && fi.Mode().IsRegular() && !isMem(fi) && f.upperInMem()
}

func isMem(fi fs.FileInfo) bool {
	_, ok := fi.(*mem.FileInfo)
	return ok
}

// upperInMem looks at the root for what the upper layer is, which CopyOnWriteFs doesn't tell.
func (f *aferoFS) upperInMem() bool {
	if known := f.copying.upper.Load(); known != upperUnknown {
		return known == upperInMemory
	}
	root, err := f.afero.Open(native("."))
	if err != nil {
		return false
	}
	defer root.Close()
	u, ok := root.(*afero.UnionFile)
	if !ok || u.Layer == nil {
		return false // the layer has no root yet
	}
	known := int32(upperElsewhere)
	if inMemory(u.Layer) {
		known = upperInMemory
	}
	f.copying.upper.Store(known)
	return known == upperInMemory
}

// copyUp has the file copied that is about to change.
func (f *file) copyUp() error {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	switch {
	case !f.lower:
		return nil
	case f.name == "":
		return fs.ErrNotExist
	}
	err := f.fs.copyUp(f.name)
	if err == nil && f.lower {
		err = fs.ErrNotExist // somebody has put another file there
	}
	if err != nil {
		return pathError("copy", f.name, err)
	}
	return nil
}

// copyUp copies a file to the upper layer for those who have it open; mu is held for writing.
func (f *aferoFS) copyUp(name string) error {
	fi, err := f.stat(name)
	if err != nil {
		return err
	}
	users := slices.DeleteFunc(f.lowerAt(name), func(x *file) bool { return !x.is(fi) })
	switch {
	case len(users) == 0:
		return nil
	case !isMem(fi) && fi.Size() > maxMemFile:
		return vfs.ErrNoSpace
	}
	a, err := f.afero.OpenFile(native(name), os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer letGo(a, false)
	for _, x := range users {
		flag := os.O_RDONLY
		if x.writes {
			flag = os.O_RDWR
		}
		a, err := f.afero.OpenFile(native(name), flag, 0)
		if err != nil {
			return err
		}
		x.goOver(a)
	}
	return nil
}

// lowerAt returns who has the file of the lower layer open that is called name.
func (f *aferoFS) lowerAt(name string) (users []*file) {
	f.openMu.Lock()
	defer f.openMu.Unlock()
	for h, x := range f.open {
		if h.name == name && x != nil && x.lower {
			users = append(users, x)
		}
	}
	return users
}

// is reports whether the file is the one that fi tells of, as far as can be known.
func (f *file) is(fi fs.FileInfo) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	own, err := f.file.Stat()
	return err == nil && (os.SameFile(own, fi) || !os.SameFile(own, own))
}

// goOver replaces the file by its copy. What was open for reading only has no errors to tell.
func (f *file) goOver(a afero.File) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.file.Close()
	f.file, f.lower, f.inMem = a, false, inMemory(a)
}
