package samr

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/gosmbd/smb/dcerpc"
	"github.com/gosmbd/smb/dcerpc/internal/ntapi"
	"github.com/gosmbd/smb/dcerpc/internal/transcript"
	"github.com/gosmbd/smb/dcerpc/ndr"
	"github.com/gosmbd/smb/vfs"
)

const maximum = 0x02000000 // MAXIMUM_ALLOWED

// client calls operations as somebody.
type client struct {
	transcript.Client[ntapi.Status]
}

func newClient(t *testing.T, s Server, who *vfs.Caller) *client {
	return &client{transcript.Client[ntapi.Status]{TB: t, Interface: transcript.As(who, Interface(s))}}
}

// server, domain and account open what they are called.
func (c *client) server(access uint32) ndr.Handle {
	c.Helper()
	return c.Want(57, ntapi.OK, func(e *ndr.Encoder) { e.U32(0); e.U32(access) }).Handle()
}

func (c *client) domain(sid vfs.SID, access uint32) ndr.Handle {
	c.Helper()
	h := c.server(maximum)
	return c.Want(7, ntapi.OK, func(e *ndr.Encoder) { e.Handle(h); e.U32(access); e.SID(sid) }).Handle()
}

func (c *client) account(op uint16, domain ndr.Handle, access, rid uint32) ndr.Handle {
	c.Helper()
	return c.Want(op, ntapi.OK, func(e *ndr.Encoder) { e.Handle(domain); e.U32(access); e.U32(rid) }).Handle()
}

// TestWhoMay checks that only administrators get anything, with every operation.
func TestWhoMay(t *testing.T) {
	for name, who := range map[string]*vfs.Caller{
		"nobody":    nil,
		"user":      {Name: "ann", SID: machine + "-1001"},
		"guest":     {Name: "guest", Guest: true, Groups: []vfs.SID{vfs.SIDAdministrators}},
		"anonymous": {Anonymous: true, Groups: []vfs.SID{vfs.SIDAdministrators}},
	} {
		c := newClient(t, smbd{}, who)
		for op := range operations {
			if _, _, err := c.Try(op, func(*ndr.Encoder) {}); !errors.Is(err, dcerpc.FaultAccessDenied) {
				t.Errorf("%s: operation %d: %v", name, op, err)
			}
		}
	}
}

// TestConnectRights opens the server with each right alone, and asks for what needs another.
func TestConnectRights(t *testing.T) {
	c := newClient(t, smbd{}, admin)
	for bit := range 32 {
		access := uint32(1) << bit
		out, status, err := c.Try(62, func(e *ndr.Encoder) { e.U32(0); e.U32(2); e.U32(access) })
		may := bit < 6 || bit >= 16 && bit < 20 || bit == 24 || bit == 25 || bit >= 28
		if err != nil || (status == ntapi.OK) != may {
			t.Errorf("access %#x: status %#x, %v", access, uint32(status), err)
			continue
		}
		if !may {
			continue
		}
		h := ndr.Handle(out)
		want := ntapi.AccessDenied
		if bit == 4 || bit == 25 || bit == 28 || bit == 31 {
			want = ntapi.OK
		}
		c.Want(6, want, func(e *ndr.Encoder) { e.Handle(h); e.U32(0); e.U32(1000) })
		want = ntapi.AccessDenied
		if bit == 5 || bit == 25 || bit == 28 || bit == 29 {
			want = ntapi.OK
		}
		c.Want(7, want, func(e *ndr.Encoder) { e.Handle(h); e.U32(maximum); e.SID(machine) })
		c.Want(1, ntapi.OK, func(e *ndr.Encoder) { e.Handle(h) })
		if _, _, err := c.Try(1, func(e *ndr.Encoder) { e.Handle(h) }); !errors.Is(err, dcerpc.FaultContext) {
			t.Errorf("closed twice: %v", err)
		}
	}
}

// TestConnect5 checks the revisions, whose union has one case only.
func TestConnect5(t *testing.T) {
	c := newClient(t, smbd{}, admin)
	for version, want := range map[uint32]ntapi.Status{1: ntapi.OK, 2: ntapi.NotSupported} {
		d := c.Want(64, want, func(e *ndr.Encoder) {
			for _, n := range []uint32{0, maximum, version, version, 1, 0} {
				e.U32(n)
			}
		})
		var got [4]uint32 // version twice, revision, features
		for i := range got {
			got[i] = d.U32()
		}
		if h := d.Handle(); got != [4]uint32{1, 1, 3, 0} || (h != ndr.Handle{}) != (want == ntapi.OK) {
			t.Errorf("version %d: %d, handle %x", version, got, h)
		}
	}
}

// TestObjectRights checks what each operation on an object needs.
func TestObjectRights(t *testing.T) {
	c := newClient(t, smbd{}, admin)
	full := c.domain(machine, maximum)
	builtin := c.domain("S-1-5-32", maximum)
	level := func(n uint16) func(*ndr.Encoder) { return func(e *ndr.Encoder) { e.U16(n) } }
	for _, x := range []struct {
		open   uint16 // how the object is opened; 7 is a domain
		op     uint16
		need   uint32
		params func(e *ndr.Encoder)
	}{
		{7, 8, 0x1, level(1)}, {7, 8, 0x4, level(2)}, {7, 46, 0x5, level(11)}, {7, 8, 0x1, level(12)},
		{7, 11, 0x100, func(e *ndr.Encoder) { e.U32(0); e.U32(99) }},
		{7, 13, 0x100, func(e *ndr.Encoder) { e.U32(0); e.U32(0); e.U32(99) }},
		{7, 16, 0x80, func(e *ndr.Encoder) { e.U32(0); e.U32(0) }},
		{7, 34, 0x200, func(e *ndr.Encoder) { e.U32(maximum); e.U32(1000) }},
		{7, 41, 0x100, func(e *ndr.Encoder) { e.U16(1); e.UnicodeString("t"); e.UnicodeStringBody("t") }},
		{7, 51, 0x100, func(e *ndr.Encoder) { e.U16(1); e.U32(0); e.U32(9); e.U32(999) }},
		{34, 36, 0x1, level(1)}, {34, 36, 0x3, level(2)}, {34, 36, 0x1b, level(3)}, {34, 36, 0x8, level(4)},
		{34, 47, 0x10, level(16)}, {34, 39, 0x100, func(*ndr.Encoder) {}},
		{34, 3, 0x20000, func(e *ndr.Encoder) { e.U32(7) }}, {34, 3, 0x1000000, func(e *ndr.Encoder) { e.U32(8) }},
		{19, 20, 0x1, level(1)}, {19, 25, 0x10, func(*ndr.Encoder) {}},
		{27, 28, 0x8, level(1)}, {27, 33, 0x4, func(*ndr.Encoder) {}},
	} {
		open := func(access uint32) ndr.Handle {
			switch x.open {
			case 7:
				return c.domain(machine, access)
			case 19:
				return c.account(19, full, access, 513)
			case 27:
				return c.account(27, builtin, access, 544)
			}
			return c.account(34, full, access, 1000)
		}
		for _, access := range []uint32{x.need, 0xf07ff &^ x.need} {
			if x.open >= 19 && x.open != 34 {
				access &= 0xf001f
			}
			want := ntapi.AccessDenied
			if access == x.need {
				want = ntapi.OK
			}
			h := open(access)
			t.Run(fmt.Sprintf("%d with %#x", x.op, access), func(t *testing.T) {
				_, status, err := c.Try(x.op, func(e *ndr.Encoder) { e.Handle(h); x.params(e) })
				if err != nil || status != want {
					t.Errorf("status %#x, %v; want %#x", uint32(status), err, uint32(want))
				}
			})
		}
	}
}

// TestPasswordsAreNotTold asks for all classes that a user has, with all rights.
func TestPasswordsAreNotTold(t *testing.T) {
	c := newClient(t, smbd{}, admin)
	h := c.account(34, c.domain(machine, maximum), maximum, 1000)
	for _, level := range []uint16{0, 15, 18, 19, 22, 23, 24, 25, 26, 31, 32, 99} {
		c.Want(36, ntapi.InvalidInfoClass, func(e *ndr.Encoder) { e.Handle(h); e.U16(level) })
	}
	// With fewer rights fewer fields are told.
	h = c.account(34, c.domain(machine, maximum), userReadLogon, 1000)
	d := c.Want(36, ntapi.OK, func(e *ndr.Encoder) { e.Handle(h); e.U16(21) })
	d.Bytes(8 + 48 + 13*8 + 8 + 12)
	if got := d.U32(); got != fieldsLogon {
		t.Errorf("told fields %#x, want %#x", got, fieldsLogon)
	}
}

// TestChangesAreRefused calls all operations that change something.
func TestChangesAreRefused(t *testing.T) {
	c := newClient(t, smbd{}, admin)
	dom := c.domain(machine, maximum)
	handles := map[string]ndr.Handle{
		"domain": dom, "user": c.account(34, dom, maximum, 1000), "group": c.account(19, dom, maximum, 513),
		"alias": c.account(27, c.domain("S-1-5-32", maximum), maximum, 544),
	}
	for kind, ops := range map[string][]uint16{
		"domain": {2, 9, 10, 12, 14, 45, 50}, "user": {2, 35, 37, 38, 58},
		"group": {21, 22, 23, 24, 26}, "alias": {29, 30, 31, 32, 52, 53},
	} {
		for _, op := range ops {
			d := c.Want(op, ntapi.AccessDenied, func(e *ndr.Encoder) { e.Handle(handles[kind]) })
			if (op == 23 || op == 30 || op == 35) && d.Handle() != handles[kind] {
				t.Errorf("operation %d lost the handle", op)
			}
		}
	}
	for _, op := range []uint16{54, 55, 73} {
		c.Want(op, ntapi.AccessDenied, func(*ndr.Encoder) {})
	}
	// Nothing was closed.
	c.Want(36, ntapi.OK, func(e *ndr.Encoder) { e.Handle(handles["user"]); e.U16(7) })
}

// crowd is a Server with many accounts.
type crowd int

func (n crowd) Domains(context.Context) (account, builtin *Domain, err error) {
	d := &Domain{Name: "CROWD", SID: machine}
	for i := range int(n) {
		rid := uint32(1000 + i)
		d.Accounts = append(d.Accounts, Account{Principal: vfs.Principal{
			Kind: vfs.PrincipalUser, Name: fmt.Sprintf("user%05d", i), SID: ridSID(machine, rid), RID: rid, Disabled: i%2 == 1,
		}})
	}
	return d, &Domain{Name: "Builtin", SID: "S-1-5-32"}, nil
}

// TestEnumerateInParts lists users in many small answers, all of them and the disabled ones.
func TestEnumerateInParts(t *testing.T) {
	c := newClient(t, crowd(1000), admin)
	h := c.domain(machine, maximum)
	for filter, want := range map[uint32]int{0: 1000, userDisabled: 500, 0x20410: 1000, 0x80: 0} {
		resume, calls := uint32(0), 0
		seen := make(map[uint32]bool)
		for more := true; more; calls++ {
			out, status, err := c.Try(13, func(e *ndr.Encoder) { e.Handle(h); e.U32(resume); e.U32(filter); e.U32(1000) })
			if err != nil || status != ntapi.OK && status != ntapi.MoreEntries || calls > 2000 {
				t.Fatalf("call %d: status %#x, %v", calls, uint32(status), err)
			}
			d := ndr.NewDecoder(out)
			more, resume = status == ntapi.MoreEntries, d.U32()
			d.U32() // pointer
			n := int(d.U32())
			if d.Ptr() {
				d.U32()
			}
			for range n {
				seen[d.U32()] = true
				d.UnicodeString()
			}
		}
		if len(seen) != want || want > 0 && calls < 10 {
			t.Errorf("filter %#x: %d users in %d calls, want %d", filter, len(seen), calls, want)
		}
	}
}

// TestDisplayInParts does the same with lists for display, and finds places in them.
func TestDisplayInParts(t *testing.T) {
	c := newClient(t, crowd(300), admin)
	h := c.domain(machine, maximum)
	got, status := 0, ntapi.MoreEntries
	for status == ntapi.MoreEntries {
		var out []byte
		out, status = c.Call(48, func(e *ndr.Encoder) { e.Handle(h); e.U16(4); e.U32(uint32(got)); e.U32(7); e.U32(100000) })
		d := ndr.NewDecoder(out)
		d.Bytes(12)
		n := d.U32()
		if n == 0 || n > 7 {
			t.Fatalf("%d entries at %d", n, got)
		}
		got += int(n)
	}
	if got != 300 || status != ntapi.OK {
		t.Errorf("%d entries, status %#x", got, uint32(status))
	}
	for prefix, want := range map[string]uint32{"user00123": 123, "USER0012": 120, "": 0} {
		d := c.Want(49, ntapi.OK, func(e *ndr.Encoder) { e.Handle(h); e.U16(1); e.UnicodeString(prefix); e.UnicodeStringBody(prefix) })
		if at := d.U32(); at != want {
			t.Errorf("%q is behind %d, want %d", prefix, at, want)
		}
	}
	c.Want(49, ntapi.NoMoreEntries, func(e *ndr.Encoder) { e.Handle(h); e.U16(1); e.UnicodeString("x"); e.UnicodeStringBody("x") })
	if _, _, err := c.Try(40, func(e *ndr.Encoder) { e.Handle(h); e.U16(9); e.U32(0); e.U32(7); e.U32(100) }); !errors.Is(err, dcerpc.FaultInvalidTag) {
		t.Errorf("class 9: %v", err)
	}
}

// TestMembership asks for the aliases of SIDs; there is an array even if there are none.
func TestMembership(t *testing.T) {
	c := newClient(t, smbd{}, admin)
	h := c.domain("S-1-5-32", maximum)
	for sid, want := range map[vfs.SID]uint32{admin.SID: 1, "S-1-2-3-4-5": 0} {
		d := c.Want(16, ntapi.OK, func(e *ndr.Encoder) {
			e.Handle(h)
			k := ndr.NewConstruct(e)
			k.U32(1)
			k.Array(1, func(k *ndr.Construct, _ int) { k.SID(sid) })
			k.End()
		})
		if n, present := d.U32(), d.Ptr(); n != want || !present || want == 1 && (d.U32() != 1 || d.U32() != 544) {
			t.Errorf("%s: %d aliases, array %v", sid, n, present)
		}
	}
}

// TestBounds sends counts that are too large, or not what follows.
func TestBounds(t *testing.T) {
	c := newClient(t, smbd{}, admin)
	h := c.domain(machine, maximum)
	for name, x := range map[string]struct {
		op     uint16
		params []uint32
	}{
		"too many names":   {17, []uint32{1001, 1001, 0, 1001}},
		"other capacity":   {17, []uint32{1, 1, 0, 1}},
		"names missing":    {17, []uint32{1000, 1000, 0, 1000}},
		"offset":           {18, []uint32{1, 1000, 1, 1, 500}},
		"too many numbers": {18, []uint32{1 << 31, 1000, 0, 1 << 31}},
		"too many SIDs":    {16, []uint32{20481, 1, 20481}},
		"SIDs missing":     {16, []uint32{3, 1, 3, 1, 1, 1}},
		"no SID":           {16, []uint32{1, 1, 1, 0}},
	} {
		_, _, err := c.Try(x.op, func(e *ndr.Encoder) {
			e.Handle(h)
			for _, n := range x.params {
				e.U32(n)
			}
		})
		if !errors.Is(err, ndr.ErrBadStub) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// broken is a Server whose account store fails.
type broken struct{}

func (broken) Domains(context.Context) (account, builtin *Domain, err error) {
	return nil, nil, errors.New("out of order")
}

func TestBrokenStore(t *testing.T) {
	c := newClient(t, broken{}, admin)
	h := c.server(maximum)
	c.Want(6, ntapi.InternalDBError, func(e *ndr.Encoder) { e.Handle(h); e.U32(0); e.U32(99) })
	c.Want(7, ntapi.InternalDBError, func(e *ndr.Encoder) { e.Handle(h); e.U32(maximum); e.SID(machine) })
}

// FuzzCall calls any operation with any stub, after handles of every kind were opened.
func FuzzCall(f *testing.F) {
	for _, name := range []string{"impacket", "rpcclient"} {
		for _, x := range transcript.Read(f, "testdata/samr-"+name+".txt") {
			if x.Request[2] == 0 {
				f.Add(x.Request[22], x.Request[24:])
			}
		}
	}
	ctx := vfs.WithCaller(context.Background(), admin)
	iface := Interface(crowd(50))
	all := func(class *ntapi.Class) granted { return granted{Class: class, Granted: ^ntapi.Access(0)} }
	f.Fuzz(func(t *testing.T, op uint8, stub []byte) {
		var handles dcerpc.Handles
		defer handles.Close()
		// The first octet of a handle in the stub chooses a real one.
		list := []any{
			&serverHandle{all(&serverClass)}, &domainHandle{all(&domainClass), machine}, &userHandle{account{all(&userClass), machine, 1000}},
			&groupHandle{account{all(&groupClass), machine, 1000}}, &aliasHandle{account{all(&aliasClass), machine, 1000}},
		}
		if len(stub) >= 20 {
			id, err := handles.New(list[int(stub[0])%len(list)])
			if err != nil {
				t.Fatal(err)
			}
			stub = append(append([]byte(nil), id[:]...), stub[20:]...)
		}
		out, err := transcript.Call(ctx, iface, &handles, uint16(op), stub)
		if err == nil && len(out) < 4 {
			t.Errorf("operation %d answered %x", op, out)
		}
		if len(out) > 64<<10+100*len(stub) {
			t.Errorf("operation %d: %d octets make %d", op, len(stub), len(out))
		}
	})
}
