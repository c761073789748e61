package smb2

import (
	"encoding/hex"
	"net/netip"
	"strings"
	"testing"
)

// TestInfoBytes compares structures with bytes made by hand from the
// specification.
func TestInfoBytes(t *testing.T) {
	for _, test := range []struct {
		v    appender
		want string
	}{
		{FileBasicInformation{1, 2, FileTimeFreeze, FileTimeThaw, 0x20},
			"0100000000000000 0200000000000000 ffffffffffffffff feffffffffffffff 20000000 00000000"},
		{FileStandardInformation{0x1000, 5, 2, true, false},
			"0010000000000000 0500000000000000 02000000 01 00 0000"},
		{FileRenameInformation{true, 0, "a"},
			"01 00000000000000 0000000000000000 02000000 6100 0000"},
		{FileRenameInformation{false, 0, "abc"},
			"00 00000000000000 0000000000000000 06000000 610062006300"},
		{FileStreamInformation{{5, 8, "::$DATA"}, {1, 8, ":s:$DATA"}},
			"28000000 0e000000 0500000000000000 0800000000000000 3a003a00240044004100540041000000" +
				"00000000 10000000 0100000000000000 0800000000000000 3a0073003a002400440041005400 4100"},
		{FileFullEaInformation{{0x80, "A", []byte{1, 2}}, {0, "B", nil}},
			"0c000000 80 01 0200 41 00 0102 00000000 00 01 0000 42 00"},
		{FileNotifyInformation{{ActionFileAdded, "a"}, {ActionFileRemoved, "b"}},
			"10000000 01000000 02000000 6100 0000 00000000 02000000 02000000 6200 0000"},
		{FsVolumeInformation{1, 0x12345678, true, "v"},
			"0100000000000000 78563412 02000000 01 00 7600"},
		{FsAttributeInformation{6, 255, "XY"}, "06000000 ff000000 04000000 58005900"},
		{SrvRequestResumeKeyResponse{}, strings.Repeat("00", 32)},
		{SrvSnapshotArray{}, "00000000 00000000 02000000 00000000"},
		{SrvSnapshotArray{Number: 3, Size: 152}, "03000000 00000000 98000000 00000000"},
		{SrvSnapshotArray{Number: 1, Snapshots: []string{"@"}}, "01000000 01000000 06000000 4000 0000 0000"},
		{NetworkInterfaceInfo{{7, InterfaceRSSCapable, 1e9, netip.MustParseAddr("192.0.2.1")}},
			"00000000 07000000 01000000 00000000 00ca9a3b00000000 0200 0000 c0000201" + strings.Repeat("00", 120)},
		{SymbolicLinkReparse{"ab", "c", SymlinkFlagRelative},
			"0c0000a0 1200 0000 0000 0400 0400 0200 01000000 61006200 6300"},
		{MountPointReparse{"ab", "c"}, "030000a0 0e00 0000 0000 0400 0400 0200 61006200 6300"},
		{DuplicateExtentsDataEx{DuplicateExtentsData{FileID{1, 2}, 3, 4, 5}, 1},
			"3000000000000000 0100000000000000 0200000000000000 0300000000000000 0400000000000000 0500000000000000 01000000 00000000"},
	} {
		want, err := hex.DecodeString(strings.ReplaceAll(test.want, " ", ""))
		if err != nil {
			t.Fatal(err)
		}
		if got := test.v.Append(nil); string(got) != string(want) {
			t.Errorf("%T%+v:\n got % x\nwant % x", test.v, test.v, got, want)
		}
	}
}

// parser forgets the type that a parser returns.
func parser[T any](parse func([]byte) (T, error)) func([]byte) error {
	return func(b []byte) error {
		_, err := parse(b)
		return err
	}
}

func TestMalformedInfo(t *testing.T) {
	for _, test := range []struct {
		name  string
		parse func([]byte) error
		input string
		want  error
	}{
		{"short fixed part", parser(ParseFileEndOfFileInformation), "00000000000000", StatusInfoLengthMismatch},
		{"rename, unpadded", parser(ParseFileRenameInformation), "00000000000000000000000000000000 02000000 6100", nil},
		{"rename, padded", parser(ParseFileRenameInformation), "00000000000000000000000000000000 02000000 6100 0000", nil},
		{"rename, longer than said", parser(ParseFileRenameInformation), "00000000000000000000000000000000 04000000 6100", StatusInvalidParameter},
		{"rename, odd", parser(ParseFileRenameInformation), "00000000000000000000000000000000 01000000 61000000", StatusInvalidParameter},
		{"rename, length wraps", parser(ParseFileRenameInformation), "00000000000000000000000000000000 ffffffff 61000000", StatusInvalidParameter},
		{"name, length wraps", parser(ParseFileNameInformation), "feffffff 6100", StatusInvalidParameter},
		{"list, next into itself", parser(ParseFileNotifyInformation), "04000000 01000000 02000000 6100 0000", StatusInvalidParameter},
		{"list, next outside", parser(ParseFileNotifyInformation), "ffffffff 01000000 02000000 6100 0000", StatusInvalidParameter},
		{"list, next at the end", parser(ParseFileNotifyInformation), "10000000 01000000 02000000 6100 0000", StatusInvalidParameter},
		{"list, name into the next", parser(ParseFileNotifyInformation), "0c000000 01000000 02000000 00000000 01000000 00000000", StatusInvalidParameter},
		{"EA, value outside", parser(ParseFileFullEaInformation), "00000000 00 01 0300 41 00 0102", StatusEaListInconsistent},
		{"EA, no NUL", parser(ParseFileFullEaInformation), "00000000 00 01 0000 41 41", StatusEaListInconsistent},
		{"EA, next not aligned", parser(ParseFileFullEaInformation), "0d000000 00 01 0200 41 00 0102 00 00000000 00 01 0000 42 00", StatusEaListInconsistent},
		{"EA, next outside", parser(ParseFileFullEaInformation), "f0000000 00 01 0200 41 00 0102", StatusEaListInconsistent},
		{"EA names, no NUL", parser(ParseFileGetEaInformation), "00000000 01 41", StatusEaListInconsistent},
		{"quota, SID outside", parser(ParseFileGetQuotaInformation), "00000000 04000000 010203", StatusInvalidParameter},
		{"quota query, SID outside", parser(ParseQueryQuotaInfo), "00 00 0000 00000000 04000000 ffffffff 01020304", StatusInvalidParameter},
		{"chunks, count wraps", parser(ParseSrvCopychunkCopy), strings.Repeat("00", 24) + "abaaaaaa 00000000", StatusInvalidParameter},
		{"dialects outside", parser(ParseValidateNegotiateInfoRequest), strings.Repeat("00", 22) + "0200 0202", StatusInvalidParameter},
		{"trim, count wraps", parser(ParseFileLevelTrim), "00000000 00000010", StatusInvalidParameter},
		{"regions, count", parser(ParseFileRegions), "00000000 00000000 01000000 00000000", StatusInvalidParameter},
		{"ranges, half of one", parser(ParseFileAllocatedRanges), "0000000000000000", StatusInvalidParameter},
		{"snapshots, fewer than said", parser(ParseSrvSnapshotArray), "02000000 02000000 06000000 4000 0000 0000", StatusInvalidParameter},
		{"duplicate, short", parser(ParseDuplicateExtentsData), "00", StatusBufferTooSmall},
		{"duplicate, size", parser(ParseDuplicateExtentsDataEx), strings.Repeat("00", 56), StatusNotSupported},
		{"reparse, more than said", parser(ParseReparseDataBuffer), "140000a0 0100 0000 0102", StatusIoReparseDataInvalid},
		{"reparse, less than said", parser(ParseReparseDataBuffer), "140000a0 0300 0000 0102", StatusIoReparseDataInvalid},
		{"reparse, too long", parser(ParseReparseDataBuffer), "140000a0 f93f 0000" + strings.Repeat("00", 0x3ff9), StatusIoReparseDataInvalid},
		{"symlink, other tag", parser(ParseSymbolicLinkReparse), "030000a0 0e00 0000 0000 0400 0400 0200 61006200 6300", StatusIoReparseTagMismatch},
		{"symlink, name outside", parser(ParseSymbolicLinkReparse), "0c0000a0 0e00 0000 0200 0200 0000 0000 00000000 6100", StatusIoReparseDataInvalid},
	} {
		b, err := hex.DecodeString(strings.ReplaceAll(test.input, " ", ""))
		if err != nil {
			t.Fatal(err)
		}
		if got := test.parse(b); got != test.want {
			t.Errorf("%s: %v, want %v", test.name, got, test.want)
		}
	}
}

func TestAppendMax(t *testing.T) {
	l := FileStreamInformation{{0, 0, "::$DATA"}, {0, 0, ":a"}, {0, 0, ":b"}}
	for max, want := range map[int]int{0: 0, 37: 0, 38: 1, 67: 1, 68: 2, 99: 2, 100: 3, noMax: 3} {
		b, n := l.AppendMax([]byte("x"), max)
		if n != want || len(b)-1 > max {
			t.Errorf("%d entries of %d bytes in %d, want %d", n, len(b)-1, max, want)
		}
		if got, err := ParseFileStreamInformation(b[1:]); err != nil || len(got) != want {
			t.Errorf("parsed %+v, %v, want %d entries", got, err, want)
		}
	}
	ranges := FileAllocatedRanges{{1, 2}, {3, 4}}
	if b, n := ranges.AppendMax(nil, 31); n != 1 || len(b) != 16 {
		t.Errorf("%d ranges of %d bytes", n, len(b))
	}
}

func TestNewSrvSnapshotArray(t *testing.T) {
	tokens := []string{"@GMT-2026.01.02-03.04.05", "@GMT-2026.01.03-03.04.05"}
	for _, max := range []uint32{16, 113, 114, 1000} {
		r := NewSrvSnapshotArray(tokens, max)
		fits := max >= 114
		if b := r.Append(nil); r.Number != 2 || r.Size != 102 || (len(r.Snapshots) == 2) != fits || uint32(len(b)) > max {
			t.Errorf("max %d: %+v in %d bytes", max, r, len(b))
		}
	}
	if r := NewSrvSnapshotArray(nil, 16); r.Number != 0 || r.Size != 2 {
		t.Errorf("empty: %+v", r)
	}
}

func TestParseFileSetSparseBuffer(t *testing.T) {
	for input, want := range map[string]bool{"": true, "\x00": false, "\x01": true, "\x02x": true} {
		if got := ParseFileSetSparseBuffer([]byte(input)); got.SetSparse != want {
			t.Errorf("%q: %v", input, got)
		}
	}
	for _, want := range []bool{false, true} {
		if got := ParseFileSetSparseBuffer(FileSetSparseBuffer{want}.Append(nil)); got.SetSparse != want {
			t.Errorf("%v comes back as %v", want, got)
		}
	}
}

// TestMinOutput holds the minimum against what an empty structure takes: it is
// never less.
func TestMinOutput(t *testing.T) {
	for c, v := range map[FileInfoClass]appender{
		ClassFileBasicInformation:          FileBasicInformation{},
		ClassFileStandardInformation:       FileStandardInformation{},
		ClassFileInternalInformation:       FileInternalInformation{},
		ClassFileEaInformation:             FileEaInformation{},
		ClassFileAccessInformation:         FileAccessInformation{},
		ClassFilePositionInformation:       FilePositionInformation{},
		ClassFileModeInformation:           FileModeInformation{},
		ClassFileAlignmentInformation:      FileAlignmentInformation{},
		ClassFileAllInformation:            FileAllInformation{},
		ClassFileNormalizedNameInformation: FileNameInformation{},
		ClassFileAlternateNameInformation:  FileNameInformation{},
		ClassFileStreamInformation:         FileStreamInformation{{}},
		ClassFileCompressionInformation:    FileCompressionInformation{},
		ClassFileNetworkOpenInformation:    FileNetworkOpenInformation{},
		ClassFileAttributeTagInformation:   FileAttributeTagInformation{},
		ClassFileIdInformation:             FileIdInformation{},
		ClassFilePipeInformation:           FilePipeInformation{},
		ClassFilePipeLocalInformation:      FilePipeLocalInformation{},
		ClassFilePipeRemoteInformation:     FilePipeRemoteInformation{},
		ClassFileFullEaInformation:         FileFullEaInformation{},
	} {
		if n, ok := c.MinOutput(); !ok || n < len(v.Append(nil)) || n > len(v.Append(nil))+8 {
			t.Errorf("%v: %d, %v", c, n, ok)
		}
	}
	for c, v := range map[FSInfoClass]appender{
		ClassFsVolumeInformation:     FsVolumeInformation{},
		ClassFsSizeInformation:       FsSizeInformation{},
		ClassFsDeviceInformation:     FsDeviceInformation{},
		ClassFsAttributeInformation:  FsAttributeInformation{},
		ClassFsControlInformation:    FsControlInformation{},
		ClassFsFullSizeInformation:   FsFullSizeInformation{},
		ClassFsObjectIdInformation:   FsObjectIdInformation{},
		ClassFsSectorSizeInformation: FsSectorSizeInformation{},
	} {
		if n, ok := c.MinOutput(); !ok || n < len(v.Append(nil)) || n > len(v.Append(nil))+8 {
			t.Errorf("%v: %d, %v", c, n, ok)
		}
	}
	if _, ok := ClassFileRenameInformation.MinOutput(); ok {
		t.Error("a class that is only set can be queried")
	}
	if _, ok := ClassFsLabelInformation.MinOutput(); ok {
		t.Error("a local class can be queried")
	}
}
