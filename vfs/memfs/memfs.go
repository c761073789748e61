// Package memfs is a file system in memory with every capability of package
// vfs.
//
// It serves tests, scratch shares and as a model for other backends. Content
// is kept in blocks, so holes cost nothing and clones little, and everything
// that is kept counts against one limit, so a client can't exhaust the machine.
//
// # Case
//
// Names keep the case they were given, but two names in one directory always
// differ in more than case, as on a Windows volume: "Readme" opens what was
// created as "README", and creating it is fs.ErrExist. Renaming an object to
// its own name in another case changes the spelling. Case is compared as
// strings.EqualFold does. With FS.CaseSensitive names are as on a POSIX file system.
//
// # Access
//
// A File reads and writes content only if the Access it was opened with says
// so, else fs.ErrPermission. DOS attributes and security descriptors are stored
// and not enforced, and reading doesn't change the time of last access.
package memfs

import (
	"context"
	"errors"
	"io/fs"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gosmbd/smb/vfs"
)

// DefaultMaxBytes is the limit of an FS whose MaxBytes is zero.
const DefaultMaxBytes = 1 << 30

// What an object and a name cost besides content, roughly what they take.
const (
	objectCost = 512
	nameCost   = 256 // and twice the length, for the name and its folded form; of a stream as well
)

// maxLinks is the most names that a file can have, as on NTFS.
const maxLinks = 1024

// FS is a file system in memory. The zero value is empty and ready for use; an
// FS must not be copied.
type FS struct {
	// MaxBytes limits the memory for content and for files and directories
	// themselves; what would exceed it fails with vfs.ErrNoSpace and changes
	// nothing. Zero means DefaultMaxBytes, a negative value no limit. It must
	// not be changed once the FS is in use.
	MaxBytes int64

	// Label is the volume label; empty: the share's name.
	Label string

	// CaseSensitive lets names in one directory differ in case only. It must not
	// be changed once the FS is in use.
	CaseSensitive bool

	used     atomic.Int64 // bytes counted against MaxBytes
	accounts accounts
	lastID   atomic.Uint64 // of the object made last
	init     sync.Once
	root     *node // set by init

	// mu guards the tree: which names each directory holds, and parents. It
	// is locked before a node's mutex and never held while yielding.
	mu        sync.RWMutex
	snapshots map[int64]*FS // by second; guarded by mu

	byID map[uint64]*node // what has a name; set by init, guarded by mu
}

var (
	_ vfs.FS      = (*FS)(nil)
	_ vfs.Creator = (*FS)(nil)
	_ vfs.Remover = (*FS)(nil)
	_ vfs.Renamer = (*FS)(nil)
	_ vfs.Linker  = (*FS)(nil)
	_ vfs.Sizer   = (*FS)(nil)
	_ vfs.Folder  = (*FS)(nil)
	_ vfs.Namer   = (*FS)(nil)

	_ vfs.Symlinker = (*FS)(nil)
)

// Open implements vfs.FS. Any case of the name will do, unless CaseSensitive is set.
func (f *FS) Open(_ context.Context, name string, opt vfs.OpenOptions) (vfs.File, error) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	n, err := f.lookup(name)
	if err != nil {
		return nil, pathError("open", name, err)
	}
	return f.handle(n, opt), nil
}

// Create implements vfs.Creator.
func (f *FS) Create(_ context.Context, name string, opt vfs.CreateOptions) (vfs.File, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	at, err := f.place(name)
	if err == nil && at.exists() {
		err = fs.ErrExist
	}
	var security *security
	if err == nil {
		security, err = f.newSecurity(opt.Security)
	}
	n := f.newNode(opt.Directory, time.Now())
	n.setSecurity(security, f)
	if err == nil && !f.reserve(objectCost+at.cost()) {
		n.setSecurity(nil, f)
		err = vfs.ErrNoSpace
	}
	if err != nil {
		return nil, pathError("create", name, err)
	}
	n.maker = opt.Owner
	n.attributes = stored(opt.Attributes)
	if !opt.NoCompression {
		n.attributes |= at.dir.node.attr().Attributes & vfs.AttrCompressed
	}
	if opt.HasMode {
		n.mode = opt.Mode & vfs.PosixBits
	}
	at.insert(n, n.created)
	return f.handle(n, opt.OpenOptions), nil
}

// Remove implements vfs.Remover. Open Files of the object go on working.
func (f *FS) Remove(_ context.Context, name string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	at, err := f.place(name)
	switch {
	case err != nil:
	case at.dir == nil:
		err = fs.ErrInvalid
	case at.entry == nil:
		err = fs.ErrNotExist
	case at.entry.node.dir != nil && at.entry.node.dir.live > 0:
		err = vfs.ErrNotEmpty
	}
	if err != nil {
		return pathError("remove", name, err)
	}
	f.unlink(at.dir, at.entry, time.Now())
	return nil
}

// Volume implements vfs.Sizer. Without a limit it tells no sizes.
func (f *FS) Volume(context.Context) (vfs.Volume, error) {
	v := vfs.Volume{Label: f.Label, CaseSensitive: f.CaseSensitive, Sparse: true, Clones: true, Compression: true}
	if limit := f.limit(); limit >= 0 {
		v.BlockSize = minBlock
		v.Blocks = uint64(limit) / minBlock
		v.Free = uint64(max(0, limit-f.used.Load())) / minBlock
		v.Available = v.Free
	}
	return v, nil
}

// Fold implements vfs.Folder. It declines if CaseSensitive is set.
func (f *FS) Fold(_ context.Context, name string) (string, error) {
	if f.CaseSensitive {
		return "", errors.ErrUnsupported
	}
	f.mu.RLock()
	defer f.mu.RUnlock()
	at, err := f.find(name)
	switch {
	case err != nil:
	case at.dir == nil:
		return ".", nil
	case at.entry == nil:
		err = fs.ErrNotExist
	default:
		return at.entry.name, nil
	}
	return "", pathError("fold", name, err)
}

// Name implements vfs.Namer.
func (f *FS) Name(_ context.Context, id uint64) (string, error) {
	root := f.rootNode()
	f.mu.RLock()
	defer f.mu.RUnlock()
	if id == root.id {
		return ".", nil
	}
	n := f.byID[id]
	if n == nil {
		return "", fs.ErrNotExist
	}
	if name, ok := n.names[0].path(vfs.MaxName); ok {
		return name, nil
	}
	return "", vfs.ErrNameTooLong
}

func (f *FS) limit() int64 {
	if f.MaxBytes == 0 {
		return DefaultMaxBytes
	}
	return f.MaxBytes
}

// reserve counts n further bytes, or reports that they exceed the limit.
func (f *FS) reserve(n int64) bool {
	limit := f.limit()
	for {
		used := f.used.Load()
		if limit >= 0 && n > limit-used {
			return false
		}
		if f.used.CompareAndSwap(used, used+n) {
			return true
		}
	}
}

func (f *FS) release(n int64) { f.used.Add(-n) }

func pathError(op, name string, err error) error {
	return &fs.PathError{Op: op, Path: name, Err: err}
}
