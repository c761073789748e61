package dcerpc_test

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gosmbd/smb/dcerpc"
	"github.com/gosmbd/smb/dcerpc/internal/transcript"
)

// echo has four operations: the stub itself, bad stub data, access denied, and
// as many zeros as the first DWORD says, to a bound.
var echo = dcerpc.Interface{
	UUID:  dcerpc.MustUUID("4b324fc8-1670-01d3-1278-5a47bf6ee188"),
	Major: 3,
	Call: func(_ context.Context, c *dcerpc.Call) error {
		switch c.Opnum {
		case 0:
			c.Out.Raw(c.In.Bytes(c.In.Remaining()))
			return nil
		case 15:
			c.In.Fail()
			return nil
		case 16:
			return dcerpc.FaultAccessDenied
		case 17:
			c.Out.Raw(make([]byte, min(c.In.U32(), 32<<20)))
			return nil
		}
		return dcerpc.FaultOpRange
	},
}

func newEcho() *dcerpc.Conn { return dcerpc.NewConn(`\pipe\srvsvc`, echo) }

// TestGolden replays conversations with Samba's smbd, and compares the replies
// octet by octet.
func TestGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) < 10 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".txt")
		t.Run(name, func(t *testing.T) {
			x := transcript.Read(t, file)
			transcript.Replay(t, x, newEchoOnce(), func(i int, want, got []byte) {
				if !transcript.Same(want, got) {
					t.Errorf("exchange %d\nrequest %x\nwant %x\ngot  %x", i, x[i].Request, want, got)
				}
			})
		})
	}
}

// newEchoOnce opens the same connection each time: a second bind is meant.
func newEchoOnce() func() *dcerpc.Conn {
	c := newEcho()
	return func() *dcerpc.Conn { return c }
}
