package smb2

// Values of FilePipeInformation, [MS-FSCC] 2.4.37.
const (
	PipeByteStreamMode    uint32 = 0
	PipeMessageMode       uint32 = 1
	PipeQueueOperation    uint32 = 0 // blocking
	PipeCompleteOperation uint32 = 1 // not blocking
)

// FilePipeInformation is [MS-FSCC] 2.4.37.
type FilePipeInformation struct {
	ReadMode       uint32
	CompletionMode uint32
}

// ParseFilePipeInformation parses b.
func ParseFilePipeInformation(b []byte) (FilePipeInformation, error) {
	c, err := fixedInfo(b, 8)
	if err != nil {
		return FilePipeInformation{}, err
	}
	return FilePipeInformation{ReadMode: c.u32(), CompletionMode: c.u32()}, nil
}

// Append appends the structure.
func (i FilePipeInformation) Append(dst []byte) []byte {
	w := newBuilder(dst)
	w.u32(i.ReadMode)
	w.u32(i.CompletionMode)
	return w.b
}

// Values of FilePipeLocalInformation, [MS-FSCC] 2.4.38; the states are also those
// of PipePeekResponse.
const (
	PipeByteStreamType uint32 = 0
	PipeMessageType    uint32 = 1

	PipeInbound    uint32 = 0
	PipeOutbound   uint32 = 1
	PipeFullDuplex uint32 = 2

	PipeDisconnectedState uint32 = 1
	PipeListeningState    uint32 = 2
	PipeConnectedState    uint32 = 3
	PipeClosingState      uint32 = 4

	PipeClientEnd uint32 = 0
	PipeServerEnd uint32 = 1
)

// FilePipeLocalInformation is [MS-FSCC] 2.4.38. Quotas are in bytes.
type FilePipeLocalInformation struct {
	NamedPipeType          uint32
	NamedPipeConfiguration uint32
	MaximumInstances       uint32
	CurrentInstances       uint32
	InboundQuota           uint32
	ReadDataAvailable      uint32
	OutboundQuota          uint32
	WriteQuotaAvailable    uint32
	NamedPipeState         uint32
	NamedPipeEnd           uint32
}

// ParseFilePipeLocalInformation parses b.
func ParseFilePipeLocalInformation(b []byte) (FilePipeLocalInformation, error) {
	c, err := fixedInfo(b, 40)
	if err != nil {
		return FilePipeLocalInformation{}, err
	}
	return FilePipeLocalInformation{
		NamedPipeType:          c.u32(),
		NamedPipeConfiguration: c.u32(),
		MaximumInstances:       c.u32(),
		CurrentInstances:       c.u32(),
		InboundQuota:           c.u32(),
		ReadDataAvailable:      c.u32(),
		OutboundQuota:          c.u32(),
		WriteQuotaAvailable:    c.u32(),
		NamedPipeState:         c.u32(),
		NamedPipeEnd:           c.u32(),
	}, nil
}

// Append appends the structure.
func (i FilePipeLocalInformation) Append(dst []byte) []byte {
	w := newBuilder(dst)
	w.u32(i.NamedPipeType)
	w.u32(i.NamedPipeConfiguration)
	w.u32(i.MaximumInstances)
	w.u32(i.CurrentInstances)
	w.u32(i.InboundQuota)
	w.u32(i.ReadDataAvailable)
	w.u32(i.OutboundQuota)
	w.u32(i.WriteQuotaAvailable)
	w.u32(i.NamedPipeState)
	w.u32(i.NamedPipeEnd)
	return w.b
}

// FilePipeRemoteInformation is [MS-FSCC] 2.4.39: for how long, in units of
// 100 ns, and how many bytes a client collects before it sends.
type FilePipeRemoteInformation struct {
	CollectDataTime        int64
	MaximumCollectionCount uint32
}

// ParseFilePipeRemoteInformation parses b.
func ParseFilePipeRemoteInformation(b []byte) (FilePipeRemoteInformation, error) {
	c, err := fixedInfo(b, 12)
	if err != nil {
		return FilePipeRemoteInformation{}, err
	}
	return FilePipeRemoteInformation{CollectDataTime: c.i64(), MaximumCollectionCount: c.u32()}, nil
}

// Append appends the structure.
func (i FilePipeRemoteInformation) Append(dst []byte) []byte {
	w := newBuilder(dst)
	w.i64(i.CollectDataTime)
	w.u32(i.MaximumCollectionCount)
	return w.b
}
