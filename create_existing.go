package smb

import (
	"errors"
	"path"
	"reflect"
	"time"

	"github.com/gosmbd/smb/oplock"
	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs"
)

// A CREATE of what is there: it is looked at first, judged by what was found, and then
// opened for the client, and perhaps overwritten.

// findObject opens the object to look at it; o.name becomes its spelling. When it is
// missing, o.name is where it would be.
func (c *creation) findObject() (vfs.File, error) {
	o := c.o
	c.security = nil
	o.name = c.name
	switch {
	case c.quota:
		return quotaFile{}, nil
	case o.posix && c.m.exact:
		return c.findExact()
	}
	if c.m.folder == nil || c.m.exact {
		f, err := c.look()
		if err == nil || !isMissing(err) {
			return f, err
		}
	}
	var err error
	if o.name, err = c.m.resolve(c.ctx, c.name); err != nil {
		return nil, err
	}
	return c.look()
}

// look opens what is called o.name and finds out what descriptor it has.
func (c *creation) look() (vfs.File, error) {
	f, err := c.m.fs.Open(c.ctx, c.o.name, vfs.OpenOptions{Access: vfs.ReadAttributes})
	if err != nil {
		return nil, err
	}
	if c.security, err = storedSecurity(c.ctx, f); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// openExisting opens what find found. It closes f, unless that is what it opens.
func (c *creation) openExisting(found vfs.File) error {
	o := c.o
	attr, err := c.judge(found)
	if err != nil {
		found.Close()
		return err
	}
	overwrite := c.overwrites()
	access, judged := o.access, c.objectAttr(attr).ID
	if overwrite {
		access |= vfs.WriteData
	}
	f, err := c.openBackend(found, access)
	if !c.reopened || !reflect.ValueOf(f).Comparable() || f != found { // other Files needn't be comparable
		found.Close()
	}
	if err != nil {
		return err
	}
	if attr, err = c.sameObject(f, attr, judged); err != nil {
		c.discard(f, access)
		return err
	}
	o.setFile(f)
	o.shared, o.tidy = o.access, c.blank
	if overwrite {
		o.shared |= vfs.WriteData
	}
	o.deleteOnClose = c.req.Options&smb2.OptionDeleteOnClose != 0
	o.posixDelete = o.deleteOnClose && o.posix
	if c.wait, err = c.join(attr, overwrite); c.wait != nil {
		err = errBreaking
	}
	if err != nil {
		c.discard(f, access)
		return err
	}
	c.action = smb2.ActionOpened
	if c.blank {
		c.action = smb2.ActionCreated
	}
	if overwrite {
		if err := c.overwrite(attr); err != nil {
			c.keep()
			return err
		}
		o.file.mu.Lock()
		o.shared = o.access
		o.file.mu.Unlock()
		c.overwritten()
	}
	if o.access&(sharedRead|sharedWrite|sharedDelete) == 0 && !overwrite && !c.blank && c.stream.name == "" && !o.clears && o.granted.Level == oplock.None {
		// It keeps nobody from anything and caches nothing, so how the object looked a moment ago will do.
		c.attr = o.shown(attr)
		return nil
	}
	return c.statNew()
}

// judge checks that what find found may be opened as the client asks, and returns its
// attributes.
func (c *creation) judge(f vfs.File) (attr vfs.Attr, err error) {
	if attr, err = f.Stat(c.ctx); err != nil {
		return attr, err
	}
	if c.object == nil { // of a stream, find checked the object
		if err := c.checkReparse(f, attr); err != nil {
			return attr, err
		}
	}
	if err := c.checkNeededEAs(f); err != nil {
		return attr, err
	}
	if c.req.Disposition == smb2.Create && !c.blank {
		return attr, smb2.StatusObjectNameCollision
	}
	attr = c.judged(completeAttr(attr))
	if c.most, err = c.permitted(c.objectAttr(attr)); err != nil {
		return attr, err
	}
	if err := c.checkExisting(attr); err != nil {
		return attr, err
	}
	if err := c.grant(c.objectAttr(attr)); err != nil {
		return attr, err
	}
	if c.m.isDoomed(path.Dir(c.o.name)) && c.o.name != "." {
		return attr, smb2.StatusDeletePending
	}
	return attr, nil
}

// openBackend opens for access what was found. When everything was asked for that can
// be had, it makes do with reading.
func (c *creation) openBackend(found vfs.File, access vfs.Access) (vfs.File, error) {
	if c.quota {
		return quotaFile{}, nil
	}
	opt := c.openOptions(c.m.readOnlyAccess(access))
	f, object, err := c.openFound(found, opt)
	if err != nil && c.maximum && !c.overwrites() {
		if st := StatusOf(err); st == smb2.StatusAccessDenied || st == smb2.StatusMediaWriteProtected {
			c.o.access &= vfs.AccessReadOnly | c.desired
			if err := c.mayDelete(); err != nil {
				return nil, err
			}
			opt.Access = c.o.access
			f, object, err = c.openFound(found, opt)
		}
	}
	if err != nil {
		if isMissing(err) {
			err = errRaced
		}
		return nil, err
	}
	if object != nil {
		c.object = object
	}
	return c.r.tree.share.wrapStream(c.stream.name, f), nil
}

// openFound opens what was found, if the backend can do that, or else what has its name
// now.
func (c *creation) openFound(found vfs.File, opt vfs.OpenOptions) (vfs.File, *vfs.Attr, error) {
	if r, ok := found.(vfs.Reopener); ok && c.stream.name == "" {
		c.reopened = true
		f, err := r.Reopen(c.ctx, opt)
		if !errors.Is(err, errors.ErrUnsupported) {
			return f, nil, err
		}
	}
	c.reopened = false
	return openObject(c.ctx, c.m.fs, c.o.name, c.stream.name, opt)
}

// sameObject checks that f is of the object that was judged, by its id; attr are the
// attributes that f had. It returns those that it has now.
func (c *creation) sameObject(f vfs.File, attr vfs.Attr, judged uint64) (vfs.Attr, error) {
	if c.reopened && !c.overwrites() {
		return attr, nil
	}
	attr, err := f.Stat(c.ctx)
	if err == nil && c.objectAttr(attr).ID != judged {
		err = errRaced
	}
	return attr, err
}

func (c *creation) openOptions(access vfs.Access) vfs.OpenOptions {
	return vfs.OpenOptions{Access: access, WriteThrough: c.req.Options&smb2.OptionWriteThrough != 0}
}

// discard closes what was opened for an open that failed.
func (c *creation) discard(f vfs.File, access vfs.Access) {
	if access&sharedWrite != 0 && c.stream.name == "" {
		c.m.noteClosing(c.o.name)
	}
	f.Close()
}

func (c *creation) overwrites() bool {
	switch c.req.Disposition {
	case smb2.Supersede, smb2.Overwrite, smb2.OverwriteIf:
		return true
	}
	return false
}

// overwrite empties the file and gives it the attributes of a new one. Of a named
// stream nothing but the content changes.
func (c *creation) overwrite(attr vfs.Attr) error {
	o := c.o
	if o.trunc == nil {
		return smb2.StatusAccessDenied
	}
	defer o.work().end()
	if err := c.clear(attr); err != nil {
		return err
	}
	o.file.writes.Add(1)
	if o.sparse(attr) {
		if err := ignoreUnsupported(o.sparser.SetSparse(c.ctx, false)); err != nil {
			return err
		}
	}
	if c.stream.name == "" && !o.posix {
		if err := c.dropStreams(); err != nil {
			return err
		}
	}
	o.file.mu.Lock()
	o.file.alloc = c.contexts.alloc
	o.file.mu.Unlock()
	switch {
	case c.blank:
		c.action = smb2.ActionCreated
	case c.req.Disposition == smb2.Supersede:
		c.action = smb2.ActionSuperseded
	default:
		c.action = smb2.ActionOverwritten
	}
	return nil
}

// overwritten tells those who opened the file meanwhile, and perhaps began to cache
// what was in it or what the directory shows of it.
func (c *creation) overwritten() {
	f := c.o.file
	f.mu.Lock()
	breaks, _ := f.cache().CheckOpen(time.Now(), c.o.holder, true, false)
	f.mu.Unlock()
	c.m.srv.sendBreaks(f, breaks)
	c.m.entryChanged(c.o.holder, c.o.modified(dataFilter|smb2.FileNotifyChangeAttributes|c.changed))
}
