package smb2

// OffloadTokenSize is the length of a STORAGE_OFFLOAD_TOKEN, [MS-FSCC] 2.1.11.
const OffloadTokenSize = 512

// OffloadReadZeroBeyond in an answer tells that all beyond the range is zero.
const OffloadReadZeroBeyond uint32 = 1

// OffloadReadRequest asks for a token that stands for a range, [MS-FSCC] 2.3.41.
// Amounts are in bytes.
type OffloadReadRequest struct {
	Flags           uint32
	TokenTimeToLive uint32 // milliseconds; 0 leaves it to the server
	FileOffset      uint64
	CopyLength      uint64
}

const (
	offloadReadSize       = 32
	offloadReadReplySize  = 16 + OffloadTokenSize
	offloadWriteSize      = 32 + OffloadTokenSize
	offloadWriteReplySize = 16
)

// fixedOffload checks a payload whose first field is its size. Too short a
// request is StatusBufferTooSmall ([MS-FSA] 2.1.5.10.20 and 2.1.5.10.21).
func fixedOffload(b []byte, n int) (cursor, error) {
	if len(b) < n {
		return nil, StatusBufferTooSmall
	}
	c := cursor(b[:n])
	if c.u32() != uint32(n) {
		return nil, StatusInvalidParameter
	}
	return c, nil
}

// ParseOffloadReadRequest parses b.
func ParseOffloadReadRequest(b []byte) (OffloadReadRequest, error) {
	c, err := fixedOffload(b, offloadReadSize)
	if err != nil {
		return OffloadReadRequest{}, err
	}
	r := OffloadReadRequest{Flags: c.u32(), TokenTimeToLive: c.u32()}
	c.skip(4)
	r.FileOffset, r.CopyLength = c.u64(), c.u64()
	return r, nil
}

// Append appends the payload.
func (r OffloadReadRequest) Append(dst []byte) []byte {
	w := newBuilder(dst)
	w.u32(offloadReadSize)
	w.u32(r.Flags)
	w.u32(r.TokenTimeToLive)
	w.u32(0)
	w.u64(r.FileOffset)
	w.u64(r.CopyLength)
	return w.b
}

// OffloadReadResponse is [MS-FSCC] 2.3.42.
type OffloadReadResponse struct {
	Flags          uint32
	TransferLength uint64 // bytes that Token stands for
	Token          [OffloadTokenSize]byte
}

// ParseOffloadReadResponse parses b.
func ParseOffloadReadResponse(b []byte) (OffloadReadResponse, error) {
	c, err := fixedOffload(b, offloadReadReplySize)
	if err != nil {
		return OffloadReadResponse{}, err
	}
	r := OffloadReadResponse{Flags: c.u32(), TransferLength: c.u64()}
	r.Token = [OffloadTokenSize]byte(c)
	return r, nil
}

// Append appends the payload.
func (r OffloadReadResponse) Append(dst []byte) []byte {
	w := newBuilder(dst)
	w.u32(offloadReadReplySize)
	w.u32(r.Flags)
	w.u64(r.TransferLength)
	w.bytes(r.Token[:])
	return w.b
}

// OffloadWriteRequest writes what a token stands for, [MS-FSCC] 2.3.43. Amounts
// are in bytes; TransferOffset counts from the start of the token's data.
type OffloadWriteRequest struct {
	Flags          uint32
	FileOffset     uint64
	CopyLength     uint64
	TransferOffset uint64
	Token          [OffloadTokenSize]byte
}

// ParseOffloadWriteRequest parses b.
func ParseOffloadWriteRequest(b []byte) (OffloadWriteRequest, error) {
	c, err := fixedOffload(b, offloadWriteSize)
	if err != nil {
		return OffloadWriteRequest{}, err
	}
	r := OffloadWriteRequest{
		Flags:          c.u32(),
		FileOffset:     c.u64(),
		CopyLength:     c.u64(),
		TransferOffset: c.u64(),
	}
	r.Token = [OffloadTokenSize]byte(c)
	return r, nil
}

// Append appends the payload.
func (r OffloadWriteRequest) Append(dst []byte) []byte {
	w := newBuilder(dst)
	w.u32(offloadWriteSize)
	w.u32(r.Flags)
	w.u64(r.FileOffset)
	w.u64(r.CopyLength)
	w.u64(r.TransferOffset)
	w.bytes(r.Token[:])
	return w.b
}

// OffloadWriteResponse is [MS-FSCC] 2.3.44.
type OffloadWriteResponse struct {
	Flags         uint32
	LengthWritten uint64
}

// ParseOffloadWriteResponse parses b.
func ParseOffloadWriteResponse(b []byte) (OffloadWriteResponse, error) {
	c, err := fixedOffload(b, offloadWriteReplySize)
	if err != nil {
		return OffloadWriteResponse{}, err
	}
	return OffloadWriteResponse{c.u32(), c.u64()}, nil
}

// Append appends the payload.
func (r OffloadWriteResponse) Append(dst []byte) []byte {
	w := newBuilder(dst)
	w.u32(offloadWriteReplySize)
	w.u32(r.Flags)
	w.u64(r.LengthWritten)
	return w.b
}
