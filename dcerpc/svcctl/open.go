package svcctl

import (
	"bytes"
	"context"
	"strings"

	"github.com/gosmbd/smb/dcerpc"
	"github.com/gosmbd/smb/dcerpc/internal/netapi"
	"github.com/gosmbd/smb/dcerpc/ndr"
	"github.com/gosmbd/smb/vfs"
)

// Rights of the manager and of a service, [MS-SCMR] 3.1.4.
const (
	connect          = 0x0001
	enumerateService = 0x0004
	managerAll       = 0x000F003F

	queryConfig         = 0x0001
	changeConfig        = 0x0002
	queryStatus         = 0x0004
	enumerateDependents = 0x0008
	startService        = 0x0010
	interrogate         = 0x0080
	serviceAll          = 0x000F01FF

	generic = 0xF0000000
)

// security returns the descriptor of the manager or of a service.
func (h *handle) security() vfs.SecurityDescriptor {
	all := uint32(managerAll)
	if h.service != nil {
		all = serviceAll
	}
	allow := func(sid vfs.SID) vfs.ACE {
		return vfs.ACE{Type: vfs.ACEAllowed, Mask: vfs.Access(all), SID: sid}
	}
	return vfs.SecurityDescriptor{
		Control: vfs.SDDACLPresent,
		Owner:   vfs.SIDSystem,
		Group:   vfs.SIDSystem,
		DACL:    &vfs.ACL{ACEs: []vfs.ACE{allow(vfs.SIDAdministrators), allow(vfs.SIDSystem)}},
	}
}

// grant gives h the rights that the caller asks for, or makes a code of why not.
func (h *handle) grant(ctx context.Context, c *dcerpc.Call, desired uint32) (ndr.Handle, netapi.Code, error) {
	sd := h.security()
	if desired&generic != 0 { // whoever has one right has all
		desired = desired&^generic | uint32(sd.DACL.ACEs[0].Mask)
	}
	granted, err := sd.Check(vfs.CallerFrom(ctx).Token(), vfs.Access(desired), 0)
	if err != nil {
		return ndr.Handle{}, netapi.AccessDenied, nil
	}
	h.access = uint32(granted)
	id, err := c.Handles.New(h)
	return id, netapi.OK, err
}

// open is ROpenSCManagerW.
func (m *manager) open(ctx context.Context, c *dcerpc.Call) error {
	c.In.UniqueWString() // MachineName
	database := c.In.UniqueWString()
	desired := c.In.U32()
	if c.In.Err() != nil {
		return c.In.Err()
	}
	var id ndr.Handle
	code := netapi.DatabaseDoesNotExist
	if database == "" || strings.EqualFold(database, "ServicesActive") {
		var err error
		if id, code, err = (&handle{}).grant(ctx, c, desired); err != nil {
			return err
		}
	}
	c.Out.Handle(id)
	c.Out.U32(uint32(code))
	return nil
}

// openService is ROpenServiceW.
func (m *manager) openService(c call) (netapi.Code, error) {
	name := c.In.WString()
	desired := c.In.U32()
	if c.In.Err() != nil {
		return 0, c.In.Err()
	}
	var id ndr.Handle
	code := c.h.lacks(connect)
	if code == netapi.OK {
		code = netapi.ServiceDoesNotExist
		for i := range m.services {
			if strings.EqualFold(m.services[i].Name, name) {
				var err error
				if id, code, err = (&handle{service: &m.services[i]}).grant(c.ctx, c.Call, desired); err != nil {
					return 0, err
				}
				break
			}
		}
	}
	c.Out.Handle(id)
	return code, nil
}

// closeHandle is RCloseServiceHandle.
func (m *manager) closeHandle(c call) (netapi.Code, error) {
	c.Handles.Remove(c.id)
	c.Out.Handle(ndr.Handle{})
	return netapi.OK, nil
}

// querySecurity is RQueryServiceObjectSecurity.
func (m *manager) querySecurity(c call) (netapi.Code, error) {
	info := vfs.SecurityInformation(c.In.U32())
	place := c.place()
	if c.In.Err() != nil {
		return 0, c.In.Err()
	}
	sd := c.h.security().Select(info).Append(nil)
	code := c.h.lacks(uint32(info.QueryAccess()))
	if info == 0 {
		code = netapi.InvalidParameter
	}
	if code != netapi.OK {
		sd = nil
	}
	return c.fill(place, sd, code), nil
}

// setSecurity is RSetServiceObjectSecurity. It succeeds if the descriptor is the one that
// there is.
func (m *manager) setSecurity(c call) (netapi.Code, error) {
	info := vfs.SecurityInformation(c.In.U32())
	n := c.In.U32()
	b := c.In.Bytes(c.In.Count(n, 1))
	if c.In.U32() != n {
		c.In.Fail()
	}
	if c.In.Err() != nil {
		return 0, c.In.Err()
	}
	if code := c.h.lacks(uint32(info.SetAccess())); code != netapi.OK {
		return code, nil
	}
	sd, err := vfs.ParseSecurityDescriptor(b)
	switch {
	case err != nil, info == 0:
		return netapi.InvalidParameter, nil
	case !bytes.Equal(sd.Select(info).Append(nil), c.h.security().Select(info).Append(nil)):
		return netapi.AccessDenied, nil
	}
	return netapi.OK, nil
}
