package smb2

// SessionFlagBinding is the only flag of a SessionSetupRequest.
const SessionFlagBinding uint8 = 1

// SessionFlags of a SessionSetupResponse, [MS-SMB2] 2.2.6.
type SessionFlags uint16

const (
	SessionIsGuest     SessionFlags = 1
	SessionIsNull      SessionFlags = 2
	SessionEncryptData SessionFlags = 4
)

// SessionSetupRequest is [MS-SMB2] 2.2.5.
type SessionSetupRequest struct {
	Flags             uint8
	SecurityMode      SecurityMode // one byte on the wire
	Capabilities      Capabilities
	Channel           uint32
	PreviousSessionID uint64
	SecurityBuffer    []byte
}

// SessionSetupResponse is [MS-SMB2] 2.2.6.
type SessionSetupResponse struct {
	Flags          SessionFlags
	SecurityBuffer []byte
}

// LogoffRequest is [MS-SMB2] 2.2.7.
type LogoffRequest struct{}

// LogoffResponse is [MS-SMB2] 2.2.8.
type LogoffResponse struct{}

// ParseSessionSetupRequest parses a SESSION_SETUP request with its header.
func ParseSessionSetupRequest(b []byte) (SessionSetupRequest, error) {
	c, err := parseBody(b, 25, 24)
	if err != nil {
		return SessionSetupRequest{}, err
	}
	r := SessionSetupRequest{
		Flags:        c.u8(),
		SecurityMode: SecurityMode(c.u8()),
		Capabilities: Capabilities(c.u32()),
		Channel:      c.u32(),
	}
	offset, length := c.u16(), c.u16()
	r.PreviousSessionID = c.u64()
	r.SecurityBuffer, err = slice(b, HeaderSize+24, uint64(offset), uint64(length))
	if err != nil {
		return SessionSetupRequest{}, err
	}
	return r, nil
}

// Append appends the body.
func (r SessionSetupRequest) Append(dst []byte) []byte {
	w := newBuilder(dst)
	w.u16(25)
	w.u8(r.Flags)
	w.u8(uint8(r.SecurityMode))
	w.u32(uint32(r.Capabilities))
	w.u32(r.Channel)
	w.u16(HeaderSize + 24)
	w.u16(uint16(len(r.SecurityBuffer)))
	w.u64(r.PreviousSessionID)
	w.bytes(r.SecurityBuffer)
	return w.b
}

// ParseSessionSetupResponse parses a SESSION_SETUP response with its header.
func ParseSessionSetupResponse(b []byte) (SessionSetupResponse, error) {
	c, err := parseBody(b, 9, 8)
	if err != nil {
		return SessionSetupResponse{}, err
	}
	r := SessionSetupResponse{Flags: SessionFlags(c.u16())}
	offset, length := c.u16(), c.u16()
	r.SecurityBuffer, err = slice(b, HeaderSize+8, uint64(offset), uint64(length))
	if err != nil {
		return SessionSetupResponse{}, err
	}
	return r, nil
}

// Append appends the body.
func (r SessionSetupResponse) Append(dst []byte) []byte {
	w := newBuilder(dst)
	w.u16(9)
	w.u16(uint16(r.Flags))
	w.u16(HeaderSize + 8)
	w.u16(uint16(len(r.SecurityBuffer)))
	w.bytes(r.SecurityBuffer)
	return w.b
}

// ParseLogoffRequest parses a LOGOFF request with its header.
func ParseLogoffRequest(b []byte) (LogoffRequest, error) { return LogoffRequest{}, parseEmpty(b) }

// Append appends the body.
func (r LogoffRequest) Append(dst []byte) []byte { return appendEmpty(dst) }

// ParseLogoffResponse parses a LOGOFF response with its header.
func ParseLogoffResponse(b []byte) (LogoffResponse, error) { return LogoffResponse{}, parseEmpty(b) }

// Append appends the body.
func (r LogoffResponse) Append(dst []byte) []byte { return appendEmpty(dst) }
