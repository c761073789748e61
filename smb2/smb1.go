package smb2

import (
	"bytes"
	"encoding/binary"
)

// Dialect strings of an SMB1 negotiate that ask for SMB2, [MS-SMB2] 3.3.5.3.
const (
	SMB1DialectSMB2002 = "SMB 2.002"
	SMB1DialectSMB2xxx = "SMB 2.???"
)

// smb1ID begins an SMB1 message.
const smb1ID uint32 = 0x424D53FF

const (
	smb1HeaderSize       = 32
	smb1CommandNegotiate = 0x72
	smb1BufferDialect    = 0x02 // BufferFormat of a dialect string
	maxSMB1Dialects      = 64
)

// IsSMB1 tells whether b begins like an SMB1 message.
func IsSMB1(b []byte) bool {
	return len(b) >= 4 && binary.LittleEndian.Uint32(b) == smb1ID
}

// ParseSMB1Negotiate returns the dialect strings of an SMB_COM_NEGOTIATE
// request, [MS-CIFS] 2.2.4.52.1, by which a client may begin when it doesn't
// know yet whether the server speaks SMB2. At most 64 are taken.
func ParseSMB1Negotiate(b []byte) (dialects []string, err error) {
	// After the header: WordCount, which is 0, and ByteCount.
	if len(b) < smb1HeaderSize+3 || !IsSMB1(b) || b[4] != smb1CommandNegotiate || b[smb1HeaderSize] != 0 {
		return nil, StatusInvalidParameter
	}
	count := binary.LittleEndian.Uint16(b[smb1HeaderSize+1:])
	list, err := slice(b, smb1HeaderSize+3, smb1HeaderSize+3, uint64(count))
	if err != nil {
		return nil, err
	}
	for len(list) > 0 {
		end := bytes.IndexByte(list, 0)
		if list[0] != smb1BufferDialect || end < 0 || len(dialects) == maxSMB1Dialects {
			return nil, StatusInvalidParameter
		}
		dialects = append(dialects, string(list[1:end]))
		list = list[end+1:]
	}
	if len(dialects) == 0 {
		return nil, StatusInvalidParameter
	}
	return dialects, nil
}

// AppendSMB1Negotiate appends a whole SMB_COM_NEGOTIATE request with the
// dialects, as a client sends it that would take either version.
func AppendSMB1Negotiate(dst []byte, dialects []string) []byte {
	w := newBuilder(dst)
	w.u32(smb1ID)
	w.u8(smb1CommandNegotiate)
	w.u32(0)      // Status
	w.u8(0x18)    // Flags: canonical, case-insensitive paths
	w.u16(0xC853) // Flags2: Unicode, NT status, extended security, long names
	w.zero(12)
	w.u16(0xFFFF) // TID
	w.u16(0xFEFF) // PIDLow
	w.zero(4)
	w.u8(0)
	w.u16(0)
	for _, d := range dialects {
		w.u8(smb1BufferDialect)
		w.b = append(w.b, d...)
		w.u8(0)
	}
	w.putU16(smb1HeaderSize+1, w.len()-smb1HeaderSize-3)
	return w.b
}
