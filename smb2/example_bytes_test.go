package smb2

import (
	"bytes"
	"encoding/hex"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// The examples of [MS-SMB2] section 4 give the fields; these are their bytes.

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.NewReplacer(" ", "", "\n", "", "\t", "").Replace(s))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func checkBytes[T appender](t *testing.T, h Header, want T, parse func([]byte) (T, error), dump string) {
	t.Helper()
	b := unhex(t, dump)
	if got := want.Append(h.Append(nil)); !bytes.Equal(got, b) {
		t.Errorf("%T: got\n%s, want\n%s", want, hex.Dump(got), hex.Dump(b))
	}
	if got, err := ParseHeader(b); err != nil || got != h {
		t.Errorf("%T: header %+v, %v, want %+v", want, got, err, h)
	}
	if got, err := parse(b); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
}

// [MS-SMB2] 4.3.
func TestExampleNegotiate(t *testing.T) {
	checkBytes(t, Header{Command: CommandNegotiate, Credits: 126},
		NegotiateRequest{SecurityMode: SigningEnabled, Dialects: []Dialect{Dialect202}}, ParseNegotiateRequest, `
		FE534D42 4000 0000 00000000 0000 7E00 00000000 00000000
		0000000000000000 00000000 00000000 0000000000000000
		00000000000000000000000000000000
		2400 0100 0100 0000 00000000 00000000000000000000000000000000
		0000000000000000 0202`)
	checkBytes(t, Header{Command: CommandNegotiate, Credits: 1, Flags: FlagServerToRedir},
		NegotiateResponse{SecurityMode: SigningEnabled, Dialect: Dialect202,
			ServerGUID:   GUID{0x09, 0xF2, 0x5C, 0x3F, 0xE5, 0xA4, 0x49, 0x00, 0xA7, 0xD6, 0x6A, 0x45, 0x6D, 0x5C, 0xA5, 0xCF},
			Capabilities: CapDFS, MaxTransactSize: 65536, MaxReadSize: 65536, MaxWriteSize: 65536,
			SystemTime: 127972992061679232, ServerStartTime: 127972985895467232,
			SecurityBuffer: bytes.Repeat([]byte{0xAB}, 30)}, ParseNegotiateResponse, `
		FE534D42 4000 0000 00000000 0000 0100 01000000 00000000
		0000000000000000 00000000 00000000 0000000000000000
		00000000000000000000000000000000
		4100 0100 0202 0000 09F25C3FE5A44900A7D66A456D5CA5CF 01000000
		00000100 00000100 00000100 8026AE1CC2A6C601 E03825ADC0A6C601
		8000 1E00 00000000 `+strings.Repeat("AB", 30))
}

// [MS-SMB2] 4.5.
func TestExampleCreateAndRead(t *testing.T) {
	const session = 0x40000000011
	id := FileID{Persistent: 17, Volatile: 0xFFFFFFFF00000009}
	checkBytes(t, Header{Command: CommandCreate, Credits: 111, MessageID: 10, TreeID: 5, SessionID: session},
		CreateRequest{OplockLevel: OplockBatch, Impersonation: ImpersonationImpersonation, DesiredAccess: 0x00120089,
			FileAttributes: 0x80, ShareAccess: ShareRead | ShareWrite, Disposition: Open,
			Options: OptionNonDirectoryFile | OptionSynchronousIONonAlert, Name: "testfile.txt"}, ParseCreateRequest, `
		FE534D42 4000 0000 00000000 0500 6F00 00000000 00000000
		0A00000000000000 00000000 05000000 1100000000040000
		00000000000000000000000000000000
		3900 00 09 02000000 0000000000000000 0000000000000000
		89001200 80000000 03000000 01000000 60000000 7800 1800 00000000 00000000
		740065007300740066006900 6C0065002E00740078007400`)
	checkBytes(t, Header{Command: CommandCreate, Credits: 1, Flags: FlagServerToRedir, MessageID: 10, TreeID: 5, SessionID: session},
		CreateResponse{OplockLevel: OplockBatch, Flags: 9, Action: ActionOpened, CreationTime: 127972992877715232,
			LastAccessTime: 127972992923579232, LastWriteTime: 127972992923579232, ChangeTime: 127972992923579232,
			AllocationSize: 104, EndOfFile: 98, FileAttributes: 0x20, FileID: id}, ParseCreateResponse, `
		FE534D42 4000 0000 00000000 0500 0100 01000000 00000000
		0A00000000000000 00000000 05000000 1100000000040000
		00000000000000000000000000000000
		5900 09 09 01000000 20DF514DC2A6C601 60B30D50C2A6C601 60B30D50C2A6C601 60B30D50C2A6C601
		6800000000000000 6200000000000000 20000000 00000000
		1100000000000000 09000000FFFFFFFF 00000000 00000000`)
	checkBytes(t, Header{Command: CommandRead, Credits: 111, MessageID: 11, TreeID: 5, SessionID: session},
		ReadRequest{Padding: 80, Length: 98, FileID: id}, ParseReadRequest, `
		FE534D42 4000 0000 00000000 0800 6F00 00000000 00000000
		0B00000000000000 00000000 05000000 1100000000040000
		00000000000000000000000000000000
		3100 50 00 62000000 0000000000000000 1100000000000000 09000000FFFFFFFF
		00000000 00000000 00000000 0000 0000 00`)
}

// [MS-SMB2] 4.1, whose ByteCount is 109.
func TestExampleSMB1Negotiate(t *testing.T) {
	dialects := []string{"PC NETWORK PROGRAM 1.0", "LANMAN1.0", "Windows for Workgroups 3.1a",
		"LM1.2X002", "LANMAN2.1", "NT LM 0.12", SMB1DialectSMB2002}
	b := AppendSMB1Negotiate(nil, dialects)
	head := unhex(t, "FF534D42 72 00000000 18 53C8 0000 0000000000000000 0000 FFFF FFFE 0000 0000 00 6D00 02")
	if !bytes.HasPrefix(b, head) || len(b) != 35+109 {
		t.Fatalf("got\n%s", hex.Dump(b))
	}
	if !IsSMB1(b) || IsSMB1(Header{}.Append(nil)) || IsSMB1(b[:3]) {
		t.Error("IsSMB1 is wrong")
	}
	got, err := ParseSMB1Negotiate(b)
	if err != nil || !slices.Equal(got, dialects) {
		t.Errorf("dialects %q, %v", got, err)
	}
}

// [MS-SMB2] 2.2.2.2.1.1, the absolute link: what its text says of the fields.
func TestExampleSymlink(t *testing.T) {
	const target = `\??\D:\DonHall\MiscDocuments\PDocs`
	b := SymlinkError{UnparsedPathLength: 0x2E, SubstituteName: target, PrintName: target[4:]}.Append(nil)
	want := unhex(t, "9C000000 53594D4C 0C0000A0 9000 2E00 0000 4400 4400 3C00 00000000 5C003F003F005C00")
	// PathBuffer has 0x44 + 0x3C bytes.
	want[0], want[12] = byte(28-4+0x80), 12+0x80
	if !bytes.HasPrefix(b, want) || len(b) != 28+0x80 {
		t.Fatalf("got\n%s, want\n%s", hex.Dump(b), hex.Dump(want))
	}
}
