package faultfs

import (
	"errors"
	"testing"
	"testing/fstest"

	"github.com/gosmbd/smb/vfs"
)

func TestStreams(t *testing.T) {
	x := newFixture(t)
	ctx := t.Context()
	opt := vfs.StreamOptions{OpenOptions: vfs.OpenOptions{Access: vfs.WriteData}, Create: true}
	x.ops = nil
	s, err := x.file.OpenStream(ctx, "s", opt)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.(*faultFile).WriteAt([]byte("x"), 3); err != nil {
		t.Fatal(err)
	}
	x.file.RenameStream(ctx, "s", "t", false)
	for range x.file.Streams(ctx) {
	}
	x.file.RemoveStream(ctx, "t")
	want := []Op{
		{Kind: OpenStream, Name: "f", Stream: "s"},
		{Kind: Write, Name: "f", Stream: "s", Offset: 3, Length: 1},
		{Kind: RenameStream, Name: "f", Stream: "s", NewName: "t"},
		{Kind: Streams, Name: "f"},
		{Kind: RemoveStream, Name: "f", Stream: "t"},
	}
	if len(x.ops) != len(want) {
		t.Fatalf("%d operations, want %d", len(x.ops), len(want))
	}
	for i, op := range x.ops {
		if op != want[i] {
			t.Errorf("operation %d is %+v, want %+v", i, op, want[i])
		}
	}

	x.fault = func(Op) error { return errTest }
	_, openErr := x.file.OpenStream(ctx, "u", opt)
	for _, err := range []error{openErr, x.file.RemoveStream(ctx, "s"), x.file.RenameStream(ctx, "s", "t", false)} {
		if err != errTest {
			t.Errorf("error %v, want %v", err, errTest)
		}
	}
	for _, err := range x.file.Streams(ctx) {
		if err != errTest {
			t.Errorf("Streams yields error %v, want %v", err, errTest)
		}
	}
}

func TestStreamsDeclined(t *testing.T) {
	f, err := New(vfs.FromFS(fstest.MapFS{"f": {}}), nil).Open(t.Context(), "f", vfs.OpenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	s := f.(vfs.Streamer)
	_, openErr := s.OpenStream(t.Context(), "s", vfs.StreamOptions{})
	var listErr error
	for _, listErr = range s.Streams(t.Context()) {
	}
	for _, err := range []error{openErr, listErr, s.RemoveStream(t.Context(), "s"), s.RenameStream(t.Context(), "s", "t", true)} {
		if !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("error %v, want ErrUnsupported", err)
		}
	}
}
