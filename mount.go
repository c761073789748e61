package smb

import (
	"context"
	"errors"
	"io/fs"
	"reflect"
	"slices"
	"sync"

	"github.com/gosmbd/smb/internal/notify"
	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs"
)

// mount is a backend in use. All trees on the same backend share it, so that
// what is open through one is seen through the others.
type mount struct {
	// Immutable.
	srv     *Server
	key     any
	fs      vfs.FS
	creator vfs.Creator
	remover vfs.Remover
	renamer vfs.Renamer
	linker  vfs.Linker
	sizer   vfs.Sizer
	folder  vfs.Folder
	namer   vfs.Namer
	names   nameCache
	tunnel  tunnel
	watches notify.Hub
	streams bool // objects can have named streams
	secures bool // objects can have security descriptors
	eas     bool // objects can have extended attributes
	exact   bool // names that differ in case only are different

	symlinker vfs.Symlinker
	reparse   bool // objects can be reparse points

	lookouts lookouts

	quotaer     vfs.Quotaer // nil: no quotas
	snapshotter vfs.Snapshotter
	live        *mount // of a snapshot: what it was of
	at          int64  // and when, in seconds since 1970

	refs      int // trees, and opens of a snapshot; guarded by Server.mu
	snapshots int // of this one that are in use; guarded by Server.mu

	mu       sync.Mutex
	files    map[uint64]*file  // without streams, which are in their object's file
	byName   map[string]*file  // of a backend without ids, by keyOf
	paths    map[string]opened // what is open, by pathKey
	doomed   map[string]int    // keyOf of directories with a delete pending
	claims   map[string]*claimed
	subtrees []string // claimed with all that is below
}

// opened is what is open under a name.
type opened struct {
	file *file // that of the latest open
	n    int   // how many opens came by the name
}

// mount returns the mount of fsys and counts a use of it.
func (s *Server) mount(ctx context.Context, fsys vfs.FS) *mount {
	var key any = fsys
	if !reflect.ValueOf(fsys).Comparable() {
		// Such a value has no identity; it meets nobody else's.
		key = new(byte)
	}
	s.mu.Lock()
	m := s.mounts[key]
	if m != nil {
		m.refs++
	}
	s.mu.Unlock()
	if m != nil {
		return m
	}
	fresh := s.newMount(ctx, key, fsys) // asks the backend, so not under the lock
	s.mu.Lock()
	defer s.mu.Unlock()
	if m = s.mounts[key]; m == nil {
		m = fresh
		s.mounts[key] = m
	}
	m.refs++
	return m
}

func (s *Server) newMount(ctx context.Context, key any, fsys vfs.FS) *mount {
	m := &mount{
		srv:    s,
		key:    key,
		fs:     fsys,
		files:  make(map[uint64]*file),
		byName: make(map[string]*file),
		paths:  make(map[string]opened),
		doomed: make(map[string]int),
		claims: make(map[string]*claimed),
	}
	m.creator, _ = vfs.As[vfs.Creator](fsys)
	m.remover, _ = vfs.As[vfs.Remover](fsys)
	m.renamer, _ = vfs.As[vfs.Renamer](fsys)
	m.linker, _ = vfs.As[vfs.Linker](fsys)
	m.sizer, _ = vfs.As[vfs.Sizer](fsys)
	m.folder, _ = vfs.As[vfs.Folder](fsys)
	// What it can do doesn't depend on who is the first to use it.
	ctx = vfs.WithCaller(ctx, vfs.SystemCaller())
	m.symlinker = symlinkerOf(ctx, fsys)
	m.snapshotter = snapshotterOf(ctx, fsys)
	m.quotaer, m.namer = quotaerOf(ctx, fsys), namerOf(ctx, fsys)
	m.reparse = m.symlinker != nil
	m.askRoot(ctx)
	m.lookouts.watcher, _ = vfs.As[vfs.Watcher](fsys)
	m.lookouts.dirs = make(map[string]*lookout)
	if m.sizer != nil {
		v, err := m.sizer.Volume(ctx)
		m.exact = err == nil && v.CaseSensitive
	}
	m.names.init()
	m.watches.Fold = m.keyOf
	return m
}

// askRoot finds out what objects can have, as far as the root tells.
func (m *mount) askRoot(ctx context.Context) {
	f, err := m.fs.Open(ctx, ".", vfs.OpenOptions{Access: vfs.ReadAttributes})
	if err != nil {
		return
	}
	defer f.Close()
	m.streams, m.secures, m.eas = hasStreams(ctx, f), keepsSecurity(f), hasEAs(ctx, f)
	m.reparse = m.reparse || hasReparse(ctx, f)
}

// keyOf returns what the spellings of a path have in common that mean the same object.
// Claims are about more: clients that don't tell case apart may mean all spellings.
func (m *mount) keyOf(name string) string {
	if m.exact {
		return name
	}
	return foldPath(name)
}

// retain counts a use of m. It reports false if m isn't in use any more, and another one
// has taken its place.
func (s *Server) retain(m *mount) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now := s.mounts[m.key]; now != nil && now != m {
		return false
	}
	s.mounts[m.key] = m
	m.refs++
	m.lookouts.resume()
	return true
}

// release gives up one use.
func (m *mount) release() {
	m.srv.mu.Lock()
	m.refs--
	last := m.refs == 0
	if last {
		delete(m.srv.mounts, m.key)
		if m.live != nil {
			m.live.snapshots--
		}
	}
	m.srv.mu.Unlock()
	if !last {
		return
	}
	m.endLookouts()
	if m.live != nil {
		m.closeSnapshot()
	}
}

// volume returns what the backend says of itself, with the defaults filled in.
func (m *mount) volume(ctx context.Context, t *tree) (vfs.Volume, error) {
	var v vfs.Volume
	err := errors.ErrUnsupported
	if m.sizer != nil {
		v, err = m.sizer.Volume(ctx)
	}
	if err = ignoreUnsupported(err); err != nil {
		return v, err
	}
	if v.BlockSize == 0 {
		v.BlockSize = clusterSize
	}
	if v.Blocks == 0 {
		// A terabyte, half of it free.
		v.Blocks = 1 << 40 / uint64(v.BlockSize)
		v.Free, v.Available = v.Blocks/2, v.Blocks/2
	}
	if v.Label == "" {
		v.Label = t.name
	}
	if v.Serial == 0 {
		v.Serial = uint32(hashString(m.srv.name + "\\" + t.name))
	}
	if v.FSName == "" {
		v.FSName = "NTFS"
	}
	if v.MaxName == 0 {
		v.MaxName = 255
	}
	return v, nil
}

// maxFileSize returns how long a file may be: what NTFS allows with clusters as large
// as the backend's. Most backends that allow more have larger ones. [MS-FSA] 2.1.1.1,
// note 10
func (m *mount) maxFileSize(ctx context.Context) int64 {
	cluster := int64(clusterSize)
	if m.sizer != nil {
		if v, err := m.sizer.Volume(ctx); err == nil {
			cluster = min(max(cluster, int64(v.BlockSize)), 1<<21)
		}
	}
	return cluster<<32 - 64<<10
}

// tooLong reports whether a file of n bytes would be longer than one may be.
func (m *mount) tooLong(ctx context.Context, n int64) bool {
	return n > clusterSize<<32-64<<10 && n > m.maxFileSize(ctx)
}

// hashString is FNV-1a.
func hashString(s string) uint64 {
	h := uint64(14695981039346656037)
	for i := 0; i < len(s); i++ {
		h = (h ^ uint64(s[i])) * 1099511628211
	}
	return h
}

// openBelow returns the files below dir, without dir itself, that are open.
func (m *mount) openBelow(dir string) []*file {
	key := m.keyOf(dir)
	m.mu.Lock()
	defer m.mu.Unlock()
	any := false
	for p := range m.paths {
		if p != key && below(p, key) {
			any = true
			break
		}
	}
	if !any {
		return nil
	}
	var list []*file
	for _, object := range m.files {
		for _, f := range append(object.streamList(), object) {
			f.mu.Lock()
			if slices.ContainsFunc(f.opens, func(o *open) bool {
				p := m.keyOf(o.name)
				return p != key && below(p, key) && !o.unlinked.Load()
			}) {
				list = append(list, f)
			}
			f.mu.Unlock()
		}
	}
	return list
}

// isDoomed reports whether the directory called dir is to be deleted.
func (m *mount) isDoomed(dir string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.doomed) > 0 && m.doomed[m.keyOf(dir)] > 0
}

// exists reports whether name exists, spelled like this.
func (m *mount) exists(ctx context.Context, name string) (vfs.Attr, error) {
	f, err := m.fs.Open(ctx, name, vfs.OpenOptions{Access: vfs.ReadAttributes})
	if err != nil {
		return vfs.Attr{}, err
	}
	defer f.Close()
	return f.Stat(ctx)
}

// isMissing reports whether err says that a name doesn't exist.
func isMissing(err error) bool {
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, vfs.ErrNotDir) {
		return true
	}
	s, ok := errnoStatus(err)
	return ok && s == smb2.StatusObjectPathNotFound
}
