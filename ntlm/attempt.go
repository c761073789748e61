package ntlm

import (
	"crypto/hmac"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"time"
)

// Attempt is one logon that an Accounts decides on. The strings are what the
// client claims. Printed or logged, an Attempt shows no responses, since a
// password can be guessed from them.
type Attempt struct {
	// User and Domain are the name without the forms it comes in: user,
	// DOMAIN\user, .\user and user@domain. Domain may be empty, or the name of
	// the client's own machine, which is what Windows sends for a user that is
	// not of a domain.
	User, Domain string

	// SentUser and SentDomain are the name as the client sent it, over which
	// the responses go.
	SentUser, SentDomain string

	Workstation string   // the client's name for itself
	Peer        net.Addr // where the connection comes from

	ServerChallenge [8]byte
	LMResponse      []byte
	NTResponse      []byte

	// ExtendedSessionSecurity tells how an NTLMv1 response was made, [MS-NLMP]
	// 3.3.1.
	ExtendedSessionSecurity bool

	// NTLMv1 makes VerifyHash accept NTLMv1. It is set from the Mechanism; an
	// Accounts may set it for single users.
	NTLMv1 bool

	// The rest is zero unless the response is NTLMv2. It is proven along with
	// the password.

	Timestamp       time.Time // the client's clock, or the server's as the client saw it
	MIC             bool      // the client protects its messages by a MIC
	TargetName      string    // SPN of the server that the client means, "cifs/host"
	TargetUntrusted bool      // the client doesn't vouch for TargetName
	ChannelBindings [16]byte  // MD5 of the channel bindings, zero if none
}

// Format implements fmt.Formatter for all verbs; it shows the name only.
func (a Attempt) Format(f fmt.State, _ rune) { io.WriteString(f, a.String()) }

// MarshalText implements encoding.TextMarshaler; it is String.
func (a Attempt) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// String returns the name as the client sent it, quoted.
func (a Attempt) String() string { return fmt.Sprintf("%q", a.SentDomain+`\`+a.SentUser) }

// LogValue implements slog.LogValuer.
func (a Attempt) LogValue() slog.Value {
	return slog.GroupValue(
		slog.String("user", a.SentUser),
		slog.String("domain", a.SentDomain),
		slog.String("workstation", a.Workstation),
	)
}

// Names returns the names to look for in a table of users, best first: the one
// that the client sent, since a name may well be an e-mail address, then User.
func (a *Attempt) Names() []string {
	if a.SentUser == a.User {
		return []string{a.User}
	}
	return []string{a.SentUser, a.User}
}

// splitName takes a user name out of the forms that clients use.
func splitName(user, domain string) (string, string) {
	if d, u, ok := strings.Cut(user, `\`); ok {
		user, domain = u, d
	} else if i := strings.LastIndexByte(user, '@'); i > 0 && domain == "" {
		user, domain = user[:i], user[i+1:]
	}
	if domain == "." {
		domain = ""
	}
	return user, domain
}

// kind is how an attempt's response was made.
type kind uint8

const (
	kindNone kind = iota
	kindV2
	kindV1   // NTLMv1, with extended session security or without
	kindLMv2 // NTLMv2's answer in the LM field, and none in the other

	// kindEmpty is a name without a password, by which smbclient -N tries
	// itself before it goes anonymous. It is never right, but may be a guest.
	kindEmpty
)

// kind tells responses apart by their length, as [MS-NLMP] 3.2.5.1.2 does.
func (a *Attempt) kind() kind {
	switch n := len(a.NTResponse); {
	case n >= v2Min:
		return kindV2
	case n == v1Size:
		return kindV1
	case n == 0 && len(a.LMResponse) == v1Size:
		return kindLMv2
	case n == 0 && len(a.LMResponse) <= 1:
		return kindEmpty
	}
	return kindNone
}

// VerifyHash checks the attempt against an account's NT hash. It returns the
// session base key of [MS-NLMP] 3.3 if the client knew the password, and else
// ErrWrongPassword or another of this package's errors. It takes as long
// whether the hash is right or not.
func (a *Attempt) VerifyHash(nt Hash) (sessionBaseKey [16]byte, err error) {
	var ok bool
	switch a.kind() {
	case kindV2:
		sessionBaseKey, ok = a.verifyV2(nt, a.NTResponse)
	case kindV1, kindLMv2:
		if !a.NTLMv1 {
			return [16]byte{}, ErrNTLMv1
		}
		sessionBaseKey, ok, err = a.verifyV1(nt)
	case kindEmpty:
	default:
		err = ErrMalformed
	}
	switch {
	case err != nil:
	case !nt.usable():
		err = ErrNoSecret
	case !ok:
		err = ErrWrongPassword
	default:
		return sessionBaseKey, nil
	}
	return [16]byte{}, err
}

// VerifyPassword is VerifyHash of HashOf(password).
func (a *Attempt) VerifyPassword(password string) (sessionBaseKey [16]byte, err error) {
	return a.VerifyHash(HashOf(password))
}

// NoSuchUser does the work of VerifyHash for nobody, so that the time that it
// takes doesn't tell which names exist, and returns ErrNoSuchUser.
func (a *Attempt) NoSuchUser() error { return a.noSuchUser(Hash{1}) }

// noSuchUser is NoSuchUser with a hash that is nobody's.
func (a *Attempt) noSuchUser(dummy Hash) error {
	_, err := a.VerifyHash(dummy)
	if errors.Is(err, ErrMalformed) {
		return err
	}
	return ErrNoSuchUser
}

// verifyV2 checks a proof and the blob behind it, NTLMv2's or LMv2's. Clients
// don't agree on the name that goes into the key, so it tries, always all: the
// name as it was sent or as it was meant; with the domain as sent, in upper case,
// none ([MS-NLMP] 3.2.5.1.2), or as meant.
func (a *Attempt) verifyV2(nt Hash, response []byte) (key [16]byte, ok bool) {
	got, blob := response[:proofSize], response[proofSize:]
	for _, user := range unique(a.SentUser, a.User) {
		for _, domain := range unique(a.SentDomain, upper(a.SentDomain), "", a.Domain) {
			k := ntowfv2(nt, user, domain)
			proof := proofV2(k, a.ServerChallenge, blob)
			base := sessionBaseV2(k, proof)
			match := subtle.ConstantTimeCompare(proof[:], got)
			subtle.ConstantTimeCopy(match, key[:], base[:])
			ok = ok || match == 1
		}
	}
	return key, ok
}

// unique returns s without repetitions. What it drops depends on the name that
// was sent, not on the account.
func unique(s ...string) []string {
	out := s[:0]
next:
	for _, v := range s {
		for _, w := range out {
			if v == w {
				continue next
			}
		}
		out = append(out, v)
	}
	return out
}

// verifyV1 checks the older responses.
func (a *Attempt) verifyV1(nt Hash) (key [16]byte, ok bool, err error) {
	if a.kind() == kindLMv2 {
		key, ok = a.verifyV2(nt, a.LMResponse)
		if !ok {
			err = ErrLM // it may be a plain LM response, or a wrong password
		}
		return key, ok, err
	}
	want, err := responseV1(nt, a.ServerChallenge, a.LMResponse, a.ExtendedSessionSecurity)
	if err != nil {
		return key, false, err
	}
	return sessionBaseV1(nt), hmac.Equal(want[:], a.NTResponse), nil
}
