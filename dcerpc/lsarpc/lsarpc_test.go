package lsarpc

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/gosmbd/smb/dcerpc"
	"github.com/gosmbd/smb/dcerpc/dssetup"
	"github.com/gosmbd/smb/dcerpc/internal/ntapi"
	"github.com/gosmbd/smb/dcerpc/internal/transcript"
	"github.com/gosmbd/smb/dcerpc/ndr"
	"github.com/gosmbd/smb/vfs"
)

const maximum = 0x02000000 // MAXIMUM_ALLOWED

var (
	user      = &vfs.Caller{Name: "ann", Domain: "ELSEWHERE", SID: machine + "-1001"}
	guest     = &vfs.Caller{Name: "guest", Guest: true, Groups: []vfs.SID{vfs.SIDAdministrators}}
	anonymous = &vfs.Caller{Anonymous: true, Groups: []vfs.SID{vfs.SIDAdministrators}}
)

// client calls operations as somebody.
type client struct {
	transcript.Client[ntapi.Status]
}

func newClient(t *testing.T, who *vfs.Caller) *client {
	return &client{transcript.Client[ntapi.Status]{TB: t, Interface: transcript.As(who, Interface(smbd{}))}}
}

// attributes writes an empty LSAPR_OBJECT_ATTRIBUTES.
func attributes(e *ndr.Encoder) {
	for range 6 {
		e.U32(0)
	}
}

// policy opens the policy.
func (c *client) policy(want ntapi.Status, access uint32) ndr.Handle {
	c.Helper()
	return c.Want(44, want, func(e *ndr.Encoder) { e.U32(0); attributes(e); e.U32(access) }).Handle()
}

func handleAnd(h ndr.Handle, numbers ...uint32) func(*ndr.Encoder) {
	return func(e *ndr.Encoder) {
		e.Handle(h)
		for _, n := range numbers {
			e.U32(n)
		}
	}
}

// TestWhoMay opens the policy as all kinds of callers, with what they may have and more.
func TestWhoMay(t *testing.T) {
	for _, x := range []struct {
		who    *vfs.Caller
		access uint32
		want   ntapi.Status
	}{
		{admin, maximum, ntapi.OK}, {admin, 0x1fff, ntapi.OK}, {admin, 0x2000, ntapi.AccessDenied}, {admin, 0, ntapi.InvalidParameter},
		{user, maximum, ntapi.OK}, {user, 0x801, ntapi.OK}, {user, 0x20000000, ntapi.OK}, {user, 0x2, ntapi.AccessDenied},
		{user, 0x10, ntapi.AccessDenied}, {user, 0x80000000, ntapi.AccessDenied}, {user, maximum | 4, ntapi.AccessDenied},
		{guest, maximum, ntapi.AccessDenied}, {guest, 0x800, ntapi.AccessDenied},
		{anonymous, maximum, ntapi.AccessDenied}, {nil, maximum, ntapi.AccessDenied},
	} {
		h := newClient(t, x.who).policy(x.want, x.access)
		if (h != ndr.Handle{}) != (x.want == ntapi.OK) {
			t.Errorf("%v with %#x: handle %x", x.who, x.access, h)
		}
	}
}

// TestUserRights checks what a user can't see of who has which rights.
func TestUserRights(t *testing.T) {
	c := newClient(t, user)
	h := c.policy(ntapi.OK, maximum)
	c.Want(11, ntapi.OK, handleAnd(h, 0, 1000))
	c.Want(35, ntapi.AccessDenied, handleAnd(h, 0))
	right := func(e *ndr.Encoder) {
		e.Handle(h)
		e.Ptr(true)
		e.UnicodeString("SeBackupPrivilege")
		e.UnicodeStringBody("SeBackupPrivilege")
	}
	c.Want(35, ntapi.AccessDenied, right)
	account := c.Want(17, ntapi.OK, func(e *ndr.Encoder) { e.Handle(h); e.SID(vfs.SIDAdministrators); e.U32(maximum) }).Handle()
	c.Want(18, ntapi.AccessDenied, handleAnd(account))
	c.Want(23, ntapi.AccessDenied, handleAnd(account))
	c.Want(17, ntapi.ObjectNameNotFound, func(e *ndr.Encoder) { e.Handle(h); e.SID("S-1-5-21-1-2-3-4"); e.U32(maximum) })
	c.Want(7, ntapi.AccessDenied, func(e *ndr.Encoder) { e.Handle(h); e.U16(2) }) // audit
	c.Want(7, ntapi.AccessDenied, func(e *ndr.Encoder) { e.Handle(h); e.U16(4) }) // private
	c.Want(7, ntapi.OK, func(e *ndr.Encoder) { e.Handle(h); e.U16(5) })
}

// TestRights asks as an administrator who has which rights.
func TestRights(t *testing.T) {
	c := newClient(t, admin)
	h := c.policy(ntapi.OK, maximum)
	for name, want := range map[string]ntapi.Status{
		"SeBackupPrivilege": ntapi.OK, "SeTcbPrivilege": ntapi.NoMoreEntries, "SeNetworkLogonRight": ntapi.NoMoreEntries, "SeNonsense": ntapi.NoSuchPrivilege,
	} {
		c.Want(35, want, func(e *ndr.Encoder) { e.Handle(h); e.Ptr(true); e.UnicodeString(name); e.UnicodeStringBody(name) })
	}
	account := c.Want(17, ntapi.OK, func(e *ndr.Encoder) { e.Handle(h); e.SID(vfs.SIDAdministrators); e.U32(maximum) }).Handle()
	c.Want(18, ntapi.OK, handleAnd(account))
	c.Want(23, ntapi.OK, handleAnd(account))
	// One kind of handle doesn't do for the other.
	c.Want(18, ntapi.InvalidHandle, handleAnd(h))
	c.Want(7, ntapi.InvalidHandle, func(e *ndr.Encoder) { e.Handle(account); e.U16(5) })
	c.Want(11, ntapi.InvalidHandle, handleAnd(account, 0, 100))
}

// TestEnumerateInParts lists privileges in small answers.
func TestEnumerateInParts(t *testing.T) {
	c := newClient(t, user)
	h := c.policy(ntapi.OK, maximum)
	resume, seen := uint32(0), 0
	for calls := 0; ; calls++ {
		out, status, err := c.Try(2, handleAnd(h, resume, 100))
		if err != nil || calls > len(privileges) {
			t.Fatal(calls, err)
		}
		if status == ntapi.NoMoreEntries {
			break
		}
		d := ndr.NewDecoder(out)
		resume = d.U32()
		seen += int(d.U32())
	}
	if seen != len(privileges) {
		t.Errorf("%d privileges, want %d", seen, len(privileges))
	}
}

// TestClassesOfPolicy asks for every class of information.
func TestClassesOfPolicy(t *testing.T) {
	c := newClient(t, admin)
	h := c.policy(ntapi.OK, maximum)
	for level := range uint16(20) {
		want := ntapi.InvalidParameter
		if slices.Contains([]uint16{1, 2, 3, 4, 5, 6, 7, 12, 13, 14, 15}, level) {
			want = ntapi.OK
		}
		for _, op := range []uint16{7, 46} {
			c.Want(op, want, func(e *ndr.Encoder) { e.Handle(h); e.U16(level) })
		}
	}
	c.Want(53, ntapi.ObjectNameNotFound, func(e *ndr.Encoder) { e.Handle(h); e.U16(2) })
	c.Want(53, ntapi.InvalidParameter, func(e *ndr.Encoder) { e.Handle(h); e.U16(1) })
}

// TestChangesAreRefused calls all operations that change something, or open what isn't
// there.
func TestChangesAreRefused(t *testing.T) {
	c := newClient(t, admin)
	h := c.policy(ntapi.OK, maximum)
	for want, ops := range map[ntapi.Status][]uint16{
		ntapi.AccessDenied:             {4, 8, 10, 16, 19, 20, 24, 37, 38, 42, 47, 54, 137, 140},
		ntapi.ObjectNameNotFound:       {28, 43, 48, 49, 55, 136, 141},
		ntapi.DirectoryServiceRequired: {12, 25, 39, 40, 41, 51, 59, 129},
		ntapi.InvalidDomainState:       {73, 74, 132, 133},
		ntapi.InvalidHandle:            {26, 27, 29, 30, 138, 139},
		ntapi.NoMoreEntries:            {13, 50},
		ntapi.InvalidParameter:         {34},
	} {
		for _, op := range ops {
			c.Want(op, want, handleAnd(h))
			if _, _, err := c.Try(op, handleAnd(ndr.Handle{1: 9})); !errors.Is(err, dcerpc.FaultContext) {
				t.Errorf("operation %d took a handle that isn't one: %v", op, err)
			}
		}
	}
	for _, op := range []uint16{76, 77} {
		if _, _, err := c.Try(op, handleAnd(h)); !errors.Is(err, dcerpc.FaultAccessDenied) {
			t.Errorf("operation %d: %v", op, err)
		}
	}
	c.Want(0, ntapi.OK, handleAnd(h))
}

// TestUserName asks who one is.
func TestUserName(t *testing.T) {
	for _, x := range []struct {
		who          *vfs.Caller
		name, domain string
	}{
		{user, "ann", "ELSEWHERE"}, {&vfs.Caller{Name: "bob"}, "bob", "SAMBAREF"}, {guest, "guest", "SAMBAREF"}, {anonymous, "ANONYMOUS LOGON", "NT AUTHORITY"},
	} {
		d := newClient(t, x.who).Want(45, ntapi.OK, func(e *ndr.Encoder) { e.U32(0); e.U32(0); e.U32(1); e.U32(0) })
		d.Ptr()
		name := d.UnicodeStringBody(d.UnicodeString())
		d.Align(4)
		d.Ptr()
		d.Ptr()
		if domain := d.UnicodeStringBody(d.UnicodeString()); name != x.name || domain != x.domain {
			t.Errorf("%v is %q of %q", x.who, name, domain)
		}
	}
}

// TestOpenPolicy3 checks the revisions, whose union has one case only, and that a root
// directory is refused.
func TestOpenPolicy3(t *testing.T) {
	for _, x := range []struct {
		root, version uint32
		want          ntapi.Status
	}{{0, 1, ntapi.OK}, {0, 2, ntapi.NotSupported}, {1, 1, ntapi.InvalidParameter}} {
		d := newClient(t, user).Want(130, x.want, func(e *ndr.Encoder) {
			for _, n := range []uint32{0, 24, x.root, 0, 0, 0, 0} {
				e.U32(n)
			}
			if x.root != 0 {
				e.U8(0)
			}
			for _, n := range []uint32{maximum, x.version, x.version, 1, 0} {
				e.U32(n)
			}
		})
		var got [4]uint32 // version twice, revision, features
		for i := range got {
			got[i] = d.U32()
		}
		if h := d.Handle(); got != [4]uint32{1, 1, 1, 0} || (h != ndr.Handle{}) != (x.want == ntapi.OK) {
			t.Errorf("%+v: %d, handle %x", x, got, h)
		}
	}
}

// TestAttributes reads object attributes with all that can be in them.
func TestAttributes(t *testing.T) {
	c := newClient(t, user)
	c.Want(6, ntapi.OK, func(e *ndr.Encoder) {
		e.U32(1) // name of the server
		e.U16('\\')
		for _, n := range []uint32{24, 0, 1, 0, 1, 1} {
			e.U32(n)
		}
		for _, n := range []uint32{3<<16 | 3, 1, 3, 0, 3, 0x636261} { // object name "abc"
			e.U32(n)
		}
		e.U32(0x80040001) // descriptor: an owner and a list of 8 octets
		for _, n := range []uint32{1, 0, 0, 1} {
			e.U32(n)
		}
		e.SID("S-1-1-0")
		for _, n := range []uint32{4, 0x00080002, 0} {
			e.U32(n)
		}
		for _, n := range []uint32{12, 0x00010002} { // quality of service
			e.U32(n)
		}
		e.U32(maximum)
	})
}

// TestLevels checks that only the level for a workstation is searched.
func TestLevels(t *testing.T) {
	c := newClient(t, user)
	h := c.policy(ntapi.OK, maximum)
	lookup := func(level uint16, options uint32) func(*ndr.Encoder) {
		return func(e *ndr.Encoder) {
			handleAnd(h, 0, 0, 0, 0)(e) // no names, no SIDs
			e.U16(level)
			e.U32(0)
			e.U32(options)
			e.U32(2)
		}
	}
	c.Want(68, ntapi.OK, lookup(1, isolatedLocal))
	for level := range uint16(9) {
		if level != 1 {
			c.Want(68, ntapi.InvalidParameter, lookup(level, 0))
		}
	}
	c = newClient(t, user)
	h = c.policy(ntapi.OK, policyViewLocal)
	c.Want(68, ntapi.AccessDenied, lookup(1, 0))
}

// TestBounds sends counts that are too large, or not what follows.
func TestBounds(t *testing.T) {
	c := newClient(t, user)
	h := c.policy(ntapi.OK, maximum)
	for name, x := range map[string]struct {
		op     uint16
		params []uint32
	}{
		"too many names":      {14, []uint32{1001, 1001}},
		"names missing":       {58, []uint32{1000, 1000}},
		"other count":         {68, []uint32{1, 2}},
		"too many SIDs":       {15, []uint32{20481, 1, 20481}},
		"SIDs missing":        {57, []uint32{20480, 1, 20480}},
		"no SID":              {15, []uint32{1, 1, 1, 0}},
		"SIDs without a list": {15, []uint32{3, 0}},
		"too many old names":  {15, []uint32{0, 0, 20481, 1, 20481}},
		"too many old SIDs":   {14, []uint32{0, 0, 1001, 1, 1001}},
		"old SIDs missing":    {68, []uint32{0, 0, 900, 1, 900}},
	} {
		if _, _, err := c.Try(x.op, handleAnd(h, x.params...)); !errors.Is(err, ndr.ErrBadStub) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// FuzzCall calls any operation with any stub.
func FuzzCall(f *testing.F) {
	for _, name := range []string{"impacket", "rpcclient"} {
		for _, x := range transcript.Read(f, "testdata/lsarpc-"+name+".txt") {
			if x.Request[2] == 0 {
				f.Add(x.Request[22], x.Request[24:])
			}
		}
	}
	ctx := vfs.WithCaller(context.Background(), admin)
	ifaces := []dcerpc.Interface{Interface(smbd{}), dssetup.Interface(smbd{})}
	all := func(class *ntapi.Class) granted { return granted{Class: class, Granted: ^ntapi.Access(0)} }
	f.Fuzz(func(t *testing.T, op uint8, stub []byte) {
		var handles dcerpc.Handles
		defer handles.Close()
		// The first octet of a handle in the stub chooses a real one.
		list := []any{&policyHandle{all(&policyClass)}, &accountHandle{all(&accountClass), vfs.SIDAdministrators}}
		real := stub
		if len(stub) >= 20 {
			id, err := handles.New(list[int(stub[0])%len(list)])
			if err != nil {
				t.Fatal(err)
			}
			real = append(append([]byte(nil), id[:]...), stub[20:]...)
		}
		for i, iface := range ifaces {
			out, err := transcript.Call(ctx, iface, &handles, uint16(op), [][]byte{real, stub}[i])
			if err == nil && len(out) < 4 {
				t.Errorf("operation %d answered %x", op, out)
			}
			if len(out) > 64<<10+200*len(stub) {
				t.Errorf("operation %d: %d octets make %d", op, len(stub), len(out))
			}
		}
	})
}
