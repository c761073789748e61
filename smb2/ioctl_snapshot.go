package smb2

import (
	"strings"

	"github.com/gosmbd/smb/internal/utf16le"
)

// SrvSnapshotArray lists previous versions as @GMT tokens, [MS-SMB2] 2.2.32.2.
type SrvSnapshotArray struct {
	Number uint32 // of all snapshots
	// Size is the bytes that all snapshots take. Append computes it
	// where it writes them.
	Size      uint32
	Snapshots []string // all of them, or none where they don't fit
}

const snapshotFixed = 12

// NewSrvSnapshotArray returns the answer with all the snapshots, or without any
// if it would be longer than max bytes.
func NewSrvSnapshotArray(snapshots []string, max uint32) SrvSnapshotArray {
	size := uint64(2)
	for _, s := range snapshots {
		size += uint64(utf16le.Len(s)) + 2
	}
	r := SrvSnapshotArray{Number: uint32(len(snapshots)), Size: uint32(size)}
	if size+snapshotFixed <= uint64(max) {
		r.Snapshots = snapshots
	}
	return r
}

// ParseSrvSnapshotArray parses b.
func ParseSrvSnapshotArray(b []byte) (SrvSnapshotArray, error) {
	c, err := fixedIoctl(b, snapshotFixed)
	if err != nil {
		return SrvSnapshotArray{}, err
	}
	r := SrvSnapshotArray{Number: c.u32()}
	returned := c.u32()
	r.Size = c.u32()
	if returned == 0 {
		return r, nil
	}
	text, err := nameAt(b, snapshotFixed, r.Size)
	if err != nil {
		return SrvSnapshotArray{}, err
	}
	for s := range strings.SplitSeq(text, "\x00") {
		if s == "" {
			break // the second NUL in a row
		}
		r.Snapshots = append(r.Snapshots, s)
	}
	if uint64(len(r.Snapshots)) != uint64(returned) {
		return SrvSnapshotArray{}, StatusInvalidParameter
	}
	return r, nil
}

// minSnapshotArray is what clients take for the shortest answer: Samba's and Linux's
// refuse a shorter one.
const minSnapshotArray = 16

// Append appends the payload. Without any snapshot at all the array is two
// bytes of zero, as Windows has it ([MS-SMB2] 3.3.5.15.1), and more that don't count.
func (r SrvSnapshotArray) Append(dst []byte) []byte {
	w := newBuilder(dst)
	w.u32(r.Number)
	w.u32(uint32(len(r.Snapshots)))
	w.u32(r.Size)
	for _, s := range r.Snapshots {
		w.name(s)
		w.u16(0)
	}
	if r.Number == 0 || len(r.Snapshots) > 0 {
		w.u16(0)
		w.putU32(8, w.len()-snapshotFixed)
	}
	w.zero(max(0, minSnapshotArray-w.len()))
	return w.b
}
