package smb2

import "fmt"

// FileInfoClass selects a structure of [MS-FSCC] 2.4.
type FileInfoClass uint8

// Values of FileInfoClass, [MS-FSCC] 2.4: Class and the name of the
// specification. Those that it calls local are here for their names only.
const (
	ClassFileDirectoryInformation              FileInfoClass = 1
	ClassFileFullDirectoryInformation          FileInfoClass = 2
	ClassFileBothDirectoryInformation          FileInfoClass = 3
	ClassFileBasicInformation                  FileInfoClass = 4
	ClassFileStandardInformation               FileInfoClass = 5
	ClassFileInternalInformation               FileInfoClass = 6
	ClassFileEaInformation                     FileInfoClass = 7
	ClassFileAccessInformation                 FileInfoClass = 8
	ClassFileNameInformation                   FileInfoClass = 9
	ClassFileRenameInformation                 FileInfoClass = 10
	ClassFileLinkInformation                   FileInfoClass = 11
	ClassFileNamesInformation                  FileInfoClass = 12
	ClassFileDispositionInformation            FileInfoClass = 13
	ClassFilePositionInformation               FileInfoClass = 14
	ClassFileFullEaInformation                 FileInfoClass = 15
	ClassFileModeInformation                   FileInfoClass = 16
	ClassFileAlignmentInformation              FileInfoClass = 17
	ClassFileAllInformation                    FileInfoClass = 18
	ClassFileAllocationInformation             FileInfoClass = 19
	ClassFileEndOfFileInformation              FileInfoClass = 20
	ClassFileAlternateNameInformation          FileInfoClass = 21
	ClassFileStreamInformation                 FileInfoClass = 22
	ClassFilePipeInformation                   FileInfoClass = 23
	ClassFilePipeLocalInformation              FileInfoClass = 24
	ClassFilePipeRemoteInformation             FileInfoClass = 25
	ClassFileMailslotQueryInformation          FileInfoClass = 26
	ClassFileMailslotSetInformation            FileInfoClass = 27
	ClassFileCompressionInformation            FileInfoClass = 28
	ClassFileObjectIdInformation               FileInfoClass = 29
	ClassFileMoveClusterInformation            FileInfoClass = 31
	ClassFileQuotaInformation                  FileInfoClass = 32
	ClassFileReparsePointInformation           FileInfoClass = 33
	ClassFileNetworkOpenInformation            FileInfoClass = 34
	ClassFileAttributeTagInformation           FileInfoClass = 35
	ClassFileTrackingInformation               FileInfoClass = 36
	ClassFileIdBothDirectoryInformation        FileInfoClass = 37
	ClassFileIdFullDirectoryInformation        FileInfoClass = 38
	ClassFileValidDataLengthInformation        FileInfoClass = 39
	ClassFileShortNameInformation              FileInfoClass = 40
	ClassFileSfioReserveInformation            FileInfoClass = 44
	ClassFileSfioVolumeInformation             FileInfoClass = 45
	ClassFileHardLinkInformation               FileInfoClass = 46
	ClassFileNormalizedNameInformation         FileInfoClass = 48
	ClassFileIdGlobalTxDirectoryInformation    FileInfoClass = 50
	ClassFileStandardLinkInformation           FileInfoClass = 54
	ClassFileIdInformation                     FileInfoClass = 59
	ClassFileIdExtdDirectoryInformation        FileInfoClass = 60
	ClassFileDispositionInformationEx          FileInfoClass = 64
	ClassFileRenameInformationEx               FileInfoClass = 65
	ClassFileId64ExtdDirectoryInformation      FileInfoClass = 78
	ClassFileId64ExtdBothDirectoryInformation  FileInfoClass = 79
	ClassFileIdAllExtdDirectoryInformation     FileInfoClass = 80
	ClassFileIdAllExtdBothDirectoryInformation FileInfoClass = 81
	ClassFilePosixInformation                  FileInfoClass = 100 // [POSIX-FSCC]
)

// FSInfoClass selects a structure of [MS-FSCC] 2.5.
type FSInfoClass uint8

// Values of FSInfoClass, [MS-FSCC] 2.5: the names of the specification without
// "File".
const (
	ClassFsVolumeInformation      FSInfoClass = 1
	ClassFsLabelInformation       FSInfoClass = 2
	ClassFsSizeInformation        FSInfoClass = 3
	ClassFsDeviceInformation      FSInfoClass = 4
	ClassFsAttributeInformation   FSInfoClass = 5
	ClassFsControlInformation     FSInfoClass = 6
	ClassFsFullSizeInformation    FSInfoClass = 7
	ClassFsObjectIdInformation    FSInfoClass = 8
	ClassFsDriverPathInformation  FSInfoClass = 9
	ClassFsVolumeFlagsInformation FSInfoClass = 10
	ClassFsSectorSizeInformation  FSInfoClass = 11
	ClassFsPosixInformation       FSInfoClass = 100 // [POSIX-FSCC]
)

// String returns the name of [MS-FSCC], such as FileBasicInformation.
func (c FileInfoClass) String() string {
	if n, ok := fileInfoClassNames[c]; ok {
		return n
	}
	return fmt.Sprintf("FileInfoClass(%d)", uint8(c))
}

// String returns the name of [MS-FSCC], such as FileFsVolumeInformation.
func (c FSInfoClass) String() string {
	if n, ok := fsInfoClassNames[c]; ok {
		return n
	}
	return fmt.Sprintf("FSInfoClass(%d)", uint8(c))
}

// fileInfoClassNames is never written.
var fileInfoClassNames = map[FileInfoClass]string{
	ClassFileDirectoryInformation:              "FileDirectoryInformation",
	ClassFileFullDirectoryInformation:          "FileFullDirectoryInformation",
	ClassFileBothDirectoryInformation:          "FileBothDirectoryInformation",
	ClassFileBasicInformation:                  "FileBasicInformation",
	ClassFileStandardInformation:               "FileStandardInformation",
	ClassFileInternalInformation:               "FileInternalInformation",
	ClassFileEaInformation:                     "FileEaInformation",
	ClassFileAccessInformation:                 "FileAccessInformation",
	ClassFileNameInformation:                   "FileNameInformation",
	ClassFileRenameInformation:                 "FileRenameInformation",
	ClassFileLinkInformation:                   "FileLinkInformation",
	ClassFileNamesInformation:                  "FileNamesInformation",
	ClassFileDispositionInformation:            "FileDispositionInformation",
	ClassFilePositionInformation:               "FilePositionInformation",
	ClassFileFullEaInformation:                 "FileFullEaInformation",
	ClassFileModeInformation:                   "FileModeInformation",
	ClassFileAlignmentInformation:              "FileAlignmentInformation",
	ClassFileAllInformation:                    "FileAllInformation",
	ClassFileAllocationInformation:             "FileAllocationInformation",
	ClassFileEndOfFileInformation:              "FileEndOfFileInformation",
	ClassFileAlternateNameInformation:          "FileAlternateNameInformation",
	ClassFileStreamInformation:                 "FileStreamInformation",
	ClassFilePipeInformation:                   "FilePipeInformation",
	ClassFilePipeLocalInformation:              "FilePipeLocalInformation",
	ClassFilePipeRemoteInformation:             "FilePipeRemoteInformation",
	ClassFileMailslotQueryInformation:          "FileMailslotQueryInformation",
	ClassFileMailslotSetInformation:            "FileMailslotSetInformation",
	ClassFileCompressionInformation:            "FileCompressionInformation",
	ClassFileObjectIdInformation:               "FileObjectIdInformation",
	ClassFileMoveClusterInformation:            "FileMoveClusterInformation",
	ClassFileQuotaInformation:                  "FileQuotaInformation",
	ClassFileReparsePointInformation:           "FileReparsePointInformation",
	ClassFileNetworkOpenInformation:            "FileNetworkOpenInformation",
	ClassFileAttributeTagInformation:           "FileAttributeTagInformation",
	ClassFileTrackingInformation:               "FileTrackingInformation",
	ClassFileIdBothDirectoryInformation:        "FileIdBothDirectoryInformation",
	ClassFileIdFullDirectoryInformation:        "FileIdFullDirectoryInformation",
	ClassFileValidDataLengthInformation:        "FileValidDataLengthInformation",
	ClassFileShortNameInformation:              "FileShortNameInformation",
	ClassFileSfioReserveInformation:            "FileSfioReserveInformation",
	ClassFileSfioVolumeInformation:             "FileSfioVolumeInformation",
	ClassFileHardLinkInformation:               "FileHardLinkInformation",
	ClassFileNormalizedNameInformation:         "FileNormalizedNameInformation",
	ClassFileIdGlobalTxDirectoryInformation:    "FileIdGlobalTxDirectoryInformation",
	ClassFileStandardLinkInformation:           "FileStandardLinkInformation",
	ClassFileIdInformation:                     "FileIdInformation",
	ClassFileIdExtdDirectoryInformation:        "FileIdExtdDirectoryInformation",
	ClassFileDispositionInformationEx:          "FileDispositionInformationEx",
	ClassFileRenameInformationEx:               "FileRenameInformationEx",
	ClassFileId64ExtdDirectoryInformation:      "FileId64ExtdDirectoryInformation",
	ClassFileId64ExtdBothDirectoryInformation:  "FileId64ExtdBothDirectoryInformation",
	ClassFileIdAllExtdDirectoryInformation:     "FileIdAllExtdDirectoryInformation",
	ClassFileIdAllExtdBothDirectoryInformation: "FileIdAllExtdBothDirectoryInformation",
	ClassFilePosixInformation:                  "FilePosixInformation",
}

// fsInfoClassNames is never written.
var fsInfoClassNames = map[FSInfoClass]string{
	ClassFsVolumeInformation:      "FileFsVolumeInformation",
	ClassFsLabelInformation:       "FileFsLabelInformation",
	ClassFsSizeInformation:        "FileFsSizeInformation",
	ClassFsDeviceInformation:      "FileFsDeviceInformation",
	ClassFsAttributeInformation:   "FileFsAttributeInformation",
	ClassFsControlInformation:     "FileFsControlInformation",
	ClassFsFullSizeInformation:    "FileFsFullSizeInformation",
	ClassFsObjectIdInformation:    "FileFsObjectIdInformation",
	ClassFsDriverPathInformation:  "FileFsDriverPathInformation",
	ClassFsVolumeFlagsInformation: "FileFsVolumeFlagsInformation",
	ClassFsSectorSizeInformation:  "FileFsSectorSizeInformation",
	ClassFsPosixInformation:       "FileFsPosixInformation",
}
