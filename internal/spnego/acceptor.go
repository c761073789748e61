package spnego

import (
	"bytes"
	"context"
	"encoding/asn1"
	"errors"
	"fmt"
)

// Inner is the acceptor's side of one mechanism: the part of smb.Acceptor that a
// negotiation needs. MIC and VerifyMIC return ErrNoMIC when the logon left no
// keys to sign with, as that of a guest.
type Inner interface {
	Step(ctx context.Context, token []byte) (reply []byte, done bool, err error)
	MIC(msg []byte) ([]byte, error)
	VerifyMIC(msg, mic []byte) error
}

// Mech is a mechanism that can be picked. Kerberos is two of them, since Windows
// also knows it as 1.2.840.48018.1.2.2 and wants that name back, [MS-SPNG] 3.2.5.
type Mech struct {
	OID   asn1.ObjectIdentifier
	Start func() Inner
}

// Reasons for a negotiation to fail.
var (
	ErrNoMech     = errors.New("spnego: no mechanism in common")
	ErrMissingMIC = errors.New("spnego: client did not protect its list of mechanisms")
	ErrSequence   = errors.New("spnego: token out of sequence")

	// ErrNoMIC is what an Inner returns that can't sign.
	ErrNoMIC = errors.New("spnego: mechanism has no keys")
)

// maxSteps bounds the tokens of one negotiation. NTLM needs two, three with a
// wrong guess before it.
const maxSteps = 16

// phase is which token an Acceptor expects next.
type phase uint8

const (
	expectInit phase = iota
	expectToken
	expectMIC // the mechanism is done, the client's MIC is due
	finished
)

// Acceptor is the server's side of one negotiation. It is used by one goroutine
// at a time.
type Acceptor struct {
	mechs []Mech
	inner Inner // nil until one is picked

	phase    phase
	steps    int
	mechList []byte // as the client sent it; ours to keep
	needMIC  bool   // the pick was not the client's first choice
}

// NewAcceptor begins a negotiation for any of mechs.
func NewAcceptor(mechs []Mech) *Acceptor { return &Acceptor{mechs: mechs} }

// Inner returns the mechanism that was picked, or nil as long as none is.
func (a *Acceptor) Inner() Inner { return a.inner }

// Step takes a token of the client and returns the answer to it. Once done is
// true the logon stands. An error ends the negotiation; the reply that may come
// with it is for protocols that can carry one.
func (a *Acceptor) Step(ctx context.Context, token []byte) (reply []byte, done bool, err error) {
	resp, err := a.step(ctx, token)
	if err != nil {
		a.phase = finished
		return NegTokenResp{State: Reject}.Append(nil), false, err
	}
	return resp.Append(nil), a.phase == finished, nil
}

func (a *Acceptor) step(ctx context.Context, token []byte) (NegTokenResp, error) {
	if a.steps++; a.steps > maxSteps || a.phase == finished {
		return NegTokenResp{}, ErrSequence
	}
	init, resp, err := Parse(token)
	switch {
	case err != nil:
		return NegTokenResp{}, err
	case a.phase == expectInit && init != nil:
		return a.begin(ctx, init)
	case a.phase == expectToken && resp != nil:
		return a.advance(ctx, resp.ResponseToken, resp.MechListMIC)
	case a.phase == expectMIC && resp != nil:
		return a.finish(resp.MechListMIC)
	}
	return NegTokenResp{}, ErrSequence
}

// begin picks a mechanism, RFC 4178 4.2.2: the first of the client's that we
// have. The token that came along is for the client's first only.
func (a *Acceptor) begin(ctx context.Context, init *NegTokenInit) (NegTokenResp, error) {
	mech, place := a.pick(init.Mechs)
	if mech == nil {
		return NegTokenResp{}, ErrNoMech
	}
	if a.inner = mech.Start(); a.inner == nil {
		return NegTokenResp{}, ErrNoMech
	}
	a.mechList = bytes.Clone(init.RawMechList)
	a.needMIC = place > 0
	a.phase = expectToken

	answer := NegTokenResp{State: AcceptIncomplete}
	switch {
	case a.needMIC:
		answer.State = RequestMIC
	case len(init.MechToken) > 0:
		var err error
		if answer, err = a.advance(ctx, init.MechToken, init.MechListMIC); err != nil {
			return NegTokenResp{}, err
		}
	}
	answer.SupportedMech = mech.OID
	return answer, nil
}

func (a *Acceptor) pick(client []asn1.ObjectIdentifier) (*Mech, int) {
	for i, oid := range client {
		for j := range a.mechs {
			if len(oid) > 0 && a.mechs[j].OID.Equal(oid) {
				return &a.mechs[j], i
			}
		}
	}
	return nil, 0
}

// advance gives the mechanism its token. When that was the last, the MICs of RFC
// 4178 section 5 decide what is left to do.
func (a *Acceptor) advance(ctx context.Context, token, mic []byte) (NegTokenResp, error) {
	reply, done, err := a.inner.Step(ctx, token)
	if err != nil {
		return NegTokenResp{}, err
	}
	if !done {
		return NegTokenResp{State: AcceptIncomplete, ResponseToken: reply}, nil
	}
	// In the first answer a MIC would be unasked, if the client has its first choice.
	// When it took longer, as after a KRB-ERROR, Samba's client wants one.
	if len(mic) == 0 && len(reply) > 0 && (a.needMIC || a.steps > 1) {
		return a.askMIC(reply)
	}
	answer, err := a.finish(mic)
	answer.ResponseToken = reply
	return answer, err
}

// askMIC sends our last token. With it goes our MIC, and the client answers with
// its own.
func (a *Acceptor) askMIC(reply []byte) (NegTokenResp, error) {
	own, err := a.inner.MIC(a.mechList)
	if errors.Is(err, ErrNoMIC) {
		a.phase = finished
		return NegTokenResp{State: AcceptCompleted, ResponseToken: reply}, nil
	}
	if err != nil {
		return NegTokenResp{}, err
	}
	a.phase = expectMIC
	return NegTokenResp{State: AcceptIncomplete, ResponseToken: reply, MechListMIC: own}, nil
}

// finish checks the client's MIC, and answers with ours if ours is not out yet.
// A client that sent none gets none: Windows hangs up on an unasked one after
// Kerberos.
func (a *Acceptor) finish(mic []byte) (NegTokenResp, error) {
	sent := a.phase == expectMIC
	answer := NegTokenResp{State: AcceptCompleted}
	if len(mic) == 0 && !a.needMIC {
		a.phase = finished
		return answer, nil
	}
	own, err := a.inner.MIC(a.mechList)
	if errors.Is(err, ErrNoMIC) { // nobody to protect: a guest
		a.phase = finished
		return answer, nil
	}
	if err != nil {
		return answer, err
	}
	if len(mic) == 0 {
		return answer, ErrMissingMIC
	}
	if err := a.inner.VerifyMIC(a.mechList, mic); err != nil {
		return answer, fmt.Errorf("spnego: mechListMIC: %w", err)
	}
	if !sent {
		answer.MechListMIC = own
	}
	a.phase = finished
	return answer, nil
}
