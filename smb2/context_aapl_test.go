package smb2

import (
	"bytes"
	"reflect"
	"testing"
)

func FuzzParseAAPLRequest(f *testing.F) {
	fuzzContext(f, ParseAAPLRequest,
		AAPLRequest{Command: AAPLServerQuery, Bitmap: 7, ClientCaps: AAPLReadDirAttr | AAPLReadDirAttrV2},
		AAPLRequest{Command: AAPLResolveID, FileID: 1 << 60})
}

func FuzzParseAAPLResponse(f *testing.F) {
	fuzzContext(f, ParseAAPLResponse,
		AAPLResponse{Command: AAPLServerQuery},
		AAPLResponse{Command: AAPLServerQuery, Bitmap: AAPLVolumeCaps, VolumeCaps: AAPLFullSync},
		AAPLResponse{Command: AAPLServerQuery, Bitmap: 7, ServerCaps: AAPLCopyFile, VolumeCaps: 2, Model: "Möbel"},
		AAPLResponse{Command: AAPLResolveID, Status: StatusObjectNameNotFound},
		AAPLResponse{Command: AAPLResolveID, Path: `a\b`})
}

// TestAAPLResponseBytes compares with the example in Apple's smb_2.h.
func TestAAPLResponseBytes(t *testing.T) {
	got := AAPLResponse{Command: AAPLServerQuery, Bitmap: 7, ServerCaps: 0x0102, VolumeCaps: 3, Model: "Mac"}.Append(nil)
	want := []byte{
		1, 0, 0, 0, 0, 0, 0, 0, // command, reserved
		7, 0, 0, 0, 0, 0, 0, 0, // reply bitmap
		2, 1, 0, 0, 0, 0, 0, 0, // server capabilities
		3, 0, 0, 0, 0, 0, 0, 0, // volume capabilities
		0, 0, 0, 0, 6, 0, 0, 0, // padding, length of the model
		'M', 0, 'a', 0, 'c', 0,
	}
	if !bytes.Equal(got, want) {
		t.Errorf("got  % x\nwant % x", got, want)
	}
}

// aaplEntry is testEntry as Apple's clients get it.
func aaplEntry() DirectoryEntry {
	e := testEntry()
	e.ShortName, e.FileIDHigh, e.FileAttributes, e.EASize = "", 0, 0, 0
	e.AAPL = &AAPLEntry{MaximalAccess: 0x1F01FF, Flags: 24, ResourceSize: 3, FinderInfo: [16]byte{'S', 'M', 'B', 15: 1}, Mode: 0o100644}
	return e
}

func TestAAPLEntry(t *testing.T) {
	e := aaplEntry()
	l, err := NewDirectoryList(ClassFileIdBothDirectoryInformation, nil, 4096)
	if err != nil || !l.Add(&e) {
		t.Fatal("it doesn't fit")
	}
	// The fields lie where the size of extended attributes and the short name do.
	want := []byte{0xFF, 1, 0x1F, 0, 24, 0, 3, 0, 0, 0, 0, 0, 0, 0, 'S', 'M', 'B', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xA4, 0x81, 9, 0, 0, 0, 0, 0, 0, 0}
	if got := l.Bytes()[64:104]; !bytes.Equal(got, want) {
		t.Errorf("got  % x\nwant % x", got, want)
	}
	// A reparse point keeps its tag.
	e.FileAttributes, e.EASize = FileAttributeReparsePoint, ReparseTagSymlink
	l.Add(&e)
	list, err := ParseAAPLDirectoryList(l.Bytes())
	if err != nil || len(list) != 2 || list[1].EASize != ReparseTagSymlink || list[1].AAPL.MaximalAccess != 0 {
		t.Errorf("%+v, %v", list, err)
	}
	// Other classes don't have it.
	l, _ = NewDirectoryList(ClassFileBothDirectoryInformation, nil, 4096)
	l.Add(&e)
	if list, err := ParseDirectoryList(ClassFileBothDirectoryInformation, l.Bytes()); err != nil || list[0].EASize != ReparseTagSymlink {
		t.Errorf("%+v, %v", list, err)
	}
}

func TestPackFinderInfo(t *testing.T) {
	var info [32]byte
	for i := range info {
		info[i] = byte(i)
	}
	want := [16]byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 24, 25, 20, 21, 22, 23}
	if got := PackFinderInfo(info); got != want {
		t.Errorf("got % x, want % x", got, want)
	}
}

func FuzzParseAAPLDirectoryList(f *testing.F) {
	l, _ := NewDirectoryList(ClassFileIdBothDirectoryInformation, nil, 4096)
	e := aaplEntry()
	l.Add(&e)
	l.Add(&e)
	f.Add(l.Bytes())
	f.Fuzz(func(t *testing.T, b []byte) {
		list, err := ParseAAPLDirectoryList(b)
		if err != nil {
			return
		}
		l, _ := NewDirectoryList(ClassFileIdBothDirectoryInformation, nil, noMax)
		for i := range list {
			if !l.Add(&list[i]) {
				t.Fatal("an entry doesn't fit")
			}
		}
		again, err := ParseAAPLDirectoryList(l.Bytes())
		if err != nil || !reflect.DeepEqual(again, list) {
			t.Fatalf("\n got %+v, %v\nwant %+v", again, err, list)
		}
	})
}
