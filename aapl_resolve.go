package smb

import (
	"context"
	"errors"
	"path"
	"strings"

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
	name, err := c.resolveID(id)
	switch {
	case err != nil:
		resp.Status = StatusOf(err)
	case name != ".":
		resp.Path = strings.ReplaceAll(name, "/", `\`)
	}
	return smb2.CreateContext{Name: smb2.ContextAAPL, Data: resp.Append(nil)}
}

// resolveID returns the name of the object with an id that the caller may know: as for who
// opens it, that needs a right on it or on its directory. Of others it says what it says of
// those that don't exist.
func (c *creation) resolveID(id uint64) (string, error) {
	m := c.r.tree.mount
	name, err := m.namer.Name(c.ctx, id)
	if err != nil || name == "." {
		return name, err
	}
	sd, err := m.securityAt(c.ctx, name)
	if err != nil {
		return "", err
	}
	may := held(sd, c.r.id.token)
	if may&vfs.ReadAttributes == 0 {
		dir, err := m.securityAt(c.ctx, path.Dir(name))
		if err != nil {
			return "", err
		}
		may |= lent(held(dir, c.r.id.token))
	}
	if may&vfs.ReadAttributes == 0 || c.o.hides(c.ctx, path.Dir(name), path.Base(name)) {
		return "", smb2.StatusObjectNameNotFound
	}
	if err := c.r.tree.share.covers(c.ctx, name); err != nil {
		return "", smb2.StatusObjectNameNotFound // it is behind a DFS link
	}
	if len(name) > maxResolved {
		return "", smb2.StatusObjectNameNotFound
	}
	return name, nil
}
