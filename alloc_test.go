package smb_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
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

	plain  []byte // the message before it is signed or encrypted
	mid    uint64 // MessageId of the next one
	charge uint64
}

func newSteady(t testing.TB, r *rig, q steadyRequest) *steady {
	t.Helper()
	c, nc, _ := r.dialTCP()
	if _, st := c.Negotiate([]smb.Dialect{smb.Dialect311}, smbtest.NegotiateOptions{}); st != ok {
		t.Fatal(st)
	}
	r.setup(c, "ann", password)
	r.tree(c, "s")
	id := r.open(c, "f")
	if _, st := c.Write(id, 0, make([]byte, 1<<20)); st != ok {
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
	e := c.Req(q.body(id))
	e.Credits = max(1, e.CreditCharge)
	if e.Unsigned = q.mode != "signed"; !e.Unsigned {
		e.Flags |= smb2.FlagSigned
	}
	s := &steady{c: c, nc: nc, seal: q.mode == "sealed", in: make([]byte, 1<<20+128<<10)}
	s.plain = bytes.Clone(c.Build(e))
	s.mid = binary.LittleEndian.Uint64(s.plain[24:])
	s.charge = uint64(max(1, binary.LittleEndian.Uint16(s.plain[6:])))
	s.out = make([]byte, 4+smb2.TransformHeaderSize+len(s.plain), 4+smb2.TransformHeaderSize+len(s.plain)+16)
	s.msg = s.out[4+smb2.TransformHeaderSize:]
	// The client's deadline is for one request; without instructions for AES, as on
	// 386, all of them take longer.
	nc.SetDeadline(time.Now().Add(time.Minute))
	return s
}

// run sends n requests, each when it has the answer to the one before.
func (s *steady) run(t testing.TB, n int) {
	for range n {
		s.do(t)
		s.mid += s.charge
	}
}

// do sends one request and takes the reply.
func (s *steady) do(t testing.TB) {
	copy(s.msg, s.plain)
	binary.LittleEndian.PutUint64(s.msg[24:], s.mid)
	frame := s.out[smb2.TransformHeaderSize:]
	switch {
	case s.seal:
		frame = s.out
		smb2.TransformHeader{OriginalMessageSize: uint32(len(s.msg)), Flags: 1, SessionID: s.c.Session.ID}.Put(frame[4:])
		binary.LittleEndian.PutUint64(frame[4+20:], 1<<40+s.mid)
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

// steadyRequest is a READ or WRITE that is sent over and over.
type steadyRequest struct {
	cmd  smb2.Command
	size int
	mode string // "plain", "signed" or "sealed"
}

// steadyRequests are those of [MS-SMB2] clients that copy.
func steadyRequests() (list []steadyRequest) {
	for _, cmd := range []smb2.Command{smb2.CommandRead, smb2.CommandWrite} {
		for _, size := range []int{64 << 10, 1 << 20} {
			for _, mode := range []string{"plain", "signed", "sealed"} {
				list = append(list, steadyRequest{cmd, size, mode})
			}
		}
	}
	return list
}

func (q steadyRequest) String() string {
	return fmt.Sprintf("%v %d KiB %s", q.cmd, q.size>>10, q.mode)
}

// body is the request of a file.
func (q steadyRequest) body(id smb2.FileID) (smb2.Command, smbtest.Body) {
	if q.cmd == smb2.CommandRead {
		return q.cmd, smb2.ReadRequest{FileID: id, Length: uint32(q.size)}
	}
	return q.cmd, smb2.WriteRequest{FileID: id, Data: make([]byte, q.size)}
}

// READ and WRITE allocate nothing once they are under way.
func TestSteadyStateAllocations(t *testing.T) {
	if raceEnabled || testing.Short() {
		t.Skip("pools don't keep what they get under the race detector")
	}
	for _, q := range steadyRequests() {
		t.Run(q.String(), func(t *testing.T) { steadyAllocations(t, newRig(t, nil), q) })
	}
}

// BenchmarkSteady has READ and WRITE over a socket; the client is in the figures.
func BenchmarkSteady(b *testing.B) {
	for _, q := range steadyRequests() {
		b.Run(q.String(), func(b *testing.B) {
			r := newRig(b, func(s *smb.Server) { s.Signing = smb.Offered })
			s := newSteady(b, r, q)
			s.run(b, 200)
			b.SetBytes(int64(q.size))
			b.ReportAllocs()
			b.ResetTimer()
			s.run(b, b.N)
		})
	}
}

// steadyAllocations counts what requests allocate that are sent to share "s".
func steadyAllocations(t *testing.T, r *rig, q steadyRequest) {
	t.Helper()
	r.srv.Signing = smb.Offered
	s := newSteady(t, r, q)
	s.run(t, 200)
	n := 2000
	if q.size > 64<<10 {
		n = 400
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	s.run(t, n)
	runtime.ReadMemStats(&after)
	if q.cmd == smb2.CommandRead && s.last < q.size {
		t.Errorf("the last reply has %d bytes", s.last)
	}
	allocs := float64(after.Mallocs-before.Mallocs) / float64(n)
	size := float64(after.TotalAlloc-before.TotalAlloc) / float64(n)
	t.Logf("%.3f allocations and %.0f bytes for each", allocs, size)
	if allocs > allocBound || size > 4096 {
		t.Errorf("%.3f allocations and %.0f bytes for each", allocs, size)
	}
}

// allocBound is what a READ or WRITE may allocate, the whole process counted: the
// timers of the runtime and the janitor are in it.
const allocBound = 0.1
