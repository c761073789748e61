package netlogon

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"time"
)

// maxReply is how long the result of a call may be: some times what a user in as many
// groups as [MS-NRPC] 2.2.1.4.13 allows makes of it.
const maxReply = 1 << 20

// A client is one RPC connection over TCP, bound to one interface. It makes one call
// at a time. After an error it is of no more use.
type client struct {
	conn    net.Conn
	sealer  *sealer // nil without security
	callID  uint32
	maxXmit int
}

// bind binds a new connection to an interface; s seals it from then on, with token to
// begin with, or is nil. An error closes the connection.
func bind(ctx context.Context, conn net.Conn, iface syntax, s *sealer, token []byte) (*client, error) {
	c := &client{conn: conn, callID: 1}
	err := c.during(ctx, func() error { return c.bind(iface, token) })
	if err != nil {
		conn.Close()
		return nil, err
	}
	c.sealer = s
	return c, nil
}

func (c *client) bind(iface syntax, token []byte) error {
	if _, err := c.conn.Write(appendBind(c.callID, iface, token)); err != nil {
		return err
	}
	h, pdu, err := c.receive()
	if err != nil {
		return err
	}
	switch {
	case h.ptype == ptypeBindNak:
		return errBindNak
	case h.ptype != ptypeBindAck || (token == nil) != (h.authLen == 0):
		return errPDU
	case token != nil:
		rest, reply, _, err := splitAuth(h, pdu)
		if err != nil {
			return err
		}
		if err := checkAuthReply(reply); err != nil {
			return err
		}
		pdu = rest
	}
	c.maxXmit, err = parseBindAck(pdu)
	return err
}

// errBindNak is how a controller refuses a security context that it doesn't know, say
// since it started anew.
var errBindNak = errors.New("netlogon: the controller refuses to bind")

// call makes a call and returns its result.
func (c *client) call(ctx context.Context, opnum uint16, stub []byte) (reply []byte, err error) {
	c.callID++
	err = c.during(ctx, func() error {
		if err := c.send(opnum, stub); err != nil {
			return err
		}
		reply, err = c.reply()
		return err
	})
	return reply, err
}

// send sends a request, in as many fragments as it takes.
func (c *client) send(opnum uint16, stub []byte) error {
	room := (c.maxXmit - requestLen - secTrailerLen - signatureLen) &^ 15
	for flags := uint8(flagFirst); flags&flagLast == 0; {
		part := stub
		if len(part) > room {
			part = part[:room]
		} else {
			flags |= flagLast
		}
		if _, err := c.conn.Write(appendRequest(c.callID, flags, opnum, part, c.sealer)); err != nil {
			return err
		}
		stub = stub[len(part):]
		flags &^= flagFirst
	}
	return nil
}

// reply receives the fragments of a response.
func (c *client) reply() ([]byte, error) {
	var stub []byte
	for want := uint8(flagFirst); ; want = 0 {
		h, pdu, err := c.receive()
		if err != nil {
			return nil, err
		}
		if h.ptype == ptypeFault {
			return nil, parseFault(pdu)
		}
		if h.ptype != ptypeResponse || h.flags&flagFirst != want {
			return nil, errPDU
		}
		part, err := unprotect(h, pdu, c.sealer)
		if err != nil {
			return nil, err
		}
		if len(stub)+len(part) > maxReply || len(part) == 0 && h.flags&flagLast == 0 {
			return nil, errPDU
		}
		stub = append(stub, part...)
		if h.flags&flagLast != 0 {
			return stub, nil
		}
	}
}

// receive reads one PDU, an answer to the call under way.
func (c *client) receive() (header, []byte, error) {
	var first [headerLen]byte
	if _, err := io.ReadFull(c.conn, first[:]); err != nil {
		return header{}, nil, err
	}
	h, err := parseHeader(first)
	if err != nil {
		return header{}, nil, err
	}
	if h.callID != c.callID {
		return header{}, nil, errPDU
	}
	pdu := make([]byte, h.length)
	copy(pdu, first[:])
	_, err = io.ReadFull(c.conn, pdu[headerLen:])
	return h, pdu, err
}

// during runs f, which reads and writes, and makes it end with the context.
func (c *client) during(ctx context.Context, f func() error) error {
	stop := context.AfterFunc(ctx, func() { c.conn.SetDeadline(time.Unix(1, 0)) })
	err := f()
	if !stop() && err == nil {
		err = ctx.Err()
	}
	if err != nil && ctx.Err() != nil {
		return fmt.Errorf("netlogon: %w", context.Cause(ctx))
	}
	return err
}

// close ends the connection.
func (c *client) close() { c.conn.Close() }
