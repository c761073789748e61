package ntlm_test

import (
	"bytes"
	"testing"

	"github.com/gosmbd/smb"
	"github.com/gosmbd/smb/internal/ntlmclient"
	"github.com/gosmbd/smb/ntlm"
)

// logOn returns both sides of a logon of ann.
func logOn(t *testing.T, m *ntlm.Mechanism, c *ntlmclient.Client) smb.Acceptor {
	t.Helper()
	a := m.Accept(t.Context(), nil)
	challenge, _, err := a.Step(t.Context(), c.Negotiate())
	if err != nil {
		t.Fatal(err)
	}
	msg, _, err := c.Authenticate(challenge)
	if err != nil {
		t.Fatal(err)
	}
	if _, done, err := a.Step(t.Context(), msg); err != nil || !done {
		t.Fatal(err)
	}
	return a
}

// TestProtector exchanges messages with a client that shares no code.
func TestProtector(t *testing.T) {
	const noKeyExchange = ntlmclient.DefaultFlags &^ 0x40000000
	const only56 = ntlmclient.DefaultFlags &^ 0x20000000
	for _, flags := range []uint32{0, noKeyExchange | 0x30, only56 | 0x30} {
		c := &ntlmclient.Client{User: "ann", Password: "secret", Flags: flags}
		a := logOn(t, ntlm.New(ntlm.Static{"ann": {Password: "secret"}}), c)
		p := a.(smb.Protector)
		if p.SignatureSize(true) != 16 || p.SignatureSize(false) != 16 || !p.SignsAll() {
			t.Fatal(p.SignatureSize(true), p.SignatureSize(false), p.SignsAll())
		}
		mic, err := a.MIC([]byte("list"))
		if err != nil || !c.VerifyMIC([]byte("list"), mic) || a.VerifyMIC([]byte("list"), c.MIC([]byte("list"))) != nil {
			t.Fatal("mechListMIC", err)
		}
		s, err := c.Session(1)
		if err != nil {
			t.Fatal(err)
		}
		head, tail := []byte("head"), []byte("tail")
		for i := range 3 {
			body := bytes.Repeat([]byte("body"), 5*i)
			plain := bytes.Clone(body)
			sig := s.Seal(head, body, tail)
			if err := p.Unseal(sig, head, body, tail); err != nil || !bytes.Equal(body, plain) {
				t.Errorf("message %d of the client: %q, %v", i, body, err)
			}
			if sig, err = p.Seal(head, body, tail); err != nil || i > 0 && bytes.Equal(body, plain) {
				t.Errorf("not sealed: %v", err)
			}
			if !s.Unseal(sig, head, body, tail) || !bytes.Equal(body, plain) {
				t.Errorf("message %d of the server: %q", i, body)
			}
			if err := p.Verify(s.Sign(head, plain), head, plain); err != nil {
				t.Error(err)
			}
			if sig, err = p.Sign(head, plain); err != nil || !s.Verify(sig, head, plain) {
				t.Error(err)
			}
		}
		sig := s.Sign(head)
		if p.Verify(sig, tail) == nil || p.Verify(sig[:15], head) == nil {
			t.Error("forged")
		}
	}
}

// TestNoProtection has nothing to protect with: a client that didn't ask for it, and a
// guest.
func TestNoProtection(t *testing.T) {
	accounts := ntlm.Static{"ann": {Password: "secret"}}
	c := &ntlmclient.Client{User: "ann", Password: "secret", Flags: ntlmclient.DefaultFlags &^ 0x30}
	guest := ntlm.New(accounts)
	guest.Guest = true
	onlySigned := &ntlmclient.Client{User: "ann", Password: "secret", Flags: ntlmclient.DefaultFlags&^0x30 | 0x10}
	for _, a := range []smb.Acceptor{logOn(t, ntlm.New(accounts), c), logOn(t, guest, &ntlmclient.Client{User: "bob", Password: "x"})} {
		p := a.(smb.Protector)
		if _, err := p.Sign(nil); err == nil || p.SignatureSize(false) != 0 || p.Verify(make([]byte, 16)) == nil {
			t.Error("signed")
		}
	}
	p := logOn(t, ntlm.New(accounts), onlySigned).(smb.Protector)
	if _, err := p.Seal(nil, nil, nil); err == nil || p.SignatureSize(true) != 0 || p.Unseal(make([]byte, 16), nil, nil, nil) == nil {
		t.Error("sealed")
	}
	if _, err := p.Sign(nil); err != nil {
		t.Error(err)
	}
}
