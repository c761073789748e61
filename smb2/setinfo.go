package smb2

// SetInfoRequest is [MS-SMB2] 2.2.39.
type SetInfoRequest struct {
	InfoType   InfoType
	Class      uint8
	Additional uint32
	FileID     FileID
	Data       []byte
}

// SetInfoResponse is [MS-SMB2] 2.2.40.
type SetInfoResponse struct{}

// ParseSetInfoRequest parses a SET_INFO request with its header.
func ParseSetInfoRequest(b []byte) (SetInfoRequest, error) {
	c, err := parseBody(b, 33, 32)
	if err != nil {
		return SetInfoRequest{}, err
	}
	r := SetInfoRequest{InfoType: InfoType(c.u8()), Class: c.u8()}
	length, offset := c.u32(), c.u16()
	c.skip(2)
	r.Additional = c.u32()
	r.FileID = c.fileID()
	r.Data, err = slice(b, HeaderSize+32, uint64(offset), uint64(length))
	if err != nil {
		return SetInfoRequest{}, err
	}
	return r, nil
}

// Append appends the body.
func (r SetInfoRequest) Append(dst []byte) []byte {
	w := newBuilder(dst)
	w.u16(33)
	w.u8(uint8(r.InfoType))
	w.u8(r.Class)
	w.u32(uint32(len(r.Data)))
	w.u16(HeaderSize + 32)
	w.u16(0)
	w.u32(r.Additional)
	w.fileID(r.FileID)
	w.bytes(r.Data)
	return w.b
}

// ParseSetInfoResponse parses a SET_INFO response with its header.
func ParseSetInfoResponse(b []byte) (SetInfoResponse, error) {
	_, err := parseBody(b, 2, 2)
	return SetInfoResponse{}, err
}

// Append appends the body, which is nothing but its StructureSize.
func (r SetInfoResponse) Append(dst []byte) []byte { return append(dst, 2, 0) }
