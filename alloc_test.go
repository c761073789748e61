package smb_test

import (
	"encoding/binary"
	"io"
	"net"
	"runtime"
	"testing"
	"time"

	"github.com/gosmbd/smb"
	"github.com/gosmbd/smb/internal/smbtest"
	"github.com/gosmbd/smb/smb2"
)

// steady sends one request over and over, with a new MessageId each time, and
// allocates nothing itself.
type steady struct {
	c    *smbtest.Client
	nc   net.Conn
	out  []byte // length, room for a transform header, message
	msg  []byte // in out
	in   []byte
	seal bool
	last int // length of the last reply
}

func newSteady(t testing.TB, r *rig, mode string, body func(id smb2.FileID) (smb2.Command, smbtest.Body)) *steady {
	t.Helper()
	c, nc, _ := r.dialTCP()
	if _, st := c.Negotiate([]smb.Dialect{smb.Dialect311}, smbtest.NegotiateOptions{}); st != ok {
		t.Fatal(st)
	}
	r.setup(c, "ann", password)
	r.tree(c, "s")
	id := r.open(c, "f")
	if _, st := c.Write(id, 0, make([]byte, 64<<10)); st != ok {
		t.Fatal(st)
	}
	c.Ask = 8000
	alive(t, c)
	// The client's reader takes one more frame and then leaves the connection
	// alone.
	t.Cleanup(c.Hold())
	c.Send(c.Req(smb2.CommandEcho, smb2.EchoRequest{}))
	if _, got := c.Recv(); !got {
		t.Fatal("no answer")
	}
	e := c.Req(body(id))
	e.Credits = max(1, e.CreditCharge)
	if e.Unsigned = mode != "signed"; !e.Unsigned {
		e.Flags |= smb2.FlagSigned
	}
	s := &steady{c: c, nc: nc, seal: mode == "sealed", in: make([]byte, 128<<10)}
	plain := c.Build(e)
	buf := make([]byte, 4+smb2.TransformHeaderSize+len(plain), 4+smb2.TransformHeaderSize+len(plain)+16)
	s.out, s.msg = buf, buf[4+smb2.TransformHeaderSize:]
	copy(s.msg, plain)
	// The client's deadline is for one request; without instructions for AES, as on
	// 386, all of them take longer.
	nc.SetDeadline(time.Now().Add(time.Minute))
	return s
}

// do sends one request and takes the reply.
func (s *steady) do(t testing.TB, plain []byte, mid uint64) {
	copy(s.msg, plain)
	binary.LittleEndian.PutUint64(s.msg[24:], mid)
	frame := s.out[smb2.TransformHeaderSize:]
	switch {
	case s.seal:
		frame = s.out
		smb2.TransformHeader{OriginalMessageSize: uint32(len(s.msg)), Flags: 1, SessionID: s.c.Session.ID}.Put(frame[4:])
		binary.LittleEndian.PutUint64(frame[4+20:], 1<<40+mid)
		s.c.Session.Out.Seal(frame[4:])
	case s.msg[16]&byte(smb2.FlagSigned) != 0:
		s.c.Session.Signer.Sign(s.msg)
	}
	binary.BigEndian.PutUint32(frame, uint32(len(frame)-4))
	if _, err := s.nc.Write(frame); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(s.nc, s.in[:4]); err != nil {
		t.Fatal(err)
	}
	n := binary.BigEndian.Uint32(s.in)
	if _, err := io.ReadFull(s.nc, s.in[:n]); err != nil {
		t.Fatal(err)
	}
	s.last = int(n)
	if !s.seal && binary.LittleEndian.Uint32(s.in[8:]) != 0 {
		t.Fatal(smb2.Status(binary.LittleEndian.Uint32(s.in[8:])))
	}
}

// READ and WRITE of 64 KiB allocate nothing once they are under way.
func TestSteadyStateAllocations(t *testing.T) {
	if raceEnabled || testing.Short() {
		t.Skip("pools don't keep what they get under the race detector")
	}
	data := make([]byte, 64<<10)
	for name, body := range map[string]func(id smb2.FileID) (smb2.Command, smbtest.Body){
		"READ": func(id smb2.FileID) (smb2.Command, smbtest.Body) {
			return smb2.CommandRead, smb2.ReadRequest{FileID: id, Length: 64 << 10}
		},
		"WRITE": func(id smb2.FileID) (smb2.Command, smbtest.Body) {
			return smb2.CommandWrite, smb2.WriteRequest{FileID: id, Data: data}
		},
	} {
		for _, mode := range []string{"plain", "signed", "sealed"} {
			t.Run(name+" "+mode, func(t *testing.T) {
				steadyAllocations(t, newRig(t, nil), mode, name == "READ", body)
			})
		}
	}
}

// steadyAllocations counts what requests allocate that are sent to share "s".
func steadyAllocations(t *testing.T, r *rig, mode string, reads bool, body func(id smb2.FileID) (smb2.Command, smbtest.Body)) {
	t.Helper()
	r.srv.Signing = smb.Offered
	s := newSteady(t, r, mode, body)
	plain := append([]byte(nil), s.msg...)
	mid := binary.LittleEndian.Uint64(plain[24:])
	charge := uint64(max(1, binary.LittleEndian.Uint16(plain[6:])))
	for range 200 {
		s.do(t, plain, mid)
		mid += charge
	}
	const n = 2000
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range n {
		s.do(t, plain, mid)
		mid += charge
	}
	runtime.ReadMemStats(&after)
	if reads && s.last < 64<<10 {
		t.Errorf("the last reply has %d bytes", s.last)
	}
	allocs := float64(after.Mallocs-before.Mallocs) / n
	bytes := float64(after.TotalAlloc-before.TotalAlloc) / n
	t.Logf("%.3f allocations and %.0f bytes for each", allocs, bytes)
	if allocs > allocBound || bytes > 4096 {
		t.Errorf("%.3f allocations and %.0f bytes for each", allocs, bytes)
	}
}

// allocBound is what a READ or WRITE may allocate, the whole process counted: the
// timers of the runtime and the janitor are in it.
const allocBound = 0.1
