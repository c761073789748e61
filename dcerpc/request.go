package dcerpc

import (
	"context"
	"fmt"
	"time"

	"github.com/gosmbd/smb/dcerpc/ndr"
	"github.com/gosmbd/smb/vfs"
)

// call is a request of which fragments are still to come.
type call struct {
	id   uint32
	drep uint8
	head request
	auth *auth
	stub []byte
}

// request handles one fragment of a call, C706 12.6.4.9. An error in it is answered at
// once, [MS-RPCE] 3.3.3.5.8. The error that is returned means that the connection is
// broken.
func (c *Conn) request(ctx context.Context, h header, pdu []byte) error {
	r, err := parseRequest(h, pdu)
	if err != nil || h.length > maxFrag {
		return c.breach(h.callID, 0, FaultProto, 0)
	}
	k, err := c.callOf(h, pdu, r)
	if k == nil {
		return err
	}
	// Before all else, or the next signature would be in the wrong place.
	stub, f := k.auth.unprotect(h, pdu, r)
	if f != 0 {
		return c.breach(k.id, k.head.context, f, 0)
	}
	if c.contexts[k.head.context].iface == nil {
		c.call = nil
		c.fault(h.callID, 0, FaultUnknownIf)
		return nil
	}
	whole := c.call == nil && h.flags&flagLast != 0 // the hint doesn't count then
	if n := len(k.stub) + len(stub); n > maxCall || !whole && len(k.stub)+r.hint > maxCall {
		return c.breach(k.id, k.head.context, FaultAccessDenied, 0) // [MS-RPCE] 3.3.3.5.4
	}
	if k.stub == nil {
		k.stub = stub
	} else {
		k.stub = append(k.stub, stub...)
	}
	if h.flags&flagLast != 0 {
		c.call = nil
		return c.execute(ctx, h, k)
	}
	if c.call == nil { // stub may be the caller's
		c.call, k.stub = k, append([]byte{}, stub...)
	}
	return nil
}

// callOf returns the call that a fragment is of. If that is nil, there is nothing more to
// do with the fragment.
func (c *Conn) callOf(h header, pdu []byte, r request) (*call, error) {
	if h.flags&flagFirst != 0 {
		return c.newCall(h, pdu, r)
	}
	k := c.call
	switch {
	case k == nil && c.callID-h.callID < oldCalls:
		return nil, nil // the rest of a call that was refused
	case k == nil && c.multiplex:
		return nil, c.stray(h, pdu, r)
	case k == nil, k.id != h.callID && c.multiplex:
		return nil, c.breach(h.callID, 0, FaultProto, 0)
	case k.id != h.callID:
		return nil, c.breach(k.id, k.head.context, FaultProto, 0)
	case k.drep != h.drep:
		return nil, c.breach(k.id, k.head.context, FaultProto, flagDidNotExecute)
	}
	// Whatever else it says about its security context, it is in that of the first.
	return k, nil
}

// stray answers a fragment that belongs to no call, with the faults of Windows.
func (c *Conn) stray(h header, pdu []byte, r request) error {
	if c.contexts[r.context].iface == nil {
		c.fault(h.callID, 0, FaultUnknownIf)
		return nil
	}
	f := FaultProto
	if h.authLen != 0 {
		t, err := parseTrailer(h, pdu)
		if a := c.auths[t.id]; err != nil || a == nil || !a.matches(t) {
			f = FaultAccessDenied
		}
	}
	return c.breach(h.callID, r.context, f, 0)
}

// newCall begins a call.
func (c *Conn) newCall(h header, pdu []byte, r request) (*call, error) {
	a, f := c.authOf(h, pdu)
	if k := c.call; k != nil {
		// One within another.
		f = FaultProto
		same := k.id == h.callID
		if same && h.authLen != 0 && a != k.auth && k.head.context == r.context {
			f = FaultSecurity
		}
		switch {
		case !c.multiplex:
			return nil, c.breach(k.id, k.head.context, f, 0)
		case same:
			return nil, c.breach(h.callID, k.head.context, f, 0)
		}
		return nil, c.breach(h.callID, 0, f, 0)
	}
	switch {
	case f == FaultProto:
		return nil, c.breach(h.callID, 0, f, flagDidNotExecute)
	case f != 0:
		return nil, c.breach(h.callID, r.context, f, 0)
	case h.flags&flagHeaderSign != 0: // which is PFC_PENDING_CANCEL here
		return nil, c.breach(h.callID, 0, FaultNoCall, flagDidNotExecute)
	}
	c.callID = h.callID
	return &call{id: h.callID, drep: h.drep, head: r, auth: a}, nil
}

// authOf returns the security context of a request, nil if it has none.
func (c *Conn) authOf(h header, pdu []byte) (*auth, Fault) {
	if h.authLen == 0 {
		for _, a := range c.auths {
			// The only one is meant if it is of LevelConnect, [MS-RPCE] 3.3.1.5.4.
			if len(c.auths) == 1 && a.level == LevelConnect {
				return a.usable()
			}
		}
		if !c.plain && c.features&multiplexSecurity == 0 {
			return nil, FaultProto
		}
		return nil, 0
	}
	t, err := parseTrailer(h, pdu)
	if err != nil {
		return nil, FaultProto
	}
	a := c.auths[t.id]
	if a == nil {
		return nil, FaultAccessDenied
	}
	if !a.matches(t) {
		a.stage = failed
	}
	return a.usable()
}

func (a *auth) usable() (*auth, Fault) {
	switch a.stage {
	case building:
		return nil, FaultProto
	case failed:
		return nil, FaultAccessDenied
	}
	if !a.expires.IsZero() && time.Now().After(a.expires) {
		// As if the provider had refused to verify the call, RFC 2743 section 2.3.2 and
		// [MS-RPCE] 3.2.1.4.1.
		return nil, FaultSecurity
	}
	return a, 0
}

// execute runs a call whose fragments have all come.
func (c *Conn) execute(ctx context.Context, h header, k *call) error {
	maybe := h.flags&flagMaybe != 0 // such calls have no answer
	if maybe {
		if c.silent++; c.silent > maxSilent {
			return fmt.Errorf("%w: too many calls without an answer", ErrBroken)
		}
	}
	c.server.callsIn.Add(1)
	out, err := c.invoke(ctx, h, k)
	if maybe {
		return nil
	}
	if err != nil {
		f := faultOf(err)
		var flags uint8
		if f == FaultOpRange {
			flags = flagDidNotExecute
		}
		c.enqueue(appendFault(nil, k.id, k.head.context, f, flags)...)
		return nil
	}
	replies, err := appendResponses(nil, k, out, c.maxXmit, k.auth)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrBroken, err)
	}
	c.enqueue(replies...)
	return nil
}

// invoke runs the operation that k is a call of.
func (c *Conn) invoke(ctx context.Context, h header, k *call) ([]byte, error) {
	if f := c.verify(h, k); f != 0 {
		return nil, f
	}
	iface := c.contexts[k.head.context].iface
	level := LevelNone
	if k.auth != nil {
		level = k.auth.level
		if level == LevelConnect && !iface.AllowConnect {
			return nil, FaultAccessDenied
		}
		ctx = vfs.WithCaller(ctx, k.auth.caller)
	}
	in, out := ndr.NewDecoderOrder(k.stub, h.order), &ndr.Encoder{}
	op := &Call{Opnum: k.head.opnum, In: in, Out: out, Handles: c.group.handles.seenBy(owner(ctx), level)}
	switch err := iface.Call(ctx, op); {
	case err != nil:
		return nil, err
	case in.Err() != nil:
		return nil, in.Err()
	case out.Len() > maxReply, !c.chargeReply(out.Len()):
		return nil, FaultNoMemory
	}
	return out.Bytes(), nil
}

// owner names the caller of ctx, for comparison.
func owner(ctx context.Context) string {
	c := vfs.CallerFrom(ctx)
	if c == nil {
		return ""
	}
	return fmt.Sprintf("%q %q %v %t %t", c.Domain, c.Name, c.SID, c.Guest, c.Anonymous)
}
