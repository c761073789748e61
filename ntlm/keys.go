package ntlm

import (
	"crypto/hmac"
	"crypto/md5"
	"crypto/rc4"
	"errors"
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

// firstMAC signs msg as the first message of a side, with the key stream at its
// beginning, which is what [MS-SPNG] 3.2.5.1 has for the mechListMIC.
func firstMAC(exported [16]byte, f flags, s side, msg []byte) ([]byte, error) {
	d, err := newDirection(exported, f, s)
	if err != nil {
		return nil, err
	}
	return d.mac(msg), nil
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
