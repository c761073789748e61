package smb2

import (
	"encoding/hex"
	"reflect"
	"testing"
)

var (
	testOwner = []byte{1, 2, 0, 0, 0, 0, 0, 22, 1, 0, 0, 0, 0xe8, 3, 0, 0} // S-1-22-1-1000
	testGroup = []byte{1, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0}                 // S-1-1-0
)

func testPosixCreate() PosixCreateResponse {
	return PosixCreateResponse{2, ReparseTagSymlink, PosixTypeSymlink | 0o644, testOwner, testGroup}
}

func FuzzParsePosixExtensions(f *testing.F) {
	fuzzContext(f, ParsePosixExtensions, PosixExtensions{[]string{PosixGUID}}, PosixExtensions{[]string{"0123456789abcdef", PosixGUID}})
}

func FuzzParsePosixCreateRequest(f *testing.F) {
	fuzzContext(f, ParsePosixCreateRequest, PosixCreateRequest{0o644})
}

func FuzzParsePosixCreateResponse(f *testing.F) {
	fuzzContext(f, ParsePosixCreateResponse, testPosixCreate())
}

func FuzzParseFilePosixInformation(f *testing.F) {
	fuzzCodec(f, ParseFilePosixInformation, posixFixed+28, FilePosixInformation{1, 2, 3, 4, 5, 6, 7, 8, 9, testPosixCreate()})
}

func FuzzParseFsPosixInformation(f *testing.F) {
	fuzzCodec(f, ParseFsPosixInformation, 56, FsPosixInformation{1, 2, 3, 4, 5, 6, 7, 8})
}

// An entry of a listing as cifs.ko takes it apart, struct smb2_posix_info.
func TestPosixDirectoryList(t *testing.T) {
	l, err := NewDirectoryList(ClassFilePosixInformation, []byte("xyz"), 4096)
	if err != nil {
		t.Fatal(err)
	}
	e := testEntry()
	e.EASize, e.ShortName, e.FileIDHigh = 0, "", 0
	e.DeviceID, e.Posix = 11, testPosixCreate()
	e.Name = "b"
	for range 2 {
		if !l.Add(&e) {
			t.Fatal("the entry doesn't fit")
		}
	}
	got, err := ParseDirectoryList(ClassFilePosixInformation, l.Bytes()[3:])
	if want := []DirectoryEntry{e, e}; err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v\nwant %+v", got, err, want)
	}
	const (
		entry = "01000000" +
			"0200000000000000" + "0300000000000000" + "0400000000000000" + "0500000000000000" +
			"0600000000000000" + "0700000000000000" + "00040000" + "0900000000000000" + "0b000000" + "00000000" +
			"02000000" + "0c0000a0" + "a4210000" +
			"0102000000000016" + "01000000" + "e8030000" + "0101000000000001" + "00000000" +
			"02000000" + "6200"
		first = "80000000" + entry + "000000000000"
		last  = "00000000" + entry
	)
	if got := hex.EncodeToString(l.Bytes()[3:]); got != first+last {
		t.Errorf("bytes\n%s, want\n%s", got, first+last)
	}
	for max, want := range map[int]bool{len(last)/2 - 1: false, len(last) / 2: true} {
		l, _ := NewDirectoryList(ClassFilePosixInformation, nil, max)
		if got := l.Add(&e); got != want || !want && len(l.Bytes()) > 0 {
			t.Errorf("added to %d bytes: %v", max, got)
		}
	}
}

// A SID may be as long as 68 bytes, and whoever says it is longer lies.
func TestPosixSIDBounds(t *testing.T) {
	long := make([]byte, 8+15*4)
	long[0], long[1] = 1, 15
	r := PosixCreateResponse{Owner: long, Group: testGroup}
	b := r.Append(nil)
	if got, err := ParsePosixCreateResponse(b); err != nil || !reflect.DeepEqual(got, r) {
		t.Errorf("%+v, %v", got, err)
	}
	for at, v := range map[int]byte{12: 2, 13: 16, 12 + 68: 0, 13 + 68: 2} {
		bad := append([]byte(nil), b...)
		bad[at] = v
		if got, err := ParsePosixCreateResponse(bad); err == nil {
			t.Errorf("byte %d is %d: parsed %+v", at, v, got)
		}
	}
}
