package smb2

// DurableFlagPersistent asks for a persistent handle.
const DurableFlagPersistent uint32 = 2

// DurableV2Request is [MS-SMB2] 2.2.13.2.11.
type DurableV2Request struct {
	Timeout    uint32 // milliseconds
	Flags      uint32
	CreateGUID GUID
}

// DurableV2Response is [MS-SMB2] 2.2.14.2.12.
type DurableV2Response struct {
	Timeout uint32 // milliseconds
	Flags   uint32
}

// DurableReconnect is [MS-SMB2] 2.2.13.2.4.
type DurableReconnect struct{ FileID FileID }

// DurableV2Reconnect is [MS-SMB2] 2.2.13.2.12.
type DurableV2Reconnect struct {
	FileID     FileID
	CreateGUID GUID
	Flags      uint32
}

// DurableRequest is [MS-SMB2] 2.2.13.2.3: 16 bytes without meaning.
type DurableRequest struct{}

// DurableResponse is [MS-SMB2] 2.2.14.2.3: 8 bytes without meaning.
type DurableResponse struct{}

// ParseDurableRequest parses the data of a ContextDHnQ of a request.
func ParseDurableRequest(b []byte) (DurableRequest, error) {
	if len(b) != 16 {
		return DurableRequest{}, StatusInvalidParameter
	}
	return DurableRequest{}, nil
}

// Append appends the data of the context.
func (r DurableRequest) Append(dst []byte) []byte { return append(dst, make([]byte, 16)...) }

// ParseDurableResponse parses the data of a ContextDHnQ of a response.
func ParseDurableResponse(b []byte) (DurableResponse, error) {
	if len(b) != 8 {
		return DurableResponse{}, StatusInvalidParameter
	}
	return DurableResponse{}, nil
}

// Append appends the data of the context.
func (r DurableResponse) Append(dst []byte) []byte { return append(dst, make([]byte, 8)...) }

// ParseDurableReconnect parses the data of a ContextDHnC, which has 16 bytes.
func ParseDurableReconnect(b []byte) (DurableReconnect, error) {
	if len(b) != 16 {
		return DurableReconnect{}, StatusInvalidParameter
	}
	c := cursor(b)
	var r DurableReconnect
	r.FileID = c.fileID()
	return r, nil
}

// Append appends the data of the context.
func (r DurableReconnect) Append(dst []byte) []byte {
	w := newBuilder(dst)
	w.fileID(r.FileID)
	return w.b
}

// ParseDurableV2Request parses the data of a ContextDH2Q of a request, which has 32 bytes.
func ParseDurableV2Request(b []byte) (DurableV2Request, error) {
	if len(b) != 32 {
		return DurableV2Request{}, StatusInvalidParameter
	}
	c := cursor(b)
	var r DurableV2Request
	r.Timeout = c.u32()
	r.Flags = c.u32()
	c.skip(8)
	r.CreateGUID = GUID(c.bytes16())
	return r, nil
}

// Append appends the data of the context.
func (r DurableV2Request) Append(dst []byte) []byte {
	w := newBuilder(dst)
	w.u32(r.Timeout)
	w.u32(r.Flags)
	w.zero(8)
	w.bytes16(r.CreateGUID)
	return w.b
}

// ParseDurableV2Response parses the data of a ContextDH2Q of a response, which has 8 bytes.
func ParseDurableV2Response(b []byte) (DurableV2Response, error) {
	if len(b) != 8 {
		return DurableV2Response{}, StatusInvalidParameter
	}
	c := cursor(b)
	var r DurableV2Response
	r.Timeout = c.u32()
	r.Flags = c.u32()
	return r, nil
}

// Append appends the data of the context.
func (r DurableV2Response) Append(dst []byte) []byte {
	w := newBuilder(dst)
	w.u32(r.Timeout)
	w.u32(r.Flags)
	return w.b
}

// ParseDurableV2Reconnect parses the data of a ContextDH2C, which has 36 bytes.
func ParseDurableV2Reconnect(b []byte) (DurableV2Reconnect, error) {
	if len(b) != 36 {
		return DurableV2Reconnect{}, StatusInvalidParameter
	}
	c := cursor(b)
	var r DurableV2Reconnect
	r.FileID = c.fileID()
	r.CreateGUID = GUID(c.bytes16())
	r.Flags = c.u32()
	return r, nil
}

// Append appends the data of the context.
func (r DurableV2Reconnect) Append(dst []byte) []byte {
	w := newBuilder(dst)
	w.fileID(r.FileID)
	w.bytes16(r.CreateGUID)
	w.u32(r.Flags)
	return w.b
}
