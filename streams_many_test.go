package smb_test

import (
	"context"
	"iter"
	"testing"

	"github.com/gosmbd/smb"
	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs"
	"github.com/gosmbd/smb/vfs/memfs"
)

// streamyFS is a memfs whose files have a million streams; listed counts those that were listed.
type streamyFS struct {
	*memfs.FS
	listed int
}

type streamyFile struct {
	vfs.File
	fsys *streamyFS
}

func (f *streamyFS) Open(ctx context.Context, name string, opt vfs.OpenOptions) (vfs.File, error) {
	file, err := f.FS.Open(ctx, name, opt)
	if err != nil {
		return nil, err
	}
	return streamyFile{file, f}, nil
}

func (f streamyFile) Unwrap() vfs.File { return f.File }

func (f streamyFile) OpenStream(ctx context.Context, name string, opt vfs.StreamOptions) (vfs.File, error) {
	s, _ := vfs.As[vfs.Streamer](f.File)
	return s.OpenStream(ctx, name, opt)
}

func (f streamyFile) RemoveStream(ctx context.Context, name string) error {
	s, _ := vfs.As[vfs.Streamer](f.File)
	return s.RemoveStream(ctx, name)
}

func (f streamyFile) RenameStream(ctx context.Context, oldname, newname string, replace bool) error {
	s, _ := vfs.As[vfs.Streamer](f.File)
	return s.RenameStream(ctx, oldname, newname, replace)
}

func (f streamyFile) Streams(context.Context) iter.Seq2[vfs.StreamInfo, error] {
	return func(yield func(vfs.StreamInfo, error) bool) {
		for range 1_000_000 {
			f.fsys.listed++
			if !yield(vfs.StreamInfo{Name: "a stream"}, nil) {
				return
			}
		}
	}
}

// No more streams are listed than there is room for in the answer.
func TestManyStreams(t *testing.T) {
	fsys := &streamyFS{FS: &memfs.FS{}}
	put(t, fsys.FS, "f", "")
	r := newRig(t, func(s *smb.Server) { s.Shares = smb.Shares{"s": {FS: fsys}} })
	c := r.logon(smb.Dialect311)
	id := r.open(c, "f")
	for _, room := range []uint32{100, 10_000} {
		fsys.listed = 0
		b, st := c.QueryInfo(id, smb2.InfoFile, uint8(smb2.ClassFileStreamInformation), room)
		want(t, "QUERY_INFO", st, smb2.StatusBufferOverflow)
		if len(b) > int(room) || len(b) < int(room)-100 || fsys.listed > int(room)/50+2 {
			t.Errorf("%d bytes of %d, and %d streams were listed", len(b), room, fsys.listed)
		}
	}
}
