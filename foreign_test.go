package smb_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gosmbd/smb"
	"github.com/gosmbd/smb/internal/smbtest"
	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs"
	"github.com/gosmbd/smb/vfs/memfs"
)

// overheard is a memfs of which the test tells what happens in it.
type overheard struct {
	*memfs.FS
	mu      sync.Mutex
	decline error
	dirs    map[string]map[int]func(vfs.WatchEvent)
	calls   int

	watch func(name string) // if not nil, called first when a directory is to be watched
	slow  atomic.Int64      // how long it takes to open something, a time.Duration
}

func (o *overheard) Open(ctx context.Context, name string, opt vfs.OpenOptions) (vfs.File, error) {
	time.Sleep(time.Duration(o.slow.Load()))
	return o.FS.Open(ctx, name, opt)
}

func (o *overheard) Watch(_ context.Context, name string, changed func(vfs.WatchEvent)) (func(), error) {
	if o.watch != nil {
		o.watch(name)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.calls++
	if o.decline != nil {
		return nil, o.decline
	}
	if o.dirs[name] == nil {
		o.dirs[name] = make(map[int]func(vfs.WatchEvent))
	}
	id := o.calls
	o.dirs[name][id] = changed
	return func() {
		o.mu.Lock()
		defer o.mu.Unlock()
		delete(o.dirs[name], id)
	}, nil
}

// refuse makes it decline with err to watch anything; nil: no more.
func (o *overheard) refuse(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.decline = err
}

// watched returns how many watches there are.
func (o *overheard) watched() (n int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, d := range o.dirs {
		n += len(d)
	}
	return n
}

func (o *overheard) tell(dir string, e vfs.WatchEvent) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, changed := range o.dirs[dir] {
		changed(e)
	}
}

// overhear runs f in a bubble with a server whose share "s" is an overheard, with the
// directory d in it and the file d/f.
func overhear(t *testing.T, edit func(*smb.Server), f func(t *testing.T, r *rig, o *overheard)) {
	t.Helper()
	o := &overheard{dirs: make(map[string]map[int]func(vfs.WatchEvent))}
	bubble(t, func(s *smb.Server) {
		o.FS = s.Shares.(smb.Shares)["s"].FS.(*memfs.FS)
		s.Shares.(smb.Shares)["s"] = &smb.Share{FS: o}
		if edit != nil {
			edit(s)
		}
	}, func(t *testing.T, r *rig) {
		mkdir(t, r.fs, "d")
		put(t, r.fs, "d/f", "content")
		f(t, r, o)
		r.srv.Close()
		if n := o.watched(); n != 0 {
			t.Errorf("%d watches are left", n)
		}
	})
}

// rewrite changes a file without the server.
func rewrite(t testing.TB, fsys vfs.FS, name, content string) {
	t.Helper()
	f, err := fsys.Open(context.Background(), name, vfs.OpenOptions{Access: vfs.AccessFull})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.(io.WriterAt).WriteAt([]byte(content), 0); err != nil {
		t.Fatal(err)
	}
}

const aWhile = 300 * time.Millisecond // in which a change by others is noticed

var pause vfs.WatchEvent // stands for aWhile among the events of a test

// What another changed in an object is not forgotten when the server renames that before
// it is settled, and nothing is made of it when the server removes it, or another object
// has the name.
func TestForeignChangeThenOwn(t *testing.T) {
	for _, tt := range []struct {
		name   string
		do     func(r *rig, a *smbtest.Client, id smb2.FileID)
		events []vfs.WatchEvent
		broken bool
	}{
		{"rename", func(r *rig, a *smbtest.Client, id smb2.FileID) {
			want(r.t, "rename", a.Rename(id, `d\g`, false), ok)
		}, []vfs.WatchEvent{{Op: vfs.WatchRenamed, OldName: "f", Name: "g"}}, true},
		{"rename and a new one", func(r *rig, a *smbtest.Client, id smb2.FileID) {
			want(r.t, "rename", a.Rename(id, `d\g`, false), ok)
			r.leased(a, `d\f`, smbtest.LeaseUnder(leaseKey(1), leaseKey(3), leaseRWH), leaseRWH)
		}, []vfs.WatchEvent{{Op: vfs.WatchRenamed, OldName: "f", Name: "g"}, {Op: vfs.WatchAdded, Name: "f"}}, true},
		{"rename twice", func(r *rig, a *smbtest.Client, id smb2.FileID) {
			want(r.t, "rename", a.Rename(id, `d\g`, false), ok)
			want(r.t, "rename", a.Rename(id, `d\h`, false), ok)
		}, []vfs.WatchEvent{{Op: vfs.WatchRenamed, OldName: "f", Name: "g"}, pause, {Op: vfs.WatchRenamed, OldName: "g", Name: "h"}}, true},
		{"remove", func(r *rig, a *smbtest.Client, id smb2.FileID) {
			want(r.t, "delete", a.Delete(id, true), ok)
			want(r.t, "CLOSE", a.CloseFile(id), ok)
		}, []vfs.WatchEvent{{Op: vfs.WatchRemoved, Name: "f"}}, false},
		{"remove and a new one", func(r *rig, a *smbtest.Client, id smb2.FileID) {
			want(r.t, "delete", a.Delete(id, true), ok)
			want(r.t, "CLOSE", a.CloseFile(id), ok)
			r.leased(a, `d\f`, smbtest.LeaseUnder(leaseKey(1), leaseKey(3), leaseRWH), leaseRWH)
		}, []vfs.WatchEvent{{Op: vfs.WatchRemoved, Name: "f"}, {Op: vfs.WatchAdded, Name: "f"}}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			overhear(t, nil, func(t *testing.T, r *rig, o *overheard) {
				a := r.caching(smb.Dialect311, 1)
				r.granted(a, dirReq("d", smb2.Open), smbtest.Lease2(leaseKey(1), leaseRH, 0), leaseRH)
				id, _ := r.leased(a, `d\f`, smbtest.LeaseUnder(leaseKey(1), leaseKey(2), leaseRWH), leaseRWH)
				rewrite(t, r.fs, "d/f", "CONTENT")
				o.tell("d", vfs.WatchEvent{Op: vfs.WatchWritten, Name: "f"})
				o.tell("d", vfs.WatchEvent{Op: vfs.WatchClosed, Name: "f"})
				tt.do(r, a, id)
				time.Sleep(aWhile) // in which what the server did isn't heard of
				for _, e := range tt.events {
					if e == pause {
						time.Sleep(aWhile)
						continue
					}
					o.tell("d", e)
				}
				if tt.broken {
					breaks := map[smbtest.Key]bool{}
					for range 2 {
						breaks[a.Break().Lease.LeaseKey] = true
					}
					if !breaks[leaseKey(1)] || !breaks[leaseKey(2)] {
						t.Errorf("broken: %v", breaks)
					}
				}
				time.Sleep(5 * time.Second)
				unbroken(t, "the rest", a)
			})
		})
	}
}

// What others do ends leases on the directory and on the files that it is about, and
// those who watch are told of it.
func TestForeignChanges(t *testing.T) {
	for _, tt := range []struct {
		name   string
		do     func(t *testing.T, r *rig)
		events []vfs.WatchEvent
		file   bool // the lease on d/f ends
		told   string
	}{
		{"create", func(t *testing.T, r *rig) { put(t, r.fs, "d/New", "") },
			[]vfs.WatchEvent{{Op: vfs.WatchAdded, Name: "New"}}, false, "+New"},
		{"mkdir", func(t *testing.T, r *rig) { mkdir(t, r.fs, "d/New") },
			[]vfs.WatchEvent{{Op: vfs.WatchAdded, Name: "New", Directory: true}}, false, "+New"},
		{"remove", func(t *testing.T, r *rig) { r.fs.Remove(t.Context(), "d/f") },
			[]vfs.WatchEvent{{Op: vfs.WatchRemoved, Name: "f"}}, true, "-f"},
		{"rename", func(t *testing.T, r *rig) { r.fs.Rename(t.Context(), "d/f", "d/g", false) },
			[]vfs.WatchEvent{{Op: vfs.WatchRenamed, OldName: "f", Name: "g"}}, true, "<f >g"},
		{"replace", func(t *testing.T, r *rig) {
			put(t, r.fs, "d/tmp", "other")
			r.fs.Rename(t.Context(), "d/tmp", "d/f", true)
		}, []vfs.WatchEvent{{Op: vfs.WatchAdded, Name: "tmp"}, {Op: vfs.WatchRenamed, OldName: "tmp", Name: "f"}}, true, "+tmp <tmp >f"},
		{"write", func(t *testing.T, r *rig) { rewrite(t, r.fs, "d/f", "CONTENT") },
			[]vfs.WatchEvent{{Op: vfs.WatchWritten, Name: "f"}, {Op: vfs.WatchWritten, Name: "f"}, {Op: vfs.WatchClosed, Name: "f"}}, true, "~f"},
		{"attributes of a directory", func(t *testing.T, r *rig) { mkdir(t, r.fs, "d/sub") },
			[]vfs.WatchEvent{{Op: vfs.WatchAttributes, Name: "sub"}}, false, "~sub"},
		{"a name that clients can't see, and then one that they can", func(t *testing.T, r *rig) {},
			[]vfs.WatchEvent{{Op: vfs.WatchAdded, Name: "a:b"}, {Op: vfs.WatchRenamed, OldName: "a:b", Name: "b"}, {Op: vfs.WatchRenamed, OldName: "b", Name: "\xFF"}}, false, "+b -b"},
		{"anything", func(t *testing.T, r *rig) {},
			[]vfs.WatchEvent{{Op: vfs.WatchLost}, {Op: vfs.WatchAdded, Name: "x"}}, true, "STATUS_NOTIFY_ENUM_DIR"},
		{"the end", func(t *testing.T, r *rig) {},
			[]vfs.WatchEvent{{Op: vfs.WatchEnded}}, true, "STATUS_NOTIFY_ENUM_DIR"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			overhear(t, nil, func(t *testing.T, r *rig, o *overheard) {
				a, b := r.caching(smb.Dialect311, 1), r.caching(smb.Dialect311, 2)
				r.granted(a, dirReq("d", smb2.Open), smbtest.Lease2(leaseKey(1), leaseRH, 0), leaseRH)
				r.leased(a, `d\f`, smbtest.Lease2(leaseKey(2), leaseRWH, 0), leaseRWH)
				w := r.watch(b, "d", notifyAll, false)
				top := r.watch(b, "", notifyAll, true)
				time.Sleep(aWhile)
				unbroken(t, "before", a)
				tt.do(t, r)
				for _, e := range tt.events {
					o.tell("d", e)
				}
				time.Sleep(aWhile)
				leaseBroken(t, a, leaseKey(1), leaseRH, 0, 2)
				if tt.file {
					leaseBroken(t, a, leaseKey(2), leaseRWH, 0, 2)
				}
				unbroken(t, "once is enough", a)
				w.wantAnswer("the watcher", tt.told)
				if got := top.answer(); (got == "STATUS_NOTIFY_ENUM_DIR") != (tt.told == "STATUS_NOTIFY_ENUM_DIR") {
					t.Errorf("the watcher of the tree: %s", got)
				}
			})
		})
	}
}

// What clients do isn't taken for another's when the backend tells of it.
func TestOwnChanges(t *testing.T) {
	added, removed := vfs.WatchAdded, vfs.WatchRemoved
	written, closed, attributes := vfs.WatchWritten, vfs.WatchClosed, vfs.WatchAttributes
	under := smbtest.LeaseUnder(leaseKey(1), leaseKey(3), leaseRWH)
	for _, tt := range []struct {
		name   string
		do     func(t *testing.T, r *rig, a *smbtest.Client)
		events []vfs.WatchEvent
	}{
		{"create, write and close", func(t *testing.T, r *rig, a *smbtest.Client) {
			id, _ := r.leased(a, `d\New`, under, leaseRWH)
			a.Write(id, 0, []byte("x"))
			a.CloseFile(id)
		}, []vfs.WatchEvent{{Op: added, Name: "New"}, {Op: attributes, Name: "New"}, {Op: written, Name: "New"}, {Op: closed, Name: "New"}}},
		{"write", func(t *testing.T, r *rig, a *smbtest.Client) {
			id, _ := r.leased(a, `d\f`, under, leaseRWH)
			a.Write(id, 0, []byte("x"))
		}, []vfs.WatchEvent{{Op: written, Name: "f"}}},
		{"delete", func(t *testing.T, r *rig, a *smbtest.Client) {
			id, _ := r.leased(a, `d\f`, under, leaseRWH)
			a.Delete(id, true)
			a.CloseFile(id)
		}, []vfs.WatchEvent{{Op: attributes, Name: "f"}, {Op: removed, Name: "f"}}},
		{"rename", func(t *testing.T, r *rig, a *smbtest.Client) {
			id, _ := r.leased(a, `d\f`, under, leaseRWH)
			want(t, "rename", a.Rename(id, `d\g`, false), ok)
			a.Write(id, 0, []byte("x"))
		}, []vfs.WatchEvent{{Op: vfs.WatchRenamed, OldName: "f", Name: "g"}, {Op: written, Name: "g"}}},
		{"move into another directory", func(t *testing.T, r *rig, a *smbtest.Client) {
			id, _ := r.leased(a, `d\f`, under, leaseRWH)
			want(t, "rename", a.Rename(id, `g`, false), ok)
		}, []vfs.WatchEvent{{Op: removed, Name: "f"}}},
		{"set attributes and size", func(t *testing.T, r *rig, a *smbtest.Client) {
			id, _ := r.leased(a, `d\f`, under, leaseRWH)
			want(t, "SET_INFO", a.SetInfo(id, smb2.ClassFileBasicInformation, smb2.FileBasicInformation{FileAttributes: 2}), ok)
			want(t, "SET_INFO", a.SetInfo(id, smb2.ClassFileEndOfFileInformation, smb2.FileEndOfFileInformation{EndOfFile: 3}), ok)
		}, []vfs.WatchEvent{{Op: attributes, Name: "f"}, {Op: written, Name: "f"}}},
		{"overwrite", func(t *testing.T, r *rig, a *smbtest.Client) {
			r.granted(a, smbtest.CreateReq(`d\f`, smb2.OverwriteIf), under, leaseRWH)
		}, []vfs.WatchEvent{{Op: written, Name: "f"}, {Op: attributes, Name: "f"}}},
		{"refused", func(t *testing.T, r *rig, a *smbtest.Client) {
			r.leased(a, `d\f`, under, leaseRWH)
			b := r.caching(smb.Dialect311, 3)
			req := smbtest.CreateReq(`d\f`, smb2.Open)
			req.ShareAccess = 0
			mid := startOpen(b, req)
			leaseBroken(t, a, leaseKey(3), leaseRWH, leaseRW, 2)
			ackLease(t, a, leaseKey(3), leaseRW)
			want(t, "CREATE", b.Wait(mid).Status, smb2.StatusSharingViolation)
		}, []vfs.WatchEvent{{Op: closed, Name: "f"}, {Op: closed, Name: "f"}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			overhear(t, nil, func(t *testing.T, r *rig, o *overheard) {
				a, b := r.caching(smb.Dialect311, 1), r.caching(smb.Dialect311, 2)
				r.granted(a, dirReq("d", smb2.Open), smbtest.Lease2(leaseKey(1), leaseRH, 0), leaseRH)
				tt.do(t, r, a)
				w := r.watch(b, "d", notifyAll, false)
				for _, e := range tt.events {
					o.tell("d", e)
				}
				time.Sleep(aWhile)
				unbroken(t, "own changes", a)
				w.stop() // and so it waited
			})
		})
	}
}

// A change by others beside those of a client is noticed.
func TestForeignBesideOwn(t *testing.T) {
	write := func(t *testing.T, r *rig, o *overheard, name string) {
		rewrite(t, r.fs, "d/"+name, "foreign")
		o.tell("d", vfs.WatchEvent{Op: vfs.WatchWritten, Name: name})
	}
	for _, tt := range []struct {
		name string
		do   func(t *testing.T, r *rig, o *overheard, a *smbtest.Client, id smb2.FileID)
	}{
		{"after it", func(t *testing.T, r *rig, o *overheard, a *smbtest.Client, id smb2.FileID) {
			time.Sleep(aWhile)
			write(t, r, o, "f")
		}},
		{"at once, and closed", func(t *testing.T, r *rig, o *overheard, a *smbtest.Client, id smb2.FileID) {
			write(t, r, o, "f")
			o.tell("d", vfs.WatchEvent{Op: vfs.WatchClosed, Name: "f"})
		}},
		{"before it, and closed after it", func(t *testing.T, r *rig, o *overheard, a *smbtest.Client, id smb2.FileID) {
			write(t, r, o, "f")
			a.Write(id, 0, []byte("own"))
			time.Sleep(aWhile)
			unbroken(t, "there is no telling yet", a)
			o.tell("d", vfs.WatchEvent{Op: vfs.WatchClosed, Name: "f"})
		}},
		{"removed and made again", func(t *testing.T, r *rig, o *overheard, a *smbtest.Client, id smb2.FileID) {
			o.tell("d", vfs.WatchEvent{Op: vfs.WatchRemoved, Name: "f"})
			o.tell("d", vfs.WatchEvent{Op: vfs.WatchAdded, Name: "f"})
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			overhear(t, nil, func(t *testing.T, r *rig, o *overheard) {
				a := r.caching(smb.Dialect311, 1)
				id, _ := r.leased(a, `d\f`, smbtest.Lease2(leaseKey(1), leaseRWH, 0), leaseRWH)
				a.Write(id, 0, []byte("own"))
				o.tell("d", vfs.WatchEvent{Op: vfs.WatchWritten, Name: "f"})
				tt.do(t, r, o, a, id)
				time.Sleep(aWhile)
				leaseBroken(t, a, leaseKey(1), leaseRWH, 0, 2)
			})
		})
	}
}

// While a client's own operation is at work, nothing is concluded.
func TestForeignWaitsForOwn(t *testing.T) {
	var release chan struct{}
	overhear(t, slowly(&release), func(t *testing.T, r *rig, o *overheard) {
		a := r.caching(smb.Dialect311, 1)
		id, _ := r.leased(a, `d\f`, smbtest.Lease2(leaseKey(1), leaseRWH, 0), leaseRWH)
		release = make(chan struct{})
		e := a.Req(smb2.CommandWrite, smb2.WriteRequest{FileID: id, Data: []byte("own")})
		a.Send(e)
		for _, part := range []string{"a part of it", "another part of it"} {
			time.Sleep(aWhile)
			rewrite(t, r.fs, "d/f", part)
			o.tell("d", vfs.WatchEvent{Op: vfs.WatchWritten, Name: "f"})
		}
		time.Sleep(aWhile)
		close(release)
		want(t, "WRITE", a.Wait(e.MessageID).Status, ok)
		time.Sleep(aWhile)
		unbroken(t, "an own change", a)
	})
}

// slowWrites makes writes wait until release is closed, if it is there.
type slowWrites struct {
	*overheard
	release *chan struct{}
}

// slowly gives a server's share slowWrites.
func slowly(release *chan struct{}) func(*smb.Server) {
	return func(s *smb.Server) {
		shares := s.Shares.(smb.Shares)
		shares["s"] = &smb.Share{FS: &slowWrites{shares["s"].FS.(*overheard), release}}
	}
}

func (s *slowWrites) Open(ctx context.Context, name string, opt vfs.OpenOptions) (vfs.File, error) {
	f, err := s.overheard.Open(ctx, name, opt)
	return slowFile{f, s}, err
}

type slowFile struct {
	vfs.File
	s *slowWrites
}

func (f slowFile) Unwrap() vfs.File { return f.File }

func (f slowFile) WriteAt(b []byte, off int64) (int, error) {
	if *f.s.release != nil {
		<-*f.s.release
	}
	return f.File.(io.WriterAt).WriteAt(b, off)
}

// A flood of changes is told as one, and holds little.
func TestForeignStorm(t *testing.T) {
	overhear(t, nil, func(t *testing.T, r *rig, o *overheard) {
		a, b := r.caching(smb.Dialect311, 1), r.caching(smb.Dialect311, 2)
		r.granted(a, dirReq("d", smb2.Open), smbtest.Lease2(leaseKey(1), leaseRH, 0), leaseRH)
		w := r.watch(b, "d", notifyAll, false)
		for i := range 10_000 {
			o.tell("d", vfs.WatchEvent{Op: vfs.WatchAdded, Name: fmt.Sprint(i)})
		}
		time.Sleep(aWhile)
		leaseBroken(t, a, leaseKey(1), leaseRH, 0, 2)
		ackLease(t, a, leaseKey(1), 0)
		unbroken(t, "once is enough", a)
		w.wantAnswer("the watcher", "STATUS_NOTIFY_ENUM_DIR")
	})
}

// Directories are watched while they need to be, and a little longer.
func TestLookouts(t *testing.T) {
	overhear(t, nil, func(t *testing.T, r *rig, o *overheard) {
		check := func(what string, want int) {
			t.Helper()
			if n := o.watched(); n != want {
				t.Errorf("%s: %d watches, want %d", what, n, want)
			}
		}
		a := r.caching(smb.Dialect311, 1)
		r.open(a, `d\f`)
		check("without a lease", 0)
		for range 10 {
			id, _ := r.leased(a, `d\f`, smbtest.Lease2(leaseKey(1), leaseR, 0), leaseR)
			check("a lease on a file", 1)
			a.CloseFile(id)
		}
		if o.calls != 1 {
			t.Errorf("watched %d times", o.calls)
		}
		dir, _ := r.granted(a, dirReq("d", smb2.Open), smbtest.Lease2(leaseKey(2), leaseRH, 0), leaseRH)
		top := r.watch(a, "", notifyAll, true)
		check("a lease on its directory, and a watcher of another", 2)
		time.Sleep(time.Minute)
		check("as long as it takes", 2)
		a.CloseFile(dir)
		a.CloseFile(top.req.FileID)
		top.answer()
		check("at once", 2)
		time.Sleep(time.Minute)
		check("later", 0)
	})
}

// A backend that can't watch this directory is none that can't serve it.
func TestLookoutDeclined(t *testing.T) {
	overhear(t, nil, func(t *testing.T, r *rig, o *overheard) {
		o.decline = fmt.Errorf("too many: %w", errors.ErrUnsupported)
		a := r.caching(smb.Dialect311, 1)
		id, _ := r.leased(a, `d\f`, smbtest.Lease2(leaseKey(1), leaseRWH, 0), leaseRWH)
		w := r.watch(a, "d", notifyAll, false)
		want(t, "CLOSE", a.CloseFile(id), ok)
		r.open(a, `d\g`)
		w.wantAnswer("own changes", "+g")
	})
}

// A share may let nobody cache anything.
func TestNoCaching(t *testing.T) {
	r := newRig(t, func(s *smb.Server) { s.Shares.(smb.Shares)["s"].NoCaching = true })
	mkdir(t, r.fs, "d")
	c := r.caching(smb.Dialect311, 1)
	for _, req := range []smb2.CreateRequest{smbtest.CreateReq("f", smb2.OpenIf), dirReq("d", smb2.Open)} {
		resp, g, st := c.Open(req, smbtest.Lease2(leaseKey(1), leaseRWH, 0))
		if st != ok || g.Lease != nil || resp.OplockLevel != smb2.OplockNone {
			t.Errorf("%s: %v, %v, %+v", req.Name, st, resp.OplockLevel, g.Lease)
		}
	}
	req := smbtest.CreateReq("g", smb2.OpenIf)
	req.OplockLevel = smb2.OplockBatch
	if resp, st := c.Create(req); st != ok || resp.OplockLevel != smb2.OplockNone {
		t.Errorf("%v, %v", st, resp.OplockLevel)
	}
}
