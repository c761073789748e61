package smb

import (
	"context"
	"encoding/binary"
	"io"
	"log/slog"
	"net"
	"testing"
	"time"

	"github.com/gosmbd/smb/smb2"
)

// A mistake in what is done with a frame before its handler runs costs the connection, not the process.
func TestReaderPanic(t *testing.T) {
	s := &Server{Logger: slog.New(slog.DiscardHandler)}
	s.init()
	defer s.Close()
	client, nc := net.Pipe()
	c := s.newConn(context.Background(), nc)
	c.lastChannel.Store(&channel{}) // of no session, which nothing provides for
	go c.serve()
	c.authed.Store(true) // or a frame can't be so long that it counts
	msg := smb2.ReadRequest{Length: 1 << 20}.Append(make([]byte, smb2.HeaderSize))
	msg = append(msg, make([]byte, 2*firstRead)...)
	smb2.Header{Command: smb2.CommandRead, CreditCharge: 16}.Put(msg)
	client.SetDeadline(time.Now().Add(time.Minute))
	frame := append(binary.BigEndian.AppendUint32(nil, uint32(len(msg))), msg...)
	if _, err := client.Write(frame); err != nil {
		t.Fatal(err)
	}
	if n, err := client.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("read %d bytes, %v; want the end", n, err)
	}
	<-c.over
	if n := s.memory.held(); n != 0 {
		t.Errorf("%d bytes of memory are still counted", n)
	}
	if drop, ok := c.why.(dropError); !ok || drop.reason != "internal error" {
		t.Errorf("the connection ended by %v", c.why)
	}
}

// The same holds for whoever takes an upload over, on a goroutine that nobody else guards.
func TestTakeOverPanic(t *testing.T) {
	s := &Server{Logger: slog.New(slog.DiscardHandler)}
	s.init()
	defer s.Close()
	client, nc := net.Pipe()
	defer client.Close()
	c := s.newConn(context.Background(), nc)
	defer s.wg.Done()                                                                      // of the read goroutine, which there isn't
	u := &upload{c: c, t: newTCP(nc, s.memory.wanted, &s.dormant), left: 1, watched: true} // of no request, which nothing provides for
	u.takeOver()
	<-u.done
	<-c.over
	if drop, ok := c.why.(dropError); !ok || drop.reason != "internal error" {
		t.Errorf("the connection ended by %v", c.why)
	}
}
