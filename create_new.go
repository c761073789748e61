package smb

import (
	"context"
	"errors"
	"io/fs"

	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs"
)

// A CREATE of what isn't there.

// makeNew makes the object.
func (c *creation) makeNew() error {
	if c.stream.name != "" {
		return c.makeStream()
	}
	o := c.o
	dir := c.req.Options&smb2.OptionDirectoryFile != 0
	if err := c.checkNew(dir); err != nil {
		return err
	}
	if err := c.checkLease(nil); err != nil {
		return err
	}
	attrs := c.attrs
	if !dir {
		attrs |= vfs.AttrArchive
	}
	opt := vfs.CreateOptions{
		OpenOptions: c.openOptions(o.access), Directory: dir, Attributes: attrs, Security: c.security,
		NoCompression: c.req.Options&smb2.OptionNoCompression != 0,
	}
	opt.Mode, opt.HasMode = c.posixCreateMode()
	o.clears = o.posix && c.r.tree.access()&vfs.WriteAttributes != 0
	f, err := c.makeObject(opt)
	if err != nil {
		return err
	}
	var attr vfs.Attr
	if err = c.setNewEAs(f); err == nil {
		attr, err = f.Stat(c.ctx)
	}
	if err == nil && c.contexts.maximal {
		c.most, err = c.permitted(attr)
	}
	if err == nil {
		o.setFile(f)
		o.shared = o.access
		o.deleteOnClose = c.req.Options&smb2.OptionDeleteOnClose != 0
		o.posixDelete = o.deleteOnClose && o.posix
		err = c.joinNew(attr)
	}
	if err != nil {
		c.discard(f, vfs.WriteData)
		if c.m.findOpen(attr, o.name) == nil { // else others opened it
			c.unmake(false, true)
		}
		return err
	}
	o.file.mu.Lock()
	o.file.alloc = c.contexts.alloc
	o.file.mu.Unlock()
	o.did()
	c.m.entryChanged(o.holder, added(o.name, dir))
	c.action = smb2.ActionCreated
	return c.statNew()
}

// makeObject lets the backend make a file or directory.
func (c *creation) makeObject(opt vfs.CreateOptions) (vfs.File, error) {
	defer c.m.names.change(c.o.name)()
	opt.Owner = c.r.id.caller.SID
	f, err := c.m.creator.Create(c.ctx, c.o.name, opt)
	switch {
	case errors.Is(err, errors.ErrUnsupported) && opt.Directory:
		return nil, smb2.StatusNotSupported // a backend that has files only
	case errors.Is(err, errors.ErrUnsupported):
		return nil, smb2.StatusMediaWriteProtected
	case errors.Is(err, fs.ErrExist):
		c.hidden = true
		return nil, errRaced
	case isMissing(err):
		return nil, smb2.StatusObjectPathNotFound
	case err != nil:
		return nil, err
	}
	c.m.names.added(c.o.name)
	return f, nil
}

// joinNew is join for a file that was just made. One that is about to be removed, and had
// its id, is gone already, whoever did that, and isn't waited for: who is to remove it waits
// for the name, which is claimed.
func (c *creation) joinNew(attr vfs.Attr) error {
	c.made = true
	for {
		wait, err := c.join(attr, false)
		if wait == nil {
			return err
		}
		select {
		case <-wait:
		case <-c.ctx.Done():
			return context.Cause(c.ctx)
		}
	}
}
