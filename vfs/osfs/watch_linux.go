package osfs

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gosmbd/smb/vfs"
)

var _ vfs.Watcher = (*FS)(nil)

// notifier is an inotify instance. It is there while somebody watches.
type notifier struct {
	mu   sync.Mutex
	file *os.File      // nil: nobody watches
	done chan struct{} // closed with it
	fd   int
	dirs map[int32][]*watch // by watch descriptor: a directory may be watched by several

	marks map[int32]*watch // by watch descriptor: those that are told what comes after its end
}

// watch is one call of Watch.
type watch struct {
	changed func(vfs.WatchEvent)
	marked  bool // it is in marks
}

// watchMask is what is asked for. Files that are open without a name don't count.
const watchMask = unix.IN_CREATE | unix.IN_DELETE | unix.IN_MOVED_FROM | unix.IN_MOVED_TO | unix.IN_MODIFY |
	unix.IN_ATTRIB | unix.IN_CLOSE_WRITE | unix.IN_MOVE_SELF | unix.IN_ONLYDIR | unix.IN_EXCL_UNLINK

// Watch tells of changes in a directory by inotify. Changes that are made on other
// machines to a network file system, or through a memory mapping, can't be seen; nor
// those of a file's content by a hard link in a directory that isn't watched.
//
// Who is told is the server's business, so it isn't done as the user.
func (f *FS) Watch(ctx context.Context, name string, changed func(vfs.WatchEvent)) (stop func(), err error) {
	name = f.local(name)
	if err := f.checkName(name); err != nil {
		return nil, f.fail("watch", name, err)
	}
	concealed := isSidecars
	if name == "." {
		concealed = f.concealed
	}
	tell := changed
	changed = func(e vfs.WatchEvent) {
		if shown(&e, concealed) {
			tell(e)
		}
	}
	if !f.sys.openat2 {
		return nil, f.fail("watch", name, errors.ErrUnsupported)
	}
	fd, err := f.beneath(name, pathOnly|unix.O_DIRECTORY, 0)
	if err != nil {
		return nil, f.fail("watch", name, err)
	}
	defer unix.Close(fd)
	// By the descriptor, since by its name it might lead elsewhere by now.
	stop, err = f.sys.notifier.watch(procPath(fd), func(e vfs.WatchEvent) {
		e.Name, e.OldName = f.remote(e.Name), f.remote(e.OldName)
		changed(e)
	})
	switch err {
	case nil:
		return stop, nil
	case unix.ENOSPC, unix.EMFILE, unix.ENFILE, unix.ENOMEM, unix.ENOSYS, unix.EACCES:
		err = fmt.Errorf("%w: %w", errors.ErrUnsupported, err)
	}
	return nil, f.fail("watch", name, err)
}

func (n *notifier) watch(name string, changed func(vfs.WatchEvent)) (stop func(), err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.file == nil {
		if n.fd, err = unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK); err != nil {
			return nil, err
		}
		n.file = os.NewFile(uintptr(n.fd), "inotify")
		n.done = make(chan struct{})
		n.dirs = make(map[int32][]*watch)
		n.marks = make(map[int32]*watch)
		go n.run(n.file, n.done)
	}
	file := n.file
	wd, err := unix.InotifyAddWatch(n.fd, name, watchMask)
	if err != nil {
		n.endIdle()
		return nil, err
	}
	w := &watch{changed: changed}
	if len(n.dirs[int32(wd)]) > 0 {
		n.mark(w)
	}
	n.dirs[int32(wd)] = append(n.dirs[int32(wd)], w)
	return func() { n.stop(file, int32(wd), w) }, nil
}

// mark keeps from w the events that wait to be read: those behind them begin with the end
// of a watch descriptor that nobody uses. A directory that is watched already, by the
// name that it had before, may have events that are of no concern to w, such as the
// rename itself. The caller holds n.mu.
func (n *notifier) mark(w *watch) {
	wd, err := unix.InotifyAddWatch(n.fd, os.DevNull, unix.IN_DELETE_SELF)
	if err != nil {
		return
	}
	n.marks[int32(wd)], w.marked = w, true
	_, _ = unix.InotifyRmWatch(n.fd, uint32(wd))
}

// unmark ends what mark began. The caller holds n.mu.
func (n *notifier) unmark(wd int32) {
	if w := n.marks[wd]; w != nil {
		w.marked = false
		delete(n.marks, wd)
	}
}

// stop ends w, which file tells of.
func (n *notifier) stop(file *os.File, wd int32, w *watch) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.file != file {
		return
	}
	list := n.dirs[wd]
	i := slices.Index(list, w)
	if i < 0 {
		return
	}
	if len(list) > 1 {
		n.dirs[wd] = slices.Delete(list, i, i+1)
		return
	}
	delete(n.dirs, wd)
	// It is gone already if the directory is.
	_, _ = unix.InotifyRmWatch(n.fd, uint32(wd))
	n.endIdle()
}

// endIdle ends the instance if nobody watches. The caller holds n.mu.
func (n *notifier) endIdle() {
	if len(n.dirs) == 0 && n.file != nil {
		n.file.Close()
		close(n.done)
		n.file = nil
	}
}

// close ends all watches.
func (n *notifier) close() {
	n.mu.Lock()
	defer n.mu.Unlock()
	clear(n.dirs)
	n.endIdle()
}

// watchPause is how long the reader of events rests. Meanwhile the kernel makes one
// event of equal ones, as those of many writes to one file.
const watchPause = 10 * time.Millisecond

// renamePause is how long the second half of a rename is waited for, which the kernel
// tells of right after the first one; unless the file left for where nobody watches.
const renamePause = 50 * time.Millisecond

// run reads events until file is closed.
func (n *notifier) run(file *os.File, done <-chan struct{}) {
	buf := make([]byte, 64<<10)
	pause := time.NewTimer(0)
	defer pause.Stop()
	for {
		k, err := readEvents(file, buf)
		if err != nil || !n.deliver(file, buf[:k]) {
			return
		}
		pause.Reset(watchPause)
		select {
		case <-pause.C:
		case <-done:
			return
		}
	}
}

// readEvents reads what there is into buf, and so that the halves of a rename aren't torn
// apart.
func readEvents(file *os.File, buf []byte) (k int, err error) {
	const longest = unix.SizeofInotifyEvent + unix.NAME_MAX + 1
	k, err = file.Read(buf)
	for err == nil && endsWithin(buf[:k]) && len(buf)-k >= longest && file.SetReadDeadline(time.Now().Add(renamePause)) == nil {
		var more int
		more, err = file.Read(buf[k:])
		k += more
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		err = nil
	}
	_ = file.SetReadDeadline(time.Time{}) // a file that is closed says so when it's read
	return k, err
}

// endsWithin reports whether the last event in b is the first half of a rename.
func endsWithin(b []byte) bool {
	var e rawEvent
	for len(b) > 0 {
		e, b = parseEvent(b)
	}
	return e.mask&unix.IN_MOVED_FROM != 0
}

// deliver tells of the events in b, which were read from file. It reports whether
// anybody is left to be told.
func (n *notifier) deliver(file *os.File, b []byte) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.file != file {
		return false
	}
	for len(b) > 0 {
		var e, next rawEvent
		e, b = parseEvent(b)
		if e.mask&unix.IN_MOVED_FROM != 0 && len(b) > 0 {
			var rest []byte
			next, rest = parseEvent(b)
			if next.mask&unix.IN_MOVED_TO != 0 && next.cookie == e.cookie && next.wd == e.wd {
				b = rest
				event := vfs.WatchEvent{Op: vfs.WatchRenamed, Name: next.name, OldName: e.name, Directory: e.mask&unix.IN_ISDIR != 0}
				if strings.HasPrefix(e.name, temporary) { // it wasn't shown before
					event.Op, event.OldName = vfs.WatchAdded, ""
				}
				n.tell(e.wd, event)
				continue
			}
		}
		n.translate(e)
	}
	n.endIdle()
	return n.file != nil
}

// translate tells of e. The caller holds n.mu.
func (n *notifier) translate(e rawEvent) {
	switch {
	case e.mask&unix.IN_Q_OVERFLOW != 0:
		for wd := range n.marks { // they may be among what was lost
			n.unmark(wd)
		}
		for wd := range n.dirs {
			n.tell(wd, vfs.WatchEvent{Op: vfs.WatchLost})
		}
		return
	case e.mask&(unix.IN_MOVE_SELF|unix.IN_IGNORED) != 0:
		n.tell(e.wd, vfs.WatchEvent{Op: vfs.WatchEnded})
		if e.mask&unix.IN_IGNORED != 0 {
			delete(n.dirs, e.wd)
			n.unmark(e.wd)
		}
		return
	case e.name == "":
		return // of the directory itself
	case strings.HasPrefix(e.name, temporary):
		return // not yet shown
	}
	event := vfs.WatchEvent{Name: e.name, Directory: e.mask&unix.IN_ISDIR != 0}
	for _, x := range [...]struct {
		bits uint32
		op   vfs.WatchOp
	}{
		{unix.IN_CREATE | unix.IN_MOVED_TO, vfs.WatchAdded},
		{unix.IN_DELETE | unix.IN_MOVED_FROM, vfs.WatchRemoved},
		{unix.IN_MODIFY, vfs.WatchWritten},
		{unix.IN_CLOSE_WRITE, vfs.WatchClosed},
		{unix.IN_ATTRIB, vfs.WatchAttributes},
	} {
		if e.mask&x.bits != 0 {
			event.Op = x.op
			n.tell(e.wd, event)
		}
	}
}

func (n *notifier) tell(wd int32, e vfs.WatchEvent) {
	for _, w := range n.dirs[wd] {
		if !w.marked {
			w.changed(e)
		}
	}
}

// rawEvent is what the kernel tells.
type rawEvent struct {
	wd           int32
	mask, cookie uint32
	name         string
}

// parseEvent takes the first event off b; the kernel hands out whole ones.
func parseEvent(b []byte) (e rawEvent, rest []byte) {
	if len(b) < unix.SizeofInotifyEvent {
		return e, nil
	}
	order := binary.NativeEndian
	e.wd = int32(order.Uint32(b))
	e.mask, e.cookie = order.Uint32(b[4:]), order.Uint32(b[8:])
	size := int(order.Uint32(b[12:]))
	b = b[unix.SizeofInotifyEvent:]
	size = min(size, len(b))
	name, _, _ := bytes.Cut(b[:size], []byte{0})
	e.name = string(name)
	return e, b[size:]
}
