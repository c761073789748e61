// Package transcript replays recorded conversations of a client with another
// server (Samba's smbd), for tests.
package transcript

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/gosmbd/smb/dcerpc"
)

// An Exchange is a PDU of the client and what the server answered.
type Exchange struct {
	Request []byte
	Replies []byte
}

// Read reads a file with lines of "> hex" from the client and "< hex" from the
// server.
func Read(t testing.TB, name string) []Exchange {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var all []Exchange
	for s := bufio.NewScanner(f); s.Scan(); {
		dir, text, _ := strings.Cut(s.Text(), " ")
		b, err := hex.DecodeString(text)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		switch {
		case dir == ">":
			all = append(all, Exchange{Request: b})
		case dir == "<" && len(all) > 0:
			x := &all[len(all)-1]
			x.Replies = append(x.Replies, b...)
		}
	}
	return all
}

// Drain returns all that is queued in c.
func Drain(t testing.TB, c *dcerpc.Conn) []byte {
	t.Helper()
	var all []byte
	buf := make([]byte, 1000)
	for {
		n, err := c.Read(buf)
		all = append(all, buf[:n]...)
		switch {
		case errors.Is(err, dcerpc.ErrEmpty):
			return all
		case err != nil && !errors.Is(err, dcerpc.ErrMore):
			t.Fatal(err)
		}
	}
}

// Replay sends the requests of x to connections that open makes, a new one for
// each bind, and calls check with what came back.
func Replay(t *testing.T, x []Exchange, open func() *dcerpc.Conn, check func(i int, want, got []byte)) {
	t.Helper()
	ReplayHandles(t, x, nil, open, check)
}

// ReplayHandles is Replay for interfaces with context handles. The operations opens return
// one in front of their status: where the other server gave its handle, the requests that
// follow, and its replies, have that which came back now.
func ReplayHandles(t *testing.T, x []Exchange, opens []uint16, open func() *dcerpc.Conn, check func(i int, want, got []byte)) {
	t.Helper()
	const head, request, bind = 24, 0, 11
	handles := make(map[string][]byte)
	ours := func(b []byte) []byte {
		for theirs, h := range handles {
			b = bytes.ReplaceAll(b, []byte(theirs), h)
		}
		return b
	}
	c := open()
	for i, e := range x {
		if i > 0 && e.Request[2] == bind {
			c = open()
		}
		if _, err := c.Write(context.Background(), ours(e.Request)); err != nil && !errors.Is(err, dcerpc.ErrBroken) {
			t.Fatalf("request %d: %v", i, err)
		}
		want, got := e.Replies, Drain(t, c)
		if e.Request[2] == request && slices.Contains(opens, binary.LittleEndian.Uint16(e.Request[22:])) && len(want) == len(got) && len(got) >= head+24 {
			theirs := want[len(want)-24 : len(want)-4]
			if zero := make([]byte, 20); !bytes.Equal(theirs, zero) {
				handles[string(theirs)] = got[len(got)-24 : len(got)-4]
			}
		}
		check(i, ours(want), got)
	}
}

// Compare is ReplayHandles for a server that must answer each request as the recorded one
// did, octet by octet, unless different has a reason why the i-th is not compared. It
// fails if more than half of them aren't.
func Compare(t *testing.T, x []Exchange, opens []uint16, open func() *dcerpc.Conn, different func(i int) string) {
	t.Helper()
	compared := 0
	ReplayHandles(t, x, opens, open, func(i int, want, got []byte) {
		if len(got) == 0 {
			t.Errorf("exchange %d: no answer", i)
		}
		if different(i) != "" {
			return
		}
		compared++
		if !Same(want, got) {
			op := binary.LittleEndian.Uint16(x[i].Request[22:])
			t.Errorf("exchange %d, operation %d\nrequest %x\nwant %x\ngot  %x", i, op, x[i].Request, want, got)
		}
	})
	if compared < len(x)/2 {
		t.Errorf("compared %d of %d exchanges only", compared, len(x))
	}
}

// Same says whether two replies are the same but for the numbers that a server is
// free to choose: association group and referent IDs.
func Same(want, got []byte) bool {
	if len(want) != len(got) || len(want)%4 != 0 {
		return false
	}
	for i := 0; i < len(want); i += 4 {
		w, g := binary.LittleEndian.Uint32(want[i:]), binary.LittleEndian.Uint32(got[i:])
		group := i == 20 && (want[2] == 12 || want[2] == 15)
		if w != g && !group && !(referent(w) && referent(g)) {
			return false
		}
	}
	return true
}

func referent(v uint32) bool { return v >= 0x00020000 && v < 0x00021000 }
