package smb2

import (
	"bytes"
	"encoding/hex"
	"reflect"
	"testing"
)

var directoryClasses = []FileInfoClass{
	ClassFileDirectoryInformation,
	ClassFileFullDirectoryInformation,
	ClassFileIdFullDirectoryInformation,
	ClassFileBothDirectoryInformation,
	ClassFileIdBothDirectoryInformation,
	ClassFileNamesInformation,
	ClassFileIdExtdDirectoryInformation,
	ClassFileId64ExtdDirectoryInformation,
	ClassFileId64ExtdBothDirectoryInformation,
	ClassFileIdAllExtdDirectoryInformation,
	ClassFileIdAllExtdBothDirectoryInformation,
}

func testEntry() DirectoryEntry {
	return DirectoryEntry{
		FileIndex: 1, CreationTime: 2, LastAccessTime: 3, LastWriteTime: 4, ChangeTime: 5,
		EndOfFile: 6, AllocationSize: 7, FileAttributes: FileAttributeReparsePoint,
		EASize: ReparseTagSymlink, ShortName: "NAME~1.TXT", FileID: 9, FileIDHigh: 10, Name: "näme.txt",
	}
}

// fieldsOf removes from e what entries of the class don't have.
func fieldsOf(class FileInfoClass, e DirectoryEntry) DirectoryEntry {
	y, _ := directoryLayout(class)
	if y.namesOnly {
		return DirectoryEntry{FileIndex: e.FileIndex, Name: e.Name}
	}
	if !y.ea {
		e.EASize = 0
	}
	if !y.short {
		e.ShortName = ""
	}
	if !y.id128 {
		e.FileIDHigh = 0
		if !y.idEarly && !y.idLate {
			e.FileID = 0
		}
	}
	return e
}

func TestDirectoryList(t *testing.T) {
	for _, class := range directoryClasses {
		y, _ := directoryLayout(class)
		// A start that isn't aligned must not matter.
		l, err := NewDirectoryList(class, []byte("xyz"), 4096)
		if err != nil {
			t.Fatal(err)
		}
		reparse := testEntry()
		plain := testEntry()
		plain.FileAttributes, plain.EASize, plain.Name = FileAttributeNormal, 11, "b"
		entries := []DirectoryEntry{reparse, plain, reparse}
		var want []DirectoryEntry
		for i := range entries {
			if !l.Add(&entries[i]) {
				t.Fatalf("%v: entry %d doesn't fit", class, i)
			}
			want = append(want, fieldsOf(class, entries[i]))
		}
		b := l.Bytes()[3:]
		first := (y.nameOffset + 16 + 7) &^ 7
		second := first + (y.nameOffset+2+7)&^7
		if len(b) != second+y.nameOffset+16 || l.Len() != 3 {
			t.Errorf("%v: %d bytes, %d entries", class, len(b), l.Len())
		}
		got, err := ParseDirectoryList(class, b)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%v:\n got %+v, %v\nwant %+v", class, got, err, want)
		}
		for n := range b {
			if _, err := ParseDirectoryList(class, b[:n:n]); err == nil && n > 0 {
				t.Errorf("%v: parsed %d of %d bytes", class, n, len(b))
			}
		}
	}
}

func TestDirectoryListBytes(t *testing.T) {
	l, err := NewDirectoryList(ClassFileIdBothDirectoryInformation, nil, 4096)
	if err != nil {
		t.Fatal(err)
	}
	e := testEntry()
	e.ShortName, e.Name = "A", "b"
	l.Add(&e)
	l.Add(&e)
	const (
		times = "0200000000000000" + "0300000000000000" + "0400000000000000" + "0500000000000000"
		rest  = "01000000" + times + "0600000000000000" + "0700000000000000" +
			"00040000" + "02000000" + "0c0000a0" + // attributes, name length, tag
			"0200" + "4100" + "0000000000000000000000000000000000000000" + "0000" + // short name
			"0000" + "0900000000000000" + "6200"
	)
	want, err := hex.DecodeString("70000000" + rest + "000000000000" + "00000000" + rest)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(l.Bytes(), want) {
		t.Errorf("got\n%x, want\n%x", l.Bytes(), want)
	}
}

func TestDirectoryListFull(t *testing.T) {
	for _, class := range directoryClasses {
		y, _ := directoryLayout(class)
		one := y.nameOffset + 16
		two := (one+7)&^7 + one
		for max, want := range map[int]int{-1: 0, 0: 0, one - 1: 0, one: 1, two - 1: 1, two: 2, two + 8: 2} {
			l, err := NewDirectoryList(class, []byte("x"), max)
			if err != nil {
				t.Fatal(err)
			}
			e := testEntry()
			for l.Add(&e) {
			}
			if l.Len() != want {
				t.Errorf("%v: %d entries in %d bytes, want %d", class, l.Len(), max, want)
			}
			before := bytes.Clone(l.Bytes())
			if l.Add(&e) || !bytes.Equal(before, l.Bytes()) || len(before)-1 > max && max >= 0 {
				t.Errorf("%v: a refused entry changed the list of %d bytes", class, max)
			}
			if got, err := ParseDirectoryList(class, l.Bytes()[1:]); err != nil || len(got) != want {
				t.Errorf("%v: parsed %d entries, %v", class, len(got), err)
			}
		}
	}
}

func TestDirectoryListLongShortName(t *testing.T) {
	l, _ := NewDirectoryList(ClassFileBothDirectoryInformation, nil, 4096)
	l.Add(&DirectoryEntry{ShortName: "THIRTEENCHARS", Name: "n"})
	got, err := ParseDirectoryList(ClassFileBothDirectoryInformation, l.Bytes())
	if err != nil || len(got) != 1 || got[0].ShortName != "" {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestDirectoryListClass(t *testing.T) {
	if _, err := NewDirectoryList(ClassFileBasicInformation, nil, 100); err != StatusInvalidInfoClass {
		t.Errorf("New: %v", err)
	}
	if _, err := ParseDirectoryList(ClassFileBasicInformation, nil); err != StatusInvalidInfoClass {
		t.Errorf("Parse: %v", err)
	}
}

func TestDirectoryListAllocs(t *testing.T) {
	buf := make([]byte, 0, 64<<10)
	e := testEntry()
	for _, class := range directoryClasses {
		if n := testing.AllocsPerRun(10, func() {
			l, _ := NewDirectoryList(class, buf, 4096)
			for l.Add(&e) {
			}
		}); n != 0 {
			t.Errorf("%v: %v allocations", class, n)
		}
	}
}

func FuzzParseDirectoryList(f *testing.F) {
	for _, class := range directoryClasses {
		l, _ := NewDirectoryList(class, nil, 4096)
		e := testEntry()
		l.Add(&e)
		l.Add(&e)
		f.Add(uint8(class), l.Bytes())
	}
	f.Fuzz(func(t *testing.T, class uint8, b []byte) {
		list, err := ParseDirectoryList(FileInfoClass(class), b)
		if err != nil {
			return
		}
		l, err := NewDirectoryList(FileInfoClass(class), nil, noMax)
		if err != nil {
			t.Fatal(err)
		}
		for i := range list {
			if !l.Add(&list[i]) {
				t.Fatal("an entry doesn't fit")
			}
		}
		again, err := ParseDirectoryList(FileInfoClass(class), l.Bytes())
		if err != nil || !reflect.DeepEqual(again, list) {
			t.Fatalf("\n got %+v, %v\nwant %+v", again, err, list)
		}
	})
}
