package osfs

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/gosmbd/smb/vfs"
)

const (
	// manyNames is for how many names it is worth to go to another thread.
	manyNames = 16
	// threadNames is for how many it is worth to have a further one.
	threadNames = 128
	// partNames is how many a thread takes at a time.
	partNames = 32
)

var _ vfs.NameStater = (*File)(nil)

// StatNames implements vfs.NameStater.
func (h *File) StatNames(ctx context.Context, entries []vfs.DirEntry) error {
	if !h.dir {
		return h.fail("statnames", vfs.ErrNotDir)
	}
	s := nameStats{h: h, ctx: ctx, entries: entries}
	s.all()
	return ctx.Err()
}

// nameStats is what StatNames has to do, shared by all who do it.
type nameStats struct {
	h        *File
	ctx      context.Context
	entries  []vfs.DirEntry
	taken    atomic.Int64 // how many of entries, from the start
	helpers  sync.WaitGroup
	panicked atomic.Pointer[any] // what a helper panicked with
}

// all has it done, by several if there is much.
func (s *nameStats) all() {
	defer s.helpers.Wait() // whatever happens: the entries are the caller's again then
	if len(s.entries) >= manyNames {
		for range min(runtime.GOMAXPROCS(0), len(s.entries)/threadNames) - 1 {
			if s.h.fs.sys.dirThreads.helping() {
				s.helpers.Go(s.help)
			}
		}
		s.inDir()
	}
	s.run(func(name string) string { return s.h.fs.sys.xattrsPath(s.h.fd, name) }) // for want of a thread
	s.helpers.Wait()
	if p := s.panicked.Load(); p != nil {
		panic(*p)
	}
}

// help is inDir on a goroutine of its own.
func (s *nameStats) help() {
	defer func() {
		s.h.fs.sys.dirThreads.helped()
		if p := recover(); p != nil { // all panics for it
			s.panicked.Store(&p)
		}
	}()
	s.inDir()
}

// inDir runs on a thread that is in the directory, if there is one to be had.
func (s *nameStats) inDir() {
	s.h.fs.sys.dirThreads.within(s.h.fd, func() error {
		s.run(func(name string) string { return name })
		return nil
	})
}

// run does what nobody else does, with the way to a name.
func (s *nameStats) run(way func(name string) string) {
	for s.ctx.Err() == nil {
		end := int(s.taken.Add(partNames))
		if end-partNames >= len(s.entries) {
			return
		}
		part := s.entries[end-partNames : min(end, len(s.entries))]
		for i := range part {
			e := &part[i]
			name := s.h.fs.local(e.Name)
			var ok bool
			if e.Attr, e.Xattrs, ok = s.h.nameAttr(s.h.fd, name, way(name)); !ok {
				e.Name = ""
			}
		}
	}
}
