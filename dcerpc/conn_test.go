package dcerpc_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"testing"

	"github.com/gosmbd/smb/dcerpc"
	"github.com/gosmbd/smb/dcerpc/internal/transcript"
)

// pdu builds a PDU of the client.
func pdu(ptype, flags uint8, callID uint32, body ...[]byte) []byte {
	b := []byte{5, 0, ptype, flags, 0x10, 0, 0, 0, 0, 0, 0, 0}
	b = binary.LittleEndian.AppendUint32(b, callID)
	for _, p := range body {
		b = append(b, p...)
	}
	binary.LittleEndian.PutUint16(b[8:], uint16(len(b)))
	return b
}

// bindPDU proposes the echo interface as context 0.
func bindPDU(ptype uint8, maxFrag uint16) []byte {
	var b []byte
	b = binary.LittleEndian.AppendUint16(b, maxFrag)
	b = binary.LittleEndian.AppendUint16(b, maxFrag)
	b = append(b, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1, 0)
	b = append(append(b, echo.UUID[:]...), 3, 0, 0, 0)
	ndr32 := dcerpc.MustUUID("8a885d04-1ceb-11c9-9fe8-08002b104860")
	return pdu(ptype, 3, 1, b, ndr32[:], []byte{2, 0, 0, 0})
}

func requestPDU(flags uint8, callID uint32, opnum uint16, stub []byte) []byte {
	head := binary.LittleEndian.AppendUint32(nil, uint32(len(stub)))
	head = binary.LittleEndian.AppendUint16(head, 0)
	head = binary.LittleEndian.AppendUint16(head, opnum)
	return pdu(0, flags, callID, head, stub)
}

func write(t testing.TB, c *dcerpc.Conn, p []byte) []byte {
	t.Helper()
	if n, err := c.Write(context.Background(), p); err != nil || n != len(p) {
		t.Fatalf("Write = %d, %v", n, err)
	}
	return transcript.Drain(t, c)
}

func bound(t testing.TB, maxFrag uint16) *dcerpc.Conn {
	t.Helper()
	c := newEcho()
	if r := write(t, c, bindPDU(11, maxFrag)); len(r) < 16 || r[2] != 12 {
		t.Fatalf("bind: %x", r)
	}
	return c
}

// faultOf returns the status if r is one fault.
func faultOf(r []byte) dcerpc.Fault {
	if len(r) != 32 || r[2] != 3 {
		return 0
	}
	return dcerpc.Fault(binary.LittleEndian.Uint32(r[24:]))
}

// TestSplit sends a conversation in every way of cutting it once, and octet by
// octet, and all at once.
func TestSplit(t *testing.T) {
	var all []byte
	all = append(all, bindPDU(11, 4280)...)
	all = append(all, requestPDU(3, 2, 0, []byte("whole"))...)
	all = append(all, requestPDU(1, 3, 0, []byte("first "))...)
	all = append(all, requestPDU(0, 3, 0, []byte("middle "))...)
	all = append(all, requestPDU(2, 3, 0, []byte("last"))...)
	all = append(all, requestPDU(3, 4, 16, nil)...)
	whole := write(t, newEcho(), all)
	if !bytes.Contains(whole, []byte("whole")) || !bytes.Contains(whole, []byte("first middle last")) {
		t.Fatalf("%q", whole)
	}
	same := func(what int, got []byte) {
		copy(got[20:24], whole[20:24]) // association group
		if !bytes.Equal(got, whole) {
			t.Fatalf("split at %d: %x, want %x", what, got, whole)
		}
	}
	for i := 1; i < len(all); i++ {
		c := newEcho()
		same(i, append(write(t, c, all[:i]), write(t, c, all[i:])...))
	}
	c := newEcho()
	var got []byte
	for i := range all {
		got = append(got, write(t, c, all[i:i+1])...)
	}
	same(-1, got)
}

func TestFragmentedResponse(t *testing.T) {
	c := bound(t, 2048)
	const size = 10_000
	if _, err := c.Write(context.Background(), requestPDU(3, 7, 17, binary.LittleEndian.AppendUint32(nil, size))); err != nil {
		t.Fatal(err)
	}
	stub := 0
	for i := 0; ; i++ {
		next, total := c.Len()
		buf := make([]byte, 4096)
		n, err := c.Read(buf)
		if errors.Is(err, dcerpc.ErrEmpty) {
			break
		}
		if err != nil || n != next || n > 2048 || total < n {
			t.Fatal(n, next, total, err)
		}
		p := buf[:n]
		last := stub+n-24 == size
		if (p[3]&1 != 0) != (i == 0) || (p[3]&2 != 0) != last || binary.LittleEndian.Uint32(p[12:]) != 7 {
			t.Errorf("fragment %d: %x", i, p[:24])
		}
		if hint := binary.LittleEndian.Uint32(p[16:]); hint != uint32(size-stub) {
			t.Errorf("fragment %d: alloc_hint %d", i, hint)
		}
		if !last && (n-24)%8 != 0 {
			t.Errorf("fragment %d holds %d octets", i, n-24)
		}
		stub += n - 24
	}
	if next, total := c.Len(); stub != size || next != 0 || total != 0 {
		t.Error(stub, next, total)
	}
}

func TestReadInParts(t *testing.T) {
	c := bound(t, 4280)
	if _, err := c.Write(context.Background(), requestPDU(3, 2, 0, []byte("12345678"))); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 20)
	if n, err := c.Read(buf); n != 20 || !errors.Is(err, dcerpc.ErrMore) {
		t.Fatal(n, err)
	}
	if next, total := c.Len(); next != 12 || total != 12 {
		t.Fatal(next, total)
	}
	if n, err := c.Read(buf); n != 12 || err != nil || string(buf[4:12]) != "12345678" {
		t.Fatal(n, err)
	}
	if _, err := c.Read(buf); !errors.Is(err, dcerpc.ErrEmpty) {
		t.Fatal(err)
	}
}

func TestFaults(t *testing.T) {
	unknown := requestPDU(3, 2, 0, nil)
	unknown[20] = 9
	for name, f := range map[string]struct {
		pdu  []byte
		want dcerpc.Fault
	}{
		"no such operation":  {requestPDU(3, 2, 1, nil), dcerpc.FaultOpRange},
		"bad stub":           {requestPDU(3, 2, 15, nil), dcerpc.FaultBadStub},
		"fault of operation": {requestPDU(3, 2, 16, nil), dcerpc.FaultAccessDenied},
		"too large a reply":  {requestPDU(3, 2, 17, []byte{0, 0, 0, 2}), dcerpc.FaultNoMemory},
		"unknown context":    {unknown, dcerpc.FaultUnknownIf},
	} {
		t.Run(name, func(t *testing.T) {
			c := bound(t, 4280)
			if r := write(t, c, f.pdu); faultOf(r) != f.want {
				t.Errorf("got %x, want %v", r, f.want)
			}
			if r := write(t, c, requestPDU(3, 300, 0, []byte("alive"))); !bytes.HasSuffix(r, []byte("alive")) {
				t.Errorf("afterwards: %x", r)
			}
		})
	}
}

// TestBreaches sends what ends the connection, with a fault as the last word.
func TestBreaches(t *testing.T) {
	withAuth := append(requestPDU(3, 2, 0, nil), 10, 5, 0, 0, 0, 0, 0, 0, 't', 'o', 'k', 'n')
	authAlter := append(bindPDU(14, 4280), 99, 2, 0, 0, 0, 0, 0, 0, 't', 'o', 'k', 'n')
	for _, p := range [][]byte{withAuth, authAlter} {
		p[8], p[10] = uint8(len(p)), 4
	}
	otherInterface := bindPDU(14, 4280)
	otherInterface[32] ^= 1
	noContext := bindPDU(14, 4280)[:28]
	noContext[8], noContext[24] = 28, 0
	canceled := requestPDU(3|4, 2, 0, nil)
	for name, f := range map[string]struct {
		pdu  []byte
		want dcerpc.Fault
	}{
		"authenticated":           {withAuth, dcerpc.FaultAccessDenied},
		"short for an object":     {pdu(0, 3|0x80, 2, []byte{0, 0, 0, 0, 0, 0, 0, 0}, make([]byte, 15)), dcerpc.FaultProto},
		"unknown provider":        {authAlter, dcerpc.FaultAccessDenied},
		"middle":                  {requestPDU(0, 200, 0, nil), dcerpc.FaultProto},
		"another interface":       {otherInterface, dcerpc.FaultProto},
		"no context":              {noContext, dcerpc.FaultProto},
		"rpc_auth_3 without auth": {pdu(16, 3, 2, []byte{0, 0, 0, 0}), dcerpc.FaultProto},
		"canceled before":         {canceled, dcerpc.FaultNoCall},
		"too long a fragment":     {requestPDU(3, 2, 0, make([]byte, 5840)), dcerpc.FaultProto},
		"too long announced":      {pdu(0, 1, 2, []byte{0, 0, 0, 127, 0, 0, 0, 0}), dcerpc.FaultAccessDenied},
	} {
		t.Run(name, func(t *testing.T) {
			c := bound(t, 4280)
			if _, err := c.Write(context.Background(), f.pdu); !errors.Is(err, dcerpc.ErrBroken) {
				t.Errorf("Write: %v", err)
			}
			if r := transcript.Drain(t, c); faultOf(r) != f.want {
				t.Errorf("got %x, want %v", r, f.want)
			}
		})
	}
}

// TestObject sends a request with an object UUID, which is skipped.
func TestObject(t *testing.T) {
	c := bound(t, 4280)
	r := write(t, c, pdu(0, 3|0x80, 2, make([]byte, 8), make([]byte, 16), []byte("stub")))
	if len(r) != 28 || string(r[24:]) != "stub" {
		t.Errorf("%x", r)
	}
}

// TestCallTooLarge sends more fragments than a call may have.
func TestCallTooLarge(t *testing.T) {
	c := bound(t, 4280)
	part := make([]byte, 5000)
	sent := 0
	for flags := uint8(1); ; flags = 0 {
		p := requestPDU(flags, 2, 0, part)
		_, err := c.Write(context.Background(), p)
		if sent += len(part); err != nil {
			break
		} else if sent > 2<<20 {
			t.Fatal("goes on and on")
		}
	}
	if r := transcript.Drain(t, c); faultOf(r) != dcerpc.FaultAccessDenied {
		t.Errorf("%x", r)
	}
}

// TestOrphanedAndCancel gives calls up, which changes nothing, as with Windows.
func TestOrphanedAndCancel(t *testing.T) {
	c := bound(t, 4280)
	write(t, c, requestPDU(1, 2, 0, []byte("goes ")))
	for _, ptype := range []uint8{18, 17, 19} {
		if r := write(t, c, pdu(ptype, 3, 2)); len(r) != 0 {
			t.Errorf("PDU %d was answered: %x", ptype, r)
		}
	}
	if r := write(t, c, requestPDU(2, 2, 0, []byte("on"))); !bytes.HasSuffix(r, []byte("goes on")) {
		t.Errorf("%x", r)
	}
	write(t, c, requestPDU(1, 3, 0, nil))
	if _, err := c.Write(context.Background(), requestPDU(3, 4, 0, nil)); !errors.Is(err, dcerpc.ErrBroken) {
		t.Errorf("a call within a call: %v", err)
	}
	if r := transcript.Drain(t, c); faultOf(r) != dcerpc.FaultProto || r[12] != 3 {
		t.Errorf("%x", r)
	}
}

// TestFeatures asks for bind time features: those that are known are granted, the others
// are not.
func TestFeatures(t *testing.T) {
	b := bindPDU(11, 4280)
	copy(b[len(b)-20:], []byte("\x2c\x1c\xb7\x6c\x12\x98\x40\x45\xff\xff\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00"))
	r := write(t, newEcho(), b)
	if got := r[len(r)-24 : len(r)-20]; !bytes.Equal(got, []byte{3, 0, 3, 0}) {
		t.Errorf("result %x", got)
	}
}

func TestBroken(t *testing.T) {
	for name, p := range map[string][]byte{
		"short length":  {5, 0, 0, 3, 0x10, 0, 0, 0, 15, 0, 0, 0, 0, 0, 0, 0},
		"response":      pdu(2, 3, 1),
		"version":       {4, 0, 9, 3, 0x10, 0, 0, 0, 16, 0, 0, 0, 0, 0, 0, 0},
		"not RPC":       []byte("GET / HTTP/1.1\r\n\r\n"),
		"unknown ptype": pdu(99, 3, 1),
	} {
		c := newEcho()
		// The fragment length of the text is 0x5448: it takes as much to see.
		_, err := c.Write(context.Background(), append(p, make([]byte, 1<<16)...))
		if !errors.Is(err, dcerpc.ErrBroken) {
			t.Errorf("%s: %v", name, err)
		}
		if n, again := c.Write(context.Background(), bindPDU(11, 4280)); n != 0 || again != err {
			t.Errorf("%s: then %d, %v", name, n, again)
		}
	}
}

// TestUnread never reads: the connection breaks before the queue grows for ever.
func TestUnread(t *testing.T) {
	c := bound(t, 4280)
	big := requestPDU(3, 2, 17, []byte{0, 0, 16, 0}) // one megabyte
	for range 10 {
		if _, err := c.Write(context.Background(), big); err != nil {
			if _, total := c.Len(); total > 3<<20 {
				t.Errorf("%d octets queued", total)
			}
			return
		}
	}
	t.Error("still writable")
}

// TestMaybe makes calls that have no answer, of which one Write may hold some.
func TestMaybe(t *testing.T) {
	const first, last, maybe = 1, 2, 0x40
	made := 0
	dial := func() *dcerpc.Conn {
		f := echo
		f.Call = func(ctx context.Context, k *dcerpc.Call) error {
			made++
			return echo.Call(ctx, k)
		}
		c := dcerpc.NewConn("", f)
		write(t, c, bindPDU(11, 4280))
		return c
	}
	call := requestPDU(first|last|maybe, 2, 0, []byte("x"))
	c := dial()
	for range 1000 {
		if r := write(t, c, call); len(r) != 0 {
			t.Fatalf("answered: %x", r)
		}
	}
	for range 2 {
		write(t, c, bytes.Repeat(call, 256))
	}
	if made != 1512 {
		t.Errorf("%d calls were made", made)
	}
	made = 0
	if _, err := c.Write(context.Background(), bytes.Repeat(call, 100_000)); !errors.Is(err, dcerpc.ErrBroken) || made != 256 {
		t.Errorf("%d calls in one Write, %v", made, err)
	}

	// None of either kind is made when nobody is there any more.
	for _, flags := range []uint8{first | last, first | last | maybe} {
		c, made = dial(), 0
		ctx, cancel := context.WithCancelCause(context.Background())
		why := errors.New("gone")
		cancel(why)
		_, err := c.Write(ctx, requestPDU(flags, 2, 0, nil))
		if !errors.Is(err, dcerpc.ErrBroken) || !errors.Is(err, why) || made != 0 {
			t.Errorf("flags %#x: %d calls were made, %v", flags, made, err)
		}
	}
}

func TestUUID(t *testing.T) {
	const s = "4b324fc8-1670-01d3-1278-5a47bf6ee188"
	u := dcerpc.MustUUID(s)
	if u.String() != s || u[0] != 0xc8 || u[15] != 0x88 {
		t.Errorf("%v %x", u, u[:])
	}
}

func FuzzWrite(f *testing.F) {
	f.Add(bindPDU(11, 4280), 7)
	f.Add(append(bindPDU(11, 1432), requestPDU(3, 2, 0, []byte("stub"))...), 100)
	f.Add(append(bindPDU(11, 1432), requestPDU(1, 2, 0, []byte("stub"))...), 1)
	f.Add(append(bindPDU(11, 0), bindPDU(14, 0)...), 80)
	f.Add(append(bigEndian(bindPDU(11, 1432)), bigEndian(requestPDU(3, 2, 0, []byte("stub")))...), 3)
	f.Fuzz(func(t *testing.T, b []byte, cut int) {
		var s dcerpc.Server
		c := dialer(&s, "ann", echo)()
		defer func() {
			if c.Close(); s.Held() != 0 {
				t.Fatalf("%d octets are held", s.Held())
			}
		}()
		if cut > 0 && cut < len(b) {
			if _, err := c.Write(context.Background(), b[:cut]); err != nil {
				return
			}
			b = b[cut:]
		}
		c.Write(context.Background(), b)
		for r := transcript.Drain(t, c); len(r) > 0; {
			n := int(binary.LittleEndian.Uint16(r[8:]))
			if n < 16 || n > len(r) || n > 5840 {
				t.Fatalf("reply %x", r)
			}
			r = r[n:]
		}
		if next, total := c.Len(); next != 0 || total != 0 {
			t.Fatal(next, total)
		}
	})
}
