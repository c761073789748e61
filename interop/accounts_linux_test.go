package interop

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gosmbd/smb/internal/harness"
)

// fed runs a program with a text on its standard input; it must succeed.
func fed(t *testing.T, stdin, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Stdin = strings.NewReader(stdin)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %q: %v\n%s", name, args, err, out)
	}
	return string(out)
}

// logsOn has smbclient list the share, and wants it to succeed or to be told status.
func logsOn(t *testing.T, port int, user, password, status string) {
	t.Helper()
	c := newSmbclient(t, port)
	c.user = user + "%" + password
	if status == "" {
		c.do(t, "ls")
		return
	}
	c.fail(t, "share", status, "-c", "ls")
}

// fileServer is a server with accounts in files.
type fileServer struct {
	*harness.Server
	dir                 string // of the share
	smbpasswd, ksmbdpwd string
	conf                string // for Samba's smbpasswd
}

func startWithFiles(t *testing.T) *fileServer {
	t.Helper()
	if peerIsSamba() {
		t.Skip("flags of the example server")
	}
	if os.Getuid() != 0 {
		t.Skip("smbpasswd changes files of others for root only")
	}
	need(t, "smbpasswd")
	need(t, "ksmbd.adduser")
	dir := t.TempDir()
	s := &fileServer{dir: shareDir(t), smbpasswd: filepath.Join(dir, "smbpasswd"), ksmbdpwd: filepath.Join(dir, "ksmbdpwd.db")}
	s.conf = clientConf(t, "passdb backend = smbpasswd:"+s.smbpasswd)
	groups := filepath.Join(dir, "groups")
	if err := os.WriteFile(groups, []byte("Administrators:x::daemon\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	// Samba knows those only whom the machine knows.
	s.user(t, "One-Daemon1\n", "add", "-smbpasswd", "daemon")
	s.user(t, "One-Ann1\n", "add", "-ksmbdpwd", "ann")
	s.Server = startWith(t, []harness.Share{{Name: "share", Dir: s.dir}},
		"-smbpasswd", s.smbpasswd, "-ksmbdpwd", s.ksmbdpwd, "-groups", groups)
	return s
}

// user runs "server user".
func (s *fileServer) user(t *testing.T, stdin, word, format string, args ...string) string {
	t.Helper()
	file := s.smbpasswd
	if format == "-ksmbdpwd" {
		file = s.ksmbdpwd
	}
	return fed(t, stdin, serverBinary, append([]string{"user", word, format, file}, args...)...)
}

// adduser runs ksmbd.adduser, whose flag for the file has two names.
func (s *fileServer) adduser(t *testing.T, args ...string) {
	t.Helper()
	conf := filepath.Join(t.TempDir(), "ksmbd.conf")
	if err := os.WriteFile(conf, []byte("[global]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var out []byte
	var err error
	for _, flag := range []string{"--import-users=", "--pwddb="} {
		out, err = exec.Command("ksmbd.adduser", append([]string{"--config=" + conf, flag + s.ksmbdpwd}, args...)...).CombinedOutput()
		if err == nil {
			return
		}
	}
	t.Fatalf("ksmbd.adduser %q: %v\n%s", args, err, out)
}

// entry returns the line of a user in a file.
func entry(t *testing.T, path, name string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		if strings.HasPrefix(line, name+":") {
			return line
		}
	}
	return ""
}

// TestSmbpasswdFile has Samba's tool and the server's change one file in turn, while a
// server runs.
func TestSmbpasswdFile(t *testing.T) {
	t.Parallel()
	s := startWithFiles(t)
	samba := func(stdin string, args ...string) {
		t.Helper()
		fed(t, stdin, "smbpasswd", append([]string{"-c", s.conf}, args...)...)
	}
	logsOn(t, s.Port, "daemon", "One-Daemon1", "")
	// Samba writes, the server reads.
	samba("One-Games1\nOne-Games1\n", "-s", "-a", "games")
	logsOn(t, s.Port, "games", "One-Games1", "")
	samba("", "-d", "daemon")
	logsOn(t, s.Port, "daemon", "One-Daemon1", "NT_STATUS_ACCOUNT_DISABLED")
	wantText(t, s.user(t, "", "list", "-smbpasswd"), "daemon  disabled\n", "games   enabled\n")
	// The server's tool writes, Samba reads: its line of the same password is the same.
	s.user(t, "", "enable", "-smbpasswd", "daemon")
	logsOn(t, s.Port, "daemon", "One-Daemon1", "")
	s.user(t, "Two-Daemon2\n", "password", "-smbpasswd", "daemon")
	logsOn(t, s.Port, "daemon", "Two-Daemon2", "")
	mine := entry(t, s.smbpasswd, "daemon")
	if _, err := exec.LookPath("pdbedit"); err == nil { // it comes with smbd
		if !strings.Contains(fed(t, "", "pdbedit", "-s", s.conf, "-L", "-w"), mine) {
			t.Error("pdbedit lists another line")
		}
	}
	samba("Two-Daemon2\nTwo-Daemon2\n", "-s", "daemon")
	theirs := entry(t, s.smbpasswd, "daemon")
	if cut := strings.LastIndex(mine, "LCT-"); cut < 0 || mine[:cut] != theirs[:min(cut, len(theirs))] || len(mine) != len(theirs) {
		t.Error("Samba's line for the same account differs in more than the time")
	}
	s.user(t, "", "disable", "-smbpasswd", "daemon")
	samba("", "-e", "daemon")
	logsOn(t, s.Port, "daemon", "Two-Daemon2", "")
	samba("", "-x", "games")
	logsOn(t, s.Port, "games", "One-Games1", "NT_STATUS_LOGON_FAILURE")
	if strings.Contains(s.Log(), "Daemon2") {
		t.Error("the log shows a password")
	}
}

// TestKsmbdpwdFile does the same with ksmbd's tool.
func TestKsmbdpwdFile(t *testing.T) {
	t.Parallel()
	s := startWithFiles(t)
	logsOn(t, s.Port, "ann", "One-Ann1", "")
	s.adduser(t, "-a", "ben", "-p", "One-Ben1")
	logsOn(t, s.Port, "BEN", "One-Ben1", "")
	s.user(t, "Two-Ann2\n", "password", "-ksmbdpwd", "ann")
	logsOn(t, s.Port, "ann", "Two-Ann2", "")
	mine := entry(t, s.ksmbdpwd, "ann")
	s.adduser(t, "-u", "ann", "-p", "Two-Ann2")
	if theirs := entry(t, s.ksmbdpwd, "ann"); theirs != mine {
		t.Error("ksmbd's line for the same account differs")
	}
	// What disables an account outlives a change by ksmbd's tool.
	s.user(t, "", "disable", "-ksmbdpwd", "ann")
	s.adduser(t, "-u", "ben", "-p", "Two-Ben2")
	logsOn(t, s.Port, "ann", "Two-Ann2", "NT_STATUS_ACCOUNT_DISABLED")
	s.user(t, "", "enable", "-ksmbdpwd", "ann")
	logsOn(t, s.Port, "ann", "Two-Ann2", "")
	s.adduser(t, "-d", "ann")
	logsOn(t, s.Port, "ann", "Two-Ann2", "NT_STATUS_LOGON_FAILURE")
	logsOn(t, s.Port, "ben", "Two-Ben2", "")
}

// TestSessionsOfAccounts ends sessions: of who is disabled, by the server itself, and
// of others by an administrator.
func TestSessionsOfAccounts(t *testing.T) {
	t.Parallel()
	need(t, "rpcclient")
	s := startWithFiles(t)
	s.user(t, "One-Ben1\n", "add", "-ksmbdpwd", "ben")
	stay := func(user, password string) *session {
		c := newSmbclient(t, s.Port)
		c.user = user + "%" + password
		return c.startSession(t)
	}
	working := func(of *session, dir string) {
		t.Helper()
		io.WriteString(of.in, "mkdir "+dir+"\n")
		until(t, "mkdir "+dir, func() bool {
			_, err := os.Stat(filepath.Join(s.dir, dir))
			return err == nil
		})
	}
	over := func(of *session) {
		t.Helper()
		io.WriteString(of.in, "mkdir over\n")
		until(t, "the client is told", func() bool {
			b, err := os.ReadFile(of.out.Name())
			return err == nil && strings.Contains(string(b), "NT_STATUS_")
		})
		wantExists(t, filepath.Join(s.dir, "over"), false)
	}
	ann, ben := stay("ann", "One-Ann1"), stay("ben", "One-Ben1")
	working(ann, "ann1")
	working(ben, "ben1")
	admin := func(user, request string) string {
		out, _ := command(t, time.Minute, "rpcclient", "-s", s.conf, "-p", strconv.Itoa(s.Port), "-U", user, "ncacn_np:127.0.0.1", "-c", request)
		return out
	}
	wantText(t, admin("ann%One-Ann1", `netsessdel "" ben`), "WERR_ACCESS_DENIED")
	wantText(t, admin("daemon%One-Daemon1", `netsessdel "" nobody`), "result was")
	working(ben, "ben2")
	admin("daemon%One-Daemon1", `netsessdel \\\\127.0.0.1 ben`) // rpcclient takes half of the backslashes
	over(ben)

	working(ann, "ann2")
	s.user(t, "", "disable", "-ksmbdpwd", "ann")
	until(t, "the end of ann's session", func() bool {
		return strings.Contains(s.Log(), `msg="smb: session ended" user=ann err="account is disabled`)
	})
	over(ann)
}
