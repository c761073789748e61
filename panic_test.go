package smb_test

import (
	"context"
	"iter"
	"sync/atomic"
	"testing"

	"github.com/gosmbd/smb"
	"github.com/gosmbd/smb/internal/smbtest"
	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs"
	"github.com/gosmbd/smb/vfs/faultfs"
	"github.com/gosmbd/smb/vfs/memfs"
)

// ReadDir panics when a directory with delete-on-close is closed.
func TestCloseDirectoryPanics(t *testing.T) {
	r := newFaulty(t)
	other, c := r.logon(smb.Dialect311), r.logon(smb.Dialect311)
	req := smbtest.CreateReq("d", smb2.OpenIf)
	req.ShareAccess, req.Options = 0, smb2.OptionDeleteOnClose|smb2.OptionDirectoryFile
	id := r.create(c, req)
	h := faultfs.Hook(func(op faultfs.Op) error {
		if op.Kind == faultfs.ReadDir {
			panic("boom")
		}
		return nil
	})
	r.hook.Store(&h)
	want(t, "CLOSE", c.CloseFile(id), ok)
	r.heal()
	_, st := other.Create(req)
	want(t, "CREATE", st, ok)
}

// Remove panics for the first of two names of a file.
func TestRemoveLinkPanics(t *testing.T) {
	r := newFaulty(t)
	put(t, r.fs, "a", "x")
	if err := r.fs.Link(context.Background(), "a", "b", false); err != nil {
		t.Fatal(err)
	}
	other, c := r.logon(smb.Dialect311), r.logon(smb.Dialect311)
	a, b := r.open(c, "a:s"), r.open(c, "b")
	a2 := r.open(c, "a")
	want(t, "delete", c.Delete(a2, true), ok)
	want(t, "delete", c.Delete(b, true), ok)
	want(t, "close", c.CloseFile(a2), ok)
	want(t, "close", c.CloseFile(b), ok)
	h := faultfs.Hook(func(op faultfs.Op) error {
		if op.Kind == faultfs.Remove {
			panic("boom")
		}
		return nil
	})
	r.hook.Store(&h)
	c.Send(c.Req(smb2.CommandClose, smb2.CloseRequest{FileID: a}))
	dropped(t, "close", c)
	r.heal()
	gone(t, r.rig, 1)
	_, st := other.Create(smbtest.CreateReq("b", smb2.Open))
	if st != ok && st != smb2.StatusObjectNameNotFound {
		t.Errorf("CREATE of the other name: %v", st)
	}
}

// A backend that panics when a CLOSE asks for the attributes keeps nobody from the file.
func TestCloseStatPanics(t *testing.T) {
	var panics atomic.Bool
	r := newRig(t, func(s *smb.Server) {
		s.Logger = quiet()
		s.Shares = smb.Shares{"s": {FS: faultfs.New(s.Shares.(smb.Shares)["s"].FS, func(op faultfs.Op) error {
			if op.Kind == faultfs.Stat && panics.Load() {
				panic("the backend")
			}
			return nil
		})}}
	})
	b := r.as("bob", password+"!") // has the mount in use
	c := r.as("ann", password)
	req := smbtest.CreateReq("f", smb2.OpenIf)
	req.ShareAccess = 0
	id := r.create(c, req)
	panics.Store(true)
	c.Send(c.Req(smb2.CommandClose, smb2.CloseRequest{FileID: id, Flags: smb2.CloseFlagPostqueryAttrib}))
	dropped(t, "after the panic", c)
	panics.Store(false)
	_, st := b.Create(smbtest.CreateReq("f", smb2.Open))
	want(t, "CREATE of another", st, ok)
	b.Close()
}

type endlessFS struct{ *memfs.FS }

type endlessFile struct{ vfs.File }

func (f *endlessFS) Open(ctx context.Context, name string, opt vfs.OpenOptions) (vfs.File, error) {
	g, err := f.FS.Open(ctx, name, opt)
	if err != nil || name != "d" {
		return g, err
	}
	return endlessFile{g}, nil
}

func (f endlessFile) ReadDir(ctx context.Context) iter.Seq2[vfs.DirEntry, error] {
	d, _ := vfs.As[vfs.DirReader](f.File)
	return func(yield func(vfs.DirEntry, error) bool) {
		for e, err := range d.ReadDir(ctx) {
			if !yield(e, err) {
				panic("the backend, when it is to end a listing")
			}
		}
	}
}

// A backend that panics when a listing is ended keeps nobody from the directory.
func TestListingPanics(t *testing.T) {
	fsys := &endlessFS{&memfs.FS{}}
	r := newRig(t, func(s *smb.Server) {
		s.Logger = quiet()
		s.Shares = smb.Shares{"s": {FS: fsys}}
	})
	mkdir(t, fsys.FS, "d")
	for _, n := range []string{"a", "b", "c"} {
		put(t, fsys.FS, "d/"+n, "")
	}
	b := r.as("bob", password+"!") // has the mount in use
	c := r.as("ann", password)
	req := smbtest.CreateReq("d", smb2.Open)
	req.ShareAccess = 0
	id := r.create(c, req)
	for range 3 {
		_, st := c.QueryDirectory(smb2.QueryDirectoryRequest{FileID: id, Class: smb2.ClassFileNamesInformation, Pattern: "*", Flags: smb2.ReturnSingleEntry, OutputLength: 4096})
		want(t, "QUERY_DIRECTORY", st, ok)
	}
	_, st := b.Create(smbtest.CreateReq("d", smb2.Open))
	want(t, "CREATE of another before", st, smb2.StatusSharingViolation)
	c.Send(c.Req(smb2.CommandClose, smb2.CloseRequest{FileID: id}))
	c.Dropped()
	_, st = b.Create(smbtest.CreateReq("d", smb2.Open))
	want(t, "CREATE of another", st, ok)
	b.Close()
}

type openPanicFS struct {
	*memfs.FS
	panics atomic.Bool
}

func (f *openPanicFS) Open(ctx context.Context, name string, opt vfs.OpenOptions) (vfs.File, error) {
	if f.panics.Load() {
		panic("the backend")
	}
	return f.FS.Open(ctx, name, opt)
}

// A backend that panics at TREE_CONNECT takes no place of a share that may have so many.
func TestTreeConnectPanics(t *testing.T) {
	fsys := &openPanicFS{FS: &memfs.FS{}}
	r := newRig(t, func(s *smb.Server) {
		s.Logger = quiet()
		s.Shares = smb.Shares{"s": {FS: fsys, MaxUsers: 1}}
	})
	fsys.panics.Store(true)
	c := r.dialect(smb.Dialect311, smbtest.NegotiateOptions{})
	r.setup(c, "ann", password)
	c.Send(c.Req(smb2.CommandTreeConnect, smb2.TreeConnectRequest{Path: `\\server\s`}))
	dropped(t, "after the panic", c)
	fsys.panics.Store(false)
	c = r.dialect(smb.Dialect311, smbtest.NegotiateOptions{})
	r.setup(c, "ann", password)
	_, st := c.TreeConnect("s")
	want(t, "TREE_CONNECT of the only user", st, ok)
	c.Close()
}
