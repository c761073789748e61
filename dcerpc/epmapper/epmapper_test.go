package epmapper

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/gosmbd/smb/dcerpc"
	"github.com/gosmbd/smb/dcerpc/internal/transcript"
	"github.com/gosmbd/smb/dcerpc/ndr"
)

var (
	srvsvc = Endpoint{UUID: dcerpc.MustUUID("4b324fc8-1670-01d3-1278-5a47bf6ee188"), Major: 3, Host: "ME", Pipe: "srvsvc"}
	lsarpc = Endpoint{UUID: dcerpc.MustUUID("12345778-1234-abcd-ef00-0123456789ab"), Minor: 2, Host: "ME", Pipe: "lsarpc"}
	lsass  = Endpoint{UUID: lsarpc.UUID, Minor: 2, Host: "ME", Pipe: "lsass"}
	mapper = Endpoint{UUID: id, Major: 3, Host: "ME", Pipe: "epmapper"}
)

// client calls the mapper.
type client struct {
	iface   dcerpc.Interface
	handles dcerpc.Handles
}

func newClient() *client {
	return &client{iface: Interface(func() []Endpoint { return []Endpoint{srvsvc, lsarpc, lsass} })}
}

// answer is what both calls return.
type answer struct {
	handle ndr.Handle
	towers [][]byte
	status uint32
}

func (c *client) call(t *testing.T, opnum uint16, stub []byte) answer {
	t.Helper()
	out, err := transcript.Call(context.Background(), c.iface, &c.handles, opnum, stub)
	if err != nil {
		t.Fatal(err)
	}
	d := ndr.NewDecoder(out)
	a := answer{handle: d.Handle()}
	n := d.U32()
	d.U32()
	if d.U32() != 0 || d.U32() != n {
		t.Errorf("array: %x", out)
	}
	for range n {
		if opnum == 2 {
			d.UUID()
		}
		if !d.Ptr() {
			t.Error("no tower")
		}
		if opnum == 2 && (d.U32() != 0 || string(d.Bytes(int(d.U32()))) != "\x00") {
			t.Error("annotation")
		}
	}
	for range n {
		a.towers = append(a.towers, d.Bytes(d.MaxCount(d.U32(), 1)))
	}
	a.status = d.U32()
	if d.Err() != nil || d.Remaining() != 0 {
		t.Errorf("%v, %d left of %x", d.Err(), d.Remaining(), out)
	}
	return a
}

// lookup is ept_lookup.
func lookup(kind uint32, object *dcerpc.UUID, iface *Endpoint, versions uint32, h ndr.Handle, n uint32) []byte {
	var e ndr.Encoder
	e.U32(kind)
	if e.Ptr(object != nil); object != nil {
		e.UUID(*object)
	}
	if e.Ptr(iface != nil); iface != nil {
		e.UUID(iface.UUID)
		e.U16(iface.Major)
		e.U16(iface.Minor)
	}
	e.U32(versions)
	e.Handle(h)
	e.U32(n)
	return e.Bytes()
}

func TestLookup(t *testing.T) {
	nothing, other := dcerpc.UUID{}, srvsvc.UUID
	older, newer := lsarpc, lsarpc
	older.Minor, newer.Minor = 1, 3
	for _, x := range []struct {
		name   string
		stub   []byte
		want   []Endpoint
		status uint32
	}{
		{"all", lookup(0, nil, nil, 0, ndr.Handle{}, 500), []Endpoint{srvsvc, lsarpc, lsass, mapper}, 0},
		{"as many as there are", lookup(0, nil, nil, 1, ndr.Handle{}, 499), []Endpoint{srvsvc, lsarpc, lsass, mapper}, notRegistered},
		{"none asked for", lookup(0, nil, nil, 1, ndr.Handle{}, 0), nil, notRegistered},
		{"interface", lookup(1, nil, &older, 1, ndr.Handle{}, 500), []Endpoint{lsarpc, lsass}, 0},
		{"compatible", lookup(1, nil, &older, 2, ndr.Handle{}, 500), []Endpoint{lsarpc, lsass}, 0},
		{"not compatible", lookup(1, nil, &newer, 2, ndr.Handle{}, 500), nil, notRegistered},
		{"exact", lookup(1, nil, &lsarpc, 3, ndr.Handle{}, 500), []Endpoint{lsarpc, lsass}, 0},
		{"not exact", lookup(1, nil, &older, 3, ndr.Handle{}, 500), nil, notRegistered},
		{"major", lookup(1, nil, &newer, 4, ndr.Handle{}, 500), []Endpoint{lsarpc, lsass}, 0},
		{"up to", lookup(1, nil, &newer, 5, ndr.Handle{}, 500), []Endpoint{lsarpc, lsass}, 0},
		{"not up to", lookup(1, nil, &older, 5, ndr.Handle{}, 500), nil, notRegistered},
		{"no object", lookup(2, &nothing, nil, 1, ndr.Handle{}, 500), []Endpoint{srvsvc, lsarpc, lsass, mapper}, 0},
		{"object", lookup(2, &other, nil, 1, ndr.Handle{}, 500), nil, notRegistered},
		{"both", lookup(3, &nothing, &srvsvc, 1, ndr.Handle{}, 500), []Endpoint{srvsvc}, 0},
		{"no interface given", lookup(1, nil, nil, 1, ndr.Handle{}, 500), nil, cantPerform},
		{"unknown kind", lookup(4, nil, nil, 1, ndr.Handle{}, 500), nil, cantPerform},
		{"unknown versions", lookup(1, nil, &srvsvc, 6, ndr.Handle{}, 500), nil, cantPerform},
	} {
		a := newClient().call(t, 2, x.stub)
		if a.status != x.status || len(a.towers) != len(x.want) || a.handle != (ndr.Handle{}) {
			t.Errorf("%s: %d towers, status %x, handle %x", x.name, len(a.towers), a.status, a.handle)
			continue
		}
		for i, e := range x.want {
			if !bytes.Equal(a.towers[i], e.tower()) {
				t.Errorf("%s: tower %d is %x", x.name, i, a.towers[i])
			}
		}
	}
}

// TestLookupInParts goes on with a handle, and gives one up.
func TestLookupInParts(t *testing.T) {
	c := newClient()
	first := c.call(t, 2, lookup(0, nil, nil, 1, ndr.Handle{}, 3))
	if len(first.towers) != 3 || first.status != 0 || first.handle == (ndr.Handle{}) {
		t.Fatal(first)
	}
	rest := c.call(t, 2, lookup(0, nil, nil, 1, first.handle, 3))
	if len(rest.towers) != 1 || rest.handle != (ndr.Handle{}) || rest.status != notRegistered {
		t.Error(rest)
	}
	_, err := transcript.Call(context.Background(), c.iface, &c.handles, 2, lookup(0, nil, nil, 1, first.handle, 3))
	if !errors.Is(err, dcerpc.FaultContext) {
		t.Error(err)
	}

	first = c.call(t, 2, lookup(0, nil, nil, 1, ndr.Handle{}, 1))
	out, err := transcript.Call(context.Background(), c.iface, &c.handles, 4, first.handle[:])
	if err != nil || !bytes.Equal(out, make([]byte, 24)) {
		t.Errorf("%x, %v", out, err)
	}
	if c.handles.Get(first.handle) != nil {
		t.Error("the handle wasn't freed")
	}
	if _, err := transcript.Call(context.Background(), c.iface, &c.handles, 2, lookup(0, nil, nil, 1, ndr.Handle{}, 501)); !errors.Is(err, ndr.ErrBadStub) {
		t.Error(err)
	}
}

// TestLookupAtOnce goes on with a search from two pipes at once, as those of an association
// group can. Each endpoint is told once. For -race.
func TestLookupAtOnce(t *testing.T) {
	list := slices.Repeat([]Endpoint{srvsvc}, 200)
	iface := Interface(func() []Endpoint { return list })
	for range 20 {
		c := &client{iface: iface}
		h := c.call(t, 2, lookup(0, nil, nil, 1, ndr.Handle{}, 1)).handle
		var told atomic.Int32
		var wg sync.WaitGroup
		for range 2 {
			wg.Go(func() {
				for range len(list) {
					out, err := transcript.Call(context.Background(), iface, &c.handles, 2, lookup(0, nil, nil, 1, h, 1))
					if err != nil {
						return // the other one came to the end
					}
					told.Add(int32(binary.LittleEndian.Uint32(out[20:])))
				}
			})
		}
		wg.Wait()
		if n := int(told.Load()); n != len(list) { // without the first, with the mapper's own
			t.Errorf("%d endpoints, want %d", n, len(list))
		}
	}
}

// mapTower is ept_map.
func mapTower(tower []byte, n uint32) []byte {
	var e ndr.Encoder
	e.Ptr(false)
	if e.Ptr(tower != nil); tower != nil {
		e.U32(uint32(len(tower)))
		e.U32(uint32(len(tower)))
		e.Raw(tower)
	}
	e.Handle(ndr.Handle{})
	e.U32(n)
	return e.Bytes()
}

func TestMap(t *testing.T) {
	a := newClient().call(t, 3, mapTower(lsarpc.tower(), 4))
	if len(a.towers) != 2 || a.status != 0 || !bytes.Equal(a.towers[1], lsass.tower()) {
		t.Error(a)
	}
	a = newClient().call(t, 3, mapTower(lsarpc.tower(), 1))
	if len(a.towers) != 1 || a.status != 0 || a.handle == (ndr.Handle{}) {
		t.Error(a)
	}
	tcp := bytes.Replace(lsarpc.tower(), []byte{1, 0, protocolPipe}, []byte{1, 0, 7}, 1)
	newer := lsarpc
	newer.Minor = 3
	for name, tower := range map[string][]byte{"TCP": tcp, "newer": newer.tower(), "none": nil, "no floors": {0, 0}} {
		if a := newClient().call(t, 3, mapTower(tower, 4)); len(a.towers) != 0 || a.status != notRegistered {
			t.Errorf("%s: %v", name, a)
		}
	}
	for name, tower := range map[string][]byte{"empty": {}, "cut": srvsvc.tower()[:20], "long": make([]byte, 2001), "many": {0xff, 0xff}} {
		c := newClient()
		if _, err := transcript.Call(context.Background(), c.iface, &c.handles, 3, mapTower(tower, 4)); !errors.Is(err, ndr.ErrBadStub) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestChanges(t *testing.T) {
	c := newClient()
	for _, opnum := range []uint16{0, 1, 5, 6, 7, 8} {
		if _, err := transcript.Call(context.Background(), c.iface, &c.handles, opnum, nil); err != dcerpc.FaultOpRange {
			t.Errorf("%d: %v", opnum, err)
		}
	}
}

// TestTower parses what is written.
func TestTower(t *testing.T) {
	floors, err := parseTower(srvsvc.tower())
	if err != nil || len(floors) != 5 || !leadsTo(floors, srvsvc) || leadsTo(floors, lsarpc) {
		t.Error(floors, err)
	}
	if string(floors[3].right) != "\\pipe\\srvsvc\x00" || string(floors[4].right) != "\\\\ME\x00" {
		t.Errorf("%q %q", floors[3].right, floors[4].right)
	}
	want := append([]byte{5, 0, 19, 0, 13}, srvsvc.UUID[:]...)
	if !bytes.HasPrefix(srvsvc.tower(), append(want, 3, 0, 2, 0, 0, 0)) {
		t.Errorf("%x", srvsvc.tower())
	}
}

func FuzzTower(f *testing.F) {
	f.Add(srvsvc.tower())
	f.Add([]byte{2, 0, 1, 0, 13, 0, 0, 1, 0, 13, 0, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		floors, err := parseTower(b)
		if err != nil {
			return
		}
		again := binary.LittleEndian.AppendUint16(nil, uint16(len(floors)))
		for _, x := range floors {
			again = appendFloor(again, x.protocol, x.left, x.right)
			x.syntax()
		}
		if !bytes.HasPrefix(b, again) {
			t.Fatalf("%x comes back as %x", b, again)
		}
		leadsTo(floors, srvsvc)
	})
}

func FuzzCall(f *testing.F) {
	f.Add(uint16(2), lookup(1, nil, &srvsvc, 1, ndr.Handle{}, 10))
	f.Add(uint16(3), mapTower(srvsvc.tower(), 10))
	f.Add(uint16(4), make([]byte, 20))
	f.Fuzz(func(t *testing.T, opnum uint16, stub []byte) {
		c := newClient()
		for _, order := range []binary.ByteOrder{binary.LittleEndian, binary.BigEndian} {
			k := &dcerpc.Call{Opnum: opnum % 8, In: ndr.NewDecoderOrder(stub, order), Out: &ndr.Encoder{}, Handles: &c.handles}
			if err := c.iface.Call(context.Background(), k); err == nil && k.Out.Len() > 4096 {
				t.Fatal(k.Out.Len())
			}
		}
	})
}
