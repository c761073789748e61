package aferofs

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"errors"
	"io"
	"math"
	"regexp"
	"runtime"
	"testing"

	"github.com/spf13/afero"
	"github.com/spf13/afero/tarfs"
	"github.com/spf13/afero/zipfs"

	"github.com/gosmbd/smb/vfs"
	"github.com/gosmbd/smb/vfs/vfstest"
)

// archived is files with the directories that they are in, which afero's packages ask for.
var archived = []struct{ name, content string }{
	{"a", "one"}, {"d/", ""}, {"d/b", "two"}, {"d/e/", ""}, {"d/e/empty", ""},
}

func zipped(t *testing.T) afero.Fs {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, x := range archived {
		f, err := w.Create(x.name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write([]byte(x.content)); err != nil {
			t.Fatal(err)
		}
	}
	return openZip(t, w, &b)
}

// openZip ends the archive that w writes to b.
func openZip(t *testing.T, w *zip.Writer, b *bytes.Buffer) afero.Fs {
	t.Helper()
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	r, err := zip.NewReader(bytes.NewReader(b.Bytes()), int64(b.Len()))
	if err != nil {
		t.Fatal(err)
	}
	return zipfs.New(r)
}

func tarred(t *testing.T) afero.Fs {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, x := range archived {
		h := &tar.Header{Name: x.name, Mode: 0o644, Size: int64(len(x.content))}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(x.content)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return tarfs.New(tar.NewReader(&b))
}

func TestZip(t *testing.T) { vfstest.TestReadOnlyFS(t, New(zipped(t)), files) }

func TestTar(t *testing.T) { vfstest.TestReadOnlyFS(t, New(tarred(t)), files) }

// zeros is an archive with a file f.
func zeros(t *testing.T, size int64) afero.Fs {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	f, err := w.Create("f")
	if err != nil {
		t.Fatal(err)
	}
	for chunk := make([]byte, 1<<20); size > 0; size -= int64(len(chunk)) {
		if _, err := f.Write(chunk[:min(size, int64(len(chunk)))]); err != nil {
			t.Fatal(err)
		}
	}
	return openZip(t, w, &b)
}

// heap returns how much memory is in use.
func heap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func openToRead(t *testing.T, fsys vfs.FS, name string) io.ReaderAt {
	t.Helper()
	f, err := fsys.Open(t.Context(), name, vfs.OpenOptions{Access: vfs.AccessRead})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f.(io.ReaderAt)
}

// Reading beyond the end of a file in an archive is io.EOF, whatever is around zipfs.
func TestZipBeyondEnd(t *testing.T) {
	z := zeros(t, 10)
	for what, a := range map[string]afero.Fs{
		"plain":         z,
		"base path":     afero.NewBasePathFs(z, "/"),
		"regexp":        afero.NewRegexpFs(z, regexp.MustCompile("f")),
		"copy on write": afero.NewCopyOnWriteFs(z, afero.NewMemMapFs()),
	} {
		t.Run(what, func(t *testing.T) {
			f := openToRead(t, New(a), "f")
			for _, off := range []int64{10, 11, 1 << 20, math.MaxInt64} {
				if n, err := f.ReadAt(make([]byte, 5), off); n != 0 || err != io.EOF {
					t.Errorf("ReadAt(%d): %d, %v", off, n, err)
				}
			}
			if n, err := f.ReadAt(make([]byte, 5), 8); n != 2 || err != io.EOF {
				t.Errorf("ReadAt(8): %d, %v", n, err)
			}
		})
	}
}

// All who have a file of an archive open share its content, and the last lets go of it.
func TestZipMemory(t *testing.T) {
	const size = 8 << 20
	fsys := New(zeros(t, size))
	before := heap()
	var open []vfs.File
	for range 4 {
		f, err := fsys.Open(t.Context(), "f", vfs.OpenOptions{Access: vfs.AccessRead})
		if err != nil {
			t.Fatal(err)
		}
		open = append(open, f)
		if _, err := f.(io.ReaderAt).ReadAt(make([]byte, 1), size-1); err != nil {
			t.Fatal(err)
		}
	}
	if held := heap() - before; held > 2*size {
		t.Errorf("4 opens of %d MB hold %d MB", size>>20, held>>20)
	}
	for _, f := range open {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}
	if held := heap() - before; held > size/2 {
		t.Errorf("closed files of %d MB hold %d MB", size>>20, held>>20)
	}
	runtime.KeepAlive(open)
	runtime.KeepAlive(fsys)
}

func TestZipTooLarge(t *testing.T) {
	f := openToRead(t, New(zeros(t, vfs.MaxHeldFile+1)), "f")
	if _, err := f.ReadAt(make([]byte, 1), 0); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("error %v, want ErrUnsupported", err)
	}
}

// An archive may have less of a file than it says.
func TestZipDamaged(t *testing.T) {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	f, err := w.CreateRaw(&zip.FileHeader{Name: "f", CompressedSize64: 3, UncompressedSize64: 100})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write([]byte("one")); err != nil {
		t.Fatal(err)
	}
	r := openToRead(t, New(openZip(t, w, &b)), "f")
	if _, err := r.ReadAt(make([]byte, 5), 50); err == nil || err == io.EOF {
		t.Errorf("error %v, want that of a damaged file", err)
	}
}
