package smb_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gosmbd/smb"
	"github.com/gosmbd/smb/internal/smbtest"
	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs"
	"github.com/gosmbd/smb/vfs/memfs"
)

// maxKept is what may be kept of something small that a client said at length, in bytes.
const maxKept = 8 << 10

// keptEach returns how many bytes are held more for each of n calls of do.
func keptEach(n int, do func(i int)) int {
	do(0) // what the first costs the rest shares
	before := memoryInUse()
	for i := range n {
		do(i + 1)
	}
	return (int(memoryInUse()) - int(before)) / n
}

// A share is known by its name, whatever the server was called before it.
func TestTreeConnectPathNotKept(t *testing.T) {
	r := newRig(t, nil)
	c := r.logon(smb.Dialect311)
	path := `\\` + strings.Repeat("\u4e2d", 30000) + `\s`
	n := keptEach(100, func(int) {
		e := c.Req(smb2.CommandTreeConnect, smb2.TreeConnectRequest{Path: path})
		e.TreeID = 0
		want(t, "TREE_CONNECT", c.DoElem(e).Status, ok)
	})
	if n > maxKept {
		t.Errorf("%d bytes for each tree", n)
	}
}

// Of the path to something that isn't there no more is kept than leads to the directory that is.
func TestMissingPathNotKept(t *testing.T) {
	const n = 50
	r := newRig(t, func(s *smb.Server) { s.Shares = smb.Shares{"s": {FS: &memfs.FS{CaseSensitive: true}}} })
	c := r.logon(smb.Dialect311)
	for i := range n + 1 {
		req := smbtest.CreateReq(fmt.Sprint(i), smb2.Create)
		req.Options = smb2.OptionDirectoryFile
		c.CloseFile(r.create(c, req))
	}
	rest := strings.Repeat(`\`+strings.Repeat("\u4e2d", 250), 100)
	each := keptEach(n, func(i int) {
		_, st := c.Create(smbtest.CreateReq(fmt.Sprint(i)+rest, smb2.Open))
		want(t, "CREATE", st, smb2.StatusObjectPathNotFound)
	})
	if each > maxKept {
		t.Errorf("%d bytes for each directory", each)
	}
}

// An open is called what its name comes to, however that was written.
func TestNameSentNotKept(t *testing.T) {
	for name, posix := range map[string]bool{
		"." + strings.Repeat("\\\u4e2d\\..", 6000) + "\\x": false,
		strings.Repeat("./", 15000) + "x":                  true,
	} {
		r := posixRig(t)
		c, req := r.logon(smb.Dialect311), smbtest.CreateReq(name, smb2.OpenIf)
		if posix {
			c, req = r.posix("ann"), posixReq(name, smb2.OpenIf, 0o644)
		}
		if n := keptEach(100, func(int) { r.create(c, req) }); n > maxKept {
			t.Errorf("%d bytes for each open of %.4s", n, name)
		}
	}
}

// A logon that is held back because others failed goes with its connection, and counts all the same.
func TestHeldBackLogonNotKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const conns = 100
		r := newRig(t, func(s *smb.Server) { s.Logger = quiet() })
		var clients []*smbtest.Client
		began := time.Now()
		for range conns {
			c := r.dialect(smb.Dialect311, smbtest.NegotiateOptions{})
			guess(c, "ann")
			clients = append(clients, c)
			c.Close()
			synctest.Wait()
		}
		before := memoryInUse()
		c := r.dialect(smb.Dialect311, smbtest.NegotiateOptions{})
		c.Timeout = time.Hour
		_, st := c.SessionSetup("ann", password)
		want(t, "logon behind the guesses", st, smb2.StatusLogonFailure)
		if took := time.Since(began); took < 8*time.Second {
			t.Errorf("answered after %v", took)
		}
		if n := (int(before) - int(memoryInUse())) / conns; n > maxKept/2 {
			t.Errorf("%d bytes were held for each connection that was gone", n)
		}
		end(r, append(clients, c)...)
	})
}

// Of a descriptor that the client has no room for only the length is held.
func TestDescriptorTooLongNotKept(t *testing.T) {
	r := newRig(t, nil)
	c := r.logon(smb.Dialect311)
	id := r.open(c, "f")
	aces := make([]vfs.ACE, 1700)
	for i := range aces {
		aces[i] = allow(annSID, vfs.AccessFull)
	}
	secure(t, r.fs, "f", aces...)
	c.Ask = 512
	for range 4 {
		alive(t, c)
	}
	defer c.Hold()()
	n := keptEach(200, func(int) {
		c.Send(c.Req(smb2.CommandQueryInfo, smb2.QueryInfoRequest{FileID: id, InfoType: smb2.InfoSecurity, Additional: 7}))
	})
	if n > maxKept && !raceEnabled {
		t.Errorf("%d bytes for each answer", n)
	}
}

// Many answers at a time leave nothing on a connection when they have been sent.
func TestBurstNotKept(t *testing.T) {
	const conns, echos = 10, 1000
	r := newRig(t, func(s *smb.Server) { s.Logger = quiet() })
	var list []*smbtest.Client
	for range conns + 1 {
		c := r.logon(smb.Dialect311)
		c.Ask = 8192
		for range 4 {
			alive(t, c)
		}
		list = append(list, c)
	}
	burst := func(c *smbtest.Client) {
		release := c.Hold()
		var mids []uint64
		for range echos {
			e := c.Req(smb2.CommandEcho, smb2.EchoRequest{})
			mids = append(mids, e.MessageID)
			c.Send(e)
		}
		release()
		for _, mid := range mids {
			want(t, "ECHO", c.Wait(mid).Status, ok)
		}
	}
	burst(list[conns]) // what the first costs the rest shares
	before := int(memoryInUse())
	for _, c := range list[:conns] {
		burst(c)
	}
	n := 0
	for range 50 { // those who answered may still be about to put it away
		if n = (int(memoryInUse()) - before) / conns; n <= 8*maxKept {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Errorf("%d bytes for each connection", n)
}

// Nor do many locks leave anything in a file that has none any more.
func TestLocksNotKept(t *testing.T) {
	r := newRig(t, nil)
	c := r.logon(smb.Dialect311)
	elems := make([]smb2.LockElement, 16000)
	for i := range elems {
		elems[i] = smb2.LockElement{Offset: uint64(i), Length: 1, Flags: exclusiveNow}
	}
	n := keptEach(4, func(i int) {
		r.open(c, fmt.Sprint(i)) // keeps the file
		id := r.open(c, fmt.Sprint(i))
		want(t, "LOCK", c.Do(smb2.CommandLock, smb2.LockRequest{FileID: id, Locks: elems}).Status, ok)
		want(t, "CLOSE", c.CloseFile(id), ok)
	})
	if n > 4*maxKept {
		t.Errorf("%d bytes for each file", n)
	}
}
