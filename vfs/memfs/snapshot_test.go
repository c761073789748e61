package memfs

import (
	"context"
	"errors"
	"io/fs"
	"runtime"
	"testing"
	"time"

	"github.com/gosmbd/smb/vfs"
)

func TestSnapshot(t *testing.T) {
	ctx := context.Background()
	f := &FS{MaxBytes: 1 << 20, CaseSensitive: true}
	mkdir(t, f, "d")
	x := create(t, f, "d/x")
	x.WriteAt([]byte("before"), 0)
	s, err := x.OpenStream(ctx, "s", vfs.StreamOptions{OpenOptions: vfs.OpenOptions{Access: vfs.AccessFull}, Create: true})
	must(t, err)
	must(t, s.Close())
	sd := vfs.SecurityDescriptor{Owner: vfs.SIDUsers, Group: vfs.SIDUsers}
	must(t, x.SetSecurity(ctx, sd))
	must(t, x.SetXattrs(ctx, []vfs.Xattr{{Name: "ea", Value: []byte("v")}}))
	must(t, f.Link(ctx, "d/x", "y", false))
	must(t, errors.Join(x.Chmod(0o640), x.Chown(7, 8)))
	used := f.used.Load()
	at, err := f.Snapshot()
	must(t, err)
	x.WriteAt([]byte("after!"), 0)
	must(t, f.Remove(ctx, "y"))
	must(t, create(t, f, "z").Close())

	list, err := f.Snapshots(ctx)
	if err != nil || len(list) != 1 || !list[0].Equal(at) {
		t.Fatalf("Snapshots: %v, %v; want %v", list, err, at)
	}
	old, err := f.OpenSnapshot(ctx, at)
	must(t, err)
	for _, name := range []string{"d/x", "y"} {
		o, err := old.Open(ctx, name, vfs.OpenOptions{Access: vfs.ReadData})
		must(t, err)
		b := make([]byte, 6)
		if o.(*file).ReadAt(b, 0); string(b) != "before" {
			t.Errorf("%s: %q", name, b)
		}
		if got, err := o.(*file).Security(ctx); err != nil || got.Owner != sd.Owner {
			t.Errorf("%s: descriptor %+v, %v", name, got, err)
		}
		if got, err := o.(*file).Xattrs(ctx); err != nil || len(got) != 1 || string(got[0].Value) != "v" {
			t.Errorf("%s: extended attributes %v, %v", name, got, err)
		}
		a, _ := o.Stat(ctx)
		if live, _ := x.Stat(ctx); a.ID != live.ID || a.Links != 2 || a.Mode != 0o640 || a.UID != 7 || a.GID != 8 {
			t.Errorf("%s: %+v", name, a)
		}
		for info, err := range o.(*file).Streams(ctx) {
			if info.Name != "s" || err != nil {
				t.Errorf("stream %+v, %v", info, err)
			}
		}
		must(t, o.Close())
	}
	if _, err := old.Open(ctx, "Y", vfs.OpenOptions{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("in another case: %v", err)
	}
	if _, err := old.Open(ctx, "z", vfs.OpenOptions{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("what came later: %v", err)
	}
	if _, err := f.OpenSnapshot(ctx, at.Add(-time.Hour)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("another time: %v", err)
	}
	must(t, f.Remove(ctx, "z"))
	must(t, f.RemoveSnapshot(at))
	if list, _ := f.Snapshots(ctx); len(list) != 0 || f.used.Load() > used {
		t.Errorf("removed: %v, %d bytes used, %d before", list, f.used.Load(), used)
	}
	f.MaxBytes = f.used.Load() + 1
	if _, err := f.Snapshot(); !errors.Is(err, vfs.ErrNoSpace) {
		t.Errorf("without room: %v", err)
	}
}

// What a snapshot has no room for isn't copied before it is refused.
func TestSnapshotOfClones(t *testing.T) {
	f := &FS{MaxBytes: 1 << 20}
	h := create(t, f, "f")
	_, err := h.WriteAt(make([]byte, maxBlock), 0)
	must(t, err)
	must(t, h.Truncate(1<<12*maxBlock))
	for n := int64(1); n < 1<<12; n *= 2 {
		must(t, h.CloneRange(t.Context(), vfs.Range{Off: n * maxBlock, Len: n * maxBlock}, h, 0))
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if _, err := f.Snapshot(); !errors.Is(err, vfs.ErrNoSpace) {
		t.Errorf("Snapshot: %v, want ErrNoSpace", err)
	}
	runtime.ReadMemStats(&after)
	if took := after.TotalAlloc - before.TotalAlloc; took > 1<<20 {
		t.Errorf("it took %d bytes", took)
	}
}

// What there was no room for when its turn came isn't left out of a snapshot for which there is room in the end.
func TestSnapshotWhileRoomIsMade(t *testing.T) {
	f := &FS{MaxBytes: 1 << 20}
	_, err := create(t, f, "a").WriteAt(make([]byte, 300<<10), 0)
	must(t, err)
	b, c := create(t, f, "b"), create(t, f, "c")
	_, err = c.WriteAt(make([]byte, 500<<10), 0)
	must(t, err)
	b.node.mu.Lock() // somebody writes to it, and the snapshot waits
	done := make(chan error)
	go func() {
		_, err := f.Snapshot()
		done <- err
	}()
	time.Sleep(20 * time.Millisecond)
	must(t, c.Truncate(0))
	b.node.mu.Unlock()
	if err := <-done; errors.Is(err, vfs.ErrNoSpace) {
		return
	} else if err != nil {
		t.Fatal(err)
	}
	list, err := f.Snapshots(t.Context())
	must(t, err)
	old, err := f.OpenSnapshot(t.Context(), list[0])
	must(t, err)
	o, err := old.Open(t.Context(), "a", vfs.OpenOptions{Access: vfs.ReadData})
	must(t, err)
	if a, err := o.Stat(t.Context()); err != nil || a.Size != 300<<10 {
		t.Errorf("it has %d bytes of a, %v", a.Size, err)
	}
}
