package krb

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jcmturner/gofork/encoding/asn1"
	"github.com/jcmturner/gokrb5/v8/iana"
	"github.com/jcmturner/gokrb5/v8/iana/errorcode"
	"github.com/jcmturner/gokrb5/v8/iana/msgtype"
	"github.com/jcmturner/gokrb5/v8/messages"
	"github.com/jcmturner/gokrb5/v8/types"
)

// Reasons for a logon to fail. What a LogonError says is longer, and tells what to do.
var (
	ErrMalformed = errors.New("malformed token")
	ErrSequence  = errors.New("token out of sequence")
	ErrService   = errors.New("ticket is for another service")
	ErrNoKey     = errors.New("keytab has no key for the ticket")
	ErrWrongKey  = errors.New("ticket doesn't decrypt with the keytab's keys")
	ErrWeak      = errors.New("encryption type is not allowed")
	ErrExpired   = errors.New("ticket has ended")
	ErrNotYet    = errors.New("ticket is not valid yet")
	ErrSkew      = errors.New("clocks differ too much")
	ErrReplay    = errors.New("authenticator was used before")
	ErrMismatch  = errors.New("authenticator doesn't belong to the ticket")
	ErrAddress   = errors.New("ticket is for other addresses")
	ErrBindings  = errors.New("channel bindings don't match")
	ErrPAC       = errors.New("bad PAC")
	ErrNoPAC     = errors.New("ticket has no PAC with logon information")
	ErrUnmapped  = errors.New("principal stands for no user here")
)

// LogonError is a logon that failed once its ticket could be read.
type LogonError struct {
	// Principal is the client, empty as long as the ticket isn't decrypted.
	Principal string
	// Service is what the ticket is for, as the client has it.
	Service string
	// Code is the error code of RFC 4120 7.5.9.
	Code int32
	// Err is one of this package's errors, with details.
	Err error
}

// Error tells who, for which service, and why.
func (e *LogonError) Error() string {
	who := "a client"
	if e.Principal != "" {
		who = fmt.Sprintf("%q", e.Principal)
	}
	return fmt.Sprintf("krb: logon of %s at %q: %v", who, e.Service, e.Err)
}

// Unwrap returns the reason.
func (e *LogonError) Unwrap() error { return e.Err }

// LogonUser returns the user's principal in lower case.
func (e *LogonError) LogonUser() string { return strings.ToLower(e.Principal) }

// fail makes an error of the exchange. The client is told the code, if that may help it.
func (x *exchange) fail(code int32, why error, format string, args ...any) error {
	e := &LogonError{Service: principalOf(x.req.Ticket.SName, x.req.Ticket.Realm).String(), Code: code, Err: why}
	if x.decrypted {
		e.Principal = x.client.String()
	}
	if format != "" {
		e.Err = fmt.Errorf("%w: %s", why, fmt.Sprintf(format, args...))
	}
	return e
}

// correctable reports whether a client may do better next time: with the server's time, or
// a new ticket. Windows sends those codes, and its clients try again.
func correctable(code int32) bool {
	switch code {
	case errorcode.KRB_AP_ERR_SKEW, errorcode.KRB_AP_ERR_MODIFIED, errorcode.KRB_AP_ERR_NOKEY,
		errorcode.KRB_AP_ERR_TKT_EXPIRED, errorcode.KRB_AP_ERR_TKT_NYV, errorcode.KRB_AP_ERR_REPEAT:
		return true
	}
	return false
}

// skewRecovery is KERB-ERROR-DATA, [MS-KILE] 2.2.2: it tells the client to try again with
// the time of the KRB-ERROR.
type skewRecovery struct {
	DataType int `asn1:"explicit,tag:1"`
}

// krbError encodes a KRB-ERROR, RFC 4120 5.9.1.
func krbError(code int32, service types.PrincipalName, realm string, now time.Time) ([]byte, error) {
	now = now.UTC()
	e := messages.KRBError{
		PVNO: iana.PVNO, MsgType: msgtype.KRB_ERROR,
		STime: now.Truncate(time.Second), Susec: now.Nanosecond() / 1000,
		ErrorCode: code, Realm: realm, SName: service,
	}
	if code == errorcode.KRB_AP_ERR_SKEW {
		var err error
		if e.EData, err = asn1.Marshal(skewRecovery{DataType: 2}); err != nil {
			return nil, err
		}
	}
	return e.Marshal()
}
