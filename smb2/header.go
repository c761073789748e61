package smb2

import (
	"encoding/binary"
	"strconv"
)

// HeaderSize is the length of the SMB2 packet header, [MS-SMB2] 2.2.1.
const HeaderSize = 64

// Command is the code of a request, [MS-SMB2] 2.2.1.2.
type Command uint16

const (
	CommandNegotiate      Command = 0x00
	CommandSessionSetup   Command = 0x01
	CommandLogoff         Command = 0x02
	CommandTreeConnect    Command = 0x03
	CommandTreeDisconnect Command = 0x04
	CommandCreate         Command = 0x05
	CommandClose          Command = 0x06
	CommandFlush          Command = 0x07
	CommandRead           Command = 0x08
	CommandWrite          Command = 0x09
	CommandLock           Command = 0x0A
	CommandIoctl          Command = 0x0B
	CommandCancel         Command = 0x0C
	CommandEcho           Command = 0x0D
	CommandQueryDirectory Command = 0x0E
	CommandChangeNotify   Command = 0x0F
	CommandQueryInfo      Command = 0x10
	CommandSetInfo        Command = 0x11
	CommandOplockBreak    Command = 0x12

	commandCount = 0x13
)

var commandNames = [commandCount]string{
	"NEGOTIATE", "SESSION_SETUP", "LOGOFF", "TREE_CONNECT", "TREE_DISCONNECT",
	"CREATE", "CLOSE", "FLUSH", "READ", "WRITE", "LOCK", "IOCTL", "CANCEL", "ECHO",
	"QUERY_DIRECTORY", "CHANGE_NOTIFY", "QUERY_INFO", "SET_INFO", "OPLOCK_BREAK",
}

// String returns the specification's name of the command, or Command(n).
func (c Command) String() string {
	if c < commandCount {
		return commandNames[c]
	}
	return "Command(" + strconv.Itoa(int(c)) + ")"
}

// Flags of the header, [MS-SMB2] 2.2.1.2.
type Flags uint32

const (
	FlagServerToRedir   Flags = 0x00000001
	FlagAsync           Flags = 0x00000002
	FlagRelated         Flags = 0x00000004
	FlagSigned          Flags = 0x00000008
	FlagPriorityMask    Flags = 0x00000070
	FlagDFSOperations   Flags = 0x10000000
	FlagReplayOperation Flags = 0x20000000
)

// Header is the header of a request or a response, [MS-SMB2] 2.2.1.1 and
// 2.2.1.2.
type Header struct {
	CreditCharge uint16
	// Status is the status of a response. In a request of dialect 3.x its
	// low 16 bits are the ChannelSequence.
	Status      Status
	Command     Command
	Credits     uint16 // CreditRequest or CreditResponse
	Flags       Flags
	NextCommand uint32
	MessageID   uint64
	AsyncID     uint64 // with FlagAsync, instead of TreeID
	TreeID      uint32
	SessionID   uint64
	Signature   [16]byte
}

// ChannelSequence returns the sequence number that a request of dialect 3.x
// carries.
func (h Header) ChannelSequence() uint16 { return uint16(h.Status) }

// protocolID begins a header, [MS-SMB2] 2.2.1.1.
const protocolID uint32 = 0x424D53FE

// ParseHeader parses the header at the start of b. It doesn't look at what
// follows, nor whether Command is known.
func ParseHeader(b []byte) (Header, error) {
	if len(b) < HeaderSize ||
		binary.LittleEndian.Uint32(b) != protocolID ||
		binary.LittleEndian.Uint16(b[4:]) != HeaderSize {
		return Header{}, StatusInvalidParameter
	}
	c := cursor(b[6:HeaderSize])
	h := Header{
		CreditCharge: c.u16(),
		Status:       Status(c.u32()),
		Command:      Command(c.u16()),
		Credits:      c.u16(),
		Flags:        Flags(c.u32()),
		NextCommand:  c.u32(),
		MessageID:    c.u64(),
	}
	if h.Flags&FlagAsync != 0 {
		h.AsyncID = c.u64()
	} else {
		c.skip(4)
		h.TreeID = c.u32()
	}
	h.SessionID = c.u64()
	h.Signature = c.bytes16()
	return h, nil
}

// Append appends the header, HeaderSize bytes.
func (h Header) Append(dst []byte) []byte {
	var b [HeaderSize]byte
	h.Put(b[:])
	return append(dst, b[:]...)
}

// Put overwrites the first HeaderSize bytes of b with the header. It panics if
// b is shorter.
func (h Header) Put(b []byte) {
	_ = b[HeaderSize-1]
	binary.LittleEndian.PutUint32(b[0:], protocolID)
	binary.LittleEndian.PutUint16(b[4:], HeaderSize)
	binary.LittleEndian.PutUint16(b[6:], h.CreditCharge)
	binary.LittleEndian.PutUint32(b[8:], uint32(h.Status))
	binary.LittleEndian.PutUint16(b[12:], uint16(h.Command))
	binary.LittleEndian.PutUint16(b[14:], h.Credits)
	binary.LittleEndian.PutUint32(b[16:], uint32(h.Flags))
	binary.LittleEndian.PutUint32(b[20:], h.NextCommand)
	binary.LittleEndian.PutUint64(b[24:], h.MessageID)
	if h.Flags&FlagAsync != 0 {
		binary.LittleEndian.PutUint64(b[32:], h.AsyncID)
	} else {
		binary.LittleEndian.PutUint32(b[32:], 0)
		binary.LittleEndian.PutUint32(b[36:], h.TreeID)
	}
	binary.LittleEndian.PutUint64(b[40:], h.SessionID)
	copy(b[48:HeaderSize], h.Signature[:])
}
