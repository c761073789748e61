package smb2

// Changes that a CHANGE_NOTIFY waits for, [MS-SMB2] 2.2.35.
const (
	FileNotifyChangeFileName    uint32 = 0x00000001
	FileNotifyChangeDirName     uint32 = 0x00000002
	FileNotifyChangeAttributes  uint32 = 0x00000004
	FileNotifyChangeSize        uint32 = 0x00000008
	FileNotifyChangeLastWrite   uint32 = 0x00000010
	FileNotifyChangeLastAccess  uint32 = 0x00000020
	FileNotifyChangeCreation    uint32 = 0x00000040
	FileNotifyChangeEa          uint32 = 0x00000080
	FileNotifyChangeSecurity    uint32 = 0x00000100
	FileNotifyChangeStreamName  uint32 = 0x00000200
	FileNotifyChangeStreamSize  uint32 = 0x00000400
	FileNotifyChangeStreamWrite uint32 = 0x00000800
)

// FileAction tells what happened to a file, [MS-FSCC] 2.7.1.
type FileAction uint32

// Values of FileAction.
const (
	ActionFileAdded                FileAction = 0x1
	ActionFileRemoved              FileAction = 0x2
	ActionFileModified             FileAction = 0x3
	ActionFileRenamedOldName       FileAction = 0x4
	ActionFileRenamedNewName       FileAction = 0x5
	ActionFileAddedStream          FileAction = 0x6
	ActionFileRemovedStream        FileAction = 0x7
	ActionFileModifiedStream       FileAction = 0x8
	ActionFileRemovedByDelete      FileAction = 0x9
	ActionFileIDNotTunnelled       FileAction = 0xA
	ActionFileTunnelledIDCollision FileAction = 0xB
)

// FileNotifyEntry is one change. Name has backslashes and is relative to the
// directory that is watched.
type FileNotifyEntry struct {
	Action FileAction
	Name   string
}

// FileNotifyInformation is a list of changes, [MS-FSCC] 2.7.1.
type FileNotifyInformation []FileNotifyEntry

const notifyFixed = 12

// ParseFileNotifyInformation parses b.
func ParseFileNotifyInformation(b []byte) (FileNotifyInformation, error) {
	return parseList(b, notifyFixed, func(b []byte) (FileNotifyEntry, error) {
		c := cursor(b[4:])
		e := FileNotifyEntry{Action: FileAction(c.u32())}
		var err error
		e.Name, err = nameAt(b, notifyFixed, c.u32())
		return e, err
	})
}

// Append appends the list.
func (l FileNotifyInformation) Append(dst []byte) []byte {
	dst, _ = l.AppendMax(dst, noMax)
	return dst
}

// AppendMax appends as many whole entries as fit into max bytes, and returns how
// many those are. If not all of them do, the answer is StatusNotifyEnumDir without
// any.
func (l FileNotifyInformation) AppendMax(dst []byte, max int) ([]byte, int) {
	return appendList(dst, l, 4, max, func(dst []byte, e FileNotifyEntry) []byte {
		w := newBuilder(dst)
		w.u32(0)
		w.u32(uint32(e.Action))
		w.longName(e.Name)
		// Unlike other lists, this one pads its last entry too.
		w.zero(-w.len() & 3)
		return w.b
	})
}
