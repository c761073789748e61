package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"runtime/pprof"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gosmbd/smb"
	"github.com/gosmbd/smb/ntlm"
	"github.com/gosmbd/smb/vfs/osfs"
)

// What everybody knows.
const (
	shareName = "files"
	honest    = "ann"
	attacker  = "eve"
	victim    = "bob"
	retired   = "old" // the account is disabled
	password  = "correct horse"
)

// serverConfig is what the server is to be: the safe defaults, but for Limits.
type serverConfig struct {
	Dir    string // to share
	Limits smb.Limits
}

// serverStat is the server's look at itself, after a garbage collection.
type serverStat struct {
	Heap, Stack     int64
	Goroutines      int
	Conns           int
	Sessions, Opens int
	Panics          int
	FailedLogons    int
}

type serverProcess struct {
	srv    *smb.Server
	conns  atomic.Int64
	panics atomic.Int64
	failed atomic.Int64
}

// serverMain is the server's process.
func serverMain() error {
	p := &serverProcess{}
	defer func() {
		if p.srv != nil {
			p.srv.Close()
		}
	}()
	return answerLines(func(line []byte) any {
		addr, err := p.start(line)
		if err != nil {
			fmt.Fprintln(os.Stderr, "hostile: the server:", err)
			os.Exit(1)
		}
		return addr
	}, p.answer)
}

func (p *serverProcess) start(line []byte) (addr string, err error) {
	var cfg serverConfig
	if err := json.Unmarshal(line, &cfg); err != nil {
		return "", err
	}
	fsys, err := osfs.New(cfg.Dir, nil)
	if err != nil {
		return "", err
	}
	users := ntlm.Static{
		honest: {Password: password}, attacker: {Password: password}, victim: {Password: password},
		retired: {Password: password, Disabled: true},
	}
	p.srv = &smb.Server{
		Name: "server", Shares: smb.Shares{shareName: {FS: fsys}}, Mechanisms: []smb.Mechanism{ntlm.New(users)},
		Limits: cfg.Limits, Logger: slog.New(&counter{p}), ConnState: p.connState,
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	go p.srv.Serve(l)
	return l.Addr().String(), nil
}

func (p *serverProcess) connState(_ net.Conn, s smb.ConnState) {
	switch s {
	case smb.StateNew:
		p.conns.Add(1)
	case smb.StateClosed:
		p.conns.Add(-1)
	}
}

func (p *serverProcess) answer(words []string) any {
	switch words[0] {
	case "stat":
		return p.stat()
	case "conns":
		return p.conns.Load()
	case "crowd":
		crowd()
		return "done"
	case "profile":
		return p.profile(words[1])
	case "busy":
		f, err := os.Create(filepath.Join(words[1], "cpu.pprof"))
		if err == nil {
			err = pprof.StartCPUProfile(f)
		}
		return fmt.Sprint(err)
	}
	return "what?"
}

func (p *serverProcess) stat() serverStat {
	runtime.GC()
	debug.FreeOSMemory()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	s := serverStat{
		Heap: int64(m.HeapAlloc), Stack: int64(m.StackInuse), Goroutines: runtime.NumGoroutine(),
		Conns: int(p.conns.Load()), Panics: int(p.panics.Load()), FailedLogons: int(p.failed.Load()),
	}
	for range p.srv.Sessions() {
		s.Sessions++
	}
	for range p.srv.Opens() {
		s.Opens++
	}
	return s
}

// crowd has as many goroutines at once as an attack may make. Go never gives back what it
// knows each by, some 400 bytes, so that would count as what the attack left.
func crowd() {
	var wg sync.WaitGroup
	end := make(chan struct{})
	for range 20_000 {
		wg.Go(func() { <-end })
	}
	close(end)
	wg.Wait()
}

// profile writes the profiles of the heap and the goroutines into dir, and ends that of
// the CPU.
func (p *serverProcess) profile(dir string) string {
	pprof.StopCPUProfile()
	runtime.GC()
	for _, name := range []string{"heap", "goroutine"} {
		f, err := os.Create(filepath.Join(dir, name+".pprof"))
		if err != nil {
			return err.Error()
		}
		pprof.Lookup(name).WriteTo(f, 0)
		f.Close()
	}
	return dir
}

// counter is a log that nobody reads, as that of a server under attack: it counts.
type counter struct{ p *serverProcess }

func (c *counter) Enabled(_ context.Context, l slog.Level) bool { return l >= slog.LevelInfo }
func (c *counter) WithAttrs([]slog.Attr) slog.Handler           { return c }
func (c *counter) WithGroup(string) slog.Handler                { return c }

var panicOnce sync.Once

func (c *counter) Handle(_ context.Context, r slog.Record) error {
	switch {
	case strings.Contains(r.Message, "panic"):
		c.p.panics.Add(1)
		panicOnce.Do(func() {
			r.Attrs(func(a slog.Attr) bool {
				fmt.Fprintf(os.Stderr, "%v %s: %v\n", time.Now().Format(time.TimeOnly), a.Key, a.Value)
				return true
			})
		})
	case strings.Contains(r.Message, "logon failed"):
		c.p.failed.Add(1)
	}
	return nil
}
