package smb2

// Flags of a WriteRequest, [MS-SMB2] 2.2.21.
const (
	WriteFlagWriteThrough uint32 = 1
	WriteFlagUnbuffered   uint32 = 2
)

// WriteRequest is [MS-SMB2] 2.2.21.
type WriteRequest struct {
	Offset         uint64
	FileID         FileID
	Channel        uint32
	RemainingBytes uint32
	Flags          uint32
	Data           []byte
	ChannelInfo    []byte
}

// WriteResponse is [MS-SMB2] 2.2.22.
type WriteResponse struct{ Count uint32 }

// maxWriteDataOffset is the highest DataOffset, [MS-SMB2] 3.3.5.13: "If Channel
// is equal to SMB2_CHANNEL_NONE and DataOffset is greater than 0x100, the server
// MUST fail the request with STATUS_INVALID_PARAMETER."
const maxWriteDataOffset = 0x100

// ParseWriteRequest parses a WRITE request with its header. ChannelInfo is nil
// with ChannelNone, whose fields a server must ignore. A request with both Data
// and ChannelInfo is an error: data go one way or the other.
func ParseWriteRequest(b []byte) (WriteRequest, error) { return ParseWriteRequestStart(b, 0) }

// ParseWriteRequestStart parses a WRITE request whose last missing bytes have not come
// yet. Data is what has come of the data. If something is missing, the data have to
// follow the fixed part and to end with the message.
func ParseWriteRequestStart(b []byte, missing int) (WriteRequest, error) {
	c, err := parseBody(b, 49, 48)
	if err != nil {
		return WriteRequest{}, err
	}
	offset, length := c.u16(), c.u32()
	r := WriteRequest{
		Offset:         c.u64(),
		FileID:         c.fileID(),
		Channel:        c.u32(),
		RemainingBytes: c.u32(),
	}
	infoOffset, infoLength := c.u16(), c.u16()
	r.Flags = c.u32()
	if r.Channel == ChannelNone {
		infoLength = 0
		if offset > maxWriteDataOffset {
			return WriteRequest{}, StatusInvalidParameter
		}
	}
	if missing > 0 {
		if r.Channel != ChannelNone || offset != HeaderSize+48 || int(offset)+int(length) != len(b)+missing {
			return WriteRequest{}, StatusInvalidParameter
		}
		length -= uint32(missing)
	}
	r.Data, err = slice(b, HeaderSize+48, uint64(offset), uint64(length))
	if err != nil {
		return WriteRequest{}, err
	}
	r.ChannelInfo, err = slice(b, HeaderSize+48, uint64(infoOffset), uint64(infoLength))
	if err != nil || len(r.Data) > 0 && len(r.ChannelInfo) > 0 {
		return WriteRequest{}, StatusInvalidParameter
	}
	return r, nil
}

// Append appends the body. ChannelInfo is left out with ChannelNone.
func (r WriteRequest) Append(dst []byte) []byte {
	w := newBuilder(dst)
	w.u16(49)
	w.u16(HeaderSize + 48)
	w.u32(uint32(len(r.Data)))
	w.u64(r.Offset)
	w.fileID(r.FileID)
	w.u32(r.Channel)
	w.u32(r.RemainingBytes)
	w.zero(4)
	w.u32(r.Flags)
	w.bytes(r.Data)
	if r.Channel != ChannelNone && len(r.ChannelInfo) > 0 {
		w.putU16(2, 0)
		w.putU16(40, w.offset())
		w.putU16(42, len(r.ChannelInfo))
		w.bytes(r.ChannelInfo)
	}
	return w.b
}

// ParseWriteResponse parses a WRITE response with its header.
func ParseWriteResponse(b []byte) (WriteResponse, error) {
	c, err := parseBody(b, 17, 16)
	if err != nil {
		return WriteResponse{}, err
	}
	c.skip(2)
	return WriteResponse{Count: c.u32()}, nil
}

// Append appends the body: 16 bytes, whatever its StructureSize of 17 says.
func (r WriteResponse) Append(dst []byte) []byte {
	w := newBuilder(dst)
	w.u16(17)
	w.u16(0)
	w.u32(r.Count)
	w.zero(8)
	return w.b
}
