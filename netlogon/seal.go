package netlogon

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
)

// The Netlogon security provider of RPC, [MS-NRPC] 3.3, with AES and privacy only.
const (
	authNetlogon = 0x44 // RPC_C_AUTHN_NETLOGON, [MS-RPCE] 2.2.1.1.7
	authPrivacy  = 6    // RPC_C_AUTHN_LEVEL_PKT_PRIVACY

	signatureLen = 56 // NL_AUTH_SHA2_SIGNATURE, [MS-NRPC] 2.2.1.3.3
	signatureMin = 32 // the same without Reserved, which some leave out
)

var errSignature = errors.New("netlogon: the controller's message is not signed as agreed")

// signatureHead is HMAC-SHA256, AES-128, padding and no flags.
var signatureHead = [8]byte{0x13, 0, 0x1a, 0, 0xff, 0xff, 0, 0}

// A sealer protects the messages of one connection, [MS-NRPC] 3.3.4.2. Both sides
// count all messages, whoever sends them, so there is one call at a time.
type sealer struct {
	key      sessionKey
	seq      uint64
	isClient bool // the side that connected: its messages are marked
}

// sequence is CopySeqNumber for the next message, [MS-NRPC] 3.3.4.2.1.
func (s *sealer) sequence(ofClient bool) (b [8]byte) {
	binary.BigEndian.PutUint32(b[:], uint32(s.seq))
	binary.BigEndian.PutUint32(b[4:], uint32(s.seq>>32))
	if ofClient {
		b[4] |= 0x80
	}
	s.seq++
	return b
}

// seal encrypts a message in place and appends its signature to dst.
func (s *sealer) seal(dst, message []byte) []byte {
	seq := s.sequence(s.isClient)
	var confounder [8]byte
	rand.Read(confounder[:])
	sum := s.checksum(signatureHead[:], confounder[:], message)

	c := s.dataCipher(seq)
	c.encrypt(confounder[:])
	c.encrypt(message)
	newCFB8(s.key, twice(sum)).encrypt(seq[:])

	dst = append(dst, signatureHead[:]...)
	dst = append(dst, seq[:]...)
	dst = append(dst, sum[:]...)
	dst = append(dst, confounder[:]...)
	return append(dst, make([]byte, signatureLen-signatureMin)...)
}

// open checks the signature of a message of the other side and decrypts the message
// in place, [MS-NRPC] 3.3.4.2.4.
func (s *sealer) open(message, signature []byte) error {
	if len(signature) < signatureMin || [6]byte(signature) != [6]byte(signatureHead[:6]) {
		return errSignature
	}
	got, sum := [8]byte(signature[8:]), [8]byte(signature[16:])
	newCFB8(s.key, twice(sum)).decrypt(got[:])
	seq := s.sequence(!s.isClient)
	if got != seq {
		return errSignature
	}
	confounder := [8]byte(signature[24:])
	c := s.dataCipher(seq)
	c.decrypt(confounder[:])
	c.decrypt(message)
	if want := s.checksum(signature[:8], confounder[:], message); !hmac.Equal(want[:], sum[:]) {
		return errSignature
	}
	return nil
}

func (s *sealer) checksum(parts ...[]byte) [8]byte {
	h := hmac.New(sha256.New, s.key[:])
	for _, p := range parts {
		h.Write(p)
	}
	return [8]byte(h.Sum(nil))
}

// dataCipher is for a confounder and the message behind it.
func (s *sealer) dataCipher(seq [8]byte) *cfb8 {
	key := s.key
	for i := range key {
		key[i] ^= 0xf0
	}
	return newCFB8(key, twice(seq))
}

func twice(b [8]byte) (iv [16]byte) {
	copy(iv[:], b[:])
	copy(iv[8:], b[:])
	return iv
}

// authMessage is the NL_AUTH_MESSAGE that names the domain and the machine, as OEM
// strings, [MS-NRPC] 2.2.1.3.1.
func authMessage(domain, computer string) []byte {
	b := []byte{0, 0, 0, 0, 3, 0, 0, 0}
	b = append(append(b, domain...), 0)
	return append(append(b, computer...), 0)
}

// checkAuthReply checks the controller's NL_AUTH_MESSAGE, [MS-NRPC] 3.3.4.1.4.
func checkAuthReply(b []byte) error {
	if len(b) < 12 || binary.LittleEndian.Uint32(b) != 1 {
		return errors.New("netlogon: the controller's NL_AUTH_MESSAGE is malformed")
	}
	return nil
}
