package signing

import (
	"encoding/binary"
	"sync"
)

// Where the SMB2 header ([MS-SMB2] 2.2.1) keeps what the GMAC nonce is made of.
const (
	offCommand   = 12
	offFlags     = 16
	offMessageID = 24

	commandCancel     = 0x000C
	flagServerToRedir = 0x00000001
)

// gmac is AES-GMAC: AES-GCM of no plaintext, with the message as associated data.
type gmac struct {
	*gcm
}

type gmacState struct {
	nonce [12]byte
	tag   [Size]byte
}

// gmacStates is for what is passed to an interface, which escapes. It is of all keys: each pool
// is something that the garbage collector has to see to.
var gmacStates = sync.Pool{New: func() any { return new(gmacState) }}

func newGMAC(key []byte) (gmac, error) {
	g, err := newGCM(key)
	return gmac{g}, err
}

func (g gmac) sum(sig *[Size]byte, msg []byte) {
	if g.wide != nil {
		nonce := gmacNonce(msg)
		*sig = g.wide.crypt(nonce[:], msg, nil, false)
		return
	}
	s := gmacStates.Get().(*gmacState)
	s.nonce = gmacNonce(msg)
	g.aead.Seal(s.tag[:0], s.nonce[:], nil, msg)
	*sig = s.tag
	gmacStates.Put(s)
}

// gmacNonce is the MessageId, then 32 bits: bit 0 is set by a server, bit 1 in a CANCEL request, which repeats the MessageId
// of the request it cancels ([MS-SMB2] 3.1.4.1).
func gmacNonce(msg []byte) (nonce [12]byte) {
	copy(nonce[:8], msg[offMessageID:])
	if binary.LittleEndian.Uint32(msg[offFlags:])&flagServerToRedir != 0 {
		nonce[8] |= 1
	}
	if binary.LittleEndian.Uint16(msg[offCommand:]) == commandCancel {
		nonce[8] |= 2
	}
	return nonce
}
