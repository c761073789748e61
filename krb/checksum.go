package krb

import (
	"crypto/md5"
	"crypto/subtle"
	"encoding/binary"

	"github.com/jcmturner/gokrb5/v8/iana/chksumtype"
	"github.com/jcmturner/gokrb5/v8/iana/errorcode"
)

// The authenticator's checksum isn't one: RFC 4121 4.1.1 keeps channel bindings and flags
// there. What may follow, delegated credentials, is left alone.

// gssFlags are the flags of RFC 4121 4.1.1.1, and that of DCE, RFC 4757 7.1.
type gssFlags uint32

const (
	flagMutual gssFlags = 0x2
	flagDCE    gssFlags = 0x1000
)

const (
	bindingsLen = 16
	checksumLen = 4 + bindingsLen + 4
)

// checkChecksum takes the flags, and checks what the client is bound to. An authenticator
// without a checksum has no flags and no bindings, [MS-KILE] 3.4.5.
func (x *exchange) checkChecksum() error {
	sum := x.auth.Cksum
	if sum.CksumType == 0 && len(sum.Checksum) == 0 {
		return x.checkBindings(make([]byte, bindingsLen))
	}
	b := sum.Checksum
	if sum.CksumType != chksumtype.GSSAPI || len(b) < checksumLen || binary.LittleEndian.Uint32(b) != bindingsLen {
		return x.fail(errorcode.KRB_AP_ERR_INAPP_CKSUM, ErrMalformed, "the authenticator has a checksum of type %d", sum.CksumType)
	}
	x.flags = gssFlags(binary.LittleEndian.Uint32(b[4+bindingsLen:]))
	if x.flags&flagDCE != 0 && x.flags&flagMutual == 0 {
		return x.fail(errorcode.KRB_AP_ERR_INAPP_CKSUM, ErrMalformed, "DCE style without mutual authentication")
	}
	return x.checkBindings(b[4 : 4+bindingsLen])
}

func (x *exchange) checkBindings(got []byte) error {
	if x.channel == nil {
		return nil
	}
	want := bindingsHash(x.channel)
	if subtle.ConstantTimeCompare(got, want[:]) == 1 {
		return nil
	}
	if [bindingsLen]byte(got) != [bindingsLen]byte{} {
		return x.fail(errorcode.KRB_ERR_GENERIC, ErrBindings, "the client at %v came through another channel: somebody may be in between", x.peer)
	}
	switch x.mech.RequireBindings {
	case CheckRequire:
		return x.fail(errorcode.KRB_ERR_GENERIC, ErrBindings, "the client has none, and Mechanism.RequireBindings is set")
	case CheckAudit:
		x.mech.logger().Warn("krb: logon would be refused", "reason", "no channel bindings", "principal", x.client.String(), "peer", x.peer)
	}
	return nil
}

// bindingsHash is RFC 4121 4.1.1.2 for bindings without addresses, as TLS has them.
func bindingsHash(data []byte) [md5.Size]byte {
	b := make([]byte, 16, 20+len(data)) // types and lengths of two addresses
	b = binary.LittleEndian.AppendUint32(b, uint32(len(data)))
	return md5.Sum(append(b, data...))
}
