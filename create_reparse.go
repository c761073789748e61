package smb

import (
	"path"
	"strings"

	"github.com/gosmbd/smb/internal/utf16le"
	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs"
)

// CREATE and reparse points. The server follows none: the client is told where a
// symbolic link leads, and that nobody here knows what another tag means.

// checkReparse stops at the object itself, unless the client wants to open the reparse
// point. f is a File of it. [MS-SMB2] 3.3.5.9, [MS-FSA] 2.1.5.1.2
func (c *creation) checkReparse(f vfs.File, a vfs.Attr) error {
	if a.ReparseTag == 0 || c.req.Options&smb2.OptionOpenReparsePoint != 0 {
		return nil
	}
	return c.stopped(f, c.o.name, a, strings.Count(c.name, "/")+1)
}

// checkAbove stops at a reparse point on the way to what wasn't found because of err. It
// is looked for only then, as there is nothing below one. [MS-FSA] 2.1.5.1 phase 6
func (c *creation) checkAbove(err error) error {
	if !c.m.reparse || err != smb2.StatusObjectPathNotFound {
		return err
	}
	dir := ""
	parts := strings.Split(c.name, "/")
	for i, p := range parts[:len(parts)-1] {
		found, ferr := p, error(nil)
		if !c.contexts.posix || !c.m.exact {
			found, ferr = c.m.find(c.ctx, dir, p)
		}
		if ferr != nil {
			return err
		}
		dir = path.Join(dir, found)
		stop, serr := c.stopsAt(dir, i+1)
		if stop {
			return serr
		}
		if serr != nil {
			return err
		}
	}
	return err
}

// stopsAt reports whether the directory dir, depth elements from the root, is a reparse
// point, and what the client is told then. An error alone is that dir is no way to
// anything else.
func (c *creation) stopsAt(dir string, depth int) (bool, error) {
	f, err := c.m.fs.Open(c.ctx, dir, vfs.OpenOptions{Access: vfs.ReadAttributes})
	if err != nil {
		return false, err
	}
	defer f.Close()
	a, err := f.Stat(c.ctx)
	switch {
	case err != nil:
		return false, err
	case a.ReparseTag != 0:
		return true, c.stopped(f, dir, a, depth)
	case !a.IsDir():
		return false, vfs.ErrNotDir
	}
	return false, nil
}

// stopped returns what the client is told of a reparse point that name, which is depth
// elements of the path, leads to. [MS-SMB2] 2.2.2.2.1
func (c *creation) stopped(f vfs.File, name string, a vfs.Attr, depth int) error {
	p, err := c.m.reparsePoint(c.ctx, f, name, a)
	switch {
	case err != nil:
		return err
	case p.Tag != vfs.TagSymlink:
		return smb2.StatusIoReparseTagNotHandled
	}
	if c.contexts.posix {
		p = slashes(p)
	}
	l, err := smb2.ParseSymbolicLinkReparse(reparseBuffer(p))
	if err != nil {
		return err
	}
	data := smb2.SymlinkError{
		UnparsedPathLength: c.unparsed(depth),
		SubstituteName:     l.SubstituteName,
		PrintName:          l.PrintName,
		Flags:              l.Flags & smb2.SymlinkFlagRelative,
	}.Append(nil)
	return c.r.errorData(smb2.StatusStoppedOnSymlink, data)
}

// unparsed returns how many bytes of the name stand behind its first depth elements,
// with the separator. Dots in it are as good as resolved.
func (c *creation) unparsed(depth int) uint16 {
	if c.contexts.posix {
		if rest := behind(c.name, depth); rest != "" {
			return uint16(utf16le.Len("/" + rest))
		}
		return 0
	}
	name, _ := resolveDots(c.req.Name)
	rest := name
	for ; depth > 1; depth-- {
		i := strings.IndexByte(rest, '\\')
		if i < 0 {
			return 0
		}
		rest = rest[i+1:]
	}
	end := strings.IndexAny(rest, `\:`)
	if end < 0 {
		return 0
	}
	return uint16(utf16le.Len(rest[end:]))
}
