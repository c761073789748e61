package main

import (
	"context"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/gosmbd/smb"
)

// namespace returns shares as they are, or with -addshares such that administrators can
// change them.
func namespace(cfg *config, shares smb.Shares, st *storage) smb.Namespace {
	if cfg.addShares == "" {
		return shares
	}
	e := &smb.EditableShares{Make: func(_ context.Context, name, path string) (*smb.Share, error) {
		if err := checkShareName(name); err != nil {
			return nil, err
		}
		dir, err := below(cfg.addShares, path, cfg.snapshotDirs())
		if err != nil {
			return nil, err
		}
		fsys, err := st.add(name, dir)
		if err != nil {
			return nil, err
		}
		return &smb.Share{FS: fsys}, nil
	}}
	for name, sh := range shares {
		e.Set(name, sh)
	}
	return e
}

// checkShareName refuses names that clients can't use, or take for others, and those of
// Windows' own shares: clients expect to administer the server by them.
func checkShareName(name string) error {
	const invalid = `"/\[]:|<>+=;,?*` // [MS-SRVS] 2.2.2.8, and the wildcards
	last, _ := utf8.DecodeLastRuneInString(name)
	switch {
	case name == "" || !utf8.ValidString(name) || strings.ContainsAny(name, invalid) || strings.ContainsFunc(name, unicode.IsControl):
		return fs.ErrInvalid
	case last == '.' || unicode.IsSpace(last): // "." and ".." among them
		return fs.ErrInvalid
	}
	stem, special := strings.CutSuffix(name, "$")
	first, size := utf8.DecodeRuneInString(stem)
	switch {
	case !special:
	case size == len(stem) && unicode.IsLetter(first), strings.EqualFold(stem, "admin"), strings.EqualFold(stem, "ipc"), strings.EqualFold(stem, "print"):
		return fs.ErrPermission
	}
	return nil
}

// below finds the directory that an administrator calls C:\name: that name below root,
// which no link leads out of, nor into what clients of other shares don't get to see.
func below(root, name string, hidden []string) (string, error) {
	const drive = `C:\`
	if len(name) < len(drive) || !strings.EqualFold(name[:len(drive)], drive) {
		return "", fs.ErrNotExist
	}
	rel := filepath.FromSlash(path.Join(".", strings.ReplaceAll(name[len(drive):], `\`, "/")))
	r, err := os.OpenRoot(root)
	if err != nil {
		return "", err
	}
	defer r.Close()
	info, err := r.Stat(rel)
	if err != nil {
		return "", err
	}
	root = realPath(root)
	dir := realPath(filepath.Join(root, rel))
	if !info.IsDir() || !within(dir, root) || hides(root, dir, hidden) {
		return "", fs.ErrNotExist
	}
	return dir, nil
}

// hides reports whether dir is one of those that package osfs doesn't show, or lies in one:
// what it keeps streams in, and hidden.
func hides(root, dir string, hidden []string) bool {
	const streams = ".smb-streams"
	for rel, _ := filepath.Rel(root, dir); rel != "."; rel = filepath.Dir(rel) {
		d := filepath.Join(root, rel)
		if strings.EqualFold(filepath.Base(d), streams) || isSame(d, filepath.Join(filepath.Dir(d), streams)) ||
			slices.ContainsFunc(hidden, func(h string) bool { return isSame(d, h) }) {
			return true
		}
	}
	return false
}

// isSame compares what there is, as a file system may take different names for the same.
func isSame(a, b string) bool {
	x, err := os.Stat(a)
	if err != nil {
		return false
	}
	y, err := os.Stat(b)
	return err == nil && os.SameFile(x, y)
}

// snapshotDirs are those in shares that osfs doesn't show, see osfs.Options.
func (c *config) snapshotDirs() []string {
	var dirs []string
	for _, s := range c.shares {
		if first, _, _ := strings.Cut(s.snapshots, "/"); first != "" {
			dirs = append(dirs, filepath.Join(s.path, first))
		}
	}
	return dirs
}
