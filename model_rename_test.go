package smb_test

import (
	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs"
)

// modelNaming is a rename, or adds a link.
type modelNaming struct {
	m              *model
	o              *modelOpen
	to             string
	replace, posix bool
	links          bool

	dir  *modelLink
	base string
}

// rename is FileRenameInformation, posix that with POSIX semantics. [MS-FSA] 2.1.5.15.12, [MS-FSCC] 2.4.43
func (m *model) rename(o *modelOpen, to string, replace, posix bool) smb2.Status {
	switch {
	case o.access&vfs.Delete == 0:
		return smb2.StatusAccessDenied
	case o.stream != nil:
		return smb2.StatusSharingViolation
	}
	n := &modelNaming{m: m, o: o, to: to, replace: replace, posix: posix || m.posix}
	return n.run(n.resolve, n.mayMove, n.checkParents, n.move)
}

// link is FileLinkInformation. [MS-FSA] 2.1.5.15.7
func (m *model) link(o *modelOpen, to string, replace bool) smb2.Status {
	switch {
	case o.stream != nil:
		return smb2.StatusInvalidParameter
	case o.file.dir:
		return smb2.StatusFileIsADirectory
	}
	n := &modelNaming{m: m, o: o, to: to, replace: replace, links: true}
	return n.run(n.resolve, n.addLink)
}

func (n *modelNaming) run(steps ...func() smb2.Status) smb2.Status {
	for _, step := range steps {
		if st := step(); st != ok {
			return st
		}
	}
	return ok
}

func (n *modelNaming) resolve() smb2.Status {
	n.dir, n.base = n.m.dirOf(n.to)
	l := n.o.link
	switch {
	case n.dir == nil:
		return smb2.StatusObjectPathNotFound
	case (l.gone || l.doomed) && n.links:
		return smb2.StatusAccessDenied
	case l.gone || l.doomed:
		return smb2.StatusDeletePending
	}
	return ok
}

// mayMove checks that nothing keeps the file where it is: what is open below a directory, and a stream that is open. A POSIX
// client moves directories in which others of its kind have files open.
func (n *modelNaming) mayMove() smb2.Status {
	m, o := n.m, n.o
	if o.file.dir && (n.dir == o.link || m.below(n.dir, o.link)) {
		return smb2.StatusInvalidParameter
	}
	if m.opened(func(x *modelOpen) bool {
		carried := m.posix && x.posix && !x.deleteOnClose && !x.link.doomed
		return !x.link.gone && m.below(x.link, o.link) && !carried || x.file == o.file && x.stream != nil
	}) {
		return smb2.StatusAccessDenied
	}
	return ok
}

// checkParents checks the sharing of the directories, which a rename opens: no one else may be able to delete or rename them,
// nor keep others from writing where the new name comes.
func (n *modelNaming) checkParents() smb2.Status {
	m := n.m
	if n.dir.doomed {
		return smb2.StatusDeletePending
	}
	if m.opened(func(x *modelOpen) bool {
		to, from := x.file == n.dir.file, x.file == n.o.link.parent.file
		switch {
		case x.stream != nil:
			return false
		case to && x.share&smb2.ShareWrite == 0 && x.access&modelShares != 0:
			return true
		}
		return (to || from) && !n.links && x.access&vfs.Delete != 0 && !(m.posix && x.posix)
	}) {
		return smb2.StatusSharingViolation
	}
	return ok
}

// unmoved reports whether the new name is the very one that the file has.
func (n *modelNaming) unmoved() bool { return n.dir == n.o.link.parent && n.base == n.o.link.name }

// respells reports whether at most the case of the name changes. The directory may be called otherwise, too.
func (n *modelNaming) respells() bool {
	m, l := n.m, n.o.link
	return !(m.posix && m.exact) && fold(m.path(n.dir)) == fold(m.path(l.parent)) && fold(n.base) == fold(l.name)
}

// target is what has the new name.
func (n *modelNaming) target() *modelLink {
	if !n.respells() {
		return n.m.lookup(n.dir, n.base)
	}
	if t := n.m.spelled(n.dir, n.base); t != n.o.link {
		return t
	}
	return nil
}

func (n *modelNaming) move() smb2.Status {
	if n.unmoved() {
		return ok
	}
	m, l, t := n.m, n.o.link, n.target()
	if t != nil && t.file == l.file {
		return n.merge(t)
	}
	if st := n.clear(t); st != ok {
		return st
	}
	m.take(l)
	l.parent, l.name = n.dir, n.base
	n.dir.file.links = append(n.dir.file.links, l)
	return ok
}

// merge renames a file over another link of it: the old one goes, and its handles have the other.
func (n *modelNaming) merge(t *modelLink) smb2.Status {
	if t.doomed {
		return smb2.StatusDeletePending
	}
	from := n.o.link
	n.m.remove(from)
	for _, x := range n.m.opens {
		if x.link == from {
			x.link = t
		}
	}
	return ok
}

// clear removes t, which is to be replaced if it isn't nil, and whose spelling stays.
func (n *modelNaming) clear(t *modelLink) smb2.Status {
	if t == nil {
		return ok
	}
	m, dir := n.m, n.o.file.dir
	switch {
	case !n.replace:
		return smb2.StatusObjectNameCollision
	case t.file.readOnly && !m.posix:
		return smb2.StatusAccessDenied
	case t.file.dir && dir && len(t.file.links) > 0:
		return smb2.StatusDirectoryNotEmpty
	case t.file.dir && !(m.posix && dir):
		return smb2.StatusAccessDenied
	case t.doomed:
		return smb2.StatusDeletePending
	case m.opened(func(x *modelOpen) bool { return x.file == t.file }) && !n.sharesName(t):
		return smb2.StatusAccessDenied
	case dir && !t.file.dir:
		return smb2.StatusObjectPathNotFound // of the backend, which knows no such renames
	}
	n.base = t.name
	m.remove(t)
	return ok
}

// sharesName reports whether a POSIX rename may take the name of t from those who have it open.
func (n *modelNaming) sharesName(t *modelLink) bool {
	return n.posix && !n.links && !n.m.opened(func(x *modelOpen) bool {
		return x.file == t.file && (x.stream != nil || x.share&smb2.ShareDelete == 0 && x.access&modelShares != 0)
	})
}

// addLink adds the link. One that the file has already stays, if it may be replaced.
func (n *modelNaming) addLink() smb2.Status {
	t := n.m.spelled(n.dir, n.base)
	if (n.respells() || n.unmoved()) && (t == nil || t == n.o.link || !n.m.exact) {
		if n.replace {
			return ok
		}
		return smb2.StatusObjectNameCollision
	}
	if st := n.checkParents(); st != ok {
		return st
	}
	if st := n.clear(n.target()); st != ok {
		return st
	}
	n.m.add(n.dir, n.base, n.o.file)
	return ok
}

// renameStream is a rename of the stream that is open. [MS-FSA] 2.1.5.15.12.1
func (m *model) renameStream(o *modelOpen, to string, replace bool) smb2.Status {
	switch {
	case o.access&vfs.Delete == 0:
		return smb2.StatusAccessDenied
	case o.stream.doomed || o.link.doomed || m.anyDoomed(o.file):
		return smb2.StatusDeletePending
	case fold(to) == fold(o.stream.name):
		return ok
	}
	if t := o.file.streams[fold(to)]; t != nil {
		switch {
		case !replace:
			return smb2.StatusObjectNameCollision
		case len(t.content) > 0 || m.opened(func(x *modelOpen) bool { return x.stream == t }):
			return smb2.StatusInvalidParameter
		}
	}
	delete(o.file.streams, fold(o.stream.name))
	o.stream.name = to
	o.file.streams[fold(to)] = o.stream
	return ok
}
