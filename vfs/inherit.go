package vfs

// Defaults is what a new object gets where neither its creator nor its directory
// says. See [Token.Defaults].
type Defaults struct {
	Owner, Group SID
	DACL         *ACL
}

// Inherit works out the descriptor of a new object, [MS-DTYP] 2.5.3.4, from that
// of the directory that it is made in, and from the one that its creator asks
// for, nil if he doesn't. container tells that the object is a directory.
//
// Where the pseudocode of the specification and Windows differ, it follows
// Windows: entries are marked as inherited, and added to those that the creator
// gives, only if the directory's own list is marked as inherited automatically; and a
// list from which this kind of object inherits nothing is one that has nothing
// to inherit.
func Inherit(parent SecurityDescriptor, explicit *SecurityDescriptor, container bool, def Defaults) SecurityDescriptor {
	var given SecurityDescriptor
	if explicit != nil {
		given = *explicit
	}
	d := SecurityDescriptor{Owner: given.Owner, Group: given.Group}
	if d.Owner == "" {
		d.Owner = def.Owner
	}
	if d.Group == "" {
		d.Group = def.Group
	}
	h := heir{owner: d.Owner, group: d.Group, container: container}

	dacl, control := h.list(daclBits, parent.DACL, parent.Control, given.DACL, given.Control)
	d.DACL, d.Control = dacl, control
	if dacl == nil && control&SDDACLPresent == 0 {
		d.DACL = def.DACL
		d.Control |= SDDACLPresent
	}
	sacl, control := h.list(saclBits, parent.SACL, parent.Control, given.SACL, given.Control)
	d.SACL, d.Control = sacl, d.Control|control
	return d
}

// listBits are the flags of one of the two lists of a descriptor.
type listBits struct {
	present, defaulted, request, inherited, protected Control
}

var (
	daclBits = listBits{SDDACLPresent, SDDACLDefaulted, SDDACLInheritReq, SDDACLAutoInherited, SDDACLProtected}
	saclBits = listBits{SDSACLPresent, SDSACLDefaulted, SDSACLInheritReq, SDSACLAutoInherited, SDSACLProtected}
)

// taken returns those flags of a list that is given from outside that are kept.
// "Auto inherited" needs the request for it, [MS-DTYP] 2.4.6 (DC, DI).
func (l listBits) taken(c Control) Control {
	keep := l.present | l.defaulted | l.protected
	if c&l.request != 0 {
		keep |= l.inherited
	}
	return c & keep
}

// heir is a new object.
type heir struct {
	owner, group SID
	container    bool
}

// list computes one list of the object, [MS-DTYP] 2.5.3.4.2, and its flags. Nil
// without the flag that it is present means that there is nothing to go by.
func (h heir) list(bits listBits, parent *ACL, parentControl Control, given *ACL, control Control) (*ACL, Control) {
	auto := parentControl&bits.inherited != 0
	if given == nil && control&bits.present == 0 {
		if a := h.inherit(nil, parent, auto); len(a) > 0 {
			return &ACL{ACEs: a}, bits.present | parentControl&bits.inherited
		}
		return nil, 0
	}
	control = bits.taken(control) | bits.present
	if given == nil {
		return nil, control // the null DACL
	}
	protected := control&bits.protected != 0
	merge := auto && !protected
	list := make([]ACE, 0, len(given.ACEs))
	for _, e := range given.ACEs {
		switch {
		case e.Flags&ACEInherited == 0:
		case protected:
			e.Flags &^= ACEInherited
		case merge:
			continue // what the directory has now is added instead
		}
		list = h.concrete(list, e)
	}
	if merge {
		list = h.inherit(list, parent, true)
		control |= bits.inherited
	}
	return &ACL{ACEs: list}, control
}

// inherit appends what the object inherits, [MS-DTYP] 2.5.3.4.4.
func (h heir) inherit(list []ACE, parent *ACL, auto bool) []ACE {
	if parent == nil {
		return list
	}
	for _, e := range parent.ACEs {
		if e.forOtherKind() {
			continue
		}
		pass := e.Flags & (ACEObjectInherit | ACEContainerInherit)
		further := e.Flags&ACENoPropagateInherit == 0
		keep := e.Flags & (ACESuccessfulAccess | ACEFailedAccess)
		if auto {
			keep |= ACEInherited
		}
		switch {
		case !h.container:
			if pass&ACEObjectInherit != 0 {
				e.Flags = keep
				list = h.concrete(list, e)
			}
		case pass&ACEContainerInherit != 0 && further:
			e.Flags = keep | pass
			list = h.concrete(list, e)
		case pass&ACEContainerInherit != 0:
			e.Flags = keep
			list = h.concrete(list, e)
		case pass&ACEObjectInherit != 0 && further:
			e.Flags = keep | ACEObjectInherit | ACEInheritOnly
			list = append(list, e)
		}
	}
	return list
}

// forOtherKind reports whether only objects of a certain kind inherit the entry,
// [MS-DTYP] 2.4.4.3; a file is of none.
func (e ACE) forOtherKind() bool {
	const inheritedObjectTypePresent = 2
	switch e.Type {
	case 0x05, 0x06, 0x07, 0x08, 0x0B, 0x0C, 0x0F, 0x10:
		return len(e.Raw) > aceFixed && e.Raw[aceFixed]&inheritedObjectTypePresent != 0
	}
	return false
}

// concrete appends the entry with generic rights, CREATOR OWNER and CREATOR GROUP
// replaced, [MS-DTYP] 2.5.3.4.7. What is inherited further keeps them: it becomes
// an entry of its own.
func (h heir) concrete(list []ACE, e ACE) []ACE {
	if e.Flags&ACEInheritOnly != 0 || e.Type.opaque() {
		return append(list, e)
	}
	real := e
	real.Mask = e.Mask.Expand()
	switch e.SID {
	case SIDCreatorOwner:
		real.SID = h.owner
	case SIDCreatorGroup:
		real.SID = h.group
	}
	pass := e.Flags & (ACEObjectInherit | ACEContainerInherit)
	further := h.container && pass != 0 && (real.Mask != e.Mask || real.SID != e.SID)
	if further {
		real.Flags &^= pass | ACENoPropagateInherit
	}
	if real.SID.Valid() {
		list = append(list, real)
	}
	if further {
		e.Flags |= ACEInheritOnly
		list = append(list, e)
	}
	return list
}
