package smb_test

import (
	"testing"
	"time"

	"github.com/gosmbd/smb"
	"github.com/gosmbd/smb/internal/smbtest"
	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs/faultfs"
)

// A request that takes long when its connection is cut doesn't cost the client its
// handle: it may come back as soon as it likes.
func TestDurableSlowBackend(t *testing.T) {
	for _, named := range []bool{false, true} {
		name := "connection lost"
		if named {
			name = "session replaced"
		}
		t.Run(name, func(t *testing.T) {
			var g gatedFS
			bubble(t, func(s *smb.Server) {
				s.Shares = smb.Shares{"s": {FS: faultfs.New(s.Shares.(smb.Shares)["s"].FS, g.hook)}}
			}, func(t *testing.T, r *rig) {
				a := r.caching(smb.Dialect311, 1)
				h := r.durable(a, "f", 2)
				g.close()
				a.Send(a.Req(smb2.CommandWrite, smb2.WriteRequest{FileID: h.id, Data: []byte("slow")}))
				time.Sleep(time.Millisecond)
				a.Close()
				time.AfterFunc(5*time.Second, g.open)
				b := r.channel(smb.Dialect311, 1)
				b.Timeout = time.Minute
				l := &smbtest.Logon{User: "ann", Password: password}
				if named {
					l.Previous = a.Session.ID
				}
				_, st := b.Logon(l)
				want(t, "logon", st, ok)
				r.tree(b, "s")
				want(t, "reconnect", h.back(b), ok)
				b.Sequence = 1
				_, st = b.Write(h.id, 0, []byte("next"))
				want(t, "WRITE", st, ok)
				time.Sleep(10 * time.Second)
				got, st := b.Read(h.id, 0, 10)
				if st != ok || string(got) != "next" {
					t.Errorf("READ: %v, %q", st, got)
				}
			})
		})
	}
}
