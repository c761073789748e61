package smb

import (
	"context"
	"errors"
	"io/fs"
	"strings"

	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs"
)

// What the links of a DFS namespace mean to those who use the share: nothing at a link
// and below it is reached, made, replaced or removed here, whatever the storage has
// there. Clients are told so, and ask for a referral.

// findLink returns the link of sh that name is or is below, "" if there is none.
func (sh *Share) findLink(ctx context.Context, name string) (string, DFSLink, error) {
	if sh == nil || sh.DFS == nil || name == "." {
		return "", DFSLink{}, nil
	}
	end := 0
	for range dfsDepth {
		i := strings.IndexByte(name[end:], '/')
		if i < 0 {
			i = len(name) - end
		}
		end += i
		l, err := sh.DFS.Link(ctx, name[:end])
		if err == nil {
			return name[:end], l, nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return "", DFSLink{}, err
		}
		if end++; end > len(name) {
			break
		}
	}
	return "", DFSLink{}, nil
}

// covers checks that name is no link, and not below one. [MS-DFSC] 3.2.4.1
func (sh *Share) covers(ctx context.Context, name string) error {
	link, _, err := sh.findLink(ctx, name)
	if err == nil && link != "" {
		err = smb2.StatusPathNotCovered
	}
	return err
}

// coversNew is the same for the new name of something. A link itself is there, and isn't
// replaced.
func (sh *Share) coversNew(ctx context.Context, name string, replace bool) error {
	link, _, err := sh.findLink(ctx, name)
	switch {
	case err != nil || link == "":
		return err
	case link != name:
		return smb2.StatusPathNotCovered
	case replace:
		return smb2.StatusAccessDenied
	}
	return smb2.StatusObjectNameCollision
}

// hasLinks reports whether there are links below the directory called dir.
func (sh *Share) hasLinks(ctx context.Context, dir string) bool {
	if sh == nil || sh.DFS == nil {
		return false
	}
	for name := range sh.DFS.Links(ctx, dir) {
		if _, ok := relativeTo(dir, name); ok {
			return true
		}
	}
	return false
}

// linksIn returns the names that links have in the directory called dir.
func (sh *Share) linksIn(ctx context.Context, dir string) []string {
	if sh == nil || sh.DFS == nil {
		return nil
	}
	var names []string
	for name := range sh.DFS.Links(ctx, dir) {
		if n, ok := relativeTo(dir, name); ok && checkElement(n) == nil {
			names = append(names, n)
		}
	}
	return names
}

// relativeTo returns what name is called in dir, if it is below.
func relativeTo(dir, name string) (string, bool) {
	if dir == "." {
		return name, name != "."
	}
	depth := strings.Count(dir, "/") + 1
	rest := behind(name, depth)
	return rest, rest != "" && below(foldPath(name), foldPath(dir))
}

// dfs returns the share that o is used through, nil if its session is gone.
func (o *open) dfs() *Share {
	if t := o.tree(); t != nil {
		return t.share
	}
	return nil
}

// foldSet returns a set of names that are the same whatever their case.
func foldSet(names []string) map[string]bool {
	if len(names) == 0 {
		return nil
	}
	set := make(map[string]bool, len(names))
	for _, n := range names {
		set[foldPath(n)] = true
	}
	return set
}

// dfsName takes server and share off the name of a CREATE that is a DFS operation. What
// they are makes no difference, nor do backslashes in front: that is how Windows does it,
// and Macs have several. [MS-SMB2] 3.3.5.9, [MS-DFSC] 3.2.4.1
func dfsName(name string) (string, error) {
	_, rest := cutElement(strings.TrimLeft(name, `\/`))
	share, rest := cutElement(rest)
	if strings.Contains(share, ":") {
		return "", smb2.StatusObjectNameInvalid
	}
	return strings.TrimLeft(rest, "/"), nil // which Linux puts there with the POSIX extensions
}

// cutElement splits a name after its first element. Clients of the POSIX extensions write
// slashes.
func cutElement(name string) (first, rest string) {
	if i := strings.IndexAny(name, `\/`); i >= 0 {
		return name[:i], name[i+1:]
	}
	return name, ""
}

// linkEntry describes a link to a client that lists the directory called dir.
// [MS-FSCC] 2.1.2.1
func (o *open) linkEntry(ctx context.Context, dir, name string) smb2.DirectoryEntry {
	a := vfs.Attr{Mode: fs.ModeDir | 0o755, ReparseTag: smb2.ReparseTagDFS, Written: o.srv.started}
	e := o.dirEntry(ctx, dir, name, &vfs.DirEntry{Name: name, Attr: a})
	if o.cursor.aapl {
		e.AAPL = &smb2.AAPLEntry{MaximalAccess: uint32(o.tree().access() & vfs.AccessReadOnly)}
	}
	return e
}
