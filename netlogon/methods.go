package netlogon

import (
	"context"
	"crypto/hmac"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/gosmbd/smb/dcerpc/ndr"
	"github.com/gosmbd/smb/ntlm"
	"github.com/gosmbd/smb/smb2"
)

// The methods that set up a secure channel, [MS-NRPC] 3.5.4.4.
const (
	opServerReqChallenge   = 4
	opLogonGetCapabilities = 21
	opServerAuthenticate3  = 26
)

// The options of a secure channel, [MS-NRPC] 3.1.4.2.
const (
	negAnyValidation = 0x00000040 // G: not only NETLOGON_VALIDATION_SAM_INFO
	negConcurrent    = 0x00000800 // L
	negStrongKey     = 0x00004000 // O
	negTransitive    = 0x00008000 // P: transitive trusts
	negPasswordSet2  = 0x00020000 // R
	negForestTrusts  = 0x00080000 // T
	negNoEmulation   = 0x00100000 // U: the DC doesn't play NT 4
	negAES           = 0x01000000 // W
	negSecureRPC     = 0x40000000 // Y

	negOffer = negAnyValidation | negConcurrent | negStrongKey | negTransitive | negPasswordSet2 | negForestTrusts |
		negNoEmulation | negAES | negSecureRPC

	// negDemand is what a controller must agree to. Without AES the keys would be made
	// by DES, MD5 and RC4; without Y and T it doesn't return what [MS-APDS] 3.1.5.2
	// calls NetlogonValidationSamInfo4.
	negDemand = negAnyValidation | negForestTrusts | negAES | negSecureRPC
)

// workstationChannel is WorkstationSecureChannel, [MS-NRPC] 2.2.1.3.13.
const workstationChannel = 2

var (
	errProof     = errors.New("netlogon: the controller doesn't know the machine's password: is it one of this domain?")
	errDowngrade = errors.New("netlogon: the controller doesn't do AES or secure RPC: Windows Server 2008 R2, Samba 4.0 or newer is needed")
	errWeak      = errors.New("netlogon: the controller's challenge is not random")
	errTampered  = errors.New("netlogon: somebody changed what was negotiated with the controller")
)

// session is what NetrServerAuthenticate3 agrees on.
type session struct {
	key    sessionKey
	flags  uint32
	stored credential // ClientStoredCredential
}

// Format implements fmt.Formatter for all verbs, without what is secret.
func (session) Format(f fmt.State, _ rune) { io.WriteString(f, redacted) }

const redacted = "REDACTED"

// machine is who sets up the channel.
type machine struct {
	server string // the controller's name
	name   string // the machine's NetBIOS name
	secret ntlm.Hash
}

// Format implements fmt.Formatter for all verbs, without what is secret.
func (m machine) Format(f fmt.State, _ rune) { io.WriteString(f, m.name) }

// authenticate negotiates a session key over a connection without security, [MS-NRPC]
// 3.1.4.1.
func (m *machine) authenticate(ctx context.Context, c *client) (session, error) {
	client := newChallenge()
	reply, err := c.call(ctx, opServerReqChallenge, appendReqChallenge(m, client))
	if err != nil {
		return session{}, err
	}
	server, err := parseReqChallenge(reply)
	if err != nil {
		return session{}, err
	}
	if server.weak() {
		return session{}, errWeak
	}
	s := session{key: newSessionKey(m.secret, client, server)}
	s.stored = s.key.credential(client)
	reply, err = c.call(ctx, opServerAuthenticate3, appendAuthenticate3(m, s.stored))
	if err != nil {
		return session{}, err
	}
	proof, flags, err := parseAuthenticate3(reply)
	if err != nil {
		return session{}, err
	}
	s.flags = flags & negOffer
	if flags&negDemand != negDemand {
		return session{}, errDowngrade
	}
	if want := s.key.credential(server); !hmac.Equal(want[:], proof[:]) {
		return session{}, errProof
	}
	return s, nil
}

func appendReqChallenge(m *machine, challenge credential) []byte {
	var e ndr.Encoder
	e.UniqueWString(m.server)
	e.WString(m.name)
	e.Raw(challenge[:])
	return e.Bytes()
}

func parseReqChallenge(stub []byte) (challenge credential, err error) {
	d := ndr.NewDecoder(stub)
	copy(challenge[:], d.Bytes(len(challenge)))
	return challenge, status(d)
}

func appendAuthenticate3(m *machine, proof credential) []byte {
	var e ndr.Encoder
	e.UniqueWString(m.server)
	e.WString(m.name + "$")
	e.U16(workstationChannel)
	e.WString(m.name)
	e.Raw(proof[:])
	e.U32(negOffer)
	return e.Bytes()
}

func parseAuthenticate3(stub []byte) (proof credential, flags uint32, err error) {
	d := ndr.NewDecoder(stub)
	copy(proof[:], d.Bytes(len(proof)))
	flags = d.U32()
	d.U32() // the account's RID
	return proof, flags, status(d)
}

// status reads the status that a method's results end with.
func status(d *ndr.Decoder) error {
	st := smb2.Status(d.U32())
	if err := d.Err(); err != nil {
		return err
	}
	if st != 0 {
		return &controllerError{st}
	}
	return nil
}

// controllerError is the status by which a controller refuses a call. It is not an
// smb2.Status itself, so that no client is told by mistake what happens between the
// server and its controller.
type controllerError struct{ status smb2.Status }

func (e *controllerError) Error() string {
	return fmt.Sprintf("netlogon: the controller answers %v", e.status)
}

// confirm asks over the sealed connection what the controller believes was negotiated,
// since the negotiation itself was not protected, [MS-NRPC] 3.4.5.2.11. It returns what
// becomes of session.stored.
func (m *machine) confirm(ctx context.Context, c *client, s session) (credential, error) {
	now := uint32(time.Now().Unix())
	stored := s.stored.add(now)
	reply, err := c.call(ctx, opLogonGetCapabilities, appendGetCapabilities(m, s.key.credential(stored), now))
	if err != nil {
		return credential{}, err
	}
	proof, flags, err := parseGetCapabilities(reply)
	if err != nil {
		return credential{}, err
	}
	stored = stored.add(1)
	want := s.key.credential(stored)
	if !hmac.Equal(want[:], proof[:]) || flags&negOffer != s.flags {
		return credential{}, errTampered
	}
	return stored, nil
}

func appendGetCapabilities(m *machine, proof credential, now uint32) []byte {
	var e ndr.Encoder
	e.WString(m.server)
	e.UniqueWString(m.name)
	e.Align(4)
	e.Raw(proof[:]) // NETLOGON_AUTHENTICATOR, [MS-NRPC] 2.2.1.1.5
	e.U32(now)
	e.Raw(make([]byte, 12)) // ReturnAuthenticator
	e.U32(1)                // QueryLevel
	return e.Bytes()
}

func parseGetCapabilities(stub []byte) (proof credential, flags uint32, err error) {
	d := ndr.NewDecoder(stub)
	copy(proof[:], d.Bytes(len(proof)))
	d.U32() // the authenticator's time
	if d.U32() != 1 {
		d.Fail()
	}
	flags = d.U32()
	return proof, flags, status(d)
}
