package dcerpc_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"testing"

	"github.com/gosmbd/smb/dcerpc"
	"github.com/gosmbd/smb/dcerpc/ndr"
)

// bigEndian turns a PDU of pdu, bindPDU or requestPDU around: what is a number in it.
func bigEndian(p []byte) []byte {
	p = bytes.Clone(p)
	p[4] = 0
	swap := func(at int, sizes ...int) {
		for _, n := range sizes {
			for i := range n / 2 {
				p[at+i], p[at+n-1-i] = p[at+n-1-i], p[at+i]
			}
			at += n
		}
	}
	uuid := []int{4, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 4}
	swap(8, 2, 2, 4)
	switch p[2] {
	case 11, 14:
		swap(16, 2, 2, 4)
		swap(28, 2, 1, 1)
		swap(32, uuid...)
		swap(52, uuid...)
	case 0:
		swap(16, 4, 2, 2)
	}
	return p
}

// TestBigEndian has a client of the other representation, and answers in ours.
func TestBigEndian(t *testing.T) {
	i := echo
	i.Call = func(_ context.Context, c *dcerpc.Call) error {
		c.Out.U32(c.In.U32())
		c.Out.UUID(c.In.UUID())
		c.Out.WString(c.In.WString())
		c.Out.U64(c.In.U64())
		return nil
	}
	c := dcerpc.NewConn("", i)
	r := write(t, c, bigEndian(bindPDU(11, 4280)))
	if len(r) != 56 || r[2] != 12 || r[4] != 0x10 || !bytes.Equal(r[32:36], make([]byte, 4)) {
		t.Fatalf("bind: %x", r)
	}
	be := binary.BigEndian
	stub := be.AppendUint32(nil, 0x01020304)
	id := dcerpc.MustUUID("11223344-5566-7788-99aa-bbccddeeff00")
	stub = append(stub, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88)
	stub = append(stub, id[8:]...)
	for _, v := range []uint32{2, 0, 2} {
		stub = be.AppendUint32(stub, v)
	}
	stub = append(stub, 0, 'h', 0x20, 0xac)
	stub = append(stub, make([]byte, -len(stub)&7)...)
	stub = be.AppendUint64(stub, 0x0102030405060708)
	r = write(t, c, bigEndian(requestPDU(3, 2, 0, stub)))
	if len(r) < 24 || r[2] != 2 {
		t.Fatalf("%x", r)
	}
	d := ndr.NewDecoder(r[24:])
	if v := d.U32(); v != 0x01020304 {
		t.Errorf("%x", v)
	}
	if u := dcerpc.UUID(d.UUID()); u != id {
		t.Error(u)
	}
	if s := d.WString(); s != "h€" {
		t.Errorf("%q", s)
	}
	if v := d.U64(); v != 0x0102030405060708 || d.Err() != nil {
		t.Errorf("%x, %v", v, d.Err())
	}
}

// TestBigEndianHandle gives back a context handle, which is no string of octets.
func TestBigEndianHandle(t *testing.T) {
	c := dcerpc.NewConn("", registry(&key{}))
	write(t, c, bindPDU(11, 4280))
	id := write(t, c, requestPDU(3, 2, 0, nil))[24:]
	turned := bytes.Clone(id)
	for _, r := range [][2]int{{0, 4}, {4, 8}, {8, 10}, {10, 12}} {
		for i, j := r[0], r[1]-1; i < j; i, j = i+1, j-1 {
			turned[i], turned[j] = turned[j], turned[i]
		}
	}
	if r := write(t, c, bigEndian(requestPDU(3, 3, 1, turned))); faultOf(r) != 0 {
		t.Errorf("%x", r)
	}
}
