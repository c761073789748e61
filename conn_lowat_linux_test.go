package smb

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// tcpPair returns a transport and the other end of its connection.
func tcpPair(t *testing.T) (*tcp, net.Conn) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	client, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	nc, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	return newTCP(nc, func() bool { return false }, new(atomic.Int32)), client
}

// lowat returns from how many bytes on the system says that there is something to read;
// zero is what one is.
func lowat(t *testing.T, tr *tcp) (n int) {
	t.Helper()
	err := tr.raw.Control(func(fd uintptr) {
		var err error
		if n, err = unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVLOWAT); err != nil {
			t.Error(err)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// Frames arrive whole, in whatever pieces they come and however long they are, and what
// follows them isn't waited for.
func TestFill(t *testing.T) {
	t.Parallel()
	tr, client := tcpPair(t)
	r := rand.NewChaCha8([32]byte{})
	for _, n := range []int{1, wakeBytes - 1, wakeBytes, wakeBytes + 1, 2*wakeBytes + 5, 3 << 20} {
		for _, piece := range []int{n, wakeBytes - 1, 50_000} {
			sent := make([]byte, n)
			r.Read(sent)
			go func() {
				for p := sent; len(p) > 0; {
					k := min(piece, len(p))
					client.Write(p[:k])
					p = p[k:]
					time.Sleep(time.Millisecond)
				}
			}()
			got := make([]byte, 10+n)
			if err := tr.fill(got, 10, time.Minute); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got[10:], sent) {
				t.Fatalf("%d bytes in pieces of %d: not what was sent", n, piece)
			}
			if k := lowat(t, tr); k > 1 {
				t.Fatalf("after %d bytes in pieces of %d the system waits for %d", n, piece, k)
			}
		}
	}
}

// A client that sends leastProgress within the time for it goes on; one that stops is
// given up after that time, and not after two of them; one that hangs up is at once.
func TestFillSlowly(t *testing.T) {
	t.Parallel()
	const timeout = 600 * time.Millisecond
	tr, client := tcpPair(t)
	start := time.Now()
	var last time.Time
	go func() {
		for range 12 {
			last = time.Now()
			client.Write(make([]byte, leastProgress))
			time.Sleep(timeout / 3)
		}
	}()
	err := tr.fill(make([]byte, 2*wakeBytes), 0, timeout)
	took := time.Since(last)
	if !errors.Is(err, os.ErrDeadlineExceeded) || took < timeout/2 || took > timeout*5/2 || time.Since(start) < 4*timeout {
		t.Errorf("%v after %v, %v after the last piece", err, time.Since(start), took)
	}
	if k := lowat(t, tr); k > 1 {
		t.Errorf("the system still waits for %d bytes", k)
	}

	tr, client = tcpPair(t)
	client.Write(make([]byte, wakeBytes/2))
	client.Close()
	if err := tr.fill(make([]byte, 2*wakeBytes), 0, time.Minute); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("%v where the connection ends within a frame", err)
	}

	tr, _ = tcpPair(t)
	start = time.Now()
	err = tr.fill(make([]byte, 2*wakeBytes), 0, timeout)
	if took := time.Since(start); !errors.Is(err, os.ErrDeadlineExceeded) || took < timeout || took > timeout*3/2 {
		t.Errorf("%v after %v, with nothing sent", err, took)
	}
}
