//go:build unix

package osfs

import (
	"io/fs"
	"os"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gosmbd/smb/vfs"
)

// handle is an open descriptor. All that concerns an open file goes through it,
// never through its name, which may be another object's by now.
type handle struct {
	file   *os.File // nil if path: what os.File does for content would be wasted
	fd     int
	path   bool        // opened with O_PATH: neither content nor f-calls
	closed atomic.Bool // if path
	hollow bool        // and it has no content: a link, a device, a pipe or a socket
	home   bool        // it is on the root's own file system; false: it isn't known
	kept   kept
}

func (h *handle) init(file *os.File) { h.file, h.fd = file, int(file.Fd()) }

func (h *handle) close() error {
	switch {
	case !h.path:
		return h.file.Close()
	case h.closed.Swap(true):
		return fs.ErrClosed
	}
	return unix.Close(h.fd)
}

func validName(string) bool { return true }

// attr reads the attributes through the descriptor.
func (h *File) attr() (vfs.Attr, error) {
	var st status
	if err := st.fd(h.fd); err != nil {
		return vfs.Attr{}, err
	}
	d, ok := h.stored(&st)
	a := h.fs.makeAttr(&st, d, ok)
	a.Attributes |= h.fs.hiddenByName(h.name)
	switch {
	case st.symlink():
		a.Attributes |= h.linkKind(h.name)
	case d.reparse:
		a.ReparseTag = h.reparseTag()
	}
	return a, nil
}

// parseStored makes sense of what getxattr returned.
func parseStored(b []byte, err error) (dosInfo, bool) {
	if err != nil {
		return dosInfo{}, false
	}
	return parseDOS(b)
}

func (h *File) setAttr(c vfs.AttrChange) error {
	if err := h.mayChange(); err != nil {
		return err
	}
	if !c.Accessed.IsZero() || !c.Written.IsZero() {
		if err := h.setTimes(c.Accessed, c.Written); err != nil {
			return err
		}
	}
	if c.Attributes == 0 && c.Created.IsZero() && c.Changed.IsZero() {
		return nil
	}
	// Last, since what comes after it changes the time of change.
	err := h.setStored(c)
	if err == unix.ENOTSUP || err == errNotStored {
		err = h.setMode(c.Attributes)
	}
	return err
}

// setStored changes what is in user.DOSATTRIB.
func (h *File) setStored(c vfs.AttrChange) error {
	return h.changeStored(func(d *dosInfo) {
		if c.Attributes != 0 {
			d.attributes = c.Attributes&^vfs.AttrSparse | d.attributes&vfs.AttrSparse
		}
		if !c.Created.IsZero() {
			d.created = c.Created
		}
		if !c.Changed.IsZero() {
			d.changed, d.changedAt = c.Changed, time.Now()
		}
	})
}

// changeStored changes user.DOSATTRIB.
func (h *File) changeStored(change func(*dosInfo)) error {
	h.fs.attrMu.Lock()
	defer h.fs.attrMu.Unlock()
	return h.changeStoredLocked(change)
}

// changeStoredLocked is changeStored for who holds attrMu.
func (h *File) changeStoredLocked(change func(*dosInfo)) error {
	var st status
	if err := st.fd(h.fd); err != nil {
		return err
	}
	if !st.dir() && !st.regular() {
		return errNotStored
	}
	var room [dosMax]byte
	d, ok := parseStored(h.getxattr(&st, room[:]))
	was := h.fs.makeAttr(&st, d, ok)
	// What isn't changed is written as it is shown now, as Samba does.
	d = dosInfo{attributes: was.Attributes, hasAttributes: true, reparse: d.reparse, created: was.Created}
	change(&d)
	defer h.fs.changes.Add(1)
	return h.setxattr(appendDOS(room[:0], d, st.dir()))
}

// setMode keeps AttrReadOnly in the permission bits.
func (h *File) setMode(a vfs.Attributes) error {
	var st status
	if err := st.fd(h.fd); a == 0 || err != nil || !st.regular() {
		return err
	}
	mode := st.mode & 0o7777
	switch readOnly := mode&unix.S_IWUSR == 0; {
	case readOnly == (a&vfs.AttrReadOnly != 0):
		return nil
	case readOnly:
		mode |= unix.S_IWUSR
	default:
		mode &^= unix.S_IWUSR | unix.S_IWGRP | unix.S_IWOTH
	}
	return h.chmod(mode)
}

// changeTime returns the time of change of a directory.
func changeTime(dir *os.Root, name string) (at time.Time, err error) {
	d, err := dir.Open(name)
	if err != nil {
		return at, err
	}
	defer d.Close()
	var st status
	err = st.fd(int(d.Fd()))
	return st.ctime, err
}

// reopenDir opens the directory once more, for an iteration of its own. That takes both
// the right to list it and, as the last step is ".", that to look at what is in it.
func (h *File) reopenDir() (*os.File, error) {
	var fd int
	err := h.as.run(func() (err error) {
		fd, err = unix.Openat(h.fd, ".", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		return err
	})
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), h.name), nil
}

// entryAttr returns the attributes of a name in the directory d, and the size of
// its extended attributes; not ok leaves it out.
func (h *File) entryAttr(d *os.File, e dirEntry) (a vfs.Attr, xattrs uint32, ok bool) {
	dirfd := int(d.Fd())
	return h.nameAttr(dirfd, e.Name(), h.fs.sys.xattrsPath(dirfd, e.Name()))
}

// nameAttr is the same of a name in the directory dirfd, whose extended attributes are
// to be had by way.
func (h *File) nameAttr(dirfd int, name, way string) (a vfs.Attr, xattrs uint32, ok bool) {
	var st status
	if err := st.at(dirfd, name); err != nil {
		return a, 0, false
	}
	if st.symlink() {
		return h.linkAttr(name, &st)
	}
	d, stored, xattrs := h.fs.sys.xattrsAt(dirfd, way, &st)
	a = h.fs.makeAttr(&st, d, stored)
	a.Attributes |= h.fs.hiddenByName(name)
	if d.reparse {
		a.ReparseTag = h.fs.sys.reparseTagAt(dirfd, name)
	}
	return a, xattrs, true
}

// linkAttr returns the attributes of what a link leads to, or its own if it is to be
// shown. The way is the name that the directory was opened by: should it have been
// renamed, links that are followed are left out until it is opened again.
func (h *File) linkAttr(base string, st *status) (a vfs.Attr, xattrs uint32, ok bool) {
	name := base
	if h.name != "." {
		name = h.name + "/" + base
	}
	if h.fs.opt.Symlinks == ShowSymlinks {
		a = h.fs.makeAttr(st, dosInfo{}, false)
		a.Attributes |= h.fs.hiddenByName(base) | h.linkKind(name)
		return a, 0, true
	}
	target, err := h.fs.openAs(h.as, name, vfs.OpenOptions{Access: vfs.ReadAttributes})
	if err != nil {
		return a, 0, false
	}
	defer target.Close()
	a, err = target.attr()
	return a, target.xattrsSize(), err == nil
}

// again repeats a system call that a signal interrupted.
func again(call func() error) error {
	for {
		if err := call(); err != syscall.EINTR {
			return err
		}
	}
}

// isOnlyName reports whether a file has no other name: two of it are one to a file system that folds them.
func isOnlyName(fi os.FileInfo) bool {
	st, ok := fi.Sys().(*syscall.Stat_t)
	return ok && st.Nlink == 1
}
