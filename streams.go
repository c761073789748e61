package smb

import (
	"context"
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/gosmbd/smb/internal/notify"
	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs"
)

// Named streams. Each stream that is open has a file of its own, with its share modes,
// locks and caching, found by its name in the file of the object that it belongs to.
// What is of the object rather than of a stream, its id, path and whether it is to be
// removed, is kept there.

// streamName is what a name says about a stream.
type streamName struct {
	name  string // of a named stream; "" if the file itself is meant
	data  bool   // it can't be a directory: "f:s" and "f::$DATA"
	index bool   // it must be a directory: "d::$INDEX_ALLOCATION"
}

// parsePath is parseName for a name that may have a stream. [MS-FSCC] 2.1.5
func parsePath(name string) (clean string, s streamName, trailing bool, err error) {
	if name, s, err = splitStream(name); err != nil {
		return "", s, false, err
	}
	if name == "" && s.name == "" && (s.data || s.index) {
		return "", s, false, smb2.StatusObjectNameInvalid
	}
	clean, trailing, err = parseName(name)
	return clean, s, trailing, err
}

// splitStream takes the stream and its type off a name. [MS-FSA] 2.1.5.1 phases 5 to 7
func splitStream(name string) (rest string, s streamName, err error) {
	dir := strings.LastIndexByte(name, '\\') + 1
	file, suffix, found := strings.Cut(name[dir:], ":")
	if !found {
		return name, s, nil
	}
	stream, kind, typed := strings.Cut(suffix, ":")
	switch {
	case file == "" && dir > 0, stream == "" && !typed, typed && kind == "":
		return "", s, smb2.StatusObjectNameInvalid
	case typed && strings.EqualFold(kind, "$INDEX_ALLOCATION"):
		if stream != "" && !strings.EqualFold(stream, "$I30") {
			return "", s, smb2.StatusInvalidParameter
		}
		s.index = true
	case typed && !strings.EqualFold(kind, "$DATA"), stream != "" && !vfs.ValidStreamName(stream):
		return "", s, smb2.StatusObjectNameInvalid
	default:
		s.name, s.data = strings.Clone(stream), true // it is kept, and may be a small part of the name
	}
	return name[:dir] + file, s, nil
}

// directoryName removes the suffixes that name what a directory is anyway.
// [MS-FSA] 2.1.5.1, note 45
func directoryName(p string) string {
	for _, suffix := range []string{"::$INDEX_ALLOCATION", ":$I30:$INDEX_ALLOCATION"} {
		if n := len(p) - len(suffix); n > 0 && strings.EqualFold(p[n:], suffix) {
			return p[:n]
		}
	}
	return p
}

// foldStream returns what all spellings of a stream's name have in common, which are
// the same as for [strings.EqualFold].
func foldStream(s string) string { return strings.Map(foldStreamRune, s) }

func foldStreamRune(r rune) rune {
	if r < utf8.RuneSelf {
		return foldRune(r)
	}
	least := r
	for x := unicode.SimpleFold(r); x != r; x = unicode.SimpleFold(x) {
		least = min(least, x)
	}
	return least
}

// pathKey is the key in mount.paths of what is opened by a path and stream. NUL is what
// no name has.
func (m *mount) pathKey(name, stream string) string {
	if stream == "" {
		return m.keyOf(name)
	}
	return m.keyOf(name) + "\x00" + foldStream(stream)
}

// key is o's key in mount.paths. The caller holds m.mu.
func (o *open) key() string { return o.m.pathKey(o.name, o.file.stream) }

// fullPath is path with the stream.
func (o *open) fullPath() string {
	if o.m == nil {
		return o.name
	}
	o.m.mu.Lock()
	defer o.m.mu.Unlock()
	if o.file == nil || o.file.stream == "" {
		return o.name
	}
	if o.name == "." {
		return ":" + o.file.stream
	}
	return o.name + ":" + o.file.stream
}

// streamName returns the name of the stream that o is an open of.
func (o *open) streamName() string {
	o.m.mu.Lock()
	defer o.m.mu.Unlock()
	return o.file.stream
}

// streamChange is a change of a stream, of the kind that names are watched for.
// [MS-FSA] 2.1.5.1, 2.1.5.5
func streamChange(name, stream string, action smb2.FileAction) notify.Change {
	if name == "." {
		return notify.Change{Name: name} // nobody watches what is above
	}
	return notify.Change{Name: name + ":" + stream, Action: action, Filter: smb2.FileNotifyChangeStreamName}
}

// modified is a change of what o is an open of; filter is what it may be watched as if
// that isn't a named stream.
func (o *open) modified(filter uint32) notify.Change {
	stream := o.streamName()
	if stream == "" {
		return modified(o.path(), filter)
	}
	c := streamChange(o.path(), stream, smb2.ActionFileModifiedStream)
	c.Filter = 0
	if filter&dataFilter != 0 {
		c.Filter = smb2.FileNotifyChangeStreamSize | smb2.FileNotifyChangeStreamWrite
	}
	return c
}

// object returns the file of the object that f is, or is a stream of.
func (f *file) object() *file {
	if f.base != nil {
		return f.base
	}
	return f
}

// openStreams returns the streams of the object f that are open.
func (f *file) openStreams() []*file {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	return f.streamList()
}

// streamList is openStreams for who holds m.mu.
func (f *file) streamList() []*file {
	var list []*file
	for _, s := range f.streams {
		list = append(list, s)
	}
	return list
}

// hasStreams reports whether objects can have streams, as far as the root tells.
func hasStreams(ctx context.Context, root vfs.File) bool {
	s, ok := vfs.As[vfs.Streamer](root)
	if !ok {
		return false
	}
	for _, err := range s.Streams(ctx) {
		return !errors.Is(err, errors.ErrUnsupported)
	}
	return true
}

// openObject opens a file, or the stream of it that isn't "": then it tells of the object
// that it belongs to.
func openObject(ctx context.Context, fsys vfs.FS, name, stream string, opt vfs.OpenOptions) (vfs.File, *vfs.Attr, error) {
	if stream == "" {
		f, err := fsys.Open(ctx, name, opt)
		return f, nil, err
	}
	return openStream(ctx, fsys, name, stream, vfs.StreamOptions{OpenOptions: opt})
}

// openStream opens a stream and tells of the object that it belongs to.
func openStream(ctx context.Context, fsys vfs.FS, name, stream string, opt vfs.StreamOptions) (vfs.File, *vfs.Attr, error) {
	f, err := fsys.Open(ctx, name, vfs.OpenOptions{Access: vfs.ReadAttributes})
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	return streamOf(ctx, f, stream, opt)
}

// streamOf is openStream for a file that is open. If there is no such stream it still
// tells of the object.
func streamOf(ctx context.Context, f vfs.File, stream string, opt vfs.StreamOptions) (vfs.File, *vfs.Attr, error) {
	attr, err := f.Stat(ctx)
	if err != nil {
		return nil, nil, err
	}
	attr = completeAttr(attr)
	s, ok := vfs.As[vfs.Streamer](f)
	if !ok {
		return nil, &attr, smb2.StatusObjectNameInvalid
	}
	sf, err := s.OpenStream(ctx, stream, opt)
	if errors.Is(err, errors.ErrUnsupported) {
		err = smb2.StatusObjectNameInvalid
	}
	return sf, &attr, err
}

// withStreamer calls do with the streams of the object called name.
func (m *mount) withStreamer(ctx context.Context, name string, do func(vfs.Streamer) error) error {
	f, err := m.fs.Open(ctx, name, vfs.OpenOptions{Access: vfs.ReadAttributes})
	if err != nil {
		return err
	}
	defer f.Close()
	s, ok := vfs.As[vfs.Streamer](f)
	if !ok {
		return smb2.StatusAccessDenied
	}
	return orDenied(do(s))
}

// spelling returns how a stream is spelled that was found under name.
func spelling(ctx context.Context, f vfs.File, name string) string {
	s, ok := vfs.As[vfs.Streamer](f)
	if !ok {
		return name
	}
	for info, err := range s.Streams(ctx) {
		if err != nil {
			break
		}
		if strings.EqualFold(info.Name, name) {
			return info.Name
		}
	}
	return name
}

// minStreamEntry is how long an entry of FileStreamInformation is, the stream's name in it not counted.
const minStreamEntry = 24 + 2*len("::$DATA")

// streams lists the streams of the object: the unnamed one, which a directory doesn't
// have, and the named ones. [MS-FSA] 2.1.5.12.29
func (q *query) streams(dst []byte, a vfs.Attr) ([]byte, error) {
	var list smb2.FileStreamInformation
	least := 0 // how long that is at least
	if q.o.file.base != nil {
		object, err := q.o.m.exists(q.ctx, q.o.path())
		if err != nil {
			return dst, err
		}
		a = completeAttr(object)
	}
	if !a.IsDir() {
		list = append(list, smb2.FileStreamEntry{Size: a.Size, AllocationSize: a.Alloc, Name: "::$DATA"})
	}
	if s, ok := vfs.As[vfs.Streamer](q.o.f); ok && q.o.m.streams {
		for info, err := range s.Streams(q.ctx) {
			if errors.Is(err, errors.ErrUnsupported) {
				break
			}
			if err != nil {
				return dst, err
			}
			if q.o.tree().hides(info, a.IsDir()) {
				continue
			}
			if info.Alloc == 0 {
				info.Alloc = roundUp(info.Size)
			}
			list = append(list, smb2.FileStreamEntry{Size: info.Size, AllocationSize: info.Alloc, Name: ":" + info.Name + ":$DATA"})
			if least += minStreamEntry + 2*utf8.RuneCountInString(info.Name); least > int(q.req.OutputLength) {
				break // it has no room for more
			}
		}
	}
	dst, n := list.AppendMax(dst, int(q.req.OutputLength))
	q.overflow = n < len(list)
	return dst, nil
}
