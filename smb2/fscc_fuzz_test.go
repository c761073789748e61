package smb2

import (
	"bytes"
	"reflect"
	"testing"
)

// fuzzCodec is the fuzz target of a parser. Its seeds are values, which are
// also the test of a round trip: each has to come back from its bytes, anywhere in a
// buffer, a buffer shorter than fixed has to be refused with a Status, and no
// prefix may panic.
func fuzzCodec[T appender](f *testing.F, parse func([]byte) (T, error), fixed int, seeds ...T) {
	f.Helper()
	for _, v := range seeds {
		b := v.Append([]byte("xyz"))[3:]
		f.Add(b)
		got, err := parse(b)
		if err != nil || !reflect.DeepEqual(got, v) {
			f.Errorf("parsed % x:\n got %+v, %v\nwant %+v", b, got, err, v)
		}
		for n := range b {
			_, err := parse(b[:n:n])
			if _, ok := err.(Status); n < fixed && !ok {
				f.Errorf("parse of %d bytes: %v, want a Status", n, err)
			}
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		v, err := parse(b)
		if err != nil {
			if _, ok := err.(Status); !ok {
				t.Fatalf("error %v is no Status", err)
			}
			return
		}
		once := v.Append(nil)
		again, err := parse(once)
		if err != nil {
			t.Fatalf("%+v\nappended as % x\nparses with %v", v, once, err)
		}
		if twice := again.Append(nil); !bytes.Equal(once, twice) {
			t.Fatalf("appended as\n% x, then as\n% x", once, twice)
		}
	})
}

func FuzzParseFileBasicInformation(f *testing.F) {
	fuzzCodec(f, ParseFileBasicInformation, 40, FileBasicInformation{1, 2, FileTimeFreeze, FileTimeThaw, FileAttributeArchive})
}

func FuzzParseFileStandardInformation(f *testing.F) {
	fuzzCodec(f, ParseFileStandardInformation, 24, FileStandardInformation{4096, 5, 2, true, false})
}

func FuzzParseFileInternalInformation(f *testing.F) {
	fuzzCodec(f, ParseFileInternalInformation, 8, FileInternalInformation{7})
}

func FuzzParseFileEaInformation(f *testing.F) {
	fuzzCodec(f, ParseFileEaInformation, 4, FileEaInformation{7})
}

func FuzzParseFileAccessInformation(f *testing.F) {
	fuzzCodec(f, ParseFileAccessInformation, 4, FileAccessInformation{0x1F01FF})
}

func FuzzParseFilePositionInformation(f *testing.F) {
	fuzzCodec(f, ParseFilePositionInformation, 8, FilePositionInformation{-1})
}

func FuzzParseFileModeInformation(f *testing.F) {
	fuzzCodec(f, ParseFileModeInformation, 4, FileModeInformation{2})
}

func FuzzParseFileAlignmentInformation(f *testing.F) {
	fuzzCodec(f, ParseFileAlignmentInformation, 4, FileAlignmentInformation{1})
}

func FuzzParseFileAllInformation(f *testing.F) {
	fuzzCodec(f, ParseFileAllInformation, 100, FileAllInformation{Basic: FileBasicInformation{CreationTime: 1}, Standard: FileStandardInformation{Directory: true}, Internal: FileInternalInformation{3}, Ea: FileEaInformation{4}, Access: FileAccessInformation{5}, Position: FilePositionInformation{6}, Mode: FileModeInformation{7}, Alignment: FileAlignmentInformation{8}, Name: FileNameInformation{`\dir\ä`}})
}

func FuzzParseFileNameInformation(f *testing.F) {
	fuzzCodec(f, ParseFileNameInformation, 4, FileNameInformation{`\a\𝄞`})
}

func FuzzParseFileShortNameInformation(f *testing.F) {
	fuzzCodec(f, ParseFileShortNameInformation, 4, FileShortNameInformation{"LONGNA~1.TXT"})
}

func FuzzParseFileAllocationInformation(f *testing.F) {
	fuzzCodec(f, ParseFileAllocationInformation, 8, FileAllocationInformation{1 << 40})
}

func FuzzParseFileEndOfFileInformation(f *testing.F) {
	fuzzCodec(f, ParseFileEndOfFileInformation, 8, FileEndOfFileInformation{1 << 40})
}

func FuzzParseFileValidDataLengthInformation(f *testing.F) {
	fuzzCodec(f, ParseFileValidDataLengthInformation, 8, FileValidDataLengthInformation{1 << 40})
}

func FuzzParseFileDispositionInformation(f *testing.F) {
	fuzzCodec(f, ParseFileDispositionInformation, 1, FileDispositionInformation{true})
}

func FuzzParseFileDispositionInformationEx(f *testing.F) {
	fuzzCodec(f, ParseFileDispositionInformationEx, 4, FileDispositionInformationEx{DispositionDelete})
}

func FuzzParseFileRenameInformation(f *testing.F) {
	fuzzCodec(f, ParseFileRenameInformation, 20, FileRenameInformation{true, 0, `dir\new`})
}

func FuzzParseFileRenameInformationEx(f *testing.F) {
	fuzzCodec(f, ParseFileRenameInformationEx, 20, FileRenameInformationEx{RenamePosixSemantics, 0, "n"})
}

func FuzzParseFileLinkInformation(f *testing.F) {
	fuzzCodec(f, ParseFileLinkInformation, 20, FileLinkInformation{false, 9, `dir\link`})
}

func FuzzParseFileNetworkOpenInformation(f *testing.F) {
	fuzzCodec(f, ParseFileNetworkOpenInformation, 56, FileNetworkOpenInformation{1, 2, 3, 4, 5, 6, 7})
}

func FuzzParseFileAttributeTagInformation(f *testing.F) {
	fuzzCodec(f, ParseFileAttributeTagInformation, 8, FileAttributeTagInformation{FileAttributeReparsePoint, ReparseTagSymlink})
}

func FuzzParseFileStreamInformation(f *testing.F) {
	fuzzCodec(f, ParseFileStreamInformation, 0, FileStreamInformation{{5, 4096, "::$DATA"}, {1, 8, ":s:$DATA"}})
}

func FuzzParseFileCompressionInformation(f *testing.F) {
	fuzzCodec(f, ParseFileCompressionInformation, 16, FileCompressionInformation{1, 2, 3, 4, 5})
}

func FuzzParseFileIdInformation(f *testing.F) {
	fuzzCodec(f, ParseFileIdInformation, 24, FileIdInformation{1, [16]byte{2, 15: 3}})
}

func FuzzParseFilePipeInformation(f *testing.F) {
	fuzzCodec(f, ParseFilePipeInformation, 8, FilePipeInformation{PipeMessageMode, PipeCompleteOperation})
}

func FuzzParseFilePipeLocalInformation(f *testing.F) {
	fuzzCodec(f, ParseFilePipeLocalInformation, 40, FilePipeLocalInformation{1, 2, 3, 4, 5, 6, 7, 8, 9, 10})
}

func FuzzParseFilePipeRemoteInformation(f *testing.F) {
	fuzzCodec(f, ParseFilePipeRemoteInformation, 12, FilePipeRemoteInformation{-5, 6})
}

func FuzzParseFileFullEaInformation(f *testing.F) {
	fuzzCodec(f, ParseFileFullEaInformation, 0, FileFullEaInformation{{FileNeedEa, "A", []byte("xy")}, {0, "LONGER", []byte{}}})
}

func FuzzParseFileGetEaInformation(f *testing.F) {
	fuzzCodec(f, ParseFileGetEaInformation, 0, FileGetEaInformation{"A", "LONGER"})
}

func FuzzParseFileQuotaInformation(f *testing.F) {
	fuzzCodec(f, ParseFileQuotaInformation, 0, FileQuotaInformation{{1, 2, 3, -1, []byte{1, 1, 0}}, {4, 5, 6, 7, []byte{1}}})
}

func FuzzParseFileGetQuotaInformation(f *testing.F) {
	fuzzCodec(f, ParseFileGetQuotaInformation, 0, FileGetQuotaInformation{{1, 1, 0}, {1}})
}

func FuzzParseQueryQuotaInfo(f *testing.F) {
	fuzzCodec(f, ParseQueryQuotaInfo, 16, QueryQuotaInfo{true, false, FileGetQuotaInformation{{1, 1}, {2}}, nil})
}

func FuzzParseFileObjectIDBuffer(f *testing.F) {
	fuzzCodec(f, ParseFileObjectIDBuffer, 64, FileObjectIDBuffer{GUID{1}, [48]byte{2}})
}

func FuzzParseFileObjectIdInformation(f *testing.F) {
	fuzzCodec(f, ParseFileObjectIdInformation, 72, FileObjectIdInformation{9, FileObjectIDBuffer{GUID{1}, [48]byte{2}}})
}

func FuzzParseFileNotifyInformation(f *testing.F) {
	fuzzCodec(f, ParseFileNotifyInformation, 0, FileNotifyInformation{{ActionFileRenamedOldName, "old"}, {ActionFileRenamedNewName, "newer"}})
}

func FuzzParseFsVolumeInformation(f *testing.F) {
	fuzzCodec(f, ParseFsVolumeInformation, 18, FsVolumeInformation{1, 2, true, "label"})
}

func FuzzParseFsLabelInformation(f *testing.F) {
	fuzzCodec(f, ParseFsLabelInformation, 4, FsLabelInformation{"label"})
}

func FuzzParseFsSizeInformation(f *testing.F) {
	fuzzCodec(f, ParseFsSizeInformation, 24, FsSizeInformation{1, 2, 3, 4})
}

func FuzzParseFsFullSizeInformation(f *testing.F) {
	fuzzCodec(f, ParseFsFullSizeInformation, 32, FsFullSizeInformation{1, 2, 3, 4, 5})
}

func FuzzParseFsControlInformation(f *testing.F) {
	fuzzCodec(f, ParseFsControlInformation, 48, FsControlInformation{1, 2, 3, 4, 5, 6})
}

func FuzzParseFsObjectIdInformation(f *testing.F) {
	fuzzCodec(f, ParseFsObjectIdInformation, 64, FsObjectIdInformation{GUID{1}, [48]byte{2}})
}

func FuzzParseFsDeviceInformation(f *testing.F) {
	fuzzCodec(f, ParseFsDeviceInformation, 8, FsDeviceInformation{FsDeviceDisk, FsDeviceIsMounted})
}

func FuzzParseFsAttributeInformation(f *testing.F) {
	fuzzCodec(f, ParseFsAttributeInformation, 12, FsAttributeInformation{FsUnicodeOnDisk, 255, "NTFS"})
}

func FuzzParseFsSectorSizeInformation(f *testing.F) {
	fuzzCodec(f, ParseFsSectorSizeInformation, 28, FsSectorSizeInformation{512, 4096, 4096, 4096, 3, 1, 2})
}
