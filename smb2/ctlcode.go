package smb2

import "fmt"

// CtlCode is the code of an IOCTL request: device, access, function and method
// of a file system control.
type CtlCode uint32

// Values of CtlCode, [MS-SMB2] 2.2.31, [MS-FSCC] 2.3, [MS-DFSC] 2.2.2, [MS-RSVD]
// 2.2.1 and [MS-SQOS] 2.2.1: the names of the specifications in Go case.
const (
	FsctlDfsGetReferrals                 CtlCode = 0x00060194
	FsctlDfsGetReferralsEx               CtlCode = 0x000601B0
	FsctlIsPathnameValid                 CtlCode = 0x0009002C
	FsctlGetCompression                  CtlCode = 0x0009003C
	FsctlQueryFATBPB                     CtlCode = 0x00090058
	FsctlFilesystemGetStatistics         CtlCode = 0x00090060
	FsctlGetNTFSVolumeData               CtlCode = 0x00090064
	FsctlGetRetrievalPointers            CtlCode = 0x00090073
	FsctlIsVolumeDirty                   CtlCode = 0x00090078
	FsctlAllowExtendedDasdIo             CtlCode = 0x00090083
	FsctlFindFilesBySID                  CtlCode = 0x0009008F
	FsctlSetObjectID                     CtlCode = 0x00090098
	FsctlGetObjectID                     CtlCode = 0x0009009C
	FsctlDeleteObjectID                  CtlCode = 0x000900A0
	FsctlSetReparsePoint                 CtlCode = 0x000900A4
	FsctlGetReparsePoint                 CtlCode = 0x000900A8
	FsctlDeleteReparsePoint              CtlCode = 0x000900AC
	FsctlSetObjectIDExtended             CtlCode = 0x000900BC
	FsctlCreateOrGetObjectID             CtlCode = 0x000900C0
	FsctlSetSparse                       CtlCode = 0x000900C4
	FsctlSetEncryption                   CtlCode = 0x000900D7
	FsctlReadFileUSNData                 CtlCode = 0x000900EB
	FsctlWriteUSNCloseRecord             CtlCode = 0x000900EF
	FsctlExtendVolume                    CtlCode = 0x000900F0
	FsctlMarkHandle                      CtlCode = 0x000900FC
	FsctlSISCopyfile                     CtlCode = 0x00090100
	FsctlRecallFile                      CtlCode = 0x00090117
	FsctlFilePrefetch                    CtlCode = 0x00090120
	FsctlQuerySparingInfo                CtlCode = 0x00090138
	FsctlQueryOnDiskVolumeInfo           CtlCode = 0x0009013C
	FsctlSetZeroOnDeallocation           CtlCode = 0x00090194
	FsctlShrinkVolume                    CtlCode = 0x000901B0
	FsctlSdGlobalChange                  CtlCode = 0x000901F4
	FsctlLookupStreamFromCluster         CtlCode = 0x000901FC
	FsctlGetBootAreaInfo                 CtlCode = 0x00090230
	FsctlGetRetrievalPointerBase         CtlCode = 0x00090234
	FsctlSetPersistentVolumeState        CtlCode = 0x00090238
	FsctlQueryPersistentVolumeState      CtlCode = 0x0009023C
	FsctlGetIntegrityInformation         CtlCode = 0x0009027C
	FsctlQueryFileRegions                CtlCode = 0x00090284
	FsctlGetRefsVolumeData               CtlCode = 0x000902D8
	FsctlQuerySharedVirtualDiskSupport   CtlCode = 0x00090300
	FsctlSVHDXSyncTunnelRequest          CtlCode = 0x00090304
	FsctlStorageQosControl               CtlCode = 0x00090350
	FsctlSVHDXAsyncTunnelRequest         CtlCode = 0x00090364
	FsctlSetIntegrityInformationEx       CtlCode = 0x00090380
	FsctlGetRetrievalPointersAndRefcount CtlCode = 0x000903D3
	FsctlGetRetrievalPointerCount        CtlCode = 0x0009042B
	FsctlRefsStreamSnapshotManagement    CtlCode = 0x00090440
	FsctlQueryAllocatedRanges            CtlCode = 0x000940CF
	FsctlOffloadRead                     CtlCode = 0x00094264
	FsctlSetZeroData                     CtlCode = 0x000980C8
	FsctlSetDefectManagement             CtlCode = 0x00098134
	FsctlFileLevelTrim                   CtlCode = 0x00098208
	FsctlOffloadWrite                    CtlCode = 0x00098268
	FsctlDuplicateExtentsToFile          CtlCode = 0x00098344
	FsctlDuplicateExtentsToFileEx        CtlCode = 0x000983E8
	FsctlSetCompression                  CtlCode = 0x0009C040
	FsctlSetIntegrityInformation         CtlCode = 0x0009C280
	FsctlPipeWait                        CtlCode = 0x00110018
	FsctlPipePeek                        CtlCode = 0x0011400C
	FsctlPipeTransceive                  CtlCode = 0x0011C017
	FsctlSrvRequestResumeKey             CtlCode = 0x00140078
	FsctlLmrSetLinkTrackingInformation   CtlCode = 0x001400EC
	FsctlLmrRequestResiliency            CtlCode = 0x001401D4
	FsctlQueryNetworkInterfaceInfo       CtlCode = 0x001401FC
	FsctlValidateNegotiateInfo           CtlCode = 0x00140204
	FsctlSrvEnumerateSnapshots           CtlCode = 0x00144064
	FsctlSrvCopychunk                    CtlCode = 0x001440F2
	FsctlSrvReadHash                     CtlCode = 0x001441BB
	FsctlSrvCopychunkWrite               CtlCode = 0x001480F2
)

// String returns the name of the specification, such as FSCTL_PIPE_WAIT, or the
// value in hexadecimal.
func (c CtlCode) String() string {
	if n, ok := ctlCodeNames[c]; ok {
		return n
	}
	return fmt.Sprintf("CtlCode(0x%08X)", uint32(c))
}

// ctlCodeNames is never written.
var ctlCodeNames = map[CtlCode]string{
	FsctlDfsGetReferrals:                 "FSCTL_DFS_GET_REFERRALS",
	FsctlDfsGetReferralsEx:               "FSCTL_DFS_GET_REFERRALS_EX",
	FsctlIsPathnameValid:                 "FSCTL_IS_PATHNAME_VALID",
	FsctlGetCompression:                  "FSCTL_GET_COMPRESSION",
	FsctlQueryFATBPB:                     "FSCTL_QUERY_FAT_BPB",
	FsctlFilesystemGetStatistics:         "FSCTL_FILESYSTEM_GET_STATISTICS",
	FsctlGetNTFSVolumeData:               "FSCTL_GET_NTFS_VOLUME_DATA",
	FsctlGetRetrievalPointers:            "FSCTL_GET_RETRIEVAL_POINTERS",
	FsctlIsVolumeDirty:                   "FSCTL_IS_VOLUME_DIRTY",
	FsctlAllowExtendedDasdIo:             "FSCTL_ALLOW_EXTENDED_DASD_IO",
	FsctlFindFilesBySID:                  "FSCTL_FIND_FILES_BY_SID",
	FsctlSetObjectID:                     "FSCTL_SET_OBJECT_ID",
	FsctlGetObjectID:                     "FSCTL_GET_OBJECT_ID",
	FsctlDeleteObjectID:                  "FSCTL_DELETE_OBJECT_ID",
	FsctlSetReparsePoint:                 "FSCTL_SET_REPARSE_POINT",
	FsctlGetReparsePoint:                 "FSCTL_GET_REPARSE_POINT",
	FsctlDeleteReparsePoint:              "FSCTL_DELETE_REPARSE_POINT",
	FsctlSetObjectIDExtended:             "FSCTL_SET_OBJECT_ID_EXTENDED",
	FsctlCreateOrGetObjectID:             "FSCTL_CREATE_OR_GET_OBJECT_ID",
	FsctlSetSparse:                       "FSCTL_SET_SPARSE",
	FsctlSetEncryption:                   "FSCTL_SET_ENCRYPTION",
	FsctlReadFileUSNData:                 "FSCTL_READ_FILE_USN_DATA",
	FsctlWriteUSNCloseRecord:             "FSCTL_WRITE_USN_CLOSE_RECORD",
	FsctlExtendVolume:                    "FSCTL_EXTEND_VOLUME",
	FsctlMarkHandle:                      "FSCTL_MARK_HANDLE",
	FsctlSISCopyfile:                     "FSCTL_SIS_COPYFILE",
	FsctlRecallFile:                      "FSCTL_RECALL_FILE",
	FsctlFilePrefetch:                    "FSCTL_FILE_PREFETCH",
	FsctlQuerySparingInfo:                "FSCTL_QUERY_SPARING_INFO",
	FsctlQueryOnDiskVolumeInfo:           "FSCTL_QUERY_ON_DISK_VOLUME_INFO",
	FsctlSetZeroOnDeallocation:           "FSCTL_SET_ZERO_ON_DEALLOCATION",
	FsctlShrinkVolume:                    "FSCTL_SHRINK_VOLUME",
	FsctlSdGlobalChange:                  "FSCTL_SD_GLOBAL_CHANGE",
	FsctlLookupStreamFromCluster:         "FSCTL_LOOKUP_STREAM_FROM_CLUSTER",
	FsctlGetBootAreaInfo:                 "FSCTL_GET_BOOT_AREA_INFO",
	FsctlGetRetrievalPointerBase:         "FSCTL_GET_RETRIEVAL_POINTER_BASE",
	FsctlSetPersistentVolumeState:        "FSCTL_SET_PERSISTENT_VOLUME_STATE",
	FsctlQueryPersistentVolumeState:      "FSCTL_QUERY_PERSISTENT_VOLUME_STATE",
	FsctlGetIntegrityInformation:         "FSCTL_GET_INTEGRITY_INFORMATION",
	FsctlQueryFileRegions:                "FSCTL_QUERY_FILE_REGIONS",
	FsctlGetRefsVolumeData:               "FSCTL_GET_REFS_VOLUME_DATA",
	FsctlQuerySharedVirtualDiskSupport:   "FSCTL_QUERY_SHARED_VIRTUAL_DISK_SUPPORT",
	FsctlSVHDXSyncTunnelRequest:          "FSCTL_SVHDX_SYNC_TUNNEL_REQUEST",
	FsctlStorageQosControl:               "FSCTL_STORAGE_QOS_CONTROL",
	FsctlSVHDXAsyncTunnelRequest:         "FSCTL_SVHDX_ASYNC_TUNNEL_REQUEST",
	FsctlSetIntegrityInformationEx:       "FSCTL_SET_INTEGRITY_INFORMATION_EX",
	FsctlGetRetrievalPointersAndRefcount: "FSCTL_GET_RETRIEVAL_POINTERS_AND_REFCOUNT",
	FsctlGetRetrievalPointerCount:        "FSCTL_GET_RETRIEVAL_POINTER_COUNT",
	FsctlRefsStreamSnapshotManagement:    "FSCTL_REFS_STREAM_SNAPSHOT_MANAGEMENT",
	FsctlQueryAllocatedRanges:            "FSCTL_QUERY_ALLOCATED_RANGES",
	FsctlOffloadRead:                     "FSCTL_OFFLOAD_READ",
	FsctlSetZeroData:                     "FSCTL_SET_ZERO_DATA",
	FsctlSetDefectManagement:             "FSCTL_SET_DEFECT_MANAGEMENT",
	FsctlFileLevelTrim:                   "FSCTL_FILE_LEVEL_TRIM",
	FsctlOffloadWrite:                    "FSCTL_OFFLOAD_WRITE",
	FsctlDuplicateExtentsToFile:          "FSCTL_DUPLICATE_EXTENTS_TO_FILE",
	FsctlDuplicateExtentsToFileEx:        "FSCTL_DUPLICATE_EXTENTS_TO_FILE_EX",
	FsctlSetCompression:                  "FSCTL_SET_COMPRESSION",
	FsctlSetIntegrityInformation:         "FSCTL_SET_INTEGRITY_INFORMATION",
	FsctlPipeWait:                        "FSCTL_PIPE_WAIT",
	FsctlPipePeek:                        "FSCTL_PIPE_PEEK",
	FsctlPipeTransceive:                  "FSCTL_PIPE_TRANSCEIVE",
	FsctlSrvRequestResumeKey:             "FSCTL_SRV_REQUEST_RESUME_KEY",
	FsctlLmrSetLinkTrackingInformation:   "FSCTL_LMR_SET_LINK_TRACKING_INFORMATION",
	FsctlLmrRequestResiliency:            "FSCTL_LMR_REQUEST_RESILIENCY",
	FsctlQueryNetworkInterfaceInfo:       "FSCTL_QUERY_NETWORK_INTERFACE_INFO",
	FsctlValidateNegotiateInfo:           "FSCTL_VALIDATE_NEGOTIATE_INFO",
	FsctlSrvEnumerateSnapshots:           "FSCTL_SRV_ENUMERATE_SNAPSHOTS",
	FsctlSrvCopychunk:                    "FSCTL_SRV_COPYCHUNK",
	FsctlSrvReadHash:                     "FSCTL_SRV_READ_HASH",
	FsctlSrvCopychunkWrite:               "FSCTL_SRV_COPYCHUNK_WRITE",
}
