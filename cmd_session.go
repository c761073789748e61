package smb

import (
	"context"
	"encoding/asn1"
	"errors"
	"time"

	"github.com/gosmbd/smb/internal/spnego"
	"github.com/gosmbd/smb/signing"
	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs"
)

// SESSION_SETUP logs a user on, or on again. [MS-SMB2] 3.3.5.5

// logon is an authentication under way. Between two requests session.logon
// holds it; the request that works on it takes it out.
type logon struct {
	step   stepFunc
	result func() Acceptor
	hash   signing.PreauthHash
}

// setup is a SESSION_SETUP on its way.
type setup struct {
	r     *request
	w     *reply
	req   smb2.SessionSetupRequest
	se    *session
	via   *channel // nil until a binding succeeded
	again bool     // re-authentication of a session that is set up
	bind  bool     // the connection is to become a channel of a session that is set up
	from  asker
	logon *logon
	token []byte // to send back
	user  string // who tried
	id    *identity
	keys  *sessionKeys

	refused bool // by the gate, whatever it was worth
}

func sessionSetup(ctx context.Context, r *request, w *reply) error {
	req, err := smb2.ParseSessionSetupRequest(r.msg)
	if err != nil {
		return err
	}
	s := &setup{r: r, w: w, req: req, from: asker{ip: r.c.ip}}
	if err := s.find(); err != nil {
		return err
	}
	w.session = s.se.id
	if err := s.begin(); err != nil {
		return err
	}
	done, err := s.step(ctx)
	if err == nil && !done {
		return s.more()
	}
	err = s.judge(err)
	var delay time.Duration
	delay, s.refused = r.c.enter(s.logon, s.from, s.user, err)
	if s.refused { // whatever was wrong: only who has the password may be told of some of it
		err = smb2.StatusLogonFailure
	}
	if delay == 0 {
		return s.conclude(err)
	}
	// Neither the answer nor anything that follows from it shows before its
	// time: until then the session is being set up.
	conclude := func() error { return s.conclude(err) }
	if s.again && !s.bind {
		// The session may have other connections, and is as good there as this logon turns out.
		r.ch.later(delay, conclude, s.se.ctx)
		return nil
	}
	r.ch.later(delay, conclude)
	return nil
}

// conclude carries out what the attempt led to.
func (s *setup) conclude(err error) error {
	steps := []func() error{s.admit, s.deriveKeys, s.establish}
	if s.bind {
		steps = []func() error{s.admitChannel, s.addChannel}
	}
	for i := 0; i < len(steps) && err == nil; i++ {
		err = steps[i]()
	}
	if err != nil {
		s.fail()
		return err
	}
	return s.success()
}

// fail ends the session, [MS-SMB2] 3.3.5.5.3.
func (s *setup) fail() {
	switch {
	case s.bind: // a binding that fails changes nothing for the session
	case s.again && s.refused:
		// Right or wrong, it says nothing about who has the session.
		s.se.mu.Lock()
		s.se.settingUp = false
		s.se.mu.Unlock()
	default:
		s.se.close(smb2.StatusUserSessionDeleted)
	}
}

// find finds the session, or makes one.
func (s *setup) find() error {
	c := s.r.c
	switch srv := c.srv; {
	case srv.Encryption == Required && c.params.cipher == 0:
		return smb2.StatusAccessDenied
	case s.req.Flags&smb2.SessionFlagBinding != 0:
		return s.findBound()
	}
	var err error
	if s.r.hdr.SessionID == 0 {
		s.via, err = c.newSession()
	} else if s.via = c.channel(s.r.hdr.SessionID); s.via == nil {
		err = smb2.StatusUserSessionDeleted
	}
	if err != nil {
		return err
	}
	s.se = s.via.se
	if id := s.se.identity.Load(); id != nil {
		s.again, s.from.owner = true, id.logon
	}
	return nil
}

// begin takes the logon under way, or starts one.
func (s *setup) begin() error {
	if s.bind {
		return s.beginBind()
	}
	s.se.mu.Lock()
	busy := s.se.settingUp
	s.se.settingUp = true
	s.logon, s.se.logon = s.se.logon, nil
	s.se.mu.Unlock()
	if busy {
		return smb2.StatusRequestNotAccepted
	}
	s.start()
	return nil
}

// start makes the logon, if this is its first request.
func (s *setup) start() {
	if s.logon == nil {
		s.logon = s.r.c.srv.newLogon(s.r.c, s.from, s.req.SecurityBuffer)
		s.logon.hash = s.r.c.params.preauth
	}
	if s.r.c.params.dialect == Dialect311 {
		s.logon.hash = s.logon.hash.Extend(s.r.msg)
	}
}

// newLogon chooses how to authenticate from the first token.
func (s *Server) newLogon(c *conn, from asker, token []byte) *logon {
	peer := c.nc.RemoteAddr()
	for _, m := range s.Mechanisms {
		if raw, ok := m.(RawMechanism); ok && raw.IsRaw(token) {
			return c.plainLogon(m, from)
		}
	}
	var mechs []spnego.Mech
	for _, m := range s.Mechanisms {
		for _, oid := range mechNames(m) {
			mechs = append(mechs, spnego.Mech{OID: oid, Start: func() spnego.Inner { return m.Accept(c.ctx, peer) }})
		}
	}
	a := spnego.NewAcceptor(mechs)
	return &logon{step: c.gated(a.Step, from), result: func() Acceptor {
		acc, _ := a.Inner().(Acceptor)
		return acc
	}}
}

// plainLogon begins a logon by m, without SPNEGO.
func (c *conn) plainLogon(m Mechanism, from asker) *logon {
	a := m.Accept(c.ctx, c.nc.RemoteAddr())
	return &logon{step: c.gated(a.Step, from), result: func() Acceptor { return a }}
}

// stepFunc is Acceptor.Step.
type stepFunc func(ctx context.Context, token []byte) (reply []byte, done bool, err error)

// gated lets step ask TooManyLogons.
func (c *conn) gated(step stepFunc, from asker) stepFunc {
	return func(ctx context.Context, token []byte) ([]byte, bool, error) {
		return step(c.srv.gate.ask(ctx, from), token)
	}
}

func (s *Server) mechOIDs() []asn1.ObjectIdentifier {
	var oids []asn1.ObjectIdentifier
	for _, m := range s.Mechanisms {
		oids = append(oids, mechNames(m)...)
	}
	return oids
}

// mechNames returns what SPNEGO calls a mechanism.
func mechNames(m Mechanism) []asn1.ObjectIdentifier {
	names := []asn1.ObjectIdentifier{m.OID()}
	if a, ok := m.(AliasedMechanism); ok {
		names = append(names, a.Aliases()...)
	}
	return names
}

// step feeds the client's token to the mechanism.
func (s *setup) step(ctx context.Context) (done bool, err error) {
	s.token, done, err = s.logon.step(ctx, s.req.SecurityBuffer)
	return done, err
}

// judge notes who tried, and returns what the client is told of an error.
func (s *setup) judge(err error) error {
	s.user, err = s.r.c.judge(s.logon, err)
	return err
}

// judge returns who tried l, which ended with err, and what the client is told of that.
func (c *conn) judge(l *logon, err error) (user string, _ error) {
	var who interface{ LogonUser() string }
	if err == nil {
		acc := l.result()
		if acc == nil || acc.Caller() == nil {
			return "", smb2.StatusLogonFailure
		}
		// As a failure would have been counted: the account may have another name.
		if who, ok := acc.(interface{ LogonUser() string }); ok {
			return who.LogonUser(), nil
		}
		return acc.Caller().Name, nil
	}
	if errors.As(err, &who) {
		user = who.LogonUser()
	} else if who, ok := l.result().(interface{ LogonUser() string }); ok { // as when the password was right, but no MIC came
		user = who.LogonUser()
	}
	c.srv.counted.badPasswords.Add(1)
	c.log.Warn("smb: logon failed", "user", user, "err", err)
	var st Status
	if errors.As(err, &st) && st.IsError() {
		return user, st
	}
	return user, smb2.StatusLogonFailure
}

// more asks the client for its next token.
func (s *setup) more() error {
	if s.bind && !s.r.c.mayBind() {
		return smb2.StatusInsufficientResources
	}
	s.w.status = smb2.StatusMoreProcessingRequired
	s.w.final = func(msg []byte) {
		if s.r.c.params.dialect == Dialect311 {
			s.logon.hash = s.logon.hash.Extend(msg)
		}
		s.keep()
	}
	s.w.grow(len(s.token) + 64)
	s.w.buf.B = smb2.SessionSetupResponse{SecurityBuffer: s.token}.Append(s.w.buf.B)
	return nil
}

// keep keeps the logon for the next request, which may come at once: it is taken on by whoever works on that.
func (s *setup) keep() {
	if s.bind {
		s.keepBind()
		return
	}
	s.se.mu.Lock()
	defer s.se.mu.Unlock()
	s.se.logon, s.se.settingUp = s.logon, false
}

// admit decides what the session may and must do.
func (s *setup) admit() error {
	c := s.r.c
	acc := s.logon.result()
	caller, err := c.srv.complete(s.se.ctx, acc.Caller())
	if err != nil {
		c.log.Warn("smb: no telling who a caller is", "user", acc.Caller().String(), "err", err)
		return err
	}
	nobody := caller.Guest || caller.Anonymous
	if old := s.se.identity.Load(); old != nil && !sameCaller(old.caller, caller) {
		// Keys, connected shares and open files belong to who logged on first.
		c.log.Warn("smb: re-authentication as somebody else refused", "user", caller.String(), "was", old.caller.String())
		return smb2.StatusLogonFailure
	}
	id := &identity{caller: caller, token: caller.Token(), ctx: vfs.WithCaller(s.se.ctx, caller)}
	if e, ok := acc.(interface{ Expires() time.Time }); ok {
		id.expires = e.Expires()
	}
	if r, ok := acc.(Rechecker); ok {
		id.recheck = r.Recheck
	}
	if !nobody {
		id.logon = gateName(s.user)
		id.signing = c.params.shouldSign || c.params.mode&smb2.SigningRequired != 0 ||
			s.req.SecurityMode&smb2.SigningRequired != 0
		id.encrypt = c.srv.Encryption == Required
	} else if c.srv.Encryption == Required {
		return smb2.StatusAccessDenied
	}
	s.id = id
	return nil
}

// deriveKeys makes the session's keys. [MS-SMB2] 3.3.5.5.3
func (s *setup) deriveKeys() error {
	if s.keys = s.se.keys.Load(); s.keys != nil {
		return nil // kept over re-authentication
	}
	s.keys = &sessionKeys{}
	if s.id.caller.Guest || s.id.caller.Anonymous {
		return nil
	}
	p := &s.r.c.params
	full := s.logon.result().SessionKey()
	if len(full) < 16 {
		return errors.New("smb: the mechanism gave no session key")
	}
	k := signing.DeriveKeys(uint16(p.dialect), p.cipher, full[:16], full, &s.logon.hash)
	var err error
	if s.keys.signer, err = signing.NewSigner(p.signAlg, k.Signing); err != nil {
		return err
	}
	if p.cipher != 0 {
		if s.keys.in, err = signing.NewSealer(p.cipher, k.ServerIn); err != nil {
			return err
		}
		if s.keys.out, err = signing.NewSealer(p.cipher, k.ServerOut); err != nil {
			return err
		}
	}
	s.keys.app = k.Application
	return nil
}

// establish makes the session usable.
func (s *setup) establish() error {
	c := s.r.c
	var err error
	s.se.mu.Lock()
	switch {
	case s.se.closed:
		err = smb2.StatusUserSessionDeleted
	case !s.se.countFor(holder{user: userOf(s.id.caller)}):
		err = smb2.StatusInsufficientResources
	default:
		s.se.settingUp = false
		s.se.keys.Store(s.keys)
		if !s.again {
			s.via.signer.Store(s.keys.signer)
		}
		s.se.identity.Store(s.id)
	}
	s.se.mu.Unlock()
	if err != nil {
		return err
	}
	if s.again {
		for _, t := range s.se.allTrees() {
			t.permit(s.id.ctx, s.id.caller)
		}
	}
	c.authenticated(s.id.caller)
	if !s.again {
		c.srv.counted.sessions.Add(1)
	}
	c.log.Info("smb: logon", "user", s.id.caller.String(), "dialect", c.params.dialect, "again", s.again)
	if prev := s.req.PreviousSessionID; prev != 0 && prev != s.se.id && !s.again {
		s.replace(prev)
	}
	return nil
}

// replace ends the session that the same user had before its connection broke.
func (s *setup) replace(prev uint64) {
	srv := s.r.c.srv
	srv.mu.RLock()
	old := srv.sessions[prev]
	srv.mu.RUnlock()
	if old == nil {
		return
	}
	id := old.identity.Load()
	if id == nil || id.caller.Guest || id.caller.Anonymous || !sameCaller(id.caller, s.id.caller) {
		return
	}
	// Answers that the connection doesn't take any more may keep its files in use.
	conns, own := old.conns(), s.r.c
	late := time.AfterFunc(closingWait/2, func() {
		for _, c := range conns {
			if c != own {
				c.abort(dropError{"its client came back on another connection"})
			}
		}
	})
	defer late.Stop()
	old.closeSoon(smb2.StatusUserSessionDeleted)
}

func sameCaller(a, b *vfs.Caller) bool {
	return a.Name == b.Name && a.Domain == b.Domain && a.SID == b.SID && a.Guest == b.Guest && a.Anonymous == b.Anonymous
}

// success sends the last token.
func (s *setup) success() error {
	var flags smb2.SessionFlags
	switch {
	case s.id.caller.Anonymous:
		flags = smb2.SessionIsNull
	case s.id.caller.Guest:
		flags = smb2.SessionIsGuest
	default:
		// Clients check that the server has the key, whether or not anything
		// else will be signed.
		s.w.signer = s.via.signer.Load()
		if s.id.encrypt && !s.bind {
			flags |= smb2.SessionEncryptData
		}
	}
	s.w.grow(len(s.token) + 64)
	s.w.buf.B = smb2.SessionSetupResponse{Flags: flags, SecurityBuffer: s.token}.Append(s.w.buf.B)
	return nil
}
