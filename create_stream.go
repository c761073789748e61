package smb

import (
	"context"
	"errors"
	"io/fs"
	"path"
	"time"

	"github.com/gosmbd/smb/internal/notify"
	"github.com/gosmbd/smb/oplock"
	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs"
)

// CREATE of a named stream, and what streams of one file have to do with each other.

// checkStream checks that the kind of stream goes with what the client wants.
// [MS-FSA] 2.1.5.1 phase 7
func (c *creation) checkStream() error {
	opts := &c.req.Options
	switch {
	case c.stream.name != "" && !c.m.streams:
		return smb2.StatusObjectNameInvalid
	case c.stream.data && *opts&smb2.OptionDirectoryFile != 0:
		return smb2.StatusNotADirectory
	case c.stream.index && *opts&smb2.OptionNonDirectoryFile == 0:
		*opts |= smb2.OptionDirectoryFile
	}
	return nil
}

// find opens what the name stands for to look at it, the object or the stream. c.object
// tells of the object if it is there and a stream is looked for.
func (c *creation) find() (vfs.File, error) {
	c.object, c.blank = nil, false
	f, err := c.findObject()
	if err != nil {
		return nil, c.checkAbove(err)
	}
	if c.stream.name == "" {
		return f, nil
	}
	defer f.Close()
	opt := vfs.StreamOptions{OpenOptions: vfs.OpenOptions{Access: vfs.ReadAttributes}}
	s, object, err := streamOf(c.ctx, f, c.stream.name, opt)
	if c.object = object; object != nil {
		if rerr := c.checkReparse(f, *object); rerr != nil {
			if err == nil {
				s.Close()
			}
			return nil, rerr
		}
	}
	if err != nil {
		return nil, err
	}
	c.stream.name = spelling(c.ctx, f, c.stream.name)
	if err = c.checkBlank(s); err != nil {
		s.Close()
	}
	return s, err
}

// objectAttr returns the attributes of what a stream belongs to; a is those of what was
// found.
func (c *creation) objectAttr(a vfs.Attr) vfs.Attr {
	if c.object != nil {
		return *c.object
	}
	return a
}

// barred looks for opens of the object's other streams that don't go together with o: to
// delete the object is to delete its streams. It returns the file that they are opens
// of, and what join returns. The caller holds m.mu. [MS-FSA] 2.1.5.1.2.1
func (f *file) barred(o *open) (by *file, breaks []oplock.Break, wait <-chan struct{}, err error) {
	others := f.streamList()
	if b := f.base; b != nil {
		b.mu.Lock()
		pending, gone := b.doomedAt(f.m.keyOf(o.name)), b.gone
		b.mu.Unlock()
		switch {
		case gone != nil:
			return b, nil, gone, nil
		case pending:
			return b, nil, nil, smb2.StatusDeletePending
		}
		others = []*file{b}
	}
	for _, g := range others {
		if breaks, wait, err = g.bars(o, f); wait != nil || err != nil {
			return g, breaks, wait, err
		}
	}
	return nil, nil, nil, nil
}

// bars reports what opens of f have against o, an open of another stream, that.
func (f *file) bars(o *open, that *file) (breaks []oplock.Break, wait <-chan struct{}, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	conflict := false
	for _, other := range f.opens {
		if that.base == nil {
			conflict = conflict || blocksDelete(other, o)
		} else {
			conflict = conflict || blocksDelete(o, other)
		}
	}
	if !conflict {
		return nil, nil, nil
	}
	if breaks, wait = f.cache().CheckOpen(time.Now(), o.holder, false, true); wait == nil {
		err = smb2.StatusSharingViolation
	}
	return breaks, wait, err
}

// blocksDelete reports whether s, the open of a stream, forbids that o, an open of the
// object, may delete it.
func blocksDelete(s, o *open) bool {
	return s.share&smb2.ShareDelete == 0 && s.shared&(sharedRead|sharedWrite|sharedDelete) != 0 && o.shared&vfs.Delete != 0
}

// makeStream makes a named stream, and the file if that is missing as well.
func (c *creation) makeStream() error {
	o, made := c.o, c.object == nil
	if err := c.prepareStream(); err != nil {
		return err
	}
	opt := vfs.StreamOptions{OpenOptions: c.openOptions(o.access), Create: true, Exclusive: true}
	f, object, err := openStream(c.ctx, c.m.fs, o.name, c.stream.name, opt)
	f = c.r.tree.share.wrapStream(c.stream.name, f)
	o.tidy = true
	switch {
	case errors.Is(err, fs.ErrExist), isMissing(err):
		err = errRaced
	case err == nil && !made && object.ID != c.object.ID:
		f.Close()
		err = errRaced // another one than was judged
	case err == nil:
		c.object = object
		if err = c.joinStream(f, made); err != nil {
			f.Close()
		}
	}
	if err != nil {
		c.unmake(f != nil, made)
		return err
	}
	o.file.mu.Lock()
	o.file.alloc = c.contexts.alloc
	o.file.mu.Unlock()
	if !made && !object.IsDir() && object.Attributes&vfs.AttrArchive == 0 {
		o.setAttr(c.ctx, vfs.AttrChange{Attributes: object.Attributes&settableAttrs | vfs.AttrArchive})
	}
	o.did()
	changes := []notify.Change{streamChange(o.name, c.stream.name, smb2.ActionFileAddedStream)}
	if made {
		changes = append([]notify.Change{added(o.name, false)}, changes...)
	}
	c.m.entryChanged(o.holder, changes...)
	c.action = smb2.ActionCreated
	return c.statNew()
}

// prepareStream checks that the stream may be made, and makes the file if need be.
func (c *creation) prepareStream() error {
	if c.object == nil {
		if err := c.checkNew(false); err != nil {
			return err
		}
	} else if err := c.checkNewStream(); err != nil {
		return err
	}
	if err := c.checkLease(nil); err != nil {
		return err
	}
	if c.object != nil {
		return nil
	}
	f, err := c.makeObject(vfs.CreateOptions{
		OpenOptions: vfs.OpenOptions{Access: vfs.ReadAttributes},
		Attributes:  c.attrs | vfs.AttrArchive,
		Security:    c.security,
	})
	if err != nil {
		return err
	}
	err = c.setNewEAs(f)
	c.m.noteClosing(c.o.name)
	f.Close()
	if err != nil {
		c.unmake(false, true)
	}
	return err
}

// checkNewStream checks that a stream may be made on a file that exists. [MS-FSA]
// 2.1.5.1.2
func (c *creation) checkNewStream() error {
	o, t := c.o, c.r.tree
	switch {
	case t.share.ReadOnly || c.m.creator == nil:
		return smb2.StatusMediaWriteProtected
	}
	var err error
	if c.most, err = c.permitted(*c.object); err != nil {
		return err
	}
	if c.most&vfs.WriteData == 0 {
		return smb2.StatusAccessDenied
	}
	if err := c.grant(*c.object); err != nil {
		return err
	}
	// What is open of the file is asked before anything is touched.
	o.shared = o.access
	c.m.mu.Lock()
	f := c.m.fileOf(*c.object, c.m.keyOf(o.name), c.object, c.stream.name)
	by, breaks, wait, err := f.barred(o)
	c.m.mu.Unlock()
	if by == nil {
		return nil
	}
	c.waitFile, c.wait = by, wait
	c.m.srv.sendBreaks(by, breaks)
	if wait != nil {
		return errBreaking
	}
	return err
}

// joinStream is join for a stream that was just made; fresh is whether the file was,
// too.
func (c *creation) joinStream(f vfs.File, fresh bool) error {
	attr, err := f.Stat(c.ctx)
	if err != nil {
		return err
	}
	o := c.o
	o.setFile(f)
	o.shared = o.access
	o.deleteOnClose = c.req.Options&smb2.OptionDeleteOnClose != 0
	if fresh {
		return c.joinNew(attr)
	}
	// Who removes the file waits for the name, which is claimed.
	if c.wait, err = c.join(attr, false); c.wait != nil {
		err = errBreaking
	}
	return err
}

// unmake removes what was made for an open that failed.
func (c *creation) unmake(stream, object bool) {
	name, dir, ctx := c.o.name, c.req.Options&smb2.OptionDirectoryFile != 0, context.WithoutCancel(c.ctx)
	if stream && !object {
		c.m.withStreamer(ctx, name, func(s vfs.Streamer) error { return s.RemoveStream(ctx, c.stream.name) })
	}
	if object && c.m.remover != nil && c.m.remover.Remove(ctx, name) == nil {
		c.m.names.removed(name, dir)
		// Nobody is told, but the backend will tell the server.
		c.m.noteChange(path.Dir(name), added(name, dir))
		c.m.noteChange(path.Dir(name), removed(name, dir))
	}
}

// dropStreams removes the named streams of a file that is overwritten, as Windows does.
// Those that are open are emptied instead.
func (c *creation) dropStreams() error {
	o := c.o
	s, ok := vfs.As[vfs.Streamer](o.f)
	if !ok || !c.m.streams || c.stream.name != "" {
		return nil
	}
	var names []string
	for info, err := range s.Streams(c.ctx) {
		if err != nil {
			return ignoreUnsupported(err)
		}
		names = append(names, info.Name)
	}
	for _, name := range names {
		if err := c.dropStream(s, name); err != nil && !isMissing(err) {
			return err
		}
	}
	return nil
}

func (c *creation) dropStream(s vfs.Streamer, name string) error {
	c.m.mu.Lock()
	f := c.o.file.streams[foldStream(name)]
	c.m.mu.Unlock()
	if f == nil {
		return s.RemoveStream(c.ctx, name)
	}
	opt := vfs.StreamOptions{OpenOptions: vfs.OpenOptions{Access: vfs.WriteData}}
	sf, err := s.OpenStream(c.ctx, name, opt)
	if err != nil {
		return err
	}
	defer sf.Close()
	if t, ok := vfs.As[vfs.Truncater](sf); ok {
		err = t.Truncate(0)
	}
	c.m.srv.brokenBy(f, c.o.holder, oplock.OpSetSize)
	return err
}
