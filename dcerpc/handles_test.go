package dcerpc_test

import (
	"context"
	"errors"
	"testing"

	"github.com/gosmbd/smb/dcerpc"
	"github.com/gosmbd/smb/dcerpc/ndr"
)

// key is something that a client has opened.
type key struct{ closed int }

func (k *key) Close() error { k.closed++; return nil }

// registry opens a key by operation 0, uses it by 1 and closes it by 2.
func registry(k *key) dcerpc.Interface {
	i := echo
	i.Call = func(_ context.Context, c *dcerpc.Call) error {
		if c.Opnum == 0 {
			id, err := c.Handles.New(k)
			c.Out.Handle(id)
			return err
		}
		_, id, err := dcerpc.HandleOf[*key](c)
		if err == nil && c.Opnum == 2 {
			c.Handles.Remove(id)
			c.Out.Handle(ndr.Handle{})
		}
		return err
	}
	return i
}

func TestHandles(t *testing.T) {
	k := &key{}
	c := dcerpc.NewConn("", registry(k))
	write(t, c, bindPDU(11, 4280))
	opened := write(t, c, requestPDU(3, 2, 0, nil))
	if len(opened) != 44 {
		t.Fatalf("open: %x", opened)
	}
	id := opened[24:]
	if r := write(t, c, requestPDU(3, 3, 1, id)); faultOf(r) != 0 {
		t.Errorf("use: %x", r)
	}
	if r := write(t, c, requestPDU(3, 4, 1, make([]byte, 20))); faultOf(r) != dcerpc.FaultContext {
		t.Errorf("use of none: %x", r)
	}
	if r := write(t, c, requestPDU(3, 5, 1, id[:19])); faultOf(r) != dcerpc.FaultBadStub {
		t.Errorf("use of a part: %x", r)
	}
	if r := write(t, c, requestPDU(3, 6, 2, id)); faultOf(r) != 0 {
		t.Errorf("close: %x", r)
	}
	if r := write(t, c, requestPDU(3, 7, 1, id)); faultOf(r) != dcerpc.FaultContext {
		t.Errorf("use after close: %x", r)
	}
	write(t, c, requestPDU(3, 8, 0, nil))
	if c.Close(); k.closed != 1 {
		t.Errorf("run down %d times", k.closed)
	}
	if _, err := c.Write(context.Background(), bindPDU(11, 4280)); !errors.Is(err, dcerpc.ErrBroken) {
		t.Errorf("write after close: %v", err)
	}
}

func TestHandlesBound(t *testing.T) {
	var h dcerpc.Handles
	var err error
	n := 0
	for ; err == nil; n++ {
		_, err = h.New(n)
	}
	if n != 1025 || !errors.Is(err, dcerpc.FaultNoMemory) {
		t.Error(n, err)
	}
	h.Close()
	if _, err := h.New(0); !errors.Is(err, dcerpc.FaultNoMemory) {
		t.Error(err)
	}
}
