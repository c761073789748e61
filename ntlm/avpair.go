package ntlm

import (
	"encoding/binary"
	"time"

	"github.com/gosmbd/smb/internal/utf16le"
)

// The AvId values of [MS-NLMP] 2.2.2.1 that are of use to a server.
const (
	avEOL             = 0
	avNbComputerName  = 1
	avNbDomainName    = 2
	avDNSComputerName = 3
	avDNSDomainName   = 4
	avFlags           = 6
	avTimestamp       = 7
	avTargetName      = 9
	avChannelBindings = 10
)

// The bits of MsvAvFlags.
const (
	avFlagMIC             = 2 // the AUTHENTICATE_MESSAGE has a MIC
	avFlagUntrustedTarget = 4 // the SPN is from an untrusted source
)

// appendAV appends one AV_PAIR.
func appendAV(dst []byte, id uint16, value []byte) []byte {
	dst = binary.LittleEndian.AppendUint16(dst, id)
	dst = binary.LittleEndian.AppendUint16(dst, uint16(len(value)))
	return append(dst, value...)
}

// appendAVString appends an AV_PAIR that is a name, unless it is empty.
func appendAVString(dst []byte, id uint16, s string) []byte {
	if s == "" {
		return dst
	}
	return appendAV(dst, id, utf16le.Append(nil, s))
}

// The layout of NTLMv2_CLIENT_CHALLENGE behind the proof, [MS-NLMP] 2.2.2.7.
const (
	proofSize   = 16
	v1Size      = 24 // an NTLMv1, LM or LMv2 response
	blobAVPairs = 28
	v2Min       = proofSize + blobAVPairs
)

// clientInfo is what a client tells within its NTLMv2 response, where the proof
// covers it.
type clientInfo struct {
	timestamp       time.Time
	avFlags         uint32
	targetName      string
	channelBindings [16]byte
}

// parseClientInfo reads an NTLMv2_RESPONSE, [MS-NLMP] 2.2.2.8. The list of AV
// pairs may lack its end, as some clients leave it out.
func parseClientInfo(nt []byte) (clientInfo, error) {
	if len(nt) < v2Min {
		return clientInfo{}, ErrMalformed
	}
	blob := nt[proofSize:]
	if blob[0] != 1 || blob[1] != 1 {
		return clientInfo{}, ErrMalformed // RespType and HiRespType MUST be 1
	}
	info := clientInfo{timestamp: fileTime(binary.LittleEndian.Uint64(blob[8:]))}
	err := info.parseAV(blob[blobAVPairs:])
	return info, err
}

// parseAV reads a list of AV_PAIRs, [MS-NLMP] 2.2.2.1.
func (c *clientInfo) parseAV(b []byte) error {
	for len(b) >= 4 {
		id, n := binary.LittleEndian.Uint16(b), int(binary.LittleEndian.Uint16(b[2:]))
		if id == avEOL {
			return nil
		}
		if n > len(b)-4 {
			return ErrMalformed
		}
		v := b[4 : 4+n]
		switch id {
		case avFlags:
			if n != 4 {
				return ErrMalformed
			}
			c.avFlags |= binary.LittleEndian.Uint32(v)
		case avTargetName:
			s, err := utf16le.Decode(v)
			if err != nil {
				return ErrMalformed
			}
			c.targetName = s
		case avChannelBindings:
			if n != len(c.channelBindings) {
				return ErrMalformed
			}
			copy(c.channelBindings[:], v)
		}
		b = b[4+n:]
	}
	return nil
}

// epochSeconds is from the FILETIME epoch, 1601, to the one of Unix.
const epochSeconds = 11644473600

// fileTime converts a FILETIME, [MS-DTYP] 2.3.3, in units of 100 ns.
func fileTime(t uint64) time.Time {
	return time.Unix(int64(t/1e7)-epochSeconds, int64(t%1e7)*100).UTC()
}

func appendFileTime(dst []byte, t time.Time) []byte {
	ft := uint64(t.Unix()+epochSeconds)*1e7 + uint64(t.Nanosecond())/100
	return binary.LittleEndian.AppendUint64(dst, ft)
}
