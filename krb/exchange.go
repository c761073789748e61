package krb

import (
	"context"
	"crypto/sha256"
	"net"
	"time"

	"github.com/gosmbd/smb/vfs"
	"github.com/jcmturner/gokrb5/v8/iana"
	"github.com/jcmturner/gokrb5/v8/iana/addrtype"
	"github.com/jcmturner/gokrb5/v8/iana/errorcode"
	"github.com/jcmturner/gokrb5/v8/iana/etypeID"
	"github.com/jcmturner/gokrb5/v8/iana/flags"
	"github.com/jcmturner/gokrb5/v8/messages"
	"github.com/jcmturner/gokrb5/v8/types"
)

// exchange is an AP-REQ on its way, RFC 4120 3.2.3.
type exchange struct {
	mech    *Mechanism
	peer    net.Addr
	now     time.Time
	channel []byte // what it has to be bound to; nil: nothing

	framing framing
	req     messages.APReq
	service Principal // as the keytab has it

	ticket     messages.EncTicketPart
	decrypted  bool
	client     Principal
	serviceKey key // which the ticket was encrypted with
	ticketKey  key
	auth       types.Authenticator
	subkey     key
	flags      gssFlags

	pac    *pac // nil: the ticket has none
	caller *vfs.Caller
}

// verify does all but say who the client is. Nothing of the message has an effect before
// the last step, which notes that it was seen.
func (x *exchange) verify(token []byte) error {
	steps := []func() error{
		x.checkService, x.decrypt, x.checkTimes, x.checkAddresses,
		x.authenticate, x.checkSkew, x.checkChecksum, x.readPAC, x.checkReplay,
	}
	err := x.parse(token)
	for i := 0; i < len(steps) && err == nil; i++ {
		err = steps[i]()
	}
	return err
}

func (x *exchange) parse(token []byte) error {
	f, msg, err := unframe(token, idAPReq)
	if err != nil {
		return err
	}
	x.framing = f
	if err := x.req.Unmarshal(msg); err != nil {
		return ErrMalformed // the library's text may have parts of the message
	}
	if t := x.req.Ticket; x.req.PVNO != iana.PVNO || t.TktVNO != iana.PVNO || len(t.SName.NameString) == 0 {
		return ErrMalformed
	}
	return nil
}

// checkService is there to tell early what is wrong. Whether a ticket is for us, its key
// decides.
func (x *exchange) checkService() error {
	if x.mech.serves(principalOf(x.req.Ticket.SName, x.req.Ticket.Realm)) {
		return nil
	}
	return x.fail(errorcode.KRB_AP_ERR_NOT_US, ErrService,
		"the server takes tickets for %v; add the name to Mechanism.Services if it is the server's", serviceNames(x.mech.Services))
}

func serviceNames(list []string) any {
	if len(list) == 0 {
		return "cifs/..."
	}
	return list
}

// decrypt finds the key of the ticket.
func (x *exchange) decrypt() error {
	t := &x.req.Ticket
	kvno := uint32(t.EncPart.KVNO)
	if types.IsFlagSet(&x.req.APOptions, flags.APOptionUseSessionKey) {
		return x.fail(errorcode.KRB_AP_ERR_NOKEY, ErrNoKey, "the client wants user-to-user authentication, which needs no keytab")
	}
	if err := x.checkType(t.EncPart.EType); err != nil {
		return err
	}
	table, err := x.mech.keys.load(x.mech.Keytabs)
	if err != nil {
		return err
	}
	list := table.candidates(principalOf(t.SName, t.Realm), t.EncPart.EType, kvno)
	for _, e := range list {
		plain, ok := e.key.decrypt(t.EncPart, usageTicket)
		if !ok {
			continue
		}
		if err := x.ticket.Unmarshal(plain); err != nil {
			return ErrMalformed
		}
		x.decrypted, x.serviceKey = true, e.key
		x.service = principalOf(t.SName, e.principal.Realm)
		x.client = principalOf(x.ticket.CName, x.ticket.CRealm)
		return nil
	}
	if len(list) == 0 {
		return x.fail(errorcode.KRB_AP_ERR_NOKEY, ErrNoKey,
			"it needs one of kvno %d and etype %s: export the keytab again", kvno, etypeName(t.EncPart.EType))
	}
	return x.fail(errorcode.KRB_AP_ERR_MODIFIED, ErrWrongKey,
		"it is of kvno %d and etype %s, of which the keytab has kvno %s: export the keytab again; if it is new, the client has to get a new ticket",
		kvno, etypeName(t.EncPart.EType), versions(list))
}

func (x *exchange) checkType(etype int32) error {
	switch _, known := enctypes[etype]; {
	case !known:
		return x.fail(errorcode.KRB_AP_ERR_NOKEY, ErrWeak, "etype %d: give the service's account AES keys", etype)
	case etype == etypeID.RC4_HMAC && !x.mech.RC4:
		return x.fail(errorcode.KRB_AP_ERR_NOKEY, ErrWeak, "rc4-hmac: give the service's account AES keys, or set Mechanism.RC4")
	}
	return nil
}

// checkTimes checks that the ticket is valid now.
func (x *exchange) checkTimes() error {
	skew := x.mech.maxSkew()
	begin := x.ticket.StartTime
	if begin.IsZero() {
		begin = x.ticket.AuthTime
	}
	switch {
	case types.IsFlagSet(&x.ticket.Flags, flags.Invalid):
		return x.fail(errorcode.KRB_AP_ERR_TKT_NYV, ErrNotYet, "it is postdated, and was not validated")
	case begin.Sub(x.now) > skew:
		return x.fail(errorcode.KRB_AP_ERR_TKT_NYV, ErrNotYet,
			"it begins in %v, so the server's clock is behind that of the KDC: set it by NTP", begin.Sub(x.now).Round(time.Second))
	case x.now.Sub(x.ticket.EndTime) > skew:
		return x.fail(errorcode.KRB_AP_ERR_TKT_EXPIRED, ErrExpired,
			"it ended %v ago: the user has to get a new one, with kinit; if it isn't that old, the server's clock is ahead", x.now.Sub(x.ticket.EndTime).Round(time.Second))
	}
	return nil
}

// expires is when the session is to end: with the ticket, or for one that is accepted
// though it has ended, at the latest moment at which it would be.
func (x *exchange) expires() time.Time {
	if end := x.ticket.EndTime; end.After(x.now) {
		return end
	}
	return x.ticket.EndTime.Add(x.mech.maxSkew())
}

// checkAddresses checks where the connection comes from, if the ticket says from where it
// may. Addresses that are none of IP's, as the NetBIOS names of Windows, don't count.
func (x *exchange) checkAddresses() error {
	var peer net.IP
	if tcp, ok := x.peer.(*net.TCPAddr); ok {
		peer = tcp.IP
	}
	bound := false
	for _, a := range x.ticket.CAddr {
		if a.AddrType != addrtype.IPv4 && a.AddrType != addrtype.IPv6 {
			continue
		}
		if bound = true; peer.Equal(net.IP(a.Address)) {
			return nil
		}
	}
	if bound && peer != nil {
		return x.fail(errorcode.KRB_AP_ERR_BADADDR, ErrAddress, "the connection comes from %v: get one without addresses, with kinit -A", peer)
	}
	return nil
}

// authenticate reads the authenticator: the client has the ticket's key.
func (x *exchange) authenticate() error {
	var ok bool
	if x.ticketKey, ok = newKey(x.ticket.Key, x.mech.RC4); !ok {
		return x.fail(errorcode.KRB_AP_ERR_NOKEY, ErrWeak, "the session key is of etype %s", etypeName(x.ticket.Key.KeyType))
	}
	plain, ok := x.ticketKey.decrypt(x.req.EncryptedAuthenticator, usageAuthenticator)
	if !ok {
		return x.fail(errorcode.KRB_AP_ERR_MODIFIED, ErrMismatch, "")
	}
	if err := x.auth.Unmarshal(plain); err != nil || x.auth.AVNO != iana.PVNO {
		return ErrMalformed
	}
	if !x.auth.CName.Equal(x.ticket.CName) || x.auth.CRealm != x.ticket.CRealm {
		return x.fail(errorcode.KRB_AP_ERR_BADMATCH, ErrMismatch, "")
	}
	if len(x.auth.SubKey.KeyValue) == 0 {
		return nil
	}
	if x.subkey, ok = newKey(x.auth.SubKey, x.mech.RC4); !ok {
		return x.fail(errorcode.KRB_AP_ERR_NOKEY, ErrWeak, "the client's key is of etype %s", etypeName(x.auth.SubKey.KeyType))
	}
	return nil
}

func (x *exchange) checkSkew() error {
	ahead := x.auth.CTime.Add(time.Duration(x.auth.Cusec) * time.Microsecond).Sub(x.now)
	where := "ahead of"
	if ahead < 0 {
		where = "behind"
	}
	if ahead.Abs() <= x.mech.maxSkew() {
		return nil
	}
	return x.fail(errorcode.KRB_AP_ERR_SKEW, ErrSkew, "that of the client at %v is %v %s the server's, and may be by %v: set both by NTP",
		x.peer, ahead.Abs().Round(time.Second), where, x.mech.maxSkew())
}

// checkReplay notes the authenticator, whose encryption is random and so never comes twice.
func (x *exchange) checkReplay() error {
	sum := sha256.Sum256(x.req.EncryptedAuthenticator.Cipher)
	end := x.auth.CTime.Add(x.mech.maxSkew() + time.Second) // from when on the clocks differ too much
	who := sha256.Sum256([]byte(x.client.String()))
	switch x.mech.replays.note([16]byte(sum[:16]), clientID(who[:8]), x.now, end) {
	case replayed:
		return x.fail(errorcode.KRB_AP_ERR_REPEAT, ErrReplay, "from %v; somebody may be listening in", x.peer)
	case overfull:
		return x.fail(errorcode.KRB_AP_ERR_REPEAT, ErrReplay, "or so it may be: more logons came in the last minutes than are remembered")
	}
	return nil
}

// admit says who the client is.
func (x *exchange) admit(ctx context.Context) error {
	switch {
	case x.pac != nil && x.pac.logon != nil:
		x.caller = x.pac.logon.caller()
		return nil
	case x.mech.RequirePAC:
		return x.fail(errorcode.KRB_ERR_GENERIC, ErrNoPAC, "and Mechanism.RequirePAC is set")
	case !x.trusted():
		return x.fail(errorcode.KRB_AP_PATH_NOT_ACCEPTED, ErrUnmapped, "the KDC didn't check by which realms it came")
	}
	who := x.mech.Map
	if who == nil {
		who = LocalUser
	}
	caller, err := who(ctx, x.client, x.service)
	if err != nil {
		return x.fail(errorcode.KRB_ERR_GENERIC, ErrUnmapped, "%v", err)
	}
	if caller == nil || caller.Name == "" || caller.Guest || caller.Anonymous {
		return x.fail(errorcode.KRB_ERR_GENERIC, ErrUnmapped, "Mechanism.Map returned no user")
	}
	x.caller = caller
	return nil
}

// trusted reports whether a client of another realm came by a way that the KDC checked, RFC
// 4120 2.7.
func (x *exchange) trusted() bool {
	return x.client.Realm == x.service.Realm || len(x.ticket.Transited.Contents) == 0 ||
		types.IsFlagSet(&x.ticket.Flags, flags.TransitedPolicyChecked)
}
