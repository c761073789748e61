package ntlm

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"

	//lint:ignore SA1019 [MS-NLMP] 3.3.1 asks for MD4
	"golang.org/x/crypto/md4"

	"github.com/gosmbd/smb/internal/utf16le"
)

// Hash is the NT hash of a password, NTOWFv1 of [MS-NLMP] 3.3.1. Whoever has it
// can log on without the password, so guard it as one: a Hash doesn't print, log
// or marshal its bytes. To store it, use h[:]. The zero Hash stands for none.
type Hash [16]byte

// HashOf returns the NT hash of a password.
func HashOf(password string) Hash {
	d := md4.New()
	d.Write(utf16le.Append(nil, password))
	return Hash(d.Sum(nil))
}

// emptyHash is the hash of the empty password, with which nobody may log on.
var emptyHash = HashOf("")

var errHash = errors.New("ntlm: an NT hash is 32 hexadecimal digits")

// ParseHash reads a hash from its 32 hexadecimal digits.
func ParseHash(s string) (Hash, error) {
	var h Hash
	if len(s) != hex.EncodedLen(len(h)) {
		return Hash{}, errHash
	}
	if _, err := hex.Decode(h[:], []byte(s)); err != nil {
		return Hash{}, errHash // without the text, which may be half a secret
	}
	return h, nil
}

// hex returns the hash as ParseHash reads it.
func (h Hash) hex() string { return hex.EncodeToString(h[:]) }

// usable reports whether the hash is that of a password.
func (h Hash) usable() bool { return h != Hash{} && h != emptyHash }

const redacted = "REDACTED"

// String returns a fixed word, never the hash. So do Format, MarshalText and
// LogValue.
func (h Hash) String() string { return redacted }

// Format implements fmt.Formatter for all verbs.
func (h Hash) Format(f fmt.State, _ rune) { io.WriteString(f, redacted) }

// MarshalText implements encoding.TextMarshaler.
func (h Hash) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// LogValue implements slog.LogValuer.
func (h Hash) LogValue() slog.Value { return slog.StringValue(redacted) }
