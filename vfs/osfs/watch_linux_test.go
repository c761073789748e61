package osfs

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gosmbd/smb/vfs"
)

// listener keeps what a Watch tells.
type listener struct {
	t    *testing.T
	mu   sync.Mutex
	list []vfs.WatchEvent
}

func (l *listener) changed(e vfs.WatchEvent) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if n := len(l.list); n == 0 || l.list[n-1] != e {
		l.list = append(l.list, e)
	}
}

// wants waits until exactly these were told.
func (l *listener) wants(what string, want ...vfs.WatchEvent) {
	l.t.Helper()
	var got []vfs.WatchEvent
	for range 200 {
		l.mu.Lock()
		got = slices.Clone(l.list)
		l.mu.Unlock()
		if len(got) >= len(want) {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	if !slices.Equal(got, want) {
		l.t.Errorf("%s: %+v, want %+v", what, got, want)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.list = nil
}

func listen(t *testing.T, f *FS, name string) (l *listener, stop func()) {
	t.Helper()
	l = &listener{t: t}
	stop, err := f.Watch(t.Context(), name, l.changed)
	if err != nil {
		t.Fatal(err)
	}
	return l, stop
}

// The halves of a rename that are read one at a time are one all the same; what follows
// the first half alone isn't held up for good.
func TestReadEvents(t *testing.T) {
	r, w, err := os.Pipe()
	check(t, err)
	defer w.Close()
	defer r.Close()
	raw := func(mask uint32, name string) []byte {
		b := make([]byte, unix.SizeofInotifyEvent+16)
		order := binary.NativeEndian
		order.PutUint32(b[4:], mask)
		order.PutUint32(b[12:], 16)
		copy(b[unix.SizeofInotifyEvent:], name)
		return b
	}
	from, to, other := raw(unix.IN_MOVED_FROM, "f"), raw(unix.IN_MOVED_TO, "g"), raw(unix.IN_MODIFY, "h")
	for i, c := range []struct {
		first, second []byte
		want          []byte
	}{
		{first: slices.Concat(other, from), second: to, want: slices.Concat(other, from, to)},
		{first: from, want: from},
		{first: slices.Concat(from, to), want: slices.Concat(from, to)},
		{first: other, want: other},
	} {
		buf := make([]byte, 4<<10)
		_, err := w.Write(c.first)
		check(t, err)
		if c.second != nil {
			time.AfterFunc(time.Millisecond, func() { w.Write(c.second) })
		}
		k, err := readEvents(r, buf)
		if err != nil || !bytes.Equal(buf[:k], c.want) {
			t.Errorf("%d: %d bytes, %v, want %d", i, k, err, len(c.want))
		}
	}
}

func TestWatch(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, "d", name) }
	check(t, os.Mkdir(at(""), 0o755))
	check(t, os.WriteFile(at("f"), []byte("content"), 0o644))
	f := newFSAt(t, dir, nil)
	l, stop := listen(t, f, "d")
	event := func(op vfs.WatchOp, name string) vfs.WatchEvent { return vfs.WatchEvent{Op: op, Name: name} }
	check(t, os.WriteFile(at("new"), []byte("x"), 0o644))
	l.wants("create", event(vfs.WatchAdded, "new"), event(vfs.WatchWritten, "new"), event(vfs.WatchClosed, "new"))
	check(t, os.Truncate(at("f"), 1))
	l.wants("truncate", event(vfs.WatchWritten, "f"))
	check(t, os.Chmod(at("f"), 0o600))
	l.wants("chmod", event(vfs.WatchAttributes, "f"))
	check(t, os.Rename(at("f"), at("g")))
	l.wants("rename", vfs.WatchEvent{Op: vfs.WatchRenamed, OldName: "f", Name: "g"})
	check(t, os.Rename(at("g"), filepath.Join(dir, "g")))
	l.wants("move away", event(vfs.WatchRemoved, "g"))
	check(t, os.Rename(filepath.Join(dir, "g"), at("g")))
	l.wants("move here", event(vfs.WatchAdded, "g"))
	check(t, os.Remove(at("g")))
	l.wants("remove", event(vfs.WatchRemoved, "g"))
	check(t, os.Mkdir(at("sub"), 0o755))
	l.wants("mkdir", vfs.WatchEvent{Op: vfs.WatchAdded, Name: "sub", Directory: true})
	check(t, os.WriteFile(at("sub/x"), nil, 0o644)) // none of ours
	other, stopOther := listen(t, f, "d")
	check(t, os.Remove(at("sub/x")))
	check(t, os.Remove(at("sub")))
	gone := vfs.WatchEvent{Op: vfs.WatchRemoved, Name: "sub", Directory: true}
	l.wants("rmdir", gone)
	other.wants("the other", gone)
	stop()
	stop()
	check(t, os.Remove(at("new")))
	other.wants("the other goes on", event(vfs.WatchRemoved, "new"))
	l.wants("stopped")
	check(t, os.Remove(at("")))
	other.wants("removed", vfs.WatchEvent{Op: vfs.WatchEnded})
	stopOther()
	if f.sys.notifier.file != nil {
		t.Error("the instance is left")
	}
}

// What is lost is told, to all.
func TestWatchOverflow(t *testing.T) {
	limit, err := os.ReadFile("/proc/sys/fs/inotify/max_queued_events")
	check(t, err)
	most, err := strconv.Atoi(strings.TrimSpace(string(limit)))
	check(t, err)
	if most > 200_000 {
		t.Skip("the kernel keeps", most)
	}
	dir := t.TempDir()
	f := newFSAt(t, dir, nil)
	lost := make(chan struct{}, 1)
	busy := make(chan struct{})
	stop, err := f.Watch(t.Context(), ".", func(e vfs.WatchEvent) {
		<-busy
		if e.Op == vfs.WatchLost {
			select {
			case lost <- struct{}{}:
			default:
			}
		}
	})
	check(t, err)
	defer stop()
	a, b := filepath.Join(dir, "a"), filepath.Join(dir, "b")
	check(t, os.WriteFile(a, nil, 0o644))
	for range most {
		check(t, unix.Rename(a, b))
		a, b = b, a
	}
	close(busy)
	select {
	case <-lost:
	case <-time.After(10 * time.Second):
		t.Error("nothing was lost")
	}
}

// A watch doesn't leave the tree, and ends with the FS.
func TestWatchEdges(t *testing.T) {
	dir := t.TempDir()
	outside := t.TempDir()
	check(t, os.Symlink(outside, filepath.Join(dir, "out")))
	check(t, os.WriteFile(filepath.Join(dir, "file"), nil, 0o644))
	f, err := New(dir, nil)
	check(t, err)
	for _, name := range []string{"out", "file", "missing", "..", "/", ""} {
		if stop, err := f.Watch(t.Context(), name, nil); err == nil {
			stop()
			t.Errorf("%q can be watched", name)
		}
	}
	l, stop := listen(t, f, ".")
	check(t, f.Close())
	check(t, os.Remove(filepath.Join(dir, "file")))
	stop()
	time.Sleep(50 * time.Millisecond)
	l.wants("closed")
	if f.sys.notifier.file != nil {
		t.Error("the instance is left")
	}
}

// The name that a directory has before it has its descriptor isn't told.
func TestWatchSecureCreate(t *testing.T) {
	f := newFSAt(t, t.TempDir(), nil)
	l, stop := listen(t, f, ".")
	defer stop()
	sd := vfs.SecurityDescriptor{Owner: vfs.SIDSystem, Group: vfs.SIDUsers, DACL: &vfs.ACL{}}
	h, err := f.Create(t.Context(), "d", vfs.CreateOptions{Directory: true, Security: &sd})
	check(t, err)
	h.Close()
	l.wants("a directory", vfs.WatchEvent{Op: vfs.WatchAdded, Name: "d", Directory: true})
}
