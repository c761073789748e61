package smbtest

import (
	"crypto/rand"
	"encoding/asn1"
	"sync/atomic"

	"github.com/gosmbd/smb/internal/ntlmclient"
	"github.com/gosmbd/smb/internal/spnego"
	"github.com/gosmbd/smb/signing"
	"github.com/gosmbd/smb/smb2"
)

// NegotiateOptions are what a client offers; the zero value is what Windows does,
// but for compression.
type NegotiateOptions struct {
	Ciphers    []uint16 // nil: all four, 128-bit GCM first; empty: no context
	Signing    []uint16 // nil: GMAC, CMAC, HMAC; empty: no context
	Caps       smb2.Capabilities
	NoCaps     bool // offer no capability; else large MTU and encryption
	Mode       smb2.SecurityMode
	Contexts   []smb2.NegotiateContext // more of them
	NoPreauth  bool
	ClientGUID smb2.GUID
}

// NegotiateRequest builds a request.
func NegotiateRequest(dialects []Dialect, o NegotiateOptions) smb2.NegotiateRequest {
	req := smb2.NegotiateRequest{
		SecurityMode: o.Mode, Dialects: dialects, ClientGUID: o.ClientGUID,
		Capabilities: smb2.CapLargeMTU | smb2.CapEncryption | o.Caps,
	}
	if o.NoCaps {
		req.Capabilities = o.Caps
	}
	if req.SecurityMode == 0 {
		req.SecurityMode = smb2.SigningEnabled
	}
	if req.ClientGUID == (smb2.GUID{}) {
		rand.Read(req.ClientGUID[:])
	}
	has311 := false
	for _, d := range dialects {
		has311 = has311 || d == smb2.Dialect311
	}
	if !has311 {
		return req
	}
	add := func(t smb2.ContextType, data []byte) {
		req.Contexts = append(req.Contexts, smb2.NegotiateContext{Type: t, Data: data})
	}
	if !o.NoPreauth {
		salt := make([]byte, 32)
		rand.Read(salt)
		add(smb2.ContextPreauthIntegrity, smb2.PreauthIntegrityContext{HashAlgorithms: []uint16{smb2.HashSHA512}, Salt: salt}.Append(nil))
	}
	if o.Ciphers == nil {
		o.Ciphers = []uint16{2, 1, 4, 3}
	}
	if len(o.Ciphers) > 0 {
		add(smb2.ContextEncryption, smb2.EncryptionContext{Ciphers: o.Ciphers}.Append(nil))
	}
	if o.Signing == nil {
		o.Signing = []uint16{2, 1, 0}
	}
	if len(o.Signing) > 0 {
		add(smb2.ContextSigning, smb2.SigningContext{Algorithms: o.Signing}.Append(nil))
	}
	req.Contexts = append(req.Contexts, o.Contexts...)
	return req
}

// AllDialects are those that exist.
var AllDialects = []Dialect{smb2.Dialect202, smb2.Dialect210, smb2.Dialect300, smb2.Dialect302, smb2.Dialect311}

// Negotiate sends NEGOTIATE and takes over what the server chose. Nil dialects
// means all.
func (c *Client) Negotiate(dialects []Dialect, o NegotiateOptions) (smb2.NegotiateResponse, smb2.Status) {
	c.tb.Helper()
	if dialects == nil {
		dialects = AllDialects
	}
	c.Asked = NegotiateRequest(dialects, o)
	e := c.Req(smb2.CommandNegotiate, c.Asked)
	e.CreditCharge = 0
	sent := c.Build(e)
	if !c.SendFrame(sent) {
		c.tb.Fatal("NEGOTIATE: the connection ended")
	}
	r := c.Wait(e.MessageID)
	if r.Status != smb2.StatusSuccess {
		return smb2.NegotiateResponse{}, r.Status
	}
	resp, err := smb2.ParseNegotiateResponse(r.Msg)
	if err != nil {
		c.tb.Fatalf("NEGOTIATE response: %v", err)
	}
	c.settle(resp)
	c.preauth = signing.PreauthHash{}.Extend(sent).Extend(r.Msg)
	return resp, r.Status
}

func (c *Client) settle(resp smb2.NegotiateResponse) {
	c.tb.Helper()
	c.Server, c.Dialect = resp, resp.Dialect
	c.SignAlg, c.Cipher = signing.HMACSHA256, 0
	if c.Dialect >= smb2.Dialect300 {
		c.SignAlg = signing.AESCMAC
	}
	if (c.Dialect == smb2.Dialect300 || c.Dialect == smb2.Dialect302) && resp.Capabilities&smb2.CapEncryption != 0 {
		c.Cipher = signing.AES128CCM
	}
	for _, x := range resp.Contexts {
		switch x.Type {
		case smb2.ContextEncryption:
			y, err := smb2.ParseEncryptionContext(x.Data)
			if err != nil || len(y.Ciphers) != 1 {
				c.tb.Fatalf("encryption context %x: %v", x.Data, err)
			}
			c.Cipher = signing.Cipher(y.Ciphers[0])
		case smb2.ContextSigning:
			y, err := smb2.ParseSigningContext(x.Data)
			if err != nil || len(y.Algorithms) != 1 {
				c.tb.Fatalf("signing context %x: %v", x.Data, err)
			}
			c.SignAlg = signing.Algorithm(y.Algorithms[0])
		}
	}
}

// Logon is one authentication, step by step.
type Logon struct {
	User, Password string
	NTLM           ntlmclient.Client
	Previous       uint64            // PreviousSessionId
	Mode           smb2.SecurityMode // zero: SigningEnabled
	Again          *Session          // re-authenticate this session
	Bind           *Session          // make the connection a channel of this session
	Unsigned       bool              // where the session would sign
	Raw            bool              // NTLM without SPNEGO
	Flags          uint8

	hash signing.PreauthHash
}

var oidNTLM = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 2, 2, 10}

// SessionSetup logs on; the session becomes the current one if that succeeds.
func (c *Client) SessionSetup(user, password string) (*Session, smb2.Status) {
	c.tb.Helper()
	return c.Logon(&Logon{User: user, Password: password})
}

// Logon carries out l.
func (c *Client) Logon(l *Logon) (*Session, smb2.Status) {
	c.tb.Helper()
	r, id := c.LogonFirst(l)
	if r.Status != smb2.StatusMoreProcessingRequired {
		return nil, r.Status
	}
	return c.LogonSecond(l, r, id)
}

// LogonFirst sends the first message.
func (c *Client) LogonFirst(l *Logon) (Reply, uint64) {
	c.tb.Helper()
	l.NTLM.User, l.NTLM.Password = l.User, l.Password
	l.hash = c.preauth
	token := l.NTLM.Negotiate()
	if !l.Raw {
		token = spnego.NegTokenInit{Mechs: []asn1.ObjectIdentifier{oidNTLM}, MechToken: token}.Append(nil)
	}
	var id uint64
	switch {
	case l.Again != nil:
		id = l.Again.ID
	case l.Bind != nil:
		id = l.Bind.ID
		l.Flags |= smb2.SessionFlagBinding
	}
	r := c.setup(l, token, id)
	return r, r.SessionID
}

// setup sends one SESSION_SETUP and extends the hash.
func (c *Client) setup(l *Logon, token []byte, id uint64) Reply {
	c.tb.Helper()
	e := c.SetupReq(l, token, id)
	if l.Bind != nil {
		// Until it succeeds, requests and responses are signed with the key of
		// the session. [MS-SMB2] 3.2.4.1.1, 3.3.5.5
		if before, found := c.sessions[id]; found {
			defer func() { c.sessions[id] = before }()
		} else {
			defer delete(c.sessions, id)
		}
		c.sessions[id] = &Session{ID: id, Signer: l.Bind.master(), Sign: true}
	}
	var r Reply
	if l.Again != nil {
		r = c.DoElem(e)
	} else {
		sent := c.Build(e)
		l.hash = l.hash.Extend(sent)
		if !c.SendFrame(sent) {
			c.tb.Fatal("SESSION_SETUP: the connection ended")
		}
		r = c.Wait(e.MessageID)
	}
	if r.Status == smb2.StatusMoreProcessingRequired {
		l.hash = l.hash.Extend(r.Msg)
		if l.Bind != nil && (r.Flags&smb2.FlagSigned == 0 || r.BadSig) {
			c.tb.Error("SESSION_SETUP: the answer to a binding is not signed with the key of the session")
		}
	}
	return r
}

// SetupReq returns a SESSION_SETUP with token.
func (c *Client) SetupReq(l *Logon, token []byte, id uint64) *Elem {
	mode := l.Mode
	if mode == 0 {
		mode = smb2.SigningEnabled
	}
	e := c.Req(smb2.CommandSessionSetup, smb2.SessionSetupRequest{
		Flags: l.Flags, SecurityMode: mode, PreviousSessionID: l.Previous, SecurityBuffer: token,
	})
	e.TreeID, e.SessionID = 0, id
	e.Unsigned = l.Again == nil && l.Bind == nil || l.Unsigned
	return e
}

// LogonToken returns the second message's token and the session key.
func (c *Client) LogonToken(l *Logon, first Reply) (token, key []byte) {
	c.tb.Helper()
	resp, err := smb2.ParseSessionSetupResponse(first.Msg)
	if err != nil {
		c.tb.Fatalf("SESSION_SETUP response: %v", err)
	}
	if l.Raw {
		if token, key, err = l.NTLM.Authenticate(resp.SecurityBuffer); err != nil {
			c.tb.Fatal(err)
		}
		return token, key
	}
	_, t, err := spnego.Parse(resp.SecurityBuffer)
	if err != nil || t == nil {
		c.tb.Fatalf("SPNEGO answer: %v", err)
	}
	msg, key, err := l.NTLM.Authenticate(t.ResponseToken)
	if err != nil {
		c.tb.Fatal(err)
	}
	return spnego.NegTokenResp{State: spnego.AcceptIncomplete, ResponseToken: msg}.Append(nil), key
}

// LogonSecond sends the second message and derives the keys.
func (c *Client) LogonSecond(l *Logon, first Reply, id uint64) (*Session, smb2.Status) {
	c.tb.Helper()
	token, key := c.LogonToken(l, first)
	r := c.setup(l, token, id)
	if r.Status != smb2.StatusSuccess {
		return nil, r.Status
	}
	resp, err := smb2.ParseSessionSetupResponse(r.Msg)
	if err != nil {
		c.tb.Fatalf("SESSION_SETUP response: %v", err)
	}
	if l.Again != nil {
		return l.Again, r.Status
	}
	se := &Session{ID: r.SessionID, Flags: resp.Flags}
	if l.Bind != nil {
		c.bound(l, se, key)
	} else if resp.Flags&(smb2.SessionIsGuest|smb2.SessionIsNull) == 0 {
		c.Derive(se, key, &l.hash)
	}
	if se.Signer != nil && (r.Flags&smb2.FlagSigned == 0 || !se.Signer.Verify(r.Msg)) {
		c.tb.Fatalf("the final SESSION_SETUP response is not signed, or wrongly")
	}
	c.Adopt(se)
	return se, r.Status
}

// Derive gives se its keys.
func (c *Client) Derive(se *Session, key []byte, hash *signing.PreauthHash) {
	c.tb.Helper()
	k := signing.DeriveKeys(uint16(c.Dialect), c.Cipher, key, key, hash)
	var err error
	if se.Signer, err = signing.NewSigner(c.SignAlg, k.Signing); err != nil {
		c.tb.Fatal(err)
	}
	if c.Cipher != 0 {
		if se.In, err = signing.NewSealer(c.Cipher, k.ServerOut); err != nil {
			c.tb.Fatal(err)
		}
		if se.Out, err = signing.NewSealer(c.Cipher, k.ServerIn); err != nil {
			c.tb.Fatal(err)
		}
	}
	se.nonce = new(atomic.Uint64)
	se.Key, se.Sign = key, true
	se.Seal = se.Flags&smb2.SessionEncryptData != 0
}

// Bind makes the connection a channel of se, which is the current session then.
func (c *Client) Bind(se *Session, user, password string) smb2.Status {
	c.tb.Helper()
	_, st := c.Logon(&Logon{User: user, Password: password, Bind: se})
	return st
}

// bound gives a channel its own key for signatures, and the session's for
// encryption. [MS-SMB2] 3.2.5.3.3
func (c *Client) bound(l *Logon, se *Session, key []byte) {
	c.tb.Helper()
	c.Derive(se, key, &l.hash)
	m := l.Bind
	se.Key, se.Flags, se.Seal = m.Key, m.Flags, m.Seal
	se.In, se.Out, se.nonce = m.In, m.Out, m.nonce
	se.binder = m.master()
}

// master returns what signs the binding of a channel: the session's own key.
func (se *Session) master() *signing.Signer {
	if se.binder != nil {
		return se.binder
	}
	return se.Signer
}

// Adopt makes se the current session and one whose replies can be checked.
func (c *Client) Adopt(se *Session) {
	c.sessions[se.ID] = se
	c.Session = se
}
