package smb_test

import (
	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs"
)

// The rights that a sharing mode is about. [MS-FSA] 2.1.5.1.2.2
const (
	modelReads  = vfs.ReadData | vfs.Execute
	modelWrites = vfs.WriteData | vfs.AppendData
	modelShares = modelReads | modelWrites | vfs.Delete
)

// denies reports whether who shares so keeps another from what he asks for.
func denies(share smb2.ShareAccess, asked vfs.Access) bool {
	return share&smb2.ShareRead == 0 && asked&modelReads != 0 || share&smb2.ShareWrite == 0 && asked&modelWrites != 0 ||
		share&smb2.ShareDelete == 0 && asked&vfs.Delete != 0
}

// conflict reports whether two handles of a stream can't be.
func conflict(a vfs.Access, shareA smb2.ShareAccess, b vfs.Access, shareB smb2.ShareAccess) bool {
	return a&modelShares != 0 && b&modelShares != 0 && (denies(shareA, b) || denies(shareB, a))
}

// bars reports whether the handle of a stream keeps its file from being opened for deletion.
func bars(stream vfs.Access, share smb2.ShareAccess, file vfs.Access) bool {
	return share&smb2.ShareDelete == 0 && stream&modelShares != 0 && file&vfs.Delete != 0
}

// creating is a CREATE.
type creating struct {
	m        *model
	open     *modelOpen // what comes of it
	d        smb2.Disposition
	opts     smb2.CreateOptions
	readOnly bool   // as the attributes ask; a POSIX client's are no matter
	name     string // of the stream; "" is the unnamed one

	dir    *modelLink
	base   string
	stream *modelStream // nil, though it has a name: is to be made
}

// create is CREATE of file, with the stream if that isn't "". The handle is id if it's granted. [MS-FSA] 2.1.5.1
func (m *model) create(client int, id smb2.FileID, q smb2.CreateRequest, file, stream string) smb2.Status {
	c := &creating{m: m, d: q.Disposition, opts: q.Options, readOnly: vfs.Attributes(q.FileAttributes)&vfs.AttrReadOnly != 0 && !m.posix, name: stream}
	c.open = &modelOpen{client: client, id: id, access: vfs.Access(q.DesiredAccess), share: q.ShareAccess, posix: m.posix}
	c.open.deleteOnClose = q.Options&smb2.OptionDeleteOnClose != 0
	c.open.posixDelete = c.open.deleteOnClose && m.posix
	if c.dir, c.base = m.dirOf(file); c.dir == nil {
		return smb2.StatusObjectPathNotFound
	}
	run := c.make
	if c.open.link = m.lookup(c.dir, c.base); c.open.link != nil {
		run = c.existing
	}
	if st := run(); st != ok {
		return st
	}
	m.opens = append(m.opens, c.open)
	return ok
}

// make makes a file. [MS-FSA] 2.1.5.1.1
func (c *creating) make() smb2.Status {
	switch {
	case c.d == smb2.Open || c.d == smb2.Overwrite:
		return smb2.StatusObjectNameNotFound
	case c.readOnly && c.open.deleteOnClose:
		return smb2.StatusCannotDelete
	case c.dir.doomed:
		return smb2.StatusDeletePending
	}
	o := c.open
	o.file = newModelFile(c.opts&smb2.OptionDirectoryFile != 0)
	o.file.readOnly = c.readOnly
	o.link = c.m.add(c.dir, c.base, o.file)
	c.addStream()
	return ok
}

// existing opens what there is. [MS-FSA] 2.1.5.1.2
func (c *creating) existing() smb2.Status {
	c.open.file = c.open.link.file
	c.stream = c.open.file.streams[fold(c.name)]
	for _, check := range []func() smb2.Status{c.checkKind, c.checkReadOnly, c.checkDoomed, c.checkSharing} {
		if st := check(); st != ok {
			return st
		}
	}
	switch {
	case c.makesStream():
		c.addStream()
	case c.overwrites():
		c.overwrite()
	}
	c.open.stream = c.stream
	return ok
}

func (c *creating) makesStream() bool { return c.name != "" && c.stream == nil }

// overwrites reports whether what is there loses its content.
func (c *creating) overwrites() bool {
	return (c.d == smb2.Supersede || c.d == smb2.Overwrite || c.d == smb2.OverwriteIf) && !c.makesStream()
}

func (c *creating) checkKind() smb2.Status {
	dir := c.open.file.dir
	switch {
	case c.makesStream() && (c.d == smb2.Open || c.d == smb2.Overwrite):
		return smb2.StatusObjectNameNotFound
	case c.d == smb2.Create && !c.makesStream():
		return smb2.StatusObjectNameCollision
	case c.name == "" && dir && c.opts&smb2.OptionNonDirectoryFile != 0:
		return smb2.StatusFileIsADirectory
	case c.name == "" && !dir && c.opts&smb2.OptionDirectoryFile != 0:
		return smb2.StatusNotADirectory
	case c.name == "" && dir && c.overwrites():
		return smb2.StatusObjectNameCollision
	}
	return ok
}

// checkReadOnly refuses what changes a read-only file. A POSIX client may, but for a further stream. No directory is
// read-only here. [MS-FSA] 2.1.5.1.2.1
func (c *creating) checkReadOnly() smb2.Status {
	switch {
	case !c.open.file.readOnly:
	case c.makesStream():
		return smb2.StatusAccessDenied
	case c.m.posix:
	case c.open.access&modelWrites != 0, c.overwrites():
		return smb2.StatusAccessDenied
	case c.open.deleteOnClose:
		return smb2.StatusCannotDelete
	}
	return ok
}

func (c *creating) checkDoomed() smb2.Status {
	if c.dir.doomed || c.open.link.doomed || c.stream != nil && c.stream.doomed {
		return smb2.StatusDeletePending
	}
	return ok
}

// checkSharing holds the request against all who have the file or a stream of it. What overwrites, writes, whether
// it asks for that or not. [MS-FSA] 2.1.4.12, 2.1.5.1.2.2
func (c *creating) checkSharing() smb2.Status {
	asked, share := c.open.access, c.open.share
	if c.overwrites() {
		asked |= vfs.WriteData
	}
	if c.m.opened(func(o *modelOpen) bool {
		switch {
		case o.file != c.open.file:
			return false
		case o.stream == c.stream && !c.makesStream():
			return conflict(asked, share, o.access, o.share)
		case c.name == "":
			return bars(o.access, o.share, asked)
		}
		return o.stream == nil && bars(asked, share, o.access)
	}) {
		return smb2.StatusSharingViolation
	}
	return ok
}

func (c *creating) addStream() {
	if c.name == "" {
		return
	}
	c.stream = &modelStream{name: c.name}
	c.open.file.streams[fold(c.name)] = c.stream
	c.open.stream = c.stream
}

// overwrite takes the content, and with that of a file its streams, of which those that are open are only emptied. A POSIX
// client's O_TRUNC leaves them. [MS-FSA] 2.1.5.1.2.1
func (c *creating) overwrite() {
	f := c.open.file
	switch {
	case c.stream != nil:
		c.stream.content = nil
		return
	case c.m.posix:
		f.content = nil
		return
	}
	f.content, f.readOnly = nil, c.readOnly
	for name, s := range f.streams {
		s.content = nil
		if !c.m.opened(func(o *modelOpen) bool { return o.stream == s }) {
			delete(f.streams, name)
		}
	}
}
