package smb_test

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/gosmbd/smb"
	"github.com/gosmbd/smb/internal/smbtest"
	"github.com/gosmbd/smb/ntlm"
	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs"
	"github.com/gosmbd/smb/vfs/memfs"
)

// TestMain also checks that no goroutine outlives the tests.
func TestMain(m *testing.M) {
	before := runtime.NumGoroutine()
	code := m.Run()
	// The fuzzer keeps goroutines of its own.
	if fuzzing := flag.Lookup("test.fuzz").Value.String() != ""; code == 0 && !fuzzing {
		if err := settled(before); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

// settled waits until no more than n goroutines run.
func settled(n int) error {
	for range 300 {
		if runtime.NumGoroutine() <= n {
			return nil
		}
		time.Sleep(10 * time.Millisecond)
	}
	buf := make([]byte, 1<<20)
	buf = buf[:runtime.Stack(buf, true)]
	return fmt.Errorf("%d goroutines, %d at the start:\n%s", runtime.NumGoroutine(), n, buf)
}

const (
	password = "correct horse"
	ok       = smb2.StatusSuccess
)

// rig is a server with two users, ann and bob, and a share "s" in memory.
type rig struct {
	t   testing.TB
	srv *smb.Server
	fs  *memfs.FS
}

// quiet is a Logger for tests that provoke what is worth logging.
func quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

// noPanics is a Logger that fails the test when the server recovers from a panic.
func noPanics(t testing.TB) *slog.Logger { return slog.New(panicHandler{slog.DiscardHandler, t}) }

type panicHandler struct {
	slog.Handler
	t testing.TB
}

func (h panicHandler) Enabled(_ context.Context, l slog.Level) bool { return l >= slog.LevelError }
func (h panicHandler) WithAttrs([]slog.Attr) slog.Handler           { return h }
func (h panicHandler) Handle(_ context.Context, r slog.Record) error {
	if strings.Contains(r.Message, "panic") {
		r.Attrs(func(a slog.Attr) bool {
			h.t.Errorf("%s: %v", a.Key, a.Value)
			return true
		})
	}
	return nil
}

func accounts() ntlm.Static {
	return ntlm.Static{"ann": {Password: password}, "bob": {Password: password + "!"}}
}

// newRig starts a server; edit may change it before.
func newRig(t testing.TB, edit func(*smb.Server)) *rig {
	t.Helper()
	fsys := &memfs.FS{}
	r := &rig{t: t, fs: fsys, srv: &smb.Server{
		Name:       "server",
		Shares:     smb.Shares{"s": {FS: fsys}, "ro": {FS: fsys, ReadOnly: true}, "enc": {FS: fsys, Encrypt: true}},
		Mechanisms: []smb.Mechanism{ntlm.New(accounts())},
		Logger:     noPanics(t),
	}}
	if edit != nil {
		edit(r.srv)
	}
	t.Cleanup(func() {
		r.srv.Close()
		if c := r.srv.Counters(); c != (smb.Counters{}) {
			t.Errorf("the server still holds: %+v", c)
		}
	})
	return r
}

// dial returns a client that has done nothing yet.
func (r *rig) dial() *smbtest.Client {
	a, b := net.Pipe()
	go r.srv.ServeConn(context.Background(), b)
	return smbtest.New(r.t, a)
}

// dialTCP is dial over the loopback, with a listener of its own. served gets what Serve
// returns.
func (r *rig) dialTCP() (c *smbtest.Client, nc net.Conn, served <-chan error) {
	r.t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		r.t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- r.srv.Serve(l) }()
	if nc, err = net.Dial("tcp", l.Addr().String()); err != nil {
		r.t.Fatal(err)
	}
	return smbtest.New(r.t, nc), nc, done
}

// dialect returns a client that has negotiated d.
func (r *rig) dialect(d smb.Dialect, o smbtest.NegotiateOptions) *smbtest.Client {
	r.t.Helper()
	c := r.dial()
	if _, st := c.Negotiate([]smb.Dialect{d}, o); st != ok {
		r.t.Fatalf("NEGOTIATE %v: %v", d, st)
	}
	return c
}

// logon returns a client with a session and the share "s".
func (r *rig) logon(d smb.Dialect) *smbtest.Client {
	r.t.Helper()
	c := r.dialect(d, smbtest.NegotiateOptions{})
	r.setup(c, "ann", password)
	r.tree(c, "s")
	return c
}

// as is logon for another user.
func (r *rig) as(user, password string) *smbtest.Client {
	r.t.Helper()
	c := r.dialect(smb.Dialect311, smbtest.NegotiateOptions{})
	r.setup(c, user, password)
	r.tree(c, "s")
	return c
}

func (r *rig) setup(c *smbtest.Client, user, password string) {
	r.t.Helper()
	if _, st := c.SessionSetup(user, password); st != ok {
		r.t.Fatalf("SESSION_SETUP: %v", st)
	}
}

func (r *rig) tree(c *smbtest.Client, share string) {
	r.t.Helper()
	if _, st := c.TreeConnect(share); st != ok {
		r.t.Fatalf("TREE_CONNECT %s: %v", share, st)
	}
}

// open opens a file, or makes it.
func (r *rig) open(c *smbtest.Client, name string) smb2.FileID {
	r.t.Helper()
	return r.create(c, smbtest.CreateReq(name, smb2.OpenIf))
}

func (r *rig) create(c *smbtest.Client, req smb2.CreateRequest) smb2.FileID {
	r.t.Helper()
	resp, st := c.Create(req)
	if st != ok {
		r.t.Fatalf("CREATE %q: %v", req.Name, st)
	}
	return resp.FileID
}

// want fails the test unless got is want.
func want(t testing.TB, what string, got, want smb2.Status) {
	t.Helper()
	if got != want {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

func noErr(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// fileInfo returns an information class of an open file, which parse reads.
func fileInfo[T any](t testing.TB, c *smbtest.Client, id smb2.FileID, class smb2.FileInfoClass, parse func([]byte) (T, error)) T {
	t.Helper()
	b, st := c.QueryInfo(id, smb2.InfoFile, uint8(class), 4096)
	want(t, fmt.Sprintf("QUERY_INFO of class %d", class), st, ok)
	info, err := parse(b)
	if err != nil {
		t.Fatal(err)
	}
	return info
}

// alive checks that the server still answers c.
func alive(t testing.TB, c *smbtest.Client) {
	t.Helper()
	want(t, "ECHO", c.Echo(), ok)
}

// dropped checks that the server ends the connection.
func dropped(t testing.TB, what string, c *smbtest.Client) {
	t.Helper()
	if !c.Dropped() {
		t.Errorf("%s: the connection is still there", what)
	}
}

// put writes a file into a backend.
func put(t testing.TB, fsys vfs.FS, name, content string) {
	t.Helper()
	ctx := context.Background()
	f, err := fsys.(vfs.Creator).Create(ctx, name, vfs.CreateOptions{OpenOptions: vfs.OpenOptions{Access: vfs.AccessFull}})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if content != "" {
		if _, err := f.(io.WriterAt).WriteAt([]byte(content), 0); err != nil {
			t.Fatal(err)
		}
	}
}

// mkdir makes a directory in a backend.
func mkdir(t testing.TB, fsys vfs.FS, name string) {
	t.Helper()
	f, err := fsys.(vfs.Creator).Create(context.Background(), name, vfs.CreateOptions{Directory: true})
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
}

// dump describes all that a backend holds: names, contents and attributes.
func dump(t testing.TB, fsys vfs.FS) string {
	t.Helper()
	var b strings.Builder
	dumpDir(t, fsys, ".", &b)
	return b.String()
}

// unchanged fails the test if what is done changed what a backend held before.
func unchanged(t testing.TB, what string, fsys vfs.FS, before string) {
	t.Helper()
	if after := dump(t, fsys); after != before {
		t.Errorf("%s: changed\n%s\ninto\n%s", what, before, after)
	}
}

func dumpDir(t testing.TB, fsys vfs.FS, dir string, b *strings.Builder) {
	ctx := context.Background()
	d, err := fsys.Open(ctx, dir, vfs.OpenOptions{Access: vfs.AccessRead})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	lister, _ := vfs.As[vfs.DirReader](d)
	for e, err := range lister.ReadDir(ctx) {
		if err != nil {
			t.Fatal(err)
		}
		name := path.Join(dir, e.Name)
		if e.Attr.IsDir() {
			fmt.Fprintf(b, "%s/\n", name)
			dumpDir(t, fsys, name, b)
			continue
		}
		f, err := fsys.Open(ctx, name, vfs.OpenOptions{Access: vfs.AccessRead})
		if err != nil {
			t.Fatal(err)
		}
		content := make([]byte, e.Attr.Size)
		if r, found := vfs.As[io.ReaderAt](f); found {
			r.ReadAt(content, 0)
		}
		f.Close()
		fmt.Fprintf(b, "%s %q %#x\n", name, content, e.Attr.Attributes)
	}
}

// eachDialect runs f over all dialects.
func eachDialect(t *testing.T, f func(t *testing.T, d smb.Dialect)) {
	for _, d := range smbtest.AllDialects {
		t.Run(d.String(), func(t *testing.T) { f(t, d) })
	}
}
