package netlogon

import (
	"bytes"
	"encoding/hex"
	"testing"
)

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestCFB8 is NIST SP 800-38A F.3.7.
func TestCFB8(t *testing.T) {
	key := [16]byte(unhex(t, "2b7e151628aed2a6abf7158809cf4f3c"))
	iv := [16]byte(unhex(t, "000102030405060708090a0b0c0d0e0f"))
	plain := unhex(t, "6bc1bee22e409f96e93d7e117393172aae2d")
	want := unhex(t, "3b79424c9c0dd436bace9e0ed4586a4f32b9")
	b := bytes.Clone(plain)
	c := newCFB8(key, iv)
	c.encrypt(b[:5])
	c.encrypt(b[5:])
	if !bytes.Equal(b, want) {
		t.Errorf("%x", b)
	}
	newCFB8(key, iv).decrypt(b)
	if !bytes.Equal(b, plain) {
		t.Errorf("%x", b)
	}
}

func TestWeakChallenge(t *testing.T) {
	for c, want := range map[credential]bool{
		{}:                       true,
		{7, 7, 7, 7, 7, 1, 2, 3}: true,
		{0, 0, 0, 0, 1}:          false,
		{1, 2, 3, 4, 5, 6, 7, 8}: false,
	} {
		if c.weak() != want {
			t.Errorf("%x", c)
		}
	}
	if a, b := newChallenge(), newChallenge(); a == b {
		t.Error("twice the same")
	}
}

// TestAdd leaves the upper half alone, [MS-NRPC] 3.1.4.5.
func TestAdd(t *testing.T) {
	if got := (credential{0xff, 0xff, 0xff, 0xff, 1, 2, 3, 4}).add(2); got != (credential{1, 0, 0, 0, 1, 2, 3, 4}) {
		t.Errorf("%x", got)
	}
}
