// Package srvsvc is the Server Service Remote Protocol, [MS-SRVS]: the interface
// by which clients list shares, and administrators look at sessions and open files.
//
// Who may ask for what follows the product-behaviour notes of [MS-SRVS] 3.1.4.
// Share enumeration and NetrShareGetInfo are open to every caller at levels 0, 1,
// 501, 1004 and 1005. The levels that tell a path or a security descriptor (2, 502,
// 503, 1501), level 102 and above of NetrServerGetInfo, and all that concerns sessions,
// files, connections, statistics and disks need an administrator; others get
// ERROR_ACCESS_DENIED, on which clients fall back to level 1.
//
// # Limitations
//
// Shares can be changed where the Server allows it. Nothing else of the configuration
// can: operations that add, modify or delete transports or server settings return
// ERROR_ACCESS_DENIED, and so do those that end shares in two steps or at the next start.
// Descriptors of files are neither told nor set (NetrpGetFileSecurity,
// NetrpSetFileSecurity): clients do that by SMB.
// There are neither the operations on server aliases nor those that a DFS root used before
// [MS-DFSNM].
package srvsvc

import (
	"context"
	"time"

	"github.com/gosmbd/smb/dcerpc"
	"github.com/gosmbd/smb/dcerpc/internal/netapi"
	"github.com/gosmbd/smb/dcerpc/ndr"
)

// PipeName is the name of the pipe that clients open, below IPC$.
const PipeName = "srvsvc"

// The types of a share, [MS-SRVS] 2.2.2.4.
const (
	TypeDisk    uint32 = 0
	TypePrint   uint32 = 1
	TypeIPC     uint32 = 3
	TypeSpecial uint32 = 0x80000000 // hidden and administrative: IPC$, C$
)

// Flags of a share, [MS-SRVS] 2.2.4.29.
const (
	FlagDFSRoot                uint32 = 0x00000003 // and in a DFS tree
	FlagAccessBasedEnumeration uint32 = 0x00000800
	FlagContinuouslyAvailable  uint32 = 0x00004000
	FlagEncrypt                uint32 = 0x00008000
)

// Server is what the operations tell about. ctx carries the caller of the session
// as it came to Conn.Write. Implementations must be safe for concurrent use.
type Server interface {
	// Info describes the server.
	Info(ctx context.Context) Info
	// Admin says whether the caller is an administrator of the server.
	Admin(ctx context.Context) bool
	// Shares lists the shares that the caller may know of, in an order that lasts.
	Shares(ctx context.Context) []Share
	// Share finds one by its name, regardless of case; hidden ones too.
	Share(ctx context.Context, name string) (Share, bool)
	// Sessions, Files and Connections list what is going on. They are called for
	// administrators only.
	Sessions(ctx context.Context) []Session
	Files(ctx context.Context) []File
	// Connections lists the connections to the share named by qualifier, or, if it
	// begins with two backslashes, those of that client.
	Connections(ctx context.Context, qualifier string) []Connection
}

// ShareEditor is a Server whose shares administrators can change. Without it the
// operations that would are denied. Errors that are fs.ErrExist, fs.ErrNotExist,
// fs.ErrPermission, fs.ErrInvalid or errors.ErrUnsupported are told to the client; others
// become ERROR_INVALID_DATA.
type ShareEditor interface {
	// AddShare adds a share with the Name, Comment, Path, MaxUses and
	// SecurityDescriptor of s. fs.ErrNotExist means the path.
	AddShare(ctx context.Context, s Share) error
	// ChangeShare changes what is set in c.
	ChangeShare(ctx context.Context, name string, c ShareChange) error
	// RemoveShare ends a share and all use of it.
	RemoveShare(ctx context.Context, name string) error
}

// ShareChange is what is to be changed of a share; nil stays as it is.
type ShareChange struct {
	Comment            *string
	MaxUses            *uint32 // zero: no limit
	Flags              *uint32 // SHI1005 flags
	SecurityDescriptor []byte  // valid and self-relative
}

// FileCloser is a Server that can close an open on behalf of an administrator.
// Without it NetrFileClose is denied.
type FileCloser interface {
	// CloseFile closes the open with that File.ID; false if there is none.
	CloseFile(ctx context.Context, id uint32) bool
}

// SessionCloser is a Server that can end sessions on behalf of an administrator.
// Without it NetrSessionDel is denied.
type SessionCloser interface {
	// CloseSessions ends the sessions of that client and user and returns how many
	// they were. An empty string stands for any. client has no backslashes.
	CloseSessions(ctx context.Context, client, user string) int
}

// StatisticsReporter is a Server that counts. Without it the statistics are zero.
type StatisticsReporter interface {
	// Statistics returns what was counted since the server began.
	Statistics(ctx context.Context) Statistics
}

// Info describes the server, [MS-SRVS] 2.2.4.40 to 2.2.4.45.
type Info struct {
	Name         string // computer name
	Comment      string
	Domain       string // or workgroup; WORKGROUP if empty
	Major, Minor uint32 // version of the operating system; 10.0 if both are zero
	Type         uint32 // SV_TYPE flags; zero: workstation, server, NT, server NT
	MaxUsers     uint32 // zero: no limit
}

// Share is a share, [MS-SRVS] 2.2.4.27.
type Share struct {
	Name        string
	Comment     string
	Path        string // told to administrators only
	Type        uint32
	Permissions uint32 // of servers with share-level security; zero
	MaxUses     uint32 // zero: no limit
	CurrentUses uint32
	Flags       uint32 // SHI1005 flags, [MS-SRVS] 2.2.4.29

	// SecurityDescriptor is self-relative, for administrators; nil if there is none.
	SecurityDescriptor []byte
}

// Session is a session, [MS-SRVS] 2.2.4.15.
type Session struct {
	Client     string // name or address, without backslashes
	User       string
	Files      uint32 // how many are open
	Active     time.Duration
	Idle       time.Duration
	Guest      bool
	ClientType string
	Transport  string
}

// File is an open, [MS-SRVS] 2.2.4.7.
type File struct {
	ID          uint32 // for CloseFile
	Permissions uint32 // PERM_FILE flags: 1 read, 2 write, 4 create
	Locks       uint32
	Path        string
	User        string
}

// Connection is a tree connect, [MS-SRVS] 2.2.4.2.
type Connection struct {
	ID     uint32
	Type   uint32 // of the share
	Files  uint32 // how many are open
	Users  uint32
	Active time.Duration
	User   string
	Name   string // of the share, or of the client, whichever was not asked for
}

// Statistics is what the server has counted since Start, [MS-SRVS] 2.2.4.39.
type Statistics struct {
	Start            time.Time
	FileOpens        uint32
	Sessions         uint32
	TimedOut         uint32
	PasswordErrors   uint32
	PermissionErrors uint32
	BytesSent        uint64
	BytesReceived    uint64
}

// Interface returns the srvsvc interface over s.
func Interface(s Server) dcerpc.Interface {
	v := &service{server: s, now: time.Now}
	return dcerpc.Interface{
		UUID:  dcerpc.MustUUID("4b324fc8-1670-01d3-1278-5a47bf6ee188"),
		Major: 3,
		Call:  v.call,
	}
}

// service holds the operations.
type service struct {
	server Server
	now    func() time.Time
}

// operation reads its parameters behind ServerName from d and writes its results
// to e. It returns without them if d failed.
type operation func(v *service, ctx context.Context, server string, d *ndr.Decoder, e *ndr.Encoder)

// operations are indexed by operation number, [MS-SRVS] 3.1.4.
var operations = map[uint16]operation{
	0:  (*service).charDevEnum,
	1:  notSupported, // NetrCharDevGetInfo
	2:  notSupported, // NetrCharDevControl
	3:  (*service).charDevQueueEnum,
	4:  notSupported, // NetrCharDevQGetInfo
	5:  notSupported, // NetrCharDevQSetInfo
	6:  notSupported, // NetrCharDevQPurge
	7:  notSupported, // NetrCharDevQPurgeSelf
	8:  (*service).connectionEnum,
	9:  (*service).fileEnum,
	10: (*service).fileGetInfo,
	11: (*service).fileClose,
	12: (*service).sessionEnum,
	13: (*service).sessionDel,
	14: (*service).shareAdd,
	15: (*service).shareEnum,
	16: (*service).shareGetInfo,
	17: (*service).shareSetInfo,
	18: (*service).shareDel,
	19: denied, // NetrShareDelSticky
	20: (*service).shareCheck,
	21: (*service).serverGetInfo,
	22: deniedParameter, // NetrServerSetInfo
	23: (*service).diskEnum,
	24: (*service).statisticsGet,
	25: denied, // NetrServerTransportAdd
	26: (*service).transportEnum,
	27: denied, // NetrServerTransportDel
	28: (*service).remoteTOD,
	30: (*service).pathType,
	31: (*service).pathCanonicalize,
	32: (*service).pathCompare,
	33: (*service).nameValidate,
	34: (*service).nameCanonicalize,
	35: (*service).nameCompare,
	36: (*service).shareEnumSticky,
	37: deniedHandle,    // NetrShareDelStart
	38: deniedHandle,    // NetrShareDelCommit
	39: deniedParameter, // NetrpGetFileSecurity
	40: denied,          // NetrpSetFileSecurity
	41: denied,          // NetrServerTransportAddEx
	53: denied,          // NetrServerTransportDelEx
	57: (*service).shareDelEx,
}

func (v *service) call(ctx context.Context, c *dcerpc.Call) error {
	op := operations[c.Opnum]
	if op == nil {
		return dcerpc.FaultOpRange
	}
	var server string
	if c.Opnum != 38 { // the only one without ServerName
		server = c.In.UniqueWString()
	}
	if c.In.Err() != nil {
		return c.In.Err()
	}
	op(v, ctx, server, c.In, c.Out)
	return nil
}

// denied answers the operations that change something: their parameters don't
// matter.
func denied(_ *service, _ context.Context, _ string, _ *ndr.Decoder, e *ndr.Encoder) {
	e.U32(uint32(netapi.AccessDenied))
}

// deniedParameter is denied for operations with one pointer as result: the index of
// the parameter that is wrong, say.
func deniedParameter(_ *service, _ context.Context, _ string, _ *ndr.Decoder, e *ndr.Encoder) {
	e.Ptr(false)
	e.U32(uint32(netapi.AccessDenied))
}

// deniedHandle is denied for operations that return a context handle.
func deniedHandle(_ *service, _ context.Context, _ string, _ *ndr.Decoder, e *ndr.Encoder) {
	e.Raw(make([]byte, 20))
	e.U32(uint32(netapi.AccessDenied))
}

// admin returns AccessDenied unless the caller is an administrator.
func (v *service) admin(ctx context.Context) netapi.Code {
	if !v.server.Admin(ctx) {
		return netapi.AccessDenied
	}
	return netapi.OK
}

func orAll(n uint32) uint32 {
	if n == 0 {
		return 0xffffffff
	}
	return n
}

func seconds(d time.Duration) uint32 {
	return uint32(min(max(d/time.Second, 0), 0xffffffff))
}
