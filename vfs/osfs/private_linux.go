package osfs

import (
	"strings"

	"github.com/gosmbd/smb/vfs"
)

// An extended attribute of a client's is one of the system's in the user
// namespace, as with Samba.
const userPrefix = "user."

// neededAttr has the names of those that are Xattr.Needed, each with a NUL. The
// system has no place for it, and Samba forgets it.
const neededAttr = "user.SMB_NEED_EA"

// privateAttrs are in the user namespace but not a client's: what this server
// and Samba keep there.
var privateAttrs = []string{
	dosAttribName,
	neededAttr,
	"user.DosEAs",
	"user.DosStreams",
	"user.NTACL",
	"user.SAMBA_PAI",
	"user.SAMBA_STREAMS",
	reparseName,
	probeAttr,
	"user.org.netatalk.Metadata",
}

// isPrivate reports whether an attribute is none of a client's business, in any
// case of its name.
func isPrivate(attr string) bool {
	for _, p := range []string{streamPrefix, sidePrefix} {
		if len(attr) >= len(p) && strings.EqualFold(attr[:len(p)], p) {
			return true
		}
	}
	for _, p := range privateAttrs {
		if strings.EqualFold(attr, p) {
			return true
		}
	}
	return false
}

// xattrName returns what clients call an attribute of the system; not ok if it
// isn't for them. Names that they can't have aren't, either.
func xattrName(attr string) (name string, ok bool) {
	name, ok = strings.CutPrefix(attr, userPrefix)
	return name, ok && vfs.ValidXattrName(name) && !isPrivate(attr)
}
