package smb

import (
	"bytes"
	"io"
	"math/rand/v2"
	"net"
	"testing"
	"time"

	"github.com/gosmbd/smb/internal/frame"
)

// What a client takes in pieces, late, or after a deadline that was set for an earlier
// frame arrives whole and in order.
func TestWriteAtOnce(t *testing.T) {
	tr, client := tcpPair(t)
	nc := tr.nc
	nc.(*net.TCPConn).SetWriteBuffer(4 << 10)
	r := rand.New(rand.NewPCG(1, 2))
	var sent []byte
	lens := []int{1, 100, 300 << 10, 5, 1 << 20, 4000, 4000}
	frames := make([]outFrame, len(lens))
	for i, n := range lens {
		buf := frame.Get(4 + n)
		buf.B = buf.B[:4]
		for range n {
			buf.B = append(buf.B, byte(r.Uint32()))
		}
		frames[i] = outFrame{buf: buf, off: 4}
		sent = append(append(sent, 0, byte(n>>16), byte(n>>8), byte(n)), buf.B[4:]...)
	}
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
