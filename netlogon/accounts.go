package netlogon

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gosmbd/smb"
	"github.com/gosmbd/smb/ntlm"
	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs"
	"golang.org/x/sync/singleflight"
)

var _ ntlm.Accounts = (*Accounts)(nil)

// Accounts is ntlm.Accounts for the users of a domain: it has a domain controller check
// each logon. It may be used by many goroutines at a time.
type Accounts struct {
	cfg     Config
	opening singleflight.Group

	renewing sync.Mutex // held by Renew; before mu

	mu       sync.Mutex
	channel  *channel // nil until it is needed
	silent   string   // the name of the controller that last didn't answer, or empty
	closed   bool
	sid      vfs.SID   // of the domain; empty until one of its users has logged on
	failure  error     // of the last try to set up a channel,
	failedAt time.Time // which isn't repeated for failurePause
}

// Format implements fmt.Formatter for all verbs: the name of the domain, and nothing that is
// secret, or changes meanwhile.
func (a *Accounts) Format(f fmt.State, _ rune) { io.WriteString(f, a.cfg.Domain) }

// failurePause keeps many logons from becoming as many connections to controllers that
// don't answer.
const failurePause = time.Second

// Mechanism returns an ntlm.Mechanism for the domain's users, with the names that a
// controller insists on: clients put those that the server gives into their responses.
// Its Accounts may be replaced by several that a is one of.
func (a *Accounts) Mechanism() *ntlm.Mechanism {
	m := ntlm.New(a)
	m.Domain, m.Host = a.cfg.Domain, a.cfg.Computer
	m.DNSDomain = a.cfg.DNSDomain
	if m.DNSDomain != "" {
		m.DNSHost = strings.ToLower(a.cfg.Computer) + "." + m.DNSDomain
	}
	return m
}

// Domain is what Server.Domain wants: the names are those of the configuration. The domain's
// SID is known once one of its users has logged on, since the controller tells it then.
func (a *Accounts) Domain() smb.Domain {
	a.mu.Lock()
	defer a.mu.Unlock()
	return smb.Domain{Name: a.cfg.Domain, DNSName: a.cfg.DNSDomain, SID: a.sid}
}

// Check sets up a channel unless there is one. Without an error, there is a controller
// that knows this machine; no user has been asked for.
func (a *Accounts) Check(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, a.cfg.Timeout)
	defer cancel()
	_, err := a.open(ctx)
	return err
}

// Close ends the connections. Logons fail afterwards.
func (a *Accounts) Close() error {
	a.mu.Lock()
	ch := a.channel
	a.channel, a.closed = nil, true
	a.mu.Unlock()
	if ch != nil {
		ch.close()
	}
	return nil
}

// Authenticate implements ntlm.Accounts.
func (a *Accounts) Authenticate(ctx context.Context, at *ntlm.Attempt) (*ntlm.Logon, error) {
	if strings.EqualFold(at.Domain, a.cfg.Computer) {
		return nil, at.NoSuchUser() // an account of this machine, which others know
	}
	if err := checkKind(at); err != nil {
		return nil, err
	}
	if err := checkTarget(at, a.cfg.Domain, a.cfg.Computer); err != nil {
		return nil, err
	}
	network := newAttempt(at)
	if !network.valid() {
		return nil, ntlm.ErrMalformed
	}
	limited, cancel := context.WithTimeout(ctx, a.cfg.Timeout)
	defer cancel()
	v, err := a.samLogon(limited, ctx, &network)
	if err != nil {
		return nil, err
	}
	if v.status != 0 {
		return nil, a.refusal(at, v)
	}
	caller, err := v.info.caller()
	if err != nil {
		return nil, err
	}
	if strings.EqualFold(v.info.domain, a.cfg.Domain) { // not one that it trusts
		a.mu.Lock()
		a.sid = v.info.domainSID
		a.mu.Unlock()
	}
	return &ntlm.Logon{Caller: caller, SessionBaseKey: v.info.key, Recheck: v.info.recheck}, nil
}

// answer is what came of asking over a channel.
type answer struct {
	channel    *channel // nil if there was none
	validation validation
	err        error
}

// samLogon asks a controller; once more, over a new channel, if there is no answer. If the
// channel had none for anybody in half of the time, the controller, or the network to it, may be gone
// without a word: then it asks again while it waits on, and the first answer counts. That
// the controller refuses the logon is one. That client, the context of who logs on, ended, or
// that all connections were in use, says nothing about the channel, which others use.
func (a *Accounts) samLogon(ctx, client context.Context, at *attempt) (validation, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // of the call that isn't waited for any longer
	begin := time.Now()
	first, err := a.open(ctx)
	if err != nil {
		return validation{}, err
	}
	answers := make(chan answer, 2)
	go func() { answers <- first.ask(ctx, at) }()
	asked, waiting := 1, 1
	again := func() {
		asked, waiting = asked+1, waiting+1
		go func() {
			ch, err := a.open(ctx)
			if err != nil {
				answers <- answer{err: err}
				return
			}
			answers <- ch.ask(ctx, at)
		}()
	}
	patience := time.NewTimer(a.cfg.Timeout / 2)
	defer patience.Stop()
	for {
		select {
		case <-patience.C:
			if asked == 1 && !first.answeredSince(begin) {
				a.suspect(first)
				again()
			}
		case r := <-answers:
			waiting--
			if r.err == nil {
				return r.validation, nil
			}
			if client.Err() != nil || errors.Is(r.err, errBusy) {
				return validation{}, r.err
			}
			if r.channel != nil {
				a.drop(r.channel)
			}
			if asked == 1 && ctx.Err() == nil {
				again()
			}
			if waiting == 0 {
				return validation{}, r.err
			}
		}
	}
}

// open returns the channel, and sets it up if there is none: once for all who want it at
// the same time.
func (a *Accounts) open(ctx context.Context) (*channel, error) {
	if ch, err := a.current(); ch != nil || err != nil {
		return ch, err
	}
	result := a.opening.DoChan("", func() (any, error) {
		if ch, err := a.current(); ch != nil || err != nil {
			return ch, err
		}
		// Whoever began this may go; the others still want it.
		limit := max(time.Until(deadline(ctx)), a.cfg.Timeout/2)
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), limit)
		defer cancel()
		ch, err := a.openAny(ctx)
		return ch, a.opened(ch, err)
	})
	select {
	case r := <-result:
		if r.Err != nil {
			return nil, r.Err
		}
		return r.Val.(*channel), nil
	case <-ctx.Done():
		return nil, fmt.Errorf("%w: %w while looking for a domain controller of %s", smb2.StatusNoLogonServers, context.Cause(ctx), a.cfg.Domain)
	}
}

// current returns the channel if there is one, or an error if none is to be set up now.
func (a *Accounts) current() (*channel, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case a.closed:
		return nil, fmt.Errorf("%w: closed", smb2.StatusNoLogonServers)
	case a.channel != nil:
		return a.channel, nil
	case a.failure != nil && time.Since(a.failedAt) < failurePause:
		return nil, a.failure
	}
	return nil, nil
}

// opened notes how setting up a channel went.
func (a *Accounts) opened(ch *channel, err error) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.failure, a.failedAt = err, time.Now()
	if err == nil && a.closed {
		ch.close()
		return fmt.Errorf("%w: closed", smb2.StatusNoLogonServers)
	}
	a.channel = ch
	return err
}

// openAny sets up a channel to the first controller that will have one.
func (a *Accounts) openAny(ctx context.Context) (*channel, error) {
	secret, err := a.cfg.Secret()
	if err != nil {
		return nil, fmt.Errorf("%w: password of the machine account: %w", smb2.StatusNoLogonServers, err)
	}
	controllers, err := a.locate(ctx)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", smb2.StatusNoLogonServers, err)
	}
	var why []string
	for i, dc := range a.silentLast(controllers) {
		// One that doesn't answer leaves time for the next.
		left := time.Until(deadline(ctx)) / time.Duration(len(controllers)-i)
		one, cancel := context.WithTimeout(ctx, max(left, time.Second))
		ch, err := a.openChannel(one, dc, secret)
		if next, ok := a.unfinished(err); ok {
			ch, err = a.openChannel(one, dc, next)
		}
		cancel()
		if err == nil {
			return ch, nil
		}
		why = append(why, fmt.Sprintf("%s: %v", dc.Name, a.advise(err)))
	}
	return nil, fmt.Errorf("%w: no controller of the domain %s: %s", smb2.StatusNoLogonServers, a.cfg.Domain, strings.Join(why, "; "))
}

// silentLast returns the controllers with the one that went silent at the end.
func (a *Accounts) silentLast(all []Controller) []Controller {
	a.mu.Lock()
	silent := a.silent
	a.mu.Unlock()
	is := func(dc Controller) bool { return dc.Name == silent }
	if i := slices.IndexFunc(all, is); i >= 0 {
		return append(slices.Concat(all[:i], all[i+1:]), all[i])
	}
	return all
}

// unfinished returns the password of a Renew that didn't come to its end, if the controller
// doesn't take the other one.
func (a *Accounts) unfinished(err error) (next ntlm.Hash, ok bool) {
	var refused *controllerError
	if a.cfg.PasswordFile == "" || !errors.As(err, &refused) || refused.status != smb2.StatusAccessDenied {
		return ntlm.Hash{}, false
	}
	next, err = PasswordFile(renewedFile(a.cfg.PasswordFile).next())()
	return next, err == nil
}

func deadline(ctx context.Context) time.Time {
	t, _ := ctx.Deadline()
	return t
}

// suspect forgets a channel whose controller doesn't answer, which is the last to be asked for
// the next one.
func (a *Accounts) suspect(ch *channel) {
	a.mu.Lock()
	a.silent = ch.controller
	a.mu.Unlock()
	a.drop(ch)
}

// drop forgets a channel that is lost.
func (a *Accounts) drop(ch *channel) {
	a.mu.Lock()
	if a.channel == ch {
		a.channel = nil
	}
	a.mu.Unlock()
	ch.close()
}
