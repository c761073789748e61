package osfs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/gosmbd/smb/vfs"
)

var errXattrName = fmt.Errorf("name of an extended attribute: %w", fs.ErrInvalid)

var (
	_ vfs.Xattrer = (*File)(nil)
	_ vfs.Xattrer = (*streamFile)(nil)
)

// Xattrs lists the extended attributes that are for clients.
func (h *File) Xattrs(ctx context.Context) ([]vfs.Xattr, error) {
	err := h.mayRead()
	var list []vfs.Xattr
	if err == nil {
		list, err = h.xattrs()
	}
	if err != nil {
		return nil, h.failStream("xattrs", err)
	}
	return list, nil
}

func (h *File) xattrs() ([]vfs.Xattr, error) {
	if h.lacks(clientAttrs) {
		return nil, h.storesXattrs()
	}
	o, err := h.streams()
	if err != nil {
		return nil, err
	}
	defer h.fs.sys.streams.release(o)
	o.mu.RLock()
	defer o.mu.RUnlock()
	attrs, err := h.listAttrs()
	if err != nil {
		return nil, err
	}
	if len(attrs) == 0 {
		return nil, h.storesXattrs()
	}
	var list []vfs.Xattr
	var total xattrTotal
	var needed []string
	for _, attr := range attrs {
		name, ok := xattrName(attr)
		if !ok && attr != neededAttr {
			continue
		}
		value, err := h.readAttr(attr)
		switch {
		case err == errNotStored, err == unix.E2BIG, err == unix.ERANGE:
			// Removed meanwhile by another program, or larger than any can be
			// for a client.
		case err != nil:
			return nil, err
		case attr == neededAttr:
			needed = neededNames(value)
		case total.add(name, len(value)):
			list = append(list, vfs.Xattr{Name: name, Value: value})
		}
	}
	if needed != nil {
		is := foldedSet(needed)
		for i := range list {
			list[i].Needed = is[vfs.FoldXattrName(list[i].Name)]
		}
	}
	return list, nil
}

// storesXattrs returns an error if the object can't have any: a file system that can't
// store them lists none either.
func (h *File) storesXattrs() error {
	known := h.home && !h.hollow
	if known && h.fs.sys.userXattrs.Load() {
		return nil
	}
	err := h.probeAttr(dosAttribName)
	if err == unix.ENOTSUP {
		return err
	}
	if known {
		h.fs.sys.userXattrs.Store(true)
	}
	return nil
}

// xattrTotal is what extended attributes take, as clients count.
type xattrTotal uint32

// add counts one, unless it is empty or too much: those aren't shown.
func (t *xattrTotal) add(name string, size int) bool {
	n := vfs.Xattr{Name: name}.Size() + size
	if size == 0 || n > vfs.MaxXattrs-int(*t) {
		return false
	}
	*t += xattrTotal(n)
	return true
}

// neededNames returns the names in the value of neededAttr.
func neededNames(value []byte) []string {
	return strings.Split(strings.TrimSuffix(string(value), "\x00"), "\x00")
}

func foldedSet(names []string) map[string]bool {
	set := make(map[string]bool, len(names))
	for _, name := range names {
		set[vfs.FoldXattrName(name)] = true
	}
	return set
}

// xattrsPath is the name by which xattrsAt finds what has a name in a directory.
func (s *system) xattrsPath(dirfd int, name string) string { return procPath(dirfd) + "/" + name }

// xattrsAt reads user.DOSATTRIB of a file, not following a link, and the size of its
// extended attributes. Only files and directories can have any.
func (s *system) xattrsAt(_ int, file string, st *status) (d dosInfo, ok bool, size uint32) {
	if !st.dir() && !st.regular() {
		return d, false, 0
	}
	room := attrPool.Get().(*attrBuffer)
	defer attrPool.Put(room)
	list := room[:]
	n, err := unix.Llistxattr(file, list)
	if err == unix.ERANGE {
		list, err = grow(4*usualList, maxList, func(b []byte) (int, error) { return unix.Llistxattr(file, b) })
		n = len(list)
	}
	if err == unix.E2BIG { // too many names to be listed
		d, ok = storedAt(file)
	}
	if n <= 0 || err != nil {
		return d, ok, 0
	}
	var total xattrTotal
	var attr []byte
	for rest := list[:n]; len(rest) > 0; {
		attr, rest, _ = bytes.Cut(rest, []byte{0})
		if string(attr) == dosAttribName {
			d, ok = storedAt(file)
		} else if name, ok := xattrName(string(attr)); ok {
			if n, err := unix.Lgetxattr(file, string(attr), nil); err == nil {
				total.add(name, n)
			}
		}
	}
	return d, ok, uint32(total)
}

// storedAt reads user.DOSATTRIB of a file, not following a link.
func storedAt(file string) (dosInfo, bool) {
	room := attrPool.Get().(*attrBuffer)
	defer attrPool.Put(room)
	n, err := unix.Lgetxattr(file, dosAttribName, room[:dosMax])
	return parseStored(room[:max(n, 0)], err)
}

// xattrsSize returns what the extended attributes take.
func (h *File) xattrsSize() uint32 {
	list, err := h.xattrs()
	if err != nil {
		return 0
	}
	return uint32(vfs.XattrsSize(list))
}

// attrChange is one change of an attribute of the system, and what undoes it.
type attrChange struct {
	attr       string
	value, old []byte // nil: there is none
}

// SetXattrs sets and removes extended attributes. If one can't be, those before
// it are put back.
func (h *File) SetXattrs(ctx context.Context, changes []vfs.Xattr) error {
	if err := h.mayChange(); err != nil {
		return h.failStream("setxattrs", err)
	}
	o, err := h.streams()
	if err != nil {
		return h.failStream("setxattrs", err)
	}
	defer h.fs.sys.streams.release(o)
	o.mu.Lock()
	defer o.mu.Unlock()
	list, err := h.planXattrs(changes)
	if err == nil {
		err = h.changeAttrs(list)
	}
	return h.failStream("setxattrs", err)
}

// planXattrs checks the changes and returns what they mean, removals first, as
// they make room.
func (h *File) planXattrs(changes []vfs.Xattr) (list []attrChange, err error) {
	attrs, err := h.listAttrs()
	if err != nil && err != unix.E2BIG { // after which a name has to be spelled as it is
		return nil, err
	}
	stored := newSpellings(attrs)
	var set []attrChange
	var more int // that the names take
	for _, x := range changes {
		attr, err := xattrAttr(x.Name)
		if err != nil {
			return nil, err
		}
		c := attrChange{attr: stored.find(attr), value: x.Value}
		if c.old, err = h.oldAttr(c.attr); err != nil {
			return nil, err
		}
		switch {
		case len(x.Value) > 0:
			set = append(set, c)
			if c.old == nil {
				more += len(c.attr) + 1
			}
		case c.old != nil:
			more -= len(c.attr) + 1
			c.value = nil
			list = append(list, c)
		}
	}
	if more > 0 {
		if err := h.fits(more); err != nil {
			return nil, err
		}
	}
	needed, err := h.planNeeded(changes)
	if needed.value != nil {
		set = append(set, needed)
	} else if needed.old != nil {
		list = append(list, needed)
	}
	return append(list, set...), err
}

// spellings finds attributes by how clients may spell them.
type spellings struct {
	exact  map[string]bool
	folded map[string]string
}

func newSpellings(attrs []string) spellings {
	s := spellings{make(map[string]bool, len(attrs)), make(map[string]string, len(attrs))}
	for _, attr := range attrs {
		s.exact[attr] = true
		if _, ok := xattrName(attr); ok {
			s.folded[vfs.FoldXattrName(attr)] = attr
		}
	}
	return s
}

// find returns attr if there is one that is spelled so, else one that differs in
// case, else attr, which is new.
func (s spellings) find(attr string) string {
	if old := s.folded[vfs.FoldXattrName(attr)]; old != "" && !s.exact[attr] {
		return old
	}
	return attr
}

// xattrAttr returns the attribute for what a client calls name.
func xattrAttr(name string) (string, error) {
	attr := userPrefix + name
	switch {
	case !vfs.ValidXattrName(name):
		return "", errXattrName
	case isPrivate(attr):
		return "", fs.ErrPermission
	case len(attr) > maxAttrName:
		return "", vfs.ErrNameTooLong
	}
	return attr, nil
}

// oldAttr returns the value of an attribute, nil if there is none.
func (h *File) oldAttr(attr string) ([]byte, error) {
	old, err := h.readAttr(attr)
	switch {
	case err == errNotStored:
		return nil, nil
	case err != nil:
		return nil, err
	}
	return old, nil
}

// planNeeded returns what becomes of the list of those that are needed: nothing if
// there is neither an old nor a new value, or they are the same.
func (h *File) planNeeded(changes []vfs.Xattr) (c attrChange, err error) {
	c.attr = neededAttr
	if c.old, err = h.oldAttr(neededAttr); err != nil {
		return c, err
	}
	var next []string
	changed := make(map[string]bool, len(changes))
	for _, x := range changes {
		changed[vfs.FoldXattrName(x.Name)] = true
		if x.Needed && len(x.Value) > 0 {
			next = append(next, x.Name)
		}
	}
	if c.old != nil {
		for _, name := range neededNames(c.old) {
			if !changed[vfs.FoldXattrName(name)] {
				next = append(next, name)
			}
		}
	}
	if len(next) > 0 {
		c.value = []byte(strings.Join(next, "\x00") + "\x00")
	}
	if bytes.Equal(c.old, c.value) {
		return attrChange{}, nil
	}
	return c, nil
}

// changeAttrs makes all changes or none. The object is locked.
func (h *File) changeAttrs(list []attrChange) error {
	for i, c := range list {
		if err := h.putAttr(c.attr, c.value); err != nil {
			for i--; i >= 0; i-- {
				err = errors.Join(err, h.putAttr(list[i].attr, list[i].old))
			}
			return err
		}
	}
	return nil
}

// putAttr sets an attribute, or removes it if there is no value.
func (h *File) putAttr(attr string, value []byte) error {
	if value != nil {
		return h.writeAttr(attr, value, 0)
	}
	if err := h.removeAttr(attr); err != errNotStored {
		return err
	}
	return nil // another program was faster
}

// Xattrs implements vfs.Xattrer, as the object's File does.
func (s *streamFile) Xattrs(ctx context.Context) ([]vfs.Xattr, error) { return s.base.Xattrs(ctx) }

// SetXattrs implements vfs.Xattrer.
func (s *streamFile) SetXattrs(ctx context.Context, changes []vfs.Xattr) error {
	return s.base.SetXattrs(ctx, changes)
}
