package dcerpc

import (
	"context"
	"fmt"
	"math/rand/v2"

	"github.com/gosmbd/smb/dcerpc/ndr"
)

// handle acts on one complete PDU. The error means that the connection is broken.
func (c *Conn) handle(ctx context.Context, pdu []byte) error {
	h := parseHeader(pdu)
	if c.queued > maxQueue {
		return fmt.Errorf("%w: the client does not read its replies", ErrBroken)
	}
	if h.major != 5 || h.minor != 0 || h.bigEndian {
		return c.refuse(h)
	}
	switch h.ptype {
	case ptypeBind:
		c.bind(h, pdu)
	case ptypeAlterContext:
		c.alter(h, pdu)
	case ptypeRequest:
		c.request(ctx, h, pdu)
	case ptypeOrphaned:
		if c.call != nil && c.call.id == h.callID {
			c.call = nil
		}
	case ptypeCancel, ptypeShutdown, ptypeAuth3:
		// A cancel comes too late always, since calls are executed within Write. The
		// others have no answer: [MS-RPCE] 3.3.1.5.2.1 on rpc_auth_3.
	default:
		return fmt.Errorf("%w: PDU type %d", ErrBroken, h.ptype)
	}
	return nil
}

// refuse answers a PDU of a protocol version or data representation that is not
// spoken here, [MS-RPCE] 3.3.3.5.7.
func (c *Conn) refuse(h header) error {
	switch h.ptype {
	case ptypeBind:
		c.enqueue(appendBindNak(nil, h.callID, nakProtocol))
	case ptypeRequest, ptypeAlterContext:
		c.fault(h.callID, 0, FaultProto)
	default:
		return fmt.Errorf("%w: PDU type %d of version %d.%d", ErrBroken, h.ptype, h.major, h.minor)
	}
	return nil
}

// fault answers a call that was not begun.
func (c *Conn) fault(callID uint32, context uint16, f Fault) {
	c.enqueue(appendFault(nil, callID, context, f, flagDidNotExecute)...)
}

// bind handles the PDU that opens the association, C706 12.6.4.3.
func (c *Conn) bind(h header, pdu []byte) {
	b, err := parseBind(pdu)
	switch {
	case c.bound:
		// A second one is a protocol error; the association stays as it is.
		c.enqueue(appendBindNak(nil, h.callID, nakUnspecified))
		return
	case err != nil:
		c.enqueue(appendBindNak(nil, h.callID, nakProtocol))
		return
	case h.authLen != 0:
		// [MS-RPCE] 3.3.3.5.3: no such security provider.
		c.enqueue(appendBindNak(nil, h.callID, nakAuthType))
		return
	}
	// Every bind begins a group of its own: nothing is shared between associations,
	// so the group that the client may name doesn't matter, but zero isn't a valid
	// answer.
	c.bound = true
	c.group = rand.Uint32() | 1
	c.maxXmit, c.maxRecv = clampFrag(b.maxRecv), clampFrag(b.maxXmit)
	c.enqueue(c.ack(ptypeBindAck, h, b, c.addr))
}

// alter handles an alter_context, which adds presentation contexts, C706 12.6.4.1.
func (c *Conn) alter(h header, pdu []byte) {
	b, err := parseBind(pdu)
	switch {
	case !c.bound, err != nil:
		c.fault(h.callID, 0, FaultProto)
	case h.authLen != 0:
		c.fault(h.callID, 0, FaultUnknownAuth)
	case len(c.contexts)+len(b.proposals) > maxContexts:
		c.enqueue(appendBindNak(nil, h.callID, nakLimit)) // [MS-RPCE] 3.3.3.5.5
	default:
		c.enqueue(c.ack(ptypeAlterContextResp, h, b, ""))
	}
}

// ack decides on the presentation contexts that b proposes and builds the answer.
func (c *Conn) ack(ptype uint8, h header, b bind, addr string) []byte {
	results := make([]result, len(b.proposals))
	for i, p := range b.proposals {
		r, f := answer(p, c.ifaces)
		if f != nil {
			c.contexts[p.id] = f
		}
		results[i] = r
	}
	reply := bind{maxXmit: c.maxXmit, maxRecv: c.maxRecv, group: c.group}
	return appendBindAck(nil, ptype, h.callID, reply, addr, results)
}

// clampFrag brings a fragment size that the client names into what is possible.
func clampFrag(n int) int { return min(max(n, minFrag), maxFrag) }

// request handles one fragment of a call, C706 12.6.4.9. A call that fails is
// answered at once, and what else comes of it is ignored, [MS-RPCE] 3.3.3.5.8.
func (c *Conn) request(ctx context.Context, h header, pdu []byte) {
	r, err := parseRequest(h, pdu)
	first, last := h.flags&flagFirst != 0, h.flags&flagLast != 0
	if !first && c.call == nil && c.callID-h.callID < oldCalls {
		return
	}
	k := c.call
	c.call = nil
	if first && k == nil {
		k = &call{id: h.callID, head: r}
		c.callID = h.callID
	} else if first || k == nil || k.id != h.callID {
		// A call within a call, or a middle without a beginning.
		c.fault(h.callID, r.context, FaultProto)
		return
	}
	if f := c.admit(h, k, r, err); f != 0 {
		if h.flags&flagMaybe == 0 {
			c.fault(h.callID, r.context, f)
		}
		return
	}
	if first && last {
		k.stub = r.stub
	} else {
		k.stub = append(k.stub, r.stub...)
	}
	if !last {
		c.call = k
		return
	}
	c.execute(ctx, h, k)
}

// admit says whether the fragment r of k, which was parsed with err, can be taken;
// zero if so.
func (c *Conn) admit(h header, k *call, r request, err error) Fault {
	switch {
	case err != nil, !c.bound:
		return FaultProto
	case h.authLen != 0:
		return FaultAccessDenied // no security context was ever made
	case r.context != k.head.context, c.contexts[r.context] == nil:
		return FaultUnknownIf
	case len(k.stub)+len(r.stub) > maxCall:
		return FaultAccessDenied // the status that [MS-RPCE] 3.3.3.5.4 gives
	}
	return 0
}

// execute runs a call whose fragments have all come.
func (c *Conn) execute(ctx context.Context, h header, k *call) {
	out, err := c.invoke(ctx, k)
	switch {
	case h.flags&flagMaybe != 0: // such calls have no answer
	case err != nil:
		f := faultOf(err)
		var flags uint8
		if f == FaultOpRange {
			flags = flagDidNotExecute
		}
		c.enqueue(appendFault(nil, k.id, k.head.context, f, flags)...)
	default:
		c.enqueue(appendResponses(nil, k.id, k.head.context, out, c.maxXmit)...)
	}
}

// invoke runs the operation that k is a call of.
func (c *Conn) invoke(ctx context.Context, k *call) ([]byte, error) {
	in, out := ndr.NewDecoder(k.stub), &ndr.Encoder{}
	op := &Call{Opnum: k.head.opnum, In: in, Out: out, Handles: c.handles}
	switch err := c.contexts[k.head.context].Call(ctx, op); {
	case err != nil:
		return nil, err
	case in.Err() != nil:
		return nil, in.Err()
	case out.Len() > maxReply:
		return nil, FaultNoMemory
	}
	return out.Bytes(), nil
}
