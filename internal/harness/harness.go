// Package harness starts servers for the tests with real clients and for the
// benchmarks: the example server of this module, and Samba's smbd to compare
// with, both on a free port of 127.0.0.1.
package harness

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Share is a directory under a name.
type Share struct {
	Name    string
	Dir     string
	Options []string // ro, encrypt, guest, abe, mem
}

// User may log on.
type User struct {
	Name, Password string
}

// Config is what a server serves.
type Config struct {
	Shares []Share
	Users  []User
	Args   []string // further flags of the example server
}

// Server is a running server.
type Server struct {
	Port int

	cmd   *exec.Cmd
	done  chan error // gets what Wait returned
	log   lockedBuffer
	samba bool

	stopped bool // by Stop or Kill
}

// Host is where all servers listen.
const Host = "127.0.0.1"

// Root returns the top directory of the module.
func Root() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Dir(filepath.Dir(filepath.Dir(file)))
}

// Build compiles the example server into dir and returns the path of the
// program; with race set, with the race detector, and with build tags.
// SMB_INTEROP_BINARY names a program to use instead.
func Build(dir string, race bool, tags ...string) (string, error) {
	if bin := os.Getenv("SMB_INTEROP_BINARY"); bin != "" {
		return bin, nil
	}
	bin := filepath.Join(dir, "server")
	args := []string{"build", "-o", bin, "-tags", strings.Join(tags, ",")}
	if race {
		args = append(args, "-race")
	}
	cmd := exec.Command("go", append(args, "./examples/server")...)
	cmd.Dir = Root()
	// The module is the one that this file is in, whatever asks for it.
	cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building the example server: %v\n%s", err, out)
	}
	return bin, nil
}

// Start runs the example server that Build made.
func Start(bin string, cfg Config) (*Server, error) {
	args := []string{"-listen", Host + ":0"}
	for _, s := range cfg.Shares {
		args = append(args, "-share", s.Name+"="+strings.Join(append([]string{s.Dir}, s.Options...), ","))
	}
	for _, u := range cfg.Users {
		args = append(args, "-user", u.Name+":"+u.Password)
	}
	s := &Server{cmd: exec.Command(bin, append(args, cfg.Args...)...)}
	s.cmd.Stderr = &s.log
	// A race is reported on stderr and must not end the server meanwhile.
	s.cmd.Env = append(os.Environ(), "GORACE=halt_on_error=0")
	stdout, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := s.run(); err != nil {
		return nil, err
	}
	first := make(chan string, 1)
	go func() {
		line, _ := bufio.NewReader(stdout).ReadString('\n')
		first <- line
		io.Copy(io.Discard, stdout)
	}()
	select {
	case line := <-first:
		addr, ok := strings.CutPrefix(strings.TrimSpace(line), "listening on ")
		if ok {
			_, port, _ := net.SplitHostPort(addr)
			s.Port, err = strconv.Atoi(port)
		}
		if !ok || err != nil {
			s.Kill()
			return nil, fmt.Errorf("the example server didn't say where it listens, but %q\n%s", line, s.Log())
		}
	case <-time.After(20 * time.Second):
		s.Kill()
		return nil, fmt.Errorf("the example server said nothing\n%s", s.Log())
	}
	return s, nil
}

// run starts the process in a group of its own, so that a Ctrl-C at the
// terminal leaves it to Stop.
func (s *Server) run() error {
	s.cmd.SysProcAttr = ownGroup()
	if err := s.cmd.Start(); err != nil {
		return err
	}
	s.done = make(chan error, 1)
	go func() { s.done <- s.cmd.Wait() }()
	return nil
}

// Addr returns host:port.
func (s *Server) Addr() string { return net.JoinHostPort(Host, strconv.Itoa(s.Port)) }

// PID returns the id of the first process.
func (s *Server) PID() int { return s.cmd.Process.Pid }

// Log returns what the server wrote on stderr so far.
func (s *Server) Log() string { return s.log.String() }

// Exited reports whether the server ended by itself.
func (s *Server) Exited() bool {
	if s.stopped {
		return false
	}
	select {
	case err := <-s.done:
		s.done <- err
		return true
	default:
		return false
	}
}

// Signal sends the server a signal.
func (s *Server) Signal(sig os.Signal) error { return s.cmd.Process.Signal(sig) }

// Stop asks the server to end, waits for it, and returns an error unless it
// ended as it should. After the first time it does nothing.
func (s *Server) Stop() error {
	if s.stopped {
		return nil
	}
	s.stopped = true
	defer killGroup(s.PID())
	s.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case err := <-s.done:
		s.done <- err
		if err != nil && !s.samba { // smbd ends by the signal itself
			return fmt.Errorf("the server ended with %v", err)
		}
	case <-time.After(30 * time.Second):
		s.Kill()
		return errors.New("the server didn't end within 30 s of SIGTERM")
	}
	if strings.Contains(s.Log(), "DATA RACE") {
		return errors.New("data race in the server")
	}
	return nil
}

// Kill ends the server and its children at once.
func (s *Server) Kill() {
	s.stopped = true
	killGroup(s.PID())
	s.cmd.Process.Kill()
	err := <-s.done
	s.done <- err
}

// lockedBuffer is a bytes.Buffer for several goroutines.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
