package krb

import (
	"crypto/hmac"
	"crypto/md5"
	"crypto/rc4"
	"encoding/binary"
	"errors"

	"github.com/gosmbd/smb/internal/spnego"
)

var errMIC = errors.New("krb: signature does not verify")

// The flags of RFC 4121 4.2.2.
const (
	micByAcceptor = 0x01
	micOwnKey     = 0x04 // the key is one that the acceptor chose
)

// MIC implements smb.Acceptor, RFC 4121 4.2.6.1.
func (a *acceptor) MIC(msg []byte) ([]byte, error) {
	if !a.done {
		return nil, ErrSequence
	}
	seq := a.sequence
	a.sequence++
	k := a.key()
	if k.rc4() {
		return rc4MIC(k, uint32(seq), true, msg)
	}
	return aesMIC(k, a.micFlags()|micByAcceptor, seq, usageAcceptorSign, msg)
}

// VerifyMIC implements smb.Acceptor. Sequence numbers aren't looked at: the one message that
// SPNEGO signs is never the same twice.
func (a *acceptor) VerifyMIC(msg, mic []byte) error {
	if !a.done {
		return ErrSequence
	}
	var want []byte
	k := a.key()
	if k.rc4() {
		seq, err := rc4Sequence(k, mic)
		if err != nil {
			return err
		}
		want, err = rc4MIC(k, seq, false, msg)
		if err != nil {
			return err
		}
	} else {
		if len(mic) < micHeader || mic[2]&(micByAcceptor|micOwnKey) != a.micFlags() {
			return errMIC
		}
		var err error
		if want, err = aesMIC(k, mic[2], binary.BigEndian.Uint64(mic[8:]), usageInitiatorSign, msg); err != nil {
			return err
		}
	}
	if !hmac.Equal(want, mic) {
		return errMIC
	}
	return nil
}

func (a *acceptor) micFlags() byte {
	if a.ownKey.value != nil {
		return micOwnKey
	}
	return 0
}

const micHeader = 16

// aesMIC is the token of RFC 4121 4.2.6.1.
func aesMIC(k key, flags byte, seq uint64, usage uint32, msg []byte) ([]byte, error) {
	header := []byte{4, 4, flags, 0xff, 0xff, 0xff, 0xff, 0xff}
	header = binary.BigEndian.AppendUint64(header, seq)
	sum, err := k.sum(append(append([]byte(nil), msg...), header...), usage)
	if err != nil {
		return nil, err
	}
	return append(header, sum...), nil
}

// The token of RFC 4757 7.2, in its frame: what it is, how it is signed, the sequence
// number, encrypted, and the first 8 bytes of the checksum.
var rc4MICHeader = []byte{1, 1, 0x11, 0, 0xff, 0xff, 0xff, 0xff}

const rc4MICLen = 8 + 8 + 8

// rc4MIC makes the token of RFC 4757 7.2, as acceptor or as initiator.
func rc4MIC(k key, seq uint32, acceptor bool, msg []byte) ([]byte, error) {
	sign := hmacMD5(k.value, []byte("signaturekey\x00"))
	// 15 is the key usage of a MIC, for either side.
	digest := md5.Sum(append(append([]byte{15, 0, 0, 0}, rc4MICHeader...), msg...))
	sum := hmacMD5(sign, digest[:])[:8]
	number := binary.BigEndian.AppendUint32(nil, seq)
	direction := byte(0)
	if acceptor {
		direction = 0xff
	}
	number = append(number, direction, direction, direction, direction)
	if err := rc4Number(k, sum, number); err != nil {
		return nil, err
	}
	token := append(append([]byte(nil), rc4MICHeader...), number...)
	return spnego.AppendFrame(nil, oid, append(token, sum...)), nil
}

// rc4Sequence returns the number of an initiator's token.
func rc4Sequence(k key, mic []byte) (uint32, error) {
	mech, token, ok := spnego.ParseFrame(mic)
	if !ok || !mech.Equal(oid) || len(token) != rc4MICLen {
		return 0, errMIC
	}
	number := append([]byte(nil), token[8:16]...)
	if err := rc4Number(k, token[16:], number); err != nil {
		return 0, err
	}
	return binary.BigEndian.Uint32(number), nil
}

// rc4Number encrypts or decrypts a sequence number, in place.
func rc4Number(k key, sum, number []byte) error {
	c, err := rc4.NewCipher(hmacMD5(hmacMD5(k.value, []byte{0, 0, 0, 0}), sum))
	if err != nil {
		return err
	}
	c.XORKeyStream(number, number)
	return nil
}

func hmacMD5(key, msg []byte) []byte {
	h := hmac.New(md5.New, key)
	h.Write(msg)
	return h.Sum(nil)
}
