package smb2

// ChangeNotifyWatchTree asks for the whole tree.
const ChangeNotifyWatchTree uint16 = 1

// ChangeNotifyRequest is [MS-SMB2] 2.2.35.
type ChangeNotifyRequest struct {
	Flags        uint16
	OutputLength uint32
	FileID       FileID
	Filter       uint32
}

// ChangeNotifyResponse is [MS-SMB2] 2.2.36.
type ChangeNotifyResponse struct{ Data []byte }

// ParseChangeNotifyRequest parses a CHANGE_NOTIFY request with its header.
func ParseChangeNotifyRequest(b []byte) (ChangeNotifyRequest, error) {
	c, err := parseBody(b, 32, 32)
	if err != nil {
		return ChangeNotifyRequest{}, err
	}
	return ChangeNotifyRequest{
		Flags:        c.u16(),
		OutputLength: c.u32(),
		FileID:       c.fileID(),
		Filter:       c.u32(),
	}, nil
}

// Append appends the body.
func (r ChangeNotifyRequest) Append(dst []byte) []byte {
	w := newBuilder(dst)
	w.u16(32)
	w.u16(r.Flags)
	w.u32(r.OutputLength)
	w.fileID(r.FileID)
	w.u32(r.Filter)
	w.zero(4)
	return w.b
}

// ParseChangeNotifyResponse parses a CHANGE_NOTIFY response with its header.
func ParseChangeNotifyResponse(b []byte) (ChangeNotifyResponse, error) {
	data, err := parseOutput(b)
	return ChangeNotifyResponse{Data: data}, err
}

// Append appends the body.
func (r ChangeNotifyResponse) Append(dst []byte) []byte { return appendOutput(dst, r.Data) }
