package smb_test

import (
	"encoding/binary"

	"github.com/gosmbd/smb/internal/smbtest"
	"github.com/gosmbd/smb/smb2"
)

// mutate changes some bytes of body, or takes it from the input.
func (s *script) mutate(body smbtest.Body) smbtest.Body {
	n := s.byte()
	if n&0x80 != 0 {
		return smbtest.Raw(s.bytes(int(n & 0x7F)))
	}
	raw := body.Append(make([]byte, smb2.HeaderSize))[smb2.HeaderSize:]
	for range n & 3 {
		if at := int(s.byte()); at < len(raw) {
			raw[at] = s.byte()
		}
	}
	raw = raw[:len(raw)-min(len(raw), int(n>>4&7))]
	return smbtest.Raw(append(raw, s.bytes(int(n>>2&3)*8)...))
}

// names are few, so that opens meet.
var fuzzNames = []string{"f", "g", "d", `d\f`, `d\g`, "", "f:s", "d2"}

// body returns the request of an op.
func (p *peer) body(op byte) (smb2.Command, smbtest.Body) {
	s := p.s
	switch op {
	case opCreate:
		return smb2.CommandCreate, s.create()
	case opClose:
		return smb2.CommandClose, smb2.CloseRequest{FileID: s.id()}
	case opRead:
		id, x := s.id(), s.byte()
		return smb2.CommandRead, smb2.ReadRequest{FileID: id, Offset: uint64(x & 15), Length: uint32(x>>4) << 4}
	case opWrite:
		id, x := s.id(), s.byte()
		return smb2.CommandWrite, smb2.WriteRequest{FileID: id, Offset: uint64(x & 15), Data: make([]byte, x>>4)}
	case opLock:
		return smb2.CommandLock, s.lock()
	case opResilient:
		id, x := s.id(), s.byte()
		in := binary.LittleEndian.AppendUint32(nil, []uint32{0, 1000, 30000, 300000}[x&3])
		return smb2.CommandIoctl, smbtest.IoctlReq(id, smb2.FsctlLmrRequestResiliency, append(in, 0, 0, 0, 0), 0)
	case opIoctl:
		id, x := s.id(), s.byte()
		code, in := fuzzCodes[int(x&15)%len(fuzzCodes)], s.bytes(int(x>>4)*4)
		if len(in) == 0 {
			in = extentsInput(code, id)
		}
		if code == smb2.FsctlValidateNegotiateInfo {
			p.tampered = true // it ends the connection, unless it says what NEGOTIATE said
		}
		if code == smb2.FsctlSrvCopychunk && len(in) == 0 {
			// One chunk: the first 4 bytes to offset 8.
			in = append(append(in, s.key[:]...), 1, 0, 0, 0, 0, 0, 0, 0)
			in = append(in, 0, 0, 0, 0, 0, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0)
		}
		if code == smb2.FsctlSetReparsePoint && len(in) == 0 {
			in = relative(fuzzNames[id.Volatile&7]).Append(nil)
		}
		if code == smb2.FsctlSrvCopychunk && len(in) == 4 {
			in = append(append(in[:0], s.key[:]...), make([]byte, 8)...) // all, for a Mac
		}
		return smb2.CommandIoctl, smbtest.IoctlReq(id, code, in, 1024)
	case opNotify:
		id, x := s.id(), s.byte()
		filter := []uint32{notifyAll, notifyName, 0x100, 0}[x&3]
		return smb2.CommandChangeNotify, smb2.ChangeNotifyRequest{
			FileID: id, Flags: uint16(x >> 2 & 1), Filter: filter, OutputLength: []uint32{1000, 0, 16, 65536}[x>>3&3],
		}
	case opQueryDir:
		id, x := s.id(), s.byte()
		return smb2.CommandQueryDirectory, smb2.QueryDirectoryRequest{
			FileID: id, Class: smb2.ClassFileIdBothDirectoryInformation, OutputLength: uint32(x) << 4, Pattern: "*",
		}
	case opQueryInfo:
		id, x, class := s.id(), s.byte(), s.byte()
		req := smb2.QueryInfoRequest{
			FileID: id, InfoType: smb2.InfoType(x&3) + 1, Class: class, OutputLength: uint32(x>>2) << 5,
		}
		if class == uint8(smb2.ClassFileFullEaInformation) {
			how := s.byte()
			req.Flags, req.Additional, req.Input = uint32(how&7), uint32(how>>3&3), s.bytes(int(how>>5))
			if how&0xE0 == 0xE0 {
				req.Input = smb2.FileGetEaInformation{"B", "a"}.Append(nil)
			}
		}
		return smb2.CommandQueryInfo, req
	case opSetInfo:
		return smb2.CommandSetInfo, s.setInfo()
	case opFlush:
		return smb2.CommandFlush, smb2.FlushRequest{FileID: s.id()}
	case opAck:
		return smb2.CommandOplockBreak, p.ack()
	case opWrongAck:
		return smb2.CommandOplockBreak, s.wrongAck()
	case opTree:
		return smb2.CommandTreeConnect, smb2.TreeConnectRequest{Path: `\\server\` + fuzzShares[s.byte()&3]}
	case opTreeDisconnect:
		return smb2.CommandTreeDisconnect, smb2.TreeDisconnectRequest{}
	case opLogoff:
		return smb2.CommandLogoff, smb2.LogoffRequest{}
	case opCommand:
		cmd := smb2.Command(s.byte() % 20)
		if cmd == smb2.CommandNegotiate {
			p.tampered = true // it ends the connection
		}
		if b, found := bodies(s.id())[cmd]; found {
			return cmd, b
		}
		return cmd, smb2.EchoRequest{}
	}
	p.tampered = true
	cmd, n := smb2.Command(s.byte()), int(s.byte())
	return cmd, smbtest.Raw(s.bytes(n))
}

// extentsInput is input that a control of extents accepts.
func extentsInput(code smb2.CtlCode, id smb2.FileID) []byte {
	switch code {
	case smb2.FsctlSetZeroData:
		return zeroData{FileOffset: 2, BeyondFinalZero: 4}.Append(nil)
	case smb2.FsctlQueryAllocatedRanges:
		return allocd{Length: 100}.Append(nil)
	case smb2.FsctlDuplicateExtentsToFile:
		return smb2.DuplicateExtentsData{SourceFileID: id, TargetFileOffset: 4096, ByteCount: 4096}.Append(nil)
	case smb2.FsctlOffloadRead:
		return smb2.OffloadReadRequest{CopyLength: 512}.Append(nil)
	case smb2.FsctlOffloadWrite:
		return smb2.OffloadWriteRequest{CopyLength: 512, Token: [smb2.OffloadTokenSize]byte{0xFF, 0xFF, 0, 1}}.Append(nil)
	case smb2.FsctlFileLevelTrim:
		return smb2.FileLevelTrim{Ranges: []smb2.FileLevelTrimRange{{Length: 4096}}}.Append(nil)
	case smb2.FsctlSetCompression:
		return smb2.CompressionState{Format: smb2.CompressionFormatDefault}.Append(nil)
	}
	return nil
}

var fuzzCodes = []smb2.CtlCode{
	smb2.FsctlSrvRequestResumeKey, smb2.FsctlCreateOrGetObjectID, smb2.FsctlGetReparsePoint, smb2.FsctlSetSparse,
	smb2.FsctlQueryAllocatedRanges, smb2.FsctlSrvCopychunk, smb2.FsctlQueryNetworkInterfaceInfo,
	smb2.FsctlValidateNegotiateInfo, smb2.FsctlPipeTransceive, smb2.FsctlSetZeroData, smb2.FsctlDfsGetReferrals,
	smb2.FsctlDuplicateExtentsToFile, smb2.FsctlOffloadRead, smb2.FsctlOffloadWrite, smb2.FsctlFileLevelTrim,
	smb2.FsctlSetCompression,
	smb2.FsctlSetReparsePoint, smb2.FsctlDeleteReparsePoint,
}

// fuzzEAs are extended attributes to set.
var fuzzEAs = []smb2.FileFullEaInformation{
	eas("a=1", "B=22"), eas("A", "b=3"), {{Flags: smb2.FileNeedEa, Name: "c", Value: make([]byte, 1000)}}, eas("a:b=1"),
}

// create is a CREATE: name, how to open, what to cache and keep, and what that needs.
func (s *script) create() smb2.CreateRequest {
	name, mode, keep := s.byte(), s.byte(), s.byte()
	req := smbtest.CreateReq(fuzzNames[name&7], smb2.Disposition(mode>>2&7))
	apple := name&0x48 == 0x48
	switch {
	case apple && name&0x10 != 0:
		req.Name += ":AFP_AfpInfo"
	case apple:
		req.Name += ":AFP_Resource"
	case name&8 != 0:
		req.Name = "srvsvc"
	}
	if name&0x10 != 0 {
		req.Options |= smb2.OptionOpenReparsePoint
	}
	req.DesiredAccess = []uint32{0x001F01FF, 0x120089, statAccess, 0x10080}[mode&3]
	if mode&0x20 != 0 {
		req.Options |= smb2.OptionDirectoryFile
	}
	if mode&0x40 != 0 {
		req.Options |= smb2.OptionDeleteOnClose
	}
	if mode&0x80 != 0 {
		req.ShareAccess = 0
	}
	var x []smb2.CreateContext
	if apple && name&0x20 != 0 {
		x = append(x, smb2.CreateContext{Name: smb2.ContextAAPL, Data: serverQuery(7, uint64(name))})
	} else if name&0x10 != 0 {
		x = append(x, extA(fuzzEAs[name>>6&3]))
	}
	if name&0x20 != 0 {
		req.Options |= smb2.OptionNoEAKnowledge
	}
	if level := keep & 7; level < 4 {
		req.OplockLevel = []smb2.OplockLevel{smb2.OplockNone, smb2.OplockLevelII, smb2.OplockExclusive, smb2.OplockBatch}[level]
	} else {
		x = append(x, s.lease(level))
	}
	x = append(x, s.durable(keep>>3&7)...)
	if app := keep >> 6; app != 0 {
		v := s.byte()
		if app&1 != 0 {
			x = append(x, smbtest.AppInstance(smb2.GUID{0xA9, v & 3}))
		}
		if app&2 != 0 {
			x = append(x, smbtest.AppVersion(uint64(v>>2&3), uint64(v>>4&3)))
		}
	}
	return smbtest.With(req, x...)
}

func (s *script) lease(level byte) smb2.CreateContext {
	v := s.byte()
	l := smb2.LeaseContext{Version: 2, Key: leaseKey(v & 3), State: smb2.LeaseState(v >> 4 & 7)}
	if v&0x80 != 0 {
		l.Epoch = 7
	}
	switch level {
	case 4:
		l.Version, l.Epoch = 1, 0
	case 6, 7:
		l.Flags, l.ParentKey = smb2.LeaseParentKeySet, leaseKey(v>>2&3)
		if level == 7 {
			l.Flags |= 2 // which only the server sets
		}
	}
	return smbtest.LeaseContext(l)
}

// Kinds of durability in CREATE.
const (
	keepNothing byte = iota << 3
	keepDurable
	keepDurable2
	keepPersistent
	keepBack
	keepBack2
	keepBackPersistent
	keepBoth
)

func (s *script) durable(kind byte) []smb2.CreateContext {
	kind <<= 3
	if kind == keepNothing {
		return nil
	}
	if kind == keepDurable {
		return []smb2.CreateContext{smbtest.Durable()}
	}
	v := s.byte()
	guid, timeout := createGUID(v&3), []uint32{0, 1, 5000, 1 << 31}[v>>6]
	var id smb2.FileID
	if n := len(s.ids); n > 0 {
		id = s.ids[n-1-int(v>>2&15)%n]
	}
	switch kind {
	case keepDurable2:
		return []smb2.CreateContext{smbtest.Durable2(guid, timeout, 0)}
	case keepPersistent:
		return []smb2.CreateContext{smbtest.Durable2(guid, timeout, smb2.DurableFlagPersistent)}
	case keepBack:
		return []smb2.CreateContext{smbtest.Reconnect(id)}
	case keepBack2:
		return []smb2.CreateContext{smbtest.Reconnect2(id, guid, 0)}
	case keepBackPersistent:
		return []smb2.CreateContext{smbtest.Reconnect2(id, guid, smb2.DurableFlagPersistent)}
	}
	return []smb2.CreateContext{smbtest.Reconnect(id), smbtest.Durable2(guid, timeout, 0)}
}

// lock locks or unlocks one or two ranges, maybe numbered.
func (s *script) lock() smb2.LockRequest {
	id, x := s.id(), s.byte()
	flags := []smb2.LockFlags{smb2.LockExclusive, smb2.LockShared, smb2.LockUnlock, 0}[x&3]
	if x&4 != 0 {
		flags |= smb2.LockFailImmediately
	}
	req := smbtest.LockReq(id, uint64(x>>3&3), uint64(x>>5&1)+1, flags)
	if x&0x40 != 0 {
		v := s.byte()
		req.LockSequence = smbtest.LockSeq(v&15, uint32(v>>4)*13)
	}
	if x&0x80 != 0 {
		req.Locks = append(req.Locks, smb2.LockElement{Offset: 2, Length: 2, Flags: flags})
	}
	return req
}

// setInfo is what has to do with names, sizes, and others' caches.
func (s *script) setInfo() smb2.SetInfoRequest {
	id, x := s.id(), s.byte()
	to := fuzzNames[x>>4&7]
	req := smb2.SetInfoRequest{FileID: id, InfoType: smb2.InfoFile}
	set := func(c smb2.FileInfoClass, b smbtest.Body) { req.Class, req.Data = uint8(c), b.Append(nil) }
	switch x & 7 {
	case 0:
		set(smb2.ClassFileDispositionInformation, smb2.FileDispositionInformation{DeletePending: x&8 == 0})
	case 1:
		set(smb2.ClassFileRenameInformation, smb2.FileRenameInformation{ReplaceIfExists: x&8 != 0, FileName: to})
	case 2:
		set(smb2.ClassFileEndOfFileInformation, smb2.FileEndOfFileInformation{EndOfFile: int64(x >> 4)})
	case 3:
		if x&8 != 0 {
			set(smb2.ClassFileFullEaInformation, fuzzEAs[x>>4&3])
		} else {
			set(smb2.ClassFileBasicInformation, smb2.FileBasicInformation{FileAttributes: uint32(x>>4) << 2})
		}
	case 4:
		set(smb2.ClassFileLinkInformation, smb2.FileLinkInformation{ReplaceIfExists: x&8 != 0, FileName: to})
	case 5:
		set(smb2.ClassFileAllocationInformation, smb2.FileAllocationInformation{AllocationSize: int64(x >> 4)})
	case 6:
		set(smb2.ClassFileDispositionInformationEx, smb2.FileDispositionInformationEx{Flags: uint32(x >> 4)})
	case 7:
		set(smb2.ClassFileRenameInformationEx, smb2.FileRenameInformationEx{Flags: uint32(x >> 3 & 1), FileName: to})
	}
	return req
}

func (s *script) wrongAck() smbtest.Body {
	x := s.byte()
	if x&0x80 != 0 {
		return smb2.LeaseBreakAck{LeaseKey: leaseKey(x & 3), State: smb2.LeaseState(x >> 4 & 7)}
	}
	levels := []smb2.OplockLevel{smb2.OplockNone, smb2.OplockLevelII, smb2.OplockBatch, smb2.OplockLease}
	return smb2.OplockBreak{FileID: s.id(), Level: levels[x&3]}
}
