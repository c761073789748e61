package interop

import (
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// python is Debian's, which Debian's impacket belongs to.
const python = "/usr/bin/python3"

func needImpacket(t *testing.T) {
	t.Helper()
	if err := exec.Command(python, "-c", "import impacket").Run(); err != nil {
		missing(t, "impacket is not installed")
	}
}

// impacket has impacket_client.py do something and say "ok".
func impacket(t *testing.T, s *server, user, password, dialect, what string) {
	t.Helper()
	script, err := filepath.Abs("testdata/impacket_client.py")
	if err != nil {
		t.Fatal(err)
	}
	out, err := command(t, 2*time.Minute, python, script, strconv.Itoa(s.Port), user, password, dialect, what)
	if err != nil || !strings.HasSuffix(strings.TrimSpace(out), "ok") {
		t.Errorf("%s as %s: %v\n%s", what, user, err, tail(out, 25))
	}
}

// TestImpacket drives the server with impacket: an implementation that has
// nothing in common with Samba's.
func TestImpacket(t *testing.T) {
	needImpacket(t)
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
				impacket(t, s, userName, pw, dialect, what)
			})
		}
	}
}
