package smb

import (
	"context"
	"io/fs"
	"path"
	"strings"
	"unicode/utf8"

	"github.com/gosmbd/smb/internal/utf16le"
	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs"
)

// POSIX opens: those that come with the context of the POSIX extensions. Their names are
// exact, DOS attributes keep them from nothing, and what they do to names that are open
// is what POSIX programs expect, as long as no other open is in the way.
// [POSIX-SMB2], [POSIX-FSA]

// noPosixMode is the mode in a CREATE of Linux that isn't about making anything.
const noPosixMode smb2.PosixMode = 0xFFFF

// parsePosix takes the context, if the extensions were agreed on. [POSIX-SMB2] 3.3.5.9
func (c *creation) parsePosix(data []byte) error {
	if !c.r.c.params.posix {
		return nil
	}
	q, err := smb2.ParsePosixCreateRequest(data)
	if err != nil {
		return err
	}
	c.contexts.posix, c.contexts.posixMode = true, q.Mode
	return nil
}

// answerPosix returns what is answered to the context.
func (c *creation) answerPosix() smb2.CreateContext {
	return smb2.CreateContext{Name: smb2.ContextPosixCreate, Data: c.o.posixCreate(c.ctx, c.o.path(), c.attr).Append(nil)}
}

// parsePosixName turns a name of a POSIX open into one that backends understand. Elements
// are separated by slashes, and may have all characters but NUL.
func parsePosixName(name string) (clean string, trailing bool, err error) {
	switch {
	case strings.HasPrefix(name, "/"):
		return "", false, smb2.StatusInvalidParameter
	case len(name) > 32<<10*3 || !utf8.ValidString(name):
		return "", false, smb2.StatusObjectNameInvalid
	}
	trailing = strings.HasSuffix(name, "/")
	var parts []string
	for p := range strings.SplitSeq(name, "/") {
		switch {
		case p == "", p == ".":
		case p == ".." && len(parts) == 0:
			return "", false, smb2.StatusObjectPathSyntaxBad
		case p == "..":
			parts = parts[:len(parts)-1]
		case !validPosixElement(p), len(parts) == maxDepth:
			return "", false, smb2.StatusObjectNameInvalid
		default:
			parts = append(parts, p)
		}
	}
	if len(parts) == 0 {
		return ".", false, nil
	}
	return joinPath(parts), trailing, nil
}

// shows reports whether any client could open the name.
func (m *mount) shows(name string) bool {
	return representable(name) || m.srv.POSIX && validPosixElement(name)
}

// validPosixElement checks one element of a path.
func validPosixElement(p string) bool {
	return p != "" && p != "." && p != ".." && !strings.ContainsAny(p, "/\x00") && utf8.ValidString(p) && utf16le.Len(p) <= 2*255
}

// findExact is findObject where names that differ in case are different.
func (c *creation) findExact() (vfs.File, error) {
	f, err := c.look()
	if err == nil || !isMissing(err) {
		return f, err
	}
	if dir := path.Dir(c.name); dir != "." {
		if _, err := c.m.exactDir(c.ctx, dir); err != nil {
			return nil, err
		}
	}
	return nil, fs.ErrNotExist
}

// exactDir is resolveDir where names that differ in case are different.
func (m *mount) exactDir(ctx context.Context, dir string) (string, error) {
	attr, err := m.exists(ctx, dir)
	if isMissing(err) || err == nil && (!attr.IsDir() || attr.ReparseTag != 0) {
		return "", smb2.StatusObjectPathNotFound
	}
	return dir, err
}

// posixCreateMode returns what a new object is to be like.
func (c *creation) posixCreateMode() (mode fs.FileMode, ok bool) {
	m := c.contexts.posixMode
	if !c.contexts.posix || m == noPosixMode {
		return 0, false
	}
	return fileMode(m), true
}

// judged returns the attributes that decide whether the object may be opened. Those that
// keep other clients from changing it don't bind POSIX ones who may clear them.
func (c *creation) judged(a vfs.Attr) vfs.Attr {
	c.o.clears = c.contexts.posix && c.r.tree.access()&held(c.security, c.r.id.token)&vfs.WriteAttributes != 0
	if c.o.clears {
		a.Attributes &^= vfs.AttrReadOnly | vfs.AttrHidden | vfs.AttrSystem
	}
	return a
}
