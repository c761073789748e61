package ndr

import (
	"github.com/gosmbd/smb/vfs"
)

// A Construct writes a structure or an array whose members have pointers: these stand
// in place, and what they point to behind the whole construction (C706 14.3.12.3).
// What has no pointers is written to the Encoder directly.
type Construct struct {
	*Encoder
	referents []func()
}

// NewConstruct begins a construction at the end of e. End must follow.
func NewConstruct(e *Encoder) *Construct { return &Construct{Encoder: e} }

// End writes the referents of all pointers, in their order.
func (c *Construct) End() {
	for i := 0; i < len(c.referents); i++ {
		c.referents[i]()
	}
	c.referents = nil
}

// PtrTo writes a pointer to what referent writes, which follows at once with all that it
// points to: a parameter of its own.
func (e *Encoder) PtrTo(referent func(c *Construct)) {
	c := NewConstruct(e)
	c.Defer(referent)
	c.End()
}

// Defer writes a pointer to what referent writes later, as a construction of its own.
func (c *Construct) Defer(referent func(c *Construct)) {
	c.Ptr(true)
	c.referents = append(c.referents, func() {
		inner := NewConstruct(c.Encoder)
		referent(inner)
		inner.End()
	})
}

// Array writes the pointer to a conformant array of n elements, which element writes; a
// null pointer if there are none.
func (c *Construct) Array(n int, element func(c *Construct, i int)) {
	if n == 0 {
		c.Ptr(false)
		return
	}
	c.Defer(func(c *Construct) {
		c.U32(uint32(n))
		for i := range n {
			element(c, i)
		}
	})
}

// List writes n and then, as Array, the pointer to as many elements: how structures hold
// arrays.
func (c *Construct) List(n int, element func(c *Construct, i int)) {
	c.U32(uint32(n))
	c.Array(n, element)
}

// String writes an RPC_UNICODE_STRING. Unlike that of [Encoder.UnicodeString], an empty
// one has a pointer, so that clients find an empty string and not none.
func (c *Construct) String(s string) { c.text(s, 0) }

// TerminatedString writes an RPC_UNICODE_STRING with room for a terminator that is not
// sent, as the LSA's are: clients take the space for granted and write one.
func (c *Construct) TerminatedString(s string) { c.text(s, 2) }

func (c *Construct) text(s string, room int) {
	p := unicodeBytes(s)
	p = p[:min(len(p), 0xfffc)]
	c.Align(4)
	c.U16(uint16(len(p)))
	c.U16(uint16(len(p) + room))
	c.Defer(func(c *Construct) { c.Varying((len(p)+room)/2, len(p)/2, p) })
}

// NullString writes an RPC_UNICODE_STRING without a buffer.
func (c *Construct) NullString() { c.UnicodeString("") }

// SID writes a pointer to an RPC_SID, a null pointer if s is not valid.
func (c *Construct) SID(s vfs.SID) {
	if s.Len() == 0 {
		c.Ptr(false)
		return
	}
	c.Defer(func(c *Construct) { c.Encoder.SID(s) })
}
