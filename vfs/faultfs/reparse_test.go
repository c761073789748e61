package faultfs

import (
	"errors"
	"slices"
	"testing"
	"testing/fstest"

	"github.com/gosmbd/smb/vfs"
)

func TestReparse(t *testing.T) {
	x := newFixture(t)
	ctx := t.Context()
	links := x.fs.(vfs.Symlinker)
	x.ops = nil
	all := func() []error {
		_, getErr := x.file.ReparsePoint(ctx)
		_, readErr := links.Readlink(ctx, "l")
		return []error{
			getErr, readErr,
			x.file.SetReparsePoint(ctx, vfs.ReparsePoint{Tag: vfs.TagMountPoint}),
			x.file.RemoveReparsePoint(ctx),
			links.Symlink(ctx, "f", "l", false),
		}
	}
	all()
	want := []Op{
		{Kind: ReparsePoint, Name: "f"},
		{Kind: Readlink, Name: "l"},
		{Kind: SetReparsePoint, Name: "f"},
		{Kind: RemoveReparsePoint, Name: "f"},
		{Kind: Symlink, Name: "l", NewName: "f"},
	}
	if !slices.Equal(x.ops, want) {
		t.Errorf("operations %+v, want %+v", x.ops, want)
	}
	x.fault = func(Op) error { return errTest }
	for _, err := range all() {
		if err != errTest {
			t.Errorf("error %v, want %v", err, errTest)
		}
	}
}

func TestReparseDeclined(t *testing.T) {
	fsys := New(vfs.FromFS(fstest.MapFS{"f": {}}), nil)
	ctx := t.Context()
	f, err := fsys.Open(ctx, "f", vfs.OpenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	r, l := f.(vfs.Reparser), fsys.(vfs.Symlinker)
	_, getErr := r.ReparsePoint(ctx)
	_, readErr := l.Readlink(ctx, "f")
	for _, err := range []error{
		getErr, readErr, r.SetReparsePoint(ctx, vfs.ReparsePoint{}), r.RemoveReparsePoint(ctx), l.Symlink(ctx, "f", "g", false),
	} {
		if !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("error %v, want ErrUnsupported", err)
		}
	}
}
