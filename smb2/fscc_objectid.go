package smb2

// FileObjectIDBuffer is the object ID of a file and what belongs to it, [MS-FSCC]
// 2.1.3. The 48 bytes after ObjectID are three more GUIDs (the volume and object of
// birth, and a domain) or opaque.
type FileObjectIDBuffer struct {
	ObjectID     GUID
	ExtendedInfo [48]byte
}

const objectIDSize = 64

// ParseFileObjectIDBuffer parses b. Too short a buffer is StatusInvalidParameter.
func ParseFileObjectIDBuffer(b []byte) (FileObjectIDBuffer, error) {
	if len(b) < objectIDSize {
		return FileObjectIDBuffer{}, StatusInvalidParameter
	}
	return FileObjectIDBuffer{GUID(b[:16]), [48]byte(b[16:objectIDSize])}, nil
}

// Append appends the structure.
func (i FileObjectIDBuffer) Append(dst []byte) []byte {
	w := newBuilder(dst)
	w.bytes16(i.ObjectID)
	w.bytes(i.ExtendedInfo[:])
	return w.b
}

// FileObjectIdInformation is [MS-FSCC] 2.4.36: an entry of the index of object
// IDs, $Extend\$ObjId.
type FileObjectIdInformation struct {
	FileReferenceNumber uint64
	FileObjectIDBuffer
}

// ParseFileObjectIdInformation parses b.
func ParseFileObjectIdInformation(b []byte) (FileObjectIdInformation, error) {
	c, err := fixedInfo(b, 8+objectIDSize)
	if err != nil {
		return FileObjectIdInformation{}, err
	}
	i := FileObjectIdInformation{FileReferenceNumber: c.u64()}
	i.FileObjectIDBuffer, err = ParseFileObjectIDBuffer(c)
	return i, err
}

// Append appends the structure.
func (i FileObjectIdInformation) Append(dst []byte) []byte {
	w := newBuilder(dst)
	w.u64(i.FileReferenceNumber)
	return i.FileObjectIDBuffer.Append(w.b)
}
