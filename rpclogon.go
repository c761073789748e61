package smb

import (
	"context"
	"encoding/asn1"
	"slices"
	"time"

	"github.com/gosmbd/smb/dcerpc"
	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs"
)

// rpcConfig is what the pipe o, which is opened on c, has of the server: its mechanisms, and
// the bounds on guessing.
func (c *conn) rpcConfig(o *open) dcerpc.Config {
	judge := func(ctx context.Context, logon dcerpc.Logon, err error) error {
		l := logon.(*rpcLogon)
		if err = c.judgeRPC(ctx, l, err); err == nil {
			c.srv.pipeLogons.add(o, l)
		}
		return err
	}
	return dcerpc.Config{Accept: c.acceptRPC, Judge: judge, Server: &c.srv.rpc, Client: c.ip}
}

// rpcLogon is dcerpc.Logon with the server's mechanisms.
type rpcLogon struct {
	c     *conn
	mech  Mechanism // nil: the first token tells
	logon *logon    // nil until that came

	caller *vfs.Caller // nil until it succeeded
}

// providers are the mechanisms that RPC knows by number, [MS-RPCE] 2.2.1.1.7.
var providers = map[uint8][]asn1.ObjectIdentifier{
	dcerpc.AuthNTLM:     {{1, 3, 6, 1, 4, 1, 311, 2, 2, 10}},
	dcerpc.AuthKerberos: {{1, 2, 840, 113554, 1, 2, 2}, {1, 2, 840, 48018, 1, 2, 2}},
}

func (c *conn) acceptRPC(_ context.Context, provider uint8) dcerpc.Logon {
	if provider == dcerpc.AuthSPNEGO && len(c.srv.Mechanisms) > 0 {
		return &rpcLogon{c: c}
	}
	for _, m := range c.srv.Mechanisms {
		if slices.ContainsFunc(providers[provider], m.OID().Equal) {
			return &rpcLogon{c: c, mech: m}
		}
	}
	return nil
}

func (l *rpcLogon) Step(ctx context.Context, token []byte) ([]byte, bool, error) {
	switch {
	case l.logon != nil:
	case l.mech == nil:
		l.logon = l.c.srv.newLogon(l.c, asker{ip: l.c.ip}, token)
	default:
		l.logon = l.c.plainLogon(l.mech, asker{ip: l.c.ip})
	}
	return l.logon.step(ctx, token)
}

func (l *rpcLogon) Caller() *vfs.Caller { return l.caller }

func (l *rpcLogon) Protector() dcerpc.Protector {
	p, _ := l.logon.result().(Protector)
	return p
}

// Expires implements dcerpc.Expirer: a logon ends when a session by it would.
func (l *rpcLogon) Expires() time.Time {
	if e, ok := l.logon.result().(interface{ Expires() time.Time }); ok {
		return e.Expires()
	}
	return time.Time{}
}

// judgeRPC treats a logon on a pipe as SESSION_SETUP treats one: guesses of either kind
// count together, and both are held back. Until then the pipe takes nothing, so it is only
// its own client that waits.
func (c *conn) judgeRPC(ctx context.Context, l *rpcLogon, err error) error {
	user, err := c.judge(l.logon, err)
	delay, refused := c.enter(l.logon, asker{ip: c.ip}, user, err)
	if refused {
		err = smb2.StatusLogonFailure
	}
	if delay > 0 {
		t := time.NewTimer(delay)
		defer t.Stop()
		select {
		case <-t.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	if err == nil {
		l.caller, err = c.srv.identify(ctx, l.logon.result().Caller())
	}
	if err == nil {
		c.log.Debug("smb: logon on a pipe", "user", l.caller.String())
	}
	return err
}
