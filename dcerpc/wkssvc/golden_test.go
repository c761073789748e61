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
	different := map[int]string{
		4: "smbd points to an empty array", 5: "smbd points to an empty array",
		6: "smbd doesn't know the operation", 7: "smbd doesn't know the operation",
	}
	transcript.Compare(t, x, nil, open, func(i int) string { return different[i] })
}

type smbd struct{}

func (smbd) Admin(context.Context) bool { return true }

func (smbd) Workstation(context.Context) Info {
	return Info{Name: "SAMBAREF", Domain: "WORKGROUP", Major: 6, Minor: 1}
}
