package smb

import (
	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs"
)

// security answers with a descriptor made from what the share lets the caller
// do, since none is stored. [MS-SMB2] 3.3.5.20.3
func (q *query) security(dst []byte) ([]byte, error) {
	const control = smb2.OwnerSecurityInformation | smb2.GroupSecurityInformation | smb2.DACLSecurityInformation | smb2.LabelSecurityInformation
	switch info := q.req.Additional; {
	case info&control != 0 && q.o.access&vfs.ReadControl == 0,
		info&smb2.SACLSecurityInformation != 0 && q.o.access&vfs.AccessSystemSecurity == 0:
		return dst, smb2.StatusAccessDenied
	}
	if q.o.pipe != nil {
		return dst, smb2.StatusNotSupported
	}
	start := len(dst)
	dst = q.o.tree().descriptor(q.req.Additional).Append(dst)
	if n := len(dst) - start; n > int(q.req.OutputLength) {
		return dst, q.tooSmall(n)
	}
	return dst, nil
}

// descriptor returns the parts of the descriptor that the bits of info name.
func (t *tree) descriptor(info uint32) vfs.SecurityDescriptor {
	var sd vfs.SecurityDescriptor
	if info&smb2.OwnerSecurityInformation != 0 {
		sd.Owner = vfs.SIDAdministrators
	}
	if info&smb2.GroupSecurityInformation != 0 {
		sd.Group = vfs.SIDUsers
	}
	if info&smb2.DACLSecurityInformation != 0 {
		sd.DACL = &vfs.ACL{ACEs: []vfs.ACE{{Type: vfs.ACEAllowed, Mask: t.access(), SID: vfs.SIDEveryone}}}
	}
	return sd
}
