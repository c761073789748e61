package winreg

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"testing"

	"github.com/gosmbd/smb/dcerpc"
	"github.com/gosmbd/smb/dcerpc/internal/netapi"
	"github.com/gosmbd/smb/dcerpc/internal/transcript"
	"github.com/gosmbd/smb/dcerpc/ndr"
	"github.com/gosmbd/smb/internal/utf16le"
	"github.com/gosmbd/smb/vfs"
)

var (
	admin = &vfs.Caller{Name: "root", Groups: []vfs.SID{vfs.SIDAdministrators}}
	user  = &vfs.Caller{Name: "ann"}
	guest = &vfs.Caller{Name: "guest", Guest: true}
)

// client is somebody who has the pipe open.
type client struct{ transcript.Client[netapi.Code] }

func newClient(t *testing.T, who *vfs.Caller, more ...Table) *client {
	tables := append([]Table{Computer{Name: "SRV", Product: "test", Major: 10}.Table()}, more...)
	iface := Interface(func(context.Context) []Table { return tables })
	return &client{transcript.Client[netapi.Code]{TB: t, Interface: transcript.As(who, iface)}}
}

func (c *client) root(op uint16, access uint32) (ndr.Handle, netapi.Code) {
	c.Helper()
	out, code := c.Call(op, func(e *ndr.Encoder) {
		e.Ptr(false)
		e.U32(access)
	})
	return ndr.Handle(out), code
}

func text(e *ndr.Encoder, s string) {
	n := uint16(utf16le.Len(s) + 2)
	e.Align(4)
	e.U16(n)
	e.U16(n)
	e.UniqueWString(s)
}

func (c *client) open(parent ndr.Handle, path string, access uint32) (ndr.Handle, netapi.Code) {
	c.Helper()
	out, code := c.Call(15, func(e *ndr.Encoder) {
		e.Handle(parent)
		text(e, path)
		e.U32(0)
		e.U32(access)
	})
	return ndr.Handle(out), code
}

// query asks for a value with a place of size octets, or none if it is negative.
func (c *client) query(h ndr.Handle, name string, size int) ([]byte, netapi.Code) {
	c.Helper()
	return c.Call(17, func(e *ndr.Encoder) {
		e.Handle(h)
		text(e, name)
		writeUnique(e, true, 0)
		e.Ptr(size >= 0)
		if size >= 0 {
			e.U32(uint32(size))
			e.U32(0)
			e.U32(0)
		}
		writeUnique(e, true, uint32(max(size, 0)))
		writeUnique(e, true, 0)
	})
}

const productOptions = `SYSTEM\CurrentControlSet\Control\ProductOptions`

func TestAccess(t *testing.T) {
	const any = maximumAllowed
	for _, tt := range []struct {
		name   string
		who    *vfs.Caller
		root   uint16
		access uint32
		path   string
		want   netapi.Code
	}{
		{"admin reads", admin, 2, any, `software\microsoft`, netapi.OK},
		{"admin reads with a backslash at the end", admin, 2, keyRead, `SOFTWARE\Microsoft\`, netapi.OK},
		{"admin reads users", admin, 4, any, ".DEFAULT", netapi.OK},
		{"admin would write", admin, 2, keyRead | keyWrite, "SOFTWARE", netapi.AccessDenied},
		{"admin would do all", admin, 2, genericAll, "SOFTWARE", netapi.AccessDenied},
		{"unknown rights", admin, 2, 0x40, "SOFTWARE", netapi.InvalidParameter},
		{"no such key", admin, 2, any, `SOFTWARE\nope\below`, netapi.FileNotFound},
		{"empty part of a path", admin, 2, any, `SOFTWARE\\Microsoft`, netapi.FileNotFound},
		{"user reads what is public", user, 2, any, productOptions, netapi.OK},
		{"user reads what is public below", user, 2, genericRead, `SYSTEM\CurrentControlSet\Control\Print\Printers`, netapi.OK},
		{"user would write what is public", user, 2, keyWrite, productOptions, netapi.AccessDenied},
		{"user reads above", user, 2, any, "SYSTEM", netapi.AccessDenied},
		{"user reads below an exact path", user, 2, any, `SOFTWARE\Microsoft\Windows NT\CurrentVersion\Perflib`, netapi.AccessDenied},
		{"user reads shares", user, 2, any, `SYSTEM\CurrentControlSet\Services\LanmanServer\Shares`, netapi.AccessDenied},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := newClient(t, tt.who)
			root, code := c.root(tt.root, maximumAllowed)
			if code != netapi.OK {
				t.Fatalf("root: %d", code)
			}
			if _, code := c.open(root, tt.path, tt.access); code != tt.want {
				t.Errorf("%d, want %d", code, tt.want)
			}
		})
	}
}

// TestRoots checks who may open the predefined keys.
func TestRoots(t *testing.T) {
	for _, tt := range []struct {
		who    *vfs.Caller
		op     uint16
		access uint32
		want   netapi.Code
	}{
		{admin, 0, maximumAllowed, netapi.OK}, {admin, 1, keyRead, netapi.OK}, {admin, 4, keyRead, netapi.OK},
		{admin, 27, keyRead, netapi.OK}, {admin, 3, keyRead, netapi.AccessDenied}, {admin, 32, keyRead, netapi.AccessDenied},
		{user, 2, keyRead, netapi.OK}, {user, 2, keyWrite, netapi.AccessDenied}, {user, 4, maximumAllowed, netapi.AccessDenied},
		{guest, 2, maximumAllowed, netapi.AccessDenied},
		{&vfs.Caller{Anonymous: true}, 2, maximumAllowed, netapi.AccessDenied}, {nil, 2, maximumAllowed, netapi.AccessDenied},
	} {
		if _, code := newClient(t, tt.who).root(tt.op, tt.access); code != tt.want {
			t.Errorf("operation %d, access %#x of %v: %d, want %d", tt.op, tt.access, tt.who, code, tt.want)
		}
	}
}

// TestRootOfUser checks that the root is good for nothing but to open keys below when it
// isn't readable.
func TestRootOfUser(t *testing.T) {
	c := newClient(t, user)
	root, _ := c.root(2, keyRead)
	if _, code := c.query(root, "", 10); code != netapi.AccessDenied {
		t.Errorf("query: %d", code)
	}
	if _, code := c.enum(root, 0, 100); code != netapi.AccessDenied {
		t.Errorf("enumerate: %d", code)
	}
	if out, code := c.Call(16, func(e *ndr.Encoder) { e.Handle(root); text(e, "") }); code != netapi.AccessDenied || binary.LittleEndian.Uint32(out[8:]) != 0 {
		t.Errorf("information: %d, %x", code, out)
	}
	if out, code := c.security(root, vfs.DACLSecurity, 100); code != netapi.AccessDenied || len(out) != 12 {
		t.Errorf("security: %d, %x", code, out)
	}
}

func (c *client) enum(h ndr.Handle, index uint32, octets uint16) ([]byte, netapi.Code) {
	c.Helper()
	return c.Call(9, func(e *ndr.Encoder) {
		e.Handle(h)
		e.U32(index)
		room{octets: octets}.writeNothing(e)
		e.Ptr(false)
		e.Ptr(false)
	})
}

func (c *client) security(h ndr.Handle, info vfs.SecurityInformation, size uint32) ([]byte, netapi.Code) {
	c.Helper()
	return c.Call(12, func(e *ndr.Encoder) {
		e.Handle(h)
		e.U32(uint32(info))
		e.Ptr(false)
		e.U32(size)
		e.U32(0)
	})
}

func TestHandleRights(t *testing.T) {
	c := newClient(t, admin)
	root, _ := c.root(2, maximumAllowed)
	k, _ := c.open(root, productOptions, enumerateSubKeys)
	if _, code := c.query(k, "ProductType", 100); code != netapi.AccessDenied {
		t.Errorf("query with a handle to enumerate: %d", code)
	}
	k, _ = c.open(root, "", queryValue)
	if _, code := c.enum(k, 0, 100); code != netapi.AccessDenied {
		t.Errorf("enumerate with a handle to query: %d", code)
	}
	if _, code := c.security(k, vfs.DACLSecurity, 1000); code != netapi.AccessDenied {
		t.Errorf("security with a handle to query: %d", code)
	}
}

func TestQueryValue(t *testing.T) {
	c := newClient(t, admin)
	root, _ := c.root(2, maximumAllowed)
	k, _ := c.open(root, productOptions, maximumAllowed)
	data := String("", "ServerNT").Data
	out, code := c.query(k, "producttype", 100)
	if code != netapi.OK || !bytes.Contains(out, data) {
		t.Errorf("%d %x", code, out)
	}
	size := func(out []byte) uint32 { return binary.LittleEndian.Uint32(out[len(out)-12:]) }
	if out, code = c.query(k, "ProductType", len(data)-1); code != netapi.MoreData || size(out) != uint32(len(data)) || bytes.Contains(out, data) {
		t.Errorf("too small a place: %d %x", code, out)
	}
	if out, code = c.query(k, "ProductType", -1); code != netapi.OK || size(out) != uint32(len(data)) || bytes.Contains(out, data) {
		t.Errorf("no place: %d %x", code, out)
	}
	if _, code = c.query(k, "", 10); code != netapi.FileNotFound {
		t.Errorf("default value: %d", code)
	}
}

// TestEnum lists the subkeys of a key with rooms of several sizes.
func TestEnum(t *testing.T) {
	c := newClient(t, admin, Table{`HKCC\b`: nil, `hkey_current_config\A\x`: nil, `HKXX\z`: nil})
	root, _ := c.root(27, maximumAllowed)
	for i, name := range []string{"A", "b"} {
		out, code := c.enum(root, uint32(i), 4)
		if code != netapi.OK || !bytes.Contains(out, utf16le.Append(nil, name+"\x00")) {
			t.Errorf("%d: %d %x", i, code, out)
		}
	}
	if _, code := c.enum(root, 0, 2); code != netapi.MoreData {
		t.Errorf("no room for the terminator: %d", code)
	}
	if _, code := c.enum(root, 2, 4); code != netapi.NoMoreItems {
		t.Errorf("behind the end: %d", code)
	}
}

func TestSecurity(t *testing.T) {
	c := newClient(t, user)
	root, _ := c.root(2, maximumAllowed)
	k, _ := c.open(root, productOptions, maximumAllowed)
	out, code := c.security(k, vfs.DACLSecurity|vfs.OwnerSecurity, 4096)
	if code != netapi.OK {
		t.Fatal(code)
	}
	sd, err := vfs.ParseSecurityDescriptor(out[24:])
	if err != nil {
		t.Fatal(err)
	}
	if sd.Owner != vfs.SIDSystem || len(sd.DACL.ACEs) != 3 || sd.DACL.ACEs[2].SID != vfs.SIDAuthenticatedUsers {
		t.Errorf("%+v", sd)
	}
	need := uint32(len(out) - 24)
	if out, code = c.security(k, vfs.DACLSecurity|vfs.OwnerSecurity, need-1); code != netapi.InsufficientBuffer || binary.LittleEndian.Uint32(out[4:]) != need {
		t.Errorf("too small a place: %d %x", code, out)
	}
	if _, code = c.security(k, vfs.SACLSecurity, 4096); code != netapi.AccessDenied {
		t.Errorf("audit: %d", code)
	}
}

// TestNothingChanges sends every operation that would change something.
func TestNothingChanges(t *testing.T) {
	c := newClient(t, admin)
	root, _ := c.root(2, maximumAllowed)
	for _, op := range []uint16{7, 8, 13, 18, 19, 20, 21, 22, 23, 31, 35} {
		if out, code := c.Call(op, func(e *ndr.Encoder) { e.Handle(root) }); code != netapi.AccessDenied || len(out) != 0 {
			t.Errorf("operation %d: %d %x", op, code, out)
		}
	}
	for _, op := range []uint16{24, 25, 30} {
		if _, code := c.Call(op, func(*ndr.Encoder) {}); code != netapi.AccessDenied {
			t.Errorf("operation %d: %d", op, code)
		}
	}
	create := func(path string) ([]byte, netapi.Code) {
		return c.Call(6, func(e *ndr.Encoder) {
			e.Handle(root)
			text(e, path)
			text(e, "")
			e.U32(0)
			e.U32(maximumAllowed)
			e.Ptr(false)
			writeUnique(e, true, 0)
		})
	}
	if _, code := create("new"); code != netapi.AccessDenied {
		t.Errorf("create: %d", code)
	}
	if out, code := create("SYSTEM"); code != netapi.OK || binary.LittleEndian.Uint32(out[24:]) != 2 {
		t.Errorf("create what is there: %d %x", code, out)
	}
}

func TestHandlesEnd(t *testing.T) {
	c := newClient(t, admin)
	root, _ := c.root(2, maximumAllowed)
	if _, code := c.Call(5, func(e *ndr.Encoder) { e.Handle(root) }); code != netapi.OK {
		t.Fatal(code)
	}
	for op := range operations {
		switch op {
		case 0, 1, 2, 3, 4, 24, 25, 27, 28, 30, 32, 33:
			continue // without a handle
		}
		var e ndr.Encoder
		e.Handle(root)
		if _, err := transcript.Call(t.Context(), c.Interface, &c.Handles, op, e.Bytes()); !errors.Is(err, dcerpc.FaultContext) {
			t.Errorf("operation %d with a closed handle: %v", op, err)
		}
	}
}

// TestQueryMultipleBounded asks for one large value many times.
func TestQueryMultipleBounded(t *testing.T) {
	c := newClient(t, admin, Table{`HKCC\k`: {{Name: "v", Type: TypeBinary, Data: make([]byte, 1<<20)}}})
	root, _ := c.root(27, maximumAllowed)
	k, _ := c.open(root, "k", maximumAllowed)
	_, code := c.Call(34, func(e *ndr.Encoder) {
		const n = 100
		e.Handle(k)
		for _, v := range []uint32{n, 0, n} {
			e.U32(v)
		}
		for range n {
			e.Ptr(true)
			e.U32(0)
			e.U32(0)
			e.U32(0)
		}
		for range n {
			text(e, "v")
		}
		e.U32(n)
		e.Ptr(false)
		e.U32(0)
	})
	if code != netapi.InvalidParameter {
		t.Errorf("%d", code)
	}
}

// FuzzCall sends any stub to any operation.
func FuzzCall(f *testing.F) {
	for _, x := range transcript.Read(f, "testdata/winreg-impacket.txt") {
		if r := x.Request; r[2] == 0 {
			f.Add(binary.LittleEndian.Uint16(r[22:]), r[24:])
		}
	}
	f.Fuzz(func(t *testing.T, op uint16, stub []byte) {
		c := newClient(t, admin)
		root, _ := c.root(2, maximumAllowed)
		k, _ := c.open(root, productOptions, maximumAllowed)
		if op%36 != 5 && len(stub) >= len(k) {
			copy(stub, k[:])
		}
		out, err := transcript.Call(t.Context(), c.Interface, &c.Handles, op%36, stub)
		if err == nil && len(out) > 2*len(stub)+4096 {
			t.Errorf("operation %d: %d octets for %d", op, len(out), len(stub))
		}
	})
}
