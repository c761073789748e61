package boltstore_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gosmbd/smb/boltstore"
)

// handleStore is what package smb asks of a store.
type handleStore interface {
	Put(id uint64, record []byte) error
	Delete(id uint64) error
	All(yield func(id uint64, record []byte) bool) error
}

var _ handleStore = (*boltstore.Store)(nil)

func open(t testing.TB, path string) *boltstore.Store {
	t.Helper()
	s, err := boltstore.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func contents(t testing.TB, s *boltstore.Store) map[uint64]string {
	t.Helper()
	m := make(map[uint64]string)
	err := s.All(func(id uint64, record []byte) bool {
		if _, twice := m[id]; twice {
			t.Errorf("record %d twice", id)
		}
		m[id] = string(record)
		return true
	})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func wantContents(t testing.TB, s *boltstore.Store, want map[uint64]string) {
	t.Helper()
	if got := contents(t, s); !maps.Equal(got, want) {
		t.Errorf("the store has %v, want %v", got, want)
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestStore(t *testing.T) {
	path := filepath.Join(t.TempDir(), "handles")
	s := open(t, path)
	wantContents(t, s, map[uint64]string{})
	must(t, s.Delete(7))
	must(t, s.Put(0, []byte("zero")))
	must(t, s.Put(1<<64-1, nil))
	must(t, s.Put(7, []byte("old")))
	must(t, s.Put(7, bytes.Repeat([]byte("x"), 100_000)))
	must(t, s.Put(8, []byte("gone")))
	must(t, s.Delete(8))
	want := map[uint64]string{0: "zero", 1<<64 - 1: "", 7: strings.Repeat("x", 100_000)}
	wantContents(t, s, want)
	must(t, s.Close())
	must(t, s.Close())
	for _, err := range []error{s.Put(1, nil), s.Delete(1), s.All(nil)} {
		if !errors.Is(err, os.ErrClosed) {
			t.Errorf("after Close: %v", err)
		}
	}

	if fi, err := os.Stat(path); err != nil || runtime.GOOS != "windows" && fi.Mode() != 0o600 {
		t.Errorf("%v, %v, want mode 0600", fi.Mode(), err)
	}
	s = open(t, path)
	wantContents(t, s, want)
	calls := 0
	must(t, s.All(func(uint64, []byte) bool { calls++; return false }))
	if calls != 1 {
		t.Errorf("All called %d times after false", calls)
	}
	// What All yields may be changed meanwhile.
	must(t, s.All(func(id uint64, record []byte) bool {
		if id == 0 {
			must(t, s.Put(1, record))
		}
		must(t, s.Delete(id))
		return true
	}))
	wantContents(t, s, map[uint64]string{1: "zero"})
}

func TestLocked(t *testing.T) {
	path := filepath.Join(t.TempDir(), "handles")
	s := open(t, path)
	start := time.Now()
	_, err := boltstore.Open(path)
	if !errors.Is(err, boltstore.ErrLocked) || !strings.Contains(err.Error(), path) {
		t.Errorf("a second Open: %v", err)
	}
	if d := time.Since(start); d > 3*time.Second {
		t.Errorf("it took %v", d)
	}
	// A server that is being replaced lets go in time.
	time.AfterFunc(300*time.Millisecond, func() { s.Close() })
	open(t, path)
}

func TestOpenErrors(t *testing.T) {
	dir := t.TempDir()
	for _, path := range []string{dir, filepath.Join(dir, "none", "handles"), ""} {
		_, err := boltstore.Open(path)
		if err == nil || errors.Is(err, boltstore.ErrDamaged) || errors.Is(err, boltstore.ErrLocked) {
			t.Errorf("Open(%q): %v", path, err)
		}
	}
}

// TestConcurrent has everything go on at once; the race detector and the final
// contents are the judges.
func TestConcurrent(t *testing.T) {
	path := filepath.Join(t.TempDir(), "handles")
	s := open(t, path)
	const workers, rounds = 16, 20
	var wg sync.WaitGroup
	want := make(map[uint64]string)
	for w := range uint64(workers) {
		want[w] = fmt.Sprint("last of ", w)
		wg.Go(func() {
			for i := range uint64(rounds) {
				id := w + workers*i
				if err := s.Put(id, fmt.Append(nil, "record ", id)); err != nil {
					t.Error(err)
				}
				if err := s.Delete(id); err != nil {
					t.Error(err)
				}
			}
			if err := s.Put(w, fmt.Append(nil, "last of ", w)); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Go(func() {
		for range rounds {
			contents(t, s)
		}
	})
	wg.Wait()
	wantContents(t, s, want)
	must(t, s.Close())
	wantContents(t, open(t, path), want)
}

func TestCloseWhileStoring(t *testing.T) {
	path := filepath.Join(t.TempDir(), "handles")
	s := open(t, path)
	var mu sync.Mutex
	want := make(map[uint64]string)
	busy := make(chan struct{}) // closed when some are stored
	var wg sync.WaitGroup
	for w := range uint64(8) {
		wg.Go(func() {
			for i := uint64(0); ; i++ {
				id := w<<32 | i
				err := s.Put(id, []byte("x"))
				if errors.Is(err, os.ErrClosed) {
					return
				}
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				want[id] = "x"
				if len(want) == 100 {
					close(busy)
				}
				mu.Unlock()
			}
		})
	}
	<-busy
	must(t, s.Close())
	wg.Wait()
	wantContents(t, open(t, path), want)
}

const crashEnv = "BOLTSTORE_CRASH_PATH"

// TestCrash kills a process that stores and removes records, several times, and
// looks whether all that it said was stored is there.
func TestCrash(t *testing.T) {
	if path := os.Getenv(crashEnv); path != "" {
		crashChild(path)
	}
	path := filepath.Join(t.TempDir(), "handles")
	have := make(map[uint64]string)
	for round := range 5 {
		last := killed(t, path, round)
		s := open(t, path)
		got := contents(t, s)
		for id, state := range last {
			have[id] = state
		}
		for id, state := range have {
			record, there := got[id]
			switch {
			case state == "put" && record != crashRecord(id):
				t.Errorf("round %d: record %d was acknowledged, and is %q (%t)", round, id, record, there)
			case state == "deleted" && there:
				t.Errorf("round %d: record %d was removed and is there", round, id)
			}
		}
		for id, record := range got {
			if record != crashRecord(id) {
				t.Errorf("round %d: record %d is %q", round, id, record)
			}
		}
		must(t, s.Close())
		t.Logf("round %d: %d acknowledged, %d records", round, len(last), len(got))
	}
}

// killed runs the child until it has acknowledged a number of changes and kills
// it. It returns what it said of each record last.
func killed(t *testing.T, path string, round int) map[uint64]string {
	cmd := exec.Command(os.Args[0], "-test.run=^TestCrash$")
	cmd.Env = append(os.Environ(), crashEnv+"="+path, fmt.Sprint("BOLTSTORE_CRASH_ROUND=", round))
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	defer cmd.Wait()
	defer cmd.Process.Kill()
	last := make(map[uint64]string)
	sc := bufio.NewScanner(out)
	for n, enough := 0, 300+rand.IntN(500); sc.Scan(); n++ {
		if n == enough {
			must(t, cmd.Process.Kill()) // what it has said meanwhile counts as well
		}
		word, num, _ := strings.Cut(sc.Text(), " ")
		id, err := strconv.ParseUint(num, 10, 64)
		if err != nil {
			t.Fatalf("the child says %q", sc.Text())
		}
		last[id] = word
	}
	if len(last) < 50 {
		t.Fatalf("the child stored only %d records", len(last))
	}
	return last
}

func crashRecord(id uint64) string {
	return strings.Repeat(fmt.Sprint("record ", id, " "), int(1+id%40))
}

// crashChild stores records until it is killed.
func crashChild(path string) {
	s, err := boltstore.Open(path)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	round, _ := strconv.ParseUint(os.Getenv("BOLTSTORE_CRASH_ROUND"), 10, 64)
	for w := range uint64(8) {
		go func() {
			for i := uint64(0); ; i++ {
				id := round<<48 | w<<32 | i
				if err := s.Put(id, []byte(crashRecord(id))); err != nil {
					fmt.Fprintln(os.Stderr, err)
					os.Exit(1)
				}
				os.Stdout.WriteString(fmt.Sprintln("put", id))
				if i%3 == 2 {
					// It may be gone before that is said.
					os.Stdout.WriteString(fmt.Sprintln("deleting", id-1))
					if err := s.Delete(id - 1); err != nil {
						fmt.Fprintln(os.Stderr, err)
						os.Exit(1)
					}
					os.Stdout.WriteString(fmt.Sprintln("deleted", id-1))
				}
			}
		}()
	}
	time.Sleep(time.Minute)
	os.Exit(1)
}

func BenchmarkPut(b *testing.B) {
	record := make([]byte, 400)
	for _, n := range []int{1, 8, 64} {
		b.Run(fmt.Sprint("goroutines=", n), func(b *testing.B) {
			s := open(b, filepath.Join(b.TempDir(), "handles"))
			todo := make(chan uint64, n)
			var wg sync.WaitGroup
			b.ResetTimer()
			for range n {
				wg.Go(func() {
					for id := range todo {
						must(b, s.Put(id%4096, record))
					}
				})
			}
			for i := range b.N {
				todo <- uint64(i)
			}
			close(todo)
			wg.Wait()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "puts/s")
		})
	}
}
