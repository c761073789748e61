package smb_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/gosmbd/smb"
	"github.com/gosmbd/smb/internal/smbtest"
	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs"
	"github.com/gosmbd/smb/vfs/memfs"
	"github.com/gosmbd/smb/vfs/osfs"
)

// snapRig has a file in a snapshot that was changed since, and one that is gone.
func snapRig(t *testing.T) (r *rig, at time.Time) {
	r = newRig(t, nil)
	mkdir(t, r.fs, "d")
	put(t, r.fs, "d/f", "before")
	put(t, r.fs, "gone", "x")
	at, err := r.fs.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	if err := r.fs.Remove(context.Background(), "gone"); err != nil {
		t.Fatal(err)
	}
	c := r.logon(smb.Dialect311)
	id := r.open(c, `d\f`)
	c.Write(id, 0, []byte("after!"))
	c.CloseFile(id)
	return r, at
}

// warped asks for a name as it was.
func warped(name string, at time.Time) smb2.CreateRequest {
	req := smbtest.CreateReq(name, smb2.Open)
	req.Contexts = []smb2.CreateContext{
		{Name: smb2.ContextTWrp, Data: smb2.TimewarpRequest{Timestamp: smb2.FileTimeOf(at)}.Append(nil)},
		{Name: smb2.ContextQFid}, {Name: smb2.ContextMxAc},
	}
	return req
}

func token(at time.Time) string { return at.UTC().Format("@GMT-2006.01.02-15.04.05") }

func TestSnapshotRead(t *testing.T) {
	r, at := snapRig(t)
	c := r.logon(smb.Dialect311)
	tok := token(at)
	for _, req := range []smb2.CreateRequest{
		warped(`d\f`, at), warped(`D\F`, at), warped(`d\f`, at.Add(900*time.Millisecond)),
		smbtest.CreateReq(tok+`\d\f`, smb2.Open), smbtest.CreateReq(`d\`+tok+`\f`, smb2.OpenIf), smbtest.CreateReq(`d\f\`+strings.ToLower(tok), smb2.Open),
	} {
		id := r.create(c, req)
		if b, st := c.Read(id, 0, 10); st != ok || string(b) != "before" {
			t.Errorf("%q: %q, %v", req.Name, b, st)
		}
		want(t, "CLOSE", c.CloseFile(id), ok)
	}
	r.create(c, warped("gone", at))
	r.create(c, smbtest.CreateReq(tok, smb2.Open))
	for _, req := range []smb2.CreateRequest{
		warped("missing", at), warped(`d\f`, at.Add(-time.Second)), smbtest.CreateReq(token(at.Add(time.Hour))+`\d`, smb2.OpenIf),
		smbtest.CreateReq(tok+`\d\`+tok+`\f`, smb2.Open), warped(tok+`\gone`, at),
	} {
		if _, st := c.Create(req); st != smb2.StatusObjectNameNotFound && st != smb2.StatusObjectPathNotFound {
			t.Errorf("%q: %v", req.Name, st)
		}
	}
	// Where there are no snapshots a token is a name.
	plain, err := osfs.New(t.TempDir(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	r.srv.Shares.(smb.Shares)["plain"] = &smb.Share{FS: plain}
	r.tree(c, "plain")
	r.open(c, tok)
	_, st := c.Create(warped(tok, at))
	want(t, "TWrp without snapshots", st, smb2.StatusObjectNameNotFound)
}

// A snapshot's objects have ids and an identity of their own: neither share modes nor
// locks nor leases of the live ones concern them.
func TestSnapshotIdentity(t *testing.T) {
	r, at := snapRig(t)
	c := r.logon(smb.Dialect311)
	alone := smbtest.CreateReq(`d\f`, smb2.Open)
	alone.ShareAccess = 0
	alone.Contexts = []smb2.CreateContext{{Name: smb2.ContextQFid}}
	live, st := c.Create(alone)
	want(t, "CREATE", st, ok)
	req := warped(`d\f`, at)
	req.ShareAccess = 0
	old, st := c.Create(req)
	want(t, "CREATE of what was", st, ok)
	_, st = c.Create(req)
	want(t, "CREATE of what was, again", st, smb2.StatusSharingViolation)
	fid := func(resp smb2.CreateResponse) uint64 {
		for _, x := range resp.Contexts {
			if x.Name == smb2.ContextQFid {
				q, _ := smb2.ParseQueryOnDiskIDResponse(x.Data)
				return q.DiskFileID
			}
		}
		return 0
	}
	if a, b := fid(live), fid(old); a == b || a == 0 || b == 0 {
		t.Errorf("ids %d and %d", a, b)
	}
	list, st := c.QueryDirectory(smb2.QueryDirectoryRequest{
		FileID: r.create(c, warped("d", at)), Class: smb2.ClassFileIdBothDirectoryInformation, OutputLength: 4096, Pattern: "f",
	})
	if st != ok || len(list) != 1 || list[0].FileID != fid(old) {
		t.Errorf("listed: %+v, %v", list, st)
	}
}

// Nothing changes a snapshot, whatever the client was granted.
func TestSnapshotIsReadOnly(t *testing.T) {
	r, at := snapRig(t)
	c := r.logon(smb.Dialect311)
	fsys, err := r.fs.OpenSnapshot(context.Background(), at)
	if err != nil {
		t.Fatal(err)
	}
	before := dump(t, fsys)
	const protected = smb2.StatusMediaWriteProtected
	for _, d := range []smb2.Disposition{smb2.Supersede, smb2.Create, smb2.Overwrite, smb2.OverwriteIf} {
		for _, name := range []string{`d\f`, "new", `d\f:s`} {
			req := warped(name, at)
			req.Disposition = d
			_, st := c.Create(req)
			want(t, name, st, protected)
		}
	}
	for _, name := range []string{"new", `d\f:s`} {
		req := warped(name, at)
		req.Disposition = smb2.OpenIf
		_, st := c.Create(req)
		want(t, name, st, protected)
	}
	req := warped("gone", at)
	req.DesiredAccess = uint32(vfs.AccessFull)
	req.Options = smb2.OptionDeleteOnClose
	_, st := c.Create(req)
	want(t, "delete on close", st, smb2.StatusCannotDelete)
	req.Options = 0
	id := r.create(c, req)
	_, st = c.Write(id, 0, []byte("y"))
	want(t, "WRITE", st, protected)
	want(t, "FLUSH", c.Flush(id), protected)
	want(t, "DISPOSITION", c.Delete(id, true), protected)
	want(t, "rename", c.Rename(id, "other", true), protected)
	want(t, "link", c.SetInfo(id, smb2.ClassFileLinkInformation, smb2.FileLinkInformation{FileName: "other"}), protected)
	want(t, "times", c.SetInfo(id, smb2.ClassFileBasicInformation, smb2.FileBasicInformation{FileAttributes: 2}), protected)
	want(t, "END_OF_FILE", c.SetInfo(id, smb2.ClassFileEndOfFileInformation, smb2.FileEndOfFileInformation{EndOfFile: 1}), protected)
	want(t, "position", c.SetInfo(id, smb2.ClassFilePositionInformation, smb2.FilePositionInformation{CurrentByteOffset: 1}), ok)
	for code := smb2.CtlCode(0x90000); code < 0x9FFFF; code++ {
		if _, st := c.Ioctl(id, code, make([]byte, 64), 64); st == ok && code != smb2.FsctlGetCompression && code != smb2.FsctlGetObjectID && code != smb2.FsctlCreateOrGetObjectID {
			t.Errorf("FSCTL %#x: %v", code, st)
		}
		code += 3 // the access that it wants is in its lowest bits, which are 0 in most
	}
	c.CloseFile(id)
	info, st := c.QueryInfo(r.create(c, warped("", at)), smb2.InfoFileSystem, uint8(smb2.ClassFsAttributeInformation), 4096)
	want(t, "FileFsAttributeInformation", st, ok)
	if x, _ := smb2.ParseFsAttributeInformation(info); x.Attributes&smb2.FsReadOnlyVolume == 0 {
		t.Errorf("attributes %#x", x.Attributes)
	}
	unchanged(t, "the share", fsys, before)
	// From there a file can be copied back.
	src, dst := r.create(c, warped("gone", at)), r.open(c, "gone")
	key, st := c.Ioctl(src, smb2.FsctlSrvRequestResumeKey, nil, 32)
	want(t, "RESUME_KEY", st, ok)
	k, err := smb2.ParseSrvRequestResumeKeyResponse(key)
	if err != nil {
		t.Fatal(err)
	}
	in := smb2.SrvCopychunkCopy{SourceKey: k.ResumeKey, Chunks: []smb2.SrvCopychunk{{Length: 1}}}.Append(nil)
	_, st = c.Ioctl(dst, smb2.FsctlSrvCopychunk, in, 12)
	want(t, "COPYCHUNK", st, ok)
}

func TestEnumerateSnapshots(t *testing.T) {
	r, at := snapRig(t)
	c := r.logon(smb.Dialect311)
	for _, id := range []smb2.FileID{r.open(c, `d\f`), r.create(c, warped(`d\f`, at))} {
		b, st := c.Ioctl(id, smb2.FsctlSrvEnumerateSnapshots, nil, 16)
		want(t, "how many", st, ok)
		x, err := smb2.ParseSrvSnapshotArray(b)
		if err != nil || x.Number != 1 || len(x.Snapshots) != 0 || x.Size != 52 {
			t.Errorf("%+v, %v", x, err)
		}
		b, st = c.Ioctl(id, smb2.FsctlSrvEnumerateSnapshots, nil, 4096)
		want(t, "which", st, ok)
		if x, err = smb2.ParseSrvSnapshotArray(b); err != nil || len(x.Snapshots) != 1 || x.Snapshots[0] != token(at) {
			t.Errorf("%+v, %v", x, err)
		}
	}
	_, st := c.Ioctl(r.open(c, "f"), smb2.FsctlSrvEnumerateSnapshots, nil, 15)
	want(t, "too little room", st, smb2.StatusInvalidParameter)
}

// A resource fork that is left empty goes when its last handle does, but not from a
// snapshot.
func TestSnapshotKeepsEmptyFork(t *testing.T) {
	ctx := context.Background()
	r := newRig(t, nil)
	put(t, r.fs, "f", "x")
	open := func(fsys vfs.FS) vfs.Streamer {
		f, err := fsys.Open(ctx, "f", vfs.OpenOptions{Access: vfs.AccessFull})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { f.Close() })
		return f.(vfs.Streamer)
	}
	full := vfs.OpenOptions{Access: vfs.AccessFull}
	fork, err := open(r.fs).OpenStream(ctx, "AFP_Resource", vfs.StreamOptions{OpenOptions: full, Create: true})
	if err != nil {
		t.Fatal(err)
	}
	fork.Close()
	at, err := r.fs.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	old, err := r.fs.OpenSnapshot(ctx, at)
	if err != nil {
		t.Fatal(err)
	}
	c := r.logon(smb.Dialect311)
	for _, d := range []smb2.Disposition{smb2.Open, smb2.OpenIf} {
		req := warped("f:AFP_Resource", at)
		req.Disposition = d
		if resp, st := c.Create(req); st == ok {
			want(t, "CLOSE", c.CloseFile(resp.FileID), ok)
		}
		if _, err := open(old).OpenStream(ctx, "AFP_Resource", vfs.StreamOptions{}); err != nil {
			t.Fatalf("after a CREATE of kind %d: %v", d, err)
		}
	}
}

// manySnapshots has one for each second, and counts those that are open.
type manySnapshots struct {
	*memfs.FS
	open chan struct{}
}

func (m *manySnapshots) Snapshots(context.Context) ([]time.Time, error) {
	var list []time.Time
	for i := range 1000 {
		list = append(list, time.Unix(int64(1e9+i), 5))
	}
	return list, nil
}

func (m *manySnapshots) OpenSnapshot(context.Context, time.Time) (vfs.FS, error) {
	m.open <- struct{}{}
	return &closable{m.FS, m.open}, nil
}

type closable struct {
	vfs.FS
	open chan struct{}
}

func (c *closable) Close() error { <-c.open; return nil }

// Snapshots are closed when nobody uses them, and only so many are in use at once.
func TestSnapshotsInUse(t *testing.T) {
	m := &manySnapshots{&memfs.FS{}, make(chan struct{}, 1000)}
	put(t, m.FS, "f", "x")
	r := newRig(t, func(s *smb.Server) { s.Shares.(smb.Shares)["many"] = &smb.Share{FS: m} })
	c := r.logon(smb.Dialect311)
	r.tree(c, "many")
	var ids []smb2.FileID
	for i := range 300 {
		resp, st := c.Create(warped("f", time.Unix(int64(1e9+i), 0)))
		if st == smb2.StatusInsufficientResources {
			break
		}
		want(t, "CREATE", st, ok)
		ids = append(ids, resp.FileID)
	}
	if len(ids) != 256 || len(m.open) != 256 {
		t.Errorf("%d opens, %d snapshots", len(ids), len(m.open))
	}
	_, st := c.Create(warped("f", time.Unix(1e9, 0)))
	want(t, "CREATE in one that is in use", st, ok)
	_, st = c.Create(warped("g", time.Unix(1e9, 0)))
	want(t, "CREATE of nothing", st, smb2.StatusObjectNameNotFound)
	for _, id := range ids[1:] {
		want(t, "CLOSE", c.CloseFile(id), ok)
	}
	if len(m.open) != 1 {
		t.Errorf("%d snapshots after CLOSE", len(m.open))
	}
	want(t, "TREE_DISCONNECT", c.TreeDisconnect(), ok)
	if len(m.open) != 0 {
		t.Errorf("%d snapshots after TREE_DISCONNECT", len(m.open))
	}
}
