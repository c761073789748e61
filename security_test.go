package smb_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/gosmbd/smb"
	"github.com/gosmbd/smb/internal/smbtest"
	"github.com/gosmbd/smb/ntlm"
	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs"
	"github.com/gosmbd/smb/vfs/faultfs"
	"github.com/gosmbd/smb/vfs/memfs"
	"github.com/gosmbd/smb/vfs/osfs"
)

const (
	annSID vfs.SID = "S-1-5-21-1-2-3-1001"
	bobSID vfs.SID = "S-1-5-21-1-2-3-1002"
	eveSID vfs.SID = "S-1-5-21-1-2-3-1003" // an administrator
)

// guarded is a rig whose users have SIDs, over fsys.
func guarded(t testing.TB, fsys vfs.FS) *rig {
	users := ntlm.Static{
		"ann": {Password: password, SID: annSID},
		"bob": {Password: password, SID: bobSID},
		"eve": {Password: password, SID: eveSID, Groups: []vfs.SID{vfs.SIDAdministrators}},
	}
	r := newRig(t, func(s *smb.Server) {
		s.Mechanisms = []smb.Mechanism{ntlm.New(users)}
		s.Shares = smb.Shares{"s": {FS: fsys}, "ro": {FS: fsys, ReadOnly: true}, "abe": {FS: fsys, AccessBasedEnumeration: true}}
	})
	return r
}

// secure gives an object a descriptor, past the server.
func secure(t testing.TB, fsys vfs.FS, name string, aces ...vfs.ACE) {
	t.Helper()
	f, err := fsys.Open(context.Background(), name, vfs.OpenOptions{Access: vfs.WriteDAC})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	s, found := vfs.As[vfs.Securer](f)
	if !found {
		t.Skip("the backend keeps no descriptors")
	}
	err = s.SetSecurity(context.Background(), vfs.SecurityDescriptor{
		Control: vfs.SDDACLPresent, Owner: annSID, Group: vfs.SIDUsers, DACL: &vfs.ACL{ACEs: aces},
	})
	if err != nil {
		t.Fatal(err)
	}
}

func allow(who vfs.SID, what vfs.Access) vfs.ACE {
	return vfs.ACE{Type: vfs.ACEAllowed, SID: who, Mask: what}
}

func deny(who vfs.SID, what vfs.Access) vfs.ACE {
	return vfs.ACE{Type: vfs.ACEDenied, SID: who, Mask: what}
}

// attempt opens name for exactly the rights of access and does something with it.
func attempt(c *smbtest.Client, name string, access vfs.Access, opts smb2.CreateOptions, do func(smb2.FileID) smb2.Status) smb2.Status {
	req := smbtest.CreateReq(name, smb2.Open)
	req.DesiredAccess, req.Options = uint32(access), opts
	resp, st := c.Create(req)
	if st != ok {
		return st
	}
	st = ok
	if do != nil {
		st = do(resp.FileID)
	}
	if cl := c.CloseFile(resp.FileID); st == ok {
		st = cl
	}
	return st
}

func dispose(c *smbtest.Client, name string, d smb2.Disposition, access vfs.Access, opts smb2.CreateOptions) smb2.Status {
	req := smbtest.CreateReq(name, d)
	req.DesiredAccess, req.Options = uint32(access), opts
	resp, st := c.Create(req)
	if st != ok {
		return st
	}
	return c.CloseFile(resp.FileID)
}

// operations is what a client can do with the file "d/f", with the rights that it takes
// on the file, on the directory "d" that it is in, and on the directory "e".
// [MS-FSA] 2.1.5
var operations = []struct {
	name          string
	file, dir, to vfs.Access
	lends         bool // a right on the directory stands for the one on the file
	do            func(c *smbtest.Client) smb2.Status
}{
	{name: "read", file: vfs.ReadData, do: func(c *smbtest.Client) smb2.Status {
		return attempt(c, `d\f`, vfs.ReadData, 0, func(id smb2.FileID) smb2.Status { _, st := c.Read(id, 0, 1); return st })
	}},
	{name: "write", file: vfs.WriteData, do: func(c *smbtest.Client) smb2.Status {
		return attempt(c, `d\f`, vfs.WriteData, 0, func(id smb2.FileID) smb2.Status { _, st := c.Write(id, 0, []byte("new")); return st })
	}},
	{name: "append", file: vfs.AppendData, do: func(c *smbtest.Client) smb2.Status {
		return attempt(c, `d\f`, vfs.AppendData, 0, func(id smb2.FileID) smb2.Status { _, st := c.Write(id, 7, []byte("new")); return st })
	}},
	{name: "truncate", file: vfs.WriteData, do: func(c *smbtest.Client) smb2.Status {
		return attempt(c, `d\f`, vfs.WriteData, 0, func(id smb2.FileID) smb2.Status {
			return c.SetInfo(id, smb2.ClassFileEndOfFileInformation, smb2.FileEndOfFileInformation{})
		})
	}},
	{name: "overwrite", file: vfs.WriteData | vfs.WriteEA | vfs.WriteAttributes | vfs.Synchronize, do: func(c *smbtest.Client) smb2.Status {
		return dispose(c, `d\f`, smb2.Overwrite, vfs.Synchronize, 0)
	}},
	{name: "supersede", file: vfs.Delete | vfs.WriteEA | vfs.WriteAttributes | vfs.Synchronize, do: func(c *smbtest.Client) smb2.Status {
		return dispose(c, `d\f`, smb2.Supersede, vfs.Synchronize, 0)
	}},
	{name: "attributes", file: vfs.WriteAttributes, do: func(c *smbtest.Client) smb2.Status {
		return attempt(c, `d\f`, vfs.WriteAttributes, 0, func(id smb2.FileID) smb2.Status {
			return c.SetInfo(id, smb2.ClassFileBasicInformation, smb2.FileBasicInformation{FileAttributes: uint32(vfs.AttrHidden)})
		})
	}},
	{name: "stat", file: vfs.ReadAttributes, do: func(c *smbtest.Client) smb2.Status {
		return attempt(c, `d\f`, vfs.ReadAttributes, 0, func(id smb2.FileID) smb2.Status {
			_, st := c.QueryInfo(id, smb2.InfoFile, uint8(smb2.ClassFileBasicInformation), 1000)
			return st
		})
	}},
	{name: "stat through the directory", dir: vfs.ListDirectory, lends: true, do: func(c *smbtest.Client) smb2.Status {
		return attempt(c, `d\f`, vfs.ReadAttributes, 0, nil)
	}},
	{name: "execute", file: vfs.Execute, do: func(c *smbtest.Client) smb2.Status {
		return attempt(c, `d\f`, vfs.Execute, 0, func(id smb2.FileID) smb2.Status { _, st := c.Read(id, 0, 1); return st })
	}},
	{name: "delete", file: vfs.Delete, do: func(c *smbtest.Client) smb2.Status {
		return attempt(c, `d\f`, vfs.Delete, 0, func(id smb2.FileID) smb2.Status { return c.Delete(id, true) })
	}},
	{name: "delete through the directory", dir: vfs.DeleteChild, lends: true, do: func(c *smbtest.Client) smb2.Status {
		return attempt(c, `d\f`, vfs.Delete, 0, func(id smb2.FileID) smb2.Status { return c.Delete(id, true) })
	}},
	{name: "delete on close", file: vfs.Delete, do: func(c *smbtest.Client) smb2.Status {
		return attempt(c, `d\f`, vfs.Delete, smb2.OptionDeleteOnClose, nil)
	}},
	{name: "delete on close with MAXIMUM_ALLOWED", file: vfs.Delete, do: func(c *smbtest.Client) smb2.Status {
		return dispose(c, `d\f`, smb2.Open, vfs.MaximumAllowed, smb2.OptionDeleteOnClose)
	}},
	{name: "make a stream and delete it on close with MAXIMUM_ALLOWED", file: vfs.Delete | vfs.WriteData, do: func(c *smbtest.Client) smb2.Status {
		return dispose(c, `d\f:new`, smb2.OpenIf, vfs.MaximumAllowed, smb2.OptionDeleteOnClose)
	}},
	{name: "rename", file: vfs.Delete, to: vfs.AddFile, do: func(c *smbtest.Client) smb2.Status {
		return attempt(c, `d\f`, vfs.Delete, 0, func(id smb2.FileID) smb2.Status { return c.Rename(id, `e\g`, false) })
	}},
	{name: "link", file: vfs.ReadAttributes, to: vfs.AddFile, do: func(c *smbtest.Client) smb2.Status {
		return attempt(c, `d\f`, vfs.ReadAttributes, 0, func(id smb2.FileID) smb2.Status {
			return c.SetInfo(id, smb2.ClassFileLinkInformation, smb2.FileLinkInformation{FileName: `e\g`})
		})
	}},
	{name: "create", dir: vfs.AddFile, do: func(c *smbtest.Client) smb2.Status {
		return dispose(c, `d\new`, smb2.Create, vfs.ReadAttributes, 0)
	}},
	{name: "mkdir", dir: vfs.AddSubdirectory, do: func(c *smbtest.Client) smb2.Status {
		return dispose(c, `d\new`, smb2.Create, vfs.ReadAttributes, smb2.OptionDirectoryFile)
	}},
	{name: "create a stream", file: vfs.WriteData | vfs.Synchronize, do: func(c *smbtest.Client) smb2.Status {
		return dispose(c, `d\f:new`, smb2.Create, vfs.Synchronize, 0)
	}},
	{name: "list", dir: vfs.ListDirectory, do: func(c *smbtest.Client) smb2.Status {
		return attempt(c, `d`, vfs.ListDirectory, 0, func(id smb2.FileID) smb2.Status {
			_, st := c.QueryDirectory(smb2.QueryDirectoryRequest{FileID: id, Class: smb2.ClassFileNamesInformation, Pattern: "*", OutputLength: 1000})
			return st
		})
	}},
	{name: "read the descriptor", file: vfs.ReadControl, do: func(c *smbtest.Client) smb2.Status {
		return attempt(c, `d\f`, vfs.ReadControl, 0, func(id smb2.FileID) smb2.Status {
			_, st := querySecurity(c, id, vfs.DACLSecurity)
			return st
		})
	}},
	{name: "set the DACL", file: vfs.WriteDAC, do: func(c *smbtest.Client) smb2.Status {
		return attempt(c, `d\f`, vfs.WriteDAC, 0, func(id smb2.FileID) smb2.Status {
			return setSecurity(c, id, vfs.DACLSecurity, vfs.SecurityDescriptor{Control: vfs.SDDACLPresent, DACL: &vfs.ACL{}})
		})
	}},
	{name: "take ownership", file: vfs.WriteOwner, do: func(c *smbtest.Client) smb2.Status {
		return attempt(c, `d\f`, vfs.WriteOwner, 0, func(id smb2.FileID) smb2.Status {
			return setSecurity(c, id, vfs.OwnerSecurity, vfs.SecurityDescriptor{Owner: bobSID})
		})
	}},
}

func querySecurity(c *smbtest.Client, id smb2.FileID, info vfs.SecurityInformation) (vfs.SecurityDescriptor, smb2.Status) {
	r := c.Do(smb2.CommandQueryInfo, smb2.QueryInfoRequest{FileID: id, InfoType: smb2.InfoSecurity, Additional: uint32(info), OutputLength: 1 << 16})
	if r.Status != ok {
		return vfs.SecurityDescriptor{}, r.Status
	}
	resp, err := smb2.ParseQueryInfoResponse(r.Msg)
	if err != nil {
		return vfs.SecurityDescriptor{}, smb2.StatusUnsuccessful
	}
	sd, err := vfs.ParseSecurityDescriptor(resp.Data)
	if err != nil {
		return sd, smb2.StatusInvalidSecurityDescr
	}
	return sd, ok
}

func setSecurity(c *smbtest.Client, id smb2.FileID, info vfs.SecurityInformation, sd vfs.SecurityDescriptor) smb2.Status {
	return c.Do(smb2.CommandSetInfo, smb2.SetInfoRequest{FileID: id, InfoType: smb2.InfoSecurity, Additional: uint32(info), Data: sd.Append(nil)}).Status
}

// Each operation works with exactly the rights that it takes, and without any one of
// them it is refused and nothing is changed.
func TestOperationRights(t *testing.T) {
	backends := map[string]func(t *testing.T) vfs.FS{
		"memfs": func(t *testing.T) vfs.FS { return &memfs.FS{} },
		"osfs": func(t *testing.T) vfs.FS {
			fsys, err := osfs.New(t.TempDir(), nil)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { fsys.Close() })
			return fsys
		},
	}
	for name, open := range backends {
		t.Run(name, func(t *testing.T) {
			for _, op := range operations {
				t.Run(op.name, func(t *testing.T) {
					testRights(t, open(t), op.file, op.dir, op.to, op.lends, op.do)
				})
			}
		})
	}
}

func testRights(t *testing.T, fsys vfs.FS, file, dir, to vfs.Access, lends bool, do func(*smbtest.Client) smb2.Status) {
	mkdir(t, fsys, "d")
	mkdir(t, fsys, "e")
	put(t, fsys, "d/f", "content")
	r := guarded(t, fsys)
	c := r.as("bob", password)
	// The right that a directory lends isn't to stand in for one that is missing.
	fileBase, dirBase := vfs.AccessFull, vfs.AccessFull&^(vfs.DeleteChild|vfs.ListDirectory)|dir
	if lends {
		fileBase &^= vfs.Delete | vfs.ReadAttributes
	}
	set := func(f, d, e vfs.Access) {
		t.Helper()
		secure(t, fsys, "d/f", allow(bobSID, f))
		secure(t, fsys, "d", allow(bobSID, d))
		secure(t, fsys, "e", allow(bobSID, e))
	}
	refused := func(what string, one vfs.Access) {
		t.Helper()
		before := dump(t, fsys)
		want(t, fmt.Sprintf("without %#x on the %s", one, what), do(c), smb2.StatusAccessDenied)
		unchanged(t, fmt.Sprintf("without %#x on the %s", one, what), fsys, before)
	}
	for one := vfs.Access(1); one <= vfs.AccessFull; one <<= 1 {
		if file&one != 0 {
			set(fileBase&^one, dirBase, vfs.AccessFull)
			refused("file", one)
			secure(t, fsys, "d/f", deny(bobSID, one), allow(bobSID, fileBase))
			refused("file, by a denial,", one)
		}
		if dir&one != 0 {
			set(fileBase, dirBase&^one, vfs.AccessFull)
			refused("directory", one)
		}
		if to&one != 0 {
			set(fileBase, dirBase, vfs.AccessFull&^one)
			refused("directory it goes to", one)
		}
	}
	set(file, dir, to)
	want(t, "with just the rights that it takes", do(c), ok)
}

// On a share that is only read, all that would change something is refused, whatever the
// descriptors allow.
func TestReadOnlyShareRights(t *testing.T) {
	for _, op := range operations {
		fsys := &memfs.FS{}
		mkdir(t, fsys, "d")
		mkdir(t, fsys, "e")
		put(t, fsys, "d/f", "content")
		secure(t, fsys, "d/f", allow(bobSID, vfs.AccessFull))
		r := guarded(t, fsys)
		c := r.dialect(smb.Dialect311, smbtest.NegotiateOptions{})
		r.setup(c, "bob", password)
		r.tree(c, "ro")
		before := dump(t, fsys)
		st := op.do(c)
		if reads := (op.file|op.dir|op.to)&^vfs.AccessReadOnly == 0; reads != (st == ok) {
			t.Errorf("%s: %v", op.name, st)
		}
		unchanged(t, op.name, fsys, before)
	}
}

// replacing by rename takes the right to delete what was there.
func TestReplaceRights(t *testing.T) {
	for _, x := range []struct {
		target, dir vfs.Access
		st          smb2.Status
	}{
		{vfs.Delete, vfs.AddFile, ok},
		{0, vfs.AddFile | vfs.DeleteChild, ok},
		{vfs.AccessFull &^ vfs.Delete, vfs.AccessFull &^ vfs.DeleteChild, smb2.StatusAccessDenied},
		{vfs.Delete, vfs.AccessFull &^ vfs.AddFile, smb2.StatusAccessDenied},
	} {
		fsys := &memfs.FS{}
		mkdir(t, fsys, "d")
		put(t, fsys, "f", "new")
		put(t, fsys, "d/old", "old")
		secure(t, fsys, "d/old", allow(bobSID, x.target))
		secure(t, fsys, "d", allow(bobSID, x.dir))
		c := guarded(t, fsys).as("bob", password)
		before := dump(t, fsys)
		st := attempt(c, "f", vfs.Delete, 0, func(id smb2.FileID) smb2.Status { return c.Rename(id, `d\old`, true) })
		want(t, fmt.Sprintf("rename with %#x, %#x", x.target, x.dir), st, x.st)
		if after := dump(t, fsys); (after != before) != (x.st == ok) {
			t.Errorf("with %#x, %#x:\n%s\nbecame\n%s", x.target, x.dir, before, after)
		}
	}
}

// secd is the create context that gives a new object a descriptor.
func secd(sd vfs.SecurityDescriptor) smb2.CreateContext {
	return smb2.CreateContext{Name: smb2.ContextSecD, Data: sd.Append(nil)}
}

func TestNewDescriptor(t *testing.T) {
	fsys := &memfs.FS{}
	mkdir(t, fsys, "d")
	secure(t, fsys, "d",
		vfs.ACE{Type: vfs.ACEAllowed, Flags: vfs.ACEObjectInherit, SID: vfs.SIDCreatorOwner, Mask: vfs.ReadData | vfs.ReadControl},
		allow(vfs.SIDEveryone, vfs.AccessFull))
	c := guarded(t, fsys).as("bob", password)
	made := func(name string, contexts ...smb2.CreateContext) (vfs.SecurityDescriptor, smb2.Status) {
		t.Helper()
		req := smbtest.CreateReq(name, smb2.Create)
		req.Contexts = contexts
		resp, st := c.Create(req)
		if st != ok {
			return vfs.SecurityDescriptor{}, st
		}
		defer c.CloseFile(resp.FileID)
		return querySecurity(c, resp.FileID, vfs.OwnerSecurity|vfs.GroupSecurity|vfs.DACLSecurity)
	}
	sd, st := made(`d\inherits`)
	want(t, "CREATE", st, ok)
	if got := sd.String(); sd.Owner != bobSID || len(sd.DACL.ACEs) != 1 || sd.DACL.ACEs[0].SID != bobSID || sd.DACL.ACEs[0].Flags != 0 {
		t.Errorf("inherited %s", got)
	}
	want(t, "what was inherited", attempt(c, `d\inherits`, vfs.WriteData, 0, nil), smb2.StatusAccessDenied)

	given := vfs.SecurityDescriptor{Control: vfs.SDDACLPresent, Owner: bobSID, Group: vfs.SIDUsers, DACL: &vfs.ACL{ACEs: []vfs.ACE{allow(annSID, vfs.ReadData)}}}
	sd, st = made(`d\given`, secd(given))
	want(t, "CREATE with a descriptor", st, ok)
	if sd.String() != given.String() {
		t.Errorf("given %s, got %s", given, sd)
	}
	// Below a directory that has none, too.
	sd, st = made(`given`, secd(given))
	want(t, "CREATE with a descriptor in the root", st, ok)
	if sd.String() != given.String() {
		t.Errorf("given %s, got %s", given, sd)
	}
	if sd, st = made(`plain`); st != ok || sd.Owner != bobSID || len(sd.DACL.ACEs) != 1 || sd.DACL.ACEs[0].Mask != vfs.AccessFull {
		t.Errorf("where none is kept: %s, %v", sd, st)
	}

	// Neither may somebody else own it, nor are those audited who open it, unless a
	// privilege says so; and nothing is made.
	before := dump(t, fsys)
	given.Owner = annSID
	_, st = made(`d\owner`, secd(given))
	want(t, "CREATE for somebody else", st, smb2.StatusInvalidOwner)
	given.Owner, given.SACL = bobSID, &vfs.ACL{ACEs: []vfs.ACE{{Type: vfs.ACEAudit, SID: vfs.SIDEveryone, Mask: vfs.ReadData}}}
	_, st = made(`d\audit`, secd(given))
	want(t, "CREATE with a SACL", st, smb2.StatusPrivilegeNotHeld)
	_, st = made(`d\bad`, smb2.CreateContext{Name: smb2.ContextSecD, Data: []byte("no descriptor")})
	want(t, "CREATE with a bad descriptor", st, smb2.StatusInvalidParameter)
	unchanged(t, "the share", fsys, before)
}

func TestPrivileges(t *testing.T) {
	fsys := &memfs.FS{}
	put(t, fsys, "f", "content")
	secure(t, fsys, "f") // nobody may do anything
	secure(t, fsys, ".")
	r := guarded(t, fsys)
	bob, eve := r.as("bob", password), r.as("eve", password)
	for _, x := range []struct {
		access   vfs.Access
		opts     smb2.CreateOptions
		bob, eve smb2.Status
	}{
		{vfs.ReadData, 0, smb2.StatusAccessDenied, smb2.StatusAccessDenied},
		{vfs.ReadData | vfs.ReadControl, smb2.OptionOpenForBackupIntent, smb2.StatusAccessDenied, ok},
		{vfs.WriteData | vfs.WriteDAC, smb2.OptionOpenForBackupIntent, smb2.StatusAccessDenied, ok},
		{vfs.WriteOwner, 0, smb2.StatusAccessDenied, ok},
		{vfs.AccessSystemSecurity, 0, smb2.StatusPrivilegeNotHeld, ok},
	} {
		want(t, fmt.Sprintf("bob %#x", x.access), attempt(bob, "f", x.access, x.opts, nil), x.bob)
		want(t, fmt.Sprintf("eve %#x", x.access), attempt(eve, "f", x.access, x.opts, nil), x.eve)
	}
	// Who takes ownership can let himself in.
	st := attempt(eve, "f", vfs.WriteOwner, 0, func(id smb2.FileID) smb2.Status {
		return setSecurity(eve, id, vfs.OwnerSecurity, vfs.SecurityDescriptor{Owner: eveSID})
	})
	want(t, "taking ownership", st, ok)
	st = attempt(eve, "f", vfs.WriteDAC, 0, func(id smb2.FileID) smb2.Status {
		return setSecurity(eve, id, vfs.DACLSecurity, vfs.SecurityDescriptor{Control: vfs.SDDACLPresent, DACL: &vfs.ACL{ACEs: []vfs.ACE{allow(eveSID, vfs.ReadData)}}})
	})
	want(t, "setting the DACL", st, ok)
	want(t, "reading", attempt(eve, "f", vfs.ReadData, 0, nil), ok)
}

// Who owns a file may give it only to himself.
func TestSetOwner(t *testing.T) {
	fsys := &memfs.FS{}
	put(t, fsys, "f", "content")
	secure(t, fsys, "f", allow(bobSID, vfs.AccessFull))
	c := guarded(t, fsys).as("bob", password)
	set := func(owner vfs.SID) smb2.Status {
		return attempt(c, "f", vfs.WriteOwner, 0, func(id smb2.FileID) smb2.Status {
			return setSecurity(c, id, vfs.OwnerSecurity, vfs.SecurityDescriptor{Owner: owner})
		})
	}
	want(t, "to an administrator", set(eveSID), smb2.StatusInvalidOwner)
	want(t, "to nobody", set(""), smb2.StatusInvalidOwner)
	want(t, "to ann, who has it", set(annSID), ok)
	want(t, "to bob", set(bobSID), ok)
	want(t, "back to ann", set(annSID), smb2.StatusInvalidOwner)
}

func TestAccessBasedEnumeration(t *testing.T) {
	fsys := &memfs.FS{}
	put(t, fsys, "mine", "")
	put(t, fsys, "hidden", "")
	secure(t, fsys, "hidden", allow(annSID, vfs.AccessFull))
	r := guarded(t, fsys)
	for _, x := range []struct {
		user, share string
		n           int
	}{{"ann", "abe", 2}, {"bob", "abe", 1}, {"bob", "s", 2}} {
		c := r.dialect(smb.Dialect311, smbtest.NegotiateOptions{})
		r.setup(c, x.user, password)
		r.tree(c, x.share)
		for _, pattern := range []string{"*n*", "hidden"} {
			id := r.create(c, smb2.CreateRequest{DesiredAccess: uint32(vfs.AccessRead), Disposition: smb2.Open, Options: smb2.OptionDirectoryFile, ShareAccess: 7})
			list, st := c.QueryDirectory(smb2.QueryDirectoryRequest{FileID: id, Class: smb2.ClassFileNamesInformation, Pattern: pattern, OutputLength: 1000})
			n := x.n
			if pattern == "hidden" {
				n--
			}
			if len(list) != n || (st == ok) != (n > 0) {
				t.Errorf("%s sees %d names like %q on %s, %v; want %d", x.user, len(list), pattern, x.share, st, n)
			}
			c.CloseFile(id)
		}
	}
}

// The share's own descriptor bounds what may be done in it.
func TestShareSecurity(t *testing.T) {
	fsys := &memfs.FS{}
	put(t, fsys, "f", "content")
	r := guarded(t, fsys)
	r.srv.Shares = smb.Shares{"s": {FS: fsys, Security: &vfs.SecurityDescriptor{
		Control: vfs.SDDACLPresent, DACL: &vfs.ACL{ACEs: []vfs.ACE{allow(bobSID, vfs.AccessReadOnly), allow(eveSID, vfs.AccessFull)}},
	}}}
	bob, eve := r.as("bob", password), r.as("eve", password)
	want(t, "bob reads", attempt(bob, "f", vfs.ReadData, 0, nil), ok)
	want(t, "bob writes", attempt(bob, "f", vfs.WriteData, 0, nil), smb2.StatusAccessDenied)
	want(t, "eve writes", attempt(eve, "f", vfs.WriteData, 0, nil), ok)
	c := r.dialect(smb.Dialect311, smbtest.NegotiateOptions{})
	r.setup(c, "ann", password)
	_, st := c.TreeConnect("s")
	want(t, "ann connects", st, smb2.StatusAccessDenied)
}

// A stream is opened and made on the file whose descriptor was looked at, though another program puts another in its place.
func TestStreamOfAnother(t *testing.T) {
	for _, x := range []struct {
		stream      string
		disposition smb2.Disposition
	}{{"s", smb2.Open}, {"s", smb2.OverwriteIf}, {"new", smb2.Create}} {
		t.Run(fmt.Sprintf("%s %d", x.stream, x.disposition), func(t *testing.T) {
			disk := &memfs.FS{}
			put(t, disk, "f", "")
			put(t, disk, "secret", "")
			putStream(t, disk, "f", "s", "public")
			putStream(t, disk, "secret", "s", "secret")
			secure(t, disk, "f", allow(bobSID, vfs.AccessFull))
			secure(t, disk, "secret", allow(annSID, vfs.AccessFull))
			var opened atomic.Int32
			var watching atomic.Bool
			c := guarded(t, faultfs.New(disk, func(op faultfs.Op) error {
				if watching.Load() && op.Kind == faultfs.Open && op.Name == "f" && opened.Add(1) == 2 { // after it was judged
					return disk.Rename(context.Background(), "secret", "f", true)
				}
				return nil
			})).as("bob", password)
			watching.Store(true)
			want(t, "CREATE", dispose(c, "f:"+x.stream, x.disposition, vfs.ReadData, 0), smb2.StatusAccessDenied)
			if opened.Load() < 2 {
				t.Error("the file wasn't replaced")
			}
			if got := keptStreams(t, disk, "f"); len(got) != 1 || got[0] != "s" {
				t.Errorf("streams %q", got)
			}
		})
	}
}

// A handle of a stream neither tells nor changes the descriptor of the file that has the name now, if that is another.
func TestSecurityOfStreamWithoutItsName(t *testing.T) {
	disk := &memfs.FS{}
	r := guarded(t, disk)
	bob := r.as("bob", password)
	req := smbtest.CreateReq("f:s", smb2.OpenIf)
	req.DesiredAccess = uint32(vfs.AccessFull)
	id := r.create(bob, req)
	noErr(t, disk.Rename(context.Background(), "f", "g", false)) // by another program
	put(t, disk, "f", "secret")
	secure(t, disk, "f", allow(annSID, vfs.AccessFull))
	before := dump(t, disk)

	_, st := querySecurity(bob, id, vfs.DACLSecurity|vfs.OwnerSecurity)
	want(t, "query of a descriptor", st, smb2.StatusFileDeleted)
	full := vfs.SecurityDescriptor{Control: vfs.SDDACLPresent, DACL: &vfs.ACL{ACEs: []vfs.ACE{allow(bobSID, vfs.AccessFull)}}}
	want(t, "set security", setSecurity(bob, id, vfs.DACLSecurity, full), smb2.StatusFileDeleted)
	unchanged(t, "SET_INFO", disk, before)
	_, st = bob.Create(smbtest.CreateReq("f", smb2.Open))
	want(t, "bob opens it", st, smb2.StatusAccessDenied)

	noErr(t, disk.Remove(context.Background(), "f"))
	noErr(t, disk.Rename(context.Background(), "g", "f", false))
	want(t, "set security of the file itself", setSecurity(bob, id, vfs.DACLSecurity, full), ok)
}

// Who is granted nothing gets no handle by asking for all there is.
func TestMaximumOfNothing(t *testing.T) {
	fsys := &memfs.FS{}
	r := guarded(t, fsys)
	mkdir(t, fsys, "d")
	put(t, fsys, "d/secret", "0123456789")
	secure(t, fsys, "d", allow(annSID, vfs.AccessFull), allow(bobSID, vfs.Traverse))
	secure(t, fsys, "d/secret", allow(annSID, vfs.AccessFull))
	req := smbtest.CreateReq(`d\secret`, smb2.Open)
	req.DesiredAccess = uint32(vfs.MaximumAllowed)
	_, st := r.as("bob", password).Create(req)
	want(t, "CREATE", st, smb2.StatusAccessDenied)
	_, st = r.as("ann", password).Create(req)
	want(t, "CREATE by who may", st, ok)
}
