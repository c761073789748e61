package smb_test

import (
	"slices"

	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs"
)

// delete is FileDispositionInformation, posix that of the other form. [MS-FSA] 2.1.5.15.3, 2.1.5.15.4
func (m *model) delete(o *modelOpen, posix bool) smb2.Status {
	switch {
	case o.access&vfs.Delete == 0:
		return smb2.StatusAccessDenied
	case o.link.gone:
		return ok
	case o.file.readOnly && !m.posix:
		return smb2.StatusCannotDelete
	case o.stream == nil && len(o.file.links) > 0:
		return smb2.StatusDirectoryNotEmpty
	}
	*o.doomed() = true
	o.posixDelete = posix
	return ok
}

func (m *model) undelete(o *modelOpen) smb2.Status {
	switch {
	case o.access&vfs.Delete == 0:
		return smb2.StatusAccessDenied
	case o.link.gone:
		return smb2.StatusFileDeleted
	}
	*o.doomed() = false
	for _, x := range m.opens {
		if x.stream == o.stream && x.link == o.link {
			x.posixDelete = false
		}
	}
	return ok
}

// doomed is the mark of what the handle deletes: a stream, or the name it was opened by.
func (o *modelOpen) doomed() *bool {
	if o.stream != nil {
		return &o.stream.doomed
	}
	return &o.link.doomed
}

// close is CLOSE. A directory that isn't empty stays, and nobody is told. [MS-FSA] 2.1.5.5
func (m *model) close(o *modelOpen) {
	m.opens = slices.DeleteFunc(m.opens, func(x *modelOpen) bool { return x == o })
	full := o.isDir() && len(o.file.links) > 0
	if o.deleteOnClose && !o.link.gone && !full {
		*o.doomed() = true
	}
	of := func(x *modelOpen) bool { return x.file == o.file }
	if o.stream != nil {
		if m.opened(func(x *modelOpen) bool { return x.stream == o.stream }) {
			return
		}
		if o.stream.doomed {
			delete(o.file.streams, fold(o.stream.name))
		}
	}
	if !m.opened(of) {
		m.removeDoomed(o.file, func(*modelLink) bool { return true })
		return
	}
	// Of a file that stays open a name goes with the handle that deletes it by POSIX, or when nobody has the file open by it,
	// but not while a stream is open.
	if o.stream != nil || m.opened(func(x *modelOpen) bool { return of(x) && x.stream != nil }) {
		return
	}
	m.removeDoomed(o.file, func(l *modelLink) bool {
		return o.posixDelete && l == o.link || !m.opened(func(x *modelOpen) bool { return x.link == l })
	})
}

// removeDoomed removes those names of f that are to be deleted and of which may is true.
func (m *model) removeDoomed(f *modelFile, may func(l *modelLink) bool) {
	m.each(m.root, func(l *modelLink) {
		if l.file == f && l.doomed && may(l) {
			m.remove(l)
		}
	})
}

// anyDoomed reports whether a name of f is to be deleted.
func (m *model) anyDoomed(f *modelFile) (found bool) {
	m.each(m.root, func(l *modelLink) { found = found || l.file == f && l.doomed })
	return found
}
