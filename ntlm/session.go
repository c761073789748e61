package ntlm

import (
	"crypto/hmac"
	"crypto/rc4"
	"encoding/binary"
	"errors"
	"hash/crc32"

	"github.com/gosmbd/smb"
)

var _ smb.Protector = (*acceptor)(nil)

var errNoProtection = errors.New("ntlm: the logon left no keys, or the client didn't ask for this protection")

// signatureSize is that of every NTLMSSP_MESSAGE_SIGNATURE, [MS-NLMP] 2.2.2.9.
const signatureSize = 16

// direction protects the messages of one side, [MS-NLMP] 3.4: connection-oriented, so
// that the key stream goes on from message to message.
type direction struct {
	flags  flags
	key    [16]byte // SIGNKEY
	stream *rc4.Cipher
	seq    uint32 // of the next message
}

func newDirection(exported [16]byte, f flags, s side) (*direction, error) {
	key := sealKey(exported, f, s)
	stream, err := rc4.NewCipher(key[:])
	if err != nil {
		return nil, err
	}
	return &direction{flags: f, key: signKey(exported, s), stream: stream}, nil
}

// mac signs the next message, [MS-NLMP] 3.4.4.
func (d *direction) mac(parts ...[]byte) []byte {
	out := make([]byte, signatureSize)
	out[0] = 1
	seq := d.seq
	d.seq++
	le := binary.LittleEndian
	if !d.flags.has(flagExtended) { // 3.4.4.1
		var sum uint32
		for _, p := range parts {
			sum = crc32.Update(sum, crc32.IEEETable, p)
		}
		le.PutUint32(out[8:], sum)
		d.stream.XORKeyStream(out[4:], out[4:])
		le.PutUint32(out[12:], le.Uint32(out[12:])^seq)
		return out
	}
	sum := hmacMD5(d.key[:], append([][]byte{le.AppendUint32(nil, seq)}, parts...)...)
	copy(out[4:12], sum[:8])
	if d.flags.has(flagKeyExchange) {
		d.stream.XORKeyStream(out[4:12], out[4:12])
	}
	le.PutUint32(out[12:], seq)
	return out
}

// check compares the signature of the next message with what it should be.
func (d *direction) check(sig []byte, parts ...[]byte) error {
	want := d.mac(parts...)
	if len(sig) != len(want) {
		return errSignature
	}
	if !d.flags.has(flagExtended) {
		// RandomPad is zero by 3.4.4.1 and isn't in 4.2.2.4; version and the rest count.
		copy(want[4:8], sig[4:8])
	}
	if !hmac.Equal(want, sig) {
		return errSignature
	}
	return nil
}

// session is both directions; without extended session security they share one key
// stream and one count.
type session struct{ in, out *direction }

// protection returns the session, which begins when it is first used. Messages that
// were signed for SPNEGO count, but each takes the key stream at its beginning, [MS-SPNG]
// 3.2.5.1.
func (a *acceptor) protection(seal bool) (*session, error) {
	if a.SignatureSize(seal) == 0 {
		return nil, errNoProtection
	}
	if a.session != nil {
		return a.session, nil
	}
	in, err := newDirection(a.exported, a.flags, clientSide)
	if err != nil {
		return nil, err
	}
	out := in
	if a.flags.has(flagExtended) {
		if out, err = newDirection(a.exported, a.flags, serverSide); err != nil {
			return nil, err
		}
	}
	in.seq += a.micIn
	out.seq += a.micOut
	a.session = &session{in, out}
	return a.session, nil
}

// SignatureSize implements smb.Protector: 16, or 0 if there is no such protection.
func (a *acceptor) SignatureSize(seal bool) int {
	if !a.keyed || seal && !a.flags.has(flagSeal) || !a.flags.has(flagSign|flagSeal) {
		return 0
	}
	return signatureSize
}

// SignsAll implements smb.Protector: with extended session security clients sign all of a
// PDU, without only its body.
func (a *acceptor) SignsAll() bool { return a.flags.has(flagExtended) }

// Sign implements smb.Protector, [MS-NLMP] 3.4.2.
func (a *acceptor) Sign(parts ...[]byte) ([]byte, error) {
	s, err := a.protection(false)
	if err != nil {
		return nil, err
	}
	return s.out.mac(parts...), nil
}

// Verify implements smb.Protector.
func (a *acceptor) Verify(sig []byte, parts ...[]byte) error {
	s, err := a.protection(false)
	if err != nil {
		return err
	}
	return s.in.check(sig, parts...)
}

// Seal implements smb.Protector, [MS-NLMP] 3.4.3. The key stream covers the body first,
// then the signature, which is over what the body was.
func (a *acceptor) Seal(head, body, tail []byte) ([]byte, error) {
	s, err := a.protection(true)
	if err != nil {
		return nil, err
	}
	plain := append([]byte(nil), body...)
	s.out.stream.XORKeyStream(body, body)
	return s.out.mac(head, plain, tail), nil
}

// Unseal implements smb.Protector.
func (a *acceptor) Unseal(sig, head, body, tail []byte) error {
	s, err := a.protection(true)
	if err != nil {
		return err
	}
	s.in.stream.XORKeyStream(body, body)
	return s.in.check(sig, head, body, tail)
}
