package krb

import (
	"crypto/rand"
	"fmt"

	"github.com/jcmturner/gokrb5/v8/crypto"
	"github.com/jcmturner/gokrb5/v8/iana/chksumtype"
	"github.com/jcmturner/gokrb5/v8/iana/etypeID"
	"github.com/jcmturner/gokrb5/v8/types"
)

// enctype is what is to be known of an encryption type. gokrb5 slices before it looks at
// lengths, and has a wrong key length for one type, so they are here.
type enctype struct {
	name     string
	keyLen   int
	overhead int   // of a ciphertext: confounder and checksum
	checksum int32 // the type of the checksum that goes with it
	sumLen   int
}

// enctypes are RFC 3962, RFC 8009 and, for RC4, RFC 4757.
var enctypes = map[int32]enctype{
	etypeID.AES128_CTS_HMAC_SHA1_96:    {"aes128-cts-hmac-sha1-96", 16, 16 + 12, chksumtype.HMAC_SHA1_96_AES128, 12},
	etypeID.AES256_CTS_HMAC_SHA1_96:    {"aes256-cts-hmac-sha1-96", 32, 16 + 12, chksumtype.HMAC_SHA1_96_AES256, 12},
	etypeID.AES128_CTS_HMAC_SHA256_128: {"aes128-cts-hmac-sha256-128", 16, 16 + 16, chksumtype.HMAC_SHA256_128_AES128, 16},
	etypeID.AES256_CTS_HMAC_SHA384_192: {"aes256-cts-hmac-sha384-192", 32, 16 + 24, chksumtype.HMAC_SHA384_192_AES256, 24},
	etypeID.RC4_HMAC:                   {"rc4-hmac", 16, 16 + 8, chksumtype.KERB_CHECKSUM_HMAC_MD5, 16},
}

// etypeName is for messages.
func etypeName(etype int32) string {
	if e, ok := enctypes[etype]; ok {
		return fmt.Sprintf("%d (%s)", etype, e.name)
	}
	return fmt.Sprint(etype)
}

// The key usages of RFC 4120 7.5.1, RFC 4121 section 2 and [MS-KILE] 3.1.5.9.
const (
	usageTicket        = 2
	usageAuthenticator = 11
	usageAPRep         = 12
	usagePAC           = 17
	usageAcceptorSign  = 23
	usageInitiatorSign = 25
)

// key is a key of a known type and the right length. It must not get into a log or an
// error.
type key struct {
	etype int32
	value []byte
}

// newKey checks what a ticket or an authenticator gives for a key; rc4 allows RC4.
func newKey(k types.EncryptionKey, rc4 bool) (key, bool) {
	e, ok := enctypes[k.KeyType]
	if !ok || len(k.KeyValue) != e.keyLen || k.KeyType == etypeID.RC4_HMAC && !rc4 {
		return key{}, false
	}
	return key{k.KeyType, k.KeyValue}, true
}

// randomKey makes a key of the type of k.
func (k key) randomKey() key {
	v := make([]byte, len(k.value))
	rand.Read(v) // never fails
	return key{k.etype, v}
}

func (k key) rc4() bool { return k.etype == etypeID.RC4_HMAC }

func (k key) lib() types.EncryptionKey {
	return types.EncryptionKey{KeyType: k.etype, KeyValue: k.value}
}

// decrypt also checks the integrity; false: the ciphertext isn't of this key.
func (k key) decrypt(d types.EncryptedData, usage uint32) ([]byte, bool) {
	if d.EType != k.etype || len(d.Cipher) < enctypes[k.etype].overhead {
		return nil, false
	}
	b, err := crypto.DecryptEncPart(d, k.lib(), usage)
	return b, err == nil
}

func (k key) encrypt(plain []byte, usage uint32) (types.EncryptedData, error) {
	return crypto.GetEncryptedData(plain, k.lib(), usage, 0)
}

// sum is the checksum that goes with the key's type.
func (k key) sum(msg []byte, usage uint32) ([]byte, error) {
	e, err := crypto.GetEtype(k.etype)
	if err != nil {
		return nil, err
	}
	return e.GetChecksumHash(k.value, msg, usage)
}
