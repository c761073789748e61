package smb_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/gosmbd/smb"
	"github.com/gosmbd/smb/internal/smbtest"
	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs"
	"github.com/gosmbd/smb/vfs/faultfs"
)

// eas makes a list of pairs NAME=VALUE.
func eas(pairs ...string) smb2.FileFullEaInformation {
	var list smb2.FileFullEaInformation
	for _, p := range pairs {
		name, value, _ := strings.Cut(p, "=")
		list = append(list, smb2.FileFullEaEntry{Name: name, Value: []byte(value)})
	}
	return list
}

func extA(list smb2.FileFullEaInformation) smb2.CreateContext {
	return smb2.CreateContext{Name: smb2.ContextExtA, Data: list.Append(nil)}
}

func setEAs(c *smbtest.Client, id smb2.FileID, pairs ...string) smb2.Status {
	return c.SetInfo(id, smb2.ClassFileFullEaInformation, eas(pairs...))
}

// queryEAs asks with flags, an index and a list of names for what fits room.
func queryEAs(t testing.TB, c *smbtest.Client, id smb2.FileID, flags, index, room uint32, names ...string) ([]string, smbtest.Reply) {
	t.Helper()
	r := c.Do(smb2.CommandQueryInfo, smb2.QueryInfoRequest{
		FileID: id, InfoType: smb2.InfoFile, Class: uint8(smb2.ClassFileFullEaInformation),
		OutputLength: room, Additional: index, Flags: flags, Input: smb2.FileGetEaInformation(names).Append(nil),
	})
	if r.Status != ok && r.Status != smb2.StatusBufferOverflow {
		return nil, r
	}
	list, err := smb2.ParseFileFullEaInformation(smbtest.Parse(c, r, smb2.ParseQueryInfoResponse).Data)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range list {
		got = append(got, e.Name+"="+string(e.Value))
	}
	return got, r
}

func wantEAs(t testing.TB, c *smbtest.Client, id smb2.FileID, want ...string) {
	t.Helper()
	got, r := queryEAs(t, c, id, smb2.EaRestartScan, 0, 1<<16)
	if len(want) == 0 && r.Status == smb2.StatusNoEasOnFile {
		return
	}
	if r.Status != ok || !slices.Equal(got, want) {
		t.Errorf("extended attributes %.200q, %v, want %.200q", got, r.Status, want)
	}
}

func TestEAs(t *testing.T) {
	eachDialect(t, func(t *testing.T, d smb.Dialect) {
		r := newRig(t, nil)
		mkdir(t, r.fs, "d")
		c := r.logon(d)
		for _, id := range []smb2.FileID{r.open(c, "f"), r.open(c, "d"), r.open(c, "")} {
			wantEAs(t, c, id)
			want(t, "set", setEAs(c, id, "Author=Ann", "two=22", "x=\x00"), ok)
			wantEAs(t, c, id, "Author=Ann", "two=22", "x=\x00")
			want(t, "change", setEAs(c, id, "TWO=3", "X", "none", "Two=4", "new=", "New=5"), ok)
			wantEAs(t, c, id, "Author=Ann", "two=4", "New=5")
			want(t, "remove", setEAs(c, id, "author", "two", "new"), ok)
			wantEAs(t, c, id)
		}
	})
}

// Where a query begins and how much it returns. [MS-SMB2] 3.3.5.20.1
func TestQueryEAs(t *testing.T) {
	const (
		restart, single, index = smb2.EaRestartScan, smb2.EaReturnSingleEntry, smb2.EaIndexSpecified
		tooSmall, overflow     = smb2.StatusBufferTooSmall, smb2.StatusBufferOverflow
	)
	r := newRig(t, nil)
	c := r.logon(smb.Dialect311)
	id := r.open(c, "f")
	want(t, "set", setEAs(c, id, "a=1", "b=22", "c=333"), ok) // 11, 12 and 13 bytes
	for _, x := range []struct {
		flags, index, room uint32
		names              []string
		status             smb2.Status
		want               string
	}{
		{0, 0, 1000, nil, ok, "a=1 b=22 c=333"},
		{0, 0, 1000, nil, smb2.StatusNoEasOnFile, ""},
		{restart, 0, 24, nil, overflow, "a=1 b=22"},
		{0, 0, 24, nil, ok, "c=333"},
		{restart, 0, 10, nil, tooSmall, ""},
		{0, 0, 10, nil, tooSmall, ""}, // and again
		{restart, 0, 11, nil, overflow, "a=1"},
		{0, 0, 11, nil, tooSmall, ""},
		{0, 0, 12, nil, overflow, "b=22"},
		{restart | single, 0, 1000, nil, ok, "a=1"},
		{single, 0, 1000, nil, ok, "b=22"},
		{single, 0, 1000, nil, ok, "c=333"},
		{single, 0, 1000, nil, smb2.StatusNoEasOnFile, ""},
		{index, 2, 1000, nil, ok, "b=22 c=333"},
		{index | restart, 3, 1000, nil, ok, "c=333"},
		{index | single, 2, 1000, nil, ok, "b=22"},
		{0, 2, 1000, nil, ok, "c=333"},
		{index, 0, 1000, nil, smb2.StatusNonexistentEaEntry, ""},
		{index, 4, 1000, nil, smb2.StatusNonexistentEaEntry, ""},
		{index, 1 << 31, 1000, nil, smb2.StatusNonexistentEaEntry, ""},
		{0, 0, 1000, []string{"C", "none", "a", "c"}, ok, "c=333 none= a=1"},
		{restart | index, 9, 1000, []string{"a"}, ok, "a=1"},
		{single, 0, 1000, []string{"b", "a"}, ok, "b=22"},
		{0, 0, 12, []string{"b", "a"}, overflow, "b=22"},
		{0, 0, 11, []string{"b", "a"}, tooSmall, ""},
		{0, 0, 1000, []string{"a", "b:c"}, smb2.StatusInvalidEaName, ""},
		{restart, 0, 0, nil, tooSmall, ""},
		{restart, 0, 1000, nil, ok, "a=1 b=22 c=333"},
	} {
		got, reply := queryEAs(t, c, id, x.flags, x.index, x.room, x.names...)
		if reply.Status != x.status || strings.Join(got, " ") != x.want {
			t.Errorf("flags %x, index %d, room %d, names %q: %q, %v, want %q, %v", x.flags, x.index, x.room, x.names, got, reply.Status, x.want, x.status)
		}
	}
	for _, input := range []string{"\x00\x00\x00\x00\x01a", "\x00\x00\x00\x00", "\x07\x00\x00\x00\x01a\x00\x00\x00\x00\x00\x01b\x00"} {
		reply := c.Do(smb2.CommandQueryInfo, smb2.QueryInfoRequest{
			FileID: id, InfoType: smb2.InfoFile, Class: uint8(smb2.ClassFileFullEaInformation), OutputLength: 100, Input: []byte(input),
		})
		want(t, fmt.Sprintf("list %x", input), reply.Status, smb2.StatusEaListInconsistent)
	}
	_, reply := queryEAs(t, c, id, restart, 0, 10)
	e, err := smb2.ParseErrorResponse(reply.Msg)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(e.Data); n < 4 || binary.LittleEndian.Uint32(e.Data[n-4:]) != 11 {
		t.Errorf("BUFFER_TOO_SMALL tells %x", e.Data)
	}
}

// What can't be set, and changes nothing. [MS-FSA] 2.1.5.15.6
func TestSetEAsRefused(t *testing.T) {
	r := newRig(t, nil)
	c := r.logon(smb.Dialect311)
	id := r.open(c, "f")
	want(t, "set", setEAs(c, id, "a=1"), ok)
	big := strings.Repeat("x", 40000)
	for what, x := range map[string]struct {
		list smb2.FileFullEaInformation
		want smb2.Status
	}{
		"a colon":           {eas("a=2", "b:c=3"), smb2.StatusInvalidEaName},
		"no name":           {eas("a=2", "=3"), smb2.StatusInvalidEaName},
		"no name, no value": {eas("a", ""), smb2.StatusInvalidEaName},
		"255 bytes":         {eas("a=2", strings.Repeat("n", 255)+"=3"), smb2.StatusInvalidEaName},
		"a flag":            {append(eas("a=2"), smb2.FileFullEaEntry{Flags: 1, Name: "b", Value: []byte("3")}), smb2.StatusInvalidEaName},
		"too much":          {eas("a=2", "b="+big, "c="+big), smb2.StatusEaTooLarge},
		"too many":          {slices.Repeat(eas("a=2"), 4*vfs.MaxXattrs/12+1), smb2.StatusEaTooLarge},
		"nothing":           {nil, smb2.StatusEaListInconsistent},
	} {
		want(t, what, c.SetInfo(id, smb2.ClassFileFullEaInformation, x.list), x.want)
		wantEAs(t, c, id, "a=1")
	}
	for _, raw := range []string{"\x00\x00\x00\x00\x00\x01\x05\x00a\x00b", "\x00\x00\x00\x00\x00\x01\x01\x00abc", "\x00\x00\x00"} {
		want(t, fmt.Sprintf("%x", raw), c.SetInfo(id, smb2.ClassFileFullEaInformation, smbtest.Raw(raw)), smb2.StatusEaListInconsistent)
	}
	want(t, "most", setEAs(c, id, "b="+strings.Repeat("x", vfs.MaxXattrs-6-7)), ok)
	want(t, "one more", setEAs(c, id, "c=1"), smb2.StatusEaTooLarge)
	want(t, "one for another", setEAs(c, id, "c=1", "a"), ok)
	info, st := c.QueryInfo(id, smb2.InfoFile, uint8(smb2.ClassFileEaInformation), 4)
	want(t, "FileEaInformation", st, ok)
	if n := binary.LittleEndian.Uint32(info); n != vfs.MaxXattrs+4 {
		t.Errorf("EaSize is %d", n)
	}
}

func TestEARights(t *testing.T) {
	r := newRig(t, nil)
	put(t, r.fs, "f", "x")
	c := r.logon(smb.Dialect311)
	want(t, "set", setEAs(c, r.open(c, "f"), "a=1"), ok)
	for _, access := range []vfs.Access{vfs.ReadEA, vfs.WriteEA, vfs.AccessFull &^ (vfs.ReadEA | vfs.WriteEA)} {
		req := smbtest.CreateReq("f", smb2.Open)
		req.DesiredAccess = uint32(access)
		id := r.create(c, req)
		get, set := smb2.StatusAccessDenied, smb2.StatusAccessDenied
		if access&vfs.ReadEA != 0 {
			get = ok
		}
		if access&vfs.WriteEA != 0 {
			set = ok
		}
		_, reply := queryEAs(t, c, id, smb2.EaRestartScan, 0, 1000)
		want(t, fmt.Sprintf("query with %#x", access), reply.Status, get)
		want(t, fmt.Sprintf("set with %#x", access), setEAs(c, id, "a=1"), set)
	}
	before := dumpEAs(t, r.fs, "f")
	ro := r.dialect(smb.Dialect311, smbtest.NegotiateOptions{})
	r.setup(ro, "ann", password)
	r.tree(ro, "ro")
	req := smbtest.CreateReq("f", smb2.Open)
	req.DesiredAccess = uint32(vfs.MaximumAllowed)
	id := r.create(ro, req)
	want(t, "set on a read-only share", setEAs(ro, id, "a=2"), smb2.StatusAccessDenied)
	_, reply := queryEAs(t, ro, id, 0, 0, 1000)
	want(t, "query on a read-only share", reply.Status, ok)
	if after := dumpEAs(t, r.fs, "f"); after != before {
		t.Errorf("%s became %s", before, after)
	}
}

// Who may make files but not set extended attributes may not make any with them.
func TestCreateWithEAsRights(t *testing.T) {
	r := newRig(t, func(s *smb.Server) {
		s.Shares.(smb.Shares)["s"].Allow = func(context.Context, *vfs.Caller) (vfs.Access, error) {
			return vfs.AccessFull &^ vfs.WriteEA, nil
		}
	})
	c := r.logon(smb.Dialect311)
	for _, name := range []string{"f", "f:s"} {
		req := smbtest.CreateReq(name, smb2.Create)
		req.DesiredAccess = uint32(vfs.MaximumAllowed)
		req.Contexts = []smb2.CreateContext{extA(eas("a=1"))}
		_, st := c.Create(req)
		want(t, "CREATE "+name, st, smb2.StatusAccessDenied)
	}
	if got := dump(t, r.fs); got != "" {
		t.Errorf("left %s", got)
	}
}

func dumpEAs(t testing.TB, fsys vfs.FS, name string) string {
	t.Helper()
	f, err := fsys.Open(context.Background(), name, vfs.OpenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	list, err := f.(vfs.Xattrer).Xattrs(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(list)
}

// What clients see of extended attributes besides themselves.
func TestEASize(t *testing.T) {
	r := newRig(t, nil)
	mkdir(t, r.fs, "d")
	put(t, r.fs, "d/plain", "")
	c := r.logon(smb.Dialect311)
	id := r.create(c, smbtest.CreateReq(`d\f`, smb2.Create))
	want(t, "set", setEAs(c, id, "a=1", "b=22"), ok)
	const size = 7 + 8 + 4
	all := fileInfo(t, c, id, smb2.ClassFileAllInformation, smb2.ParseFileAllInformation)
	if all.Ea.EaSize != size {
		t.Errorf("EaSize %d in FileAllInformation", all.Ea.EaSize)
	}
	dir := r.open(c, "d")
	want(t, "set", setEAs(c, dir, "c=333"), ok)
	for _, pattern := range []string{"*", "f", "plain"} {
		list, st := c.QueryDirectory(smb2.QueryDirectoryRequest{
			FileID: dir, Class: smb2.ClassFileIdBothDirectoryInformation, Flags: smb2.RestartScans, Pattern: pattern, OutputLength: 1 << 16,
		})
		want(t, pattern, st, ok)
		for _, e := range list {
			if want := map[string]uint32{"f": size, ".": 13}[e.Name]; e.EASize != want {
				t.Errorf("%s, listed by %s: EaSize %d, want %d", e.Name, pattern, e.EASize, want)
			}
		}
	}
	a := fsInfo(t, c, dir)
	if a&smb2.FsSupportsExtendedAttributes == 0 {
		t.Errorf("volume attributes %#x", a)
	}
}

func fsInfo(t testing.TB, c *smbtest.Client, id smb2.FileID) uint32 {
	t.Helper()
	b, st := c.QueryInfo(id, smb2.InfoFileSystem, uint8(smb2.ClassFsAttributeInformation), 100)
	want(t, "FileFsAttributeInformation", st, ok)
	info, err := smb2.ParseFsAttributeInformation(b)
	if err != nil {
		t.Fatal(err)
	}
	return info.Attributes
}

// A change marks the file, changes its time, and is told to those who watch.
func TestSetEAsTells(t *testing.T) {
	r := newRig(t, nil)
	put(t, r.fs, "f", "x")
	c := r.logon(smb.Dialect311)
	id := r.open(c, "f")
	before := basic(t, c, id)
	w := r.watch(c, "", smb2.FileNotifyChangeEa, false)
	want(t, "set", setEAs(c, id, "a=1"), ok)
	w.wantAnswer("set", "~f")
	after := basic(t, c, id)
	if after.ChangeTime <= before.ChangeTime || after.LastWriteTime != before.LastWriteTime {
		t.Errorf("times %+v became %+v", before, after)
	}
	if after.FileAttributes&smb2.FileAttributeArchive == 0 {
		t.Errorf("attributes %#x", after.FileAttributes)
	}
	w.ask()
	r.create(c, smbtest.CreateReq("f", smb2.OverwriteIf))
	w.wantAnswer("overwritten", "~f")
}

// Extended attributes of a new file. [MS-SMB2] 3.3.5.9.1
func TestCreateWithEAs(t *testing.T) {
	r := newRig(t, nil)
	c := r.logon(smb.Dialect311)
	list := eas("a=1", "B=2", "none")
	open := func(name string, d smb2.Disposition, opts smb2.CreateOptions, x ...smb2.CreateContext) (smb2.FileID, smb2.Status) {
		req := smbtest.CreateReq(name, d)
		req.Options, req.Contexts = opts, x
		resp, st := c.Create(req)
		return resp.FileID, st
	}
	for name, opts := range map[string]smb2.CreateOptions{"f": 0, "d": smb2.OptionDirectoryFile} {
		id, st := open(name, smb2.Create, opts, extA(list))
		want(t, "create "+name, st, ok)
		wantEAs(t, c, id, "a=1", "B=2")
		// Who opens doesn't change them.
		id, st = open(name, smb2.OpenIf, opts, extA(eas("c=3")))
		want(t, "open "+name, st, ok)
		wantEAs(t, c, id, "a=1", "B=2")
	}
	for _, d := range []smb2.Disposition{smb2.Overwrite, smb2.OverwriteIf, smb2.Supersede} {
		id, st := open("f", d, 0, extA(eas("b=3", "c=4")))
		want(t, "overwrite", st, ok)
		wantEAs(t, c, id, "B=3", "c=4")
		id, st = open("f", d, 0)
		want(t, "overwrite without", st, ok)
		wantEAs(t, c, id)
		want(t, "set", setEAs(c, id, "a=1", "B=2"), ok)
	}
	// A stream has those of its file, and only one that is made with it sets them.
	id, st := open("f:s", smb2.Create, 0, extA(eas("c=3")))
	want(t, "create a stream", st, ok)
	wantEAs(t, c, id, "a=1", "B=2")
	want(t, "set through a stream", setEAs(c, id, "a=9"), ok)
	id, st = open("f:s", smb2.OverwriteIf, 0, extA(eas("c=3")))
	want(t, "overwrite a stream", st, ok)
	wantEAs(t, c, id, "a=9", "B=2")
	id, st = open("new:s", smb2.Create, 0, extA(list))
	want(t, "create a stream with its file", st, ok)
	wantEAs(t, c, id, "a=1", "B=2")
}

// A CREATE that is refused because of extended attributes leaves nothing.
func TestCreateWithEAsRefused(t *testing.T) {
	full := false
	r := newRig(t, func(s *smb.Server) {
		s.Shares.(smb.Shares)["s"].FS = faultfs.New(s.Shares.(smb.Shares)["s"].FS, func(op faultfs.Op) error {
			if full && op.Kind == faultfs.SetXattrs {
				return vfs.ErrNoSpace
			}
			return nil
		})
	})
	put(t, r.fs, "old", "content")
	c := r.logon(smb.Dialect311)
	before := dump(t, r.fs)
	big := strings.Repeat("x", 40000)
	create := func(what, name string, d smb2.Disposition, opts smb2.CreateOptions, x smb2.CreateContext, status smb2.Status) {
		t.Helper()
		req := smbtest.CreateReq(name, d)
		req.Options, req.Contexts = opts, []smb2.CreateContext{x}
		_, st := c.Create(req)
		want(t, what, st, status)
		unchanged(t, what, r.fs, before)
	}
	create("no knowledge", "f", smb2.Create, smb2.OptionNoEAKnowledge, extA(eas("a=1")), smb2.StatusAccessDenied)
	create("a bad name", "f", smb2.Create, 0, extA(eas("a:=1")), smb2.StatusInvalidEaName)
	create("a bad list", "f", smb2.Create, 0, smb2.CreateContext{Name: smb2.ContextExtA, Data: []byte("12345678901")}, smb2.StatusEaListInconsistent)
	create("no list", "f", smb2.Create, 0, smb2.CreateContext{Name: smb2.ContextExtA}, smb2.StatusEaListInconsistent)
	create("too much", "f", smb2.Create, 0, extA(eas("a="+big, "b="+big)), smb2.StatusEaTooLarge)
	replies := c.Compound(
		c.Req(smb2.CommandCreate, smbtest.With(smbtest.CreateReq("f", smb2.Create), extA(eas("a:=1")))),
		c.Req(smb2.CommandClose, smb2.CloseRequest{}).Related(),
	)
	want(t, "what follows in a compound", replies[1].Status, smb2.StatusInvalidEaName)
	full = true
	for _, opts := range []smb2.CreateOptions{0, smb2.OptionDirectoryFile} {
		create("a full disk", "f", smb2.Create, opts, extA(eas("a=1")), smb2.StatusDiskFull)
	}
	create("a full disk and a stream", "f:s", smb2.Create, 0, extA(eas("a=1")), smb2.StatusDiskFull)
	create("a full disk, overwriting", "old", smb2.Overwrite, 0, extA(eas("a=1")), smb2.StatusDiskFull)
}

// An overwrite that fails, whatever of it does, leaves the file as it was.
func TestOverwriteFails(t *testing.T) {
	var fails atomic.Int32
	fails.Store(-1)
	r := newRig(t, func(s *smb.Server) {
		s.Shares.(smb.Shares)["s"].FS = faultfs.New(s.Shares.(smb.Shares)["s"].FS, func(op faultfs.Op) error {
			if int32(op.Kind) == fails.Load() {
				fails.Store(-1) // once
				return vfs.ErrNoSpace
			}
			return nil
		})
	})
	c := r.logon(smb.Dialect311)
	id := r.open(c, "f")
	write(t, c, id, "content")
	want(t, "set EAs", setEAs(c, id, "Kept=1", "gone=2"), ok)
	setBasic(t, c, id, smb2.FileBasicInformation{FileAttributes: uint32(vfs.AttrHidden)})
	for _, kind := range []faultfs.Kind{faultfs.SetXattrs, faultfs.SetAttr, faultfs.Truncate} {
		for _, d := range []smb2.Disposition{smb2.Overwrite, smb2.OverwriteIf, smb2.Supersede} {
			req := smbtest.CreateReq("f", d)
			req.FileAttributes, req.Contexts = uint32(vfs.AttrHidden|vfs.AttrSystem), []smb2.CreateContext{extA(eas("kept=7", "new=3"))}
			fails.Store(int32(kind))
			_, st := c.Create(req)
			want(t, kind.String()+" fails", st, smb2.StatusDiskFull)
			wantEAs(t, c, id, "Kept=1", "gone=2")
			a, err := r.fs.Open(t.Context(), "f", vfs.OpenOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if st, err := a.Stat(t.Context()); err != nil || st.Size != 7 || st.Attributes != vfs.AttrHidden {
				t.Errorf("%s failed: %+v, %v", kind, st, err)
			}
			a.Close()
		}
	}
}

// What can't be read is no reason to refuse anything else.
func TestUnreadableEAs(t *testing.T) {
	r := newRig(t, func(s *smb.Server) {
		s.Shares.(smb.Shares)["s"].FS = faultfs.New(s.Shares.(smb.Shares)["s"].FS, func(op faultfs.Op) error {
			if op.Kind == faultfs.Xattrs && op.Name == "f" {
				return fs.ErrPermission
			}
			return nil
		})
	})
	put(t, r.fs, "f", "x")
	c := r.logon(smb.Dialect311)
	id := r.create(c, smbtest.CreateReq("f", smb2.OverwriteIf))
	_, st := c.QueryInfo(id, smb2.InfoFile, uint8(smb2.ClassFileAllInformation), 1000)
	want(t, "FileAllInformation", st, ok)
	_, st = c.QueryDirectory(smb2.QueryDirectoryRequest{
		FileID: r.open(c, ""), Class: smb2.ClassFileIdBothDirectoryInformation, Pattern: "f", OutputLength: 1000,
	})
	want(t, "QUERY_DIRECTORY", st, ok)
	_, reply := queryEAs(t, c, id, 0, 0, 1000)
	want(t, "query", reply.Status, smb2.StatusAccessDenied)
	req := smbtest.With(smbtest.CreateReq("f", smb2.OverwriteIf), extA(eas("a=1")))
	_, st = c.Create(req)
	want(t, "overwrite", st, smb2.StatusAccessDenied)
}

// Who doesn't know of extended attributes doesn't get at a file that needs them.
// [MS-FSA] 2.1.5.1.2
func TestNeededEAs(t *testing.T) {
	r := newRig(t, nil)
	c := r.logon(smb.Dialect311)
	id := r.open(c, "f")
	r.create(c, smbtest.CreateReq("f:s", smb2.Create))
	open := func(name string) smb2.Status {
		req := smbtest.CreateReq(name, smb2.Open)
		req.Options = smb2.OptionNoEAKnowledge
		_, st := c.Create(req)
		return st
	}
	want(t, "set", setEAs(c, id, "a=1"), ok)
	want(t, "one that isn't needed", open("f"), ok)
	needed := smb2.FileFullEaInformation{{Flags: smb2.FileNeedEa, Name: "A", Value: []byte("1")}}
	want(t, "set a needed one", c.SetInfo(id, smb2.ClassFileFullEaInformation, needed), ok)
	want(t, "one that is needed", open("f"), smb2.StatusAccessDenied)
	want(t, "a stream", open("f:s"), ok)
	b, _ := c.QueryInfo(id, smb2.InfoFile, uint8(smb2.ClassFileFullEaInformation), 100)
	if list, err := smb2.ParseFileFullEaInformation(b); err != nil || len(list) != 1 || list[0].Flags != smb2.FileNeedEa {
		t.Errorf("%+v, %v", list, err)
	}
}

// A backend without them says so.
func TestNoEAs(t *testing.T) {
	r := newRig(t, func(s *smb.Server) {
		fsys := s.Shares.(smb.Shares)["s"].FS
		s.Shares.(smb.Shares)["s"].FS = noEAs{fsys, fsys.(vfs.Creator)}
	})
	c := r.logon(smb.Dialect311)
	put(t, r.fs, "f", "")
	req := smbtest.CreateReq("f", smb2.Open)
	id := r.create(c, req)
	if a := fsInfo(t, c, id); a&smb2.FsSupportsExtendedAttributes != 0 {
		t.Errorf("volume attributes %#x", a)
	}
	want(t, "set", setEAs(c, id, "a=1"), smb2.StatusEasNotSupported)
	_, reply := queryEAs(t, c, id, 0, 0, 100)
	want(t, "query", reply.Status, smb2.StatusNoEasOnFile)
	req.Contexts = []smb2.CreateContext{extA(eas("a=1"))}
	_, st := c.Create(req)
	want(t, "CREATE", st, smb2.StatusEasNotSupported)
}

// noEAs is a backend whose files have no extended attributes.
type noEAs struct {
	vfs.FS
	vfs.Creator
}

type noEAsFile struct {
	vfs.File
	io.WriterAt
	vfs.Truncater
	vfs.AttrSetter
}

func (n noEAs) Open(ctx context.Context, name string, opt vfs.OpenOptions) (vfs.File, error) {
	f, err := n.FS.Open(ctx, name, opt)
	if err != nil {
		return nil, err
	}
	w, _ := f.(io.WriterAt)
	tr, _ := f.(vfs.Truncater)
	return noEAsFile{f, w, tr, f.(vfs.AttrSetter)}, nil
}

// open(2) with O_TRUNC keeps extended attributes; Linux sends FILE_OVERWRITE(_IF) for it.
func TestPosixTruncateKeepsEAs(t *testing.T) {
	for _, d := range []smb2.Disposition{smb2.Overwrite, smb2.OverwriteIf} {
		r := posixRig(t)
		c := r.posix("ann")
		id := r.posixOpen(c, "f")
		want(t, "set", setEAs(c, id, "origin=x"), ok)
		c.Write(id, 0, []byte("hello"))
		want(t, "CLOSE", c.CloseFile(id), ok)
		id = r.create(c, posixReq("f", d, 0o644))
		wantEAs(t, c, id, "origin=x")
	}
}
