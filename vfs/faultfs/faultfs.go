// Package faultfs makes a file system fail, for tests.
//
// A hook sees each operation before it is done and decides what becomes of it:
//
//	fsys := faultfs.New(&memfs.FS{}, func(op faultfs.Op) error {
//		if op.Kind == faultfs.Write && op.Offset >= 1<<20 {
//			return &faultfs.Partial{N: 10, Err: vfs.ErrNoSpace}
//		}
//		return nil
//	})
//
// An operation is delayed by a hook that waits, and counted by one that counts.
//
// # Capabilities
//
// The wrapper has every method and declines with errors.ErrUnsupported what
// the file system beneath doesn't have, without asking the hook; to the server
// that is the same as not having it. It has no Unwrap, so nothing gets past
// the hook.
package faultfs

import (
	"context"
	"errors"
	"fmt"

	"github.com/gosmbd/smb/vfs"
)

// Kind is what an operation does.
type Kind uint8

// The operations. Those from Stat on, but for Watch, are on an open File.
const (
	Open Kind = iota
	Create
	Remove
	Rename
	Link
	Volume
	Fold
	Symlink
	Readlink
	Stat
	Close
	Read
	Write
	Truncate
	Sync
	ReadDir
	SetAttr
	CopyRange
	OpenStream
	Streams
	RemoveStream
	RenameStream
	Security
	SetSecurity
	Xattrs
	SetXattrs
	Watch
	SetSparse
	Allocated
	Punch
	CloneRange
	SetCompressed
	ReparsePoint
	SetReparsePoint
	RemoveReparsePoint
	Chmod
	Chown
)

var kinds = [...]string{
	"open", "create", "remove", "rename", "link", "volume", "fold", "symlink", "readlink", "stat", "close", "read", "write",
	"truncate", "sync", "readdir", "setattr", "copyrange", "openstream", "streams", "removestream", "renamestream",
	"security", "setsecurity",
	"xattrs", "setxattrs", "watch",
	"setsparse", "allocated", "punch", "clonerange", "setcompressed",
	"reparsepoint", "setreparsepoint", "removereparsepoint",
	"chmod", "chown",
}

// String returns the operation's name, in lower case.
func (k Kind) String() string {
	if int(k) < len(kinds) {
		return kinds[k]
	}
	return fmt.Sprintf("kind%d", uint8(k))
}

// Op is one operation.
type Op struct {
	Kind Kind

	// Name is the name that the call names, and for operations on a File
	// the one that it was opened with.
	Name string
	// NewName is the other name of Rename and Link, the other stream of
	// RenameStream, and the target of Symlink.
	NewName string
	// Stream is the named stream that OpenStream, RemoveStream and
	// RenameStream name, and for other operations on a File of a stream the
	// one that it was opened with; empty for all else.
	Stream string

	// Offset is where Read, Write, CopyRange, Allocated, Punch and CloneRange
	// begin, and the size that Truncate sets.
	Offset int64
	// Length is how many bytes those are about, but for Truncate.
	Length int64
}

// Hook decides what becomes of an operation. It may be called at once from many
// goroutines, and may wait. If it returns nil the operation is done. A *Partial
// or an *After does a part or all of it. Any other error is returned instead of
// doing the operation.
type Hook func(Op) error

// Partial makes Read, Write and CopyRange move only the first N bytes, and
// ReadDir, Streams and Allocated yield only the first N entries, and then fail. Other
// operations do nothing but fail.
type Partial struct {
	N   int64
	Err error // what the operation returns; it must not be nil
}

// Error describes the fault.
func (p *Partial) Error() string { return fmt.Sprintf("after %d: %v", p.N, p.Err) }

// Unwrap returns Err.
func (p *Partial) Unwrap() error { return p.Err }

// After makes an operation take place and then fail, as when an answer is lost.
// If the operation itself fails its own error is returned.
type After struct {
	Err error // what the operation returns; it must not be nil
}

// Error describes the fault.
func (a *After) Error() string { return fmt.Sprintf("after the act: %v", a.Err) }

// Unwrap returns Err.
func (a *After) Unwrap() error { return a.Err }

// New returns inner with faults. A nil hook lets all pass.
func New(inner vfs.FS, hook Hook) vfs.FS {
	if hook == nil {
		hook = func(Op) error { return nil }
	}
	return &faultFS{inner: inner, hook: hook}
}

type faultFS struct {
	inner vfs.FS
	hook  Hook
}

// do performs act as the hook decides. act is given how much of the operation
// to do, at most all.
func (h Hook) do(op Op, all int64, act func(n int64) error) error {
	switch err := h(op).(type) {
	case nil:
		return act(all)
	case *Partial:
		if all > 0 {
			if inner := act(max(0, min(all, err.N))); inner != nil {
				return inner
			}
		}
		return err.Err
	case *After:
		if inner := act(all); inner != nil {
			return inner
		}
		return err.Err
	default:
		return err
	}
}

// open is do for what returns a File.
func (h Hook) open(op Op, act func() (vfs.File, error)) (vfs.File, error) {
	var file vfs.File
	err := h.do(op, 0, func(int64) (err error) {
		file, err = act()
		return err
	})
	if err != nil {
		if file != nil {
			file.Close()
		}
		return nil, err
	}
	return &faultFile{inner: file, name: op.Name, stream: op.Stream, hook: h}, nil
}

func (f *faultFS) Open(ctx context.Context, name string, opt vfs.OpenOptions) (vfs.File, error) {
	return f.hook.open(Op{Kind: Open, Name: name}, func() (vfs.File, error) { return f.inner.Open(ctx, name, opt) })
}

func (f *faultFS) Create(ctx context.Context, name string, opt vfs.CreateOptions) (vfs.File, error) {
	c, ok := vfs.As[vfs.Creator](f.inner)
	if !ok {
		return nil, errors.ErrUnsupported
	}
	return f.hook.open(Op{Kind: Create, Name: name}, func() (vfs.File, error) { return c.Create(ctx, name, opt) })
}

func (f *faultFS) Remove(ctx context.Context, name string) error {
	r, ok := vfs.As[vfs.Remover](f.inner)
	if !ok {
		return errors.ErrUnsupported
	}
	return f.hook.do(Op{Kind: Remove, Name: name}, 0, func(int64) error { return r.Remove(ctx, name) })
}

func (f *faultFS) Rename(ctx context.Context, oldname, newname string, replace bool) error {
	r, ok := vfs.As[vfs.Renamer](f.inner)
	if !ok {
		return errors.ErrUnsupported
	}
	return f.hook.do(Op{Kind: Rename, Name: oldname, NewName: newname}, 0, func(int64) error {
		return r.Rename(ctx, oldname, newname, replace)
	})
}

func (f *faultFS) Link(ctx context.Context, oldname, newname string, replace bool) error {
	l, ok := vfs.As[vfs.Linker](f.inner)
	if !ok {
		return errors.ErrUnsupported
	}
	return f.hook.do(Op{Kind: Link, Name: oldname, NewName: newname}, 0, func(int64) error {
		return l.Link(ctx, oldname, newname, replace)
	})
}

func (f *faultFS) Volume(ctx context.Context) (v vfs.Volume, err error) {
	s, ok := vfs.As[vfs.Sizer](f.inner)
	if !ok {
		return v, errors.ErrUnsupported
	}
	err = f.hook.do(Op{Kind: Volume}, 0, func(int64) (err error) {
		v, err = s.Volume(ctx)
		return err
	})
	return v, err
}

func (f *faultFS) Fold(ctx context.Context, name string) (spelling string, err error) {
	o, ok := vfs.As[vfs.Folder](f.inner)
	if !ok {
		return "", errors.ErrUnsupported
	}
	err = f.hook.do(Op{Kind: Fold, Name: name}, 0, func(int64) (err error) {
		spelling, err = o.Fold(ctx, name)
		return err
	})
	return spelling, err
}

// Watch passes on what the file system beneath tells. The hook is asked once.
func (f *faultFS) Watch(ctx context.Context, name string, changed func(vfs.WatchEvent)) (stop func(), err error) {
	w, ok := vfs.As[vfs.Watcher](f.inner)
	if !ok {
		return nil, errors.ErrUnsupported
	}
	err = f.hook.do(Op{Kind: Watch, Name: name}, 0, func(int64) (err error) {
		stop, err = w.Watch(ctx, name, changed)
		return err
	})
	if err != nil && stop != nil {
		stop()
		stop = nil
	}
	return stop, err
}
