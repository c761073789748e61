package smb_test

import (
	"context"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/gosmbd/smb"
)

// A hook that returns no context doesn't end the process, and the error names it.
func TestHooksWithoutContext(t *testing.T) {
	listen := func() net.Listener {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	base := &smb.Server{BaseContext: func(net.Listener) context.Context { return nil }}
	defer base.Close()
	l := listen()
	if nc, err := net.Dial("tcp", l.Addr().String()); err == nil { // one to serve
		defer nc.Close()
	}
	if err := base.Serve(l); err == nil || !strings.Contains(err.Error(), "BaseContext") {
		t.Errorf("Serve: %v, want an error that names BaseContext", err)
	}
	if _, err := net.Dial("tcp", l.Addr().String()); err == nil {
		t.Error("the listener is open after Serve")
	}

	srv := &smb.Server{ConnContext: func(context.Context, net.Conn) context.Context { return nil }}
	defer srv.Close()
	l = listen()
	go srv.Serve(l)
	for range 2 { // it goes on
		nc, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		nc.SetReadDeadline(time.Now().Add(10 * time.Second))
		if _, err := nc.Read(make([]byte, 1)); err == nil || strings.Contains(err.Error(), "timeout") {
			t.Errorf("a connection without a context: %v, want it closed", err)
		}
		nc.Close()
	}
	client, server := net.Pipe()
	defer client.Close()
	if err := srv.ServeConn(t.Context(), server); err == nil || !strings.Contains(err.Error(), "ConnContext") {
		t.Errorf("ServeConn: %v, want an error that names ConnContext", err)
	}
}
