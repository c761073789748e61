package ntsvcs

import (
	"bytes"
	"context"
	"testing"

	"github.com/gosmbd/smb/dcerpc/internal/transcript"
	"github.com/gosmbd/smb/dcerpc/ndr"
)

func TestNoDevices(t *testing.T) {
	list := func(named bool, numbers ...uint32) []byte {
		var e ndr.Encoder
		e.Ptr(named)
		if named {
			e.WString("Spooler")
		}
		for _, n := range numbers {
			e.U32(n)
		}
		return e.Bytes()
	}
	for _, tt := range []struct {
		op   uint16
		stub []byte
		want string
	}{
		{2, nil, "\x00\x04\x00\x00\x00\x00\x00\x00"},
		{11, list(true, 2), "\x01\x00\x00\x00\x00\x00\x00\x00"},
		{11, list(false, 2), "\x00\x00\x00\x00\x03\x00\x00\x00"},
		{11, list(false, 0), "\x01\x00\x00\x00\x00\x00\x00\x00"},
		{10, list(true, 1, 2), "\x01\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00"},
		{10, list(true, 0, 2), "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x1a\x00\x00\x00"},
	} {
		got, err := transcript.Call(context.Background(), Interface(), nil, tt.op, tt.stub)
		if err != nil || !bytes.Equal(got, []byte(tt.want)) {
			t.Errorf("operation %d, %x: %x %v, want %x", tt.op, tt.stub, got, err, tt.want)
		}
	}
}

// FuzzCall sends any stub to any operation.
func FuzzCall(f *testing.F) {
	var e ndr.Encoder
	e.WString("device")
	e.Raw(make([]byte, 20))
	f.Add(uint16(13), e.Bytes())
	f.Fuzz(func(t *testing.T, op uint16, stub []byte) {
		if out, _ := transcript.Call(context.Background(), Interface(), nil, op%16, stub); len(out) > 64 {
			t.Errorf("%d octets", len(out))
		}
	})
}
