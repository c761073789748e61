package smb

import (
	"context"
	"io/fs"

	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs"
)

// Modes as the wire has them.

// posixBits says which bits of both kinds of mode are the same.
var posixBits = []struct {
	mode fs.FileMode
	bit  smb2.PosixMode
}{
	{fs.ModeSetuid, smb2.PosixSetUID},
	{fs.ModeSetgid, smb2.PosixSetGID},
	{fs.ModeSticky, smb2.PosixSticky},
}

// fileMode returns the bits of a mode that aren't the type.
func fileMode(m smb2.PosixMode) fs.FileMode {
	mode := fs.FileMode(m & smb2.PosixPermissions)
	for _, b := range posixBits {
		if m&b.bit != 0 {
			mode |= b.mode
		}
	}
	return mode
}

// posixTypes says what the types of objects of the storage are called. A directory has
// none, though that is what [POSIX-FSCC] 2.1.1.2 has a type for: Linux before 6.13 takes
// it for a bit of S_IFMT, and everybody knows a directory by its attributes.
var posixTypes = map[fs.FileMode]smb2.PosixMode{
	fs.ModeSymlink:                    smb2.PosixTypeSymlink,
	fs.ModeDevice | fs.ModeCharDevice: smb2.PosixTypeCharDevice,
	fs.ModeDevice:                     smb2.PosixTypeBlockDevice,
	fs.ModeNamedPipe:                  smb2.PosixTypeFIFO,
	fs.ModeSocket:                     smb2.PosixTypeSocket,
}

// reparseTypes is the same for those that clients made of reparse points.
var reparseTypes = map[uint32]smb2.PosixMode{
	smb2.ReparseTagSymlink:   smb2.PosixTypeSymlink,
	smb2.ReparseTagLxSymlink: smb2.PosixTypeSymlink,
	smb2.ReparseTagLxChr:     smb2.PosixTypeCharDevice,
	smb2.ReparseTagLxBlk:     smb2.PosixTypeBlockDevice,
	smb2.ReparseTagLxFIFO:    smb2.PosixTypeFIFO,
	smb2.ReparseTagAFUnix:    smb2.PosixTypeSocket,
}

// nfsTypes is the same for what is in an NFS reparse point.
var nfsTypes = map[uint64]smb2.PosixMode{
	smb2.NFSLink:        smb2.PosixTypeSymlink,
	smb2.NFSCharDevice:  smb2.PosixTypeCharDevice,
	smb2.NFSBlockDevice: smb2.PosixTypeBlockDevice,
	smb2.NFSFIFO:        smb2.PosixTypeFIFO,
	smb2.NFSSocket:      smb2.PosixTypeSocket,
}

// posixMode is the reverse of fileMode, with the type of what name is.
func (m *mount) posixMode(ctx context.Context, name string, a vfs.Attr) smb2.PosixMode {
	mode := smb2.PosixMode(a.Mode.Perm())
	for _, b := range posixBits {
		if a.Mode&b.mode != 0 {
			mode |= b.bit
		}
	}
	t := posixTypes[a.Mode.Type()]
	switch {
	case a.ReparseTag == smb2.ReparseTagNFS:
		t = nfsTypes[m.nfsType(ctx, name, a)]
	case a.ReparseTag != 0:
		t = reparseTypes[a.ReparseTag]
	}
	if t == smb2.PosixTypeSymlink {
		mode |= smb2.PosixPermissions // those of a link mean nothing
	}
	return mode | t
}

// nfsType returns what an NFS reparse point says that the object is.
func (m *mount) nfsType(ctx context.Context, name string, a vfs.Attr) uint64 {
	f, err := m.fs.Open(ctx, name, vfs.OpenOptions{Access: vfs.ReadAttributes})
	if err != nil {
		return 0
	}
	defer f.Close()
	p, err := m.reparsePoint(ctx, f, name, a)
	if err != nil {
		return 0
	}
	return smb2.NFSType(p.Data)
}
