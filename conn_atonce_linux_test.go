package smb

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/gosmbd/smb/internal/frame"
	"github.com/gosmbd/smb/internal/nowait"
)

// What a client takes in pieces, late, or after a deadline that was set for an earlier
// frame arrives whole and in order.
func TestWriteAtOnce(t *testing.T) {
	tr, client := tcpPair(t)
	nc := tr.nc
	nc.(*net.TCPConn).SetWriteBuffer(4 << 10)
	r := rand.New(rand.NewPCG(1, 2))
	frames, sent := randomFrames(r, 1, 100, 300<<10, 5, 1<<20, 4000, 4000)
	done := make(chan error, 1)
	go func() {
		for i := range frames[:5] {
			if err := tr.send(frames[i:i+1], time.Minute); err != nil {
				done <- err
				return
			}
		}
		nc.SetWriteDeadline(time.Now().Add(-time.Second)) // as one that passed
		if err := tr.send(frames[5:6], time.Minute); err != nil {
			done <- err
			return
		}
		err := tr.send(frames[6:], time.Minute)
		nc.Close()
		done <- err
	}()
	time.Sleep(50 * time.Millisecond)
	got, err := io.ReadAll(client)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if err != nil || !bytes.Equal(got, sent) {
		t.Errorf("%d bytes came, %v; want %d", len(got), err, len(sent))
	}
	// A client that has gone shows.
	client.Close()
	if err := tr.send(frames[:1], time.Minute); err == nil {
		t.Error("no error after the connection was closed")
	}
}

// randomFrames returns frames of these lengths, and how they look on the wire.
func randomFrames(r *rand.Rand, lens ...int) (frames []outFrame, wire []byte) {
	for _, n := range lens {
		buf := frame.Get(4 + n)
		buf.B = buf.B[:4]
		for range n {
			buf.B = append(buf.B, byte(r.Uint32()))
		}
		frames = append(frames, outFrame{buf: buf, off: 4})
		wire = append(append(wire, 0, byte(n>>16), byte(n>>8), byte(n)), buf.B[4:]...)
	}
	return frames, wire
}

// Frames that are sent together arrive whole and in order, wherever the system
// stops taking them.
func TestWriteTogether(t *testing.T) {
	for _, room := range []int{0, 4 << 10} { // of the socket's buffer; zero: as it is
		tr, client := tcpPair(t)
		if room > 0 {
			tr.nc.(*net.TCPConn).SetWriteBuffer(room)
		}
		r := rand.New(rand.NewPCG(3, 4))
		var lens []int
		for range 300 {
			lens = append(lens, 1+r.IntN(5000))
		}
		lens[100] = 1 << 20
		frames, want := randomFrames(r, lens...)
		done := make(chan error, 1)
		go func() {
			var err error
			for rest := frames; len(rest) > 0 && err == nil; {
				n := min(len(rest), 1+r.IntN(3*nowait.Vectors))
				err = tr.send(rest[:n], time.Minute)
				rest = rest[n:]
			}
			tr.nc.Close()
			done <- err
		}()
		time.Sleep(10 * time.Millisecond)
		got, err := io.ReadAll(client)
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("buffer %d: %d bytes came, %v; want %d", room, len(got), err, len(want))
		}
	}
}

// To send many frames together allocates nothing.
func TestWriteTogetherAllocations(t *testing.T) {
	tr, client := tcpPair(t)
	go io.Copy(io.Discard, client)
	frames, _ := randomFrames(rand.New(rand.NewPCG(5, 6)), make([]int, 3*nowait.Vectors)...)
	send := func() {
		if err := tr.send(frames, time.Minute); err != nil {
			t.Fatal(err)
		}
	}
	send()
	if n := testing.AllocsPerRun(100, send); n >= 1 {
		t.Errorf("%v allocations", n)
	}
}

// What a client sends comes whole whatever is asked for at once, then the end; and a deadline is kept.
func TestReadAtOnce(t *testing.T) {
	tr, client := tcpPair(t)
	r := rand.New(rand.NewPCG(7, 8))
	want := make([]byte, 4<<20)
	for i := range want {
		want[i] = byte(r.Uint32())
	}
	from := tr.reader()
	tr.nc.SetReadDeadline(time.Now().Add(10 * time.Millisecond))
	if n, err := from.Read(make([]byte, 8)); n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("read of nothing: %d, %v", n, err)
	}
	tr.nc.SetReadDeadline(time.Time{})
	go func() {
		for rest := want; len(rest) > 0; {
			n := min(len(rest), 1+r.IntN(100<<10))
			client.Write(rest[:n])
			rest = rest[n:]
		}
		client.Close()
	}()
	var got []byte
	sizes := rand.New(rand.NewPCG(9, 10))
	for {
		b := make([]byte, sizes.IntN(2*nowait.Most))
		n, err := from.Read(b)
		got = append(got, b[:n]...)
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%d bytes came, want %d", len(got), len(want))
	}
	tr.nc.Close()
	if n, err := from.Read(make([]byte, 8)); n != 0 || !errors.Is(err, net.ErrClosed) {
		t.Errorf("read of a closed connection: %d, %v", n, err)
	}
}

// A connection that an application has made one that blocks, as [os.File.Fd] does, keeps nobody from the processor
// while its client says nothing.
func TestReadAtOnceOfWhatBlocks(t *testing.T) {
	tr, client := tcpPair(t)
	f, err := tr.nc.(*net.TCPConn).File()
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	f.Fd()
	read := make(chan error)
	go func() {
		_, err := tr.reader().Read(make([]byte, 8))
		read <- err
	}()
	time.Sleep(50 * time.Millisecond)
	time.AfterFunc(5*time.Second, func() { client.Close() })
	began := time.Now()
	runtime.GC() // which begins when nobody is in a call that the scheduler doesn't know of
	if d := time.Since(began); d > 4*time.Second {
		t.Errorf("waited %v for a client", d)
	}
	client.Write([]byte("x"))
	if err := <-read; err != nil {
		t.Error(err)
	}
}
