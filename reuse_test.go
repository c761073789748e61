package smb_test

import (
	"context"
	"io/fs"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/gosmbd/smb"
	"github.com/gosmbd/smb/internal/smbtest"
	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs"
	"github.com/gosmbd/smb/vfs/memfs"
)

// reuseFS is a backend where all objects but one have one id, as on a disk where the inode of a file that is
// gone is free for the next when its last descriptor is closed. Close may stop there.
type reuseFS struct {
	*memfs.FS
	hold  atomic.Pointer[func()] // called once, when the file "f" is closed
	other string                 // the name of a file that has another id, until it is replaced by a link
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
	if f.name != f.fsys.other || a.Mode&fs.ModeSymlink != 0 {
		a.ID = 77
	}
	return a, err
}

func (f reuseFile) Close() error {
	err := f.File.Close()
	if f.name == "f" {
		if hold := f.fsys.hold.Swap(nil); hold != nil {
			(*hold)()
		}
	}
	return err
}

// closing removes the file "f", as another program does, and closes id, the only open of it, as far as its inode is free.
// finish does the rest.
func (f *reuseFS) closing(t *testing.T, c *smbtest.Client, id smb2.FileID) (finish func()) {
	t.Helper()
	noErr(t, f.FS.Remove(context.Background(), "f"))
	closed, goOn := make(chan struct{}), make(chan struct{})
	hold := func() {
		close(closed)
		<-goOn
	}
	f.hold.Store(&hold)
	var wg sync.WaitGroup
	wg.Go(func() { want(t, "close", c.CloseFile(id), ok) })
	<-closed
	return sync.OnceFunc(func() {
		close(goOn)
		wg.Wait()
	})
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
			fsys := &reuseFS{FS: &memfs.FS{}}
			r := newRig(t, func(s *smb.Server) { s.Shares = smb.Shares{"s": {FS: fsys}} })
			put(t, fsys.FS, "f", "old")
			a, b := r.logon(smb.Dialect311), r.logon(smb.Dialect311)
			req := smbtest.CreateReq("f", smb2.Open)
			if test.doomed {
				req.Options |= smb2.OptionDeleteOnClose
			}
			finish := fsys.closing(t, a, r.create(a, req))
			defer finish()

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
			finish()
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

// A link that gets the inode of a file that is just being closed, and was removed by another program, belongs to the handle
// that made it: who opens it meets that.
func TestReusedIDOfLink(t *testing.T) {
	fsys := &reuseFS{FS: &memfs.FS{}, other: "l"}
	r := newRig(t, func(s *smb.Server) { s.Shares = smb.Shares{"s": {FS: fsys}} })
	a, b := r.logon(smb.Dialect311), r.logon(smb.Dialect311)
	old := r.open(a, "f")
	req := itself("l", smb2.Create, 0)
	req.ShareAccess = 0
	id := r.create(b, req)
	finish := fsys.closing(t, a, old)
	defer finish()
	_, st := b.Ioctl(id, smb2.FsctlSetReparsePoint, relative("x").Append(nil), 0)
	want(t, "FSCTL_SET_REPARSE_POINT", st, ok)
	finish()
	_, st = a.Create(itself("l", smb2.Open, 0))
	want(t, "CREATE of what isn't shared", st, smb2.StatusSharingViolation)
	want(t, "CLOSE", b.CloseFile(id), ok)
	r.create(a, itself("l", smb2.Open, 0))
}
