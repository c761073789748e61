package smb_test

import (
	"bytes"
	"context"
	"testing"

	"github.com/gosmbd/smb"
	"github.com/gosmbd/smb/internal/smbtest"
	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs"
	"github.com/gosmbd/smb/vfs/faultfs"
	"github.com/gosmbd/smb/vfs/memfs"
)

// Each control that changes something, with input that does, and the rights of which
// one is enough.
var changingControls = []struct {
	code   smb2.CtlCode
	rights vfs.Access
	in     func(src smb2.FileID, key [24]byte, token [smb2.OffloadTokenSize]byte) smbtest.Body
}{
	{smb2.FsctlSetSparse, vfs.WriteData | vfs.AppendData | vfs.WriteAttributes, func(smb2.FileID, [24]byte, [smb2.OffloadTokenSize]byte) smbtest.Body {
		return smb2.FileSetSparseBuffer{SetSparse: true}
	}},
	{smb2.FsctlSetZeroData, vfs.WriteData, func(smb2.FileID, [24]byte, [smb2.OffloadTokenSize]byte) smbtest.Body {
		return zeroData{BeyondFinalZero: 5}
	}},
	{smb2.FsctlSetCompression, vfs.WriteData, func(smb2.FileID, [24]byte, [smb2.OffloadTokenSize]byte) smbtest.Body {
		return smb2.CompressionState{Format: smb2.CompressionFormatDefault}
	}},
	{smb2.FsctlFileLevelTrim, vfs.WriteData, func(smb2.FileID, [24]byte, [smb2.OffloadTokenSize]byte) smbtest.Body {
		return smb2.FileLevelTrim{Ranges: []smb2.FileLevelTrimRange{{Length: block}}}
	}},
	{smb2.FsctlDuplicateExtentsToFile, vfs.WriteData, func(src smb2.FileID, _ [24]byte, _ [smb2.OffloadTokenSize]byte) smbtest.Body {
		return smb2.DuplicateExtentsData{SourceFileID: src, ByteCount: block}
	}},
	{smb2.FsctlDuplicateExtentsToFileEx, vfs.WriteData, func(src smb2.FileID, _ [24]byte, _ [smb2.OffloadTokenSize]byte) smbtest.Body {
		return smb2.DuplicateExtentsDataEx{DuplicateExtentsData: smb2.DuplicateExtentsData{SourceFileID: src, ByteCount: block}}
	}},
	{smb2.FsctlOffloadWrite, vfs.WriteData, func(_ smb2.FileID, _ [24]byte, token [smb2.OffloadTokenSize]byte) smbtest.Body {
		return smb2.OffloadWriteRequest{CopyLength: 512, Token: token}
	}},
	{smb2.FsctlSrvCopychunkWrite, vfs.WriteData | vfs.AppendData, func(_ smb2.FileID, key [24]byte, _ [smb2.OffloadTokenSize]byte) smbtest.Body {
		return smb2.SrvCopychunkCopy{SourceKey: key, Chunks: []smb2.SrvCopychunk{{Length: 5}}}
	}},
}

// With each right alone: what isn't among those that suffice changes nothing. Nor does
// anything on a share that can't be written.
func TestControlsNeedRights(t *testing.T) {
	for _, control := range changingControls {
		t.Run(control.code.String(), func(t *testing.T) {
			r := newRig(t, nil)
			filled(r, "from", 1, block)
			c := r.logon(smb.Dialect311)
			for _, share := range []string{"s", "ro"} {
				r.tree(c, share)
				for right := vfs.Access(1); right <= vfs.Synchronize; right <<= 1 {
					if right&vfs.AccessFull == 0 || share == "ro" && right&vfs.AccessReadOnly == 0 {
						continue
					}
					filledAgain(r, "to", 2, block)
					before := dump(t, r.fs)
					read := func(name string, access vfs.Access) smb2.FileID {
						return r.create(c, smb2.CreateRequest{
							Name: name, DesiredAccess: uint32(access), Disposition: smb2.Open, Impersonation: 2, ShareAccess: 7,
						})
					}
					src := read("from", vfs.ReadData|vfs.ReadAttributes)
					out, st := c.Ioctl(src, smb2.FsctlSrvRequestResumeKey, nil, 32)
					want(t, "RESUME_KEY", st, ok)
					token, st := offloadRead(t, c, src, smb2.OffloadReadRequest{CopyLength: 512})
					want(t, "OFFLOAD_READ", st, ok)
					dst := read("to", right)
					in := control.in(src, [24]byte(out), token.Token)
					_, st = c.Ioctl(dst, control.code, in.Append(nil), 4096)
					enough := right&control.rights != 0
					if (st == ok) != enough || !enough && st != smb2.StatusAccessDenied && st != smb2.StatusMediaWriteProtected {
						t.Errorf("%s: with right %#x: %v", share, right, st)
					}
					if changed := dump(t, r.fs) != before; changed && !enough {
						t.Errorf("%s: with right %#x something changed", share, right)
					}
					want(t, "CLOSE", c.CloseFile(src), ok)
					want(t, "CLOSE", c.CloseFile(dst), ok)
				}
			}
			end(r, c)
		})
	}
}

// filledAgain is filled for a file that may be there.
func filledAgain(r *rig, name string, seed byte, n int) {
	r.t.Helper()
	r.fs.Remove(r.t.Context(), name)
	filled(r, name, seed, n)
}

func TestCompression(t *testing.T) {
	r := newRig(t, nil)
	c := r.logon(smb.Dialect311)
	state := func(id smb2.FileID) uint16 {
		t.Helper()
		out, st := c.Ioctl(id, smb2.FsctlGetCompression, nil, 2)
		x, err := smb2.ParseCompressionState(out)
		if st != ok || err != nil {
			t.Fatal(st, err)
		}
		return x.Format
	}
	set := func(what string, id smb2.FileID, format uint16, status smb2.Status) {
		t.Helper()
		want(t, what, control(c, id, smb2.FsctlSetCompression, smb2.CompressionState{Format: format}), status)
	}
	dir := r.create(c, smb2.CreateRequest{
		Name: "d", DesiredAccess: uint32(vfs.AccessFull), Disposition: smb2.Create, Options: smb2.OptionDirectoryFile, Impersonation: 2, ShareAccess: 7,
	})
	set("a directory", dir, smb2.CompressionFormatLZNT1, ok)
	inherits := r.open(c, `d\inherits`)
	plainReq := smbtest.CreateReq(`d\plain`, smb2.Create)
	plainReq.Options |= smb2.OptionNoCompression
	plain := r.create(c, plainReq)
	stream := r.open(c, `d\inherits:s`)
	for what, test := range map[string]struct {
		id   smb2.FileID
		want uint16
	}{"the directory": {dir, 2}, "its file": {inherits, 2}, "one that shan't be": {plain, 0}, "a stream": {stream, 0}} {
		if got := state(test.id); got != test.want {
			t.Errorf("%s: %d, want %d", what, got, test.want)
		}
	}
	if a := attributes(t, c, inherits); a&vfs.AttrCompressed == 0 {
		t.Errorf("attributes %#x", a)
	}
	info := fileInfo(t, c, inherits, smb2.ClassFileCompressionInformation, smb2.ParseFileCompressionInformation)
	if info.CompressionFormat != smb2.CompressionFormatLZNT1 || info.ChunkShift != 12 {
		t.Errorf("%+v", info)
	}
	set("no such format", inherits, 3, smb2.StatusInvalidParameter)
	set("a stream", stream, 1, smb2.StatusNotSupported)
	set("no more", inherits, 0, ok)
	if got := state(inherits); got != 0 {
		t.Errorf("state %d", got)
	}
	if a := fsAttributes(t, c, dir); a&smb2.FsFileCompression == 0 {
		t.Errorf("the volume promises %#x", a)
	}

	simple := simpleRig(t)
	b := simple.logon(smb.Dialect311)
	id := simple.open(b, "f")
	want(t, "without, on", control(b, id, smb2.FsctlSetCompression, smb2.CompressionState{Format: 1}), smb2.StatusNotSupported)
	want(t, "without, off", control(b, id, smb2.FsctlSetCompression, smb2.CompressionState{}), ok)
}

// An IOCTL that a CLOSE follows without waiting finds the file open, however long it
// takes to check the IOCTL's signature.
func TestIoctlBeforeClose(t *testing.T) {
	r := newRig(t, nil)
	c := r.logon(smb.Dialect311)
	in := make([]byte, 1<<20) // which is more than SET_SPARSE looks at
	for range 20 {
		id := r.open(c, "f")
		e := c.Req(smb2.CommandIoctl, smbtest.IoctlReq(id, smb2.FsctlSetSparse, in, 0))
		f := c.Req(smb2.CommandClose, smb2.CloseRequest{FileID: id})
		first, second := c.Build(e), c.Build(f)
		c.SendFrame(first)
		c.SendFrame(second)
		want(t, "IOCTL", c.Wait(e.MessageID).Status, ok)
		want(t, "CLOSE", c.Wait(f.MessageID).Status, ok)
	}
}

// Only a volume that says it is ReFS knows integrity; files there have no checksums.
func TestIntegrity(t *testing.T) {
	get := func(c *smbtest.Client, id smb2.FileID) smb2.Status {
		_, st := c.Ioctl(id, smb2.FsctlGetIntegrityInformation, nil, 16)
		return st
	}
	r := newRig(t, nil)
	c := r.logon(smb.Dialect311)
	id := r.open(c, "f")
	want(t, "GET, NTFS", get(c, id), smb2.StatusInvalidDeviceRequest)
	want(t, "SET, NTFS", control(c, id, smb2.FsctlSetIntegrityInformation, smb2.SetIntegrityInformation{}), smb2.StatusInvalidDeviceRequest)

	r = newRig(t, func(s *smb.Server) {
		shares := s.Shares.(smb.Shares)
		shares["s"] = &smb.Share{FS: refs{faultfs.New(shares["s"].FS, nil)}}
	})
	c = r.logon(smb.Dialect311)
	id = r.open(c, "f")
	want(t, "GET, ReFS", get(c, id), ok)
	for x, status := range map[smb2.SetIntegrityInformation]smb2.Status{
		{}: ok,
		{ChecksumAlgorithm: smb2.ChecksumUnchanged}:       ok,
		{ChecksumAlgorithm: smb2.ChecksumCRC64}:           smb2.StatusNotSupported,
		{ChecksumAlgorithm: 3}:                            smb2.StatusInvalidParameter,
		{Flags: smb2.IntegrityEnforcementOff}:             smb2.StatusInvalidParameter,
		{ChecksumAlgorithm: smb2.ChecksumCRC32, Flags: 2}: smb2.StatusInvalidParameter,
	} {
		want(t, "SET, ReFS", control(c, id, smb2.FsctlSetIntegrityInformation, x), status)
	}
}

// refs is a file system that says it is ReFS.
type refs struct{ vfs.FS }

func (r refs) Create(ctx context.Context, name string, opt vfs.CreateOptions) (vfs.File, error) {
	return r.FS.(vfs.Creator).Create(ctx, name, opt)
}

func (r refs) Volume(ctx context.Context) (vfs.Volume, error) {
	v, err := r.FS.(vfs.Sizer).Volume(ctx)
	v.FSName = "ReFS"
	return v, err
}

// Who may only append must not overwrite by way of a copy.
func TestCopyAppends(t *testing.T) {
	fsys := &memfs.FS{}
	put(t, fsys, "log", "0123456789")
	put(t, fsys, "mine", "XXXXX")
	r := guarded(t, fsys)
	secure(t, fsys, "log", allow(bobSID, vfs.AppendData|vfs.ReadData|vfs.ReadAttributes|vfs.Synchronize))
	bob := r.as("bob", password)
	want(t, "CREATE for writing", attempt(bob, "log", vfs.WriteData, 0, nil), smb2.StatusAccessDenied)
	req := smbtest.CreateReq("log", smb2.Open)
	req.DesiredAccess = uint32(vfs.AppendData | vfs.ReadData)
	dst := r.create(bob, req)
	_, st := bob.Write(dst, 0, []byte("a"))
	want(t, "WRITE, which appends", st, ok)
	contentIs(t, "after WRITE at 0", bob, dst, []byte("0123456789a"))
	src := r.open(bob, "mine")
	out, st := bob.Ioctl(src, smb2.FsctlSrvRequestResumeKey, nil, 32)
	want(t, "RESUME_KEY", st, ok)
	x := smb2.SrvCopychunkCopy{SourceKey: [24]byte(out), Chunks: []smb2.SrvCopychunk{{TargetOffset: 0, Length: 5}}}
	_, st = bob.Ioctl(dst, smb2.FsctlSrvCopychunkWrite, x.Append(nil), 12)
	want(t, "COPYCHUNK_WRITE", st, ok)
	got, _ := bob.Read(dst, 0, 100)
	if !bytes.HasPrefix(got, []byte("0123456789")) {
		t.Errorf("who may only append has overwritten the file: %q", got)
	}
}
