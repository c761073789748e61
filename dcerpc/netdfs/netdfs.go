// Package netdfs is the Distributed File System Namespace Management Protocol,
// [MS-DFSNM]: the interface by which administrators look at DFS namespaces. The read side
// is here, for stand-alone namespaces.
//
// # Limitations
//
// Nothing can be changed: those operations return ERROR_ACCESS_DENIED, or to
// administrators ERROR_NOT_SUPPORTED. There are no domains, no sites, and no security
// descriptors of links.
package netdfs

import (
	"context"
	"strings"
	"time"

	"github.com/gosmbd/smb/dcerpc"
	"github.com/gosmbd/smb/dcerpc/internal/netapi"
	"github.com/gosmbd/smb/dcerpc/ndr"
)

// PipeName is the name of the pipe that clients open, below IPC$.
const PipeName = "netdfs"

// Server is what the operations tell about. ctx carries the caller of the session
// as it came to Conn.Write. Implementations must be safe for concurrent use.
type Server interface {
	// Admin says whether the caller is an administrator of the server.
	Admin(ctx context.Context) bool
	// DFSRoots lists the names of the namespaces that the caller may know of, in an
	// order that lasts.
	DFSRoots(ctx context.Context) []string
	// DFSEntries lists the root of a namespace and then its links, in an order that
	// lasts; nil if the caller may know of no such namespace. Case doesn't count.
	DFSEntries(ctx context.Context, root string) []Entry
}

// Entry is a root or a link, [MS-DFSNM] 3.1.1.3.
type Entry struct {
	Path     string // \\server\root or \\server\root\link
	Comment  string
	TTL      time.Duration
	Failback bool
	Targets  []Target
}

// Target is a server that has what an entry names.
type Target struct {
	Server, Share string // Share may have a path behind it
	Priority      uint32 // [MS-DFSNM] 2.2.2.8
	Rank          uint16
}

// Interface returns the netdfs interface over s.
func Interface(s Server) dcerpc.Interface {
	v := &service{s}
	return dcerpc.Interface{
		UUID:  dcerpc.MustUUID("4fc742e0-4a10-11cf-8273-00aa004ae673"),
		Major: 3,
		Call:  v.call,
	}
}

// service holds the operations.
type service struct{ server Server }

// operation reads its parameters from d and writes its results to e. It returns
// without them if d failed.
type operation func(v *service, ctx context.Context, d *ndr.Decoder, e *ndr.Encoder)

// operations are indexed by operation number, [MS-DFSNM] 3.1.4.
var operations = map[uint16]operation{
	0:  managerVersion,
	1:  (*service).refused, // NetrDfsAdd
	2:  (*service).refused, // NetrDfsRemove
	3:  (*service).refused, // NetrDfsSetInfo
	4:  (*service).getInfo,
	5:  (*service).enum,
	6:  (*service).refused,        // NetrDfsMove
	10: (*service).refusedPointer, // NetrDfsAddFtRoot
	11: (*service).refusedPointer, // NetrDfsRemoveFtRoot
	12: (*service).refused,        // NetrDfsAddStdRoot
	13: (*service).refused,        // NetrDfsRemoveStdRoot
	14: (*service).refused,        // NetrDfsManagerInitialize
	15: (*service).refused,        // NetrDfsAddStdRootForced
	16: (*service).refusedAddress, // NetrDfsGetDcAddress
	17: (*service).refused,        // NetrDfsSetDcAddress
	18: (*service).refused,        // NetrDfsFlushFtTable
	19: (*service).refusedPointer, // NetrDfsAdd2
	20: (*service).refusedPointer, // NetrDfsRemove2
	21: (*service).enumEx,
	22: (*service).refusedPointer, // NetrDfsSetInfo2
}

func (v *service) call(ctx context.Context, c *dcerpc.Call) error {
	op := operations[c.Opnum]
	if op == nil {
		return dcerpc.FaultOpRange
	}
	op(v, ctx, c.In, c.Out)
	return nil
}

// managerVersion is NetrDfsManagerGetVersion, [MS-DFSNM] 3.1.4.1.2: there can be several
// namespaces, and NetrDfsEnumEx lists one.
func managerVersion(_ *service, _ context.Context, _ *ndr.Decoder, e *ndr.Encoder) { e.U32(4) }

// refused answers the operations that change something: their parameters don't matter.
func (v *service) refused(ctx context.Context, _ *ndr.Decoder, e *ndr.Encoder) {
	code := netapi.AccessDenied
	if v.server.Admin(ctx) {
		code = netapi.NotSupported
	}
	e.U32(uint32(code))
}

// refusedPointer is refused for operations that also return the list of roots to update.
func (v *service) refusedPointer(ctx context.Context, d *ndr.Decoder, e *ndr.Encoder) {
	e.Ptr(false)
	v.refused(ctx, d, e)
}

// refusedAddress is refused for NetrDfsGetDcAddress, [MS-DFSNM] 3.1.4.5.1.
func (v *service) refusedAddress(ctx context.Context, d *ndr.Decoder, e *ndr.Encoder) {
	e.Ptr(false)
	e.U8(0)
	e.U32(0)
	v.refused(ctx, d, e)
}

// splitPath splits \\server\root\link, with two backslashes in front, one or none.
func splitPath(p string) (root, link string) {
	p = strings.TrimPrefix(strings.TrimPrefix(p, `\`), `\`)
	_, rest, _ := strings.Cut(p, `\`)
	root, link, _ = strings.Cut(rest, `\`)
	return root, strings.TrimSuffix(link, `\`)
}
