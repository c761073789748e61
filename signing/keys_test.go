package signing

import (
	"bytes"
	"testing"
)

func TestCounterMode(t *testing.T) {
	// NIST's KDF validation suite (SP 800-108): HMAC-SHA256, counter of 32 bits before the fixed data.
	key := unhex(t, "dd1d91b7d90b2bd3138533ce92b272fbf8a369316aefe242e659cc0ae238afe0")
	fixed := unhex(t, "01322b96b30acd197979444e468e1c5c6859bf1b1cf951b7e725303e237e46b864a145fab25e517b08f8683d0315bb2911d80a0e8aba17f3b413faac")
	wantHex(t, "output", counterMode(key, fixed, 16), "10621342bfb0fd40046c0e29f2cfdbf0")
}

func checkKeys(t *testing.T, k Keys, signing, out, in, app string) {
	t.Helper()
	wantHex(t, "Signing", k.Signing, signing)
	wantHex(t, "ServerOut", k.ServerOut, out)
	wantHex(t, "ServerIn", k.ServerIn, in)
	wantHex(t, "Application", k.Application, app)
}

// Examples of the Microsoft Open Specifications blog: "Encryption in SMB 3.0: A protocol perspective" and "SMB 2 and SMB 3
// security in Windows 10: the anatomy of signing and cryptographic keys".
func TestDeriveKeysMicrosoftExamples(t *testing.T) {
	key := unhex(t, "B4546771B515F766A86735532DD6C4F0")
	checkKeys(t, DeriveKeys(0x0300, 0, key, key, nil), "F773CD23C18FD1E08EE510CADA7CF852",
		"8FE2B57EC34D2DB5B1A9727F526BBDB5", "261B72350558F2E9DCF613070383EDBF", "77432F808CE99156B5BC6A3676D730D1")

	key = unhex(t, "7CD451825D0450D235424E44BA6E78CC")
	checkKeys(t, DeriveKeys(0x0302, AES256GCM, key, nil, nil), "0B7E9C5CAC36C0F6EA9AB275298CEDCE",
		"B0F0427F7CEB416D1D9DCC0CD4F99447", "FAD27796665B313EBB578F388632B4F7", "BB23A4575AA26C721AF525AF15A87B4F")

	key = unhex(t, "270E1BA896585EEB7AF3472D3B4C75A7")
	h := PreauthHash(unhex(t, `
		0DD13628CC3ED218EF9DF9772D436D0887AB9814BFAE63A80AA845F36909DB7928622DDDAD522D97
		51640A459762C5A9D6BB084CBB3CE6BDADEF5D5BCE3C6C01`))
	checkKeys(t, DeriveKeys(0x0311, AES128GCM, key, key, &h), "73FE7A9A77BEF0BDE49C650D8CCB5F76",
		"E2AF0DCEFAC68DA71A0DFBD0D1350D74", "629BCBC54422A0F572B97F45989B6073", "6D7AD7954E9EC61E907B4D473DC178FF")
}

func TestDeriveKeys2x(t *testing.T) {
	for _, dialect := range []uint16{0x0202, 0x0210} {
		long := upTo(32)
		k := DeriveKeys(dialect, 0, long, long, nil)
		if !bytes.Equal(k.Signing, long[:16]) || !bytes.Equal(k.Application, long[:16]) || k.ServerIn != nil || k.ServerOut != nil {
			t.Errorf("%#x: %x", dialect, k)
		}
		k = DeriveKeys(dialect, 0, upTo(8), upTo(8), nil)
		if !bytes.Equal(k.Signing, append(upTo(8), make([]byte, 8)...)) {
			t.Errorf("%#x: a short key becomes %x", dialect, k.Signing)
		}
		k.Signing[0] ^= 0xFF
		if k.Application[0] != 1 {
			t.Error("the keys share memory")
		}
	}
}

func TestDeriveKeys311(t *testing.T) {
	var h PreauthHash
	full := upTo(32)
	none := DeriveKeys(0x0311, 0, full, full, &h)
	small := DeriveKeys(0x0311, AES128CCM, full, full, &h)
	large := DeriveKeys(0x0311, AES256GCM, full, full, &h)
	if none.ServerIn != nil || none.ServerOut != nil {
		t.Error("cipher keys without a cipher")
	}
	for _, k := range []Keys{none, small, large} {
		if !bytes.Equal(k.Signing, none.Signing) || len(k.Signing) != 16 || !bytes.Equal(k.Application, none.Application) || len(k.Application) != 16 {
			t.Errorf("signing or application key depends on the cipher: %x", k)
		}
	}
	if len(small.ServerIn) != 16 || len(small.ServerOut) != 16 || len(large.ServerIn) != 32 || len(large.ServerOut) != 32 {
		t.Error("lengths of cipher keys")
	}
	// Only the AES-256 keys see what follows the first 16 bytes.
	other := upTo(32)
	other[31]++
	if got := DeriveKeys(0x0311, AES128CCM, other, other, &h); !bytes.Equal(got.ServerIn, small.ServerIn) || !bytes.Equal(got.Signing, none.Signing) {
		t.Error("AES-128 keys depend on the full session key")
	}
	if got := DeriveKeys(0x0311, AES256GCM, full, other, &h); bytes.Equal(got.ServerIn, large.ServerIn) {
		t.Error("AES-256 keys don't depend on the full session key")
	}
	if got := DeriveKeys(0x0311, AES256GCM, full, nil, &h); !bytes.Equal(got.ServerIn, large.ServerIn) {
		t.Error("no full session key isn't the session key")
	}
	for i := range h {
		h[i] = byte(i)
	}
	got := DeriveKeys(0x0311, AES256CCM, unhex(t, "270E1BA896585EEB7AF3472D3B4C75A7"), nil, &h) // computed with Python's hmac
	wantHex(t, "ServerIn", got.ServerIn, "c273f0de35671e766ef5106b605054d70385f9237f1327662763de8ac2444317")
	wantHex(t, "ServerOut", got.ServerOut, "92c09bc2750b2d625b87a128cc31c3cf49f606be18dec06f80699a8dfd0c692f")
	if got := DeriveKeys(0x0311, AES256GCM, full, full, &h); bytes.Equal(got.Signing, large.Signing) {
		t.Error("the signing key doesn't depend on the preauth hash")
	}
}

// The first steps of the chain in "SMB 3.1.1 Encryption in Windows 10" (from zero) and in "the anatomy of signing and
// cryptographic keys" (one SESSION_SETUP request further).
func TestPreauthHash(t *testing.T) {
	var h PreauthHash
	h = h.Extend(unhex(t, `
		FE534D4240000100000000000000010000000000000000000000000000000000FFFE000000000000
		00000000000000000000000000000000000000000000000024000500010000006600000078EA16AC
		6877C34A95F7160F73EA377270000000020000000202100200030203110300000100260000000000
		0100200001001A05A92392E1554C072AE7B186EE7DC02CB90BEF2E639CCC94B7A9DC7B3934420000
		0200060000000000020001000200`))
	wantHex(t, "NEGOTIATE", h[:], `
		A3A8A769FEA693B3D037406EF945E115D2B7A4A9318564D2CAAA4B1FE0EC36D8D92A4802619EDCF2
		9E2410534D2D3749E71F76ADF5212F959210D291097A6355`)

	h = PreauthHash(unhex(t, `
		324BFA92A4F3A190E466EBEA08D9C110DC88BFED758D9846ECC6F541CC1D02AE3C94A79F36011E99
		7E13F841B91B50957AD07B19C8E2539C0B23FDAE09D2C513`))
	before := h
	next := h.Extend(unhex(t, `
		FE534D4240000100000000000100800000000000000000000200000000000000FFFE000000000000
		00000000000000000000000000000000000000000000000019000001010000000000000058004A00
		0000000000000000604806062B0601050502A03E303CA00E300C060A2B06010401823702020AA22A
		04284E544C4D5353500001000000978208E200000000000000000000000000000000060380250000
		000F`))
	wantHex(t, "SESSION_SETUP", next[:], `
		AC0B0F2B9986257700365E416D142A6EDC96DF03594A19E52A15F6BD0D041CD5D432F8ED42C55E33
		197A50C9EC00F1462B50C592211B1471A04B56088FDFD5F9`)
	if h != before {
		t.Error("Extend changed its receiver")
	}
}
