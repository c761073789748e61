package smb2

import "encoding/binary"

// OplockBreak is an oplock break notification, acknowledgement or response,
// [MS-SMB2] 2.2.23.1, 2.2.24.1 and 2.2.25.1: all three look the same.
type OplockBreak struct {
	Level  OplockLevel
	FileID FileID
}

// LeaseBreakNotification is [MS-SMB2] 2.2.23.2.
type LeaseBreakNotification struct {
	NewEpoch     uint16
	Flags        uint32 // 1: an acknowledgement is required
	LeaseKey     [16]byte
	CurrentState LeaseState
	NewState     LeaseState
}

// LeaseBreakAck is a lease break acknowledgement or response, [MS-SMB2]
// 2.2.24.2 and 2.2.25.2.
type LeaseBreakAck struct {
	LeaseKey [16]byte
	State    LeaseState
}

// LeaseBreakAckRequired is the only flag of a LeaseBreakNotification.
const LeaseBreakAckRequired uint32 = 1

// The StructureSize of the bodies that the command OPLOCK_BREAK has.
const (
	OplockBreakSize            uint16 = 24
	LeaseBreakAckSize          uint16 = 36
	LeaseBreakNotificationSize uint16 = 44
)

// BreakStructureSize returns the StructureSize of a message with its header, by
// which the kinds of OPLOCK_BREAK are told apart, and 0 if msg is too short.
func BreakStructureSize(msg []byte) uint16 {
	if len(msg) < HeaderSize+2 {
		return 0
	}
	return binary.LittleEndian.Uint16(msg[HeaderSize:])
}

// ParseOplockBreak parses an OPLOCK_BREAK for an oplock with its header.
func ParseOplockBreak(b []byte) (OplockBreak, error) {
	c, err := parseBody(b, OplockBreakSize, 24)
	if err != nil {
		return OplockBreak{}, err
	}
	var r OplockBreak
	r.Level = OplockLevel(c.u8())
	c.skip(5)
	r.FileID = c.fileID()
	return r, nil
}

// Append appends the body.
func (r OplockBreak) Append(dst []byte) []byte {
	w := newBuilder(dst)
	w.u16(OplockBreakSize)
	w.u8(uint8(r.Level))
	w.zero(5)
	w.fileID(r.FileID)
	return w.b
}

// ParseLeaseBreakNotification parses an OPLOCK_BREAK that a server sends for a
// lease, with its header.
func ParseLeaseBreakNotification(b []byte) (LeaseBreakNotification, error) {
	c, err := parseBody(b, LeaseBreakNotificationSize, 44)
	if err != nil {
		return LeaseBreakNotification{}, err
	}
	return LeaseBreakNotification{
		NewEpoch:     c.u16(),
		Flags:        c.u32(),
		LeaseKey:     c.bytes16(),
		CurrentState: LeaseState(c.u32()),
		NewState:     LeaseState(c.u32()),
	}, nil
}

// Append appends the body.
func (r LeaseBreakNotification) Append(dst []byte) []byte {
	w := newBuilder(dst)
	w.u16(LeaseBreakNotificationSize)
	w.u16(r.NewEpoch)
	w.u32(r.Flags)
	w.bytes16(r.LeaseKey)
	w.u32(uint32(r.CurrentState))
	w.u32(uint32(r.NewState))
	w.zero(12)
	return w.b
}

// ParseLeaseBreakAck parses the acknowledgement of a lease break, or the
// response to it, with its header.
func ParseLeaseBreakAck(b []byte) (LeaseBreakAck, error) {
	c, err := parseBody(b, LeaseBreakAckSize, 36)
	if err != nil {
		return LeaseBreakAck{}, err
	}
	c.skip(6)
	return LeaseBreakAck{LeaseKey: c.bytes16(), State: LeaseState(c.u32())}, nil
}

// Append appends the body.
func (r LeaseBreakAck) Append(dst []byte) []byte {
	w := newBuilder(dst)
	w.u16(LeaseBreakAckSize)
	w.zero(6)
	w.bytes16(r.LeaseKey)
	w.u32(uint32(r.State))
	w.zero(8)
	return w.b
}
