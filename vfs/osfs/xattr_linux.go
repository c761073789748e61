package osfs

import (
	"strings"

	"golang.org/x/sys/unix"

	"github.com/gosmbd/smb/vfs"
)

// Enough for most; what is longer takes a second call.
const (
	usualValue = 4 << 10
	usualList  = 1 << 10
	maxList    = 1 << 20 // the kernel's bound is maxNames, but for a few file systems
)

// The system lists the names of an object's attributes only while they take no more than
// maxNames together, each with a NUL. What clients make ends before that, or nothing would be
// found any more, and leaves ownNames for what the server and the system keep besides.
const (
	maxNames = 64 << 10
	ownNames = 2 << 10
)

// fits returns vfs.ErrNoSpace if names that take n more bytes are too many.
func (h *File) fits(n int) error {
	size, err := h.listInto(nil)
	if err == nil && size+n > maxNames-ownNames {
		return vfs.ErrNoSpace
	}
	return nil // what doesn't let them be listed tells when one is written
}

// exactAttrs returns those of some attributes that there are. It is for an object that
// another program gave too many to be listed: unix.E2BIG.
func (h *File) exactAttrs(attrs ...string) (list []string, err error) {
	for _, attr := range attrs {
		switch err := h.probeAttr(attr); err {
		case nil:
			list = append(list, attr)
		case errNotStored, unix.ERANGE: // the latter: such a name can't be
		default:
			return nil, err
		}
	}
	return list, nil
}

func (h *File) listInto(b []byte) (int, error) {
	if h.path {
		return unix.Listxattr(procPath(h.fd), b)
	}
	return unix.Flistxattr(h.fd, b)
}

// readAttr reads an extended attribute.
func (h *File) readAttr(attr string) ([]byte, error) {
	return grow(usualValue, maxAttrValue, func(b []byte) (int, error) {
		if h.path {
			return unix.Getxattr(procPath(h.fd), attr, b)
		}
		return unix.Fgetxattr(h.fd, attr, b)
	})
}

// probeAttr returns the error that reading an extended attribute has.
func (h *File) probeAttr(attr string) error {
	return again(func() (err error) {
		if h.path {
			_, err = unix.Getxattr(procPath(h.fd), attr, nil)
		} else {
			_, err = unix.Fgetxattr(h.fd, attr, nil)
		}
		return err
	})
}

// listAttrs returns the names of the extended attributes.
func (h *File) listAttrs() ([]string, error) {
	room := attrPool.Get().(*attrBuffer)
	defer attrPool.Put(room)
	n, err := h.listInto(room[:])
	b := room[:max(n, 0)]
	if err == unix.ERANGE || err == unix.EINTR {
		b, err = grow(usualList, maxList, h.listInto)
	}
	if err != nil || len(b) == 0 {
		return nil, err
	}
	return strings.Split(strings.TrimSuffix(string(b), "\x00"), "\x00"), nil
}

// lacks reports whether it is known that the object has none of the attributes in set. Most
// have none at all, and that takes one call to learn for all of them. Those that changed
// just now are not known.
func (h *File) lacks(set attrSet) bool {
	if h.hollow {
		return false
	}
	k := &h.kept
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.justSeen(h.fs) {
		var st status
		if st.fd(h.fd) != nil || !k.holds(h.fs, &st) {
			return false
		}
	}
	if k.ctime.IsZero() {
		return false
	}
	if !k.listed {
		names, err := h.listAttrs()
		if err != nil {
			return false
		}
		k.attrs, k.listed = attrsOf(names), true
	}
	return k.attrs&set == 0
}

func attrsOf(names []string) (set attrSet) {
	for _, name := range names {
		switch name {
		case dosAttribName:
			set |= dosAttrs
		case ntaclName, ntaclUserName:
			set |= ntACLs
		}
		if _, ok := xattrName(name); ok {
			set |= clientAttrs
		}
	}
	return set
}

// grow calls read with ever more room until the result fits.
func grow(room, most int, read func([]byte) (int, error)) (b []byte, err error) {
	for ; ; room *= 4 {
		b = make([]byte, min(room, most))
		var n int
		err = again(func() error {
			n, err = read(b)
			return err
		})
		if err != unix.ERANGE || room >= most {
			return b[:max(n, 0)], err
		}
	}
}

// writeAttr writes an extended attribute; flags as of setxattr(2).
func (h *File) writeAttr(attr string, value []byte, flags int) error {
	defer h.fs.changes.Add(1)
	return again(func() error {
		if h.path {
			return unix.Setxattr(procPath(h.fd), attr, value, flags)
		}
		return unix.Fsetxattr(h.fd, attr, value, flags)
	})
}

// removeAttr removes an extended attribute.
func (h *File) removeAttr(attr string) error {
	defer h.fs.changes.Add(1)
	return again(func() error {
		if h.path {
			return unix.Removexattr(procPath(h.fd), attr)
		}
		return unix.Fremovexattr(h.fd, attr)
	})
}
