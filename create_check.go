package smb

import (
	"path"

	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs"
)

// What a CREATE is checked for. All of it comes before anything is touched.

const (
	// modeBits are the options that FileModeInformation shows.
	modeBits = smb2.OptionWriteThrough | smb2.OptionSequentialOnly | smb2.OptionNoIntermediateBuffering |
		smb2.OptionSynchronousIOAlert | smb2.OptionSynchronousIONonAlert | smb2.OptionDeleteOnClose

	// validOptions are those that [MS-SMB2] 2.2.13 knows.
	validOptions smb2.CreateOptions = 0x00FFFFFF

	// settableAttrs are the attributes that a client may give a file.
	settableAttrs = vfs.AttrReadOnly | vfs.AttrHidden | vfs.AttrSystem | vfs.AttrArchive | vfs.AttrTemporary | vfs.AttrOffline | vfs.AttrNotContentIndexed

	// validAttrs are those that [MS-FSCC] 2.6 knows.
	validAttrs = settableAttrs | vfs.AttrDirectory | vfs.AttrNormal | vfs.AttrSparse | vfs.AttrReparsePoint |
		vfs.AttrCompressed | vfs.AttrEncrypted | vfs.AttrIntegrityStream | vfs.AttrNoScrubData

	// invalidAccess are bits of an access mask that mean nothing.
	invalidAccess vfs.Access = 0x0CE0FE00
)

// checkParameters checks the fixed fields. [MS-FSA] 2.1.5.1 phase 1
func (c *creation) checkParameters() error {
	q := &c.req
	opts := q.Options
	dirAndFile := opts&smb2.OptionDirectoryFile != 0 && opts&smb2.OptionNonDirectoryFile != 0
	switch {
	case q.Impersonation > smb2.ImpersonationDelegate:
		return smb2.StatusBadImpersonationLevel
	case q.ShareAccess&^(smb2.ShareRead|smb2.ShareWrite|smb2.ShareDelete) != 0,
		q.Disposition > smb2.OverwriteIf,
		opts&^validOptions != 0,
		vfs.Attributes(q.FileAttributes)&^validAttrs != 0,
		dirAndFile:
		return smb2.StatusInvalidParameter
	case opts&smb2.OptionOpenByFileID != 0:
		return smb2.StatusNotSupported
	case vfs.Access(q.DesiredAccess) == 0, vfs.Access(q.DesiredAccess)&invalidAccess != 0:
		return smb2.StatusAccessDenied
	}
	if opts&smb2.OptionDirectoryFile != 0 {
		switch q.Disposition {
		case smb2.Create, smb2.Open, smb2.OpenIf:
		default:
			return smb2.StatusInvalidParameter
		}
	}
	if !c.contexts.posix { // they have permissions instead
		c.attrs = vfs.Attributes(q.FileAttributes) & settableAttrs
	}
	return nil
}

// checkName turns the name into one that the backend understands.
func (c *creation) checkName() (err error) {
	if c.contexts.posix {
		c.name, c.trailing, err = parsePosixName(c.req.Name)
		return err
	}
	if c.checkQuota() {
		return c.checkStream()
	}
	name, err := resolveDots(turnSlashes(c.req.Name))
	if err != nil {
		return err
	}
	if c.name, c.stream, c.trailing, err = parsePath(name); err != nil {
		return err
	}
	if err := c.checkStream(); err != nil {
		return err
	}
	if c.trailing && c.req.Options&smb2.OptionNonDirectoryFile != 0 {
		return smb2.StatusObjectNameInvalid
	}
	return nil
}

// checkLinks checks that it is not for another server to say what the name is.
func (c *creation) checkLinks() error {
	return c.r.tree.share.covers(c.ctx, c.name)
}

// checkAccess checks what is asked for against what the share grants, with what
// the disposition implies.
func (c *creation) checkAccess() error {
	a := vfs.Access(c.req.DesiredAccess).Expand()
	c.maximum = a&vfs.MaximumAllowed != 0
	c.desired = a &^ vfs.MaximumAllowed
	deleteOnClose := c.req.Options&smb2.OptionDeleteOnClose != 0
	if deleteOnClose && c.desired&vfs.Delete == 0 && !(c.maximum && c.r.tree.access()&vfs.Delete != 0) {
		return smb2.StatusInvalidParameter
	}
	if c.desired&vfs.AccessSystemSecurity&^c.backup() != 0 && !c.r.id.token.Holds(vfs.PrivilegeSecurity) {
		return smb2.StatusPrivilegeNotHeld
	}
	if c.desired&^(c.r.tree.access()|vfs.AccessSystemSecurity) != 0 {
		return smb2.StatusAccessDenied
	}
	return nil
}

// checkExisting checks that the object is of the kind that the client wants, and
// that it may be overwritten if that is wanted. [MS-FSA] 2.1.5.1.2
func (c *creation) checkExisting(a vfs.Attr) error {
	opts := c.req.Options
	switch {
	case isDirectory(a) && (opts&smb2.OptionNonDirectoryFile != 0 || c.stream.data):
		return smb2.StatusFileIsADirectory
	case !isDirectory(a) && (opts&smb2.OptionDirectoryFile != 0 || c.trailing):
		return smb2.StatusNotADirectory
	}
	if !c.overwrites() {
		return nil
	}
	switch {
	case a.IsDir() && c.o.name == ".":
		return smb2.StatusAccessDenied
	case isDirectory(a):
		return smb2.StatusObjectNameCollision
	case a.Attributes&vfs.AttrReadOnly != 0:
		return smb2.StatusAccessDenied
	case c.stream.name != "": // the attributes stay
	case a.Attributes&vfs.AttrHidden != 0 && c.attrs&vfs.AttrHidden == 0,
		a.Attributes&vfs.AttrSystem != 0 && c.attrs&vfs.AttrSystem == 0:
		return smb2.StatusAccessDenied
	}
	implied := vfs.WriteData
	if c.req.Disposition == smb2.Supersede {
		implied = vfs.Delete
	}
	if c.stream.name == "" {
		implied |= vfs.WriteEA | vfs.WriteAttributes
	}
	if implied&^c.most != 0 {
		return smb2.StatusAccessDenied
	}
	return nil
}

// grant settles what the open may do.
func (c *creation) grant(a vfs.Attr) error {
	if c.desired&^(c.most|vfs.AccessSystemSecurity) != 0 {
		return smb2.StatusAccessDenied
	}
	if a.Attributes&vfs.AttrReadOnly != 0 && c.req.Options&smb2.OptionDeleteOnClose != 0 {
		return smb2.StatusCannotDelete
	}
	if c.o.name == "." && c.stream.name == "" && c.req.Options&smb2.OptionDeleteOnClose != 0 {
		return smb2.StatusCannotDelete
	}
	c.o.access = c.desired
	if c.maximum {
		if c.o.access |= c.m.readOnlyAccess(c.most); c.o.access == 0 {
			return smb2.StatusAccessDenied // who is granted nothing has no handle
		}
	}
	return c.mayDelete()
}

// mayDelete checks that what is to be deleted when it is closed may be: MAXIMUM_ALLOWED
// alone promises nothing.
func (c *creation) mayDelete() error {
	if c.req.Options&smb2.OptionDeleteOnClose != 0 && c.o.access&vfs.Delete == 0 {
		return smb2.StatusAccessDenied
	}
	return nil
}

// checkNew checks that the object may be made. [MS-FSA] 2.1.5.1.1
func (c *creation) checkNew(dir bool) error {
	t := c.r.tree
	need := vfs.AddFile
	if dir {
		need = vfs.AddSubdirectory
	}
	switch {
	case c.trailing && !dir:
		return smb2.StatusObjectNameInvalid
	case c.m.creator == nil || t.access()&need == 0:
		if t.share.ReadOnly || c.m.creator == nil {
			return smb2.StatusMediaWriteProtected
		}
		return smb2.StatusAccessDenied
	case len(c.contexts.eas) > 0 && t.access()&vfs.WriteEA == 0:
		return smb2.StatusAccessDenied
	case dir && c.attrs&vfs.AttrTemporary != 0:
		return smb2.StatusInvalidParameter
	case c.attrs&vfs.AttrReadOnly != 0 && c.req.Options&smb2.OptionDeleteOnClose != 0:
		return smb2.StatusCannotDelete
	case c.m.isDoomed(path.Dir(c.o.name)):
		return smb2.StatusDeletePending
	}
	if err := c.settleNew(dir); err != nil {
		return err
	}
	c.o.access = c.desired
	if c.maximum {
		c.o.access |= t.access()
	}
	return nil
}
