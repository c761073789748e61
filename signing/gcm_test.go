package signing

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"fmt"
	"math/rand/v2"
	"testing"
)

func newTestGCM(t testing.TB, key []byte) *gcm {
	t.Helper()
	g, err := newGCM(key)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// newTestAEAD returns crypto/cipher's AES-GCM.
func newTestAEAD(t testing.TB, key []byte) cipher.AEAD {
	t.Helper()
	b, err := aes.NewCipher(key)
	if err != nil {
		t.Fatal(err)
	}
	aead, err := cipher.NewGCM(b)
	if err != nil {
		t.Fatal(err)
	}
	return aead
}

// testGCMs returns what this processor does itself and what crypto/cipher does, which may be the same.
func testGCMs(t testing.TB, key []byte) []*gcm {
	t.Helper()
	return []*gcm{newTestGCM(t, key), {aead: newTestAEAD(t, key)}}
}

func TestGCMVector(t *testing.T) { // test case 4 of the GCM submission to NIST
	nonce, aad := unhex(t, "cafebabefacedbaddecaf888"), unhex(t, "feedfacedeadbeeffeedfacedeadbeefabaddad2")
	const plain = `
		d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72
		1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39`
	const sealed = `
		42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e
		21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091`
	const want = "5bc94fbc3221a5db94fae95ae7121a47"
	for _, g := range testGCMs(t, unhex(t, "feffe9928665731c6d6a8f9467308308")) {
		text, tag := unhex(t, plain), make([]byte, Size)
		g.seal(tag, nonce, aad, text)
		wantHex(t, "text", text, sealed)
		wantHex(t, "tag", tag, want)
	}
}

// The assembly does what crypto/cipher does: for keys of both lengths, for texts and associated data of any length, some of which
// are more than one call takes, and wherever they begin. It changes nothing around the text.
func TestWideGCM(t *testing.T) {
	random := rand.New(rand.NewChaCha8([32]byte{2}))
	fill := func(n int) []byte {
		p := make([]byte, n)
		for i := range p {
			p[i] = byte(random.Uint32())
		}
		return p
	}
	try := func(key []byte, aadLen, textLen int) {
		t.Helper()
		wide, aead := newWideGCM(key), newTestAEAD(t, key)
		nonce, aad := fill(12), fill(aadLen)
		off := random.IntN(64)
		frame := fill(off + textLen + 64)
		was := bytes.Clone(frame)
		want := aead.Seal(nil, nonce, frame[off:off+textLen], aad)
		name := fmt.Sprintf("%d bytes from %d after %d", textLen, off, aadLen)

		tag := wide.crypt(nonce, aad, frame[off:off+textLen], false)
		if !bytes.Equal(frame[off:off+textLen], want[:textLen]) || !bytes.Equal(tag[:], want[textLen:]) {
			t.Fatalf("%s: sealed otherwise", name)
		}
		if !bytes.Equal(frame[:off], was[:off]) || !bytes.Equal(frame[off+textLen:], was[off+textLen:]) {
			t.Fatalf("%s: sealing changed what's around", name)
		}
		if opened := wide.crypt(nonce, aad, frame[off:off+textLen], true); opened != tag || !bytes.Equal(frame, was) {
			t.Fatalf("%s: opened otherwise", name)
		}
	}
	if !hasWide {
		t.Skip("this processor has no instructions for it")
	}
	for _, length := range []int{16, 32} {
		key := fill(length)
		for n := range 1200 {
			try(key, n, 0)
			try(key, 32, n)
			try(key, random.IntN(100), n)
		}
		try(key, 32, 1<<20+600) // the counter goes beyond 16 bits
		for range 50 {
			key := fill(length)
			try(key, random.IntN(5*chunk), random.IntN(5*chunk))
			for _, n := range []int{chunk - 1, chunk, chunk + 1, 2 * chunk, 2*chunk + 512, 3*chunk - 512} {
				try(key, 32, n)
				try(key, n, 32)
			}
		}
	}
}

// Whoever does it, the tag and the text are crypto/cipher's.
func TestGCM(t *testing.T) {
	for _, length := range []int{16, 32} {
		key := upTo(length)
		aead := newTestAEAD(t, key)
		nonce, aad := upTo(12), upTo(32)
		for _, g := range testGCMs(t, key) {
			for _, n := range []int{0, 1, 15, 16, 2047, 2048, 2049, 5000, 40000} {
				message := testMessage(n+HeaderSize, 0, 0, 1)
				var mac [Size]byte
				gmac{g}.sum(&mac, message)
				own := gmacNonce(message)
				if want := aead.Seal(nil, own[:], nil, message); !bytes.Equal(mac[:], want) {
					t.Errorf("%d bytes: MAC %x, want %x", n, mac, want)
				}
				text, tag := bytes.Clone(message[:n]), make([]byte, Size)
				g.seal(tag, nonce, aad, text)
				if want := aead.Seal(nil, nonce, message[:n], aad); !bytes.Equal(append(bytes.Clone(text), tag...), want) {
					t.Errorf("%d bytes: sealed otherwise", n)
				}
				if err := g.open(tag, nonce, aad, text); err != nil || !bytes.Equal(text, message[:n]) {
					t.Errorf("%d bytes: opened to something else, %v", n, err)
				}
			}
		}
	}
}

// A frame is refused when any of it was changed, and nothing of its text is left.
func TestGCMRefused(t *testing.T) {
	for _, g := range testGCMs(t, upTo(16)) {
		testGCMRefused(t, g, 100)
		testGCMRefused(t, g, 5000)
	}
}

func testGCMRefused(t *testing.T, g *gcm, n int) {
	t.Helper()
	nonce, aad, text, tag := upTo(12), upTo(32), bytes.Repeat([]byte{0xa5}, n), make([]byte, Size)
	g.seal(tag, nonce, aad, text)
	for _, c := range []struct {
		name string
		part []byte
	}{{"nonce", nonce}, {"aad", aad}, {"text", text}, {"tag", tag}} {
		for _, at := range []int{0, len(c.part) / 2, len(c.part) - 1} {
			c.part[at] ^= 0x10
			got := bytes.Clone(text)
			if err := g.open(tag, nonce, aad, got); err != ErrAuthentication {
				t.Errorf("%d bytes, %s changed at %d: %v", n, c.name, at, err)
			}
			if !bytes.Equal(got, make([]byte, n)) {
				t.Errorf("%d bytes, %s changed at %d: text left", n, c.name, at)
			}
			c.part[at] ^= 0x10
		}
	}
	if err := g.open(tag, nonce, aad, text); err != nil || !bytes.Equal(text, bytes.Repeat([]byte{0xa5}, n)) {
		t.Errorf("%d bytes: %v", n, err)
	}
}
