package smb

import (
	"context"
	"errors"
	"io/fs"
	"strings"

	"github.com/gosmbd/smb/oplock"
	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs"
)

// renameStream gives a stream another name, which begins with a colon. [MS-FSA]
// 2.1.5.15.12.1
func (r *request) renameStream(ctx context.Context, name string, root uint64, replace bool) error {
	o := r.open
	if root != 0 || o.file.dir {
		return smb2.StatusInvalidParameter
	}
	_, s, err := splitStream(name)
	switch {
	case err != nil:
		return smb2.StatusInvalidParameter
	case s.index:
		return smb2.StatusObjectTypeMismatch
	case s.name == "" && o.file.base == nil:
		return nil // as it is called already
	case s.name == "", o.file.base == nil:
		// What a named stream holds isn't moved into the unnamed one, nor back.
		return smb2.StatusNotSupported
	}
	if err := r.breakFor(o.file, o.holder, oplock.OpRename); err != nil {
		return err
	}
	for races := 0; races < 8; races++ {
		if err := o.attemptRenameStream(ctx, s.name, replace); err != errRaced {
			return err
		}
	}
	return smb2.StatusSharingViolation
}

// attemptRenameStream claims the name of the file and does it, unless a rename of that was first.
func (o *open) attemptRenameStream(ctx context.Context, to string, replace bool) error {
	path := o.path()
	c := claim{key: foldPath(path), exclusive: true}
	if err := o.m.claim(ctx, c); err != nil {
		return err
	}
	defer o.m.unclaim(c)
	if o.path() != path {
		return errRaced
	}
	return o.renameStream(ctx, path, to, replace)
}

// renameStream does it; the name of the file is claimed.
func (o *open) renameStream(ctx context.Context, path, to string, replace bool) error {
	f, m := o.file, o.m
	from := o.streamName()
	if f.isDeletePending() || f.base.isDeletePending() {
		return smb2.StatusDeletePending
	}
	if o.isElsewhere(ctx, path) {
		return smb2.StatusObjectNameNotFound
	}
	if strings.EqualFold(from, to) {
		return nil
	}
	err := m.withStreamer(ctx, path, func(s vfs.Streamer) error {
		if err := f.checkTarget(ctx, s, to, replace); err != nil {
			return err
		}
		if err := f.willRename(to); err != nil {
			return err
		}
		return s.RenameStream(ctx, from, to, replace)
	})
	if err != nil {
		f.mu.Lock()
		f.renaming = ""
		f.mu.Unlock()
	}
	switch {
	case errors.Is(err, fs.ErrExist):
		return smb2.StatusObjectNameCollision
	case err != nil:
		return err
	}
	f.streamRenamed(to)
	o.renameLease()
	o.did()
	err = f.saveAll()
	m.entryChanged(o.holder, streamChange(path, from, smb2.ActionFileRemovedStream), streamChange(path, to, smb2.ActionFileAddedStream))
	return err
}

// checkTarget checks that the stream called to, if there is one, may be replaced: it
// must be empty and not open.
func (f *file) checkTarget(ctx context.Context, s vfs.Streamer, to string, replace bool) error {
	sf, err := s.OpenStream(ctx, to, vfs.StreamOptions{OpenOptions: vfs.OpenOptions{Access: vfs.ReadAttributes}})
	switch {
	case isMissing(err):
		return nil
	case err != nil:
		return err
	}
	defer sf.Close()
	a, err := sf.Stat(ctx)
	if err != nil {
		return err
	}
	f.m.mu.Lock()
	open := f.base.streams[foldStream(to)] != nil
	f.m.mu.Unlock()
	switch {
	case !replace:
		return smb2.StatusObjectNameCollision
	case open, a.Size > 0:
		return smb2.StatusInvalidParameter
	}
	return nil
}

// streamRenamed gives all opens of f its new name.
func (f *file) streamRenamed(to string) {
	m := f.m
	m.mu.Lock()
	defer m.mu.Unlock()
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.base.streams, foldStream(f.stream))
	for _, o := range f.opens {
		m.dropPath(o.key())
	}
	f.stream, f.renaming = to, ""
	f.base.streams[foldStream(to)] = f
	for _, o := range f.opens {
		m.addPath(o.key(), f)
	}
}
