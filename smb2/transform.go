package smb2

import "encoding/binary"

// TransformHeader precedes an encrypted message, [MS-SMB2] 2.2.41.
type TransformHeader struct {
	Signature           [16]byte
	Nonce               [16]byte
	OriginalMessageSize uint32
	Flags               uint16 // 1: encrypted. At 3.0 and 3.0.2 EncryptionAlgorithm, with the same value
	SessionID           uint64
}

// TransformHeaderSize is the length of a TransformHeader on the wire.
const TransformHeaderSize = 52

// TransformEncrypted is the only valid value of Flags.
const TransformEncrypted uint16 = 1

// transformID begins a TransformHeader.
const transformID uint32 = 0x424D53FD

// IsTransform tells whether b begins like an encrypted message.
func IsTransform(b []byte) bool {
	return len(b) >= 4 && binary.LittleEndian.Uint32(b) == transformID
}

// ParseTransformHeader parses the transform header at the start of b. Flags
// other than TransformEncrypted are an error at every dialect, [MS-SMB2]
// 3.3.5.2.1.1.
func ParseTransformHeader(b []byte) (TransformHeader, error) {
	if len(b) < TransformHeaderSize || !IsTransform(b) {
		return TransformHeader{}, StatusInvalidParameter
	}
	c := cursor(b[4:TransformHeaderSize])
	h := TransformHeader{
		Signature:           c.bytes16(),
		Nonce:               c.bytes16(),
		OriginalMessageSize: c.u32(),
	}
	c.skip(2)
	h.Flags = c.u16()
	h.SessionID = c.u64()
	if h.Flags != TransformEncrypted {
		return TransformHeader{}, StatusInvalidParameter
	}
	return h, nil
}

// Append appends the transform header, TransformHeaderSize bytes.
func (h TransformHeader) Append(dst []byte) []byte {
	var b [TransformHeaderSize]byte
	h.Put(b[:])
	return append(dst, b[:]...)
}

// Put overwrites the first TransformHeaderSize bytes of b with the header. It
// panics if b is shorter.
func (h TransformHeader) Put(b []byte) {
	_ = b[TransformHeaderSize-1]
	binary.LittleEndian.PutUint32(b[0:], transformID)
	copy(b[4:20], h.Signature[:])
	copy(b[20:36], h.Nonce[:])
	binary.LittleEndian.PutUint32(b[36:], h.OriginalMessageSize)
	binary.LittleEndian.PutUint16(b[40:], 0)
	binary.LittleEndian.PutUint16(b[42:], h.Flags)
	binary.LittleEndian.PutUint64(b[44:], h.SessionID)
}
