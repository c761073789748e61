package smb

import (
	"context"
	"runtime"
	"testing"
	"weak"

	"github.com/gosmbd/smb/smb2"
)

// What went on after its connection was lost ends with the session, which doesn't keep
// the connection once it is over.
func TestCancelWithSession(t *testing.T) {
	ctx, end := context.WithCancel(context.Background())
	defer end()
	se := &session{ctx: ctx}
	lost := func() (*conn, *chain) {
		c := &conn{async: make(map[uint64]*chain)}
		ch := &chain{c: c, asyncID: 1, wake: make(chan struct{})}
		c.async[1] = ch
		c.mu.Lock()
		ch.cancelWith(se)
		c.mu.Unlock()
		return c, ch
	}
	c, ch := lost()
	c.mu.Lock()
	ch.leaveAsync()
	c.mu.Unlock()
	kept := weak.Make(c)
	c, ch = nil, nil
	runtime.GC()
	runtime.GC()
	if kept.Value() != nil {
		t.Error("the session keeps the connection")
	}
	c, ch = lost()
	end()
	<-ch.wake
	c.mu.Lock()
	defer c.mu.Unlock()
	if ch.canceled != smb2.StatusUserSessionDeleted {
		t.Errorf("canceled for %v", ch.canceled)
	}
}

// A CREATE isn't noted any more as one that may come again if what it opened was closed at
// once, with its session.
func TestCreateForgottenEarly(t *testing.T) {
	var h handles
	h.init()
	id := createID{create: smb2.GUID{1}}
	for range 2 {
		fresh, done, err := h.reserve(id)
		if fresh == nil || done != nil || err != nil {
			t.Fatalf("%v, %v, %v", fresh, done, err)
		}
		o := new(open)
		h.addDurable(o)
		h.forget(o)
		h.made(fresh, o)
		if o.replayable.Load() || len(h.creates) != 0 || len(h.durable) != 0 {
			t.Errorf("the CREATE is kept: %v, %v", h.creates, h.durable)
		}
	}
}
