package smb_test

import (
	"fmt"

	"github.com/gosmbd/smb/internal/smbtest"
	"github.com/gosmbd/smb/smb2"
)

// makeFile opens a file or makes it, which has then a tag of this client's.
func (c *concurrentClient) makeFile() {
	d := pick(c.rnd, smb2.Create, smb2.Create, smb2.OpenIf, smb2.Open)
	if c.mode.overwrite && c.rnd.IntN(3) == 0 {
		d = pick(c.rnd, smb2.OverwriteIf, smb2.Supersede, smb2.Overwrite)
	}
	opts := smb2.OptionNonDirectoryFile
	deletes := !c.mode.overwrite && c.rnd.IntN(12) == 0
	if deletes {
		opts |= smb2.OptionDeleteOnClose
	}
	q := c.request(c.name(), d, opts)
	resp, st := c.create(q)
	if st != ok {
		return
	}
	o := &concurrentOpen{id: resp.FileID, path: q.Name, deleted: deletes}
	c.opens = append(c.opens, o)
	switch resp.Action {
	case smb2.ActionOpened:
		if o.tag = c.tag(o.id); deletes {
			c.tell(o.tag, "delete at CLOSE %s", o.path)
			c.ledger.deleteAtClose(o.tag)
		}
		return
	case smb2.ActionOverwritten, smb2.ActionSuperseded:
		c.ledger.replaced()
	}
	c.serial++
	tag := fmt.Sprintf("T%d-%d", c.i, c.serial)
	c.ledger.add(tag, fmt.Sprintf("%d: made as %s, action %d, delete at CLOSE %v", c.i, q.Name, resp.Action, deletes))
	if deletes {
		c.ledger.deleteAtClose(tag)
	}
	c.write(o.id, 0, tagged(tag))
	o.tag = tag
}

// writeSlot writes where nobody else writes.
func (c *concurrentClient) writeSlot(o *concurrentOpen) {
	c.serial++
	off := int64(64 + 32*(c.i*20+c.serial%20))
	val := tagged(fmt.Sprintf("%s|%d-%d", o.tag, c.i, c.serial))
	c.write(o.id, off, val)
	c.ledger.with(o.tag, func(x *ledgerFile) { x.slots[off] = val })
}

func (c *concurrentClient) rename(o *concurrentOpen) {
	to, replace, posix := c.name(), c.mode.replace && c.rnd.IntN(2) == 0, c.rnd.IntN(3) == 0
	if c.rnd.IntN(6) == 0 {
		to = c.either(o.path)
	}
	st := c.set(o.id, smb2.ClassFileRenameInformationEx, renameInfo(to, replace, posix))
	c.tell(o.tag, "rename %s to %s, replace %v posix %v: %v", o.path, to, replace, posix, st)
	if st != ok {
		return
	}
	if o.path = to; replace {
		c.ledger.replaced()
	}
	c.ledger.with(o.tag, func(x *ledgerFile) {
		if c.mode.links && x.names > 1 {
			x.kills++ // if it was renamed over another link of it
		}
	})
}

// link adds a link. With replace nobody knows whether the file has one more now.
func (c *concurrentClient) link(o *concurrentOpen) {
	to, replace := c.name(), c.mode.replace && c.rnd.IntN(2) == 0
	st := c.set(o.id, smb2.ClassFileLinkInformation, smb2.FileLinkInformation{ReplaceIfExists: replace, FileName: to})
	c.tell(o.tag, "link %s to %s, replace %v: %v", o.path, to, replace, st)
	switch {
	case st != ok:
	case replace:
		c.ledger.replaced()
	default:
		c.ledger.with(o.tag, func(x *ledgerFile) { x.names++ })
	}
}

func (c *concurrentClient) delete(o *concurrentOpen) {
	flags := smb2.DispositionDelete
	if c.rnd.IntN(2) == 0 {
		flags |= smb2.DispositionPosixSemantics
	}
	st := c.set(o.id, smb2.ClassFileDispositionInformationEx, smb2.FileDispositionInformationEx{Flags: flags})
	c.tell(o.tag, "delete %s, flags %d: %v", o.path, flags, st)
	if st != ok {
		return
	}
	o.deleted = true
	c.ledger.with(o.tag, func(x *ledgerFile) {
		x.kills++
		x.deleted = true
	})
	if c.rnd.IntN(2) == 0 {
		c.close(o)
	}
}

// useDirectory makes a directory or opens it, and renames or deletes it.
func (c *concurrentClient) useDirectory() {
	resp, st := c.create(c.request(c.dirName(), smb2.OpenIf, smb2.OptionDirectoryFile))
	if st != ok {
		return
	}
	switch c.rnd.IntN(3) {
	case 0:
		c.set(resp.FileID, smb2.ClassFileRenameInformation, smb2.FileRenameInformation{FileName: c.dirName(), ReplaceIfExists: c.rnd.IntN(4) == 0})
	case 1:
		flags := smb2.DispositionDelete
		if c.rnd.IntN(2) == 0 {
			flags |= smb2.DispositionPosixSemantics
		}
		c.set(resp.FileID, smb2.ClassFileDispositionInformationEx, smb2.FileDispositionInformationEx{Flags: flags})
	}
	st = c.closeID(resp.FileID)
	if st == smb2.StatusDirectoryNotEmpty {
		return // something came into it between the check that it's empty and the mark of whoever deletes it, and both stay
	}
	want(c.t, "CLOSE of a directory", st, ok)
}

// useStream writes, deletes or renames a stream of the file, if that still has the name that this client gave it.
func (c *concurrentClient) useStream(o *concurrentOpen) {
	name := fmt.Sprintf("s%d", c.i)
	q := smbtest.CreateReq(o.path+":"+name, smb2.OpenIf)
	resp, st := c.create(q)
	if st != ok {
		return
	}
	id := resp.FileID
	defer func() { want(c.t, "CLOSE of a stream", c.closeID(id), ok) }()
	if c.fileID(id) != c.fileID(o.id) {
		return
	}
	c.serial++
	switch c.rnd.IntN(4) {
	case 0:
		st = c.set(id, smb2.ClassFileDispositionInformation, smb2.FileDispositionInformation{DeletePending: true})
		c.tell(o.tag, "delete %s: %v", q.Name, st)
		if st == ok {
			c.ledger.with(o.tag, func(x *ledgerFile) { delete(x.streams, name) })
		}
	case 1:
		to := fmt.Sprintf("r%d-%d", c.i, c.serial%3)
		st = c.set(id, smb2.ClassFileRenameInformation, smb2.FileRenameInformation{FileName: ":" + to})
		c.tell(o.tag, "rename %s to :%s: %v", q.Name, to, st)
		c.ledger.with(o.tag, func(x *ledgerFile) {
			if val, there := x.streams[name]; there && st == ok {
				delete(x.streams, name)
				x.streams[to] = val
			}
		})
	default:
		val := tagged(fmt.Sprintf("%s|stream %d-%d", o.tag, c.i, c.serial))
		c.write(id, 0, val)
		c.tell(o.tag, "write %s", q.Name)
		c.ledger.with(o.tag, func(x *ledgerFile) { x.streams[name] = val })
	}
}
