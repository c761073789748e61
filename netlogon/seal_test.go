package netlogon

import (
	"bytes"
	"errors"
	"testing"
)

func TestSeal(t *testing.T) {
	key := sessionKey{1, 2, 3}
	client, server := &sealer{key: key, isClient: true}, &sealer{key: key}
	for i := range 3 {
		for _, way := range []struct{ from, to *sealer }{{client, server}, {server, client}} {
			plain := bytes.Repeat([]byte{byte(i)}, 16*i)
			message := bytes.Clone(plain)
			signature := way.from.seal(nil, message)
			if i > 0 && bytes.Equal(message, plain) {
				t.Error("not encrypted")
			}
			if err := way.to.open(message, signature); err != nil || !bytes.Equal(message, plain) {
				t.Errorf("%d: %v, %x", i, err, message)
			}
		}
	}
}

// TestTampered changes each octet of a message and its signature in turn.
func TestTampered(t *testing.T) {
	key := sessionKey{1, 2, 3}
	whole := make([]byte, 32)
	whole = (&sealer{key: key}).seal(whole, whole[:32])
	if len(whole) != 32+signatureLen {
		t.Fatal(len(whole))
	}
	for i := range whole {
		b := bytes.Clone(whole)
		b[i] ^= 0x40
		err := (&sealer{key: key, isClient: true}).open(b[:32], b[32:])
		if ignored := i >= 32+signatureMin; ignored != (err == nil) {
			t.Errorf("octet %d: %v", i, err)
		}
	}
	for _, s := range []*sealer{{key: key}, {key: key, isClient: true, seq: 1}, {isClient: true}} {
		b := bytes.Clone(whole)
		if err := s.open(b[:32], b[32:]); !errors.Is(err, errSignature) {
			t.Errorf("%+v: %v", s, err)
		}
	}
	if err := (&sealer{key: key, isClient: true}).open(nil, whole[32:32+signatureMin-1]); !errors.Is(err, errSignature) {
		t.Error(err)
	}
}

func TestAuthMessage(t *testing.T) {
	if got := authMessage("NTDEV", "NASKO"); string(got) != "\x00\x00\x00\x00\x03\x00\x00\x00NTDEV\x00NASKO\x00" {
		t.Errorf("%q", got)
	}
	for b, ok := range map[string]bool{
		"\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00": true,
		"\x01\x00\x00\x00\x00\x00\x00\x00\x00":             false,
		"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00": false,
		"": false,
	} {
		if err := checkAuthReply([]byte(b)); ok != (err == nil) {
			t.Errorf("%q: %v", b, err)
		}
	}
}
