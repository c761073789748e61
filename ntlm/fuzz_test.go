package ntlm

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"github.com/gosmbd/smb/internal/ntlmclient"
)

func FuzzNegotiate(f *testing.F) {
	f.Add((&ntlmclient.Client{}).Negotiate())
	f.Add([]byte("NTLMSSP\x00\x01\x00\x00\x00\x03\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		reply, done, err := New(nil).Accept(context.Background(), nil).Step(context.Background(), b)
		if done || (err == nil) != (reply != nil) {
			t.Fatalf("done %v, reply of %d bytes, %v", done, len(reply), err)
		}
		if err != nil {
			return
		}
		if _, err := ntlmclient.ParseChallenge(reply); err != nil {
			t.Fatal(err)
		}
	})
}

// FuzzAuthenticate goes through all of a logon; no such message knows the
// password.
func FuzzAuthenticate(f *testing.F) {
	f.Add(unhex(f, vectorAuthV1))
	f.Add(unhex(f, vectorAuthV1Extended))
	f.Add(unhex(f, vectorAuthV2))
	f.Fuzz(func(t *testing.T, b []byte) {
		m := &Mechanism{Accounts: Static{"user": {Password: "secret"}}, NTLMv1: true, Logger: quiet}
		a := m.Accept(context.Background(), nil)
		if _, _, err := a.Step(context.Background(), (&ntlmclient.Client{}).Negotiate()); err != nil {
			t.Fatal(err)
		}
		before := bytes.Clone(b)
		if _, done, err := a.Step(context.Background(), b); done || err == nil {
			t.Fatal("got in")
		}
		if !bytes.Equal(before, b) {
			t.Fatal("the message was changed")
		}
	})
}

func FuzzAVPairs(f *testing.F) {
	f.Add([]byte{6, 0, 4, 0, 2, 0, 0, 0, 0, 0, 0, 0})
	f.Add(append([]byte{10, 0, 16, 0}, make([]byte, 20)...))
	f.Add(appendAVString(nil, avTargetName, "cifs/host"))
	f.Fuzz(func(t *testing.T, b []byte) {
		var c clientInfo
		if err := c.parseAV(b); err == nil && len(c.targetName) > 2*len(b) {
			t.Fatalf("name of %d bytes out of %d", len(c.targetName), len(b))
		}
		_, _ = parseClientInfo(append(make([]byte, proofSize), b...))
	})
}

func FuzzSmbpasswd(f *testing.F) {
	f.Add("alice:1000:" + lm32 + ":" + strings.Repeat("0A", 16) + ":[U          ]" + tail)
	f.Add("a:1:*:*:[DN]")
	f.Add("# comment\r\npc$:7:x:" + strings.Repeat("0", 32) + ":[W]:\nA:2:x:" + strings.Repeat("1", 32) + "\n")
	f.Fuzz(func(t *testing.T, text string) { fuzzAccountFile(t, &smbpasswdFormat, text) })
}

func FuzzKsmbdpwd(f *testing.F) {
	f.Add("alice:h42AFGBs2ilnekTvoTU/xw==\n")
	f.Add("alice:h42AFGBs2ilnekTvoTU/x2Rpc2FibGVkIGFjY291bnQ=\nAlice:AAAAAAAAAAAAAAAAAAAAAA==")
	f.Add("\n\nnobody:\n:x\n")
	f.Fuzz(func(t *testing.T, text string) { fuzzAccountFile(t, &ksmbdpwdFormat, text) })
}

// fuzzAccountFile reads a file and writes it again, with each account changed and
// changed back.
func fuzzAccountFile(t *testing.T, format *fileFormat, text string) {
	users, err := format.table([]byte(text))
	for k, same := range users {
		for _, u := range same {
			if err != nil || k == "" || u.Name == "" {
				t.Fatalf("%q: %+v, %v", k, u, err)
			}
		}
	}
	e := &FileEdit{format: format, now: time.Unix(1, 0)}
	for raw := range bytes.Lines([]byte(text)) {
		e.lines = append(e.lines, string(raw))
	}
	other := strings.Join(e.lines, "")
	for u := range e.Users() {
		was, err := e.User(u.Name)
		if err != nil {
			continue // two that can't be told apart
		}
		changed := was
		changed.Disabled, changed.Hash = !was.Disabled, Hash{9}
		if e.Set(changed) != nil {
			continue // a machine's
		}
		if got, err := e.User(u.Name); err != nil || got != changed {
			t.Fatalf("%q: %+v, %v; set %+v", other, got, err, changed)
		}
		if err := e.Set(was); err != nil && was.Hash.usable() {
			t.Fatal(err)
		}
	}
	if _, after := format.table([]byte(strings.Join(e.lines, ""))); err == nil && after != nil {
		t.Fatalf("%q became %q: %v", text, e.lines, after)
	}
}

func FuzzGroups(f *testing.F) {
	f.Add("staff:x:50:ann,ben\nAdministrators:x::ann\nx:x:S-1-5-21-1-2-3-1000:\n")
	f.Fuzz(func(t *testing.T, text string) {
		list, err := parseGroups([]byte(text))
		for _, g := range list {
			if err != nil || g.name == "" || !g.sid.Valid() {
				t.Fatalf("%+v, %v", g, err)
			}
		}
	})
}
