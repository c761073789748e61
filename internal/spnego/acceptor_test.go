package spnego

import (
	"context"
	"encoding/asn1"
	"errors"
	"testing"
)

// fakeInner takes the tokens of a script and signs with a suffix.
type fakeInner struct {
	script []string // what it answers, in turn; done after the last
	noKeys bool
	got    []string
}

func (f *fakeInner) Step(_ context.Context, token []byte) ([]byte, bool, error) {
	if string(token) == "bad" {
		return nil, false, errFake
	}
	f.got = append(f.got, string(token))
	reply := f.script[0]
	f.script = f.script[1:]
	return []byte(reply), len(f.script) == 0, nil
}

func (f *fakeInner) MIC(msg []byte) ([]byte, error) {
	if f.noKeys {
		return nil, ErrNoMIC
	}
	return append([]byte("server"), msg...), nil
}

func (f *fakeInner) VerifyMIC(msg, mic []byte) error {
	if string(mic) != "client"+string(msg) {
		return errFake
	}
	return nil
}

var errFake = errors.New("fake")

// run feeds tokens to an acceptor for in, known by id, and returns the answers.
func run(t *testing.T, id asn1.ObjectIdentifier, in *fakeInner, tokens ...[]byte) ([]NegTokenResp, bool, error) {
	t.Helper()
	a := NewAcceptor([]Mech{{OID: id, Start: func() Inner { return in }}})
	var answers []NegTokenResp
	for i, token := range tokens {
		reply, done, err := a.Step(t.Context(), token)
		_, resp, perr := Parse(reply)
		if perr != nil {
			t.Fatal(perr)
		}
		answers = append(answers, *resp)
		clear(token) // the buffer is the caller's again
		if err != nil || done {
			if i != len(tokens)-1 {
				t.Errorf("over after token %d, %v", i, err)
			}
			return answers, done, err
		}
	}
	return answers, false, nil
}

func initToken(token string, mechs ...asn1.ObjectIdentifier) []byte {
	return NegTokenInit{Mechs: mechs, MechToken: []byte(token)}.Append(nil)
}

func respToken(token, mic string) []byte {
	return NegTokenResp{State: StateAbsent, ResponseToken: []byte(token), MechListMIC: []byte(mic)}.Append(nil)
}

func TestOneRound(t *testing.T) { // Kerberos; nobody asked for a MIC
	in := &fakeInner{script: []string{"AP-REP"}}
	r, done, err := run(t, oidMSKrb, in, initToken("AP-REQ", oidMSKrb, oidKrb5))
	if err != nil || !done {
		t.Fatal(done, err)
	}
	if r[0].State != AcceptCompleted || !r[0].SupportedMech.Equal(oidMSKrb) ||
		string(r[0].ResponseToken) != "AP-REP" || r[0].MechListMIC != nil {
		t.Errorf("answer is %+v", r[0])
	}
}

// TestAcceptorLast has the mechanism's last token go to the client, so ours is
// the first MIC.
func TestAcceptorLast(t *testing.T) {
	list := string(MechList([]asn1.ObjectIdentifier{oidNegoX, oidKrb5}))
	for _, tc := range []struct {
		mic  string
		want error
	}{{"client" + list, nil}, {"client", errFake}, {"", ErrMissingMIC}} {
		in := &fakeInner{script: []string{"AP-REP"}}
		r, done, err := run(t, oidKrb5, in, initToken("nego", oidNegoX, oidKrb5),
			respToken("AP-REQ", ""), respToken("", tc.mic))
		if !errors.Is(err, tc.want) || done != (err == nil) {
			t.Fatalf("done %v, error %v, want %v", done, err, tc.want)
		}
		if in.got[0] != "AP-REQ" {
			t.Errorf("mechanism got %q", in.got)
		}
		if r[0].State != RequestMIC || !r[0].SupportedMech.Equal(oidKrb5) || r[0].ResponseToken != nil {
			t.Errorf("first answer is %+v", r[0])
		}
		if r[1].State != AcceptIncomplete || string(r[1].MechListMIC) != "server"+list || string(r[1].ResponseToken) != "AP-REP" {
			t.Errorf("second answer is %+v", r[1])
		}
		if err == nil && (r[2].State != AcceptCompleted || r[2].MechListMIC != nil) {
			t.Errorf("last answer is %+v", r[2])
		}
		if err != nil && r[2].State != Reject {
			t.Errorf("last answer is %+v", r[2])
		}
	}
}

// TestSecondTry has the mechanism refuse the first token and take the second, as Kerberos
// does with clocks that differ.
func TestSecondTry(t *testing.T) {
	list := string(MechList([]asn1.ObjectIdentifier{oidKrb5, oidNTLM}))
	for _, mic := range []string{"client" + list, ""} {
		in := &fakeInner{script: []string{"KRB-ERROR", "AP-REP"}}
		r, done, err := run(t, oidKrb5, in, initToken("AP-REQ", oidKrb5, oidNTLM), respToken("AP-REQ", ""), respToken("", mic))
		if err != nil || !done {
			t.Fatal(done, err)
		}
		if r[0].State != AcceptIncomplete || r[0].MechListMIC != nil || string(r[0].ResponseToken) != "KRB-ERROR" {
			t.Errorf("first answer is %+v", r[0])
		}
		if r[1].State != AcceptIncomplete || string(r[1].MechListMIC) != "server"+list || string(r[1].ResponseToken) != "AP-REP" {
			t.Errorf("second answer is %+v", r[1])
		}
		if r[2].State != AcceptCompleted {
			t.Errorf("last answer is %+v", r[2])
		}
	}
}

func TestNoKeys(t *testing.T) { // a guest can't sign, whatever it sends
	for _, mic := range []string{"", "whatever"} {
		in := &fakeInner{script: []string{"challenge", ""}, noKeys: true}
		r, done, err := run(t, oidNTLM, in, initToken("", oidNegoX, oidNTLM), respToken("negotiate", ""), respToken("auth", mic))
		if err != nil || !done || r[2].MechListMIC != nil {
			t.Errorf("done %v, error %v, %+v", done, err, r)
		}
	}
	in := &fakeInner{script: []string{"AP-REP"}, noKeys: true}
	if _, done, err := run(t, oidNTLM, in, initToken("", oidNegoX, oidNTLM), respToken("x", "")); err != nil || !done {
		t.Errorf("done %v, error %v", done, err)
	}
}

func TestNoOptimisticToken(t *testing.T) {
	in := &fakeInner{script: []string{"challenge", ""}}
	init := NegTokenInit{Mechs: []asn1.ObjectIdentifier{oidNTLM}}.Append(nil)
	r, done, err := run(t, oidNTLM, in, init, respToken("negotiate", ""), respToken("auth", ""))
	if err != nil || !done || r[0].State != AcceptIncomplete || len(in.got) != 2 {
		t.Errorf("done %v, error %v, %+v", done, err, r)
	}
}

// TestOrders is what clients list, and what servers with and without Kerberos make of it:
// the client's order counts, in which it says what it has credentials for. The first token
// is for its first mechanism alone.
func TestOrders(t *testing.T) {
	oidU2U := append(append(asn1.ObjectIdentifier{}, oidKrb5...), 3)
	oidOdd := asn1.ObjectIdentifier{2, 25, 7}
	both := []asn1.ObjectIdentifier{oidMSKrb, oidKrb5, oidNTLM}
	for _, tc := range []struct {
		name   string
		client []asn1.ObjectIdentifier
		server []asn1.ObjectIdentifier
		pick   asn1.ObjectIdentifier // nil: none
	}{
		{"Windows in a domain", []asn1.ObjectIdentifier{oidMSKrb, oidKrb5, oidNegoX, oidNTLM}, both, oidMSKrb},
		{"Windows with user to user", []asn1.ObjectIdentifier{oidMSKrb, oidKrb5, oidU2U, oidNegoX, oidNTLM}, both, oidMSKrb},
		{"Windows, NegoEx first", []asn1.ObjectIdentifier{oidNegoX, oidMSKrb, oidKrb5, oidNTLM}, both, oidMSKrb},
		{"Windows in a workgroup", []asn1.ObjectIdentifier{oidNegoX, oidNTLM}, both, oidNTLM},
		{"MIT", []asn1.ObjectIdentifier{oidKrb5, oidMSKrb}, both, oidKrb5},
		{"Linux", []asn1.ObjectIdentifier{oidMSKrb}, both, oidMSKrb},
		{"without a ticket", []asn1.ObjectIdentifier{oidNTLM}, both, oidNTLM},
		{"NTLM preferred", []asn1.ObjectIdentifier{oidNTLM, oidMSKrb, oidKrb5}, both, oidNTLM},
		{"unknown ones", []asn1.ObjectIdentifier{oidOdd, {1, 2}, oidKrb5}, both, oidKrb5},
		{"a server without Kerberos", []asn1.ObjectIdentifier{oidMSKrb, oidKrb5, oidNegoX, oidNTLM}, both[2:], oidNTLM},
		{"nothing in common", []asn1.ObjectIdentifier{oidNegoX, oidU2U}, both, nil},
	} {
		var started asn1.ObjectIdentifier
		in := &fakeInner{script: []string{"reply"}}
		var mechs []Mech
		for _, id := range tc.server {
			mechs = append(mechs, Mech{OID: id, Start: func() Inner { started = id; return in }})
		}
		reply, _, err := NewAcceptor(mechs).Step(t.Context(), initToken("first", tc.client...))
		_, r, perr := Parse(reply)
		if perr != nil {
			t.Fatal(tc.name, perr)
		}
		if tc.pick == nil {
			if !errors.Is(err, ErrNoMech) || r.State != Reject {
				t.Errorf("%s: %v, %+v", tc.name, err, r)
			}
			continue
		}
		if err != nil || !started.Equal(tc.pick) || !r.SupportedMech.Equal(tc.pick) {
			t.Errorf("%s: picked %v, %v", tc.name, started, err)
		}
		first := tc.client[0].Equal(tc.pick)
		if (len(in.got) == 1) != first || first != (r.State == AcceptCompleted) || !first && r.State != RequestMIC {
			t.Errorf("%s: mechanism got %q, answer is %+v", tc.name, in.got, r)
		}
	}
}

func TestOutOfSequence(t *testing.T) {
	for name, tokens := range map[string][][]byte{
		"response first": {respToken("x", "")},
		"init twice":     {initToken("x", oidNTLM), initToken("x", oidNTLM)},
		"not a token":    {[]byte("NTLMSSP\x00")},
		"empty":          {nil},
		"inner fails":    {initToken("x", oidNTLM), respToken("bad", "")},
	} {
		in := &fakeInner{script: []string{"a", "b", "c"}}
		if r, done, err := run(t, oidNTLM, in, tokens...); err == nil || done || r[len(r)-1].State != Reject {
			t.Errorf("%s: done %v, error %v, %+v", name, done, err, r)
		}
	}
	a := NewAcceptor(nil)
	if _, _, err := a.Step(t.Context(), initToken("x", oidNTLM)); !errors.Is(err, ErrNoMech) || a.Inner() != nil {
		t.Errorf("no mechanisms: %v", err)
	}
	if _, _, err := a.Step(t.Context(), initToken("x", oidNTLM)); !errors.Is(err, ErrSequence) {
		t.Errorf("after an error: %v", err)
	}
}

func TestEndless(t *testing.T) {
	in := &fakeInner{script: make([]string, 100)}
	a := NewAcceptor([]Mech{{OID: oidNTLM, Start: func() Inner { return in }}})
	_, _, err := a.Step(t.Context(), initToken("x", oidNTLM))
	for n := 1; err == nil; n++ {
		if n > maxSteps {
			t.Fatal("goes on and on")
		}
		_, _, err = a.Step(t.Context(), respToken("x", ""))
	}
}
