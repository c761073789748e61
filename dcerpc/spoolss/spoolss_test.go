package spoolss

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"testing"

	"github.com/gosmbd/smb/dcerpc"
	"github.com/gosmbd/smb/dcerpc/internal/transcript"
	"github.com/gosmbd/smb/dcerpc/ndr"
)

// enum is the stub of RpcEnumPrinters with a place of size octets, none if it is negative.
func enum(level uint32, size int) []byte {
	var e ndr.Encoder
	e.U32(2)
	e.UniqueWString(`\\server`)
	e.U32(level)
	e.Ptr(size >= 0)
	if size >= 0 {
		e.U32(uint32(size))
		e.Raw(bytes.Repeat([]byte{0xaa}, size))
	}
	e.U32(uint32(max(size, 0)))
	return e.Bytes()
}

func TestNoPrinters(t *testing.T) {
	for _, tt := range []struct {
		level uint32
		size  int
		want  uint32
	}{{1, -1, 0}, {2, 0, 0}, {5, 100, 0}, {6, 0, 124}} {
		out, err := transcript.Call(context.Background(), Interface(), nil, 0, enum(tt.level, tt.size))
		if err != nil {
			t.Fatal(err)
		}
		if got := binary.LittleEndian.Uint32(out[len(out)-4:]); got != tt.want || bytes.Contains(out, []byte{0xaa}) {
			t.Errorf("level %d, %d octets: %d %x", tt.level, tt.size, got, out)
		}
	}
	for _, op := range []uint16{1, 69} {
		out, err := transcript.Call(context.Background(), Interface(), nil, op, nil)
		if err != nil || len(out) != 24 || binary.LittleEndian.Uint32(out[20:]) != 1801 {
			t.Errorf("operation %d: %x %v", op, out, err)
		}
	}
	if _, err := transcript.Call(context.Background(), Interface(), nil, 65, nil); !errors.Is(err, dcerpc.FaultOpRange) {
		t.Errorf("operation by which a server calls its client back: %v", err)
	}
}

// FuzzCall sends any stub to any operation.
func FuzzCall(f *testing.F) {
	f.Add(uint16(0), enum(1, 20))
	f.Fuzz(func(t *testing.T, op uint16, stub []byte) {
		out, err := transcript.Call(context.Background(), Interface(), nil, op, stub)
		if err == nil && len(out) > len(stub)+64 {
			t.Errorf("%d octets", len(out))
		}
	})
}
