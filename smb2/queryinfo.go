package smb2

// InfoType selects the kind of a query or set, [MS-SMB2] 2.2.37.
type InfoType uint8

const (
	InfoFile       InfoType = 1
	InfoFileSystem InfoType = 2
	InfoSecurity   InfoType = 3
	InfoQuota      InfoType = 4
)

// QueryInfoRequest is [MS-SMB2] 2.2.37.
type QueryInfoRequest struct {
	InfoType     InfoType
	Class        uint8 // FileInfoClass or FSInfoClass
	OutputLength uint32
	Additional   uint32
	Flags        uint32
	FileID       FileID
	Input        []byte
}

// QueryInfoResponse is [MS-SMB2] 2.2.38.
type QueryInfoResponse struct{ Data []byte }

// ParseQueryInfoRequest parses a QUERY_INFO request with its header. Input is
// nil but for quotas and extended attributes, [MS-SMB2] 3.3.5.20: "For other
// information queries, the server MUST ignore the InputBufferLength value."
func ParseQueryInfoRequest(b []byte) (QueryInfoRequest, error) {
	c, err := parseBody(b, 41, 40)
	if err != nil {
		return QueryInfoRequest{}, err
	}
	r := QueryInfoRequest{InfoType: InfoType(c.u8()), Class: c.u8(), OutputLength: c.u32()}
	offset := c.u16()
	c.skip(2)
	length := c.u32()
	r.Additional = c.u32()
	r.Flags = c.u32()
	r.FileID = c.fileID()
	if !r.hasInput() {
		return r, nil
	}
	r.Input, err = slice(b, HeaderSize+40, uint64(offset), uint64(length))
	if err != nil {
		return QueryInfoRequest{}, err
	}
	return r, nil
}

func (r *QueryInfoRequest) hasInput() bool {
	return r.InfoType == InfoQuota ||
		r.InfoType == InfoFile && FileInfoClass(r.Class) == ClassFileFullEaInformation
}

// Append appends the body, with the one byte of an empty buffer that Windows
// sends too. Input is left out where a server must ignore it.
func (r QueryInfoRequest) Append(dst []byte) []byte {
	w := newBuilder(dst)
	w.u16(41)
	w.u8(uint8(r.InfoType))
	w.u8(r.Class)
	w.u32(r.OutputLength)
	w.zero(8)
	w.u32(r.Additional)
	w.u32(r.Flags)
	w.fileID(r.FileID)
	if r.hasInput() && len(r.Input) > 0 {
		w.putU16(8, w.offset())
		w.putU32(12, len(r.Input))
		w.bytes(r.Input)
	}
	w.atLeast(41)
	return w.b
}

// ParseQueryInfoResponse parses a QUERY_INFO response with its header.
func ParseQueryInfoResponse(b []byte) (QueryInfoResponse, error) {
	data, err := parseOutput(b)
	return QueryInfoResponse{Data: data}, err
}

// Append appends the body.
func (r QueryInfoResponse) Append(dst []byte) []byte { return appendOutput(dst, r.Data) }
