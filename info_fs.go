package smb

import (
	"encoding/binary"
	"math"
	"time"

	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs"
)

// fileSystem answers the classes of [MS-FSCC] 2.5. [MS-SMB2] 3.3.5.20.2
func (q *query) fileSystem(dst []byte) ([]byte, error) {
	class := smb2.FSInfoClass(q.req.Class)
	n, ok := class.MinOutput()
	if !ok || class == smb2.ClassFsPosixInformation && !q.o.posix {
		return dst, smb2.StatusInvalidInfoClass
	}
	if q.o.pipe != nil {
		return dst, smb2.StatusInvalidDeviceRequest
	}
	if err := q.room(n); err != nil {
		return dst, err
	}
	t := q.o.tree()
	m := q.o.m
	v, err := m.volume(q.ctx, t)
	switch class {
	case smb2.ClassFsSizeInformation, smb2.ClassFsFullSizeInformation, smb2.ClassFsPosixInformation:
		if err == nil && t.apple() && t.share.Apple.TimeMachine && t.share.Apple.TimeMachineMax > 0 {
			v, err = t.limitBackups(q.ctx, v)
		}
		if err == nil {
			v, err = q.limitVolume(v)
		}
	}
	if err != nil {
		return dst, err
	}
	perUnit := max(v.BlockSize/sectorSize, 1)
	switch class {
	case smb2.ClassFsVolumeInformation:
		return smb2.FsVolumeInformation{
			VolumeCreationTime: smb2.FileTimeOf(q.volumeCreated()),
			VolumeSerialNumber: v.Serial,
			VolumeLabel:        v.Label,
		}.Append(dst), nil
	case smb2.ClassFsSizeInformation:
		return smb2.FsSizeInformation{
			TotalAllocationUnits:     clampInt64(v.Blocks),
			AvailableAllocationUnits: clampInt64(v.Available),
			SectorsPerAllocationUnit: perUnit,
			BytesPerSector:           v.BlockSize / perUnit,
		}.Append(dst), nil
	case smb2.ClassFsFullSizeInformation:
		return smb2.FsFullSizeInformation{
			TotalAllocationUnits:           clampInt64(v.Blocks),
			CallerAvailableAllocationUnits: clampInt64(v.Available),
			ActualAvailableAllocationUnits: clampInt64(v.Free),
			SectorsPerAllocationUnit:       perUnit,
			BytesPerSector:                 v.BlockSize / perUnit,
		}.Append(dst), nil
	case smb2.ClassFsDeviceInformation:
		chars := smb2.FsDeviceIsMounted
		if !t.writable() || m.frozen() {
			chars |= smb2.FsReadOnlyDevice
		}
		return smb2.FsDeviceInformation{DeviceType: smb2.FsDeviceDisk, Characteristics: chars}.Append(dst), nil
	case smb2.ClassFsAttributeInformation:
		return smb2.FsAttributeInformation{
			Attributes:             t.fsAttributes(m, v),
			MaxComponentNameLength: int32(v.MaxName),
			FileSystemName:         v.FSName,
		}.Append(dst), nil
	case smb2.ClassFsSectorSizeInformation:
		flags := smb2.SectorAlignedDevice | smb2.SectorPartitionAlignedOnDevice
		if v.Sparse {
			flags |= smb2.SectorTrimEnabled
		}
		return smb2.FsSectorSizeInformation{
			LogicalBytesPerSector:  sectorSize,
			PhysicalForAtomicity:   clusterSize,
			PhysicalForPerformance: clusterSize,
			EffectiveForAtomicity:  clusterSize,
			Flags:                  flags,
		}.Append(dst), nil
	case smb2.ClassFsObjectIdInformation:
		return smb2.FsObjectIdInformation{ObjectID: t.volumeObjectID()}.Append(dst), nil
	case smb2.ClassFsPosixInformation:
		return t.posixVolume(v).Append(dst), nil
	case smb2.ClassFsControlInformation:
		return q.quotaPolicy(dst)
	}
	return dst, smb2.StatusInvalidInfoClass
}

// volumeCreated returns when the volume was made, as far as its root tells. Linux forgets
// what it has on disk when that changes.
func (q *query) volumeCreated() time.Time {
	if a, err := q.o.m.exists(q.ctx, "."); err == nil && !a.Created.IsZero() {
		return a.Created
	}
	return q.o.srv.started
}

// fsAttributes tells what the volume can do, and nothing that it can't.
func (t *tree) fsAttributes(m *mount, v vfs.Volume) uint32 {
	a := smb2.FsCasePreservedNames | smb2.FsUnicodeOnDisk | smb2.FsSupportsObjectIDs
	if v.CaseSensitive {
		a |= smb2.FsCaseSensitiveSearch
	}
	if m.linker != nil {
		a |= smb2.FsSupportsHardLinks
	}
	if m.secures {
		a |= smb2.FsPersistentACLs
	}
	if m.streams {
		a |= smb2.FsNamedStreams
	}
	if m.eas {
		a |= smb2.FsSupportsExtendedAttributes
	}
	if v.Sparse {
		a |= smb2.FsSupportsSparseFiles
	}
	if v.Clones {
		a |= smb2.FsSupportsBlockReferenceCounts
	}
	if v.Compression {
		a |= smb2.FsFileCompression
	}
	if m.remover != nil && m.renamer != nil {
		a |= smb2.FsSupportsPosixUnlinkRename
	}
	if m.quotaer != nil {
		a |= smb2.FsVolumeQuotas
	}
	if m.reparse {
		a |= smb2.FsSupportsReparsePoints
	}
	if !t.writable() || m.frozen() {
		a |= smb2.FsReadOnlyVolume
	}
	return a
}

func clampInt64(n uint64) int64 { return int64(min(n, math.MaxInt64)) }

func putUint64(b []byte, v uint64) { binary.LittleEndian.PutUint64(b, v) }
