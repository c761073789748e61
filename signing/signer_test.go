package signing

import (
	"bytes"
	"crypto/aes"
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
)

// unhex decodes hexadecimal digits with spaces and line breaks in between.
func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.Join(strings.Fields(s), ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func wantHex(t testing.TB, what string, got []byte, want string) {
	t.Helper()
	if !bytes.Equal(got, unhex(t, want)) {
		t.Errorf("%s:\n got %x\nwant %x", what, got, unhex(t, want))
	}
}

func upTo(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i + 1)
	}
	return b
}

func newSigner(t testing.TB, a Algorithm) *Signer {
	t.Helper()
	s, err := NewSigner(a, upTo(16))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// testMessage is a signable element of n bytes.
func testMessage(n int, command uint16, flags uint32, id uint64) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i*7 + 3)
	}
	copy(b, "\xfeSMB")
	binary.LittleEndian.PutUint16(b[12:], command)
	binary.LittleEndian.PutUint32(b[16:], flags)
	binary.LittleEndian.PutUint64(b[24:], id)
	return b
}

var algorithms = []Algorithm{HMACSHA256, AESCMAC, AESGMAC}

func TestCMACVectors(t *testing.T) { // RFC 4493 section 4
	c, err := newCMAC(unhex(t, "2b7e151628aed2a6abf7158809cf4f3c"))
	if err != nil {
		t.Fatal(err)
	}
	wantHex(t, "K1", c.k1[:], "fbeed618357133667c85e08f7236a8de")
	wantHex(t, "K2", c.k2[:], "f7ddac306ae266ccf90bc11ee46d513b")
	msg := unhex(t, `6bc1bee22e409f96e93d7e117393172a ae2d8a571e03ac9c9eb76fac45af8e51
		30c81c46a35ce411e5fbc1191a0a52ef f69f2445df4f9b17ad2b417be66c3710`)
	for n, want := range map[int]string{
		0:  "bb1d6929e95937287fa37d129b756746",
		16: "070a16b46b4d4144f79bdd9dd04a287c",
		40: "dfa66747de9ae63030ca32611497c827",
		64: "51f0bebf7e3b9d92fc49741779363cfe",
	} {
		var sig [Size]byte
		c.sum(&sig, msg[:n])
		wantHex(t, "CMAC", sig[:], want)
	}
}

// Every length around the edges of blocks and chunks, against RFC 4493 written down block by block; the pooled state
// carries over from one message to the next.
func TestCMACLengths(t *testing.T) {
	key := upTo(16)
	c, err := newCMAC(key)
	if err != nil {
		t.Fatal(err)
	}
	b, _ := aes.NewCipher(key)
	r := rand.New(rand.NewPCG(1, 2))
	for n := range 3*chunk + 40 {
		if n > 200 && n%chunk > 40 && n%chunk < chunk-40 {
			continue
		}
		msg := make([]byte, n)
		for i := range msg {
			msg[i] = byte(r.Uint32())
		}
		var got, x [16]byte
		c.sum(&got, msg)
		rest := msg
		for len(rest) > 16 {
			for i := range x {
				x[i] ^= rest[i]
			}
			b.Encrypt(x[:], x[:])
			rest = rest[16:]
		}
		last, k := [16]byte{}, c.k1
		if copy(last[:], rest) < 16 {
			last[len(rest)], k = 0x80, c.k2
		}
		for i := range x {
			x[i] ^= last[i] ^ k[i]
		}
		b.Encrypt(x[:], x[:])
		if got != x {
			t.Fatalf("%d bytes: got %x, want %x", n, got, x)
		}
	}
}

func TestHMACVectors(t *testing.T) { // RFC 4231 section 4; case 5 is cut to 16 bytes there
	for _, c := range []struct{ key, data, want string }{
		{strings.Repeat("0b", 20), hex.EncodeToString([]byte("Hi There")), "b0344c61d8db38535ca8afceaf0bf12b"},
		{hex.EncodeToString([]byte("Jefe")), hex.EncodeToString([]byte("what do ya want for nothing?")), "5bdcc146bf60754e6a042426089575c7"},
		{strings.Repeat("aa", 20), strings.Repeat("dd", 50), "773ea91e36800e46854db8ebd09181a7"},
		{strings.Repeat("0c", 20), hex.EncodeToString([]byte("Test With Truncation")), "a3b6167473100ee06e0c796c2955552b"},
	} {
		h := newHMAC(unhex(t, c.key))
		for range 2 {
			var sig [Size]byte
			h.sum(&sig, unhex(t, c.data))
			wantHex(t, "HMAC", sig[:], c.want)
		}
	}
}

func TestGMACVectors(t *testing.T) {
	// The GMAC of NIST's GCM validation suite (SP 800-38D), 96-bit IV, 128-bit AAD.
	g, err := newGMAC(unhex(t, "77be63708971c4e240d1cb79e8d77feb"))
	if err != nil {
		t.Fatal(err)
	}
	tag := make([]byte, Size)
	g.seal(tag, unhex(t, "e0e00f19fed7ba0136a797f3"), unhex(t, "7a43ec1d9c0a5a78a0b16533a6213cab"), nil)
	wantHex(t, "GMAC", tag, "209fcc8d3675ed938e9c7166709dd946")

	// Whole messages, signed by OpenSSL with the nonce of [MS-SMB2] 3.1.4.1.
	s := newSigner(t, AESGMAC)
	for _, c := range []struct {
		command uint16
		flags   uint32
		nonce   string
		want    string
	}{
		{8, 8, "080706050403020100000000", "1fe1acd22ccfb711fb229d606af75d40"},
		{8, 9, "080706050403020101000000", "4cad890a60767e97ee9aadc14dc0ab9d"},
		{commandCancel, 8, "080706050403020102000000", "dcdd4d65574231eb14f818da7a066363"},
	} {
		msg := testMessage(83, c.command, c.flags, 0x0102030405060708)
		nonce := gmacNonce(msg)
		wantHex(t, "nonce", nonce[:], c.nonce)
		s.Sign(msg)
		wantHex(t, "signature", msg[48:64], c.want)
	}
}

// The SESSION_SETUP response of "SMB 2 and SMB 3 security in Windows 10: the anatomy of signing and cryptographic keys",
// Microsoft Open Specifications blog.
func TestSignMicrosoftExample(t *testing.T) {
	msg := unhex(t, `
		FE534D4240000100000000000100800009000000000000000300000000000000FFFE000000000000
		1900000000100000EBE146DA120BA25FC3376A49DFE31BC10900000048001D00A11B3019A0030A01
		00A3120410010000003B453CDC3524164200000000`)
	s, err := NewSigner(AESCMAC, unhex(t, "73FE7A9A77BEF0BDE49C650D8CCB5F76"))
	if err != nil {
		t.Fatal(err)
	}
	if !s.Verify(msg) {
		t.Fatal("refused")
	}
	want := bytes.Clone(msg)
	s.Sign(msg)
	if !bytes.Equal(msg, want) {
		t.Fatalf("signature %x", msg[48:64])
	}
}

func TestSignVerifyTamper(t *testing.T) {
	for _, a := range algorithms {
		s := newSigner(t, a)
		for _, n := range []int{64, 65, 79, 80, 81, 128, 300} {
			msg := testMessage(n, 5, 8, 77)
			s.Sign(msg)
			signed := bytes.Clone(msg)
			if !s.Verify(msg) || !bytes.Equal(msg, signed) {
				t.Fatalf("%v, %d bytes: refused or changed", a, n)
			}
			for i := range msg {
				msg[i] ^= 1 << (i % 8)
				changed := bytes.Clone(msg)
				if s.Verify(msg) {
					t.Fatalf("%v, %d bytes: change at %d not found", a, n, i)
				}
				if !bytes.Equal(msg, changed) {
					t.Fatalf("%v: Verify changed the message", a)
				}
				msg[i] ^= 1 << (i % 8)
			}
			if s.Verify(append(bytes.Clone(msg), 0)) {
				t.Fatalf("%v: padding isn't signed", a)
			}
		}
		for n := range HeaderSize {
			if s.Verify(make([]byte, n)) {
				t.Fatalf("%v: accepted %d bytes", a, n)
			}
		}
	}
}

func TestNewSignerErrors(t *testing.T) {
	for _, c := range []struct {
		a Algorithm
		n int
	}{{HMACSHA256, 0}, {AESCMAC, 0}, {AESCMAC, 15}, {AESCMAC, 32}, {AESGMAC, 24}, {3, 16}, {0xFFFF, 16}} {
		if s, err := NewSigner(c.a, make([]byte, c.n)); err == nil || s != nil {
			t.Errorf("%v with %d bytes accepted", c.a, c.n)
		}
	}
	key := upTo(16)
	msg := testMessage(100, 1, 8, 1)
	for _, a := range algorithms {
		s, err := NewSigner(a, key)
		if err != nil {
			t.Fatal(err)
		}
		clear(key) // the signer has its own copy
		s.Sign(msg)
		copy(key, upTo(16))
		if !newSigner(t, a).Verify(msg) {
			t.Errorf("%v keeps the caller's key slice", a)
		}
	}
}

func TestSignerConcurrent(t *testing.T) {
	for _, a := range algorithms {
		s := newSigner(t, a)
		var wg sync.WaitGroup
		for g := range 4 {
			wg.Go(func() {
				for i := range 200 {
					msg := testMessage(64+i*13, 8, 8, uint64(g)<<32|uint64(i))
					s.Sign(msg)
					if !s.Verify(msg) {
						t.Errorf("%v: refused its own signature", a)
						return
					}
				}
			})
		}
		wg.Wait()
	}
}

func TestSignerAllocs(t *testing.T) {
	if raceEnabled {
		t.Skip("sync.Pool drops at random under the race detector")
	}
	msg := testMessage(70000, 8, 8, 1)
	for _, a := range algorithms {
		s := newSigner(t, a)
		s.Sign(msg)
		if n := testing.AllocsPerRun(50, func() { s.Sign(msg) }); n != 0 {
			t.Errorf("%v: Sign allocates %v times", a, n)
		}
		if n := testing.AllocsPerRun(50, func() { s.Verify(msg) }); n != 0 {
			t.Errorf("%v: Verify allocates %v times", a, n)
		}
	}
}

func FuzzVerify(f *testing.F) {
	f.Add([]byte{})
	f.Add(make([]byte, 63))
	f.Add(testMessage(64, 12, 1, 1<<63))
	f.Fuzz(func(t *testing.T, msg []byte) {
		for _, a := range algorithms {
			s := newSigner(t, a)
			before := bytes.Clone(msg)
			if s.Verify(msg) || !bytes.Equal(before, msg) {
				t.Fatalf("%v accepted or changed it", a)
			}
			if len(msg) >= HeaderSize {
				s.Sign(before)
				if !s.Verify(before) {
					t.Fatalf("%v refused its own signature", a)
				}
			}
		}
	})
}
