package smb

import (
	"context"
	"encoding/asn1"
	"net"

	"github.com/gosmbd/smb/vfs"
)

// Mechanism is a way to prove who one is: package ntlm has one, and package krb.
type Mechanism interface {
	// OID identifies the mechanism in SPNEGO.
	OID() asn1.ObjectIdentifier

	// Accept begins one logon of the client at peer. It is called by many goroutines
	// at once.
	Accept(ctx context.Context, peer net.Addr) Acceptor
}

// RawMechanism is a Mechanism whose tokens some clients send without SPNEGO
// around them. Without it such a token is refused.
type RawMechanism interface {
	Mechanism
	// IsRaw reports whether token is a first token of this mechanism.
	IsRaw(token []byte) bool
}

// AliasedMechanism is a Mechanism that clients know by more than one name: Kerberos is
// two in SPNEGO. A client gets the name back that it asked for.
type AliasedMechanism interface {
	Mechanism
	// Aliases returns the names besides OID.
	Aliases() []asn1.ObjectIdentifier
}

// Acceptor is the server's side of one logon. It is used by one goroutine at a
// time.
type Acceptor interface {
	// Step takes a token of the client and returns the answer. Once done is
	// true the other methods may be called. An error ends the logon; which
	// one, only the log tells: the client gets LOGON_FAILURE, unless the
	// error is an smb2.Status. Failures are counted for what LogonUser returns,
	// if the error or what it wraps has a method LogonUser() string: who the
	// client claims to be. An Acceptor that has it, too, is counted as the same
	// when it succeeds. See TooManyLogons. The guesses of others neither delay nor
	// refuse a success of an Acceptor that has a method Unguessable() bool and returns
	// true: that nobody succeeds by trying one secret after the other, as with tickets.
	Step(ctx context.Context, token []byte) (reply []byte, done bool, err error)

	// Caller returns who logged on.
	Caller() *vfs.Caller

	// SessionKey returns the key that both sides now share, at least 16
	// bytes; nil for guests and anonymous callers.
	SessionKey() []byte

	// MIC signs a message with the mechanism's own keys, as SPNEGO's
	// mechListMIC. VerifyMIC checks one.
	MIC(msg []byte) ([]byte, error)
	VerifyMIC(msg, mic []byte) error
}

// Rechecker is an Acceptor whose caller may cease to be who he was: his account is
// removed, say, or he is put into a group. Without it a session lasts as long as its
// client likes.
type Rechecker interface {
	Acceptor

	// Recheck is called every Limits.RecheckInterval while the session lasts. nil
	// leaves it as it is. StatusNetworkSessionExpired has the client log on again,
	// by which it keeps what it has open, and another [Status], wrapped or not, ends
	// the session as [Server.EndSessions] does. Either ends the pipe if the logon was one
	// for RPC. An error that is no Status means that nothing can be told at the moment,
	// and changes nothing. ctx ends with the session.
	Recheck(ctx context.Context) error
}

// Protector is an Acceptor whose mechanism also protects messages after the logon, which
// RPC asks of it, [MS-RPCE] 3.3.1.5.2.2. Each message has a place in the order of its
// direction. Without it a client can log on again on a pipe, but only to tell who it is where
// calls needn't be protected.
type Protector interface {
	// SignatureSize returns how long signatures are at most, of messages that are
	// sealed or only signed; 0 if there is no such protection, as for guests.
	SignatureSize(seal bool) int

	// SignsAll reports whether head and tail of a message are signed even where the
	// two sides didn't agree on it, as by NTLM.
	SignsAll() bool

	// Sign returns the signature of the server's next message, which is in parts.
	Sign(parts ...[]byte) (signature []byte, err error)

	// Verify checks the client's next message. After an error nothing of what
	// follows can be verified.
	Verify(signature []byte, parts ...[]byte) error

	// Seal signs the server's next message and encrypts its body in place. Head and
	// tail may be empty.
	Seal(head, body, tail []byte) (signature []byte, err error)

	// Unseal decrypts the body of the client's next message in place and checks all
	// of it. After an error the body is not to be looked at.
	Unseal(signature, head, body, tail []byte) error
}
