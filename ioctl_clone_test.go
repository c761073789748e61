package smb_test

import (
	"bytes"
	"context"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/gosmbd/smb"
	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs"
	"github.com/gosmbd/smb/vfs/faultfs"
)

func noise(seed byte, n int) []byte {
	b := make([]byte, n)
	rand.NewChaCha8([32]byte{seed}).Read(b)
	return b
}

// filled makes a file with n bytes of noise.
func filled(r *rig, name string, seed byte, n int) []byte {
	r.t.Helper()
	data := noise(seed, n)
	put(r.t, r.fs, name, string(data))
	return data
}

func TestDuplicateExtents(t *testing.T) {
	r := newRig(t, nil)
	c := r.logon(smb.Dialect311)
	from, to := filled(r, "from", 1, 4*block+100), filled(r, "to", 2, 4*block+100)
	src, dst := r.open(c, "from"), r.open(c, "to")
	volume, err := r.fs.Volume(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	dup := func(what string, status smb2.Status, srcOff, dstOff, n int64) {
		t.Helper()
		x := smb2.DuplicateExtentsData{SourceFileID: src, SourceFileOffset: srcOff, TargetFileOffset: dstOff, ByteCount: n}
		want(t, what, control(c, dst, smb2.FsctlDuplicateExtentsToFile, x), status)
		if status == ok {
			copy(to[min(dstOff, int64(len(to))):], from[srcOff:min(srcOff+n, int64(len(from)))])
		}
		contentIs(t, what, c, dst, to)
	}
	dup("whole blocks", ok, block, 2*block, 2*block)
	after, err := r.fs.Volume(context.Background())
	if err != nil || after.Free != volume.Free+2*block/4096 {
		t.Errorf("%d blocks are free, of %d before, %v", after.Free, volume.Free, err)
	}
	dup("a cluster", ok, 4096, 8192, 4096)
	dup("all", ok, 0, 0, 4*block+100)
	dup("up to the end of the last cluster", ok, block, block, 3*block+4096)
	dup("nothing", ok, 0, 4096, 0)
	dup("beyond the end of the target", ok, 0, 8*block, block)
	dup("beyond the end of the source", smb2.StatusNotSupported, 4*block, 0, 2*4096)
	dup("far beyond the end of the source", smb2.StatusNotSupported, 8*block, 0, 4096)
	dup("odd source", smb2.StatusInvalidParameter, 1, 0, 4096)
	dup("odd target", smb2.StatusInvalidParameter, 0, 512, 4096)
	dup("odd length", smb2.StatusInvalidParameter, 0, 0, 4097)
	dup("the source's end in the middle", smb2.StatusInvalidParameter, 4*block, 0, 100)
	dup("negative", smb2.StatusInvalidParameter, 0, 0, -4096)
	dup("negative source", smb2.StatusInvalidParameter, -4096, 0, 4096)
	dup("too far", smb2.StatusInvalidParameter, 4096, 0, math.MaxInt64-4095)

	x := smb2.DuplicateExtentsDataEx{
		DuplicateExtentsData: smb2.DuplicateExtentsData{SourceFileID: src, TargetFileOffset: block, ByteCount: block},
		Flags:                smb2.DuplicateExtentsSourceAtomic,
	}
	want(t, "with a flag", control(c, dst, smb2.FsctlDuplicateExtentsToFileEx, x), ok)
	copy(to[block:], from[:block])
	contentIs(t, "with a flag", c, dst, to)

	src = dst
	dup("overlap", smb2.StatusNotSupported, 0, 4096, 8192)
	from = to
	dup("within a file", ok, 0, block, block)
	src.Volatile++
	dup("no source", smb2.StatusInvalidHandle, 0, 0, 4096)
}

func TestDuplicateExtentsRefused(t *testing.T) {
	r := newFaulty(t)
	c := r.logon(smb.Dialect311)
	filled(r.rig, "from", 1, block)
	to := filled(r.rig, "to", 2, block)
	src, dst := r.open(c, "from"), r.open(c, "to")
	x := smb2.DuplicateExtentsData{SourceFileID: src, ByteCount: block}
	dup := func(what string, status smb2.Status) {
		t.Helper()
		want(t, what, control(c, dst, smb2.FsctlDuplicateExtentsToFile, x), status)
		contentIs(t, what, c, dst, to)
	}
	want(t, "SET_SPARSE", control(c, src, smb2.FsctlSetSparse, nil), ok)
	dup("sparse to not sparse", smb2.StatusNotSupported)
	want(t, "SET_SPARSE", control(c, dst, smb2.FsctlSetSparse, nil), ok)
	r.fail(faultfs.CloneRange, vfs.ErrNoSpace)
	dup("no space", smb2.StatusDiskFull)
	r.heal()
	x.SourceFileID = r.create(c, smb2.CreateRequest{
		Name: "from", DesiredAccess: uint32(vfs.WriteData), Disposition: smb2.Open, Impersonation: 2, ShareAccess: 7,
	})
	dup("a source that may not be read", smb2.StatusInvalidParameter)
	x.SourceFileID = r.create(c, smb2.CreateRequest{
		Name: "d", DesiredAccess: uint32(vfs.AccessFull), Disposition: smb2.Create, Options: smb2.OptionDirectoryFile, Impersonation: 2, ShareAccess: 7,
	})
	dup("a directory", smb2.StatusInvalidParameter)
	tree := c.Tree
	r.tree(c, "ro") // the same files, but another backend: the faults are missing
	x.SourceFileID = r.create(c, smb2.CreateRequest{
		Name: "from", DesiredAccess: uint32(vfs.ReadData), Disposition: smb2.Open, Impersonation: 2, ShareAccess: 7,
	})
	c.Tree = tree
	dup("another volume", smb2.StatusInvalidParameter)
	x.SourceFileID = src
	dup2 := r.as("bob", password+"!")
	want(t, "another session's file", control(dup2, r.open(dup2, "to"), smb2.FsctlDuplicateExtentsToFile, x), smb2.StatusInvalidHandle)

	bare := simpleRig(t)
	b := bare.logon(smb.Dialect311)
	id := bare.open(b, "f")
	_, st := b.Write(id, 0, bytes.Repeat([]byte("x"), block))
	want(t, "WRITE", st, ok)
	x = smb2.DuplicateExtentsData{SourceFileID: id, ByteCount: 4096, TargetFileOffset: 8192}
	want(t, "a backend without", control(b, id, smb2.FsctlDuplicateExtentsToFile, x), smb2.StatusNotSupported)
}
