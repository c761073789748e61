package smb2

// Flags of a ReadRequest, [MS-SMB2] 2.2.19.
const (
	ReadUnbuffered        uint8 = 1
	ReadRequestCompressed uint8 = 2
)

// ReadRequest is [MS-SMB2] 2.2.19.
type ReadRequest struct {
	Padding        uint8
	Flags          uint8
	Length         uint32
	Offset         uint64
	FileID         FileID
	MinimumCount   uint32
	Channel        uint32
	RemainingBytes uint32
	ChannelInfo    []byte
}

// ReadResponseSize is the length of a ReadResponse before its data.
const ReadResponseSize = 16

// ReadResponse is [MS-SMB2] 2.2.20. A server that reads in place appends only
// the fixed part with AppendFixed.
type ReadResponse struct {
	DataRemaining uint32
	Flags         uint32
	Data          []byte
}

// Channel of a ReadRequest and a WriteRequest, [MS-SMB2] 2.2.19 and 2.2.21.
const (
	ChannelNone           uint32 = 0
	ChannelRDMA           uint32 = 1
	ChannelRDMAInvalidate uint32 = 2
	ChannelRDMATransform  uint32 = 3 // only of a WriteRequest
)

// ParseReadRequest parses a READ request with its header. ChannelInfo is nil
// with ChannelNone, whose fields a server must ignore.
func ParseReadRequest(b []byte) (ReadRequest, error) {
	c, err := parseBody(b, 49, 48)
	if err != nil {
		return ReadRequest{}, err
	}
	r := ReadRequest{
		Padding:        c.u8(),
		Flags:          c.u8(),
		Length:         c.u32(),
		Offset:         c.u64(),
		FileID:         c.fileID(),
		MinimumCount:   c.u32(),
		Channel:        c.u32(),
		RemainingBytes: c.u32(),
	}
	if r.Channel == ChannelNone {
		return r, nil
	}
	offset, length := c.u16(), c.u16()
	r.ChannelInfo, err = slice(b, HeaderSize+48, uint64(offset), uint64(length))
	if err != nil {
		return ReadRequest{}, err
	}
	return r, nil
}

// Append appends the body, with the one byte of an empty buffer that servers
// expect. ChannelInfo is left out with ChannelNone.
func (r ReadRequest) Append(dst []byte) []byte {
	w := newBuilder(dst)
	w.u16(49)
	w.u8(r.Padding)
	w.u8(r.Flags)
	w.u32(r.Length)
	w.u64(r.Offset)
	w.fileID(r.FileID)
	w.u32(r.MinimumCount)
	w.u32(r.Channel)
	w.u32(r.RemainingBytes)
	w.zero(4)
	if r.Channel != ChannelNone && len(r.ChannelInfo) > 0 {
		w.putU16(44, w.offset())
		w.putU16(46, len(r.ChannelInfo))
		w.bytes(r.ChannelInfo)
	}
	w.atLeast(49)
	return w.b
}

// ParseReadResponse parses a READ response with its header.
func ParseReadResponse(b []byte) (ReadResponse, error) {
	c, err := parseBody(b, 17, ReadResponseSize)
	if err != nil {
		return ReadResponse{}, err
	}
	offset := c.u8()
	c.skip(1)
	length := c.u32()
	r := ReadResponse{DataRemaining: c.u32(), Flags: c.u32()}
	r.Data, err = slice(b, HeaderSize+ReadResponseSize, uint64(offset), uint64(length))
	if err != nil {
		return ReadResponse{}, err
	}
	return r, nil
}

// Append appends the body with Data.
func (r ReadResponse) Append(dst []byte) []byte {
	return append(r.AppendFixed(dst, len(r.Data)), r.Data...)
}

// AppendFixed appends the ReadResponseSize bytes that announce dataLength bytes
// directly after them. Data is not looked at.
func (r ReadResponse) AppendFixed(dst []byte, dataLength int) []byte {
	w := newBuilder(dst)
	w.u16(17)
	w.u8(HeaderSize + ReadResponseSize)
	w.u8(0)
	w.u32(uint32(dataLength))
	w.u32(r.DataRemaining)
	w.u32(r.Flags)
	return w.b
}
