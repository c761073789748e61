package smb2

// ErrorResponse is [MS-SMB2] 2.2.2. Append always writes at least the 9 bytes
// that clients demand.
type ErrorResponse struct {
	ContextCount uint8
	Data         []byte
}

// ParseErrorResponse parses the response of any command that failed, with its
// header.
func ParseErrorResponse(b []byte) (ErrorResponse, error) {
	c, err := parseBody(b, 9, 8)
	if err != nil {
		return ErrorResponse{}, err
	}
	r := ErrorResponse{ContextCount: c.u8()}
	c.skip(1)
	r.Data, err = slice(b, HeaderSize+8, HeaderSize+8, uint64(c.u32()))
	if err != nil {
		return ErrorResponse{}, err
	}
	return r, nil
}

// Append appends the body.
func (r ErrorResponse) Append(dst []byte) []byte {
	w := newBuilder(dst)
	w.u16(9)
	w.u8(r.ContextCount)
	w.u8(0)
	w.u32(uint32(len(r.Data)))
	w.bytes(r.Data)
	w.atLeast(9)
	return w.b
}

// ID of an ErrorContext.
const (
	ErrorIDDefault       uint32 = 0
	ErrorIDShareRedirect uint32 = 0x72645253
)

// ErrorContext is one of the contexts that make up the Data of an ErrorResponse
// at 3.1.1, [MS-SMB2] 2.2.2.1.
type ErrorContext struct {
	ID   uint32
	Data []byte
}

// ParseErrorContexts parses the Data of an ErrorResponse with count contexts.
func ParseErrorContexts(data []byte, count uint8) ([]ErrorContext, error) {
	var contexts []ErrorContext
	pos := uint64(0)
	for range count {
		pos = (pos + 7) &^ 7
		if pos+8 > uint64(len(data)) {
			return nil, StatusInvalidParameter
		}
		c := cursor(data[pos : pos+8])
		length, id := uint64(c.u32()), c.u32()
		d, err := slice(data, 0, pos+8, length)
		if err != nil {
			return nil, err
		}
		contexts = append(contexts, ErrorContext{ID: id, Data: d})
		pos += 8 + length
	}
	return contexts, nil
}

// AppendErrorContexts appends the contexts, each at a multiple of 8 from the end
// of dst.
func AppendErrorContexts(dst []byte, contexts []ErrorContext) []byte {
	w := newBuilder(dst)
	for _, e := range contexts {
		w.align8()
		w.u32(uint32(len(e.Data)))
		w.u32(e.ID)
		w.bytes(e.Data)
	}
	return w.b
}
