package osfs

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/gosmbd/smb/vfs"
)

// A stream for which an attribute has no room is a file in the directory sidecars at the
// root, which clients neither see nor reach. The object has a reference to it: an
// attribute with sidePrefix instead of streamPrefix, whose value is the second half of
// the file's name; the first is the object's inode number. So it goes where the object
// goes, and with its last link. A copy that another program makes with all attributes has
// another inode number and so no such stream, and one in a snapshot of btrfs another subvolume; a new
// object with the number of a former one has no reference.
//
// The file comes before the reference and goes after it. If the server is killed in
// between, or another program removes the object, the file is left, and is nobody's: no
// name of one is used twice.
const (
	sidePrefix = "user.SmbStream." // as long as streamPrefix, so the same names fit
	sideID     = 26                // characters of rand.Text
)

// isSide reports whether an attribute is a reference.
func isSide(attr string) bool { return strings.HasPrefix(attr, sidePrefix) }

// respell returns the attribute of a stream of that name, of the same kind as attr.
func respell(attr, name string) (string, error) {
	next, err := streamAttr(name)
	if err == nil && isSide(attr) {
		next = sidePrefix + strings.TrimPrefix(next, streamPrefix)
	}
	return next, err
}

// errForeign is about a directory that others may write, or own. It is none that clients
// know the meaning of, so that it gets into the log.
var errForeign = errors.New(sidecars + " isn't a directory that the server alone may write")

// sidecarDir opens the directory of sidecars; make makes it. What another user could
// have put there isn't trusted.
func (f *FS) sidecarDir(make bool) (int, error) {
	for {
		dirfd, err := openAt(f.sys.rootfd, sidecars, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
		switch {
		case err == unix.ENOENT && make:
			if err := unix.Mkdirat(f.sys.rootfd, sidecars, 0o700); err != nil && err != unix.EEXIST {
				return -1, err
			}
			continue
		case err == unix.EACCES || err == unix.ENOTDIR || err == unix.ELOOP:
			return -1, errForeign
		case err != nil:
			return -1, err
		}
		var st status
		err = st.fd(dirfd)
		if err == nil && (st.uid != uint32(unix.Geteuid()) || st.mode&0o022 != 0) {
			err = errForeign
		}
		if err != nil {
			unix.Close(dirfd)
			return -1, err
		}
		return dirfd, nil
	}
}

// withSide calls act with the directory of sidecars and the name of the one that id, the
// value of a reference, stands for.
func (h *File) withSide(id []byte, make bool, act func(dirfd int, name string) error) error {
	if len(id) != sideID || bytes.ContainsAny(id, "/\x00") {
		return fs.ErrNotExist
	}
	var st status
	if err := st.fd(h.fd); err != nil {
		return err
	}
	dirfd, err := h.fs.sidecarDir(make)
	if err != nil {
		return err
	}
	defer unix.Close(dirfd)
	sub, err := h.fs.subvolume(h.fd)
	if err != nil {
		return err
	}
	return act(dirfd, fmt.Sprintf("%s%016x-%s", sub, st.ino, id))
}

// subvolume returns what tells apart objects of one number in a subvolume of btrfs and in snapshots of it;
// nothing for those of the one that the root is in, whose snapshots have sidecars of their own.
func (f *FS) subvolume(fd int) (string, error) {
	var own, root unix.Statfs_t
	if err := unix.Fstatfs(fd, &own); err != nil || uint32(own.Type) != unix.BTRFS_SUPER_MAGIC {
		return "", err
	}
	if err := unix.Fstatfs(f.sys.rootfd, &root); err != nil || own.Fsid == root.Fsid {
		return "", err
	}
	return fmt.Sprintf("%08x%08x-", uint32(own.Fsid.Val[0]), uint32(own.Fsid.Val[1])), nil
}

// openSide opens what a reference stands for.
func (h *File) openSide(attr string) (side *os.File, err error) {
	id, err := h.readAttr(attr)
	if err != nil {
		return nil, err
	}
	err = h.withSide(id, false, func(dirfd int, name string) error {
		const flags = unix.O_NOFOLLOW | unix.O_NONBLOCK | unix.O_CLOEXEC
		fd, err := openAt(dirfd, name, unix.O_RDWR|flags, 0)
		if err == unix.EROFS { // a snapshot
			fd, err = openAt(dirfd, name, unix.O_RDONLY|flags, 0)
		}
		if err == nil {
			side = os.NewFile(uintptr(fd), name)
		}
		return err
	})
	return side, err
}

// statSide looks at what a reference stands for.
func (h *File) statSide(attr string) (st status, err error) {
	id, err := h.readAttr(attr)
	if err == nil {
		err = h.withSide(id, false, func(dirfd int, name string) error { return st.at(dirfd, name) })
	}
	return st, err
}

// leadsNowhere reports whether an error is that of a reference to nothing, or to what was
// removed meanwhile. After any other the stream may be there.
func leadsNowhere(err error) bool { return errors.Is(err, fs.ErrNotExist) || err == errNotStored }

// refer makes attr refer to a sidecar. If it refers to another, that is unix.EEXIST.
func (h *File) refer(attr string, id []byte) error {
	err := h.writeAttr(attr, id, unix.XATTR_CREATE)
	if err != unix.EEXIST {
		return err
	}
	switch _, there := h.statSide(attr); {
	case leadsNowhere(there):
		return h.writeAttr(attr, id, 0)
	case there != nil:
		return there
	}
	return err
}

// newSide makes a sidecar, which belongs to whom the object does, as quotas go.
func (h *File) newSide(content []byte) (id []byte, side *os.File, err error) {
	id = []byte(rand.Text())
	err = h.withSide(id, true, func(dirfd int, name string) error {
		fd, err := openAt(dirfd, name, unix.O_RDWR|unix.O_CREAT|unix.O_EXCL|unix.O_CLOEXEC, 0o600)
		if err != nil {
			return err
		}
		side = os.NewFile(uintptr(fd), name)
		var st status
		if err = st.fd(h.fd); err == nil && unix.Geteuid() == 0 {
			err = unix.Fchown(fd, int(st.uid), int(st.gid))
		}
		if err == nil {
			err = h.change(func() error { _, err := side.Write(content); return err })
		}
		if err != nil {
			side.Close()
			_ = unix.Unlinkat(dirfd, name, 0)
		}
		return err
	})
	return id, side, err
}

// refers reports whether the object has a reference to a sidecar still: there are two if the server was killed while it
// renamed a stream. Who can't tell leaves the file, but where references can never be listed: else whatever was removed
// would stay.
func (h *File) refers(id []byte) bool {
	attrs, err := h.listAttrs()
	if err != nil {
		return err != unix.E2BIG
	}
	for _, attr := range attrs {
		if !isSide(attr) {
			continue
		}
		if other, err := h.readAttr(attr); err == nil && bytes.Equal(other, id) || err != nil && err != errNotStored {
			return true
		}
	}
	return false
}

// dropSide removes what a reference stood for. Should it fail, the file is left.
func (h *File) dropSide(id []byte) {
	_ = h.withSide(id, false, func(dirfd int, name string) error { return unix.Unlinkat(dirfd, name, 0) })
}

// createSide makes a stream beside the object. If there is one, that is unix.EEXIST. The
// object is locked.
func (h *File) createSide(name string) (attr string, err error) {
	if attr, err = respell(sidePrefix, name); err != nil {
		return "", err
	}
	id, side, err := h.newSide(nil)
	if err != nil {
		return "", err
	}
	side.Close()
	if err = h.refer(attr, id); err != nil {
		h.dropSide(id)
	}
	return attr, err
}

// moveAside moves the content of a stream from its attribute into a sidecar. The object is
// locked.
func (s *streamFile) moveAside() error {
	h, from := s.base, s.stream.attr
	name, ok := streamName(from)
	if s.stream.removed || !ok {
		return vfs.ErrNoSpace
	}
	attr, err := respell(sidePrefix, name)
	if err != nil {
		return err
	}
	value, err := h.readAttr(from)
	if err != nil {
		return err
	}
	content := streamContent(value)
	id, side, err := h.newSide(content)
	if err != nil {
		return err
	}
	if len(content) > 0 { // else it is usually new, and about to be filled
		err = h.syncSide(id, side)
	}
	if err == nil {
		err = h.replaceBySide(from, value, attr, id)
	}
	if err != nil {
		side.Close()
		if !errors.Is(err, errNotPutBack) {
			h.dropSide(id)
		}
		return err
	}
	delete(s.object.open, from)
	s.stream.attr, s.stream.side = attr, side
	s.object.open[attr] = s.stream
	return nil
}

// syncSide makes a new sidecar durable, as what it replaces may be.
func (h *File) syncSide(id []byte, side *os.File) error {
	if err := side.Sync(); err != nil {
		return err
	}
	return h.withSide(id, false, func(dirfd int, _ string) error {
		return errors.Join(syncDir(dirfd), syncDir(h.fs.sys.rootfd))
	})
}

// syncDir makes the names in a directory durable, where the file system has a call for it.
func syncDir(fd int) error {
	err := again(func() error { return unix.Fsync(fd) })
	if err == unix.EINVAL {
		return nil
	}
	return err
}

var errNotPutBack = errors.New("the attribute can't be put back")

// replaceBySide makes attr refer to a sidecar and removes the attribute from, whose value the
// sidecar has. With errNotPutBack nothing else has it any more.
func (h *File) replaceBySide(from string, value []byte, attr string, id []byte) error {
	err := h.refer(attr, id)
	if err == nil {
		return h.removeAttr(from)
	}
	if !isFull(err) {
		return err
	}
	// There is room for one of both only.
	if err := h.removeAttr(from); err != nil {
		return err
	}
	if err = h.refer(attr, id); err == nil {
		return nil
	}
	if back := h.writeAttr(from, value, unix.XATTR_CREATE); back != nil && back != unix.EEXIST {
		return errors.Join(err, errNotPutBack, back)
	}
	return err
}

// dropTwin removes the attribute that a stream was moved from, should it be there still: if
// the reference goes, it would be the stream.
func (h *File) dropTwin(attr string) error {
	if !isSide(attr) {
		return nil
	}
	if err := h.removeAttr(streamPrefix + strings.TrimPrefix(attr, sidePrefix)); err != errNotStored {
		return err
	}
	return nil
}

// lastLink returns what removes the sidecars of the object called name if that has no name
// any more, and is to be called in any case. If it can't tell which those are, that is an
// error, as nobody would find them later.
func (f *FS) lastLink(name string) (gone func(), err error) {
	nothing := func() {}
	if !f.sys.openat2 {
		return nothing, nil
	}
	dirfd, err := f.sidecarDir(false)
	if err == unix.ENOENT || err == errForeign {
		return nothing, nil // there are none, or none that could be removed
	}
	if err != nil {
		return nil, err
	}
	unix.Close(dirfd)
	fd, err := f.beneath(name, pathOnly|unix.O_NOFOLLOW, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nothing, nil
	}
	if err != nil {
		return nil, err
	}
	h := newPath(f, name, fd, false)
	ids, err := h.lastSides()
	if err != nil || len(ids) == 0 {
		h.Close()
		return nothing, err
	}
	return func() {
		defer h.Close()
		var st status
		if err := st.fd(fd); err != nil || st.nlink > 0 {
			return
		}
		for _, id := range ids {
			h.dropSide(id)
		}
	}, nil
}

// lastSides returns the values of the references of an object, none if it has further names.
func (h *File) lastSides() (ids [][]byte, err error) {
	var st status
	if err := st.fd(h.fd); err != nil {
		return nil, err
	}
	if !st.dir() && (st.nlink > 1 || !st.regular()) {
		return nil, nil
	}
	attrs, err := h.listAttrs()
	if err != nil && err != unix.ENOTSUP && err != unix.E2BIG {
		return nil, err
	}
	for _, attr := range attrs {
		if !isSide(attr) {
			continue
		}
		id, err := h.readAttr(attr)
		switch err {
		case nil:
			ids = append(ids, id)
		case errNotStored:
		default:
			return nil, err
		}
	}
	return ids, nil
}
