package netlogon

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"

	"github.com/gosmbd/smb/ntlm"
)

// credential is a challenge, or what one side makes of it to prove that it knows the
// machine's password: NETLOGON_CREDENTIAL, [MS-NRPC] 2.2.1.3.4.
type credential [8]byte

// sessionKey is what both sides compute from the password and their challenges.
type sessionKey [16]byte

// newSessionKey is ComputeSessionKey for AES, [MS-NRPC] 3.1.4.3.1.
func newSessionKey(secret ntlm.Hash, client, server credential) (key sessionKey) {
	h := hmac.New(sha256.New, secret[:])
	h.Write(client[:])
	h.Write(server[:])
	copy(key[:], h.Sum(nil))
	return key
}

// credential is ComputeNetlogonCredential for AES, [MS-NRPC] 3.1.4.4.1.
func (k sessionKey) credential(in credential) credential {
	newCFB8(k, [16]byte{}).encrypt(in[:])
	return in
}

// newChallenge makes a challenge that a controller doesn't refuse.
func newChallenge() credential {
	for {
		var c credential
		rand.Read(c[:])
		if !c.weak() {
			return c
		}
	}
}

// weak tells a challenge whose first five octets are all the same. With one in 256
// keys the credential for such a challenge is known without the key (CVE-2020-1472),
// so a controller refuses it, [MS-NRPC] 3.1.4.1, and so does this package.
func (c credential) weak() bool {
	for _, b := range c[1:5] {
		if b != c[0] {
			return false
		}
	}
	return true
}

// add adds to the lower four octets, as [MS-NRPC] 3.1.4.5 has it for authenticators.
func (c credential) add(n uint32) credential {
	binary.LittleEndian.PutUint32(c[:], binary.LittleEndian.Uint32(c[:])+n)
	return c
}

// cfb8 is AES-128 in 8-bit CFB mode, NIST SP 800-38A 6.3, which crypto/cipher lacks.
// It goes on where the call before ended.
type cfb8 struct {
	block cipher.Block
	reg   [16]byte // the last sixteen octets of ciphertext
}

func newCFB8(key, iv [16]byte) *cfb8 {
	block, err := aes.NewCipher(key[:])
	if err != nil {
		panic(err) // the key has the right length
	}
	return &cfb8{block: block, reg: iv}
}

func (c *cfb8) encrypt(b []byte) {
	for i := range b {
		b[i] ^= c.next()
		c.shift(b[i])
	}
}

func (c *cfb8) decrypt(b []byte) {
	for i, v := range b {
		b[i] ^= c.next()
		c.shift(v)
	}
}

// next returns the octet of the key stream that the register leads to.
func (c *cfb8) next() byte {
	var out [16]byte
	c.block.Encrypt(out[:], c.reg[:])
	return out[0]
}

func (c *cfb8) shift(ciphertext byte) {
	copy(c.reg[:], c.reg[1:])
	c.reg[15] = ciphertext
}
