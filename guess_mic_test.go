package smb_test

import (
	"context"
	"encoding/asn1"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gosmbd/smb"
	"github.com/gosmbd/smb/internal/smbtest"
	"github.com/gosmbd/smb/internal/spnego"
	"github.com/gosmbd/smb/ntlm"
	"github.com/gosmbd/smb/smb2"
)

// A right password that comes without SPNEGO's MIC isn't let in, but it isn't to be told from a wrong one either, nor to be
// answered sooner than that while many guesses are held back.
func TestGuessWithoutMIC(t *testing.T) {
	bubble(t, func(s *smb.Server) { s.Logger = quiet() }, func(t *testing.T, r *rig) {
		guess := r.guessWithoutMIC
		var wrong []<-chan time.Duration
		for range 3 {
			wrong = append(wrong, guess("wrong")())
			synctest.Wait()
		}
		right, bad := guess(password), guess("wrong too")
		rightTook := right()
		synctest.Wait()
		badTook := bad()
		for i, w := range wrong {
			t.Logf("wrong guess %d answered after %v", i+1, <-w)
		}
		a, b := <-rightTook, <-badTook
		t.Logf("the right password without MIC after %v, a wrong one sent at the same time after %v", a, b)
		if a < b {
			t.Errorf("the right password is answered %v sooner than a wrong one, which tells it", b-a)
		}
	})
}

func (r *rig) guessWithoutMIC(password string) (send func() (took <-chan time.Duration)) {
	t := r.t
	oidKrb := asn1.ObjectIdentifier{1, 2, 840, 113554, 1, 2, 2}
	oidNTLM := asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 2, 2, 10}
	// guess prepares a guess and returns what sends it; the answer's time comes later.
	c := r.dialect(smb.Dialect311, smbtest.NegotiateOptions{})
	l := &smbtest.Logon{User: "ann", Password: password}
	l.NTLM.User, l.NTLM.Password = l.User, l.Password
	setup := func(token []byte, id uint64) smbtest.Reply { return c.DoElem(c.SetupReq(l, token, id)) }
	first := setup(spnego.NegTokenInit{Mechs: []asn1.ObjectIdentifier{oidKrb, oidNTLM}}.Append(nil), 0)
	want(t, "first", first.Status, smb2.StatusMoreProcessingRequired)
	second := setup(spnego.NegTokenResp{State: spnego.AcceptIncomplete, ResponseToken: l.NTLM.Negotiate()}.Append(nil), first.SessionID)
	want(t, "second", second.Status, smb2.StatusMoreProcessingRequired)
	token, _ := c.LogonToken(l, second)
	return func() <-chan time.Duration {
		took := make(chan time.Duration, 1)
		begin := time.Now()
		e := c.SetupReq(l, token, first.SessionID)
		c.Send(e)
		go func() {
			st := c.Wait(e.MessageID).Status
			want(t, "guess "+password, st, smb2.StatusLogonFailure)
			took <- time.Since(begin)
		}()
		return took
	}
}

type slowAccounts struct{ ntlm.Static }

func (a slowAccounts) Authenticate(ctx context.Context, at *ntlm.Attempt) (*ntlm.Logon, error) {
	time.Sleep(100 * time.Millisecond)
	return a.Static.Authenticate(ctx, at)
}

// Of forty guesses at once, of which the gate is to let no more than four tell anything in eight seconds, the right one is found.
func TestGuessManyWithoutMIC(t *testing.T) {
	bubble(t, func(s *smb.Server) {
		s.Logger = quiet()
		s.Mechanisms = []smb.Mechanism{ntlm.New(slowAccounts{accounts()})}
	}, func(t *testing.T, r *rig) {
		const n, right = 40, 33
		took := make([]time.Duration, n)
		var sends []func() <-chan time.Duration
		for i := range n {
			pw := "wrong"
			if i == right {
				pw = password
			}
			sends = append(sends, r.guessWithoutMIC(pw))
		}
		var answers []<-chan time.Duration
		for _, send := range sends {
			answers = append(answers, send())
		}
		synctest.Wait()
		found := -1
		for i, a := range answers {
			took[i] = <-a
		}
		// With a key of its own, it is the one that isn't in the row 2, 4, 6, 8, 8, 8 ...
		for i, d := range took {
			if i != right && d == took[right] {
				found = i
			}
		}
		t.Logf("%v", took)
		if took[right] < 8*time.Second && found >= 0 {
			t.Errorf("%d and %d are answered after %v, so one of them is right", found, right, took[right])
		}
	})
}
