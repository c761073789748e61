package main

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/gosmbd/smb/bench/load"
	"github.com/gosmbd/smb/internal/harness"
)

func TestParseStat(t *testing.T) {
	s, err := parseStat([]byte("42 (a ) b) S 7 42 42 0 -1 4194560 1 2 0 0 10 20 30 40 20 0 1 0 5 6 7"))
	if err != nil || s != (stat{pid: 42, cpu: 300 * time.Millisecond, ended: 700 * time.Millisecond}) {
		t.Errorf("%+v, %v", s, err)
	}
	for _, bad := range []string{"", "42", "42 (x) S", "x (x) S 7 42 42 0 -1 4194560 1 2 0 0 10 20 30 40"} {
		if _, err := parseStat([]byte(bad)); err == nil {
			t.Errorf("%q: no error", bad)
		}
	}
}

func TestTree(t *testing.T) {
	if _, err := os.Stat("/proc/self/stat"); err != nil {
		t.Skip("no /proc on this system, and bench is for Linux")
	}
	all := tree(os.Getpid())
	if len(all) == 0 || all[0].pid != os.Getpid() || memory(all) == 0 {
		t.Errorf("%+v, %d bytes", all, memory(all))
	}
}

func TestTable(t *testing.T) {
	r := newResults()
	for i, s := range []float64{4, 1, 2} {
		r.add("get", "own", measurement{wall: time.Duration(s * float64(time.Second)), peak: 10 << 20, cpu: time.Second})
		r.add("get", "smbd", measurement{wall: 4 * time.Second, peak: int64(i+4) << 20, cpu: 2 * time.Second})
	}
	var b strings.Builder
	r.print(&b, []string{"own", "smbd"})
	if want := "| get | 2.00 | 4.00 | 0.50 | 1.00 | 2.00 | 0.50 | 10.00 | 5.00 | 2.00 |"; !strings.Contains(b.String(), want) {
		t.Errorf("no %q in\n%s", want, b.String())
	}
}

// TestGrow drives the server by the load generator, at three sizes, and profiles it.
func TestGrow(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("bench is for Linux")
	}
	profiles := t.TempDir()
	o := &options{
		profile: profiles,
		sizeMiB: 10, files: 10, entries: 10, operations: 100, clients: 20, rounds: 1,
		modes: []string{"sign"}, peer: "none", dir: t.TempDir(), only: "clients read",
	}
	if o.scaled(100).needs() > min(freeBytes(o.dir), availableMemory()) {
		t.Skip("ten times the sizes don't fit in memory or below the temporary directory")
	}
	own, err := startOwn(o, o.dir)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if err := grow(&b, o, o.dir, own); err != nil {
		t.Fatal(err)
	}
	rows := 0
	for line := range strings.Lines(b.String()) {
		if !strings.Contains(line, "clients read") {
			continue
		}
		rows++
		if strings.Contains(line, " - ") {
			t.Errorf("not measured: %s", line)
		}
	}
	if rows != 4 {
		t.Errorf("%d rows, want 4:\n%s", rows, b.String())
	}
	for _, kind := range []string{"cpu", "mutex", "block", "allocs"} {
		name := filepath.Join(profiles, "20-clients-read-4-KiB", kind+".pprof")
		if info, err := os.Stat(name); err != nil || info.Size() == 0 {
			t.Errorf("no profile: %v, %v", info, err)
		}
	}
}

// BenchmarkStart is the time from the start of the process until the first byte of a file
// has come.
func BenchmarkStart(b *testing.B) {
	dir := b.TempDir()
	bin, err := harness.Build(dir, false)
	if err != nil {
		b.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "f"), []byte("x"), 0o644); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		srv, err := harness.Start(bin, harness.Config{
			Shares: []harness.Share{{Name: "share", Dir: dir}},
			Users:  []harness.User{{Name: userName, Password: password}},
			Args:   []string{"-signing", "offered"},
		})
		if err != nil {
			b.Fatal(err)
		}
		readFirst(b, srv.Addr())
		b.StopTimer()
		srv.Stop()
		b.StartTimer()
	}
}

func readFirst(b *testing.B, addr string) {
	c, err := load.Dial(addr, "share", userName, password)
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	w := c.NewWorker()
	id, err := w.Open("f")
	if err == nil {
		err = w.Read(id, 0, 1)
	}
	if err != nil {
		b.Fatal(err)
	}
}
