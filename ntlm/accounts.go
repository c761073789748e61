package ntlm

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"

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
	ErrTooMany       = errors.New("too many logons failed, this one wasn't looked at")
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

	// Recheck, if set, is called from time to time while the session lasts, as
	// smb.Rechecker tells, so that accounts can be removed and changed while a
	// server runs. ErrNoSuchUser and ErrDisabled end the session;
	// smb.StatusNetworkSessionExpired has the client log on again, for other groups
	// say. Other errors change nothing.
	Recheck func(ctx context.Context) error
}

// String tells the caller only, not the key.
func (l Logon) String() string { return l.Caller.String() }

// Format implements fmt.Formatter for all verbs; it is String.
func (l Logon) Format(f fmt.State, _ rune) { io.WriteString(f, l.String()) }

// MarshalText implements encoding.TextMarshaler; it is String.
func (l Logon) MarshalText() ([]byte, error) { return []byte(l.String()), nil }

// LogValue implements slog.LogValuer.
func (l Logon) LogValue() slog.Value { return slog.StringValue(l.String()) }
