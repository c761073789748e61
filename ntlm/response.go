package ntlm

import (
	"crypto/des"
	"crypto/hmac"
	"crypto/md5"
	"unicode"

	//lint:ignore SA1019 [MS-NLMP] 3.3.1 asks for MD4
	"golang.org/x/crypto/md4"

	"github.com/gosmbd/smb/internal/utf16le"
)

// hmacMD5 is HMAC_MD5 of the concatenation of parts, [MS-NLMP] 6.
func hmacMD5(key []byte, parts ...[]byte) [16]byte {
	h := hmac.New(md5.New, key)
	for _, p := range parts {
		h.Write(p)
	}
	return [16]byte(h.Sum(nil))
}

// ntowfv2 is NTOWFv2, [MS-NLMP] 3.3.2.
func ntowfv2(nt Hash, user, domain string) [16]byte {
	name := utf16le.Append(nil, upper(user))
	return hmacMD5(nt[:], utf16le.Append(name, domain))
}

// upper is upper case as RtlUpcaseUnicodeString has it: one unit for one unit,
// and those above U+FFFF stay.
func upper(s string) string {
	var b []byte
	for i, r := range s {
		if u := unicode.ToUpper(r); u != r && r <= 0xFFFF && u <= 0xFFFF && r != 'ß' {
			if b == nil {
				b = append(make([]byte, 0, len(s)+8), s[:i]...)
			}
			b = append(b, string(u)...)
		} else if b != nil {
			b = append(b, string(r)...)
		}
	}
	if b == nil {
		return s
	}
	return string(b)
}

// proofV2 is the NTProofStr that key makes of a challenge and a client's blob;
// for LMv2 the blob is the client's nonce. [MS-NLMP] 3.3.2.
func proofV2(key [16]byte, nonce [8]byte, blob []byte) [16]byte {
	return hmacMD5(key[:], nonce[:], blob)
}

// sessionBaseV2 is the SessionBaseKey of [MS-NLMP] 3.3.2.
func sessionBaseV2(key, proof [16]byte) [16]byte { return hmacMD5(key[:], proof[:]) }

// sessionBaseV1 is the SessionBaseKey of [MS-NLMP] 3.3.1.
func sessionBaseV1(nt Hash) [16]byte {
	d := md4.New()
	d.Write(nt[:])
	return [16]byte(d.Sum(nil))
}

// responseV1 is the NtChallengeResponse of NTLMv1, [MS-NLMP] 3.3.1; with
// extended session security the challenge is hashed with the client's nonce,
// which the LM response begins with.
func responseV1(nt Hash, nonce [8]byte, lm []byte, extended bool) ([v1Size]byte, error) {
	if extended {
		sum := md5.New()
		sum.Write(nonce[:])
		sum.Write(lm[:min(8, len(lm))])
		nonce = [8]byte(sum.Sum(nil))
	}
	return desl(nt, nonce)
}

// desl is DESL of [MS-NLMP] 6: three encryptions by thirds of the key.
func desl(key [16]byte, data [8]byte) (out [v1Size]byte, err error) {
	var padded [21]byte
	copy(padded[:], key[:])
	for i := range 3 {
		k := desKey([7]byte(padded[7*i:]))
		c, err := des.NewCipher(k[:])
		if err != nil {
			return out, err
		}
		c.Encrypt(out[8*i:], data[:])
	}
	return out, nil
}

// desKey spreads 56 bits over eight bytes, whose lowest bits are parity.
func desKey(k [7]byte) (out [8]byte) {
	var bits uint64
	for _, b := range k {
		bits = bits<<8 | uint64(b)
	}
	for i := range out {
		out[i] = byte(bits>>(49-7*i)) << 1
	}
	return out
}
