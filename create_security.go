package smb

import (
	"bytes"
	"path"

	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs"
)

// What descriptors say about a CREATE, and the descriptor of what it makes.

// parseSecurity reads the descriptor that the client wants a new object to have.
// [MS-SMB2] 3.3.5.9.1
func (c *creation) parseSecurity(data []byte) error {
	// Parts of it alias the bytes, which are given back while the request waits.
	sd, err := vfs.ParseSecurityDescriptor(bytes.Clone(data))
	if err != nil {
		return smb2.StatusInvalidParameter
	}
	c.contexts.security = &sd
	return nil
}

// backup returns what the privileges of the caller grant, whatever descriptors say, if
// he means to back up or restore. [MS-FSA] 2.1.5.1 phase 4
func (c *creation) backup() (a vfs.Access) {
	const (
		read  = vfs.ReadControl | vfs.AccessSystemSecurity | vfs.AccessRead | vfs.Traverse
		write = vfs.WriteDAC | vfs.WriteOwner | vfs.AccessSystemSecurity | vfs.AccessWrite | vfs.Delete
	)
	if c.req.Options&smb2.OptionOpenForBackupIntent == 0 {
		return 0
	}
	t := c.r.id.token
	switch c.req.Disposition {
	case smb2.Open, smb2.OpenIf, smb2.OverwriteIf:
		if t.Holds(vfs.PrivilegeBackup) {
			a |= read
		}
	}
	if t.Holds(vfs.PrivilegeRestore) {
		a |= write
	}
	return a
}

// permitted returns what the caller may do at most with the object, or the stream of an
// object, that c is about. a are the attributes of the object. [MS-FSA] 2.1.5.1.2.1
func (c *creation) permitted(a vfs.Attr) (vfs.Access, error) {
	most := c.r.tree.access()
	if c.quota {
		most &= quotaAccess
	}
	if c.security != nil {
		t := c.r.id.token
		may := held(c.security, t) | c.backup()
		if c.desired&vfs.WriteOwner != 0 && t.Holds(vfs.PrivilegeTakeOwnership) {
			may |= vfs.WriteOwner
		}
		if lacks := (vfs.Delete | vfs.ReadAttributes) &^ may; lacks != 0 && c.o.path() != "." {
			dir, err := c.m.securityAt(c.ctx, path.Dir(c.o.path()))
			if err != nil {
				return 0, err
			}
			may |= lent(held(dir, t))
		}
		most &= may
	}
	if a.Attributes&vfs.AttrReadOnly != 0 && !a.IsDir() {
		most &^= vfs.WriteData | vfs.AppendData
	}
	return most, nil
}

// lent returns what one who may do a with a directory may do with what is in it.
// [MS-FSA] 2.1.5.1.2.1
func lent(a vfs.Access) (r vfs.Access) {
	if a&vfs.DeleteChild != 0 {
		r |= vfs.Delete
	}
	if a&vfs.ListDirectory != 0 {
		r |= vfs.ReadAttributes
	}
	return r
}

// settleNew checks that the caller may make a file, or a directory, where the name is,
// and finds out what descriptor it gets. [MS-FSA] 2.1.5.1.1
func (c *creation) settleNew(dir bool) error {
	if !c.m.secures {
		return nil
	}
	parent, err := c.m.securityAt(c.ctx, path.Dir(c.o.path()))
	if isMissing(err) {
		return smb2.StatusObjectPathNotFound
	}
	if err != nil {
		return err
	}
	t, need := c.r.id.token, vfs.AddFile
	if dir {
		need = vfs.AddSubdirectory
	}
	if (held(parent, t)|c.backup())&need == 0 {
		return smb2.StatusAccessDenied
	}
	explicit := c.contexts.security
	if explicit == nil && parent == nil {
		return nil
	}
	if explicit != nil {
		switch {
		case explicit.Owner != "" && !t.MayAssignOwner(explicit.Owner):
			return smb2.StatusInvalidOwner
		case explicit.SACL != nil && !t.Holds(vfs.PrivilegeSecurity):
			return smb2.StatusPrivilegeNotHeld
		}
	}
	if parent == nil {
		sd := c.r.tree.derived(c.r.id.caller.SID, true)
		parent = &sd
	}
	sd := vfs.Inherit(*parent, explicit, dir, t.Defaults())
	c.security = &sd
	return nil
}
