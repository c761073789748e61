package goclients

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/gosmbd/smb/internal/harness"
)

const (
	userName = "alice"
	password = "Correct-Horse9"
)

var serverBinary string

func TestMain(m *testing.M) {
	os.Exit(testMain(m))
}

func testMain(m *testing.M) int {
	dir, err := os.MkdirTemp("", "smb-goclients-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	if os.Getenv("SMB_INTEROP_PEER") != "smbd" {
		if serverBinary, err = harness.Build(dir, os.Getenv("SMB_INTEROP_RACE") != ""); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	return m.Run()
}

func start(t *testing.T, dir string, args ...string) *harness.Server {
	t.Helper()
	cfg := harness.Config{
		Shares: []harness.Share{{Name: "share", Dir: dir}},
		Users:  []harness.User{{Name: userName, Password: password}},
		Args:   args,
	}
	var s *harness.Server
	var err error
	if serverBinary == "" {
		s, err = harness.StartSamba(t.TempDir(), cfg)
	} else {
		s, err = harness.Start(serverBinary, cfg)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			t.Logf("server log:\n%s", s.Log())
		}
	})
	return s
}

var libraries = []struct {
	name     string
	dial     dial
	dialects []uint16
}{
	{"hirochachacha", dialHiro, []uint16{0x302, 0x311}},
	{"cloudsoda", dialCloudsoda, []uint16{0, 0x202, 0x210, 0x300, 0x302, 0x311}},
}

// TestFiles works on files with each library, dialect and protection.
func TestFiles(t *testing.T) {
	for _, lib := range libraries {
		for _, dialect := range lib.dialects {
			for _, args := range [][]string{nil, {"-signing", "offered"}, {"-encrypt"}} {
				if len(args) == 1 && (dialect != 0 && dialect < 0x300 || serverBinary == "") {
					continue
				}
				t.Run(fmt.Sprintf("%s/%x%v", lib.name, dialect, args), func(t *testing.T) {
					t.Parallel()
					dir := t.TempDir()
					s := start(t, dir, args...)
					sess, err := lib.dial(s.Addr(), userName, password, dialect, args == nil)
					if err != nil {
						t.Fatal(err)
					}
					work(t, sess, dir)
					if err := sess.logoff(); err != nil {
						t.Errorf("logoff: %v", err)
					}
				})
			}
		}
	}
}

// work does with a share what a program does with a directory.
func work(t *testing.T, sess *session, dir string) {
	names, err := sess.names()
	if err != nil || !slices.Contains(names, "share") {
		t.Errorf("shares: %v, %v", names, err)
	}
	sh, err := sess.mount("share")
	if err != nil {
		t.Fatal(err)
	}
	check := func(what string, err error) {
		t.Helper()
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	check("mkdirall", sh.MkdirAll(`a\b\c`, 0o777))
	for _, size := range []int{0, 1, 4096, 65537, 3 << 20} {
		data := make([]byte, size)
		rand.NewChaCha8([32]byte{byte(size)}).Read(data)
		name := fmt.Sprintf(`a\b\f%d`, size)
		check("write", sh.WriteFile(name, data, 0o666))
		onDisk, err := os.ReadFile(filepath.Join(dir, "a", "b", fmt.Sprintf("f%d", size)))
		if err != nil || !bytes.Equal(onDisk, data) {
			t.Errorf("%d bytes written: the file differs: %v", size, err)
		}
		back, err := sh.ReadFile(name)
		if err != nil || !bytes.Equal(back, data) {
			t.Errorf("%d bytes read: they differ: %v", size, err)
		}
	}
	list, err := sh.ReadDir(`a\b`)
	check("readdir", err)
	if len(list) != 6 {
		t.Errorf("readdir: %d entries, want 6", len(list))
	}
	info, err := sh.Stat(`A\B\F4096`)
	check("stat", err)
	if err == nil && (info.Size() != 4096 || info.IsDir()) {
		t.Errorf("stat: %d bytes, directory %v", info.Size(), info.IsDir())
	}
	_, err = sh.Stat("nosuch")
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("stat of nothing: %v", err)
	}
	if err := sh.Mkdir("a", 0o777); !errors.Is(err, fs.ErrExist) {
		t.Errorf("mkdir of what is there: %v", err)
	}
	check("rename", sh.Rename(`a\b\f1`, `a\renamed`))
	check("truncate", sh.Truncate(`a\renamed`, 100))
	if info, err := sh.Stat(`a\renamed`); err != nil || info.Size() != 100 {
		t.Errorf("truncated: %v, %v", info, err)
	}
	handle(t, sh)
	if n, err := sh.total(); err != nil || n == 0 {
		t.Errorf("statfs: %d blocks, %v", n, err)
	}
	check("remove", sh.Remove(`a\renamed`))
	check("removeall", sh.RemoveAll("a"))
	if _, err := os.Stat(filepath.Join(dir, "a")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("after removeall: %v", err)
	}
	check("umount", sh.Umount())
}

// handle works on an open file.
func handle(t *testing.T, sh share) {
	t.Helper()
	f, err := sh.open("random", os.O_CREATE|os.O_RDWR|os.O_EXCL)
	if err != nil {
		t.Errorf("create: %v", err)
		return
	}
	if _, err := sh.open("random", os.O_CREATE|os.O_RDWR|os.O_EXCL); !errors.Is(err, fs.ErrExist) {
		t.Errorf("exclusive create of what is there: %v", err)
	}
	for _, off := range []int64{0, 1 << 20, 5 << 30} {
		data := []byte(fmt.Sprintf("at %d", off))
		if _, err := f.WriteAt(data, off); err != nil {
			t.Errorf("write at %d: %v", off, err)
		}
		back := make([]byte, len(data))
		if _, err := f.ReadAt(back, off); err != nil && err != io.EOF || !bytes.Equal(back, data) {
			t.Errorf("read at %d: %q, %v", off, back, err)
		}
	}
	if n, err := f.ReadAt(make([]byte, 10), 6<<30); n != 0 || err != io.EOF {
		t.Errorf("read behind the end: %d, %v", n, err)
	}
	if err := f.Sync(); err != nil {
		t.Errorf("sync: %v", err)
	}
	if err := f.Truncate(3); err != nil {
		t.Errorf("truncate: %v", err)
	}
	if info, err := f.Stat(); err != nil || info.Size() != 3 {
		t.Errorf("stat: %v, %v", info, err)
	}
	if err := f.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
	if err := sh.Remove("random"); err != nil {
		t.Errorf("remove: %v", err)
	}
}

// TestWrongPassword must not get in.
func TestWrongPassword(t *testing.T) {
	for _, lib := range libraries {
		t.Run(lib.name, func(t *testing.T) {
			s := start(t, t.TempDir())
			if _, err := lib.dial(s.Addr(), userName, "wrong", 0x311, true); err == nil {
				t.Error("got in with a wrong password")
			}
		})
	}
}
