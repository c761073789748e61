package smb2

// FlushRequest is [MS-SMB2] 2.2.17. Reserved1 is 0xFFFF for Apple's full sync.
type FlushRequest struct {
	Reserved1 uint16
	FileID    FileID
}

// FlushResponse is [MS-SMB2] 2.2.18.
type FlushResponse struct{}

// ParseFlushRequest parses a FLUSH request with its header.
func ParseFlushRequest(b []byte) (FlushRequest, error) {
	c, err := parseBody(b, 24, 24)
	if err != nil {
		return FlushRequest{}, err
	}
	var r FlushRequest
	r.Reserved1 = c.u16()
	c.skip(4)
	r.FileID = c.fileID()
	return r, nil
}

// Append appends the body.
func (r FlushRequest) Append(dst []byte) []byte {
	w := newBuilder(dst)
	w.u16(24)
	w.u16(r.Reserved1)
	w.zero(4)
	w.fileID(r.FileID)
	return w.b
}

// ParseFlushResponse parses a FLUSH response with its header.
func ParseFlushResponse(b []byte) (FlushResponse, error) { return FlushResponse{}, parseEmpty(b) }

// Append appends the body.
func (r FlushResponse) Append(dst []byte) []byte { return appendEmpty(dst) }
