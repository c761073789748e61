package smb_test

import (
	"context"
	"encoding/binary"
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

// mutate changes some bytes of body, or takes it from the input.
func (s *script) mutate(body smbtest.Body) smbtest.Body {
	n := s.byte()
	if n&0x80 != 0 {
		return smbtest.Raw(s.bytes(int(n & 0x7F)))
	}
	raw := body.Append(make([]byte, smb2.HeaderSize))[smb2.HeaderSize:]
	for range n & 3 {
		if at := int(s.byte()); at < len(raw) {
			raw[at] = s.byte()
		}
	}
	raw = raw[:len(raw)-min(len(raw), int(n>>4&7))]
	return smbtest.Raw(append(raw, s.bytes(int(n>>2&3)*8)...))
}

// names are few, so that opens meet.
var fuzzNames = []string{"f", "g", "d", `d\f`, `d\g`, "", "f:s", "d2"}

// body returns the request of an op.
func (p *peer) body(op byte) (smb2.Command, smbtest.Body) {
	s := p.s
	switch op {
	case opCreate:
		return smb2.CommandCreate, s.create()
	case opClose:
		return smb2.CommandClose, smb2.CloseRequest{FileID: s.id()}
	case opRead:
		id, x := s.id(), s.byte()
		return smb2.CommandRead, smb2.ReadRequest{FileID: id, Offset: uint64(x & 15), Length: uint32(x>>4) << 4}
	case opWrite:
		id, x := s.id(), s.byte()
		return smb2.CommandWrite, smb2.WriteRequest{FileID: id, Offset: uint64(x & 15), Data: make([]byte, x>>4)}
	case opLock:
		return smb2.CommandLock, s.lock()
	case opResilient:
		id, x := s.id(), s.byte()
		in := binary.LittleEndian.AppendUint32(nil, []uint32{0, 1000, 30000, 300000}[x&3])
		return smb2.CommandIoctl, smbtest.IoctlReq(id, smb2.FsctlLmrRequestResiliency, append(in, 0, 0, 0, 0), 0)
	case opIoctl:
		id, x := s.id(), s.byte()
		code, in := fuzzCodes[int(x&15)%len(fuzzCodes)], s.bytes(int(x>>4)*4)
		if code == smb2.FsctlSrvCopychunk && len(in) == 0 {
			// One chunk: the first 4 bytes to offset 8.
			in = append(append(in, s.key[:]...), 1, 0, 0, 0, 0, 0, 0, 0)
			in = append(in, 0, 0, 0, 0, 0, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0)
		}
		return smb2.CommandIoctl, smbtest.IoctlReq(id, code, in, 1024)
	case opNotify:
		id, x := s.id(), s.byte()
		filter := []uint32{notifyAll, notifyName, 0x100, 0}[x&3]
		return smb2.CommandChangeNotify, smb2.ChangeNotifyRequest{
			FileID: id, Flags: uint16(x >> 2 & 1), Filter: filter, OutputLength: []uint32{1000, 0, 16, 65536}[x>>3&3],
		}
	case opQueryDir:
		id, x := s.id(), s.byte()
		return smb2.CommandQueryDirectory, smb2.QueryDirectoryRequest{
			FileID: id, Class: smb2.ClassFileIdBothDirectoryInformation, OutputLength: uint32(x) << 4, Pattern: "*",
		}
	case opQueryInfo:
		id, x, class := s.id(), s.byte(), s.byte()
		return smb2.CommandQueryInfo, smb2.QueryInfoRequest{
			FileID: id, InfoType: smb2.InfoType(x&3) + 1, Class: class, OutputLength: uint32(x>>2) << 5,
		}
	case opSetInfo:
		return smb2.CommandSetInfo, s.setInfo()
	case opFlush:
		return smb2.CommandFlush, smb2.FlushRequest{FileID: s.id()}
	case opAck:
		return smb2.CommandOplockBreak, p.ack()
	case opWrongAck:
		return smb2.CommandOplockBreak, s.wrongAck()
	case opTree:
		return smb2.CommandTreeConnect, smb2.TreeConnectRequest{Path: `\\server\` + fuzzShares[s.byte()&3]}
	case opTreeDisconnect:
		return smb2.CommandTreeDisconnect, smb2.TreeDisconnectRequest{}
	case opLogoff:
		return smb2.CommandLogoff, smb2.LogoffRequest{}
	case opCommand:
		cmd := smb2.Command(s.byte() % 20)
		if cmd == smb2.CommandNegotiate {
			p.tampered = true // it ends the connection
		}
		if b, found := bodies(s.id())[cmd]; found {
			return cmd, b
		}
		return cmd, smb2.EchoRequest{}
	}
	p.tampered = true
	cmd, n := smb2.Command(s.byte()), int(s.byte())
	return cmd, smbtest.Raw(s.bytes(n))
}

var fuzzCodes = []smb2.CtlCode{
	smb2.FsctlSrvRequestResumeKey, smb2.FsctlCreateOrGetObjectID, smb2.FsctlGetReparsePoint, smb2.FsctlSetSparse,
	smb2.FsctlQueryAllocatedRanges, smb2.FsctlSrvCopychunk, smb2.FsctlQueryNetworkInterfaceInfo,
	smb2.FsctlValidateNegotiateInfo, smb2.FsctlPipeTransceive, smb2.FsctlSetZeroData, smb2.FsctlDfsGetReferrals,
}

// create is a CREATE: name, how to open, what to cache and keep, and what that needs.
func (s *script) create() smb2.CreateRequest {
	name, mode, keep := s.byte(), s.byte(), s.byte()
	req := smbtest.CreateReq(fuzzNames[name&7], smb2.Disposition(mode>>2&7))
	if name&8 != 0 {
		req.Name = "srvsvc"
	}
	req.DesiredAccess = []uint32{0x001F01FF, 0x120089, statAccess, 0x10080}[mode&3]
	if mode&0x20 != 0 {
		req.Options |= smb2.OptionDirectoryFile
	}
	if mode&0x40 != 0 {
		req.Options |= smb2.OptionDeleteOnClose
	}
	if mode&0x80 != 0 {
		req.ShareAccess = 0
	}
	var x []smb2.CreateContext
	if level := keep & 7; level < 4 {
		req.OplockLevel = []smb2.OplockLevel{smb2.OplockNone, smb2.OplockLevelII, smb2.OplockExclusive, smb2.OplockBatch}[level]
	} else {
		x = append(x, s.lease(level))
	}
	x = append(x, s.durable(keep>>3&7)...)
	if app := keep >> 6; app != 0 {
		v := s.byte()
		if app&1 != 0 {
			x = append(x, smbtest.AppInstance(smb2.GUID{0xA9, v & 3}))
		}
		if app&2 != 0 {
			x = append(x, smbtest.AppVersion(uint64(v>>2&3), uint64(v>>4&3)))
		}
	}
	return smbtest.With(req, x...)
}

func (s *script) lease(level byte) smb2.CreateContext {
	v := s.byte()
	l := smb2.LeaseContext{Version: 2, Key: leaseKey(v & 3), State: smb2.LeaseState(v >> 4 & 7)}
	if v&0x80 != 0 {
		l.Epoch = 7
	}
	switch level {
	case 4:
		l.Version, l.Epoch = 1, 0
	case 6, 7:
		l.Flags, l.ParentKey = smb2.LeaseParentKeySet, leaseKey(v>>2&3)
		if level == 7 {
			l.Flags |= 2 // which only the server sets
		}
	}
	return smbtest.LeaseContext(l)
}

// Kinds of durability in CREATE.
const (
	keepNothing byte = iota << 3
	keepDurable
	keepDurable2
	keepPersistent
	keepBack
	keepBack2
	keepBackPersistent
	keepBoth
)

func (s *script) durable(kind byte) []smb2.CreateContext {
	kind <<= 3
	if kind == keepNothing {
		return nil
	}
	if kind == keepDurable {
		return []smb2.CreateContext{smbtest.Durable()}
	}
	v := s.byte()
	guid, timeout := createGUID(v&3), []uint32{0, 1, 5000, 1 << 31}[v>>6]
	var id smb2.FileID
	if n := len(s.ids); n > 0 {
		id = s.ids[n-1-int(v>>2&15)%n]
	}
	switch kind {
	case keepDurable2:
		return []smb2.CreateContext{smbtest.Durable2(guid, timeout, 0)}
	case keepPersistent:
		return []smb2.CreateContext{smbtest.Durable2(guid, timeout, smb2.DurableFlagPersistent)}
	case keepBack:
		return []smb2.CreateContext{smbtest.Reconnect(id)}
	case keepBack2:
		return []smb2.CreateContext{smbtest.Reconnect2(id, guid, 0)}
	case keepBackPersistent:
		return []smb2.CreateContext{smbtest.Reconnect2(id, guid, smb2.DurableFlagPersistent)}
	}
	return []smb2.CreateContext{smbtest.Reconnect(id), smbtest.Durable2(guid, timeout, 0)}
}

// lock locks or unlocks one or two ranges, maybe numbered.
func (s *script) lock() smb2.LockRequest {
	id, x := s.id(), s.byte()
	flags := []smb2.LockFlags{smb2.LockExclusive, smb2.LockShared, smb2.LockUnlock, 0}[x&3]
	if x&4 != 0 {
		flags |= smb2.LockFailImmediately
	}
	req := smbtest.LockReq(id, uint64(x>>3&3), uint64(x>>5&1)+1, flags)
	if x&0x40 != 0 {
		v := s.byte()
		req.LockSequence = smbtest.LockSeq(v&15, uint32(v>>4)*13)
	}
	if x&0x80 != 0 {
		req.Locks = append(req.Locks, smb2.LockElement{Offset: 2, Length: 2, Flags: flags})
	}
	return req
}

// setInfo is what has to do with names, sizes, and others' caches.
func (s *script) setInfo() smb2.SetInfoRequest {
	id, x := s.id(), s.byte()
	to := fuzzNames[x>>4&7]
	req := smb2.SetInfoRequest{FileID: id, InfoType: smb2.InfoFile}
	set := func(c smb2.FileInfoClass, b smbtest.Body) { req.Class, req.Data = uint8(c), b.Append(nil) }
	switch x & 7 {
	case 0:
		set(smb2.ClassFileDispositionInformation, smb2.FileDispositionInformation{DeletePending: x&8 == 0})
	case 1:
		set(smb2.ClassFileRenameInformation, smb2.FileRenameInformation{ReplaceIfExists: x&8 != 0, FileName: to})
	case 2:
		set(smb2.ClassFileEndOfFileInformation, smb2.FileEndOfFileInformation{EndOfFile: int64(x >> 4)})
	case 3:
		set(smb2.ClassFileBasicInformation, smb2.FileBasicInformation{FileAttributes: uint32(x>>4) << 2})
	case 4:
		set(smb2.ClassFileLinkInformation, smb2.FileLinkInformation{ReplaceIfExists: x&8 != 0, FileName: to})
	case 5:
		set(smb2.ClassFileAllocationInformation, smb2.FileAllocationInformation{AllocationSize: int64(x >> 4)})
	case 6:
		set(smb2.ClassFileDispositionInformationEx, smb2.FileDispositionInformationEx{Flags: uint32(x >> 4)})
	case 7:
		set(smb2.ClassFileRenameInformationEx, smb2.FileRenameInformationEx{Flags: uint32(x >> 3 & 1), FileName: to})
	}
	return req
}

func (s *script) wrongAck() smbtest.Body {
	x := s.byte()
	if x&0x80 != 0 {
		return smb2.LeaseBreakAck{LeaseKey: leaseKey(x & 3), State: smb2.LeaseState(x >> 4 & 7)}
	}
	levels := []smb2.OplockLevel{smb2.OplockNone, smb2.OplockLevelII, smb2.OplockBatch, smb2.OplockLease}
	return smb2.OplockBreak{FileID: s.id(), Level: levels[x&3]}
}
