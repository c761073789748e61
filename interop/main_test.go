package interop

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gosmbd/smb/internal/harness"
)

// Who may log on.
const (
	userName  = "alice"
	password  = "Correct-Horse9"
	user2Name = "bob"
	adminName = "carol"
)

// serverBinary is the example server, built once for all tests.
var serverBinary string

func TestMain(m *testing.M) {
	os.Exit(testMain(m))
}

func testMain(m *testing.M) int {
	dir, err := os.MkdirTemp("", "smb-interop-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	if !peerIsSamba() {
		serverBinary, err = harness.Build(dir, os.Getenv("SMB_INTEROP_RACE") != "", "smbtorture")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	defer endDomain()
	return m.Run()
}

func peerIsSamba() bool { return os.Getenv("SMB_INTEROP_PEER") == "smbd" }

// need skips the test when the program isn't there, or fails it when it has to
// be.
func need(t *testing.T, program string) {
	t.Helper()
	if _, err := exec.LookPath(program); err != nil {
		missing(t, program+" is not installed")
	}
}

func missing(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("SMB_INTEROP_REQUIRED") != "" {
		t.Fatalf("%s (interop/install.sh installs it)", what)
	}
	t.Skipf("SKIPPED, NOT TESTED: %s; interop/install.sh installs it", what)
}

// server is a server with one share, "share", in dir.
type server struct {
	*harness.Server
	dir string
}

// start runs a server with a share "share" and the flags args until the test
// ends. Its log is shown when the test failed.
func start(t *testing.T, args ...string) *server {
	t.Helper()
	s := &server{dir: shareDir(t)}
	s.Server = startWith(t, []harness.Share{{Name: "share", Dir: s.dir}}, args...)
	return s
}

func startWith(t *testing.T, shares []harness.Share, args ...string) *harness.Server {
	t.Helper()
	return startConfig(t, harness.Config{
		Shares: shares,
		Users:  []harness.User{{Name: userName, Password: password}, {Name: user2Name, Password: password}},
		Args:   args,
	})
}

func startConfig(t *testing.T, cfg harness.Config) *harness.Server {
	t.Helper()
	var s *harness.Server
	var err error
	if peerIsSamba() {
		s, err = harness.StartSamba(t.TempDir(), cfg)
	} else {
		s, err = harness.Start(serverBinary, cfg)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if s.Exited() {
			t.Errorf("the server ended by itself")
		} else if err := s.Stop(); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			t.Logf("server log:\n%s", tail(s.Log(), 12))
		}
	})
	return s
}

// shareDir makes a directory to share: in memory where that exists, since
// gigabytes are written.
func shareDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp(scratch(), "smb-interop-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func scratch() string {
	if info, err := os.Stat("/dev/shm"); err == nil && info.IsDir() {
		return "/dev/shm"
	}
	return ""
}

func tail(s string, n int) string {
	lines := strings.Split(strings.TrimRight(s, "\n"), "\n")
	if len(lines) > n {
		lines = lines[len(lines)-n:]
	}
	return strings.Join(lines, "\n")
}

// command runs a program with a time limit and returns its output and whether
// it succeeded.
func command(t *testing.T, limit time.Duration, name string, args ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.WaitDelay = time.Second
	cmd.Dir = t.TempDir()
	out, err := cmd.CombinedOutput()
	if ctx.Err() != nil {
		err = fmt.Errorf("still running after %v", limit)
	}
	return string(out), err
}

// clientConf writes a configuration for Samba's clients, so that the machine's
// own has no say, and returns its path.
func clientConf(t *testing.T, lines ...string) string {
	t.Helper()
	dir := t.TempDir()
	conf := "[global]\n\tnetbios name = INTEROP\n\tworkgroup = WORKGROUP\n\tclient min protocol = SMB2_02\n"
	for _, d := range []string{"private dir", "lock directory", "state directory", "cache directory", "pid directory", "ncalrpc dir"} {
		path := filepath.Join(dir, strings.Fields(d)[0])
		if err := os.MkdirAll(path, 0o700); err != nil {
			t.Fatal(err)
		}
		conf += fmt.Sprintf("\t%s = %s\n", d, path)
	}
	for _, l := range lines {
		conf += "\t" + l + "\n"
	}
	path := filepath.Join(dir, "smb.conf")
	if err := os.WriteFile(path, []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
