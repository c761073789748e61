package smb2

import (
	"errors"
	"fmt"
	"io/fs"
)

// Status is an NTSTATUS, [MS-ERREF] 2.3. It is an error; a Status that is no
// failure (StatusSuccess, StatusPending) must not be returned as one. The zero
// value is StatusSuccess.
type Status uint32

// IsError reports whether s has the severity "error": the operation failed and
// the answer is an ErrorResponse.
func (s Status) IsError() bool { return s>>30 == 3 }

// IsWarning reports whether s has the severity "warning", as
// StatusBufferOverflow and StatusNoMoreFiles have.
func (s Status) IsWarning() bool { return s>>30 == 2 }

// String returns the name of [MS-ERREF], such as STATUS_ACCESS_DENIED, or the
// value in hexadecimal if the package has no name for it.
func (s Status) String() string {
	if n, ok := statusNames[s]; ok {
		return n
	}
	return fmt.Sprintf("0x%08X", uint32(s))
}

// Error returns name and value, such as "STATUS_ACCESS_DENIED (0xC0000022)".
func (s Status) Error() string {
	if n, ok := statusNames[s]; ok {
		return fmt.Sprintf("%s (0x%08X)", n, uint32(s))
	}
	return fmt.Sprintf("NTSTATUS 0x%08X", uint32(s))
}

// Is tells [errors.Is] which of the errors of io/fs s stands for.
func (s Status) Is(target error) bool {
	switch target {
	case fs.ErrNotExist:
		return s.notExist()
	case fs.ErrExist:
		return s == StatusObjectNameCollision
	case fs.ErrPermission:
		return s.permission()
	case fs.ErrClosed:
		return s == StatusFileClosed || s == StatusInvalidHandle
	case fs.ErrInvalid:
		return s.invalid()
	case errors.ErrUnsupported:
		return s == StatusNotSupported || s == StatusNotImplemented ||
			s == StatusInvalidDeviceRequest || s == StatusEasNotSupported ||
			s == StatusFsDriverRequired
	}
	return false
}

func (s Status) notExist() bool {
	switch s {
	case StatusNoSuchFile, StatusObjectNameNotFound, StatusObjectPathNotFound,
		StatusNotFound, StatusBadNetworkName, StatusBadNetworkPath:
		return true
	}
	return false
}

func (s Status) permission() bool {
	switch s {
	case StatusAccessDenied, StatusNetworkAccessDenied, StatusPrivilegeNotHeld,
		StatusMediaWriteProtected, StatusCannotDelete:
		return true
	}
	return false
}

func (s Status) invalid() bool {
	switch s {
	case StatusInvalidParameter, StatusObjectNameInvalid, StatusObjectPathSyntaxBad,
		StatusInfoLengthMismatch, StatusInvalidInfoClass:
		return true
	}
	return false
}

// Values of Status, [MS-ERREF] 2.3.1, that [MS-SMB2], [MS-FSA], [MS-FSCC],
// [MS-DFSC] and the logon protocols name. The Go name is the name of the
// specification in Go case: STATUS_EA_TOO_LARGE is StatusEaTooLarge.
const (
	StatusSuccess               Status = 0x00000000
	StatusTimeout               Status = 0x00000102
	StatusPending               Status = 0x00000103
	StatusReparse               Status = 0x00000104
	StatusMoreEntries           Status = 0x00000105
	StatusSomeNotMapped         Status = 0x00000107
	StatusOplockBreakInProgress Status = 0x00000108
	StatusNotifyCleanup         Status = 0x0000010B
	StatusNotifyEnumDir         Status = 0x0000010C
	StatusNoQuotasForAccount    Status = 0x0000010D
	StatusNothingToTerminate    Status = 0x00000122
)

// Warnings: the answer has a body.
const (
	StatusDatatypeMisalignment Status = 0x80000002
	StatusBufferOverflow       Status = 0x80000005
	StatusNoMoreFiles          Status = 0x80000006
	StatusDeviceOffLine        Status = 0x80000010
	StatusInvalidEaName        Status = 0x80000013
	StatusEaListInconsistent   Status = 0x80000014
	StatusInvalidEaFlag        Status = 0x80000015
	StatusVerifyRequired       Status = 0x80000016
	StatusNoMoreEntries        Status = 0x8000001A
	StatusStoppedOnSymlink     Status = 0x8000002D
)

// Errors.
const (
	StatusUnsuccessful                      Status = 0xC0000001
	StatusNotImplemented                    Status = 0xC0000002
	StatusInvalidInfoClass                  Status = 0xC0000003
	StatusInfoLengthMismatch                Status = 0xC0000004
	StatusAccessViolation                   Status = 0xC0000005
	StatusInPageError                       Status = 0xC0000006
	StatusInvalidHandle                     Status = 0xC0000008
	StatusInvalidParameter                  Status = 0xC000000D
	StatusNoSuchDevice                      Status = 0xC000000E
	StatusNoSuchFile                        Status = 0xC000000F
	StatusInvalidDeviceRequest              Status = 0xC0000010
	StatusEndOfFile                         Status = 0xC0000011
	StatusWrongVolume                       Status = 0xC0000012
	StatusMoreProcessingRequired            Status = 0xC0000016
	StatusNoMemory                          Status = 0xC0000017
	StatusInvalidLockSequence               Status = 0xC000001E
	StatusAlreadyCommitted                  Status = 0xC0000021
	StatusAccessDenied                      Status = 0xC0000022
	StatusBufferTooSmall                    Status = 0xC0000023
	StatusObjectTypeMismatch                Status = 0xC0000024
	StatusInvalidParameterMix               Status = 0xC0000030
	StatusDiskCorruptError                  Status = 0xC0000032
	StatusObjectNameInvalid                 Status = 0xC0000033
	StatusObjectNameNotFound                Status = 0xC0000034
	StatusObjectNameCollision               Status = 0xC0000035
	StatusPortDisconnected                  Status = 0xC0000037
	StatusObjectPathInvalid                 Status = 0xC0000039
	StatusObjectPathNotFound                Status = 0xC000003A
	StatusObjectPathSyntaxBad               Status = 0xC000003B
	StatusDataError                         Status = 0xC000003E
	StatusCrcError                          Status = 0xC000003F
	StatusSharingViolation                  Status = 0xC0000043
	StatusQuotaExceeded                     Status = 0xC0000044
	StatusEasNotSupported                   Status = 0xC000004F
	StatusEaTooLarge                        Status = 0xC0000050
	StatusNonexistentEaEntry                Status = 0xC0000051
	StatusNoEasOnFile                       Status = 0xC0000052
	StatusEaCorruptError                    Status = 0xC0000053
	StatusFileLockConflict                  Status = 0xC0000054
	StatusLockNotGranted                    Status = 0xC0000055
	StatusDeletePending                     Status = 0xC0000056
	StatusInvalidOwner                      Status = 0xC000005A
	StatusInvalidPrimaryGroup               Status = 0xC000005B
	StatusNoLogonServers                    Status = 0xC000005E
	StatusNoSuchLogonSession                Status = 0xC000005F
	StatusNoSuchPrivilege                   Status = 0xC0000060
	StatusPrivilegeNotHeld                  Status = 0xC0000061
	StatusUserExists                        Status = 0xC0000063
	StatusNoSuchUser                        Status = 0xC0000064
	StatusNoSuchGroup                       Status = 0xC0000066
	StatusWrongPassword                     Status = 0xC000006A
	StatusIllFormedPassword                 Status = 0xC000006B
	StatusPasswordRestriction               Status = 0xC000006C
	StatusLogonFailure                      Status = 0xC000006D
	StatusAccountRestriction                Status = 0xC000006E
	StatusInvalidLogonHours                 Status = 0xC000006F
	StatusInvalidWorkstation                Status = 0xC0000070
	StatusPasswordExpired                   Status = 0xC0000071
	StatusAccountDisabled                   Status = 0xC0000072
	StatusNoneMapped                        Status = 0xC0000073
	StatusInvalidAcl                        Status = 0xC0000077
	StatusInvalidSid                        Status = 0xC0000078
	StatusInvalidSecurityDescr              Status = 0xC0000079
	StatusNoToken                           Status = 0xC000007C
	StatusRangeNotLocked                    Status = 0xC000007E
	StatusDiskFull                          Status = 0xC000007F
	StatusInvalidVolumeLabel                Status = 0xC0000086
	StatusFileInvalid                       Status = 0xC0000098
	StatusAllottedSpaceExceeded             Status = 0xC0000099
	StatusInsufficientResources             Status = 0xC000009A
	StatusDfsExitPathFound                  Status = 0xC000009B
	StatusWorkingSetQuota                   Status = 0xC00000A1
	StatusMediaWriteProtected               Status = 0xC00000A2
	StatusDeviceNotReady                    Status = 0xC00000A3
	StatusBadImpersonationLevel             Status = 0xC00000A5
	StatusInstanceNotAvailable              Status = 0xC00000AB
	StatusPipeNotAvailable                  Status = 0xC00000AC
	StatusInvalidPipeState                  Status = 0xC00000AD
	StatusPipeBusy                          Status = 0xC00000AE
	StatusIllegalFunction                   Status = 0xC00000AF
	StatusPipeDisconnected                  Status = 0xC00000B0
	StatusPipeClosing                       Status = 0xC00000B1
	StatusPipeConnected                     Status = 0xC00000B2
	StatusPipeListening                     Status = 0xC00000B3
	StatusInvalidReadMode                   Status = 0xC00000B4
	StatusIoTimeout                         Status = 0xC00000B5
	StatusFileForcedClosed                  Status = 0xC00000B6
	StatusFileIsADirectory                  Status = 0xC00000BA
	StatusNotSupported                      Status = 0xC00000BB
	StatusRemoteNotListening                Status = 0xC00000BC
	StatusDuplicateName                     Status = 0xC00000BD
	StatusBadNetworkPath                    Status = 0xC00000BE
	StatusNetworkBusy                       Status = 0xC00000BF
	StatusDeviceDoesNotExist                Status = 0xC00000C0
	StatusInvalidNetworkResponse            Status = 0xC00000C3
	StatusUnexpectedNetworkError            Status = 0xC00000C4
	StatusNetworkNameDeleted                Status = 0xC00000C9
	StatusNetworkAccessDenied               Status = 0xC00000CA
	StatusBadDeviceType                     Status = 0xC00000CB
	StatusBadNetworkName                    Status = 0xC00000CC
	StatusSharingPaused                     Status = 0xC00000CF
	StatusRequestNotAccepted                Status = 0xC00000D0
	StatusRequestOutOfSequence              Status = 0xC000042A
	StatusNetWriteFault                     Status = 0xC00000D2
	StatusNotSameDevice                     Status = 0xC00000D4
	StatusFileRenamed                       Status = 0xC00000D5
	StatusVirtualCircuitClosed              Status = 0xC00000D6
	StatusPipeEmpty                         Status = 0xC00000D9
	StatusNoSuchDomain                      Status = 0xC00000DF
	StatusOplockNotGranted                  Status = 0xC00000E2
	StatusInvalidOplockProtocol             Status = 0xC00000E3
	StatusInternalError                     Status = 0xC00000E5
	StatusInvalidUserBuffer                 Status = 0xC00000E8
	StatusUnexpectedIoError                 Status = 0xC00000E9
	StatusInvalidParameter1                 Status = 0xC00000EF
	StatusInvalidParameter2                 Status = 0xC00000F0
	StatusInvalidParameter3                 Status = 0xC00000F1
	StatusInvalidParameter4                 Status = 0xC00000F2
	StatusInvalidParameter5                 Status = 0xC00000F3
	StatusInvalidParameter6                 Status = 0xC00000F4
	StatusNoSuchPackage                     Status = 0xC00000FE
	StatusDirectoryNotEmpty                 Status = 0xC0000101
	StatusFileCorruptError                  Status = 0xC0000102
	StatusNotADirectory                     Status = 0xC0000103
	StatusNameTooLong                       Status = 0xC0000106
	StatusFilesOpen                         Status = 0xC0000107
	StatusConnectionInUse                   Status = 0xC0000108
	StatusCannotImpersonate                 Status = 0xC000010D
	StatusTooManyOpenedFiles                Status = 0xC000011F
	StatusCancelled                         Status = 0xC0000120
	StatusCannotDelete                      Status = 0xC0000121
	StatusFileDeleted                       Status = 0xC0000123
	StatusFileClosed                        Status = 0xC0000128
	StatusTimeDifferenceAtDc                Status = 0xC0000133
	StatusOpenFailed                        Status = 0xC0000136
	StatusIoPrivilegeFailed                 Status = 0xC0000137
	StatusLocalDisconnect                   Status = 0xC000013B
	StatusRemoteDisconnect                  Status = 0xC000013C
	StatusPipeBroken                        Status = 0xC000014B
	StatusUnrecognizedVolume                Status = 0xC000014F
	StatusLogonNotGranted                   Status = 0xC0000155
	StatusLogonTypeNotGranted               Status = 0xC000015B
	StatusDiskOperationFailed               Status = 0xC000016A
	StatusInvalidDeviceState                Status = 0xC0000184
	StatusIoDeviceError                     Status = 0xC0000185
	StatusNoTrustLsaSecret                  Status = 0xC000018A
	StatusTrustedDomainFailure              Status = 0xC000018C
	StatusTrustedRelationshipFailure        Status = 0xC000018D
	StatusTrustFailure                      Status = 0xC0000190
	StatusNetlogonNotStarted                Status = 0xC0000192
	StatusAccountExpired                    Status = 0xC0000193
	StatusNologonInterdomainTrustAccount    Status = 0xC0000198
	StatusNologonWorkstationTrustAccount    Status = 0xC0000199
	StatusNologonServerTrustAccount         Status = 0xC000019A
	StatusFsDriverRequired                  Status = 0xC000019C
	StatusShortNamesNotEnabledOnVolume      Status = 0xC000019F
	StatusInvalidLockRange                  Status = 0xC00001A1
	StatusUserSessionDeleted                Status = 0xC0000203
	StatusInsuffServerResources             Status = 0xC0000205
	StatusInvalidBufferSize                 Status = 0xC0000206
	StatusAddressAlreadyExists              Status = 0xC000020A
	StatusConnectionDisconnected            Status = 0xC000020C
	StatusConnectionReset                   Status = 0xC000020D
	StatusPasswordMustChange                Status = 0xC0000224
	StatusNotFound                          Status = 0xC0000225
	StatusDuplicateObjectid                 Status = 0xC000022A
	StatusRetry                             Status = 0xC000022D
	StatusDomainControllerNotFound          Status = 0xC0000233
	StatusAccountLockedOut                  Status = 0xC0000234
	StatusHandleNotClosable                 Status = 0xC0000235
	StatusConnectionRefused                 Status = 0xC0000236
	StatusNetworkUnreachable                Status = 0xC000023C
	StatusHostUnreachable                   Status = 0xC000023D
	StatusConnectionAborted                 Status = 0xC0000241
	StatusLoginTimeRestriction              Status = 0xC0000247
	StatusLpcReplyLost                      Status = 0xC0000253
	StatusPathNotCovered                    Status = 0xC0000257
	StatusTooManyLinks                      Status = 0xC0000265
	StatusDfsUnavailable                    Status = 0xC000026D
	StatusVolumeDismounted                  Status = 0xC000026E
	StatusNoMatch                           Status = 0xC0000272
	StatusNotAReparsePoint                  Status = 0xC0000275
	StatusIoReparseTagInvalid               Status = 0xC0000276
	StatusIoReparseTagMismatch              Status = 0xC0000277
	StatusIoReparseDataInvalid              Status = 0xC0000278
	StatusIoReparseTagNotHandled            Status = 0xC0000279
	StatusDirectoryIsAReparsePoint          Status = 0xC0000281
	StatusEncryptionFailed                  Status = 0xC000028A
	StatusFileEncrypted                     Status = 0xC0000293
	StatusVolumeNotUpgraded                 Status = 0xC000029C
	StatusReparseAttributeConflict          Status = 0xC00002B2
	StatusJournalNotActive                  Status = 0xC00002B8
	StatusOnlyIfConnected                   Status = 0xC00002CC
	StatusObjectidNotFound                  Status = 0xC00002F0
	StatusSmartcardLogonRequired            Status = 0xC00002FA
	StatusShutdownInProgress                Status = 0xC00002FE
	StatusServerShutdownInProgress          Status = 0xC00002FF
	StatusNetworkSessionExpired             Status = 0xC000035C
	StatusInvalidDeviceObjectParameter      Status = 0xC0000369
	StatusDowngradeDetected                 Status = 0xC0000388
	StatusAuthenticationFirewallFailed      Status = 0xC0000413
	StatusNtlmBlocked                       Status = 0xC0000418
	StatusCompressionDisabled               Status = 0xC0000426
	StatusFileSystemLimitation              Status = 0xC0000427
	StatusBeyondVdl                         Status = 0xC0000432
	StatusCsEncryptionExistingEncryptedFile Status = 0xC0000443
	StatusCsEncryptionNewEncryptedFile      Status = 0xC0000444
	StatusNoRangesProcessed                 Status = 0xC0000460
	StatusDeviceFeatureNotSupported         Status = 0xC0000463
	StatusDeviceUnreachable                 Status = 0xC0000464
	StatusInvalidToken                      Status = 0xC0000465
	StatusServerUnavailable                 Status = 0xC0000466
	StatusFileNotAvailable                  Status = 0xC0000467
	StatusShareUnavailable                  Status = 0xC0000480
	StatusContextMismatch                   Status = 0xC0000719
	StatusCannotBreakOplock                 Status = 0xC0000909
	StatusInvalidSignature                  Status = 0xC000A000
	StatusHashNotSupported                  Status = 0xC000A100
	StatusHashNotPresent                    Status = 0xC000A101
	StatusOffloadReadFltNotSupported        Status = 0xC000A2A1
	StatusOffloadWriteFltNotSupported       Status = 0xC000A2A2
	StatusOffloadReadFileNotSupported       Status = 0xC000A2A3
	StatusOffloadWriteFileNotSupported      Status = 0xC000A2A4
	StatusTransactionNotActive              Status = 0xC0190003
	StatusSmbNoPreauthIntegrityHashOverlap  Status = 0xC05D0000
	StatusSmbBadClusterDialect              Status = 0xC05D0001
)
