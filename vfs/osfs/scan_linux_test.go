package osfs

import (
	"context"
	"encoding/binary"
	"fmt"
	"io/fs"
	"iter"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/gosmbd/smb/vfs"
)

// openRoot makes n files whose names are as long as length, and opens their directory.
func openRoot(tb testing.TB, n, length int) *File {
	tb.Helper()
	dir := tb.TempDir()
	for i := range n {
		check(tb, os.WriteFile(filepath.Join(dir, fmt.Sprintf("%0*d", length, i)), nil, 0o644))
	}
	h, err := newFSAt(tb, dir, nil).Open(tb.Context(), ".", vfs.OpenOptions{Access: vfs.AccessRead})
	check(tb, err)
	tb.Cleanup(func() { h.Close() })
	return h.(*File)
}

// A client can have as many unfinished listings as opens.
func TestPausedListings(t *testing.T) {
	const listings, most = 200, 24 << 10
	h := openRoot(t, 1000, 130)
	for what, start := range map[string]func() (stop func()){
		"names":   func() func() { return startListing(t, h.ReadNames(t.Context())) },
		"entries": func() func() { return startListing(t, h.ReadDir(t.Context())) },
	} {
		before := memoryInUse()
		var stops []func()
		for range listings {
			stops = append(stops, start())
		}
		if each := (memoryInUse() - before) / listings; each > most {
			t.Errorf("a listing of %s that waits holds %d bytes", what, each)
		}
		for _, stop := range stops {
			stop()
		}
	}
}

// startListing reads the first of all.
func startListing[T any](t *testing.T, all iter.Seq2[T, error]) (stop func()) {
	next, stop := iter.Pull2(all)
	if _, err, ok := next(); !ok || err != nil {
		t.Error(ok, err)
	}
	return stop
}

func memoryInUse() int {
	runtime.GC()
	runtime.GC() // for what was in pools
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapInuse + m.StackInuse)
}

// What scan tells is what package os does.
func TestScan(t *testing.T) {
	dir := t.TempDir()
	for i := range 300 { // more than a buffer
		check(t, os.WriteFile(filepath.Join(dir, fmt.Sprintf("%0*d", 1+i%255, i)), nil, 0o644))
	}
	check(t, os.Mkdir(filepath.Join(dir, "dir"), 0o755))
	check(t, os.Mkdir(filepath.Join(dir, "..."), 0o755))
	check(t, os.Symlink("dir", filepath.Join(dir, "link")))
	check(t, unix.Mkfifo(filepath.Join(dir, "fifo"), 0o644))
	t.Chdir(dir) // as the path of a socket must be short
	l, err := net.Listen("unix", "socket")
	check(t, err)
	defer l.Close()

	var want, got []string
	entries, err := os.ReadDir(dir)
	check(t, err)
	for _, e := range entries {
		want = append(want, fmt.Sprint(e.Name(), e.Type()))
	}
	d, err := os.Open(dir)
	check(t, err)
	defer d.Close()
	check(t, scan(t.Context(), d, func(e dirEntry) bool {
		got = append(got, fmt.Sprint(e.Name(), e.Type()))
		return true
	}))
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("got %q,\nwant %q", got, want)
	}
	if kind := direntType(unix.DT_UNKNOWN); kind&fs.ModeIrregular == 0 {
		t.Errorf("what isn't known is %v", kind)
	}
}

// Records that can't be are refused, whatever a file system says.
func TestCutDirent(t *testing.T) {
	record := append(make([]byte, 18), unix.DT_REG, 'a', 'b', 0, 0, 0)
	for length, ok := range map[uint16]bool{0: false, 19: false, 20: true, 24: true, 25: false, 1 << 15: false} {
		binary.NativeEndian.PutUint16(record[16:], length)
		e, rest, got := cutDirent(record)
		if got != ok || ok && (len(rest) != len(record)-int(length) || e.name != "ab"[:min(int(length)-19, 2)]) {
			t.Errorf("%d bytes: %q, %d left, %t", length, e.name, len(rest), got)
		}
	}
	if _, _, ok := cutDirent(record[:19]); ok {
		t.Error("a record of nothing")
	}
}

// Who has had enough isn't told of anything more.
func TestListingEnds(t *testing.T) {
	h := openRoot(t, 3, 1)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	for _, err := range h.ReadNames(ctx) {
		check(t, err)
		cancel()
		break
	}
	for _, err := range h.ReadNames(ctx) {
		if err != context.Canceled {
			t.Error(err)
		}
	}
}

func BenchmarkReadNames(b *testing.B) {
	h := openRoot(b, 20000, 20)
	b.ReportAllocs()
	for b.Loop() {
		for _, err := range h.ReadNames(b.Context()) {
			check(b, err)
		}
	}
}
