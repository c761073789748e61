package interop

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/gosmbd/smb"
	"github.com/gosmbd/smb/internal/harness"
	"github.com/gosmbd/smb/ntlm"
	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs/memfs"
)

// plainBinary is the server without the race detector, which needs a multiple of
// the memory.
var plainBinary = sync.OnceValues(func() (string, error) {
	if os.Getenv("SMB_INTEROP_RACE") == "" || os.Getenv("SMB_INTEROP_BINARY") != "" {
		return serverBinary, nil
	}
	dir := filepath.Join(filepath.Dir(serverBinary), "plain")
	if err := os.Mkdir(dir, 0o700); err != nil {
		return "", err
	}
	return harness.Build(dir, false)
})

// measured runs a server as start does, whose memory can be compared with bounds.
func measured(t *testing.T) *server {
	t.Helper()
	notSamba(t)
	bin, err := plainBinary()
	if err != nil {
		t.Fatal(err)
	}
	s := &server{dir: shareDir(t)}
	s.Server, err = harness.Start(bin, harness.Config{
		Shares: []harness.Share{{Name: "share", Dir: s.dir}},
		Users:  []harness.User{{Name: userName, Password: password}, {Name: user2Name, Password: password}},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if s.Exited() {
			t.Errorf("the server ended by itself:\n%s", tail(s.Log(), 40))
		}
		s.Kill()
	})
	return s
}

// rss returns the memory of the server in KiB.
func (s *server) rss(t *testing.T) int {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.PID()))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		if f := strings.Fields(line); len(f) == 3 && f[0] == "VmRSS:" {
			n, err := strconv.Atoi(f[1])
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
	}
	t.Fatal("no VmRSS")
	return 0
}

// fds returns how many descriptors the server has.
func (s *server) fds(t *testing.T) int {
	t.Helper()
	list, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", s.PID()))
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}

// peak watches the memory of the server until stop is called, which returns the
// most that it saw.
func (s *server) peak(t *testing.T) (stop func() int) {
	done, result := make(chan struct{}), make(chan int)
	go func() {
		most := 0
		for {
			most = max(most, s.rss(t))
			select {
			case <-done:
				result <- most
				return
			case <-time.After(20 * time.Millisecond):
			}
		}
	}()
	return func() int {
		close(done)
		return <-result
	}
}

const mib = 1 << 10 // in KiB

// TestHalfOpen has 100 addresses open 10,000 connections that never log on,
// while an honest client does.
func TestHalfOpen(t *testing.T) {
	s := measured(t)
	total := 10000
	if testing.Short() {
		total = 2000
	}
	var lim syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &lim); err != nil {
		t.Fatal(err)
	}
	lim.Cur = lim.Max
	syscall.Setrlimit(syscall.RLIMIT_NOFILE, &lim)
	if lim.Cur < uint64(total)+500 {
		total = int(lim.Cur) - 500
		t.Logf("only %d connections: that many files may be open", total)
	}
	// The server has its own limit, which package os raised.
	logonTime(t, s.Addr(), userName)
	before, fds := s.rss(t), s.fds(t)
	var after [2]int
	rounds := len(after)
	if testing.Short() {
		rounds = 1
	}
	for round := range rounds {
		stop := s.peak(t)
		worst := halfOpen(t, s, total)
		most := stop()
		if growth := most - before; growth > 400*mib {
			t.Errorf("%d half-open connections took %d MiB", total, growth/mib)
		}
		until(t, "descriptors as before", func() bool { return s.fds(t) <= fds+10 })
		after[round] = s.rss(t)
		t.Logf("round %d: RSS %d MiB before, at most %d MiB, %d MiB after; worst of the honest logons %v",
			round+1, before/mib, most/mib, after[round]/mib, worst)
	}
	// Go gives memory back only after minutes; but the second time must do with
	// what the first one left.
	if rounds > 1 && after[1] > after[0]+after[0]/4+16*mib {
		t.Errorf("RSS %d MiB after the first time, %d MiB after the second", after[0]/mib, after[1]/mib)
	}
	if after[0] > before+200*mib {
		t.Errorf("RSS %d MiB before, %d MiB after", before/mib, after[0]/mib)
	}
}

// halfOpen runs one attack to its end and returns the longest that an honest
// client needed to log on.
func halfOpen(t *testing.T, s *server, total int) time.Duration {
	const addresses, dialers = 100, 8
	// An attacker from elsewhere wouldn't take the server's processors, too.
	const perSecond = 2500
	var logons []time.Duration
	var mu sync.Mutex
	var conns []*rawClient
	var failed atomic.Int32
	var next atomic.Int64
	var wg sync.WaitGroup
	begin := time.Now()
	for range dialers {
		wg.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= total {
					return
				}
				time.Sleep(time.Until(begin.Add(time.Duration(i) * time.Second / perSecond)))
				c, err := rawDial(s.Addr(), fmt.Sprintf("127.0.1.%d", i%addresses+1))
				if err != nil {
					failed.Add(1)
					continue
				}
				switch i % 3 {
				case 1:
					c.nc.Write([]byte{0, 1, 0x90, 0}) // 100 KiB to come
				case 2:
					c.send(smb2.CommandNegotiate, 1, c.negotiateRequest())
				}
				c.r = nil
				mu.Lock()
				conns = append(conns, c)
				mu.Unlock()
			}
		})
	}
	opened := make(chan struct{})
	go func() { wg.Wait(); close(opened) }()
	for last := false; !last; {
		select {
		case <-opened:
			last = true // once more, with all of them there
		case <-time.After(100 * time.Millisecond):
		}
		logons = append(logons, logonTime(t, s.Addr(), userName))
	}
	slices.Sort(logons)
	worst := logons[len(logons)-1]
	took := time.Since(begin)
	held := s.fds(t)
	// One in ten may meet with the machine being busy.
	if d := logons[(len(logons)-1)*9/10]; d > time.Second || worst > 5*time.Second {
		t.Errorf("9 of 10 honest logons took up to %v, one %v", d, worst)
	}
	if n := failed.Load(); n > int32(total/100) {
		t.Errorf("%d of %d connections failed", n, total)
	}
	// smbclient, too: it is what people use.
	client := newSmbclient(t, s.Port)
	smbBegin := time.Now()
	client.do(t, "ls")
	t.Logf("%d connections opened in %v, server has %d descriptors; %d honest logons meanwhile, at most %v; smbclient %v",
		total, took.Round(time.Millisecond), held, len(logons), worst, time.Since(smbBegin).Round(time.Millisecond))

	// All end by themselves within AuthTimeout, 10 s, and the janitor's second.
	limit := time.Until(begin.Add(took + 15*time.Second))
	deadline := time.Now().Add(limit)
	alive := 0
	for _, c := range conns {
		c.nc.SetReadDeadline(deadline)
		_, err := io.Copy(io.Discard, c.nc)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			alive++
		}
		c.nc.Close()
	}
	if alive > 0 {
		t.Errorf("%d connections without a logon are there after %v", alive, limit)
	}
	return worst
}

// TestSlowReader has a client ask for data that it never reads. Each way to ask
// must be bounded by Limits.MemoryPerConn, by default 32 MiB, whatever the number
// of requests, and the client must be dropped after Limits.WriteTimeout, by
// default 30 s, which TestWriteTimeout doesn't wait for, while others go on.
func TestSlowReader(t *testing.T) {
	notSamba(t)
	t.Parallel()
	for _, tt := range []struct {
		name  string
		n     int // frames
		frame func(c *rawClient, id smb2.FileID) []byte
	}{
		{"1 MiB reads", 400, func(c *rawClient, id smb2.FileID) []byte {
			return c.frame(smb2.CommandRead, 16, readBody(id, 0, 1<<20))
		}},
		{"8 MiB reads", 60, func(c *rawClient, id smb2.FileID) []byte {
			return c.frame(smb2.CommandRead, 128, readBody(id, 0, 8<<20))
		}},
		{"reads just above a MiB", 400, func(c *rawClient, id smb2.FileID) []byte {
			return c.frame(smb2.CommandRead, 17, readBody(id, 0, 1<<20+1024))
		}},
		{"reads just above 16 KiB", 20000, func(c *rawClient, id smb2.FileID) []byte {
			return c.frame(smb2.CommandRead, 1, readBody(id, 0, 17<<10))
		}},
		{"4 KiB reads", 20000, func(c *rawClient, id smb2.FileID) []byte {
			return c.frame(smb2.CommandRead, 1, readBody(id, 0, 4<<10))
		}},
		{"echoes", 150000, func(c *rawClient, _ smb2.FileID) []byte {
			return c.frame(smb2.CommandEcho, 1, smb2.EchoRequest{}.Append)
		}},
		{"compounds of 64 KiB reads", 100, func(c *rawClient, id smb2.FileID) []byte {
			return c.compound(40, smb2.CommandRead, 1, readBody(id, 0, 64<<10))
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if testing.Short() && tt.n >= 20000 {
				t.Skip("short")
			}
			slowReader(t, tt.n, tt.frame)
		})
	}
}

func slowReader(t *testing.T, n int, frame func(*rawClient, smb2.FileID) []byte) {
	s := measured(t)
	if err := errors.Join(
		os.WriteFile(filepath.Join(s.dir, "big"), make([]byte, 16<<20), 0o600),
		os.WriteFile(filepath.Join(s.dir, "small"), make([]byte, 16<<10), 0o600)); err != nil {
		t.Fatal(err)
	}
	honest, slow := mustLogon(t, s.Addr()), mustLogon(t, s.Addr())
	quiet := latencies(t, honest, 100)
	id, err := slow.open("big", shareAll, 0)
	if err != nil {
		t.Fatal(err)
	}
	before := s.rss(t)
	stop := s.peak(t)
	sent := make(chan int)
	go func() {
		for i := range n {
			if i%1000 == 0 {
				time.Sleep(10 * time.Millisecond) // the window is 8192
				// Ends when the server takes no more.
				slow.nc.SetWriteDeadline(time.Now().Add(2 * time.Second))
			}
			if _, err := slow.nc.Write(frame(slow, id)); err != nil {
				sent <- i
				return
			}
		}
		sent <- n
	}()
	time.Sleep(500 * time.Millisecond)
	busy := latencies(t, honest, 100)
	count := <-sent
	time.Sleep(300 * time.Millisecond)
	growth := stop() - before
	t.Logf("%d of %d frames taken; RSS %d MiB before, grew by at most %d MiB; others' work took %v (9 of 10) before, %v meanwhile",
		count, n, before/mib, growth/mib, quiet, busy)
	// Go's runtime needs some for itself, whatever the connection holds.
	const most = 32*mib*11/10 + 24*mib
	if growth > most {
		t.Errorf("memory grew by %d MiB, want at most %d", growth/mib, most/mib)
	}
	if busy > 20*quiet+200*time.Millisecond {
		t.Errorf("others waited %v, %v before", busy, quiet)
	}
}

// latencies returns what 9 of 10 small pieces of work take at most.
func latencies(t *testing.T, c *rawClient, n int) time.Duration {
	t.Helper()
	var all []time.Duration
	for range n {
		d, err := c.latency("small")
		if err != nil {
			t.Fatalf("an honest client: %v", err)
		}
		all = append(all, d)
	}
	slices.Sort(all)
	return all[n*9/10]
}

// library runs a server in this process with the limits.
func library(t *testing.T, limits smb.Limits) (addr string, closed <-chan string) {
	t.Helper()
	notSamba(t)
	l, err := net.Listen("tcp", harness.Host+":0")
	if err != nil {
		t.Fatal(err)
	}
	gone := make(chan string, 10000)
	srv := &smb.Server{
		Shares:     smb.Shares{"share": {FS: &memfs.FS{}}},
		Mechanisms: []smb.Mechanism{ntlm.New(ntlm.Static{userName: {Password: password}, user2Name: {Password: password}})},
		Limits:     limits,
		Logger:     slog.New(slog.NewTextHandler(io.Discard, nil)),
		ConnState: func(nc net.Conn, st smb.ConnState) {
			if st == smb.StateClosed {
				gone <- nc.RemoteAddr().String()
			}
		},
	}
	done := make(chan error, 1)
	go func() { done <- srv.Serve(l) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := srv.Shutdown(ctx); err != nil {
			t.Errorf("shutdown: %v", err)
		}
		if err := <-done; !errors.Is(err, smb.ErrServerClosed) {
			t.Errorf("serve: %v", err)
		}
	})
	return l.Addr().String(), gone
}

// TestWriteTimeout drops a client that reads nothing.
func TestWriteTimeout(t *testing.T) {
	const timeout = time.Second
	addr, closed := library(t, smb.Limits{WriteTimeout: timeout})
	slow := mustLogon(t, addr)
	other := mustLogon(t, addr)
	id, err := slow.open("big", shareNone, 0)
	if err != nil {
		t.Fatal(err)
	}
	for off := uint64(0); off < 1<<20; off += blockSize {
		if _, _, err := slow.call(smb2.CommandWrite, 1, smb2.WriteRequest{FileID: id, Offset: off, Data: block(off)}.Append); err != nil {
			t.Fatal(err)
		}
	}
	begin := time.Now()
	for range 100 {
		if err := slow.send(smb2.CommandRead, 16, readBody(id, 0, 1<<20)); err != nil {
			t.Fatal(err)
		}
	}
	select {
	case who := <-closed:
		if who != slow.nc.LocalAddr().String() {
			t.Fatalf("%s was dropped", who)
		}
		took := time.Since(begin)
		t.Logf("dropped after %v", took)
		if took < timeout {
			t.Errorf("dropped after %v, want %v", took, timeout)
		}
	case <-time.After(timeout + 10*time.Second):
		t.Fatal("the client that reads nothing is still there")
	}
	if _, err := other.open("big", shareNone, 0); err != nil {
		t.Errorf("the file of the dropped client: %v", err)
	}
}

// TestSlowButSteady reads slowly without ever stopping. It must not be dropped,
// though all that it asked for takes longer than WriteTimeout.
func TestSlowButSteady(t *testing.T) {
	const timeout = time.Second
	addr, _ := library(t, smb.Limits{WriteTimeout: timeout})
	c := mustLogon(t, addr)
	id, err := c.open("big", shareAll, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := c.call(smb2.CommandWrite, 16, smb2.WriteRequest{FileID: id, Data: make([]byte, 1<<20)}.Append); err != nil {
		t.Fatal(err)
	}
	const reads = 24
	for range reads {
		if err := c.send(smb2.CommandRead, 16, readBody(id, 0, 1<<20)); err != nil {
			t.Fatal(err)
		}
	}
	begin := time.Now()
	for i := range reads {
		if _, _, err := c.recvOK(); err != nil {
			t.Fatalf("read %d of %d, after %v: %v", i+1, reads, time.Since(begin), err)
		}
		time.Sleep(timeout / 4)
	}
}

// TestFloodOfOneAddress has one address open more connections than it may.
func TestFloodOfOneAddress(t *testing.T) {
	const most, flood = 50, 1000
	addr, closed := library(t, smb.Limits{ConnectionsPerIP: most})
	for round := range 2 { // the second time shows that all was given back
		var conns []net.Conn
		for range flood {
			c, err := rawDial(addr, "127.0.2.1")
			if err != nil {
				t.Fatal(err)
			}
			conns = append(conns, c.nc)
		}
		if _, err := rawLogon(addr, "127.0.2.1", userName, password); err == nil {
			t.Errorf("round %d: connection %d of an address was served", round, flood+1)
		}
		begin := time.Now()
		c, err := rawLogon(addr, "127.0.2.2", user2Name, password)
		if err != nil {
			t.Fatalf("round %d: another address: %v", round, err)
		}
		if d := time.Since(begin); d > time.Second {
			t.Errorf("round %d: another address needed %v", round, d)
		}
		c.nc.Close()
		var alive atomic.Int32
		var wg sync.WaitGroup
		for _, nc := range conns {
			wg.Go(func() {
				nc.SetReadDeadline(time.Now().Add(time.Second))
				if _, err := nc.Read(make([]byte, 1)); errors.Is(err, os.ErrDeadlineExceeded) {
					alive.Add(1)
				}
				nc.Close()
			})
		}
		wg.Wait()
		if n := alive.Load(); n != most {
			t.Errorf("round %d: %d connections of one address are open, want %d", round, n, most)
		}
		for range most + 1 {
			select {
			case <-closed:
			case <-time.After(10 * time.Second):
				t.Fatalf("round %d: not all connections ended", round)
			}
		}
	}
}

// TestHeldMemory has one user's connections announce large requests that never
// come, more of them than Limits.Memory has room for. Others must be served all
// the same, at the latest when the time for that is over.
func TestHeldMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("short")
	}
	t.Parallel()
	addr, _ := library(t, smb.Limits{Memory: 64 << 20, WriteTimeout: time.Second, AuthTimeout: 2 * time.Second})
	honest := mustLogon(t, addr)
	id, err := honest.open("file", shareAll, 0)
	if err != nil {
		t.Fatal(err)
	}
	work := func() error {
		_, _, err := honest.call(smb2.CommandWrite, 16, smb2.WriteRequest{FileID: id, Data: make([]byte, 1<<20)}.Append)
		return err
	}
	if err := work(); err != nil {
		t.Fatal(err)
	}
	for range 12 {
		c := mustLogon(t, addr)
		c.nc.Write([]byte{0, 0x80, 0, 0}) // 8 MiB to come
	}
	time.Sleep(100 * time.Millisecond)
	begin := time.Now()
	if err := work(); err != nil {
		t.Errorf("a write of 1 MiB, after %v: %v", time.Since(begin), err)
	}
	t.Logf("a write of 1 MiB took %v", time.Since(begin))
}
