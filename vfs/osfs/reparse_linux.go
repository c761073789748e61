package osfs

import (
	"context"
	"encoding/binary"
	"errors"
	"io/fs"

	"golang.org/x/sys/unix"

	"github.com/gosmbd/smb/vfs"
)

// A reparse point is an ordinary file or directory with AttrReparsePoint in
// user.DOSATTRIB and, in this attribute, the REPARSE_DATA_BUFFER or
// REPARSE_GUID_DATA_BUFFER of [MS-FSCC] 2.1.2.2 and 2.1.2.3, as Samba has it since 4.20:
// the tag, the length of the data, two bytes reserved, the GUID if the tag lacks the
// bit that says that it is Microsoft's, and the data.
const reparseName = "user.SmbReparse"

const (
	reparseHead    = 8
	reparseMS      = 1 << 31
	lastReparseTag = 1 // the reserved tags, 0 and 1
)

var _ vfs.Reparser = (*File)(nil)

// parseReparse makes sense of the attribute, which may come from anybody.
func parseReparse(b []byte) (p vfs.ReparsePoint, ok bool) {
	if len(b) < reparseHead {
		return p, false
	}
	p.Tag = binary.LittleEndian.Uint32(b)
	n, data := int(binary.LittleEndian.Uint16(b[4:])), b[reparseHead:]
	if p.Tag&reparseMS == 0 {
		if len(data) < len(p.GUID) {
			return p, false
		}
		p.GUID, data = [16]byte(data), data[16:]
	}
	p.Data = data
	return p, p.Tag > lastReparseTag && len(data) == n && n <= vfs.MaxReparseData
}

func appendReparse(dst []byte, p vfs.ReparsePoint) []byte {
	dst = binary.LittleEndian.AppendUint32(dst, p.Tag)
	dst = binary.LittleEndian.AppendUint16(dst, uint16(len(p.Data)))
	dst = append(dst, 0, 0)
	if p.Tag&reparseMS == 0 {
		dst = append(dst, p.GUID[:]...)
	}
	return append(dst, p.Data...)
}

// ReparsePoint returns what the object is a reparse point of.
func (h *File) ReparsePoint(ctx context.Context) (vfs.ReparsePoint, error) {
	p, err := h.reparsePoint()
	if err != nil {
		return vfs.ReparsePoint{}, h.failReparse("getreparse", err)
	}
	return p, nil
}

func (h *File) reparsePoint() (vfs.ReparsePoint, error) {
	var st status
	if err := st.fd(h.fd); err != nil {
		return vfs.ReparsePoint{}, err
	}
	switch {
	case st.special():
		return specialPoint(&st), nil
	case st.symlink():
		return vfs.ReparsePoint{}, errNotStored
	}
	b, err := h.readAttr(reparseName)
	if err != nil {
		return vfs.ReparsePoint{}, err
	}
	p, ok := parseReparse(b)
	if !ok {
		return vfs.ReparsePoint{}, errNotStored
	}
	return p, nil
}

// specialPoint returns what Windows' NFS server makes of a device, a pipe or a socket: a
// name of its kind in 8 bytes and, of a device, its two numbers. [MS-FSCC] 2.1.2.6
func specialPoint(st *status) vfs.ReparsePoint {
	kind := map[uint32]string{unix.S_IFIFO: "FIFO", unix.S_IFSOCK: "SOCK", unix.S_IFCHR: "CHR", unix.S_IFBLK: "BLK"}[st.mode&unix.S_IFMT]
	data := make([]byte, 8, 16)
	copy(data, kind)
	if st.mode&unix.S_IFMT == unix.S_IFCHR || st.mode&unix.S_IFMT == unix.S_IFBLK {
		data = binary.LittleEndian.AppendUint32(data, st.major)
		data = binary.LittleEndian.AppendUint32(data, st.minor)
	}
	return vfs.ReparsePoint{Tag: vfs.TagNFS, Data: data}
}

// mayBecome reports why h can't be made a reparse point, nor an ordinary object.
func (h *File) mayBecome() error {
	var st status
	err := st.fd(h.fd)
	if err == nil && st.special() {
		err = errSpecial
	}
	return errors.Join(err, h.mayChange())
}

// SetReparsePoint makes the object a reparse point.
func (h *File) SetReparsePoint(ctx context.Context, p vfs.ReparsePoint) error {
	if p.Tag <= lastReparseTag || len(p.Data) > vfs.MaxReparseData {
		return h.fail("setreparse", fs.ErrInvalid)
	}
	if err := h.mayBecome(); err != nil {
		return h.fail("setreparse", err)
	}
	h.fs.attrMu.Lock()
	defer h.fs.attrMu.Unlock()
	before, err := h.readAttr(reparseName)
	if err != nil && err != errNotStored {
		return h.failReparse("setreparse", err)
	}
	if err := h.writeAttr(reparseName, appendReparse(nil, p), 0); err != nil {
		return h.failReparse("setreparse", err)
	}
	if err := h.mark(true); err != nil {
		if before == nil {
			_ = h.removeAttr(reparseName)
		} else {
			_ = h.writeAttr(reparseName, before, 0)
		}
		return h.failReparse("setreparse", err)
	}
	return nil
}

// RemoveReparsePoint makes the object an ordinary one.
func (h *File) RemoveReparsePoint(ctx context.Context) error {
	if err := h.mayBecome(); err != nil {
		return h.fail("removereparse", err)
	}
	h.fs.attrMu.Lock()
	defer h.fs.attrMu.Unlock()
	_, err := h.reparsePoint()
	if err == nil {
		err = h.mark(false)
	}
	if err == nil {
		err = h.removeAttr(reparseName)
	}
	return h.failReparse("removereparse", err)
}

// mark says in user.DOSATTRIB whether the object is a reparse point. The caller holds
// attrMu.
func (h *File) mark(reparse bool) error {
	return h.changeStoredLocked(func(d *dosInfo) { d.reparse = reparse })
}

// reparseTag returns the tag of an object that user.DOSATTRIB says has one.
func (h *File) reparseTag() uint32 {
	b, err := h.readAttr(reparseName)
	return tagOf(b, err)
}

// reparseTagAt is reparseTag for a name in a directory.
func (s *system) reparseTagAt(dirfd int, name string) uint32 {
	full := procPath(dirfd) + "/" + name
	b, err := grow(usualValue, maxAttrValue, func(b []byte) (int, error) { return unix.Lgetxattr(full, reparseName, b) })
	return tagOf(b, err)
}

func tagOf(b []byte, err error) uint32 {
	if p, ok := parseReparse(b); ok && err == nil {
		return p.Tag
	}
	return 0
}

// failReparse is fail with what the errors mean for a reparse point.
func (h *File) failReparse(op string, err error) error {
	switch {
	case isFull(err):
		err = vfs.ErrNoSpace
	case errors.Is(err, errNotStored):
		err = vfs.ErrNotReparsePoint
	}
	return h.fail(op, err)
}
