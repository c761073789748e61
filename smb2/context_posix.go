package smb2

// The SMB3 POSIX Extensions are described by the drafts [POSIX-SMB2], [POSIX-FSCC]
// and [POSIX-FSA] of the Samba team.

// PosixGUID names the version of the extensions, in the negotiate context and as the
// name of the create context. It goes over the wire as it stands here.
const PosixGUID = ContextPosixCreate

// PosixExtensions is the data of a ContextPosix of a NEGOTIATE, [POSIX-SMB2] 2.2.3.1.8:
// the versions of the extensions that a client speaks, or the one that the server
// chose.
type PosixExtensions struct{ Versions []string }

// ParsePosixExtensions parses the data of the context.
func ParsePosixExtensions(b []byte) (PosixExtensions, error) {
	if len(b)%len(PosixGUID) != 0 {
		return PosixExtensions{}, StatusInvalidParameter
	}
	var x PosixExtensions
	for ; len(b) > 0; b = b[len(PosixGUID):] {
		x.Versions = append(x.Versions, string(b[:len(PosixGUID)]))
	}
	return x, nil
}

// Append appends the data of the context.
func (x PosixExtensions) Append(dst []byte) []byte {
	for _, v := range x.Versions {
		dst = append(dst, v...)
	}
	return dst
}

// PosixMode is the type and the permissions of a file, [POSIX-FSCC] 2.1.1: the
// permission bits are those of stat, the types are not.
type PosixMode uint32

// The parts of a PosixMode.
const (
	PosixPermissions PosixMode = 0o777
	PosixSticky      PosixMode = 0o1000
	PosixSetGID      PosixMode = 0o2000
	PosixSetUID      PosixMode = 0o4000
	PosixType        PosixMode = 0o70000

	PosixTypeFile        PosixMode = 0 << 12
	PosixTypeDirectory   PosixMode = 1 << 12
	PosixTypeSymlink     PosixMode = 2 << 12
	PosixTypeCharDevice  PosixMode = 3 << 12
	PosixTypeBlockDevice PosixMode = 4 << 12
	PosixTypeFIFO        PosixMode = 5 << 12
	PosixTypeSocket      PosixMode = 6 << 12
)

// PosixCreateRequest is the data of a ContextPosixCreate of a request,
// [POSIX-SMB2] 2.2.13.2.16. Linux sends the type as stat has it, if any.
type PosixCreateRequest struct{ Mode PosixMode }

// ParsePosixCreateRequest parses the data of the context.
func ParsePosixCreateRequest(b []byte) (PosixCreateRequest, error) {
	if len(b) != 4 {
		return PosixCreateRequest{}, StatusInvalidParameter
	}
	c := cursor(b)
	return PosixCreateRequest{PosixMode(c.u32())}, nil
}

// Append appends the data of the context.
func (r PosixCreateRequest) Append(dst []byte) []byte {
	w := newBuilder(dst)
	w.u32(uint32(r.Mode))
	return w.b
}

// PosixCreateResponse is the data of a ContextPosixCreate of a response, [POSIX-SMB2]
// 2.2.14.2.16, and the end of FilePosixInformation. The SIDs are undecoded; parsed ones
// alias the input.
type PosixCreateResponse struct {
	NumberOfLinks uint32
	ReparseTag    uint32
	Mode          PosixMode
	Owner, Group  []byte
}

const posixCreateFixed = 12

// ParsePosixCreateResponse parses the data of the context.
func ParsePosixCreateResponse(b []byte) (PosixCreateResponse, error) {
	r, rest, err := parsePosixCreate(b)
	if err == nil && len(rest) > 0 {
		err = StatusInvalidParameter
	}
	return r, err
}

// parsePosixCreate parses the structure at the start of b.
func parsePosixCreate(b []byte) (r PosixCreateResponse, rest []byte, err error) {
	if len(b) < posixCreateFixed {
		return r, nil, StatusInvalidParameter
	}
	c := cursor(b)
	r.NumberOfLinks, r.ReparseTag, r.Mode = c.u32(), c.u32(), PosixMode(c.u32())
	if r.Owner, rest, err = cutSID(c); err != nil {
		return PosixCreateResponse{}, nil, err
	}
	if r.Group, rest, err = cutSID(rest); err != nil {
		return PosixCreateResponse{}, nil, err
	}
	return r, rest, nil
}

// Append appends the data of the context.
func (r PosixCreateResponse) Append(dst []byte) []byte {
	w := newBuilder(dst)
	w.u32(r.NumberOfLinks)
	w.u32(r.ReparseTag)
	w.u32(uint32(r.Mode))
	w.bytes(r.Owner)
	w.bytes(r.Group)
	return w.b
}

// cutSID splits a SID off the start of b. [MS-DTYP] 2.4.2.2
func cutSID(b []byte) (sid, rest []byte, err error) {
	const fixed, maxSub = 8, 15
	if len(b) < fixed || b[0] != 1 || b[1] > maxSub {
		return nil, nil, StatusInvalidParameter
	}
	n := fixed + 4*int(b[1])
	if len(b) < n {
		return nil, nil, StatusInvalidParameter
	}
	return b[:n:n], b[n:], nil
}
