package interop

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gosmbd/smb/internal/harness"
)

// session is an smbclient that stays connected and is told what to do.
type session struct {
	in  io.WriteCloser
	out *os.File
	cmd *exec.Cmd
}

// startSession runs smbclient with its commands from a pipe. What it prints comes in
// lines if there is stdbuf, and else at some time.
func (c *smbclient) startSession(t *testing.T) *session {
	t.Helper()
	out, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	line := []string{"smbclient", "-s", clientConf(t, c.options...), "-p", strconv.Itoa(c.port),
		"-U", c.user, "//127.0.0.1/share"}
	if _, err := exec.LookPath("stdbuf"); err == nil {
		line = append([]string{"stdbuf", "-oL"}, line...)
	}
	cmd := exec.Command(line[0], line[1:]...)
	cmd.Stdout, cmd.Stderr = out, out
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		cmd.Process.Kill()
		cmd.Wait()
		out.Close()
	})
	return &session{in: in, out: out, cmd: cmd}
}

// until waits for a text to appear.
func until(t *testing.T, what string, f func() bool) {
	t.Helper()
	for range 200 {
		if f() {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatalf("not within 10 s: %s", what)
}

// TestStatusAndDrain asks for the status while a client is there, then ends the
// server: it must not wait for a client that does nothing.
func TestStatusAndDrain(t *testing.T) {
	if peerIsSamba() || runtime.GOOS == "windows" {
		t.Skip("signals to the example server")
	}
	s := start(t)
	c := newSmbclient(t, s.Port)
	sess := c.startSession(t)
	io.WriteString(sess.in, "mkdir here\n")
	until(t, "mkdir", func() bool {
		_, err := os.Stat(filepath.Join(s.dir, "here"))
		return err == nil
	})
	if err := s.Signal(syscall.Signal(10)); err != nil { // SIGUSR1, which package syscall lacks on Windows
		t.Fatal(err)
	}
	until(t, "the status", func() bool { return strings.Contains(s.Log(), "1 sessions") })
	wantText(t, s.Log(), userName, "127.0.0.1:", "share", "signed")
	if strings.Contains(s.Log(), password) {
		t.Error("the log shows the password")
	}
	begin := time.Now()
	if err := s.Stop(); err != nil {
		t.Error(err)
	}
	if d := time.Since(begin); d > 15*time.Second {
		t.Errorf("the server took %v to end", d)
	}
}

// TestKilledClient has a client vanish in the middle of a large write; others
// must not notice, and the file must be free again.
func TestKilledClient(t *testing.T) {
	s := start(t)
	local := shareDir(t)
	writeRandom(t, filepath.Join(local, "big"), 512<<20)
	c := newSmbclient(t, s.Port)
	sess := c.startSession(t)
	io.WriteString(sess.in, "put "+filepath.Join(local, "big")+" big\n")
	until(t, "the file grows", func() bool {
		info, err := os.Stat(filepath.Join(s.dir, "big"))
		return err == nil && info.Size() > 1<<20
	})
	sess.cmd.Process.Kill()
	sess.cmd.Wait()
	c.do(t, "put /etc/hostname big", "del big")
	wantExists(t, filepath.Join(s.dir, "big"), false)
}

// TestMemoryBackend serves from memory.
func TestMemoryBackend(t *testing.T) {
	if peerIsSamba() {
		t.Skip("a flag of the example server")
	}
	s := startWith(t, []harness.Share{{Name: "share", Dir: "unused"}}, "-backend", "mem")
	c := newSmbclient(t, s.Port)
	local := shareDir(t)
	sum := writeRandom(t, filepath.Join(local, "file"), 5<<20+3)
	c.do(t, "mkdir Dir", "put "+filepath.Join(local, "file")+" dir/File", "rename DIR/FILE dir/other",
		"get dir/OTHER "+filepath.Join(local, "back"))
	if fileSum(t, filepath.Join(local, "back")) != sum {
		t.Error("the file differs")
	}
	wantText(t, c.do(t, "ls dir/*"), "other", "5242883")
	c.do(t, "deltree Dir")
	out, _ := c.run(t, "share", "-c", "ls dir")
	wantText(t, out, "NT_STATUS_NO_SUCH_FILE")
}

// TestNotifyLocal has smbclient watch a directory that a program of the machine
// changes.
func TestNotifyLocal(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("osfs has inotify on Linux only")
	}
	s := start(t)
	dir := filepath.Join(s.dir, "d")
	mkdirAll(t, dir)
	sess := newSmbclient(t, s.Port).startSession(t)
	io.WriteString(sess.in, "notify d\n")
	until(t, "the notification", func() bool { // nothing tells when it watches
		if err := exec.Command("touch", filepath.Join(dir, "touched")).Run(); err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(sess.out.Name())
		return err == nil && strings.Contains(string(b), "touched")
	})
}
