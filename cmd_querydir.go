package smb

import (
	"context"
	"encoding/binary"
	"path"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs"
)

// cursor is where the enumeration of a directory stands.
type cursor struct {
	// mu makes one enumeration of an open follow another. It is held while
	// the backend is asked for names: it guards nothing else, and no lock is
	// taken that is held by anybody who waits for it.
	mu      sync.Mutex
	pattern string          // folded, but of a POSIX open; empty until the first query
	match   *pattern        // the same, while a request is worked on: it is much larger
	asked   string          // the same, as the client spells it
	exact   bool            // no wildcards: a name is looked up, not looked for
	dots    int             // how many of "." and ".." have been returned
	links   []string        // of DFS, not yet returned
	linked  map[string]bool // and the folded names of all, which the backend's are hidden by
	read    enumeration
	bare    bool                 // this request is for names alone
	room    int                  // how many bytes its answer has room for
	each    int                  // how many of them an entry takes beside its name
	held    *smb2.DirectoryEntry // found, but didn't fit
	found   bool                 // something, since the start
	aapl    bool                 // entries are in Apple's form
	noIDs   bool                 // files are told to have none
	done    bool
}

// queryDirectory lists a directory. [MS-SMB2] 3.3.5.18
func queryDirectory(ctx context.Context, r *request, w *reply) error {
	req, err := smb2.ParseQueryDirectoryRequest(r.msg)
	if err != nil {
		return err
	}
	o := r.open
	switch {
	case o.file == nil || !o.file.dir:
		return smb2.StatusInvalidParameter
	case o.unlinked.Load():
		return smb2.StatusDeletePending
	case req.OutputLength > r.c.params.maxIO:
		return smb2.StatusInvalidParameter
	case o.access&vfs.ListDirectory == 0 || o.lister == nil:
		return smb2.StatusAccessDenied
	case req.Class == smb2.ClassFilePosixInformation && !o.posix:
		return smb2.StatusInvalidInfoClass
	case !o.posix && strings.ContainsAny(req.Pattern, `\/`):
		return smb2.StatusObjectNameInvalid
	case utf8.RuneCountInString(req.Pattern) > longestPattern: // [MS-FSA] 2.1.5.6.3
		return smb2.StatusObjectNameInvalid
	}
	c := &o.cursor
	c.mu.Lock()
	defer c.mu.Unlock()
	room := int(min(req.OutputLength, usualListing))
	w.grow(room + 16)
	start := w.beginOutput()
	list, err := smb2.NewDirectoryList(req.Class, w.buf.B, room)
	if err != nil {
		return err
	}
	if n, ok := req.Class.MinOutput(); !ok || int(req.OutputLength) < n {
		return smb2.StatusInfoLengthMismatch
	}
	c.begin(ctx, o, req)
	c.match = newPattern(c.pattern)
	defer func() { c.match = nil }()
	c.aapl = req.Class == smb2.ClassFileIdBothDirectoryInformation && r.se.listsAAPL()
	c.noIDs = r.tree.hidesIDs()
	c.bare = req.Class == smb2.ClassFileNamesInformation
	defer c.read.pause()
	more := func() bool {
		if int(req.OutputLength) <= room {
			return false
		}
		room = int(req.OutputLength)
		w.buf.B = list.Bytes()
		w.grow(start + room - len(w.buf.B))
		list.Extend(w.buf.B, room)
		return true
	}
	if err := c.fill(ctx, o, &list, req.Flags&smb2.ReturnSingleEntry != 0, more); err != nil {
		return err
	}
	w.buf.B = list.Bytes()
	w.endOutput(start)
	return nil
}

// begin starts or restarts the enumeration if need be. [MS-FSA] 2.1.5.6.3
func (c *cursor) begin(ctx context.Context, o *open, req smb2.QueryDirectoryRequest) {
	restart := req.Flags&(smb2.RestartScans|smb2.Reopen) != 0
	if c.pattern != "" && !restart {
		return
	}
	if c.pattern == "" || req.Pattern != "" {
		c.asked, c.pattern = req.Pattern, o.foldName(req.Pattern)
		if c.pattern == "" || c.pattern == "*.*" && !o.posix {
			c.pattern = "*"
		}
		c.exact = !strings.ContainsAny(c.pattern, `*?<>"`)
	}
	c.reset()
	c.links = o.dfs().linksIn(ctx, o.path())
	c.linked = foldSet(c.links)
	if !c.exact {
		c.read.start(ctx, o.lister)
	}
}

// reset forgets the position. The caller holds c.mu.
func (c *cursor) reset() {
	c.read.stop()
	c.held, c.links = nil, nil
	c.dots, c.found, c.done = 0, false, false
}

// stop gives up what the enumeration holds.
func (c *cursor) stop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reset()
}

// usualListing is enough of an answer for most directories, whatever clients ask for.
const usualListing = 64 << 10

// fill adds as many entries as fit; more makes room for those that the client has room for.
func (c *cursor) fill(ctx context.Context, o *open, list *smb2.DirectoryList, single bool, more func() bool) error {
	e := c.held
	dir := o.path()
	want := func(name string) bool { return c.wants(ctx, o, dir, name) }
	for {
		if c.held != nil {
			c.held = nil
		} else {
			if e == nil {
				e = new(smb2.DirectoryEntry) // one for the whole answer
			}
			if c.room, c.each = list.Room(); single {
				c.room = 1
			}
			if ok, err := c.entry(ctx, o, dir, want, e); err != nil {
				return err
			} else if !ok {
				break
			}
		}
		if c.noIDs {
			e.FileID = 0
		}
		if c.aapl && e.AAPL == nil {
			o.describeAAPL(ctx, e)
		}
		if !list.Add(e) && !(more() && list.Add(e)) {
			if !c.read.putBack() {
				c.held = e
			}
			if list.Len() == 0 {
				return smb2.StatusInfoLengthMismatch
			}
			return nil
		}
		c.found = true
		if single {
			return nil
		}
	}
	switch {
	case list.Len() > 0:
		return nil
	case c.found:
		return smb2.StatusNoMoreFiles
	default:
		c.found = true // the next answer is NO_MORE_FILES
		return smb2.StatusNoSuchFile
	}
}

// entry makes d the next entry of dir, o's directory, that matches; not ok is the end. want is c.wants.
func (c *cursor) entry(ctx context.Context, o *open, dir string, want func(name string) bool, d *smb2.DirectoryEntry) (ok bool, err error) {
	for c.dots < 2 {
		c.dots++
		name := ".."[:c.dots]
		if !c.match.match(name) {
			continue
		}
		at := dir
		if c.dots == 2 {
			at = path.Dir(dir)
		}
		e, err := o.m.look(ctx, at)
		if err != nil {
			continue
		}
		e.Name = name
		*d = o.dirEntry(ctx, at, "", &e)
		return true, nil
	}
	for len(c.links) > 0 {
		name := c.links[0]
		c.links = c.links[1:]
		if newPattern(foldPath(c.pattern)).match(foldPath(name)) {
			*d = o.linkEntry(ctx, dir, name)
			return true, nil
		}
	}
	if c.exact {
		return c.lookup(ctx, o, dir, d)
	}
	if c.done {
		return false, nil
	}
	e, err := c.read.entry(ctx, want, c.room, c.each, c.bare)
	if err != nil && ctx.Err() != nil {
		return false, err // the next query goes on from here
	}
	if c.done = err != nil || e == nil; c.done {
		return false, err
	}
	*d = o.dirEntry(ctx, dir, e.Name, e)
	return true, nil
}

// wants reports whether the listing of dir has what the backend has under name.
func (c *cursor) wants(ctx context.Context, o *open, dir, name string) bool {
	return !(len(c.linked) > 0 && c.linked[foldPath(name)]) &&
		(c.match.all || c.match.match(o.foldName(name))) && o.representable(name) && !o.hides(ctx, dir, name)
}

// lookup finds the one name that a pattern without wildcards stands for.
func (c *cursor) lookup(ctx context.Context, o *open, dir string, d *smb2.DirectoryEntry) (ok bool, err error) {
	if c.done || c.pattern == "." || c.pattern == ".." {
		return false, nil
	}
	c.done = true
	name, err := o.findName(ctx, dir, c.asked)
	if err != nil {
		if isMissing(err) {
			err = nil
		}
		return false, err
	}
	if c.linked[foldPath(name)] || o.hides(ctx, dir, name) {
		return false, nil
	}
	e, err := o.m.look(ctx, path.Join(dir, name))
	if err != nil {
		if isMissing(err) {
			err = nil
		}
		return false, err
	}
	*d = o.dirEntry(ctx, dir, name, &e)
	return true, nil
}

// look returns what a listing has of the object called name.
func (m *mount) look(ctx context.Context, name string) (vfs.DirEntry, error) {
	f, err := m.fs.Open(ctx, name, vfs.OpenOptions{Access: vfs.ReadAttributes})
	if err != nil {
		return vfs.DirEntry{}, err
	}
	defer f.Close()
	e := vfs.DirEntry{Name: path.Base(name)}
	if e.Attr, err = f.Stat(ctx); err == nil && m.eas {
		e.Xattrs = sizeOfEAs(ctx, f)
	}
	return e, err
}

// representable reports whether a client could open the name. Others are not
// shown.
func representable(name string) bool {
	if isPlain(name) {
		return true
	}
	return utf8.ValidString(name) && checkElement(name) == nil && !strings.Contains(name, `\`)
}

// representable is the same for o's client.
func (o *open) representable(name string) bool {
	if o.posix {
		return validPosixElement(name)
	}
	return representable(name)
}

// foldName returns what the spellings of a name have in common to the client.
func (o *open) foldName(name string) string {
	if o.posix {
		return name
	}
	return foldPath(name)
}

// findName returns how a name that the client asks for is spelled.
func (o *open) findName(ctx context.Context, dir, name string) (string, error) {
	switch {
	case o.posix && !validPosixElement(name), !o.posix && checkElement(name) != nil:
		return "", smb2.StatusObjectNameInvalid
	case o.posix && o.m.exact:
		return name, nil // lookup opens it
	}
	found, err := o.m.find(ctx, dir, name)
	if o.m.exact && isMissing(err) { // what is known of the directory may be late
		if _, err := o.m.exists(ctx, path.Join(dir, name)); !isMissing(err) {
			return name, err
		}
	}
	return found, err
}

// dirEntry describes what dir has under a name, or dir itself if that is empty, to a
// client that lists a directory.
func (o *open) dirEntry(ctx context.Context, dir, name string, e *vfs.DirEntry) smb2.DirectoryEntry {
	a := completeAttr(e.Attr)
	if a.ID == 0 {
		a.ID = o.m.idOf(path.Join(dir, name))
	}
	eaSize := eaInfo(e.Xattrs).EaSize
	if a.ReparseTag != 0 {
		eaSize = a.ReparseTag // [MS-FSA] 2.1.5.6.3.1
	}
	a.ID = o.m.wireID(a.ID)
	d := smb2.DirectoryEntry{
		CreationTime:   smb2.FileTimeOf(a.Created),
		LastAccessTime: smb2.FileTimeOf(a.Accessed),
		LastWriteTime:  smb2.FileTimeOf(a.Written),
		ChangeTime:     smb2.FileTimeOf(a.Changed),
		EndOfFile:      a.Size,
		AllocationSize: a.Alloc,
		FileAttributes: uint32(a.Attributes),
		EASize:         eaSize,
		FileID:         a.ID,
		Name:           e.Name,
	}
	if o.posix {
		d.Posix, d.DeviceID = o.posixCreate(ctx, path.Join(dir, name), a), uint32(o.tree().volumeID())
	}
	return d
}

// idOf returns the id of a file of a backend that has none.
func (m *mount) idOf(name string) uint64 {
	key := m.keyOf(name)
	m.mu.Lock()
	defer m.mu.Unlock()
	if f := m.byName[key]; f != nil {
		return f.id
	}
	return hashString(key)
}

// beginOutput appends the fixed part that replies with an output buffer have in
// common, [MS-SMB2] 2.2.34 and 2.2.38; endOutput fills in the length.
func (w *reply) beginOutput() int {
	w.buf.B = smb2.QueryInfoResponse{}.Append(w.buf.B[:w.bodyOff()])[:w.bodyOff()+8]
	return len(w.buf.B)
}

func (w *reply) endOutput(start int) {
	fixed := w.buf.B[w.bodyOff():]
	binary.LittleEndian.PutUint16(fixed[2:], smb2.HeaderSize+8)
	binary.LittleEndian.PutUint32(fixed[4:], uint32(len(w.buf.B)-start))
	if len(w.buf.B) == start {
		w.buf.B = append(w.buf.B, 0) // the structure counts one byte
	}
}
