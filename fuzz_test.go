package smb_test

import (
	"testing"
	"time"

	"github.com/gosmbd/smb"
	"github.com/gosmbd/smb/internal/smbtest"
	"github.com/gosmbd/smb/smb2"
)

// script is what the fuzzer's bytes stand for: a client that does what they say.
type script struct {
	b   []byte
	r   *rig
	c   *smbtest.Client
	ids []smb2.FileID
}

func (s *script) byte() byte {
	if len(s.b) == 0 {
		return 0
	}
	x := s.b[0]
	s.b = s.b[1:]
	return x
}

func (s *script) bytes(n int) []byte {
	n = min(n, len(s.b))
	x := s.b[:n]
	s.b = s.b[n:]
	return x
}

// begin brings the connection to where the first byte says.
func (s *script) begin() {
	x := s.byte()
	stage := x >> 5 & 3
	if stage == 0 {
		s.c = s.r.dial()
		return
	}
	s.c = s.r.dialect(smbtest.AllDialects[int(x&7)%5], smbtest.NegotiateOptions{})
	if stage == 1 {
		return
	}
	s.r.setup(s.c, "ann", password)
	share := "s"
	if x&0x08 != 0 {
		share = "IPC$"
	}
	s.r.tree(s.c, share)
	if x&0x10 != 0 && s.c.Session.Out != nil {
		s.c.Session.Seal = true
	}
	if stage != 3 {
		return
	}
	for _, name := range []string{"srvsvc", "", "f", "g"} {
		if resp, st := s.c.Create(smbtest.CreateReq(name, smb2.OpenIf)); st == ok {
			s.ids = append(s.ids, resp.FileID)
		}
	}
}

// element is one request: a well-formed one in which some bytes are changed, or
// what follows in the input as it is.
func (s *script) element(first bool) *smbtest.Elem {
	op, how := s.byte(), s.byte()
	cmd := smb2.Command(op % 20)
	id := smb2.RelatedFileID
	if how&1 != 0 && len(s.ids) > 0 {
		id = s.ids[int(s.byte())%len(s.ids)]
	}
	var body smbtest.Body = smbtest.Raw(nil)
	if b, found := bodies(id)[cmd]; found {
		body = b
	}
	if how&2 != 0 {
		body = smbtest.Raw(s.bytes(int(s.byte())))
	} else if how&4 != 0 {
		raw := body.Append(make([]byte, smb2.HeaderSize))[smb2.HeaderSize:]
		for range 1 + s.byte()%4 {
			if at := int(s.byte()); at < len(raw) {
				raw[at] = s.byte()
			}
		}
		body = smbtest.Raw(append(raw, s.bytes(int(s.byte()%32))...))
	}
	e := s.c.Req(cmd, body)
	if how&8 != 0 && !first {
		e.Related()
	}
	if how&16 != 0 {
		at, v := int(s.byte())%smb2.HeaderSize, s.byte()
		e.Tamper = func(msg []byte) { msg[at] = v }
	}
	e.Unsigned = how&32 != 0
	return e
}

// frame sends one frame; false: the connection is gone.
func (s *script) frame() bool {
	n := 1 + int(s.byte()%5)
	var elems []*smbtest.Elem
	for i := range n {
		elems = append(elems, s.element(i == 0))
	}
	frame := s.c.Build(elems...)
	if x := s.byte(); x&0xC0 == 0xC0 && len(frame) > 0 {
		frame[int(s.byte())%len(frame)] ^= x
	}
	return s.c.SendFrame(frame)
}

// FuzzServer drives a live server with what the input says. The server must not
// panic, answers what it answers well-formed, doesn't hang, serves others, and
// lets go of everything in the end.
func FuzzServer(f *testing.F) {
	for stage := range byte(4) {
		for d := range byte(5) {
			f.Add([]byte{stage<<5 | d})
		}
		for cmd := range byte(20) {
			for _, how := range []byte{0, 1, 2, 4, 5, 9, 16, 33} {
				f.Add([]byte{stage<<5 | 4, 0, cmd, how, 2, 1, 8, 255, 0, 0})
				f.Add([]byte{stage<<5 | 0x10 | 4, 3, 5, 1, 0, cmd, how | 8, 1, 2, 3, 6, 8, 0, 9, 8, 1, 1, 1})
			}
		}
	}
	f.Add([]byte{3<<5 | 8 | 4, 0, 9, 1, 0, 0, 8, 1, 0, 11, 1, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > 4096 {
			return
		}
		r := newRig(t, func(s *smb.Server) {
			noDelay(s)
			s.Limits.MaxIO = 64 << 10
		})
		s := &script{b: b, r: r}
		s.begin()
		s.c.Timeout = 5 * time.Second
		for n := 0; len(s.b) > 0 && n < 100; n++ {
			if !s.frame() {
				break
			}
		}
		if !answers(s.c) {
			t.Error("the server hangs: no answer, and the connection is still there")
		}
		s.c.Close()
		start := time.Now()
		honest := r.logon(smb.Dialect311)
		want(t, "CLOSE", honest.CloseFile(r.open(honest, "honest")), ok)
		if d := time.Since(start); d > 2*time.Second {
			t.Errorf("an honest client was served in %v", d)
		}
		honest.Close()
		gone(t, r, 0)
	})
}

// answers reports whether the server answers an ECHO, or has dropped the
// connection.
func answers(c *smbtest.Client) bool {
	e := c.Req(smb2.CommandEcho, smb2.EchoRequest{})
	e.SessionID, e.Unsigned = 0, true
	c.Session = &smbtest.Session{}
	if !c.Send(e) {
		return true
	}
	for {
		rep, got := c.Recv()
		if !got {
			return c.Dropped()
		}
		if rep.MessageID == e.MessageID && rep.Command == smb2.CommandEcho {
			return true
		}
	}
}
