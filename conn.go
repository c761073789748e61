package smb

import (
	"container/list"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gosmbd/smb/internal/frame"
	"github.com/gosmbd/smb/internal/window"
	"github.com/gosmbd/smb/signing"
	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs"
)

// conn is one connection of a client, [MS-SMB2] 3.3.1.7.
type conn struct {
	// Immutable.
	srv  *Server
	nc   net.Conn
	tr   transport
	ctx  context.Context // ends with the connection
	stop context.CancelCauseFunc
	log  *slog.Logger
	ip   string // what ConnectionsPerIP counts by
	born time.Time

	// Owned by the read goroutine until negotiated is set, then immutable.
	negotiated  atomic.Bool
	sawWildcard bool // an SMB1 negotiate was answered with 2.???
	params      negotiated

	// Owned by the read goroutine.
	frame      *frame.Buf // that is being looked at, and nobody else has
	fresh      *chain     // made of it, and not handed on
	upload     *upload    // what is to come of the frame; nil: nothing
	uploadRest int        // how many frames are not to be uploads

	ahead bool // the frame after the one that is being looked at is being read, or has been

	serial int // requests that came one after the other, owned by the read goroutine; below zero: some are to be left out

	memory budget // of the requests and replies under way

	creditMu sync.Mutex
	window   window.Window

	// send is the queue of frames to write.
	send struct {
		sync.Mutex
		queue   []outFrame
		spare   []outFrame
		writing bool
		err     error

		hurry int // for how many answers nobody else's are waited for; owned by who is writing
	}

	authed      atomic.Bool             // had a session once
	user        atomic.Pointer[userKey] // who logged on first; nil until then
	leaseBreaks atomic.Bool             // breaks of leases that are to be answered went out on it
	lastChannel atomic.Pointer[channel] // that was looked for last, one of channels; stored under mu

	mu       sync.Mutex
	channels map[uint64]*channel // by session id; nil: torn down
	binds    map[uint64]*logon   // logons under way that are to bind a session here
	active   map[uint64]*chain   // by MessageId of the element at work
	crowded  bool                // active has had more than burst since it was made
	async    map[uint64]*chain   // by AsyncId
	running  int                 // chains not yet answered
	atWork   bool                // it is in Server.atWork
	room     sync.Cond           // running or async changed
	draining bool
	used     time.Time // last request
	nextID   uint64    // AsyncId

	over chan struct{} // closed when the connection has ended
	why  error         // then: why

	elem *list.Element // place in Server.waiting, guarded by Server.mu
}

// negotiated is what NEGOTIATE settled.
type negotiated struct {
	dialect     Dialect
	clientGUID  smb2.GUID
	clientCaps  smb2.Capabilities
	clientMode  smb2.SecurityMode
	caps        smb2.Capabilities // that we told
	mode        smb2.SecurityMode // that we told
	cipher      signing.Cipher    // zero: no encryption
	signAlg     signing.Algorithm
	maxIO       uint32
	preauth     signing.PreauthHash
	multiCredit bool
	shouldSign  bool // the client requires it
	posix       bool // the POSIX extensions may be used
}

// newConn registers a connection, or closes nc when there are too many.
func (s *Server) newConn(ctx context.Context, nc net.Conn) *conn {
	c := &conn{
		srv:      s,
		nc:       nc,
		ip:       peerKey(nc.RemoteAddr()),
		born:     time.Now(),
		used:     time.Now(),
		log:      s.log.With("peer", addrString(nc.RemoteAddr())),
		channels: make(map[uint64]*channel),
		active:   make(map[uint64]*chain),
		async:    make(map[uint64]*chain),
		over:     make(chan struct{}),
	}
	c.tr = newTCP(nc, s.memory.wanted, &s.dormant)
	c.room.L = &c.mu
	c.ctx, c.stop = context.WithCancelCause(ctx)
	c.memory.init(s.limits.MemoryPerConn)

	s.mu.Lock()
	why := ""
	switch {
	case s.closed:
		why = "server closed"
	case len(s.conns) >= s.limits.Connections:
		why = "too many connections"
	case s.perIP[c.ip] >= s.limits.ConnectionsPerIP:
		why = "too many connections from this address"
	}
	var victim *conn
	if why == "" {
		s.conns[c] = struct{}{}
		s.perIP[c.ip]++
		s.wg.Add(1)
		if s.waiting.Len() >= s.limits.Unauthenticated {
			victim = s.givesWay()
			s.unwait(victim)
		}
		c.elem = s.waiting.PushBack(c)
		s.waitingIP[c.ip]++
	}
	s.mu.Unlock()
	if victim != nil {
		s.evicted.Add(1)
		victim.abort(errEvicted)
	}
	if why != "" {
		s.refused.Add(1)
		c.log.Debug("smb: connection refused", "why", why)
		c.stop(nil)
		nc.Close()
		return nil
	}
	if t, ok := nc.(interface{ SetNoDelay(bool) error }); ok {
		t.SetNoDelay(true)
	}
	if s.ConnState != nil {
		s.ConnState(nc, StateNew)
	}
	return c
}

// givesWay returns the connection without a session that makes room for another: the
// oldest from an address that has as many as the average. So who connects from some
// addresses again and again doesn't drive out those who are about to log on from theirs.
// The caller holds s.mu.
func (s *Server) givesWay() *conn {
	for e := s.waiting.Front(); ; e = e.Next() {
		if c := e.Value.(*conn); s.waitingIP[c.ip]*len(s.waitingIP) >= s.waiting.Len() {
			return c
		}
	}
}

// unwait takes c off the list of connections without a session. The caller
// holds s.mu.
func (s *Server) unwait(c *conn) {
	if c.elem != nil {
		s.waiting.Remove(c.elem)
		c.elem = nil
		if s.waitingIP[c.ip]--; s.waitingIP[c.ip] <= 0 {
			delete(s.waitingIP, c.ip)
		}
	}
}

func addrString(a net.Addr) string {
	if a == nil {
		return ""
	}
	return a.String()
}

// peerKey returns the address that per-address limits count by: without the port, and of IPv6 the network.
func peerKey(a net.Addr) string {
	var ip net.IP
	if t, ok := a.(*net.TCPAddr); ok {
		ip = t.IP
	} else if p, err := netip.ParseAddrPort(addrString(a)); err == nil {
		ip = p.Addr().AsSlice()
	} else {
		return addrString(a)
	}
	if ip4 := ip.To4(); ip4 != nil {
		return ip4.String()
	}
	return ip.Mask(net.CIDRMask(64, 128)).String()
}

// serve reads frames until the connection ends, or another goroutine reads.
func (c *conn) serve() {
	defer c.srv.wg.Done()
	err := c.readLoop()
	if err == errRelieved {
		return
	}
	defer close(c.over)
	c.stop(err)
	c.tr.close()
	if cause := context.Cause(c.ctx); cause != nil {
		err = cause
	}
	c.teardown()
	if errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed) || errors.Is(err, ErrServerClosed) {
		c.log.Debug("smb: connection closed")
		return
	}
	var drop dropError
	if errors.As(err, &drop) && drop != errEvicted {
		c.log.Warn("smb: connection dropped", "why", drop.reason)
	} else {
		c.log.Debug("smb: connection ended", "err", err)
	}
	c.why = err
}

// readLoop reads one frame after the other. To decrypt a large one takes as long as to read
// it: the next one is read meanwhile, and the client can go on.
func (c *conn) readLoop() error {
	var ahead chan received // the next frame; made with the first large one, and kept
	var readAhead func()    // to it
	for {
		var next received
		if c.ahead {
			next = <-ahead
		} else {
			next = c.next()
		}
		if next.err != nil {
			return next.err
		}
		c.upload = next.upload
		c.ahead = len(next.buf.B) >= largeFrame && next.buf.B[0] == 0xFD
		if c.ahead {
			if ahead == nil {
				ahead = make(chan received, 1)
				readAhead = func() { ahead <- c.next() }
			}
			go readAhead()
		}
		err := c.receive(next.buf)
		if err == errRelieved { // there is nothing ahead: that is for large frames
			return err
		}
		if u := c.upload; u != nil { // the frame was refused
			c.upload = nil
			u.end()
		}
		if err == nil && c.ctx.Err() != nil {
			err = context.Cause(c.ctx)
		}
		if err != nil {
			if c.ahead {
				c.giveUp(ahead, err)
			}
			return err
		}
	}
}

// received is what recv returned.
type received struct {
	buf    *frame.Buf
	upload *upload
	err    error
}

const largeFrame = 256 << 10

// next reads a frame.
func (c *conn) next() (r received) {
	defer func() {
		if p := recover(); p != nil { // of one connection, which must not end the process
			r = received{err: c.panicked(p)}
		}
	}()
	r.buf, r.upload, r.err = c.tr.recv(c)
	return r
}

// giveUp ends the connection because of err, and what is being read ahead.
func (c *conn) giveUp(ahead <-chan received, err error) {
	c.abort(err)
	if next := <-ahead; next.buf != nil {
		c.release(next.buf)
		if next.upload != nil {
			next.upload.end()
		}
	}
}

// maxFrame returns the longest frame that the client may send now.
func (c *conn) maxFrame() int {
	if !c.authed.Load() {
		return 128 << 10 // a SESSION_SETUP with a large Kerberos ticket
	}
	return c.srv.limits.MaxIO + 64<<10
}

// abort ends the connection because of err.
func (c *conn) abort(err error) {
	c.stop(err)
	c.tr.close()
	c.mu.Lock()
	c.room.Broadcast()
	c.mu.Unlock()
}

// drain makes the connection end when nothing is under way any more.
func (c *conn) drain() {
	c.mu.Lock()
	c.draining = true
	for _, ch := range c.async {
		ch.cancelLocked(errDraining)
	}
	idle := c.running == 0
	c.mu.Unlock()
	if idle {
		c.linger()
	}
}

// maxRunning is how many requests may be at work or have their replies waiting to
// be sent. Credits alone don't bound that: they are given back when a reply is
// made, and a client that reads nothing can count on them. Requests that wait for
// something have a limit of their own.
const maxRunning = 1024

// crowd is how many requests of a connection may be at work before others go first: a
// client that sends hundreds at once would have those of all others wait behind them.
const crowd = 64

// begin counts a chain as under way, when there is room for it; false: the
// connection is draining.
func (c *conn) begin() bool {
	c.mu.Lock()
	working := func() int { return c.running - len(c.async) }
	for working() >= maxRunning && c.ctx.Err() == nil {
		c.room.Wait()
	}
	crowded := working() >= crowd
	c.running++
	if !c.atWork {
		c.atWork = true
		c.srv.atWork.add(c)
	}
	draining := c.draining
	c.mu.Unlock()
	if crowded {
		// Behind all that can go on, which nothing is that waits for a backend.
		runtime.Gosched()
	}
	return !draining
}

// end undoes begin, after the reply was written.
func (c *conn) end() {
	c.mu.Lock()
	c.running--
	c.room.Signal()
	c.used = time.Now()
	last := c.draining && c.running == 0
	c.mu.Unlock()
	if last {
		c.linger()
	}
}

// linger ends a connection that is drained. What the client still sends is read
// and thrown away for a moment: closing with something unread would reset the
// connection, and the last replies might be lost.
func (c *conn) linger() {
	w, ok := c.nc.(interface{ CloseWrite() error })
	if !ok || w.CloseWrite() != nil || c.nc.SetReadDeadline(time.Now().Add(time.Second)) != nil {
		c.abort(ErrServerClosed)
	}
}

// teardown ends what lives on the connection. A session ends with its last one.
// [MS-SMB2] 3.3.7.1
func (c *conn) teardown() {
	s := c.srv
	c.mu.Lock()
	channels := c.channels
	c.channels, c.binds = nil, nil
	c.lastChannel.Store(nil)
	c.srv.atWork.remove(c)
	c.mu.Unlock()
	alone := make(map[uint64]bool) // sessions that end
	for id, x := range channels {
		alone[id] = x.se.dropChannel(x)
	}
	c.mu.Lock()
	for _, ch := range c.async {
		// What can be asked for again on another channel goes on.
		if se := ch.owner; ch.outlives && !alone[se] && channels[se] != nil {
			ch.cancelWith(channels[se].se)
			continue
		}
		ch.cancelLocked(errConnClosed)
	}
	c.mu.Unlock()
	// A request that is stuck in a backend holds up neither breaks nor the end of others' sessions.
	var ends []func()
	for id, x := range channels {
		if !alone[id] {
			x.se.resendBreaks()
			continue
		}
		ends = append(ends, func() {
			owed := unanswered(x.se.allOpens())
			x.se.close(smb2.StatusUserSessionDeleted)
			s.resendShared(owed)
		})
	}
	c.resendOthers(channels)
	s.runAll(ends)
	s.mu.Lock()
	delete(s.conns, c)
	if s.perIP[c.ip]--; s.perIP[c.ip] <= 0 {
		delete(s.perIP, c.ip)
	}
	s.unwait(c)
	s.dropClient(c)
	s.mu.Unlock()
	s.inline.last.CompareAndSwap(c, nil)
	c.dropQueue()
	if s.ConnState != nil {
		s.ConnState(c.nc, StateClosed)
	}
}

// authenticated notes that the connection has a session of caller.
func (c *conn) authenticated(caller *vfs.Caller) {
	if c.user.Load() == nil {
		u := userOf(caller)
		c.user.CompareAndSwap(nil, &u)
	}
	c.mu.Lock()
	first := !c.authed.Swap(true)
	c.mu.Unlock()
	if !first {
		return
	}
	c.srv.mu.Lock()
	c.srv.unwait(c)
	c.srv.mu.Unlock()
	c.srv.addClient(c)
	if c.srv.ConnState != nil {
		c.srv.ConnState(c.nc, StateActive)
	}
}

// receive handles one frame. It owns buf.
func (c *conn) receive(buf *frame.Buf) (err error) {
	defer func() {
		if p := recover(); p != nil { // of what is done before a handler runs, which sees to its own
			err = c.panicked(p)
			c.giveBack()
		}
	}()
	c.frame = buf
	b := buf.B
	c.srv.counted.received.Add(uint64(len(b)))
	if u := c.upload; u != nil {
		c.srv.counted.received.Add(uint64(u.left))
	}
	if len(b) < 4 {
		return c.badFrame(buf, "frame too short")
	}
	switch {
	case b[0] == 0xFF && smb2.IsSMB1(b):
		return c.receiveSMB1(buf)
	case b[0] == 0xFD && c.negotiated.Load():
		return c.receiveSealed(buf)
	case b[0] == 0xFE:
		return c.start(buf, 0, nil)
	}
	return c.badFrame(buf, fmt.Sprintf("unknown protocol id %x", b[:4]))
}

// panicked returns the error that a mistake in the server ends the connection with.
func (c *conn) panicked(p any) error {
	c.log.Error("smb: panic", "panic", p, "stack", string(debug.Stack()))
	return dropError{"internal error"}
}

// giveBack gives up what the read goroutine holds of a frame.
func (c *conn) giveBack() {
	c.srv.inline.leave(c)
	if ch := c.fresh; ch != nil {
		c.fresh = nil
		c.forget(ch)
		ch.turn.pass()
		ch.free()
		c.end()
	} else if c.frame != nil {
		c.release(c.frame)
	}
}

func (c *conn) badFrame(buf *frame.Buf, why string) error {
	c.release(buf)
	return dropError{why}
}
