package smb

import (
	"errors"
	"io/fs"

	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs"
)

// CREATE and extended attributes.

// parseEAs takes the extended attributes that the file is to have if it is made or
// overwritten. [MS-SMB2] 2.2.13, 3.3.5.9.1
func (c *creation) parseEAs(data []byte) error {
	switch {
	case c.req.Options&smb2.OptionNoEAKnowledge != 0:
		return smb2.StatusAccessDenied
	case !c.m.eas:
		return smb2.StatusEasNotSupported
	}
	list, err := parseEAs(data)
	if err == nil && vfs.XattrsSize(list) > vfs.MaxXattrs {
		err = smb2.StatusEaTooLarge
	}
	c.contexts.eas = list
	return err
}

// checkNeededEAs keeps those out who say that they know nothing of extended attributes,
// if the file needs them. [MS-FSA] 2.1.5.1.2
func (c *creation) checkNeededEAs(f vfs.File) error {
	if c.req.Options&smb2.OptionNoEAKnowledge == 0 || c.stream.name != "" {
		return nil
	}
	list, err := readEAs(c.ctx, f)
	for _, e := range list {
		if e.Flags&smb2.FileNeedEa != 0 {
			return smb2.StatusAccessDenied
		}
	}
	return err
}

// setNewEAs gives a file that was just made its extended attributes.
func (c *creation) setNewEAs(f vfs.File) error {
	if len(c.contexts.eas) == 0 {
		return nil
	}
	_, err := changeEAs(c.ctx, f, c.contexts.eas, false)
	return err
}

// replaceEAs gives a file that is overwritten the extended attributes of a new one; to POSIX
// it is only shorter, and keeps its own. It returns what undoes it, which is empty if that
// changes nothing.
func (c *creation) replaceEAs() (undo []vfs.Xattr, err error) {
	if !c.m.eas || c.o.posix && len(c.contexts.eas) == 0 {
		return nil, nil
	}
	undo, err = changeEAs(c.ctx, c.o.f, c.contexts.eas, !c.o.posix)
	if len(c.contexts.eas) == 0 && (err == smb2.StatusEasNotSupported || errors.Is(err, fs.ErrPermission)) {
		// There are none to go, or the backend lets who may write the content not
		// even look at them.
		return nil, nil
	}
	return undo, err
}

// clear empties the file that is overwritten. What it also has of an old one is replaced
// before, since that can be undone: a CREATE that fails leaves the file as it was.
func (c *creation) clear(attr vfs.Attr) (err error) {
	o := c.o
	if c.stream.name != "" {
		return orDenied(o.empty())
	}
	undo, err := c.replaceEAs()
	if err != nil {
		return err
	}
	if !o.posix { // to POSIX it is only shorter
		err = o.setAttr(c.ctx, vfs.AttrChange{Attributes: c.attrs | vfs.AttrArchive})
	}
	if err == nil {
		err = orDenied(o.empty())
		if err != nil && !o.posix {
			o.setAttr(c.ctx, vfs.AttrChange{Attributes: storable(attr.Attributes)})
		}
	}
	if len(undo) > 0 {
		if err == nil {
			c.changed |= smb2.FileNotifyChangeEa
		} else if x, ok := vfs.As[vfs.Xattrer](o.f); ok {
			x.SetXattrs(c.ctx, undo)
		}
	}
	return err
}

// storable returns attributes in the form of vfs.AttrChange, where zero changes nothing.
func storable(a vfs.Attributes) vfs.Attributes {
	if a &= settableAttrs; a == 0 {
		a = vfs.AttrNormal
	}
	return a
}
