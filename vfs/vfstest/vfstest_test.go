package vfstest_test

import (
	"context"
	"errors"
	"testing"

	"github.com/gosmbd/smb/vfs"
	"github.com/gosmbd/smb/vfs/memfs"
	"github.com/gosmbd/smb/vfs/vfstest"
)

// flat is a backend without directories.
type flat struct{ *memfs.FS }

func (f flat) Create(ctx context.Context, name string, opt vfs.CreateOptions) (vfs.File, error) {
	if opt.Directory {
		return nil, errors.ErrUnsupported
	}
	return f.FS.Create(ctx, name, opt)
}

// A backend that declines to make directories passes; what needs them is skipped.
func TestNoDirectories(t *testing.T) {
	vfstest.TestFS(t, func(*testing.T) vfs.FS { return flat{&memfs.FS{}} })
}
