package dcerpc

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gosmbd/smb/vfs"
)

// The security providers that Config.Accept is asked for, [MS-RPCE] 2.2.1.1.7.
const (
	AuthSPNEGO   uint8 = 0x09 // RPC_C_AUTHN_GSS_NEGOTIATE
	AuthNTLM     uint8 = 0x0A // RPC_C_AUTHN_WINNT
	AuthKerberos uint8 = 0x10 // RPC_C_AUTHN_GSS_KERBEROS

	authNone    uint8 = 0x00
	authDefault uint8 = 0xFF // RPC_C_AUTHN_DEFAULT, which is NTLM
)

// The authentication levels, [MS-RPCE] 2.2.1.1.8. LevelConnect protects nothing, see
// Interface.AllowConnect. LevelPacket protects as LevelIntegrity does; LevelCall is not for
// connections, and refused as by Windows.
const (
	LevelNone      uint8 = 1
	LevelConnect   uint8 = 2
	LevelCall      uint8 = 3
	LevelPacket    uint8 = 4
	LevelIntegrity uint8 = 5
	LevelPrivacy   uint8 = 6
)

// Logon is a logon by a security provider, used by one goroutine at a time.
type Logon interface {
	// Step takes a token of the client and returns the answer, as smb.Acceptor does.
	Step(ctx context.Context, token []byte) (reply []byte, done bool, err error)

	// Caller returns who logged on, once Step is done.
	Caller() *vfs.Caller

	// Protector returns what protects messages from then on, nil if the provider
	// can't.
	Protector() Protector
}

// Expirer is a Logon that ends. Without it one lasts as long as its connection.
type Expirer interface {
	Logon

	// Expires returns when it ends, once Step is done; the zero time: never. A call
	// after that breaks the connection with FaultSecurity.
	Expires() time.Time
}

// Protector protects the messages of a security context, each of which has a place in
// the order of its direction. It is smb.Protector, which says what each method does.
type Protector interface {
	SignatureSize(seal bool) int
	SignsAll() bool
	Sign(parts ...[]byte) (signature []byte, err error)
	Verify(signature []byte, parts ...[]byte) error
	Seal(head, body, tail []byte) (signature []byte, err error)
	Unseal(signature, head, body, tail []byte) error
}

// maxAuths bounds the security contexts of a pipe, [MS-RPCE] 3.3.1.5.4.
const maxAuths = 32

// stage is how far a security context is.
type stage uint8

const (
	building stage = iota
	ready
	failed
)

// auth is a security context, [MS-RPCE] 3.3.1.5.2. A nil *auth is none: the caller is
// the one of the SMB session, and nothing is protected.
type auth struct {
	kind    uint8 // of security provider
	level   uint8
	id      uint32
	headers bool // headers and trailers are signed, too
	stage   stage
	logon   Logon
	caller  *vfs.Caller
	keys    Protector // nil below LevelPacket
	expires time.Time // zero: never
}

var (
	errUnknownAuth = errors.New("dcerpc: no such security provider")
	errAuthLevel   = errors.New("dcerpc: no such authentication level")
	errCallLevel   = errors.New("dcerpc: an authentication level for datagrams")
	errNoCaller    = errors.New("dcerpc: the security provider names no caller")
	errUnprotected = errors.New("dcerpc: the logon left no keys for the authentication level")
)

// newAuth begins the security context that t asks for.
func (c *Conn) newAuth(ctx context.Context, t trailer) (*auth, error) {
	if t.level <= LevelNone || t.level > LevelPrivacy {
		return nil, errAuthLevel
	}
	kind := t.kind
	if kind == authDefault {
		kind = AuthNTLM
	}
	var l Logon
	if c.conf.Accept != nil {
		l = c.conf.Accept(ctx, kind)
	}
	switch {
	case l == nil:
		return nil, errUnknownAuth
	case t.level == LevelCall:
		return nil, errCallLevel
	}
	return &auth{kind: t.kind, level: t.level, id: t.id, headers: c.signHeaders, logon: l}, nil
}

// leg takes a token of the client and returns the answer to it.
func (c *Conn) leg(ctx context.Context, a *auth, token []byte) (reply []byte, err error) {
	reply, done, err := a.logon.Step(ctx, token)
	if err == nil && !done {
		return reply, nil
	}
	if c.conf.Judge != nil {
		err = c.conf.Judge(ctx, a.logon, err)
	}
	if err == nil {
		err = a.finish()
	}
	if err != nil {
		a.stage, a.logon = failed, nil
		return nil, err
	}
	return reply, nil
}

// finish makes a usable. What the level asks for and the provider can't give counts as
// a failure of the provider, [MS-RPCE] 3.3.1.5.2.2.
func (a *auth) finish() error {
	if a.caller = a.logon.Caller(); a.caller == nil {
		return errNoCaller
	}
	if a.protects() {
		a.keys = a.logon.Protector()
		if a.keys == nil || a.seals() && a.keys.SignatureSize(true) == 0 {
			return errUnprotected // what is only signed can't be verified later
		}
	}
	if e, ok := a.logon.(Expirer); ok {
		a.expires = e.Expires()
	}
	a.stage, a.logon = ready, nil
	return nil
}

func (a *auth) protects() bool { return a != nil && a.level > LevelConnect }
func (a *auth) seals() bool    { return a.level == LevelPrivacy }

// matches reports whether t is of a.
func (a *auth) matches(t trailer) bool { return a.kind == t.kind && a.level == t.level }

// bindAuth takes the first leg of a security context from a bind. It returns what the
// bind_ack tells, or the reason of a bind_nak.
func (c *Conn) bindAuth(ctx context.Context, h header, pdu []byte) (*auth, []byte, uint16) {
	if h.authLen == 0 {
		return nil, nil, nakNone
	}
	t, err := parseTrailer(h, pdu)
	if err != nil {
		return nil, nil, nakProtocol
	}
	a, err := c.newAuth(ctx, t)
	switch {
	case errors.Is(err, errUnknownAuth):
		return nil, nil, nakAuthType
	case errors.Is(err, errAuthLevel):
		return nil, nil, nakUnspecified
	case err != nil:
		return nil, nil, nakSecurity
	}
	c.auths[a.id] = a
	token, err := c.leg(ctx, a, t.token)
	if err != nil {
		return nil, nil, nakUnspecified
	}
	return a, token, nakNone
}

// alterAuth takes a leg of a security context, the first or a later one, from an
// alter_context.
func (c *Conn) alterAuth(ctx context.Context, h header, pdu []byte) (*auth, []byte, error) {
	if h.authLen == 0 {
		return nil, nil, nil
	}
	t, err := parseTrailer(h, pdu)
	if err != nil {
		return nil, nil, FaultProto
	}
	a := c.auths[t.id]
	switch {
	case a == nil && len(c.auths) >= maxAuths:
		return nil, nil, FaultProto
	case a == nil:
		if a, err = c.newAuth(ctx, t); err != nil {
			return nil, nil, FaultAccessDenied
		}
		c.auths[a.id] = a
	case a.stage == building && a.kind != t.kind && t.kind != authNone:
		return nil, nil, FaultSecurity
	case a.stage != building, !a.matches(t):
		return nil, nil, FaultAccessDenied
	}
	token, err := c.leg(ctx, a, t.token)
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %w", FaultSecurity, err)
	}
	return a, token, nil
}

// auth3 takes the last leg of a security context. It has no answer: if it fails, the
// first request that uses the context tells, [MS-RPCE] 3.3.1.5.2.1.
func (c *Conn) auth3(ctx context.Context, h header, pdu []byte) error {
	if h.authLen == 0 {
		return c.breach(h.callID, 0, FaultProto, flagDidNotExecute)
	}
	t, err := parseTrailer(h, pdu)
	if err != nil {
		return c.breach(h.callID, 0, FaultNoMemory, flagDidNotExecute) // as Windows does
	}
	a := c.auths[t.id]
	if a == nil || a.stage != building {
		return c.breach(h.callID, 0, FaultProto, flagDidNotExecute)
	}
	if !a.matches(t) {
		a.stage = failed
		return nil
	}
	if token, err := c.leg(ctx, a, t.token); err != nil || a.stage != ready || len(token) > 0 {
		a.stage, a.logon = failed, nil // it wants an answer that can't be given, if not worse
	}
	return nil
}
