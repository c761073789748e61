package smb2

import (
	"slices"
	"strconv"
)

// Dialect is a protocol revision.
type Dialect uint16

const (
	Dialect202      Dialect = 0x0202
	Dialect210      Dialect = 0x0210
	Dialect300      Dialect = 0x0300
	Dialect302      Dialect = 0x0302
	Dialect311      Dialect = 0x0311
	DialectWildcard Dialect = 0x02FF // answer to an SMB1 negotiate that offers "SMB 2.???"
)

// String returns the revision as documents write it, such as "3.1.1".
func (d Dialect) String() string {
	switch d {
	case Dialect202:
		return "2.0.2"
	case Dialect210:
		return "2.1"
	case Dialect300:
		return "3.0"
	case Dialect302:
		return "3.0.2"
	case Dialect311:
		return "3.1.1"
	case DialectWildcard:
		return "2.???"
	}
	return "0x" + strconv.FormatUint(uint64(d), 16)
}

// SecurityMode tells how a peer stands to signing, [MS-SMB2] 2.2.3.
type SecurityMode uint16

const (
	SigningEnabled  SecurityMode = 1
	SigningRequired SecurityMode = 2
)

// Capabilities of a peer, [MS-SMB2] 2.2.3 and 2.2.4.
type Capabilities uint32

const (
	CapDFS               Capabilities = 0x01
	CapLeasing           Capabilities = 0x02
	CapLargeMTU          Capabilities = 0x04
	CapMultiChannel      Capabilities = 0x08
	CapPersistentHandles Capabilities = 0x10
	CapDirectoryLeasing  Capabilities = 0x20
	CapEncryption        Capabilities = 0x40
	CapNotifications     Capabilities = 0x80
)

// NegotiateRequest is [MS-SMB2] 2.2.3.
type NegotiateRequest struct {
	SecurityMode SecurityMode
	Capabilities Capabilities
	ClientGUID   GUID
	Dialects     []Dialect
	Contexts     []NegotiateContext // only if 3.1.1 is among Dialects
}

// NegotiateResponse is [MS-SMB2] 2.2.4.
type NegotiateResponse struct {
	SecurityMode    SecurityMode
	Dialect         Dialect
	ServerGUID      GUID
	Capabilities    Capabilities
	MaxTransactSize uint32
	MaxReadSize     uint32
	MaxWriteSize    uint32
	SystemTime      FileTime
	ServerStartTime FileTime
	SecurityBuffer  []byte
	Contexts        []NegotiateContext // only with dialect 3.1.1
}

const (
	// maxDialects is the bound of Windows, [MS-SMB2] note 8.
	maxDialects          = 64
	maxNegotiateContexts = 64 // of one message
)

// ParseNegotiateRequest parses a NEGOTIATE request with its header. It takes 1
// to 64 dialects and, if 3.1.1 is among them, up to 64 contexts of any type.
func ParseNegotiateRequest(b []byte) (NegotiateRequest, error) {
	c, err := parseBody(b, 36, 36)
	if err != nil {
		return NegotiateRequest{}, err
	}
	count := c.u16()
	r := NegotiateRequest{SecurityMode: SecurityMode(c.u16())}
	c.skip(2)
	r.Capabilities = Capabilities(c.u32())
	r.ClientGUID = c.bytes16()
	offset, contexts := c.u32(), c.u16()
	// [MS-SMB2] 3.3.5.4: "If the DialectCount of the SMB2 NEGOTIATE Request is 0,
	// the server MUST fail the request with STATUS_INVALID_PARAMETER."
	if count == 0 || count > maxDialects {
		return NegotiateRequest{}, StatusInvalidParameter
	}
	dialects, err := slice(b, HeaderSize+36, HeaderSize+36, 2*uint64(count))
	if err != nil {
		return NegotiateRequest{}, err
	}
	c = dialects
	r.Dialects = make([]Dialect, count)
	for i := range r.Dialects {
		r.Dialects[i] = Dialect(c.u16())
	}
	if slices.Contains(r.Dialects, Dialect311) {
		r.Contexts, err = parseNegotiateContexts(b, HeaderSize+36+2*int(count), offset, contexts)
		if err != nil {
			return NegotiateRequest{}, err
		}
	}
	return r, nil
}

// Append appends the body. Contexts are left out unless 3.1.1 is among Dialects.
func (r NegotiateRequest) Append(dst []byte) []byte {
	w := newBuilder(dst)
	w.u16(36)
	w.u16(uint16(len(r.Dialects)))
	w.u16(uint16(r.SecurityMode))
	w.u16(0)
	w.u32(uint32(r.Capabilities))
	w.bytes16(r.ClientGUID)
	w.zero(8)
	for _, d := range r.Dialects {
		w.u16(uint16(d))
	}
	if slices.Contains(r.Dialects, Dialect311) && len(r.Contexts) > 0 {
		w.align8()
		w.putU32(28, w.offset())
		w.putU16(32, len(r.Contexts))
		w.negotiateContexts(r.Contexts)
	}
	return w.b
}

// ParseNegotiateResponse parses a NEGOTIATE response with its header.
func ParseNegotiateResponse(b []byte) (NegotiateResponse, error) {
	c, err := parseBody(b, 65, 64)
	if err != nil {
		return NegotiateResponse{}, err
	}
	r := NegotiateResponse{SecurityMode: SecurityMode(c.u16()), Dialect: Dialect(c.u16())}
	contexts := c.u16()
	r.ServerGUID = c.bytes16()
	r.Capabilities = Capabilities(c.u32())
	r.MaxTransactSize = c.u32()
	r.MaxReadSize = c.u32()
	r.MaxWriteSize = c.u32()
	r.SystemTime = FileTime(c.u64())
	r.ServerStartTime = FileTime(c.u64())
	offset, length := c.u16(), c.u16()
	r.SecurityBuffer, err = slice(b, HeaderSize+64, uint64(offset), uint64(length))
	if err != nil {
		return NegotiateResponse{}, err
	}
	if r.Dialect == Dialect311 {
		r.Contexts, err = parseNegotiateContexts(b, HeaderSize+64, c.u32(), contexts)
		if err != nil {
			return NegotiateResponse{}, err
		}
	}
	return r, nil
}

// Append appends the body. Contexts are left out unless Dialect is 3.1.1.
func (r NegotiateResponse) Append(dst []byte) []byte {
	w := newBuilder(dst)
	w.u16(65)
	w.u16(uint16(r.SecurityMode))
	w.u16(uint16(r.Dialect))
	w.u16(0)
	w.bytes16(r.ServerGUID)
	w.u32(uint32(r.Capabilities))
	w.u32(r.MaxTransactSize)
	w.u32(r.MaxReadSize)
	w.u32(r.MaxWriteSize)
	w.u64(uint64(r.SystemTime))
	w.u64(uint64(r.ServerStartTime))
	w.u16(HeaderSize + 64)
	w.u16(uint16(len(r.SecurityBuffer)))
	w.u32(0)
	w.bytes(r.SecurityBuffer)
	if r.Dialect == Dialect311 && len(r.Contexts) > 0 {
		w.align8()
		w.putU16(6, len(r.Contexts))
		w.putU32(60, w.offset())
		w.negotiateContexts(r.Contexts)
	}
	return w.b
}
