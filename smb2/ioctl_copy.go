package smb2

// SrvCopychunk is one range of a copy within the server, in bytes, [MS-SMB2]
// 2.2.31.1.1.
type SrvCopychunk struct {
	SourceOffset uint64
	TargetOffset uint64
	Length       uint32
}

// SrvCopychunkCopy asks to copy ranges of the file that SourceKey stands for,
// [MS-SMB2] 2.2.31.1.
type SrvCopychunkCopy struct {
	SourceKey [24]byte
	Chunks    []SrvCopychunk
}

const (
	copychunkFixed   = 32
	copychunkSize    = 24
	resumeKeySize    = 24
	resumeReplySize  = resumeKeySize + 4
	resumeReplyAlign = 32
)

// ParseSrvCopychunkCopy parses b.
func ParseSrvCopychunkCopy(b []byte) (SrvCopychunkCopy, error) {
	c, err := fixedIoctl(b, copychunkFixed)
	if err != nil {
		return SrvCopychunkCopy{}, err
	}
	r := SrvCopychunkCopy{SourceKey: [24]byte(c)}
	c.skip(resumeKeySize)
	count := c.u32()
	if copychunkFixed+copychunkSize*uint64(count) > uint64(len(b)) {
		return SrvCopychunkCopy{}, StatusInvalidParameter
	}
	c = b[copychunkFixed:]
	for range count {
		r.Chunks = append(r.Chunks, SrvCopychunk{c.u64(), c.u64(), c.u32()})
		c.skip(4)
	}
	return r, nil
}

// Append appends the payload.
func (r SrvCopychunkCopy) Append(dst []byte) []byte {
	w := newBuilder(dst)
	w.bytes(r.SourceKey[:])
	w.u32(uint32(len(r.Chunks)))
	w.u32(0)
	for _, c := range r.Chunks {
		w.u64(c.SourceOffset)
		w.u64(c.TargetOffset)
		w.u32(c.Length)
		w.u32(0)
	}
	return w.b
}

// SrvCopychunkResponse tells how much was copied, or, with
// StatusInvalidParameter, the most that the server copies at once: chunks, bytes of a
// chunk, bytes of all. [MS-SMB2] 2.2.32.1.
type SrvCopychunkResponse struct {
	ChunksWritten     uint32
	ChunkBytesWritten uint32
	TotalBytesWritten uint32
}

// ParseSrvCopychunkResponse parses b.
func ParseSrvCopychunkResponse(b []byte) (SrvCopychunkResponse, error) {
	c, err := fixedIoctl(b, 12)
	if err != nil {
		return SrvCopychunkResponse{}, err
	}
	return SrvCopychunkResponse{c.u32(), c.u32(), c.u32()}, nil
}

// Append appends the payload.
func (r SrvCopychunkResponse) Append(dst []byte) []byte {
	w := newBuilder(dst)
	w.u32(r.ChunksWritten)
	w.u32(r.ChunkBytesWritten)
	w.u32(r.TotalBytesWritten)
	return w.b
}

// SrvRequestResumeKeyResponse is the key that stands for an open in a copy,
// [MS-SMB2] 2.2.32.3.
type SrvRequestResumeKeyResponse struct{ ResumeKey [24]byte }

// ParseSrvRequestResumeKeyResponse parses b.
func ParseSrvRequestResumeKeyResponse(b []byte) (SrvRequestResumeKeyResponse, error) {
	c, err := fixedIoctl(b, resumeReplySize)
	if err != nil {
		return SrvRequestResumeKeyResponse{}, err
	}
	return SrvRequestResumeKeyResponse{[24]byte(c)}, nil
}

// Append appends the payload, whose context is empty and padded as Windows does.
func (r SrvRequestResumeKeyResponse) Append(dst []byte) []byte {
	w := newBuilder(dst)
	w.bytes(r.ResumeKey[:])
	w.u32(0)
	w.atLeast(resumeReplyAlign)
	return w.b
}
