package smb2

// FileID names an open, [MS-SMB2] 2.2.14.1.
type FileID struct {
	Persistent uint64
	Volatile   uint64
}

// RelatedFileID in a related request stands for the open of the one before it.
var RelatedFileID = FileID{^uint64(0), ^uint64(0)}

// OplockLevel is [MS-SMB2] 2.2.13.
type OplockLevel uint8

const (
	OplockNone      OplockLevel = 0x00
	OplockLevelII   OplockLevel = 0x01
	OplockExclusive OplockLevel = 0x08
	OplockBatch     OplockLevel = 0x09
	OplockLease     OplockLevel = 0xFF
)

// ImpersonationLevel is [MS-SMB2] 2.2.13; levels above Delegate are refused.
type ImpersonationLevel uint32

const (
	ImpersonationAnonymous      ImpersonationLevel = 0
	ImpersonationIdentification ImpersonationLevel = 1
	ImpersonationImpersonation  ImpersonationLevel = 2
	ImpersonationDelegate       ImpersonationLevel = 3
)

// ShareAccess says what other opens may do, [MS-SMB2] 2.2.13.
type ShareAccess uint32

const (
	ShareRead   ShareAccess = 1
	ShareWrite  ShareAccess = 2
	ShareDelete ShareAccess = 4
)

// Disposition is [MS-SMB2] 2.2.13.
type Disposition uint32

const (
	Supersede   Disposition = 0
	Open        Disposition = 1
	Create      Disposition = 2
	OpenIf      Disposition = 3
	Overwrite   Disposition = 4
	OverwriteIf Disposition = 5
)

// CreateOptions is [MS-SMB2] 2.2.13.
type CreateOptions uint32

const (
	OptionDirectoryFile           CreateOptions = 0x00000001
	OptionWriteThrough            CreateOptions = 0x00000002
	OptionSequentialOnly          CreateOptions = 0x00000004
	OptionNoIntermediateBuffering CreateOptions = 0x00000008
	OptionSynchronousIOAlert      CreateOptions = 0x00000010
	OptionSynchronousIONonAlert   CreateOptions = 0x00000020
	OptionNonDirectoryFile        CreateOptions = 0x00000040
	OptionCompleteIfOplocked      CreateOptions = 0x00000100
	OptionNoEAKnowledge           CreateOptions = 0x00000200
	OptionOpenRemoteInstance      CreateOptions = 0x00000400
	OptionRandomAccess            CreateOptions = 0x00000800
	OptionDeleteOnClose           CreateOptions = 0x00001000
	OptionOpenByFileID            CreateOptions = 0x00002000
	OptionOpenForBackupIntent     CreateOptions = 0x00004000
	OptionNoCompression           CreateOptions = 0x00008000
	OptionOpenRequiringOplock     CreateOptions = 0x00010000
	OptionDisallowExclusive       CreateOptions = 0x00020000
	OptionReserveOpfilter         CreateOptions = 0x00100000
	OptionOpenReparsePoint        CreateOptions = 0x00200000
	OptionOpenNoRecall            CreateOptions = 0x00400000
	OptionOpenForFreeSpaceQuery   CreateOptions = 0x00800000
)

// CreateRequest is [MS-SMB2] 2.2.13.
type CreateRequest struct {
	OplockLevel    OplockLevel
	Impersonation  ImpersonationLevel
	DesiredAccess  uint32
	FileAttributes uint32
	ShareAccess    ShareAccess
	Disposition    Disposition
	Options        CreateOptions
	Name           string // with backslashes, relative to the share
	Contexts       []CreateContext
}

// CreateAction tells what a create did, [MS-SMB2] 2.2.14.
type CreateAction uint32

const (
	ActionSuperseded  CreateAction = 0
	ActionOpened      CreateAction = 1
	ActionCreated     CreateAction = 2
	ActionOverwritten CreateAction = 3
)

// CreateFlagReparsePoint is the only flag of a CreateResponse.
const CreateFlagReparsePoint uint8 = 1

// CreateResponse is [MS-SMB2] 2.2.14.
type CreateResponse struct {
	OplockLevel    OplockLevel
	Flags          uint8
	Action         CreateAction
	CreationTime   FileTime
	LastAccessTime FileTime
	LastWriteTime  FileTime
	ChangeTime     FileTime
	AllocationSize int64
	EndOfFile      int64
	FileAttributes uint32
	FileID         FileID
	Contexts       []CreateContext
}

// ParseCreateRequest parses a CREATE request with its header. A Name of an odd
// number of bytes is an error; nothing else of it is checked.
func ParseCreateRequest(b []byte) (CreateRequest, error) {
	c, err := parseBody(b, 57, 56)
	if err != nil {
		return CreateRequest{}, err
	}
	c.skip(1)
	r := CreateRequest{OplockLevel: OplockLevel(c.u8()), Impersonation: ImpersonationLevel(c.u32())}
	c.skip(16)
	r.DesiredAccess = c.u32()
	r.FileAttributes = c.u32()
	r.ShareAccess = ShareAccess(c.u32())
	r.Disposition = Disposition(c.u32())
	r.Options = CreateOptions(c.u32())
	nameOffset, nameLength := c.u16(), c.u16()
	name, err := slice(b, HeaderSize+56, uint64(nameOffset), uint64(nameLength))
	if err != nil {
		return CreateRequest{}, err
	}
	r.Name, err = decodeName(name)
	if err != nil {
		return CreateRequest{}, err
	}
	offset, length := c.u32(), c.u32()
	list, err := slice(b, HeaderSize+56, uint64(offset), uint64(length))
	if err != nil {
		return CreateRequest{}, err
	}
	r.Contexts, err = ParseCreateContexts(list)
	if err != nil {
		return CreateRequest{}, err
	}
	return r, nil
}

// Append appends the body.
func (r CreateRequest) Append(dst []byte) []byte {
	w := newBuilder(dst)
	w.u16(57)
	w.u8(0)
	w.u8(uint8(r.OplockLevel))
	w.u32(uint32(r.Impersonation))
	w.zero(16)
	w.u32(r.DesiredAccess)
	w.u32(r.FileAttributes)
	w.u32(uint32(r.ShareAccess))
	w.u32(uint32(r.Disposition))
	w.u32(uint32(r.Options))
	w.u16(HeaderSize + 56)
	w.zero(10)
	w.name(r.Name)
	w.putU16(46, w.len()-56)
	if len(r.Contexts) > 0 {
		w.align8()
		start := w.offset()
		w.b = AppendCreateContexts(w.b, r.Contexts)
		w.putU32(48, start)
		w.putU32(52, w.offset()-start)
	}
	// "In the request, the Buffer field MUST be at least one byte in length."
	w.atLeast(57)
	return w.b
}

// ParseCreateResponse parses a CREATE response with its header.
func ParseCreateResponse(b []byte) (CreateResponse, error) {
	c, err := parseBody(b, 89, 88)
	if err != nil {
		return CreateResponse{}, err
	}
	r := CreateResponse{
		OplockLevel:    OplockLevel(c.u8()),
		Flags:          c.u8(),
		Action:         CreateAction(c.u32()),
		CreationTime:   FileTime(c.u64()),
		LastAccessTime: FileTime(c.u64()),
		LastWriteTime:  FileTime(c.u64()),
		ChangeTime:     FileTime(c.u64()),
		AllocationSize: int64(c.u64()),
		EndOfFile:      int64(c.u64()),
		FileAttributes: c.u32(),
	}
	c.skip(4)
	r.FileID = c.fileID()
	offset, length := c.u32(), c.u32()
	list, err := slice(b, HeaderSize+88, uint64(offset), uint64(length))
	if err != nil {
		return CreateResponse{}, err
	}
	r.Contexts, err = ParseCreateContexts(list)
	if err != nil {
		return CreateResponse{}, err
	}
	return r, nil
}

// Append appends the body.
func (r CreateResponse) Append(dst []byte) []byte {
	w := newBuilder(dst)
	w.u16(89)
	w.u8(uint8(r.OplockLevel))
	w.u8(r.Flags)
	w.u32(uint32(r.Action))
	w.u64(uint64(r.CreationTime))
	w.u64(uint64(r.LastAccessTime))
	w.u64(uint64(r.LastWriteTime))
	w.u64(uint64(r.ChangeTime))
	w.u64(uint64(r.AllocationSize))
	w.u64(uint64(r.EndOfFile))
	w.u32(r.FileAttributes)
	w.zero(4)
	w.fileID(r.FileID)
	w.zero(8)
	if len(r.Contexts) > 0 {
		start := w.offset()
		w.b = AppendCreateContexts(w.b, r.Contexts)
		w.putU32(80, start)
		w.putU32(84, w.offset()-start)
	}
	return w.b
}
