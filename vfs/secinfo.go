package vfs

// SecurityInformation names parts of a security descriptor, [MS-DTYP] 2.4.7.
type SecurityInformation uint32

// The parts of [MS-DTYP] 2.4.7.
const (
	OwnerSecurity     SecurityInformation = 0x00000001
	GroupSecurity     SecurityInformation = 0x00000002
	DACLSecurity      SecurityInformation = 0x00000004
	SACLSecurity      SecurityInformation = 0x00000008 // the SACL without what the next three name
	LabelSecurity     SecurityInformation = 0x00000010 // mandatory labels
	AttributeSecurity SecurityInformation = 0x00000020 // resource attributes
	ScopeSecurity     SecurityInformation = 0x00000040 // scoped policies
	BackupSecurity    SecurityInformation = 0x00010000 // everything, as it is

	UnprotectedSACLSecurity SecurityInformation = 0x10000000
	UnprotectedDACLSecurity SecurityInformation = 0x20000000
	ProtectedSACLSecurity   SecurityInformation = 0x40000000
	ProtectedDACLSecurity   SecurityInformation = 0x80000000
)

const (
	saclSecurity = SACLSecurity | LabelSecurity | AttributeSecurity | ScopeSecurity
	fullSecurity = OwnerSecurity | GroupSecurity | DACLSecurity | saclSecurity
)

// QueryAccess returns the rights that a handle needs to read these parts,
// [MS-FSA] 2.1.5.14.
func (i SecurityInformation) QueryAccess() Access {
	var a Access
	if i&^SACLSecurity&fullSecurity != 0 {
		a |= ReadControl
	}
	if i&SACLSecurity != 0 {
		a |= AccessSystemSecurity
	}
	if i&BackupSecurity != 0 {
		a |= ReadControl | AccessSystemSecurity
	}
	return a
}

// SetAccess returns the rights that a handle needs to replace these parts,
// [MS-FSA] 2.1.5.17.
func (i SecurityInformation) SetAccess() Access {
	var a Access
	if i&(OwnerSecurity|GroupSecurity|LabelSecurity|BackupSecurity) != 0 {
		a |= WriteOwner
	}
	if i&(DACLSecurity|AttributeSecurity|BackupSecurity|ProtectedDACLSecurity|UnprotectedDACLSecurity) != 0 {
		a |= WriteDAC
	}
	if i&(SACLSecurity|ScopeSecurity|BackupSecurity|ProtectedSACLSecurity|UnprotectedSACLSecurity) != 0 {
		a |= AccessSystemSecurity
	}
	return a
}

// parts replaces BackupSecurity by what it stands for.
func (i SecurityInformation) parts() SecurityInformation {
	if i&BackupSecurity != 0 {
		i |= fullSecurity
	}
	return i
}

// names reports whether the part to which an entry of a SACL belongs is asked for.
func (i SecurityInformation) names(t ACEType) bool {
	switch t {
	case ACEMandatoryLabel:
		return i&LabelSecurity != 0
	case aceResourceAttribute:
		return i&AttributeSecurity != 0
	case ACEScopedPolicyID:
		return i&ScopeSecurity != 0
	}
	return i&SACLSecurity != 0
}

const aceResourceAttribute ACEType = 0x12

// Select returns the descriptor with only the parts that a query asks for,
// [MS-FSA] 2.1.5.14.
func (d SecurityDescriptor) Select(info SecurityInformation) SecurityDescriptor {
	info = info.parts()
	var r SecurityDescriptor
	if info&OwnerSecurity != 0 {
		r.Owner, r.Control = d.Owner, d.Control&SDOwnerDefaulted
	}
	if info&GroupSecurity != 0 {
		r.Group = d.Group
		r.Control |= d.Control & SDGroupDefaulted
	}
	if info&DACLSecurity != 0 {
		r.DACL = d.DACL
		r.Control |= d.Control & (SDDACLPresent | SDDACLDefaulted | SDDACLProtected | SDDACLAutoInherited)
	}
	if info&saclSecurity == 0 {
		return r
	}
	r.Control |= d.Control & (SDSACLPresent | SDSACLDefaulted | SDSACLProtected | SDSACLAutoInherited)
	switch {
	case d.SACL == nil:
	case info&saclSecurity == saclSecurity:
		r.SACL = d.SACL
	default:
		r.SACL = &ACL{ACEs: appendNamed(nil, d.SACL, info)}
	}
	return r
}

// appendNamed appends those entries of a SACL that belong to the parts of info.
func appendNamed(list []ACE, a *ACL, info SecurityInformation) []ACE {
	if a == nil {
		return list
	}
	for _, e := range a.ACEs {
		if info.names(e.Type) {
			list = append(list, e)
		}
	}
	return list
}

// Merge returns the descriptor with the parts that info names replaced by those
// of set, [MS-FSA] 2.1.5.17: what a client's SET_INFO makes of the descriptor d.
//
// Generic rights in entries that hold for the object itself are replaced by what
// they stand for. Flags that belong to other parts than info names are kept. A
// list is taken to be inherited automatically only where set also has the
// request for it, but for BackupSecurity. A part that set doesn't have is
// removed from the SACL, it is an error for the owner and group, and makes the
// DACL the null one, as on Windows; but BackupSecurity leaves all three of them.
func (d SecurityDescriptor) Merge(set SecurityDescriptor, info SecurityInformation) (SecurityDescriptor, error) {
	backup := info&BackupSecurity != 0
	info = info.parts()
	switch {
	case info&OwnerSecurity == 0 || set.Owner == "" && backup:
		if d.Owner == "" {
			return d, ErrInvalidOwner
		}
	case !set.Owner.Valid():
		return d, ErrInvalidOwner
	default:
		d.Owner = set.Owner
		d.Control = d.Control&^SDOwnerDefaulted | set.Control&SDOwnerDefaulted
	}
	switch {
	case info&GroupSecurity == 0 || set.Group == "" && backup:
	case !set.Group.Valid():
		return d, ErrInvalidGroup
	default:
		d.Group = set.Group
		d.Control = d.Control&^SDGroupDefaulted | set.Control&SDGroupDefaulted
	}
	if backup {
		set.Control |= SDDACLInheritReq | SDSACLInheritReq
	}
	if info&DACLSecurity != 0 && (set.DACL != nil || set.Control&SDDACLPresent != 0 || !backup) {
		d.DACL = set.DACL.mapped()
		d.Control = daclBits.replace(d.Control, set.Control) | SDDACLPresent
	}
	if info&saclSecurity != 0 {
		d.mergeSACL(set, info)
	}
	d.Control = d.Control.protect(info, ProtectedDACLSecurity, UnprotectedDACLSecurity, SDDACLProtected)
	d.Control = d.Control.protect(info, ProtectedSACLSecurity, UnprotectedSACLSecurity, SDSACLProtected)
	return d, nil
}

// mergeSACL replaces the entries that belong to the parts of info.
func (d *SecurityDescriptor) mergeSACL(set SecurityDescriptor, info SecurityInformation) {
	list := appendNamed(nil, set.SACL.mapped(), info)
	list = appendNamed(list, d.SACL, ^info&saclSecurity)
	d.SACL = nil
	if len(list) > 0 || info&SACLSecurity != 0 && set.SACL != nil {
		d.SACL = &ACL{ACEs: list}
	}
	if info&SACLSecurity != 0 {
		d.Control = saclBits.replace(d.Control, set.Control)
	}
	d.Control &^= SDSACLPresent
	if d.SACL != nil {
		d.Control |= SDSACLPresent
	}
}

// replace returns old with the flags of this list as set has them.
func (l listBits) replace(old, set Control) Control {
	return old&^(l.present|l.defaulted|l.request|l.inherited|l.protected) | l.taken(set)
}

// protect sets or clears the flag that keeps a list from being inherited, if info
// says so.
func (c Control) protect(info, on, off SecurityInformation, flag Control) Control {
	switch {
	case info&on != 0:
		return c | flag
	case info&off != 0:
		return c &^ flag
	}
	return c
}

// mapped returns a copy with the generic rights replaced, where they hold for the
// object itself.
func (a *ACL) mapped() *ACL {
	if a == nil {
		return nil
	}
	m := &ACL{ACEs: make([]ACE, len(a.ACEs))}
	for i, e := range a.ACEs {
		if e.Flags&ACEInheritOnly == 0 {
			e.Mask = e.Mask.Expand()
		}
		m.ACEs[i] = e
	}
	return m
}
