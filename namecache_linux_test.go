package smb_test

import (
	"context"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"strings"
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

// listedFS counts how often directories are read.
type listedFS struct {
	*osfs.FS
	reads atomic.Int32
	after func()                 // a directory was read
	asked atomic.Pointer[func()] // called once, after the attributes of something were asked for
}

type listedFile struct {
	vfs.File
	fs *listedFS
}

func (l *listedFS) Open(ctx context.Context, name string, opt vfs.OpenOptions) (vfs.File, error) {
	f, err := l.FS.Open(ctx, name, opt)
	if err != nil {
		return nil, err
	}
	return &listedFile{f, l}, nil
}

func (l *listedFile) Unwrap() vfs.File { return l.File }

func (l *listedFile) Stat(ctx context.Context) (vfs.Attr, error) {
	a, err := l.File.Stat(ctx)
	if do := l.fs.asked.Swap(nil); do != nil {
		(*do)()
	}
	return a, err
}

func (l *listedFile) ReadNames(ctx context.Context) iter.Seq2[string, error] {
	l.fs.reads.Add(1)
	return func(yield func(string, error) bool) {
		for name, err := range l.File.(vfs.NameReader).ReadNames(ctx) {
			if !yield(name, err) {
				return
			}
		}
		if l.fs.after != nil {
			l.fs.after()
		}
	}
}

func (l *listedFile) ReadDir(ctx context.Context) iter.Seq2[vfs.DirEntry, error] {
	return l.File.(vfs.DirReader).ReadDir(ctx)
}

// Clients that make and remove files in one directory at a time don't have it read again
// and again, and none of its names is lost.
func TestNameCacheOwnChanges(t *testing.T) {
	const clients, each = 6, 60
	dir := t.TempDir()
	for i := range 2000 {
		noErr(t, os.WriteFile(fmt.Sprintf("%s/file %d", dir, i), nil, 0o644))
	}
	inner, err := osfs.New(dir, nil)
	noErr(t, err)
	fsys := &listedFS{FS: inner}
	r := newRig(t, func(s *smb.Server) { s.Shares.(smb.Shares)["s"] = &smb.Share{FS: fsys} })
	t.Cleanup(func() { // after the server's
		r.srv.Close()
		inner.Close()
	})
	start := time.Now()
	var group sync.WaitGroup
	for k := range clients {
		c := r.logon(smb.Dialect311)
		group.Go(func() {
			for i := range each {
				name := fmt.Sprintf("Made by %d, %d", k, i)
				made := r.create(c, smbtest.CreateReq(name, smb2.Create))
				if i%2 == 0 {
					want(t, "SET_INFO", c.Delete(made, true), ok)
				}
				want(t, "CLOSE", c.CloseFile(made), ok)
				_, st := c.Create(smbtest.CreateReq(strings.ToUpper(name), smb2.Create))
				if i%2 == 0 {
					want(t, "CREATE of what was removed", st, ok)
				} else {
					want(t, "CREATE by another spelling", st, smb2.StatusObjectNameCollision)
				}
			}
		})
	}
	group.Wait()
	// What was read while others changed the directory holds for a second.
	if n := int(fsys.reads.Load()); n > 3+int(time.Since(start)/time.Second) {
		t.Errorf("%d files were made, and the directory was read %d times", clients*each, n)
	}
}

// A directory isn't read again since the server changed it after it was asked when it was last changed.
func TestNameCacheLateAnswer(t *testing.T) {
	dir := t.TempDir()
	noErr(t, os.WriteFile(dir+"/file", nil, 0o644))
	inner, err := osfs.New(dir, nil)
	noErr(t, err)
	fsys := &listedFS{FS: inner}
	r := newRig(t, func(s *smb.Server) { s.Shares.(smb.Shares)["s"] = &smb.Share{FS: fsys} })
	t.Cleanup(func() { // after the server's
		r.srv.Close()
		inner.Close()
	})
	missing := func(c *smbtest.Client) {
		_, st := c.Create(smbtest.CreateReq("isn't there", smb2.Open))
		want(t, "CREATE", st, smb2.StatusObjectNameNotFound)
	}
	a, b := r.logon(smb.Dialect311), r.logon(smb.Dialect311)
	time.Sleep(100 * time.Millisecond) // the directory is not young when it is read
	missing(a)
	do := func() {
		time.Sleep(20 * time.Millisecond) // it gets another time
		r.open(b, "another")
		missing(b)
	}
	fsys.asked.Store(&do)
	missing(a)
	if fsys.asked.Load() != nil {
		t.Error("nothing was asked for")
	}
	if n := fsys.reads.Load(); n != 1 {
		t.Errorf("the directory was read %d times", n)
	}
}

// What others add while a directory is read for its names is found, also if the server
// changed the directory too.
func TestNameCacheForeignChangeWhileReading(t *testing.T) {
	dir := t.TempDir()
	add := func(name string) { noErr(t, os.WriteFile(filepath.Join(dir, name), nil, 0o644)) }
	add("there")
	old := time.Now().Add(-time.Hour)
	noErr(t, os.Chtimes(dir, old, old)) // not one that was changing just now
	inner, err := osfs.New(dir, nil)
	noErr(t, err)
	fsys := &listedFS{FS: inner}
	r := newRig(t, func(s *smb.Server) { s.Shares.(smb.Shares)["s"] = &smb.Share{FS: fsys} })
	t.Cleanup(func() {
		r.srv.Close()
		inner.Close()
	})
	c := r.logon(smb.Dialect311)
	var once sync.Once
	fsys.after = func() {
		once.Do(func() {
			add("foreign")
			add("own")
			r.srv.ChangeListing("own")
		})
	}
	for _, name := range []string{"THERE", "FOREIGN"} {
		c.CloseFile(r.create(c, smbtest.CreateReq(name, smb2.Open)))
	}
}
