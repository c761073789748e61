package smb

import (
	"io"
	"math"
	"net"
	"sync"
	"time"

	"github.com/gosmbd/smb/internal/frame"
	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs"
)

// upload is a large WRITE that goes on from the connection to the file piece by piece as it comes, without being in the server's memory:
// that takes half the time. So this is for those that are neither signed nor encrypted. The read goroutine works them off.
//
// If it's kept from that by something else than the client, slow storage, say, or others who have to give up what
// they cache, another goroutine takes over: it reads the rest into memory, and then the connection.
//
// A client that is lost in the middle of its WRITE may have changed a part of what it was about to change. It
// has no answer and can't tell.
type upload struct {
	c     *conn
	t     *tcp
	ch    *chain // nil when its request is done
	total int    // bytes of the frame that have not come when it's begun

	// Owned by who reads the connection.
	left  int  // bytes of the frame that are still to be read
	armed bool // the connection waits for so much, and not for ever

	// Owned by who works on the request.
	via    *conduit   // nil: not yet, or not any more
	copies bool       // the client is slow, or the system can't move what is left
	buf    *frame.Buf // for pieces that are copied
	piece  []byte     // to be written; nil: what is in the pipe,
	ready  int        // so much of it
	last   bool       // piece is all of rest

	// What whoever took over has for who works on the request. It's there when done is closed.
	rest   *frame.Buf
	failed error
	done   chan struct{}

	mu      sync.Mutex
	watched bool        // who works on the request is the read goroutine, and doesn't wait for the client
	taken   bool        // somebody took over
	timer   *time.Timer // of takeOver

	moved int // by try
	err   error
	try   func(conn uintptr) bool // move, made once
}

const (
	// leastUpload is the length of the shortest frame that is handled so. For others the
	// system calls cost more than the copy.
	leastUpload = 128 << 10

	// uploadAlign is what pieces end at: a part of a page would have the system read the
	// rest of it first.
	uploadAlign = 4 << 10

	// uploadSlow is how long the connection may not be read. After that the next
	// uploadRest WRITEs are no uploads.
	uploadSlow = 20 * time.Millisecond
	uploadRest = 20
)

// stillComing is when a request began that isn't there yet, as chain.began: no client is told that it's being worked on.
const stillComing = math.MaxInt64

var uploads sync.Pool

// getUpload returns one that isn't used.
func getUpload() *upload {
	u, _ := uploads.Get().(*upload)
	if u == nil {
		u = new(upload)
		u.try = u.move
		u.timer = time.AfterFunc(time.Hour, u.takeOver)
		u.timer.Stop()
	}
	return u
}

// newUpload returns an upload for the frame of n bytes that comes next; nil if it's to be read like any other.
func (t *tcp) newUpload(c *conn, n int) *upload {
	if _, ok := t.nc.(*net.TCPConn); !ok || t.raw == nil || n < leastUpload {
		return nil
	}
	b, err := t.r.Peek(t.r.Buffered())
	if err != nil || b[0] != 0xFE {
		return nil
	}
	left := c.uploads(b, n)
	if left == 0 {
		return nil
	}
	if c.uploadRest > 0 {
		c.uploadRest--
		return nil
	}
	if !c.srv.conduits.some() {
		return nil
	}
	u := getUpload()
	u.c, u.t, u.left, u.total = c, t, left, left
	return u
}

// uploads reports how many of the n bytes of the frame that begins with b can be uploaded: it's to be a WRITE to a file that
// takes content from a pipe. The rest of what is to be known of it is found out when it's worked off.
func (c *conn) uploads(b []byte, n int) int {
	h, err := smb2.ParseHeader(b)
	if err != nil || h.Command != smb2.CommandWrite || h.NextCommand != 0 || h.Flags&(smb2.FlagSigned|smb2.FlagRelated) != 0 {
		return 0
	}
	req, err := smb2.ParseWriteRequestStart(b, n-len(b))
	if err != nil {
		return 0
	}
	x := c.channel(h.SessionID)
	if x == nil {
		return 0
	}
	o := x.se.pin(req.FileID, nil)
	defer o.unpin()
	switch {
	case o == nil || o.splicer == nil || o.declines.Load():
		return 0
	case o.access&vfs.WriteData == 0:
		return 0 // who may only append writes where the file ends, which mustn't change meanwhile
	case req.Flags&smb2.WriteFlagWriteThrough != 0 || o.options&smb2.OptionWriteThrough != 0:
		return 0 // that waits for the storage
	}
	pad := -(int(req.Offset&(uploadAlign-1)) + len(req.Data)) & (uploadAlign - 1)
	return n - len(b) - pad
}

// begin reads the beginning of the frame of n bytes.
func (u *upload) begin(n int) (*frame.Buf, error) {
	ahead := u.t.r.Buffered()
	buf := frame.Get(n - u.left)
	_, err := io.ReadFull(u.t.r, buf.B[:ahead])
	if err == nil { // of the rest t.r is to have nothing
		_, err = io.ReadFull(u.t.nc, buf.B[ahead:])
	}
	if err != nil {
		buf.Free()
		return nil, err
	}
	return buf, nil
}

// end gives u up.
func (u *upload) end() {
	u.dropConduit()
	u.buf.Free()
	u.rest.Free()
	u.mu.Lock()
	defer u.mu.Unlock() // the timer may have fired too late
	u.c, u.t, u.ch = nil, nil, nil
	u.left, u.armed, u.copies, u.buf, u.piece, u.last = 0, false, false, nil, nil, false
	u.rest, u.failed, u.done, u.taken = nil, nil, nil, false
	uploads.Put(u)
}

// runUpload works off ch, of whose frame only the beginning has come.
func (c *conn) runUpload(ch *chain, u *upload) error {
	c.serial = min(c.serial, 0)
	if n := &c.srv.inline; n.last.Load() != c {
		n.last.Store(c)
	}
	defer u.end()
	u.ch, ch.upload = ch, u
	u.watch()
	err := ch.run()
	if u.unwatch() {
		return errRelieved
	}
	return err
}

// watch has somebody take over if unwatch isn't called soon.
func (u *upload) watch() {
	u.mu.Lock()
	u.watched = true
	u.mu.Unlock()
	u.timer.Reset(uploadSlow)
}

// unwatch reports whether somebody has taken over, who then is done.
func (u *upload) unwatch() (taken bool) {
	u.timer.Stop()
	u.mu.Lock()
	u.watched = false
	taken = u.taken
	u.mu.Unlock()
	if taken {
		<-u.done
	}
	return taken
}

// takeOver reads the rest of the frame and then the connection.
func (u *upload) takeOver() {
	u.mu.Lock()
	if !u.watched {
		u.mu.Unlock()
		return
	}
	u.watched, u.taken, u.done = false, true, make(chan struct{})
	c := u.c
	c.srv.wg.Add(1) // the read goroutine has one, and waits for done
	u.mu.Unlock()
	c.uploadRest = uploadRest
	if u.failed = u.takeRest(); u.failed != nil {
		c.abort(u.failed)
	}
	close(u.done)
	c.serve()
}

// takeRest reads the rest of the frame. Who works on the request is kept from it by something else.
func (u *upload) takeRest() (err error) {
	defer func() {
		if p := recover(); p != nil { // of one connection, which must not end the process
			err = u.c.panicked(p)
		}
	}()
	u.settle()
	if u.left == 0 {
		return nil
	}
	c, ch := u.c, u.ch
	cost := min(ch.cost+frameCost(u.left), int(c.memory.max))
	c.unadmit(ch.cost)
	ch.cost = 0
	if err := c.admit(cost); err != nil {
		return err
	}
	ch.cost = cost
	u.rest = frame.Get(u.left)
	if err := u.t.fill(u.rest.B, 0, c.srv.limits.WriteTimeout); err != nil {
		return err
	}
	u.left = 0
	ch.hasCome()
	return nil
}

// finish reads what is left of the frame, when its request needs no more of it: the next one comes after it.
func (u *upload) finish() error {
	if u.unwatch() {
		return u.failed
	}
	u.dropConduit()
	if err := u.skip(); err != nil {
		return err
	}
	u.ch = nil
	u.watch() // the answer may have to wait for the client, which may have to be read for that
	return nil
}

// skip reads what is left of the frame and is of no use.
func (u *upload) skip() error {
	u.settle()
	if u.left == 0 {
		return nil
	}
	buf := frame.Get(firstRead)
	defer buf.Free()
	for u.left > 0 {
		k := min(u.left, firstRead)
		if err := u.t.fill(buf.B[:k], 0, u.c.srv.limits.WriteTimeout); err != nil {
			return err
		}
		u.left -= k
	}
	return nil
}

// coming returns how much of the request had not come when it was begun.
func (r *request) coming() int {
	if u := r.ch.upload; u != nil {
		return u.total
	}
	return 0
}

// hasCome notes that the request is there.
func (ch *chain) hasCome() {
	ch.c.mu.Lock()
	ch.began = ch.c.srv.clock.Load()
	ch.c.mu.Unlock()
}
