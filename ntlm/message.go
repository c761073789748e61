package ntlm

import (
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/gosmbd/smb"
	"github.com/gosmbd/smb/internal/utf16le"
)

// ErrMalformed is a message that breaks its format. The client is told
// STATUS_INVALID_PARAMETER.
var ErrMalformed = fmt.Errorf("ntlm: malformed message: %w", smb.StatusInvalidParameter)

const (
	signature = "NTLMSSP\x00"

	typeNegotiate    = 1
	typeChallenge    = 2
	typeAuthenticate = 3

	negotiateMin    = 16 // up to the flags
	challengeFixed  = 56
	authenticateMin = 64 // up to the flags, without version and MIC
	micOffset       = 72
	micSize         = 16

	// maxNegotiate bounds what is kept of a client between its two messages.
	maxNegotiate = 4096
	// maxName bounds a name in bytes: 256 characters is what Windows allows.
	maxName = 512
)

// flags are NegotiateFlags, [MS-NLMP] 2.2.2.5.
type flags uint32

const (
	flagUnicode          flags = 0x00000001
	flagOEM              flags = 0x00000002
	flagRequestTarget    flags = 0x00000004
	flagSign             flags = 0x00000010
	flagSeal             flags = 0x00000020
	flagNTLM             flags = 0x00000200
	flagAlwaysSign       flags = 0x00008000
	flagTargetTypeServer flags = 0x00020000
	flagExtended         flags = 0x00080000 // extended session security
	flagTargetInfo       flags = 0x00800000
	flagVersion          flags = 0x02000000
	flag128              flags = 0x20000000
	flagKeyExchange      flags = 0x40000000
	flag56               flags = 0x80000000

	// flagsOptional are what a client gets if it asks; flagsAlways it gets in
	// any case. The LM key and the non-NT session key are in neither.
	flagsOptional = flagSign | flagSeal | flagExtended | flagVersion | flag128 | flagKeyExchange | flag56
	flagsAlways   = flagRequestTarget | flagNTLM | flagAlwaysSign | flagTargetTypeServer | flagTargetInfo
)

func (f flags) has(g flags) bool { return f&g != 0 }

// messageType checks the head that all messages share.
func messageType(b []byte) (uint32, bool) {
	if len(b) < 12 || string(b[:8]) != signature {
		return 0, false
	}
	return binary.LittleEndian.Uint32(b[8:]), true
}

// parseNegotiate reads a NEGOTIATE_MESSAGE, [MS-NLMP] 2.2.1.1. Only its flags
// matter: the names in it are a hint, in an unknown code page, and some clients
// leave them and the version out.
func parseNegotiate(b []byte) (flags, error) {
	if t, ok := messageType(b); !ok || t != typeNegotiate || len(b) < negotiateMin || len(b) > maxNegotiate {
		return 0, ErrMalformed
	}
	f := flags(binary.LittleEndian.Uint32(b[12:]))
	if !f.has(flagUnicode | flagOEM) {
		return 0, ErrMalformed // 2.2.2.5, A and B
	}
	return f, nil
}

// challengeFlags is the server's choice, [MS-NLMP] 3.2.5.1.1. What is optional
// is returned as asked for; Linux refuses a server that drops 128 or 56, and
// smbclient one that drops SEAL.
func challengeFlags(client flags) flags {
	f := client&flagsOptional | flagsAlways
	if client.has(flagUnicode) {
		return f | flagUnicode
	}
	return f | flagOEM
}

// challenge is a CHALLENGE_MESSAGE, [MS-NLMP] 2.2.1.2.
type challenge struct {
	flags  flags
	nonce  [8]byte
	target string
	info   []byte // AV pairs
}

// append appends the message. The version is that of a Windows 10, and
// written even if unasked, for clients that dislike one of zeros.
func (c *challenge) append(dst []byte) []byte {
	var target []byte
	if c.flags.has(flagUnicode) {
		target = utf16le.Append(nil, c.target)
	} else {
		target = []byte(strings.ToUpper(c.target))
	}
	le := binary.LittleEndian
	dst = append(dst, signature...)
	dst = le.AppendUint32(dst, typeChallenge)
	dst = appendFields(dst, len(target), challengeFixed)
	dst = le.AppendUint32(dst, uint32(c.flags))
	dst = append(dst, c.nonce[:]...)
	dst = append(dst, make([]byte, 8)...) // Reserved
	dst = appendFields(dst, len(c.info), challengeFixed+len(target))
	dst = append(dst, 10, 0, 0x61, 0x4A, 0, 0, 0, 15) // 2.2.2.10: 10.0.19041, NTLMSSP_REVISION_W2K3
	dst = append(dst, target...)
	return append(dst, c.info...)
}

// appendFields appends the length, maximal length and offset of a payload item.
func appendFields(dst []byte, n, offset int) []byte {
	dst = binary.LittleEndian.AppendUint16(dst, uint16(n))
	dst = binary.LittleEndian.AppendUint16(dst, uint16(n))
	return binary.LittleEndian.AppendUint32(dst, uint32(offset))
}

// authenticate is an AUTHENTICATE_MESSAGE, [MS-NLMP] 2.2.1.3. Its slices alias
// the message.
type authenticate struct {
	flags        flags
	lm, nt       []byte
	domain       string
	user         string
	workstation  string
	encryptedKey []byte
	raw          []byte
}

// parseAuthenticate reads an AUTHENTICATE_MESSAGE that answers a challenge with
// the flags offered. Its own flags say what the client made of the offer; a
// client that sends none at all took everything.
func parseAuthenticate(b []byte, offered flags) (*authenticate, error) {
	if t, ok := messageType(b); !ok || t != typeAuthenticate || len(b) < authenticateMin {
		return nil, ErrMalformed
	}
	m := &authenticate{raw: b, flags: offered}
	if f := flags(binary.LittleEndian.Uint32(b[60:])); f != 0 {
		m.flags = f & offered
	}
	var domain, user, workstation []byte
	for _, p := range []struct {
		at  int
		dst *[]byte
	}{{12, &m.lm}, {20, &m.nt}, {28, &domain}, {36, &user}, {44, &workstation}, {52, &m.encryptedKey}} {
		var ok bool
		if *p.dst, ok = payload(b, p.at); !ok {
			return nil, ErrMalformed
		}
	}
	unicode := offered.has(flagUnicode)
	for _, p := range []struct {
		src []byte
		dst *string
	}{{domain, &m.domain}, {user, &m.user}, {workstation, &m.workstation}} {
		var err error
		if *p.dst, err = decodeName(p.src, unicode); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// payload resolves the length, maximal length and offset at b[at:]. Nothing may
// lie in the fixed part; the offset of an empty item is not looked at.
func payload(b []byte, at int) ([]byte, bool) {
	n := uint64(binary.LittleEndian.Uint16(b[at:]))
	off := uint64(binary.LittleEndian.Uint32(b[at+4:]))
	if n == 0 {
		return nil, true
	}
	if off < authenticateMin || off+n > uint64(len(b)) {
		return nil, false
	}
	return b[off : off+n : off+n], true
}

// decodeName decodes a name. One that isn't Unicode is taken for Latin-1, of
// which every OEM code page shares the ASCII half.
func decodeName(b []byte, unicode bool) (string, error) {
	if len(b) > maxName {
		return "", ErrMalformed
	}
	if unicode {
		s, err := utf16le.Decode(b)
		if err != nil {
			return "", ErrMalformed
		}
		return s, nil
	}
	r := make([]rune, len(b))
	for i, c := range b {
		r[i] = rune(c)
	}
	return string(r), nil
}

// mic returns the MIC field, or nil if the message has no room for one.
func (m *authenticate) mic() []byte {
	if len(m.raw) < micOffset+micSize {
		return nil
	}
	return m.raw[micOffset : micOffset+micSize]
}
