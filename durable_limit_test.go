package smb_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gosmbd/smb"
	"github.com/gosmbd/smb/internal/smbtest"
	"github.com/gosmbd/smb/smb2"
)

// Of the handles that wait for a user's clients the oldest give way when there are
// too many; those of others don't count, nor those that are connected.
func TestDurableLimit(t *testing.T) {
	const most = 3
	bubble(t, func(s *smb.Server) { s.Limits.DisconnectedPerUser = most }, func(t *testing.T, r *rig) {
		as := func(user string, m byte) *smbtest.Client {
			c := r.channel(smb.Dialect311, m)
			r.setup(c, user, map[string]string{"ann": password, "bob": password + "!"}[user])
			r.tree(c, "s")
			return c
		}
		bob := as("bob", 50)
		his := r.durable(bob, "bob", 2)
		lose(bob)
		connected := as("ann", 51)
		for n := range most + 2 {
			r.durable(connected, fmt.Sprint("connected", n), 2)
		}
		var list []handle
		for n := range most + 2 {
			c := as("ann", byte(n))
			list = append(list, r.durable(c, fmt.Sprint("f", n), 1+n%2))
			lose(c)
			time.Sleep(time.Second)
		}
		if n := len(opensOf(r)); n != 1+most+2+most {
			t.Errorf("%d opens", n)
		}
		for n := range list {
			st := ok
			if n < 2 {
				st = notFound
			}
			want(t, fmt.Sprint("reconnect of the handle ", n), list[n].back(as("ann", byte(n))), st)
		}
		want(t, "reconnect of bob", his.back(as("bob", 50)), ok)
	})
}

// Nor are more kept when they all lose their connection at once.
func TestDurableLimitAtOnce(t *testing.T) {
	const most = 10
	bubble(t, func(s *smb.Server) { s.Limits.DisconnectedPerUser = most; s.Logger = quiet() }, func(t *testing.T, r *rig) {
		c := r.caching(smb.Dialect311, 1)
		for n := range 300 {
			r.durable(c, fmt.Sprint("f", n), 2)
		}
		lose(c)
		synctest.Wait()
		if n := len(opensOf(r)); n != most {
			t.Errorf("%d handles are kept, want %d", n, most)
		}
	})
}

// A persistent handle gives way when there is no other that isn't one.
func TestDurableLimitSparesPersistent(t *testing.T) {
	var stored smb.MemoryHandles
	edit := func(s *smb.Server) {
		continuous(&stored)(s)
		s.Limits.DisconnectedPerUser = 2
		s.Shares.(smb.Shares)["t"] = &smb.Share{FS: s.Shares.(smb.Shares)["s"].FS}
	}
	bubble(t, edit, func(t *testing.T, r *rig) {
		c := r.caching(smb.Dialect311, 1)
		h := r.persistent(c, smbtest.CreateReq("p", smb2.OpenIf))
		lose(c)
		var others []handle
		for n := range 3 {
			c := r.channel(smb.Dialect311, byte(2+n))
			r.setup(c, "ann", password)
			r.tree(c, "t")
			others = append(others, r.durable(c, fmt.Sprint("f", n), 1))
			lose(c)
			time.Sleep(time.Second)
		}
		_, _, st := r.caching(smb.Dialect311, 1).Open(h.request())
		want(t, "reconnect of the persistent one", st, ok)
		if n := len(opensOf(r)); n != 2 {
			t.Errorf("%d opens, want 2", n)
		}
		c = r.channel(smb.Dialect311, 4)
		r.setup(c, "ann", password)
		r.tree(c, "t")
		want(t, "reconnect of the last one", others[2].back(c), ok)
	})
}
