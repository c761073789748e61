// Package ntlmclient is the client's side of NTLM, [MS-NLMP] 3.1.5.1, for
// tests. It shares no code with the server's side, so that the two check each
// other.
package ntlmclient

import (
	"crypto/hmac"
	"crypto/md5"
	"crypto/rand"
	"crypto/rc4"
	"encoding/binary"
	"errors"
	"strings"

	//lint:ignore SA1019 [MS-NLMP] 3.3.1 asks for MD4
	"golang.org/x/crypto/md4"

	"github.com/gosmbd/smb/internal/utf16le"
)

// DefaultFlags are what Windows asks for: all but the things of NTLMv1.
const DefaultFlags = 0xE2088237

const (
	flagKeyExch = 0x40000000
	flag128     = 0x20000000
	flag56      = 0x80000000
)

// Client is one logon. It speaks NTLMv2 with a MIC. The user "" without a
// password logs on anonymously.
type Client struct {
	User, Domain, Workstation string

	Password string
	Hash     *[16]byte // NT hash, instead of the password

	Flags      uint32  // to ask for; zero: DefaultFlags
	TargetName string  // SPN to send, "cifs/host"; empty: none
	NoMIC      bool    // leave out the MIC, as clients before Windows 7
	HashDomain *string // domain to compute with, if not the one to send

	negotiate, challenge []byte
	flags                uint32
	key                  []byte // ExportedSessionKey
}

var errChallenge = errors.New("ntlmclient: bad challenge message")

// Negotiate returns the first message.
func (c *Client) Negotiate() []byte {
	f := c.Flags
	if f == 0 {
		f = DefaultFlags
	}
	b := append([]byte("NTLMSSP\x00"), 1, 0, 0, 0)
	b = binary.LittleEndian.AppendUint32(b, f)
	b = append(b, make([]byte, 16)...)
	c.negotiate = append(b, 10, 0, 0x61, 0x4A, 0, 0, 0, 15)
	return c.negotiate
}

// Challenge is what a server's message holds.
type Challenge struct {
	Flags  uint32
	Nonce  []byte
	Target []byte
	Info   []byte
	AV     map[uint16][]byte
}

// ParseChallenge reads a CHALLENGE_MESSAGE.
func ParseChallenge(b []byte) (*Challenge, error) {
	if len(b) < 56 || string(b[:12]) != "NTLMSSP\x00\x02\x00\x00\x00" {
		return nil, errChallenge
	}
	le := binary.LittleEndian
	item := func(at int) ([]byte, bool) {
		n, off := int64(le.Uint16(b[at:])), int64(le.Uint32(b[at+4:]))
		if off+n > int64(len(b)) {
			return nil, false
		}
		return b[off : off+n], true
	}
	c := &Challenge{Flags: le.Uint32(b[20:]), Nonce: b[24:32], AV: map[uint16][]byte{}}
	var ok1, ok2 bool
	c.Target, ok1 = item(12)
	c.Info, ok2 = item(40)
	if !ok1 || !ok2 {
		return nil, errChallenge
	}
	for av := c.Info; len(av) >= 4; {
		id, n := le.Uint16(av), int(le.Uint16(av[2:]))
		if id == 0 {
			return c, nil
		}
		if n > len(av)-4 {
			break
		}
		c.AV[id], av = av[4:4+n], av[4+n:]
	}
	return nil, errChallenge
}

// Authenticate answers the server's challenge. The session key is that of SMB;
// for an anonymous logon it is nil.
func (c *Client) Authenticate(challenge []byte) (msg, sessionKey []byte, err error) {
	ch, err := ParseChallenge(challenge)
	if err != nil {
		return nil, nil, err
	}
	c.challenge, c.flags = challenge, ch.Flags
	if c.Flags != 0 {
		c.flags &= c.Flags | 0x00828204 // the server's own
	}
	if c.User == "" && c.Password == "" && c.Hash == nil {
		return c.message([]byte{0}, nil, nil), nil, nil
	}
	nt, base, err := c.respond(ch)
	if err != nil {
		return nil, nil, err
	}
	c.key = base
	var encrypted []byte
	if c.flags&flagKeyExch != 0 {
		c.key = make([]byte, 16)
		if _, err := rand.Read(c.key); err != nil {
			return nil, nil, err
		}
		encrypted = stream(base, c.key)
	}
	msg = c.message(make([]byte, 24), nt, encrypted)
	if !c.NoMIC {
		copy(msg[72:88], mac(c.key, c.negotiate, c.challenge, msg))
	}
	return msg, c.key, nil
}

// respond computes the NTLMv2 response and the session base key.
func (c *Client) respond(ch *Challenge) (response, base []byte, err error) {
	domain := c.Domain
	if c.HashDomain != nil {
		domain = *c.HashDomain
	}
	owf := mac(c.ntHash(), utf16le.Append(nil, strings.ToUpper(c.User)+domain))
	blob := append([]byte{1, 1}, make([]byte, 26)...)
	copy(blob[8:16], ch.AV[7])
	if _, err := rand.Read(blob[16:24]); err != nil {
		return nil, nil, err
	}
	le := binary.LittleEndian
	if len(ch.Info) >= 4 {
		blob = append(blob, ch.Info[:len(ch.Info)-4]...)
	}
	if !c.NoMIC {
		blob = append(blob, 6, 0, 4, 0, 2, 0, 0, 0)
	}
	if c.TargetName != "" {
		spn := utf16le.Append(nil, c.TargetName)
		blob = le.AppendUint16(append(blob, 9, 0), uint16(len(spn)))
		blob = append(blob, spn...)
	}
	blob = append(blob, make([]byte, 8)...) // MsvAvEOL, Z(4)
	proof := mac(owf, ch.Nonce, blob)
	return append(proof, blob...), mac(owf, proof), nil
}

func (c *Client) ntHash() []byte {
	if c.Hash != nil {
		return c.Hash[:]
	}
	d := md4.New()
	d.Write(utf16le.Append(nil, c.Password))
	return d.Sum(nil)
}

// message lays out an AUTHENTICATE_MESSAGE with room for the MIC.
func (c *Client) message(lm, nt, encrypted []byte) []byte {
	le := binary.LittleEndian
	b := append([]byte("NTLMSSP\x00"), 3, 0, 0, 0)
	var data []byte
	for _, item := range [][]byte{lm, nt, c.encode(c.Domain), c.encode(c.User), c.encode(c.Workstation), encrypted} {
		b = le.AppendUint16(b, uint16(len(item)))
		b = le.AppendUint16(b, uint16(len(item)))
		b = le.AppendUint32(b, uint32(88+len(data)))
		data = append(data, item...)
	}
	b = le.AppendUint32(b, c.flags)
	b = append(b, 10, 0, 0x61, 0x4A, 0, 0, 0, 15)
	b = append(b, make([]byte, 16)...)
	return append(b, data...)
}

func (c *Client) encode(s string) []byte {
	if c.flags&1 == 0 {
		return []byte(s)
	}
	return utf16le.Append(nil, s)
}

// MIC signs a message as the client, for SPNEGO's mechListMIC.
func (c *Client) MIC(msg []byte) []byte { return c.sign("client-to-server", msg) }

// VerifyMIC reports whether the server signed a message.
func (c *Client) VerifyMIC(msg, mic []byte) bool {
	return hmac.Equal(mic, c.sign("server-to-client", msg))
}

// sign makes the signature with sequence number 0, extended session security.
func (c *Client) sign(way string, msg []byte) []byte {
	sum := mac(md5sum(c.key, "session key to "+way+" signing key magic constant\x00"), make([]byte, 4), msg)[:8]
	if c.flags&flagKeyExch != 0 {
		weak := c.key[:5]
		if c.flags&flag128 != 0 {
			weak = c.key
		} else if c.flags&flag56 != 0 {
			weak = c.key[:7]
		}
		sum = stream(md5sum(weak, "session key to "+way+" sealing key magic constant\x00"), sum)
	}
	return append(append([]byte{1, 0, 0, 0}, sum...), 0, 0, 0, 0)
}

func md5sum(key []byte, constant string) []byte {
	s := md5.Sum(append(append([]byte{}, key...), constant...))
	return s[:]
}

func mac(key []byte, parts ...[]byte) []byte {
	h := hmac.New(md5.New, key)
	for _, p := range parts {
		h.Write(p)
	}
	return h.Sum(nil)
}

func stream(key, data []byte) []byte {
	c, err := rc4.NewCipher(key)
	if err != nil {
		return nil // only for a key of no bytes
	}
	out := make([]byte, len(data))
	c.XORKeyStream(out, data)
	return out
}
