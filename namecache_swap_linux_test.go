package smb_test

import (
	"context"
	"iter"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gosmbd/smb"
	"github.com/gosmbd/smb/internal/smbtest"
	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs"
	"github.com/gosmbd/smb/vfs/osfs"
)

type lateListFS struct {
	*osfs.FS
	mu   sync.Mutex
	hook func(name string)
}
type lateListFile struct {
	vfs.File
	fs   *lateListFS
	name string
}

func (l *lateListFS) Open(ctx context.Context, name string, opt vfs.OpenOptions) (vfs.File, error) {
	f, err := l.FS.Open(ctx, name, opt)
	if err != nil {
		return nil, err
	}
	return &lateListFile{f, l, name}, nil
}
func (l *lateListFile) Unwrap() vfs.File { return l.File }
func (l *lateListFile) ReadNames(ctx context.Context) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for name, err := range l.File.(vfs.NameReader).ReadNames(ctx) {
			if !yield(name, err) {
				return
			}
		}
		l.fs.mu.Lock()
		h := l.fs.hook
		l.fs.mu.Unlock()
		if h != nil {
			h(l.name)
		}
	}
}
func (l *lateListFile) ReadDir(ctx context.Context) iter.Seq2[vfs.DirEntry, error] {
	return l.File.(vfs.DirReader).ReadDir(ctx)
}

// While a directory is read for its names another gets its place, and a name is made in it.
func TestListingOfAnotherDirectory(t *testing.T) {
	for _, how := range []string{"renamed", "removed"} {
		t.Run(how, func(t *testing.T) { testListingOfAnother(t, how == "removed") })
	}
}

func testListingOfAnother(t *testing.T, removed bool) {
	dir := t.TempDir()
	for _, d := range []string{"/d", "/d.new", "/d.new/Sub", "/d.new/Precious"} {
		noErr(t, os.Mkdir(dir+d, 0o755))
	}
	noErr(t, os.WriteFile(dir+"/f", nil, 0o644))
	noErr(t, os.WriteFile(dir+"/d.new/Precious/file", nil, 0o644))
	noErr(t, os.WriteFile(dir+"/d.new/junk", nil, 0o644))
	inner, err := osfs.New(dir, nil)
	noErr(t, err)
	fsys := &lateListFS{FS: inner}
	r := newRig(t, func(s *smb.Server) { s.Shares.(smb.Shares)["s"] = &smb.Share{FS: fsys} })
	t.Cleanup(func() {
		r.srv.Close()
		inner.Close()
	})
	a, b := r.logon(smb.Dialect311), r.logon(smb.Dialect311)
	time.Sleep(1200 * time.Millisecond)
	reading, goOn := make(chan struct{}), make(chan struct{})
	var read atomic.Bool
	fsys.mu.Lock()
	fsys.hook = func(name string) {
		if name == "d" && read.CompareAndSwap(false, true) {
			close(reading)
			<-goOn
		}
	}
	fsys.mu.Unlock()
	f := r.open(a, "f")
	done := make(chan smb2.Status, 1)
	go func() { done <- a.Rename(f, `D\SUB\g`, false) }()
	<-reading
	openDir := func(name string) smb2.FileID {
		req := smbtest.CreateReq(name, smb2.Open)
		req.Options |= smb2.OptionDirectoryFile
		return r.create(b, req)
	}
	x := openDir("d")
	if removed {
		want(t, "delete", b.Delete(x, true), ok)
	} else {
		want(t, "rename", b.Rename(x, "d.old", false), ok)
	}
	b.CloseFile(x)
	x = openDir("d.new")
	want(t, "rename", b.Rename(x, "d", false), ok)
	b.CloseFile(x)
	req := smbtest.CreateReq(`d\junk`, smb2.Open)
	req.Options |= smb2.OptionDeleteOnClose
	b.CloseFile(r.create(b, req))
	close(goOn)
	<-done
	time.Sleep(200 * time.Millisecond)
	_, st := b.Create(smbtest.CreateReq(`D\PRECIOUS\FILE`, smb2.Open))
	want(t, "CREATE of what has been there all the time", st, ok)
	_, st = b.Create(smbtest.CreateReq(`D\PRECIOUS`, smb2.Open))
	want(t, "CREATE of what has been there all the time", st, ok)
}
