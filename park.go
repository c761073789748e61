package smb

import (
	"errors"
	"slices"
	"sync/atomic"
)

// Opens that wait for others to give up what they cache are parked: no goroutine waits
// for them, and what they hold is small.

// parking is a chain that waits for a file.
type parking struct {
	ch    *chain
	f     *file
	wait  <-chan struct{} // closed when there is something to look at
	taken atomic.Bool     // somebody lets the chain go on; ch is his
}

// park sends the interim answer and has the rest of the request done by then, when wait
// is closed or the request is canceled, for which then gets the reason. The caller
// returns errParked, unless there is another error.
func (r *request) park(f *file, wait <-chan struct{}, then func(canceled error) error) error {
	if _, err := r.goAsync(); err != nil {
		return err
	}
	ch := r.ch
	r.c.mu.Lock()
	canceled := ch.canceled
	r.c.mu.Unlock()
	if canceled != nil {
		return canceled
	}
	ch.parking = &parking{ch: ch, f: f, wait: wait}
	ch.then = func() error {
		ch.wakeReply()
		f.unpark(ch.parking)
		ch.parking = nil
		r.c.mu.Lock()
		canceled := ch.canceled
		r.c.mu.Unlock()
		return then(canceled)
	}
	return nil
}

// sleepReply gives back the buffers of a chain that is to wait.
func (ch *chain) sleepReply() {
	if len(ch.elems) == 0 { // else answers of earlier elements are in it
		ch.out.Free()
		ch.out = nil
	}
	if len(ch.rest) == 0 {
		ch.in.Free()
		ch.in, ch.req.msg = nil, nil
	}
}

// wakeReply makes room for the answer. What the handler set of it before holds.
func (ch *chain) wakeReply() {
	if ch.out != nil {
		return
	}
	old := ch.reply
	ch.reply.begin(ch)
	old.buf, old.off = ch.reply.buf, ch.reply.off
	ch.reply = old
}

// commit leaves ch to whoever wakes it. The caller mustn't touch it any more.
func (p *parking) commit() {
	ch, c, f := p.ch, p.ch.c, p.f
	c.srv.wg.Add(1) // until it is woken
	ch.sleepReply()
	c.mu.Lock()
	canceled := ch.canceled != nil
	if !canceled {
		ch.sleeping = p
	}
	c.mu.Unlock()
	if canceled {
		p.wake()
		return
	}
	f.mu.Lock()
	if !isClosed(p.wait) {
		f.parked = append(f.parked, p)
		f.mu.Unlock()
		return
	}
	f.mu.Unlock()
	p.wake()
}

// wake lets the chain go on, unless somebody else does.
func (p *parking) wake() {
	if p.taken.CompareAndSwap(false, true) {
		s := p.ch.c.srv
		s.dispatch(p.ch)
		s.wg.Done()
	}
}

// wakeParked lets the chains look again whose wait is over. Whoever changes what f's
// opens cache calls it afterwards; the caller holds f.mu.
func (f *file) wakeParked() {
	if len(f.parked) == 0 {
		return
	}
	f.parked = slices.DeleteFunc(f.parked, func(p *parking) bool {
		if !isClosed(p.wait) {
			return false
		}
		p.wake()
		return true
	})
}

// unpark takes p out, if it was woken by something else.
func (f *file) unpark(p *parking) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.parked = slices.DeleteFunc(f.parked, func(q *parking) bool { return q == p })
}

func isClosed(ch <-chan struct{}) bool {
	select {
	case <-ch:
		return true
	default:
		return false
	}
}

// errParked isn't an error: the chain goes on later.
var errParked = errors.New("smb: parked")
