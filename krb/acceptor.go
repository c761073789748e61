package krb

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/gosmbd/smb/vfs"
)

// maxErrors is how many KRB-ERRORs a client gets in one logon. One lets it correct its
// clock, and one its ticket.
const maxErrors = 2

// phase is which token an acceptor expects next.
type phase uint8

const (
	expectRequest phase = iota
	expectReply         // of the client's, in DCE's three legs
	over
)

// acceptor is smb.Acceptor for Kerberos.
type acceptor struct {
	mech   *Mechanism
	peer   net.Addr
	phase  phase
	errors int // sent

	// Of a logon that succeeded, or waits for its third leg.
	ticketKey key
	subkey    key // which the client chose; no value: none
	ownKey    key // which we chose; no value: none
	framing   framing
	sequence  uint64 // of the next message that we sign
	firstSeq  uint32 // what it began with
	user      *vfs.Caller
	expires   time.Time
	done      bool
}

// Step implements smb.Acceptor.
func (a *acceptor) Step(ctx context.Context, token []byte) (reply []byte, done bool, err error) {
	switch a.phase {
	case expectRequest:
		reply, err = a.request(ctx, token)
	case expectReply:
		err = guard(func() error { return a.thirdLeg(token) })
	default:
		err = ErrSequence
	}
	if err != nil {
		a.phase = over
		return nil, false, err
	}
	return reply, a.done, nil
}

// guard calls f, which parses or decrypts what a client sent with the help of gokrb5, and
// makes an error of a panic. The library is not written for hostile input; lengths are
// checked before it gets anything, and this is the net below that. Nothing of ours changes
// in f before it succeeded. No hook is called in it.
func guard(f func() error) (err error) {
	defer func() {
		if recover() != nil {
			err = fmt.Errorf("%w, which the parser panics at", ErrMalformed)
		}
	}()
	return f()
}

// request decides on an AP-REQ, and answers it.
func (a *acceptor) request(ctx context.Context, token []byte) ([]byte, error) {
	x := &exchange{mech: a.mech, peer: a.peer, now: a.mech.time()}
	if a.mech.ChannelBindings != nil {
		x.channel = a.mech.ChannelBindings(ctx, a.peer)
	}
	token = bytes.Clone(token) // ours, since the result may alias it
	err := guard(func() error { return x.verify(token) })
	if err == nil {
		err = x.admit(ctx)
	}
	if err != nil {
		return a.refuse(x, err)
	}
	a.framing, a.ticketKey, a.subkey = x.framing, x.ticketKey, x.subkey
	a.user, a.expires = x.caller, x.expires()
	if x.flags&flagMutual == 0 {
		a.sequence = uint64(uint32(x.auth.SeqNumber)) // we send no number of our own
		a.phase, a.done = over, true
		return nil, nil
	}
	reply, err := a.reply(x)
	if err != nil {
		return nil, err
	}
	if x.flags&flagDCE != 0 {
		a.phase = expectReply
	} else {
		a.phase, a.done = over, true
	}
	return reply, nil
}

// refuse sends a KRB-ERROR if that may help the client, and lets it try again.
func (a *acceptor) refuse(x *exchange, why error) ([]byte, error) {
	var e *LogonError
	if !errors.As(why, &e) || !correctable(e.Code) || a.errors == maxErrors {
		return nil, why
	}
	msg, err := krbError(e.Code, x.req.Ticket.SName, x.req.Ticket.Realm, x.now)
	if err != nil {
		return nil, why
	}
	a.errors++
	a.mech.logger().Warn("krb: logon failed; the client was told, and may try again", "peer", a.peer, "err", why)
	return x.framing.frame(idKRBError, msg), nil
}

// Caller implements smb.Acceptor.
func (a *acceptor) Caller() *vfs.Caller {
	if !a.done {
		return nil
	}
	return a.user
}

// Unguessable tells the server that a success doesn't depend on a password, so that guesses
// of the user's are no reason to refuse his ticket.
func (a *acceptor) Unguessable() bool { return true }

// Expires returns the end of the ticket.
func (a *acceptor) Expires() time.Time { return a.expires }

// key is the one that both sides use from now on, RFC 4121 section 2: ours if we sent one,
// else the client's, else the ticket's. [MS-SMB2] 3.3.5.5.3 makes all others of it, those
// of AES-256 of its full length.
func (a *acceptor) key() key {
	for _, k := range []key{a.ownKey, a.subkey} {
		if k.value != nil {
			return k
		}
	}
	return a.ticketKey
}

// SessionKey implements smb.Acceptor: 16 bytes or 32.
func (a *acceptor) SessionKey() []byte {
	if !a.done {
		return nil
	}
	return bytes.Clone(a.key().value)
}
