package osfs

import (
	"bytes"
	"context"
	"encoding/binary"
	"io/fs"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// scanBuffer is most of what a listing holds that waits for its client to go on. With less
// there are NFS servers that leave names out, see https://go.dev/issue/24015.
const scanBuffer = 8 << 10

var scanBuffers = sync.Pool{New: func() any { return new([scanBuffer]byte) }}

// dirEntry is what a directory itself says of what is in it.
type dirEntry struct {
	name string
	typ  fs.FileMode // fs.ModeIrregular if it isn't known
}

func (e dirEntry) Name() string      { return e.name }
func (e dirEntry) Type() fs.FileMode { return e.typ }

// scan calls do with what is in the directory d until do returns false. Entries are made one
// by one: those that an os.File makes at once would be held until they are asked for.
func scan(ctx context.Context, d *os.File, do func(e dirEntry) bool) error {
	fd := int(d.Fd())
	buf := scanBuffers.Get().(*[scanBuffer]byte)
	defer scanBuffers.Put(buf)
	for ctx.Err() == nil {
		var n int
		err := again(func() (err error) {
			n, err = unix.Getdents(fd, buf[:])
			return err
		})
		if err != nil || n <= 0 {
			return err
		}
		for rest := buf[:n]; len(rest) > 0; {
			var e dirEntry
			var ok bool
			if e, rest, ok = cutDirent(rest); !ok {
				return unix.EIO
			}
			if e.name != "." && e.name != ".." && !do(e) {
				return nil
			}
		}
	}
	return ctx.Err()
}

// cutDirent takes the first struct linux_dirent64 from b: the numbers of the inode and of
// the next entry, its own length, the type and the name with a NUL at least.
func cutDirent(b []byte) (e dirEntry, rest []byte, ok bool) {
	const length, kind, name = 16, 18, 19
	if len(b) <= name {
		return e, nil, false
	}
	n := int(binary.NativeEndian.Uint16(b[length:]))
	if n <= name || n > len(b) {
		return e, nil, false
	}
	text, _, _ := bytes.Cut(b[name:n], []byte{0})
	return dirEntry{string(text), direntType(b[kind])}, b[n:], true
}

func direntType(kind byte) fs.FileMode {
	switch kind {
	case unix.DT_REG:
		return 0
	case unix.DT_DIR:
		return fs.ModeDir
	case unix.DT_LNK:
		return fs.ModeSymlink
	case unix.DT_FIFO:
		return fs.ModeNamedPipe
	case unix.DT_SOCK:
		return fs.ModeSocket
	case unix.DT_BLK:
		return fs.ModeDevice
	case unix.DT_CHR:
		return fs.ModeDevice | fs.ModeCharDevice
	}
	return fs.ModeIrregular
}
