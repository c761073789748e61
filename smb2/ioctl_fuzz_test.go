package smb2

import (
	"net/netip"
	"testing"
)

func FuzzParseValidateNegotiateInfoRequest(f *testing.F) {
	fuzzCodec(f, ParseValidateNegotiateInfoRequest, 24, ValidateNegotiateInfoRequest{CapDFS, GUID{1}, SigningEnabled, []Dialect{Dialect202, Dialect311}})
}

func FuzzParseValidateNegotiateInfoResponse(f *testing.F) {
	fuzzCodec(f, ParseValidateNegotiateInfoResponse, 24, ValidateNegotiateInfoResponse{CapDFS, GUID{1}, SigningEnabled, Dialect302})
}

func FuzzParseNetworkResiliencyRequest(f *testing.F) {
	fuzzCodec(f, ParseNetworkResiliencyRequest, 8, NetworkResiliencyRequest{1000})
}

func FuzzParseSrvCopychunkCopy(f *testing.F) {
	fuzzCodec(f, ParseSrvCopychunkCopy, 32, SrvCopychunkCopy{[24]byte{1}, []SrvCopychunk{{1, 2, 3}, {4, 5, 6}}})
}

func FuzzParseSrvCopychunkResponse(f *testing.F) {
	fuzzCodec(f, ParseSrvCopychunkResponse, 12, SrvCopychunkResponse{1, 2, 3})
}

func FuzzParseSrvRequestResumeKeyResponse(f *testing.F) {
	fuzzCodec(f, ParseSrvRequestResumeKeyResponse, 28, SrvRequestResumeKeyResponse{[24]byte{1, 23: 2}})
}

func FuzzParseSrvSnapshotArray(f *testing.F) {
	fuzzCodec(f, ParseSrvSnapshotArray, 12, SrvSnapshotArray{2, 102, []string{"@GMT-2026.01.02-03.04.05", "@GMT-2026.01.03-03.04.05"}})
}

func FuzzParseNetworkInterfaceInfo(f *testing.F) {
	fuzzCodec(f, ParseNetworkInterfaceInfo, 0, NetworkInterfaceInfo{{1, InterfaceRSSCapable, 1e9, netip.MustParseAddr("192.0.2.1")}, {2, 0, 1e10, netip.MustParseAddr("2001:db8::1")}, {IfIndex: 3}})
}

func FuzzParsePipeWaitRequest(f *testing.F) {
	fuzzCodec(f, ParsePipeWaitRequest, 14, PipeWaitRequest{5, true, "srvsvc"})
}

func FuzzParsePipePeekResponse(f *testing.F) {
	fuzzCodec(f, ParsePipePeekResponse, 16, PipePeekResponse{PipeConnectedState, 2, 1, 2, []byte{1, 2}})
}

func FuzzParseFileZeroDataInformation(f *testing.F) {
	fuzzCodec(f, ParseFileZeroDataInformation, 16, FileZeroDataInformation{1, 2})
}

func FuzzParseFileAllocatedRangeBuffer(f *testing.F) {
	fuzzCodec(f, ParseFileAllocatedRangeBuffer, 16, FileAllocatedRangeBuffer{1, 2})
}

func FuzzParseFileAllocatedRanges(f *testing.F) {
	fuzzCodec(f, ParseFileAllocatedRanges, 0, FileAllocatedRanges{{1, 2}, {3, 4}})
}

func FuzzParseFileRegion(f *testing.F) {
	fuzzCodec(f, ParseFileRegion, 24, FileRegion{1, 2, RegionValidCachedData})
}

func FuzzParseFileRegions(f *testing.F) {
	fuzzCodec(f, ParseFileRegions, 16, FileRegions{3, []FileRegion{{1, 2, 1}, {3, 4, 2}}})
}

func FuzzParseDuplicateExtentsData(f *testing.F) {
	fuzzCodec(f, ParseDuplicateExtentsData, 40, DuplicateExtentsData{FileID{1, 2}, 3, 4, 5})
}

func FuzzParseDuplicateExtentsDataEx(f *testing.F) {
	fuzzCodec(f, ParseDuplicateExtentsDataEx, 52, DuplicateExtentsDataEx{DuplicateExtentsData{FileID{1, 2}, 3, 4, 5}, DuplicateExtentsSourceAtomic})
}

func FuzzParseFileLevelTrim(f *testing.F) {
	fuzzCodec(f, ParseFileLevelTrim, 8, FileLevelTrim{1, []FileLevelTrimRange{{2, 3}, {4, 5}}})
}

func FuzzParseFileLevelTrimOutput(f *testing.F) {
	fuzzCodec(f, ParseFileLevelTrimOutput, 4, FileLevelTrimOutput{1})
}

func FuzzParseCompressionState(f *testing.F) {
	fuzzCodec(f, ParseCompressionState, 2, CompressionState{CompressionFormatLZNT1})
}

func FuzzParseGetIntegrityInformation(f *testing.F) {
	fuzzCodec(f, ParseGetIntegrityInformation, 16, GetIntegrityInformation{ChecksumCRC64, IntegrityEnforcementOff, 3, 4})
}

func FuzzParseSetIntegrityInformation(f *testing.F) {
	fuzzCodec(f, ParseSetIntegrityInformation, 8, SetIntegrityInformation{ChecksumUnchanged, IntegrityEnforcementOff})
}

func FuzzParseReparseDataBuffer(f *testing.F) {
	fuzzCodec(f, ParseReparseDataBuffer, 8, ReparseDataBuffer{ReparseTagNFS, GUID{}, []byte{1, 2, 3}}, ReparseDataBuffer{0x1234, GUID{1}, []byte{1}})
}

func FuzzParseSymbolicLinkReparse(f *testing.F) {
	fuzzCodec(f, ParseSymbolicLinkReparse, 20, SymbolicLinkReparse{`..\target`, "print", SymlinkFlagRelative})
}

func FuzzParseMountPointReparse(f *testing.F) {
	fuzzCodec(f, ParseMountPointReparse, 16, MountPointReparse{`\??\C:\x`, `C:\x`})
}

func FuzzParseOffloadReadRequest(f *testing.F) {
	fuzzCodec(f, ParseOffloadReadRequest, 32, OffloadReadRequest{1, 2, 3, 4})
}

func FuzzParseOffloadReadResponse(f *testing.F) {
	fuzzCodec(f, ParseOffloadReadResponse, 528, OffloadReadResponse{1, 2, [OffloadTokenSize]byte{3}})
}

func FuzzParseOffloadWriteRequest(f *testing.F) {
	fuzzCodec(f, ParseOffloadWriteRequest, 544, OffloadWriteRequest{1, 2, 3, 4, [OffloadTokenSize]byte{3}})
}

func FuzzParseOffloadWriteResponse(f *testing.F) {
	fuzzCodec(f, ParseOffloadWriteResponse, 16, OffloadWriteResponse{1, 2})
}

func FuzzParseDFSReferralRequest(f *testing.F) {
	fuzzCodec(f, ParseDFSReferralRequest, 2, DFSReferralRequest{4, `\srv\dfs\link`}, DFSReferralRequest{MaxReferralLevel: 3})
}

func FuzzParseDFSReferralRequestEx(f *testing.F) {
	fuzzCodec(f, ParseDFSReferralRequestEx, 8, DFSReferralRequestEx{4, true, `\srv\dfs\link`, "Site"}, DFSReferralRequestEx{MaxReferralLevel: 4, Path: `\srv\dfs`})
}

func FuzzParseDFSReferralResponse(f *testing.F) {
	targets := []DFSReferralTarget{{`\a\x`, false}, {`\b\y\z`, false}}
	fuzzCodec(f, ParseDFSReferralResponse, dfsHeader,
		DFSReferralResponse{1, 26, DFSReferralServers | DFSStorageServers, false, 0, "", targets},
		DFSReferralResponse{2, 26, DFSStorageServers, false, 300, `\srv\dfs\link`, targets},
		DFSReferralResponse{3, 26, DFSStorageServers, true, 300, `\srv\dfs`, targets},
		DFSReferralResponse{4, 26, DFSTargetFailback, false, 300, `\srv\dfs\link`, []DFSReferralTarget{{`\a\x`, true}, {`\b\y\z`, false}}})
}
