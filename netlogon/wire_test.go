package netlogon

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"reflect"
	"testing"
	"time"

	"github.com/gosmbd/smb/dcerpc/ndr"
	"github.com/gosmbd/smb/ntlm"
	"github.com/gosmbd/smb/smb2"
)

func TestSamLogonRoundTrip(t *testing.T) {
	m := &machine{server: `\\dc.example.com`, name: "FILES"}
	for _, a := range []attempt{
		{},
		{domain: "EXAMPLE", user: "alice", workstation: "PC", challenge: [8]byte{1}, nt: []byte("odd"), lm: []byte("response")},
		{user: "alice@example.com", nt: bytes.Repeat([]byte("x"), 0xffff)},
	} {
		level, got := decodeSamLogonEx(ndr.NewDecoder(appendSamLogonEx(m, levelNetwork, &a)))
		if level != levelNetwork || !reflect.DeepEqual(got, a) {
			t.Errorf("%d %+v, want %+v", level, got, a)
		}
	}
}

func TestSamInfoRoundTrip(t *testing.T) {
	large := aliceInfo()
	large.groups, large.extra = make([]group, maxGroups), make([]extraSID, maxGroups)
	for i := range maxGroups {
		large.groups[i] = group{uint32(i), 7}
		large.extra[i] = extraSID{testSID + "-1", 7}
	}
	for _, want := range []samInfo{{}, aliceInfo(), large, {name: "𝄞", extra: []extraSID{{}}}} {
		d := ndr.NewDecoder(samInfoBytes(want))
		if got := decodeSamInfo4(d); !reflect.DeepEqual(got, want) || d.Err() != nil || d.Remaining() != 0 {
			t.Errorf("%+v\nwant %+v\n%v, %d left", got, want, d.Err(), d.Remaining())
		}
	}
}

func TestCallerGroups(t *testing.T) {
	s := aliceInfo()
	s.groups = nil
	c, err := s.caller()
	if err != nil || len(c.Groups) != 3 || c.Groups[0] != testSID+"-513" {
		t.Errorf("%+v, %v", c, err)
	}
	s.domainSID = "S-1-5-1-2-3-4-5-6-7-8-9-10-11-12-13-14-15" // no room for a RID
	if _, err := s.caller(); !errors.Is(err, errIdentity) {
		t.Error(err)
	}
}

func TestKickOff(t *testing.T) {
	now := time.Now()
	for at, want := range map[smb2.FileTime]error{
		0: nil, never: nil, 1<<64 - 1: nil,
		smb2.FileTimeOf(now.Add(time.Hour)): nil, smb2.FileTimeOf(now.Add(-time.Hour)): smb2.StatusNetworkSessionExpired,
	} {
		if err := (&samInfo{kickOff: at}).recheck(t.Context()); !errors.Is(err, want) {
			t.Errorf("%x: %v", at, err)
		}
	}
}

func TestMap(t *testing.T) {
	stub := func(n uint32, tower []byte) []byte {
		var e ndr.Encoder
		e.Handle(ndr.Handle{})
		for _, v := range []uint32{n, 4, 0, n, 3, uint32(len(tower)), uint32(len(tower))} {
			e.U32(v)
		}
		e.Raw(tower)
		return e.Bytes()
	}
	good := appendTower(ifaceNetlogon, 49152)
	if port, err := parseMap(stub(1, good)); port != 49152 || err != nil {
		t.Error(port, err)
	}
	for name, b := range map[string][]byte{
		"none": stub(0, nil), "two": stub(2, good), "port 0": stub(1, appendTower(ifaceNetlogon, 0)),
		"cut": stub(1, good)[:60], "empty": nil, "cut tower": stub(1, good[:30]), "endless tower": stub(1, []byte{0xff, 0xff}),
	} {
		if port, err := parseMap(b); err == nil {
			t.Error(name, port)
		}
	}
}

func TestParseHeader(t *testing.T) {
	good := [headerLen]byte(finish(appendHeader(nil, ptypeResponse, 3, 7), 0))
	if h, err := parseHeader(good); err != nil || h.callID != 7 || h.length != headerLen {
		t.Error(h, err)
	}
	for at, v := range map[int]byte{0: 4, 4: 0, 8: 15, 9: 0xff, 10: 1} {
		b := good
		b[at] = v
		if _, err := parseHeader(b); err == nil {
			t.Errorf("octet %d may be %d", at, v)
		}
	}
}

func TestBindAck(t *testing.T) {
	ack := func(frag uint16, addr int, result uint16, transfer syntax) []byte {
		b := appendHeader(nil, ptypeBindAck, 3, 1)
		b = binary.LittleEndian.AppendUint16(b, frag)
		b = binary.LittleEndian.AppendUint16(b, frag)
		b = append(b, 1, 0, 0, 0)
		b = binary.LittleEndian.AppendUint16(b, uint16(addr))
		b = append(b, make([]byte, addr)...)
		b = append(b, make([]byte, -len(b)&3)...)
		b = append(b, 1, 0, 0, 0)
		b = binary.LittleEndian.AppendUint16(b, result)
		b = append(b, 0, 0)
		return finish(transfer.append(b), 0)
	}
	for addr := range 6 {
		if n, err := parseBindAck(ack(4280, addr, 0, ndr32)); n != 4280 || err != nil {
			t.Error(addr, n, err)
		}
	}
	for name, b := range map[string][]byte{
		"small": ack(minFrag-1, 4, 0, ndr32), "refused": ack(4280, 4, 2, ndr32), "other syntax": ack(4280, 4, 0, ifaceNetlogon),
		"cut": ack(4280, 4, 0, ndr32)[:50], "short": make([]byte, 20),
	} {
		if n, err := parseBindAck(b); err == nil {
			t.Error(name, n)
		}
	}
}

func FuzzPDU(f *testing.F) {
	s := &sealer{key: sessionKey{1}}
	f.Add(appendRequest(1, 3, 4, []byte("stub"), s))
	f.Add(appendRequest(1, 3, 4, []byte("stub"), nil))
	f.Add(appendBind(1, ifaceNetlogon, authMessage("A", "B")))
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) < headerLen {
			return
		}
		h, err := parseHeader([headerLen]byte(b))
		if err != nil || h.length != len(b) {
			return
		}
		parseFault(b)
		parseBindAck(b)
		unprotect(h, bytes.Clone(b), nil)
		unprotect(h, bytes.Clone(b), &sealer{key: sessionKey{1}})
	})
}

func FuzzReplies(f *testing.F) {
	var e ndr.Encoder
	e.U16(validationSamInfo4)
	e.Ptr(true)
	encodeSamInfo4(&e, aliceInfo())
	e.U8(1)
	e.U32(0)
	e.U32(0)
	f.Add(e.Bytes())
	f.Add(appendTower(ifaceNetlogon, 135))
	f.Fuzz(func(t *testing.T, b []byte) {
		parseReqChallenge(b)
		parseAuthenticate3(b)
		parseGetCapabilities(b)
		parsePasswordSet2(b)
		parseMap(b)
		towerPort(b)
		v, err := parseSamLogonEx(b)
		if err != nil {
			return
		}
		if c, err := v.info.caller(); err == nil && (!c.SID.Valid() || c.Name == "" || len(c.Groups) > 2*maxGroups+1) {
			t.Fatalf("%+v", c)
		}
		again := ndr.NewDecoder(samInfoBytes(v.info))
		if got := decodeSamInfo4(again); v.status == 0 && (again.Err() != nil || !reflect.DeepEqual(got, v.info)) {
			t.Fatalf("%+v\n%+v", got, v.info)
		}
	})
}

func FuzzResponse(f *testing.F) {
	f.Add(v2Response("EXAMPLE", "FILES"))
	f.Fuzz(func(t *testing.T, b []byte) {
		a := &ntlm.Attempt{NTResponse: b}
		checkKind(a)
		checkTarget(a, "EXAMPLE", "FILES")
	})
}

// FuzzController sends whatever to a client that binds and calls.
func FuzzController(f *testing.F) {
	dc := &fakeConn{fakeDC: newFakeDC()}
	ack := dc.bind(header{callID: 1})
	f.Add(ack)
	f.Add(append(ack, dc.response(header{callID: 2}, make([]byte, 3000), nil)...))
	f.Fuzz(func(t *testing.T, b []byte) {
		ours, theirs := net.Pipe()
		go io.Copy(io.Discard, theirs)
		go func() {
			theirs.Write(b)
			theirs.Close()
		}()
		ours.SetDeadline(time.Now().Add(5 * time.Second))
		c, err := bind(t.Context(), ours, ifaceNetlogon, nil, nil)
		if err != nil {
			return
		}
		defer c.close()
		if reply, err := c.call(t.Context(), 1, []byte("x")); err == nil && len(reply) > len(b) {
			t.Fatal(len(reply))
		}
	})
}
