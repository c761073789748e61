package smb2

// Flags of a TreeConnectRequest at 3.1.1, [MS-SMB2] 2.2.9.
const (
	TreeClusterReconnect uint16 = 1
	TreeRedirectToOwner  uint16 = 2
	TreeExtensionPresent uint16 = 4
)

// TreeConnectRequest is [MS-SMB2] 2.2.9. With TreeExtensionPresent the contexts
// of the extension are ignored and Path is the one that the extension holds.
type TreeConnectRequest struct {
	Flags uint16
	Path  string // \\server\share
}

// ShareType is the kind of a share, [MS-SMB2] 2.2.10.
type ShareType uint8

const (
	ShareTypeDisk  ShareType = 1
	ShareTypePipe  ShareType = 2
	ShareTypePrint ShareType = 3
)

// ShareFlags of a TreeConnectResponse, [MS-SMB2] 2.2.10.
type ShareFlags uint32

const (
	ShareManualCaching          ShareFlags = 0x00000000
	ShareAutoCaching            ShareFlags = 0x00000010
	ShareVDOCaching             ShareFlags = 0x00000020
	ShareNoCaching              ShareFlags = 0x00000030
	ShareDFS                    ShareFlags = 0x00000001
	ShareDFSRoot                ShareFlags = 0x00000002
	ShareRestrictExclusiveOpens ShareFlags = 0x00000100
	ShareForceSharedDelete      ShareFlags = 0x00000200
	ShareAllowNamespaceCaching  ShareFlags = 0x00000400
	ShareAccessBasedEnum        ShareFlags = 0x00000800
	ShareForceLevel2Oplock      ShareFlags = 0x00001000
	ShareEncryptData            ShareFlags = 0x00008000
)

// ShareCapabilities of a TreeConnectResponse, [MS-SMB2] 2.2.10.
type ShareCapabilities uint32

const (
	ShareCapDFS                    ShareCapabilities = 0x008
	ShareCapContinuousAvailability ShareCapabilities = 0x010
	ShareCapScaleout               ShareCapabilities = 0x020
	ShareCapCluster                ShareCapabilities = 0x040
	ShareCapAsymmetric             ShareCapabilities = 0x080
)

// TreeConnectResponse is [MS-SMB2] 2.2.10.
type TreeConnectResponse struct {
	ShareType     ShareType
	ShareFlags    ShareFlags
	Capabilities  ShareCapabilities
	MaximalAccess uint32
}

// TreeDisconnectRequest is [MS-SMB2] 2.2.11.
type TreeDisconnectRequest struct{}

// TreeDisconnectResponse is [MS-SMB2] 2.2.12.
type TreeDisconnectResponse struct{}

// treeExtensionSize is the length of the fixed part of a TREE_CONNECT request
// extension, [MS-SMB2] 2.2.9.1.
const treeExtensionSize = 16

// ParseTreeConnectRequest parses a TREE_CONNECT request with its header. It
// doesn't look at the extension: PathOffset counts from the header in any case,
// and before 3.1.1 the flag of the extension means nothing.
func ParseTreeConnectRequest(b []byte) (TreeConnectRequest, error) {
	c, err := parseBody(b, 9, 8)
	if err != nil {
		return TreeConnectRequest{}, err
	}
	r := TreeConnectRequest{Flags: c.u16()}
	offset, length := c.u16(), c.u16()
	path, err := slice(b, HeaderSize+8, uint64(offset), uint64(length))
	if err != nil {
		return TreeConnectRequest{}, err
	}
	r.Path, err = decodeName(path)
	if err != nil {
		return TreeConnectRequest{}, err
	}
	return r, nil
}

// Append appends the body; with TreeExtensionPresent, with an extension that
// holds no contexts.
func (r TreeConnectRequest) Append(dst []byte) []byte {
	w := newBuilder(dst)
	w.u16(9)
	w.u16(r.Flags)
	w.zero(4)
	if r.Flags&TreeExtensionPresent != 0 {
		w.zero(treeExtensionSize)
	}
	start := w.offset()
	w.name(r.Path)
	w.putU16(4, start)
	w.putU16(6, w.offset()-start)
	return w.b
}

// ParseTreeConnectResponse parses a TREE_CONNECT response with its header.
func ParseTreeConnectResponse(b []byte) (TreeConnectResponse, error) {
	c, err := parseBody(b, 16, 16)
	if err != nil {
		return TreeConnectResponse{}, err
	}
	r := TreeConnectResponse{ShareType: ShareType(c.u8())}
	c.skip(1)
	r.ShareFlags = ShareFlags(c.u32())
	r.Capabilities = ShareCapabilities(c.u32())
	r.MaximalAccess = c.u32()
	return r, nil
}

// Append appends the body.
func (r TreeConnectResponse) Append(dst []byte) []byte {
	w := newBuilder(dst)
	w.u16(16)
	w.u8(uint8(r.ShareType))
	w.u8(0)
	w.u32(uint32(r.ShareFlags))
	w.u32(uint32(r.Capabilities))
	w.u32(r.MaximalAccess)
	return w.b
}

// ParseTreeDisconnectRequest parses a TREE_DISCONNECT request with its header.
func ParseTreeDisconnectRequest(b []byte) (TreeDisconnectRequest, error) {
	return TreeDisconnectRequest{}, parseEmpty(b)
}

// Append appends the body.
func (r TreeDisconnectRequest) Append(dst []byte) []byte { return appendEmpty(dst) }

// ParseTreeDisconnectResponse parses a TREE_DISCONNECT response with its header.
func ParseTreeDisconnectResponse(b []byte) (TreeDisconnectResponse, error) {
	return TreeDisconnectResponse{}, parseEmpty(b)
}

// Append appends the body.
func (r TreeDisconnectResponse) Append(dst []byte) []byte { return appendEmpty(dst) }
