package load

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"runtime"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gosmbd/smb/smb2"
)

// patience is how long Offer waits for a reply.
const patience = 30 * time.Second

// Offer has the clients read blocks of length bytes of a file of size bytes, n in all and
// rate in a second, whatever the server makes of it: at random times (Poisson), each by
// a client that chance picks. How long a read took is counted from when it was due, so a
// slow answer also counts for those that had to wait behind it. One thread does it all, so
// that many clients take hardly more of the CPU than few. Begin is called before the first
// read. The clients are used up.
func Offer(clients []*Client, file string, size int64, length int, rate float64, n int, begin func() error) (Result, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	// Sleep no longer than asked for.
	if err := unix.Prctl(unix.PR_SET_TIMERSLACK, 1, 0, 0, 0); err != nil {
		return Result{}, err
	}
	o := &offer{size: size, length: length, buf: make([]byte, 256<<10)}
	var err error
	if o.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return Result{}, err
	}
	defer o.close()
	for _, c := range clients {
		if err := o.add(c, file); err != nil {
			return Result{}, err
		}
	}
	if err := begin(); err != nil {
		return Result{}, err
	}
	return o.run(rate, n)
}

// offer is the state of an Offer. Times are since its start.
type offer struct {
	size   int64
	length int
	epoll  int
	peers  []*offerPeer
	buf    []byte // that is read into
	start  time.Time
	took   []time.Duration
	late   []time.Duration
}

// offerPeer is one client, whose socket is read and written without Go's poller.
type offerPeer struct {
	w       *Worker // makes the requests
	file    FileID
	fd      int
	part    []byte                   // of a reply that isn't complete
	backlog []time.Duration          // when those were due that there is no credit for
	due     map[uint64]time.Duration // when those were due that wait for a reply
}

func (o *offer) add(c *Client, file string) error {
	w := c.NewWorker()
	id, err := w.Open(file)
	if err != nil {
		return err
	}
	raw, err := c.nc.(*net.TCPConn).SyscallConn()
	if err != nil {
		return err
	}
	p := &offerPeer{w: w, file: id, due: make(map[uint64]time.Duration)}
	err = errors.Join(raw.Control(func(fd uintptr) { p.fd, err = unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 0) }), err)
	if err != nil {
		return err
	}
	c.Close() // which ends its reader; the connection lives on in the duplicate
	i := len(o.peers)
	o.peers = append(o.peers, p)
	return unix.EpollCtl(o.epoll, unix.EPOLL_CTL_ADD, p.fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(i)})
}

func (o *offer) close() {
	for _, p := range o.peers {
		unix.Close(p.fd)
	}
	unix.Close(o.epoll)
}

func (o *offer) run(rate float64, n int) (Result, error) {
	gap := func() time.Duration { return time.Duration(rand.ExpFloat64() / rate * float64(time.Second)) }
	events := make([]unix.EpollEvent, 64)
	o.start = time.Now()
	due, offered, heard := gap(), 0, time.Duration(0)
	for len(o.took) < n {
		now := time.Since(o.start)
		for ; offered < n && due <= now; offered++ {
			p := o.peers[rand.IntN(len(o.peers))]
			p.backlog = append(p.backlog, due)
			o.late = append(o.late, time.Since(o.start)-due)
			if err := o.send(p); err != nil {
				return Result{}, err
			}
			due += gap()
		}
		wait := patience
		if offered < n {
			wait = due - time.Since(o.start)
		}
		k, err := o.poll(events, wait)
		if err != nil {
			return Result{}, err
		}
		for _, e := range events[:k] {
			if err := o.receive(o.peers[e.Fd]); err != nil {
				return Result{}, err
			}
		}
		if now = time.Since(o.start); k > 0 {
			heard = now
		} else if offered > len(o.took) && now-heard > patience {
			return Result{}, errors.New("the server doesn't answer")
		}
	}
	r := Result{Operations: n, Wall: time.Since(o.start)}
	r.Median, r.P99 = quantiles(o.took)
	_, r.Late = quantiles(o.late)
	return r, nil
}

// poll waits until there is something to read, but not longer than wait, and returns how
// many events there are.
func (o *offer) poll(events []unix.EpollEvent, wait time.Duration) (int, error) {
	if wait > 0 {
		// Not by epoll_wait, which counts in milliseconds.
		timeout := unix.NsecToTimespec(int64(wait))
		_, err := unix.Ppoll([]unix.PollFd{{Fd: int32(o.epoll), Events: unix.POLLIN}}, &timeout, nil)
		if err != nil && err != unix.EINTR {
			return 0, err
		}
	}
	k, err := unix.EpollWait(o.epoll, events, 0)
	if err == unix.EINTR {
		return 0, nil
	}
	return k, err
}

// send sends what p has credits for.
func (o *offer) send(p *offerPeer) error {
	c := p.w.c
	for len(p.backlog) > 0 && c.credits >= int(charge(o.length)) {
		p.w.ids = append(p.w.ids[:0], c.nextID)
		p.w.build([]Request{{Command: smb2.CommandRead, Charge: charge(o.length), Body: smb2.ReadRequest{
			FileID: p.file, Offset: uint64(Block(o.size, o.length)), Length: uint32(o.length),
		}}})
		p.due[c.nextID] = p.backlog[0]
		p.backlog = p.backlog[1:]
		c.nextID += uint64(charge(o.length))
		c.credits -= int(charge(o.length))
		if k, err := unix.Write(p.fd, p.w.out); err != nil || k < len(p.w.out) {
			return fmt.Errorf("%d of %d bytes sent: %w", k, len(p.w.out), err)
		}
	}
	return nil
}

// receive reads what p has been sent.
func (o *offer) receive(p *offerPeer) error {
	kept := copy(o.buf, p.part)
	k, err := unix.Read(p.fd, o.buf[kept:])
	switch {
	case err == unix.EAGAIN || err == unix.EINTR:
		return nil
	case err != nil:
		return err
	case k == 0:
		return errors.New("the server ended a connection")
	}
	b := o.buf[:kept+k]
	for len(b) >= 4 {
		n := 4 + int(binary.BigEndian.Uint32(b))
		if n > len(o.buf) {
			return fmt.Errorf("a reply of %d bytes", n)
		}
		if len(b) < n {
			break
		}
		if err := o.reply(p, b[4:n]); err != nil {
			return err
		}
		b = b[n:]
	}
	p.part = append(p.part[:0], b...)
	return o.send(p)
}

func (o *offer) reply(p *offerPeer, msg []byte) error {
	h, err := smb2.ParseHeader(msg)
	if err != nil {
		return err
	}
	p.w.c.credits += int(h.Credits)
	if h.Status == smb2.StatusPending {
		return nil
	}
	due, ok := p.due[h.MessageID]
	if !ok {
		return fmt.Errorf("a reply to request %d, which there isn't", h.MessageID)
	}
	delete(p.due, h.MessageID)
	if h.Status != smb2.StatusSuccess {
		return h.Status
	}
	resp, err := smb2.ParseReadResponse(msg)
	if err == nil && len(resp.Data) != o.length {
		err = errShort
	}
	o.took = append(o.took, time.Since(o.start)-due)
	return err
}
