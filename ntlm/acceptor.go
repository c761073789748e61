package ntlm

import (
	"bytes"
	"context"
	"crypto/hmac"
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/gosmbd/smb"
	"github.com/gosmbd/smb/internal/spnego"
	"github.com/gosmbd/smb/vfs"
)

var (
	errSequence = errors.New("ntlm: message out of sequence")
	errAccounts = errors.New("ntlm: Accounts returned no caller or no key")
)

// acceptor is smb.Acceptor for NTLM, [MS-NLMP] 3.2.5.1.
type acceptor struct {
	mech *Mechanism
	peer net.Addr

	// Between the two messages: what the MIC goes over, and the challenge.
	negotiateMsg []byte
	challengeMsg []byte
	offered      challenge

	over    bool // no further message is welcome
	user    string
	caller  *vfs.Caller
	recheck func(context.Context) error // Logon.Recheck

	// Of a logon with a password, else zero.
	keyed    bool
	exported [16]byte
	flags    flags

	session       *session // nil until a message is protected
	micIn, micOut uint32   // messages of either side before that, for SPNEGO
}

// Step implements smb.Acceptor.
func (a *acceptor) Step(ctx context.Context, token []byte) (reply []byte, done bool, err error) {
	switch {
	case a.over:
		return nil, false, errSequence
	case a.challengeMsg == nil:
		reply, err = a.negotiate(token)
		a.over = err != nil
		return reply, false, err
	}
	a.over = true
	if err := a.authenticate(ctx, token); err != nil {
		a.caller, a.keyed = nil, false
		return nil, false, err
	}
	return nil, true, nil
}

// negotiate answers a NEGOTIATE_MESSAGE with a challenge.
func (a *acceptor) negotiate(token []byte) ([]byte, error) {
	f, err := parseNegotiate(token)
	if err != nil {
		return nil, err
	}
	nonce, err := a.mech.newNonce()
	if err != nil {
		return nil, fmt.Errorf("ntlm: no challenge: %w", err)
	}
	n := a.mech.names()
	a.offered = challenge{flags: challengeFlags(f), nonce: nonce, target: n.nbHost, info: a.mech.targetInfo(n)}
	a.negotiateMsg = bytes.Clone(token)
	a.challengeMsg = a.offered.append(nil)
	return bytes.Clone(a.challengeMsg), nil
}

// authenticate decides on an AUTHENTICATE_MESSAGE.
func (a *acceptor) authenticate(ctx context.Context, token []byte) error {
	m, err := parseAuthenticate(token, a.offered.flags)
	if err != nil {
		return err
	}
	if m.anonymous() {
		return a.admitAnonymous()
	}
	at, err := a.attempt(m)
	if err != nil {
		return err
	}
	a.user = logonUser(at.User)
	switch {
	case smb.TooManyLogons(ctx, a.user):
		err = ErrTooMany
	case a.mech.Accounts == nil:
		err = at.NoSuchUser()
	default:
		err = a.logon(ctx, m, at)
	}
	if errors.Is(err, ErrNoSuchUser) && a.mech.Guest {
		a.caller = &vfs.Caller{Name: "guest", Guest: true}
		return nil
	}
	if err != nil {
		return &LogonError{User: at.User, Domain: at.Domain, Workstation: at.Workstation, Err: err}
	}
	return nil
}

// LogonError is a logon that failed once it was known who tried. The names are
// what the client claims.
type LogonError struct {
	User, Domain, Workstation string
	Err                       error // why, for errors.Is
}

// Error tells who and why, with the client's strings quoted.
func (e *LogonError) Error() string {
	return fmt.Sprintf("ntlm: logon of %q in domain %q from workstation %q: %v", e.User, e.Domain, e.Workstation, e.Err)
}

// Unwrap returns the reason.
func (e *LogonError) Unwrap() error { return e.Err }

// LogonUser returns the user's name in lower case. The server slows down guesses
// by it.
func (e *LogonError) LogonUser() string { return logonUser(e.User) }

func logonUser(claimed string) string { return strings.ToLower(claimed) }

// anonymous is the special case of [MS-NLMP] 3.2.5.1.2.
func (m *authenticate) anonymous() bool {
	return m.user == "" && len(m.nt) == 0 &&
		(len(m.lm) == 0 || len(m.lm) == 1 && m.lm[0] == 0)
}

func (a *acceptor) admitAnonymous() error {
	if !a.mech.Anonymous {
		return fmt.Errorf("ntlm: %w", ErrAnonymous)
	}
	a.caller = &vfs.Caller{Anonymous: true}
	return nil
}

// attempt gathers what Accounts is asked about.
func (a *acceptor) attempt(m *authenticate) (*Attempt, error) {
	at := &Attempt{
		SentUser: m.user, SentDomain: m.domain, Workstation: m.workstation, Peer: a.peer,
		ServerChallenge: a.offered.nonce, LMResponse: m.lm, NTResponse: m.nt,
		ExtendedSessionSecurity: m.flags.has(flagExtended),
		NTLMv1:                  a.mech.NTLMv1,
	}
	at.User, at.Domain = splitName(m.user, m.domain)
	switch at.kind() {
	case kindNone:
		return nil, ErrMalformed
	case kindV2:
		info, err := parseClientInfo(m.nt)
		if err != nil {
			return nil, err
		}
		at.Timestamp = info.timestamp
		at.MIC = info.avFlags&avFlagMIC != 0
		at.TargetName = info.targetName
		at.TargetUntrusted = info.avFlags&avFlagUntrustedTarget != 0
		at.ChannelBindings = info.channelBindings
	}
	return at, nil
}

// logon asks Accounts, derives the keys, and checks what they prove.
func (a *acceptor) logon(ctx context.Context, m *authenticate, at *Attempt) error {
	v2 := at.kind() == kindV2
	on, err := a.mech.Accounts.Authenticate(ctx, at)
	if err != nil {
		return err
	}
	if on == nil || on.Caller.Name == "" || on.SessionBaseKey == [16]byte{} {
		return errAccounts
	}
	// LMv2 counts as NTLMv2 here, [MS-NLMP] 3.4.5.1.
	kx := keyExchangeKey(on.SessionBaseKey, v2 || at.kind() == kindLMv2, m.flags.has(flagExtended), a.offered.nonce, m.lm)
	if a.exported, err = exportedKey(kx, m); err != nil {
		return err
	}
	a.flags = m.flags
	if err := a.checkMIC(m, at); err != nil {
		return err
	}
	if err := a.checkTarget(at); err != nil {
		return err
	}
	if !v2 {
		a.mech.logger().Warn("ntlm: logon with NTLMv1", "attempt", at, "peer", a.peer)
	}
	caller := on.Caller
	a.caller, a.recheck, a.keyed = &caller, on.Recheck, true
	return nil
}

// checkMIC verifies the MIC over all three messages, [MS-NLMP] 3.2.5.1.2. That
// there is one, the client's proof covers, so nobody can strip it.
func (a *acceptor) checkMIC(m *authenticate, at *Attempt) error {
	if !at.MIC {
		return a.check(a.mech.RequireMIC, ErrMIC, at)
	}
	got := m.mic()
	if got == nil {
		return ErrMIC
	}
	want := hmacMD5(a.exported[:], a.negotiateMsg, a.challengeMsg,
		m.raw[:micOffset], make([]byte, micSize), m.raw[micOffset+micSize:])
	if !hmac.Equal(want[:], got) {
		return ErrMIC
	}
	return nil
}

// checkTarget compares the server that the client means with this one.
func (a *acceptor) checkTarget(at *Attempt) error {
	if a.mech.RequireTarget == CheckOff || !at.TargetUntrusted && a.mech.isTarget(at.TargetName) {
		return nil
	}
	return a.check(a.mech.RequireTarget, ErrTarget, at)
}

// check applies a policy to a logon that fails it.
func (a *acceptor) check(level Check, why error, at *Attempt) error {
	switch level {
	case CheckOff:
		return nil
	case CheckAudit:
		a.mech.logger().Warn("ntlm: logon would be refused", "reason", why, "attempt", at,
			"target", at.TargetName, "peer", a.peer)
		return nil
	}
	return why
}

// Caller implements smb.Acceptor.
func (a *acceptor) Caller() *vfs.Caller { return a.caller }

// LogonUser returns who the client says it is, as LogonError does.
func (a *acceptor) LogonUser() string { return a.user }

// Recheck implements smb.Rechecker.
func (a *acceptor) Recheck(ctx context.Context) error {
	if a.recheck == nil {
		return nil
	}
	err := a.recheck(ctx)
	if errors.Is(err, ErrNoSuchUser) {
		return fmt.Errorf("%w: %w", err, smb.StatusUserSessionDeleted)
	}
	return err
}

// SessionKey implements smb.Acceptor: ExportedSessionKey, 16 bytes.
func (a *acceptor) SessionKey() []byte {
	if !a.keyed {
		return nil
	}
	return bytes.Clone(a.exported[:])
}

// MIC implements smb.Acceptor. Guests and anonymous callers have no keys.
func (a *acceptor) MIC(msg []byte) ([]byte, error) {
	if !a.keyed {
		return nil, spnego.ErrNoMIC
	}
	a.micOut = 1
	return signMIC(a.exported, a.flags, msg)
}

// VerifyMIC implements smb.Acceptor.
func (a *acceptor) VerifyMIC(msg, mic []byte) error {
	if !a.keyed {
		return spnego.ErrNoMIC
	}
	a.micIn = 1
	return verifyMIC(a.exported, a.flags, msg, mic)
}
