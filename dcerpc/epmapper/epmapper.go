// Package epmapper is the endpoint mapper, C706 appendix O with [MS-RPCE] 2.2.1.2: it tells
// which interface is on which of the server's pipes.
//
// # Limitations
//
// Endpoints are the server's own and named pipes only. Clients can't add or remove any:
// ept_insert, ept_delete, ept_inq_object and ept_mgmt_delete fault with nca_op_rng_error,
// as [MS-RPCE] 2.2.1.2 lets them.
package epmapper

import (
	"context"
	"slices"
	"sync"

	"github.com/gosmbd/smb/dcerpc"
	"github.com/gosmbd/smb/dcerpc/ndr"
)

// PipeName is the name of the pipe that clients open, below IPC$.
const PipeName = "epmapper"

// Endpoint is where an interface can be called.
type Endpoint struct {
	UUID         dcerpc.UUID
	Major, Minor uint16
	Host         string // the server's name
	Pipe         string // without \PIPE\
}

// The status codes that are sent, [MS-RPCE] 2.2.1.2.
const (
	statusOK      = 0
	cantPerform   = 0x6d8      // EPT_S_CANT_PERFORM_OP
	notRegistered = 0x16c9a0d6 // there are no more
)

// maxEntries is how many a client can ask for, [MS-RPCE] 2.2.1.2.4.
const maxEntries = 500

var id = dcerpc.MustUUID("e1af8308-5d1f-11c9-91a4-08002b14a0fa")

// service is the interface.
type service struct{ endpoints func() []Endpoint }

// Interface returns the endpoint mapper of a server with the endpoints that the function
// returns, and its own.
func Interface(endpoints func() []Endpoint) dcerpc.Interface {
	return dcerpc.Interface{UUID: id, Major: 3, AllowConnect: true, Call: service{endpoints}.call}
}

// search is what is left to tell of the answer to a lookup. All pipes of an association
// group can go on with it, at once.
type search struct {
	mu   sync.Mutex
	rest []Endpoint
}

// take returns up to n endpoints of those that are left, and whether there are more.
func (s *search) take(n uint32) (list []Endpoint, more bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	k := min(len(s.rest), int(n))
	list, s.rest = s.rest[:k], s.rest[k:]
	return list, len(s.rest) > 0
}

func (v service) call(_ context.Context, c *dcerpc.Call) error {
	switch c.Opnum {
	case 2:
		return v.lookup(c)
	case 3:
		return v.mapTower(c)
	case 4:
		return free(c)
	}
	return dcerpc.FaultOpRange
}

// free is ept_lookup_handle_free, [MS-RPCE] 2.2.1.2.8.
func free(c *dcerpc.Call) error {
	_, h, err := dcerpc.HandleOf[*search](c)
	if err != nil {
		return err
	}
	c.Handles.Remove(h)
	c.Out.Handle(ndr.Handle{})
	c.Out.U32(statusOK)
	return nil
}

// batch is what a call of ept_lookup or ept_map returns.
type batch struct {
	handle ndr.Handle // none: the search is over
	list   []Endpoint
	max    uint32
	status uint32
}

// next reads handle and count, the last parameters of both calls, and returns what comes
// next of the search. find is called for a new one.
func (v service) next(c *dcerpc.Call, find func() []Endpoint) (b batch, err error) {
	var s *search
	first := isNull(c.In)
	if first {
		c.In.Handle()
		s = &search{rest: find()}
	} else if s, b.handle, err = dcerpc.HandleOf[*search](c); err != nil {
		return b, err
	}
	if b.max = c.In.U32(); b.max > maxEntries {
		c.In.Fail()
	}
	if c.In.Err() != nil {
		return b, c.In.Err()
	}
	var more bool
	b.list, more = s.take(b.max)
	switch {
	case len(b.list) == 0:
		b.status = notRegistered
	case more && first:
		b.handle, err = c.Handles.New(s)
		return b, err
	case more:
		return b, nil
	}
	c.Handles.Remove(b.handle)
	b.handle = ndr.Handle{}
	return b, nil
}

// isNull reports whether the next context handle of d is none.
func isNull(d *ndr.Decoder) bool {
	peek := *d
	return peek.Handle() == ndr.Handle{}
}

// lookup is ept_lookup, [MS-RPCE] 2.2.1.2.4.
func (v service) lookup(c *dcerpc.Call) error {
	q := inquiry{kind: c.In.U32()}
	if c.In.Ptr() {
		q.object, q.hasObject = c.In.UUID(), true
	}
	if c.In.Ptr() {
		q.iface, q.hasIface = c.In.UUID(), true
		q.major, q.minor = c.In.U16(), c.In.U16()
	}
	q.versions = c.In.U32()
	begun := !isNull(c.In)
	b, err := v.next(c, func() []Endpoint { return q.filter(v.all()) })
	if err != nil {
		return err
	}
	switch {
	case !begun && !q.valid():
		b.status = cantPerform
	case b.handle == ndr.Handle{} && b.max < maxEntries:
		// With the last batch clients are told that there is no more, as by Samba. Those
		// that ask for all at once would take that for an error.
		b.status = notRegistered
	}
	e := c.Out
	e.Handle(b.handle)
	b.head(e)
	for range b.list {
		e.UUID([16]byte{}) // no object
		e.Ptr(true)
		e.U32(0) // the annotation, a varying string: ""
		e.U32(1)
		e.U8(0)
	}
	e.Align(4)
	b.tail(e)
	return nil
}

// mapTower is ept_map, [MS-RPCE] 2.2.1.2.5.
func (v service) mapTower(c *dcerpc.Call) error {
	if c.In.Ptr() {
		c.In.UUID() // all endpoints are there for any object
	}
	var floors []floor
	if c.In.Ptr() {
		n := c.In.MaxCount(c.In.U32(), 1)
		tower := c.In.Bytes(n)
		var err error
		if floors, err = parseTower(tower); err != nil {
			c.In.Fail()
		}
	}
	b, err := v.next(c, func() []Endpoint {
		return slices.DeleteFunc(v.all(), func(e Endpoint) bool { return !leadsTo(floors, e) })
	})
	if err != nil {
		return err
	}
	c.Out.Handle(b.handle)
	b.head(c.Out)
	for range b.list {
		c.Out.Ptr(true)
	}
	b.tail(c.Out)
	return nil
}

// head begins the array of what was found, which is varying.
func (b batch) head(e *ndr.Encoder) {
	n := uint32(len(b.list))
	e.U32(n)
	e.U32(b.max)
	e.U32(0)
	e.U32(n)
}

// tail writes the towers that the array points to, and the status.
func (b batch) tail(e *ndr.Encoder) {
	for _, p := range b.list {
		t := p.tower()
		e.U32(uint32(len(t)))
		e.U32(uint32(len(t)))
		e.Raw(t)
		e.Align(4)
	}
	e.U32(b.status)
}

// all returns the endpoints, with that of the mapper itself.
func (v service) all() []Endpoint {
	list := slices.Clone(v.endpoints())
	if len(list) > 0 {
		list = append(list, Endpoint{UUID: id, Major: 3, Host: list[0].Host, Pipe: PipeName})
	}
	return list
}
