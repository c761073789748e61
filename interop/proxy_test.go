package interop

import (
	"encoding/binary"
	"io"
	"net"
	"sync"
	"testing"
	"time"
)

// cut is where a proxy breaks a connection off.
type cut int

const (
	beforeRequest cut = iota // the server doesn't see the request
	withinRequest            // it sees half of it
	afterRequest             // the connection ends while the server works
	beforeReply              // the server has answered, the client doesn't see it
	withinReply              // it sees half of it
	beforeBreak              // instead of a request: the server's break notification
	cuts
)

func (c cut) String() string {
	return [...]string{"before the request", "within the request", "after the request", "before the reply", "within the reply", "before the break"}[c]
}

// proxy stands between a client and a server, and cuts one connection once, at
// one message of the client, or at one that the server sends unasked.
type proxy struct {
	l     net.Listener
	where cut
	n     int           // which of these messages is cut
	began chan struct{} // closed when the server is seen at work on the request
	onCut func()        // called before the connection ends

	mu     sync.Mutex
	target string
	left   int // messages until the one that is cut
	fired  bool
}

// newProxy returns a proxy that cuts the nth message, counted from 0 over all
// connections.
func newProxy(t testing.TB, target string, where cut, n int) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{l: l, target: target, where: where, n: n, left: n, began: make(chan struct{})}
	t.Cleanup(func() { l.Close() })
	go p.serve()
	return p
}

func (p *proxy) addr() string { return p.l.Addr().String() }

// hasFired reports whether the cut was made.
func (p *proxy) hasFired() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.fired
}

// redirect has new connections go to another server.
func (p *proxy) redirect(target string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.target = target
}

// due counts a message, and reports whether it is the one.
func (p *proxy) due() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.left--
	p.fired = p.fired || p.left == -1
	return p.left == -1
}

func (p *proxy) serve() {
	for {
		client, err := p.l.Accept()
		if err != nil {
			return
		}
		p.mu.Lock()
		target := p.target
		p.mu.Unlock()
		server, err := net.Dial("tcp", target)
		if err != nil {
			client.Close()
			return
		}
		x := &proxied{p: p, client: client, server: server}
		go x.requests()
		go x.replies()
	}
}

// proxied is one connection.
type proxied struct {
	p              *proxy
	client, server net.Conn

	mu  sync.Mutex
	cut bool // the next message of the server doesn't get through
}

func (x *proxied) close() {
	x.client.Close()
	x.server.Close()
}

// message reads one message with its length.
func message(r io.Reader) ([]byte, error) {
	var hdr [4]byte
	if _, err := io.ReadFull(r, hdr[:]); err != nil {
		return nil, err
	}
	b := make([]byte, 4+binary.BigEndian.Uint32(hdr[:]))
	copy(b, hdr[:])
	_, err := io.ReadFull(r, b[4:])
	return b, err
}

// now makes the cut.
func (x *proxied) now() {
	if x.p.onCut != nil {
		x.p.onCut()
	}
}

func (x *proxied) requests() {
	defer x.close()
	for {
		b, err := message(x.client)
		if err != nil {
			return
		}
		if x.p.where != beforeBreak && x.p.due() {
			switch x.p.where {
			case beforeRequest:
				x.now()
				return
			case withinRequest:
				x.server.Write(b[:len(b)/2])
				x.now()
				return
			case afterRequest:
				x.server.Write(b)
				select {
				case <-x.p.began:
				case <-time.After(time.Millisecond):
				}
				x.now()
				return
			}
			x.mu.Lock()
			x.cut = true
			x.mu.Unlock()
		}
		if _, err := x.server.Write(b); err != nil {
			return
		}
	}
}

func (x *proxied) replies() {
	defer x.close()
	for {
		b, err := message(x.server)
		if err != nil {
			return
		}
		x.mu.Lock()
		cut := x.cut
		x.mu.Unlock()
		if cut || x.p.where == beforeBreak && unasked(b) && x.p.due() {
			x.now()
			if x.p.where == withinReply {
				x.client.Write(b[:len(b)/2])
			}
			return
		}
		if _, err := x.client.Write(b); err != nil {
			return
		}
	}
}

// unasked reports whether a message with its length is a break notification.
func unasked(b []byte) bool {
	const messageID = 4 + 24
	return len(b) >= messageID+8 && binary.LittleEndian.Uint64(b[messageID:]) == ^uint64(0)
}
