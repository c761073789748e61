package smb2

// QueryDirectoryFlags is [MS-SMB2] 2.2.33.
type QueryDirectoryFlags uint8

const (
	RestartScans      QueryDirectoryFlags = 1
	ReturnSingleEntry QueryDirectoryFlags = 2
	IndexSpecified    QueryDirectoryFlags = 4
	Reopen            QueryDirectoryFlags = 0x10
)

// QueryDirectoryRequest is [MS-SMB2] 2.2.33.
type QueryDirectoryRequest struct {
	Class        FileInfoClass
	Flags        QueryDirectoryFlags
	FileIndex    uint32
	FileID       FileID
	OutputLength uint32
	Pattern      string
}

// QueryDirectoryResponse is [MS-SMB2] 2.2.34.
type QueryDirectoryResponse struct{ Data []byte }

// ParseQueryDirectoryRequest parses a QUERY_DIRECTORY request with its header.
func ParseQueryDirectoryRequest(b []byte) (QueryDirectoryRequest, error) {
	c, err := parseBody(b, 33, 32)
	if err != nil {
		return QueryDirectoryRequest{}, err
	}
	r := QueryDirectoryRequest{
		Class:     FileInfoClass(c.u8()),
		Flags:     QueryDirectoryFlags(c.u8()),
		FileIndex: c.u32(),
		FileID:    c.fileID(),
	}
	offset, length := c.u16(), c.u16()
	r.OutputLength = c.u32()
	name, err := slice(b, HeaderSize+32, uint64(offset), uint64(length))
	if err != nil {
		return QueryDirectoryRequest{}, err
	}
	r.Pattern, err = decodeName(name)
	if err != nil {
		return QueryDirectoryRequest{}, err
	}
	return r, nil
}

// Append appends the body.
func (r QueryDirectoryRequest) Append(dst []byte) []byte {
	w := newBuilder(dst)
	w.u16(33)
	w.u8(uint8(r.Class))
	w.u8(uint8(r.Flags))
	w.u32(r.FileIndex)
	w.fileID(r.FileID)
	w.zero(4)
	w.u32(r.OutputLength)
	if r.Pattern != "" {
		w.putU16(24, w.offset())
		w.name(r.Pattern)
		w.putU16(26, w.len()-32)
	}
	w.atLeast(33)
	return w.b
}

// ParseQueryDirectoryResponse parses a QUERY_DIRECTORY response with its header.
func ParseQueryDirectoryResponse(b []byte) (QueryDirectoryResponse, error) {
	data, err := parseOutput(b)
	return QueryDirectoryResponse{Data: data}, err
}

// Append appends the body.
func (r QueryDirectoryResponse) Append(dst []byte) []byte { return appendOutput(dst, r.Data) }
