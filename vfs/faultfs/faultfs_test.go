package faultfs

import (
	"context"
	"errors"
	"io"
	"testing"
	"testing/fstest"

	"github.com/gosmbd/smb/vfs"
	"github.com/gosmbd/smb/vfs/memfs"
	"github.com/gosmbd/smb/vfs/vfstest"
)

var errTest = errors.New("test")

func TestTransparent(t *testing.T) {
	vfstest.TestFS(t, func(*testing.T) vfs.FS { return New(&memfs.FS{}, nil) })
}

func TestTransparentReadOnly(t *testing.T) {
	inner := vfs.FromFS(fstest.MapFS{"d/f": {Data: []byte("content")}})
	fsys := New(inner, nil)
	vfstest.TestReadOnlyFS(t, fsys, map[string]string{"d/f": "content"})
	if _, err := fsys.(vfs.Creator).Create(t.Context(), "x", vfs.CreateOptions{}); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("Create: %v", err)
	}
}

// fixture is a file with content "0123456789", whose faults are set later.
type fixture struct {
	fs    vfs.FS
	file  *faultFile
	fault func(Op) error
	ops   []Op
}

func newFixture(t *testing.T) *fixture {
	x := &fixture{}
	x.fs = New(&memfs.FS{}, func(op Op) error {
		x.ops = append(x.ops, op)
		if x.fault == nil {
			return nil
		}
		return x.fault(op)
	})
	f, err := x.fs.(vfs.Creator).Create(t.Context(), "f", vfs.CreateOptions{
		OpenOptions: vfs.OpenOptions{Access: vfs.AccessReadOnly | vfs.AccessWrite},
	})
	if err != nil {
		t.Fatal(err)
	}
	x.file = f.(*faultFile)
	if _, err := x.file.WriteAt([]byte("0123456789"), 0); err != nil {
		t.Fatal(err)
	}
	return x
}

// content reads past the faults.
func (x *fixture) content(t *testing.T) string {
	b := make([]byte, 100)
	n, err := x.file.inner.(io.ReaderAt).ReadAt(b, 0)
	if err != io.EOF {
		t.Fatal(err)
	}
	return string(b[:n])
}

func TestFail(t *testing.T) {
	x := newFixture(t)
	ctx := t.Context()
	x.fault = func(Op) error { return errTest }
	_, readErr := x.file.ReadAt(make([]byte, 1), 0)
	_, writeErr := x.file.WriteAt([]byte("x"), 0)
	_, copyErr := x.file.CopyRange(ctx, 20, x.file, 0, 5)
	_, statErr := x.file.Stat(ctx)
	_, openErr := x.fs.Open(ctx, "f", vfs.OpenOptions{})
	_, foldErr := x.fs.(vfs.Folder).Fold(ctx, "f")
	_, volumeErr := x.fs.(vfs.Sizer).Volume(ctx)
	_, securityErr := x.file.Security(ctx)
	for _, err := range []error{
		readErr, writeErr, copyErr, statErr, openErr, foldErr, volumeErr, securityErr,
		x.file.Truncate(0), x.file.Sync(), x.file.SetAttr(ctx, vfs.AttrChange{}), x.file.SetSecurity(ctx, vfs.SecurityDescriptor{}),
		x.fs.(vfs.Remover).Remove(ctx, "f"),
		x.fs.(vfs.Renamer).Rename(ctx, "f", "g", false),
		x.fs.(vfs.Linker).Link(ctx, "f", "g", false),
	} {
		if err != errTest {
			t.Errorf("error %v, want %v", err, errTest)
		}
	}
	if got := x.content(t); got != "0123456789" {
		t.Errorf("a failed operation changed the content to %q", got)
	}
	if err := x.file.Close(); err != errTest {
		t.Errorf("Close: %v", err)
	}
}

func TestPartial(t *testing.T) {
	x := newFixture(t)
	x.fault = func(Op) error { return &Partial{3, errTest} }
	b := make([]byte, 10)
	if n, err := x.file.ReadAt(b, 2); n != 3 || err != errTest || string(b[:4]) != "234\x00" {
		t.Errorf("ReadAt = %d, %v, %q", n, err, b)
	}
	if n, err := x.file.WriteAt([]byte("abcdef"), 0); n != 3 || err != errTest {
		t.Errorf("WriteAt = %d, %v", n, err)
	}
	if n, err := x.file.CopyRange(t.Context(), 10, x.file, 0, 5); n != 3 || err != errTest {
		t.Errorf("CopyRange = %d, %v", n, err)
	}
	if got, want := x.content(t), "abc3456789abc"; got != want {
		t.Errorf("content = %q, want %q", got, want)
	}
	if err := x.file.Truncate(0); err != errTest || x.content(t) == "" {
		t.Errorf("Truncate: %v, content %q", err, x.content(t))
	}
}

func TestAfter(t *testing.T) {
	x := newFixture(t)
	x.fault = func(Op) error { return &After{errTest} }
	if err := x.file.Truncate(2); err != errTest || x.content(t) != "01" {
		t.Errorf("Truncate: %v, content %q", err, x.content(t))
	}
	if f, err := x.fs.Open(t.Context(), "f", vfs.OpenOptions{}); f != nil || err != errTest {
		t.Errorf("Open = %v, %v", f, err)
	}
	if err := x.fs.(vfs.Renamer).Rename(t.Context(), "missing", "x", false); err == nil || err == errTest {
		t.Errorf("Rename of a missing name: %v", err)
	}
}

func TestReadDirPartial(t *testing.T) {
	x := newFixture(t)
	ctx := context.Background()
	for _, name := range []string{"a", "b", "c"} {
		if err := x.fs.(vfs.Linker).Link(ctx, "f", name, false); err != nil {
			t.Fatal(err)
		}
	}
	root, err := x.fs.Open(ctx, ".", vfs.OpenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	x.fault = func(Op) error { return &Partial{2, errTest} }
	n := 0
	for _, e := range root.(vfs.DirReader).ReadDir(ctx) {
		if err = e; e == nil {
			n++
		}
	}
	if n != 2 || err != errTest {
		t.Errorf("ReadDir yields %d entries and ends with %v", n, err)
	}
	for range root.(vfs.DirReader).ReadDir(ctx) {
		break
	}
}

func TestOp(t *testing.T) {
	x := newFixture(t)
	x.file.ReadAt(make([]byte, 4), 3)
	x.fs.(vfs.Renamer).Rename(t.Context(), "f", "g", false)
	x.file.Sync()
	want := []Op{
		{Kind: Create, Name: "f"},
		{Kind: Write, Name: "f", Length: 10},
		{Kind: Read, Name: "f", Offset: 3, Length: 4},
		{Kind: Rename, Name: "f", NewName: "g"},
		{Kind: Sync, Name: "f"},
	}
	if len(x.ops) != len(want) {
		t.Fatalf("%d operations, want %d", len(x.ops), len(want))
	}
	for i, op := range x.ops {
		if op != want[i] {
			t.Errorf("operation %d is %+v, want %+v", i, op, want[i])
		}
	}
	if s := CopyRange.String(); s != "copyrange" {
		t.Errorf("CopyRange is called %q", s)
	}
}
