package smb_test

import (
	"context"
	"fmt"
	"io"
	"path"
	"strings"
	"testing"

	"github.com/gosmbd/smb/vfs"
	"github.com/gosmbd/smb/vfs/memfs"
)

// modelBackend is a backend that is held against a model.
type modelBackend struct {
	fs      vfs.FS
	dir     string // on the disk, for other programs; "" if there's none
	outside string // a directory beside it
}

// modelBackendKind says which backends the tests run over.
type modelBackendKind struct {
	name  string
	exact bool // names that differ in case are different ones
	links bool // it has hard links
	cases bool // there are such names from the start, which no client could make
	disk  bool // other programs have it, too
	make  func(t testing.TB) modelBackend
}

// modelBackends are those there are everywhere.
func modelBackends() []modelBackendKind {
	inMemory := func(make func() vfs.FS) func(testing.TB) modelBackend {
		return func(testing.TB) modelBackend { return modelBackend{fs: make()} }
	}
	return append([]modelBackendKind{
		{name: "memfs", links: true, make: inMemory(func() vfs.FS { return &memfs.FS{} })},
		{name: "memfs-case", exact: true, links: true, make: inMemory(func() vfs.FS { return &memfs.FS{CaseSensitive: true} })},
		// Without ids the server can't know that two names are of one file.
		{name: "noids", make: inMemory(func() vfs.FS { return &noIDs{&memfs.FS{}} })},
	}, diskBackends()...)
}

// prepare makes what is there at the start: directories, and with cases files and a directory.
func (k modelBackendKind) prepare(t testing.TB, b modelBackend) (dirs, files []string) {
	dirs = []string{"d", "e", "d/e"}
	if k.cases {
		dirs, files = append(dirs, "E"), []string{"a", "A", "d/b", "d/B"}
	}
	for _, d := range dirs {
		mkdir(t, b.fs, d)
	}
	for _, f := range files {
		put(t, b.fs, f, outsideContent(f))
	}
	return dirs, files
}

// outsideContent is what a file has that was there at the start: it begins like those of the concurrent test.
func outsideContent(name string) string {
	return fmt.Sprintf("%-32s", "O-"+strings.ReplaceAll(name, "/", "-"))
}

// noIDs is a backend whose objects have no ids.
type noIDs struct{ *memfs.FS }

type noIDFile struct {
	vfs.File
	vfs.Streamer
}

func (r *noIDs) Open(ctx context.Context, name string, opt vfs.OpenOptions) (vfs.File, error) {
	return withoutID(r.FS.Open(ctx, name, opt))
}

func (r *noIDs) Create(ctx context.Context, name string, opt vfs.CreateOptions) (vfs.File, error) {
	return withoutID(r.FS.Create(ctx, name, opt))
}

func withoutID(f vfs.File, err error) (vfs.File, error) {
	if err != nil {
		return nil, err
	}
	s, _ := f.(vfs.Streamer)
	return noIDFile{f, s}, nil
}

func (f noIDFile) OpenStream(ctx context.Context, name string, opt vfs.StreamOptions) (vfs.File, error) {
	return withoutID(f.Streamer.OpenStream(ctx, name, opt))
}

func (f noIDFile) Unwrap() vfs.File { return f.File }

func (f noIDFile) Stat(ctx context.Context) (vfs.Attr, error) {
	a, err := f.File.Stat(ctx)
	a.ID = 0
	return a, err
}

// kept is an object as a backend keeps it.
type kept struct {
	name          string
	dir, readOnly bool
	content       string
	streams       map[string]string
}

// allKept returns all that a backend has below dir, with the streams that dump leaves out.
func allKept(t testing.TB, fsys vfs.FS, dir string) (list []kept) {
	t.Helper()
	d, err := fsys.Open(context.Background(), dir, vfs.OpenOptions{Access: vfs.AccessRead})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	lister, _ := vfs.As[vfs.DirReader](d)
	for e, err := range lister.ReadDir(context.Background()) {
		if err != nil {
			t.Fatal(err)
		}
		k := keep(t, fsys, path.Join(dir, e.Name))
		if list = append(list, k); k.dir {
			list = append(list, allKept(t, fsys, k.name)...)
		}
	}
	return list
}

func keep(t testing.TB, fsys vfs.FS, name string) kept {
	t.Helper()
	ctx, read := context.Background(), vfs.OpenOptions{Access: vfs.AccessRead}
	f, err := fsys.Open(ctx, name, read)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	defer f.Close()
	a, err := f.Stat(ctx)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	k := kept{name: name, dir: a.IsDir(), readOnly: a.Attributes&vfs.AttrReadOnly != 0, streams: make(map[string]string)}
	if !k.dir {
		k.content = contentOf(t, f)
	}
	streamer, found := vfs.As[vfs.Streamer](f)
	if !found {
		t.Fatalf("%s can have no streams", name)
	}
	for info, err := range streamer.Streams(ctx) {
		if err != nil {
			t.Fatalf("streams of %s: %v", name, err)
		}
		s, err := streamer.OpenStream(ctx, info.Name, vfs.StreamOptions{OpenOptions: read})
		if err != nil {
			t.Fatalf("%s:%s: %v", name, info.Name, err)
		}
		k.streams[info.Name] = contentOf(t, s)
		s.Close()
	}
	return k
}

func contentOf(t testing.TB, f vfs.File) string {
	t.Helper()
	r, found := vfs.As[io.ReaderAt](f)
	if !found {
		t.Fatal("what can't be read")
	}
	b, err := io.ReadAll(io.NewSectionReader(r, 0, 1<<16))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
