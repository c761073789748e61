package smb_test

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/gosmbd/smb"
	"github.com/gosmbd/smb/dcerpc/ndr"
	"github.com/gosmbd/smb/internal/smbtest"
	"github.com/gosmbd/smb/ntlm"
	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs"
	"github.com/gosmbd/smb/vfs/memfs"
)

func shareNames(n smb.Namespace) []string {
	var names []string
	for name := range n.All(context.Background()) {
		names = append(names, name)
	}
	return names
}

func TestEditableShares(t *testing.T) {
	ctx := context.Background()
	made := &memfs.FS{}
	e := &smb.EditableShares{Make: func(_ context.Context, name, path string) (*smb.Share, error) {
		if path != `C:\there` {
			return nil, fs.ErrNotExist
		}
		return &smb.Share{FS: made, Comment: "overwritten"}, nil
	}}
	if _, err := e.Share(ctx, "none"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("in an empty one: %v", err)
	}
	e.Set("Own", &smb.Share{FS: &memfs.FS{}})
	for _, tt := range []struct {
		name, path string
		want       error
	}{{"new", `C:\there`, nil}, {"NEW", `C:\there`, fs.ErrExist}, {"other", `C:\nope`, fs.ErrNotExist}} {
		if err := e.AddShare(ctx, tt.name, smb.ShareSettings{Path: tt.path, Comment: "c", MaxUsers: 3}); !errors.Is(err, tt.want) {
			t.Errorf("add %s: %v, want %v", tt.name, err, tt.want)
		}
	}
	if got := shareNames(e); !slices.Equal(got, []string{"Own", "new"}) {
		t.Errorf("%q", got)
	}
	before, err := e.Share(ctx, "New")
	if err != nil || before.FS != made || before.Comment != "c" || before.MaxUsers != 3 {
		t.Fatalf("%+v %v", before, err)
	}
	comment, encrypt := "d", true
	if err := e.ChangeShare(ctx, "NEW", smb.ShareChange{Comment: &comment, Encrypt: &encrypt}); err != nil {
		t.Fatal(err)
	}
	after, _ := e.Share(ctx, "new")
	if after.Comment != "d" || !after.Encrypt || after.MaxUsers != 3 || after.Path != `C:\there` || before.Comment != "c" || after.FS != before.FS {
		t.Errorf("%+v, before %+v", after, before)
	}
	if err := e.ChangeShare(ctx, "none", smb.ShareChange{Comment: &comment}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("change what isn't there: %v", err)
	}
	if !e.Remove("NEW") || e.Remove("new") {
		t.Error("remove")
	}
	if err := new(smb.EditableShares).AddShare(ctx, "x", smb.ShareSettings{Path: `C:\there`}); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("without Make: %v", err)
	}
}

// TestEditableSharesAtOnce has many add the same share.
func TestEditableSharesAtOnce(t *testing.T) {
	e := &smb.EditableShares{Make: func(context.Context, string, string) (*smb.Share, error) {
		return &smb.Share{FS: &memfs.FS{}}, nil
	}}
	var wg sync.WaitGroup
	results := make(chan error, 20)
	for i := range cap(results) {
		wg.Go(func() {
			results <- e.AddShare(context.Background(), "new", smb.ShareSettings{Comment: fmt.Sprint(i)})
		})
	}
	wg.Wait()
	close(results)
	added := 0
	for err := range results {
		switch {
		case err == nil:
			added++
		case !errors.Is(err, fs.ErrExist):
			t.Error(err)
		}
	}
	if added != 1 {
		t.Errorf("added %d times", added)
	}
}

func TestMaxUsers(t *testing.T) {
	r := newRig(t, func(s *smb.Server) {
		s.Shares = smb.Shares{"s": {FS: &memfs.FS{}}, "few": {FS: &memfs.FS{}, MaxUsers: 2}}
	})
	c := r.logon(smb.Dialect311)
	r.tree(c, "few")
	r.tree(c, "FEW")
	other := r.logon(smb.Dialect311)
	if _, st := other.TreeConnect("few"); st != smb2.StatusRequestNotAccepted {
		t.Errorf("the third: %v", st)
	}
	if st := c.TreeDisconnect(); st != ok {
		t.Fatal(st)
	}
	r.tree(other, "few")
	if st := other.Logoff(); st != ok {
		t.Fatal(st)
	}
	r.tree(c, "few")
}

// TestRemoveShare removes a share over RPC while it is in use.
func TestRemoveShare(t *testing.T) {
	e := &smb.EditableShares{}
	e.Set("s", &smb.Share{FS: &memfs.FS{}})
	e.Set("gone", &smb.Share{FS: &memfs.FS{}})
	r := newRig(t, func(s *smb.Server) {
		s.Shares = e
		s.Mechanisms = []smb.Mechanism{ntlm.New(ntlm.Static{
			"ann":  {Password: password},
			"root": {Password: password, Groups: []vfs.SID{vfs.SIDAdministrators}},
		})}
	})
	c := r.logon(smb.Dialect311)
	r.tree(c, "gone")
	id := r.open(c, "file")
	for _, tt := range []struct {
		user string
		want uint32
	}{{"ann", 5}, {"root", 0}, {"root", 2310}} {
		admin := r.dialect(smb.Dialect311, smbtest.NegotiateOptions{})
		r.setup(admin, tt.user, password)
		if got := r.shareDel(admin, "gone"); got != tt.want {
			t.Errorf("delete as %s: %d, want %d", tt.user, got, tt.want)
		}
	}
	if st := c.CloseFile(id); st != smb2.StatusNetworkNameDeleted {
		t.Errorf("close: %v", st)
	}
	if _, st := c.TreeConnect("gone"); st != smb2.StatusBadNetworkName {
		t.Errorf("connect: %v", st)
	}
}

// shareDel calls NetrShareDel and returns its code.
func (r *rig) shareDel(c *smbtest.Client, name string) uint32 {
	r.t.Helper()
	r.tree(c, "IPC$")
	id := r.open(c, "srvsvc")
	// A bind to srvsvc with NDR, C706 12.6.4.3.
	bind, err := hex.DecodeString("05000b03100000004800000001000000b810b810000000000100000000000100" +
		"c84f324b7016d30112785a47bf6ee18803000000045d888aeb1cc9119fe808002b10486002000000")
	if err != nil {
		r.t.Fatal(err)
	}
	if _, st := c.Ioctl(id, smb2.FsctlPipeTransceive, bind, 4096); st != ok {
		r.t.Fatalf("bind: %v", st)
	}
	var e ndr.Encoder
	e.Ptr(false)
	e.WString(name)
	e.U32(0)
	request := []byte{5, 0, 0, 3, 0x10, 0, 0, 0, 24 + byte(e.Len()), 0, 0, 0, 2, 0, 0, 0, byte(e.Len()), 0, 0, 0, 0, 0, 18, 0}
	out, st := c.Ioctl(id, smb2.FsctlPipeTransceive, append(request, e.Bytes()...), 4096)
	if st != ok || len(out) != 28 {
		r.t.Fatalf("call: %v %x", st, out)
	}
	return binary.LittleEndian.Uint32(out[24:])
}

// TestStatistics checks that what happens is counted.
func TestStatistics(t *testing.T) {
	r := newRig(t, nil)
	c := r.logon(smb.Dialect311)
	id := r.open(c, "file")
	before := r.srv.ReportedStatistics()
	if before.Sessions != 1 || before.FileOpens != 1 || before.PasswordErrors != 0 || before.Start.IsZero() {
		t.Errorf("%+v", before)
	}
	const n = 10000
	if _, st := c.Write(id, 0, make([]byte, n)); st != ok {
		t.Fatal(st)
	}
	if _, st := c.Read(id, 0, n); st != ok {
		t.Fatal(st)
	}
	r.tree(c, "ro")
	if _, st := c.Create(smbtest.CreateReq("new", smb2.Create)); st == ok {
		t.Fatal("made a file on a share to read")
	}
	bad := r.dialect(smb.Dialect311, smbtest.NegotiateOptions{})
	if _, st := bad.SessionSetup("ann", "wrong"); st == ok {
		t.Fatal("logged on")
	}
	c.Echo() // what came before is counted when it was sent
	after := r.srv.ReportedStatistics()
	if after.BytesReceived-before.BytesReceived < n || after.BytesSent-before.BytesSent < n {
		t.Errorf("octets: %+v, before %+v", after, before)
	}
	if after.PasswordErrors != 1 || after.PermissionErrors == 0 {
		t.Errorf("%+v", after)
	}
	if st := r.srv.Statistics(); st.Since != after.Start || st.Sessions != uint64(after.Sessions) || st.FailedLogons != 1 ||
		st.Opens != uint64(after.FileOpens) || st.Denied != uint64(after.PermissionErrors) || st.BytesSent < after.BytesSent {
		t.Errorf("%+v, and administrators are told %+v", st, after)
	}
}

// A share is removed while somebody is connecting it.
func TestRemoveShareWhileConnecting(t *testing.T) {
	began, goOn := make(chan struct{}), make(chan struct{})
	fsys := &memfs.FS{}
	e := &smb.EditableShares{}
	e.Set("gone", &smb.Share{Open: func(context.Context, *vfs.Caller) (vfs.FS, error) {
		close(began)
		<-goOn
		return fsys, nil
	}})
	r := newRig(t, func(s *smb.Server) {
		s.Shares = e
		s.Mechanisms = []smb.Mechanism{ntlm.New(ntlm.Static{
			"ann":  {Password: password},
			"root": {Password: password, Groups: []vfs.SID{vfs.SIDAdministrators}},
		})}
	})
	c := r.dialect(smb.Dialect311, smbtest.NegotiateOptions{})
	r.setup(c, "ann", password)
	st := make(chan smb2.Status)
	go func() { _, s := c.TreeConnect("gone"); st <- s }()
	<-began
	admin := r.dialect(smb.Dialect311, smbtest.NegotiateOptions{})
	r.setup(admin, "root", password)
	if got := r.shareDel(admin, "gone"); got != 0 {
		t.Fatal(got)
	}
	close(goOn)
	want(t, "TREE_CONNECT", <-st, smb2.StatusNetworkNameDeleted)
}

// goingShares has lost a share when it is asked for it again, once goOn is closed.
type goingShares struct {
	*smb.EditableShares
	asked atomic.Int32
	again chan struct{} // closed when it is
	goOn  chan struct{}
}

func (s *goingShares) Share(ctx context.Context, name string) (*smb.Share, error) {
	if name == "gone" && s.asked.Add(1) == 2 {
		close(s.again)
		<-s.goOn
		return nil, fs.ErrNotExist
	}
	return s.EditableShares.Share(ctx, name)
}

// Who knows the id of a tree before it is connected to keeps nothing open when it isn't after all.
func TestRemoveShareInUseWhileConnecting(t *testing.T) {
	bubble(t, func(s *smb.Server) {
		e := &goingShares{EditableShares: &smb.EditableShares{}, again: make(chan struct{}), goOn: make(chan struct{})}
		fsys := s.Shares.(smb.Shares)["s"].FS
		e.Set("gone", &smb.Share{FS: fsys})
		e.Set("s", &smb.Share{FS: fsys})
		s.Shares = e
	}, func(t *testing.T, r *rig) {
		e := r.srv.Shares.(*goingShares)
		c := r.dialect(smb.Dialect311, smbtest.NegotiateOptions{})
		r.setup(c, "ann", password)
		connect := c.Req(smb2.CommandTreeConnect, smb2.TreeConnectRequest{Path: `\\server\gone`})
		c.Send(connect)
		<-e.again
		c.Tree = 1 // the first of the session
		req := smbtest.CreateReq("f", smb2.OpenIf)
		req.ShareAccess = 0
		r.create(c, req)
		g1, g2 := r.open(c, "g"), r.open(c, "g")
		want(t, "LOCK", c.Lock(g1, 0, 1, exclusiveNow), ok)
		lock := start(c, smb2.CommandLock, smbtest.LockReq(g2, 0, 1, smb2.LockExclusive))
		close(e.goOn)
		want(t, "TREE_CONNECT", c.Wait(connect.MessageID).Status, smb2.StatusNetworkNameDeleted)
		want(t, "LOCK that waits", c.Wait(lock).Status, ok) // the locks go first
		r.create(r.as("bob", password+"!"), req)
	})
}
