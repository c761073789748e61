package smb_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/gosmbd/smb"
	"github.com/gosmbd/smb/internal/smbtest"
	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs"
	"github.com/gosmbd/smb/vfs/faultfs"
	"github.com/gosmbd/smb/vfs/osfs"
)

// opensOfAllKinds returns a file, a directory and a pipe.
func opensOfAllKinds(r *rig, c *smbtest.Client, access vfs.Access) (ids []smb2.FileID, trees []uint32) {
	disk := c.Tree
	for _, name := range []string{"f", ""} {
		req := smbtest.CreateReq(name, smb2.Open)
		req.DesiredAccess = uint32(access)
		ids, trees = append(ids, r.create(c, req)), append(trees, disk)
	}
	r.tree(c, "IPC$")
	ids, trees = append(ids, r.create(c, smbtest.CreateReq("srvsvc", smb2.Open))), append(trees, c.Tree)
	return ids, trees
}

// Every class of every type, in every size of buffer: an answer never exceeds the
// buffer, and a short one is the beginning of the long one.
func TestQueryInfoEveryClass(t *testing.T) {
	r := newRig(t, nil)
	put(t, r.fs, "f", "hello")
	for _, d := range []smb.Dialect{smb.Dialect202, smb.Dialect311} {
		c := r.logon(d)
		ids, trees := opensOfAllKinds(r, c, vfs.AccessFull)
		for i, id := range ids {
			c.Tree = trees[i]
			for _, typ := range []smb2.InfoType{0, smb2.InfoFile, smb2.InfoFileSystem, smb2.InfoSecurity, smb2.InfoQuota, 5} {
				for class := range uint8(80) {
					full, st := c.QueryInfo(id, typ, class, 4096)
					if st.IsError() {
						continue
					}
					for n := range uint32(len(full) + 1) {
						got, st := c.QueryInfo(id, typ, class, n)
						if len(got) > int(n) {
							t.Fatalf("type %d, class %d: %d bytes for a buffer of %d", typ, class, len(got), n)
						}
						if st == ok && !bytes.Equal(got, full) && len(full) > 0 {
							t.Errorf("type %d, class %d, buffer of %d: success with %d of %d bytes", typ, class, n, len(got), len(full))
						}
					}
				}
			}
		}
		alive(t, c)
		c.Close()
	}
}

// No class of SET_INFO and no control changes anything through opens that were
// given no right to: what isn't known is refused.
func TestNothingChangesWithoutARight(t *testing.T) {
	r := newRig(t, nil)
	put(t, r.fs, "f", "hello")
	mkdir(t, r.fs, "d")
	before := dump(t, r.fs)
	for _, share := range []string{"ro", "s"} {
		c := r.logon(smb.Dialect311)
		r.tree(c, share)
		ids, trees := opensOfAllKinds(r, c, vfs.AccessReadOnly)
		key, st := func() ([]byte, smb2.Status) {
			c.Tree = trees[0]
			return c.Ioctl(ids[0], smb2.FsctlSrvRequestResumeKey, nil, 32)
		}()
		want(t, "RESUME_KEY", st, ok)
		chunk := smb2.SrvCopychunkCopy{Chunks: []smb2.SrvCopychunk{{TargetOffset: 10, Length: 5}}}
		copy(chunk.SourceKey[:], key)
		rename := smb2.FileRenameInformation{FileName: "zap", ReplaceIfExists: true}.Append(nil)
		link := smb2.FileLinkInformation{FileName: "zap"}.Append(nil)
		for i, id := range ids[:2] {
			c.Tree = trees[i]
			for typ := range smb2.InfoType(6) {
				for class := range uint8(80) {
					if share == "s" && smb2.FileInfoClass(class) == smb2.ClassFileLinkInformation {
						continue // that needs a right on the directory only
					}
					for _, data := range [][]byte{nil, {1}, make([]byte, 8), bytes.Repeat([]byte{1}, 8), make([]byte, 40), bytes.Repeat([]byte{1}, 64), rename, link} {
						c.Do(smb2.CommandSetInfo, smb2.SetInfoRequest{FileID: id, InfoType: typ, Class: class, Additional: 0xFF, Data: data})
					}
				}
			}
			for code := range uint32(1024) {
				for _, in := range [][]byte{nil, make([]byte, 8), make([]byte, 64), chunk.Append(nil)} {
					c.Do(smb2.CommandIoctl, smbtest.IoctlReq(id, smb2.CtlCode(0x00090000|code), in, 4096))
				}
			}
			for _, code := range []smb2.CtlCode{smb2.FsctlSrvCopychunk, smb2.FsctlSrvCopychunkWrite} {
				if _, st := c.Ioctl(id, code, chunk.Append(nil), 4096); st == ok {
					t.Errorf("control %#x: %v", uint32(code), st)
				}
			}
		}
		alive(t, c)
		c.Close()
		gone(t, r, 0)
		unchanged(t, share, r.fs, before)
	}
}

func TestMaxFileSize(t *testing.T) {
	const max = 4096<<32 - 64<<10
	r := newRig(t, nil)
	c := r.logon(smb.Dialect311)
	id := r.open(c, "f")
	_, st := c.Write(id, max, []byte("x"))
	want(t, "WRITE beyond", st, smb2.StatusInvalidParameter)
	_, st = c.Write(id, max-1, []byte("x"))
	want(t, "WRITE of the last byte", st, ok)
	want(t, "END_OF_FILE beyond", c.SetInfo(id, smb2.ClassFileEndOfFileInformation, smb2.FileEndOfFileInformation{EndOfFile: max + 1}), smb2.StatusInvalidParameter)
}

// FileAllocationInformation cuts off whole clusters only.
func TestAllocationCutsClusters(t *testing.T) {
	r := newRig(t, nil)
	c := r.logon(smb.Dialect311)
	id := r.open(c, "f")
	write(t, c, id, strings.Repeat("x", 6000))
	for _, step := range []struct{ allocation, end int64 }{{8192, 6000}, {5000, 6000}, {4097, 6000}, {4096, 4096}, {100, 4096}, {1, 4096}, {0, 0}} {
		want(t, "SET_INFO of the allocation", c.SetInfo(id, smb2.ClassFileAllocationInformation, smb2.FileAllocationInformation{AllocationSize: step.allocation}), ok)
		if info := fileInfo(t, c, id, smb2.ClassFileStandardInformation, smb2.ParseFileStandardInformation); info.EndOfFile != step.end {
			t.Errorf("%d allocated: it has %d bytes, want %d", step.allocation, info.EndOfFile, step.end)
		}
	}
}

// FileAllocationInformation that cuts a file off doesn't make it longer, if another client cuts off more meanwhile.
func TestAllocationOfWhatAnotherCutsOff(t *testing.T) {
	r := newFaulty(t)
	put(t, r.fs, "f", strings.Repeat("x", 5000))
	a, b := r.logon(smb.Dialect311), r.logon(smb.Dialect311)
	x, y := r.open(a, "f"), r.open(b, "f")
	looks := 0
	h := faultfs.Hook(func(op faultfs.Op) error {
		if op.Kind != faultfs.Stat || op.Name != "f" {
			return nil
		}
		if looks++; looks == 2 { // after it was found to be longer
			r.heal()
			want(t, "SET_INFO of the end", b.SetInfo(y, smb2.ClassFileEndOfFileInformation, smb2.FileEndOfFileInformation{EndOfFile: 10}), ok)
		}
		return nil
	})
	r.hook.Store(&h)
	want(t, "SET_INFO of the allocation", a.SetInfo(x, smb2.ClassFileAllocationInformation, smb2.FileAllocationInformation{AllocationSize: 50}), ok)
	if info := fileInfo(t, a, x, smb2.ClassFileStandardInformation, smb2.ParseFileStandardInformation); looks != 2 || info.EndOfFile != 10 {
		t.Errorf("after %d looks it has %d bytes", looks, info.EndOfFile)
	}
}

// When the volume was made doesn't change with a start of the server.
func TestVolumeCreated(t *testing.T) {
	dir := t.TempDir()
	ask := func() smb2.FileTime {
		fsys, err := osfs.New(dir, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer fsys.Close()
		r := newRig(t, func(s *smb.Server) { s.Shares = smb.Shares{"s": {FS: fsys}} })
		c := r.logon(smb.Dialect311)
		id := r.create(c, smbtest.CreateReq("", smb2.Open))
		b, st := c.QueryInfo(id, smb2.InfoFileSystem, uint8(smb2.ClassFsVolumeInformation), 200)
		want(t, "QUERY_INFO", st, ok)
		x, err := smb2.ParseFsVolumeInformation(b)
		if err != nil {
			t.Fatal(err)
		}
		r.srv.Close()
		return x.VolumeCreationTime
	}
	a := ask()
	time.Sleep(20 * time.Millisecond)
	if b := ask(); a != b {
		t.Errorf("created at %v, after a restart at %v", a.Time(), b.Time())
	}
}
