package smb

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/gosmbd/smb/dcerpc/srvsvc"
)

// Statistics is what a server has counted since it began. What there is now,
// [Server.Sessions] and [Server.Opens] tell.
type Statistics struct {
	Since time.Time // when it began to serve; zero: not yet

	Sessions     uint64 // logons, without those by which a session goes on
	FailedLogons uint64 // wrong passwords, unknown users, and who else was refused
	Opens        uint64 // files, directories and pipes that were opened
	Denied       uint64 // requests that were answered with STATUS_ACCESS_DENIED

	BytesSent     uint64 // in frames, as they are on the wire but for TCP
	BytesReceived uint64 // likewise
}

// statistics is what the server counts. [MS-SRVS] 2.2.4.39
type statistics struct {
	since           atomic.Pointer[time.Time]
	opens, sessions atomic.Uint64
	badPasswords    atomic.Uint64
	denied          atomic.Uint64 // requests
	sent, received  atomic.Uint64 // octets of frames
}

// Statistics returns what was counted, for expvar or Prometheus. It is cheap. The numbers
// are not of the very same moment.
func (s *Server) Statistics() Statistics {
	c := &s.counted
	st := Statistics{
		Sessions: c.sessions.Load(), FailedLogons: c.badPasswords.Load(),
		Opens: c.opens.Load(), Denied: c.denied.Load(),
		BytesSent: c.sent.Load(), BytesReceived: c.received.Load(),
	}
	if since := c.since.Load(); since != nil {
		st.Since = *since
	}
	return st
}

// Statistics implements srvsvc.StatisticsReporter. Its counters have 32 bits, and begin
// again.
func (v rpcServer) Statistics(context.Context) srvsvc.Statistics {
	st := v.s.Statistics()
	return srvsvc.Statistics{
		Start: st.Since, FileOpens: uint32(st.Opens), Sessions: uint32(st.Sessions),
		PasswordErrors: uint32(st.FailedLogons), PermissionErrors: uint32(st.Denied),
		BytesSent: st.BytesSent, BytesReceived: st.BytesReceived,
	}
}
