package smb_test

import (
	"bytes"
	"context"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"github.com/gosmbd/smb"
	"github.com/gosmbd/smb/internal/smbtest"
	"github.com/gosmbd/smb/ntlm"
	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs"
	"github.com/gosmbd/smb/vfs/memfs"
)

var posixContext = smb2.NegotiateContext{Type: smb2.ContextPosix, Data: smb2.PosixExtensions{Versions: []string{smb2.PosixGUID}}.Append(nil)}

// posixRig serves the POSIX extensions on a file system that tells case apart.
func posixRig(t testing.TB) *rig {
	fsys := &memfs.FS{CaseSensitive: true}
	r := newRig(t, func(s *smb.Server) {
		s.POSIX = true
		s.Shares = smb.Shares{"s": {FS: fsys}, "ro": {FS: fsys, ReadOnly: true}}
		s.Mechanisms = []smb.Mechanism{ntlm.New(ntlm.Static{
			"ann": {Password: password, SID: vfs.UnixUserSID(1000), Groups: []vfs.SID{vfs.UnixGroupSID(50)}},
			"eve": {Password: password, SID: eveSID, Groups: []vfs.SID{vfs.SIDAdministrators}},
		})}
	})
	r.fs = fsys
	return r
}

// posix returns a client that has agreed on the extensions.
func (r *rig) posix(user string) *smbtest.Client {
	r.t.Helper()
	c := r.dialect(smb.Dialect311, smbtest.NegotiateOptions{Contexts: []smb2.NegotiateContext{posixContext}})
	r.setup(c, user, password)
	r.tree(c, "s")
	return c
}

// posixReq is a CREATE with the context.
func posixReq(name string, d smb2.Disposition, mode smb2.PosixMode) smb2.CreateRequest {
	req := smbtest.CreateReq(name, d)
	req.Contexts = []smb2.CreateContext{{Name: smb2.ContextPosixCreate, Data: smb2.PosixCreateRequest{Mode: mode}.Append(nil)}}
	return req
}

func (r *rig) posixOpen(c *smbtest.Client, name string) smb2.FileID {
	r.t.Helper()
	return r.create(c, posixReq(name, smb2.OpenIf, 0o644))
}

func posixCreated(t testing.TB, resp smb2.CreateResponse) smb2.PosixCreateResponse {
	t.Helper()
	data, found := smb2.FindContext(resp.Contexts, smb2.ContextPosixCreate)
	if !found {
		t.Fatal("no POSIX context in the answer")
	}
	x, err := smb2.ParsePosixCreateResponse(data)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func posixInfo(t testing.TB, c *smbtest.Client, id smb2.FileID) smb2.FilePosixInformation {
	t.Helper()
	return fileInfo(t, c, id, smb2.ClassFilePosixInformation, smb2.ParseFilePosixInformation)
}

// posixList lists a directory that is open, sorted.
func posixList(t testing.TB, c *smbtest.Client, id smb2.FileID, class smb2.FileInfoClass) (names []string, all map[string]smb2.DirectoryEntry) {
	t.Helper()
	list, st := c.QueryDirectory(smb2.QueryDirectoryRequest{FileID: id, Class: class, Pattern: "*", OutputLength: 1 << 16, Flags: smb2.RestartScans})
	want(t, "QUERY_DIRECTORY", st, ok)
	all = make(map[string]smb2.DirectoryEntry)
	for _, e := range list {
		if all[e.Name] = e; e.Name != "." && e.Name != ".." {
			names = append(names, e.Name)
		}
	}
	slices.Sort(names)
	return names, all
}

func TestPosixNegotiate(t *testing.T) {
	offer := func(data []byte) smbtest.NegotiateOptions {
		return smbtest.NegotiateOptions{Contexts: []smb2.NegotiateContext{{Type: smb2.ContextPosix, Data: data}}}
	}
	other := bytes.Repeat([]byte{1}, 16)
	for _, tt := range []struct {
		what   string
		on     bool
		d      smb.Dialect
		data   []byte
		status smb2.Status
		agreed bool
	}{
		{"offered", true, smb.Dialect311, []byte(smb2.PosixGUID), ok, true},
		{"among others", true, smb.Dialect311, append(bytes.Clone(other), smb2.PosixGUID...), ok, true},
		{"another version", true, smb.Dialect311, other, ok, false},
		{"no version", true, smb.Dialect311, nil, ok, false},
		{"switched off", false, smb.Dialect311, []byte(smb2.PosixGUID), ok, false},
		{"half a version", true, smb.Dialect311, other[:15], smb2.StatusInvalidParameter, false},
		{"half a version, switched off", false, smb.Dialect311, other[:15], smb2.StatusInvalidParameter, false},
		{"3.0.2", true, smb.Dialect302, []byte(smb2.PosixGUID), ok, false},
	} {
		t.Run(tt.what, func(t *testing.T) {
			r := newRig(t, func(s *smb.Server) { s.POSIX = tt.on })
			c := r.dial()
			resp, st := c.Negotiate([]smb.Dialect{tt.d}, offer(tt.data))
			want(t, "NEGOTIATE", st, tt.status)
			i := slices.IndexFunc(resp.Contexts, func(x smb2.NegotiateContext) bool { return x.Type == smb2.ContextPosix })
			if (i >= 0) != tt.agreed || i >= 0 && string(resp.Contexts[i].Data) != smb2.PosixGUID {
				t.Errorf("contexts %+v", resp.Contexts)
			}
			if st != ok {
				return
			}
			r.setup(c, "ann", password)
			r.tree(c, "s")
			// A context that wasn't agreed on is ignored, so that the name is Windows'.
			created, st := c.Create(posixReq("a:b", smb2.Create, 0o600))
			if _, found := smb2.FindContext(created.Contexts, smb2.ContextPosixCreate); st != ok || found != tt.agreed {
				t.Errorf("CREATE: %v, POSIX %v", st, found)
			}
			if f, err := r.fs.Open(context.Background(), "a:b", vfs.OpenOptions{}); (err == nil) != tt.agreed {
				t.Errorf("a file a:b: %v", err)
			} else if err == nil {
				f.Close()
			}
		})
	}
	r := posixRig(t)
	c := r.posix("ann")
	for _, n := range []int{0, 3, 5} {
		req := posixReq("x", smb2.Create, 0)
		req.Contexts[0].Data = make([]byte, n)
		_, st := c.Create(req)
		want(t, "context of a wrong length", st, smb2.StatusInvalidParameter)
	}
}

// Names are exact, and have all characters.
func TestPosixNames(t *testing.T) {
	r := posixRig(t)
	c, w := r.posix("ann"), r.as("ann", password)
	mkdir(t, r.fs, "d")
	strange := []string{"a", "A", "a:b", "a*", "a?", `a"`, "a<", "a>", "a|", `a\b`, "a ", "a.", " ", "...", ".a", "\x01", "::$DATA", "CON"}
	for _, name := range strange {
		resp, st := c.Create(posixReq("d/"+name, smb2.Create, 0o644))
		want(t, "CREATE "+name, st, ok)
		write(t, c, resp.FileID, name)
		c.CloseFile(resp.FileID)
	}
	for _, name := range strange {
		id := r.create(c, posixReq("d/"+name, smb2.Open, 0))
		wantRead(t, c, id, name)
		c.CloseFile(id)
	}
	slices.Sort(strange)
	dir := r.create(c, posixReq("d", smb2.Open, 0))
	if got, _ := posixList(t, c, dir, smb2.ClassFilePosixInformation); !slices.Equal(got, strange) {
		t.Errorf("listed %q", got)
	}
	for pattern, match := range map[string]string{"A": "A", "a:b": "a:b", "*:b": "a:b", "A*": "A"} {
		list, st := c.QueryDirectory(smb2.QueryDirectoryRequest{FileID: dir, Class: smb2.ClassFilePosixInformation, Pattern: pattern, OutputLength: 1 << 16, Flags: smb2.Reopen})
		if st != ok || len(list) != 1 || list[0].Name != match {
			t.Errorf("pattern %q: %v, %+v", pattern, st, list)
		}
	}
	// Others see what they could open.
	if got, _ := posixList(t, w, r.open(w, "d"), smb2.ClassFileNamesInformation); !slices.Equal(got, []string{" ", "...", ".a", "A", "CON", "a", "a ", "a."}) {
		t.Errorf("listed for another client: %q", got)
	}
	for _, tt := range []struct {
		name string
		want smb2.Status
	}{
		{"d", ok}, {"D", notFound}, {"D/a", smb2.StatusObjectPathNotFound}, {"d/a/x", smb2.StatusObjectPathNotFound},
		{"d//a", ok}, {"d/./a", ok}, {"d/../d/a", ok}, {"d/", ok}, {"d/a/", smb2.StatusNotADirectory},
		{"/d", smb2.StatusInvalidParameter}, {"..", smb2.StatusObjectPathSyntaxBad}, {"d/../..", smb2.StatusObjectPathSyntaxBad},
		{"d\\a", notFound}, {"d/a\x00", smb2.StatusObjectNameInvalid}, {"d/" + string(bytes.Repeat([]byte("x"), 256)), smb2.StatusObjectNameInvalid},
		{"", ok}, {".", ok},
	} {
		resp, st := c.Create(posixReq(tt.name, smb2.Open, 0))
		want(t, "open "+tt.name, st, tt.want)
		c.CloseFile(resp.FileID)
	}
	// A Windows client finds one of two spellings, and the other when that is gone.
	for range 2 {
		resp, st := w.Create(smbtest.CreateReq(`D\A`, smb2.Open))
		want(t, "open by another client", st, ok)
		w.Delete(resp.FileID, true)
		w.CloseFile(resp.FileID)
	}
	_, st := w.Create(smbtest.CreateReq(`D\A`, smb2.Open))
	want(t, "open when both are gone", st, notFound)
}

func TestPosixInformation(t *testing.T) {
	r := posixRig(t)
	c := r.posix("ann")
	resp, st := c.Create(posixReq("f", smb2.Create, 0o100640))
	want(t, "CREATE", st, ok)
	user, group := vfs.UnixUserSID(0).Append(nil), vfs.UnixGroupSID(0).Append(nil)
	exp := smb2.PosixCreateResponse{NumberOfLinks: 1, Mode: 0o640, Owner: user, Group: group}
	same := func(what string, got, exp smb2.PosixCreateResponse) {
		t.Helper()
		if got.NumberOfLinks != exp.NumberOfLinks || got.Mode != exp.Mode || got.ReparseTag != exp.ReparseTag ||
			!bytes.Equal(got.Owner, exp.Owner) || !bytes.Equal(got.Group, exp.Group) {
			t.Errorf("%s: %+v, want %+v", what, got, exp)
		}
	}
	same("CREATE", posixCreated(t, resp), exp)
	write(t, c, resp.FileID, "12345")
	x := posixInfo(t, c, resp.FileID)
	same("query", x.PosixCreateResponse, exp)
	if x.EndOfFile != 5 || x.Inode == 0 || x.LastWriteTime == 0 || x.FileAttributes != uint32(vfs.AttrArchive) {
		t.Errorf("%+v", x)
	}
	dreq := posixReq("d", smb2.Create, 0o1711)
	dreq.Options = smb2.OptionDirectoryFile
	dresp, st := c.Create(dreq)
	want(t, "mkdir", st, ok)
	dexp := exp
	dexp.Mode = 0o1711
	same("mkdir", posixCreated(t, dresp), dexp)
	root := r.create(c, posixReq("", smb2.Open, 0))
	_, all := posixList(t, c, root, smb2.ClassFilePosixInformation)
	same("listing", all["f"].Posix, exp)
	same("listing of a directory", all["d"].Posix, dexp)
	if e := all["f"]; e.FileID != x.Inode || e.EndOfFile != 5 || e.DeviceID != x.DeviceID || all["d"].FileAttributes&uint32(vfs.AttrDirectory) == 0 {
		t.Errorf("%+v", all)
	}
	b, st := c.QueryInfo(root, smb2.InfoFileSystem, uint8(smb2.ClassFsPosixInformation), 56)
	want(t, "FileFsPosixInformation", st, ok)
	if v, err := smb2.ParseFsPosixInformation(b); err != nil || v.BlockSize == 0 || v.TotalBlocks == 0 || v.TotalFileNodes != smb2.PosixUnknown {
		t.Errorf("%+v, %v", v, err)
	}
	_, st = c.QueryInfo(resp.FileID, smb2.InfoFile, uint8(smb2.ClassFilePosixInformation), 80)
	want(t, "FilePosixInformation in a small buffer", st, smb2.StatusInfoLengthMismatch)
	// Who didn't open with the context is told nothing.
	id := r.open(c, "f")
	_, st = c.QueryInfo(id, smb2.InfoFile, uint8(smb2.ClassFilePosixInformation), 1000)
	want(t, "FilePosixInformation", st, smb2.StatusInvalidInfoClass)
	_, st = c.QueryInfo(id, smb2.InfoFileSystem, uint8(smb2.ClassFsPosixInformation), 1000)
	want(t, "FileFsPosixInformation", st, smb2.StatusInvalidInfoClass)
	_, st = c.QueryDirectory(smb2.QueryDirectoryRequest{FileID: r.open(c, ""), Class: smb2.ClassFilePosixInformation, Pattern: "*", OutputLength: 4096})
	want(t, "listing", st, smb2.StatusInvalidInfoClass)
}

// own sets owner, group or mode as cifs.ko does.
func own(c *smbtest.Client, id smb2.FileID, info vfs.SecurityInformation, sd vfs.SecurityDescriptor) smb2.Status {
	return c.DoElem(c.Req(smb2.CommandSetInfo, smb2.SetInfoRequest{
		FileID: id, InfoType: smb2.InfoSecurity, Additional: uint32(info), Data: sd.Append(nil),
	})).Status
}

func modeACL(entries ...vfs.SID) vfs.SecurityDescriptor {
	sd := vfs.SecurityDescriptor{Control: vfs.SDDACLPresent, DACL: &vfs.ACL{}}
	for _, s := range entries {
		sd.DACL.ACEs = append(sd.DACL.ACEs, vfs.ACE{Type: vfs.ACEAllowed, SID: s})
	}
	return sd
}

func TestPosixOwnership(t *testing.T) {
	r := posixRig(t)
	put(t, r.fs, "f", "data")
	const dacl, owner, group = vfs.DACLSecurity, vfs.OwnerSecurity, vfs.GroupSecurity
	type state struct {
		mode     fs.FileMode
		uid, gid uint32
		stored   bool
	}
	now := func() state {
		f, err := r.fs.Open(context.Background(), "f", vfs.OpenOptions{})
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		a, _ := f.Stat(context.Background())
		_, serr := f.(vfs.Securer).Security(context.Background())
		return state{a.Mode, a.UID, a.GID, serr == nil}
	}
	for _, tt := range []struct {
		what   string
		user   string
		access vfs.Access
		info   vfs.SecurityInformation
		sd     vfs.SecurityDescriptor
		want   smb2.Status
		after  state
	}{
		{"chmod", "ann", vfs.WriteDAC, dacl, modeACL("S-1-5-88-3-420"), ok, state{mode: 0o644}},
		{"chmod with all bits", "ann", vfs.WriteDAC, dacl, modeACL("S-1-5-88-3-3519"), ok, state{mode: 0o677 | fs.ModeSetuid | fs.ModeSetgid}},
		{"chmod back", "ann", vfs.WriteDAC, dacl, modeACL("S-1-5-88-3-33188"), ok, state{mode: 0o644}},
		{"chmod without the right", "ann", vfs.WriteOwner, dacl, modeACL("S-1-5-88-3-0"), smb2.StatusAccessDenied, state{mode: 0o644}},
		{"chown to oneself", "ann", vfs.WriteOwner, owner, vfs.SecurityDescriptor{Owner: vfs.UnixUserSID(1000)}, ok, state{mode: 0o644, uid: 1000}},
		{"chown to another", "ann", vfs.WriteOwner, owner, vfs.SecurityDescriptor{Owner: "S-1-5-88-1-0"}, smb2.StatusPrivilegeNotHeld, state{mode: 0o644, uid: 1000}},
		{"chown without the right", "eve", vfs.WriteDAC, owner, vfs.SecurityDescriptor{Owner: "S-1-5-88-1-0"}, smb2.StatusAccessDenied, state{mode: 0o644, uid: 1000}},
		{"chgrp to one's own", "ann", vfs.WriteOwner, group, vfs.SecurityDescriptor{Group: "S-1-5-88-2-50"}, ok, state{mode: 0o644, uid: 1000, gid: 50}},
		{"chgrp to another", "ann", vfs.WriteOwner, group, vfs.SecurityDescriptor{Group: "S-1-5-88-2-51"}, smb2.StatusPrivilegeNotHeld, state{mode: 0o644, uid: 1000, gid: 50}},
		{"chown by an administrator", "eve", vfs.WriteOwner, owner | group, vfs.SecurityDescriptor{Owner: "S-1-5-88-1-7", Group: vfs.UnixGroupSID(8)}, ok, state{mode: 0o644, uid: 7, gid: 8}},
		{"both, and one is refused", "ann", vfs.WriteOwner, owner | group, vfs.SecurityDescriptor{Owner: "S-1-5-88-1-1000", Group: vfs.UnixGroupSID(9)}, smb2.StatusPrivilegeNotHeld, state{mode: 0o644, uid: 7, gid: 8}},
		{"with an ACL", "eve", vfs.WriteOwner | vfs.WriteDAC, owner | dacl, vfs.SecurityDescriptor{Owner: "S-1-5-88-1-9", DACL: modeACL(vfs.SIDEveryone).DACL}, ok, state{mode: 0o644, uid: 9, gid: 8}},
		{"chmod with other entries", "ann", vfs.WriteDAC, dacl, modeACL(vfs.SIDEveryone, "S-1-5-88-3-384"), ok, state{mode: 0o600, uid: 9, gid: 8}},
		{"a real ACL", "ann", vfs.WriteDAC, dacl, vfs.SecurityDescriptor{DACL: &vfs.ACL{ACEs: []vfs.ACE{allow(vfs.SIDEveryone, vfs.AccessFull)}}}, ok, state{mode: 0o600, uid: 9, gid: 8, stored: true}},
		{"chmod where one is stored", "ann", vfs.WriteDAC, dacl, modeACL("S-1-5-88-3-420"), ok, state{mode: 0o644, uid: 9, gid: 8, stored: true}},
	} {
		c := r.posix(tt.user)
		req := posixReq("f", smb2.Open, 0)
		req.DesiredAccess = uint32(tt.access)
		id := r.create(c, req)
		want(t, tt.what, own(c, id, tt.info, tt.sd), tt.want)
		if got := now(); got != tt.after {
			t.Errorf("%s: %+v, want %+v", tt.what, got, tt.after)
		}
		c.CloseFile(id)
	}
}

// What can be removed and replaced while it is open. [POSIX-FSA]
func TestPosixUnlink(t *testing.T) {
	r := posixRig(t)
	c := r.posix("ann")
	put(t, r.fs, "f", "data")
	held := r.create(c, posixReq("f", smb2.Open, 0))
	req := posixReq("f", smb2.Open, 0)
	req.DesiredAccess, req.Options = uint32(vfs.Delete), smb2.OptionDeleteOnClose
	c.CloseFile(r.create(c, req))
	_, st := c.Create(posixReq("f", smb2.Open, 0))
	want(t, "open of what is removed", st, notFound)
	wantRead(t, c, held, "data")
	if x := posixInfo(t, c, held); x.NumberOfLinks != 0 {
		t.Errorf("%d links", x.NumberOfLinks)
	}
	again := r.posixOpen(c, "f")
	write(t, c, again, "new")
	want(t, "delete", c.Delete(again, true), ok)
	c.CloseFile(held)
	c.CloseFile(again)
	if left := dump(t, r.fs); left != "" {
		t.Errorf("left: %s", left)
	}
	// A read-only file goes, too, for whom the share lets clear that.
	f, err := r.fs.Create(context.Background(), "ro", vfs.CreateOptions{Attributes: vfs.AttrReadOnly})
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
	req.Name = "ro"
	c.CloseFile(r.create(c, req))
	if left := dump(t, r.fs); left != "" {
		t.Errorf("left: %s", left)
	}
}

// Of two that remove a file at once, the second doesn't remove the one that has the name since.
func TestPosixUnlinkTwice(t *testing.T) {
	r := posixRig(t)
	c := r.posix("ann")
	put(t, r.fs, "f", "old")
	req := posixReq("f", smb2.Open, 0)
	req.DesiredAccess, req.Options = uint32(vfs.Delete), smb2.OptionDeleteOnClose
	x, y := r.create(c, req), r.create(c, req)
	want(t, "CLOSE of the first", c.CloseFile(x), ok)
	again := r.create(c, posixReq("f", smb2.Create, 0o644))
	want(t, "CLOSE of the second", c.CloseFile(y), ok)
	want(t, "CLOSE of the new file", c.CloseFile(again), ok)
	if left := dump(t, r.fs); left == "" {
		t.Error("the new file is gone")
	}
}

func TestPosixRename(t *testing.T) {
	r := posixRig(t)
	c, w := r.posix("ann"), r.as("ann", password)
	for _, d := range []string{"d", "d/sub", "empty", "full"} {
		mkdir(t, r.fs, d)
	}
	for _, f := range []string{"a", "A", "d/f", "d/sub/g", "full/x"} {
		put(t, r.fs, f, f)
	}
	rename := func(id smb2.FileID, to string) smb2.Status { return c.Rename(id, to, true) }

	// Over a file that is open, and to a name with other case, which is another file's.
	held, a := r.create(c, posixReq("A", smb2.Open, 0)), r.create(c, posixReq("a", smb2.Open, 0))
	want(t, "rename over an open file", rename(a, "A"), ok)
	wantRead(t, c, held, "A")
	c.CloseFile(held)
	wantRead(t, c, r.create(c, posixReq("A", smb2.Open, 0)), "a")
	_, st := c.Create(posixReq("a", smb2.Open, 0))
	want(t, "open by the old name", st, notFound)
	want(t, "rename to a strange name", rename(a, ":x\\y"), ok)
	want(t, "rename into a directory", rename(a, "d/z"), ok)
	want(t, "rename into what is none", rename(a, "D/z"), smb2.StatusObjectPathNotFound)

	// A directory takes along what POSIX clients have open below it.
	f, g, d := r.create(c, posixReq("d/f", smb2.Open, 0)), r.create(c, posixReq("d/sub/g", smb2.Open, 0)), r.create(c, posixReq("d", smb2.Open, 0))
	want(t, "rename of a directory", rename(d, "e"), ok)
	wantRead(t, c, f, "d/f")
	want(t, "rename of what is below", rename(f, "e/F"), ok)
	want(t, "delete what is below", c.Delete(g, true), ok)
	c.CloseFile(g)
	if _, st = c.Create(posixReq("e/sub/g", smb2.Open, 0)); st != notFound {
		t.Errorf("what was deleted below: %v", st)
	}
	c.CloseFile(a)
	wantRead(t, c, r.create(c, posixReq("e/F", smb2.Open, 0)), "d/f")
	want(t, "rename below itself", rename(d, "e/sub/d"), smb2.StatusInvalidParameter)
	win := r.open(w, `e\z`)
	want(t, "rename above what a Windows client has open", rename(d, "d"), smb2.StatusAccessDenied)
	w.CloseFile(win)

	// Onto directories.
	want(t, "onto an empty directory", rename(d, "empty"), ok)
	want(t, "onto a full directory", rename(d, "full"), smb2.StatusDirectoryNotEmpty)
	want(t, "directory onto a file", rename(d, "full/x"), smb2.StatusNotADirectory)
	want(t, "file onto a directory", rename(f, "full"), smb2.StatusFileIsADirectory)
}

// Nothing of all that goes past what a share allows.
func TestPosixReadOnlyShare(t *testing.T) {
	r := posixRig(t)
	put(t, r.fs, "f", "data")
	c := r.posix("eve")
	r.tree(c, "ro")
	before := dump(t, r.fs)
	for _, d := range dispositions {
		for _, access := range []vfs.Access{vfs.WriteDAC, vfs.WriteOwner, vfs.Delete, vfs.WriteData, vfs.AppendData, vfs.AccessFull} {
			for _, name := range []string{"f", "new:name"} {
				req := posixReq(name, d, 0o777)
				req.DesiredAccess = uint32(access)
				if _, st := c.Create(req); st == ok {
					t.Errorf("%q: disposition %d, access %#x", name, d, access)
				}
			}
		}
	}
	id := r.create(c, func() smb2.CreateRequest {
		req := posixReq("f", smb2.Open, 0)
		req.DesiredAccess = uint32(vfs.AccessReadOnly)
		return req
	}())
	want(t, "chmod", own(c, id, vfs.DACLSecurity, modeACL("S-1-5-88-3-0")), smb2.StatusAccessDenied)
	want(t, "rename", c.Rename(id, "g", true), smb2.StatusAccessDenied)
	want(t, "delete", c.Delete(id, true), smb2.StatusAccessDenied)
	unchanged(t, "the share", r.fs, before)
}

// Who may only append says so. [POSIX-SMB2] 3.3.5.13
func TestPosixAppend(t *testing.T) {
	r := posixRig(t)
	put(t, r.fs, "f", "data")
	c := r.posix("ann")
	req := posixReq("f", smb2.Open, 0)
	req.DesiredAccess = uint32(vfs.AppendData | vfs.ReadData)
	id := r.create(c, req)
	for _, off := range []uint64{0, 4, 1<<64 - 2} {
		_, st := c.Write(id, off, []byte("x"))
		want(t, "write somewhere", st, smb2.StatusInvalidParameter)
	}
	_, st := c.Write(id, 1<<64-1, []byte("+"))
	want(t, "append", st, ok)
	wantRead(t, c, id, "data+")
}

// A link that a POSIX client makes is one to others, and the other way.
func TestPosixSymlink(t *testing.T) {
	r := posixRig(t)
	c, w := r.posix("ann"), r.as("ann", password)
	mkdir(t, r.fs, "d")
	put(t, r.fs, "d/f", "data")
	target := func(c *smbtest.Client, id smb2.FileID) string {
		b, st := c.Ioctl(id, smb2.FsctlGetReparsePoint, nil, 1<<14)
		want(t, "GET_REPARSE_POINT", st, ok)
		l, err := smb2.ParseSymbolicLinkReparse(b)
		if err != nil {
			t.Fatal(err)
		}
		return l.SubstituteName
	}
	id := r.posixOpen(c, "l")
	_, st := c.Ioctl(id, smb2.FsctlSetReparsePoint, smb2.SymbolicLinkReparse{SubstituteName: "d/f", PrintName: "d/f", Flags: smb2.SymlinkFlagRelative}.Append(nil), 0)
	want(t, "SET_REPARSE_POINT", st, ok)
	if got := target(c, id); got != "d/f" {
		t.Errorf("leads to %q", got)
	}
	if x := posixInfo(t, c, id); x.Mode != smb2.PosixTypeSymlink|0o777 || x.ReparseTag != smb2.ReparseTagSymlink {
		t.Errorf("%+v", x)
	}
	c.CloseFile(id)
	wreq := smbtest.CreateReq("l", smb2.Open)
	wreq.Options = smb2.OptionOpenReparsePoint
	if got := target(w, r.create(w, wreq)); got != `d\f` {
		t.Errorf("leads to %q", got)
	}
	rep := c.Do(smb2.CommandCreate, posixReq("l", smb2.Open, 0))
	want(t, "open", rep.Status, smb2.StatusStoppedOnSymlink)

	// Special files are NFS reparse points.
	fifo := r.posixOpen(c, "fifo")
	_, st = c.Ioctl(fifo, smb2.FsctlSetReparsePoint, smb2.ReparseDataBuffer{Tag: smb2.ReparseTagNFS, Data: []byte("FIFO\x00\x00\x00\x00")}.Append(nil), 0)
	want(t, "SET_REPARSE_POINT", st, ok)
	_, all := posixList(t, c, r.create(c, posixReq("", smb2.Open, 0)), smb2.ClassFilePosixInformation)
	if m := all["fifo"].Posix.Mode; m&smb2.PosixType != smb2.PosixTypeFIFO {
		t.Errorf("the pipe is %o", m)
	}
	if m := all["l"].Posix.Mode; m&smb2.PosixType != smb2.PosixTypeSymlink {
		t.Errorf("the link is %o", m)
	}
}

// Names of POSIX opens are no deeper than others: backends are asked for each level.
func TestPosixDepth(t *testing.T) {
	r := posixRig(t)
	c := r.posix("ann")
	for name, st := range map[string]smb2.Status{
		strings.Repeat("x/", 511) + "x": smb2.StatusObjectPathNotFound,
		strings.Repeat("x/", 512) + "x": smb2.StatusObjectNameInvalid,
		strings.Repeat("./", 600) + "x": smb2.StatusObjectNameNotFound,
	} {
		_, got := c.Create(posixReq(name, smb2.Open, 0))
		want(t, "CREATE", got, st)
	}
}
