package smb_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/gosmbd/smb"
	"github.com/gosmbd/smb/dcerpc"
	"github.com/gosmbd/smb/internal/ntlmclient"
	"github.com/gosmbd/smb/internal/smbtest"
	"github.com/gosmbd/smb/ntlm"
	"github.com/gosmbd/smb/smb2"
)

// The tests of what is refused go over bodies and sessionCommands: no command of the
// dispatch table may be missing there.
func TestEveryCommandIsTried(t *testing.T) {
	all, some := bodies(smb2.FileID{}), sessionCommands(smb2.FileID{})
	for cmd, needs := range smb.NeedsSession() {
		if all[cmd] == nil {
			t.Errorf("bodies has no %v", cmd)
		}
		if (some[cmd] != nil) != needs {
			t.Errorf("%v needs a session: %v, and is in sessionCommands: %v", cmd, needs, some[cmd] != nil)
		}
	}
	if len(all) != len(smb.NeedsSession()) {
		t.Errorf("bodies has %d commands, the dispatch table %d", len(all), len(smb.NeedsSession()))
	}
}

// Without a logon that succeeded and still holds, no command that needs one does
// anything, whatever it names.
func TestUnauthenticatedRefused(t *testing.T) {
	r := newRig(t, noDelay)
	states := map[string]func(c *smbtest.Client) (session uint64){
		"no session": func(*smbtest.Client) uint64 { return 0 },
		"-1":         func(*smbtest.Client) uint64 { return ^uint64(0) },
		"made up":    func(*smbtest.Client) uint64 { return 0x1122334455667788 },
		"half a logon": func(c *smbtest.Client) uint64 {
			_, id := c.LogonFirst(&smbtest.Logon{User: "ann", Password: password})
			return id
		},
		"failed": func(c *smbtest.Client) uint64 {
			l := &smbtest.Logon{User: "ann", Password: "wrong"}
			rep, id := c.LogonFirst(l)
			_, st := c.LogonSecond(l, rep, id)
			want(t, "SESSION_SETUP", st, smb2.StatusLogonFailure)
			return id
		},
		"logged off": func(c *smbtest.Client) uint64 {
			r.setup(c, "ann", password)
			id := c.Session.ID
			want(t, "LOGOFF", c.Logoff(), ok)
			return id
		},
	}
	eachDialect(t, func(t *testing.T, d smb.Dialect) {
		owner := r.logon(d) // whose ids are used
		fid := r.open(owner, "f")
		states := states
		states["of another connection"] = func(*smbtest.Client) uint64 { return owner.Session.ID }
		before := dump(t, r.fs)
		for name, enter := range states {
			c := r.dialect(d, smbtest.NegotiateOptions{})
			id := enter(c)
			for cmd, body := range sessionCommands(fid) {
				e := c.Req(cmd, body)
				e.SessionID, e.TreeID, e.Unsigned = id, owner.Tree, true
				want(t, fmt.Sprintf("%v, %s", cmd, name), c.DoElem(e).Status, smb2.StatusUserSessionDeleted)
			}
			c.Close()
		}
		if after := dump(t, r.fs); after != before {
			t.Errorf("without a logon something changed:\n%s\nwas\n%s", after, before)
		}
		want(t, "CLOSE", owner.CloseFile(fid), ok) // it is still open
		owner.Close()
		gone(t, r, 0)
	})
}

// lockedLog is a log that is written and read at the same time.
type lockedLog struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// No password, hash, key or content reaches a log, at any level and in any form.
func TestNoSecretsLogged(t *testing.T) {
	const content = "canary: the content of a file"
	for _, form := range []string{"text", "json"} {
		t.Run(form, func(t *testing.T) {
			var log lockedLog
			opts := &slog.HandlerOptions{Level: slog.Level(-100)}
			var h slog.Handler = slog.NewTextHandler(&log, opts)
			if form == "json" {
				h = slog.NewJSONHandler(&log, opts)
			}
			r := newRig(t, func(s *smb.Server) {
				noDelay(s)
				s.Logger, s.Signing = slog.New(h), smb.Offered
				m := ntlm.New(accounts())
				m.Logger, m.Guest, m.Anonymous = slog.New(h), true, true
				s.Mechanisms = []smb.Mechanism{m}
			})
			secrets := map[string][]byte{
				"password": []byte(password), "wrong password": []byte("wrong, and yet nobody's business"), "content": []byte(content),
			}
			hash := ntlm.HashOf(password)
			secrets["hash"] = hash[:]
			for n, d := range smbtest.AllDialects {
				r.trySecrets(d, n, secrets, content)
				r.tryPipeSecrets(t, d, n, secrets)
			}
			text := log.String()
			if !strings.Contains(text, "logon failed") || !strings.Contains(text, "dropped") || !strings.Contains(text, "logon on a pipe") {
				t.Errorf("the test provoked too little:\n%s", text)
			}
			for name, secret := range secrets {
				for _, s := range smbtest.Spellings(secret) {
					if strings.Contains(text, s) {
						t.Errorf("the log has the %s as %q:\n%s", name, s, text)
					}
				}
			}
		})
	}
}

// trySecrets does what may be logged, and adds the keys that it got.
func (r *rig) trySecrets(d smb.Dialect, n int, secrets map[string][]byte, content string) {
	c := r.logon(d)
	secrets[fmt.Sprintf("session key %d", n)] = c.Session.Key
	id := r.open(c, "f")
	c.Do(smb2.CommandWrite, smb2.WriteRequest{FileID: id, Data: []byte(content)})
	c.Read(id, 0, 100)
	for cmd, body := range sessionCommands(id) {
		if cmd == smb2.CommandLogoff || cmd == smb2.CommandTreeDisconnect || cmd == smb2.CommandChangeNotify {
			continue
		}
		full := body.Append(make([]byte, smb2.HeaderSize))[smb2.HeaderSize:]
		c.Do(cmd, smbtest.Raw(full[:len(full)/2]))
		c.Do(cmd, smbtest.Raw(append(full[:2:2], content...)))
		e := c.Req(cmd, body)
		e.Tamper = func(msg []byte) { msg[50] ^= 1 }
		c.DoElem(e)
	}
	c.Logon(&smbtest.Logon{User: "bob", Password: password + "!", Again: c.Session}) // somebody else
	c.SendFrame([]byte("\xFESMB" + content))
	c.Dropped()
	for _, wrong := range []struct{ user, pass string }{{"ann", string(secrets["wrong password"])}, {"nobody", password}, {"", ""}} {
		c := r.dialect(d, smbtest.NegotiateOptions{})
		c.SessionSetup(wrong.user, wrong.pass)
		c.Close()
	}
	for _, pass := range []string{password, "wrong"} {
		c := r.dialect(d, smbtest.NegotiateOptions{})
		l := &smbtest.Logon{User: "ann", Password: pass}
		first, id := c.LogonFirst(l)
		token, key := c.LogonToken(l, first)
		_, msg, _ := bytes.Cut(token, []byte("NTLMSSP\x00")) // [MS-NLMP] 2.2.1.3
		secrets[fmt.Sprintf("NTLM response %d with %s", n, pass)] = proofIn(msg)
		secrets[fmt.Sprintf("exported session key %d with %s", n, pass)] = key
		c.DoElem(c.SetupReq(l, token, id))
		c.Close()
	}
}

// proofIn returns the proof of an AUTHENTICATE_MESSAGE without its signature.
func proofIn(msg []byte) []byte { return msg[binary.LittleEndian.Uint32(msg[16:])-8:][:16] }

// tryPipeSecrets does the same by the logons that pipes have.
func (r *rig) tryPipeSecrets(t *testing.T, d smb.Dialect, n int, secrets map[string][]byte) {
	for _, pass := range []string{password + "!", "wrong", string(secrets["wrong password"])} {
		c := r.logon(d)
		p := r.openPipe(t, c)
		leg := p.logon(&ntlmclient.Client{User: "bob", Password: pass}, dcerpc.LevelPrivacy)
		secrets[fmt.Sprintf("NTLM response %d with %s on a pipe", n, pass)] = proofIn(p.message[8:])
		secrets[fmt.Sprintf("exported session key %d with %s on a pipe", n, pass)] = p.key
		p.write(leg)
		p.transceive(p.pdu(0, dcerpc.LevelPrivacy, make([]byte, 16), listening, []byte("padding of stubs"))) // with a wrong signature
		c.Close()
	}
}
