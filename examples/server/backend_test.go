package main

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gosmbd/smb"
	"github.com/gosmbd/smb/vfs"
)

// Shares of one directory have one storage, or their clients wouldn't see each other's
// locks.
func TestOneDirectoryOneStorage(t *testing.T) {
	dir := t.TempDir()
	below := filepath.Join(dir, "below")
	if err := os.Mkdir(below, 0o777); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(dir, link); err != nil {
		t.Skip(err)
	}
	log := captureLog(t)
	srv := newTestServer(t, "-share", "docs="+dir, "-share", "public="+link+",ro,guest", "-addshares", dir, "-user", "a:b")
	e := srv.Shares.(*smb.EditableShares)
	fsOf := func(name string) any {
		t.Helper()
		s, err := e.Share(t.Context(), name)
		if err != nil || s == nil {
			t.Fatalf("no share %s: %v", name, err)
		}
		return s.FS
	}
	if fsOf("docs") != fsOf("public") {
		t.Error("two shares of one directory have a storage each")
	}
	if err := e.AddShare(t.Context(), "again", smb.ShareSettings{Path: `C:\`}); err != nil {
		t.Fatal(err)
	}
	if fsOf("again") != fsOf("docs") {
		t.Error("an added share has a storage of its own")
	}
	if log.Len() > 0 {
		t.Errorf("a warning of what is no problem: %s", log)
	}
	if err := e.AddShare(t.Context(), "below", smb.ShareSettings{Path: `C:\below`}); err != nil {
		t.Fatal(err)
	}
	if got := log.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, "share=below other=docs") {
		t.Errorf("a directory below another's is logged as %q", got)
	}
}

func TestWarnsOfTwoStorages(t *testing.T) {
	dir := t.TempDir()
	below := filepath.Join(dir, "below")
	beside := filepath.Join(dir, "belowmore")
	for _, d := range []string{below, beside} {
		if err := os.Mkdir(d, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		a, b string
		warn bool
	}{
		{dir, dir + ",ro,guest", false},
		{dir, dir + ",ignoremode", true},
		{dir, below, true},
		{below, dir, true},
		{below, beside, false},
		{dir, below + ",mem", false},
	} {
		log := captureLog(t)
		newTestServer(t, "-share", "a="+tt.a, "-share", "b="+tt.b, "-user", "a:b")
		if got := strings.Contains(log.String(), "share=b other=a"); got != tt.warn {
			t.Errorf("%s and %s: warned %t, want %t: %s", tt.a, tt.b, got, tt.warn, log)
		}
	}
}

// A directory that is made anew isn't the one that a share had before.
func TestStorageOfNewDirectory(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "d")
	st := &storage{}
	for _, name := range []string{"one", "two"} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		fsys, err := st.add(name, dir)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := st.add(name+" again", dir); again != fsys || err != nil {
			t.Errorf("%s has another storage the second time: %v", name, err)
		}
		f, err := fsys.(vfs.Creator).Create(t.Context(), "file", vfs.CreateOptions{})
		if err != nil {
			t.Fatal(err)
		}
		f.Close()
		if _, err := os.Stat(filepath.Join(dir, "file")); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if err := os.Rename(dir, dir+"."+name); err != nil {
			t.Fatal(err)
		}
	}
}

func newTestServer(t *testing.T, args ...string) *smb.Server {
	t.Helper()
	cfg, err := parseFlags(args)
	if err != nil {
		t.Fatal(err)
	}
	srv, err := newServer(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return srv
}

// captureLog keeps what is logged from then on.
func captureLog(t *testing.T) *bytes.Buffer {
	var b bytes.Buffer
	was := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&b, nil)))
	t.Cleanup(func() { slog.SetDefault(was) })
	return &b
}
