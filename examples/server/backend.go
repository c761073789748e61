package main

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/gosmbd/smb/vfs"
	"github.com/gosmbd/smb/vfs/memfs"
	"github.com/gosmbd/smb/vfs/osfs"
)

// storage makes the storage of shares. Those of one directory get the same, as clients
// of one osfs.FS don't see the locks and share modes of another's, and neither is told
// what the other's clients write into what they cache.
type storage struct {
	mu   sync.Mutex // held while a directory is opened, which no client waits for
	made []madeFS
}

// madeFS is what one share or several of a directory have.
type madeFS struct {
	options dirOptions
	share   string // the first
	dir     string // without symbolic links
	info    os.FileInfo
	fsys    *osfs.FS
}

// is reports whether m is of what is called dir now: it may have been removed and made anew.
func (m *madeFS) is(dir string) bool {
	if m.dir != dir {
		return false
	}
	now, err := os.Stat(dir)
	return err == nil && os.SameFile(m.info, now)
}

// dirOptions are those of a share that its osfs.FS is made with.
type dirOptions struct {
	symlinks, native, quotas, ignoreMode, fromMode, toMode bool
	snapshots, runAs                                       string
}

func (s *shareConfig) dirOptions() dirOptions {
	return dirOptions{s.symlinks, s.native, s.quotas, s.ignoreMode, s.fromMode, s.toMode, s.snapshots, s.runAs}
}

// open returns the storage of a share.
func (st *storage) open(kind string, s shareConfig) (vfs.FS, error) {
	if kind == "mem" || s.mem {
		return &memfs.FS{}, nil
	}
	st.mu.Lock()
	defer st.mu.Unlock()
	dir := realPath(s.path)
	for _, m := range st.made {
		if m.is(dir) && m.options == s.dirOptions() {
			return m.fsys, nil
		}
	}
	return st.make(dir, s)
}

// add returns the storage of a share that an administrator adds: that of the directory's
// first share if it has one, as he has no say about options.
func (st *storage) add(name, path string) (vfs.FS, error) {
	st.mu.Lock()
	defer st.mu.Unlock()
	dir := realPath(path)
	for _, m := range st.made {
		if m.is(dir) {
			return m.fsys, nil
		}
	}
	return st.make(dir, shareConfig{name: name, path: path})
}

// make opens a directory. It says so if others of its shares have another storage.
func (st *storage) make(dir string, s shareConfig) (*osfs.FS, error) {
	opt := osfs.Options{NativeNames: s.native, Snapshots: s.snapshots, Quotas: s.quotas,
		IgnoreMode: s.ignoreMode, SecurityFromMode: s.fromMode, ModeFromSecurity: s.toMode}
	if s.symlinks {
		opt.Symlinks = osfs.ShowSymlinks
	}
	if err := setRunAs(&opt, s.runAs); err != nil {
		return nil, fmt.Errorf("share %s: %w", s.name, err)
	}
	fsys, err := osfs.New(s.path, &opt)
	if err != nil {
		return nil, fmt.Errorf("share %s: %w", s.name, explainDir(s.path, err))
	}
	info, err := os.Stat(dir)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("share %s: %w", s.name, err), fsys.Close())
	}
	for _, m := range st.made {
		if gone := m.dir == dir && !m.is(dir); !gone && (within(m.dir, dir) || within(dir, m.dir)) {
			slog.Warn("two shares have files in common, and clients of one don't see the locks of the other's: they may overwrite what those wrote. "+
				"Share one directory, with the same options", "share", s.name, "other", m.share)
		}
	}
	st.made = append(st.made, madeFS{s.dirOptions(), s.name, dir, info, fsys})
	return fsys, nil
}

// realPath is the path by which directories are compared.
func realPath(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		path = abs
	}
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	}
	return path
}

// within reports whether dir is above, or is it.
func within(dir, above string) bool {
	rel, err := filepath.Rel(above, dir)
	return err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator))
}
