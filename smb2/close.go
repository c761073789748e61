package smb2

// CloseFlagPostqueryAttrib asks for the attributes after the close.
const CloseFlagPostqueryAttrib uint16 = 1

// CloseRequest is [MS-SMB2] 2.2.15.
type CloseRequest struct {
	Flags  uint16
	FileID FileID
}

// CloseResponse is [MS-SMB2] 2.2.16.
type CloseResponse struct {
	Flags          uint16
	CreationTime   FileTime
	LastAccessTime FileTime
	LastWriteTime  FileTime
	ChangeTime     FileTime
	AllocationSize int64
	EndOfFile      int64
	FileAttributes uint32
}

// ParseCloseRequest parses a CLOSE request with its header.
func ParseCloseRequest(b []byte) (CloseRequest, error) {
	c, err := parseBody(b, 24, 24)
	if err != nil {
		return CloseRequest{}, err
	}
	var r CloseRequest
	r.Flags = c.u16()
	c.skip(4)
	r.FileID = c.fileID()
	return r, nil
}

// Append appends the body.
func (r CloseRequest) Append(dst []byte) []byte {
	w := newBuilder(dst)
	w.u16(24)
	w.u16(r.Flags)
	w.zero(4)
	w.fileID(r.FileID)
	return w.b
}

// ParseCloseResponse parses a CLOSE response with its header.
func ParseCloseResponse(b []byte) (CloseResponse, error) {
	c, err := parseBody(b, 60, 60)
	if err != nil {
		return CloseResponse{}, err
	}
	var r CloseResponse
	r.Flags = c.u16()
	c.skip(4)
	r.CreationTime = FileTime(c.u64())
	r.LastAccessTime = FileTime(c.u64())
	r.LastWriteTime = FileTime(c.u64())
	r.ChangeTime = FileTime(c.u64())
	r.AllocationSize = int64(c.u64())
	r.EndOfFile = int64(c.u64())
	r.FileAttributes = c.u32()
	return r, nil
}

// Append appends the body.
func (r CloseResponse) Append(dst []byte) []byte {
	w := newBuilder(dst)
	w.u16(60)
	w.u16(r.Flags)
	w.zero(4)
	w.u64(uint64(r.CreationTime))
	w.u64(uint64(r.LastAccessTime))
	w.u64(uint64(r.LastWriteTime))
	w.u64(uint64(r.ChangeTime))
	w.u64(uint64(r.AllocationSize))
	w.u64(uint64(r.EndOfFile))
	w.u32(r.FileAttributes)
	return w.b
}
