// Package dcerpc is the server's side of connection-oriented DCE/RPC over a named
// pipe: C706 chapter 12 with the extensions of [MS-RPCE]. A Conn takes the octets
// that a client writes into the pipe and queues the PDUs that it reads back; the
// sub-packages hold the interfaces.
//
// The caller of an operation is the one of the SMB session, which is in the context
// that Conn.Write gets, unless the client logs on again on the pipe: then it is who
// that security context belongs to, and [vfs.CallerFrom] finds him in the operation's
// context. That logon has to protect the calls, as with Samba: one of LevelConnect may be
// that of somebody else, relayed by a client that doesn't know his keys (CVE-2016-2118), so
// calls in it are refused but for interfaces that tell everybody the same
// (Interface.AllowConnect).
//
// # Limitations
//
// Transfer syntax NDR 2.0 only; NDR64 is turned down, as C706 lets a server do. Replies
// are in little-endian representation, whatever the client's is. Calls on one pipe are
// executed in the order of their last fragment, one at a time. No callbacks and no
// asynchronous pipes.
package dcerpc

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/gosmbd/smb/dcerpc/ndr"
)

// Interface is a set of operations that a pipe offers.
type Interface struct {
	UUID         UUID
	Major, Minor uint16

	// AllowConnect has calls executed in security contexts of LevelConnect, in which
	// nothing proves that the client knows the key of its logon: only for what anybody
	// may know. Else they fault with FaultAccessDenied.
	AllowConnect bool

	// Call executes an operation. An error that is or wraps a Fault becomes that
	// fault, ndr.ErrBadStub FaultBadStub, any other FaultUnspec.
	Call func(ctx context.Context, c *Call) error
}

// Call is one call of an operation. It is valid until Interface.Call returns.
type Call struct {
	Opnum uint16

	// In is the request stub. What it returns as part of the stub must not be
	// kept. If it failed in the end, what is in Out isn't sent but FaultBadStub.
	In *ndr.Decoder

	// Out is the response stub.
	Out *ndr.Encoder

	// Handles are the context handles that the client can use here.
	Handles *Handles
}

// Bounds of what one pipe may make the server hold.
const (
	// maxFrag is the largest fragment that is announced, that of Windows and Samba.
	maxFrag = 5840
	// minFrag is the smallest that a client can ask for, as with Windows and Samba; C706
	// 12.6.3.1 has 1432 (MustRecvFragSize).
	minFrag = 2048
	// maxCall bounds the reassembled stub of a request.
	maxCall = 1 << 20
	// maxReply bounds the stub of a response.
	maxReply = 16 << 20
	// maxQueue is how much may wait for a reader when another PDU is taken in.
	maxQueue = 1 << 20
	// maxSilent is how many calls that have no answer one Write may hold: they leave nothing in
	// the queue, however many they are.
	maxSilent = 256
	// maxContexts bounds the presentation contexts of a connection; one bind can
	// propose 255 of them.
	maxContexts = 256
	// oldCalls is the distance up to which a stray fragment counts as the rest of a
	// call that is over, [MS-RPCE] 3.3.3.5.6.
	oldCalls = 150
)

// Errors of Read and Write.
var (
	// ErrEmpty means that no reply is queued.
	ErrEmpty = errors.New("dcerpc: no reply is queued")
	// ErrMore means that the reply did not fit; the rest comes with the next Read.
	ErrMore = errors.New("dcerpc: more of the reply remains")
	// ErrBroken means that the client broke the protocol so that the pipe is of no
	// more use. Replies that are queued can still be read.
	ErrBroken = errors.New("dcerpc: connection is broken")
)

// Config is what a server has besides interfaces. The zero Config offers no security
// providers, and every association is a group of its own.
type Config struct {
	// Accept begins a logon with a security provider ([MS-RPCE] 2.2.1.1.7), one of
	// the Auth constants or any other number; nil if there is none such.
	Accept func(ctx context.Context, provider uint8) Logon

	// Judge is told how a logon ended, err nil if the client proved who it is, and
	// returns what holds. It may block, and so make guessing slow: what the client has
	// written behind the last leg isn't looked at before it returns.
	Judge func(ctx context.Context, l Logon, err error) error

	// Server is shared by the pipes among which associations can form groups.
	Server *Server

	// Client names the client's machine. Only associations of one client and one
	// caller of SMB join the same group.
	Client string

	// Memory is about how many octets the pipes of Server may hold: parts of calls, replies
	// that nobody has read, logons, context handles. A user may hold no more than he leaves
	// to others. Above it, a bind is refused, a call or the connection ends with
	// FaultNoMemory. Zero: no limit, but those of each pipe.
	Memory int

	// User names whom the pipe counts for in Memory.
	User string
}

// Conn is the server's side of one open pipe. It has no goroutine, and its methods
// must not be called concurrently.
type Conn struct {
	// Immutable.
	conf   Config
	server *Server
	addr   string
	ifaces []Interface

	share share

	in      []byte // the beginning of a PDU whose end has not come yet
	out     [][]byte
	queued  int // octets in out
	read    int // PDUs that were read, for which out still has room
	charged int // octets taken from share
	silent  int // calls without an answer that Write has executed
	err     error

	bound    bool
	group    *group // nil until bound
	maxXmit  int    // largest fragments, to the client and from it
	features uint16 // bind time features
	contexts map[uint16]presentation
	call     *call
	callID   uint32 // of the call begun last

	multiplex bool // calls may come one within another, which the client says

	auths       map[uint32]*auth
	plain       bool // the bind had no security context
	signHeaders bool // was agreed on
}

// presentation is a presentation context that was accepted.
type presentation struct {
	iface    *Interface
	abstract syntax // as the client proposed it
}

// NewConn is Config.NewConn with the zero Config.
func NewConn(secondaryAddr string, ifaces ...Interface) *Conn {
	return Config{}.NewConn(secondaryAddr, ifaces...)
}

// NewConn returns the connection of a pipe that was just opened. secondaryAddr is
// told to the client in the bind_ack, like `\PIPE\srvsvc`.
func (f Config) NewConn(secondaryAddr string, ifaces ...Interface) *Conn {
	c := &Conn{conf: f, server: f.Server, addr: secondaryAddr, ifaces: ifaces,
		contexts: make(map[uint16]presentation), auths: make(map[uint32]*auth)}
	if c.server == nil {
		c.server = &Server{}
	}
	c.share = share{&c.server.memory, f.User, f.Memory}
	return c
}

// Close ends the association; with the last one of its group, the context handles are
// run down.
func (c *Conn) Close() {
	if c.err == nil {
		c.err = fmt.Errorf("%w: it is closed", ErrBroken)
	}
	c.in, c.out, c.call, c.queued, c.contexts, c.auths = nil, nil, nil, 0, nil, nil
	if c.group != nil {
		c.group.leave()
		c.group = nil
	}
	c.charge(0)
}

// Write takes in p, executes the calls that it completes and queues their replies.
// PDUs may be split over several Writes, and one Write may hold several. When ctx
// ends, those that are left are not executed. A non-nil error wraps ErrBroken, and
// sticks.
func (c *Conn) Write(ctx context.Context, p []byte) (int, error) {
	if c.err != nil {
		return 0, c.err
	}
	total := len(p)
	c.silent = 0
	for len(p) > 0 && c.err == nil {
		if ctx.Err() != nil { // nobody is there to read what comes of it
			c.err = fmt.Errorf("%w: %w", ErrBroken, context.Cause(ctx))
			break
		}
		var pdu []byte
		pdu, p = c.next(p)
		if c.err == nil && pdu != nil {
			c.err = c.handle(ctx, pdu)
		}
	}
	if c.err != nil {
		c.in, c.call = nil, nil
	}
	if !c.charge(0) {
		c.overdrawn()
	}
	return total - len(p), c.err
}

// next returns the first complete PDU of what was kept and p, and the rest of p.
// Without one, it keeps all of p. A PDU within p is not copied.
func (c *Conn) next(p []byte) (pdu, rest []byte) {
	if len(c.in) > 0 && len(c.in) < headerLen {
		n := min(headerLen-len(c.in), len(p))
		c.in, p = append(c.in, p[:n]...), p[n:]
	}
	head := c.in
	if len(head) == 0 {
		head = p
	}
	if len(head) < headerLen {
		c.in = append(c.in, p...)
		return nil, nil
	}
	h := parseHeader(head)
	if h.length < headerLen {
		c.err = fmt.Errorf("%w: fragment length %d", ErrBroken, h.length)
		return nil, p
	}
	if len(c.in) == 0 && len(p) >= h.length {
		return p[:h.length:h.length], p[h.length:]
	}
	n := min(h.length-len(c.in), len(p))
	c.in, p = append(c.in, p[:n]...), p[n:]
	if len(c.in) < h.length {
		return nil, p
	}
	pdu, c.in = c.in, nil
	return pdu, p
}

// Read moves octets of the first queued PDU to p, never of two. It returns ErrMore
// with n > 0 if some of that PDU remain, and ErrEmpty if nothing is queued.
func (c *Conn) Read(p []byte) (n int, err error) {
	if len(c.out) == 0 {
		return 0, ErrEmpty
	}
	n = c.Peek(p)
	c.queued -= n
	if n < len(c.out[0]) {
		c.out[0] = c.out[0][n:]
		return n, ErrMore
	}
	c.out[0] = nil
	c.out = c.out[1:]
	if c.read++; len(c.out) == 0 {
		c.out, c.read = nil, 0
	} else if c.read > 64 && c.read > len(c.out) {
		c.out, c.read = slices.Clone(c.out), 0
	}
	c.charge(0)
	return n, nil
}

// Peek copies to p what Read would move.
func (c *Conn) Peek(p []byte) (n int) {
	if len(c.out) == 0 {
		return 0
	}
	return copy(p, c.out[0])
}

// Len returns how many octets the next Read can return at most, and how many are
// queued in all.
func (c *Conn) Len() (next, total int) {
	if len(c.out) == 0 {
		return 0, 0
	}
	return len(c.out[0]), c.queued
}

// enqueue puts the reply PDUs pdus behind those that wait.
func (c *Conn) enqueue(pdus ...[]byte) {
	for _, p := range pdus {
		c.queued += len(p)
	}
	c.server.packetsOut.Add(uint32(len(pdus)))
	c.out = append(c.out, pdus...)
}
