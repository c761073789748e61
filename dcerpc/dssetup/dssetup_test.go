package dssetup

import (
	"context"
	"encoding/hex"
	"testing"

	"github.com/gosmbd/smb/dcerpc"
	"github.com/gosmbd/smb/dcerpc/internal/transcript"
)

type role Role

func (r role) Role(context.Context) Role { return Role(r) }

// TestRole asks for each kind of information. That of a server in no domain is what
// Samba's smbd answers, but for the name.
func TestRole(t *testing.T) {
	const guid = "00000000000000000000000000000000"
	for _, x := range []struct {
		role       Role
		stub, want string
	}{
		{Role{Domain: "SAMBAREF"}, "0100", "00000200" + "01000000" + "02000000" + "00000000" + "04000200" + "0000000000000000" + guid +
			"090000000000000009000000" + "530041004d00420041005200450046000000" + "0000" + "00000000"},
		{Role{Domain: "D", DNSDomain: "E", Forest: "F", Member: true}, "0100", "00000200" + "01000000" + "0300000000000000" +
			"04000200" + "08000200" + "0c000200" + guid + "020000000000000002000000" + "44000000" +
			"020000000000000002000000" + "45000000" + "020000000000000002000000" + "46000000" + "00000000"},
		{Role{}, "0200", "00000200" + "02000000" + "00000000" + "00000000" + "00000000"},
		{Role{}, "0300", "00000200" + "03000000" + "00000000" + "00000000"},
		{Role{}, "0400", "00000000" + "57000000"},
	} {
		stub, _ := hex.DecodeString(x.stub)
		out, err := transcript.Call(t.Context(), Interface(role(x.role)), &dcerpc.Handles{}, 0, stub)
		if got := hex.EncodeToString(out); err != nil || got != x.want {
			t.Errorf("class %s: %v\ngot  %s\nwant %s", x.stub, err, got, x.want)
		}
	}
	if _, err := transcript.Call(t.Context(), Interface(role{}), &dcerpc.Handles{}, 1, nil); err != dcerpc.FaultOpRange {
		t.Errorf("operation 1: %v", err)
	}
}

// FuzzCall sends any stub to any operation.
func FuzzCall(f *testing.F) {
	f.Add(uint16(0), []byte{1, 0})
	f.Add(uint16(0), []byte{4, 0})
	f.Fuzz(func(t *testing.T, op uint16, stub []byte) {
		who := role{Domain: "D", DNSDomain: "E", Forest: "F", Member: true}
		if out, _ := transcript.Call(context.Background(), Interface(who), &dcerpc.Handles{}, op%4, stub); len(out) > 256 {
			t.Errorf("%d octets", len(out))
		}
	})
}
