package interop

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestManage administrates a server with rpcclient: shares, sessions, files, the
// workstation, printers.
func TestManage(t *testing.T) {
	need(t, "rpcclient")
	root := shareDir(t)
	if err := os.Mkdir(filepath.Join(root, "x"), 0o755); err != nil {
		t.Fatal(err)
	}
	s := start(t, "-admin", adminName+":"+password, "-addshares", root)
	conf := clientConf(t)
	for _, tt := range []struct {
		name, user, commands string
		want, not            []string
	}{
		{"user sees", userName, `srvinfo; netshareenum 1; netsharegetinfo share 1; wkssvc_getjoininformation`,
			[]string{"os version      :	10.0", "netname: share", "WORKGROUP (2)"}, []string{"WERR"}},
		{"user sees no paths", userName, `netshareenumall`, []string{"WERR_ACCESS_DENIED"}, []string{`C:\`}},
		{"user sees no sessions", userName, `netsessenum`, []string{"WERR_ACCESS_DENIED"}, nil},
		{"user adds", userName, `netshareadd C:\\x new 5 hi`, []string{"WERR_ACCESS_DENIED"}, nil},
		{"admin adds", adminName, `netshareadd C:\\x new 5 hi; netsharegetinfo new 502`,
			[]string{"netname: new", "remark:	hi", `path:	C:\x`, "max_uses:	5", "num_uses:	0"}, []string{"WERR"}},
		{"admin adds again", adminName, `netshareadd C:\\x NEW 5 hi`, []string{"WERR_FILE_EXISTS|WERR_NERR_DUPLICATESHARE"}, nil},
		{"admin adds what isn't there", adminName, `netshareadd C:\\y other 5 hi`, []string{"WERR_NERR_UNKNOWNDEVDIR"}, nil},
		{"admin adds above", adminName, `netshareadd C:\\..\\y other 5 hi`, []string{"WERR_INVALID_PARAMETER"}, nil},
		{"admin changes", adminName, `netsharesetinfo new other; netsharegetinfo new 2`, []string{"remark:	other", "max_uses:	5"}, nil},
		{"user removes", userName, `netsharedel new`, []string{"WERR_ACCESS_DENIED"}, nil},
		{"admin removes", adminName, `netsharedel new; netsharegetinfo new 1`, []string{"WERR_NERR_NETNAMENOTFOUND"}, nil},
		{"admin removes IPC$", adminName, `netsharedel IPC$`, []string{"WERR_ACCESS_DENIED"}, nil},
		{"admin looks", adminName, `netfileenum; netremotetod; netnamevalidate foo 9; netconnenum IPC$; wkssvc_wkstagetinfo`,
			[]string{`\PIPE\srvsvc`}, []string{"WERR"}},
		{"printers", userName, `enumprinters; openprinter foo`, []string{"No printers returned", "WERR_INVALID_PRINTER_NAME"}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			out, _ := command(t, 20*time.Second, "rpcclient", "127.0.0.1", "-p", strconv.Itoa(s.Port), "-s", conf,
				"-W", "WORKGROUP", "-U", tt.user+"%"+password, "-c", tt.commands)
			for _, want := range tt.want {
				if !containsAny(out, strings.Split(want, "|")) {
					t.Errorf("no %q in\n%s", want, out)
				}
			}
			for _, not := range tt.not {
				if strings.Contains(out, not) {
					t.Errorf("%q in\n%s", not, out)
				}
			}
		})
	}
}

func containsAny(s string, parts []string) bool {
	for _, p := range parts {
		if strings.Contains(s, p) {
			return true
		}
	}
	return false
}

// TestImpacketManage reads the registry and the services with impacket, as a user and as
// an administrator.
func TestImpacketManage(t *testing.T) {
	needImpacket(t)
	s := start(t, "-admin", adminName+":"+password)
	for user, what := range map[string]string{userName: "look", adminName: "manage"} {
		impacket(t, s, user, password, "3.0", what)
	}
}
