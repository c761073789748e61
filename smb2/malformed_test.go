package smb2

import (
	"bytes"
	"encoding/binary"
	"testing"
)

// element is a message with an empty header before the body.
func element(m appender) []byte { return m.Append(make([]byte, HeaderSize)) }

// edit is a change to the bytes of a message, at an offset from its header.
type edit struct {
	at    int
	bytes int // 1, 2 or 4
	value uint64
}

func (e edit) apply(b []byte) {
	var v [8]byte
	binary.LittleEndian.PutUint64(v[:], e.value)
	copy(b[e.at:e.at+e.bytes], v[:])
}

func errOf[T any](parse func([]byte) (T, error)) func([]byte) error {
	return func(b []byte) error {
		_, err := parse(b)
		return err
	}
}

func TestMalformedOffsets(t *testing.T) {
	create := CreateRequest{Name: "abcd", Contexts: []CreateContext{{Name: "MxAc"}, {Name: "QFid", Data: []byte("12345678")}}}
	negotiate := NegotiateRequest{Dialects: []Dialect{Dialect311}, Contexts: []NegotiateContext{{1, []byte("123")}, {2, []byte("4567")}}}
	const contexts = 128 // of create
	for _, tt := range []struct {
		name  string
		parse func([]byte) error
		m     appender
		edits []edit
	}{
		{"create: name in fixed part", errOf(ParseCreateRequest), create, []edit{{108, 2, 119}}},
		{"create: name in header", errOf(ParseCreateRequest), create, []edit{{108, 2, 0}}},
		{"create: name past end", errOf(ParseCreateRequest), create, []edit{{108, 2, 0xFFFE}}},
		{"create: long name", errOf(ParseCreateRequest), create, []edit{{110, 2, 0xFFFE}}},
		{"create: odd name", errOf(ParseCreateRequest), create, []edit{{110, 2, 7}}},
		{"create: contexts wrap", errOf(ParseCreateRequest), create, []edit{{112, 4, 0xFFFFFFF8}, {116, 4, 0x10}}},
		{"create: contexts in header", errOf(ParseCreateRequest), create, []edit{{112, 4, 8}}},
		{"create: contexts long", errOf(ParseCreateRequest), create, []edit{{116, 4, 0xFFFFFFFF}}},
		{"create: contexts short", errOf(ParseCreateRequest), create, []edit{{116, 4, 15}}},
		{"create: next to itself", errOf(ParseCreateRequest), create, []edit{{contexts, 4, 8}}},
		{"create: next unaligned", errOf(ParseCreateRequest), create, []edit{{contexts, 4, 20}}},
		{"create: next to the end", errOf(ParseCreateRequest), create, []edit{{contexts, 4, 56}}},
		{"create: next back", errOf(ParseCreateRequest), create, []edit{{contexts, 4, 0xFFFFFFF8}}},
		{"create: context without name", errOf(ParseCreateRequest), create, []edit{{contexts + 6, 2, 0}}},
		{"create: context name of 3", errOf(ParseCreateRequest), create, []edit{{contexts + 6, 2, 3}}},
		{"create: context name in its header", errOf(ParseCreateRequest), create, []edit{{contexts + 4, 2, 8}}},
		{"create: context name in next one", errOf(ParseCreateRequest), create, []edit{{contexts + 4, 2, 22}}},
		{"create: context data past end", errOf(ParseCreateRequest), create, []edit{{contexts + 24 + 12, 4, 9}}},
		{"create: context data in its header", errOf(ParseCreateRequest), create, []edit{{contexts + 24 + 10, 2, 0}}},
		{"create response: contexts in fixed part", errOf(ParseCreateResponse), CreateResponse{Contexts: create.Contexts}, []edit{{144, 4, 144}}},

		{"negotiate: no dialect", errOf(ParseNegotiateRequest), negotiate, []edit{{66, 2, 0}}},
		{"negotiate: 65 dialects", errOf(ParseNegotiateRequest), NegotiateRequest{Dialects: make([]Dialect, 65)}, nil},
		{"negotiate: dialects past end", errOf(ParseNegotiateRequest), negotiate, []edit{{66, 2, 20}}},
		{"negotiate: contexts over dialects", errOf(ParseNegotiateRequest), negotiate, []edit{{92, 4, 96}}},
		{"negotiate: contexts unaligned", errOf(ParseNegotiateRequest), negotiate, []edit{{92, 4, 103}}},
		{"negotiate: contexts past end", errOf(ParseNegotiateRequest), negotiate, []edit{{92, 4, 0xFFFFFFF8}}},
		{"negotiate: one context too many", errOf(ParseNegotiateRequest), negotiate, []edit{{96, 2, 3}}},
		{"negotiate: 65 contexts", errOf(ParseNegotiateRequest), NegotiateRequest{Dialects: []Dialect{Dialect311}, Contexts: make([]NegotiateContext, 65)}, nil},
		{"negotiate: context data past end", errOf(ParseNegotiateRequest), negotiate, []edit{{104 + 16 + 2, 2, 5}}},
		{"negotiate response: token in header", errOf(ParseNegotiateResponse), NegotiateResponse{SecurityBuffer: []byte{1}}, []edit{{120, 2, 0}}},

		{"session setup: token past end", errOf(ParseSessionSetupRequest), SessionSetupRequest{SecurityBuffer: []byte{1}}, []edit{{78, 2, 2}}},
		{"tree connect: path in fixed part", errOf(ParseTreeConnectRequest), TreeConnectRequest{Path: "ab"}, []edit{{68, 2, 70}}},
		{"tree connect: odd path", errOf(ParseTreeConnectRequest), TreeConnectRequest{Path: "ab"}, []edit{{70, 2, 3}}},

		{"read: channel info past end", errOf(ParseReadRequest), ReadRequest{Channel: 1, ChannelInfo: []byte{1}}, []edit{{110, 2, 2}}},
		{"read response: data in header", errOf(ParseReadResponse), ReadResponse{Data: []byte{1}}, []edit{{66, 1, 0}}},
		{"read response: data long", errOf(ParseReadResponse), ReadResponse{Data: []byte{1}}, []edit{{68, 4, 0xFFFFFFFF}}},
		{"write: offset over 0x100", errOf(ParseWriteRequest), WriteRequest{}, []edit{{66, 2, 0x101}}},
		{"write: data in fixed part", errOf(ParseWriteRequest), WriteRequest{Data: []byte{1}}, []edit{{66, 2, 0x6F}}},
		{"write: data long", errOf(ParseWriteRequest), WriteRequest{Data: []byte{1}}, []edit{{68, 4, 2}}},
		{"write: data wrap", errOf(ParseWriteRequest), WriteRequest{Data: []byte{1}}, []edit{{68, 4, 0xFFFFFFFF}}},
		{"write: data and channel", errOf(ParseWriteRequest), WriteRequest{Channel: 1, ChannelInfo: []byte{1, 2}}, []edit{{66, 2, 112}, {68, 4, 1}}},
		{"lock: none", errOf(ParseLockRequest), LockRequest{Locks: make([]LockElement, 1)}, []edit{{66, 2, 0}}},
		{"lock: two of one", errOf(ParseLockRequest), LockRequest{Locks: make([]LockElement, 1)}, []edit{{66, 2, 2}}},
		{"lock: many of one", errOf(ParseLockRequest), LockRequest{Locks: make([]LockElement, 1)}, []edit{{66, 2, 0xFFFF}}},
		{"ioctl: input unaligned", errOf(ParseIoctlRequest), IoctlRequest{Input: []byte("123456")}, []edit{{88, 4, 121}, {92, 4, 1}}},
		{"ioctl: input in fixed part", errOf(ParseIoctlRequest), IoctlRequest{Input: []byte{1}}, []edit{{88, 4, 112}}},
		{"ioctl: input wraps", errOf(ParseIoctlRequest), IoctlRequest{Input: []byte{1}}, []edit{{88, 4, 0xFFFFFFF8}, {92, 4, 0x80}}},
		{"ioctl response: output past end", errOf(ParseIoctlResponse), IoctlResponse{Output: []byte{1}}, []edit{{100, 4, 2}}},
		{"query directory: odd pattern", errOf(ParseQueryDirectoryRequest), QueryDirectoryRequest{Pattern: "ab"}, []edit{{90, 2, 3}}},
		{"query directory: pattern in header", errOf(ParseQueryDirectoryRequest), QueryDirectoryRequest{Pattern: "ab"}, []edit{{88, 2, 2}}},
		{"query info: quota past end", errOf(ParseQueryInfoRequest), QueryInfoRequest{InfoType: InfoQuota, Input: []byte{1}}, []edit{{76, 4, 0x7FFFFFFF}}},
		{"set info: data in fixed part", errOf(ParseSetInfoRequest), SetInfoRequest{Data: []byte{1}}, []edit{{72, 2, 95}}},
		{"query info response: data past end", errOf(ParseQueryInfoResponse), QueryInfoResponse{Data: []byte{1}}, []edit{{68, 4, 2}}},
		{"error: data past end", errOf(ParseErrorResponse), ErrorResponse{Data: []byte{1}}, []edit{{68, 4, 2}}},
	} {
		b := element(tt.m)
		for _, e := range tt.edits {
			e.apply(b)
		}
		if err := tt.parse(b); err != StatusInvalidParameter {
			t.Errorf("%s: err = %v", tt.name, err)
		}
	}
}

func TestMalformedWithoutHeader(t *testing.T) {
	header := Header{}.Append(nil)
	transform := TransformHeader{Flags: TransformEncrypted}.Append(nil)
	preauth := PreauthIntegrityContext{HashAlgorithms: []uint16{1}, Salt: []byte("salt")}.Append(nil)
	symlink := SymlinkError{SubstituteName: "ab", PrintName: "c"}.Append(nil)
	smb1 := AppendSMB1Negotiate(nil, []string{"SMB 2.002"})
	for _, tt := range []struct {
		name  string
		parse func([]byte) error
		b     []byte
		edits []edit
	}{
		{"header: id", errOf(ParseHeader), header, []edit{{0, 1, 0xFF}}},
		{"header: size", errOf(ParseHeader), header, []edit{{4, 2, 63}}},
		{"header: short", errOf(ParseHeader), header[:63], nil},
		{"transform: id", errOf(ParseTransformHeader), transform, []edit{{0, 1, 0xFC}}},
		{"transform: flags", errOf(ParseTransformHeader), transform, []edit{{42, 2, 3}}},
		{"transform: short", errOf(ParseTransformHeader), transform[:51], nil},
		{"preauth: no hash", errOf(ParsePreauthIntegrityContext), preauth, []edit{{0, 2, 0}}},
		{"preauth: many hashes", errOf(ParsePreauthIntegrityContext), preauth, []edit{{0, 2, 0xFFFF}}},
		{"preauth: long salt", errOf(ParsePreauthIntegrityContext), preauth, []edit{{2, 2, 5}}},
		{"encryption: empty", errOf(ParseEncryptionContext), nil, nil},
		{"encryption: no cipher", errOf(ParseEncryptionContext), []byte{0, 0}, nil},
		{"encryption: half a cipher", errOf(ParseEncryptionContext), []byte{1, 0, 2}, nil},
		{"signing: two of one", errOf(ParseSigningContext), []byte{2, 0, 2, 0}, nil},
		{"lease: 33 bytes", errOf(ParseLeaseContext), make([]byte, 33), nil},
		{"lease: 51 bytes", errOf(ParseLeaseContext), make([]byte, 51), nil},
		{"maximal access: 4 bytes", errOf(ParseMaximalAccessRequest), make([]byte, 4), nil},
		{"durable: 15 bytes", errOf(ParseDurableRequest), make([]byte, 15), nil},
		{"durable v2: 33 bytes", errOf(ParseDurableV2Request), make([]byte, 33), nil},
		{"reconnect v2: 35 bytes", errOf(ParseDurableV2Reconnect), make([]byte, 35), nil},
		{"symlink: tag", errOf(ParseSymlinkError), symlink, []edit{{4, 4, 1}}},
		{"symlink: reparse tag", errOf(ParseSymlinkError), symlink, []edit{{8, 4, 1}}},
		{"symlink: long", errOf(ParseSymlinkError), symlink, []edit{{0, 4, 0xFFFFFFFF}}},
		{"symlink: short", errOf(ParseSymlinkError), symlink, []edit{{0, 4, 23}}},
		{"symlink: reparse data long", errOf(ParseSymlinkError), symlink, []edit{{12, 2, 19}}},
		{"symlink: name past end", errOf(ParseSymlinkError), symlink, []edit{{16, 2, 4}}},
		{"symlink: print name past end", errOf(ParseSymlinkError), symlink, []edit{{22, 2, 4}}},
		{"smb1: other command", errOf(ParseSMB1Negotiate), smb1, []edit{{4, 1, 0x73}}},
		{"smb1: parameters", errOf(ParseSMB1Negotiate), smb1, []edit{{32, 1, 1}}},
		{"smb1: long", errOf(ParseSMB1Negotiate), smb1, []edit{{33, 2, 12}}},
		{"smb1: no end", errOf(ParseSMB1Negotiate), smb1, []edit{{33, 2, 10}}},
		{"smb1: nothing", errOf(ParseSMB1Negotiate), smb1, []edit{{33, 2, 0}}},
		{"smb1: format", errOf(ParseSMB1Negotiate), smb1, []edit{{35, 1, 4}}},
		{"smb1: 65 dialects", errOf(ParseSMB1Negotiate), AppendSMB1Negotiate(nil, make([]string, 65)), nil},
	} {
		b := bytes.Clone(tt.b)
		for _, e := range tt.edits {
			e.apply(b)
		}
		if err := tt.parse(b); err != StatusInvalidParameter {
			t.Errorf("%s: err = %v", tt.name, err)
		}
	}
}

func TestManyContexts(t *testing.T) {
	x := CreateContext{Name: ContextMxAc}
	list := make([]CreateContext, 0, 65)
	for range 64 {
		list = append(list, x)
	}
	if got, err := ParseCreateContexts(AppendCreateContexts(nil, list)); err != nil || len(got) != 64 {
		t.Fatalf("64 contexts: %d, %v", len(got), err)
	}
	if _, err := ParseCreateContexts(AppendCreateContexts(nil, append(list, x))); err != StatusInvalidParameter {
		t.Fatalf("65 contexts: %v", err)
	}
}

// Clients differ in whether they send the byte that an odd StructureSize counts,
// and in what they leave in an offset without length.
func TestTolerance(t *testing.T) {
	for _, tt := range []struct {
		name  string
		parse func([]byte) error
		m     appender
		size  int // of the body
		edits []edit
	}{
		{"create", errOf(ParseCreateRequest), CreateRequest{}, 56, []edit{{108, 2, 0}, {112, 4, 0xFFFFFFFF}}},
		{"read", errOf(ParseReadRequest), ReadRequest{}, 48, []edit{{108, 2, 0xFFFF}, {110, 2, 0xFFFF}}},
		{"write", errOf(ParseWriteRequest), WriteRequest{}, 48, []edit{{66, 2, 0}, {104, 2, 0xFFFF}, {106, 2, 0xFFFF}}},
		{"session setup", errOf(ParseSessionSetupRequest), SessionSetupRequest{}, 24, []edit{{76, 2, 0xFFFF}}},
		{"tree connect", errOf(ParseTreeConnectRequest), TreeConnectRequest{}, 8, []edit{{68, 2, 0}}},
		{"ioctl", errOf(ParseIoctlRequest), IoctlRequest{}, 56, []edit{{88, 4, 3}, {100, 4, 0xFFFFFFFF}, {104, 4, 0xFFFFFFFF}}},
		{"query directory", errOf(ParseQueryDirectoryRequest), QueryDirectoryRequest{}, 32, []edit{{88, 2, 0xFFFF}}},
		{"query info", errOf(ParseQueryInfoRequest), QueryInfoRequest{InfoType: InfoFile, Class: 4}, 40, []edit{{72, 2, 0xFFFF}, {76, 4, 0xFFFFFFFF}}},
		{"set info", errOf(ParseSetInfoRequest), SetInfoRequest{}, 32, []edit{{72, 2, 0}}},
		{"error", errOf(ParseErrorResponse), ErrorResponse{}, 8, nil},
		{"read response", errOf(ParseReadResponse), ReadResponse{}, 16, []edit{{66, 1, 0}}},
		{"negotiate", errOf(ParseNegotiateRequest), NegotiateRequest{Dialects: []Dialect{Dialect302}}, 38, []edit{{92, 4, 1}, {96, 2, 77}}},
		{"negotiate response", errOf(ParseNegotiateResponse), NegotiateResponse{}, 64, []edit{{70, 2, 7}, {120, 2, 0}, {124, 4, 0xFFFFFFFF}}},
	} {
		b := element(tt.m)
		for _, e := range tt.edits {
			e.apply(b)
		}
		if err := tt.parse(append(bytes.Clone(b), 0)); err != nil {
			t.Errorf("%s with one byte more: %v", tt.name, err)
		}
		if err := tt.parse(b[:HeaderSize+tt.size]); err != nil {
			t.Errorf("%s of %d bytes: %v", tt.name, tt.size, err)
		}
		if err := tt.parse(b[:HeaderSize+tt.size-1]); err != StatusInvalidParameter {
			t.Errorf("%s of %d bytes: %v", tt.name, tt.size-1, err)
		}
	}
}
