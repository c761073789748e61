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
	gcm  *gcm
	pool sync.Pool // of *gmacState
}

type gmacState struct {
	nonce [12]byte
	tag   [Size]byte
}

func newGMAC(key []byte) (*gmac, error) {
	g, err := newGCM(key)
	if err != nil {
		return nil, err
	}
	return &gmac{g, sync.Pool{New: func() any { return new(gmacState) }}}, nil
}

func (g *gmac) sum(sig *[Size]byte, msg []byte) {
	s := g.pool.Get().(*gmacState)
	s.nonce = gmacNonce(msg)
	g.gcm.mac(&s.tag, s.nonce[:], msg)
	*sig = s.tag
	g.pool.Put(s)
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
