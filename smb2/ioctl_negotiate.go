package smb2

// Payloads of IOCTL stand alone, as the structures of [MS-FSCC] do. Unless a
// parser says otherwise, a payload that is too short or contradicts itself is
// StatusInvalidParameter, and bytes after it are ignored.

// fixedIoctl returns the first n bytes of a payload.
func fixedIoctl(b []byte, n int) (cursor, error) {
	if len(b) < n {
		return nil, StatusInvalidParameter
	}
	return cursor(b[:n]), nil
}

// ValidateNegotiateInfoRequest repeats what the client negotiated, under a
// signature, [MS-SMB2] 2.2.31.4.
type ValidateNegotiateInfoRequest struct {
	Capabilities Capabilities
	GUID         GUID
	SecurityMode SecurityMode
	Dialects     []Dialect
}

const validateFixed = 24

// ParseValidateNegotiateInfoRequest parses b.
func ParseValidateNegotiateInfoRequest(b []byte) (ValidateNegotiateInfoRequest, error) {
	c, err := fixedIoctl(b, validateFixed)
	if err != nil {
		return ValidateNegotiateInfoRequest{}, err
	}
	r := ValidateNegotiateInfoRequest{
		Capabilities: Capabilities(c.u32()),
		GUID:         c.bytes16(),
		SecurityMode: SecurityMode(c.u16()),
	}
	count := int(c.u16())
	if validateFixed+2*count > len(b) {
		return ValidateNegotiateInfoRequest{}, StatusInvalidParameter
	}
	c = b[validateFixed:]
	for range count {
		r.Dialects = append(r.Dialects, Dialect(c.u16()))
	}
	return r, nil
}

// Append appends the payload.
func (r ValidateNegotiateInfoRequest) Append(dst []byte) []byte {
	w := newBuilder(dst)
	w.u32(uint32(r.Capabilities))
	w.bytes16(r.GUID)
	w.u16(uint16(r.SecurityMode))
	w.u16(uint16(len(r.Dialects)))
	for _, d := range r.Dialects {
		w.u16(uint16(d))
	}
	return w.b
}

// ValidateNegotiateInfoResponse repeats what the server negotiated, [MS-SMB2]
// 2.2.32.6.
type ValidateNegotiateInfoResponse struct {
	Capabilities Capabilities
	GUID         GUID
	SecurityMode SecurityMode
	Dialect      Dialect
}

// ParseValidateNegotiateInfoResponse parses b.
func ParseValidateNegotiateInfoResponse(b []byte) (ValidateNegotiateInfoResponse, error) {
	c, err := fixedIoctl(b, validateFixed)
	if err != nil {
		return ValidateNegotiateInfoResponse{}, err
	}
	return ValidateNegotiateInfoResponse{
		Capabilities: Capabilities(c.u32()),
		GUID:         c.bytes16(),
		SecurityMode: SecurityMode(c.u16()),
		Dialect:      Dialect(c.u16()),
	}, nil
}

// Append appends the payload.
func (r ValidateNegotiateInfoResponse) Append(dst []byte) []byte {
	w := newBuilder(dst)
	w.u32(uint32(r.Capabilities))
	w.bytes16(r.GUID)
	w.u16(uint16(r.SecurityMode))
	w.u16(uint16(r.Dialect))
	return w.b
}

// NetworkResiliencyRequest asks that an open outlives a disconnect, [MS-SMB2]
// 2.2.31.3.
type NetworkResiliencyRequest struct {
	Timeout uint32 // milliseconds
}

// ParseNetworkResiliencyRequest parses b.
func ParseNetworkResiliencyRequest(b []byte) (NetworkResiliencyRequest, error) {
	c, err := fixedIoctl(b, 8)
	if err != nil {
		return NetworkResiliencyRequest{}, err
	}
	return NetworkResiliencyRequest{Timeout: c.u32()}, nil
}

// Append appends the payload.
func (r NetworkResiliencyRequest) Append(dst []byte) []byte {
	w := newBuilder(dst)
	w.u32(r.Timeout)
	w.u32(0)
	return w.b
}
