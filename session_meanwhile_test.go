package smb_test

import (
	"bytes"
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gosmbd/smb"
	"github.com/gosmbd/smb/internal/smbtest"
	"github.com/gosmbd/smb/ntlm"
	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs"
)

// Of many guesses at once no more than four in eight seconds tell anything: also who has the right password, but an
// account that is disabled, or breaks off right after the password, learns nothing from the others.
func TestRefusedGuessesTellNothing(t *testing.T) {
	for name, tt := range map[string]struct {
		user ntlm.User
		edit func(token []byte)
		tell smb2.Status
	}{
		"disabled account": {ntlm.User{Password: password, Disabled: true}, func([]byte) {}, smb2.StatusAccountDisabled},
		"session key of eight bytes": {ntlm.User{Password: password}, func(b []byte) {
			i := bytes.Index(b, []byte("NTLMSSP\x00"))
			b[i+52], b[i+54] = 8, 8 // EncryptedRandomSessionKeyFields
		}, smb2.StatusInvalidParameter},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(s *smb.Server) {
				s.Logger = quiet()
				s.Mechanisms = []smb.Mechanism{ntlm.New(slowAccounts{ntlm.Static{"ann": tt.user}})}
			}, func(t *testing.T, r *rig) {
				const n = 40
				var told atomic.Int32
				var all sync.WaitGroup
				begin := time.Now()
				var list []*smbtest.Client
				var sends []func()
				for range n {
					c := r.dialect(smb.Dialect311, smbtest.NegotiateOptions{})
					c.Timeout = time.Minute
					list = append(list, c)
					l := &smbtest.Logon{User: "ann", Password: password, Raw: true}
					first, id := c.LogonFirst(l)
					token, _ := c.LogonToken(l, first)
					tt.edit(token)
					sends = append(sends, func() {
						e := c.SetupReq(l, token, id)
						c.Send(e)
						all.Go(func() {
							if c.Wait(e.MessageID).Status == tt.tell {
								told.Add(1)
							}
						})
					})
				}
				for _, send := range sends {
					send()
				}
				all.Wait()
				if n := told.Load(); n > 4 {
					t.Errorf("in %v, %d guesses were told %v, that the password is right", time.Since(begin), n, tt.tell)
				}
				end(r, list...)
			})
		})
	}
}

// A session that has its requests encrypted has its cancels so, too.
func TestCancelInTheClear(t *testing.T) {
	r := newRig(t, func(s *smb.Server) { s.Encryption, s.Signing = smb.Required, smb.Offered })
	c := r.logon(smb.Dialect311)
	if !c.Session.Seal {
		t.Fatal("not encrypted")
	}
	req := smbtest.CreateReq("", smb2.Open)
	req.Options = smb2.OptionDirectoryFile
	req.DesiredAccess = 0x00100081
	id := r.create(c, req)
	mid := start(c, smb2.CommandChangeNotify, smb2.ChangeNotifyRequest{FileID: id, Filter: 0xFFF, OutputLength: 1000})
	c.Session.Seal = false
	e := c.Req(smb2.CommandCancel, smb2.CancelRequest{})
	e.MessageID, e.Unsigned = mid, true
	c.Send(e)
	c.Session.Seal = true
	if !c.Quiet(300 * time.Millisecond) {
		t.Errorf("a CANCEL that was neither encrypted nor signed ended a request: %v", c.Wait(mid).Status)
	}
}

// changing is accounts whose groups change.
type changing struct {
	ntlm.Static
	group atomic.Bool
}

func (a *changing) Authenticate(ctx context.Context, at *ntlm.Attempt) (*ntlm.Logon, error) {
	on, err := a.Static.Authenticate(ctx, at)
	if err == nil && a.group.Load() {
		on.Caller.Groups = []vfs.SID{"S-1-5-21-1-2-3-1000"}
	}
	return on, err
}

// A TREE_CONNECT is at work while its client logs on again, and may do less since.
func TestTreeConnectWhileRenewed(t *testing.T) {
	a := &changing{Static: accounts()}
	a.group.Store(true)
	asked, hold := make(chan struct{}), make(chan struct{})
	var once sync.Once
	r := newRig(t, func(s *smb.Server) {
		s.Mechanisms = []smb.Mechanism{ntlm.New(a)}
		s.Shares.(smb.Shares)["slow"] = &smb.Share{FS: s.Shares.(smb.Shares)["s"].FS, Allow: func(_ context.Context, c *vfs.Caller) (vfs.Access, error) {
			may := vfs.AccessReadOnly
			if len(c.Groups) > 0 {
				may = vfs.AccessFull
			}
			once.Do(func() { // as an application that asks a data base
				close(asked)
				<-hold
			})
			return may, nil
		}}
	})
	c := r.logon(smb.Dialect311)
	e := c.Req(smb2.CommandTreeConnect, smb2.TreeConnectRequest{Path: `\\server\slow`})
	c.Send(e)
	<-asked
	a.group.Store(false)
	_, st := c.Logon(&smbtest.Logon{User: "ann", Password: password, Again: c.Session})
	want(t, "second logon", st, ok)
	close(hold)
	rep := c.Wait(e.MessageID)
	want(t, "TREE_CONNECT", rep.Status, ok)
	c.Tree = rep.TreeID
	_, st = c.Create(smbtest.CreateReq("f", smb2.OpenIf))
	if st == ok {
		t.Error("who may only read since he logged on again makes a file")
	}
}

// A client that doesn't wait for the answers to its SESSION_SETUPs has them worked on one after the other: the race
// detector sees to that.
func TestSetupsSentTogether(t *testing.T) {
	r := newRig(t, func(s *smb.Server) { noDelay(s); s.Logger = quiet() })
	for range 100 {
		c := r.logon(smb.Dialect311)
		l := &smbtest.Logon{User: "ann", Password: password, Again: c.Session, Raw: true}
		l.NTLM.User, l.NTLM.Password = "ann", password
		var out []byte
		for range 12 {
			f := c.Build(c.SetupReq(l, l.NTLM.Negotiate(), c.Session.ID))
			out = append(append(out, byte(len(f)>>24), byte(len(f)>>16), byte(len(f)>>8), byte(len(f))), f...)
		}
		c.SendBytes(out)
		for range 12 {
			if _, got := c.Recv(); !got {
				break
			}
		}
		c.Close()
	}
}
