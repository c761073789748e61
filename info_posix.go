package smb

import (
	"context"
	"encoding/binary"
	"math"

	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs"
)

// posixFile answers FilePosixInformation. [POSIX-SMB2] 3.3.5.20.1
func (q *query) posixFile(dst []byte) ([]byte, error) {
	switch {
	case !q.o.posix:
		return dst, smb2.StatusInvalidInfoClass
	case q.o.access&vfs.ReadAttributes == 0:
		return dst, smb2.StatusAccessDenied
	}
	a, err := q.o.stat(q.ctx)
	if err != nil {
		return dst, err
	}
	x := smb2.FilePosixInformation{
		CreationTime:        smb2.FileTimeOf(a.Created),
		LastAccessTime:      smb2.FileTimeOf(a.Accessed),
		LastWriteTime:       smb2.FileTimeOf(a.Written),
		ChangeTime:          smb2.FileTimeOf(a.Changed),
		EndOfFile:           a.Size,
		AllocationSize:      a.Alloc,
		FileAttributes:      uint32(a.Attributes),
		Inode:               a.ID,
		DeviceID:            uint32(q.o.tree().volumeID()),
		PosixCreateResponse: q.o.posixCreate(q.ctx, q.o.path(), a),
	}
	start := len(dst)
	dst = x.Append(dst)
	if n := len(dst) - start; n > int(q.req.OutputLength) {
		return dst[:start], q.room(n)
	}
	return dst, nil
}

// posixCreate returns what POSIX clients learn of what is called name besides what others
// do.
func (o *open) posixCreate(ctx context.Context, name string, a vfs.Attr) smb2.PosixCreateResponse {
	r := smb2.PosixCreateResponse{NumberOfLinks: a.Links, ReparseTag: a.ReparseTag, Mode: o.m.posixMode(ctx, name, a), Owner: nullSID, Group: nullSID}
	if a.Owned {
		r.Owner, r.Group = unixSID(1, a.UID), unixSID(2, a.GID)
	}
	return r
}

// nullSID is S-1-0-0, the owner of what has none. It is never written.
var nullSID = vfs.SIDNobody.Append(nil)

// unixSID returns vfs.UnixUserSID, or with kind 2 vfs.UnixGroupSID, for the wire. A listing
// needs two for each entry.
func unixSID(kind byte, id uint32) []byte {
	return binary.LittleEndian.AppendUint32([]byte{1, 2, 0, 0, 0, 0, 0, 22, kind, 0, 0, 0}, id)
}

// posixVolume answers FileFsPosixInformation. [POSIX-SMB2] 3.3.5.20.2
func (t *tree) posixVolume(v vfs.Volume) smb2.FsPosixInformation {
	x := smb2.FsPosixInformation{
		OptimalTransferSize: uint32(min(t.se.srv.limits.MaxIO, math.MaxInt32)),
		BlockSize:           v.BlockSize,
		TotalBlocks:         v.Blocks,
		BlocksAvailable:     v.Free,
		UserBlocksAvailable: v.Available,
		TotalFileNodes:      smb2.PosixUnknown,
		FreeFileNodes:       smb2.PosixUnknown,
		FsIdentifier:        t.volumeID(),
	}
	if v.Files != 0 {
		x.TotalFileNodes, x.FreeFileNodes = v.Files, v.FreeFiles
	}
	return x
}
