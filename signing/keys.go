package signing

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
)

// The dialects at which the key schedule changes, [MS-SMB2] 2.2.4.
const (
	dialect300 = 0x0300
	dialect311 = 0x0311
)

// sessionKeyLen is the length of Session.SessionKey and of every key but those of the AES-256 ciphers.
const sessionKeyLen = 16

// Keys is what one authentication yields ([MS-SMB2] 3.3.5.5.3).
type Keys struct {
	Signing     []byte // 16 bytes, always there
	ServerOut   []byte // the server encrypts with it, the client decrypts: Session.EncryptionKey of a server; nil without a cipher
	ServerIn    []byte // the client encrypts with it, the server decrypts; nil without a cipher
	Application []byte // 16 bytes, for what runs on top, as the password operations of SAMR; always there
}

// DeriveKeys computes the keys of a session. fullSessionKey is the key as the authentication mechanism returned it;
// sessionKey is its first 16 bytes, padded with zeros if it's shorter (DeriveKeys does both, so the same slice may be passed twice;
// an empty fullSessionKey means sessionKey). cipher counts for 3.1.1 only, where 0 means that none was negotiated:
// 3.0 and 3.0.2 have AES-128-CCM, 2.x has none.
//
// preauth is the session's hash up to and including the last SESSION_SETUP request; it's used for 3.1.1 only and must
// not be nil there. For a channel that is being bound, use Signing of the result and nothing else.
//
// "If Connection.CipherId is AES-256-CCM or AES-256-GCM, 'L' value is initialized to 256" (3.1.4.2) holds for the two cipher keys:
// signing and application key are defined as 128 bits (3.3.1.8), and come from the 16 bytes of Session.SessionKey.
func DeriveKeys(dialect uint16, cipher Cipher, sessionKey, fullSessionKey []byte, preauth *PreauthHash) Keys {
	full := fullSessionKey
	if len(full) == 0 {
		full = sessionKey
	}
	key := make([]byte, sessionKeyLen)
	copy(key, sessionKey)
	switch {
	case dialect < dialect300:
		return Keys{Signing: key, Application: bytes.Clone(key)} // 3.3.4.1.1, 3.3.4.5
	case dialect < dialect311:
		return Keys{
			Signing:     kdf(key, "SMB2AESCMAC\x00", "SmbSign\x00", 16),
			ServerOut:   kdf(key, "SMB2AESCCM\x00", "ServerOut\x00", 16),
			ServerIn:    kdf(key, "SMB2AESCCM\x00", "ServerIn \x00", 16),
			Application: kdf(key, "SMB2APP\x00", "SmbRpc\x00", 16),
		}
	}
	context := string(preauth[:])
	k := Keys{
		Signing:     kdf(key, "SMBSigningKey\x00", context, 16),
		Application: kdf(key, "SMBAppKey\x00", context, 16),
	}
	n := cipher.KeyLen()
	if n == 0 {
		return k
	}
	if n == 16 {
		full = key
	}
	k.ServerOut = kdf(full, "SMBS2CCipherKey\x00", context, n)
	k.ServerIn = kdf(full, "SMBC2SCipherKey\x00", context, n)
	return k
}

// kdf returns n bytes of key. label and context come with their terminating zeros ([MS-SMB2] 3.1.4.2, 3.3.5.5.3).
func kdf(key []byte, label, context string, n int) []byte {
	fixed := append([]byte(label), 0)
	fixed = append(fixed, context...)
	fixed = binary.BigEndian.AppendUint32(fixed, uint32(n)*8)
	return counterMode(key, fixed, n)
}

// counterMode is SP 800-108 section 5.1 with HMAC-SHA256 and r = 32. One round of it gives 32 bytes, the longest
// key that SMB has.
func counterMode(key, fixed []byte, n int) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte{0, 0, 0, 1})
	h.Write(fixed)
	return h.Sum(nil)[:n]
}
