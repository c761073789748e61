//go:build unix

package osfs

import (
	"io/fs"

	"golang.org/x/sys/unix"

	"github.com/gosmbd/smb/vfs"
)

var (
	_ vfs.Chmoder = (*File)(nil)
	_ vfs.Chowner = (*File)(nil)
)

// unixBits translates vfs.PosixBits.
var unixBits = []struct {
	mode fs.FileMode
	bit  uint32
}{
	{fs.ModeSetuid, unix.S_ISUID},
	{fs.ModeSetgid, unix.S_ISGID},
	{fs.ModeSticky, unix.S_ISVTX},
}

// posixBits returns the permissions in a mode of the system's, and what comes before
// them.
func posixBits(mode uint32) fs.FileMode {
	m := fs.FileMode(mode & 0o777)
	for _, b := range unixBits {
		if mode&b.bit != 0 {
			m |= b.mode
		}
	}
	return m
}

// Chmod implements vfs.Chmoder. What Options.SetID doesn't allow is left out, unless
// the object has it already.
func (h *File) Chmod(mode fs.FileMode) error {
	return h.fail("chmod", h.changeMode(mode, 0))
}

// changeMode is Chmod; always are bits that the object keeps if it has them.
func (h *File) changeMode(mode fs.FileMode, always uint32) error {
	var st status
	if err := st.fd(h.fd); err != nil {
		return err
	}
	if !st.dir() && !st.regular() {
		return errSpecial
	}
	want := uint32(mode.Perm())
	for _, b := range unixBits {
		if mode&b.mode != 0 {
			want |= b.bit
		}
	}
	now := st.mode & 0o7777
	if !h.fs.opt.SetID {
		want &^= (unix.S_ISUID | unix.S_ISGID) &^ now
	}
	want |= now & always
	if want == now {
		return nil
	}
	return h.as.run(func() error { return h.chmod(want) })
}

// setCreateMode gives an object that was just made the mode that a client asked for,
// which the umask of the process may have cut. What a directory inherited from the one
// that it is in stays. What can't be set is forgotten, as CreateOptions has it.
func (h *File) setCreateMode(opt vfs.CreateOptions) {
	if opt.HasMode {
		_ = h.changeMode(opt.Mode, unix.S_ISGID)
	}
}

// Chown implements vfs.Chowner. Without Options.Chown only what is so already can be
// set.
func (h *File) Chown(uid, gid int) error {
	var st status
	if err := st.fd(h.fd); err != nil {
		return h.fail("chown", err)
	}
	if (uid < 0 || uint32(uid) == st.uid) && (gid < 0 || uint32(gid) == st.gid) {
		return nil
	}
	if !h.fs.opt.Chown {
		return h.fail("chown", fs.ErrPermission)
	}
	return h.fail("chown", h.as.run(func() error { return h.chown(uid, gid) }))
}
