package smb

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"slices"
	"strconv"
	"strings"

	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs"
)

// POSIX modes for Apple's clients are entries of the access control list that grant and
// deny nothing, as a Windows NFS server makes them for a user whom it doesn't know. Clients
// send back the list that they got, with another mode in it.

// nfsSID begins the SIDs of such entries; after it come the kind and a number.
const nfsSID = "S-1-5-88-"

const (
	nfsUser  = "1-"
	nfsGroup = "2-"
	nfsMode  = "3-"
	nfsOwner = "4294967294" // nobody in particular: clients show the user who logged on
)

// withModes adds the entries for an object with the attributes a to its descriptor.
func withModes(sd vfs.SecurityDescriptor, a vfs.Attr) vfs.SecurityDescriptor {
	var list []vfs.ACE
	mode := strconv.FormatUint(uint64(posixMode(a.Mode)), 10)
	for _, sid := range []string{nfsUser + nfsOwner, nfsGroup + nfsOwner, nfsMode + mode} {
		list = append(list, vfs.ACE{Type: vfs.ACEDenied, SID: vfs.SID(nfsSID + sid)})
	}
	if sd.DACL != nil {
		list = append(list, sd.DACL.ACEs...)
	} else {
		list = append(list, vfs.ACE{Type: vfs.ACEAllowed, Mask: vfs.AccessFull, SID: vfs.SIDEveryone})
	}
	sd.DACL = &vfs.ACL{ACEs: list}
	sd.Control |= vfs.SDDACLPresent
	return sd
}

// setModes sets the mode that is among the entries of what an Apple client wants to set,
// instead of old. It returns what there is still to be set, with those entries taken out
// of sd: a list that says the same as old is not set, nor one without entries, which macOS
// sends for a file that has none of its own.
func (r *request) setModes(ctx context.Context, info vfs.SecurityInformation, sd *vfs.SecurityDescriptor, old vfs.SecurityDescriptor) (vfs.SecurityInformation, error) {
	if info&vfs.DACLSecurity == 0 || sd.DACL == nil {
		return info, nil
	}
	const dacl = vfs.DACLSecurity | vfs.ProtectedDACLSecurity | vfs.UnprotectedDACLSecurity
	if !r.tree.hasAAPL(smb2.AAPLNFSACE) {
		if len(sd.DACL.ACEs) == 0 {
			info &^= dacl
		}
		return info, nil
	}
	mode, rest := takeModes(sd.DACL.ACEs)
	sd.DACL = &vfs.ACL{ACEs: rest}
	same := old.DACL != nil && bytes.Equal(old.DACL.Append(nil), sd.DACL.Append(nil)) ||
		old.DACL == nil && len(rest) == 1 && rest[0].SID == vfs.SIDEveryone && rest[0].Mask == vfs.AccessFull
	if same || len(rest) == 0 {
		info &^= dacl
	}
	if mode == nil {
		return info, nil
	}
	return info, r.open.chmod(ctx, *mode)
}

// takeModes takes the entries for POSIX modes out of a list. It returns the mode, nil if
// there is none.
func takeModes(list []vfs.ACE) (mode *fs.FileMode, rest []vfs.ACE) {
	rest = slices.DeleteFunc(slices.Clone(list), func(e vfs.ACE) bool {
		kind, nfs := strings.CutPrefix(string(e.SID), nfsSID)
		value, is := strings.CutPrefix(kind, nfsMode)
		if n, err := strconv.ParseUint(value, 10, 32); nfs && is && err == nil {
			m := fs.FileMode(n) & fs.ModePerm
			mode = &m
		}
		return nfs
	})
	return mode, rest
}

// chmod gives the object of o a mode, unless it has it.
func (o *open) chmod(ctx context.Context, mode fs.FileMode) error {
	err := o.withObject(ctx, func(f vfs.File) error {
		a, err := f.Stat(ctx)
		if err != nil || a.Mode.Perm() == mode {
			return err
		}
		c, ok := vfs.As[vfs.Chmoder](f)
		if !ok {
			return errors.ErrUnsupported
		}
		return c.Chmod(mode)
	})
	if errors.Is(err, errors.ErrUnsupported) {
		return smb2.StatusNotSupported
	}
	return err
}
