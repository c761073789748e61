package interop

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gosmbd/smb/internal/ntlmclient"
	"github.com/gosmbd/smb/smb2"
)

// What clients may do to the server and to each other: vanish, guess, and what
// is left when the server itself ends. hostile_linux_test.go has what needs
// /proc and more loopback addresses.

func notSamba(t *testing.T) {
	t.Helper()
	if peerIsSamba() {
		t.Skip("bounds that are this server's own")
	}
}

// TestVanishedClient ends a client that holds a file for itself, a lock, a file
// to be deleted, and that waits for a lock. Others must get all of it shortly
// after, and the lock that it waited for must not go to the dead.
func TestVanishedClient(t *testing.T) {
	notSamba(t)
	s := start(t)
	for _, tt := range []struct {
		name   string
		vanish func(*rawClient)
	}{
		{"reset", (*rawClient).reset},
		{"half-close", func(c *rawClient) { c.nc.(*net.TCPConn).CloseWrite() }},
		{"reset with unread replies", func(c *rawClient) {
			for range 50 {
				c.send(smb2.CommandEcho, 1, smb2.EchoRequest{}.Append)
			}
			c.reset()
		}},
		{"half a frame", func(c *rawClient) {
			c.nc.Write([]byte{0, 1, 0, 0, 0xFE, 'S', 'M', 'B'})
			c.nc.Close()
		}},
	} {
		t.Run(tt.name, func(t *testing.T) { vanish(t, s, tt.vanish) })
	}
}

// soon is when what the dead left must be free on a loaded machine.
const soon = 5 * time.Second

func vanish(t *testing.T, s *server, end func(*rawClient)) {
	dead, other, third := mustLogon(t, s.Addr()), mustLogon(t, s.Addr()), mustLogon(t, s.Addr())
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	_, err := dead.open("own", shareNone, 0)
	must(err)
	_, err = dead.open("doomed", shareAll, smb2.OptionDeleteOnClose)
	must(err)
	d, err := dead.open("locked", shareAll, 0)
	must(err)
	o, err := other.open("locked", shareAll, 0)
	must(err)
	third3, err := third.open("locked", shareAll, 0)
	must(err)
	must(dead.lock(d, 0, 100, exclusive0))
	must(other.lock(o, 200, 100, exclusive0))
	must(dead.startLock(d, 200, 100))
	must(third.startLock(third3, 0, 100))
	if _, err := other.open("own", shareAll, 0); !errors.Is(err, smb2.StatusSharingViolation) {
		t.Fatalf("the file of another: %v", err)
	}

	begin := time.Now()
	end(dead)
	third.nc.SetReadDeadline(begin.Add(soon))
	if _, _, err := third.recvOK(); err != nil {
		t.Fatalf("the lock of the dead is not given to who waits for it: %v", err)
	}
	granted := time.Since(begin)
	for {
		id, err := other.open("own", shareNone, 0)
		if err == nil {
			must(other.close(id))
			break
		}
		if time.Since(begin) > soon {
			t.Fatalf("the file of the dead after %v: %v", soon, err)
		}
		time.Sleep(5 * time.Millisecond)
	}
	until(t, "delete on close of the dead", func() bool {
		_, err := os.Stat(filepath.Join(s.dir, "doomed"))
		return errors.Is(err, os.ErrNotExist)
	})
	// Nobody but the dead waited for this one.
	must(other.lock(o, 200, 100, smb2.LockUnlock))
	if err := third.lock(third3, 200, 100, exclusive0); err != nil {
		t.Errorf("the lock that the dead waited for: %v", err)
	}
	t.Logf("lock granted after %v, file free after %v", granted, time.Since(begin))
}

// TestGuessing guesses one user's password over 200 connections at once. Nothing
// that tells a right guess from a wrong one may come faster than one in 2 s. Those
// that are refused unseen, since four are waiting already, are told so with the
// last of the four, after 8 s: the window ends before.
func TestGuessing(t *testing.T) {
	notSamba(t)
	s := start(t)
	honest := logonTime(t, s.Addr(), user2Name)
	const sockets, window = 200, 7 * time.Second
	begin := time.Now()
	var answers, refused atomic.Int32
	var wg sync.WaitGroup
	for range sockets {
		wg.Go(func() {
			c, err := rawDial(s.Addr(), "")
			if err != nil {
				refused.Add(1)
				return
			}
			defer c.nc.Close()
			if c.negotiate() != nil || c.sendGuess(userName, "wrong") != nil {
				refused.Add(1)
				return
			}
			c.nc.SetReadDeadline(begin.Add(window))
			if _, err := c.r.Peek(4); err == nil {
				answers.Add(1)
			}
		})
	}
	var worst time.Duration
	for range 5 {
		time.Sleep(time.Second)
		worst = max(worst, logonTime(t, s.Addr(), user2Name))
		if runtime.GOOS == "linux" { // where all of 127/8 is there
			worst = max(worst, logonTimeFrom(t, s.Addr(), "127.0.3.1", userName))
		}
	}
	wg.Wait()
	// One may come at once, with what rounding and the end of the window add.
	if most := int32(window/(2*time.Second)) + 2; answers.Load() > most {
		t.Errorf("%d answers in %v, want at most %d", answers.Load(), window, most)
	}
	if answers.Load() == 0 {
		t.Error("no guess was answered")
	}
	if worst > time.Second {
		t.Errorf("another user or address needed %v to log on meanwhile, %v before", worst, honest)
	}
	t.Logf("%d answers in %v (%d never got so far); logon of another %v before, at most %v meanwhile",
		answers.Load(), window, refused.Load(), honest, worst)
}

// TestAfterGuessing logs a user on from the address that guessed his password
// before: a neighbour behind the same router, say. He must not be locked out for
// longer than the guessing lasts.
func TestAfterGuessing(t *testing.T) {
	notSamba(t)
	if testing.Short() {
		t.Skip("short")
	}
	t.Parallel()
	s := start(t)
	for range 100 {
		c, err := rawDial(s.Addr(), "")
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(c.negotiate(), c.sendGuess(userName, "wrong")); err != nil {
			t.Fatal(err)
		}
		defer c.nc.Close()
	}
	time.Sleep(10 * time.Second)
	c, err := rawLogon(s.Addr(), "", userName, password)
	if err != nil {
		t.Fatalf("10 s after the last of 100 guesses: %v", err)
	}
	c.nc.Close()
}

// logonTime returns how long a logon takes, which must succeed.
func logonTime(t *testing.T, addr, user string) time.Duration {
	t.Helper()
	return logonTimeFrom(t, addr, "", user)
}

func logonTimeFrom(t *testing.T, addr, local, user string) time.Duration {
	t.Helper()
	begin := time.Now()
	c, err := rawLogon(addr, local, user, password)
	if err != nil {
		t.Errorf("logon of %s: %v", user, err)
		return 0
	}
	c.nc.Close()
	return time.Since(begin)
}

// TestGuessingBehindTheDelay looks for other ways to learn what a guess was worth
// while the answer to it is held back: requests that use the session that the
// guess is for.
func TestGuessingBehindTheDelay(t *testing.T) {
	notSamba(t)
	for _, tt := range []struct {
		cmd  smb2.Command
		body func([]byte) []byte
	}{
		{smb2.CommandTreeConnect, smb2.TreeConnectRequest{Path: `\\server\share`}.Append},
		{smb2.CommandEcho, smb2.EchoRequest{}.Append},
		{smb2.CommandLogoff, smb2.LogoffRequest{}.Append},
		{smb2.CommandSessionSetup, smb2.SessionSetupRequest{SecurityBuffer: (&ntlmclient.Client{}).Negotiate()}.Append},
	} {
		t.Run(fmt.Sprint(tt.cmd), func(t *testing.T) { behindTheDelay(t, tt.cmd, tt.body) })
	}
}

// guess tries a password and doesn't wait for the answer.
func guess(t *testing.T, addr, password string) *rawClient {
	t.Helper()
	c, err := rawDial(addr, "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.nc.Close() })
	if err := errors.Join(c.negotiate(), c.sendGuess(userName, password)); err != nil {
		t.Fatal(err)
	}
	return c
}

func behindTheDelay(t *testing.T, cmd smb2.Command, body func([]byte) []byte) {
	s := start(t)
	for range 6 { // from now on answers are held back, those to right guesses as well
		guess(t, s.Addr(), "wrong")
	}
	seen := map[string]string{}
	for _, pass := range []string{"wrong", password} {
		c := guess(t, s.Addr(), pass)
		time.Sleep(100 * time.Millisecond) // the server has begun with the guess
		if err := c.send(cmd, 1, body); err != nil {
			t.Fatal(err)
		}
		c.nc.SetReadDeadline(time.Now().Add(time.Second / 2))
		if _, err := c.r.Peek(4); errors.Is(err, os.ErrDeadlineExceeded) {
			seen[pass] = "nothing"
			continue
		}
		h, _, err := c.recvAny()
		seen[pass] = fmt.Sprint(h.Command, " ", h.Status, " ", err)
	}
	if seen["wrong"] != seen[password] {
		t.Errorf("at once after a wrong guess: %s; after a right one: %s", seen["wrong"], seen[password])
	}
}

// TestGuessingTimeout looks whether connections that guessed right outlive those
// that guessed wrong, all answers being held back.
func TestGuessingTimeout(t *testing.T) {
	notSamba(t)
	if testing.Short() {
		t.Skip("takes longer than the time that clients have to log on")
	}
	t.Parallel()
	s := start(t)
	const wrong = 40 // answers are held back for 80 s
	var guesses []*rawClient
	for range wrong {
		guesses = append(guesses, guess(t, s.Addr(), "wrong"))
	}
	right := guess(t, s.Addr(), password)
	begin := time.Now()
	last := guesses[wrong-1]
	wait := 14 * time.Second
	wrongGone := last.gone(wait) == nil
	rightGone := right.gone(time.Second) == nil
	if wrongGone != rightGone {
		t.Errorf("%v after the guess, connection of a wrong one closed: %v; of a right one: %v",
			time.Since(begin).Round(time.Second), wrongGone, rightGone)
	}
}

const blockSize = 64 << 10

// block returns what belongs at off.
func block(off uint64) []byte {
	b := make([]byte, blockSize)
	for i := 0; i < len(b); i += 8 {
		binary.LittleEndian.PutUint64(b[i:], off+uint64(i))
	}
	return b
}

// writer writes blocks until the connection ends, some at a time under way, and
// remembers which the server said it has.
type writer struct {
	c     *rawClient
	id    smb2.FileID
	flags uint32

	acked []uint64 // offsets
	count atomic.Int64
	done  chan error
}

func startWriter(t *testing.T, s *server, name string, flags uint32) *writer {
	t.Helper()
	w := &writer{c: mustLogon(t, s.Addr()), flags: flags, done: make(chan error, 1)}
	var err error
	if w.id, err = w.c.open(name, shareAll, 0); err != nil {
		t.Fatal(err)
	}
	go func() { w.done <- w.run() }()
	return w
}

func (w *writer) run() error {
	const underWay = 16
	offsets := map[uint64]uint64{} // by MessageId
	next := uint64(0)
	write := func() error {
		offsets[w.c.mid] = next
		req := smb2.WriteRequest{FileID: w.id, Offset: next, Flags: w.flags, Data: block(next)}
		next = (next + blockSize) % (256 << 20)
		return w.c.send(smb2.CommandWrite, 1, req.Append)
	}
	var sendErr error
	for range underWay {
		sendErr = errors.Join(sendErr, write())
	}
	for {
		// What was acknowledged before the end is still to be read.
		h, _, err := w.c.recv()
		if err != nil {
			return err
		}
		if h.Status != smb2.StatusSuccess {
			return h.Status
		}
		w.acked = append(w.acked, offsets[h.MessageID])
		delete(offsets, h.MessageID)
		w.count.Add(1)
		if sendErr == nil {
			sendErr = write()
		}
	}
}

// check waits for the end and compares what was acknowledged with the file.
func (w *writer) check(t *testing.T, path string) {
	t.Helper()
	select {
	case err := <-w.done:
		t.Logf("%d blocks of 64 KiB acknowledged before the end (%v)", len(w.acked), err)
	case <-time.After(rawTimeout + 10*time.Second):
		t.Fatal("the client's connection did not end with the server")
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	got := make([]byte, blockSize)
	for _, off := range w.acked {
		if _, err := f.ReadAt(got, int64(off)); err != nil || !bytes.Equal(got, block(off)) {
			t.Fatalf("the block at %d was acknowledged and isn't there (%v)", off, err)
		}
	}
}

// TestKilledServer ends the server without warning while a client writes
// through: what was acknowledged must be in the file.
func TestKilledServer(t *testing.T) {
	notSamba(t)
	s := start(t)
	w := startWriter(t, s, "file", smb2.WriteFlagWriteThrough)
	until(t, "some writes", func() bool { return w.count.Load() > 100 })
	s.Kill()
	w.check(t, filepath.Join(s.dir, "file"))
}

// TestDrainUnderLoad ends the server with SIGTERM while clients write.
func TestDrainUnderLoad(t *testing.T) {
	notSamba(t)
	s := start(t)
	size := int64(1 << 30)
	if testing.Short() {
		size = 128 << 20
	}
	local := filepath.Join(shareDir(t), "big")
	if err := errors.Join(os.WriteFile(local, nil, 0o600), os.Truncate(local, size)); err != nil {
		t.Fatal(err)
	}
	c := newSmbclient(t, s.Port)
	type result struct {
		out string
		err error
	}
	put := make(chan result, 1)
	go func() {
		out, err := c.run(t, "share", "-c", "put "+local+" big")
		put <- result{out, err}
	}()
	until(t, "the file grows", func() bool {
		info, err := os.Stat(filepath.Join(s.dir, "big"))
		return err == nil && info.Size() > 1<<20
	})
	w := startWriter(t, s, "file", 0)
	until(t, "some writes", func() bool { return w.count.Load() > 100 })

	begin := time.Now()
	if err := s.Stop(); err != nil { // by SIGTERM
		t.Error(err)
	}
	t.Logf("the server ended after %v", time.Since(begin))
	w.check(t, filepath.Join(s.dir, "file"))
	select {
	case r := <-put:
		info, err := os.Stat(filepath.Join(s.dir, "big"))
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case r.err == nil && info.Size() != size:
			t.Errorf("put succeeded, and the file has %d bytes", info.Size())
		case r.err != nil && !strings.Contains(r.out, "NT_STATUS_") && !strings.Contains(r.err.Error(), "broken pipe"):
			// smbclient doesn't catch SIGPIPE.
			t.Errorf("put failed without a status: %v\n%s", r.err, r.out)
		}
		t.Logf("put: %v, %d of %d bytes: %s", r.err, info.Size(), size, tail(r.out, 1))
	case <-time.After(time.Minute):
		t.Error("smbclient did not notice that the server ended")
	}
}
