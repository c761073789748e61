package smb_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gosmbd/smb"
	"github.com/gosmbd/smb/dcerpc"
	"github.com/gosmbd/smb/internal/ntlmclient"
	"github.com/gosmbd/smb/internal/smbtest"
	"github.com/gosmbd/smb/ntlm"
	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs"
)

func TestEndSessions(t *testing.T) {
	r := newRig(t, nil)
	ann, bob := r.logon(smb.Dialect311), r.as("bob", password+"!")
	r.open(ann, "f")
	r.open(bob, "g")
	n := r.srv.EndSessions(func(s smb.SessionInfo) bool { return s.Caller.Name == "ann" })
	if n != 1 {
		t.Errorf("%d sessions ended", n)
	}
	_, st := ann.TreeConnect("s")
	want(t, "TREE_CONNECT of who was ended", st, smb2.StatusUserSessionDeleted)
	alive(t, bob)
	for i := 0; opens(r.srv) != 1; i++ {
		if i == 100 {
			t.Fatal("the file stays open")
		}
		time.Sleep(10 * time.Millisecond)
	}
	// The connection is there, and the user may come again.
	r.setup(ann, "ann", password)
	r.tree(ann, "s")
	alive(t, ann)
	if n := r.srv.EndSessions(func(smb.SessionInfo) bool { return false }); n != 0 {
		t.Errorf("%d sessions ended, want none", n)
	}
}

func opens(s *smb.Server) int {
	n := 0
	for range s.Opens() {
		n++
	}
	return n
}

// A handle that a client could come back for is closed, too.
func TestEndSessionsClosesDurable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nil)
		c := r.logon(smb.Dialect311)
		r.durable(c, "f", 2)
		r.srv.EndSessions(func(smb.SessionInfo) bool { return true })
		synctest.Wait()
		if n := opens(r.srv); n != 0 {
			t.Errorf("%d files wait for their client", n)
		}
		end(r, c)
	})
}

// users is a table that changes while a server runs.
type users struct {
	user atomic.Pointer[ntlm.User]
	err  atomic.Pointer[error]
	n    atomic.Int32
}

func (u *users) find(_ context.Context, name, _ string) (ntlm.User, error) {
	u.n.Add(1)
	if err := u.err.Load(); err != nil {
		return ntlm.User{}, *err
	}
	if p := u.user.Load(); p != nil && strings.EqualFold(name, "ann") {
		return *p, nil
	}
	return ntlm.User{}, ntlm.ErrNoSuchUser
}

func TestRecheck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var table users
		ann := ntlm.User{Name: "ann", Password: password}
		table.user.Store(&ann)
		r := newRig(t, func(s *smb.Server) {
			s.Mechanisms = []smb.Mechanism{ntlm.New(ntlm.Lookup(table.find))}
			s.Logger = quiet()
		})
		c := r.logon(smb.Dialect311)
		id := r.open(c, "f")
		const interval = 12 * time.Second // and what it takes to be noticed
		time.Sleep(interval)
		_, st := c.Write(id, 0, []byte("x"))
		want(t, "WRITE", st, ok)

		// Nothing can be told: the session stays.
		down := errors.New("the database is down")
		table.err.Store(&down)
		time.Sleep(interval)
		_, st = c.Write(id, 0, []byte("x"))
		want(t, "WRITE while nothing can be told", st, ok)
		table.err.Store(nil)

		// In a new group: the client logs on again and keeps what it has open.
		member := ann
		member.Groups = []vfs.SID{vfs.SIDAdministrators}
		table.user.Store(&member)
		time.Sleep(interval)
		_, st = c.Write(id, 0, []byte("x"))
		want(t, "WRITE after a change of groups", st, smb2.StatusNetworkSessionExpired)
		time.Sleep(interval) // it is changed again, and not ended
		_, st = c.Logon(&smbtest.Logon{User: "ann", Password: password, Again: c.Session})
		want(t, "logon", st, ok)
		_, st = c.Write(id, 0, []byte("x"))
		want(t, "WRITE after logon", st, ok)
		for s := range r.srv.Sessions() {
			if len(s.Caller.Groups) != 1 {
				t.Errorf("the session is of %+v", s.Caller)
			}
		}
		time.Sleep(interval)
		_, st = c.Write(id, 0, []byte("x"))
		want(t, "WRITE, nothing changed since", st, ok)

		// Gone: the session ends with what it has open.
		table.user.Store(nil)
		time.Sleep(interval)
		_, st = c.Write(id, 0, []byte("x"))
		want(t, "WRITE of who is gone", st, smb2.StatusUserSessionDeleted)
		if n := opens(r.srv); n != 0 {
			t.Errorf("%d files are open", n)
		}
		asked := table.n.Load()
		time.Sleep(time.Minute)
		if n := table.n.Load(); n != asked {
			t.Errorf("asked %d times about nobody", n-asked)
		}
		end(r, c)
	})
}

// The handles of who is gone are closed also where they wait for him to come back.
func TestRecheckExpels(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var table users
		table.user.Store(&ntlm.User{Name: "ann", Password: password})
		r := newRig(t, func(s *smb.Server) {
			s.Mechanisms = []smb.Mechanism{ntlm.New(ntlm.Lookup(table.find))}
			s.Logger = quiet()
		})
		lost, c := r.logon(smb.Dialect311), r.logon(smb.Dialect311)
		r.durable(lost, "f", 2)
		lost.Close()
		time.Sleep(time.Second)
		if n := opens(r.srv); n != 1 {
			t.Fatalf("%d files are open", n)
		}
		table.user.Store(nil)
		time.Sleep(12 * time.Second)
		if n := opens(r.srv); n != 0 {
			t.Errorf("%d files wait for their client", n)
		}
		end(r, c)
	})
}

// Who logged on for RPC on a pipe of another's session is ended like a session, and that
// session stays.
func TestEndPipeLogons(t *testing.T) {
	for name, stop := range map[string]func(*smb.Server, *users){
		"by an administrator": func(s *smb.Server, _ *users) {
			n := s.EndSessions(func(x smb.SessionInfo) bool { return x.Caller.Name == "ann" })
			if n != 1 {
				t.Errorf("%d logons ended", n)
			}
		},
		"removed": func(_ *smb.Server, table *users) { table.user.Store(nil) },
		"disabled": func(_ *smb.Server, table *users) {
			table.user.Store(&ntlm.User{Name: "ann", Password: password, Disabled: true})
		},
		"in another group": func(_ *smb.Server, table *users) {
			table.user.Store(&ntlm.User{Name: "ann", Password: password, Groups: []vfs.SID{vfs.SIDAdministrators}})
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var table users
				table.user.Store(&ntlm.User{Name: "ann", Password: password})
				r := newRig(t, func(s *smb.Server) {
					s.Mechanisms = []smb.Mechanism{ntlm.New(ntlm.FirstOf{accountsOfBob(), ntlm.Lookup(table.find)})}
					s.Logger = quiet()
				})
				c := r.as("bob", password+"!")
				p := r.openPipe(t, c)
				own := &rpcPipe{t: t, c: c, id: r.create(c, smbtest.CreateReq("srvsvc", smb2.Open))}
				p.write(p.logon(&ntlmclient.Client{User: "ann", Password: password}, dcerpc.LevelConnect))
				call := func() []byte { return p.transceive(p.pdu(0, 0, nil, listening)) }
				if resp := call(); resp[2] != 2 {
					t.Fatalf("response %x", resp)
				}
				time.Sleep(12 * time.Second)
				if resp := call(); resp[2] != 2 {
					t.Errorf("nothing changed: response %x", resp)
				}
				stop(r.srv, &table)
				time.Sleep(12 * time.Second)
				_, st := c.Ioctl(p.id, smb2.FsctlPipeTransceive, p.pdu(0, 0, nil, listening), 8192)
				want(t, "a call of who was ended", st, smb2.StatusFileClosed)
				if n := opens(r.srv); n != 1 {
					t.Errorf("%d pipes are open", n)
				}
				own.transceive(own.pdu(11, 0, nil, bindBody()))
				asked := table.n.Load()
				time.Sleep(time.Minute)
				if n := table.n.Load(); n != asked {
					t.Errorf("asked %d times about nobody", n-asked)
				}
				end(r, c)
			})
		})
	}
}

func accountsOfBob() ntlm.Static { return ntlm.Static{"bob": {Password: password + "!"}} }

// A hook that panics ends nothing.
func TestRecheckPanics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var off atomic.Bool
		l := ntlm.Lookup(func(context.Context, string, string) (ntlm.User, error) {
			if off.Load() {
				panic("on purpose")
			}
			return ntlm.User{Name: "ann", Password: password}, nil
		})
		r := newRig(t, func(s *smb.Server) { s.Mechanisms, s.Logger = []smb.Mechanism{ntlm.New(l)}, quiet() })
		c := r.logon(smb.Dialect311)
		off.Store(true)
		time.Sleep(30 * time.Second)
		alive(t, c)
		end(r, c)
	})
}
