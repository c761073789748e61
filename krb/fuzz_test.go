package krb

import (
	"context"
	"testing"

	"github.com/jcmturner/gofork/encoding/asn1"
	"github.com/jcmturner/gokrb5/v8/asn1tools"
	"github.com/jcmturner/gokrb5/v8/iana/asnAppTag"
)

// step does what Step does, but for the recovery from panics: a fuzzer shall see them.
func step(m *Mechanism, token []byte) error {
	x := &exchange{mech: m, peer: testPeer, now: testTime}
	if err := x.verify(token); err != nil {
		return err
	}
	return x.admit(context.Background())
}

// FuzzToken is a client that has no ticket.
func FuzzToken(f *testing.F) {
	k := newTestKey(aes256, 0x11)
	m := newMechanism(f, testEntry([]string{"cifs", "files.example.com"}, 3, newTestKey(aes256, 0x12)))
	f.Add(newClient(k).token(f))
	bare := newClient(k)
	bare.framing = framing{}
	f.Add(bare.token(f))
	f.Fuzz(func(t *testing.T, b []byte) {
		if step(m, b) == nil {
			t.Fatal("got in")
		}
	})
}

// FuzzTicket is a ticket of a KDC that has the right key, with the wrong content.
func FuzzTicket(f *testing.F) {
	k := newTestKey(aes256, 0x11)
	c := newClient(k)
	f.Add(asn1tools.AddASNAppTag(must(asn1.Marshal(c.ticket)), asnAppTag.EncTicketPart))
	c.withPAC(makePAC(k, pacBuffer{kind: pacLogonInfo, data: newLogonSpec().encode()}, pacBuffer{kind: pacClientInfo, data: clientInfo("ann")}))
	f.Add(asn1tools.AddASNAppTag(must(asn1.Marshal(c.ticket)), asnAppTag.EncTicketPart))
	m := newMechanism(f, testEntry([]string{"cifs", "files.example.com"}, 3, k))
	f.Fuzz(func(t *testing.T, b []byte) {
		c := newClient(k)
		c.ticketPlain = b
		step(m, c.token(t))
	})
}

// FuzzAuthenticator is a client with a ticket.
func FuzzAuthenticator(f *testing.F) {
	k := newTestKey(aes256, 0x11)
	c := newClient(k)
	c.token(f)
	f.Add(must(c.auth.Marshal()))
	m := newMechanism(f, testEntry([]string{"cifs", "files.example.com"}, 3, k))
	m.replays.size = 100
	f.Fuzz(func(t *testing.T, b []byte) {
		c := newClient(k)
		c.authPlain = b
		step(m, c.token(t))
	})
}

// FuzzThirdLeg is what a client answers in DCE's three legs.
func FuzzThirdLeg(f *testing.F) {
	k := newTestKey(aes256, 0x11)
	f.Add(must(asn1.Marshal(apRepPart{CTime: testTime, Seq: 6})), true)
	f.Add([]byte{0x6f, 0}, false)
	f.Fuzz(func(t *testing.T, b []byte, sealed bool) {
		a := &acceptor{ticketKey: k, firstSeq: 5, phase: expectReply}
		if sealed {
			d := must(k.encrypt(asn1tools.AddASNAppTag(b, asnAppTag.EncAPRepPart), usageAPRep))
			b = asn1tools.AddASNAppTag(must(asn1.Marshal(struct {
				PVNO    int `asn1:"explicit,tag:0"`
				MsgType int `asn1:"explicit,tag:1"`
				EncPart any `asn1:"explicit,tag:2"`
			}{5, 15, d})), asnAppTag.APREP)
		}
		if err := a.thirdLeg(b); (err == nil) != a.done {
			t.Fatal(err)
		}
	})
}

// FuzzMIC is a signature of who doesn't know the key.
func FuzzMIC(f *testing.F) {
	k, weak := newTestKey(aes256, 0x11), newTestKey(23, 0x11)
	f.Add(must(aesMIC(newTestKey(aes256, 1), 0, 1, usageInitiatorSign, []byte("list"))))
	f.Add(must(rc4MIC(newTestKey(23, 1), 1, false, []byte("list"))))
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, k := range []key{k, weak} {
			if (&acceptor{ticketKey: k, done: true}).VerifyMIC([]byte("list"), b) == nil {
				t.Fatal("verifies")
			}
		}
	})
}

// FuzzPAC is a PAC with the right signature.
func FuzzPAC(f *testing.F) {
	k := newTestKey(aes256, 0x11)
	f.Add(newLogonSpec().encode(), clientInfo("ann"), upnInfo("ann", testDomain+"-1105"))
	f.Fuzz(func(t *testing.T, logon, client, upn []byte) {
		c := newClient(k)
		c.withPAC(makePAC(k, pacBuffer{kind: pacLogonInfo, data: logon}, pacBuffer{kind: pacClientInfo, data: client}, pacBuffer{kind: pacUPNInfo, data: upn}))
		x := &exchange{ticket: c.ticket, client: Principal{[]string{"ann"}, testRealm}, serviceKey: k, decrypted: true}
		if err := x.readPAC(); err == nil {
			who := x.pac.logon.caller()
			if who.Name == "" || !mayCross(who.SID) || len(who.Groups) > len(logon) {
				t.Fatalf("%+v", who)
			}
		}
	})
}

// FuzzSplitPAC is a PAC with the wrong signature.
func FuzzSplitPAC(f *testing.F) {
	k := newTestKey(aes256, 0x11)
	f.Add(makePAC(newTestKey(aes256, 0x12), pacBuffer{kind: pacClientInfo, data: clientInfo("ann")}))
	f.Fuzz(func(t *testing.T, b []byte) {
		c := newClient(k)
		c.withPAC(b)
		x := &exchange{ticket: c.ticket, serviceKey: k, decrypted: true}
		if x.readPAC() == nil {
			t.Fatal("signature isn't checked")
		}
	})
}

func FuzzKeytab(f *testing.F) {
	f.Add(appendKeytab(testEntry([]string{"cifs", "a"}, 300, newTestKey(aes256, 0x41)), testEntry(nil, 0, newTestKey(23, 1))))
	f.Fuzz(func(t *testing.T, b []byte) {
		entries, err := parseKeytab(b)
		if err != nil {
			return
		}
		for _, e := range entries {
			if len(e.key.value) != enctypes[e.key.etype].keyLen {
				t.Fatalf("key of %d bytes", len(e.key.value))
			}
		}
		again, err := parseKeytab(appendKeytab(entries...))
		if err != nil || len(again) != len(entries) {
			t.Fatalf("%d entries come back as %d, %v", len(entries), len(again), err)
		}
	})
}
