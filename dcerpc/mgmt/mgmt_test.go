package mgmt_test

import (
	"context"
	"errors"
	"testing"

	"github.com/gosmbd/smb/dcerpc"
	"github.com/gosmbd/smb/dcerpc/internal/transcript"
	"github.com/gosmbd/smb/dcerpc/mgmt"
	"github.com/gosmbd/smb/dcerpc/ndr"
)

func call(opnum uint16, args ...uint32) (*ndr.Decoder, error) {
	var e ndr.Encoder
	for _, a := range args {
		e.U32(a)
	}
	out, err := callRaw(opnum, e.Bytes())
	return ndr.NewDecoder(out), err
}

func callRaw(opnum uint16, stub []byte) ([]byte, error) {
	one := dcerpc.Interface{UUID: dcerpc.MustUUID("4b324fc8-1670-01d3-1278-5a47bf6ee188"), Major: 3, Minor: 1}
	i := mgmt.Interface(&dcerpc.Server{}, []dcerpc.Interface{one}, func(p uint8) string {
		if p == dcerpc.AuthNTLM {
			return "host/me"
		}
		return ""
	})
	return transcript.Call(context.Background(), i, &dcerpc.Handles{}, opnum, stub)
}

func TestInterfaces(t *testing.T) {
	d, err := call(0)
	if err != nil || !d.Ptr() || d.U32() != 1 || d.U32() != 1 || !d.Ptr() {
		t.Fatal(err)
	}
	if u := dcerpc.UUID(d.UUID()); u.String() != "4b324fc8-1670-01d3-1278-5a47bf6ee188" || d.U16() != 3 || d.U16() != 1 || d.U32() != 0 || d.Remaining() != 0 {
		t.Error(u, d.Err())
	}
}

func TestStatistics(t *testing.T) {
	for asked, want := range map[uint32]uint32{0: 0, 3: 3, 50: 4} {
		d, err := call(1, asked)
		if err != nil || d.U32() != want || d.U32() != want || d.Remaining() != int(4*want)+4 {
			t.Error(asked, err, d.Remaining())
		}
	}
	if _, err := call(1, 51); !errors.Is(err, ndr.ErrBadStub) {
		t.Error(err)
	}
}

func TestListening(t *testing.T) {
	if d, err := call(2); err != nil || d.U32() != 0 || d.U32() != 1 {
		t.Error(err)
	}
	if d, err := call(3); err != nil || d.U32() != 5 {
		t.Error("it was stopped", err)
	}
	if _, err := call(5); err != dcerpc.FaultOpRange {
		t.Error(err)
	}
}

func TestPrincipal(t *testing.T) {
	for _, x := range []struct {
		provider, size, status uint32
		name                   string
	}{
		{10, 100, 0, "host/me"}, {10, 8, 0, "host/me"}, {10, 7, 0x7a, ""}, {16, 100, 0x6d3, ""}, {266, 100, 0x6d3, ""},
	} {
		d, err := call(4, x.provider, x.size)
		if err != nil || d.U32() != x.size || d.U32() != 0 {
			t.Fatal(x, err)
		}
		if name := string(d.Bytes(int(d.U32()))); name != x.name+"\x00" || d.U32() != x.status {
			t.Errorf("%v: %q", x, name)
		}
	}
	for _, size := range []uint32{0, 4097} {
		if _, err := call(4, 10, size); !errors.Is(err, ndr.ErrBadStub) {
			t.Error(size, err)
		}
	}
}

// FuzzCall sends any stub to any operation.
func FuzzCall(f *testing.F) {
	f.Add(uint16(1), []byte{3, 0, 0, 0})
	f.Add(uint16(4), []byte{10, 0, 0, 0, 100, 0, 0, 0})
	f.Fuzz(func(t *testing.T, op uint16, stub []byte) {
		if out, _ := callRaw(op%8, stub); len(out) > 1024 {
			t.Errorf("%d octets", len(out))
		}
	})
}
