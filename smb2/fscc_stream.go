package smb2

// FileStreamEntry is one stream of a FileStreamInformation. Name has the form
// ":name:$DATA", "::$DATA" for the unnamed one; sizes are in bytes.
type FileStreamEntry struct {
	Size           int64
	AllocationSize int64
	Name           string
}

// FileStreamInformation lists the streams of a file, [MS-FSCC] 2.4.49. It is empty
// for a directory without streams.
type FileStreamInformation []FileStreamEntry

const streamFixed = 24

// ParseFileStreamInformation parses b.
func ParseFileStreamInformation(b []byte) (FileStreamInformation, error) {
	return parseList(b, streamFixed, func(b []byte) (FileStreamEntry, error) {
		c := cursor(b[4:])
		length := c.u32()
		e := FileStreamEntry{Size: c.i64(), AllocationSize: c.i64()}
		var err error
		e.Name, err = nameAt(b, streamFixed, length)
		return e, err
	})
}

// Append appends the list.
func (l FileStreamInformation) Append(dst []byte) []byte {
	dst, _ = l.AppendMax(dst, noMax)
	return dst
}

// AppendMax appends as many whole entries as fit into max bytes, and returns how
// many those are. If not all of them do, the answer is StatusBufferOverflow.
func (l FileStreamInformation) AppendMax(dst []byte, max int) ([]byte, int) {
	return appendList(dst, l, 8, max, func(dst []byte, e FileStreamEntry) []byte {
		w := newBuilder(dst)
		w.u32(0)
		w.u32(0)
		w.i64(e.Size)
		w.i64(e.AllocationSize)
		w.name(e.Name)
		w.putU32(4, w.len()-streamFixed)
		return w.b
	})
}
