package smb_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/gosmbd/smb"
	"github.com/gosmbd/smb/internal/smbtest"
	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs"
	"github.com/gosmbd/smb/vfs/memfs"
)

// reuseFS is a backend where all objects have one id, as on a disk where the inode of a file that is
// gone is free for the next when its last descriptor is closed. Close stops there.
type reuseFS struct {
	*memfs.FS
	closed func(name string)
}

type reuseFile struct {
	vfs.File
	fsys *reuseFS
	name string
}

func (f *reuseFS) Open(ctx context.Context, name string, opt vfs.OpenOptions) (vfs.File, error) {
	return f.file(name)(f.FS.Open(ctx, name, opt))
}

func (f *reuseFS) Create(ctx context.Context, name string, opt vfs.CreateOptions) (vfs.File, error) {
	return f.file(name)(f.FS.Create(ctx, name, opt))
}

func (f *reuseFS) file(name string) func(vfs.File, error) (vfs.File, error) {
	return func(file vfs.File, err error) (vfs.File, error) {
		if err != nil || name == "." {
			return file, err
		}
		return reuseFile{file, f, name}, nil
	}
}

func (f reuseFile) Unwrap() vfs.File { return f.File }

func (f reuseFile) Stat(ctx context.Context) (vfs.Attr, error) {
	a, err := f.File.Stat(ctx)
	a.ID = 77
	return a, err
}

func (f reuseFile) Close() error {
	err := f.File.Close()
	f.fsys.closed(f.name)
	return err
}

// What gets the inode of a file that is just being closed, and was removed by another program, has
// nothing to do with that file.
func TestReusedID(t *testing.T) {
	for _, test := range []struct {
		name      string
		made      string // by the server; otherwise by another program
		found     string
		directory bool
		doomed    bool
	}{
		{name: "a directory is made", made: "d", directory: true},
		{name: "a directory is found", found: "d", directory: true},
		{name: "a file of the name is made", made: "f", doomed: true},
		{name: "another file is made", made: "g", doomed: true},
	} {
		t.Run(test.name, func(t *testing.T) {
			ctx := context.Background()
			closed, goOn := make(chan struct{}), make(chan struct{})
			release := sync.OnceFunc(func() { close(goOn) })
			defer release()
			var armed atomic.Bool
			fsys := &reuseFS{FS: &memfs.FS{}, closed: func(name string) {
				if name == "f" && armed.CompareAndSwap(true, false) {
					close(closed)
					<-goOn
				}
			}}
			r := newRig(t, func(s *smb.Server) { s.Shares = smb.Shares{"s": {FS: fsys}} })
			put(t, fsys.FS, "f", "old")
			a, b := r.logon(smb.Dialect311), r.logon(smb.Dialect311)
			req := smbtest.CreateReq("f", smb2.Open)
			if test.doomed {
				req.Options |= smb2.OptionDeleteOnClose
			}
			old := r.create(a, req)
			if err := fsys.FS.Remove(ctx, "f"); err != nil {
				t.Fatal(err)
			}
			armed.Store(true)
			var wg sync.WaitGroup
			wg.Go(func() { want(t, "close", a.CloseFile(old), ok) })
			<-closed

			name := test.made
			if test.found != "" {
				name = test.found
				mkdir(t, fsys.FS, name)
			}
			req = smbtest.CreateReq(name, smb2.OpenIf)
			if test.directory {
				req.Options |= smb2.OptionDirectoryFile
			}
			id := r.create(b, req)
			release()
			wg.Wait()
			if test.directory {
				_, st := b.QueryDirectory(smb2.QueryDirectoryRequest{FileID: id, Class: smb2.ClassFileNamesInformation, OutputLength: 4096, Pattern: "*"})
				want(t, "list", st, ok)
			} else {
				write(t, b, id, "new")
			}
			want(t, "close", b.CloseFile(id), ok)
			if _, err := fsys.FS.Open(ctx, name, vfs.OpenOptions{Access: vfs.ReadAttributes}); err != nil {
				t.Errorf("what was made is gone: %v", err)
			}
		})
	}
}
