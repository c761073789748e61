//go:build unix

package osfs

import (
	"io/fs"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gosmbd/smb/vfs"
)

// status is what the system knows of an object.
type status struct {
	dev, ino                   uint64
	mode, nlink                uint32
	uid, gid                   uint32
	size, blocks               int64
	atime, mtime, ctime, btime time.Time
	compressed                 bool
	major, minor               uint32 // of a device
}

func (s *status) dir() bool     { return s.mode&unix.S_IFMT == unix.S_IFDIR }
func (s *status) symlink() bool { return s.mode&unix.S_IFMT == unix.S_IFLNK }
func (s *status) regular() bool { return s.mode&unix.S_IFMT == unix.S_IFREG }

// special reports whether it is a device, a pipe or a socket.
func (s *status) special() bool { return !s.dir() && !s.symlink() && !s.regular() }

func (s *status) fileMode() fs.FileMode {
	m := posixBits(s.mode)
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

// makeAttr puts together what the system knows and what was stored.
func (f *FS) makeAttr(st *status, d dosInfo, ok bool) vfs.Attr {
	a := vfs.Attr{
		ID:         f.id(st),
		Mode:       st.fileMode(),
		UID:        st.uid,
		GID:        st.gid,
		Owned:      true,
		Size:       st.size,
		Alloc:      st.blocks * 512,
		Created:    st.btime,
		Accessed:   st.atime,
		Written:    st.mtime,
		Changed:    d.changeTime(st.ctime),
		Links:      st.nlink,
		Attributes: d.attributes,
	}
	if !st.regular() {
		a.Size = 0
	}
	switch {
	case st.symlink():
		a.ReparseTag = vfs.TagSymlink
	case st.special():
		a.ReparseTag = vfs.TagNFS
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
	if st.compressed {
		a.Attributes |= vfs.AttrCompressed
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
