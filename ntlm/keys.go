package ntlm

import (
	"crypto/hmac"
	"crypto/md5"
	"crypto/rc4"
	"encoding/binary"
	"errors"
	"hash/crc32"
)

var errSignature = errors.New("ntlm: signature does not verify")

// keyExchangeKey is KXKEY, [MS-NLMP] 3.4.5.1. The LM key and the non-NT session
// key, which we never offer, don't come into it.
func keyExchangeKey(base [16]byte, v2, extended bool, nonce [8]byte, lm []byte) [16]byte {
	if v2 || !extended {
		return base
	}
	return hmacMD5(base[:], nonce[:], lm[:min(8, len(lm))])
}

// exportedKey takes the session key that the client chose out of its message,
// [MS-NLMP] 3.2.5.1.2. By the letter the key is used only along with SIGN or
// SEAL, but clients that set neither and send a key have used it.
func exportedKey(kx [16]byte, m *authenticate) ([16]byte, error) {
	switch {
	case !m.flags.has(flagKeyExchange):
		return kx, nil
	case len(m.encryptedKey) == 0 && !m.flags.has(flagSign|flagSeal):
		return kx, nil
	case len(m.encryptedKey) != 16:
		return [16]byte{}, ErrMalformed
	}
	c, err := rc4.NewCipher(kx[:])
	if err != nil {
		return [16]byte{}, err
	}
	var key [16]byte
	c.XORKeyStream(key[:], m.encryptedKey)
	return key, nil
}

// side is who signs.
type side string

const (
	clientSide side = "client-to-server"
	serverSide side = "server-to-client"
)

// signKey is SIGNKEY, [MS-NLMP] 3.4.5.2, for extended session security.
func signKey(exported [16]byte, s side) [16]byte {
	return magic(exported[:], s, "signing")
}

// sealKey is SEALKEY, [MS-NLMP] 3.4.5.3. Without extended session security, and
// as the LM key is never negotiated, it is the session key.
func sealKey(exported [16]byte, f flags, s side) [16]byte {
	switch {
	case !f.has(flagExtended):
		return exported
	case f.has(flag128):
		return magic(exported[:], s, "sealing")
	case f.has(flag56):
		return magic(exported[:7], s, "sealing")
	}
	return magic(exported[:5], s, "sealing")
}

func magic(key []byte, s side, use string) [16]byte {
	h := md5.New()
	h.Write(key)
	h.Write([]byte("session key to " + string(s) + " " + use + " key magic constant\x00"))
	return [16]byte(h.Sum(nil))
}

// mac signs msg as the first message of a side, [MS-NLMP] 3.4.4: sequence number
// 0 and a fresh key stream, which is what [MS-SPNG] 3.2.5.1 has for the
// mechListMIC. stream is where the key stream stands, after a sealed message.
func mac(exported [16]byte, f flags, s side, msg []byte, stream *rc4.Cipher) []byte {
	out := make([]byte, 16)
	out[0] = 1
	if !f.has(flagExtended) { // 3.4.4.1
		binary.LittleEndian.PutUint32(out[8:], crc32.ChecksumIEEE(msg))
		stream.XORKeyStream(out[4:], out[4:])
		return out
	}
	key := signKey(exported, s)
	sum := hmacMD5(key[:], make([]byte, 4), msg)
	copy(out[4:12], sum[:8])
	if f.has(flagKeyExchange) {
		stream.XORKeyStream(out[4:12], out[4:12])
	}
	return out
}

// firstMAC is mac with its key stream at the beginning.
func firstMAC(exported [16]byte, f flags, s side, msg []byte) ([]byte, error) {
	key := sealKey(exported, f, s)
	stream, err := rc4.NewCipher(key[:])
	if err != nil {
		return nil, err
	}
	return mac(exported, f, s, msg, stream), nil
}

// dummyMAC is the signature when nobody asked for signing, 3.4.4.3.
func dummyMAC() []byte { return []byte{1, 15: 0} }

// signMIC makes the server's mechListMIC.
func signMIC(exported [16]byte, f flags, msg []byte) ([]byte, error) {
	if !f.has(flagSign | flagSeal) {
		return dummyMAC(), nil
	}
	return firstMAC(exported, f, serverSide, msg)
}

// verifyMIC checks the client's. One that negotiated no signing may still sign.
func verifyMIC(exported [16]byte, f flags, msg, mic []byte) error {
	want, err := firstMAC(exported, f, clientSide, msg)
	if err != nil {
		return err
	}
	from := 0
	if !f.has(flagExtended) && len(mic) == len(want) {
		from = 8 // RandomPad is zero by 3.4.4.1 and isn't in 4.2.2.4
	}
	if hmac.Equal(want[from:], mic[from:]) {
		return nil
	}
	if !f.has(flagSign|flagSeal) && hmac.Equal(dummyMAC(), mic) {
		return nil
	}
	return errSignature
}
