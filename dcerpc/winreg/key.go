package winreg

import (
	"cmp"
	"slices"
	"strings"

	"github.com/gosmbd/smb/internal/utf16le"
	"github.com/gosmbd/smb/vfs"
)

// key is a key of the registry. It doesn't change once it is built.
type key struct {
	name   string
	keys   []*key // in the order of their names
	values []Value
	public bool // any user of the server may read it
}

// securePipe is the key that says which keys are public.
const securePipe = localMachine + `\SYSTEM\CurrentControlSet\Control\SecurePipeServers\winreg\`

// build makes the tree of keys that the tables describe, below a key that has no name. A
// value stands in place of one of the same name in a table before.
func build(tables []Table) *key {
	root := &key{}
	for _, name := range []string{classesRoot, currentConfig, currentUser, localMachine, users} {
		root.add(name)
	}
	for _, t := range tables {
		for path, values := range t {
			path = longPath(path)
			name, _, _ := strings.Cut(path, `\`)
			if root.child(name) == nil {
				continue
			}
			k := root.make(path)
			for _, v := range values {
				k.set(v)
			}
		}
	}
	machine := root.child(localMachine)
	for _, path := range root.find(securePipe + "AllowedExactPaths").list("Machine") {
		if k := machine.find(path); k != nil {
			k.public = true
		}
	}
	for _, path := range root.find(securePipe + "AllowedPaths").list("Machine") {
		machine.find(path).publish()
	}
	return root
}

// publish makes k and all keys below public.
func (k *key) publish() {
	if k == nil {
		return
	}
	k.public = true
	for _, c := range k.keys {
		c.publish()
	}
}

// compareNames is the order of keys.
func compareNames(a, b string) int { return cmp.Compare(strings.ToUpper(a), strings.ToUpper(b)) }

// search returns where the key called name is among those below k, or belongs.
func (k *key) search(name string) (int, bool) {
	return slices.BinarySearchFunc(k.keys, name, func(c *key, name string) int { return compareNames(c.name, name) })
}

// child returns the key called name directly below k, nil if there is none.
func (k *key) child(name string) *key {
	if k == nil {
		return nil
	}
	if i, ok := k.search(name); ok {
		return k.keys[i]
	}
	return nil
}

// add returns the key called name directly below k, which it makes if there is none.
func (k *key) add(name string) *key {
	i, ok := k.search(name)
	if !ok {
		k.keys = slices.Insert(k.keys, i, &key{name: name})
	}
	return k.keys[i]
}

// make is add for a path.
func (k *key) make(path string) *key {
	for name := range strings.SplitSeq(path, `\`) {
		if name != "" {
			k = k.add(name)
		}
	}
	return k
}

// find returns the key at a path below k; k itself for an empty one, nil for one that
// isn't there. One backslash at the end doesn't matter.
func (k *key) find(path string) *key {
	path = strings.TrimSuffix(path, `\`)
	if path == "" {
		return k
	}
	for name := range strings.SplitSeq(path, `\`) {
		k = k.child(name)
	}
	return k
}

// value returns the value called name.
func (k *key) value(name string) (Value, bool) {
	for _, v := range k.values {
		if strings.EqualFold(v.Name, name) {
			return v, true
		}
	}
	return Value{}, false
}

// set adds v, in place of a value of the same name.
func (k *key) set(v Value) {
	same := func(w Value) bool { return strings.EqualFold(v.Name, w.Name) }
	if i := slices.IndexFunc(k.values, same); i >= 0 {
		k.values[i] = v
	} else {
		k.values = append(k.values, v)
	}
}

// list returns the strings of a value of type REG_MULTI_SZ.
func (k *key) list(name string) []string {
	if k == nil {
		return nil
	}
	v, _ := k.value(name)
	s, err := utf16le.Decode(v.Data)
	if v.Type != TypeMultiString || err != nil {
		return nil
	}
	return slices.DeleteFunc(strings.Split(s, "\x00"), func(s string) bool { return s == "" })
}

// Rights of a key, [MS-RRP] 2.2.3, and what the generic ones stand for.
const (
	queryValue       = 0x00000001
	enumerateSubKeys = 0x00000008
	wow64Flags       = 0x00000300

	keyRead  = 0x00020019
	keyWrite = 0x00020006
	keyAll   = 0x000F003F

	knownRights = keyAll | 0x00100000 /* SYNCHRONIZE */ | wow64Flags | systemSecurity | maximumAllowed | 0xF0000000

	systemSecurity = 0x01000000
	maximumAllowed = 0x02000000
	genericAll     = 0x10000000
	genericExecute = 0x20000000
	genericWrite   = 0x40000000
	genericRead    = 0x80000000
)

// expand replaces the generic rights in an access mask by those that they stand for.
func expand(access uint32) uint32 {
	a := access & 0x0FFFFFFF &^ wow64Flags
	if access&(genericRead|genericExecute) != 0 {
		a |= keyRead
	}
	if access&genericWrite != 0 {
		a |= keyWrite
	}
	if access&genericAll != 0 {
		a |= keyAll
	}
	return a
}

// security returns the descriptor of k. It grants nobody more than reading, since
// nothing can be changed.
func (k *key) security() vfs.SecurityDescriptor {
	allow := func(sid vfs.SID) vfs.ACE {
		return vfs.ACE{Type: vfs.ACEAllowed, Flags: vfs.ACEContainerInherit, Mask: keyRead, SID: sid}
	}
	aces := []vfs.ACE{allow(vfs.SIDAdministrators), allow(vfs.SIDSystem)}
	if k.public {
		aces = append(aces, allow(vfs.SIDAuthenticatedUsers))
	}
	return vfs.SecurityDescriptor{
		Control: vfs.SDDACLPresent,
		Owner:   vfs.SIDSystem,
		Group:   vfs.SIDSystem,
		DACL:    &vfs.ACL{ACEs: aces},
	}
}
