package osfs

import (
	"os"
	"path"
	"strings"
	"unicode/utf8"

	"golang.org/x/sys/unix"
)

// What is concealed by its name mustn't be reached by another, either.

// conceals reports whether fd refers to what is concealed, which a link leads to. A file
// doesn't tell its directory, but the system tells where it is.
func (f *FS) conceals(fd int) bool {
	name, err := os.Readlink(procPath(fd))
	switch {
	case err != nil:
		return f.sys.openat2 // or there is no /proc
	case !isSidecars(name) && !f.sys.folds && f.snaps == nil:
		return false
	}
	root, err := os.Readlink(procPath(f.sys.rootfd))
	if err != nil || name == root {
		return err != nil
	}
	rest, below := strings.CutPrefix(name, strings.TrimSuffix(root, "/")+"/")
	return !below || f.concealed(rest) // one that isn't was moved away meanwhile
}

// way reports why names can't be made or removed by os.Root: a link leads to what is
// concealed.
func (f *FS) way(names ...string) error {
	for _, name := range names {
		dir, err := f.openFilePortable(path.Dir(name), os.O_RDONLY|unix.O_DIRECTORY, 0)
		if err != nil {
			return err
		}
		dir.Close()
	}
	return nil
}

// folds reports whether the file system takes names in a directory for the same that
// differ in case.
func folds(fd int) bool {
	const casefold = 0x40000000
	flags, err := unix.IoctlGetUint32(fd, unix.FS_IOC_GETFLAGS)
	return err == nil && flags&casefold != 0
}

// spellsSidecars reports whether an element of a name is another spelling of sidecars to a
// file system that folds names: that ignores some characters, and takes others for several.
func (f *FS) spellsSidecars(name string) bool {
	if !f.sys.folds {
		return false
	}
	dir := "."
	for elem := range strings.SplitSeq(name, "/") {
		if strings.ContainsFunc(elem, func(r rune) bool { return r >= utf8.RuneSelf }) {
			var st, side status
			if side.at(f.sys.rootfd, path.Join(dir, sidecars)) == nil && st.at(f.sys.rootfd, path.Join(dir, elem)) == nil &&
				st.dev == side.dev && st.ino == side.ino {
				return true
			}
		}
		dir = path.Join(dir, elem)
	}
	return false
}
