package ntlm

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"

	"github.com/gosmbd/smb"
	"github.com/gosmbd/smb/vfs"
)

// Why a logon fails. The client is told LOGON_FAILURE, or of a disabled account
// whose password it knows ACCOUNT_DISABLED; the log tells the reason.
var (
	ErrNoSuchUser    = errors.New("no such user")
	ErrWrongPassword = errors.New("wrong password")
	ErrNoSecret      = errors.New("account has no password")
	ErrDisabled      = fmt.Errorf("account is disabled: %w", smb.StatusAccountDisabled)
	ErrNTLMv1        = errors.New("client uses NTLMv1, which is off")
	ErrLM            = errors.New("client uses an LM response, which is not supported")
	ErrAnonymous     = errors.New("anonymous logon is off")
	ErrMIC           = errors.New("message integrity code missing or wrong")
	ErrTarget        = errors.New("logon was meant for another server")
)

// Accounts decides who may log on. An application with a user table of its own
// implements it. It is called by many goroutines at a time.
type Accounts interface {
	// Authenticate checks an attempt. It usually looks for an account under
	// each of a.Names, and calls a.VerifyHash with what it finds, or else
	// returns a.NoSuchUser(), so that both take as long.
	//
	// An error refuses the logon. If it is ErrNoSuchUser (as errors.Is finds)
	// and the Mechanism admits guests, the client becomes one; so return that
	// error for nothing else. What an error says goes to the log, never to the
	// client, unless it is an smb2.Status.
	//
	// The attempt and its slices are valid during the call only.
	Authenticate(ctx context.Context, a *Attempt) (*Logon, error)
}

// Logon is the answer to an attempt that proved right.
type Logon struct {
	// Caller is who logged on. It is copied, and must have a name.
	Caller vfs.Caller

	// SessionBaseKey is what Attempt.VerifyHash returned, or, if somebody else
	// checked the attempt, the user session key from there ([MS-NRPC]
	// UserSessionKey). The zero key is refused.
	SessionBaseKey [16]byte
}

// String tells the caller only, not the key.
func (l Logon) String() string { return l.Caller.String() }

// Format implements fmt.Formatter for all verbs; it is String.
func (l Logon) Format(f fmt.State, _ rune) { io.WriteString(f, l.String()) }

// MarshalText implements encoding.TextMarshaler; it is String.
func (l Logon) MarshalText() ([]byte, error) { return []byte(l.String()), nil }

// LogValue implements slog.LogValuer.
func (l Logon) LogValue() slog.Value { return slog.StringValue(l.String()) }

// User is an account of a Static table. One that has neither a Password nor a
// Hash can't log on. A User doesn't print its secrets.
type User struct {
	Password string
	Hash     Hash // used if Password is empty

	Domain   string // put into the Caller; logons may name any domain
	SID      vfs.SID
	Groups   []vfs.SID
	Disabled bool
	NTLMv1   bool // accept NTLMv1 from this user, say from an old scanner
}

// hash returns the NT hash of the account, zero if it has none.
func (u User) hash() Hash {
	if u.Password != "" {
		return HashOf(u.Password)
	}
	return u.Hash
}

// Format implements fmt.Formatter for all verbs; it hides the secrets.
func (u User) Format(f fmt.State, _ rune) { io.WriteString(f, redacted) }

// LogValue implements slog.LogValuer.
func (u User) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText implements encoding.TextMarshaler; it hides the secrets.
func (u User) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// Static is a fixed table of accounts by user name. It must not change while in
// use. Names are compared without regard to case; if several are equal so, only
// an exact match counts.
//
// A search looks at each name, so tens of thousands of users are better served
// by an Accounts with an index.
type Static map[string]User

// Authenticate implements Accounts.
func (s Static) Authenticate(_ context.Context, a *Attempt) (*Logon, error) {
	for _, want := range a.Names() {
		name, u, ok := s.find(want)
		if !ok {
			continue
		}
		a.NTLMv1 = a.NTLMv1 || u.NTLMv1
		key, err := a.VerifyHash(u.hash())
		if err != nil {
			return nil, err
		}
		if u.Disabled {
			return nil, ErrDisabled
		}
		return &Logon{
			Caller:         vfs.Caller{Name: name, Domain: u.Domain, SID: u.SID, Groups: u.Groups},
			SessionBaseKey: key,
		}, nil
	}
	return nil, a.noSuchUser(HashOf("nobody's password")) // as long as u.hash takes
}

// find returns the account that name means, with its name as it is in the table.
func (s Static) find(name string) (string, User, bool) {
	var found string
	n := 0
	for k := range s {
		if k == name {
			return k, s[k], true
		}
		if strings.EqualFold(k, name) {
			found, n = k, n+1
		}
	}
	return found, s[found], n == 1
}
