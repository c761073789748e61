// Package dssetup is the Directory Services Setup Remote Protocol, [MS-DSSP]: clients ask by
// it what a computer is in its domain. It has one operation.
package dssetup

import (
	"context"

	"github.com/gosmbd/smb/dcerpc"
	"github.com/gosmbd/smb/dcerpc/ndr"
)

// Server is what the operation tells about.
type Server interface {
	// Role describes the computer. ctx carries the caller of the session.
	Role(ctx context.Context) Role
}

// Role is what a computer is.
type Role struct {
	Domain    string // or workgroup; WORKGROUP if empty
	DNSDomain string
	Forest    string
	Member    bool // Domain is a domain
}

// Interface returns the dssetup interface over s, which clients look for on the pipe of
// lsarpc.
func Interface(s Server) dcerpc.Interface {
	v := &service{s}
	return dcerpc.Interface{UUID: dcerpc.MustUUID("3919286a-b10c-11d0-9ba8-00c04fd92ef5"), Call: v.call}
}

// service holds the operation.
type service struct{ server Server }

// The kinds of information that DsRolerGetPrimaryDomainInformation gives, and what servers
// are.
const (
	basicInformation = 1
	upgradeStatus    = 2
	operationState   = 3

	standaloneServer = 2
	memberServer     = 3

	errorInvalidParameter = 87
)

func (v *service) call(ctx context.Context, c *dcerpc.Call) error {
	if c.Opnum != 0 {
		return dcerpc.FaultOpRange
	}
	level := c.In.U16()
	out := ndr.NewConstruct(c.Out)
	switch level {
	case basicInformation:
		out.Defer(func(out *ndr.Construct) { appendBasic(out, v.server.Role(ctx)) })
	case upgradeStatus, operationState:
		out.Defer(func(out *ndr.Construct) {
			out.U16(level)
			out.Align(4)
			out.U32(0) // neither is anything going on
			if level == upgradeStatus {
				out.U16(0)
			}
		})
	default:
		c.Out.Ptr(false)
		c.Out.U32(errorInvalidParameter)
		return nil
	}
	out.End()
	c.Out.U32(0)
	return nil
}

// appendBasic writes a DSROLER_PRIMARY_DOMAIN_INFO_BASIC.
func appendBasic(c *ndr.Construct, r Role) {
	if r.Domain == "" {
		r.Domain, r.Member = "WORKGROUP", false
	}
	c.U16(basicInformation)
	c.Align(4)
	role := uint16(standaloneServer)
	if r.Member {
		role = memberServer
	}
	c.U16(role)
	c.U32(0) // flags
	for _, s := range []string{r.Domain, r.DNSDomain, r.Forest} {
		if s == "" {
			c.Ptr(false)
			continue
		}
		c.Defer(func(c *ndr.Construct) { c.WString(s) })
	}
	c.Raw(make([]byte, 16)) // the domain's GUID isn't known
}
