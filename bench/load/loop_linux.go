package load

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"runtime"
	"runtime/debug"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gosmbd/smb/smb2"
)

// patience is how long a loop waits for a reply.
const patience = 30 * time.Second

// loop is one thread that has operations of many clients under way, by a poll of its own: many clients
// take hardly more of the CPU than few, and nobody has to be woken to take an answer.
// Times are since start.
type loop struct {
	epoll int
	peers []*peer
	do    func(*Op) []Request
	done  func(*peer, *Op) // op was done
	buf   []byte           // that is read into
	start time.Time
	took  []time.Duration
	gc    int   // the percentage that was
	limit int64 // of memory, that was
}

// garbage is how many bytes a loop makes before there is a collection. One takes both processors for some
// milliseconds, which the server would have to answer for.
const garbage = 2 << 30

// peer is one client, whose socket is read and written without Go's poller.
type peer struct {
	c       *Client
	fd      int
	number  int
	file    FileID
	in      []byte         // of a reply that isn't complete
	out     []byte         // what isn't sent yet
	full    bool           // the socket takes no more until it is writable
	backlog []*Op          // those that there are no credits for
	waiting map[uint64]*Op // those that wait for a reply
	ids     []uint64
}

// newLoop returns a loop for the clients, which it uses up. If file isn't empty, each has opened it.
// It keeps the thread, and end lets it go; until then nobody collects garbage.
func newLoop(clients []*Client, file string, do func(*Op) []Request) (*loop, error) {
	runtime.LockOSThread()
	l := &loop{do: do, buf: make([]byte, 256<<10)}
	var err error
	if l.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		runtime.UnlockOSThread()
		return nil, err
	}
	runtime.GC()
	l.gc, l.limit = debug.SetGCPercent(-1), debug.SetMemoryLimit(garbage)
	for _, c := range clients {
		if err := l.add(c, file); err != nil {
			l.end()
			return nil, err
		}
	}
	return l, nil
}

func (l *loop) end() {
	for _, p := range l.peers {
		unix.Close(p.fd)
	}
	unix.Close(l.epoll)
	debug.SetGCPercent(l.gc)
	debug.SetMemoryLimit(l.limit)
	runtime.UnlockOSThread()
}

func (l *loop) add(c *Client, file string) (err error) {
	p := &peer{c: c, number: len(l.peers), waiting: make(map[uint64]*Op)}
	if file != "" {
		if p.file, err = c.NewWorker().Open(file); err != nil {
			return err
		}
	}
	raw, err := c.nc.(*net.TCPConn).SyscallConn()
	if err != nil {
		return err
	}
	err = errors.Join(raw.Control(func(fd uintptr) { p.fd, err = unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 0) }), err)
	if err != nil {
		return err
	}
	c.Close() // which ends its reader; the connection lives on in the duplicate
	l.peers = append(l.peers, p)
	return l.watch(p, unix.EPOLL_CTL_ADD)
}

func (l *loop) watch(p *peer, op int) error {
	e := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(p.number)}
	if p.full {
		e.Events |= unix.EPOLLOUT
	}
	return unix.EpollCtl(l.epoll, op, p.fd, &e)
}

// begin begins an operation, which counts from then on. What it has to send flush sends.
func (l *loop) begin(p *peer, op *Op, index int, then time.Duration) {
	*op = Op{Index: index, File: p.file, began: then}
	op.next = l.do(op)
	p.backlog = append(p.backlog, op)
	l.feed(p)
}

// feed makes frames of what p has credits for.
func (l *loop) feed(p *peer) {
	for len(p.backlog) > 0 {
		op, n := p.backlog[0], 0
		for i := range op.next {
			op.next[i].Charge = max(op.next[i].Charge, 1)
			n += int(op.next[i].Charge)
		}
		if p.c.credits < n {
			return
		}
		p.backlog = p.backlog[1:]
		p.c.credits -= n
		p.ids = p.ids[:0]
		for _, r := range op.next {
			p.ids = append(p.ids, p.c.nextID)
			p.waiting[p.c.nextID] = op
			p.c.nextID += uint64(r.Charge)
			if body, ok := r.Body.(smb2.ReadRequest); ok {
				op.length = body.Length
			}
		}
		op.missing = len(op.next)
		p.out = p.c.appendFrame(p.out, p.ids, op.next)
	}
}

// flush sends what p has to send, several frames at a time if there are.
func (l *loop) flush(p *peer) error {
	sent := 0
	full := false
	for sent < len(p.out) && !full {
		k, err := unix.Write(p.fd, p.out[sent:])
		switch {
		case err == unix.EAGAIN:
			full = true
		case err != nil && err != unix.EINTR:
			return err
		}
		sent += max(k, 0)
	}
	p.out = append(p.out[:0], p.out[sent:]...)
	if full == p.full {
		return nil
	}
	p.full = full
	return l.watch(p, unix.EPOLL_CTL_MOD)
}

// turn takes what has come, having waited for something no longer than wait. It reports whether
// something had.
func (l *loop) turn(events []unix.EpollEvent, wait time.Duration) (came bool, err error) {
	k, err := l.poll(events, wait)
	if err != nil {
		return false, err
	}
	for _, e := range events[:k] {
		p := l.peers[e.Fd]
		if e.Events&^unix.EPOLLOUT != 0 {
			if err := l.receive(p); err != nil {
				return false, err
			}
		}
		if err := l.flush(p); err != nil {
			return false, err
		}
	}
	return k > 0, nil
}

// poll waits until there is something to read, but not longer than wait, and returns how
// many events there are.
func (l *loop) poll(events []unix.EpollEvent, wait time.Duration) (int, error) {
	ms := 0
	switch {
	case wait >= time.Second:
		ms = int(wait.Milliseconds())
	case wait > 0:
		// Not by epoll_wait, which counts in milliseconds.
		timeout := unix.NsecToTimespec(int64(wait))
		_, err := unix.Ppoll([]unix.PollFd{{Fd: int32(l.epoll), Events: unix.POLLIN}}, &timeout, nil)
		if err != nil && err != unix.EINTR {
			return 0, err
		}
	}
	k, err := unix.EpollWait(l.epoll, events, ms)
	if err == unix.EINTR {
		return 0, nil
	}
	return k, err
}

// receive reads what p has been sent.
func (l *loop) receive(p *peer) error {
	kept := copy(l.buf, p.in)
	k, err := unix.Read(p.fd, l.buf[kept:])
	switch {
	case err == unix.EAGAIN || err == unix.EINTR:
		return nil
	case err != nil:
		return err
	case k == 0:
		return errors.New("the server ended a connection")
	}
	b := l.buf[:kept+k]
	for len(b) >= 4 {
		n := 4 + int(binary.BigEndian.Uint32(b))
		if n > len(l.buf) {
			return fmt.Errorf("a reply of %d bytes", n)
		}
		if len(b) < n {
			break
		}
		for msg := b[4:n]; len(msg) > 0; {
			h, err := smb2.ParseHeader(msg)
			if err != nil {
				return err
			}
			end := len(msg)
			if h.NextCommand != 0 {
				end = min(end, int(h.NextCommand))
			}
			if err := l.reply(p, h, msg[:end]); err != nil {
				return err
			}
			msg = msg[end:]
		}
		b = b[n:]
	}
	p.in = append(p.in[:0], b...)
	l.feed(p)
	return nil
}

func (l *loop) reply(p *peer, h smb2.Header, msg []byte) error {
	p.c.credits += int(h.Credits)
	if h.Status == smb2.StatusPending {
		return nil
	}
	op := p.waiting[h.MessageID]
	if op == nil {
		return fmt.Errorf("a reply to request %d, which there isn't", h.MessageID)
	}
	delete(p.waiting, h.MessageID)
	if h.Status != smb2.StatusSuccess {
		return fmt.Errorf("%v: %w", h.Command, h.Status)
	}
	switch h.Command {
	case smb2.CommandCreate:
		resp, err := smb2.ParseCreateResponse(msg)
		if err != nil {
			return err
		}
		op.File = resp.FileID
	case smb2.CommandRead:
		resp, err := smb2.ParseReadResponse(msg)
		if err != nil {
			return err
		}
		if len(resp.Data) != int(op.length) {
			return errShort
		}
	}
	if op.missing--; op.missing > 0 {
		return nil
	}
	op.Step++
	if op.next = l.do(op); op.next != nil {
		p.backlog = append(p.backlog, op)
		return nil
	}
	l.took = append(l.took, time.Since(l.start)-op.began)
	l.done(p, op)
	return nil
}

// heard is when something last came from the server, or was last waited for.
type heard struct{ last time.Time }

func (h *heard) check(came, waiting bool) error {
	if came || !waiting || h.last.IsZero() {
		h.last = time.Now()
		return nil
	}
	if time.Since(h.last) > patience {
		return errors.New("the server doesn't answer")
	}
	return nil
}

func (l *loop) result(n int) Result {
	r := Result{Operations: n, Wall: time.Since(l.start)}
	r.Median, r.P99 = quantiles(l.took)
	return r
}
