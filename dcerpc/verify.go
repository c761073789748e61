package dcerpc

import (
	"bytes"
	"encoding/binary"
)

// vtSignature begins a verification trailer, [MS-RPCE] 2.2.2.13.1.
var vtSignature = []byte{0x8a, 0xe3, 0x13, 0x71, 0x02, 0xf4, 0x36, 0x71}

// The commands of a verification trailer, [MS-RPCE] 2.2.2.13, and the bits that go with
// them.
const (
	vtBitmask  = 0x0001
	vtPContext = 0x0002
	vtHeader2  = 0x0003

	vtCommand     = 0x3fff
	vtEnd         = 0x4000
	vtMustProcess = 0x8000

	vtClientSignsHeaders = 0x00000001
)

// verify takes the verification trailer off the stub of a call, if there is one, and
// compares what it says with what came unprotected. h is of the last fragment.
func (c *Conn) verify(h header, k *call) Fault {
	at := -1
	for end := len(k.stub); ; {
		// Behind it are padding and nothing else: the last one counts.
		at = bytes.LastIndex(k.stub[:end], vtSignature)
		if at < 0 {
			return 0
		}
		if at&3 == 0 {
			break
		}
		end = at + len(vtSignature) - 1
	}
	commands := k.stub[at+len(vtSignature):]
	k.stub = k.stub[:at]
	for {
		if len(commands) < 4 {
			return FaultBadStub
		}
		command := binary.LittleEndian.Uint16(commands)
		n := int(binary.LittleEndian.Uint16(commands[2:]))
		if len(commands) < 4+n || n&3 != 0 {
			return FaultBadStub
		}
		if !c.holds(h, k, command, commands[4:4+n]) {
			return FaultAccessDenied
		}
		if command&vtEnd != 0 {
			return 0
		}
		commands = commands[4+n:]
	}
}

// holds checks one command.
func (c *Conn) holds(h header, k *call, command uint16, v []byte) bool {
	le := binary.LittleEndian
	switch command & vtCommand {
	case vtBitmask:
		return len(v) == 4 && (le.Uint32(v)&vtClientSignsHeaders == 0 || c.signHeaders)
	case vtPContext:
		return len(v) == 40 && parseSyntax(v, le) == c.contexts[k.head.context].abstract && parseSyntax(v[20:], le) == ndr32
	case vtHeader2:
		return len(v) == 16 && v[0] == h.ptype && v[4] == h.drep && le.Uint32(v[8:]) == h.callID &&
			le.Uint16(v[12:]) == k.head.context && le.Uint16(v[14:]) == k.head.opnum
	}
	return command&vtMustProcess == 0
}
