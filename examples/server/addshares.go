package main

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/gosmbd/smb"
)

// namespace returns shares as they are, or with -addshares such that administrators can
// change them.
func namespace(cfg *config, shares smb.Shares, st *storage) smb.Namespace {
	if cfg.addShares == "" {
		return shares
	}
	e := &smb.EditableShares{Make: func(_ context.Context, name, path string) (*smb.Share, error) {
		dir, err := below(cfg.addShares, path)
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

// below finds the directory that an administrator calls C:\path: that path below root,
// which no link leads out of.
func below(root, path string) (string, error) {
	rel := "."
	if _, rest, ok := strings.Cut(path, `:\`); ok && rest != "" {
		rel = filepath.FromSlash(strings.Trim(strings.ReplaceAll(rest, `\`, "/"), "/"))
	}
	r, err := os.OpenRoot(root)
	if err != nil {
		return "", err
	}
	defer r.Close()
	info, err := r.Stat(rel)
	if err != nil {
		return "", err
	}
	if !info.IsDir() {
		return "", fs.ErrNotExist
	}
	return filepath.Join(root, rel), nil
}
