package smb_test

import (
	"bytes"
	"encoding/binary"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gosmbd/smb"
	"github.com/gosmbd/smb/internal/smbtest"
	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs"
)

func offloadRead(t *testing.T, c *smbtest.Client, id smb2.FileID, x smb2.OffloadReadRequest) (smb2.OffloadReadResponse, smb2.Status) {
	t.Helper()
	out, st := c.Ioctl(id, smb2.FsctlOffloadRead, x.Append(nil), 16+smb2.OffloadTokenSize)
	if st != ok {
		return smb2.OffloadReadResponse{}, st
	}
	resp, err := smb2.ParseOffloadReadResponse(out)
	if err != nil {
		t.Fatal(err)
	}
	return resp, st
}

func offloadWrite(t *testing.T, c *smbtest.Client, id smb2.FileID, x smb2.OffloadWriteRequest) (uint64, smb2.Status) {
	t.Helper()
	out, st := c.Ioctl(id, smb2.FsctlOffloadWrite, x.Append(nil), 16)
	if st != ok {
		return 0, st
	}
	resp, err := smb2.ParseOffloadWriteResponse(out)
	if err != nil {
		t.Fatal(err)
	}
	return resp.LengthWritten, st
}

func TestOffload(t *testing.T) {
	for name, newRig := range map[string]func(*testing.T) *rig{
		"by the backend":   func(t *testing.T) *rig { return newRig(t, nil) },
		"through a buffer": simpleRig,
	} {
		t.Run(name, func(t *testing.T) { testOffload(t, newRig(t)) })
	}
}

func testOffload(t *testing.T, r *rig) {
	c := r.logon(smb.Dialect311)
	const size = 3<<20 + 100
	from, to := filled(r, "from", 1, size), filled(r, "to", 2, size+5000)
	src, dst := r.open(c, "from"), r.open(c, "to")
	read := func(off, n, transfer uint64, flags uint32) smb2.OffloadReadResponse {
		t.Helper()
		resp, st := offloadRead(t, c, src, smb2.OffloadReadRequest{FileOffset: off, CopyLength: n})
		if st != ok || resp.TransferLength != transfer || resp.Flags != flags {
			t.Fatalf("OFFLOAD_READ of %d at %d: %d, flags %d, %v", n, off, resp.TransferLength, resp.Flags, st)
		}
		return resp
	}
	write := func(token smb2.OffloadReadResponse, off, n, skip, written uint64) {
		t.Helper()
		got, st := offloadWrite(t, c, dst, smb2.OffloadWriteRequest{FileOffset: off, CopyLength: n, TransferOffset: skip, Token: token.Token})
		if st != ok || got != written {
			t.Fatalf("OFFLOAD_WRITE of %d at %d: %d, %v", n, off, got, st)
		}
	}
	whole := read(0, 1<<40, size+412, smb2.OffloadReadZeroBeyond) // whole sectors
	part := read(512, 1024, 1024, 0)
	if read(0, 0, 0, 0).Token != [smb2.OffloadTokenSize]byte{} {
		t.Error("a token for nothing")
	}

	write(part, 4096, 1024, 0, 1024)
	copy(to[4096:], from[512:512+1024])
	write(part, 0, 4096, 512, 512) // no more than there is
	copy(to, from[1024:1024+512])
	write(part, 0, 0, 0, 0)
	contentIs(t, "a part", c, dst, to)
	write(whole, 0, 1<<40, 0, size+412)
	copy(to, from)
	clear(to[size : size+412])
	contentIs(t, "all", c, dst, to)
	last := uint64(len(to)) / 512 * 512
	write(whole, last, 4096, 0, 4096)
	copy(to[last:], from)
	contentIs(t, "beyond the end of file", c, dst, to)

	zero := smb2.OffloadReadResponse{}
	binary.BigEndian.PutUint32(zero.Token[:], 0xFFFF0001)
	write(zero, 512, 8192, 0, 8192)
	clear(to[512 : 512+8192])
	contentIs(t, "zeros", c, dst, to)
}

// A token is worth nothing once what it stands for may be another, for others, and
// after its time.
func TestOffloadTokens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nil)
		c, other := r.logon(smb.Dialect311), r.logon(smb.Dialect311)
		filled(r, "from", 1, 64<<10)
		to := filled(r, "to", 2, 64<<10)
		src, dst, theirs := r.open(c, "from"), r.open(c, "to"), r.open(other, "to")
		token := func(ttl uint32) smb2.OffloadWriteRequest {
			t.Helper()
			resp, st := offloadRead(t, c, src, smb2.OffloadReadRequest{CopyLength: 4096, TokenTimeToLive: ttl})
			want(t, "OFFLOAD_READ", st, ok)
			return smb2.OffloadWriteRequest{CopyLength: 4096, Token: resp.Token}
		}
		refused := func(what string, c *smbtest.Client, dst smb2.FileID, x smb2.OffloadWriteRequest) {
			t.Helper()
			_, st := offloadWrite(t, c, dst, x)
			want(t, what, st, smb2.StatusInvalidToken)
			contentIs(t, what, c, dst, to)
		}
		x := token(0)
		refused("another session", other, theirs, x)
		bad := x
		bad.Token[8]++
		refused("another token", c, dst, bad)
		bad = x
		bad.Token[500]++
		refused("a token that was changed", c, dst, bad)
		bad.Token = [smb2.OffloadTokenSize]byte{}
		refused("no token", c, dst, bad)

		x = token(5000)
		time.Sleep(5001 * time.Millisecond)
		refused("5 seconds later", c, dst, x)
		x = token(math.MaxUint32)
		time.Sleep(time.Hour)
		refused("an hour later", c, dst, x)
		x = token(0)
		for range 64 {
			token(0)
		}
		refused("one of too many", c, dst, x)

		for name, change := range map[string]func(){
			"written": func() { c.Write(src, 60<<10, []byte("x")) },
			"truncated": func() {
				c.SetInfo(src, smb2.ClassFileEndOfFileInformation, smb2.FileEndOfFileInformation{EndOfFile: 32 << 10})
			},
			"zeroed": func() { control(c, src, smb2.FsctlSetZeroData, zeroData{BeyondFinalZero: 5}) },
			"closed": func() {
				c.CloseFile(src)
				src = r.open(c, "from")
			},
		} {
			x := token(0)
			change()
			refused("the source was "+name, c, dst, x)
		}
		end(r, c, other)
	})
}

func TestOffloadRefused(t *testing.T) {
	r := newRig(t, nil)
	c := r.logon(smb.Dialect311)
	filled(r, "from", 1, 10_000)
	to := filled(r, "to", 2, 10_000)
	src, dst := r.open(c, "from"), r.open(c, "to")
	dir := r.create(c, smb2.CreateRequest{
		Name: "d", DesiredAccess: uint32(vfs.AccessFull), Disposition: smb2.Create, Options: smb2.OptionDirectoryFile, Impersonation: 2, ShareAccess: 7,
	})
	sparse, compressed := r.open(c, "sparse"), r.open(c, "compressed")
	want(t, "SET_SPARSE", control(c, sparse, smb2.FsctlSetSparse, nil), ok)
	want(t, "SET_COMPRESSION", control(c, compressed, smb2.FsctlSetCompression, smb2.CompressionState{Format: 1}), ok)
	type req = smb2.OffloadReadRequest
	for _, test := range []struct {
		id   smb2.FileID
		x    req
		want smb2.Status
	}{
		{src, req{FileOffset: 1, CopyLength: 512}, smb2.StatusInvalidParameter},
		{src, req{CopyLength: 511}, smb2.StatusInvalidParameter},
		{src, req{FileOffset: math.MaxUint64 - 511, CopyLength: 512}, smb2.StatusInvalidParameter},
		{src, req{FileOffset: math.MaxUint64 - 511, CopyLength: math.MaxUint64 - 511}, smb2.StatusInvalidParameter},
		{src, req{FileOffset: 1 << 62, CopyLength: 1 << 62}, smb2.StatusInvalidParameter},
		{src, req{FileOffset: 10_240, CopyLength: 512}, smb2.StatusEndOfFile},
		{dir, req{CopyLength: 512}, smb2.StatusOffloadReadFileNotSupported},
		{sparse, req{CopyLength: 512}, smb2.StatusOffloadReadFileNotSupported},
		{compressed, req{CopyLength: 512}, smb2.StatusOffloadReadFileNotSupported},
	} {
		_, st := offloadRead(t, c, test.id, test.x)
		want(t, "OFFLOAD_READ", st, test.want)
	}
	_, st := c.Ioctl(src, smb2.FsctlOffloadRead, req{CopyLength: 512}.Append(nil), 15+smb2.OffloadTokenSize)
	want(t, "OFFLOAD_READ without room", st, smb2.StatusBufferTooSmall)
	_, st = c.Ioctl(src, smb2.FsctlOffloadRead, req{CopyLength: 512}.Append(nil)[:31], 4096)
	want(t, "a short OFFLOAD_READ", st, smb2.StatusBufferTooSmall)

	resp, st := offloadRead(t, c, src, req{CopyLength: 8192})
	want(t, "OFFLOAD_READ", st, ok)
	x := smb2.OffloadWriteRequest{CopyLength: 8192, Token: resp.Token}
	write := func(what string, id smb2.FileID, status smb2.Status, edit func(x *smb2.OffloadWriteRequest)) {
		t.Helper()
		y := x
		edit(&y)
		_, st := offloadWrite(t, c, id, y)
		want(t, what, st, status)
		contentIs(t, what, c, dst, to)
	}
	as := func(*smb2.OffloadWriteRequest) {}
	write("odd offset", dst, smb2.StatusInvalidParameter, func(x *smb2.OffloadWriteRequest) { x.FileOffset = 1 })
	write("odd length", dst, smb2.StatusInvalidParameter, func(x *smb2.OffloadWriteRequest) { x.CopyLength = 1 })
	write("odd place in the token", dst, smb2.StatusInvalidParameter, func(x *smb2.OffloadWriteRequest) { x.TransferOffset = 1 })
	write("behind the token", dst, smb2.StatusInvalidParameter, func(x *smb2.OffloadWriteRequest) { x.TransferOffset = 8192 })
	write("far behind the token", dst, smb2.StatusInvalidParameter, func(x *smb2.OffloadWriteRequest) { x.TransferOffset = math.MaxUint64 - 511 })
	write("too far", dst, smb2.StatusInvalidParameter, func(x *smb2.OffloadWriteRequest) { x.FileOffset = math.MaxUint64 - 511 })
	write("too long", dst, smb2.StatusInvalidParameter, func(x *smb2.OffloadWriteRequest) { x.CopyLength = math.MaxUint64 - 511 })
	write("behind the end", dst, smb2.StatusEndOfFile, func(x *smb2.OffloadWriteRequest) { x.FileOffset = 10_240 })
	write("a directory", dir, smb2.StatusOffloadWriteFileNotSupported, as)
	write("a sparse file", sparse, smb2.StatusOffloadWriteFileNotSupported, as)
	write("a compressed file", compressed, smb2.StatusOffloadWriteFileNotSupported, as)

	locker := r.open(c, "from")
	want(t, "LOCK", c.Lock(locker, 8191, 1, exclusiveNow), ok)
	_, st = offloadRead(t, c, src, req{CopyLength: 8192})
	want(t, "OFFLOAD_READ under a lock", st, smb2.StatusFileLockConflict)
	write("source under a lock", dst, smb2.StatusFileLockConflict, as)
	want(t, "LOCK", c.Lock(r.open(c, "to"), 4096, 1, sharedNow), ok)
	write("target under a lock", dst, smb2.StatusFileLockConflict, func(x *smb2.OffloadWriteRequest) { x.CopyLength = 4608 })
}

// Within a file what overlaps is copied as memmove does, as far as one buffer goes.
func TestOffloadOverlap(t *testing.T) {
	for _, off := range []uint64{4096, 8 << 20} {
		r := newRig(t, nil)
		c := r.logon(smb.Dialect311)
		data := filled(r, "f", 3, 12<<20)
		id := r.open(c, "f")
		resp, st := offloadRead(t, c, id, smb2.OffloadReadRequest{CopyLength: 3 << 20})
		want(t, "OFFLOAD_READ", st, ok)
		n, st := offloadWrite(t, c, id, smb2.OffloadWriteRequest{FileOffset: off, CopyLength: 3 << 20, Token: resp.Token})
		want(t, "OFFLOAD_WRITE", st, ok)
		copy(data[off:], bytes.Clone(data[:n]))
		for at := 0; at < len(data); at += 4 << 20 {
			if got, st := c.Read(id, uint64(at), 4<<20); st != ok || !bytes.Equal(got, data[at:at+4<<20]) {
				t.Errorf("to %d, %d bytes: differs between %d and %d, %v", off, n, at, at+4<<20, st)
			}
		}
		if off > 4096 && n != 3<<20 {
			t.Errorf("%d bytes", n)
		}
		end(r, c)
	}
}
