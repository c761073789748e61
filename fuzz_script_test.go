package smb_test

import (
	"context"
	"testing"
	"time"

	"github.com/gosmbd/smb"
	"github.com/gosmbd/smb/internal/smbtest"
	"github.com/gosmbd/smb/ntlm"
	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs/faultfs"
	"github.com/gosmbd/smb/vfs/memfs"
)

// script is what the fuzzer's bytes stand for. Two bytes say what there is: dialect,
// shares, limits. Then each op is a byte: the op in five bits, the peer in two, and one
// that doesn't wait until the server has done it. Requests have a byte that says how
// they are sent; operands follow as each op wants them. What is missing is zero.
type script struct {
	b      []byte
	t      *testing.T
	r      *rig
	store  smb.HandleStore // what outlives servers
	view   *storage        // the server's look at it
	faults *faults
	setup  byte // the first byte
	second byte // the second one
	peers  [4]*peer
	ids    []smb2.FileID // that any CREATE returned
	key    [24]byte      // of the latest FSCTL_SRV_REQUEST_RESUME_KEY
	slept  time.Duration
}

// The peers are connections: the second joins the session of the first, the third is
// of another machine, the fourth of the first machine with a session of its own.
const (
	peerA byte = iota << 5
	peerJoins
	peerB
	peerA2
	racing byte = 0x80 // the next op doesn't wait
)

// The ops; those up to opRaw send a request. Zero does nothing.
const (
	opCreate byte = iota + 1
	opClose
	opRead
	opWrite
	opLock
	opResilient
	opIoctl
	opNotify
	opQueryDir
	opQueryInfo
	opSetInfo
	opFlush
	opAck
	opWrongAck
	opCancel
	opTree
	opTreeDisconnect
	opLogoff
	opCommand
	opRaw

	opFlip
	opCut
	opReconnect
	opLogon
	opSleep
	opRestart
	opHold
	opRelease
	opFault
	opLook
	opConclude
)

// How a request is sent.
const (
	howRelated byte = 1 << iota
	howMore         // the next one is in the same frame
	howReplay
	howUnsigned
	howMutated
	howTampered
	howLater   // with the next ChannelSequence
	howEarlier // with the previous one
)

// The first byte: five dialects in three bits, and these.
const (
	setupRaw        byte = 1 << 3 // the first peer hasn't negotiated
	setupNegotiated byte = 2 << 3 // it has no session
	setupNoTree     byte = 3 << 3 // it has no tree
	setupSeal       byte = 1 << 5 // requests are encrypted
	setupSameUser   byte = 1 << 6 // the other machine's user is ann, too
	setupTight      byte = 1 << 7 // low limits
)

// The second byte: the share in two bits, and this.
const secondDelay byte = 1 << 2 // failed logons are held back

var fuzzShares = []string{"ca", "s", "IPC$", "enc"}

func newScript(t *testing.T, b []byte) *script {
	s := &script{b: b, t: t, faults: &faults{}, store: &smb.MemoryHandles{}}
	s.setup, s.second = s.byte(), s.byte()
	s.r = &rig{t: t, fs: &memfs.FS{}}
	mkdir(t, s.r.fs, "d")
	fsys := faultfs.New(s.r.fs, s.faults.hook)
	s.r.srv = s.server(smb.Shares{
		"ca": {FS: fsys, ContinuouslyAvailable: true}, "s": {FS: fsys}, "enc": {FS: fsys, Encrypt: true},
	})
	for i := range s.peers {
		s.peers[i] = &peer{s: s, n: i}
	}
	t.Cleanup(func() { s.r.srv.Close() }) // if the script doesn't get there
	return s
}

// server starts one on what is stored.
func (s *script) server(shares smb.Namespace) *smb.Server {
	s.view = &storage{HandleStore: s.store, t: s.t, faults: s.faults}
	srv := &smb.Server{
		Name: "server", Shares: shares, Handles: s.view,
		Mechanisms: []smb.Mechanism{ntlm.New(accounts())}, Logger: noPanics(s.t),
	}
	if s.second&secondDelay == 0 {
		noDelay(srv)
	}
	srv.Limits.MaxIO = 64 << 10
	if s.setup&setupTight != 0 {
		l := &srv.Limits
		l.AsyncPerConn, l.OpensPerSession, l.DisconnectedPerUser, l.LocksPerFile = 3, 6, 2, 3
		l.WatchesPerSession, l.NotifyMemory, l.TreesPerSession = 2, 4<<10, 3
	}
	return srv
}

// close ends the server; what it stored stays.
func (s *script) close() {
	closes(s.t, s.r.srv)
	s.view.end()
}

func (s *script) byte() byte {
	if len(s.b) == 0 {
		return 0
	}
	x := s.b[0]
	s.b = s.b[1:]
	return x
}

func (s *script) bytes(n int) []byte {
	n = min(n, len(s.b))
	x := s.b[:n]
	s.b = s.b[n:]
	return x
}

// id is an operand: an open, the newest being 0, or what related requests use.
func (s *script) id() smb2.FileID {
	x := int(s.byte())
	if x == 255 || len(s.ids) == 0 {
		return smb2.RelatedFileID
	}
	return s.ids[len(s.ids)-1-x%len(s.ids)]
}

func (s *script) run() {
	for n := 0; len(s.b) > 0 && n < 100; n++ {
		x := s.byte()
		p := s.peers[x>>5&3]
		if op := x & 31; op == 0 {
			continue
		} else if op <= opRaw {
			p.request(op, s.byte())
		} else {
			p.act(op)
		}
		if x&racing == 0 {
			for _, p := range s.peers {
				p.drain()
			}
		}
	}
	for _, p := range s.peers {
		p.flush()
		p.drain()
	}
	s.look()
}

// act carries out an op that isn't a request.
func (p *peer) act(op byte) {
	s := p.s
	switch op {
	case opFlip:
		p.flipAt, p.flip = int(s.byte()), s.byte()
	case opCut:
		p.cut()
	case opReconnect:
		old := p.session
		p.cut()
		p.previous = old
		p.connect()
	case opLogon:
		p.logon(s.byte())
	case opSleep:
		d := []time.Duration{
			time.Millisecond, time.Second, 3500 * time.Millisecond, 10 * time.Second,
			36 * time.Second, 61 * time.Second, 5 * time.Minute, 17 * time.Minute,
		}[s.byte()&7]
		if s.slept += d; s.slept < 30*time.Minute {
			time.Sleep(d)
		}
	case opRestart:
		s.restart(s.byte())
	case opHold:
		if p.c != nil && p.release == nil {
			p.release = p.c.Hold()
		}
	case opRelease:
		p.free()
	case opFault:
		x := s.byte()
		s.faults.set(fault{
			delay: []time.Duration{0, 10 * time.Millisecond, time.Second, 2 * time.Second}[x&3],
			store: x&4 != 0, after: x&8 != 0,
		})
	case opConclude:
		p.conclude()
	case opLook:
		s.look()
	}
}

// look asks for what an administrator sees.
func (s *script) look() {
	for range s.r.srv.Sessions() {
	}
	waiting := make(map[string]int)
	for o := range s.r.srv.Opens() {
		if o.SessionID == 0 {
			waiting[o.Caller.String()]++
		}
	}
	for who, n := range waiting {
		if most := s.r.srv.Limits.DisconnectedPerUser; most > 0 && n > most {
			s.t.Errorf("%d handles of %s wait, at most %d may", n, who, most)
		}
	}
}

// restart ends the server, at once or after what is under way, and starts another.
func (s *script) restart(how byte) {
	s.faults.clear()
	if how&1 != 0 {
		for _, p := range s.peers {
			p.free() // it would hold the server up
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		s.r.srv.Shutdown(ctx)
		cancel()
	}
	shares := s.r.srv.Shares
	s.close()
	for _, p := range s.peers {
		p.cut()
	}
	s.r.srv = s.server(shares)
}

// request adds a request to the frame, which is sent unless more is to come.
func (p *peer) request(op, how byte) {
	p.need()
	var e *smbtest.Elem
	if op == opCancel {
		e = p.cancel()
	} else {
		cmd, body := p.body(op)
		if how&howMutated != 0 {
			body = p.s.mutate(body)
		}
		switch {
		case how&howLater != 0:
			p.c.Sequence++
		case how&howEarlier != 0:
			p.c.Sequence--
		}
		e = p.c.Req(cmd, body)
	}
	if how&howEarlier != 0 {
		p.c.Sequence++
	}
	if how&howRelated != 0 && len(p.frame) > 0 {
		e.Related()
	}
	if how&howReplay != 0 {
		e.Replay()
	}
	if how&howTampered != 0 {
		at, v := int(p.s.byte())%smb2.HeaderSize, p.s.byte()
		e.Tamper = func(msg []byte) { msg[at] = v }
		p.tampered = true
	}
	e.Unsigned = how&howUnsigned != 0
	p.frame = append(p.frame, e)
	if how&howMore == 0 || len(p.frame) == 8 {
		p.flush()
	}
}
