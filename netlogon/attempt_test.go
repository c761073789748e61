package netlogon

import (
	"bytes"
	"testing"
	"time"
)

// The attempt and its slices are valid during Authenticate only (ntlm.Accounts): they lie in the frame that the client sent,
// whose buffer others get next. The second asking, of 63d9f1f, may read them after Authenticate returned.
func TestAttemptReadAfterReturn(t *testing.T) {
	for i := range 20 {
		dc1, dc2 := newFakeDC(), newFakeDC()
		a := newAccounts(t, dc1, dc2)
		a.cfg.Timeout = 400 * time.Millisecond
		if err := a.Check(t.Context()); err != nil {
			t.Fatal(err)
		}
		secret, _ := a.cfg.Secret()
		ch2, err := a.openChannel(t.Context(), Controller{Name: "dc2"}, secret)
		if err != nil {
			t.Fatal(err)
		}
		dc1.change(func() { dc1.delay = 300 * time.Millisecond })
		at := newTestAttempt()
		done := make(chan error)
		go func() {
			_, err := a.Authenticate(t.Context(), at)
			done <- err
		}()
		time.Sleep(50 * time.Millisecond)
		a.mu.Lock()
		a.channel = ch2 // another logon has found dc1 silent, and set up a channel to dc2
		a.mu.Unlock()
		ch2.mu.Lock() // the second asking, at 200 ms, doesn't get on for a moment
		if err := <-done; err != nil {
			ch2.mu.Unlock()
			t.Fatal(err)
		}
		for i := range at.NTResponse { // the buffer is another client's now
			at.NTResponse[i] = 0xEE
		}
		ch2.mu.Unlock()
		time.Sleep(50 * time.Millisecond)
		leaked := false
		dc2.change(func() {
			for _, l := range dc2.logons {
				leaked = leaked || bytes.Contains(l.nt, []byte{0xEE, 0xEE, 0xEE, 0xEE})
			}
		})
		a.Close()
		ch2.close()
		if leaked {
			t.Fatalf("try %d: the controller was sent what lay in the buffer after Authenticate had returned", i)
		}
	}
}
