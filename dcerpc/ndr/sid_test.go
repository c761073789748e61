package ndr

import (
	"bytes"
	"testing"

	"github.com/gosmbd/smb/vfs"
)

// TestSID writes SIDs and reads them back, and refuses what isn't one.
func TestSID(t *testing.T) {
	for _, sid := range []vfs.SID{"S-1-5", "S-1-1-0", "S-1-5-32-544", "S-1-5-21-1-2-3-4294967295", "S-1-0x0100000000FF-7"} {
		var e Encoder
		e.U8(1) // aligned from here
		e.SID(sid)
		d := NewDecoder(e.Bytes())
		d.U8()
		if got := d.SID(); got != sid || d.Err() != nil || d.Remaining() != 0 {
			t.Errorf("%s came back as %q, %v, %d octets left", sid, got, d.Err(), d.Remaining())
		}
	}
	var good Encoder
	good.SID("S-1-5-32-544")
	for name, b := range map[string][]byte{
		"empty":        nil,
		"cut":          good.Bytes()[:len(good.Bytes())-1],
		"counts":       append([]byte{9}, good.Bytes()[1:]...),
		"revision":     append([]byte{2, 0, 0, 0, 9}, good.Bytes()[5:]...),
		"announced 16": append([]byte{16, 0, 0, 0, 1, 16}, make([]byte, 80)...),
	} {
		d := NewDecoder(b)
		if got := d.SID(); got != "" || d.Err() == nil {
			t.Errorf("%s: read as %q", name, got)
		}
	}
}

// TestConstruct writes pointers within pointers: C706 14.3.12.3, with the octets of a
// SAMPR_RID_ENUMERATION array that Samba's smbd sent.
func TestConstruct(t *testing.T) {
	var e Encoder
	c := NewConstruct(&e)
	c.Array(2, func(c *Construct, i int) {
		c.U32(uint32(1000 + i))
		c.String([]string{"ab", "c"}[i])
	})
	c.SID("S-1-1-0")
	c.SID("")
	c.TerminatedString("d")
	c.Array(0, nil)
	c.End()
	e.U32(0xffffffff)
	want := []byte{
		0, 0, 2, 0, // pointer to the array
		4, 0, 2, 0, 0, 0, 0, 0, // to a SID, and to none
		2, 0, 4, 0, 8, 0, 2, 0, // the string
		0, 0, 0, 0, // no array
		2, 0, 0, 0, // the array
		0xe8, 3, 0, 0, 4, 0, 4, 0, 12, 0, 2, 0,
		0xe9, 3, 0, 0, 2, 0, 2, 0, 16, 0, 2, 0,
		2, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 'a', 0, 'b', 0,
		1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 'c', 0,
		0, 0, // padding
		1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0,
		2, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 'd', 0,
		0, 0, // padding
		0xff, 0xff, 0xff, 0xff,
	}
	if !bytes.Equal(e.Bytes(), want) {
		t.Errorf("got  %x\nwant %x", e.Bytes(), want)
	}
}
