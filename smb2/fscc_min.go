package smb2

// MinOutput returns the number of bytes that the output buffer of a query of
// the class must have at least; a smaller one is StatusInfoLengthMismatch. For a
// directory class it is the length of an entry without a name. ok is false if the
// class can't be queried. [MS-FSA] 2.1.5.6.3 and 2.1.5.12.
func (c FileInfoClass) MinOutput() (n int, ok bool) {
	if y, ok := directoryLayout(c); ok {
		return y.nameOffset, true
	}
	switch c {
	case ClassFileInternalInformation, ClassFilePositionInformation,
		ClassFileAttributeTagInformation, ClassFilePipeInformation:
		return 8, true
	case ClassFileEaInformation, ClassFileAccessInformation, ClassFileModeInformation,
		ClassFileAlignmentInformation:
		return 4, true
	case ClassFileNameInformation, ClassFileAlternateNameInformation,
		ClassFileNormalizedNameInformation:
		return 8, true // 4 and a character, rounded up to a multiple of 4
	case ClassFileBasicInformation, ClassFilePipeLocalInformation:
		return 40, true
	case ClassFileStandardInformation, ClassFileIdInformation:
		return 24, true
	case ClassFileAllInformation:
		return 104, true // 100 and a character, rounded up to a multiple of 8
	case ClassFileStreamInformation:
		return 32, true // 24 and a character, rounded up to a multiple of 8
	case ClassFileCompressionInformation:
		return 16, true
	case ClassFileNetworkOpenInformation:
		return 56, true
	case ClassFilePipeRemoteInformation:
		return 12, true
	case ClassFileFullEaInformation:
		// A buffer that is too small for an entry is
		// StatusBufferTooSmall, [MS-FSA] 2.1.5.12.12.
		return 0, true
	}
	return 0, false
}

// MinOutput returns the number of bytes that the output buffer of a query of
// the class must have at least; a smaller one is StatusInfoLengthMismatch. ok is
// false if the class can't be queried. [MS-FSA] 2.1.5.13.
func (c FSInfoClass) MinOutput() (n int, ok bool) {
	switch c {
	case ClassFsVolumeInformation:
		return 24, true // 18, rounded up to a multiple of 8
	case ClassFsSizeInformation:
		return 24, true
	case ClassFsDeviceInformation:
		return 8, true
	case ClassFsAttributeInformation:
		return 16, true // 12 by the specification; Windows wants the name's first character and rounds up
	case ClassFsControlInformation:
		return 48, true
	case ClassFsFullSizeInformation:
		return 32, true
	case ClassFsObjectIdInformation:
		return 64, true
	case ClassFsSectorSizeInformation:
		return 28, true
	case ClassFsPosixInformation:
		return fsPosixSize, true
	}
	return 0, false
}
