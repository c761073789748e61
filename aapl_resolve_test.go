package smb_test

import (
	"context"
	"testing"

	"github.com/gosmbd/smb"
	"github.com/gosmbd/smb/internal/smbtest"
	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs"
	"github.com/gosmbd/smb/vfs/memfs"
)

func resolve(t testing.TB, c *smbtest.Client, id uint64) smb2.AAPLResponse {
	t.Helper()
	a, found := askAAPL(t, c, smb2.AAPLRequest{Command: smb2.AAPLResolveID, FileID: id}.Append(nil))
	if !found || a.Command != smb2.AAPLResolveID {
		t.Fatalf("AAPL isn't answered: %+v", a)
	}
	return a
}

// idOf returns the id that a client is told of a file.
func idOf(t testing.TB, c *smbtest.Client, name string) uint64 {
	t.Helper()
	req := smbtest.CreateReq(name, smb2.Open)
	req.DesiredAccess = uint32(vfs.ReadAttributes)
	resp, st := c.Create(req)
	want(t, "CREATE "+name, st, ok)
	defer c.CloseFile(resp.FileID)
	b, st := c.QueryInfo(resp.FileID, smb2.InfoFile, uint8(smb2.ClassFileInternalInformation), 8)
	want(t, "FileInternalInformation", st, ok)
	x, err := smb2.ParseFileInternalInformation(b)
	if err != nil {
		t.Fatal(err)
	}
	return x.IndexNumber
}

func TestResolveID(t *testing.T) {
	fsys := &memfs.FS{}
	r := guarded(t, fsys)
	for _, dir := range []string{"d", "d/e", "secret"} {
		mkdir(t, fsys, dir)
	}
	put(t, fsys, "d/e/file", "content")
	put(t, fsys, "secret/file", "content")
	eve := r.as("eve", password)
	file, hidden := idOf(t, eve, `d\e\file`), idOf(t, eve, `secret\file`)
	secure(t, fsys, "secret", allow(eveSID, vfs.AccessFull))
	secure(t, fsys, "secret/file", allow(eveSID, vfs.AccessFull))

	ann := r.as("ann", password)
	if _, found := askAAPL(t, ann, smb2.AAPLRequest{Command: smb2.AAPLResolveID, FileID: file}.Append(nil)); found {
		t.Error("answered before the client asked for the extensions")
	}
	a, _ := askAAPL(t, ann, serverQuery(7, 0))
	if a.VolumeCaps&smb2.AAPLSupportsResolveID == 0 {
		t.Errorf("the volume's capabilities are %#x", a.VolumeCaps)
	}
	if a := resolve(t, ann, file); a.Status != ok || a.Path != `d\e\file` {
		t.Errorf("the file is at %+v", a)
	}
	if a := resolve(t, ann, idOf(t, ann, "")); a.Status != ok || a.Path != "" {
		t.Errorf("the root is at %+v", a)
	}
	for what, id := range map[string]uint64{"what ann may not see": hidden, "what isn't there": 1 << 50} {
		if a := resolve(t, ann, id); a.Status != smb2.StatusObjectNameNotFound || a.Path != "" {
			t.Errorf("%s is at %+v", what, a)
		}
	}
	askAAPL(t, eve, serverQuery(7, 0))
	if a := resolve(t, eve, hidden); a.Path != `secret\file` {
		t.Errorf("for eve the file is at %+v", a)
	}
}

// TestResolveIDOff checks that clients don't ask where there is no answer.
func TestResolveIDOff(t *testing.T) {
	r := newRig(t, func(s *smb.Server) {
		s.Shares = smb.Shares{
			"os":   {FS: osDir(t)},
			"zero": {FS: &memfs.FS{}, Apple: smb.AppleOptions{ZeroFileIDs: true}},
		}
	})
	for _, share := range []string{"os", "zero"} {
		c := r.dialect(smb.Dialect311, smbtest.NegotiateOptions{})
		r.setup(c, "ann", password)
		r.tree(c, share)
		a, found := askAAPL(t, c, serverQuery(7, 0))
		if found && a.VolumeCaps&smb2.AAPLSupportsResolveID != 0 {
			t.Errorf("%s: the volume's capabilities are %#x", share, a.VolumeCaps)
		}
		if _, found := askAAPL(t, c, smb2.AAPLRequest{Command: smb2.AAPLResolveID, FileID: 1}.Append(nil)); found {
			t.Errorf("%s: answered", share)
		}
	}
}

// TestResolveIDKnows checks that no name is told that the client couldn't open or see.
func TestResolveIDKnows(t *testing.T) {
	fsys := &memfs.FS{}
	d, err := smb.NewDFS(map[string]smb.DFSLink{"behind/link": {Targets: []smb.DFSTarget{{Path: "//other/share"}}}})
	if err != nil {
		t.Fatal(err)
	}
	r := guarded(t, fsys)
	shares := r.srv.Shares.(smb.Shares)
	shares["s"].DFS = d
	shares["box"] = &smb.Share{FS: fsys, Allow: func(context.Context, *vfs.Caller) (vfs.Access, error) {
		return vfs.AddFile | vfs.Synchronize | vfs.ReadControl, nil
	}}
	for _, dir := range []string{"plans for eve", "behind", "behind/link", "d"} {
		mkdir(t, fsys, dir)
	}
	for _, name := range []string{"plans for eve/open to all", "behind/link/file", "d/file", `d/a\b`} {
		put(t, fsys, name, "content")
	}
	secure(t, fsys, "plans for eve", allow(eveSID, vfs.AccessFull))
	id := func(name string) uint64 {
		f, err := fsys.Open(context.Background(), name, vfs.OpenOptions{Access: vfs.ReadAttributes})
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		a, err := f.Stat(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		return a.ID
	}
	on := make(map[string]*smbtest.Client)
	for _, share := range []string{"s", "abe", "box"} {
		c := r.dialect(smb.Dialect311, smbtest.NegotiateOptions{})
		r.setup(c, "ann", password)
		r.tree(c, "s")
		askAAPL(t, c, serverQuery(7, 0))
		r.tree(c, share)
		on[share] = c
	}
	for _, tt := range []struct {
		share, name string
		want        smb2.Status
	}{
		{"s", "d/file", ok},
		{"abe", "d/file", ok},
		{"s", "plans for eve/open to all", ok}, // by name it could be opened
		{"abe", "plans for eve/open to all", smb2.StatusObjectNameNotFound},
		{"s", "behind/link/file", smb2.StatusObjectNameNotFound},
		{"abe", "behind/link/file", ok},
		{"s", `d/a\b`, smb2.StatusObjectNameNotFound},
	} {
		if a := resolve(t, on[tt.share], id(tt.name)); a.Status != tt.want || (a.Path != "") != (tt.want == ok) {
			t.Errorf("%s: %s is at %+v", tt.share, tt.name, a)
		}
	}
	// Who may only put something into the share learns no name by it.
	req := smbtest.CreateReq("new", smb2.Create)
	req.DesiredAccess = uint32(vfs.AddFile)
	resp, st := on["box"].Create(smbtest.With(req, smb2.CreateContext{Name: smb2.ContextAAPL, Data: smb2.AAPLRequest{Command: smb2.AAPLResolveID, FileID: id("d/file")}.Append(nil)}))
	want(t, "CREATE in the drop box", st, ok)
	if data, found := smb2.FindContext(resp.Contexts, smb2.ContextAAPL); !found {
		t.Error("AAPL isn't answered")
	} else if a, err := smb2.ParseAAPLResponse(data); err != nil || a.Status != smb2.StatusObjectNameNotFound || a.Path != "" {
		t.Errorf("in the drop box it is at %+v, %v", a, err)
	}
}
