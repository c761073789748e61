package smb2

import (
	"math/bits"

	"github.com/gosmbd/smb/internal/utf16le"
)

// Apple's extensions have no specification of Microsoft's. What is here is described in
// the sources of Apple's client, SMBClient/kernel/netsmb/smb_2.h.

// AAPLCommand tells what a ContextAAPL is about.
type AAPLCommand uint32

// The commands of a ContextAAPL.
const (
	AAPLServerQuery AAPLCommand = 1 // what the server can do
	AAPLResolveID   AAPLCommand = 2 // where the file with an id is
)

// Parts of the answer to AAPLServerQuery, which come in this order.
const (
	AAPLServerCaps uint64 = 0x01
	AAPLVolumeCaps uint64 = 0x02
	AAPLModelInfo  uint64 = 0x04
)

// Capabilities of client and server.
const (
	AAPLReadDirAttr   uint64 = 0x01 // listings tell of Finder info and resource forks
	AAPLCopyFile      uint64 = 0x02 // FSCTL_SRV_COPYCHUNK without chunks copies all of a file
	AAPLUnixBased     uint64 = 0x04 // listings tell of POSIX modes
	AAPLNFSACE        uint64 = 0x08 // POSIX modes are entries of the access control list
	AAPLReadDirAttrV2 uint64 = 0x10 // AAPLReadDirAttr with flags; excludes it
)

// Capabilities of a volume.
const (
	AAPLSupportsResolveID uint64 = 0x01
	AAPLCaseSensitive     uint64 = 0x02
	AAPLFullSync          uint64 = 0x04 // a FLUSH with FlushFullSync reaches the medium
)

// FlushFullSync in FlushRequest.Reserved1 asks for F_FULLFSYNC.
const FlushFullSync uint16 = 0xFFFF

// AAPLRequest is the data of a ContextAAPL of a request.
type AAPLRequest struct {
	Command AAPLCommand

	// Of AAPLServerQuery: the parts of the answer that are asked for, and what the
	// client can do.
	Bitmap, ClientCaps uint64

	FileID uint64 // of AAPLResolveID
}

// AAPLResponse is the data of a ContextAAPL of a response.
type AAPLResponse struct {
	Command AAPLCommand

	// Of AAPLServerQuery: which parts follow, and those.
	Bitmap                 uint64
	ServerCaps, VolumeCaps uint64
	Model                  string

	// Of AAPLResolveID.
	Status Status
	Path   string
}

const (
	aaplFixed   = 8 // command, reserved
	aaplMaxText = 32 << 10
)

// ParseAAPLRequest parses the data of a ContextAAPL of a request.
func ParseAAPLRequest(b []byte) (AAPLRequest, error) {
	if len(b) < aaplFixed {
		return AAPLRequest{}, StatusInvalidParameter
	}
	c := cursor(b)
	command := AAPLCommand(c.u32())
	c.skip(4)
	switch {
	case command == AAPLServerQuery && len(c) == 16:
		return AAPLRequest{Command: command, Bitmap: c.u64(), ClientCaps: c.u64()}, nil
	case command == AAPLResolveID && len(c) == 8:
		return AAPLRequest{Command: command, FileID: c.u64()}, nil
	}
	return AAPLRequest{}, StatusInvalidParameter
}

// Append appends the data of the context.
func (r AAPLRequest) Append(dst []byte) []byte {
	w := newBuilder(dst)
	w.u32(uint32(r.Command))
	w.u32(0)
	if r.Command == AAPLResolveID {
		w.u64(r.FileID)
		return w.b
	}
	w.u64(r.Bitmap)
	w.u64(r.ClientCaps)
	return w.b
}

// ParseAAPLResponse parses the data of a ContextAAPL of a response.
func ParseAAPLResponse(b []byte) (AAPLResponse, error) {
	if len(b) < aaplFixed+8 {
		return AAPLResponse{}, StatusInvalidParameter
	}
	c := cursor(b)
	r := AAPLResponse{Command: AAPLCommand(c.u32())}
	c.skip(4)
	var err error
	switch r.Command {
	case AAPLServerQuery:
		r.Bitmap = c.u64()
		err = r.parseParts(c)
	case AAPLResolveID:
		r.Status = Status(c.u32())
		r.Path, err = c.aaplText()
	default:
		err = StatusInvalidParameter
	}
	if err != nil {
		return AAPLResponse{}, err
	}
	return r, nil
}

// parseParts parses what r.Bitmap names.
func (r *AAPLResponse) parseParts(c cursor) (err error) {
	if r.Bitmap&^(AAPLServerCaps|AAPLVolumeCaps|AAPLModelInfo) != 0 || len(c) < 8*bits.OnesCount64(r.Bitmap) {
		return StatusInvalidParameter
	}
	if r.Bitmap&AAPLServerCaps != 0 {
		r.ServerCaps = c.u64()
	}
	if r.Bitmap&AAPLVolumeCaps != 0 {
		r.VolumeCaps = c.u64()
	}
	if r.Bitmap&AAPLModelInfo != 0 {
		c.skip(4)
		r.Model, err = c.aaplText()
	}
	return err
}

// aaplText reads a length and the text after it. Four bytes must be there.
func (c *cursor) aaplText() (string, error) {
	n := c.u32()
	if n > aaplMaxText || int(n) > len(*c) {
		return "", StatusInvalidParameter
	}
	return decodeName((*c)[:n])
}

// Append appends the data of the context. Model and Path are to have less than 16,384
// UTF-16 units.
func (r AAPLResponse) Append(dst []byte) []byte {
	w := newBuilder(dst)
	w.u32(uint32(r.Command))
	w.u32(0)
	if r.Command == AAPLResolveID {
		w.u32(uint32(r.Status))
		w.u32(uint32(utf16le.Len(r.Path)))
		w.name(r.Path)
		return w.b
	}
	w.u64(r.Bitmap)
	if r.Bitmap&AAPLServerCaps != 0 {
		w.u64(r.ServerCaps)
	}
	if r.Bitmap&AAPLVolumeCaps != 0 {
		w.u64(r.VolumeCaps)
	}
	if r.Bitmap&AAPLModelInfo != 0 {
		w.u32(0)
		w.u32(uint32(utf16le.Len(r.Model)))
		w.name(r.Model)
	}
	return w.b
}
