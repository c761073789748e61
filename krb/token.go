package krb

import (
	"encoding/asn1"
	"encoding/binary"

	"github.com/gosmbd/smb/internal/spnego"
)

// The two names of Kerberos in SPNEGO. The second came from a mistake in Windows 2000, and
// clients that use it want it back, [MS-SPNG] 3.2.5.
var (
	oid   = asn1.ObjectIdentifier{1, 2, 840, 113554, 1, 2, 2}
	oidMS = asn1.ObjectIdentifier{1, 2, 840, 48018, 1, 2, 2}
)

// tokenID is what a token is, RFC 4121 4.1.
type tokenID uint16

const (
	idAPReq    tokenID = 0x0100
	idAPRep    tokenID = 0x0200
	idKRBError tokenID = 0x0300
)

// maxToken bounds a token. SMB's length fields allow no more.
const maxToken = 1 << 16

// framing is how the client puts its tokens: in the frame of RFC 2743 3.1 with the name of
// the mechanism that it holds, or bare, as DCE has it, [MS-KILE] 3.4.5.1. We answer alike.
type framing struct{ mech asn1.ObjectIdentifier }

func isKerberos(mech asn1.ObjectIdentifier) bool { return mech.Equal(oid) || mech.Equal(oidMS) }

// unframe returns the message in a token, which has to be of one kind. The message aliases
// the token.
func unframe(token []byte, want tokenID) (framing, []byte, error) {
	if len(token) > maxToken {
		return framing{}, nil, ErrMalformed
	}
	mech, msg, ok := spnego.ParseFrame(token)
	if !ok {
		return framing{}, token, nil
	}
	if !isKerberos(mech) || len(msg) < 2 || tokenID(binary.BigEndian.Uint16(msg)) != want {
		return framing{}, nil, ErrMalformed
	}
	return framing{mech}, msg[2:], nil
}

// frame makes a token of a message.
func (f framing) frame(id tokenID, msg []byte) []byte {
	if f.mech == nil {
		return msg
	}
	return spnego.AppendFrame(nil, f.mech, append(binary.BigEndian.AppendUint16(nil, uint16(id)), msg...))
}
