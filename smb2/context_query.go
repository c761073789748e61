package smb2

// MaximalAccessRequest is [MS-SMB2] 2.2.13.2.5; its timestamp is optional.
type MaximalAccessRequest struct{ Timestamp FileTime }

// MaximalAccessResponse is [MS-SMB2] 2.2.14.2.5.
type MaximalAccessResponse struct {
	Status        Status
	MaximalAccess uint32
}

// AllocationSizeRequest is [MS-SMB2] 2.2.13.2.6.
type AllocationSizeRequest struct{ Size uint64 }

// TimewarpRequest is [MS-SMB2] 2.2.13.2.7.
type TimewarpRequest struct{ Timestamp FileTime }

// QueryOnDiskIDResponse is [MS-SMB2] 2.2.14.2.9.
type QueryOnDiskIDResponse struct {
	DiskFileID uint64
	VolumeID   uint64
}

// ParseMaximalAccessRequest parses the data of a ContextMxAc of a request: 8
// bytes or none.
func ParseMaximalAccessRequest(b []byte) (MaximalAccessRequest, error) {
	if len(b) == 0 {
		return MaximalAccessRequest{}, nil
	}
	if len(b) != 8 {
		return MaximalAccessRequest{}, StatusInvalidParameter
	}
	c := cursor(b)
	return MaximalAccessRequest{Timestamp: FileTime(c.u64())}, nil
}

// Append appends the data of the context, nothing if Timestamp is 0.
func (r MaximalAccessRequest) Append(dst []byte) []byte {
	w := newBuilder(dst)
	if r.Timestamp != 0 {
		w.u64(uint64(r.Timestamp))
	}
	return w.b
}

// ParseMaximalAccessResponse parses the data of a ContextMxAc of a response, which has 8 bytes.
func ParseMaximalAccessResponse(b []byte) (MaximalAccessResponse, error) {
	if len(b) != 8 {
		return MaximalAccessResponse{}, StatusInvalidParameter
	}
	c := cursor(b)
	var r MaximalAccessResponse
	r.Status = Status(c.u32())
	r.MaximalAccess = c.u32()
	return r, nil
}

// Append appends the data of the context.
func (r MaximalAccessResponse) Append(dst []byte) []byte {
	w := newBuilder(dst)
	w.u32(uint32(r.Status))
	w.u32(r.MaximalAccess)
	return w.b
}

// ParseAllocationSizeRequest parses the data of a ContextAlSi, which has 8 bytes.
func ParseAllocationSizeRequest(b []byte) (AllocationSizeRequest, error) {
	if len(b) != 8 {
		return AllocationSizeRequest{}, StatusInvalidParameter
	}
	c := cursor(b)
	var r AllocationSizeRequest
	r.Size = c.u64()
	return r, nil
}

// Append appends the data of the context.
func (r AllocationSizeRequest) Append(dst []byte) []byte {
	w := newBuilder(dst)
	w.u64(r.Size)
	return w.b
}

// ParseTimewarpRequest parses the data of a ContextTWrp, which has 8 bytes.
func ParseTimewarpRequest(b []byte) (TimewarpRequest, error) {
	if len(b) != 8 {
		return TimewarpRequest{}, StatusInvalidParameter
	}
	c := cursor(b)
	var r TimewarpRequest
	r.Timestamp = FileTime(c.u64())
	return r, nil
}

// Append appends the data of the context.
func (r TimewarpRequest) Append(dst []byte) []byte {
	w := newBuilder(dst)
	w.u64(uint64(r.Timestamp))
	return w.b
}

// ParseQueryOnDiskIDResponse parses the data of a ContextQFid of a response, which has 32 bytes.
func ParseQueryOnDiskIDResponse(b []byte) (QueryOnDiskIDResponse, error) {
	if len(b) != 32 {
		return QueryOnDiskIDResponse{}, StatusInvalidParameter
	}
	c := cursor(b)
	var r QueryOnDiskIDResponse
	r.DiskFileID = c.u64()
	r.VolumeID = c.u64()
	return r, nil
}

// Append appends the data of the context.
func (r QueryOnDiskIDResponse) Append(dst []byte) []byte {
	w := newBuilder(dst)
	w.u64(r.DiskFileID)
	w.u64(r.VolumeID)
	w.zero(16)
	return w.b
}
