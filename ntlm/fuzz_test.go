package ntlm

import (
	"bytes"
	"context"
	"strings"
	"testing"

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
	f.Fuzz(func(t *testing.T, text string) {
		users, err := smbpasswdFormat.table([]byte(text))
		for k := range users {
			if err != nil || k == "" {
				t.Fatalf("%q: %v", k, err)
			}
		}
	})
}
