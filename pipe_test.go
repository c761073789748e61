package smb_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"iter"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gosmbd/smb"
	"github.com/gosmbd/smb/dcerpc"
	"github.com/gosmbd/smb/dcerpc/ndr"
	"github.com/gosmbd/smb/internal/ntlmclient"
	"github.com/gosmbd/smb/internal/smbtest"
	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs"
	"github.com/gosmbd/smb/vfs/memfs"
)

// rpcPipe is a client on an open pipe. It speaks to the management interface, which
// is on all of them.
type rpcPipe struct {
	t     *testing.T
	c     *smbtest.Client
	id    smb2.FileID
	calls uint32

	message, key []byte // of the last logon
}

func (r *rig) openPipe(t *testing.T, c *smbtest.Client) *rpcPipe {
	t.Helper()
	r.tree(c, "IPC$")
	return &rpcPipe{t: t, c: c, id: r.create(c, smbtest.CreateReq("srvsvc", smb2.Open))}
}

// pdu builds a PDU with a sec_trailer if there is a token.
func (p *rpcPipe) pdu(ptype uint8, level uint8, token []byte, body ...[]byte) []byte {
	le := binary.LittleEndian
	p.calls++
	b := []byte{5, 0, ptype, 3, 0x10, 0, 0, 0, 0, 0, byte(len(token)), 0}
	b = le.AppendUint32(b, p.calls)
	for _, x := range body {
		b = append(b, x...)
	}
	if token != nil {
		b = append(append(b, 10, level, 0, 0, 1, 0, 0, 0), token...)
		le.PutUint16(b[10:], uint16(len(token)))
	}
	le.PutUint16(b[8:], uint16(len(b)))
	return b
}

// bind is the body of a bind to the management interface.
func bindBody() []byte {
	mgmt := dcerpc.MustUUID("afa8bd80-7d8a-11c9-bef4-08002b102989")
	ndr32 := dcerpc.MustUUID("8a885d04-1ceb-11c9-9fe8-08002b104860")
	b := []byte{0xd0, 0x16, 0xd0, 0x16, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1, 0}
	b = append(append(b, mgmt[:]...), 1, 0, 0, 0)
	return append(append(b, ndr32[:]...), 2, 0, 0, 0)
}

// listening is the body of rpc_mgmt_is_server_listening.
var listening = []byte{0, 0, 0, 0, 0, 0, 2, 0}

// isListening is what it answers.
var isListening = []byte{0, 0, 0, 0, 1, 0, 0, 0}

func (p *rpcPipe) transceive(b []byte) []byte {
	p.t.Helper()
	out, st := p.c.Ioctl(p.id, smb2.FsctlPipeTransceive, b, 8192)
	if st != ok {
		p.t.Fatalf("TRANSCEIVE: %v", st)
	}
	return out
}

func (p *rpcPipe) write(b []byte) {
	p.t.Helper()
	if _, st := p.c.Write(p.id, 0, b); st != ok {
		p.t.Fatalf("WRITE: %v", st)
	}
}

// logon binds and logs on as somebody, but for the last leg, which it returns.
func (p *rpcPipe) logon(l *ntlmclient.Client, level uint8) []byte {
	p.t.Helper()
	ack := p.transceive(p.pdu(11, level, l.Negotiate(), bindBody()))
	n := int(binary.LittleEndian.Uint16(ack[10:]))
	if ack[2] != 12 || n == 0 {
		p.t.Fatalf("bind: %x", ack)
	}
	var err error
	if p.message, p.key, err = l.Authenticate(ack[len(ack)-n:]); err != nil {
		p.t.Fatal(err)
	}
	return p.pdu(16, level, p.message, []byte{0, 0, 0, 0})
}

// TestPipeSealed logs on again on a pipe, as somebody else, and makes sealed calls.
func TestPipeSealed(t *testing.T) {
	r := newRig(t, nil)
	p := r.openPipe(t, r.logon(smb.Dialect311))
	l := &ntlmclient.Client{User: "bob", Password: password + "!"}
	p.write(p.logon(l, dcerpc.LevelPrivacy))
	s, err := l.Session(0)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		req := p.pdu(0, dcerpc.LevelPrivacy, make([]byte, 16), listening, []byte("padding of stubs"))
		at := len(req) - 24
		copy(req[at+8:], s.Seal(req[:24], req[24:at], req[at:at+8]))
		resp := p.transceive(req)
		at = len(resp) - 24
		if resp[2] != 2 || at < 24 || !s.Unseal(resp[at+8:], resp[:24], resp[24:at], resp[at:at+8]) {
			t.Fatalf("response %x", resp)
		}
		if !bytes.HasPrefix(resp[24:], isListening) {
			t.Errorf("stub %x", resp[24:at])
		}
	}
}

// TestPipeGuessing guesses by the door that pipes have: it is as slow as SESSION_SETUP,
// and counts there.
func TestPipeGuessing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nil)
		c := r.logon(smb.Dialect311)
		c.Timeout = time.Hour
		p := r.openPipe(t, c)
		leg := p.logon(&ntlmclient.Client{User: "bob", Password: "wrong"}, dcerpc.LevelConnect)
		start := time.Now()
		p.write(leg)
		resp := p.transceive(p.pdu(0, 0, nil, listening))
		if d := time.Since(start); d < 2*time.Second {
			t.Errorf("told after %v", d)
		}
		if resp[2] != 3 || dcerpc.Fault(binary.LittleEndian.Uint32(resp[24:])) != dcerpc.FaultAccessDenied {
			t.Errorf("%x", resp)
		}
		_, st := c.Read(p.id, 0, 100)
		want(t, "READ afterwards", st, smb2.StatusPipeDisconnected)

		// Four guesses more than one at a time, and the right password is refused.
		done := make(chan bool)
		var clients []*smbtest.Client
		for i := range 6 {
			x := r.logon(smb.Dialect311)
			x.Timeout = time.Hour
			clients = append(clients, x)
			q := r.openPipe(t, x)
			pw := "wrong"
			if i == 5 {
				pw = password + "!"
			}
			leg := q.logon(&ntlmclient.Client{User: "bob", Password: pw}, dcerpc.LevelConnect)
			go func() {
				time.Sleep(time.Duration(i) * time.Millisecond)
				q.write(leg)
				done <- q.transceive(q.pdu(0, 0, nil, listening))[2] == 2
			}()
		}
		for range 6 {
			if <-done {
				t.Error("a guess too many was answered")
			}
		}
		end(r, append(clients, c)...)
	})
}

// TestPipeReadEnds ends a READ that waits, in every way that its pipe can end.
func TestPipeReadEnds(t *testing.T) {
	for name, stop := range map[string]func(c *smbtest.Client, id smb2.FileID) smb2.Status{
		"CLOSE":           func(c *smbtest.Client, id smb2.FileID) smb2.Status { return c.CloseFile(id) },
		"TREE_DISCONNECT": func(c *smbtest.Client, _ smb2.FileID) smb2.Status { return c.TreeDisconnect() },
		"LOGOFF":          func(c *smbtest.Client, _ smb2.FileID) smb2.Status { return c.Logoff() },
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, nil)
			c := r.logon(smb.Dialect311)
			p := r.openPipe(t, c)
			e := c.Req(smb2.CommandRead, smb2.ReadRequest{FileID: p.id, Length: 1024})
			c.Send(e)
			c.WaitInterim(e.MessageID)
			want(t, name, stop(c, p.id), ok)
			want(t, "READ", c.Wait(e.MessageID).Status, smb2.StatusPipeBroken)
		})
	}
}

func TestPipePeek(t *testing.T) {
	r := newRig(t, nil)
	c := r.logon(smb.Dialect311)
	p := r.openPipe(t, c)
	peek := func(room uint32) (smb2.PipePeekResponse, smb2.Status) {
		b, st := c.Ioctl(p.id, smb2.FsctlPipePeek, nil, room)
		if st.IsError() && st != smb2.StatusBufferOverflow {
			return smb2.PipePeekResponse{}, st
		}
		resp, err := smb2.ParsePipePeekResponse(b)
		if err != nil {
			t.Fatal(err)
		}
		return resp, st
	}
	if resp, st := peek(16); st != ok || resp.State != smb2.PipeConnectedState || resp.ReadDataAvailable != 0 {
		t.Errorf("empty: %v %+v", st, resp)
	}
	_, st := peek(15)
	want(t, "no room", st, smb2.StatusInvalidParameter)
	p.write(p.pdu(11, 0, nil, bindBody()))
	for _, room := range []uint32{16, 20, 1000} {
		resp, st := peek(room)
		n := min(int(room)-16, int(resp.MessageLength))
		if (st == ok) != (room == 1000) || resp.NumberOfMessages != 1 || len(resp.Data) != n {
			t.Errorf("room of %d: %v %+v", room, st, resp)
		}
		if n > 4 && resp.Data[2] != 12 {
			t.Errorf("%x", resp.Data)
		}
	}
	_, st = c.Ioctl(p.id, smb2.FsctlPipeTransceive, p.pdu(0, 0, nil, listening), 100)
	want(t, "TRANSCEIVE before the answer was read", st, smb2.StatusPipeBusy)
	p.write(p.pdu(99, 0, nil)) // there is no such
	if resp, st := peek(1000); st != ok || resp.State != smb2.PipeClosingState {
		t.Errorf("broken: %v %+v", st, resp)
	}
	if b, st := c.Read(p.id, 0, 1000); st != ok || b[2] != 12 {
		t.Errorf("READ of what is left: %v %x", st, b)
	}
	_, st = c.Read(p.id, 0, 1000)
	want(t, "READ", st, smb2.StatusPipeDisconnected)
	_, st = peek(1000)
	want(t, "PEEK", st, smb2.StatusPipeDisconnected)
	_, st = c.Write(p.id, 0, []byte("x"))
	want(t, "WRITE", st, smb2.StatusPipeDisconnected)
}

func TestPipeAccess(t *testing.T) {
	r := newRig(t, nil)
	c := r.logon(smb.Dialect311)
	r.tree(c, "IPC$")
	req := smbtest.CreateReq("srvsvc", smb2.Open)
	req.DesiredAccess = uint32(vfs.ReadData)
	_, st := c.Write(r.create(c, req), 0, []byte("x"))
	want(t, "WRITE", st, smb2.StatusAccessDenied)
	req.DesiredAccess = uint32(vfs.WriteData)
	id := r.create(c, req)
	_, st = c.Read(id, 0, 100)
	want(t, "READ", st, smb2.StatusAccessDenied)
	_, st = c.Ioctl(id, smb2.FsctlPipePeek, nil, 100)
	want(t, "PEEK", st, smb2.StatusAccessDenied)
}

// slowListing is a Namespace that takes a moment, and counts how often it is asked.
type slowListing struct {
	smb.Shares
	asked atomic.Int32
}

func (s *slowListing) All(ctx context.Context) iter.Seq2[string, *smb.Share] {
	s.asked.Add(1)
	time.Sleep(time.Second)
	return s.Shares.All(ctx)
}

// TestPipeCallsEnd has no more calls made for a client that is gone, answers or not.
func TestPipeCallsEnd(t *testing.T) {
	const maybe = 0x40
	for _, flags := range []byte{0, maybe} {
		for name, leave := range map[string]func(*rig, *smbtest.Client){
			"lost": func(_ *rig, c *smbtest.Client) { c.Close() },
			"logoff": func(_ *rig, c *smbtest.Client) {
				c.Send(c.Req(smb2.CommandLogoff, smb2.LogoffRequest{}))
			},
			"ended": func(r *rig, _ *smbtest.Client) {
				r.srv.EndSessions(func(smb.SessionInfo) bool { return true })
			},
		} {
			synctest.Test(t, func(t *testing.T) {
				ns := &slowListing{Shares: smb.Shares{"s": {FS: &memfs.FS{}}}}
				r := newRig(t, func(s *smb.Server) { s.Shares = ns })
				c := r.dialect(smb.Dialect311, smbtest.NegotiateOptions{})
				r.setup(c, "ann", password)
				p := r.openPipe(t, c)
				p.transceive(p.pdu(11, 0, nil, srvsvcBody()))
				before := ns.asked.Load()
				var all []byte
				for range 100 {
					b := p.pdu(0, 0, nil, []byte{0, 0, 0, 0, 0, 0, 15, 0}, shareEnum())
					b[3] |= flags
					all = append(all, b...)
				}
				c.Send(c.Req(smb2.CommandWrite, smb2.WriteRequest{FileID: p.id, Data: all}))
				time.Sleep(2500 * time.Millisecond)
				leave(r, c)
				time.Sleep(2 * time.Second)
				if n := ns.asked.Load() - before; n != 3 {
					t.Errorf("%s, flags %#x: %d calls were made, want the 3 that were begun by then", name, flags, n)
				}
				if n := r.srv.Counters().Sessions; n > 0 {
					t.Errorf("%s, flags %#x: the session is still there", name, flags)
				}
				end(r, c)
			})
		}
	}
}

// shareEnum is the stub of a NetrShareEnum, level 1.
func shareEnum() []byte {
	var e ndr.Encoder
	e.Ptr(false)
	e.U32(1)
	e.U32(1)
	e.Ptr(true)
	e.U32(0)
	e.Ptr(false)
	e.U32(^uint32(0))
	e.Ptr(false)
	return e.Bytes()
}
