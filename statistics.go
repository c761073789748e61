package smb

import (
	"context"
	"sync/atomic"

	"github.com/gosmbd/smb/dcerpc/srvsvc"
)

// statistics is what the server counts for administrators, since it started. [MS-SRVS]
// 2.2.4.39
type statistics struct {
	opens, sessions atomic.Uint32
	badPasswords    atomic.Uint32
	denied          atomic.Uint32 // requests
	sent, received  atomic.Uint64 // octets of frames
}

// Statistics implements srvsvc.StatisticsReporter.
func (v rpcServer) Statistics(context.Context) srvsvc.Statistics {
	c := &v.s.counted
	return srvsvc.Statistics{
		Start: v.s.started, FileOpens: c.opens.Load(), Sessions: c.sessions.Load(),
		PasswordErrors: c.badPasswords.Load(), PermissionErrors: c.denied.Load(),
		BytesSent: c.sent.Load(), BytesReceived: c.received.Load(),
	}
}
