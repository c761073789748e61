package svcctl

import (
	"encoding/binary"
	"errors"
	"testing"

	"github.com/gosmbd/smb/dcerpc"
	"github.com/gosmbd/smb/dcerpc/internal/netapi"
	"github.com/gosmbd/smb/dcerpc/internal/transcript"
	"github.com/gosmbd/smb/dcerpc/ndr"
	"github.com/gosmbd/smb/vfs"
)

// services are those of the server that was recorded, of which one runs.
var services = []Service{
	{Name: "Spooler", DisplayName: "Print Spooler", Description: "Prints"},
	{Name: "NETLOGON", DisplayName: "Net Logon"},
	{Name: "RemoteRegistry", DisplayName: "Remote Registry Service", Running: true},
	{Name: "WINS", DisplayName: "Windows Internet Name Service (WINS)"},
}

var admin = &vfs.Caller{Name: "root", Groups: []vfs.SID{vfs.SIDAdministrators}}

// different lists what is not compared with smbd's answer, and why.
var different = map[int]string{
	3:  "two of smbd's services are of another type",
	6:  "smbd has another program",
	7:  "smbd has another program",
	8:  "smbd has other rights",
	9:  "smbd has other rights",
	11: "smbd tells the status besides the error",
	12: "smbd says that the service is disabled",
	13: "smbd doesn't know the operation",
	14: "smbd doesn't know the operation",
	15: "smbd doesn't know the operation",
}

// TestGolden replays what impacket asked Samba's smbd, and compares the replies octet by
// octet.
func TestGolden(t *testing.T) {
	x := transcript.Read(t, "testdata/svcctl-impacket.txt")
	open := func() *dcerpc.Conn { return dcerpc.NewConn(`\pipe\svcctl`, transcript.As(admin, Interface(services))) }
	transcript.ReplayHandles(t, x, []uint16{12, 15, 16}, open, func(i int, want, got []byte) {
		op := binary.LittleEndian.Uint16(x[i].Request[22:])
		if x[i].Request[2] == 0 && got[2] == 3 {
			t.Errorf("exchange %d, operation %d: fault %x", i, op, got[24:])
		}
		if different[i] == "" && !transcript.Same(want, got) {
			t.Errorf("exchange %d, operation %d\nrequest %x\nwant %x\ngot  %x", i, op, x[i].Request, want, got)
		}
	})
}

// client is somebody who has the pipe open.
type client struct{ transcript.Client[netapi.Code] }

func newClient(t *testing.T, who *vfs.Caller) *client {
	return &client{transcript.Client[netapi.Code]{TB: t, Interface: transcript.As(who, Interface(services))}}
}

func (c *client) manager(database string, access uint32) (ndr.Handle, netapi.Code) {
	c.Helper()
	out, code := c.Call(15, func(e *ndr.Encoder) {
		e.Ptr(false)
		e.UniqueWString(database)
		e.U32(access)
	})
	return ndr.Handle(out), code
}

func (c *client) service(m ndr.Handle, name string, access uint32) (ndr.Handle, netapi.Code) {
	c.Helper()
	out, code := c.Call(16, func(e *ndr.Encoder) {
		e.Handle(m)
		e.WString(name)
		e.U32(access)
	})
	return ndr.Handle(out), code
}

const maximum = 0x02000000

func TestOpen(t *testing.T) {
	for _, tt := range []struct {
		who      *vfs.Caller
		database string
		access   uint32
		want     netapi.Code
	}{
		{admin, "", maximum, netapi.OK}, {admin, "servicesactive", managerAll, netapi.OK}, {admin, "ServicesActive", 0x80000000, netapi.OK},
		{admin, "ServicesFailed", maximum, netapi.DatabaseDoesNotExist}, {admin, "", 0x100, netapi.AccessDenied},
		{&vfs.Caller{Name: "ann"}, "", connect, netapi.AccessDenied}, {&vfs.Caller{Guest: true}, "", maximum, netapi.AccessDenied},
		{nil, "", maximum, netapi.AccessDenied},
	} {
		c := newClient(t, tt.who)
		if _, code := c.manager(tt.database, tt.access); code != tt.want {
			t.Errorf("%v, %q, %#x: %d, want %d", tt.who, tt.database, tt.access, code, tt.want)
		}
	}
	c := newClient(t, admin)
	m, _ := c.manager("", maximum)
	if _, code := c.service(m, "spooler", maximum); code != netapi.OK {
		t.Errorf("service: %d", code)
	}
	if _, code := c.service(m, "none", maximum); code != netapi.ServiceDoesNotExist {
		t.Errorf("no service: %d", code)
	}
	m, _ = c.manager("", enumerateService)
	if _, code := c.service(m, "spooler", maximum); code != netapi.AccessDenied {
		t.Errorf("service with a handle to enumerate: %d", code)
	}
}

// TestNothingChanges asks for each change with a handle that has all rights.
func TestNothingChanges(t *testing.T) {
	c := newClient(t, admin)
	m, _ := c.manager("", maximum)
	running, _ := c.service(m, "RemoteRegistry", maximum)
	stopped, _ := c.service(m, "Spooler", maximum)
	for _, tt := range []struct {
		name string
		op   uint16
		h    ndr.Handle
		rest []uint32
		want netapi.Code
	}{
		{"stop", 1, running, []uint32{1}, netapi.AccessDenied}, {"own control", 1, running, []uint32{200}, netapi.AccessDenied},
		{"no control", 1, running, []uint32{0}, netapi.InvalidParameter}, {"interrogate", 1, running, []uint32{4}, netapi.OK},
		{"interrogate one that is stopped", 1, stopped, []uint32{4}, netapi.ServiceNotActive},
		{"delete", 2, running, nil, netapi.AccessDenied}, {"lock", 3, m, nil, netapi.AccessDenied},
		{"create", 12, m, nil, netapi.AccessDenied}, {"create for 32 bits", 45, m, nil, netapi.AccessDenied},
		{"start", 19, stopped, nil, netapi.AccessDenied}, {"start what runs", 19, running, nil, netapi.ServiceAlreadyRunning},
		{"configure", 37, running, nil, netapi.AccessDenied},
		{"disable", 11, running, []uint32{0xffffffff, 4, 0xffffffff, 0, 0, 0, 0, 0, 0, 0, 0, 0}, netapi.AccessDenied},
		{"another program", 11, running, []uint32{0x20, 2, 1, 7}, netapi.AccessDenied},
		{"leave as it is", 11, running, []uint32{0x20, 0xffffffff, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0}, netapi.OK},
		{"no descriptor", 5, running, []uint32{4, 0, 0}, netapi.InvalidParameter},
	} {
		if _, code := c.Call(tt.op, func(e *ndr.Encoder) {
			e.Handle(tt.h)
			for _, n := range tt.rest {
				e.U32(n)
			}
		}); code != tt.want {
			t.Errorf("%s: %d, want %d", tt.name, code, tt.want)
		}
	}
	set := func(sd vfs.SecurityDescriptor) netapi.Code {
		_, code := c.Call(5, func(e *ndr.Encoder) {
			b := sd.Append(nil)
			e.Handle(running)
			e.U32(uint32(vfs.DACLSecurity))
			e.U32(uint32(len(b)))
			e.Raw(b)
			e.U32(uint32(len(b)))
		})
		return code
	}
	sd := (&handle{service: &services[2]}).security()
	if code := set(sd); code != netapi.OK {
		t.Errorf("set the descriptor that there is: %d", code)
	}
	sd.DACL = &vfs.ACL{}
	if code := set(sd); code != netapi.AccessDenied {
		t.Errorf("set another descriptor: %d", code)
	}
}

func TestEnum(t *testing.T) {
	c := newClient(t, admin)
	m, _ := c.manager("", maximum)
	enum := func(state, size uint32) ([]byte, netapi.Code) {
		return c.Call(14, func(e *ndr.Encoder) {
			e.Handle(m)
			e.U32(0x30)
			e.U32(state)
			e.U32(size)
			e.Ptr(false)
		})
	}
	results := func(b []byte) (needed, returned uint32) {
		return binary.LittleEndian.Uint32(b[len(b)-12:]), binary.LittleEndian.Uint32(b[len(b)-8:])
	}
	out, code := enum(stateAll, 0)
	needed, returned := results(out)
	if code != netapi.MoreData || returned != 0 {
		t.Fatalf("without a place: %d, %d", code, returned)
	}
	if out, code = enum(stateAll, needed); code != netapi.OK {
		t.Fatal(code)
	}
	if _, returned = results(out); returned != uint32(len(services)) {
		t.Errorf("%d services", returned)
	}
	if out, _ = enum(stateActive, 4096); true {
		if _, returned = results(out); returned != 1 {
			t.Errorf("%d services run", returned)
		}
	}
	if _, code = enum(0, 0); code != netapi.InvalidParameter {
		t.Errorf("no state: %d", code)
	}
}

// TestWrongHandle sends operations on a service for the manager, and the reverse.
func TestWrongHandle(t *testing.T) {
	c := newClient(t, admin)
	m, _ := c.manager("", maximum)
	s, _ := c.service(m, "Spooler", maximum)
	for n, op := range operations {
		h := s
		switch op.of {
		case ofAny:
			h = ndr.Handle{1}
		case ofService:
			h = m
		}
		var e ndr.Encoder
		e.Handle(h)
		if _, err := transcript.Call(t.Context(), c.Interface, &c.Handles, n, e.Bytes()); !errors.Is(err, dcerpc.FaultContext) {
			t.Errorf("operation %d: %v", n, err)
		}
	}
}

// FuzzCall sends any stub to any operation.
func FuzzCall(f *testing.F) {
	for _, x := range transcript.Read(f, "testdata/svcctl-impacket.txt") {
		if r := x.Request; r[2] == 0 {
			f.Add(binary.LittleEndian.Uint16(r[22:]), r[24:])
		}
	}
	f.Fuzz(func(t *testing.T, op uint16, stub []byte) {
		c := newClient(t, admin)
		m, _ := c.manager("", maximum)
		h, _ := c.service(m, "Spooler", maximum)
		if operations[op].of == ofManager {
			h = m
		}
		if op != 0 && op != openManager && len(stub) >= len(h) {
			copy(stub, h[:])
		}
		out, err := transcript.Call(t.Context(), c.Interface, &c.Handles, op, stub)
		if err == nil && len(out) > maxPlace+64 {
			t.Errorf("operation %d: %d octets", op, len(out))
		}
	})
}
