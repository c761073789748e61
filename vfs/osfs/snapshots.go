package osfs

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"
	"time"

	"github.com/gosmbd/smb/vfs"
)

// snapshots is Options.Snapshots, taken apart.
type snapshots struct {
	outside bool   // dir is an absolute path, not one below the root
	dir     string // where they are
	pattern string // what their names are like; "*": any name will do
	below   string // in each of them, where the tree is; "." for the snapshot itself
}

var _ vfs.Snapshotter = (*FS)(nil)

// parseSnapshots takes a template apart.
func parseSnapshots(template string) (*snapshots, error) {
	bad := func(why string) (*snapshots, error) {
		return nil, fmt.Errorf("osfs: snapshots %q: %s", template, why)
	}
	s := &snapshots{outside: path.IsAbs(template)}
	elems := strings.Split(strings.TrimPrefix(template, "/"), "/")
	at := -1
	for i, e := range elems {
		if strings.ContainsAny(e, "%*") {
			if at >= 0 {
				return bad("more than one element stands for the name")
			}
			at = i
		}
	}
	if at < 0 {
		return bad("no element stands for the name")
	}
	s.dir, s.below = strings.Join(elems[:at], "/"), strings.Join(elems[at+1:], "/")
	for _, p := range []*string{&s.dir, &s.below} {
		if *p == "" && (p == &s.dir && at == 0 || p == &s.below && at == len(elems)-1) {
			*p = "."
		}
		if !fs.ValidPath(*p) {
			return bad("not a clean path")
		}
	}
	switch {
	case s.dir == "." && !s.outside:
		return bad("the snapshots must have a directory of their own")
	case s.outside:
		s.dir = path.Join("/", s.dir)
	}
	if s.pattern = elems[at]; s.pattern == "*" {
		return s, nil
	}
	if err := checkPattern(s.pattern); err != nil {
		return bad(err.Error())
	}
	return s, nil
}

// Snapshots implements vfs.Snapshotter. It declines without Options.Snapshots.
func (f *FS) Snapshots(ctx context.Context) ([]time.Time, error) {
	if f.snaps == nil {
		return nil, errors.ErrUnsupported
	}
	var list []time.Time
	err := f.eachSnapshot(ctx, func(name string, at time.Time) bool {
		list = append(list, at)
		return true
	})
	return list, err
}

// OpenSnapshot implements vfs.Snapshotter. The FS must be closed.
func (f *FS) OpenSnapshot(ctx context.Context, at time.Time) (vfs.FS, error) {
	if f.snaps == nil {
		return nil, errors.ErrUnsupported
	}
	found := ""
	err := f.eachSnapshot(ctx, func(name string, t time.Time) bool {
		if t.Unix() == at.Unix() {
			found = name
		}
		return found == ""
	})
	if err == nil && found == "" {
		err = f.fail("opensnapshot", ".", fs.ErrNotExist)
	}
	if err != nil {
		return nil, err
	}
	dir, err := f.snapshotDir()
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	root, err := dir.OpenRoot(path.Join(found, f.snaps.below))
	if err != nil {
		return nil, f.fail("opensnapshot", found, err)
	}
	opt := f.opt
	opt.Snapshots = ""
	return fromRoot(root, opt)
}

// snapshotDir opens the directory that the snapshots are in. No link leads there: who
// can make one in the tree could have what is elsewhere taken for a snapshot.
func (f *FS) snapshotDir() (*os.Root, error) {
	if f.snaps.outside {
		return os.OpenRoot(f.snaps.dir)
	}
	for dir := f.snaps.dir; dir != "."; dir = path.Dir(dir) {
		if info, err := f.root.Lstat(dir); err != nil || !info.IsDir() {
			return nil, f.fail("snapshots", dir, fs.ErrNotExist)
		}
	}
	return f.root.OpenRoot(f.snaps.dir)
}

// eachSnapshot calls found for each until it returns false. Without the directory there
// are none.
func (f *FS) eachSnapshot(ctx context.Context, found func(name string, at time.Time) bool) error {
	dir, err := f.snapshotDir()
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
		return err
	}
	defer dir.Close()
	d, err := dir.Open(".")
	if err != nil {
		return f.fail("snapshots", ".", err)
	}
	defer d.Close()
	for {
		entries, more, err := readNames(d, dirBatch)
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return f.fail("snapshots", ".", err)
		}
		for _, e := range entries {
			if at, ok := f.snaps.timeOf(dir, e); ok && !found(e.Name(), at) {
				return nil
			}
		}
		if !more {
			return nil
		}
	}
}

// timeOf returns the time of the snapshot e, not ok if it is none.
func (s *snapshots) timeOf(dir *os.Root, e fs.DirEntry) (at time.Time, ok bool) {
	switch {
	case !e.IsDir():
		return at, false
	case s.pattern != "*":
		return parseTime(s.pattern, e.Name())
	}
	at, err := changeTime(dir, e.Name())
	return at, err == nil
}

// shown takes out of a change of a directory what is concealed there, and reports whether
// anything is left.
func shown(e *vfs.WatchEvent, concealed func(name string) bool) bool {
	from := e.OldName != "" && concealed(e.OldName)
	switch to := e.Name != "" && concealed(e.Name); {
	case to && (from || e.OldName == ""):
		return false
	case to:
		e.Op, e.Name, e.OldName = vfs.WatchRemoved, e.OldName, ""
	case from:
		e.Op, e.OldName = vfs.WatchAdded, ""
	}
	return true
}

// concealed reports whether a name lies in the directory of the snapshots, or one of
// sidecars, which aren't part of the live tree.
func (f *FS) concealed(name string) bool {
	if isSidecars(name) || f.spellsSidecars(name) {
		return true
	}
	if f.snaps == nil || f.snaps.outside {
		return false
	}
	top, _, _ := strings.Cut(f.snaps.dir, "/")
	first, _, _ := strings.Cut(name, "/")
	return strings.EqualFold(first, top)
}
