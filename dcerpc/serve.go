package dcerpc

import (
	"context"
	"fmt"
)

// handle acts on one complete PDU. The error means that the connection is broken.
func (c *Conn) handle(ctx context.Context, pdu []byte) error {
	h := parseHeader(pdu)
	c.server.packetsIn.Add(1)
	if c.queued > maxQueue {
		return fmt.Errorf("%w: the client does not read its replies", ErrBroken)
	}
	switch {
	case h.major != 5 || h.minor != 0:
		return c.refuse(h)
	case !c.bound && h.ptype != ptypeBind:
		return c.nak(h, nakProtocol)
	}
	switch h.ptype {
	case ptypeBind:
		return c.bind(ctx, h, pdu)
	case ptypeAlterContext:
		return c.alter(ctx, h, pdu)
	case ptypeAuth3:
		return c.auth3(ctx, h, pdu)
	case ptypeRequest:
		return c.request(ctx, h, pdu)
	case ptypeOrphaned, ptypeCancel, ptypeShutdown:
		// Windows ignores them: it goes on with the call that the client gave up.
		return nil
	}
	return fmt.Errorf("%w: PDU type %d", ErrBroken, h.ptype)
}

// refuse answers a PDU of a protocol version that is not spoken here, [MS-RPCE]
// 3.3.3.5.7.
func (c *Conn) refuse(h header) error {
	switch h.ptype {
	case ptypeBind:
		return c.nak(h, nakProtocol)
	case ptypeRequest, ptypeAlterContext:
		return c.breach(h.callID, 0, FaultProto, flagDidNotExecute)
	}
	return fmt.Errorf("%w: PDU type %d of version %d.%d", ErrBroken, h.ptype, h.major, h.minor)
}

// fault answers a call that was not begun.
func (c *Conn) fault(callID uint32, context uint16, f Fault) {
	c.enqueue(appendFault(nil, callID, context, f, flagDidNotExecute)...)
}

// breach answers a PDU that the client must not have sent. As with Windows, that is the
// end of the connection.
func (c *Conn) breach(callID uint32, context uint16, f Fault, flags uint8) error {
	c.enqueue(appendFault(nil, callID, context, f, flags)...)
	return fmt.Errorf("%w: %w", ErrBroken, f)
}

// nak refuses a bind, which is the end of the connection.
func (c *Conn) nak(h header, reason uint16) error {
	c.enqueue(appendBindNak(nil, h.callID, reason))
	return fmt.Errorf("%w: bind refused, reason %d", ErrBroken, reason)
}

// bind handles the PDU that opens the association, C706 12.6.4.3.
func (c *Conn) bind(ctx context.Context, h header, pdu []byte) error {
	p, err := body(h, pdu)
	if err != nil {
		return c.nak(h, nakProtocol)
	}
	b, err := parseBind(h, p)
	switch {
	case c.bound:
		return c.nak(h, nakUnspecified)
	case err != nil:
		return c.nak(h, nakProtocol)
	case !b.wellFormed():
		return c.nak(h, nakUnspecified)
	}
	if !c.charge(groupCost) {
		return c.nak(h, nakLimit)
	}
	g := c.server.join(b.group, c.conf.Client+" "+owner(ctx), c.share)
	if g == nil {
		return c.nak(h, nakUnspecified)
	}
	c.group = g // to leave, whatever happens
	c.signHeaders = h.flags&flagHeaderSign != 0
	a, token, reason := c.bindAuth(ctx, h, pdu)
	if reason != nakNone {
		return c.nak(h, reason)
	}
	c.bound, c.plain = true, a == nil
	c.multiplex = h.flags&flagMultiplex != 0
	c.maxXmit = fragment(b)
	c.ack(ptypeBindAck, h, b, c.addr, a, token)
	return nil
}

// alter handles an alter_context, which adds presentation contexts or takes a security
// context further, C706 12.6.4.1 and [MS-RPCE] 3.3.1.5.2.1.
func (c *Conn) alter(ctx context.Context, h header, pdu []byte) error {
	p, err := body(h, pdu)
	if err != nil {
		return c.breach(h.callID, 0, FaultProto, flagDidNotExecute)
	}
	b, err := parseBind(h, p)
	switch {
	case err != nil, !b.wellFormed(), c.contradicts(b):
		return c.breach(h.callID, 0, FaultProto, flagDidNotExecute)
	case len(c.contexts)+len(b.proposals) > maxContexts:
		return c.nak(h, nakLimit) // [MS-RPCE] 3.3.3.5.5
	}
	if h.flags&flagHeaderSign != 0 {
		c.signHeaders = true
		for _, a := range c.auths {
			a.headers = true
		}
	}
	a, token, err := c.alterAuth(ctx, h, pdu)
	if err != nil {
		return c.breach(h.callID, 0, faultOf(err), flagDidNotExecute)
	}
	c.ack(ptypeAlterContextResp, h, b, "", a, token)
	return nil
}

// contradicts reports whether b gives a presentation context another interface.
func (c *Conn) contradicts(b bind) bool {
	for _, p := range b.proposals {
		if old, ok := c.contexts[p.id]; ok && old.abstract != p.abstract {
			return true
		}
	}
	return false
}

// ack decides on the presentation contexts that b proposes and builds the answer, with
// what the security provider of a has to say.
func (c *Conn) ack(ptype uint8, h header, b bind, addr string, a *auth, token []byte) {
	results := make([]result, len(b.proposals))
	taken := make(map[syntax]bool)
	for i, p := range b.proposals {
		r, f := answer(p, c.ifaces)
		switch {
		case f != nil && taken[p.abstract]:
			// One of the contexts for an interface is enough, [MS-RPCE] 3.3.1.5.6.
			r = result{result: resultProvider, reason: reasonTransfer}
		case f != nil:
			taken[p.abstract] = true
			c.contexts[p.id] = presentation{f, p.abstract}
		case r.result == resultNegotiate && ptype == ptypeBindAck:
			c.features = r.reason
		}
		results[i] = r
	}
	flags := h.flags & flagHeaderSign
	if ptype == ptypeBindAck {
		flags |= h.flags & flagMultiplex
	}
	reply := bind{maxXmit: c.maxXmit, maxRecv: c.maxXmit, group: c.group.id}
	c.enqueue(a.withToken(appendBindAck(nil, ptype, flags, h.callID, reply, addr, results), token))
}

// fragment is the largest fragment in either direction, which Windows and Samba keep
// equal.
func fragment(b bind) int { return min(max(b.maxXmit, minFrag), max(b.maxRecv, minFrag), maxFrag) &^ 7 }
