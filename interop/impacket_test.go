package interop

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestImpacket drives the server with impacket: an implementation that has
// nothing in common with Samba's.
func TestImpacket(t *testing.T) {
	// Debian's package belongs to Debian's python.
	const python = "/usr/bin/python3"
	if err := exec.Command(python, "-c", "import impacket").Run(); err != nil {
		missing(t, "impacket is not installed")
	}
	script, err := filepath.Abs("testdata/impacket_client.py")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(script); err != nil {
		t.Fatal(err)
	}
	// Debian's impacket 0.10 can't sign at 3.1.1: Samba refuses it as well.
	for _, dialect := range []string{"any", "2.0.2", "2.1", "3.0"} {
		for _, what := range []string{"files", "eas", "rpc", "unsigned", "badpassword"} {
			t.Run(dialect+"/"+what, func(t *testing.T) {
				t.Parallel()
				s := start(t)
				pw := password
				if what == "badpassword" {
					pw = "wrong"
				}
				out, err := command(t, 2*time.Minute, python, script, strconv.Itoa(s.Port), userName, pw, dialect, what)
				if err != nil || !strings.HasSuffix(strings.TrimSpace(out), "ok") {
					t.Errorf("%v\n%s", err, tail(out, 25))
				}
			})
		}
	}
}
