package netlogon

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"github.com/gosmbd/smb/ntlm"
	"github.com/gosmbd/smb/smb2"
)

// maxConns is how many logons a channel checks at a time, each over a connection of its
// own.
const maxConns = 4

// channel is a secure channel to one controller: a session key, and connections that it
// protects.
type channel struct {
	dial       func(ctx context.Context, network, addr string) (net.Conn, error)
	domain     string
	machine    machine
	controller string // its name in the configuration, or in DNS
	addr       string // of the Netlogon service, host:port
	session    session

	slots chan struct{} // holds a value for each connection in use
	gone  chan struct{} // closed by close

	mu       sync.Mutex
	idle     []*client
	closed   bool
	answered time.Time // when a logon last had an answer
}

// Format implements fmt.Formatter for all verbs, without what is secret.
func (c *channel) Format(f fmt.State, _ rune) { io.WriteString(f, c.addr) }

// openChannel sets up a channel: it finds the service, negotiates a key, and proves
// over a first protected connection that both sides agree.
func (a *Accounts) openChannel(ctx context.Context, dc Controller, secret ntlm.Hash) (*channel, error) {
	ch := &channel{
		dial:       a.cfg.dial(),
		domain:     a.cfg.Domain,
		machine:    machine{server: `\\` + dc.Name, name: a.cfg.Computer, secret: secret},
		controller: dc.Name,
		slots:      make(chan struct{}, maxConns),
		gone:       make(chan struct{}),
	}
	host, port := dc.address()
	if port == "" {
		conn, err := ch.dial(ctx, "tcp", net.JoinHostPort(host, epmapperPort))
		if err != nil {
			return nil, err
		}
		n, err := findPort(ctx, conn, ifaceNetlogon)
		if err != nil {
			return nil, err
		}
		port = fmt.Sprint(n)
	}
	ch.addr = net.JoinHostPort(host, port)
	if err := ch.negotiate(ctx); err != nil {
		return nil, err
	}
	c, err := ch.connect(ctx)
	if err != nil {
		return nil, err
	}
	if ch.session.stored, err = ch.machine.confirm(ctx, c, ch.session); err != nil {
		c.close()
		return nil, err
	}
	ch.idle = []*client{c}
	return ch, nil
}

// negotiate gets a session key over a connection of its own.
func (ch *channel) negotiate(ctx context.Context) error {
	conn, err := ch.dial(ctx, "tcp", ch.addr)
	if err != nil {
		return err
	}
	c, err := bind(ctx, conn, ifaceNetlogon, nil, nil)
	if err != nil {
		return err
	}
	defer c.close()
	ch.session, err = ch.machine.authenticate(ctx, c)
	return err
}

// connect makes a protected connection.
func (ch *channel) connect(ctx context.Context) (*client, error) {
	conn, err := ch.dial(ctx, "tcp", ch.addr)
	if err != nil {
		return nil, err
	}
	s := &sealer{key: ch.session.key, isClient: true}
	return bind(ctx, conn, ifaceNetlogon, s, authMessage(ch.domain, ch.machine.name))
}

var (
	errBusy = errors.New("netlogon: all connections to the controller were in use")
	errGone = errors.New("netlogon: the channel to the controller was given up")
)

// ask asks about an attempt.
func (ch *channel) ask(ctx context.Context, at *attempt) answer {
	v, err := ch.samLogon(ctx, at)
	if err != nil {
		return answer{ch, validation{}, fmt.Errorf("%w: %s: %w", smb2.StatusNoLogonServers, ch.machine.server, err)}
	}
	return answer{ch, v, nil}
}

// samLogon asks about an attempt once fewer than maxConns others are asked about.
func (ch *channel) samLogon(ctx context.Context, at *attempt) (validation, error) {
	select {
	case ch.slots <- struct{}{}:
		defer func() { <-ch.slots }()
	case <-ch.gone:
		return validation{}, errGone
	case <-ctx.Done():
		return validation{}, errBusy
	}
	select {
	case <-ch.gone: // as has the slot's owner before, without an answer
		return validation{}, errGone
	default:
	}
	c, err := ch.take(ctx)
	if err != nil {
		return validation{}, err
	}
	v, err := ch.machine.samLogon(ctx, c, ch.session.flags, at)
	if err != nil {
		c.close()
		return validation{}, err
	}
	if v.status == smb2.StatusAccessDenied { // of the channel, 3.4.5.3.2
		c.close()
		return validation{}, &controllerError{v.status}
	}
	ch.give(c)
	return v, nil
}

// take returns a connection that nobody uses, or a new one.
func (ch *channel) take(ctx context.Context) (*client, error) {
	ch.mu.Lock()
	if n := len(ch.idle); n > 0 {
		c := ch.idle[n-1]
		ch.idle = ch.idle[:n-1]
		ch.mu.Unlock()
		return c, nil
	}
	ch.mu.Unlock()
	return ch.connect(ctx)
}

// give puts a connection back that had an answer.
func (ch *channel) give(c *client) {
	ch.mu.Lock()
	defer ch.mu.Unlock()
	ch.answered = time.Now()
	if ch.closed {
		c.close()
		return
	}
	ch.idle = append(ch.idle, c)
}

// answeredSince says whether a logon had an answer after t.
func (ch *channel) answeredSince(t time.Time) bool {
	ch.mu.Lock()
	defer ch.mu.Unlock()
	return ch.answered.After(t)
}

// close closes the connections that nobody uses; the others close when they are given
// back. Who waits for one waits no longer.
func (ch *channel) close() {
	ch.mu.Lock()
	defer ch.mu.Unlock()
	for _, c := range ch.idle {
		c.close()
	}
	if !ch.closed {
		close(ch.gone)
	}
	ch.idle, ch.closed = nil, true
}
