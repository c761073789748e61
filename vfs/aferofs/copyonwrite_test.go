package aferofs

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/spf13/afero"

	"github.com/gosmbd/smb/vfs"
	"github.com/gosmbd/smb/vfs/vfstest"
)

func TestCopyOnWrite(t *testing.T) {
	vfstest.TestFS(t, func(t *testing.T) vfs.FS { return New(layered(t).Fs) })
}

// layers are a directory of the machine and what is kept in memory of changes to it.
type layers struct {
	afero.Fs
	dir   string
	upper afero.Fs
}

// layered has files whose content is their name in the lower layer.
func layered(t *testing.T, names ...string) layers {
	t.Helper()
	l := layers{dir: t.TempDir(), upper: afero.NewMemMapFs()}
	for _, name := range names {
		path := filepath.Join(l.dir, filepath.FromSlash(name))
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o777), os.WriteFile(path, []byte(name), 0o666)); err != nil {
			t.Fatal(err)
		}
	}
	lower := afero.NewReadOnlyFs(afero.NewBasePathFs(afero.NewOsFs(), l.dir))
	l.Fs = afero.NewCopyOnWriteFs(lower, l.upper)
	return l
}

// checkUpper checks what is in memory; an empty content: nothing.
func (l layers) checkUpper(t *testing.T, name, content string) {
	t.Helper()
	got, err := afero.ReadFile(l.upper, name)
	if content == "" && !errors.Is(err, os.ErrNotExist) || content != "" && string(got) != content {
		t.Errorf("in memory: %q, %v; want %q", got, err, content)
	}
}

// checkLower checks what is below, which never changes.
func (l layers) checkLower(t *testing.T, name string) {
	t.Helper()
	if got, err := os.ReadFile(filepath.Join(l.dir, name)); string(got) != name {
		t.Errorf("in the lower layer: %q, %v", got, err)
	}
}

func openFor(t *testing.T, fsys vfs.FS, name string, access vfs.Access) vfs.File {
	t.Helper()
	f, err := fsys.Open(t.Context(), name, vfs.OpenOptions{Access: access})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func write(t *testing.T, f vfs.File, s string, off int64) {
	t.Helper()
	if n, err := f.(io.WriterAt).WriteAt([]byte(s), off); n != len(s) || err != nil {
		t.Errorf("WriteAt: %d, %v", n, err)
	}
}

// checkContent reads from an open file, and asks for its size.
func checkContent(t *testing.T, f vfs.File, want string) {
	t.Helper()
	b := make([]byte, len(want)+1)
	if n, err := f.(io.ReaderAt).ReadAt(b, 0); string(b[:n]) != want || err != io.EOF {
		t.Errorf("ReadAt: %q, %v; want %q", b[:n], err, want)
	}
	if attr, err := f.Stat(t.Context()); attr.Size != int64(len(want)) || err != nil {
		t.Errorf("Stat: size %d, %v; want %d", attr.Size, err, len(want))
	}
}

// A file isn't copied into memory until it is changed.
func TestCopyAtFirstChange(t *testing.T) {
	was := time.Date(2001, 2, 3, 4, 5, 6, 0, time.UTC)
	for what, test := range map[string]struct {
		change func(vfs.File) error
		want   string
	}{
		"nothing": {func(f vfs.File) error { return nil }, ""},
		"sync":    {func(f vfs.File) error { return f.(vfs.Syncer).Sync() }, ""},
		"created": {func(f vfs.File) error {
			err := f.(vfs.AttrSetter).SetAttr(t.Context(), vfs.AttrChange{Created: was})
			if errors.Is(err, errors.ErrUnsupported) {
				err = nil
			}
			return err
		}, ""},
		"write": {func(f vfs.File) error {
			_, err := f.(io.WriterAt).WriteAt([]byte("X"), 1)
			return err
		}, "fXle"},
		"truncate": {func(f vfs.File) error { return f.(vfs.Truncater).Truncate(2) }, "fi"},
		"time": {func(f vfs.File) error {
			return f.(vfs.AttrSetter).SetAttr(t.Context(), vfs.AttrChange{Written: was})
		}, "file"},
	} {
		t.Run(what, func(t *testing.T) {
			l := layered(t, "file")
			f := openFor(t, New(l.Fs), "file", vfs.AccessFull)
			checkContent(t, f, "file")
			l.checkUpper(t, "file", "")
			if err := test.change(f); err != nil {
				t.Fatal(err)
			}
			if err := f.Close(); err != nil {
				t.Error(err)
			}
			l.checkUpper(t, "file", test.want)
			l.checkLower(t, "file")
			if fi, err := l.Stat("file"); what == "time" && (err != nil || !fi.ModTime().Equal(was)) {
				t.Errorf("time %v, %v; want %v", fi.ModTime(), err, was)
			}
		})
	}
}

// All who had a file open when it was copied have the copy.
func TestCopyIsSeen(t *testing.T) {
	l := layered(t, "file")
	fsys := New(l.Fs)
	reader := openFor(t, fsys, "file", vfs.AccessRead)
	attrs := openFor(t, fsys, "file", vfs.ReadAttributes)
	one := openFor(t, fsys, "file", vfs.AccessFull)
	other := openFor(t, fsys, "file", vfs.AccessFull)
	write(t, one, "one", 0)
	write(t, other, " other", 3)
	for _, f := range []vfs.File{reader, one, other} {
		checkContent(t, f, "one other")
	}
	if attr, err := attrs.Stat(t.Context()); attr.Size != 9 || err != nil {
		t.Errorf("opened for attributes: size %d, %v", attr.Size, err)
	}
	if _, err := reader.(io.WriterAt).WriteAt([]byte("x"), 0); err == nil {
		t.Error("who opened for reading can write")
	}
}

// Of several who write first at the same time none loses what another wrote.
func TestCopyRace(t *testing.T) {
	for range 20 {
		l := layered(t, "file")
		fsys := New(l.Fs)
		var wg sync.WaitGroup
		for i := range 4 {
			f := openFor(t, fsys, "file", vfs.AccessFull)
			wg.Go(func() { write(t, f, "X", int64(i)) })
			wg.Go(func() { f.(io.ReaderAt).ReadAt(make([]byte, 4), 0) })
		}
		wg.Wait()
		l.checkUpper(t, "file", "XXXX")
	}
}

// Where a file is copied when it is opened for writing, nobody's copy replaces another's.
func TestCopyRaceOnDisk(t *testing.T) {
	for range 20 {
		l := layered(t, "file")
		lower := afero.NewReadOnlyFs(afero.NewBasePathFs(afero.NewOsFs(), l.dir))
		l.upper = afero.NewBasePathFs(afero.NewOsFs(), t.TempDir())
		fsys := New(afero.NewCopyOnWriteFs(lower, l.upper))
		var wg sync.WaitGroup
		for i := range 4 {
			wg.Go(func() {
				f, err := fsys.Open(t.Context(), "file", vfs.OpenOptions{Access: vfs.AccessFull})
				if err != nil {
					t.Error(err)
					return
				}
				defer f.Close()
				write(t, f, "X", int64(i))
			})
		}
		wg.Wait()
		l.checkUpper(t, "file", "XXXX")
	}
}

// What doesn't fit into memory can be read and not changed.
func TestCopyTooLarge(t *testing.T) {
	l := layered(t, "file")
	if err := os.Truncate(filepath.Join(l.dir, "file"), maxMemFile+1); err != nil {
		t.Skip(err)
	}
	f := openFor(t, New(l.Fs), "file", vfs.AccessFull)
	if n, err := f.(io.ReaderAt).ReadAt(make([]byte, 1), maxMemFile); n != 1 || err != nil {
		t.Errorf("ReadAt: %d, %v", n, err)
	}
	_, err := f.(io.WriterAt).WriteAt([]byte("x"), 0)
	for what, err := range map[string]error{
		"WriteAt":  err,
		"Truncate": f.(vfs.Truncater).Truncate(0),
		"SetAttr":  f.(vfs.AttrSetter).SetAttr(t.Context(), vfs.AttrChange{Written: time.Now()}),
	} {
		if !errors.Is(err, vfs.ErrNoSpace) {
			t.Errorf("%s: %v, want ErrNoSpace", what, err)
		}
	}
	l.checkUpper(t, "file", "")
}

// Who has a file open that is replaced doesn't write to what replaces it.
func TestCopyReplaced(t *testing.T) {
	l := layered(t, "file")
	fsys := New(l.Fs)
	f := openFor(t, fsys, "file", vfs.AccessFull)
	if err := afero.WriteFile(l.Fs, "new", []byte("another"), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := fsys.(vfs.Renamer).Rename(t.Context(), "new", "file", true); err != nil {
		t.Fatal(err)
	}
	write(t, f, "X", 1)
	checkContent(t, f, "fXle")
	checkContent(t, openFor(t, fsys, "file", vfs.AccessRead), "another")

	// Another program replaces the lower file.
	l = layered(t, "file", "new")
	f = openFor(t, New(l.Fs), "file", vfs.AccessFull)
	if err := os.Rename(filepath.Join(l.dir, "new"), filepath.Join(l.dir, "file")); err != nil {
		t.Skip(err) // Windows doesn't replace what is open
	}
	if _, err := f.(io.WriterAt).WriteAt([]byte("X"), 0); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("WriteAt after the file was replaced: %v, want ErrNotExist", err)
	}
	l.checkUpper(t, "file", "")
}

// A directory of both layers that is renamed leaves behind what only the lower one has.
func TestCopyBelowRenamed(t *testing.T) {
	l := layered(t, "d/file")
	if err := afero.WriteFile(l.Fs, "d/new", nil, 0o666); err != nil {
		t.Fatal(err)
	}
	fsys := New(l.Fs)
	f := openFor(t, fsys, "d/file", vfs.AccessFull)
	if err := fsys.(vfs.Renamer).Rename(t.Context(), "d", "e", false); err != nil {
		t.Fatal(err)
	}
	write(t, f, "X", 0)
	l.checkUpper(t, "d/file", "X/file")
}
