package winreg

import (
	"context"
	"testing"

	"github.com/gosmbd/smb/dcerpc"
	"github.com/gosmbd/smb/dcerpc/internal/transcript"
	"github.com/gosmbd/smb/vfs"
)

// TestGolden replays what impacket asked Samba's smbd, of a registry with the same
// values, and compares the replies octet by octet.
func TestGolden(t *testing.T) {
	x := transcript.Read(t, "testdata/winreg-impacket.txt")
	open := func() *dcerpc.Conn { return dcerpc.NewConn(`\pipe\winreg`, asAdmin(Interface(smbdTables))) }
	opens := []uint16{0, 1, 2, 3, 4, 15, 27}
	transcript.Compare(t, x, opens, open, func(i int) string { return different[i] })
}

// different lists what is not compared with smbd's answer, and why.
var different = map[int]string{
	6:  "smbd points to an empty array where there is no value",
	7:  "smbd wants a name for the class",
	11: "smbd gives back the client's buffer at the end",
	12: "smbd wants a name for the class",
	13: "smbd gives back more of the client's buffer than it filled",
	14: "smbd gives back the client's buffer at the end",
	17: "smbd gives back the client's buffer at the end",
	19: "smbd grants other rights",
	25: "smbd has no current configuration",
	26: "smbd has performance data",
	29: "smbd looks for the key that it will not delete",
	30: "smbd made a key",
	31: "smbd looks at the name of the file first",
}

func asAdmin(i dcerpc.Interface) dcerpc.Interface {
	return transcript.As(&vfs.Caller{Name: "admin", Groups: []vfs.SID{vfs.SIDAdministrators}}, i)
}

// smbdTables has the content of the server that was recorded.
func smbdTables(context.Context) []Table {
	return []Table{{
		`HKLM\SOFTWARE`: nil,
		`HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion`: {
			String("SystemRoot", `c:\Windows`), String("CurrentVersion", "6.1"),
		},
		`HKLM\SYSTEM\CurrentControlSet\Control\ProductOptions`: {String("ProductType", "ServerNT")},
	}}
}
