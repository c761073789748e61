package osfs

import (
	"encoding/binary"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/windows"

	"github.com/gosmbd/smb/vfs"
)

const (
	syncFlag = os.O_SYNC
	dirFlag  = 0
)

// handle is an open handle.
type handle struct {
	file *os.File
	h    windows.Handle
}

func (h *handle) init(file *os.File) { h.file, h.h = file, windows.Handle(file.Fd()) }

func (h *handle) close() error { return h.file.Close() }

// system is what New found out about the machine.
type system struct{ serial uint32 }

func (f *FS) init() error {
	var info windows.ByHandleFileInformation
	err := windows.GetFileInformationByHandle(windows.Handle(f.dir.Fd()), &info)
	f.sys.serial = info.VolumeSerialNumber
	return err
}

// validName refuses names that mean something else to Windows: streams, drives
// and wildcards. Package os refuses devices.
func validName(name string) bool { return !strings.ContainsAny(name, `\:*?"<>|`) }

// setCreateMode: there are no such modes.
func (h *File) setCreateMode(vfs.CreateOptions) {}

func (f *FS) openFile(name string, flags int, mode fs.FileMode) (*os.File, error) {
	return f.root.OpenFile(name, flags, mode)
}

// open opens an existing object. A file is opened for writing only if that was
// granted; SetAttr opens it once more.
func (f *FS) open(name string, opt vfs.OpenOptions) (*File, error) {
	info, err := f.root.Stat(name)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() && !info.Mode().IsRegular() {
		return nil, errSpecial
	}
	flags, data := os.O_RDONLY, opt.Reads() || opt.Writes()
	if info.IsDir() {
		data = false
	} else if opt.Writes() {
		flags = os.O_RDWR
		if opt.WriteThrough {
			flags |= syncFlag
		}
	}
	file, err := f.root.OpenFile(name, flags, 0)
	if err != nil {
		return nil, err
	}
	return newFile(f, name, file, data, info.IsDir()), nil
}

// reopen opens what the handle refers to once more, with other rights: a name
// that is empty, relative to the handle.
func (h *File) reopen(access, options uint32) (windows.Handle, error) {
	empty, err := windows.NewNTUnicodeString("")
	if err != nil {
		return windows.InvalidHandle, err
	}
	// The structure's size: six fields as long as a pointer.
	attributes := windows.OBJECT_ATTRIBUTES{
		Length: 6 * strconv.IntSize / 8, RootDirectory: h.h, ObjectName: empty,
	}
	var handle windows.Handle
	var status windows.IO_STATUS_BLOCK
	err = windows.NtCreateFile(&handle, access|windows.SYNCHRONIZE, &attributes, &status, nil, 0,
		windows.FILE_SHARE_READ|windows.FILE_SHARE_WRITE|windows.FILE_SHARE_DELETE,
		windows.FILE_OPEN, windows.FILE_SYNCHRONOUS_IO_NONALERT|options, 0, 0)
	if status, ok := err.(windows.NTStatus); ok {
		err = status.Errno()
	}
	return handle, err
}

func (h *File) attr() (vfs.Attr, error) {
	var i windows.ByHandleFileInformation
	if err := windows.GetFileInformationByHandle(h.h, &i); err != nil {
		return vfs.Attr{}, err
	}
	a := vfs.Attr{
		ID:         uint64(i.FileIndexHigh)<<32 | uint64(i.FileIndexLow),
		Mode:       0o644,
		Size:       int64(i.FileSizeHigh)<<32 | int64(i.FileSizeLow),
		Created:    time.Unix(0, i.CreationTime.Nanoseconds()),
		Accessed:   time.Unix(0, i.LastAccessTime.Nanoseconds()),
		Written:    time.Unix(0, i.LastWriteTime.Nanoseconds()),
		Links:      i.NumberOfLinks,
		Attributes: native(i.FileAttributes) | h.fs.hiddenByName(h.name),
	}
	if i.FileAttributes&windows.FILE_ATTRIBUTE_DIRECTORY != 0 {
		a.Mode, a.Size = fs.ModeDir|0o755, 0
	}
	return a, nil
}

// native are the attributes of the system without those that are derived, or
// that tell of the link instead of its target.
func native(a uint32) vfs.Attributes {
	return vfs.Attributes(a) &^ (vfs.AttrDirectory | vfs.AttrNormal | vfs.AttrReparsePoint)
}

// setAttr fills a FILE_BASIC_INFORMATION, [MS-FSCC] 2.4.7: a zero leaves what is.
func (h *File) setAttr(c vfs.AttrChange) error {
	handle, err := h.reopen(windows.FILE_WRITE_ATTRIBUTES, 0)
	if err != nil {
		return err
	}
	defer windows.CloseHandle(handle)
	b := make([]byte, 0, 40)
	for _, t := range []time.Time{c.Created, c.Accessed, c.Written, c.Changed} {
		b = binary.LittleEndian.AppendUint64(b, toFiletime(t))
	}
	attributes := uint32(c.Attributes & stored)
	if c.Attributes != 0 && attributes == 0 {
		attributes = windows.FILE_ATTRIBUTE_NORMAL
	}
	b = binary.LittleEndian.AppendUint32(b, attributes)
	b = binary.LittleEndian.AppendUint32(b, 0)
	return windows.SetFileInformationByHandle(handle, windows.FileBasicInfo, &b[0], uint32(len(b)))
}

// reopenDir opens the directory once more, for an iteration of its own.
func (h *File) reopenDir() (*os.File, error) {
	handle, err := h.reopen(windows.FILE_LIST_DIRECTORY|windows.FILE_READ_ATTRIBUTES, windows.FILE_DIRECTORY_FILE)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(handle), h.name), nil
}

// changeTime returns the time of the last change of a directory.
func changeTime(dir *os.Root, name string) (at time.Time, err error) {
	info, err := dir.Stat(name)
	if err != nil {
		return at, err
	}
	return info.ModTime(), nil
}

// entryAttr returns the attributes that the listing has, which are without ID;
// those of a link's target if it lies beneath the root. Clients see no extended
// attributes.
func (h *File) entryAttr(d *os.File, e dirEntry) (a vfs.Attr, xattrs uint32, ok bool) {
	info, err := e.Info()
	if err == nil && info.Mode()&(fs.ModeSymlink|fs.ModeIrregular) != 0 {
		info, err = h.fs.root.Stat(strings.TrimPrefix(h.name+"/"+e.Name(), "./"))
	}
	if err != nil {
		return a, 0, false
	}
	a = vfs.Attr{
		Mode: info.Mode(), Size: info.Size(), Written: info.ModTime(),
		Attributes: h.fs.hiddenByName(e.Name()),
	}
	if a.Mode.IsDir() {
		a.Size = 0
	}
	if i, ok := info.Sys().(*syscall.Win32FileAttributeData); ok {
		a.Created = time.Unix(0, i.CreationTime.Nanoseconds())
		a.Accessed = time.Unix(0, i.LastAccessTime.Nanoseconds())
		a.Attributes |= native(i.FileAttributes)
	}
	return a, 0, true
}

func (f *FS) volume() (vfs.Volume, error) {
	dir, err := windows.UTF16PtrFromString(f.root.Name())
	if err != nil {
		return vfs.Volume{}, err
	}
	const block = 4096
	var available, total, free uint64
	if err := windows.GetDiskFreeSpaceEx(dir, &available, &total, &free); err != nil {
		return vfs.Volume{}, err
	}
	return vfs.Volume{
		BlockSize: block, Blocks: total / block, Free: free / block, Available: available / block,
		Serial: f.sys.serial,
	}, nil
}

// nativeLinks: symbolic links are shown on Linux.
func (f *FS) nativeLinks() bool { return false }

// isOnlyName would report whether a file has no other name, which isn't known here.
func isOnlyName(os.FileInfo) bool { return false }
