package vfs_test

import (
	"archive/zip"
	"bytes"
	"embed"
	"errors"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"
	"time"

	"github.com/gosmbd/smb/vfs"
	"github.com/gosmbd/smb/vfs/vfstest"
)

//go:embed caller.go sid.go
var embedded embed.FS

var files = map[string]string{"a": "one", "d/b": "two", "d/e/empty": "", "d/big": string(make([]byte, 100_000))}

func TestFromFSMap(t *testing.T) {
	m := fstest.MapFS{}
	for name, content := range files {
		m[name] = &fstest.MapFile{Data: []byte(content), ModTime: time.Unix(1e9, 0)}
	}
	vfstest.TestReadOnlyFS(t, vfs.FromFS(m), files)
	vfstest.TestReadOnlyFS(t, vfs.FromFS(noStat{m}), files)
	vfstest.TestReadOnlyFS(t, vfs.FromFS(only{m, true}), files)
	vfstest.TestReadOnlyFS(t, vfs.FromFS(only{m, false}), files)
}

func TestFromFSDir(t *testing.T) {
	dir := t.TempDir()
	for name, content := range files {
		name = filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(content), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	vfstest.TestReadOnlyFS(t, vfs.FromFS(os.DirFS(dir)), files)
}

func TestFromFSEmbed(t *testing.T) {
	want := make(map[string]string)
	for _, name := range []string{"caller.go", "sid.go"} {
		b, err := embedded.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		want[name] = string(b)
	}
	vfstest.TestReadOnlyFS(t, vfs.FromFS(embedded), want)
}

func zipped(t *testing.T, files map[string]string) *zip.Reader {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for name, content := range files {
		f, err := w.Create(name)
		if err == nil {
			_, err = io.WriteString(f, content)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	r, err := zip.NewReader(bytes.NewReader(b.Bytes()), int64(b.Len()))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestFromFSZip(t *testing.T) {
	vfstest.TestReadOnlyFS(t, vfs.FromFS(zipped(t, files)), files)
}

// noStat hides all but Open.
type noStat struct{ fsys fs.FS }

func (n noStat) Open(name string) (fs.File, error) { return n.fsys.Open(name) }

// only hides what files can do, but for seeking if that is set.
type only struct {
	fsys fs.FS
	seek bool
}

func (o only) Open(name string) (fs.File, error) {
	f, err := o.fsys.Open(name)
	if err != nil {
		return nil, err
	}
	if d, ok := f.(fs.ReadDirFile); ok {
		return d, nil
	}
	if o.seek {
		return struct {
			fs.File
			io.Seeker
		}{f, f.(io.Seeker)}, nil
	}
	return struct{ fs.File }{f}, nil
}

// sized is a file system whose only file, whatever its name, claims a size.
type sized int64

func (s sized) Open(name string) (fs.File, error) {
	return sizedFile{bytes.NewReader(nil), s, name}, nil
}

type sizedFile struct {
	r    io.Reader
	size sized
	name string
}

func (f sizedFile) Read(p []byte) (int, error) { return f.r.Read(p) }
func (f sizedFile) Stat() (fs.FileInfo, error) { return f, nil }
func (f sizedFile) Close() error               { return nil }
func (f sizedFile) Name() string               { return f.name }
func (f sizedFile) Size() int64                { return int64(f.size) }
func (f sizedFile) Mode() fs.FileMode          { return 0o444 }
func (f sizedFile) ModTime() time.Time         { return time.Time{} }
func (f sizedFile) IsDir() bool                { return false }
func (f sizedFile) Sys() any                   { return nil }

func TestFromFSBounds(t *testing.T) {
	open := func(fsys vfs.FS, name string) vfs.File {
		f, err := fsys.Open(t.Context(), name, vfs.OpenOptions{Access: vfs.AccessRead})
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	read := func(f vfs.File) error {
		_, err := f.(io.ReaderAt).ReadAt(make([]byte, 1), 0)
		return err
	}
	for _, size := range []sized{vfs.MaxHeldFile + 1, math.MaxInt64} {
		if err := read(open(vfs.FromFS(size), "f")); !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("reading a file of %d bytes: %v", size, err)
		}
	}
	fsys := vfs.FromFS(sized(vfs.MaxHeldFile))
	var held []vfs.File
	for i := range vfs.MaxHeld / vfs.MaxHeldFile {
		f := open(fsys, string(rune('a'+i)))
		if err := read(f); err != io.EOF {
			t.Fatal(err)
		}
		held = append(held, f)
	}
	if err := read(open(fsys, "a")); err != io.EOF {
		t.Errorf("reading what is held already: %v", err)
	}
	f := open(fsys, "z")
	if err := read(f); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("reading one too many: %v", err)
	}
	if err := held[1].Close(); err != nil {
		t.Fatal(err)
	}
	if err := read(f); err != io.EOF {
		t.Errorf("reading after another was closed: %v", err)
	}
}

func TestFromFSReadOnly(t *testing.T) {
	for _, fsys := range []fs.FS{os.DirFS("."), embedded} {
		v := vfs.FromFS(fsys)
		if _, ok := vfs.As[vfs.Creator](v); ok {
			t.Error("FromFS returns a Creator")
		}
		_, err := v.Open(t.Context(), "sid.go", vfs.OpenOptions{Access: vfs.WriteData})
		if !errors.Is(err, vfs.ErrReadOnly) {
			t.Errorf("Open for writing: %v", err)
		}
		if _, err := v.Open(t.Context(), "../x", vfs.OpenOptions{}); !errors.Is(err, fs.ErrInvalid) {
			t.Errorf("Open of an invalid name: %v", err)
		}
	}
}
