package smb2

import "github.com/gosmbd/smb/internal/utf16le"

// PipeWaitRequest waits for a free instance of a pipe, [MS-FSCC] 2.3.49.
type PipeWaitRequest struct {
	Timeout          int64 // see [MS-FSCC]; counts only with TimeoutSpecified
	TimeoutSpecified bool
	Name             string // without \pipe\
}

const pipeWaitFixed = 14

// ParsePipeWaitRequest parses b.
func ParsePipeWaitRequest(b []byte) (PipeWaitRequest, error) {
	c, err := fixedIoctl(b, pipeWaitFixed)
	if err != nil {
		return PipeWaitRequest{}, err
	}
	r := PipeWaitRequest{Timeout: c.i64()}
	length := c.u32()
	r.TimeoutSpecified = c.bool()
	if r.Name, err = nameAt(b, pipeWaitFixed, length); err != nil {
		return PipeWaitRequest{}, err
	}
	return r, nil
}

// Append appends the payload.
func (r PipeWaitRequest) Append(dst []byte) []byte {
	w := newBuilder(dst)
	w.i64(r.Timeout)
	w.u32(uint32(utf16le.Len(r.Name)))
	w.bool(r.TimeoutSpecified)
	w.u8(0)
	w.name(r.Name)
	return w.b
}

// PipePeekResponse is what a pipe has to read, [MS-FSCC] 2.3.46. Lengths are in
// bytes; State is one of PipeConnectedState and PipeClosingState. Parsed Data
// aliases the input.
type PipePeekResponse struct {
	State             uint32
	ReadDataAvailable uint32
	NumberOfMessages  uint32
	MessageLength     uint32 // of the first message
	Data              []byte
}

// PipePeekFixed is the length of a PipePeekResponse without Data.
const PipePeekFixed = 16

// ParsePipePeekResponse parses b, all of it.
func ParsePipePeekResponse(b []byte) (PipePeekResponse, error) {
	c, err := fixedIoctl(b, PipePeekFixed)
	if err != nil {
		return PipePeekResponse{}, err
	}
	return PipePeekResponse{c.u32(), c.u32(), c.u32(), c.u32(), b[PipePeekFixed:]}, nil
}

// Append appends the payload.
func (r PipePeekResponse) Append(dst []byte) []byte {
	w := newBuilder(dst)
	w.u32(r.State)
	w.u32(r.ReadDataAvailable)
	w.u32(r.NumberOfMessages)
	w.u32(r.MessageLength)
	w.bytes(r.Data)
	return w.b
}
