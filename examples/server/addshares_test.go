package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/gosmbd/smb"
)

func TestAddedNames(t *testing.T) {
	e := newTestServer(t, "-share", "docs="+t.TempDir(), "-addshares", t.TempDir(), "-user", "a:b").Shares.(*smb.EditableShares)
	for name, want := range map[string]error{
		"":         fs.ErrInvalid,
		".":        fs.ErrInvalid,
		"..":       fs.ErrInvalid,
		"a.":       fs.ErrInvalid,
		"a ":       fs.ErrInvalid,
		"a\u00a0":  fs.ErrInvalid,
		"a*":       fs.ErrInvalid,
		"a?":       fs.ErrInvalid,
		`a\b`:      fs.ErrInvalid,
		"a/b":      fs.ErrInvalid,
		"a:b":      fs.ErrInvalid,
		"a[1]":     fs.ErrInvalid,
		"a\nb":     fs.ErrInvalid,
		"a\xff":    fs.ErrInvalid,
		"ADMIN$":   fs.ErrPermission,
		"Admin$":   fs.ErrPermission,
		"ipc$":     fs.ErrPermission,
		"print$":   fs.ErrPermission,
		"C$":       fs.ErrPermission,
		"z$":       fs.ErrPermission,
		"\u212a$":  fs.ErrPermission, // the sign for kelvin, a K without regard to case
		"DOCS":     fs.ErrExist,
		"admin":    nil,
		"c":        nil,
		"ä b.c":    nil,
		"hidden$":  nil,
		".dots":    nil,
		"a$b":      nil,
		"a&b (c)'": nil,
	} {
		if err := e.AddShare(t.Context(), name, smb.ShareSettings{Path: `C:\`}); !errors.Is(err, want) {
			t.Errorf("%q: %v, want %v", name, err, want)
		}
	}
}

func TestAddedPaths(t *testing.T) {
	root := t.TempDir()
	docs := filepath.Join(root, "docs")
	for _, dir := range []string{"docs/sub", "docs/.snapshots/now", "docs/.smb-streams/x", ".Smb-Streams", ".snapshots"} {
		if err := os.MkdirAll(filepath.Join(root, filepath.FromSlash(dir)), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(root, "file"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for name, to := range map[string]string{
		"sub": "docs/sub", "streams": "docs/.smb-streams", "snapshots": "docs/.snapshots", "out": "../..",
	} {
		if err := os.Symlink(filepath.FromSlash(to), filepath.Join(root, name)); err != nil {
			t.Skip(err)
		}
	}
	captureLog(t) // warns of directories in others
	e := newTestServer(t, "-share", "docs="+docs, "-snapshots", "docs=.snapshots/%Y", "-addshares", root, "-user", "a:b").Shares.(*smb.EditableShares)
	for path, want := range map[string]error{
		`C:\`:                    nil,
		`c:\docs`:                nil,
		`C:\docs\sub\`:           nil,
		`C:\\docs/sub`:           nil,
		`C:\sub`:                 nil,
		`C:\.snapshots`:          nil, // not that of a share
		"":                       fs.ErrNotExist,
		`C:`:                     fs.ErrNotExist,
		`docs`:                   fs.ErrNotExist,
		`D:\docs`:                fs.ErrNotExist,
		`x\C:\docs`:              fs.ErrNotExist,
		`CC:\docs`:               fs.ErrNotExist,
		`C:\none`:                fs.ErrNotExist,
		`C:\file`:                fs.ErrNotExist,
		`C:\.Smb-Streams`:        fs.ErrNotExist,
		`C:\docs\.smb-streams`:   fs.ErrNotExist,
		`C:\docs\.smb-streams\x`: fs.ErrNotExist,
		`C:\docs\.snapshots`:     fs.ErrNotExist,
		`C:\docs\.snapshots\now`: fs.ErrNotExist,
		`C:\streams\x`:           fs.ErrNotExist,
		`C:\snapshots`:           fs.ErrNotExist,
	} {
		err := e.AddShare(t.Context(), "new", smb.ShareSettings{Path: path})
		if !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", path, err, want)
		}
		if err == nil {
			e.Remove("new")
		}
	}
	for _, path := range []string{`C:\out`, `C:\..`} {
		if err := e.AddShare(t.Context(), "new", smb.ShareSettings{Path: path}); err == nil {
			t.Errorf("%s leads out and is shared", path)
		}
	}
}
