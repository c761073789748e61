package smb_test

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gosmbd/smb"
	"github.com/gosmbd/smb/internal/smbtest"
	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs"
	"github.com/gosmbd/smb/vfs/faultfs"
	"github.com/gosmbd/smb/vfs/memfs"
	"github.com/gosmbd/smb/vfs/osfs"
)

// disposeEx sets FileDispositionInformationEx.
func disposeEx(c *smbtest.Client, id smb2.FileID, flags uint32) smb2.Status {
	return c.SetInfo(id, smb2.ClassFileDispositionInformationEx, smb2.FileDispositionInformationEx{Flags: flags})
}

func standard(t testing.TB, c *smbtest.Client, id smb2.FileID) smb2.FileStandardInformation {
	t.Helper()
	return fileInfo(t, c, id, smb2.ClassFileStandardInformation, smb2.ParseFileStandardInformation)
}

// The name goes when the handle is closed that deleted it, and others keep the file.
// [MS-FSCC] 2.4.12
func TestPosixDelete(t *testing.T) {
	const posix = smb2.DispositionDelete | smb2.DispositionPosixSemantics
	r := newRig(t, nil)
	c := r.logon(smb.Dialect311)
	mkdir(t, r.fs, "d")
	put(t, r.fs, "d/f", "data")
	other, id := r.open(c, `d\f`), r.open(c, `d\f`)
	want(t, "delete", disposeEx(c, id, posix), ok)
	_, st := c.Create(smbtest.CreateReq(`d\f`, smb2.Open))
	want(t, "open while it is open", st, smb2.StatusDeletePending)
	c.CloseFile(id)

	_, st = c.Create(smbtest.CreateReq(`d\f`, smb2.Open))
	want(t, "open afterwards", st, notFound)
	wantRead(t, c, other, "data")
	if x := standard(t, c, other); !x.DeletePending || x.NumberOfLinks != 0 {
		t.Errorf("of what is gone: %+v", x)
	}
	want(t, "delete again", disposeEx(c, other, posix), ok)
	want(t, "undelete", c.Delete(other, false), smb2.StatusFileDeleted)
	want(t, "rename", c.Rename(other, `d\g`, false), smb2.StatusDeletePending)

	// Another file gets the name, and has nothing to do with it.
	again := r.open(c, `d\f`)
	write(t, c, again, "new")
	wantRead(t, c, other, "data")
	c.CloseFile(other)
	wantRead(t, c, again, "new")
	c.CloseFile(again)

	// What is gone doesn't keep its directory from being renamed or deleted.
	other, id = r.open(c, `d\f`), r.open(c, `d\f`)
	want(t, "delete", disposeEx(c, id, posix), ok)
	c.CloseFile(id)
	dir := r.open(c, "d")
	want(t, "rename of the directory", c.Rename(dir, "e", false), ok)
	dir2 := r.open(c, "e")
	want(t, "delete of the directory", disposeEx(c, dir, posix), ok)
	c.CloseFile(dir)
	_, st = c.QueryDirectory(smb2.QueryDirectoryRequest{FileID: dir2, Class: smb2.ClassFileNamesInformation, OutputLength: 4096, Pattern: "*"})
	want(t, "listing of a directory that is gone", st, smb2.StatusDeletePending)
	c.CloseFile(dir2)
	c.CloseFile(other)
	if left := dump(t, r.fs); left != "" {
		t.Errorf("left:\n%s", left)
	}
}

// Undone, or asked for by a stream's handle, it takes nothing away.
func TestPosixDeleteNot(t *testing.T) {
	const posix = smb2.DispositionDelete | smb2.DispositionPosixSemantics
	r := newRig(t, nil)
	put(t, r.fs, "f", "data")
	c := r.logon(smb.Dialect311)
	a, b := r.open(c, "f"), r.open(c, "f")
	want(t, "delete", disposeEx(c, a, posix), ok)
	want(t, "undelete", disposeEx(c, b, 0), ok)
	want(t, "delete", c.Delete(b, true), ok)
	c.CloseFile(a)
	_, st := c.Create(smbtest.CreateReq("f", smb2.Open))
	want(t, "open", st, smb2.StatusDeletePending)
	want(t, "undelete", c.Delete(b, false), ok)
	s, s2 := r.open(c, "f:s"), r.open(c, "f:s")
	want(t, "delete of a stream", disposeEx(c, s, posix), ok)
	c.CloseFile(s)
	c.CloseFile(s2)
	c.CloseFile(b)
	wantStreams(t, c, r.open(c, "f"), "::$DATA 4")
}

// [MS-FSA] 2.1.5.15.4
func TestDispositionFlags(t *testing.T) {
	const (
		del     = smb2.DispositionDelete
		ignore  = smb2.DispositionIgnoreReadOnlyAttribute
		onClose = smb2.DispositionOnClose
	)
	r := newRig(t, nil)
	c := r.logon(smb.Dialect311)
	for _, x := range []struct {
		attrs  vfs.Attributes
		access uint32
		opts   smb2.CreateOptions
		flags  uint32
		want   smb2.Status
		gone   bool
	}{
		{0, 0x10080, 0, del, ok, true},
		{0, 0x10080, 0, del | smb2.DispositionForceImageSectionCheck, ok, true},
		{0, 0x10080, 0, del | 0x20, smb2.StatusNotSupported, false},
		{0, 0x80, 0, del, smb2.StatusAccessDenied, false},
		{vfs.AttrReadOnly, 0x10180, 0, del, smb2.StatusCannotDelete, false},
		{vfs.AttrReadOnly, 0x10180, 0, del | ignore, ok, true},
		{vfs.AttrReadOnly, 0x10080, 0, del | ignore, smb2.StatusCannotDelete, false},
		{0, 0x10080, 0, onClose, smb2.StatusNotSupported, false},
		{0, 0x10080, 0, onClose | del, smb2.StatusNotSupported, false},
		{0, 0x10080, smb2.OptionDeleteOnClose, onClose, ok, false},
		{0, 0x10080, smb2.OptionDeleteOnClose, onClose | del | smb2.DispositionPosixSemantics, ok, true},
	} {
		f, err := r.fs.Create(context.Background(), "f", vfs.CreateOptions{Attributes: x.attrs})
		if err != nil {
			t.Fatal(err)
		}
		f.Close()
		req := smbtest.CreateReq("f", smb2.Open)
		req.DesiredAccess, req.Options = x.access, x.opts
		id := r.create(c, req)
		want(t, "FileDispositionInformationEx", disposeEx(c, id, x.flags), x.want)
		c.CloseFile(id)
		if gone := dump(t, r.fs) == ""; gone != x.gone {
			t.Errorf("%+v: gone is %v", x, gone)
		}
		if !x.gone {
			r.fs.Remove(context.Background(), "f")
		}
	}
}

// A rename over a file that is open. [MS-FSCC] 2.4.43, [MS-FSA] 2.1.5.15.12
func TestRenameOver(t *testing.T) {
	const (
		replace = smb2.RenameReplaceIfExists
		posix   = replace | smb2.RenamePosixSemantics
	)
	for _, x := range []struct {
		what  string
		flags uint32
		share smb2.ShareAccess
		open  bool
		attrs vfs.Attributes
		want  smb2.Status
	}{
		{"closed, no replace", 0, 0, false, 0, smb2.StatusObjectNameCollision},
		{"closed, POSIX without replace", smb2.RenamePosixSemantics, 0, false, 0, smb2.StatusObjectNameCollision},
		{"closed", replace, 0, false, 0, ok},
		{"open", replace, 7, true, 0, smb2.StatusAccessDenied},
		{"open, POSIX", posix, 7, true, 0, ok},
		{"open, not shared, POSIX", posix, 3, true, 0, smb2.StatusAccessDenied},
		{"read-only", posix, 7, false, vfs.AttrReadOnly, smb2.StatusAccessDenied},
		{"read-only ignored", posix | smb2.RenameIgnoreReadOnlyAttribute, 7, true, vfs.AttrReadOnly, ok},
	} {
		t.Run(x.what, func(t *testing.T) {
			r := newRig(t, nil)
			put(t, r.fs, "a", "from")
			put(t, r.fs, "B", "to")
			c := r.logon(smb.Dialect311)
			f, err := r.fs.Open(context.Background(), "B", vfs.OpenOptions{})
			if err != nil {
				t.Fatal(err)
			}
			f.(vfs.AttrSetter).SetAttr(context.Background(), vfs.AttrChange{Attributes: x.attrs | vfs.AttrArchive})
			f.Close()
			var target smb2.FileID
			if x.open {
				req := smbtest.CreateReq("b", smb2.Open)
				req.DesiredAccess, req.ShareAccess = uint32(vfs.ReadData|vfs.ReadAttributes), x.share
				target = r.create(c, req)
			}
			id := r.open(c, "a")
			st := c.SetInfo(id, smb2.ClassFileRenameInformationEx, smb2.FileRenameInformationEx{Flags: x.flags, FileName: "b"})
			want(t, "FileRenameInformationEx", st, x.want)
			if x.open {
				wantRead(t, c, target, "to")
			}
			if x.want == ok {
				now := r.open(c, "b")
				wantRead(t, c, now, "from")
				if x.open {
					if s := standard(t, c, target); !s.DeletePending || s.NumberOfLinks != 0 {
						t.Errorf("of what was replaced: %+v", s)
					}
					c.CloseFile(target)
				}
				wantRead(t, c, now, "from")
			}
			if names := dump(t, r.fs); strings.Contains(names, "to") == (x.want == ok) {
				t.Errorf("there is\n%s", names)
			}
		})
	}
}

// Hard links: what is refused, and a rename to a further name of the same file, which
// only takes the old name away. [MS-FSA] 2.1.5.15.7, 2.1.5.15.12
func TestHardLinks(t *testing.T) {
	r := newRig(t, nil)
	mkdir(t, r.fs, "d")
	put(t, r.fs, "f", "data")
	put(t, r.fs, "g", "other")
	c := r.logon(smb.Dialect311)
	link := func(id smb2.FileID, to string, replace bool) smb2.Status {
		return c.SetInfo(id, smb2.ClassFileLinkInformation, smb2.FileLinkInformation{ReplaceIfExists: replace, FileName: to})
	}
	f, g, d, s := r.open(c, "f"), r.open(c, "g"), r.open(c, "d"), r.open(c, "f:s")
	want(t, "of a stream", link(s, "x", false), smb2.StatusInvalidParameter)
	c.CloseFile(s)
	want(t, "of a directory", link(d, "x", false), smb2.StatusFileIsADirectory)
	c.CloseFile(d)
	want(t, "link", link(f, `d\l`, false), ok)
	if x := standard(t, c, f); x.NumberOfLinks != 2 {
		t.Errorf("%d links", x.NumberOfLinks)
	}
	want(t, "link over an open file", link(f, "g", true), smb2.StatusAccessDenied)
	c.CloseFile(g)
	want(t, "link that exists", link(f, "g", false), smb2.StatusObjectNameCollision)
	want(t, "link that replaces", link(f, "g", true), ok)
	want(t, "rename to a further name", c.Rename(f, `D\L`, false), ok)
	want(t, "rename to another", c.Rename(f, "G", true), ok)
	if names := dump(t, r.fs); strings.Count(names, "data") != 1 || !strings.Contains(strings.ToLower(names), `g "data"`) {
		t.Errorf("there is\n%s", names)
	}
	want(t, "delete", c.Delete(f, true), ok)
	want(t, "link of what is to be deleted", link(f, "x", false), smb2.StatusAccessDenied)
	for _, class := range []smb2.FileInfoClass{smb2.ClassFileHardLinkInformation, smb2.ClassFileStandardLinkInformation} {
		_, st := c.QueryInfo(f, smb2.InfoFile, uint8(class), 4096)
		want(t, class.String(), st, smb2.StatusNotSupported)
	}
}

// A directory has one name, though the machine's file system counts the directories in it too.
// [MS-FSA] 2.1.5.12.27
func TestLinksOfDirectory(t *testing.T) {
	dir, err := osfs.New(t.TempDir(), nil)
	if err != nil {
		t.Fatal(err)
	}
	r := newRig(t, func(s *smb.Server) { s.Shares = smb.Shares{"s": {FS: dir}} })
	c := r.logon(smb.Dialect311)
	mkdir(t, dir, "d")
	mkdir(t, dir, "d/sub")
	id := r.open(c, "d")
	if x := standard(t, c, id); x.NumberOfLinks != 1 || x.DeletePending {
		t.Errorf("%+v", x)
	}
	id = r.open(c, `d\sub`)
	want(t, "delete", c.Delete(id, true), ok)
	if x := standard(t, c, id); x.NumberOfLinks != 0 || !x.DeletePending {
		t.Errorf("%+v", x)
	}
}

// A further name of the file that is to be deleted can't be renamed over: the one that is renamed would go, too.
func TestRenameOverDoomedLink(t *testing.T) {
	r := newRig(t, nil)
	put(t, r.fs, "a", "data")
	if err := r.fs.Link(context.Background(), "a", "b", false); err != nil {
		t.Fatal(err)
	}
	c := r.logon(smb.Dialect311)
	a, b := r.open(c, "a"), r.open(c, "b")
	want(t, "delete", c.Delete(b, true), ok)
	want(t, "rename", c.Rename(a, "b", true), smb2.StatusDeletePending)
	want(t, "CLOSE", c.CloseFile(b), ok)
	want(t, "rename when it is gone", c.Rename(a, "b", true), ok)
	want(t, "CLOSE", c.CloseFile(a), ok)
	if got := dump(t, r.fs); !strings.Contains(got, `b "data"`) {
		t.Errorf("there is\n%s", got)
	}
}

// Who may delete, but not create, can't give a file another name.
func TestRenameWithoutRight(t *testing.T) {
	r := newRig(t, nil)
	put(t, r.fs, "f", "data")
	r.srv.Shares.(smb.Shares)["s"].Allow = func(context.Context, *vfs.Caller) (vfs.Access, error) {
		return vfs.AccessFull &^ (vfs.AddFile | vfs.AddSubdirectory), nil
	}
	c := r.logon(smb.Dialect311)
	req := smbtest.CreateReq("f", smb2.Open)
	req.DesiredAccess = uint32(vfs.Delete | vfs.ReadAttributes)
	id := r.create(c, req)
	want(t, "rename", c.Rename(id, "g", false), smb2.StatusAccessDenied)
	want(t, "link", c.SetInfo(id, smb2.ClassFileLinkInformation, smb2.FileLinkInformation{FileName: "g"}), smb2.StatusAccessDenied)
	want(t, "delete", c.Delete(id, true), ok)
}

// Who has a directory open may forbid that names are added to it. [MS-FSA] 2.1.5.15.7,
// 2.1.5.15.12
func TestRenameIntoOpenDirectory(t *testing.T) {
	for _, x := range []struct {
		access vfs.Access
		share  smb2.ShareAccess
		link   smb2.Status
		rename smb2.Status
	}{
		{vfs.ReadAttributes, 0, ok, ok},
		{vfs.ReadAttributes | vfs.ListDirectory, smb2.ShareRead | smb2.ShareWrite, ok, ok},
		{vfs.ReadAttributes | vfs.ListDirectory, smb2.ShareRead | smb2.ShareDelete, smb2.StatusSharingViolation, smb2.StatusSharingViolation},
		{vfs.ReadAttributes | vfs.Delete, smb2.ShareRead | smb2.ShareWrite | smb2.ShareDelete, ok, smb2.StatusSharingViolation},
	} {
		r := newRig(t, nil)
		mkdir(t, r.fs, "d")
		put(t, r.fs, "f", "data")
		c := r.logon(smb.Dialect311)
		req := smbtest.CreateReq("d", smb2.Open)
		req.DesiredAccess, req.ShareAccess = uint32(x.access), x.share
		r.create(c, req)
		id := r.open(c, "f")
		link := smb2.FileLinkInformation{FileName: `d\l`}
		want(t, "link", c.SetInfo(id, smb2.ClassFileLinkInformation, link), x.link)
		want(t, "rename", c.Rename(id, `d\g`, false), x.rename)
	}
}

// A name goes with its last handle, though the file is open by another name, and whoever
// opens it by that is not refused. [MS-FSA] 2.1.5.5
func TestDeleteOfALink(t *testing.T) {
	missing, pending := smb2.StatusObjectNameNotFound, smb2.StatusDeletePending
	begin := func(t *testing.T) (r *rig, c *smbtest.Client, open func(name string) smb2.FileID, status func(name string, st smb2.Status)) {
		r = newRig(t, nil)
		put(t, r.fs, "a", "data")
		for _, name := range []string{"b", "c"} {
			if err := r.fs.Link(context.Background(), "a", name, false); err != nil {
				t.Fatal(err)
			}
		}
		c = r.logon(smb.Dialect311)
		open = func(name string) smb2.FileID { return r.create(c, smbtest.CreateReq(name, smb2.Open)) }
		status = func(name string, want smb2.Status) {
			t.Helper()
			resp, st := c.Create(smbtest.CreateReq(name, smb2.Open))
			if st == ok {
				c.CloseFile(resp.FileID)
			}
			if st != want {
				t.Errorf("CREATE %q: %v, want %v", name, st, want)
			}
		}
		return r, c, open, status
	}
	t.Run("one", func(t *testing.T) {
		r, c, open, status := begin(t)
		a, b, b2 := open("a"), open("b"), open("B")
		want(t, "delete", c.Delete(b, true), ok)
		status("a", ok)
		status("b", pending)
		if s := standard(t, c, a); s.DeletePending || s.NumberOfLinks != 2 {
			t.Errorf("by another name: %+v", s)
		}
		if s := standard(t, c, b2); !s.DeletePending || s.NumberOfLinks != 2 {
			t.Errorf("by this name: %+v", s)
		}
		c.CloseFile(b)
		status("b", pending)
		c.CloseFile(b2)
		status("b", missing)
		status("a", ok)
		wantRead(t, c, a, "data")
		if s := standard(t, c, a); s.DeletePending || s.NumberOfLinks != 2 {
			t.Errorf("after it: %+v", s)
		}
		want(t, "rename", c.Rename(a, "z", false), ok)
		c.CloseFile(a)
		if names := dump(t, r.fs); strings.Count(names, "data") != 2 {
			t.Errorf("there is\n%s", names)
		}
	})
	t.Run("two", func(t *testing.T) {
		_, c, open, status := begin(t)
		a, b := open("a"), open("b")
		want(t, "delete", c.Delete(a, true), ok)
		want(t, "delete", c.Delete(b, true), ok)
		status("c", ok)
		status("a", pending)
		c.CloseFile(a)
		status("a", missing)
		status("b", pending)
		want(t, "no delete", c.Delete(b, false), ok)
		c.CloseFile(b)
		status("b", ok)
		status("c", ok)
	})
	t.Run("two at the end", func(t *testing.T) {
		r, c, open, status := begin(t)
		a := open("a")
		req := smbtest.CreateReq("b", smb2.Open)
		req.Options |= smb2.OptionDeleteOnClose
		b := r.create(c, req)
		want(t, "delete", c.Delete(a, true), ok)
		c.CloseFile(b)
		status("b", missing)
		status("c", ok)
		c.CloseFile(a)
		status("a", missing)
		status("c", ok)
	})
	t.Run("another is renamed", func(t *testing.T) {
		_, c, open, status := begin(t)
		a, b, x := open("a"), open("b"), open("c")
		want(t, "delete", c.Delete(a, true), ok)
		want(t, "rename of what is to be deleted", c.Rename(a, "z", false), pending)
		want(t, "rename", c.Rename(x, "x", false), ok)
		want(t, "delete", c.Delete(b, true), ok)
		for _, id := range []smb2.FileID{a, b, x} {
			c.CloseFile(id)
		}
		status("a", missing)
		status("b", missing)
		status("x", ok)
	})
	t.Run("with a stream open", func(t *testing.T) {
		_, c, open, status := begin(t)
		s := c.CloseFile(func() smb2.FileID { resp, _ := c.Create(smbtest.CreateReq("a:s", smb2.OpenIf)); return resp.FileID }())
		want(t, "CLOSE of the stream", s, ok)
		held := open("c:s")
		a := open("a")
		want(t, "delete", c.Delete(a, true), ok)
		c.CloseFile(a)
		c.CloseFile(held)
		status("a", missing)
		status("c", ok)
	})
}

// deleting asks for name to be opened until it is deleted.
func deleting(name string) smb2.CreateRequest {
	req := smbtest.CreateReq(name, smb2.Open)
	req.DesiredAccess, req.Options = uint32(vfs.Delete|vfs.ReadAttributes), smb2.OptionDeleteOnClose
	return req
}

// Who closes a file with DELETE_ON_CLOSE whose name is gone deletes nothing that has the name since.
func TestDeleteOnCloseUnlinked(t *testing.T) {
	const posix = smb2.DispositionDelete | smb2.DispositionPosixSemantics
	for _, x := range []struct {
		what string
		take func(t *testing.T, r *rig, c *smbtest.Client) // gives the name to another file
	}{
		{"deleted", func(t *testing.T, r *rig, c *smbtest.Client) {
			id := r.open(c, "f")
			want(t, "delete", disposeEx(c, id, posix), ok)
			want(t, "CLOSE", c.CloseFile(id), ok)
			put(t, r.fs, "f", "new")
		}},
		{"deleted while a third has it open", func(t *testing.T, r *rig, c *smbtest.Client) {
			r.open(c, "f")
			id := r.open(c, "f")
			want(t, "delete", disposeEx(c, id, posix), ok)
			want(t, "CLOSE", c.CloseFile(id), ok)
			id = r.create(c, smbtest.CreateReq("f", smb2.Create))
			write(t, c, id, "new")
			want(t, "CLOSE", c.CloseFile(id), ok)
		}},
		{"replaced", func(t *testing.T, r *rig, c *smbtest.Client) {
			put(t, r.fs, "tmp", "new")
			id := r.open(c, "tmp")
			const flags = smb2.RenameReplaceIfExists | smb2.RenamePosixSemantics
			st := c.SetInfo(id, smb2.ClassFileRenameInformationEx, smb2.FileRenameInformationEx{Flags: flags, FileName: "f"})
			want(t, "rename", st, ok)
			want(t, "CLOSE", c.CloseFile(id), ok)
		}},
		{"replaced, and that is open", func(t *testing.T, r *rig, c *smbtest.Client) {
			put(t, r.fs, "tmp", "new")
			id := r.open(c, "tmp")
			const flags = smb2.RenameReplaceIfExists | smb2.RenamePosixSemantics
			st := c.SetInfo(id, smb2.ClassFileRenameInformationEx, smb2.FileRenameInformationEx{Flags: flags, FileName: "f"})
			want(t, "rename", st, ok)
		}},
	} {
		t.Run(x.what, func(t *testing.T) {
			r := newRig(t, nil)
			put(t, r.fs, "f", "old")
			a, b := r.logon(smb.Dialect311), r.logon(smb.Dialect311)
			id := r.create(a, deleting("f"))
			x.take(t, r, b)
			want(t, "CLOSE of what was f", a.CloseFile(id), ok)
			if got := dump(t, r.fs); !strings.Contains(got, `f "new"`) {
				t.Errorf("there is\n%s", got)
			}
		})
	}
}

// What another program gave the name of a file that is to be deleted stays, by whatever way that is removed.
func TestDeleteReplacedByOthers(t *testing.T) {
	const posix = smb2.DispositionDelete | smb2.DispositionPosixSemantics
	for _, x := range []struct {
		what string
		open func(t *testing.T, r *rig, c *smbtest.Client) smb2.FileID // its CLOSE deletes the names f and g, or a stream of f
	}{
		{"delete", func(t *testing.T, r *rig, c *smbtest.Client) smb2.FileID {
			id := r.open(c, "f")
			want(t, "delete", c.Delete(id, true), ok)
			return id
		}},
		{"DELETE_ON_CLOSE", func(t *testing.T, r *rig, c *smbtest.Client) smb2.FileID {
			return r.create(c, deleting("f"))
		}},
		{"with POSIX semantics", func(t *testing.T, r *rig, c *smbtest.Client) smb2.FileID {
			r.open(c, "f")
			id := r.open(c, "f")
			want(t, "delete", disposeEx(c, id, posix), ok)
			return id
		}},
		{"two names", func(t *testing.T, r *rig, c *smbtest.Client) smb2.FileID {
			f, g := r.open(c, "f"), r.open(c, "g")
			stream := r.open(c, "f:s")
			want(t, "delete f", c.Delete(f, true), ok)
			want(t, "delete g", c.Delete(g, true), ok)
			want(t, "CLOSE of f", c.CloseFile(f), ok)
			want(t, "CLOSE of g", c.CloseFile(g), ok)
			return stream
		}},
		{"stream", func(t *testing.T, r *rig, c *smbtest.Client) smb2.FileID {
			return r.create(c, deleting("f:s"))
		}},
	} {
		t.Run(x.what, func(t *testing.T) {
			r := newRig(t, nil)
			put(t, r.fs, "f", "old")
			putStream(t, r.fs, "f", "s", "stream")
			if err := r.fs.Link(context.Background(), "f", "g", false); err != nil {
				t.Fatal(err)
			}
			c := r.logon(smb.Dialect311)
			id := x.open(t, r, c)
			for _, name := range []string{"f", "g"} { // as editors save
				put(t, r.fs, "saved", "new "+name)
				putStream(t, r.fs, "saved", "s", "stream")
				if err := r.fs.Rename(context.Background(), "saved", name, true); err != nil {
					t.Fatal(err)
				}
			}
			want(t, "CLOSE", c.CloseFile(id), ok)
			for _, name := range []string{"f", "g"} {
				if got := content(t, r.fs, name); got != "new "+name {
					t.Errorf("%s has %q", name, got)
				}
				if got := keptStreams(t, r.fs, name); len(got) != 1 {
					t.Errorf("%s has the streams %q", name, got)
				}
			}
		})
	}
}

// reusing is a file system whose files all have one id, as if each got that of the one before.
type reusing struct {
	*memfs.FS
	id   uint64
	hook atomic.Pointer[func()] // called before a file is made
}

type reusingFile struct {
	vfs.File
	vfs.Streamer
	id uint64
}

func (r *reusing) Open(ctx context.Context, name string, opt vfs.OpenOptions) (vfs.File, error) {
	return r.wrap(r.FS.Open(ctx, name, opt))
}

func (r *reusing) Create(ctx context.Context, name string, opt vfs.CreateOptions) (vfs.File, error) {
	if h := r.hook.Load(); h != nil {
		(*h)()
	}
	return r.wrap(r.FS.Create(ctx, name, opt))
}

func (r *reusing) wrap(f vfs.File, err error) (vfs.File, error) {
	if err != nil {
		return nil, err
	}
	s, _ := f.(vfs.Streamer)
	return reusingFile{f, s, r.id}, nil
}

func (f reusingFile) OpenStream(ctx context.Context, name string, opt vfs.StreamOptions) (vfs.File, error) {
	s, err := f.Streamer.OpenStream(ctx, name, opt)
	if err != nil {
		return nil, err
	}
	return reusingFile{File: s, id: f.id}, nil
}

func (f reusingFile) Unwrap() vfs.File { return f.File }

func (f reusingFile) Stat(ctx context.Context) (vfs.Attr, error) {
	a, err := f.File.Stat(ctx)
	if !a.IsDir() {
		a.ID = f.id
	}
	return a, err
}

// A file that is to be deleted is removed by another program, and while the server waits for its name a new one gets that
// and its id. That one has nothing to do with it, and nobody waits for the other.
func TestCreateWithIDOfDoomed(t *testing.T) {
	for _, id := range []uint64{7, 0} {
		t.Run(fmt.Sprint("id ", id), func(t *testing.T) {
			fsys := &reusing{FS: &memfs.FS{}, id: id}
			r := newRig(t, func(s *smb.Server) { s.Shares = smb.Shares{"s": {FS: fsys}} })
			put(t, fsys.FS, "f", "old")
			a, b := r.logon(smb.Dialect311), r.logon(smb.Dialect311)
			old := r.open(a, "f")
			want(t, "delete", a.Delete(old, true), ok)
			if err := fsys.Remove(context.Background(), "f"); err != nil {
				t.Fatal(err)
			}
			making, closing := make(chan struct{}), make(chan struct{})
			hook := func() { close(making); <-closing }
			fsys.hook.Store(&hook)
			closed := make(chan smb2.Status, 1)
			go func() {
				<-making
				time.AfterFunc(50*time.Millisecond, func() { close(closing) })
				closed <- a.CloseFile(old) // waits for the name
			}()
			id := r.create(b, smbtest.CreateReq("f", smb2.Create))
			want(t, "CLOSE of the old file", <-closed, ok)
			write(t, b, id, "new")
			want(t, "CLOSE", b.CloseFile(id), ok)
			if got := dump(t, fsys.FS); !strings.Contains(got, `f "new"`) {
				t.Errorf("there is\n%s", got)
			}
		})
	}
}

// What is to be removed is found though a directory above it is renamed between the last CLOSE and the removal, which waits
// for a name that another CREATE looks at.
func TestRenameAboveRemoval(t *testing.T) {
	for _, names := range [][]string{{"x"}, {"x", "y"}} {
		t.Run(strings.Join(names, " and "), func(t *testing.T) {
			r := newFaulty(t)
			mkdir(t, r.fs, "p")
			put(t, r.fs, "p/x", "doomed")
			putStream(t, r.fs, "p/x", "s", "stream")
			a, b, c := r.logon(smb.Dialect311), r.logon(smb.Dialect311), r.logon(smb.Dialect311)
			last := r.open(a, `p\x:s`)
			for _, name := range names {
				if name != "x" {
					if err := r.fs.Link(context.Background(), "p/x", "p/"+name, false); err != nil {
						t.Fatal(err)
					}
				}
				id := r.open(a, `p\`+name)
				want(t, "delete", a.Delete(id, true), ok)
				want(t, "CLOSE", a.CloseFile(id), ok)
			}
			dir := r.open(c, "p")
			looking, look := make(chan struct{}), make(chan struct{})
			var once sync.Once
			hook := faultfs.Hook(func(op faultfs.Op) error {
				if op.Kind == faultfs.Open && op.Name == "p/x" {
					once.Do(func() { close(looking); <-look })
				}
				return nil
			})
			r.hook.Store(&hook)
			var wg sync.WaitGroup
			wg.Go(func() { b.Create(smbtest.CreateReq(`p\x`, smb2.Open)) })
			<-looking
			wg.Go(func() { want(t, "last CLOSE", a.CloseFile(last), ok) })
			time.Sleep(20 * time.Millisecond)
			wg.Go(func() { want(t, "rename", c.Rename(dir, "q", false), ok) })
			time.Sleep(20 * time.Millisecond)
			close(look)
			wg.Wait()
			if left := dump(t, r.fs); left != "q/\n" {
				t.Errorf("left:\n%s", left)
			}
		})
	}
}

// The same for what waits for its stream to be closed, below a directory that a Mac renames, and then another file has the
// name. Also where files are known by their names only.
func TestRenameAboveDoomed(t *testing.T) {
	for _, ids := range []bool{true, false} {
		t.Run(fmt.Sprint("ids: ", ids), func(t *testing.T) {
			fsys := &memfs.FS{}
			r := newRig(t, func(s *smb.Server) {
				sh := &smb.Share{FS: fsys}
				if !ids {
					sh.FS = &reusing{FS: fsys}
				}
				s.Shares = smb.Shares{"s": sh}
			})
			mkdir(t, fsys, "p")
			put(t, fsys, "p/x", "doomed")
			putStream(t, fsys, "p/x", "s", "stream")
			c, w := r.mac("s", 0), r.logon(smb.Dialect311)
			stream, id := r.open(w, `p\x:s`), r.open(w, `p\x`)
			want(t, "delete", w.Delete(id, true), ok)
			want(t, "CLOSE", w.CloseFile(id), ok)
			want(t, "rename", c.Rename(r.open(c, "p"), "q", false), ok)
			mkdir(t, fsys, "p")
			put(t, fsys, "p/x", "another")
			wantRead(t, w, r.open(w, `p\x`), "another")
			want(t, "CLOSE of the stream", w.CloseFile(stream), ok)
			if left := dump(t, fsys); strings.Contains(left, "doomed") || !strings.Contains(left, "another") {
				t.Errorf("left:\n%s", left)
			}
		})
	}
}

// What is deleted while the directory above it is renamed goes by its new name.
func TestRenameAboveDeletion(t *testing.T) {
	var st hookedHandles
	r := newRig(t, continuous(&st))
	mkdir(t, r.fs, "p")
	put(t, r.fs, "p/x", "")
	const n = 8
	for i := range n {
		put(t, r.fs, fmt.Sprintf("p/y%d", i), "")
	}
	c := r.mac("s", 0)
	w := r.caching(smb.Dialect311, 1)
	h := r.persistent(w, smbtest.CreateReq(`p\x`, smb2.Open))
	var ids []smb2.FileID
	for i := range n {
		ids = append(ids, r.open(c, fmt.Sprintf(`p\y%d`, i)))
	}
	v := r.logon(smb.Dialect311)
	var vids []smb2.FileID
	for i := range n {
		vids = append(vids, r.open(v, fmt.Sprintf(`p\y%d`, i)))
	}
	for _, id := range ids {
		c.CloseFile(id)
	}
	dir := r.open(c, "p")
	in, goOn := make(chan struct{}), make(chan struct{})
	var once sync.Once
	st.onPut(func() error {
		once.Do(func() { close(in); <-goOn })
		return nil
	})
	var wg sync.WaitGroup
	wg.Go(func() { want(t, "rename", c.Rename(dir, "q", false), ok) })
	<-in
	st.onPut(nil)
	for _, id := range vids {
		want(t, "delete", v.Delete(id, true), ok)
	}
	close(goOn)
	wg.Wait()
	for _, id := range vids {
		want(t, "CLOSE", v.CloseFile(id), ok)
	}
	w.CloseFile(h.id)
	if left := dump(t, r.fs); strings.Contains(left, "/y") {
		t.Errorf("left, though each CLOSE was OK:\n%s", left)
	}
}

// copiedUp is a file system whose files become other objects when they are first written, as
// those of overlayfs do.
type copiedUp struct {
	*memfs.FS
	up atomic.Bool
}

type copiedUpFile struct {
	vfs.File
	fs *copiedUp
}

func (f *copiedUp) Open(ctx context.Context, name string, opt vfs.OpenOptions) (vfs.File, error) {
	file, err := f.FS.Open(ctx, name, opt)
	if err != nil {
		return nil, err
	}
	return copiedUpFile{file, f}, nil
}

func (f copiedUpFile) Stat(ctx context.Context) (vfs.Attr, error) {
	a, err := f.File.Stat(ctx)
	if f.fs.up.Load() {
		a.ID += 1000
	}
	return a, err
}

func (f copiedUpFile) WriteAt(b []byte, off int64) (int, error) {
	f.fs.up.Store(true)
	return f.File.(io.WriterAt).WriteAt(b, off)
}

// A file whose id changed while it was open is deleted all the same.
func TestDeleteCopiedUp(t *testing.T) {
	fsys := &copiedUp{FS: &memfs.FS{}}
	put(t, fsys.FS, "f", "x")
	r := newRig(t, func(s *smb.Server) { s.Shares = smb.Shares{"s": {FS: fsys}} })
	c := r.logon(smb.Dialect311)
	id := r.open(c, "f")
	_, st := c.Write(id, 0, []byte("y"))
	want(t, "WRITE", st, ok)
	want(t, "delete", c.Delete(id, true), ok)
	want(t, "CLOSE", c.CloseFile(id), ok)
	if s := dump(t, fsys.FS); s != "" {
		t.Errorf("still there: %s", s)
	}
}

// Who opens what is below a directory by its new name waits until all is called by that. Whoever had it open
// before goes on to rename his own file.
func TestRenameDirectoryThenBelow(t *testing.T) {
	var st hookedHandles
	r := newRig(t, continuous(&st))
	mkdir(t, r.fs, "p")
	mkdir(t, r.fs, "p/d")
	put(t, r.fs, "p/x", "")
	const n = 8
	for i := range n {
		put(t, r.fs, fmt.Sprintf("p/d/y%d", i), fmt.Sprint("old", i))
	}
	c, u, v := r.mac("s", 0), r.logon(smb.Dialect311), r.logon(smb.Dialect311)
	kept := r.caching(smb.Dialect311, 1)
	h := r.persistent(kept, smbtest.CreateReq(`p\x`, smb2.Open)) // which makes the rename wait for its storage
	var ids []smb2.FileID
	for i := range n {
		ids = append(ids, r.open(u, fmt.Sprintf(`p\d\y%d`, i)))
	}
	dir := r.open(c, "p")
	in, goOn := make(chan struct{}), make(chan struct{})
	var once sync.Once
	st.onPut(func() error {
		once.Do(func() { close(in); <-goOn })
		return nil
	})
	var wg sync.WaitGroup
	wg.Go(func() { want(t, "rename", c.Rename(dir, "q", false), ok) })
	<-in
	st.onPut(nil)
	wg.Go(func() {
		for i := range n {
			id := r.open(v, fmt.Sprintf(`q\d\y%d`, i))
			want(t, "rename below", v.Rename(id, fmt.Sprintf(`q\d\z%d`, i), false), ok)
			want(t, "CLOSE", v.CloseFile(id), ok)
			id = r.open(v, fmt.Sprintf(`q\d\y%d`, i))
			write(t, v, id, fmt.Sprint("new", i))
			want(t, "CLOSE", v.CloseFile(id), ok)
		}
	})
	time.Sleep(100 * time.Millisecond) // let it get as far as it can
	close(goOn)
	wg.Wait()
	want(t, "CLOSE", c.CloseFile(dir), ok)
	for i, id := range ids {
		want(t, "rename of z", u.Rename(id, fmt.Sprintf(`q\d\w%d`, i), false), ok)
		want(t, "CLOSE", u.CloseFile(id), ok)
	}
	want(t, "CLOSE", kept.CloseFile(h.id), ok)
	for i := range n {
		for name, has := range map[string]string{"w": "old", "y": "new"} {
			if got := content(t, r.fs, fmt.Sprintf("q/d/%s%d", name, i)); got != fmt.Sprint(has, i) {
				t.Errorf("%s%d has %q", name, i, got)
			}
		}
	}
}

// slowStat is a backend without ids that can be held up in Stat.
type slowStat struct {
	*memfs.FS
	before func(name string)
}

type slowStatFile struct {
	vfs.File
	fs   *slowStat
	name string
}

func (f *slowStat) Open(ctx context.Context, name string, opt vfs.OpenOptions) (vfs.File, error) {
	file, err := f.FS.Open(ctx, name, opt)
	if err != nil {
		return nil, err
	}
	return slowStatFile{file, f, name}, nil
}

func (f *slowStat) Create(ctx context.Context, name string, opt vfs.CreateOptions) (vfs.File, error) {
	file, err := f.FS.Create(ctx, name, opt)
	if err != nil {
		return nil, err
	}
	return slowStatFile{file, f, name}, nil
}

func (f slowStatFile) Unwrap() vfs.File { return f.File }

func (f slowStatFile) Stat(ctx context.Context) (vfs.Attr, error) {
	if f.fs.before != nil {
		f.fs.before(f.name)
	}
	a, err := f.File.Stat(ctx)
	a.ID = 0
	return a, err
}

// A name that is removed while another deletes it isn't that of the file that is made then.
func TestDeleteWhatIsRemovedMeanwhile(t *testing.T) {
	fsys := &slowStat{FS: &memfs.FS{}}
	put(t, fsys.FS, "f", "old")
	r := newRig(t, func(s *smb.Server) { s.Shares = smb.Shares{"s": {FS: fsys}} })
	a, b := r.logon(smb.Dialect311), r.logon(smb.Dialect311)
	slow, fast := r.open(a, "f"), r.open(b, "f")
	in, goOn := make(chan struct{}), make(chan struct{})
	var held atomic.Bool
	fsys.before = func(string) {
		if held.CompareAndSwap(false, true) {
			close(in)
			<-goOn
		}
	}
	var wg sync.WaitGroup
	wg.Go(func() { want(t, "the slow deletion", a.Delete(slow, true), ok) })
	<-in
	want(t, "the fast deletion", disposeEx(b, fast, smb2.DispositionDelete|smb2.DispositionPosixSemantics), ok)
	want(t, "CLOSE", b.CloseFile(fast), ok)
	id := r.open(b, "f")
	write(t, b, id, "new")
	want(t, "CLOSE", b.CloseFile(id), ok)
	close(goOn)
	wg.Wait()
	want(t, "CLOSE", a.CloseFile(slow), ok)
	if got := content(t, fsys.FS, "f"); got != "new" {
		t.Errorf("the new file has %q", got)
	}
}
