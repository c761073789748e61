package main

import (
	"context"
	"io/fs"
	"iter"
	"strings"

	"github.com/gosmbd/smb/vfs"
)

// aboutStream is the named stream that each fact has: clients read it as
// uptime.txt:about.
const aboutStream = "about"

// streams is the named streams of an object, by name. It implements vfs.Streamer.
// The root has none, but is a Streamer: by that the server knows that there are any.
type streams map[string]func() vfs.File

// OpenStream opens a stream. Names of streams have no case.
func (s streams) OpenStream(_ context.Context, name string, opt vfs.StreamOptions) (vfs.File, error) {
	open, ok := s[strings.ToLower(name)]
	switch {
	case ok:
		return open(), nil
	case opt.Create:
		return nil, fs.ErrPermission
	}
	return nil, fs.ErrNotExist
}

// Streams lists the streams.
func (s streams) Streams(ctx context.Context) iter.Seq2[vfs.StreamInfo, error] {
	return func(yield func(vfs.StreamInfo, error) bool) {
		for name, open := range s {
			attr, err := open().Stat(ctx)
			if !yield(vfs.StreamInfo{Name: name, Size: attr.Size}, err) {
				return
			}
		}
	}
}

func (streams) RemoveStream(context.Context, string) error { return fs.ErrPermission }

func (streams) RenameStream(context.Context, string, string, bool) error { return fs.ErrPermission }
