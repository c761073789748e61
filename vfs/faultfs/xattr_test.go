package faultfs

import (
	"errors"
	"slices"
	"testing"
	"testing/fstest"

	"github.com/gosmbd/smb/vfs"
)

func TestXattrs(t *testing.T) {
	x := newFixture(t)
	ctx := t.Context()
	set := []vfs.Xattr{{Name: "a", Value: []byte("b")}}
	x.ops = nil
	if err := x.file.SetXattrs(ctx, set); err != nil {
		t.Fatal(err)
	}
	if list, err := x.file.Xattrs(ctx); err != nil || len(list) != 1 {
		t.Errorf("Xattrs = %v, %v", list, err)
	}
	if want := []Op{{Kind: SetXattrs, Name: "f"}, {Kind: Xattrs, Name: "f"}}; !slices.Equal(x.ops, want) {
		t.Errorf("operations %+v, want %+v", x.ops, want)
	}
	x.fault = func(Op) error { return errTest }
	_, err := x.file.Xattrs(ctx)
	if set := x.file.SetXattrs(ctx, set); err != errTest || set != errTest {
		t.Errorf("errors %v, %v, want %v", err, set, errTest)
	}
}

func TestXattrsDeclined(t *testing.T) {
	f, err := New(vfs.FromFS(fstest.MapFS{"f": {}}), nil).Open(t.Context(), "f", vfs.OpenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.(vfs.Xattrer).Xattrs(t.Context())
	if set := f.(vfs.Xattrer).SetXattrs(t.Context(), nil); !errors.Is(err, errors.ErrUnsupported) || !errors.Is(set, errors.ErrUnsupported) {
		t.Errorf("errors %v, %v, want ErrUnsupported", err, set)
	}
}
