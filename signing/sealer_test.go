package signing

import (
	"bytes"
	"encoding/binary"
	"errors"
	"slices"
	"sync"
	"testing"
)

var ciphers = []Cipher{AES128CCM, AES128GCM, AES256CCM, AES256GCM}

func newSealer(t testing.TB, c Cipher) *Sealer {
	t.Helper()
	s, err := NewSealer(c, upTo(c.KeyLen()))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// plainFrame is a transform header and n bytes of message, with the tail room that Seal likes.
func plainFrame(c Cipher, n int) []byte {
	b := make([]byte, TransformHeaderSize+n, TransformHeaderSize+n+Size)
	copy(b, "\xfdSMB")
	for i := range c.NonceLen() {
		b[offNonce+i] = byte(0xa0 + i)
	}
	binary.LittleEndian.PutUint32(b[36:], uint32(n))
	b[42] = 1
	binary.LittleEndian.PutUint64(b[44:], 0x8877665544332211)
	for i := range n {
		b[TransformHeaderSize+i] = byte(i*7 + 3)
	}
	return b
}

func TestCCMVectors(t *testing.T) {
	count := func(from byte, n int) []byte {
		b := make([]byte, n)
		for i := range b {
			b[i] = from + byte(i)
		}
		return b
	}
	for _, c := range []struct {
		name            string
		key, nonce, aad []byte
		text            []byte
		sealed, tag     string
	}{
		{"RFC 3610 #1", count(0xC0, 16), unhex(t, "00000003020100a0a1a2a3a4a5"), count(0, 8), count(8, 23),
			"588c979a61c663d2f066d0c2c0f989806d5f6b61dac384", "17e8d12cfdf926e0"},
		{"SP 800-38C 1", count(0x40, 16), count(0x10, 7), count(0, 8), count(0x20, 4), "7162015b", "4dac255d"},
		{"SP 800-38C 2", count(0x40, 16), count(0x10, 8), count(0, 16), count(0x20, 16),
			"d2a1f0e051ea5f62081a7792073d593d", "1fc64fbfaccd"},
		{"SP 800-38C 3", count(0x40, 16), count(0x10, 12), count(0, 20), count(0x20, 24),
			"e3b201a9f5b71a7a9b1ceaeccd97e70b6176aad9a4428aa5", "484392fbc1b09951"},
		{"SP 800-38C 4", count(0x40, 16), count(0x10, 13), count(0, 65536), count(0x20, 32),
			"69915dad1e84c6376a68c2967e4dab615ae0fd1faec44cc484828529463ccf72", "b4ac6bec93e8598e7f0dadbcea5b"},
	} {
		ccm, err := newCCM(c.key)
		if err != nil {
			t.Fatal(err)
		}
		text := bytes.Clone(c.text)
		tag := make([]byte, len(unhex(t, c.tag)))
		ccm.seal(tag, c.nonce, c.aad, text)
		wantHex(t, c.name, text, c.sealed)
		wantHex(t, c.name+" tag", tag, c.tag)
		if err := ccm.open(tag, c.nonce, c.aad, text); err != nil || !bytes.Equal(text, c.text) {
			t.Errorf("%s: open: %v, %x", c.name, err, text)
		}
	}
}

// Frames that OpenSSL sealed, 83 bytes of text.
func TestSealOpenSSL(t *testing.T) {
	for c, want := range map[Cipher][2]string{
		AES128CCM: {"aeb496ee553963135bddf3b686a38815", "29eefb820ca38e5baa4d18ac4988f2508899e9c2cd4216d809ed0ebb3b2607e72862c765cba371d6e1ae74ad26c86cbee21017e3fedf18052cdb0ae2ec941a4bb67aefcfe8e592534f97485ece7e8ace284332"},
		AES128GCM: {"f59177f40989beccc3b7c998ef8002c4", "010986be798b2ca20c398739a47bb2e8cd0066c9f021be4a03626f8171770c388214e4a1889976a54113af7ef856c8275ce2568bba43bfc54aded5f41075f3a0bb5977e31af83a5703b0fd06c4c561b3e1b6f8"},
		AES256CCM: {"60f5ca04ca042c6c4434565dce4e6115", "54d2c89029e1e17eae1a0aaa02ba1b1684d701d41df78921786f3a6b12820ba3bf227c09623debac3c433d2f02292415a9c65ba2a7e959ba67ad10f343de6cec9e87cdc8cbd95072c7793db291e2f3a89d1e55"},
		AES256GCM: {"36964ae267fb77c583cddcaf6ee6bcf0", "badb2c7ee2937730444ceb3ba6db45e824ad3191d7fefd208ce96c3d95800de9d23b683010d4bd203654e9a991080b6b4aec11aca3ed8351c3761a506598b2d46f88723c71cda10521924fe415c4def3fea557"},
	} {
		f := plainFrame(c, 83)
		newSealer(t, c).Seal(f)
		wantHex(t, c.String()+" tag", f[4:20], want[0])
		wantHex(t, c.String(), f[52:], want[1])
	}
}

// The frames of the Microsoft Open Specifications blog: "Encryption in SMB 3.0: A protocol perspective" for CCM and
// "SMB 3.1.1 Encryption in Windows 10" for GCM.
func TestSealMicrosoftExamples(t *testing.T) {
	for _, c := range []struct {
		name        string
		cipher      Cipher
		key         string
		plain, want string
	}{
		{"WRITE request", AES128CCM, "261B72350558F2E9DCF613070383EDBF", `
			FE534D4240000100000000000900400008000000000000000400000000000000
			FFFE0000010000001100001400E4080000000000000000000000000000000000
			3100700017000000000000000000000015010000390000020100000039020000
			00000000000000007000000000000000536D623320656E6372797074696F6E20
			74657374696E67`, `
			FD534D4281A286535415445DAE393921E44FA42E66E69A111892584FB5ED524A
			744DA3EE87000000000001001100001400E4080025C8FEE16605A437832D1CD5
			2DA9F4645333482A175FE5384563F45FCDAFAEF38BC62BA4D5C62897996625A4
			4C29BE5658DE2E6117585779E7B59FFD971278D08580D7FA899E410E910EABF5
			AA1DB43050B33B49182637759AC15D84BFCDF5B6B238993C0F4CF4D6012023F6
			C627297075D84B7803912D0A9639634453595EF3E33FFE4E7AC2AB`},
		{"WRITE response", AES128CCM, "8FE2B57EC34D2DB5B1A9727F526BBDB5", `
			FE534D4240000100000000000900210009000000000000000400000000000000
			FFFE0000010000001100001400E4080000000000000000000000000000000000
			11000000170000000000000000000000`, `
			FD534D42A6015530A18F6D9AFFE22AFAE8E66484860000000000000011000014
			00E4080050000000000001001100001400E40800DBF46435C5F14169293CE079
			E344479BF670227E49873F458672C3098DAC467DD5809F369D67409166515787
			1483E01F7BECD02064EAC3E235F913668BBC2F097980D4B378F1993EFF6E60D1
			77309E5B`},
		{"READ request", AES128CCM, "261B72350558F2E9DCF613070383EDBF", `
			FE534D4240000100000000000800400008000000000000000500000000000000
			FFFE0000010000001100001400E4080000000000000000000000000000000000
			3100000017000000000000000000000015010000390000020100000039020000
			0000000000000000000000000000000000`, `
			FD534D42E93601498B76D6F7A72D5EF9B6C79FAFA5123A25F983E245983F413B
			8B429AF271000000000001001100001400E408009A464F709AA663F8C2FC3907
			D63CBF6F98B1E3DD649ED366009FD0B40A365224718E5440E053F6E01AE462FD
			B721BF91C3A6E52E14F9EFF005F445761289FF1272908B52754C8FCB949F228A
			C104A66204289A205BCBC47509D04AF9A907002B96863358B3B7CBA5E3779300
			74FCDF3550`},
		{"READ response", AES128CCM, "8FE2B57EC34D2DB5B1A9727F526BBDB5", `
			FE534D4240000100000000000800210009000000000000000500000000000000
			FFFE0000010000001100001400E4080000000000000000000000000000000000
			11005000170000000000000000000000536D623320656E6372797074696F6E20
			74657374696E67`, `
			FD534D42ABD518B68C2F04D7879F482B689EB83F870000000000000011000014
			00E4080067000000000001001100001400E40800493D6FE2BDBEB435CF5F5469
			70C7BB57BF20E713C75A3D045507E0D68E5C0346659D6FFB8AC1504A786CA2BB
			89C9E7FE4F313E910A04180D2D0EA7DF636329E5A3285984500EF86FE9D55DA4
			FAB9531CFDD4C551D47F3C73124BB4590A45052B694048B991CCF5`},
		{"3.1.1 WRITE response", AES128GCM, "748C50868C90F302962A5C35F5F9A8BF", `
			FE534D4240000100000000000900010001000000000000000500000000000000FFFE000001000000
			25000000001000000000000000000000000000000000000011000000170000000000000000000000`, `
			FD534D42ACBE1CB7ED343ADF1725EF144D90D4B0E06831DD2E8EB7B4000000000000000050000000
			00000100250000000010000026BBBF949983A6C1C796559D0F2C510CB651D1F7B6AC8DED32A2A0B8
			F2D793A815C6F6B848D69767A215841A42D400AE6DDB5F0B44173A014973321FDD7950DA6179159B
			82E03C9E18A050FF0EA1C967`},
		{"3.1.1 READ request", AES128GCM, "A2F5E80E5D59103034F32E52F698E5EC", `
			FE534D4240000100000000000800010008000000000000000600000000000000FFFE000001000000
			25000000001000000000000000000000000000000000000031000000170000000000000000000000
			060000000400000001000000040000000000000000000000000000000000000000`, `
			FD534D426DAC0B6FD85A3ED42BB917DA38FE0386D7AA8C6D36859243B715E0A60000000071000000
			00000100250000000010000088A47BF09CA3C3141CDD7306BE9D9475AB24FCCB833D77461C041F8F
			B983D0C188F0729272B31D9D3D0DC6B687C069EEE0CC8EACA2C536D019ACC9E185D1EB630E0FCB79
			3EEECEB06D82A1D77706E700DBEBFB4FEB54D7AD2D97E7288804F90757FE4D08D6A84A3FF433E745
			1E768E4699`},
		{"3.1.1 READ response", AES128GCM, "748C50868C90F302962A5C35F5F9A8BF", `
			FE534D4240000100000000000800010001000000000000000600000000000000FFFE000001000000
			25000000001000000000000000000000000000000000000011005000170000000000000000000000
			536D623320656E6372797074696F6E2074657374696E67`, `
			FD534D427F714B3B9D8FA1198584E71C2BAA1CB6E16831DD2E8EB7B4000000000000000067000000
			000001002500000000100000FECEDF4D03BB11A6CC5D8A53BE33D6D8701986342B4197D306E16F9C
			BB218E92F7F8281F51CE68BB85A20D87DE90EBBF80538066D1C37513C0A58D70936D537B624F5500
			202A612B6CD30D448A82791A0B2E049ED512AFAEFB06E98AB3D6F931D7D50DB2DBD36A`},
	} {
		s, err := NewSealer(c.cipher, unhex(t, c.key))
		if err != nil {
			t.Fatal(err)
		}
		sealed := unhex(t, c.want)
		frame := bytes.Clone(sealed)
		if err := s.Open(frame); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		wantHex(t, c.name, frame[52:], c.plain)
		clear(frame[4:20])
		s.Seal(frame)
		if !bytes.Equal(frame, sealed) {
			t.Errorf("%s: sealed\n%x, want\n%x", c.name, frame, sealed)
		}
	}
}

// Round trips over the lengths where blocks end, and what the assembly takes at once, with tail room and without.
func TestSealOpen(t *testing.T) {
	lengths := []int{0, 1, 15, 16, 17, 31, 32, 33, 64, 100, chunk - 1, chunk, chunk + 1, 2*chunk + 16, 3*chunk + 5, 70000}
	for _, c := range ciphers {
		s := newSealer(t, c)
		for _, n := range lengths {
			plain := plainFrame(c, n)
			roomy, tight := slices.Clone(plain), slices.Clip(slices.Clone(plain))
			roomy = slices.Grow(roomy, Size)
			s.Seal(roomy)
			s.Seal(tight)
			if !bytes.Equal(roomy, tight) {
				t.Fatalf("%v, %d bytes: the room behind makes a difference", c, n)
			}
			if n >= 16 && bytes.Equal(roomy[52:], plain[52:]) {
				t.Fatalf("%v, %d bytes: not encrypted", c, n)
			}
			for _, f := range [][]byte{roomy, tight} {
				if err := s.Open(f); err != nil || !bytes.Equal(f[52:], plain[52:]) {
					t.Fatalf("%v, %d bytes: %v", c, n, err)
				}
			}
		}
	}
}

func TestOpenTamper(t *testing.T) {
	for _, c := range ciphers {
		s := newSealer(t, c)
		for _, n := range []int{0, 1, 16, 90} {
			plain := plainFrame(c, n)
			sealed := slices.Clone(plain)
			s.Seal(sealed)
			for i := offTag; i < len(sealed); i++ { // the ProtocolId isn't authenticated
				for _, room := range []int{0, Size} {
					f := make([]byte, len(sealed), len(sealed)+room)
					copy(f, sealed)
					f[i] ^= 1 << (i % 8)
					if err := s.Open(f); !errors.Is(err, ErrAuthentication) {
						t.Fatalf("%v, %d bytes: change at %d: %v", c, n, i, err)
					}
					if n >= 16 && bytes.Contains(f[52:], plain[53:60]) {
						t.Fatalf("%v: plaintext left behind", c)
					}
				}
			}
			for cut := range len(sealed) {
				if s.Open(slices.Clone(sealed[:cut])) == nil {
					t.Fatalf("%v: opened %d of %d bytes", c, cut, len(sealed))
				}
			}
			if s.Open(append(slices.Clone(sealed), 0)) == nil {
				t.Fatalf("%v: opened with a byte more", c)
			}
		}
	}
}

func TestNewSealerErrors(t *testing.T) {
	for _, c := range []struct {
		c Cipher
		n int
	}{{0, 16}, {5, 16}, {AES128CCM, 32}, {AES128GCM, 15}, {AES256CCM, 16}, {AES256GCM, 24}, {AES256GCM, 0}} {
		if s, err := NewSealer(c.c, make([]byte, c.n)); err == nil || s != nil {
			t.Errorf("%v with %d bytes accepted", c.c, c.n)
		}
	}
	if Cipher(0).KeyLen() != 0 || Cipher(9).NonceLen() != 0 {
		t.Error("unknown ciphers have lengths")
	}
}

func TestSealerConcurrent(t *testing.T) {
	for _, c := range ciphers {
		s := newSealer(t, c)
		var wg sync.WaitGroup
		for g := range 4 {
			wg.Go(func() {
				for i := range 100 {
					f := plainFrame(c, i*37)
					binary.LittleEndian.PutUint32(f[offNonce:], uint32(g<<16|i))
					want := slices.Clone(f[52:])
					s.Seal(f)
					if err := s.Open(f); err != nil || !bytes.Equal(f[52:], want) {
						t.Errorf("%v: %v", c, err)
						return
					}
				}
			})
		}
		wg.Wait()
	}
}

func TestSealerAllocs(t *testing.T) {
	if raceEnabled {
		t.Skip("sync.Pool drops at random under the race detector")
	}
	for _, c := range ciphers {
		s := newSealer(t, c)
		f := plainFrame(c, 70000)
		if n := testing.AllocsPerRun(50, func() { s.Seal(f) }); n != 0 {
			t.Errorf("%v: Seal allocates %v times", c, n)
		}
		clear(f[offTag:offNonce])
		s.Seal(f)
		sealed := slices.Clone(f)
		if n := testing.AllocsPerRun(50, func() {
			copy(f, sealed)
			if s.Open(f) != nil {
				t.Fatal("refused")
			}
		}); n != 0 {
			t.Errorf("%v: Open allocates %v times", c, n)
		}
	}
}

func FuzzOpen(f *testing.F) {
	for _, c := range ciphers {
		frame := plainFrame(c, 40)
		s, _ := NewSealer(c, upTo(c.KeyLen()))
		s.Seal(frame)
		f.Add(frame)
	}
	f.Add([]byte{})
	f.Add(make([]byte, 51))
	f.Add(make([]byte, 52))
	f.Fuzz(func(t *testing.T, frame []byte) {
		for _, c := range ciphers {
			s := newSealer(t, c)
			got := slices.Clone(frame)
			if s.Open(got) != nil {
				continue
			}
			s.Seal(got)
			if !bytes.Equal(got, frame) {
				t.Fatalf("%v: opened what it doesn't seal", c)
			}
		}
	})
}
