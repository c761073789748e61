package osfs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gosmbd/smb/vfs"
)

var errStreamName = fmt.Errorf("name of a stream: %w", fs.ErrInvalid)

var _ vfs.Streamer = (*File)(nil)

// streamTable has the objects whose streams are in use, so that all who change
// a stream through one FS agree.
type streamTable struct {
	mu      sync.Mutex
	objects map[streamKey]*streamObject
}

type streamKey struct{ dev, ino uint64 }

// streamObject is what a file's or directory's streams have in common. Who uses
// it has the object open, so its key is nobody else's.
type streamObject struct {
	key   streamKey
	users int // guarded by streamTable.mu

	// mu makes read, change and write of an attribute one.
	mu   sync.RWMutex
	open map[string]*openStream // by attribute
}

// openStream is a stream that has Files; streamObject.mu guards it.
type openStream struct {
	attr    string
	files   int
	removed bool
	content []byte   // of a removed stream: it lives on here
	side    *os.File // what attr refers to; nil if it holds the content itself
}

// use returns the object's entry, which the caller releases.
func (t *streamTable) use(key streamKey) *streamObject {
	t.mu.Lock()
	defer t.mu.Unlock()
	o := t.objects[key]
	if o == nil {
		o = &streamObject{key: key, open: make(map[string]*openStream)}
		if t.objects == nil {
			t.objects = make(map[streamKey]*streamObject)
		}
		t.objects[key] = o
	}
	o.users++
	return o
}

func (t *streamTable) release(o *streamObject) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if o.users--; o.users == 0 {
		delete(t.objects, o.key)
	}
}

// streams returns the entry of h's object, which the caller releases. Only files
// and directories can have streams.
func (h *File) streams() (*streamObject, error) {
	var st status
	if err := st.fd(h.fd); err != nil {
		return nil, err
	}
	if !st.dir() && !st.regular() {
		return nil, errors.ErrUnsupported
	}
	return h.fs.sys.streams.use(streamKey{st.dev, st.ino}), nil
}

// OpenStream opens or creates a named stream.
func (h *File) OpenStream(ctx context.Context, name string, opt vfs.StreamOptions) (vfs.File, error) {
	err := h.mayOpenStream(opt)
	if err != nil {
		return nil, h.failStream("open", err)
	}
	s, err := h.openStream(name, opt)
	if err != nil {
		return nil, h.failStream("open", err)
	}
	return s, nil
}

// mayOpenStream asks for what is asked for to open content: the bits of the object hold
// for its streams.
func (h *File) mayOpenStream(opt vfs.StreamOptions) error {
	if opt.Create || opt.Writes() {
		if err := h.mayChange(); err != nil {
			return err
		}
	}
	if opt.Reads() {
		return h.mayRead()
	}
	return nil
}

func (h *File) openStream(name string, opt vfs.StreamOptions) (*streamFile, error) {
	o, err := h.streams()
	if err != nil {
		return nil, err
	}
	base, err := h.dup()
	if err != nil {
		h.fs.sys.streams.release(o)
		return nil, err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	attr, err := h.findOrCreate(name, opt)
	if err != nil {
		h.fs.sys.streams.release(o)
		base.Close()
		return nil, err
	}
	s := o.open[attr]
	if s == nil {
		s = &openStream{attr: attr}
		if isSide(attr) {
			s.side, err = h.openSide(attr)
		}
		if err != nil {
			h.fs.sys.streams.release(o)
			base.Close()
			return nil, err
		}
		o.open[attr] = s
	}
	s.files++
	return &streamFile{base: base, object: o, stream: s, opt: opt.OpenOptions}, nil
}

// dup returns a File for attributes only that refers to the same object.
func (h *File) dup() (*File, error) {
	fd, err := unix.FcntlInt(uintptr(h.fd), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	d := newPath(h.fs, h.name, fd, h.dir)
	if !h.path {
		d = newFile(h.fs, h.name, os.NewFile(uintptr(fd), h.name), false, h.dir)
	}
	d.as = h.as
	return d, nil
}

// findOrCreate returns the attribute of a stream. The object is locked.
func (h *File) findOrCreate(name string, opt vfs.StreamOptions) (string, error) {
	attr, err := h.findStream(name)
	if err == nil && opt.Create && opt.Exclusive {
		return "", fs.ErrExist
	}
	if !opt.Create || !errors.Is(err, fs.ErrNotExist) {
		return attr, err
	}
	if attr, err = streamAttr(name); err == nil {
		err = h.fits(len(attr) + 1)
	}
	if err != nil {
		return "", err
	}
	err = h.writeAttr(attr, appendStream(nil, nil), unix.XATTR_CREATE)
	switch {
	case err == unix.EEXIST && !opt.Exclusive:
		err = nil // another program was faster
	case isFull(err):
		side, e := h.createSide(name)
		if e == nil || e == unix.EEXIST && !opt.Exclusive {
			return side, nil
		}
		if e == unix.EEXIST {
			err = e
		}
	}
	return attr, err
}

// streamAttrs returns those of attrs that are of streams whose names are wanted. Where one was
// being moved when the server was killed, there is a reference to its new place and the old
// one, which no longer counts; a reference to nothing doesn't either.
func (h *File) streamAttrs(attrs []string, wanted func(name string) bool) (list []string, err error) {
	moved := make(map[string]bool)
	for _, attr := range attrs {
		name, ok := streamName(attr)
		if !ok || !wanted(name) {
			continue
		}
		if isSide(attr) {
			_, err := h.statSide(attr)
			if leadsNowhere(err) {
				continue
			}
			if err != nil {
				return nil, err
			}
			moved[name] = true
		}
		list = append(list, attr)
	}
	if len(moved) > 0 {
		list = slices.DeleteFunc(list, func(attr string) bool {
			name, _ := streamName(attr)
			return !isSide(attr) && moved[name]
		})
	}
	return list, nil
}

// findStream returns the attribute of a stream: the one whose name is spelled
// so, else one that differs in case.
func (h *File) findStream(name string) (string, error) {
	attrs, err := h.listAttrs()
	if err == unix.E2BIG {
		attrs, err = h.exactAttrs(streamPrefix+name+streamType, streamPrefix+name, sidePrefix+name+streamType)
	}
	if err == nil {
		attrs, err = h.streamAttrs(attrs, func(n string) bool { return strings.EqualFold(n, name) })
	}
	if err != nil {
		return "", err
	}
	var other string
	for _, attr := range attrs {
		if n, _ := streamName(attr); n == name {
			return attr, nil
		}
		other = attr
	}
	if other == "" {
		return "", fs.ErrNotExist
	}
	return other, nil
}

// Streams lists the named streams.
func (h *File) Streams(ctx context.Context) iter.Seq2[vfs.StreamInfo, error] {
	return func(yield func(vfs.StreamInfo, error) bool) {
		infos, err := h.streamInfos(ctx)
		if err != nil {
			yield(vfs.StreamInfo{}, h.failStream("streams", err))
			return
		}
		for _, info := range infos {
			if !yield(info, nil) {
				return
			}
		}
	}
}

func (h *File) streamInfos(ctx context.Context) ([]vfs.StreamInfo, error) {
	o, err := h.streams()
	if err != nil {
		return nil, err
	}
	defer h.fs.sys.streams.release(o)
	o.mu.RLock()
	defer o.mu.RUnlock()
	attrs, err := h.listAttrs()
	if err == nil {
		attrs, err = h.streamAttrs(attrs, func(string) bool { return true })
	}
	if err != nil {
		return nil, err
	}
	var infos []vfs.StreamInfo
	for _, attr := range attrs {
		info, err := h.streamInfo(attr)
		if leadsNowhere(err) {
			continue // removed meanwhile by another program
		}
		if err = errors.Join(err, ctx.Err()); err != nil {
			return nil, err
		}
		infos = append(infos, info)
	}
	if infos == nil {
		// A file system that can't store any lists none either.
		if _, err := h.readAttr(dosAttribName); errors.Is(err, errors.ErrUnsupported) {
			return nil, err
		}
	}
	return infos, nil
}

func (h *File) streamInfo(attr string) (info vfs.StreamInfo, err error) {
	info.Name, _ = streamName(attr)
	if isSide(attr) {
		st, err := h.statSide(attr)
		info.Size, info.Alloc = st.size, st.blocks*512
		return info, err
	}
	value, err := h.readAttr(attr)
	info.Size = int64(len(streamContent(value)))
	return info, err
}

// RemoveStream removes a stream; those who have it open keep its content.
func (h *File) RemoveStream(ctx context.Context, name string) error {
	if err := h.mayChange(); err != nil {
		return h.failStream("remove", err)
	}
	o, err := h.streams()
	if err != nil {
		return h.failStream("remove", err)
	}
	defer h.fs.sys.streams.release(o)
	o.mu.Lock()
	defer o.mu.Unlock()
	attr, err := h.findStream(name)
	if err == nil {
		err = h.removeStream(o, attr)
	}
	return h.failStream("remove", err)
}

// removeStream removes an attribute, and what it may refer to. The object is locked.
func (h *File) removeStream(o *streamObject, attr string) error {
	s := o.open[attr]
	var value []byte
	if s != nil || isSide(attr) {
		var err error
		if value, err = h.readAttr(attr); err != nil {
			return err
		}
	}
	if err := h.dropTwin(attr); err != nil {
		return err
	}
	if err := h.removeAttr(attr); err != nil {
		return err
	}
	h.detach(o, attr, value)
	return nil
}

// detach leaves the content to those who have open the stream that was removed with attr
// and its value.
func (h *File) detach(o *streamObject, attr string, value []byte) {
	if isSide(attr) && !h.refers(value) {
		h.dropSide(value)
	}
	s := o.open[attr]
	if s == nil {
		return
	}
	delete(o.open, attr)
	s.removed = true
	if s.side == nil {
		s.content = bytes.Clone(streamContent(value))
	}
}

// RenameStream gives a stream another name. The attribute is written anew and
// the old one removed; should the process end in between, both are there.
func (h *File) RenameStream(ctx context.Context, from, to string, replace bool) error {
	if err := h.mayChange(); err != nil {
		return h.failStream("rename", err)
	}
	o, err := h.streams()
	if err != nil {
		return h.failStream("rename", err)
	}
	defer h.fs.sys.streams.release(o)
	o.mu.Lock()
	defer o.mu.Unlock()
	return h.failStream("rename", h.renameStream(o, from, to, replace))
}

func (h *File) renameStream(o *streamObject, from, to string, replace bool) error {
	attr, err := h.findStream(from)
	if err != nil {
		return err
	}
	next, err := respell(attr, to)
	if err != nil {
		return err
	}
	old, err := h.findStream(to)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		old = ""
	case err != nil:
		return err
	case old == attr:
		old = "" // itself, in another case
	case !replace:
		return fs.ErrExist
	}
	if next == attr {
		return nil
	}
	if more := len(next) - len(attr); more > 0 && old == "" {
		if err := h.fits(more); err != nil {
			return err
		}
	}
	var was []byte // the replaced content, for those who have it open
	if old != "" {
		if was, err = h.readAttr(old); err != nil {
			return err
		}
	}
	if isSide(next) && old != next {
		_ = h.removeAttr(next) // it refers to nothing if it is there
	}
	if err := errors.Join(h.dropTwin(attr), h.dropTwin(old)); err != nil {
		return err
	}
	if err := h.moveAttr(attr, next, old, was); err != nil {
		return err
	}
	if old != "" {
		h.detach(o, old, was)
	}
	if s := o.open[attr]; s != nil {
		delete(o.open, attr)
		s.attr = next
		o.open[next] = s
	}
	return nil
}

// moveAttr writes the value of attr to next, and removes attr and old, which
// holds was; empty if there is none.
func (h *File) moveAttr(attr, next, old string, was []byte) error {
	value, err := h.readAttr(attr)
	if err != nil {
		return err
	}
	flags := unix.XATTR_CREATE
	if old == next {
		flags = unix.XATTR_REPLACE
	}
	err = h.writeAttr(next, value, flags)
	if isFull(err) {
		// There isn't room for the value twice.
		return h.moveAttrTight(attr, next, old, value, was)
	}
	if err == nil && old != "" && old != next {
		err = h.removeAttr(old)
	}
	if err == nil {
		err = h.removeAttr(attr)
	}
	return err
}

// moveAttrTight removes first, and puts back what it removed should that fail.
func (h *File) moveAttrTight(attr, next, old string, value, was []byte) error {
	if err := h.removeAttr(attr); err != nil {
		return err
	}
	if old != "" {
		if err := h.removeAttr(old); err != nil {
			return errors.Join(err, h.writeAttr(attr, value, unix.XATTR_CREATE))
		}
	}
	err := h.writeAttr(next, value, unix.XATTR_CREATE)
	if err == nil {
		return nil
	}
	if old != "" {
		err = errors.Join(err, h.writeAttr(old, was, unix.XATTR_CREATE))
	}
	return errors.Join(err, h.writeAttr(attr, value, unix.XATTR_CREATE))
}

// touch marks the object as changed, which a change of an attribute doesn't do
// on Unix. Only the owner may; for others the time stays.
func (h *File) touch() { _ = h.setTimes(time.Time{}, time.Now()) }

// isFull reports whether an attribute wasn't written for lack of room.
func isFull(err error) bool {
	for _, full := range []error{unix.ENOSPC, unix.EDQUOT, unix.E2BIG, unix.ERANGE} {
		if errors.Is(err, full) {
			return true
		}
	}
	return false
}

// failStream is fail with what the errors mean for an attribute.
func (h *File) failStream(op string, err error) error {
	switch {
	case isFull(err):
		err = vfs.ErrNoSpace
	case errors.Is(err, errNotStored):
		err = fs.ErrNotExist
	}
	return h.fail(op, err)
}
