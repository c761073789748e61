package osfs

import (
	"context"
	"errors"
	"iter"
	"os"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/gosmbd/smb/vfs"
)

var (
	_ vfs.Sparser     = (*File)(nil)
	_ vfs.RangeCloner = (*File)(nil)
	_ vfs.Compressor  = (*File)(nil)
)

// fillChunk bounds one allocation, so that it can be cancelled.
const fillChunk = 1 << 30

// SetSparse keeps AttrSparse in user.DOSATTRIB. The holes of a file that is no longer
// sparse are allocated, if there is room for all of them and the file system can.
func (h *File) SetSparse(ctx context.Context, sparse bool) error {
	if h.dir {
		return h.fail("setsparse", vfs.ErrIsDir)
	}
	if err := h.mayChange(); err != nil {
		return h.fail("setsparse", err)
	}
	if !sparse {
		if err := h.change(func() error { return h.fill(ctx) }); err != nil {
			return h.fail("setsparse", err)
		}
	}
	err := h.changeStored(func(d *dosInfo) {
		d.attributes &^= vfs.AttrSparse
		if sparse {
			d.attributes |= vfs.AttrSparse
		}
	})
	return h.fail("setsparse", unsupported(err))
}

// fill allocates what the file lacks.
func (h *File) fill(ctx context.Context) error {
	var st status
	var disk unix.Statfs_t
	err := errors.Join(st.fd(h.fd), again(func() error { return unix.Fstatfs(h.fd, &disk) }))
	if err != nil {
		return err
	}
	lacks := st.size - st.blocks*512
	switch {
	case lacks <= 0:
		return nil
	case uint64(lacks)/uint64(disk.Bsize) > disk.Bavail:
		return vfs.ErrNoSpace
	}
	return h.withContent(os.O_WRONLY, func(fd int) error {
		for off := int64(0); off < st.size; off += fillChunk {
			if err := ctx.Err(); err != nil {
				return err
			}
			err := again(func() error {
				return unix.Fallocate(fd, unix.FALLOC_FL_KEEP_SIZE, off, min(fillChunk, st.size-off))
			})
			if err == unix.EOPNOTSUPP {
				return nil // there is no storage to be had in advance
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// withContent calls act with a descriptor that gives access to content, which the
// handle may not have. That of a device or a pipe isn't opened for anything.
func (h *File) withContent(flags int, act func(fd int) error) error {
	if h.hollow {
		return errors.ErrUnsupported
	}
	if !h.path {
		if err := act(h.fd); err != unix.EBADF {
			return err
		}
	}
	fd, err := h.fs.reopen(h.fd, flags|unix.O_NONBLOCK)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return act(fd)
}

// Allocated lists the data between holes.
func (h *File) Allocated(ctx context.Context, r vfs.Range) iter.Seq2[vfs.Range, error] {
	return func(yield func(vfs.Range, error) bool) {
		if err := h.content(); err != nil {
			yield(vfs.Range{}, h.fail("allocated", err))
			return
		}
		for at := r.Off; at < r.End(); {
			data, err := h.nextData(ctx, at, r.End())
			if err != nil {
				yield(vfs.Range{}, h.fail("allocated", unsupported(err)))
				return
			}
			if data.Len <= 0 || !yield(data, nil) {
				return
			}
			at = data.End()
		}
	}
}

// nextData returns the first range with data from off on, an empty one if there is
// none before end.
func (h *File) nextData(ctx context.Context, off, end int64) (r vfs.Range, err error) {
	if err := ctx.Err(); err != nil {
		return r, err
	}
	// Reads and writes carry their own offsets, so nobody is disturbed.
	data, err := unix.Seek(h.fd, off, unix.SEEK_DATA)
	if err == nil && data < end {
		var hole int64
		if hole, err = unix.Seek(h.fd, data, unix.SEEK_HOLE); err == nil {
			return vfs.Range{Off: data, Len: min(hole, end) - data}, nil
		}
	}
	if err == unix.ENXIO { // at the end of file, or it was cut off meanwhile
		err = nil
	}
	return r, err
}

// Punch makes a hole.
func (h *File) Punch(ctx context.Context, r vfs.Range) error {
	if err := h.content(); err != nil {
		return h.fail("punch", err)
	}
	err := h.change(func() error {
		return again(func() error {
			return unix.Fallocate(h.fd, unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, r.Off, r.Len)
		})
	})
	return h.fail("punch", unsupported(err))
}

// CloneRange shares blocks where the file system can: btrfs, xfs and some others.
func (h *File) CloneRange(ctx context.Context, r vfs.Range, src vfs.File, srcOff int64) error {
	s, ok := vfs.As[*File](src)
	if !ok {
		return errors.ErrUnsupported
	}
	if err := errors.Join(h.content(), s.content(), ctx.Err()); err != nil {
		return h.fail("clone", err)
	}
	arg := unix.FileCloneRange{
		Src_fd: int64(s.fd), Src_offset: uint64(srcOff), Src_length: uint64(r.Len), Dest_offset: uint64(r.Off),
	}
	err := h.change(func() error { return again(func() error { return unix.IoctlFileCloneRange(h.fd, &arg) }) })
	if err == unix.EXDEV {
		return errors.ErrUnsupported
	}
	return h.fail("clone", unsupported(err))
}

// unsupported maps what the system says of what a file system can't do.
func unsupported(err error) error {
	switch err {
	case unix.EOPNOTSUPP, unix.ENOTTY, unix.ENOSYS, errNotStored:
		return errors.ErrUnsupported
	}
	return err
}

// SetCompressed sets what lsattr shows as c, for btrfs and its like.
func (h *File) SetCompressed(ctx context.Context, compressed bool) error {
	if err := h.mayChange(); err != nil {
		return h.fail("setcompressed", err)
	}
	return h.fail("setcompressed", unsupported(h.setCompressed(compressed)))
}

func (h *File) setCompressed(compressed bool) error {
	return h.withContent(os.O_RDONLY, func(fd int) error {
		flags, err := unix.IoctlGetUint32(fd, unix.FS_IOC_GETFLAGS)
		if err != nil {
			return err
		}
		flags &^= flagCompressed | flagNotCompressed
		if compressed {
			flags |= flagCompressed
		}
		return unix.IoctlSetPointerInt(fd, unix.FS_IOC_SETFLAGS, int(flags))
	})
}

// Flags of a file, as of ioctl_iflags(2).
const (
	flagCompressed    = 0x00000004
	flagNotCompressed = 0x00000400
)

// abilities is what the file system below the root can do. They are found out by
// trying, on a file without a name.
type abilities struct {
	once                        sync.Once
	sparse, clones, compression bool
}

func (f *FS) abilities() *abilities {
	a := &f.sys.abilities
	a.once.Do(func() {
		var files [2]*File
		for i := range files {
			fd, err := unix.Openat(f.sys.rootfd, ".", unix.O_TMPFILE|unix.O_RDWR|unix.O_CLOEXEC, 0o600)
			if err != nil {
				return // nobody may write here, or it can't be told
			}
			files[i] = newFile(f, ".", os.NewFile(uintptr(fd), "."), true, false)
			defer files[i].Close()
		}
		a.find(files[0], files[1])
	})
	return a
}

func (a *abilities) find(from, to *File) {
	const block = 64 << 10 // at least as large as that of any file system
	ctx := context.Background()
	content := make([]byte, 2*block)
	content[block] = 1
	for _, h := range []*File{from, to} {
		if _, err := h.WriteAt(content, 0); err != nil {
			return
		}
	}
	if from.Punch(ctx, vfs.Range{Len: block}) == nil && from.SetSparse(ctx, true) == nil {
		for r, err := range from.Allocated(ctx, vfs.Range{Len: 2 * block}) {
			a.sparse = err == nil && r == vfs.Range{Off: block, Len: block}
			break
		}
	}
	a.clones = to.CloneRange(ctx, vfs.Range{Len: block}, from, block) == nil
	if to.SetCompressed(ctx, true) == nil {
		st, err := to.Stat(ctx)
		a.compression = err == nil && st.Attributes&vfs.AttrCompressed != 0
	}
}

// dontCompress undoes what a new object inherited. If that fails it is compressed: a
// file that exists is worth more.
func (h *File) dontCompress() {
	if a, err := h.attr(); err == nil && a.Attributes&vfs.AttrCompressed != 0 {
		_ = h.setCompressed(false)
	}
}
