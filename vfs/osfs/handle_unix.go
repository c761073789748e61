//go:build unix

package osfs

import (
	"io"
	"io/fs"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gosmbd/smb/vfs"
)

// handle is an open descriptor. All that concerns an open file goes through it,
// never through its name, which may be another object's by now.
type handle struct {
	file *os.File
	fd   int
	path bool // opened with O_PATH: neither content nor f-calls
}

func (h *handle) init(file *os.File) { h.file, h.fd = file, int(file.Fd()) }

func validName(string) bool { return true }

// openFile opens a file or directory known to be one, or creates it.
func (f *FS) openFile(name string, flags int, mode fs.FileMode) (*os.File, error) {
	if f.sys.openat2 {
		fd, err := f.beneath(name, flags, mode)
		if err != nil {
			return nil, err
		}
		return os.NewFile(uintptr(fd), name), nil
	}
	return f.root.OpenFile(name, flags, mode)
}

// openFlags translates the rights to a file.
func openFlags(opt vfs.OpenOptions) int {
	flags := os.O_RDONLY
	switch {
	case opt.Writes() && opt.Reads():
		flags = os.O_RDWR
	case opt.Writes():
		flags = os.O_WRONLY
	}
	if opt.WriteThrough && opt.Writes() {
		flags |= syncFlag
	}
	return flags
}

// open opens an existing object: with openat2 by way of a descriptor that gives
// no access, so that its type is known before its content is opened.
func (f *FS) open(name string, opt vfs.OpenOptions) (*File, error) {
	if !f.sys.openat2 {
		return f.openPortable(name, opt)
	}
	fd, err := f.beneath(name, pathOnly, 0)
	if err != nil {
		return nil, err
	}
	var st status
	if err := st.fd(fd); err != nil {
		unix.Close(fd)
		return nil, err
	}
	flags, data := openFlags(opt), opt.Reads() || opt.Writes()
	if st.dir() {
		flags, data = os.O_RDONLY|unix.O_DIRECTORY, opt.Access&vfs.ListDirectory != 0
	}
	if !data {
		h := newFile(f, name, os.NewFile(uintptr(fd), name), false, st.dir())
		h.path = true
		return h, nil
	}
	defer unix.Close(fd)
	if !st.dir() && !st.regular() {
		return nil, errSpecial
	}
	content, err := f.reopen(fd, flags)
	if err != nil {
		return nil, err
	}
	return newFile(f, name, os.NewFile(uintptr(content), name), !st.dir(), st.dir()), nil
}

// openPortable does the same with os.Root. A handle for attributes needs the
// right to read or write the content here.
func (f *FS) openPortable(name string, opt vfs.OpenOptions) (*File, error) {
	info, err := f.root.Stat(name)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() && !info.Mode().IsRegular() {
		return nil, errSpecial
	}
	data := opt.Reads() || opt.Writes()
	flags := openFlags(opt)
	if info.IsDir() {
		flags, data = os.O_RDONLY|unix.O_DIRECTORY, false
	}
	// Should the file become a pipe meanwhile, O_NONBLOCK doesn't wait for
	// its other end.
	file, err := f.root.OpenFile(name, flags|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
	if !data && !info.IsDir() && os.IsPermission(err) {
		file, err = f.root.OpenFile(name, os.O_WRONLY|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
	}
	if err != nil {
		return nil, err
	}
	h := newFile(f, name, file, data, info.IsDir())
	var st status
	if err := st.fd(h.fd); err != nil || st.dir() != h.dir || !st.dir() && !st.regular() {
		file.Close()
		if err == nil {
			err = errSpecial
		}
		return nil, err
	}
	return h, nil
}

// attr reads the attributes through the descriptor.
func (h *File) attr() (vfs.Attr, error) {
	var st status
	if err := st.fd(h.fd); err != nil {
		return vfs.Attr{}, err
	}
	var room [dosMax]byte
	d, ok := parseStored(h.getxattr(&st, room[:]))
	a := h.fs.makeAttr(&st, d, ok)
	a.Attributes |= h.fs.hiddenByName(h.name)
	return a, nil
}

// parseStored makes sense of what getxattr returned.
func parseStored(b []byte, err error) (dosInfo, bool) {
	if err != nil {
		return dosInfo{}, false
	}
	return parseDOS(b)
}

// makeAttr puts together what the system knows and what was stored.
func (f *FS) makeAttr(st *status, d dosInfo, ok bool) vfs.Attr {
	a := vfs.Attr{
		ID:         f.id(st),
		Mode:       st.fileMode(),
		Size:       st.size,
		Alloc:      st.blocks * 512,
		Created:    st.btime,
		Accessed:   st.atime,
		Written:    st.mtime,
		Changed:    st.ctime,
		Links:      st.nlink,
		Attributes: d.attributes,
	}
	if !st.regular() {
		a.Size = 0
	}
	if a.Alloc == 0 && st.regular() && st.size > 0 {
		a.Alloc = 1 // all hole, or stored in the inode; zero would mean unknown
	}
	if !ok || !d.hasAttributes {
		// Nothing stored: what the permission bits say.
		if st.regular() && st.mode&unix.S_IWUSR == 0 {
			a.Attributes |= vfs.AttrReadOnly
		}
	}
	switch {
	case !d.created.IsZero():
		a.Created = d.created
	case a.Created.IsZero():
		a.Created = earlier(st.mtime, st.ctime)
	}
	return a
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// id makes a number that is unique below the root: the inode number, unless
// another file system is mounted there.
func (f *FS) id(st *status) uint64 {
	if st.dev == f.sys.dev {
		return st.ino
	}
	// The finalizer of SplitMix64, and a bit that no inode number on the root's
	// own file system is likely to have.
	x := st.ino ^ st.dev*0x9E3779B97F4A7C15
	x = (x ^ x>>30) * 0xBF58476D1CE4E5B9
	x = (x ^ x>>27) * 0x94D049BB133111EB
	return x ^ x>>31 | 1<<63
}

// initAttributes stores the attributes of a new object.
func (h *File) initAttributes(a vfs.Attributes) error {
	if a&stored == 0 {
		return nil
	}
	return h.setAttr(vfs.AttrChange{Attributes: a})
}

func (h *File) setAttr(c vfs.AttrChange) error {
	if c.Attributes != 0 || !c.Created.IsZero() {
		err := h.setStored(c)
		if err == unix.ENOTSUP || err == errNotStored {
			err = h.setMode(c.Attributes)
		}
		if err != nil {
			return err
		}
	}
	if c.Accessed.IsZero() && c.Written.IsZero() {
		return nil
	}
	return h.setTimes(c.Accessed, c.Written)
}

// setStored changes user.DOSATTRIB.
func (h *File) setStored(c vfs.AttrChange) error {
	h.fs.attrMu.Lock()
	defer h.fs.attrMu.Unlock()
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
	d = dosInfo{attributes: was.Attributes, hasAttributes: true, created: was.Created}
	if c.Attributes != 0 {
		d.attributes = c.Attributes
	}
	if !c.Created.IsZero() {
		d.created = c.Created
	}
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

// reopenDir opens the directory once more, for an iteration of its own.
func (h *File) reopenDir() (*os.File, error) {
	fd, err := unix.Openat(h.fd, ".", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), h.name), nil
}

func readNames(d *os.File) (names []fs.DirEntry, more bool, err error) {
	names, err = d.ReadDir(dirBatch)
	if err == io.EOF {
		return names, false, nil
	}
	return names, err == nil, err
}

// entryAttr returns the attributes of a name in the directory d; not ok leaves
// it out.
func (h *File) entryAttr(d *os.File, e fs.DirEntry) (a vfs.Attr, ok bool) {
	var st status
	dirfd := int(d.Fd())
	if err := st.at(dirfd, e.Name()); err != nil {
		return a, false
	}
	if st.mode&unix.S_IFMT == unix.S_IFLNK {
		return h.linkAttr(e.Name())
	}
	var room [dosMax]byte
	d2, stored := parseStored(h.fs.sys.getxattrAt(dirfd, e.Name(), &st, room[:]))
	a = h.fs.makeAttr(&st, d2, stored)
	a.Attributes |= h.fs.hiddenByName(e.Name())
	return a, true
}

// linkAttr returns the attributes of what a link leads to. The way is the name
// that the directory was opened by: should it have been renamed, its links are
// left out until it is opened again.
func (h *File) linkAttr(base string) (a vfs.Attr, ok bool) {
	name := base
	if h.name != "." {
		name = h.name + "/" + base
	}
	target, err := h.fs.open(name, vfs.OpenOptions{Access: vfs.ReadAttributes})
	if err != nil {
		return a, false
	}
	defer target.Close()
	a, err = target.attr()
	return a, err == nil
}

// status is what the system knows of an object.
type status struct {
	dev, ino                   uint64
	mode, nlink                uint32
	size, blocks               int64
	atime, mtime, ctime, btime time.Time
}

func (s *status) dir() bool     { return s.mode&unix.S_IFMT == unix.S_IFDIR }
func (s *status) regular() bool { return s.mode&unix.S_IFMT == unix.S_IFREG }

func (s *status) fileMode() fs.FileMode {
	m := fs.FileMode(s.mode & 0o777)
	switch s.mode & unix.S_IFMT {
	case unix.S_IFREG:
	case unix.S_IFDIR:
		m |= fs.ModeDir
	case unix.S_IFLNK:
		m |= fs.ModeSymlink
	case unix.S_IFIFO:
		m |= fs.ModeNamedPipe
	case unix.S_IFSOCK:
		m |= fs.ModeSocket
	case unix.S_IFBLK:
		m |= fs.ModeDevice
	case unix.S_IFCHR:
		m |= fs.ModeDevice | fs.ModeCharDevice
	default:
		m |= fs.ModeIrregular
	}
	return m
}

// again repeats a system call that a signal interrupted.
func again(call func() error) error {
	for {
		if err := call(); err != syscall.EINTR {
			return err
		}
	}
}
