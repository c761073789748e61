package smb_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/gosmbd/smb"
	"github.com/gosmbd/smb/internal/smbtest"
	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs"
	"github.com/gosmbd/smb/vfs/faultfs"
)

// simpleFS has files that can be read and written, and no more.
type simpleFS struct{ fs vfs.FS }

type simpleFile struct{ f vfs.File }

func (b simpleFS) Open(ctx context.Context, name string, opt vfs.OpenOptions) (vfs.File, error) {
	f, err := b.fs.Open(ctx, name, opt)
	return simple(f, err)
}

func (b simpleFS) Create(ctx context.Context, name string, opt vfs.CreateOptions) (vfs.File, error) {
	f, err := b.fs.(vfs.Creator).Create(ctx, name, opt)
	return simple(f, err)
}

func simple(f vfs.File, err error) (vfs.File, error) {
	if err != nil {
		return nil, err
	}
	return simpleFile{f}, nil
}

func (b simpleFile) Stat(ctx context.Context) (vfs.Attr, error) { return b.f.Stat(ctx) }
func (b simpleFile) Close() error                               { return b.f.Close() }
func (b simpleFile) ReadAt(p []byte, off int64) (n int, err error) {
	return b.f.(io.ReaderAt).ReadAt(p, off)
}
func (b simpleFile) WriteAt(p []byte, off int64) (n int, err error) {
	return b.f.(io.WriterAt).WriteAt(p, off)
}
func (b simpleFile) Truncate(size int64) error { return b.f.(vfs.Truncater).Truncate(size) }
func (b simpleFile) SetAttr(ctx context.Context, c vfs.AttrChange) error {
	return b.f.(vfs.AttrSetter).SetAttr(ctx, c)
}

// simpleRig is a rig whose share "s" can only be read and written.
func simpleRig(t *testing.T) *rig {
	return newRig(t, func(s *smb.Server) {
		shares := s.Shares.(smb.Shares)
		shares["s"] = &smb.Share{FS: simpleFS{shares["s"].FS}}
	})
}

func control(c *smbtest.Client, id smb2.FileID, code smb2.CtlCode, in smbtest.Body) smb2.Status {
	_, st := c.Ioctl(id, code, body(in), 4096)
	return st
}

func body(in smbtest.Body) []byte {
	if in == nil {
		return nil
	}
	return in.Append(nil)
}

// ranges asks for the allocated ranges, of which max fit.
func ranges(t *testing.T, c *smbtest.Client, id smb2.FileID, off, n int64, max int) (smb2.FileAllocatedRanges, smb2.Status) {
	t.Helper()
	out, st := c.Ioctl(id, smb2.FsctlQueryAllocatedRanges, smb2.FileAllocatedRangeBuffer{FileOffset: off, Length: n}.Append(nil), uint32(16*max))
	list, err := smb2.ParseFileAllocatedRanges(out)
	if err != nil {
		t.Fatal(err)
	}
	return list, st
}

func wantRanges(t *testing.T, what string, c *smbtest.Client, id smb2.FileID, off, n int64, want ...smb2.FileAllocatedRangeBuffer) {
	t.Helper()
	list, st := ranges(t, c, id, off, n, 100)
	if st != ok || !slices.Equal(list, want) {
		t.Errorf("%s: allocated are %v, %v, want %v", what, list, st, want)
	}
}

func attributes(t *testing.T, c *smbtest.Client, id smb2.FileID) vfs.Attributes {
	t.Helper()
	return vfs.Attributes(basic(t, c, id).FileAttributes)
}

func contentIs(t *testing.T, what string, c *smbtest.Client, id smb2.FileID, want []byte) {
	t.Helper()
	got, st := c.Read(id, 0, len(want)+1)
	if st != ok || !bytes.Equal(got, want) {
		t.Errorf("%s: the content differs (%d bytes, %v, want %d)", what, len(got), st, len(want))
	}
}

const block = 64 << 10 // what memfs gives back at a time

type (
	zeroData = smb2.FileZeroDataInformation
	allocd   = smb2.FileAllocatedRangeBuffer
)

func TestZeroDataSparse(t *testing.T) {
	r := newRig(t, nil)
	c := r.logon(smb.Dialect311)
	id := r.open(c, "f")
	data := bytes.Repeat([]byte("x"), 4*block)
	_, st := c.Write(id, 0, data)
	want(t, "WRITE", st, ok)
	zero := func(from, to int64) {
		t.Helper()
		want(t, "SET_ZERO_DATA", control(c, id, smb2.FsctlSetZeroData, zeroData{FileOffset: from, BeyondFinalZero: to}), ok)
		clear(data[min(from, int64(len(data))):min(to, int64(len(data)))])
		contentIs(t, "SET_ZERO_DATA", c, id, data)
	}
	zero(block, 2*block)
	wantRanges(t, "not sparse", c, id, 10, 8*block, allocd{FileOffset: 10, Length: 4*block - 10})
	if a, err := statOf(r, "f"); err != nil || a.Alloc != 4*block {
		t.Errorf("%d bytes are allocated after zeroing what isn't sparse, %v", a.Alloc, err)
	}
	want(t, "SET_SPARSE", control(c, id, smb2.FsctlSetSparse, smb2.FileSetSparseBuffer{SetSparse: true}), ok)
	if a := attributes(t, c, id); a != vfs.AttrArchive|vfs.AttrSparse {
		t.Errorf("attributes %#x", a)
	}
	zero(block, 2*block)
	zero(3*block, math.MaxInt64)
	zero(10, 10)
	zero(8*block, 9*block)
	wantRanges(t, "sparse", c, id, 10, 8*block, allocd{FileOffset: 10, Length: block - 10}, allocd{FileOffset: 2 * block, Length: block})
	list, st := ranges(t, c, id, 0, 8*block, 1)
	if len(list) != 1 || st != smb2.StatusBufferOverflow {
		t.Errorf("room for one: %v, %v", list, st)
	}
	_, st = ranges(t, c, id, 0, 8*block, 0)
	want(t, "no room", st, smb2.StatusBufferTooSmall)

	// What SET_INFO doesn't know stays.
	want(t, "SET_INFO", c.SetInfo(id, smb2.ClassFileBasicInformation, smb2.FileBasicInformation{FileAttributes: uint32(vfs.AttrHidden)}), ok)
	if a := attributes(t, c, id); a != vfs.AttrHidden|vfs.AttrSparse {
		t.Errorf("attributes %#x", a)
	}
	want(t, "SET_SPARSE", control(c, id, smb2.FsctlSetSparse, smb2.FileSetSparseBuffer{}), ok)
	wantRanges(t, "no longer sparse", c, id, 0, 8*block, allocd{Length: 4 * block})

	// A file that is overwritten begins anew.
	want(t, "SET_SPARSE", control(c, id, smb2.FsctlSetSparse, nil), ok)
	req := smbtest.CreateReq("f", smb2.OverwriteIf)
	req.FileAttributes = uint32(vfs.AttrHidden)
	if a := attributes(t, c, r.create(c, req)); a&vfs.AttrSparse != 0 {
		t.Errorf("overwritten: attributes %#x", a)
	}
}

func statOf(r *rig, name string) (vfs.Attr, error) {
	f, err := r.fs.Open(context.Background(), name, vfs.OpenOptions{})
	if err != nil {
		return vfs.Attr{}, err
	}
	defer f.Close()
	return f.Stat(context.Background())
}

// Without a vfs.Sparser zeros are written, and nothing is promised.
func TestZeroDataBare(t *testing.T) {
	r := simpleRig(t)
	c := r.logon(smb.Dialect311)
	id := r.open(c, "f")
	data := bytes.Repeat([]byte("x"), 5*block)
	_, st := c.Write(id, 0, data)
	want(t, "WRITE", st, ok)
	want(t, "SET_ZERO_DATA", control(c, id, smb2.FsctlSetZeroData, zeroData{FileOffset: 100, BeyondFinalZero: 4*block + 5}), ok)
	clear(data[100 : 4*block+5])
	contentIs(t, "SET_ZERO_DATA", c, id, data)
	wantRanges(t, "all", c, id, 5, 9*block, allocd{FileOffset: 5, Length: 5*block - 5})
	want(t, "SET_SPARSE", control(c, id, smb2.FsctlSetSparse, nil), smb2.StatusInvalidDeviceRequest)
	want(t, "FILE_LEVEL_TRIM", control(c, id, smb2.FsctlFileLevelTrim, smb2.FileLevelTrim{Ranges: []smb2.FileLevelTrimRange{{Length: block}}}), smb2.StatusInvalidDeviceRequest)
	if a := fsAttributes(t, c, id); a&(smb2.FsSupportsSparseFiles|smb2.FsSupportsBlockReferenceCounts|smb2.FsFileCompression) != 0 {
		t.Errorf("the volume promises %#x", a)
	}
}

func fsAttributes(t *testing.T, c *smbtest.Client, id smb2.FileID) uint32 {
	t.Helper()
	out, st := c.QueryInfo(id, smb2.InfoFileSystem, uint8(smb2.ClassFsAttributeInformation), 100)
	info, err := smb2.ParseFsAttributeInformation(out)
	if st != ok || err != nil {
		t.Fatal(st, err)
	}
	return info.Attributes
}

func TestZeroDataRefused(t *testing.T) {
	r := newRig(t, nil)
	c := r.logon(smb.Dialect311)
	id := r.open(c, "f")
	data := bytes.Repeat([]byte("x"), 1000)
	_, st := c.Write(id, 0, data)
	want(t, "WRITE", st, ok)
	dir := r.create(c, smb2.CreateRequest{
		Name: "d", DesiredAccess: uint32(vfs.AccessFull), Disposition: smb2.Create, Options: smb2.OptionDirectoryFile, Impersonation: 2, ShareAccess: 7,
	})
	locked := r.open(c, "f")
	want(t, "LOCK", c.Lock(locked, 500, 1, exclusiveNow), ok)
	for _, test := range []struct {
		id   smb2.FileID
		x    zeroData
		want smb2.Status
	}{
		{id, zeroData{FileOffset: -1, BeyondFinalZero: 5}, smb2.StatusInvalidParameter},
		{id, zeroData{FileOffset: math.MinInt64, BeyondFinalZero: math.MaxInt64}, smb2.StatusInvalidParameter},
		{id, zeroData{FileOffset: 6, BeyondFinalZero: 5}, smb2.StatusInvalidParameter},
		{id, zeroData{FileOffset: -6, BeyondFinalZero: -5}, smb2.StatusInvalidParameter},
		{dir, zeroData{BeyondFinalZero: 5}, smb2.StatusInvalidParameter},
		{id, zeroData{BeyondFinalZero: 1000}, smb2.StatusFileLockConflict},
		{id, zeroData{BeyondFinalZero: math.MaxInt64}, smb2.StatusFileLockConflict},
	} {
		want(t, "SET_ZERO_DATA", control(c, test.id, smb2.FsctlSetZeroData, test.x), test.want)
		got, st := c.Read(locked, 0, 1001)
		if st != ok || !bytes.Equal(got, data) {
			t.Fatalf("%+v changed something", test.x)
		}
	}
	want(t, "SET_ZERO_DATA beside the lock", control(c, id, smb2.FsctlSetZeroData, zeroData{BeyondFinalZero: 500}), ok)
	want(t, "SET_ZERO_DATA through the lock's own handle", control(c, locked, smb2.FsctlSetZeroData, zeroData{BeyondFinalZero: 600}), ok)
	want(t, "SET_SPARSE of a directory", control(c, dir, smb2.FsctlSetSparse, nil), smb2.StatusInvalidParameter)
	for _, x := range []allocd{{FileOffset: -1, Length: 1}, {Length: -1}, {FileOffset: 5, Length: math.MaxInt64}, {FileOffset: math.MinInt64, Length: math.MinInt64}} {
		_, st := ranges(t, c, id, x.FileOffset, x.Length, 1)
		want(t, "QUERY_ALLOCATED_RANGES", st, smb2.StatusInvalidParameter)
	}
}

// A client that caches reads is told before it reads what is no longer there.
func TestZeroDataBreaksOplocks(t *testing.T) {
	for _, code := range []smb2.CtlCode{smb2.FsctlSetZeroData, smb2.FsctlFileLevelTrim} {
		r := newRig(t, nil)
		put(t, r.fs, "f", "content")
		a, b := r.logon(smb.Dialect311), r.logon(smb.Dialect311)
		req := smbtest.CreateReq("f", smb2.Open)
		req.OplockLevel = smb2.OplockLevelII
		id := r.create(a, req)
		var in smbtest.Body = zeroData{BeyondFinalZero: 5}
		if code == smb2.FsctlFileLevelTrim {
			in = smb2.FileLevelTrim{Ranges: []smb2.FileLevelTrimRange{{Length: 4096}}}
		}
		want(t, code.String(), control(b, r.open(b, "f"), code, in), ok)
		broken(t, a, id, smb2.OplockNone)
		end(r, a, b)
	}
}

// What takes long ends when it is canceled, or when the session is gone.
func TestZeroDataCanceled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newFaulty(t)
		c := r.logon(smb.Dialect311)
		id := r.open(c, "f")
		_, st := c.Write(id, 0, bytes.Repeat([]byte("x"), 16*block))
		want(t, "WRITE", st, ok)
		begun, goOn := make(chan struct{}), make(chan struct{})
		writes := 0
		hook := faultfs.Hook(func(op faultfs.Op) error {
			if op.Kind == faultfs.Write {
				if writes++; writes == 1 {
					close(begun)
					<-goOn
				}
			}
			return nil
		})
		r.hook.Store(&hook)
		e := c.Req(smb2.CommandIoctl, smbtest.IoctlReq(id, smb2.FsctlSetZeroData, zeroData{BeyondFinalZero: 16 * block}.Append(nil), 0))
		c.Send(e)
		<-begun
		c.Cancel(e.MessageID, 0)
		synctest.Wait() // the server has read it
		close(goOn)
		want(t, "SET_ZERO_DATA", c.Wait(e.MessageID).Status, smb2.StatusCancelled)
		if writes != 1 {
			t.Errorf("%d writes", writes)
		}
	})
}

func TestFileRegions(t *testing.T) {
	r := newRig(t, nil)
	c := r.logon(smb.Dialect311)
	put(t, r.fs, "f", "0123456789")
	id, empty := r.open(c, "f"), r.open(c, "empty")
	const cached = smb2.RegionValidCachedData
	for _, test := range []struct {
		id   smb2.FileID
		in   smbtest.Body
		max  uint32
		want smb2.Status
		list []smb2.FileRegion
	}{
		{id, nil, 40, ok, []smb2.FileRegion{{Length: 10, Usage: cached}}},
		{id, nil, 39, smb2.StatusBufferTooSmall, nil},
		{id, smbtest.Raw(make([]byte, 23)), 40, smb2.StatusBufferTooSmall, nil},
		{id, smb2.FileRegion{FileOffset: 3, Length: 4, Usage: cached}, 40, ok, []smb2.FileRegion{{FileOffset: 3, Length: 4, Usage: cached}}},
		{id, smb2.FileRegion{FileOffset: 3, Length: 40, Usage: cached}, 40, ok, []smb2.FileRegion{{FileOffset: 3, Length: 7, Usage: cached}}},
		{id, smb2.FileRegion{FileOffset: 10, Length: 40, Usage: cached}, 40, ok, nil},
		{id, smb2.FileRegion{Length: 40, Usage: smb2.RegionValidNonCachedData}, 40, smb2.StatusInvalidParameter, nil},
		{id, smb2.FileRegion{Length: 0, Usage: cached}, 40, smb2.StatusInvalidParameter, nil},
		{id, smb2.FileRegion{FileOffset: 1, Length: math.MaxInt64, Usage: cached}, 40, smb2.StatusInvalidParameter, nil},
		{id, smb2.FileRegion{FileOffset: -1, Length: 5, Usage: cached}, 40, smb2.StatusInvalidParameter, nil},
		{empty, nil, 40, ok, []smb2.FileRegion{{}}},
	} {
		out, st := c.Ioctl(test.id, smb2.FsctlQueryFileRegions, body(test.in), test.max)
		want(t, "QUERY_FILE_REGIONS", st, test.want)
		var list []smb2.FileRegion
		if len(out) > 0 {
			x, err := smb2.ParseFileRegions(out)
			if err != nil {
				t.Fatal(err)
			}
			list = x.Regions
		}
		if !slices.Equal(list, test.list) {
			t.Errorf("%+v: %+v, want %+v", test.in, list, test.list)
		}
	}
}

func TestTrim(t *testing.T) {
	r := newRig(t, nil)
	c := r.logon(smb.Dialect311)
	id := r.open(c, "f")
	data := bytes.Repeat([]byte("x"), 4*block+100)
	_, st := c.Write(id, 0, data)
	want(t, "WRITE", st, ok)
	trim := func(what string, status smb2.Status, processed uint32, list ...smb2.FileLevelTrimRange) {
		t.Helper()
		out, st := c.Ioctl(id, smb2.FsctlFileLevelTrim, smb2.FileLevelTrim{Ranges: list}.Append(nil), 4)
		want(t, what, st, status)
		if x, err := smb2.ParseFileLevelTrimOutput(out); st == ok && (err != nil || x.NumRangesProcessed != processed) {
			t.Errorf("%s: %+v, %v, want %d", what, x, err, processed)
		}
		contentIs(t, what, c, id, data)
	}
	trim("nothing", smb2.StatusInvalidParameter, 0)
	trim("less than a page", ok, 0, smb2.FileLevelTrimRange{Offset: 1, Length: 4095}, smb2.FileLevelTrimRange{Offset: 1, Length: 8190})
	trim("too far", statusIntegerOverflow, 0, smb2.FileLevelTrimRange{Length: block}, smb2.FileLevelTrimRange{Offset: math.MaxUint64 - 5, Length: 1})
	trim("too long", statusIntegerOverflow, 0, smb2.FileLevelTrimRange{Length: block}, smb2.FileLevelTrimRange{Offset: 4096, Length: math.MaxUint64 - 5})
	clear(data[block : 2*block])
	clear(data[3*block:])
	trim("three", ok, 2, smb2.FileLevelTrimRange{Offset: block - 10, Length: block + 20}, smb2.FileLevelTrimRange{Offset: 3 * block, Length: 1 << 40},
		smb2.FileLevelTrimRange{Offset: 1 << 62, Length: block})
	if a, err := statOf(r, "f"); err != nil || a.Alloc != 2*block {
		t.Errorf("%d bytes are allocated, %v", a.Alloc, err)
	}
	want(t, "LOCK", c.Lock(r.open(c, "f"), 2*block, 1, exclusiveNow), ok)
	before := data
	out, st := c.Ioctl(id, smb2.FsctlFileLevelTrim, smb2.FileLevelTrim{Ranges: []smb2.FileLevelTrimRange{{Length: block}, {Offset: 2 * block, Length: block}}}.Append(nil), 4)
	want(t, "over a lock", st, smb2.StatusFileLockConflict)
	if len(out) > 8 { // an error body
		t.Errorf("output %x", out)
	}
	if got, st := c.Read(id, 0, block); st != ok || !bytes.Equal(got, before[:block]) {
		t.Error("a trim that failed changed the content")
	}
}

const statusIntegerOverflow smb2.Status = 0xC0000095

// What a backend reports arrives, and what it declines is done another way.
func TestSparseFaults(t *testing.T) {
	r := newFaulty(t)
	c := r.logon(smb.Dialect311)
	id := r.open(c, "f")
	data := bytes.Repeat([]byte("x"), 3*block)
	_, st := c.Write(id, 0, data)
	want(t, "WRITE", st, ok)
	r.fail(faultfs.SetSparse, vfs.ErrNoSpace)
	want(t, "SET_SPARSE", control(c, id, smb2.FsctlSetSparse, nil), smb2.StatusDiskFull)
	r.fail(faultfs.SetSparse, errors.ErrUnsupported)
	want(t, "SET_SPARSE", control(c, id, smb2.FsctlSetSparse, nil), smb2.StatusInvalidDeviceRequest)
	r.heal()
	want(t, "SET_SPARSE", control(c, id, smb2.FsctlSetSparse, nil), ok)
	r.fail(faultfs.Punch, vfs.ErrNoSpace)
	want(t, "SET_ZERO_DATA", control(c, id, smb2.FsctlSetZeroData, zeroData{BeyondFinalZero: block}), smb2.StatusDiskFull)
	contentIs(t, "SET_ZERO_DATA", c, id, data)
	r.fail(faultfs.Punch, errors.ErrUnsupported)
	want(t, "SET_ZERO_DATA", control(c, id, smb2.FsctlSetZeroData, zeroData{BeyondFinalZero: block}), ok)
	clear(data[:block])
	contentIs(t, "SET_ZERO_DATA", c, id, data)
	r.fail(faultfs.Allocated, vfs.ErrNoSpace)
	_, st = ranges(t, c, id, 0, block, 5)
	want(t, "QUERY_ALLOCATED_RANGES", st, smb2.StatusDiskFull)
	r.fail(faultfs.Allocated, errors.ErrUnsupported)
	wantRanges(t, "all", c, id, 1, 10, allocd{FileOffset: 1, Length: 10})
}
