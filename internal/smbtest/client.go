// Package smbtest is an SMB client for tests of the server. It speaks frames:
// whatever it sends can be changed before it goes, and it never hides what came
// back.
//
// Most methods fail the test when the connection breaks. Those that expect it to
// break are Send, Recv and Dropped.
package smbtest

import (
	"encoding/binary"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gosmbd/smb/internal/frame"
	"github.com/gosmbd/smb/signing"
	"github.com/gosmbd/smb/smb2"
)

// Body is the part of a message after its header; the messages of package smb2
// are, and Raw.
type Body interface{ Append(dst []byte) []byte }

// Raw is a Body that is sent as it is.
type Raw []byte

// Append appends the bytes.
func (r Raw) Append(dst []byte) []byte { return append(dst, r...) }

// Elem is one request. What Client.Req filled in may be changed before Send.
type Elem struct {
	smb2.Header
	Body Body

	// Unsigned leaves the signature out where the session would have one.
	Unsigned bool
	// Tamper changes the message after it was signed, and before the frame is
	// encrypted.
	Tamper func(msg []byte)
}

// Replay marks e as sent before. [MS-SMB2] 3.2.4.1.9
func (e *Elem) Replay() *Elem {
	e.Flags |= smb2.FlagReplayOperation
	return e
}

// Related makes e a related request of a compound, with no ids of its own.
func (e *Elem) Related() *Elem {
	e.Flags |= smb2.FlagRelated
	e.TreeID, e.SessionID = ^uint32(0), ^uint64(0)
	return e
}

// Reply is one element that the server sent.
type Reply struct {
	smb2.Header
	Msg    []byte // header and body
	Sealed bool   // it came encrypted
	Frame  int    // number of the frame that it came in, counted from 1
	BadSig bool   // it claims to be signed, and isn't, or nobody has the key
}

// Session is what a client needs to sign and encrypt.
type Session struct {
	ID     uint64
	Flags  smb2.SessionFlags
	Key    []byte // of the mechanism; nil for guests
	Signer *signing.Signer
	In     *signing.Sealer // server to client
	Out    *signing.Sealer // client to server
	Sign   bool            // sign requests; SessionSetup sets it if there is a key
	Seal   bool            // encrypt frames; SessionSetup sets it if the server asks

	binder *signing.Signer // key of the session, if Signer is that of a channel
	nonce  *atomic.Uint64  // of the last frame that was encrypted, on whatever channel
}

// Client is one connection. It is for one goroutine.
type Client struct {
	// Timeout is how long Recv waits; 10 s unless changed.
	Timeout time.Duration

	// What Negotiate settled.
	Dialect Dialect
	Cipher  signing.Cipher
	SignAlg signing.Algorithm
	Server  smb2.NegotiateResponse
	Asked   smb2.NegotiateRequest

	// Session and Tree are what Req fills in.
	Session *Session
	Tree    uint32

	NextID  uint64 // MessageId of the next request
	Credits int    // granted and not used, as the client sees it
	Ask     uint16 // CreditRequest of each request

	// Sequence is the ChannelSequence of each request of dialect 3.x, and
	// Replaying marks each as one that was sent before.
	Sequence  uint16
	Replaying bool

	preauth  signing.PreauthHash
	sessions map[uint64]*Session
	frames   int
	pending  []Reply // received and not asked for

	tb   testing.TB
	nc   net.Conn
	wmu  sync.Mutex
	in   chan []byte
	gate gate
}

// Dialect is smb2.Dialect.
type Dialect = smb2.Dialect

// New returns a client on nc, which is closed when the test ends.
func New(tb testing.TB, nc net.Conn) *Client {
	c := &Client{
		Timeout:  10 * time.Second,
		Session:  &Session{},
		Credits:  1,
		Ask:      64,
		sessions: make(map[uint64]*Session),
		tb:       tb,
		nc:       nc,
		in:       make(chan []byte, 1<<14),
	}
	go c.read()
	tb.Cleanup(func() { c.Close() })
	return c
}

// Close breaks the connection off.
func (c *Client) Close() { c.nc.Close() }

// read takes frames off the connection until it ends.
func (c *Client) read() {
	defer close(c.in)
	for {
		c.gate.pass()
		var hdr [4]byte
		if _, err := io.ReadFull(c.nc, hdr[:]); err != nil {
			return
		}
		b := make([]byte, binary.BigEndian.Uint32(hdr[:]))
		if _, err := io.ReadFull(c.nc, b); err != nil {
			return
		}
		c.gate.leave()
		c.in <- b
	}
}

// Hold stops reading after one more frame; the function that it returns goes on.
func (c *Client) Hold() (release func()) {
	c.gate.close()
	return c.gate.open
}

// gate is where the reader may be held up.
type gate struct {
	mu      sync.Mutex
	opened  sync.Cond // L is &mu once somebody waits
	held    bool
	reading bool // the reader waits for a frame
	one     bool // it may do so once more
}

func (g *gate) pass() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.opened.L = &g.mu
	for g.held && !g.one {
		g.opened.Wait()
	}
	g.reading, g.one = true, false
}

func (g *gate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.reading = false
}

func (g *gate) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.held, g.one = true, !g.reading
}

func (g *gate) open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.held = false
	g.opened.Broadcast()
}

// Req returns a request with the next MessageId, the current session and tree.
func (c *Client) Req(cmd smb2.Command, body Body) *Elem {
	e := &Elem{Body: body, Header: smb2.Header{
		Command: cmd, Credits: c.Ask, MessageID: c.NextID,
		SessionID: c.Session.ID, TreeID: c.Tree,
	}}
	n := uint64(1)
	if c.Dialect >= smb2.Dialect210 && c.Dialect != smb2.DialectWildcard {
		e.CreditCharge = charge(body)
		n = uint64(max(e.CreditCharge, 1))
	}
	if c.Dialect >= smb2.Dialect300 && c.Dialect != smb2.DialectWildcard {
		e.Status = smb2.Status(c.Sequence)
		if c.Replaying {
			e.Replay()
		}
	}
	switch cmd {
	case smb2.CommandCancel:
		e.CreditCharge, e.Credits = 0, 0
	default:
		c.NextID += n
		c.Credits -= int(n)
	}
	return e
}

// charge returns what a request costs. [MS-SMB2] 3.2.4.1.5
func charge(body Body) uint16 {
	n := 0
	switch b := body.(type) {
	case smb2.ReadRequest:
		n = int(min(b.Length, 1<<30))
	case smb2.WriteRequest:
		n = len(b.Data)
	case smb2.QueryDirectoryRequest:
		n = int(min(b.OutputLength, 1<<30))
	case smb2.QueryInfoRequest:
		n = int(min(b.OutputLength, 1<<30))
	case smb2.SetInfoRequest:
		n = len(b.Data)
	case smb2.IoctlRequest:
		n = max(len(b.Input), int(min(b.MaxOutputResponse, 1<<30)))
	case smb2.ChangeNotifyRequest:
		n = int(min(b.OutputLength, 1<<30))
	}
	return uint16(max(1, (n+65535)/65536))
}

// Build returns the frame that Send would send, without the transport's length.
func (c *Client) Build(elems ...*Elem) []byte {
	buf := make([]byte, smb2.TransformHeaderSize, 4096)
	for i, e := range elems {
		start := len(buf)
		buf = append(buf, make([]byte, smb2.HeaderSize)...)
		// Offsets in the body count from a header that lies before it.
		buf = e.Body.Append(buf)
		if i+1 < len(elems) {
			for (len(buf)-start)%8 != 0 {
				buf = append(buf, 0)
			}
			if e.NextCommand == 0 {
				e.NextCommand = uint32(len(buf) - start)
			}
		}
		se := c.Session
		if s := c.sessions[e.SessionID]; s != nil {
			se = s
		}
		sign := se.Sign && !se.Seal && se.Signer != nil && !e.Unsigned
		if sign {
			e.Flags |= smb2.FlagSigned
		}
		e.Put(buf[start:])
		if sign {
			se.Signer.Sign(buf[start:])
		}
		if e.Tamper != nil {
			e.Tamper(buf[start:])
		}
	}
	if c.Session.Seal {
		return c.SealWith(c.Session, buf)
	}
	return buf[smb2.TransformHeaderSize:]
}

// SealWith encrypts frame, which begins with room for a transform header.
func (c *Client) SealWith(se *Session, frame []byte) []byte {
	h := smb2.TransformHeader{
		OriginalMessageSize: uint32(len(frame) - smb2.TransformHeaderSize),
		Flags:               smb2.TransformEncrypted,
		SessionID:           se.ID,
	}
	binary.LittleEndian.PutUint64(h.Nonce[:], se.nonce.Add(1))
	h.Put(frame)
	out := make([]byte, len(frame), len(frame)+16)
	copy(out, frame)
	se.Out.Seal(out)
	return out
}

// Send sends one frame with all of elems. It reports whether the connection took
// it.
func (c *Client) Send(elems ...*Elem) bool { return c.SendFrame(c.Build(elems...)) }

// SendFrame sends b with its length before it.
func (c *Client) SendFrame(b []byte) bool {
	out := binary.BigEndian.AppendUint32(make([]byte, 0, 4+len(b)), uint32(len(b)))
	return c.SendBytes(append(out, b...))
}

// SendBytes sends b as it is.
func (c *Client) SendBytes(b []byte) bool {
	c.wmu.Lock()
	defer c.wmu.Unlock()
	c.nc.SetWriteDeadline(time.Now().Add(c.Timeout))
	_, err := c.nc.Write(b)
	return err == nil
}

// Recv returns the next reply; false: the connection ended, or nothing came in
// time.
func (c *Client) Recv() (Reply, bool) {
	if len(c.pending) > 0 {
		r := c.pending[0]
		c.pending = c.pending[1:]
		return r, true
	}
	b, ok := c.frame()
	if !ok {
		return Reply{}, false
	}
	list := c.open(b)
	c.pending = append(c.pending, list[1:]...)
	return list[0], true
}

func (c *Client) frame() ([]byte, bool) {
	t := time.NewTimer(c.Timeout)
	defer t.Stop()
	select {
	case b, ok := <-c.in:
		return b, ok
	case <-t.C:
		return nil, false
	}
}

// Quiet reports whether nothing comes for d.
func (c *Client) Quiet(d time.Duration) bool {
	if len(c.pending) > 0 {
		return false
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case b, ok := <-c.in:
		if ok {
			c.pending = append(c.pending, c.open(b)...)
		}
		return false
	case <-t.C:
		return true
	}
}

// Dropped reports whether the server ends the connection within the timeout,
// skipping what it sends before.
func (c *Client) Dropped() bool {
	t := time.NewTimer(c.Timeout)
	defer t.Stop()
	for {
		select {
		case _, ok := <-c.in:
			if !ok {
				return true
			}
		case <-t.C:
			return false
		}
	}
}

// open decrypts a frame and takes it apart.
func (c *Client) open(b []byte) []Reply {
	c.tb.Helper()
	c.frames++
	sealed := false
	if len(b) >= 4 && b[0] == 0xFD {
		sealed = true
		b = c.decrypt(b)
	}
	var list []Reply
	for first := true; len(b) > 0 || first; first = false {
		h, err := smb2.ParseHeader(b)
		if err != nil {
			c.tb.Fatalf("bad header in a reply: %v: %x", err, b[:min(len(b), 64)])
		}
		n := len(b)
		if h.NextCommand != 0 {
			n = int(h.NextCommand)
			if n%8 != 0 || n < smb2.HeaderSize || n >= len(b) {
				c.tb.Fatalf("NextCommand %d of %d bytes", h.NextCommand, len(b))
			}
		}
		if h.Flags&smb2.FlagServerToRedir == 0 {
			c.tb.Fatalf("%v: a reply without the flag of a reply", h.Command)
		}
		r := Reply{Header: h, Msg: b[:n:n], Sealed: sealed, Frame: c.frames}
		c.Credits += int(h.Credits)
		if se := c.sessions[h.SessionID]; h.Flags&smb2.FlagSigned != 0 {
			r.BadSig = se == nil || se.Signer == nil || !se.Signer.Verify(r.Msg)
		}
		list = append(list, r)
		b = b[n:]
	}
	return list
}

func (c *Client) decrypt(b []byte) []byte {
	c.tb.Helper()
	h, err := smb2.ParseTransformHeader(b)
	if err != nil {
		c.tb.Fatalf("transform header: %v", err)
	}
	se := c.sessions[h.SessionID]
	if se == nil || se.In == nil {
		c.tb.Fatalf("encrypted for session %x, which has no key", h.SessionID)
	}
	in := make([]byte, len(b), len(b)+frame.Tailroom)
	copy(in, b)
	if err := se.In.Open(in); err != nil {
		c.tb.Fatalf("decrypting a reply: %v", err)
	}
	if int(h.OriginalMessageSize) != len(in)-smb2.TransformHeaderSize {
		c.tb.Fatalf("OriginalMessageSize %d of %d bytes", h.OriginalMessageSize, len(in)-smb2.TransformHeaderSize)
	}
	return in[smb2.TransformHeaderSize:]
}

// Wait returns the final reply to the request mid. Interim replies are skipped,
// and those to other requests kept.
func (c *Client) Wait(mid uint64) Reply {
	c.tb.Helper()
	return c.wait(mid, false)
}

// WaitInterim returns the interim reply to the request mid.
func (c *Client) WaitInterim(mid uint64) Reply {
	c.tb.Helper()
	r := c.wait(mid, true)
	if r.Status != smb2.StatusPending {
		c.tb.Fatalf("%v: %v, want an interim reply", r.Command, r.Status)
	}
	if r.Flags&smb2.FlagAsync == 0 || r.AsyncID == 0 {
		c.tb.Fatalf("%v: an interim reply without AsyncId", r.Command)
	}
	return r
}

func (c *Client) wait(mid uint64, interim bool) Reply {
	c.tb.Helper()
	var skipped []Reply
	defer func() { c.pending = append(skipped, c.pending...) }()
	for {
		r, ok := c.Recv()
		switch {
		case !ok:
			c.tb.Fatalf("no reply to message %d: the connection ended or it timed out", mid)
		case r.MessageID != mid:
			skipped = append(skipped, r)
		case interim || r.Status != smb2.StatusPending:
			return r
		}
	}
}

// Do sends one request and returns its final reply.
func (c *Client) Do(cmd smb2.Command, body Body) Reply {
	c.tb.Helper()
	return c.DoElem(c.Req(cmd, body))
}

// DoElem sends e and returns its final reply.
func (c *Client) DoElem(e *Elem) Reply {
	c.tb.Helper()
	if !c.Send(e) {
		c.tb.Fatalf("%v: can't send: the connection ended", e.Command)
	}
	return c.Wait(e.MessageID)
}

// Compound sends elems in one frame and returns the final replies in the order
// of the requests.
func (c *Client) Compound(elems ...*Elem) []Reply {
	c.tb.Helper()
	if !c.Send(elems...) {
		c.tb.Fatal("compound: can't send: the connection ended")
	}
	list := make([]Reply, len(elems))
	for i, e := range elems {
		list[i] = c.Wait(e.MessageID)
	}
	return list
}

// Conn returns the connection.
func (c *Client) Conn() net.Conn { return c.nc }
