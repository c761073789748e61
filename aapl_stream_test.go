package smb_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/gosmbd/smb"
	"github.com/gosmbd/smb/internal/smbtest"
	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs"
)

const afpInfo, afpResource = "f:AFP_AfpInfo", "f:AFP_Resource:$DATA"

func TestAfpInfo(t *testing.T) {
	r := appleRig(t)
	put(t, r.fs, "f", "")
	c := r.logon(smb.Dialect311)
	base := r.open(c, "f")
	_, st := c.Create(smbtest.CreateReq(afpInfo, smb2.Open))
	want(t, "open of what isn't there", st, smb2.StatusObjectNameNotFound)

	resp, st := c.Create(smbtest.CreateReq(afpInfo, smb2.OpenIf))
	want(t, "creation", st, ok)
	if resp.EndOfFile != 60 || resp.Action != smb2.ActionCreated {
		t.Errorf("size %d, action %v", resp.EndOfFile, resp.Action)
	}
	id := resp.FileID
	wantRead(t, c, id, finder(""))
	_, st = c.Create(smbtest.CreateReq(afpInfo, smb2.Open))
	want(t, "open of an empty one", st, smb2.StatusObjectNameNotFound)
	resp, st = c.Create(smbtest.CreateReq(afpInfo, smb2.Create))
	want(t, "creation of an empty one", st, ok)
	if resp.Action != smb2.ActionCreated {
		t.Errorf("action %v", resp.Action)
	}
	c.CloseFile(resp.FileID)
	wantStreams(t, c, base, "::$DATA 0")

	for _, w := range []struct {
		off  uint64
		data string
		want smb2.Status
	}{
		{0, "AF", smb2.StatusInvalidParameter},
		{0, strings.Repeat("\x00", 60), smb2.StatusInvalidParameter},
		{1, finder("x")[:59], smb2.StatusInvalidParameter},
		{0, "AFP", ok}, // and nothing becomes of it
	} {
		_, st := c.Write(id, w.off, []byte(w.data))
		want(t, "WRITE", st, w.want)
	}
	wantStreams(t, c, base, "::$DATA 0")
	_, st = c.Write(id, 1000, []byte(finder("SMB,OLE!")+"behind it"))
	want(t, "WRITE at an offset", st, ok)
	wantRead(t, c, id, finder("SMB,OLE!"))
	wantStreams(t, c, base, "::$DATA 0", ":AFP_AfpInfo:$DATA 60")

	if got, _ := c.Read(id, 60, 3); string(got) != "AFP" {
		t.Errorf("READ at 60: %q", got)
	}
	_, st = c.Read(id, 61, 3)
	want(t, "READ at 61", st, smb2.StatusEndOfFile)
	eof := func(n int64) smb2.Status {
		return c.SetInfo(id, smb2.ClassFileEndOfFileInformation, smb2.FileEndOfFileInformation{EndOfFile: n})
	}
	want(t, "a size of 61", eof(61), smb2.StatusAllottedSpaceExceeded)
	want(t, "a size of 0", eof(0), ok)
	wantRead(t, c, id, finder("SMB,OLE!"))

	// Without Finder info it is gone, though the handle stays.
	write(t, c, id, finder(""))
	wantStreams(t, c, base, "::$DATA 0")
	wantRead(t, c, id, finder(""))
	c.CloseFile(id)
	if got := keptStreams(t, r.fs, "f"); got != nil {
		t.Errorf("the backend keeps %q", got)
	}

	// Elsewhere it is a stream like any other, and here no record if it isn't one.
	r.tree(c, "off")
	id = r.open(c, afpInfo)
	write(t, c, id, "foo")
	c.CloseFile(id)
	base = r.open(c, "f")
	wantStreams(t, c, base, "::$DATA 0", ":AFP_AfpInfo:$DATA 3")
	c = r.logon(smb.Dialect311)
	wantStreams(t, c, r.open(c, "f"), "::$DATA 0")
	_, st = c.Create(smbtest.CreateReq(afpInfo, smb2.Open))
	want(t, "open of what is no record", st, smb2.StatusObjectNameNotFound)
}

func TestAfpInfoIsDeleted(t *testing.T) {
	r := appleRig(t)
	put(t, r.fs, "f", "")
	putStream(t, r.fs, "f", "AFP_AfpInfo", finder("x"))
	c := r.logon(smb.Dialect311)
	id := r.open(c, afpInfo)
	want(t, "deletion", c.Delete(id, true), ok)
	_, st := c.Create(smbtest.CreateReq(afpInfo, smb2.Open))
	want(t, "open meanwhile", st, smb2.StatusDeletePending)
	c.CloseFile(id)
	if got := keptStreams(t, r.fs, "f"); got != nil {
		t.Errorf("the backend keeps %q", got)
	}
}

func TestAfpInfoOverwritten(t *testing.T) {
	r := appleRig(t)
	put(t, r.fs, "f", "")
	putStream(t, r.fs, "f", "AFP_AfpInfo", finder("x"))
	c := r.logon(smb.Dialect311)
	id := r.create(c, smbtest.CreateReq(afpInfo, smb2.OverwriteIf))
	wantRead(t, c, id, finder(""))
	c.CloseFile(id)
	if got := keptStreams(t, r.fs, "f"); got != nil {
		t.Errorf("the backend keeps %q", got)
	}
}

// A record may not be written through a handle or a share that only reads.
func TestAfpInfoReadOnly(t *testing.T) {
	r := appleRig(t)
	put(t, r.fs, "f", "")
	putStream(t, r.fs, "f", "AFP_AfpInfo", finder("x"))
	c := r.mac("ro", smb2.AAPLReadDirAttr)
	req := smbtest.CreateReq(afpInfo, smb2.Open)
	_, st := c.Create(req)
	want(t, "open for writing", st, smb2.StatusAccessDenied)
	req.DesiredAccess = uint32(vfs.ReadData)
	id := r.create(c, req)
	wantRead(t, c, id, finder("x"))
	_, st = c.Write(id, 0, []byte(finder("")))
	want(t, "WRITE", st, smb2.StatusAccessDenied)
	c.CloseFile(id)
	if got := keptStreams(t, r.fs, "f"); len(got) != 1 {
		t.Errorf("the backend keeps %q", got)
	}
}

func TestResourceForkIsKept(t *testing.T) {
	r := appleRig(t)
	put(t, r.fs, "f", "")
	c := r.mac("s", 0)
	id := r.open(c, afpResource)
	write(t, c, id, "fork")
	want(t, "deletion", c.Delete(id, true), ok)
	c.CloseFile(id)
	id = r.create(c, smbtest.CreateReq(afpResource, smb2.Open))
	wantRead(t, c, id, "fork")
	want(t, "a size of 0", c.SetInfo(id, smb2.ClassFileEndOfFileInformation, smb2.FileEndOfFileInformation{}), ok)
	// Another handle fills what this one has emptied.
	other := r.open(c, afpResource)
	c.CloseFile(id)
	write(t, c, other, "new")
	c.CloseFile(other)
	if got := keptStreams(t, r.fs, "f"); len(got) != 1 {
		t.Errorf("the backend keeps %q", got)
	}
	id = r.create(c, smbtest.CreateReq(afpResource, smb2.OverwriteIf))
	c.CloseFile(id)
	if got := keptStreams(t, r.fs, "f"); got != nil {
		t.Errorf("the backend keeps %q", got)
	}
	// With the file it goes whatever it holds.
	id = r.open(c, afpResource)
	write(t, c, id, "fork")
	c.CloseFile(id)
	base := r.open(c, "f")
	c.Delete(base, true)
	c.CloseFile(base)
	if got := keptStreams(t, r.fs, "f"); !slices.Equal(got, []string{"gone"}) {
		t.Errorf("the file is still there, with %q", got)
	}
}

// Empty streams are missing to who uses the extensions, and to nobody else.
func TestEmptyStreams(t *testing.T) {
	r := appleRig(t)
	put(t, r.fs, "f", "")
	putStream(t, r.fs, "f", "s", "")
	windows, mac := r.logon(smb.Dialect311), r.mac("s", 0)
	wantStreams(t, windows, r.open(windows, "f"), "::$DATA 0", ":s:$DATA 0")
	wantStreams(t, mac, r.open(mac, "f"), "::$DATA 0")
	_, st := windows.Create(smbtest.CreateReq("f:s", smb2.Open))
	want(t, "open", st, ok)
	_, st = mac.Create(smbtest.CreateReq("f:s", smb2.Open))
	want(t, "open by a Mac", st, smb2.StatusObjectNameNotFound)
	id := r.create(mac, smbtest.CreateReq("f:s", smb2.Create))
	write(t, mac, id, "now")
	wantStreams(t, mac, r.open(mac, "f"), "::$DATA 0", ":s:$DATA 3")
}
