package smb_test

import (
	"slices"
	"strings"

	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs"
)

// TestModel and TestModelPosix let several clients do at random what changes names, and hold each answer and all that a
// backend has afterwards against a model of few lines: directories, links, streams and opens as in [MS-FSA] 2.1.1.
// Modelled are CREATE with all dispositions, sharing and deletion on close (2.1.5.1, 2.1.4.12 tells who is let
// in), the removal at CLOSE (2.1.5.5), READ, WRITE and the end of file (2.1.5.3, 2.1.5.4, 2.1.5.15.5), the read-only attribute
// (2.1.5.15.2), deletion (2.1.5.15.3, 2.1.5.15.4), renames of files, directories and streams (2.1.5.15.12) and hard links
// (2.1.5.15.7), with the POSIX semantics of [MS-FSCC] 2.4.12 and 2.4.43. One request is under way at a time; TestConcurrentModel
// has more of them.
//
// Not modelled: caching (nobody asks for oplocks), locks, times, attributes other than read-only, security, paging, what
// listings, QUERY_INFO and notifications tell, links of DFS, and why a POSIX client is refused something: only what it's
// granted is judged. Names are of one letter, so one of them that differs from another in its case alone is always meant
// itself, and short names don't come up.

// modelFile is a File of [MS-FSA] 2.1.1.3.
type modelFile struct {
	dir, readOnly bool
	content       []byte
	streams       map[string]*modelStream // by folded name; the unnamed one is content
	links         []*modelLink            // in a directory
}

// modelStream is a named Stream of [MS-FSA] 2.1.1.5.
type modelStream struct {
	name    string
	content []byte
	doomed  bool
}

// modelLink is a Link of [MS-FSA] 2.1.1.4. Handles keep theirs when it is gone.
type modelLink struct {
	parent *modelLink
	name   string
	file   *modelFile
	doomed bool
	gone   bool
}

// modelOpen is an Open of [MS-FSA] 2.1.1.6.
type modelOpen struct {
	client        int
	id            smb2.FileID
	link          *modelLink
	file          *modelFile
	stream        *modelStream // nil: the unnamed one
	access        vfs.Access
	share         smb2.ShareAccess
	deleteOnClose bool
	posixDelete   bool // the link goes with this handle, [MS-FSCC] 2.4.12
	posix         bool // is a POSIX client's
}

// model is what there ought to be. Its methods are the operations; they return what the server has to answer.
type model struct {
	exact bool // the backend tells case apart
	posix bool // whose turn it is, is a POSIX client
	root  *modelLink
	opens []*modelOpen
}

func newModel(exact bool) *model {
	root := &modelLink{file: newModelFile(true)}
	root.parent = root
	return &model{exact: exact, root: root}
}

func newModelFile(dir bool) *modelFile {
	return &modelFile{dir: dir, streams: make(map[string]*modelStream)}
}

func fold(s string) string { return strings.ToUpper(s) }

// lookup finds a name as a client means it.
func (m *model) lookup(dir *modelLink, name string) *modelLink {
	if l := m.spelled(dir, name); l != nil || m.exact && m.posix {
		return l
	}
	for _, l := range dir.file.links {
		if fold(l.name) == fold(name) {
			return l
		}
	}
	return nil
}

// spelled finds a name as the backend does.
func (m *model) spelled(dir *modelLink, name string) *modelLink {
	for _, l := range dir.file.links {
		if l.name == name || !m.exact && fold(l.name) == fold(name) {
			return l
		}
	}
	return nil
}

// dirOf resolves the directory of a name; nil: it isn't there.
func (m *model) dirOf(name string) (dir *modelLink, base string) {
	parts := strings.Split(name, `\`)
	last := len(parts) - 1
	dir = m.root
	for _, p := range parts[:last] {
		if dir = m.lookup(dir, p); dir == nil || !dir.file.dir {
			return nil, ""
		}
	}
	return dir, parts[last]
}

func (m *model) path(l *modelLink) string {
	switch {
	case l == m.root:
		return ""
	case l.parent == m.root:
		return l.name
	}
	return m.path(l.parent) + `\` + l.name
}

// below reports whether l is somewhere below top.
func (m *model) below(l, top *modelLink) bool {
	for ; l != m.root; l = l.parent {
		if l.parent == top {
			return true
		}
	}
	return false
}

func (m *model) add(dir *modelLink, name string, f *modelFile) *modelLink {
	l := &modelLink{parent: dir, name: name, file: f}
	dir.file.links = append(dir.file.links, l)
	return l
}

func (m *model) remove(l *modelLink) {
	m.take(l)
	l.gone, l.doomed = true, false
}

// take takes l out of its directory.
func (m *model) take(l *modelLink) {
	d := l.parent.file
	d.links = slices.DeleteFunc(d.links, func(x *modelLink) bool { return x == l })
}

// each calls f for what is below dir, the deepest first; f may remove it.
func (m *model) each(dir *modelLink, f func(l *modelLink)) {
	for _, l := range slices.Clone(dir.file.links) {
		if l.file.dir {
			m.each(l, f)
		}
		f(l)
	}
}

// opened reports whether is is true of an open.
func (m *model) opened(is func(o *modelOpen) bool) bool { return slices.ContainsFunc(m.opens, is) }

// isDir reports whether the handle is of a directory itself, not of a stream that this has.
func (o *modelOpen) isDir() bool { return o.file.dir && o.stream == nil }

// content is what is read and written with the handle.
func (o *modelOpen) content() *[]byte {
	if o.stream != nil {
		return &o.stream.content
	}
	return &o.file.content
}
