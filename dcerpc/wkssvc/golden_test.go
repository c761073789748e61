package wkssvc

import (
	"context"
	"testing"

	"github.com/gosmbd/smb/dcerpc"
	"github.com/gosmbd/smb/dcerpc/internal/transcript"
)

// TestGolden replays what impacket asked Samba's smbd, and compares the replies
// octet by octet.
func TestGolden(t *testing.T) {
	x := transcript.Read(t, "testdata/wkssvc-impacket.txt")
	open := func() *dcerpc.Conn { return dcerpc.NewConn(`\pipe\wkssvc`, Interface(smbd{})) }
	transcript.Replay(t, x, open, func(i int, want, got []byte) {
		switch i {
		case 4, 5:
			return // smbd points to an empty array
		case 6, 7:
			return // smbd doesn't know the operation
		}
		if !transcript.Same(want, got) {
			t.Errorf("exchange %d, operation %d\nrequest %x\nwant %x\ngot  %x", i, x[i].Request[22], x[i].Request, want, got)
		}
	})
}

type smbd struct{}

func (smbd) Admin(context.Context) bool { return true }

func (smbd) Workstation(context.Context) Info {
	return Info{Name: "SAMBAREF", Domain: "WORKGROUP", Major: 6, Minor: 1}
}
