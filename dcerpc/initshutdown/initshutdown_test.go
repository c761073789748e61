package initshutdown

import (
	"context"
	"errors"
	"testing"

	"github.com/gosmbd/smb/dcerpc"
	"github.com/gosmbd/smb/dcerpc/internal/transcript"
)

func TestRefused(t *testing.T) {
	for op := range uint16(3) {
		out, err := transcript.Call(context.Background(), Interface(), nil, op, nil)
		if err != nil || string(out) != "\x05\x00\x00\x00" {
			t.Errorf("operation %d: %x %v", op, out, err)
		}
	}
	if _, err := transcript.Call(context.Background(), Interface(), nil, 3, nil); !errors.Is(err, dcerpc.FaultOpRange) {
		t.Error(err)
	}
}

// FuzzCall sends any stub to any operation.
func FuzzCall(f *testing.F) {
	f.Add(uint16(0), []byte("stub"))
	f.Fuzz(func(t *testing.T, op uint16, stub []byte) {
		if out, _ := transcript.Call(context.Background(), Interface(), nil, op%8, stub); len(out) > 4 {
			t.Errorf("%d octets", len(out))
		}
	})
}
