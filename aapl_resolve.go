package smb

import (
	"context"
	"errors"
	"path"

	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs"
)

// Finding files by their ids, for aliases and bookmarks of macOS: it asks for the name that
// an id has, and then opens that.

// maxResolved is the longest name that is told, in bytes: all that there is room for, and
// more than clients take.
const maxResolved = 8 << 10

// namerOf returns f as one, unless it declines.
func namerOf(ctx context.Context, f vfs.FS) vfs.Namer {
	n, ok := vfs.As[vfs.Namer](f)
	if !ok {
		return nil
	}
	if _, err := n.Name(ctx, 0); errors.Is(err, errors.ErrUnsupported) {
		return nil
	}
	return n
}

// resolvesIDs reports whether files of the share can be found by the ids that clients are told.
func (t *tree) resolvesIDs() bool {
	return t.mount.namer != nil && !t.share.Apple.ZeroFileIDs
}

// answerResolveID tells where the file with an id is.
func (c *creation) answerResolveID(id uint64) smb2.CreateContext {
	resp := smb2.AAPLResponse{Command: smb2.AAPLResolveID}
	if name, err := c.resolveID(id); err != nil {
		resp.Status = smb2.StatusObjectNameNotFound
	} else {
		resp.Path = wireName(name)
	}
	return smb2.CreateContext{Name: smb2.ContextAAPL, Data: resp.Append(nil)}
}

// resolveID returns the name of the object with an id, if the caller may know it, as who
// opens it may. Of others it says what it says of those that don't exist.
func (c *creation) resolveID(id uint64) (string, error) {
	t := c.r.tree
	name, err := t.mount.namer.Name(c.ctx, id)
	if err != nil || name == "." {
		return name, err
	}
	if len(name) > maxResolved || !c.mayKnow(name) {
		return "", smb2.StatusObjectNameNotFound
	}
	return name, nil
}

// mayKnow reports whether the caller could open what has name, and see it where it is.
func (c *creation) mayKnow(name string) bool {
	t, token := c.r.tree, c.r.id.token
	dir := path.Dir(name)
	above, err := t.mount.securityAt(c.ctx, dir)
	if err != nil {
		return false
	}
	sd, err := t.mount.securityAt(c.ctx, name)
	if err != nil || (held(sd, token)|lent(held(above, token)))&t.access()&vfs.ReadAttributes == 0 {
		return false
	}
	if t.share.covers(c.ctx, name) != nil {
		return false // it is behind a DFS link
	}
	for ; name != "."; name = path.Dir(name) {
		if !representable(path.Base(name)) || t.hidesIn(c.ctx, t.mount, name) {
			return false
		}
	}
	return true
}
