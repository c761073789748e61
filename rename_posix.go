package smb

import (
	"slices"

	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs"
)

// Renames by POSIX opens: names are exact, a directory takes what is open below it along,
// and may take the place of an empty one. [POSIX-FSA] 2.1.4.2, 2.1.5.15

// existing returns how what has the new name already is spelled.
func (n *renaming) existing() (string, error) {
	if n.m.exact {
		if _, err := n.m.exists(n.ctx, n.to); n.o.posix || !isMissing(err) {
			return n.to, err
		}
	}
	return n.m.resolve(n.ctx, n.to)
}

// exact reports whether names that differ in case are different to the client.
func (n *renaming) exact() bool { return n.o.posix && n.m.exact }

// respells reports whether both names are spellings of one to the client.
func (n *renaming) respells() bool { return !n.exact() && foldPath(n.from) == foldPath(n.to) }

// clears reports whether the client could clear the read-only attribute of what is called
// name, so that it is as good as clear.
func (n *renaming) clears(name string) bool {
	if !n.o.posix {
		return false
	}
	sd, err := n.m.securityAt(n.ctx, name)
	return err == nil && n.r.tree.access()&held(sd, n.r.id.token)&vfs.WriteAttributes != 0
}

// wrongKind is why a file can't take the place of the directory that a describes, or the
// other way.
func wrongKind(a vfs.Attr) error {
	if a.IsDir() {
		return smb2.StatusFileIsADirectory
	}
	return smb2.StatusNotADirectory
}

// carries reports whether the directory can be renamed though files below it are open:
// if all of these opens are POSIX ones, too. Those that are stored can't be found again
// by another name, and what is to be deleted is deleted by its name.
func (n *renaming) carries(files []*file) bool {
	if !n.o.posix {
		return false
	}
	for _, f := range files {
		f.mu.Lock()
		stays := f.deletePending || slices.ContainsFunc(f.opens, func(o *open) bool {
			return !o.posix || o.durability.persistent || o.deleteOnClose
		})
		f.mu.Unlock()
		if stays {
			return false
		}
	}
	return true
}
