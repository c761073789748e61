package krb

import (
	"context"
	"encoding/asn1"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"time"

	"github.com/gosmbd/smb"
	"github.com/gosmbd/smb/internal/spnego"
	"github.com/gosmbd/smb/vfs"
)

var (
	_ smb.RawMechanism     = (*Mechanism)(nil)
	_ smb.AliasedMechanism = (*Mechanism)(nil)
)

// DefaultMaxSkew is how far clocks may be apart where nothing else is said, as in all
// implementations of Kerberos.
const DefaultMaxSkew = 5 * time.Minute

// Check is what to do about a property of a logon that a client may lack.
type Check uint8

// The levels of a Check.
const (
	CheckOff     Check = iota // don't look
	CheckAudit                // log a warning where CheckRequire would refuse
	CheckRequire              // refuse the logon
)

// Mechanism is smb.Mechanism for Kerberos. Its zero value lets nobody in. The fields must
// not change once a server uses it. It must not be copied.
type Mechanism struct {
	// Keytabs are the files with the service's keys. They are read again when one
	// changed. While one can't be read, nobody can log on.
	Keytabs []string

	// Services are the names that tickets may be for: "cifs/host", or
	// "cifs/host@REALM" for those of one realm, in any case. None means every name
	// that begins with cifs/. That is safe as long as only this server has the keys:
	// it decides who can decrypt a ticket, whatever name is on it.
	Services []string

	// Map says who a client is whose ticket has no PAC with logon information. An
	// error refuses the logon. It may be called from several goroutines at once, and
	// the caller that it returns must not change any more. Nil means LocalUser.
	Map func(ctx context.Context, client, service Principal) (*vfs.Caller, error)

	// RequirePAC refuses tickets without logon information by the KDC, as all those
	// of Active Directory have it. Map isn't asked then.
	RequirePAC bool

	// RC4 allows tickets, session keys and subkeys of the type rc4-hmac, which can be
	// broken where passwords are weak. Accounts that have it only need a new
	// password, which gives them AES keys.
	RC4 bool

	// MaxSkew is how far a client's clock may be off, and how long after its end a
	// ticket is good. Zero means DefaultMaxSkew.
	MaxSkew time.Duration

	// ChannelBindings returns what the connection is bound to: the application data of
	// RFC 5929 for the TLS channel that it comes through. Nil, or a result of nil,
	// means that there is no channel outside, as with SMB over TCP, and that clients'
	// bindings aren't looked at, RFC 4121 4.1.1.2. Bindings to something else are
	// refused.
	ChannelBindings func(ctx context.Context, peer net.Addr) []byte

	// RequireBindings says what to do about clients that don't bind themselves to a
	// channel that ChannelBindings knows of.
	RequireBindings Check

	// Logger gets warnings about logons that may come again, corrected. Nil means
	// slog.Default().
	Logger *slog.Logger

	keys    keytabs
	replays replayCache
	now     func() time.Time // for tests; nil: time.Now
}

// Open returns a Mechanism with the keys of some keytabs and the defaults for the rest. It
// fails if one can't be read, or if there is no key that could be used.
func Open(keytabs ...string) (*Mechanism, error) {
	m := &Mechanism{Keytabs: keytabs}
	table, err := m.keys.load(keytabs)
	if err != nil {
		return nil, err
	}
	for _, e := range table.entries {
		if e.principal.isMachine() {
			return m, nil
		}
	}
	return nil, fmt.Errorf("krb: %s has no key of a service cifs/HOST or of a machine's account: export one with ktadd, adcli or samba-tool domain exportkeytab",
		strings.Join(keytabs, ", "))
}

// OID implements smb.Mechanism.
func (m *Mechanism) OID() asn1.ObjectIdentifier { return oidMS }

// Aliases implements smb.AliasedMechanism: Kerberos has two names.
func (m *Mechanism) Aliases() []asn1.ObjectIdentifier { return []asn1.ObjectIdentifier{oid} }

// IsRaw implements smb.RawMechanism.
func (m *Mechanism) IsRaw(token []byte) bool {
	mech, _, ok := spnego.ParseFrame(token)
	return ok && isKerberos(mech)
}

// Accept implements smb.Mechanism.
func (m *Mechanism) Accept(_ context.Context, peer net.Addr) smb.Acceptor {
	return &acceptor{mech: m, peer: peer}
}

func (m *Mechanism) logger() *slog.Logger {
	if m.Logger != nil {
		return m.Logger
	}
	return slog.Default()
}

func (m *Mechanism) time() time.Time {
	if m.now != nil {
		return m.now()
	}
	return time.Now()
}

func (m *Mechanism) maxSkew() time.Duration {
	if m.MaxSkew > 0 {
		return m.MaxSkew
	}
	return DefaultMaxSkew
}

// serves reports whether tickets may be for a service.
func (m *Mechanism) serves(p Principal) bool {
	if len(m.Services) == 0 {
		return len(p.Name) > 1 && strings.EqualFold(p.Name[0], "cifs")
	}
	name := strings.Join(p.Name, "/")
	for _, s := range m.Services {
		if strings.EqualFold(s, name) || strings.EqualFold(s, name+"@"+p.Realm) {
			return true
		}
	}
	return false
}
