package smb2

// LockFlags is [MS-SMB2] 2.2.26.1.
type LockFlags uint32

const (
	LockShared          LockFlags = 1
	LockExclusive       LockFlags = 2
	LockUnlock          LockFlags = 4
	LockFailImmediately LockFlags = 0x10
)

// LockElement is [MS-SMB2] 2.2.26.1.
type LockElement struct {
	Offset uint64
	Length uint64
	Flags  LockFlags
}

// LockRequest is [MS-SMB2] 2.2.26.
type LockRequest struct {
	LockSequence uint32 // 4 bits number, 28 bits index
	FileID       FileID
	Locks        []LockElement // at least one
}

// LockResponse is [MS-SMB2] 2.2.27.
type LockResponse struct{}

// lockElementSize is the length of a LockElement on the wire.
const lockElementSize = 24

// ParseLockRequest parses a LOCK request with its header. No lock at all is an
// error.
func ParseLockRequest(b []byte) (LockRequest, error) {
	// StructureSize counts the first of the locks.
	c, err := parseBody(b, 48, 48)
	if err != nil {
		return LockRequest{}, err
	}
	count := int(c.u16())
	r := LockRequest{LockSequence: c.u32(), FileID: c.fileID()}
	locks, err := slice(b, HeaderSize+24, HeaderSize+24, uint64(count)*lockElementSize)
	if err != nil || count == 0 {
		return LockRequest{}, StatusInvalidParameter
	}
	r.Locks = make([]LockElement, count)
	c = locks
	for i := range r.Locks {
		r.Locks[i] = LockElement{Offset: c.u64(), Length: c.u64(), Flags: LockFlags(c.u32())}
		c.skip(4)
	}
	return r, nil
}

// Append appends the body.
func (r LockRequest) Append(dst []byte) []byte {
	w := newBuilder(dst)
	w.u16(48)
	w.u16(uint16(len(r.Locks)))
	w.u32(r.LockSequence)
	w.fileID(r.FileID)
	for _, l := range r.Locks {
		w.u64(l.Offset)
		w.u64(l.Length)
		w.u32(uint32(l.Flags))
		w.zero(4)
	}
	return w.b
}

// ParseLockResponse parses a LOCK response with its header.
func ParseLockResponse(b []byte) (LockResponse, error) { return LockResponse{}, parseEmpty(b) }

// Append appends the body.
func (r LockResponse) Append(dst []byte) []byte { return appendEmpty(dst) }
