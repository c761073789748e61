package ntapi

import (
	"context"

	"github.com/gosmbd/smb/dcerpc/ndr"
	"github.com/gosmbd/smb/vfs"
)

// Access is an ACCESS_MASK, [MS-DTYP] 2.4.3. What the low bits mean depends on the kind of
// object.
type Access = uint32

// Rights that all kinds of objects have.
const (
	Delete        Access = 0x00010000
	ReadControl   Access = 0x00020000
	WriteDAC      Access = 0x00040000
	WriteOwner    Access = 0x00080000
	accessSACL    Access = 0x01000000
	maximum       Access = 0x02000000
	genericAll    Access = 0x10000000
	genericExec   Access = 0x20000000
	genericWrite  Access = 0x40000000
	genericRead   Access = 0x80000000
	StandardAll          = Delete | ReadControl | WriteDAC | WriteOwner
	StandardRead         = ReadControl
	StandardWrite        = ReadControl
	StandardExec         = ReadControl
)

// User reports whether the caller proved who he is: no guest, and not anonymous.
func User(ctx context.Context) bool {
	c := vfs.CallerFrom(ctx)
	return c != nil && !c.Guest && !c.Anonymous
}

// Admin reports whether the caller administrates the server.
func Admin(ctx context.Context) bool {
	return User(ctx) && vfs.CallerFrom(ctx).Token().Has(vfs.SIDAdministrators)
}

// A Class is a kind of object that handles are opened to: what generic rights stand for
// with it, and which rights users have to any such object. Administrators have all.
type Class struct {
	Read, Write, Execute, All Access
	Users                     Access
}

// open returns the rights of a new handle for a caller who wants desired, and whether he
// may have them. With MAXIMUM_ALLOWED in desired he gets all that he may have.
func (c Class) open(ctx context.Context, desired Access) (granted Access, ok bool) {
	for _, g := range []struct{ generic, rights Access }{
		{genericRead, c.Read}, {genericWrite, c.Write}, {genericExec, c.Execute}, {genericAll, c.All},
	} {
		if desired&g.generic != 0 {
			desired = desired&^g.generic | g.rights
		}
	}
	may := Access(0)
	switch {
	case Admin(ctx):
		may = c.All | accessSACL
	case User(ctx):
		may = c.Users
	}
	if desired&maximum != 0 {
		desired = desired&^maximum | may&^accessSACL
	}
	return desired, may != 0 && desired&^may == 0
}

// Parts of a security descriptor, [MS-DTYP] 2.4.7.
const (
	ownerPart = 1
	groupPart = 2
	daclPart  = 4
	saclPart  = 8
)

// needForSecurity returns the rights that a handle needs to read these parts of its
// object's descriptor, [MS-LSAD] 3.1.4.9.1.
func needForSecurity(parts uint32) Access {
	var need Access
	if parts&(ownerPart|groupPart|daclPart) != 0 {
		need |= ReadControl
	}
	if parts&saclPart != 0 {
		need |= accessSACL
	}
	return need
}

// appendSecurity writes a pointer to the SR_SECURITY_DESCRIPTOR of every object of the
// kind, [MS-LSAD] 2.2.2.5, with the parts that are asked for.
func (c Class) appendSecurity(e *ndr.Encoder, parts uint32) {
	var sd vfs.SecurityDescriptor
	if parts&ownerPart != 0 {
		sd.Owner = vfs.SIDAdministrators
	}
	if parts&groupPart != 0 {
		sd.Group = vfs.SIDSystem
	}
	if parts&daclPart != 0 {
		sd.Control |= vfs.SDDACLPresent
		sd.DACL = &vfs.ACL{ACEs: []vfs.ACE{{Type: vfs.ACEAllowed, Mask: vfs.Access(c.All), SID: vfs.SIDAdministrators}}}
		if c.Users != 0 {
			sd.DACL.ACEs = append(sd.DACL.ACEs, vfs.ACE{Type: vfs.ACEAllowed, Mask: vfs.Access(c.Users), SID: vfs.SIDAuthenticatedUsers})
		}
	}
	b := sd.Append(nil)
	e.PtrTo(func(c *ndr.Construct) {
		c.U32(uint32(len(b)))
		c.Defer(func(c *ndr.Construct) {
			c.U32(uint32(len(b)))
			c.Raw(b)
		})
	})
}
