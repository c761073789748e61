package dcerpc_test

import (
	"context"
	"encoding/binary"
	"errors"
	"testing"

	"github.com/gosmbd/smb/dcerpc"
	"github.com/gosmbd/smb/dcerpc/internal/transcript"
	"github.com/gosmbd/smb/vfs"
)

// associate binds to the group, 0 for a new one, as a caller of SMB. It returns the
// group, 0 if the bind was refused.
func associate(t *testing.T, c *dcerpc.Conn, caller string, group uint32) uint32 {
	t.Helper()
	b := bindPDU(11, 4280)
	binary.LittleEndian.PutUint32(b[20:], group)
	_, err := c.Write(vfs.WithCaller(context.Background(), &vfs.Caller{Name: caller}), b)
	r := transcript.Drain(t, c)
	if r[2] == 13 && errors.Is(err, dcerpc.ErrBroken) {
		return 0
	}
	if r[2] != 12 || err != nil {
		t.Fatalf("%x, %v", r, err)
	}
	return binary.LittleEndian.Uint32(r[20:])
}

// TestGroups shares a handle among the associations of a group, until the last one ends.
func TestGroups(t *testing.T) {
	k := &key{}
	var s dcerpc.Server
	conn := func(client string) *dcerpc.Conn {
		return dcerpc.Config{Server: &s, Client: client}.NewConn("", registry(k))
	}
	as := vfs.WithCaller(context.Background(), &vfs.Caller{Name: "ann"})
	call := func(c *dcerpc.Conn, opnum uint16, stub []byte) []byte {
		if _, err := c.Write(as, requestPDU(3, 2, opnum, stub)); err != nil {
			t.Fatal(err)
		}
		return transcript.Drain(t, c)
	}

	a, b, other := conn("1.2.3.4"), conn("1.2.3.4"), conn("1.2.3.4")
	group := associate(t, a, "ann", 0)
	id := call(a, 0, nil)[24:]
	if g := associate(t, b, "ann", group); g != group {
		t.Errorf("joined %d", g)
	}
	if g := associate(t, other, "ann", 0); g == group || g == 0 {
		t.Errorf("another group is %d", g)
	}
	if r := call(b, 1, id); faultOf(r) != 0 {
		t.Errorf("shared: %x", r)
	}
	if r := call(other, 1, id); faultOf(r) != dcerpc.FaultContext {
		t.Errorf("in another group: %x", r)
	}
	for name, g := range map[string]uint32{
		"other caller": associate(t, conn("1.2.3.4"), "bob", group),
		"other client": associate(t, conn("1.2.3.5"), "ann", group),
		"no group":     associate(t, conn("1.2.3.4"), "ann", ^group),
	} {
		if g != 0 {
			t.Errorf("%s joined", name)
		}
	}

	a.Close()
	if r := call(b, 1, id); faultOf(r) != 0 || k.closed != 0 {
		t.Errorf("after the first ended: %x, %d", r, k.closed)
	}
	b.Close()
	if k.closed != 1 {
		t.Errorf("run down %d times", k.closed)
	}
	if g := associate(t, conn("1.2.3.4"), "ann", group); g != 0 {
		t.Error("the group outlived its associations")
	}
}

// TestHandleOwner has a handle be there for its owner only, and only as protected as it
// was opened.
func TestHandleOwner(t *testing.T) {
	c := secureConfig().NewConn("", registry(&key{}))
	write(t, c, bindPDU(11, 4280))
	peers := map[string]*peer{"ann": {level: dcerpc.LevelPrivacy, id: 1}, "bob": {level: dcerpc.LevelPrivacy, id: 2}}
	for name, p := range peers {
		write(t, c, p.trailer(bindPDU(14, 4280), []byte("hello")))
		write(t, c, p.trailer(bindPDU(14, 4280), []byte(name)))
	}
	ann, bob := peers["ann"], peers["bob"]
	weak := &peer{level: dcerpc.LevelIntegrity, id: 3}
	write(t, c, weak.trailer(bindPDU(14, 4280), []byte("hello")))
	write(t, c, weak.trailer(bindPDU(14, 4280), []byte("ann")))

	id := ann.unprotect(t, write(t, c, ann.protect(requestPDU(3, 2, 0, nil))))
	for name, p := range map[string]*peer{"another's": bob, "weaker": weak} {
		if r := write(t, c, p.protect(requestPDU(3, 3, 1, id))); faultOf(r) != dcerpc.FaultContext {
			t.Errorf("%s: %x", name, r)
		}
	}
	if r := write(t, c, requestPDU(3, 4, 2, id)); faultOf(r) != dcerpc.FaultContext {
		t.Errorf("without protection: %x", r)
	}
	if r := write(t, c, ann.protect(requestPDU(3, 5, 2, id))); faultOf(r) != 0 {
		t.Errorf("its owner's: %x", r)
	}
}
