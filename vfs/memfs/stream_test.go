package memfs

import (
	"errors"
	"fmt"
	"io/fs"
	"testing"

	"github.com/gosmbd/smb/vfs"
)

var streamAccess = vfs.StreamOptions{OpenOptions: vfs.OpenOptions{Access: access}, Create: true}

// Everything that streams took is given back, in whatever order they, their
// Files and their object go.
func TestStreamsUsed(t *testing.T) {
	f := &FS{}
	ctx := t.Context()
	h := create(t, f, "f")
	d := mkdir(t, f, "d")
	before := f.used.Load()
	var open []vfs.File
	for _, s := range []vfs.Streamer{h, d} {
		for _, name := range []string{"kept", "removed", "renamed", "replaced"} {
			st, err := s.OpenStream(ctx, name, streamAccess)
			must(t, err)
			open = append(open, st)
			if _, err := st.(*streamFile).WriteAt(make([]byte, 10_000), 0); err != nil {
				t.Fatal(err)
			}
			must(t, st.(*streamFile).Truncate(5000))
		}
		must(t, s.RemoveStream(ctx, "removed"))
		must(t, s.RenameStream(ctx, "renamed", "REPLACED", true))
		must(t, s.RenameStream(ctx, "replaced", "a longer name", false))
	}
	if used := f.used.Load(); used < before+8*5000 {
		t.Errorf("used = %d while the streams are open, %d before", used, before)
	}
	must(t, h.Close())
	must(t, d.Close())
	must(t, f.Remove(ctx, "f"))
	for i, st := range open {
		if i%2 == 0 {
			must(t, st.Close())
		}
	}
	must(t, f.Remove(ctx, "d"))
	for i, st := range open {
		if i%2 == 1 {
			must(t, st.Close())
		}
	}
	if used := f.used.Load(); used != 0 {
		t.Errorf("used = %d after all is gone", used)
	}
	if err := open[0].Close(); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("second Close: %v", err)
	}
}

func TestStreamsNoSpace(t *testing.T) {
	f := &FS{MaxBytes: 50_000}
	ctx := t.Context()
	h := create(t, f, "f")
	st, err := h.OpenStream(ctx, "s", streamAccess)
	must(t, err)
	if n, err := st.(*streamFile).WriteAt(make([]byte, 50_000), 0); n != 0 || !errors.Is(err, vfs.ErrNoSpace) {
		t.Errorf("WriteAt = %d, %v", n, err)
	}
	name, made := "n", 0
	for ; made < 1000; made++ {
		name += "n"
		if _, err = h.OpenStream(ctx, name[:min(len(name), 255)], streamAccess); err != nil {
			break
		}
		if len(name) > 255 {
			must(t, h.RenameStream(ctx, name[:255], "moved", true))
		}
	}
	if !errors.Is(err, vfs.ErrNoSpace) {
		t.Errorf("%d streams, then %v", made, err)
	}
	for _, bad := range []string{"", "a:b", "a/b"} {
		_, err := h.OpenStream(ctx, bad, streamAccess)
		if !errors.Is(err, fs.ErrInvalid) || !errors.Is(h.RenameStream(ctx, "s", bad, true), fs.ErrInvalid) {
			t.Errorf("name %q is taken: %v", bad, err)
		}
	}
}

// One object can't have so many streams that to list them takes long.
func TestStreamsMax(t *testing.T) {
	f := &FS{}
	ctx := t.Context()
	h := create(t, f, "f")
	var err error
	made := 0
	for ; made < 10_000 && err == nil; made++ {
		var s vfs.File
		if s, err = h.OpenStream(ctx, fmt.Sprint("s", made), streamAccess); err == nil {
			must(t, s.Close())
		}
	}
	used := f.used.Load()
	if made != maxStreams+1 || !errors.Is(err, vfs.ErrNoSpace) {
		t.Errorf("stream %d: %v", made, err)
	}
	if _, err := h.OpenStream(ctx, "S0", streamAccess); err != nil {
		t.Errorf("one that there is: %v", err)
	}
	must(t, h.RenameStream(ctx, "s0", "renamed", false))
	must(t, h.RemoveStream(ctx, "renamed"))
	_, err = h.OpenStream(ctx, "s0", streamAccess)
	must(t, err)
	if got := f.used.Load(); got != used {
		t.Errorf("used = %d, %d before", got, used)
	}
	infos := 0
	for _, err := range h.Streams(ctx) {
		must(t, err)
		infos++
	}
	if infos != maxStreams {
		t.Errorf("%d streams are listed", infos)
	}
}
