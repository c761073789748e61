package faultfs

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/gosmbd/smb/vfs"
	"github.com/gosmbd/smb/vfs/memfs"
)

// sparse is what the wrapper has, whatever is beneath.
type sparse interface {
	vfs.File
	vfs.Sparser
	vfs.RangeCloner
	vfs.Compressor
}

func TestSparse(t *testing.T) {
	var ops []Op
	var fault error
	fsys := New(&memfs.FS{}, func(op Op) error {
		ops = append(ops, op)
		return fault
	})
	ctx := context.Background()
	h, err := fsys.(vfs.Creator).Create(ctx, "f", vfs.CreateOptions{OpenOptions: vfs.OpenOptions{Access: vfs.AccessFull}})
	if err != nil {
		t.Fatal(err)
	}
	f := h.(sparse)
	if err := h.(vfs.Truncater).Truncate(100); err != nil {
		t.Fatal(err)
	}
	all := func() (errs []error) {
		r := vfs.Range{Off: 1, Len: 2}
		errs = append(errs, f.SetSparse(ctx, true), f.Punch(ctx, r), f.CloneRange(ctx, r, f, 50), f.SetCompressed(ctx, true))
		for _, err := range f.Allocated(ctx, r) {
			errs = append(errs, err)
		}
		return errs
	}
	ops = nil
	if err := errors.Join(all()...); err != nil {
		t.Error(err)
	}
	want := []Op{
		{Kind: SetSparse, Name: "f"},
		{Kind: Punch, Name: "f", Offset: 1, Length: 2},
		{Kind: CloneRange, Name: "f", Offset: 1, Length: 2},
		{Kind: SetCompressed, Name: "f"},
		{Kind: Allocated, Name: "f", Offset: 1, Length: 2},
	}
	if !slices.Equal(ops, want) {
		t.Errorf("%+v, want %+v", ops, want)
	}
	a, err := f.Stat(ctx)
	if err != nil || a.Attributes != vfs.AttrSparse|vfs.AttrCompressed {
		t.Errorf("%+v, %v", a, err)
	}
	fault = vfs.ErrNoSpace
	errs := all()
	if len(errs) != 5 {
		t.Errorf("%d errors", len(errs))
	}
	for _, err := range errs {
		if !errors.Is(err, vfs.ErrNoSpace) {
			t.Error(err)
		}
	}
}
