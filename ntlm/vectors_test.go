package ntlm

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"
)

// The values of [MS-NLMP] 4.2. Those made of the LM hash (4.2.2.1.1, 4.2.2.2.2
// and the keys with LM_KEY or NON_NT_SESSION_KEY) are missing since the package
// has no LM hash.

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.NewReplacer(" ", "", "\n", "", "\t", "").Replace(s))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func equal(t *testing.T, what string, got []byte, want string) {
	t.Helper()
	if !bytes.Equal(got, unhex(t, want)) {
		t.Errorf("%s = % x, want %s", what, got, want)
	}
}

var (
	vectorNonce  = [8]byte{0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef}
	vectorClient = bytes.Repeat([]byte{0xaa}, 8)
	vectorRandom = [16]byte(bytes.Repeat([]byte{0x55}, 16))
	vectorPlain  = []byte("P\x00l\x00a\x00i\x00n\x00t\x00e\x00x\x00t\x00")
)

const (
	vectorAuthV1 = `4e 54 4c 4d 53 53 50 00 03 00 00 00 18 00 18 00
		6c 00 00 00 18 00 18 00 84 00 00 00 0c 00 0c 00
		48 00 00 00 08 00 08 00 54 00 00 00 10 00 10 00
		5c 00 00 00 10 00 10 00 9c 00 00 00 35 82 80 e2
		05 01 28 0a 00 00 00 0f 44 00 6f 00 6d 00 61 00
		69 00 6e 00 55 00 73 00 65 00 72 00 43 00 4f 00
		4d 00 50 00 55 00 54 00 45 00 52 00 98 de f7 b8
		7f 88 aa 5d af e2 df 77 96 88 a1 72 de f1 1c 7d
		5c cd ef 13 67 c4 30 11 f3 02 98 a2 ad 35 ec e6
		4f 16 33 1c 44 bd be d9 27 84 1f 94 51 88 22 b1
		b3 f3 50 c8 95 86 82 ec bb 3e 3c b7`
	vectorAuthV1Extended = `4e 54 4c 4d 53 53 50 00 03 00 00 00 18 00 18 00
		6c 00 00 00 18 00 18 00 84 00 00 00 0c 00 0c 00
		48 00 00 00 08 00 08 00 54 00 00 00 10 00 10 00
		5c 00 00 00 00 00 00 00 9c 00 00 00 35 82 08 82
		05 01 28 0a 00 00 00 0f 44 00 6f 00 6d 00 61 00
		69 00 6e 00 55 00 73 00 65 00 72 00 43 00 4f 00
		4d 00 50 00 55 00 54 00 45 00 52 00 aa aa aa aa
		aa aa aa aa 00 00 00 00 00 00 00 00 00 00 00 00
		00 00 00 00 75 37 f8 03 ae 36 71 28 ca 45 82 04
		bd e7 ca f8 1e 97 ed 26 83 26 72 32`
	vectorAuthV2 = `4e 54 4c 4d 53 53 50 00 03 00 00 00 18 00 18 00
		6c 00 00 00 54 00 54 00 84 00 00 00 0c 00 0c 00
		48 00 00 00 08 00 08 00 54 00 00 00 10 00 10 00
		5c 00 00 00 10 00 10 00 d8 00 00 00 35 82 88 e2
		05 01 28 0a 00 00 00 0f 44 00 6f 00 6d 00 61 00
		69 00 6e 00 55 00 73 00 65 00 72 00 43 00 4f 00
		4d 00 50 00 55 00 54 00 45 00 52 00 86 c3 50 97
		ac 9c ec 10 25 54 76 4a 57 cc cc 19 aa aa aa aa
		aa aa aa aa 68 cd 0a b8 51 e5 1c 96 aa bc 92 7b
		eb ef 6a 1c 01 01 00 00 00 00 00 00 00 00 00 00
		00 00 00 00 aa aa aa aa aa aa aa aa 00 00 00 00
		02 00 0c 00 44 00 6f 00 6d 00 61 00 69 00 6e 00
		01 00 0c 00 53 00 65 00 72 00 76 00 65 00 72 00
		00 00 00 00 00 00 00 00 c5 da d2 54 4f c9 79 90
		94 ce 1c e9 0b c9 d0 3e`
)

// vectorLogon runs an AUTHENTICATE_MESSAGE of 4.2 through the parser, the check
// of the password and the derivation of the session key.
func vectorLogon(t *testing.T, msg string, offered flags) (*authenticate, *acceptor) {
	t.Helper()
	m, err := parseAuthenticate(unhex(t, msg), offered)
	if err != nil {
		t.Fatal(err)
	}
	if m.user != "User" || m.domain != "Domain" || m.workstation != "COMPUTER" {
		t.Errorf("names are %q %q %q", m.user, m.domain, m.workstation)
	}
	a := &acceptor{mech: &Mechanism{Accounts: Static{"user": {Password: "Password"}}, NTLMv1: true, Logger: quiet}}
	a.offered.nonce = vectorNonce
	at, err := a.attempt(m)
	if err != nil {
		t.Fatal(err)
	}
	if err := a.logon(t.Context(), m, at); err != nil {
		t.Fatal(err)
	}
	return m, a
}

// seal is SEAL of 3.4.3 by the client. As the server, an acceptor can open it.
func seal(t *testing.T, exported [16]byte, f flags) (data, sig []byte) {
	t.Helper()
	d, err := newDirection(exported, f, clientSide)
	if err != nil {
		t.Fatal(err)
	}
	data = make([]byte, len(vectorPlain))
	d.stream.XORKeyStream(data, vectorPlain)
	sig = d.mac(vectorPlain)
	opened := bytes.Clone(data)
	server := &acceptor{keyed: true, exported: exported, flags: f}
	if err := server.Unseal(sig, nil, opened, nil); err != nil || !bytes.Equal(opened, vectorPlain) {
		t.Errorf("unsealed % x, %v", opened, err)
	}
	return data, sig
}

func TestVectorsNTLMv1(t *testing.T) { // 4.2.2
	nt := HashOf("Password")
	equal(t, "NTOWFv1", nt[:], "a4f49c406510bdcab6824ee7c30fd852")
	base := sessionBaseV1(nt)
	equal(t, "SessionBaseKey", base[:], "d87262b0cde4b1cb7499becccdf10784")
	r, err := responseV1(nt, vectorNonce, nil, false)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "NtChallengeResponse", r[:], "67c43011f30298a2ad35ece64f16331c44bdbed927841f94")

	m, a := vectorLogon(t, vectorAuthV1, 0xe2028233)
	if a.exported != vectorRandom {
		t.Errorf("session key = % x", a.exported)
	}
	data, sig := seal(t, a.exported, m.flags)
	equal(t, "sealed", data, "56fe04d861f9319af0d7238a2e3b4d457fb8")
	equal(t, "signature", sig, "0100000045c844e509dcd1df2e459d36")
}

func TestVectorsNTLMv1Extended(t *testing.T) { // 4.2.3
	nt := HashOf("Password")
	lm := append(bytes.Clone(vectorClient), make([]byte, 16)...)
	r, err := responseV1(nt, vectorNonce, lm, true)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "NtChallengeResponse", r[:], "7537f803ae367128ca458204bde7caf81e97ed2683267232")

	m, a := vectorLogon(t, vectorAuthV1Extended, 0x820a8233)
	equal(t, "session key", a.exported[:], "eb93429a8bd952f8b89c55b87f475edc")
	sealing, signing := sealKey(a.exported, m.flags, clientSide), signKey(a.exported, clientSide)
	equal(t, "SEALKEY", sealing[:], "04dd7f014d8504d265a25cc86a3a7c06")
	equal(t, "SIGNKEY", signing[:], "60e799be5c72fc92922ae8ebe961fb8d")
	data, sig := seal(t, a.exported, m.flags)
	equal(t, "sealed", data, "a02372f6530273f3aa1eb90190ce5200c99d")
	equal(t, "signature", sig, "01000000ff2aeb52f681793a00000000")
}

func TestVectorsNTLMv2(t *testing.T) { // 4.2.4
	key := ntowfv2(HashOf("Password"), "User", "Domain")
	equal(t, "NTOWFv2", key[:], "0c868a403bfd7a93a3001ef22ef02e3f")
	lm := proofV2(key, vectorNonce, vectorClient)
	equal(t, "LMv2", lm[:], "86c35097ac9cec102554764a57cccc19")

	m, a := vectorLogon(t, vectorAuthV2, 0xe28a8233)
	proof := proofV2(key, vectorNonce, m.nt[16:])
	equal(t, "NTProofStr", proof[:], "68cd0ab851e51c96aabc927bebef6a1c")
	base := sessionBaseV2(key, proof)
	equal(t, "SessionBaseKey", base[:], "8de40ccadbc14a82f15cb0ad0de95ca3")
	if a.exported != vectorRandom {
		t.Errorf("session key = % x", a.exported)
	}
	sealing, signing := sealKey(a.exported, m.flags, clientSide), signKey(a.exported, clientSide)
	equal(t, "SEALKEY", sealing[:], "59f600973cc4960a25480a7c196e4c58")
	equal(t, "SIGNKEY", signing[:], "4788dc861b4782f35d43fd98fe1a2d39")
	data, sig := seal(t, a.exported, m.flags)
	equal(t, "sealed", data, "54e50165bf1936dc996020c1811b0f06fb5f")
	equal(t, "signature", sig, "010000007fb38ec5c55d497600000000")
}

// TestVectorChallenge makes the CHALLENGE_MESSAGE of 4.2.4.3, up to its version.
func TestVectorChallenge(t *testing.T) {
	c := challenge{flags: 0xe28a8233, nonce: vectorNonce, target: "Server"}
	c.info = appendAVString(nil, avNbDomainName, "Domain")
	c.info = appendAVString(c.info, avNbComputerName, "Server")
	c.info = appendAV(c.info, avEOL, nil)
	got := c.append(nil)
	copy(got[48:56], unhex(t, "060070170000000f"))
	equal(t, "challenge", got, `4e544c4d53535000020000000c000c00
		3800000033828ae20123456789abcdef
		00000000000000002400240044000000
		060070170000000f5300650072007600
		6500720002000c0044006f006d006100
		69006e0001000c005300650072007600
		6500720000000000`)
}
