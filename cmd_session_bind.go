package smb

import (
	"errors"

	"github.com/gosmbd/smb/signing"
	"github.com/gosmbd/smb/smb2"
)

// A SESSION_SETUP with SMB2_SESSION_FLAG_BINDING makes the connection a channel of a
// session that was set up on another. Whoever asks shows that he has the session's
// key, and logs on as the same user; until then nothing happens to the session, and
// nothing if it fails. [MS-SMB2] 3.3.5.5, 3.3.5.5.3

// findBound finds the session and checks that the client may bind to it. The order of
// the checks, and what a change of the signing algorithm is answered with, are those of
// smbd, which smbtorture's smb2.session.bind_negative_* expect.
func (s *setup) findBound() error {
	c, h := s.r.c, s.r.hdr
	p := &c.params
	s.bind = true
	c.srv.mu.RLock()
	se := c.srv.sessions[h.SessionID]
	c.srv.mu.RUnlock()
	if se == nil {
		return smb2.StatusUserSessionDeleted
	}
	id, keys := se.identity.Load(), se.keys.Load()
	signed := h.Flags&smb2.FlagSigned != 0
	// All but the last answer are signed with the session's key.
	proved := keys != nil && keys.signer != nil && s.w.signer == keys.signer
	switch old := se.made; {
	case old.signAlg != p.signAlg && old.signAlg == signing.AESGMAC:
		return smb2.StatusRequestOutOfSequence
	case old.signAlg != p.signAlg && p.signAlg == signing.AESGMAC:
		return smb2.StatusNotSupported
	case p.dialect < Dialect300:
		return smb2.StatusRequestNotAccepted
	case old.dialect != p.dialect, !signed, old.cipher != p.cipher:
		return smb2.StatusInvalidParameter
	case old.clientGUID != p.clientGUID:
		return smb2.StatusUserSessionDeleted
	case id == nil:
		return smb2.StatusRequestNotAccepted
	case id.expired():
		return smb2.StatusNetworkSessionExpired
	case id.caller.Guest || id.caller.Anonymous:
		return smb2.StatusNotSupported
	case c.channel(se.id) != nil:
		return smb2.StatusRequestNotAccepted
	case !proved:
		return smb2.StatusAccessDenied
	}
	s.se = se
	return nil
}

// beginBind takes the logon under way, or starts one.
func (s *setup) beginBind() error {
	c := s.r.c
	c.mu.Lock()
	s.logon = c.binds[s.se.id]
	delete(c.binds, s.se.id)
	c.mu.Unlock()
	s.start()
	return nil
}

// mayBind reports whether there is room for a logon that is to bind a session.
func (c *conn) mayBind() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.channels != nil && len(c.binds) < c.srv.limits.SessionsPerConn
}

// keepBind is keep for a logon that is to bind the session.
func (s *setup) keepBind() {
	c := s.r.c
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.channels == nil {
		return
	}
	if c.binds == nil {
		c.binds = make(map[uint64]*logon)
	}
	c.binds[s.se.id] = s.logon
}

// admitChannel checks that it is the session's user who logged on.
func (s *setup) admitChannel() error {
	caller, err := s.r.c.srv.identify(s.r.c.ctx, s.logon.result().Caller())
	if err != nil {
		return err
	}
	s.id = s.se.identity.Load()
	if !sameCaller(s.id.caller, caller) {
		s.r.c.log.Warn("smb: binding to the session of somebody else refused", "user", caller.String(), "session of", s.id.caller.String())
		return smb2.StatusAccessDenied
	}
	return nil
}

// addChannel makes the connection one of the session's.
func (s *setup) addChannel() error {
	c := s.r.c
	p := &c.params
	full := s.logon.result().SessionKey()
	if len(full) < 16 {
		return errors.New("smb: the mechanism gave no session key")
	}
	k := signing.DeriveKeys(uint16(p.dialect), p.cipher, full[:16], full, &s.logon.hash)
	signer, err := signing.NewSigner(p.signAlg, k.Signing)
	if err != nil {
		return err
	}
	if s.via, err = s.se.addChannel(c, signer); err != nil {
		return err
	}
	c.authenticated(s.id.caller)
	c.log.Info("smb: session bound", "user", s.id.caller.String(), "dialect", p.dialect)
	return nil
}
