//go:build unix

package osfs

import (
	"io/fs"
	"os"

	"golang.org/x/sys/unix"

	"github.com/gosmbd/smb/vfs"
)

// openFlags translates the rights to a file.
func openFlags(opt vfs.OpenOptions) int {
	flags := os.O_RDONLY
	switch {
	case opt.Writes() && opt.Reads():
		flags = os.O_RDWR
	case opt.Writes():
		flags = os.O_WRONLY
	}
	if opt.WriteThrough && opt.Writes() {
		flags |= syncFlag
	}
	return flags
}

// openPortable does the same with os.Root. A handle for attributes needs the
// right to read or write the content here.
func (f *FS) openPortable(name string, opt vfs.OpenOptions) (*File, error) {
	info, err := f.root.Stat(name)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() && !info.Mode().IsRegular() {
		return nil, errSpecial
	}
	data := opt.Reads() || opt.Writes()
	flags := openFlags(opt)
	if info.IsDir() {
		flags, data = os.O_RDONLY|unix.O_DIRECTORY, false
	}
	// Should the file become a pipe meanwhile, O_NONBLOCK doesn't wait for
	// its other end.
	file, err := f.root.OpenFile(name, flags|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
	if !data && !info.IsDir() && os.IsPermission(err) {
		file, err = f.root.OpenFile(name, os.O_WRONLY|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
	}
	if err != nil {
		return nil, err
	}
	if f.conceals(int(file.Fd())) {
		file.Close()
		return nil, fs.ErrNotExist
	}
	h := newFile(f, name, file, data, info.IsDir())
	var st status
	if err := st.fd(h.fd); err != nil || st.dir() != h.dir || !st.dir() && !st.regular() {
		file.Close()
		if err == nil {
			err = errSpecial
		}
		return nil, err
	}
	return h, nil
}
