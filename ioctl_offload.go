package smb

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/gosmbd/smb/oplock"
	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs"
)

// Offloaded copies: OFFLOAD_READ gives a token for a range, and OFFLOAD_WRITE writes
// what it stands for. A token is good for its session, while the source is open and
// wasn't written.

const (
	offloadMax     = 64 << 20 // bytes that a token stands for at most
	offloadTokens  = 64       // that a session may have
	offloadTTL     = time.Minute
	offloadMaxTTL  = 10 * time.Minute
	sectorSize     = 512
	tokenTypeZero  = 0xFFFF0001 // stands for zeros
	tokenTypeOwn   = 0x534D4200
	tokenIDLength  = smb2.OffloadTokenSize - 8
	tokenKeyLength = 32
)

// token is a range that a client may write elsewhere.
type token struct {
	key      [tokenKeyLength]byte
	source   smb2.FileID
	off, len int64
	writes   uint64 // to the source's content, before
	attr     vfs.Attr
	expires  time.Time
}

// tokens are those of a session, the oldest first.
type tokens struct {
	mu   sync.Mutex
	list []token
}

// add keeps t under a key of its own. The oldest has to go if there are too many.
func (s *tokens) add(t token) (key [tokenKeyLength]byte) {
	rand.Read(t.key[:])
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	s.list = slices.DeleteFunc(s.list, func(t token) bool { return now.After(t.expires) })
	if len(s.list) >= offloadTokens {
		s.list = slices.Delete(s.list, 0, 1)
	}
	s.list = append(s.list, t)
	return t.key
}

// find returns the token with this key.
func (s *tokens) find(key []byte) (token, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range s.list {
		if string(t.key[:]) == string(key) && time.Now().Before(t.expires) {
			return t, true
		}
	}
	return token{}, false
}

// wireToken is a STORAGE_OFFLOAD_TOKEN, [MS-FSCC] 2.1.11.
func wireToken(key [tokenKeyLength]byte) (b [smb2.OffloadTokenSize]byte) {
	binary.BigEndian.PutUint32(b[0:], tokenTypeOwn)
	binary.BigEndian.PutUint16(b[6:], tokenIDLength)
	copy(b[8:], key[:])
	return b
}

// checkOffload checks what both operations demand of a range.
func checkOffload(off, n uint64) error {
	if off%sectorSize != 0 || n%sectorSize != 0 || off > math.MaxInt64-sectorSize || n > math.MaxInt64-sectorSize-off {
		return smb2.StatusInvalidParameter
	}
	return nil
}

// offloadable reports whether content can be copied like this: not that of sparse,
// compressed and encrypted files, nor a directory.
func (o *open) offloadable(a vfs.Attr) bool {
	return !o.file.dir && !o.sparse(a) && !o.compressed(a) && a.Attributes&vfs.AttrEncrypted == 0
}

// offloadRead gives a token for a range. [MS-FSA] 2.1.5.10.20
func offloadRead(ctx context.Context, r *request, q *control) error {
	o := r.open
	const outputSize = 16 + smb2.OffloadTokenSize
	x, err := smb2.ParseOffloadReadRequest(q.Input)
	switch {
	case err != nil:
		return err
	case q.MaxOutputResponse < outputSize:
		return smb2.StatusBufferTooSmall
	}
	if err := checkOffload(x.FileOffset, x.CopyLength); err != nil {
		return err
	}
	if x.CopyLength == 0 {
		q.out = smb2.OffloadReadResponse{}.Append(nil)
		return nil
	}
	writes := o.file.writes.Load() // before what is read, so that no write is missed
	a, err := o.f.Stat(ctx)
	switch {
	case err != nil:
		return err
	case !o.offloadable(a):
		return smb2.StatusOffloadReadFileNotSupported
	case o.reader == nil:
		return smb2.StatusAccessDenied
	}
	if err := o.file.checkRange(o, x.FileOffset, x.CopyLength, false); err != nil {
		return err
	}
	t := token{source: o.id, off: int64(x.FileOffset), len: int64(x.CopyLength), writes: writes, attr: a}
	if t.off >= a.Size {
		return smb2.StatusEndOfFile
	}
	var resp smb2.OffloadReadResponse
	if rest := sectors(a.Size - t.off); t.len > rest {
		t.len = rest
		resp.Flags = smb2.OffloadReadZeroBeyond
	}
	if t.len > offloadMax {
		t.len = offloadMax
		resp.Flags = 0
	}
	ttl := time.Duration(x.TokenTimeToLive) * time.Millisecond
	if ttl == 0 {
		ttl = offloadTTL
	}
	t.expires = time.Now().Add(min(ttl, offloadMaxTTL))
	resp.TransferLength = uint64(t.len)
	resp.Token = wireToken(r.se.tokens.add(t))
	q.out = resp.Append(nil)
	return nil
}

// sectors rounds n, which is far from overflow, up to whole sectors.
func sectors(n int64) int64 { return (n + sectorSize - 1) / sectorSize * sectorSize }

// offloadWrite writes what a token stands for. [MS-FSA] 2.1.5.10.21
func offloadWrite(ctx context.Context, r *request, q *control) error {
	const outputSize = 16
	x, err := smb2.ParseOffloadWriteRequest(q.Input)
	switch {
	case err != nil:
		return err
	case q.MaxOutputResponse < outputSize:
		return smb2.StatusBufferTooSmall
	case x.TransferOffset%sectorSize != 0:
		return smb2.StatusInvalidParameter
	}
	if err := checkOffload(x.FileOffset, x.CopyLength); err != nil {
		return err
	}
	var resp smb2.OffloadWriteResponse
	if x.CopyLength > 0 {
		n, err := r.offload(ctx, x)
		if err != nil {
			return err
		}
		resp.LengthWritten = uint64(n)
	}
	q.out = resp.Append(nil)
	return nil
}

// offload writes, and returns how much of what was asked for, in whole sectors: no more
// than a token may stand for. The end of file stays where it is.
func (r *request) offload(ctx context.Context, x smb2.OffloadWriteRequest) (int64, error) {
	o := r.open
	if err := r.breakFor(o.file, o.holder, oplock.OpWrite); err != nil {
		return 0, err
	}
	a, err := o.f.Stat(ctx)
	switch {
	case err != nil:
		return 0, err
	case !o.offloadable(a):
		return 0, smb2.StatusOffloadWriteFileNotSupported
	case o.writer == nil:
		return 0, smb2.StatusAccessDenied
	}
	if err := o.file.checkRange(o, x.FileOffset, x.CopyLength, true); err != nil {
		return 0, err
	}
	part := vfs.Range{Off: int64(x.FileOffset), Len: min(int64(x.CopyLength), offloadMax)}
	if part.Off >= a.Size {
		return 0, smb2.StatusEndOfFile
	}
	if binary.BigEndian.Uint32(x.Token[:]) == tokenTypeZero {
		defer r.written(ctx, r.open.beforeWrite(ctx))
		room := vfs.Range{Off: part.Off, Len: min(part.Len, a.Size-part.Off)}
		return part.Len, r.zero(ctx, room, false)
	}
	t, found := r.se.tokens.find(x.Token[8 : 8+tokenKeyLength])
	switch {
	case !found || x.Token != wireToken(t.key):
		return 0, smb2.StatusInvalidToken
	case x.TransferOffset >= uint64(t.len):
		return 0, smb2.StatusInvalidParameter
	}
	t.off += int64(x.TransferOffset)
	part.Len = min(part.Len, t.len-int64(x.TransferOffset))
	return r.offloadFrom(ctx, t, part, a.Size)
}

// offloadFrom copies from t.off on to a range in a file of the given size.
func (r *request) offloadFrom(ctx context.Context, t token, part vfs.Range, size int64) (int64, error) {
	o := r.open
	src := r.se.pin(t.source, nil)
	if src == nil {
		return 0, smb2.StatusInvalidToken
	}
	defer src.unpin()
	if err := src.file.checkRange(src, uint64(t.off), uint64(part.Len), false); err != nil {
		return 0, err
	}
	if src.file == o.file && part.Off < t.off+part.Len && t.off < part.End() {
		part.Len = min(part.Len, copyMaxChunkSize) // what overlaps is copied through one buffer
	}
	if err := t.check(ctx, src); err != nil {
		return 0, err
	}
	defer r.written(ctx, r.open.beforeWrite(ctx))
	room := min(part.Len, size-part.Off)
	n := max(0, min(room, t.attr.Size-t.off))
	if _, err := r.copyRange(ctx, src, t.off, part.Off, n); err != nil {
		return 0, err
	}
	// The token's last sector is zero beyond the end of its file.
	if err := r.writeZeros(ctx, vfs.Range{Off: part.Off + n, Len: room - n}); err != nil {
		return 0, err
	}
	if src.file == o.file {
		return part.Len, nil // it did change, by this
	}
	return part.Len, t.check(ctx, src)
}

// check reports whether the source is still what it was.
func (t *token) check(ctx context.Context, src *open) error {
	a, err := src.f.Stat(ctx)
	if err == nil && (src.file.writes.Load() != t.writes || a.Size != t.attr.Size || !a.Written.Equal(t.attr.Written)) {
		err = smb2.StatusInvalidToken
	}
	return err
}
