package smb_test

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/gosmbd/smb"
	"github.com/gosmbd/smb/internal/smbtest"
	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs"
)

// itself asks for a reparse point instead of what it stands for.
func itself(name string, d smb2.Disposition, opts smb2.CreateOptions) smb2.CreateRequest {
	req := smbtest.CreateReq(name, d)
	req.Options = opts | smb2.OptionOpenReparsePoint
	return req
}

// relative is a symbolic link as Windows makes them.
func relative(target string) smb2.SymbolicLinkReparse {
	return smb2.SymbolicLinkReparse{SubstituteName: target, PrintName: target, Flags: smb2.SymlinkFlagRelative}
}

// setReparse makes a new file or directory a reparse point, and returns it open.
func (r *rig) setReparse(c *smbtest.Client, name string, opts smb2.CreateOptions, b smbtest.Body) smb2.FileID {
	r.t.Helper()
	id := r.create(c, itself(name, smb2.Create, opts))
	_, st := c.Ioctl(id, smb2.FsctlSetReparsePoint, b.Append(nil), 0)
	want(r.t, "FSCTL_SET_REPARSE_POINT "+name, st, ok)
	return id
}

// wantReparse checks what an open file is a reparse point of.
func wantReparse(t testing.TB, c *smbtest.Client, id smb2.FileID, b smbtest.Body) {
	t.Helper()
	out, st := c.Ioctl(id, smb2.FsctlGetReparsePoint, nil, 16384)
	if want := b.Append(nil); st != ok || !bytes.Equal(out, want) {
		t.Errorf("FSCTL_GET_REPARSE_POINT: %v\n%x, want\n%x", st, out, want)
	}
}

// stopped opens what a link stands in the way of, and returns what the client is told.
func stopped(t testing.TB, c *smbtest.Client, req smb2.CreateRequest, d smb.Dialect) smb2.SymlinkError {
	t.Helper()
	r := c.Do(smb2.CommandCreate, req)
	want(t, "CREATE "+req.Name, r.Status, smb2.StatusStoppedOnSymlink)
	e, err := smb2.ParseErrorResponse(r.Msg)
	if err != nil {
		t.Fatal(err)
	}
	if d == smb.Dialect311 {
		list, err := smb2.ParseErrorContexts(e.Data, e.ContextCount)
		if err != nil || len(list) != 1 || list[0].ID != smb2.ErrorIDDefault {
			t.Fatalf("error contexts %+v, %v", list, err)
		}
		e.Data = list[0].Data
	} else if e.ContextCount != 0 {
		t.Errorf("%d error contexts", e.ContextCount)
	}
	x, err := smb2.ParseSymlinkError(e.Data)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// attributeTag returns the attributes and the tag of an open file.
func attributeTag(t testing.TB, c *smbtest.Client, id smb2.FileID) smb2.FileAttributeTagInformation {
	t.Helper()
	return fileInfo(t, c, id, smb2.ClassFileAttributeTagInformation, smb2.ParseFileAttributeTagInformation)
}

// listed returns the entry that a directory has for a name.
func listed(t testing.TB, c *smbtest.Client, dir smb2.FileID, name string) smb2.DirectoryEntry {
	t.Helper()
	list, st := c.QueryDirectory(smb2.QueryDirectoryRequest{
		FileID: dir, Class: smb2.ClassFileIdBothDirectoryInformation, OutputLength: 4096, Pattern: name, Flags: smb2.RestartScans,
	})
	want(t, "QUERY_DIRECTORY "+name, st, ok)
	if len(list) != 1 {
		t.Fatalf("%d entries for %q", len(list), name)
	}
	return list[0]
}

// What a client is told that opens a link, or something behind one. [MS-SMB2] 3.3.5.9,
// 2.2.2.2.1
func TestStoppedOnSymlink(t *testing.T) {
	eachDialect(t, func(t *testing.T, d smb.Dialect) {
		r := newRig(t, nil)
		mkdir(t, r.fs, "d")
		mkdir(t, r.fs, "d/e")
		put(t, r.fs, "d/f", "data")
		c := r.logon(d)
		absolute := smb2.SymbolicLinkReparse{SubstituteName: `\??\C:\x y`, PrintName: `C:\x y`}
		c.CloseFile(r.setReparse(c, `d\l`, 0, relative(`f`)))
		c.CloseFile(r.setReparse(c, `d\dir`, smb2.OptionDirectoryFile, relative(`..\d\e`)))
		c.CloseFile(r.setReparse(c, `d\abs`, 0, absolute))
		c.CloseFile(r.setReparse(c, `d\absdir`, smb2.OptionDirectoryFile, absolute))
		for _, x := range []struct {
			name     string
			d        smb2.Disposition
			opts     smb2.CreateOptions
			link     smb2.SymbolicLinkReparse
			unparsed string
		}{
			{`d\l`, smb2.Open, 0, relative(`f`), ""},
			{`D\L`, smb2.OpenIf, smb2.OptionNonDirectoryFile, relative(`f`), ""},
			{`d\l`, smb2.OverwriteIf, 0, relative(`f`), ""},
			{`d\l`, smb2.Create, 0, relative(`f`), ""},
			{`d\l`, smb2.Open, smb2.OptionDirectoryFile, relative(`f`), ""},
			{`d\l:s`, smb2.OpenIf, 0, relative(`f`), ":s"},
			{`d\.\e\..\l`, smb2.Open, 0, relative(`f`), ""},
			{`d\l\x`, smb2.Open, 0, relative(`f`), `\x`},
			{`d\dir`, smb2.Open, smb2.OptionDirectoryFile, relative(`..\d\e`), ""},
			{`d\dir\`, smb2.Open, smb2.OptionDirectoryFile, relative(`..\d\e`), `\`},
			{`d\dir\new`, smb2.Create, 0, relative(`..\d\e`), `\new`},
			{`d\dir\new`, smb2.Create, smb2.OptionDirectoryFile, relative(`..\d\e`), `\new`},
			{`d\Dir\ä\b.txt:s:$DATA`, smb2.Open, smb2.OptionOpenReparsePoint, relative(`..\d\e`), `\ä\b.txt:s:$DATA`},
			{`d\abs`, smb2.Open, 0, absolute, ""},
			{`d\absdir\a\b`, smb2.OpenIf, 0, absolute, `\a\b`},
		} {
			req := smbtest.CreateReq(x.name, x.d)
			req.Options = x.opts
			got := stopped(t, c, req, d)
			want := smb2.SymlinkError{
				UnparsedPathLength: uint16(2 * len([]rune(x.unparsed))),
				SubstituteName:     x.link.SubstituteName, PrintName: x.link.PrintName, Flags: x.link.Flags,
			}
			if got != want {
				t.Errorf("%s: %+v, want %+v", x.name, got, want)
			}
		}
		if b := dump(t, r.fs); strings.Contains(b, "new") || !strings.Contains(b, `d/f "data"`) {
			t.Errorf("something was made or changed:\n%s", b)
		}
	})
}

// What shows that something is a reparse point. [MS-FSCC] 2.4
func TestReparseAttributes(t *testing.T) {
	r := newRig(t, nil)
	mkdir(t, r.fs, "d")
	c := r.logon(smb.Dialect311)
	fifo := smb2.ReparseDataBuffer{Tag: smb2.ReparseTagNFS, Data: []byte("FIFO\x00\x00\x00\x00")}
	odd := smb2.ReparseDataBuffer{Tag: 0x4321, GUID: smb2.GUID{1, 15: 2}, Data: []byte("x")}
	dir := r.open(c, "d")
	for _, x := range []struct {
		name string
		opts smb2.CreateOptions
		b    smbtest.Body
		tag  uint32
	}{
		{"l", 0, relative(`x\y`), smb2.ReparseTagSymlink},
		{"absolute", 0, smb2.SymbolicLinkReparse{SubstituteName: `\??\C:\`, PrintName: "elsewhere"}, smb2.ReparseTagSymlink},
		{"out", 0, relative(`..\..\x`), smb2.ReparseTagSymlink},
		{"dir", smb2.OptionDirectoryFile, smb2.SymbolicLinkReparse{SubstituteName: `\??\C:\`}, smb2.ReparseTagSymlink},
		{"junction", smb2.OptionDirectoryFile, smb2.MountPointReparse{SubstituteName: `\??\C:\x`, PrintName: `C:\x`}, smb2.ReparseTagMountPoint},
		{"fifo", 0, fifo, smb2.ReparseTagNFS},
		{"odd", 0, odd, odd.Tag},
	} {
		id := r.setReparse(c, `d\`+x.name, x.opts, x.b)
		wantReparse(t, c, id, x.b)
		a := attributeTag(t, c, id)
		e := listed(t, c, dir, x.name)
		if a.ReparseTag != x.tag || a.FileAttributes&smb2.FileAttributeReparsePoint == 0 || e.EASize != x.tag || e.FileAttributes != a.FileAttributes {
			t.Errorf("%s: attributes and tag %+v, listed %#x and %#x, want %#x", x.name, a, e.FileAttributes, e.EASize, x.tag)
		}
		if got, dir := a.FileAttributes&smb2.FileAttributeDirectory != 0, x.opts != 0; got != dir {
			t.Errorf("%s: a directory is %v, want %v", x.name, got, dir)
		}
		c.CloseFile(id)
		if x.tag != smb2.ReparseTagSymlink {
			_, st := c.Create(smbtest.CreateReq(`d\`+x.name, smb2.Open))
			want(t, x.name, st, smb2.StatusIoReparseTagNotHandled)
		}
		// It is deleted itself, and can be made an ordinary object again.
		id = r.create(c, itself(`d\`+x.name, smb2.Open, x.opts))
		wantReparse(t, c, id, x.b)
		head := smb2.ReparseDataBuffer{Tag: x.tag}
		if x.tag == odd.Tag {
			head.GUID = odd.GUID
		}
		_, st := c.Ioctl(id, smb2.FsctlDeleteReparsePoint, head.Append(nil), 0)
		want(t, "FSCTL_DELETE_REPARSE_POINT "+x.name, st, ok)
		if a := attributeTag(t, c, id); a.ReparseTag != 0 || a.FileAttributes&smb2.FileAttributeReparsePoint != 0 {
			t.Errorf("%s: afterwards %+v", x.name, a)
		}
		want(t, "delete", c.Delete(id, true), ok)
		c.CloseFile(id)
		_, st = c.Create(itself(`d\`+x.name, smb2.Open, 0))
		want(t, x.name+" afterwards", st, notFound)
	}
	c.CloseFile(dir)
	id := r.open(c, "")
	b, st := c.QueryInfo(id, smb2.InfoFileSystem, uint8(smb2.ClassFsAttributeInformation), 100)
	want(t, "FsAttributeInformation", st, ok)
	if x, err := smb2.ParseFsAttributeInformation(b); err != nil || x.Attributes&smb2.FsSupportsReparsePoints == 0 {
		t.Errorf("attributes %+v, %v", x, err)
	}
}

// What can't be made a reparse point, and what is none. [MS-FSA] 2.1.5.10.37, 2.1.5.10.3,
// 2.1.5.10.14
func TestReparseRefused(t *testing.T) {
	r := newRig(t, nil)
	mkdir(t, r.fs, "full")
	mkdir(t, r.fs, "empty")
	put(t, r.fs, "full/f", "data")
	put(t, r.fs, "plain", "")
	c := r.logon(smb.Dialect311)
	odd := smb2.ReparseDataBuffer{Tag: 0x4321, GUID: smb2.GUID{1}, Data: []byte("x")}
	c.CloseFile(r.setReparse(c, "odd", 0, odd))
	c.CloseFile(r.setReparse(c, "l", 0, relative("plain")))
	before := dump(t, r.fs)
	other := odd
	other.GUID[0]++
	junction := smb2.MountPointReparse{SubstituteName: `\??\C:\x`}
	noData := func(b smb2.ReparseDataBuffer) smbtest.Body { b.Data = nil; return b }
	const invalid = smb2.StatusIoReparseDataInvalid
	for _, x := range []struct {
		name   string
		access vfs.Access
		code   smb2.CtlCode
		in     []byte
		want   smb2.Status
	}{
		{"plain", vfs.ReadData, smb2.FsctlSetReparsePoint, relative("x").Append(nil), smb2.StatusAccessDenied},
		{"plain", vfs.WriteData, smb2.FsctlSetReparsePoint, nil, invalid},
		{"plain", vfs.WriteAttributes, smb2.FsctlSetReparsePoint, make([]byte, 7), invalid},
		{"plain", vfs.WriteData, smb2.FsctlSetReparsePoint, make([]byte, 24), smb2.StatusIoReparseTagInvalid},
		{"plain", vfs.WriteData, smb2.FsctlSetReparsePoint, append(relative("x").Append(nil), 0), invalid},
		{"plain", vfs.WriteData, smb2.FsctlSetReparsePoint, smb2.ReparseDataBuffer{Tag: smb2.ReparseTagSymlink, Data: make([]byte, 11)}.Append(nil), invalid},
		{"plain", vfs.WriteData, smb2.FsctlSetReparsePoint, junction.Append(nil), smb2.StatusNotADirectory},
		{`full`, vfs.WriteData, smb2.FsctlSetReparsePoint, junction.Append(nil), smb2.StatusDirectoryNotEmpty},
		{`full\f`, vfs.WriteData, smb2.FsctlSetReparsePoint, relative("x").Append(nil), invalid},
		{``, vfs.WriteData, smb2.FsctlSetReparsePoint, junction.Append(nil), smb2.StatusAccessDenied},
		{"odd", vfs.WriteData, smb2.FsctlSetReparsePoint, relative("x").Append(nil), smb2.StatusIoReparseTagMismatch},
		{"odd", vfs.WriteData, smb2.FsctlSetReparsePoint, other.Append(nil), smb2.StatusReparseAttributeConflict},
		{"odd", vfs.WriteData, smb2.FsctlDeleteReparsePoint, noData(other).Append(nil), smb2.StatusReparseAttributeConflict},
		{"odd", vfs.WriteData, smb2.FsctlDeleteReparsePoint, odd.Append(nil), invalid},
		{"odd", vfs.ReadData, smb2.FsctlDeleteReparsePoint, noData(odd).Append(nil), smb2.StatusAccessDenied},
		{"l", vfs.WriteData, smb2.FsctlDeleteReparsePoint, noData(odd).Append(nil), smb2.StatusIoReparseTagMismatch},
		{"plain", vfs.WriteData, smb2.FsctlDeleteReparsePoint, noData(odd).Append(nil), smb2.StatusNotAReparsePoint},
		{"plain", vfs.ReadData, smb2.FsctlGetReparsePoint, nil, smb2.StatusNotAReparsePoint},
		{"full", vfs.ReadData, smb2.FsctlGetReparsePoint, nil, smb2.StatusNotAReparsePoint},
	} {
		req := itself(x.name, smb2.Open, 0)
		req.DesiredAccess = uint32(x.access)
		id := r.create(c, req)
		_, st := c.Ioctl(id, x.code, x.in, 16384)
		want(t, x.code.String()+" "+x.name, st, x.want)
		c.CloseFile(id)
	}
	unchanged(t, "the share", r.fs, before)

	id := r.create(c, itself("odd", smb2.Open, 0))
	for most, status := range map[uint32]smb2.Status{0: smb2.StatusBufferTooSmall, 23: smb2.StatusBufferTooSmall, 24: smb2.StatusBufferOverflow, 25: ok} {
		_, st := c.Ioctl(id, smb2.FsctlGetReparsePoint, nil, most)
		want(t, "FSCTL_GET_REPARSE_POINT", st, status)
	}

	ro := r.dialect(smb.Dialect311, smbtest.NegotiateOptions{})
	r.setup(ro, "ann", password)
	r.tree(ro, "ro")
	req := itself("plain", smb2.Open, 0)
	req.DesiredAccess = uint32(vfs.ReadData | vfs.ReadAttributes)
	id = r.create(ro, req)
	for _, code := range []smb2.CtlCode{smb2.FsctlSetReparsePoint, smb2.FsctlDeleteReparsePoint} {
		_, st := ro.Ioctl(id, code, relative("x").Append(nil), 0)
		want(t, code.String()+" on a read-only share", st, smb2.StatusAccessDenied)
	}
}

// A handle that made a link of the backend's own stands for the link from then on, and
// meets those who open it later.
func TestSymlinkHandle(t *testing.T) {
	r := newRig(t, nil)
	c := r.logon(smb.Dialect311)
	id := r.setReparse(c, "l", 0, relative("x"))
	before := r.srv.Counters()
	for _, target := range []string{"y", "z"} {
		_, st := c.Ioctl(id, smb2.FsctlSetReparsePoint, relative(target).Append(nil), 0)
		want(t, "set again", st, ok)
		wantReparse(t, c, id, relative(target))
	}
	if a := attributeTag(t, c, id); a.ReparseTag != smb2.ReparseTagSymlink {
		t.Errorf("attributes %+v", a)
	}
	want(t, "rename", c.Rename(id, "renamed", false), ok)
	if got, err := r.fs.Readlink(context.Background(), "renamed"); err != nil || got != "z" {
		t.Errorf("it leads to %q, %v", got, err)
	}
	req := itself("renamed", smb2.Open, 0)
	other := r.create(c, req)
	want(t, "delete", c.Delete(id, true), ok)
	_, st := c.Create(req)
	want(t, "open of what is to be deleted", st, smb2.StatusDeletePending)
	c.CloseFile(other)
	if now := r.srv.Counters(); now != before {
		t.Errorf("the server holds %+v, before %+v", now, before)
	}
	c.CloseFile(id)
	if got := dump(t, r.fs); got != "" {
		t.Errorf("left:\n%s", got)
	}
}

// A backend without reparse points says so.
func TestNoReparse(t *testing.T) {
	r := newRig(t, func(s *smb.Server) { s.Shares = smb.Shares{"s": {FS: noStreams{vfs.FromFS(fstest.MapFS{"f": {}})}}} })
	c := r.logon(smb.Dialect311)
	id := r.create(c, smb2.CreateRequest{Impersonation: 2, DesiredAccess: uint32(vfs.ReadData), Disposition: smb2.Open, ShareAccess: smb2.ShareRead})
	for _, code := range []smb2.CtlCode{smb2.FsctlSetReparsePoint, smb2.FsctlGetReparsePoint, smb2.FsctlDeleteReparsePoint} {
		_, st := c.Ioctl(id, code, relative("x").Append(nil), 16384)
		want(t, code.String(), st, smb2.StatusInvalidDeviceRequest)
	}
	b, st := c.QueryInfo(id, smb2.InfoFileSystem, uint8(smb2.ClassFsAttributeInformation), 100)
	want(t, "FsAttributeInformation", st, ok)
	if x, err := smb2.ParseFsAttributeInformation(b); err != nil || x.Attributes&smb2.FsSupportsReparsePoints != 0 {
		t.Errorf("attributes %+v, %v", x, err)
	}
}

// A client that reads nothing of what it is told of a long link is told no more than the server may hold for it.
func TestSymlinkErrorsHeld(t *testing.T) {
	const most = 4 << 20
	r := newRig(t, func(s *smb.Server) {
		s.Limits.MaxIO, s.Limits.MemoryPerConn = 1<<20, most
	})
	c := r.logon(smb.Dialect311)
	long := strings.Repeat("a", 4000) // as UTF-16 twice, and there are two names
	r.setReparse(c, "l", 0, relative(long))
	c.Ask = 4096
	for range 4 {
		alive(t, c)
	}
	before := memoryInUse()
	release := c.Hold()
	var mids []uint64
	for range 60 {
		var list []*smbtest.Elem
		for range 30 {
			list = append(list, c.Req(smb2.CommandCreate, smbtest.CreateReq("l", smb2.Open)))
			mids = append(mids, list[len(list)-1].MessageID)
		}
		c.Send(list...)
	}
	time.Sleep(300 * time.Millisecond)
	if held := int(memoryInUse() - before); held > 3*most && !raceEnabled {
		t.Errorf("%d bytes are held for a connection that may hold %d", held, most)
	}
	release()
	told := map[smb2.Status]int{}
	for _, mid := range mids {
		told[c.Wait(mid).Status]++
	}
	links, refused := told[smb2.StatusStoppedOnSymlink], told[smb2.StatusInsufficientResources]
	if links == 0 || refused == 0 || links+refused != len(mids) {
		t.Errorf("the client was told %v", told)
	}
	stopped(t, c, smbtest.CreateReq("l", smb2.Open), smb.Dialect311)
}
