package smb_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gosmbd/smb"
	"github.com/gosmbd/smb/internal/smbtest"
	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs"
	"github.com/gosmbd/smb/vfs/memfs"
)

// Filters of CHANGE_NOTIFY.
const (
	notifyName = smb2.FileNotifyChangeFileName | smb2.FileNotifyChangeDirName
	notifyAll  = uint32(0xFFF)
)

// watcher is a handle of a directory that is watched.
type watcher struct {
	t    testing.TB
	c    *smbtest.Client
	req  smb2.ChangeNotifyRequest
	mid  uint64 // of the request that waits
	aid  uint64
	last smbtest.Reply
}

// watch opens a directory and watches it.
func (r *rig) watch(c *smbtest.Client, dir string, filter uint32, tree bool) *watcher {
	r.t.Helper()
	w := &watcher{t: r.t, c: c, req: smb2.ChangeNotifyRequest{
		FileID: r.create(c, dirReq(dir, smb2.Open)), Filter: filter, OutputLength: 1000,
	}}
	if tree {
		w.req.Flags = smb2.ChangeNotifyWatchTree
	}
	w.ask()
	return w
}

// ask sends a request that has to wait.
func (w *watcher) ask() {
	w.t.Helper()
	e := w.c.Req(smb2.CommandChangeNotify, w.req)
	w.c.Send(e)
	w.mid = e.MessageID
	w.aid = w.c.WaitInterim(w.mid).AsyncID
}

// stop cancels the request; from now on changes are kept.
func (w *watcher) stop() *watcher {
	w.t.Helper()
	w.c.Cancel(0, w.aid)
	w.wantAnswer("canceled", "STATUS_CANCELLED")
	return w
}

// answer takes the answer to the request that waits.
func (w *watcher) answer() string {
	w.t.Helper()
	w.last = w.c.Wait(w.mid)
	if w.aid != 0 && (w.last.Flags&smb2.FlagAsync == 0 || w.last.AsyncID != w.aid) {
		w.t.Errorf("the final reply has flags %x and AsyncId %d, want %d", w.last.Flags, w.last.AsyncID, w.aid)
	}
	return changes(w.t, w.c, w.last)
}

func (w *watcher) wantAnswer(what, want string) {
	w.t.Helper()
	if got := w.answer(); got != want {
		w.t.Errorf("%s: %s, want %s", what, got, want)
	}
}

// kept asks for what was kept.
func (w *watcher) kept() string {
	w.t.Helper()
	return changes(w.t, w.c, w.c.Do(smb2.CommandChangeNotify, w.req))
}

func (w *watcher) wantKept(what, want string) {
	w.t.Helper()
	if got := w.kept(); got != want {
		w.t.Errorf("%s: %s, want %s", what, got, want)
	}
}

// changes describes a reply: "+name" for what was added, and so on, or the status.
func changes(t testing.TB, c *smbtest.Client, r smbtest.Reply) string {
	t.Helper()
	resp := smbtest.Parse(c, r, smb2.ParseChangeNotifyResponse)
	if r.Status != ok {
		if len(resp.Data) > 0 {
			t.Errorf("%v with %d bytes", r.Status, len(resp.Data))
		}
		name, _, _ := strings.Cut(r.Status.String(), " ")
		return name
	}
	list, err := smb2.ParseFileNotifyInformation(resp.Data)
	if err != nil || len(list) == 0 {
		t.Errorf("malformed list: %v: %x", err, resp.Data)
	}
	var out []string
	for _, e := range list {
		out = append(out, " +-~<>ARM"[e.Action:][:1]+e.Name) // the letters are about streams
	}
	return strings.Join(out, " ")
}

// notifyOps are changes in the directory d, and what its watchers are told. Each but
// the last column is a filter that must not be told of it.
var notifyOps = []struct {
	name string
	op   func(t *testing.T, r *rig, c *smbtest.Client)
	want string
	not  uint32
}{
	{"create", func(t *testing.T, r *rig, c *smbtest.Client) {
		r.open(c, `d\New`)
	}, "+New", ^smb2.FileNotifyChangeFileName},
	{"mkdir", func(t *testing.T, r *rig, c *smbtest.Client) {
		r.create(c, dirReq(`d\sub\New`, smb2.Create))
	}, `+sub\New`, ^smb2.FileNotifyChangeDirName},
	{"open", func(t *testing.T, r *rig, c *smbtest.Client) {
		id := r.open(c, `d\f`)
		c.Read(id, 0, 1)
		c.CloseFile(id)
	}, "", notifyAll},
	{"delete", func(t *testing.T, r *rig, c *smbtest.Client) {
		id := r.open(c, `D\F`)
		c.Delete(id, true)
		c.CloseFile(id)
	}, "-f", ^smb2.FileNotifyChangeFileName},
	{"rmdir", func(t *testing.T, r *rig, c *smbtest.Client) {
		req := smbtest.CreateReq(`d\empty`, smb2.Open)
		req.Options = smb2.OptionDeleteOnClose | smb2.OptionDirectoryFile
		c.CloseFile(r.create(c, req))
	}, "-empty", ^smb2.FileNotifyChangeDirName},
	{"rmdir of what isn't empty", func(t *testing.T, r *rig, c *smbtest.Client) {
		req := smbtest.CreateReq(`d\sub`, smb2.Open)
		req.Options = smb2.OptionDeleteOnClose | smb2.OptionDirectoryFile
		want(t, "CLOSE", c.CloseFile(r.create(c, req)), ok)
		r.open(c, `d\sub\f`)
	}, "", notifyAll},
	{"rename", func(t *testing.T, r *rig, c *smbtest.Client) {
		want(t, "rename", c.Rename(r.open(c, `d\f`), `d\G`, false), ok)
	}, "<f >G", ^smb2.FileNotifyChangeFileName},
	{"rename and close", func(t *testing.T, r *rig, c *smbtest.Client) {
		id := r.open(c, `d\f`)
		want(t, "rename", c.Rename(id, `d\G`, false), ok)
		c.CloseFile(id)
	}, "<f >G ~G", smb2.FileNotifyChangeSize},
	{"rename of a directory", func(t *testing.T, r *rig, c *smbtest.Client) {
		id := r.create(c, smbtest.CreateReq(`d\empty`, smb2.Open))
		want(t, "rename", c.Rename(id, `d\full`, false), ok)
		c.CloseFile(id)
	}, "<empty >full", ^smb2.FileNotifyChangeDirName},
	{"move inside", func(t *testing.T, r *rig, c *smbtest.Client) {
		want(t, "rename", c.Rename(r.open(c, `d\f`), `d\sub\g`, false), ok)
	}, `-f +sub\g`, ^smb2.FileNotifyChangeFileName},
	{"move away", func(t *testing.T, r *rig, c *smbtest.Client) {
		want(t, "rename", c.Rename(r.open(c, `d\f`), `f`, false), ok)
	}, `-f`, ^smb2.FileNotifyChangeFileName},
	{"move to here", func(t *testing.T, r *rig, c *smbtest.Client) {
		want(t, "rename", c.Rename(r.open(c, `outside`), `d\outside`, false), ok)
	}, `+outside`, ^smb2.FileNotifyChangeFileName},
	{"rename onto another", func(t *testing.T, r *rig, c *smbtest.Client) {
		want(t, "rename", c.Rename(r.open(c, `d\f`), `d\G2`, true), ok)
	}, `-f ~g2`, 0},
	{"attributes", func(t *testing.T, r *rig, c *smbtest.Client) {
		basic := smb2.FileBasicInformation{FileAttributes: 2}
		want(t, "SET_INFO", c.SetInfo(r.open(c, `d\f`), smb2.ClassFileBasicInformation, basic), ok)
	}, "~f", ^smb2.FileNotifyChangeAttributes},
	{"write time", func(t *testing.T, r *rig, c *smbtest.Client) {
		basic := smb2.FileBasicInformation{LastWriteTime: smb2.FileTimeOf(time.Now())}
		want(t, "SET_INFO", c.SetInfo(r.open(c, `d\f`), smb2.ClassFileBasicInformation, basic), ok)
	}, "~f", ^smb2.FileNotifyChangeLastWrite},
	{"no times", func(t *testing.T, r *rig, c *smbtest.Client) {
		c.SetInfo(r.open(c, `d\f`), smb2.ClassFileBasicInformation, smb2.FileBasicInformation{})
	}, "", notifyAll},
	{"of itself", func(t *testing.T, r *rig, c *smbtest.Client) {
		basic := smb2.FileBasicInformation{FileAttributes: 2}
		want(t, "SET_INFO", c.SetInfo(r.open(c, `d`), smb2.ClassFileBasicInformation, basic), ok)
	}, "", notifyAll},
	{"size", func(t *testing.T, r *rig, c *smbtest.Client) {
		end := smb2.FileEndOfFileInformation{EndOfFile: 100}
		want(t, "SET_INFO", c.SetInfo(r.open(c, `d\f`), smb2.ClassFileEndOfFileInformation, end), ok)
	}, "~f", notifyName},
	{"write", func(t *testing.T, r *rig, c *smbtest.Client) {
		c.Write(r.open(c, `d\f`), 0, []byte("x"))
	}, "", notifyAll}, // not before it is closed or flushed
	{"write and close", func(t *testing.T, r *rig, c *smbtest.Client) {
		id := r.open(c, `d\f`)
		c.Write(id, 0, []byte("x"))
		c.Write(id, 1, []byte("y"))
		c.CloseFile(id)
	}, "~f", notifyName},
	{"write and flush", func(t *testing.T, r *rig, c *smbtest.Client) {
		id := r.open(c, `d\f`)
		c.Write(id, 0, []byte("x"))
		want(t, "FLUSH", c.Flush(id), ok)
	}, "~f", notifyName},
	{"overwrite", func(t *testing.T, r *rig, c *smbtest.Client) {
		c.CloseFile(r.create(c, smbtest.CreateReq(`d\f`, smb2.Overwrite)))
	}, "~f", notifyName},
	{"make, write and delete", func(t *testing.T, r *rig, c *smbtest.Client) {
		id := r.open(c, `d\x`)
		c.Write(id, 0, []byte("x"))
		c.Delete(id, true)
		c.CloseFile(id)
	}, "+x -x", smb2.FileNotifyChangeSize},
	{"link", func(t *testing.T, r *rig, c *smbtest.Client) {
		c.SetInfo(r.open(c, `d\f`), smb2.ClassFileLinkInformation, smb2.FileLinkInformation{FileName: `d\h`})
	}, "+h", ^smb2.FileNotifyChangeFileName},
	{"link onto another", func(t *testing.T, r *rig, c *smbtest.Client) {
		c.SetInfo(r.open(c, `d\f`), smb2.ClassFileLinkInformation, smb2.FileLinkInformation{FileName: `d\G2`, ReplaceIfExists: true})
	}, "~g2", notifyName},
	{"elsewhere", func(t *testing.T, r *rig, c *smbtest.Client) {
		r.open(c, `x`)
		r.create(c, dirReq(`dd`, smb2.Create))
		r.open(c, `dd\x`)
	}, "", notifyAll},
}

func TestNotifyOperations(t *testing.T) {
	for _, tt := range notifyOps {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, nil, func(t *testing.T, r *rig) {
				for _, dir := range []string{"d", "d/sub", "d/empty"} {
					mkdir(t, r.fs, dir)
				}
				for _, name := range []string{"d/f", "d/g2", "d/sub/f", "outside"} {
					put(t, r.fs, name, "content")
				}
				a, b := r.logon(smb.Dialect311), r.logon(smb.Dialect311)
				own := r.watch(b, "d", notifyAll, true).stop()
				all := r.watch(a, "d", notifyAll, true).stop()
				flat := r.watch(a, "d", notifyAll, false).stop()
				none := r.watch(a, "d", tt.not, true)
				tt.op(t, r, b)
				if tt.want == "" {
					own.ask()
					all.ask()
					flat.ask()
				} else {
					own.wantKept("one's own changes", tt.want)
					all.wantKept("the tree", tt.want)
					if strings.Contains(tt.want, `\`) {
						if rest := strings.Split(tt.want, " "); len(rest) > 1 {
							flat.wantKept("the directory alone", rest[0])
						} else {
							flat.ask()
						}
					}
				}
				if tt.not != 0 && !a.Quiet(time.Minute) {
					t.Error("another filter:", none.answer())
				}
			})
		})
	}
}

func TestNotifyWaits(t *testing.T) {
	r := newRig(t, nil)
	other := r.logon(smb.Dialect311)
	mkdir(t, r.fs, "d")
	eachDialect(t, func(t *testing.T, d smb.Dialect) {
		c := r.logon(d)
		w := r.watch(c, "d", notifyName, false)
		alive(t, c)
		id := r.open(other, `d\new`)
		w.wantAnswer("one change", "+new")
		want(t, "delete", other.Delete(id, true), ok)
		want(t, "CLOSE", other.CloseFile(id), ok)
		w.wantKept("between two requests", "-new")
		w.ask()
		c.Cancel(w.mid, 0)
		w.wantAnswer("canceled", "STATUS_CANCELLED")
		w.ask()
		w.stop()
		w.ask()
		want(t, "CLOSE", c.CloseFile(w.req.FileID), ok)
		w.wantAnswer("closed", "STATUS_NOTIFY_CLEANUP")
		if got := w.kept(); got != "STATUS_FILE_CLOSED" {
			t.Error("after CLOSE:", got)
		}
		w = r.watch(c, "d", notifyName, false)
		want(t, "TREE_DISCONNECT", c.TreeDisconnect(), ok)
		w.wantAnswer("disconnected", "STATUS_NOTIFY_CLEANUP")
		r.tree(c, "s")
		w = r.watch(c, "d", notifyName, false)
		want(t, "LOGOFF", c.Logoff(), ok)
		w.wantAnswer("logged off", "STATUS_NOTIFY_CLEANUP")
		c.Close()
		c = r.logon(d)
		r.watch(c, "d", notifyName, false)
		c.Close()
	})
}

// A share may demand encryption; what comes late is encrypted, too.
func TestNotifyEncrypted(t *testing.T) {
	r := newRig(t, nil)
	mkdir(t, r.fs, "d")
	c := r.logon(smb.Dialect311)
	c.Session.Seal = true
	r.tree(c, "enc")
	w := r.watch(c, "d", notifyName, false)
	r.open(r.logon(smb.Dialect311), `d\new`)
	w.wantAnswer("one change", "+new")
	if !w.last.Sealed {
		t.Error("the answer is not encrypted")
	}
}

func TestNotifyRefused(t *testing.T) {
	r := newRig(t, nil)
	mkdir(t, r.fs, "d")
	c := r.logon(smb.Dialect311)
	attrs := dirReq("d", smb2.Open)
	attrs.DesiredAccess = uint32(vfs.ReadAttributes)
	doc := smbtest.CreateReq("new", smb2.Create)
	doc.Options = smb2.OptionDirectoryFile | smb2.OptionDeleteOnClose
	dir := r.create(c, dirReq("d", smb2.Open))
	req := smb2.ChangeNotifyRequest{FileID: dir, Filter: notifyAll, OutputLength: 1000}
	do := func(edit func(*smb2.ChangeNotifyRequest)) smb2.Status {
		t.Helper()
		q := req
		edit(&q)
		return c.Do(smb2.CommandChangeNotify, q).Status
	}
	want(t, "a file", do(func(q *smb2.ChangeNotifyRequest) { q.FileID = r.open(c, "f") }), smb2.StatusInvalidParameter)
	want(t, "without the right to list", do(func(q *smb2.ChangeNotifyRequest) { q.FileID = r.create(c, attrs) }), smb2.StatusAccessDenied)
	want(t, "too long", do(func(q *smb2.ChangeNotifyRequest) { q.OutputLength = 8<<20 + 1 }), smb2.StatusInvalidParameter)
	want(t, "to be deleted", do(func(q *smb2.ChangeNotifyRequest) { q.FileID = r.create(c, doc) }), smb2.StatusDeletePending)
	want(t, "no handle", do(func(q *smb2.ChangeNotifyRequest) { q.FileID.Volatile++ }), smb2.StatusFileClosed)
	e := c.Req(smb2.CommandChangeNotify, smb2.ChangeNotifyRequest{FileID: dir, OutputLength: 64<<10 + 1})
	e.CreditCharge = 1
	want(t, "not paid for", c.DoElem(e).Status, smb2.StatusInvalidParameter)
	c.NextID-- // the second of the two that it was to cost
	r.tree(c, "IPC$")
	want(t, "a pipe", do(func(q *smb2.ChangeNotifyRequest) { q.FileID = r.open(c, "srvsvc") }), smb2.StatusInvalidParameter)
}

// Requests on a handle are answered in the order that they came in, however fast.
func TestNotifyOrder(t *testing.T) {
	r := newRig(t, nil)
	mkdir(t, r.fs, "d")
	c, other := r.logon(smb.Dialect311), r.logon(smb.Dialect311)
	for range 20 {
		const n = 20
		w := r.watch(c, "d", notifyName, false).stop()
		w.aid = 0
		var ids []smb2.FileID
		for i := range n / 2 {
			ids = append(ids, r.open(other, fmt.Sprint(`d\`, i)))
		}
		var mids []uint64
		for range n {
			e := c.Req(smb2.CommandChangeNotify, w.req)
			mids = append(mids, e.MessageID)
			c.Send(e)
		}
		alive(t, c)
		var wants []string
		for i := range n / 2 {
			wants = append(wants, fmt.Sprint("+", i))
		}
		wants = []string{strings.Join(wants, " ")}
		for i := range n - 1 {
			c.WaitInterim(mids[i+1])
		}
		for i := range n - 1 {
			ids = append(ids, r.open(other, fmt.Sprint(`d\x`, i)))
			wants = append(wants, fmt.Sprint("+x", i))
		}
		for i, mid := range mids {
			w.mid = mid
			w.wantAnswer(fmt.Sprint("request ", i), wants[i])
		}
		for _, id := range ids {
			other.Delete(id, true)
			other.CloseFile(id)
		}
		c.CloseFile(w.req.FileID)
	}
}

// What the first request is about holds for all of the handle.
func TestNotifyFirstDecides(t *testing.T) {
	r := newRig(t, nil)
	mkdir(t, r.fs, "d")
	mkdir(t, r.fs, "d/sub")
	c := r.logon(smb.Dialect311)
	w := r.watch(c, "d", smb2.FileNotifyChangeFileName, true).stop()
	w.req.Filter, w.req.Flags = notifyAll, 0
	r.create(c, dirReq(`d\dir`, smb2.Create))
	r.open(c, `d\sub\f`)
	w.wantKept("another filter", `+sub\f`)
	// So does the room for changes.
	w = r.watch(c, "d", notifyAll, false)
	w.stop()
	for i := range 100 {
		r.open(c, fmt.Sprint(`d\`, i))
	}
	w.req.OutputLength = 64 << 10
	w.wantKept("too many", "STATUS_NOTIFY_ENUM_DIR")
	r.open(c, `d\x`)
	w.wantKept("afterwards", "+x")
	r.open(c, `d\y`)
	w.req.OutputLength = 0
	w.wantKept("without room", "STATUS_NOTIFY_ENUM_DIR")
}

func TestNotifyDeleted(t *testing.T) {
	r := newRig(t, nil)
	c, other := r.logon(smb.Dialect311), r.logon(smb.Dialect311)
	for _, onClose := range []bool{false, true} {
		mkdir(t, r.fs, "d")
		w := r.watch(c, "d", notifyName, false)
		parent := r.watch(c, "", notifyName, false)
		req := smbtest.CreateReq("d", smb2.Open)
		if onClose {
			req.Options = smb2.OptionDeleteOnClose
		}
		id := r.create(other, req)
		if !onClose {
			want(t, "delete", other.Delete(id, true), ok)
			w.wantAnswer("deleted", "STATUS_DELETE_PENDING")
			w.wantKept("again", "STATUS_DELETE_PENDING")
			want(t, "undelete", other.Delete(id, false), ok)
			w.ask()
			want(t, "delete", other.Delete(id, true), ok)
		}
		want(t, "CLOSE", other.CloseFile(id), ok)
		w.wantAnswer("deleted", "STATUS_DELETE_PENDING")
		want(t, "CLOSE", c.CloseFile(w.req.FileID), ok)
		parent.wantAnswer("gone", "-d")
		c.CloseFile(parent.req.FileID)
	}
}

// A directory is watched under the name that it has.
func TestNotifyRenamed(t *testing.T) {
	r := newRig(t, nil)
	mkdir(t, r.fs, "d")
	c := r.logon(smb.Dialect311)
	w := r.watch(c, "d", notifyName, true).stop()
	top := r.watch(c, "", notifyName, true).stop()
	id := r.create(c, smbtest.CreateReq("d", smb2.Open))
	want(t, "rename", c.Rename(id, "moved", false), ok)
	want(t, "CLOSE", c.CloseFile(id), ok)
	r.open(c, `moved\x`)
	mkdir(t, r.fs, "d")
	r.open(c, `d\y`)
	w.wantKept("below", "+x")
	top.wantKept("above", `<d >moved +moved\x +d\y`)
}

// Who caches the listing is told to give it up before he is told what changed.
func TestNotifyAfterBreak(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		mkdir(t, r.fs, "d")
		a, b := r.caching(smb.Dialect311, 1), r.caching(smb.Dialect311, 2)
		r.granted(a, dirReq("d", smb2.Open), smbtest.Lease2(leaseKey(1), leaseRH, 0), leaseRH)
		w := r.watch(a, "d", notifyName, false)
		r.open(b, `d\new`)
		for i, cmd := range []smb2.Command{smb2.CommandOplockBreak, smb2.CommandChangeNotify} {
			if rep, got := a.Recv(); !got || rep.Command != cmd {
				t.Errorf("message %d is %v, want %v", i, rep.Command, cmd)
			}
		}
		ackLease(t, a, leaseKey(1), 0)
		want(t, "CLOSE", a.CloseFile(w.req.FileID), ok)
	})
}

func TestNotifyCompound(t *testing.T) {
	r := newRig(t, nil)
	mkdir(t, r.fs, "d")
	c := r.logon(smb.Dialect311)
	create := c.Req(smb2.CommandCreate, dirReq("d", smb2.Open))
	notify := c.Req(smb2.CommandChangeNotify, smb2.ChangeNotifyRequest{FileID: smb2.FileID{Persistent: ^uint64(0), Volatile: ^uint64(0)}, Filter: notifyName, OutputLength: 1000}).Related()
	c.Send(create, notify)
	rep := c.Wait(create.MessageID)
	want(t, "CREATE", rep.Status, ok)
	c.WaitInterim(notify.MessageID)
	r.open(r.logon(smb.Dialect311), `d\new`)
	if got := changes(t, c, c.Wait(notify.MessageID)); got != "+new" {
		t.Error(got)
	}
}

func TestNotifyLimits(t *testing.T) {
	r := newRig(t, func(s *smb.Server) {
		s.Limits.WatchesPerSession, s.Limits.AsyncPerConn, s.Limits.NotifyMemory = 3, 2, 16*1000
	})
	mkdir(t, r.fs, "d")
	c := r.logon(smb.Dialect311)
	a, b := r.watch(c, "d", notifyName, false), r.watch(c, "d", notifyName, false)
	third := *a
	third.req.FileID = r.create(c, dirReq("d", smb2.Open))
	third.req.OutputLength = 64 << 10
	if got := third.kept(); got != "STATUS_INSUFFICIENT_RESOURCES" {
		t.Error("too many wait:", got)
	}
	a.stop()
	third.ask() // it doesn't count twice
	third.stop()
	fourth := *a
	fourth.req.FileID = r.create(c, dirReq("d", smb2.Open))
	if got := fourth.kept(); got != "STATUS_INSUFFICIENT_RESOURCES" {
		t.Error("too many watch:", got)
	}
	want(t, "CLOSE", c.CloseFile(b.req.FileID), ok)
	b.wantAnswer("closed", "STATUS_NOTIFY_CLEANUP")
	fourth.ask()
	for i := range 20 {
		r.open(c, fmt.Sprint(`d\long enough to exceed the memory `, i))
	}
	fourth.wantAnswer("the first change", "+long enough to exceed the memory 0")
	third.wantKept("too much is kept", "STATUS_NOTIFY_ENUM_DIR")
}

// A client that doesn't take long answers is told to look again.
func TestNotifySlowClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(s *smb.Server) { s.Limits.MaxIO, s.Limits.MemoryPerConn = 64<<10, 128<<10 })
		mkdir(t, r.fs, "d")
		c, other := r.logon(smb.Dialect311), r.logon(smb.Dialect311)
		var all []*watcher
		for range 4 {
			w := r.watch(c, "d", notifyName, false).stop()
			w.req.OutputLength = 64 << 10
			c.CloseFile(w.req.FileID)
			w.req.FileID = r.create(c, dirReq("d", smb2.Open))
			w.ask()
			all = append(all, w.stop())
		}
		for i := range 60 {
			r.open(other, fmt.Sprintf(`d\%0200d`, i))
		}
		release := c.Hold()
		for _, w := range all {
			e := c.Req(smb2.CommandChangeNotify, w.req)
			w.mid, w.aid = e.MessageID, 0
			c.Send(e)
		}
		synctest.Wait() // the server has done what it can
		release()
		short := 0
		for _, w := range all {
			if got := w.answer(); got == "STATUS_NOTIFY_ENUM_DIR" {
				short++
			} else if strings.Count(got, "+") != 60 {
				t.Error(got)
			}
		}
		if short == 0 || short == len(all) {
			t.Errorf("%d of %d were told to look again", short, len(all))
		}
	})
}

// Watching, canceling, closing and changing all at once leaves nothing behind.
func TestNotifyRace(t *testing.T) {
	r := newRig(t, nil)
	mkdir(t, r.fs, "d")
	var wg sync.WaitGroup
	for i := range 3 {
		c := r.logon(smb.Dialect311)
		wg.Go(func() {
			for j := range 100 {
				id := r.open(c, fmt.Sprintf(`d\%d-%d`, i, j))
				c.Write(id, 0, []byte("x"))
				c.Rename(id, fmt.Sprintf(`d\%d-%d-renamed`, i, j), false)
				c.Delete(id, true)
				c.CloseFile(id)
			}
		})
	}
	for i := range 3 {
		c := r.logon(smb.Dialect311)
		wg.Go(func() {
			for j := range 100 {
				id := r.create(c, dirReq([]string{"", "d"}[j%2], smb2.Open))
				req := smb2.ChangeNotifyRequest{FileID: id, Flags: 1, Filter: notifyAll, OutputLength: 4000}
				e := c.Req(smb2.CommandChangeNotify, req)
				c.Send(e)
				switch (i + j) % 3 {
				case 0:
					c.Cancel(e.MessageID, 0)
				case 1:
					c.CloseFile(id)
				default:
					c.Send(c.Req(smb2.CommandChangeNotify, req))
					c.CloseFile(id)
				}
				switch st := c.Wait(e.MessageID).Status; st {
				case ok, smb2.StatusCancelled, smb2.StatusNotifyCleanup, smb2.StatusNotifyEnumDir, smb2.StatusFileClosed:
				default:
					t.Error(st)
				}
				c.CloseFile(id)
			}
		})
	}
	wg.Wait()
}

// Who watches d isn't told what happens in D, where these are two.
func TestNotifyCase(t *testing.T) {
	for _, backend := range []string{"memory", "disk"} {
		t.Run(backend, func(t *testing.T) {
			var fsys vfs.FS = &memfs.FS{CaseSensitive: true}
			if backend == "disk" {
				fsys = osDir(t)
			}
			r := newRig(t, func(s *smb.Server) { s.Shares = smb.Shares{"s": {FS: fsys}} })
			mkdir(t, fsys, "d")
			mkdir(t, fsys, "D")
			c := r.logon(smb.Dialect311)
			w := r.watch(c, "d", notifyAll, false).stop()
			x := r.logon(smb.Dialect311)
			want(t, "CLOSE", x.CloseFile(r.open(x, `D\other`)), ok)
			want(t, "CLOSE", x.CloseFile(r.open(x, `d\file`)), ok)
			e := c.Req(smb2.CommandChangeNotify, w.req)
			c.Send(e)
			if got := changes(t, c, c.Wait(e.MessageID)); strings.Contains(got, "other") || !strings.Contains(got, "file") {
				t.Errorf("the watcher of d is told %s", got)
			}
		})
	}
}
