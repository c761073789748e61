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

// dialer returns what opens pipes of a user, of all of which 1 MiB may be held.
func dialer(s *dcerpc.Server, user string, iface dcerpc.Interface) func() *dcerpc.Conn {
	conf := secureConfig()
	conf.Server, conf.User, conf.Memory = s, user, 1<<20
	return func() *dcerpc.Conn { return conf.NewConn("", iface) }
}

// fill sends says on one pipe after the other, until that breaks one. It returns all of
// them and what the last one answered.
func fill(t *testing.T, dial func() *dcerpc.Conn, says []byte) (all []*dcerpc.Conn, last []byte) {
	t.Helper()
	for len(all) < 1000 {
		c := dial()
		all = append(all, c)
		if _, err := c.Write(context.Background(), says); errors.Is(err, dcerpc.ErrBroken) {
			return all, transcript.Drain(t, c)
		} else if err != nil {
			t.Fatal(err)
		}
	}
	t.Fatal("a thousand pipes, and no end")
	return nil, nil
}

// TestMemory has pipes hold what they can. A user gets half of it at most, so that others
// are still served, and all is given back in the end.
func TestMemory(t *testing.T) {
	fragments := requestPDU(1, 2, 0, nil)
	for range 20 {
		fragments = append(fragments, requestPDU(0, 2, 0, make([]byte, 5000))...)
	}
	const long = "\x05\x00\x00\x03\x10\x00\x00\x00\xff\xff\x00\x00\x00\x00\x00\x00"
	logon := (&peer{level: dcerpc.LevelPrivacy}).trailer(bindPDU(11, 4280), []byte("hello"))
	for name, x := range map[string]struct {
		says  []byte
		pipes int // that a user gets
	}{
		"association":     {bindPDU(11, 4280), 42},
		"logon":           {logon, 18},
		"unfinished PDU":  {append([]byte(long), make([]byte, 60000)...), 9},
		"unfinished call": {append(bindPDU(11, 4280), fragments...), 4},
		"unread replies":  {append(bindPDU(11, 4280), bytes.Repeat(requestPDU(3, 2, 1, nil), 500)...), 5},
	} {
		t.Run(name, func(t *testing.T) {
			var s dcerpc.Server
			dial := dialer(&s, "ann", echo)
			pipes, last := fill(t, dial, x.says)
			if n := len(pipes) - 1; n < x.pipes-1 || n > x.pipes+1 {
				t.Errorf("%d pipes, want %d", n, x.pipes)
			}
			limit := len(last) == 24 && last[2] == 13 && last[16] == 2 // of a bind_nak
			if faultOf(last) != dcerpc.FaultNoMemory && !limit {
				t.Errorf("answer %x", last)
			}
			if _, err := pipes[len(pipes)-1].Write(context.Background(), bindPDU(14, 4280)); !errors.Is(err, dcerpc.ErrBroken) {
				t.Errorf("afterwards: %v", err)
			}
			if n := s.Held(); n > 1<<19 {
				t.Errorf("%d octets are held", n)
			}
			bob := dialer(&s, "bob", echo)()
			write(t, bob, bindPDU(11, 4280))
			if r := write(t, bob, requestPDU(3, 2, 0, []byte("others go on"))); !bytes.HasSuffix(r, []byte("others go on")) {
				t.Errorf("%q", r)
			}
			for _, c := range append(pipes, bob) {
				transcript.Drain(t, c)
				c.Close()
			}
			if n := s.Held(); n != 0 {
				t.Errorf("%d octets are left", n)
			}
		})
	}
}

// TestMemoryOfReplies refuses a call whose answer there is no room for. The pipe goes on.
func TestMemoryOfReplies(t *testing.T) {
	var s dcerpc.Server
	c := dialer(&s, "ann", echo)()
	write(t, c, bindPDU(11, 4280))
	large := func(n uint32) []byte { return requestPDU(3, 2, 17, binary.LittleEndian.AppendUint32(nil, n)) }
	if r := write(t, c, large(1<<19)); faultOf(r) != dcerpc.FaultNoMemory {
		t.Errorf("%.32x", r)
	}
	for range 5 {
		if r := write(t, c, large(400<<10)); len(r) < 400<<10 {
			t.Errorf("%.32x", r)
		}
	}
	if _, err := c.Write(context.Background(), append(large(400<<10), large(400<<10)...)); err != nil {
		t.Error(err)
	}
	r := transcript.Drain(t, c)
	if len(r) < 400<<10 || faultOf(r[len(r)-32:]) != dcerpc.FaultNoMemory {
		t.Errorf("%d octets", len(r))
	}
	c.Close()
	if n := s.Held(); n != 0 {
		t.Errorf("%d octets are left", n)
	}
}

// TestMemoryOfHandles opens as many context handles as there may be.
func TestMemoryOfHandles(t *testing.T) {
	var s dcerpc.Server
	dial := dialer(&s, "ann", registry(&key{}))
	var pipes []*dcerpc.Conn
	n := 0
	for ; n < 1000; n++ {
		if n%100 == 0 {
			pipes = append(pipes, dial())
			write(t, pipes[n/100], bindPDU(11, 4280))
		}
		c := pipes[n/100]
		r := write(t, c, requestPDU(3, 2, 0, nil))
		if faultOf(r) == dcerpc.FaultNoMemory {
			break
		}
		if n%2 == 0 {
			write(t, c, requestPDU(3, 2, 2, r[24:]))
		}
	}
	if n < 800 || n == 1000 {
		t.Errorf("%d handles", n)
	}
	for _, c := range pipes {
		c.Close()
	}
	if n := s.Held(); n != 0 {
		t.Errorf("%d octets are left", n)
	}
}

// TestManyReplies reads replies one by one while others come: those that were read take no
// room.
func TestManyReplies(t *testing.T) {
	var s dcerpc.Server
	c := dialer(&s, "ann", echo)()
	write(t, c, bindPDU(11, 4280))
	buf := make([]byte, 4280)
	for i := range uint32(20_000) {
		if _, err := c.Write(context.Background(), requestPDU(3, i, 0, nil)); err != nil {
			t.Fatal(err)
		}
		if i < 100 {
			continue
		}
		if _, err := c.Read(buf); err != nil || binary.LittleEndian.Uint32(buf[12:]) != i-100 {
			t.Fatalf("reply %d: %x, %v", i-100, buf[:16], err)
		}
	}
	if n := c.Room(); n > 500 {
		t.Errorf("room for %d replies", n)
	}
	if n := len(transcript.Drain(t, c)); n != 100*24 {
		t.Errorf("%d octets were left", n)
	}
}
