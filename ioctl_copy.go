package smb

import (
	"context"
	"errors"
	"io"
	"math"

	"github.com/gosmbd/smb/internal/frame"
	"github.com/gosmbd/smb/oplock"
	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs"
)

// Limits of server-side copy, as Windows has them. [MS-SMB2] 3.3.3
const (
	copyMaxChunks    = 256
	copyMaxChunkSize = 1 << 20
	copyMaxSize      = 16 << 20
)

// statusInvalidViewSize is what Windows answers when the source is too short.
const statusInvalidViewSize Status = 0xC000001F

// copyChunk copies ranges from one open of the session to another. [MS-SMB2]
// 3.3.5.15.6
func copyChunk(ctx context.Context, r *request, q *control) error {
	dst := r.open
	const respSize = 12
	if q.MaxOutputResponse < respSize {
		return smb2.StatusInvalidParameter
	}
	req, err := smb2.ParseSrvCopychunkCopy(q.Input)
	if err != nil {
		q.limits()
		return nil
	}
	src := r.se.pinByKey(req.SourceKey)
	if src == nil {
		return smb2.StatusObjectNameNotFound
	}
	defer src.unpin()
	var total uint64
	for _, c := range req.Chunks {
		total += uint64(c.Length)
		if c.Length == 0 || c.Length > copyMaxChunkSize ||
			c.SourceOffset > math.MaxInt64-copyMaxSize || c.TargetOffset > math.MaxInt64-copyMaxSize {
			q.limits()
			return nil
		}
	}
	if len(req.Chunks) > copyMaxChunks || total > copyMaxSize || src.file == nil {
		q.limits()
		return nil
	}
	switch {
	case dst.file.dir || src.file.dir:
		return smb2.StatusInvalidDeviceRequest
	case src.access&sharedRead == 0, src.reader == nil,
		dst.access&sharedWrite == 0, dst.writer == nil,
		q.CtlCode == smb2.FsctlSrvCopychunk && dst.access&vfs.ReadData == 0:
		return smb2.StatusAccessDenied
	}
	if len(req.Chunks) == 0 && r.tree.hasAAPL(smb2.AAPLCopyFile) {
		return r.copyFile(ctx, src, q)
	}
	var resp smb2.SrvCopychunkResponse
	for _, c := range req.Chunks {
		n, err := r.copyFrom(ctx, src, c)
		resp.TotalBytesWritten += uint32(n)
		if err != nil {
			resp.ChunkBytesWritten = uint32(n)
			q.status = StatusOf(err)
			break
		}
		resp.ChunksWritten++
	}
	q.out = resp.Append(nil)
	return nil
}

// limits answers a request that asks for too much with what it may ask for.
func (q *control) limits() {
	q.status = smb2.StatusInvalidParameter
	q.out = smb2.SrvCopychunkResponse{
		ChunksWritten:     copyMaxChunks,
		ChunkBytesWritten: copyMaxChunkSize,
		TotalBytesWritten: copyMaxSize,
	}.Append(nil)
}

// copyFrom copies one chunk and returns how much of it.
func (r *request) copyFrom(ctx context.Context, src *open, c smb2.SrvCopychunk) (int, error) {
	o := r.open
	if err := r.breakFor(o.file, o.holder, oplock.OpWrite); err != nil {
		return 0, err
	}
	if o.access&vfs.WriteData == 0 { // who may only append, appends, [MS-FSA] 2.1.5.4
		o.file.appends.Lock()
		defer o.file.appends.Unlock()
		a, err := o.f.Stat(ctx)
		if err != nil {
			return 0, err
		}
		c.TargetOffset = uint64(a.Size)
	}
	if err := src.file.checkRange(src, c.SourceOffset, uint64(c.Length), false); err != nil {
		return 0, err
	}
	if err := o.file.checkRange(o, c.TargetOffset, uint64(c.Length), true); err != nil {
		return 0, err
	}
	a, err := src.f.Stat(ctx)
	if err != nil {
		return 0, err
	}
	if uint64(a.Size) < c.SourceOffset+uint64(c.Length) {
		return 0, statusInvalidViewSize
	}
	defer r.written(ctx, r.open.beforeWrite(ctx))
	n, err := r.copyRange(ctx, src, int64(c.SourceOffset), int64(c.TargetOffset), int64(c.Length))
	return int(n), err
}

// copyRange copies n bytes to the request's open, and returns how many of them it did.
// Ranges of one file may overlap if n is no more than copyMaxChunkSize.
func (r *request) copyRange(ctx context.Context, src *open, from, to, n int64) (done int64, err error) {
	o := r.open
	for o.copier != nil && src.m == o.m && done < n {
		if err := r.stopped(ctx); err != nil {
			return done, err
		}
		m, err := o.copier.CopyRange(ctx, to+done, src.f, from+done, n-done)
		done += m
		if errors.Is(err, errors.ErrUnsupported) || err == nil && m == 0 {
			break // the rest through a buffer
		}
		if err != nil {
			return done, err
		}
	}
	for done < n {
		if err := r.stopped(ctx); err != nil {
			return done, err
		}
		m, err := o.copyPiece(src, from+done, to+done, min(n-done, copyMaxChunkSize))
		done += m
		if err != nil {
			return done, err
		}
	}
	return done, nil
}

// copyPiece copies through a buffer.
func (o *open) copyPiece(src *open, from, to, size int64) (int64, error) {
	buf := frame.Get(int(size))
	defer buf.Free()
	n, err := readAt(src.reader, buf.B, from)
	if n < len(buf.B) {
		if err == nil || errors.Is(err, io.EOF) {
			err = smb2.StatusEndOfFile
		}
		return 0, err
	}
	n, err = writeAt(o.writer, buf.B, to)
	return int64(n), err
}
