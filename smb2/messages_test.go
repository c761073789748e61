package smb2

import (
	"bytes"
	"reflect"
	"testing"
)

type appender interface{ Append([]byte) []byte }

// fuzzMessage is the fuzz target of a message: whatever parses is the same after
// Append and another parse. The seeds must survive the round trip, which go test
// checks.
func fuzzMessage[T appender](f *testing.F, parse func([]byte) (T, error), seeds ...T) {
	f.Helper()
	fuzzElement(f, parse, make([]byte, HeaderSize), seeds...)
}

// fuzzContext is fuzzMessage for what has no header before it.
func fuzzContext[T appender](f *testing.F, parse func([]byte) (T, error), seeds ...T) {
	f.Helper()
	fuzzElement(f, parse, nil, seeds...)
}

func fuzzElement[T appender](f *testing.F, parse func([]byte) (T, error), before []byte, seeds ...T) {
	f.Helper()
	for _, want := range seeds {
		b := want.Append(bytes.Clone(before))
		if got, err := parse(b); err != nil || !reflect.DeepEqual(got, want) {
			f.Fatalf("got %+v, %v, want %+v from\n% x", got, err, want, b)
		}
		after := want.Append([]byte{1, 2, 3})
		if !bytes.Equal(after[3:], b[len(before):]) {
			f.Fatalf("Append depends on what is before it:\n% x\n% x", after[3:], b[len(before):])
		}
		for n := range b {
			if _, err := parse(b[:n:n]); err != nil && err != StatusInvalidParameter {
				f.Fatalf("%d of %d bytes: %v", n, len(b), err)
			}
		}
		if len(before) > 0 {
			checkStructureSize(f, parse, b)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		want, err := parse(b)
		if err != nil {
			if err != StatusInvalidParameter {
				t.Fatal(err)
			}
			return
		}
		b = want.Append(bytes.Clone(before))
		if got, err := parse(b); err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("got %+v, %v, want %+v", got, err, want)
		}
	})
}

// checkStructureSize tries b with a StructureSize off by one, and cut down to
// less than any fixed part.
func checkStructureSize[T any](f *testing.F, parse func([]byte) (T, error), b []byte) {
	f.Helper()
	b = bytes.Clone(b)
	b[HeaderSize]++
	if _, err := parse(b); err != StatusInvalidParameter {
		f.Fatalf("wrong StructureSize: %v", err)
	}
	b[HeaderSize]--
	if _, err := parse(b[:HeaderSize+1]); err != StatusInvalidParameter {
		f.Fatalf("no body: %v", err)
	}
}

var (
	id1  = FileID{Persistent: 0x1112131415161718, Volatile: 0x2122232425262728}
	guid = GUID{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}
	key1 = [16]byte{0x31, 0x32, 15: 0x3F}
	key2 = [16]byte{0x41, 0x42, 15: 0x4F}
)

func FuzzParseHeader(f *testing.F) {
	fuzzContext(f, ParseHeader,
		Header{CreditCharge: 1, Status: 0x01020304, Command: CommandRead, Credits: 31, Flags: FlagSigned,
			NextCommand: 128, MessageID: 1 << 40, TreeID: 5, SessionID: 1 << 50, Signature: key1},
		Header{Flags: FlagServerToRedir | FlagAsync, AsyncID: 1<<63 | 7, Command: CommandChangeNotify, Status: 0x103})
}

func FuzzParseTransformHeader(f *testing.F) {
	fuzzContext(f, ParseTransformHeader, TransformHeader{Signature: key1, Nonce: key2, OriginalMessageSize: 0x01020304,
		Flags: TransformEncrypted, SessionID: 1 << 60})
}

func FuzzParseErrorResponse(f *testing.F) {
	fuzzMessage(f, ParseErrorResponse,
		ErrorResponse{},
		ErrorResponse{Data: []byte{0, 1, 0, 0}},
		ErrorResponse{ContextCount: 2, Data: AppendErrorContexts(nil, []ErrorContext{{Data: []byte{1, 2, 3}}, {ID: ErrorIDShareRedirect}})})
}

func FuzzParseSymlinkError(f *testing.F) {
	fuzzContext(f, ParseSymlinkError,
		SymlinkError{},
		SymlinkError{UnparsedPathLength: 0x2E, SubstituteName: `..\DonHall\Documents\PDocs`, PrintName: `..\DonHall`, Flags: SymlinkFlagRelative})
}

func FuzzParseNegotiateRequest(f *testing.F) {
	fuzzMessage(f, ParseNegotiateRequest,
		NegotiateRequest{SecurityMode: SigningEnabled, Dialects: []Dialect{Dialect202}},
		NegotiateRequest{SecurityMode: SigningRequired, Capabilities: CapDFS | CapEncryption, ClientGUID: guid,
			Dialects: []Dialect{Dialect202, Dialect210, Dialect300, Dialect302, Dialect311},
			Contexts: []NegotiateContext{
				{ContextPreauthIntegrity, PreauthIntegrityContext{[]uint16{HashSHA512}, []byte("0123456789")}.Append(nil)},
				{ContextEncryption, EncryptionContext{[]uint16{2, 1}}.Append(nil)},
				{0x7777, nil},
				{ContextNetname, []byte("s\x00")},
			}},
		NegotiateRequest{Dialects: []Dialect{Dialect311}})
}

func FuzzParseNegotiateResponse(f *testing.F) {
	r := NegotiateResponse{SecurityMode: SigningEnabled, Dialect: Dialect302, ServerGUID: guid, Capabilities: CapLeasing,
		MaxTransactSize: 1 << 20, MaxReadSize: 1 << 21, MaxWriteSize: 1 << 22, SystemTime: 0x1C6A6C21CAE2680,
		ServerStartTime: 1, SecurityBuffer: []byte("token")}
	r311 := r
	r311.Dialect = Dialect311
	r311.Contexts = []NegotiateContext{
		{ContextPreauthIntegrity, PreauthIntegrityContext{[]uint16{HashSHA512}, []byte("salt")}.Append(nil)},
		{ContextSigning, SigningContext{[]uint16{2}}.Append(nil)},
	}
	fuzzMessage(f, ParseNegotiateResponse, r, r311, NegotiateResponse{})
}

func FuzzParsePreauthIntegrityContext(f *testing.F) {
	fuzzContext(f, ParsePreauthIntegrityContext,
		PreauthIntegrityContext{HashAlgorithms: []uint16{1, 7}, Salt: []byte("salt")},
		PreauthIntegrityContext{HashAlgorithms: []uint16{1}})
}

func FuzzParseEncryptionContext(f *testing.F) {
	fuzzContext(f, ParseEncryptionContext, EncryptionContext{Ciphers: []uint16{4, 3, 2, 1, 99}})
}

func FuzzParseSigningContext(f *testing.F) {
	fuzzContext(f, ParseSigningContext, SigningContext{Algorithms: []uint16{0, 1, 2}})
}

func FuzzParseSessionSetupRequest(f *testing.F) {
	fuzzMessage(f, ParseSessionSetupRequest,
		SessionSetupRequest{Flags: SessionFlagBinding, SecurityMode: SigningRequired, Capabilities: CapDFS, Channel: 3,
			PreviousSessionID: 1 << 44, SecurityBuffer: []byte("token")},
		SessionSetupRequest{})
}

func FuzzParseSessionSetupResponse(f *testing.F) {
	fuzzMessage(f, ParseSessionSetupResponse, SessionSetupResponse{Flags: SessionEncryptData, SecurityBuffer: []byte("token")}, SessionSetupResponse{})
}

func FuzzParseLogoffRequest(f *testing.F)  { fuzzMessage(f, ParseLogoffRequest, LogoffRequest{}) }
func FuzzParseLogoffResponse(f *testing.F) { fuzzMessage(f, ParseLogoffResponse, LogoffResponse{}) }
func FuzzParseEchoRequest(f *testing.F)    { fuzzMessage(f, ParseEchoRequest, EchoRequest{}) }
func FuzzParseEchoResponse(f *testing.F)   { fuzzMessage(f, ParseEchoResponse, EchoResponse{}) }
func FuzzParseCancelRequest(f *testing.F)  { fuzzMessage(f, ParseCancelRequest, CancelRequest{}) }

func FuzzParseTreeConnectRequest(f *testing.F) {
	fuzzMessage(f, ParseTreeConnectRequest,
		TreeConnectRequest{Path: `\\server\share`},
		TreeConnectRequest{Flags: TreeExtensionPresent | TreeClusterReconnect, Path: `\\s\Größe😀`},
		TreeConnectRequest{})
}

func FuzzParseTreeConnectResponse(f *testing.F) {
	fuzzMessage(f, ParseTreeConnectResponse, TreeConnectResponse{ShareType: ShareTypePipe, ShareFlags: ShareNoCaching | ShareEncryptData,
		Capabilities: ShareCapDFS, MaximalAccess: 0x001F01FF})
}

func FuzzParseTreeDisconnectRequest(f *testing.F) {
	fuzzMessage(f, ParseTreeDisconnectRequest, TreeDisconnectRequest{})
}

func FuzzParseTreeDisconnectResponse(f *testing.F) {
	fuzzMessage(f, ParseTreeDisconnectResponse, TreeDisconnectResponse{})
}

var contextSeeds = []CreateContext{
	{Name: ContextMxAc},
	{Name: ContextRqLs, Data: LeaseContext{Version: 2, Key: key1, State: 7, ParentKey: key2, Epoch: 3}.Append(nil)},
	{Name: ContextAppInstanceID, Data: []byte("12345")},
	{Name: "longer name", Data: []byte{1}},
}

func FuzzParseCreateRequest(f *testing.F) {
	r := CreateRequest{OplockLevel: OplockBatch, Impersonation: ImpersonationImpersonation, DesiredAccess: 0x00120089,
		FileAttributes: 0x80, ShareAccess: ShareRead | ShareWrite, Disposition: OpenIf,
		Options: OptionNonDirectoryFile, Name: "dir\\a lone \xED\xA0\xBD.txt"}
	withContexts := r
	withContexts.Contexts = contextSeeds
	fuzzMessage(f, ParseCreateRequest, CreateRequest{}, r, withContexts, CreateRequest{Contexts: contextSeeds[:1]})
}

func FuzzParseCreateResponse(f *testing.F) {
	r := CreateResponse{OplockLevel: OplockLease, Flags: CreateFlagReparsePoint, Action: ActionCreated, CreationTime: 1 << 56,
		LastAccessTime: 2, LastWriteTime: 3, ChangeTime: 4, AllocationSize: 1 << 40, EndOfFile: 1<<40 - 5,
		FileAttributes: 0x20, FileID: id1}
	withContexts := r
	withContexts.Contexts = contextSeeds
	fuzzMessage(f, ParseCreateResponse, r, withContexts)
}

// contextList makes a list an appender.
type contextList []CreateContext

func (l contextList) Append(dst []byte) []byte { return AppendCreateContexts(dst, l) }

func FuzzParseCreateContexts(f *testing.F) {
	parse := func(b []byte) (contextList, error) {
		l, err := ParseCreateContexts(b)
		return contextList(l), err
	}
	fuzzContext(f, parse, nil, contextSeeds, contextSeeds[1:2])
}

type errorContextList []ErrorContext

func (l errorContextList) Append(dst []byte) []byte {
	return AppendErrorContexts(append(dst, byte(len(l))), l)
}

func FuzzParseErrorContexts(f *testing.F) {
	parse := func(b []byte) (errorContextList, error) {
		if len(b) == 0 {
			return nil, nil
		}
		l, err := ParseErrorContexts(b[1:], b[0])
		return errorContextList(l), err
	}
	fuzzContext(f, parse, nil, errorContextList{{ID: ErrorIDDefault, Data: []byte("abc")}, {ID: 7}, {ID: 8, Data: []byte("x")}})
}

func FuzzParseMaximalAccessRequest(f *testing.F) {
	fuzzContext(f, ParseMaximalAccessRequest, MaximalAccessRequest{}, MaximalAccessRequest{Timestamp: 1 << 56})
}

func FuzzParseMaximalAccessResponse(f *testing.F) {
	fuzzContext(f, ParseMaximalAccessResponse, MaximalAccessResponse{Status: StatusInvalidParameter, MaximalAccess: 0x001F01FF})
}

func FuzzParseAllocationSizeRequest(f *testing.F) {
	fuzzContext(f, ParseAllocationSizeRequest, AllocationSizeRequest{Size: 1 << 50})
}

func FuzzParseTimewarpRequest(f *testing.F) {
	fuzzContext(f, ParseTimewarpRequest, TimewarpRequest{Timestamp: 1 << 56})
}

func FuzzParseQueryOnDiskIDResponse(f *testing.F) {
	fuzzContext(f, ParseQueryOnDiskIDResponse, QueryOnDiskIDResponse{DiskFileID: 1 << 56, VolumeID: 2})
}

func FuzzParseLeaseContext(f *testing.F) {
	fuzzContext(f, ParseLeaseContext,
		LeaseContext{Version: 1, Key: key1, State: LeaseRead | LeaseWrite, Flags: LeaseBreakInProgress},
		LeaseContext{Version: 2, Key: key1, State: LeaseRead | LeaseHandle, Flags: LeaseParentKeySet, ParentKey: key2, Epoch: 0x0102})
}

func FuzzParseDurableRequest(f *testing.F) { fuzzContext(f, ParseDurableRequest, DurableRequest{}) }

func FuzzParseDurableResponse(f *testing.F) { fuzzContext(f, ParseDurableResponse, DurableResponse{}) }

func FuzzParseDurableReconnect(f *testing.F) {
	fuzzContext(f, ParseDurableReconnect, DurableReconnect{FileID: id1})
}

func FuzzParseDurableV2Request(f *testing.F) {
	fuzzContext(f, ParseDurableV2Request, DurableV2Request{Timeout: 60000, Flags: DurableFlagPersistent, CreateGUID: guid})
}

func FuzzParseDurableV2Response(f *testing.F) {
	fuzzContext(f, ParseDurableV2Response, DurableV2Response{Timeout: 60000, Flags: DurableFlagPersistent})
}

func FuzzParseAppInstanceID(f *testing.F) {
	fuzzContext(f, ParseAppInstanceID, AppInstanceID{ID: guid})
}

func FuzzParseAppInstanceVersion(f *testing.F) {
	fuzzContext(f, ParseAppInstanceVersion, AppInstanceVersion{High: 1, Low: 2})
}

func FuzzParseDurableV2Reconnect(f *testing.F) {
	fuzzContext(f, ParseDurableV2Reconnect, DurableV2Reconnect{FileID: id1, CreateGUID: guid, Flags: DurableFlagPersistent})
}

func FuzzParseCloseRequest(f *testing.F) {
	fuzzMessage(f, ParseCloseRequest, CloseRequest{Flags: CloseFlagPostqueryAttrib, FileID: id1})
}

func FuzzParseCloseResponse(f *testing.F) {
	fuzzMessage(f, ParseCloseResponse, CloseResponse{Flags: CloseFlagPostqueryAttrib, CreationTime: 1 << 56, LastAccessTime: 2,
		LastWriteTime: 3, ChangeTime: 4, AllocationSize: 4096, EndOfFile: 98, FileAttributes: 0x20})
}

func FuzzParseFlushRequest(f *testing.F) {
	fuzzMessage(f, ParseFlushRequest, FlushRequest{Reserved1: 0xFFFF, FileID: id1})
}

func FuzzParseFlushResponse(f *testing.F) { fuzzMessage(f, ParseFlushResponse, FlushResponse{}) }

func FuzzParseReadRequest(f *testing.F) {
	fuzzMessage(f, ParseReadRequest,
		ReadRequest{Padding: 80, Flags: ReadUnbuffered, Length: 1 << 20, Offset: 1 << 40, FileID: id1, MinimumCount: 1, RemainingBytes: 9},
		ReadRequest{Length: 5, Channel: ChannelRDMA, RemainingBytes: 5, ChannelInfo: make([]byte, 16)})
}

func FuzzParseReadResponse(f *testing.F) {
	fuzzMessage(f, ParseReadResponse, ReadResponse{DataRemaining: 3, Flags: 1, Data: []byte("some data")}, ReadResponse{})
}

func FuzzParseWriteRequest(f *testing.F) {
	fuzzMessage(f, ParseWriteRequest,
		WriteRequest{Offset: 1 << 40, FileID: id1, RemainingBytes: 4, Flags: WriteFlagWriteThrough, Data: []byte("some data")},
		WriteRequest{FileID: id1, Channel: ChannelRDMAInvalidate, RemainingBytes: 4, ChannelInfo: make([]byte, 32)},
		WriteRequest{FileID: RelatedFileID})
}

// Of a WRITE that has not come as a whole there is as much of the data as has come, if they are the last of it.
func TestParseWriteRequestStart(t *testing.T) {
	req := WriteRequest{Offset: 5, FileID: id1, Flags: WriteFlagWriteThrough, Data: []byte("some data")}
	msg := req.Append(make([]byte, HeaderSize))
	for n := range len(msg) {
		got, err := ParseWriteRequestStart(msg[:n], len(msg)-n)
		fixed := HeaderSize + 48
		if n < fixed {
			if err == nil {
				t.Errorf("%d bytes were enough", n)
			}
			continue
		}
		want := req
		if want.Data = nil; n > fixed {
			want.Data = req.Data[:n-fixed]
		}
		if len(got.Data) == 0 {
			got.Data = nil
		}
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%d bytes: %+v, %v", n, got, err)
		}
	}
	for _, missing := range []int{2, 4, 1 << 20} {
		if _, err := ParseWriteRequestStart(msg[:len(msg)-3], missing); err == nil {
			t.Errorf("3 bytes are missing, %d were said to be", missing)
		}
	}
	other := req
	other.Channel = ChannelRDMA
	if _, err := ParseWriteRequestStart(other.Append(make([]byte, HeaderSize))[:len(msg)-3], 3); err == nil {
		t.Error("data that don't come this way")
	}
}

func FuzzParseWriteResponse(f *testing.F) {
	fuzzMessage(f, ParseWriteResponse, WriteResponse{Count: 0x01020304})
}

func FuzzParseLockRequest(f *testing.F) {
	fuzzMessage(f, ParseLockRequest, LockRequest{LockSequence: 0x21, FileID: id1, Locks: []LockElement{
		{Offset: 1 << 63, Length: 7, Flags: LockExclusive | LockFailImmediately},
		{Offset: 0, Length: ^uint64(0), Flags: LockUnlock},
	}})
}

func FuzzParseLockResponse(f *testing.F) { fuzzMessage(f, ParseLockResponse, LockResponse{}) }

func FuzzParseIoctlRequest(f *testing.F) {
	fuzzMessage(f, ParseIoctlRequest,
		IoctlRequest{CtlCode: 0x0011C017, FileID: id1, MaxInputResponse: 1, MaxOutputResponse: 1 << 16, Flags: IoctlFlagFsctl, Input: []byte("input")},
		IoctlRequest{CtlCode: 0x00140204, FileID: RelatedFileID})
}

func FuzzParseIoctlResponse(f *testing.F) {
	fuzzMessage(f, ParseIoctlResponse,
		IoctlResponse{CtlCode: 0x0011C017, FileID: id1, Output: []byte("output")},
		IoctlResponse{CtlCode: 0x0011C017, FileID: id1, Input: []byte("in"), Output: []byte("output"), Flags: 3},
		IoctlResponse{Input: []byte("in")},
		IoctlResponse{})
}

func FuzzParseQueryDirectoryRequest(f *testing.F) {
	fuzzMessage(f, ParseQueryDirectoryRequest,
		QueryDirectoryRequest{Class: 37, Flags: RestartScans | IndexSpecified, FileIndex: 9, FileID: id1, OutputLength: 65536, Pattern: "*.tøt"},
		QueryDirectoryRequest{})
}

func FuzzParseQueryDirectoryResponse(f *testing.F) {
	fuzzMessage(f, ParseQueryDirectoryResponse, QueryDirectoryResponse{Data: []byte("entries")}, QueryDirectoryResponse{})
}

func FuzzParseChangeNotifyRequest(f *testing.F) {
	fuzzMessage(f, ParseChangeNotifyRequest, ChangeNotifyRequest{Flags: ChangeNotifyWatchTree, OutputLength: 65536, FileID: id1, Filter: 0xFFF})
}

func FuzzParseChangeNotifyResponse(f *testing.F) {
	fuzzMessage(f, ParseChangeNotifyResponse, ChangeNotifyResponse{Data: []byte("changes")}, ChangeNotifyResponse{})
}

func FuzzParseQueryInfoRequest(f *testing.F) {
	fuzzMessage(f, ParseQueryInfoRequest,
		QueryInfoRequest{InfoType: InfoSecurity, OutputLength: 4096, Additional: 7, FileID: id1},
		QueryInfoRequest{InfoType: InfoFile, Class: 15, OutputLength: 4096, Flags: 1, FileID: id1, Input: []byte("ea names")},
		QueryInfoRequest{InfoType: InfoQuota, FileID: id1, Input: []byte("quota")})
}

func FuzzParseQueryInfoResponse(f *testing.F) {
	fuzzMessage(f, ParseQueryInfoResponse, QueryInfoResponse{Data: []byte("info")}, QueryInfoResponse{})
}

func FuzzParseSetInfoRequest(f *testing.F) {
	fuzzMessage(f, ParseSetInfoRequest,
		SetInfoRequest{InfoType: InfoFile, Class: 20, Additional: 4, FileID: id1, Data: []byte("12345678")},
		SetInfoRequest{})
}

func FuzzParseSetInfoResponse(f *testing.F) { fuzzMessage(f, ParseSetInfoResponse, SetInfoResponse{}) }

func FuzzParseOplockBreak(f *testing.F) {
	fuzzMessage(f, ParseOplockBreak, OplockBreak{Level: OplockLevelII, FileID: id1})
}

func FuzzParseLeaseBreakNotification(f *testing.F) {
	fuzzMessage(f, ParseLeaseBreakNotification, LeaseBreakNotification{NewEpoch: 0x0102, Flags: LeaseBreakAckRequired,
		LeaseKey: key1, CurrentState: LeaseRead | LeaseHandle | LeaseWrite, NewState: LeaseRead})
}

func FuzzParseLeaseBreakAck(f *testing.F) {
	fuzzMessage(f, ParseLeaseBreakAck, LeaseBreakAck{LeaseKey: key1, State: LeaseRead | LeaseHandle})
}

type smb1Dialects []string

func (d smb1Dialects) Append(dst []byte) []byte { return AppendSMB1Negotiate(dst, d) }

func FuzzParseSMB1Negotiate(f *testing.F) {
	parse := func(b []byte) (smb1Dialects, error) {
		d, err := ParseSMB1Negotiate(b)
		return smb1Dialects(d), err
	}
	fuzzContext(f, parse, smb1Dialects{"NT LM 0.12", SMB1DialectSMB2002, SMB1DialectSMB2xxx}, smb1Dialects{""})
}
