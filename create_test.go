package smb_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/gosmbd/smb"
	"github.com/gosmbd/smb/internal/smbtest"
	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs"
	"github.com/gosmbd/smb/vfs/memfs"
	"github.com/gosmbd/smb/vfs/osfs"
)

var dispositions = []smb2.Disposition{smb2.Supersede, smb2.Open, smb2.Create, smb2.OpenIf, smb2.Overwrite, smb2.OverwriteIf}

// What each disposition does with a file that is there, and one that isn't.
// [MS-SMB2] 2.2.13
func TestDispositions(t *testing.T) {
	type result struct {
		status smb2.Status
		action smb2.CreateAction
		size   int64
	}
	there := map[smb2.Disposition]result{
		smb2.Supersede:   {ok, smb2.ActionSuperseded, 0},
		smb2.Open:        {ok, smb2.ActionOpened, 5},
		smb2.Create:      {status: smb2.StatusObjectNameCollision},
		smb2.OpenIf:      {ok, smb2.ActionOpened, 5},
		smb2.Overwrite:   {ok, smb2.ActionOverwritten, 0},
		smb2.OverwriteIf: {ok, smb2.ActionOverwritten, 0},
	}
	missing := map[smb2.Disposition]result{
		smb2.Supersede:   {ok, smb2.ActionCreated, 0},
		smb2.Open:        {status: smb2.StatusObjectNameNotFound},
		smb2.Create:      {ok, smb2.ActionCreated, 0},
		smb2.OpenIf:      {ok, smb2.ActionCreated, 0},
		smb2.Overwrite:   {status: smb2.StatusObjectNameNotFound},
		smb2.OverwriteIf: {ok, smb2.ActionCreated, 0},
	}
	eachDialect(t, func(t *testing.T, d smb.Dialect) {
		for _, disp := range dispositions {
			r := newRig(t, nil)
			put(t, r.fs, "f", "hello")
			c := r.logon(d)
			for name, exp := range map[string]result{"f": there[disp], "new": missing[disp]} {
				resp, st := c.Create(smbtest.CreateReq(name, disp))
				if got := (result{st, resp.Action, resp.EndOfFile}); got != exp {
					t.Errorf("disposition %d of %q: %+v, want %+v", disp, name, got, exp)
				}
				if st == ok {
					want(t, "CLOSE", c.CloseFile(resp.FileID), ok)
				}
			}
		}
	})
}

// Whatever is asked for, nothing changes on a share that can only be read, nor
// through an open without the rights; and what is refused leaves no trace.
func TestDispositionsTimesRights(t *testing.T) {
	rights := []vfs.Access{
		vfs.ReadAttributes, vfs.ReadData, vfs.WriteData, vfs.AppendData, vfs.Delete, vfs.WriteAttributes, vfs.WriteEA,
		vfs.WriteDAC, vfs.WriteOwner, vfs.DeleteChild, vfs.Execute, vfs.MaximumAllowed, vfs.AccessReadOnly, vfs.AccessFull,
		0x10000000, 0x20000000, 0x40000000, 0x80000000, // generic
	}
	const changes = vfs.WriteData | vfs.AppendData | vfs.Delete | vfs.WriteAttributes | vfs.WriteEA | vfs.WriteDAC | vfs.WriteOwner | vfs.DeleteChild
	r := newRig(t, nil)
	put(t, r.fs, "f", "hello")
	mkdir(t, r.fs, "d")
	put(t, r.fs, "d/x", "x")
	c := r.logon(smb.Dialect311)
	r.tree(c, "ro")
	before := dump(t, r.fs)
	for _, name := range []string{"f", "new", "d", "newdir", "d/new", ""} {
		for _, disp := range dispositions {
			for _, a := range rights {
				for _, opt := range []smb2.CreateOptions{0, smb2.OptionDirectoryFile, smb2.OptionNonDirectoryFile, smb2.OptionDeleteOnClose} {
					req := smbtest.CreateReq(strings.ReplaceAll(name, "/", `\`), disp)
					req.DesiredAccess, req.Options = uint32(a), opt
					resp, st := c.Create(req)
					if st != ok {
						continue
					}
					if a.Expand()&changes != 0 {
						t.Errorf("%q, disposition %d, access %#x, options %#x: opened for writing on a read-only share", name, disp, a, opt)
					}
					if resp.Action != smb2.ActionOpened {
						t.Errorf("%q, disposition %d, access %#x: action %d", name, disp, a, resp.Action)
					}
					// Nor can anything be changed through the open.
					c.Write(resp.FileID, 0, []byte("zap"))
					c.Delete(resp.FileID, true)
					c.Rename(resp.FileID, "zap", true)
					c.SetInfo(resp.FileID, smb2.ClassFileEndOfFileInformation, smb2.FileEndOfFileInformation{})
					c.SetInfo(resp.FileID, smb2.ClassFileAllocationInformation, smb2.FileAllocationInformation{})
					c.SetInfo(resp.FileID, smb2.ClassFileBasicInformation, smb2.FileBasicInformation{FileAttributes: 1})
					c.SetInfo(resp.FileID, smb2.ClassFileLinkInformation, smb2.FileLinkInformation{FileName: "zap"})
					want(t, "CLOSE", c.CloseFile(resp.FileID), ok)
				}
			}
		}
	}
	unchanged(t, "the read-only share", r.fs, before)
}

// On a share that can be written, an open without a right doesn't have it.
func TestRightsOfOpens(t *testing.T) {
	r := newRig(t, nil)
	put(t, r.fs, "f", "hello")
	c := r.logon(smb.Dialect311)
	for _, tt := range []struct {
		name string
		need vfs.Access
		do   func(id smb2.FileID) smb2.Status
	}{
		{"READ", vfs.ReadData, func(id smb2.FileID) smb2.Status { _, st := c.Read(id, 0, 1); return st }},
		{"WRITE", vfs.WriteData, func(id smb2.FileID) smb2.Status { _, st := c.Write(id, 0, []byte("h")); return st }},
		{"FLUSH", vfs.WriteData, c.Flush},
		{"SET_INFO end of file", vfs.WriteData, func(id smb2.FileID) smb2.Status {
			return c.SetInfo(id, smb2.ClassFileEndOfFileInformation, smb2.FileEndOfFileInformation{EndOfFile: 5})
		}},
		{"SET_INFO basic", vfs.WriteAttributes, func(id smb2.FileID) smb2.Status {
			return c.SetInfo(id, smb2.ClassFileBasicInformation, smb2.FileBasicInformation{})
		}},
		{"SET_INFO rename", vfs.Delete, func(id smb2.FileID) smb2.Status { return c.Rename(id, "f", false) }},
		{"SET_INFO disposition", vfs.Delete, func(id smb2.FileID) smb2.Status { return c.Delete(id, false) }},
		{"QUERY_INFO basic", vfs.ReadAttributes, func(id smb2.FileID) smb2.Status {
			_, st := c.QueryInfo(id, smb2.InfoFile, uint8(smb2.ClassFileBasicInformation), 100)
			return st
		}},
	} {
		for _, has := range []bool{true, false} {
			req := smbtest.CreateReq("f", smb2.Open)
			exp := ok
			req.DesiredAccess = uint32(tt.need)
			if !has {
				req.DesiredAccess, exp = uint32(vfs.AccessFull&^tt.need), smb2.StatusAccessDenied
				if tt.need == vfs.ReadData {
					req.DesiredAccess &^= uint32(vfs.Execute)
				}
				if tt.need == vfs.WriteData {
					req.DesiredAccess &^= uint32(vfs.AppendData)
				}
			}
			id := r.create(c, req)
			want(t, fmt.Sprintf("%s, with the right: %v", tt.name, has), tt.do(id), exp)
			want(t, "CLOSE", c.CloseFile(id), ok)
		}
	}
}

// OVERWRITE and SUPERSEDE need what they imply before they touch anything:
// CVE-2023-4091.
func TestOverwriteOfReadOnlyFile(t *testing.T) {
	r := newRig(t, nil)
	put(t, r.fs, "f", "hello")
	c := r.logon(smb.Dialect311)
	id := r.open(c, "f")
	want(t, "SET_INFO", c.SetInfo(id, smb2.ClassFileBasicInformation, smb2.FileBasicInformation{FileAttributes: smb2.FileAttributeReadOnly}), ok)
	want(t, "CLOSE", c.CloseFile(id), ok)
	before := dump(t, r.fs)
	for _, disp := range []smb2.Disposition{smb2.Supersede, smb2.Overwrite, smb2.OverwriteIf} {
		for _, a := range []vfs.Access{vfs.ReadData, vfs.ReadAttributes, vfs.MaximumAllowed, vfs.AccessFull} {
			req := smbtest.CreateReq("f", disp)
			req.DesiredAccess = uint32(a)
			_, st := c.Create(req)
			want(t, "CREATE", st, smb2.StatusAccessDenied)
		}
	}
	req := smbtest.CreateReq("f", smb2.Open)
	req.DesiredAccess, req.Options = uint32(vfs.Delete), smb2.OptionDeleteOnClose
	_, st := c.Create(req)
	want(t, "delete on close of a read-only file", st, smb2.StatusCannotDelete)
	unchanged(t, "the share", r.fs, before)
}

func TestDirectoryOrFile(t *testing.T) {
	r := newRig(t, nil)
	put(t, r.fs, "f", "hello")
	mkdir(t, r.fs, "d")
	c := r.logon(smb.Dialect311)
	for _, tt := range []struct {
		name string
		disp smb2.Disposition
		opt  smb2.CreateOptions
		want smb2.Status
	}{
		{"f", smb2.Open, smb2.OptionDirectoryFile, smb2.StatusNotADirectory},
		{"d", smb2.Open, smb2.OptionNonDirectoryFile, smb2.StatusFileIsADirectory},
		{"d", smb2.Open, 0, ok},
		{"", smb2.Open, 0, ok},
		{"", smb2.Open, smb2.OptionNonDirectoryFile, smb2.StatusFileIsADirectory},
		{"f", smb2.Open, smb2.OptionDirectoryFile | smb2.OptionNonDirectoryFile, smb2.StatusInvalidParameter},
		{"d", smb2.Overwrite, smb2.OptionDirectoryFile, smb2.StatusInvalidParameter},
		{"d", smb2.Create, smb2.OptionDirectoryFile, smb2.StatusObjectNameCollision},
		{"f", smb2.Create, smb2.OptionDirectoryFile, smb2.StatusObjectNameCollision},
		{`no\x`, smb2.Open, 0, smb2.StatusObjectPathNotFound},
		{`f\x`, smb2.Open, 0, smb2.StatusObjectPathNotFound},
		{`no\x`, smb2.OpenIf, 0, smb2.StatusObjectPathNotFound},
		{`d\x`, smb2.Open, 0, smb2.StatusObjectNameNotFound},
		{`F`, smb2.Open, 0, ok},
		{`D\`, smb2.Open, 0, ok},
		{`f\`, smb2.Open, smb2.OptionNonDirectoryFile, smb2.StatusObjectNameInvalid},
	} {
		req := smbtest.CreateReq(tt.name, tt.disp)
		req.Options = tt.opt
		resp, st := c.Create(req)
		want(t, fmt.Sprintf("%q, disposition %d, options %#x", tt.name, tt.disp, tt.opt), st, tt.want)
		if st == ok {
			c.CloseFile(resp.FileID)
		}
	}
}

// Two opens get along if each shares what the other was granted. [MS-FSA]
// 2.1.5.1.2.2
func TestShareModes(t *testing.T) {
	r := newRig(t, nil)
	put(t, r.fs, "f", "hello")
	c := r.logon(smb.Dialect311)
	rights := []vfs.Access{vfs.ReadAttributes, vfs.ReadData, vfs.WriteData, vfs.Delete, vfs.ReadData | vfs.WriteData, vfs.AppendData, vfs.Execute}
	needs := func(a vfs.Access) (s smb2.ShareAccess) {
		if a&(vfs.ReadData|vfs.Execute) != 0 {
			s |= smb2.ShareRead
		}
		if a&(vfs.WriteData|vfs.AppendData) != 0 {
			s |= smb2.ShareWrite
		}
		if a&vfs.Delete != 0 {
			s |= smb2.ShareDelete
		}
		return s
	}
	for _, a1 := range rights {
		for s1 := range smb2.ShareAccess(8) {
			req := smbtest.CreateReq("f", smb2.Open)
			req.DesiredAccess, req.ShareAccess = uint32(a1), s1
			first := r.create(c, req)
			for _, a2 := range rights {
				for s2 := range smb2.ShareAccess(8) {
					req.DesiredAccess, req.ShareAccess = uint32(a2), s2
					exp := ok
					if needs(a1) != 0 && needs(a2) != 0 && (needs(a2)&^s1 != 0 || needs(a1)&^s2 != 0) {
						exp = smb2.StatusSharingViolation
					}
					resp, st := c.Create(req)
					if st != exp {
						t.Errorf("first %#x sharing %d, second %#x sharing %d: %v, want %v", a1, s1, a2, s2, st, exp)
					}
					if st == ok {
						c.CloseFile(resp.FileID)
					}
				}
			}
			c.CloseFile(first)
		}
	}
}

func TestShareModeOverwrite(t *testing.T) {
	r := newRig(t, nil)
	put(t, r.fs, "f", "hello")
	c := r.logon(smb.Dialect311)
	req := smbtest.CreateReq("f", smb2.Open)
	req.DesiredAccess, req.ShareAccess = uint32(vfs.ReadData), smb2.ShareRead
	r.create(c, req)
	over := smbtest.CreateReq("f", smb2.OverwriteIf)
	over.DesiredAccess = uint32(vfs.ReadData)
	before := dump(t, r.fs)
	_, st := c.Create(over)
	want(t, "OVERWRITE of a file that isn't shared for writing", st, smb2.StatusSharingViolation)
	unchanged(t, "the share", r.fs, before)
}

func TestDeletePending(t *testing.T) {
	r := newRig(t, nil)
	put(t, r.fs, "f", "hello")
	c := r.logon(smb.Dialect311)
	a, b := r.open(c, "f"), r.open(c, "f")
	want(t, "DISPOSITION", c.Delete(a, true), ok)
	_, st := c.Create(smbtest.CreateReq("f", smb2.Open))
	want(t, "CREATE", st, smb2.StatusDeletePending)
	want(t, "undo by another", c.Delete(b, false), ok)
	x := r.open(c, "f")
	want(t, "CLOSE", c.CloseFile(x), ok)
	want(t, "DISPOSITION", c.Delete(a, true), ok)
	want(t, "CLOSE", c.CloseFile(a), ok)
	data, st := c.Read(b, 0, 10)
	if st != ok || string(data) != "hello" {
		t.Errorf("READ of a doomed file: %q, %v", data, st)
	}
	_, st = c.Create(smbtest.CreateReq("f", smb2.OpenIf))
	want(t, "CREATE", st, smb2.StatusDeletePending)
	want(t, "CLOSE", c.CloseFile(b), ok)
	_, st = c.Create(smbtest.CreateReq("f", smb2.Open))
	want(t, "CREATE", st, smb2.StatusObjectNameNotFound)
}

func TestDeleteOnClose(t *testing.T) {
	r := newRig(t, nil)
	c := r.logon(smb.Dialect311)
	req := smbtest.CreateReq("f", smb2.OpenIf)
	req.Options = smb2.OptionDeleteOnClose
	id := r.create(c, req)
	other := r.open(c, "f") // not pending before the close
	want(t, "CLOSE", c.CloseFile(id), ok)
	_, st := c.Create(smbtest.CreateReq("f", smb2.Open))
	want(t, "CREATE", st, smb2.StatusDeletePending)
	want(t, "CLOSE", c.CloseFile(other), ok)
	_, st = c.Create(smbtest.CreateReq("f", smb2.Open))
	want(t, "CREATE", st, smb2.StatusObjectNameNotFound)

	// The connection's end is a close.
	r.create(c, req)
	c.Close()
	gone(t, r, 0)
	if got := dump(t, r.fs); got != "" {
		t.Errorf("left: %s", got)
	}
	// It needs the right to delete.
	c = r.logon(smb.Dialect311)
	req.DesiredAccess = uint32(vfs.ReadData)
	if _, st := c.Create(req); !st.IsError() {
		t.Error("delete on close without the right")
	}
}

func TestDeleteDirectory(t *testing.T) {
	r := newRig(t, nil)
	mkdir(t, r.fs, "d")
	put(t, r.fs, "d/f", "x")
	c := r.logon(smb.Dialect311)
	d := r.open(c, "d")
	want(t, "delete of a directory with a file", c.Delete(d, true), smb2.StatusDirectoryNotEmpty)
	f := r.open(c, `d\f`)
	want(t, "DISPOSITION", c.Delete(f, true), ok)
	want(t, "CLOSE", c.CloseFile(f), ok)
	want(t, "DISPOSITION", c.Delete(d, true), ok)
	_, st := c.Create(smbtest.CreateReq(`d\g`, smb2.OpenIf))
	want(t, "CREATE in a doomed directory", st, smb2.StatusDeletePending)
	want(t, "CLOSE", c.CloseFile(d), ok)
	if got := dump(t, r.fs); got != "" {
		t.Errorf("left: %s", got)
	}
	root := r.open(c, "")
	want(t, "delete of the root", c.Delete(root, true), smb2.StatusCannotDelete)
}

// Lookups don't mind case on a file system that does.
func TestCaseInsensitiveLookup(t *testing.T) {
	dir, err := osfs.New(t.TempDir(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	r := newRig(t, func(s *smb.Server) { s.Shares.(smb.Shares)["s"] = &smb.Share{FS: dir} })
	mkdir(t, dir, "Über")
	put(t, dir, "Über/ReadMe.TXT", "hello")
	c := r.logon(smb.Dialect311)
	for _, name := range []string{`Über\ReadMe.TXT`, `über\readme.txt`, `ÜBER\README.txt`} {
		resp, st := c.Create(smbtest.CreateReq(name, smb2.Open))
		want(t, "CREATE "+name, st, ok)
		if resp.EndOfFile != 5 {
			t.Errorf("%s: %d bytes", name, resp.EndOfFile)
		}
		c.CloseFile(resp.FileID)
	}
	_, st := c.Create(smbtest.CreateReq(`ÜBER\readme.txt`, smb2.Create))
	want(t, "CREATE of what differs in case", st, smb2.StatusObjectNameCollision)
	id := r.open(c, `über\README.TXT`)
	want(t, "rename to other case", c.Rename(id, `über\readme.txt`, false), ok)
	c.CloseFile(id)
	if got := dump(t, dir); !strings.Contains(got, "Über/readme.txt") {
		t.Errorf("after the rename:\n%s", got)
	}
	// Many that don't exist, one after another.
	for i := range 100 {
		_, st := c.Create(smbtest.CreateReq(fmt.Sprintf(`über\missing%d`, i), smb2.Open))
		want(t, "CREATE", st, smb2.StatusObjectNameNotFound)
	}
	// What is made and removed is seen at once.
	for _, name := range []string{"a", "A", "b"} {
		id := r.create(c, smbtest.CreateReq(`über\`+name, smb2.Create))
		want(t, "DISPOSITION", c.Delete(id, true), ok)
		want(t, "CLOSE", c.CloseFile(id), ok)
		_, st := c.Create(smbtest.CreateReq(`über\`+name, smb2.Open))
		want(t, "CREATE", st, smb2.StatusObjectNameNotFound)
	}
}

func TestFileIDs(t *testing.T) {
	r := newRig(t, nil)
	c := r.logon(smb.Dialect311)
	seen := make(map[uint64]string)
	for _, name := range []string{"", "a", "b", "A"} {
		req := smbtest.CreateReq(name, smb2.OpenIf)
		req.Contexts = []smb2.CreateContext{{Name: smb2.ContextQFid}}
		resp, st := c.Create(req)
		want(t, "CREATE", st, ok)
		data, found := smb2.FindContext(resp.Contexts, smb2.ContextQFid)
		if !found {
			t.Fatal("no QFid answer")
		}
		x, err := smb2.ParseQueryOnDiskIDResponse(data)
		if err != nil {
			t.Fatal(err)
		}
		key := strings.ToLower(name)
		if other, dup := seen[x.DiskFileID]; dup != (name == "A") || dup && other != key {
			t.Errorf("%q has id %x, as %q has", name, x.DiskFileID, other)
		}
		seen[x.DiskFileID] = key
	}
}

// sliceFS has Files that can't be compared.
type sliceFS struct{ *memfs.FS }

type sliceFile struct {
	vfs.File
	_ []byte
}

func (p sliceFS) Open(ctx context.Context, name string, opt vfs.OpenOptions) (vfs.File, error) {
	f, err := p.FS.Open(ctx, name, opt)
	return sliceFile{File: f}, err
}

func TestCreateUncomparable(t *testing.T) {
	r := newRig(t, nil)
	put(t, r.fs, "f", "content")
	r.srv.Shares.(smb.Shares)["s"] = &smb.Share{FS: sliceFS{r.fs}}
	c := r.logon(smb.Dialect311)
	want(t, "CLOSE", c.CloseFile(r.create(c, smbtest.CreateReq("f", smb2.Open))), ok)
}
