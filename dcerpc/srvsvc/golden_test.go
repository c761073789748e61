package srvsvc

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"testing"
	"time"

	"github.com/gosmbd/smb/dcerpc"
	"github.com/gosmbd/smb/dcerpc/internal/transcript"
)

// different lists what is not compared with smbd's answer, by client and exchange,
// and why.
var different = map[string]string{
	"impacket 14":  "smbd says ERROR_INVALID_NAME for an unknown share",
	"impacket 17":  "smbd has 100000 licenses",
	"impacket 18":  "smbd gives a resume handle at the end",
	"impacket 19":  "smbd gives a resume handle at the end",
	"impacket 20":  "smbd doesn't know the level",
	"impacket 21":  "smbd doesn't know the level",
	"impacket 22":  "smbd doesn't know the level",
	"impacket 23":  "smbd doesn't know the level",
	"impacket 24":  "smbd points to an empty array",
	"impacket 25":  "smbd lists the connection asking",
	"impacket 26":  "smbd points to an empty array",
	"impacket 28":  "smbd lists drive C:",
	"impacket 30":  "smbd has no statistics",
	"impacket 31":  "smbd has no transports",
	"rpcclient 12": "smbd says ERROR_INVALID_NAME for an unknown share",
	"rpcclient 16": "smbd points to an empty array",
	"rpcclient 18": "smbd gives a resume handle at the end",
	"rpcclient 20": "smbd lists drive C:",
	"rpcclient 22": "smbd lists the connection asking",
}

// TestGolden replays what rpcclient and impacket asked Samba's smbd, to a Server
// of the same content, and compares the replies octet by octet.
func TestGolden(t *testing.T) {
	for _, client := range []string{"impacket", "rpcclient"} {
		t.Run(client, func(t *testing.T) { replay(t, client) })
	}
}

func replay(t *testing.T, client string) {
	x := transcript.Read(t, "testdata/srvsvc-"+client+".txt")
	v := &service{server: smbd{}}
	iface := Interface(smbd{})
	iface.Call = v.call
	open := func() *dcerpc.Conn { return dcerpc.NewConn(`\pipe\srvsvc`, iface) }
	for i := range x {
		if op := x[i].Request[22]; x[i].Request[2] == 0 && op == 28 {
			at := time.Unix(int64(binary.LittleEndian.Uint32(x[i].Replies[28:])), 0)
			v.now = func() time.Time { return at.UTC() }
			// smbd counts no milliseconds, and ticks by the second.
			copy(x[i].Replies[32:], binary.LittleEndian.AppendUint32(nil, uint32(at.UnixMilli())))
			copy(x[i].Replies[56:], binary.LittleEndian.AppendUint32(nil, 310))
		}
	}
	compared := 0
	transcript.Replay(t, x, open, func(i int, want, got []byte) {
		if len(got) == 0 {
			t.Errorf("exchange %d: no answer", i)
		}
		if different[fmt.Sprint(client, " ", i)] != "" {
			return
		}
		compared++
		// At level 2 smbd counts no users of t1, at level 502 it does.
		if len(want) > 24 && want[24] == 2 {
			want = bytes.Replace(want, []byte("\xff\xff\xff\xff\x00\x00\x00\x00"), []byte("\xff\xff\xff\xff\x01\x00\x00\x00"), 1)
		}
		if !transcript.Same(want, got) {
			t.Errorf("exchange %d, operation %d\nrequest %x\nwant %x\ngot  %x", i, x[i].Request[22], x[i].Request, want, got)
		}
	})
	if compared < 14 {
		t.Errorf("compared %d exchanges only", compared)
	}
}

// smbd has the content of the server that was recorded.
type smbd struct{}

func (smbd) Info(context.Context) Info {
	return Info{Name: "SAMBAREF", Comment: "samba reference", Major: 6, Minor: 1, Type: 0x809a03}
}

func (smbd) Admin(context.Context) bool { return true }

func (smbd) Shares(context.Context) []Share {
	return []Share{
		{Name: "t1", Comment: "Main share", Path: `C:\dev\shm\samba-ref.4467\w1`, CurrentUses: 1, SecurityDescriptor: shareSD},
		{Name: "IPC$", Comment: "IPC Service (samba reference)", Path: `C:\tmp`, Type: TypeIPC | TypeSpecial, CurrentUses: 1},
	}
}

func (s smbd) Share(ctx context.Context, name string) (Share, bool) {
	if name == "t1" {
		return s.Shares(ctx)[0], true
	}
	return Share{}, false
}

func (smbd) Sessions(context.Context) []Session {
	return []Session{{Client: "127.0.0.1", User: "torture"}}
}

func (smbd) Files(context.Context) []File { return nil }

func (smbd) Connections(context.Context, string) []Connection { return nil }

var shareSD []byte
