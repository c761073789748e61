package smb2

// IoctlFlagFsctl tells that CtlCode is a file system control.
const IoctlFlagFsctl uint32 = 1

// IoctlRequest is [MS-SMB2] 2.2.31.
type IoctlRequest struct {
	CtlCode           CtlCode
	FileID            FileID
	MaxInputResponse  uint32
	MaxOutputResponse uint32
	Flags             uint32
	Input             []byte
}

// IoctlResponse is [MS-SMB2] 2.2.32.
type IoctlResponse struct {
	CtlCode CtlCode
	FileID  FileID
	Input   []byte
	Output  []byte
	Flags   uint32
}

// ParseIoctlRequest parses an IOCTL request with its header. Its OutputOffset
// and OutputCount are ignored, [MS-SMB2] 3.3.5.15.
func ParseIoctlRequest(b []byte) (IoctlRequest, error) {
	c, err := parseBody(b, 57, 56)
	if err != nil {
		return IoctlRequest{}, err
	}
	c.skip(2)
	r := IoctlRequest{CtlCode: CtlCode(c.u32()), FileID: c.fileID()}
	offset, length := c.u32(), c.u32()
	r.MaxInputResponse = c.u32()
	c.skip(8)
	r.MaxOutputResponse = c.u32()
	r.Flags = c.u32()
	// [MS-SMB2] 3.3.5.15: with input, an InputOffset that "is not a multiple of
	// 8 bytes" MUST fail.
	if length != 0 && offset%8 != 0 {
		return IoctlRequest{}, StatusInvalidParameter
	}
	r.Input, err = slice(b, HeaderSize+56, uint64(offset), uint64(length))
	if err != nil {
		return IoctlRequest{}, err
	}
	return r, nil
}

// Append appends the body.
func (r IoctlRequest) Append(dst []byte) []byte {
	w := newBuilder(dst)
	w.u16(57)
	w.u16(0)
	w.u32(uint32(r.CtlCode))
	w.fileID(r.FileID)
	w.u32(HeaderSize + 56)
	w.u32(uint32(len(r.Input)))
	w.u32(r.MaxInputResponse)
	w.zero(8)
	w.u32(r.MaxOutputResponse)
	w.u32(r.Flags)
	w.zero(4)
	w.bytes(r.Input)
	return w.b
}

// ParseIoctlResponse parses an IOCTL response with its header.
func ParseIoctlResponse(b []byte) (IoctlResponse, error) {
	c, err := parseBody(b, 49, 48)
	if err != nil {
		return IoctlResponse{}, err
	}
	c.skip(2)
	r := IoctlResponse{CtlCode: CtlCode(c.u32()), FileID: c.fileID()}
	inOffset, inLength := c.u32(), c.u32()
	outOffset, outLength := c.u32(), c.u32()
	r.Flags = c.u32()
	r.Input, err = slice(b, HeaderSize+48, uint64(inOffset), uint64(inLength))
	if err != nil {
		return IoctlResponse{}, err
	}
	r.Output, err = slice(b, HeaderSize+48, uint64(outOffset), uint64(outLength))
	if err != nil {
		return IoctlResponse{}, err
	}
	return r, nil
}

// Append appends the body. The output begins at the multiple of 8 after the
// input; an empty one is announced there too, as Windows does.
func (r IoctlResponse) Append(dst []byte) []byte {
	w := newBuilder(dst)
	w.u16(49)
	w.u16(0)
	w.u32(uint32(r.CtlCode))
	w.fileID(r.FileID)
	w.u32(HeaderSize + 48)
	w.u32(uint32(len(r.Input)))
	w.u32(0)
	w.u32(uint32(len(r.Output)))
	w.u32(r.Flags)
	w.zero(4)
	w.bytes(r.Input)
	if len(r.Output) > 0 {
		w.align8()
	}
	w.putU32(32, HeaderSize+48+(len(r.Input)+7)&^7)
	w.bytes(r.Output)
	return w.b
}
