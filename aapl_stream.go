package smb

import (
	"context"
	"errors"

	"github.com/gosmbd/smb/vfs"
)

// What becomes of the streams that macOS keeps Finder info and resource fork in. There are
// none that are empty: when the last open of one goes that may have been left so, it is
// removed. A resource fork with content is not removed for being deleted, as on Apple's
// server; clients empty it instead.

// errKept is returned for a stream that was not removed since it isn't empty.
var errKept = errors.New("smb: the stream isn't empty")

// mayEmpty reports whether o may leave a stream empty that is not to be. In a snapshot one
// that is stays.
func (o *open) mayEmpty() bool {
	return !o.m.frozen() && o.kind != notApple && (o.tidy || o.access&sharedWrite != 0)
}

// removeStream removes the stream f from its object.
func (f *file) removeStream(ctx context.Context, s vfs.Streamer, stream string) error {
	f.mu.Lock()
	onlyEmpty := f.onlyEmpty
	f.mu.Unlock()
	if onlyEmpty {
		sf, err := s.OpenStream(ctx, stream, vfs.StreamOptions{OpenOptions: vfs.OpenOptions{Access: vfs.ReadAttributes}})
		if err != nil {
			return err
		}
		a, err := sf.Stat(ctx)
		sf.Close()
		switch {
		case err != nil:
			return err
		case a.Size > 0:
			return errKept
		}
	}
	return s.RemoveStream(ctx, stream)
}

// claimDoomed claims the name by which f is to be removed, which may change until then
// with that of a directory above.
func (m *mount) claimDoomed(ctx context.Context, f *file) (name, stream string, c claim, err error) {
	for {
		name, stream = f.doomedName()
		c = claim{key: foldPath(name), exclusive: true, subtree: f.dir}
		if err = m.claim(ctx, c); err != nil {
			return "", "", c, err
		}
		if now, _ := f.doomedName(); now == name {
			return name, stream, c, nil
		}
		m.unclaim(c)
	}
}

// hides reports whether the stream is not shown to clients of t. dir is whether it is a
// directory's.
func (t *tree) hides(info vfs.StreamInfo, dir bool) bool {
	if !t.apple() {
		return false
	}
	switch t.share.appleStream(info.Name) {
	case appleInfo:
		return info.Size != infoSize
	case appleResource:
		return dir || info.Size == 0
	}
	return info.Size == 0 && t.se.hasAAPL(0)
}

// empty empties the stream or file for it to be overwritten.
func (o *open) empty() error {
	if i, ok := o.f.(*infoFile); ok {
		return i.clear()
	}
	return o.trunc.Truncate(0)
}
