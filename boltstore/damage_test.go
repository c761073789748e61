package boltstore

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"
)

func mustOpen(t *testing.T, path string) *Store {
	t.Helper()
	s, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// sound returns the bytes of a file with several hundred records, some of which
// take several pages, and with free pages.
func sound(t *testing.T) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "sound")
	s := mustOpen(t, path)
	err := s.db.Update(func(tx *bolt.Tx) error {
		for id := range uint64(400) {
			if err := tx.Bucket(bucket).Put(key(id), seal(id, soundRecord(id))); err != nil {
				return err
			}
		}
		return nil
	})
	for id := uint64(0); id < 400 && err == nil; id += 40 {
		err = s.Delete(id)
	}
	if err := errors.Join(err, s.Close()); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func soundRecord(id uint64) []byte {
	n := 1
	if id%50 == 1 {
		n = 900
	}
	return []byte(strings.Repeat(fmt.Sprint("record ", id, "; "), n))
}

// TestDamage damages a file in many ways. Open has to refuse it, or what All
// tells is right and the store usable. It may turn out only later that a key in a
// branch isn't as long as it says, but not by a crash.
func TestDamage(t *testing.T) {
	good := sound(t)
	dir := t.TempDir()
	rnd := rand.New(rand.NewPCG(1, 2))
	refused, rounds := 0, 500
	if testing.Short() {
		rounds = 100
	}
	for i := range rounds {
		b := slices.Clone(good)
		switch at := rnd.IntN(len(b)); i % 5 {
		case 0:
			b = b[:at]
		case 1:
			b[at] ^= 1 << rnd.IntN(8)
		case 2: // where the headers of pages are
			b[at/4096*4096+rnd.IntN(48)] = byte(rnd.Uint32())
		case 3:
			clear(b[at/512*512:][:512])
		case 4: // a page that is somewhere else, too
			copy(b[at/4096*4096:][:4096], b[rnd.IntN(len(b)/4096)*4096:])
		}
		path := filepath.Join(dir, fmt.Sprint(i))
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := Open(path)
		if err != nil {
			refused++
			if !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), remedy) {
				t.Errorf("%d: %v", i, err)
			}
		} else {
			checkSound(t, i, s)
		}
		if runtime.GOOS != "windows" { // which keeps what is mapped
			os.Remove(path)
		}
	}
	if refused < rounds/10 || refused == rounds {
		t.Errorf("%d of %d refused", refused, rounds)
	}
	t.Logf("%d of %d refused", refused, rounds)
}

func checkSound(t *testing.T, i int, s *Store) {
	t.Helper()
	err := s.All(func(id uint64, record []byte) bool {
		if string(record) != string(soundRecord(id)) {
			t.Errorf("%d: record %d is wrong", i, id)
		}
		return true
	})
	if err != nil {
		t.Errorf("%d: All: %v", i, err)
	}
	for _, err := range []error{s.Put(1000, []byte("new")), s.Delete(1)} {
		if err != nil && !errors.Is(err, ErrDamaged) {
			t.Errorf("%d: %v", i, err)
		}
	}
	if err := s.Close(); err != nil {
		t.Errorf("%d: Close: %v", i, err)
	}
}

func TestNotAStore(t *testing.T) {
	other := filepath.Join(t.TempDir(), "other")
	db, err := bolt.Open(other, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	err = db.Update(func(tx *bolt.Tx) error {
		_, err := tx.CreateBucket([]byte("somebody's"))
		return err
	})
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	text := filepath.Join(t.TempDir(), "text")
	if err := os.WriteFile(text, []byte("# a configuration file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{other, text} {
		for range 2 { // the second time shows that it wasn't left locked
			if _, err := Open(path); !errors.Is(err, ErrDamaged) {
				t.Errorf("%s: %v", path, err)
			}
		}
	}
}

// TestCutOffWhileOpen: the mapped file becomes shorter under the server, so that
// reading it is a fault, which the process must survive.
func TestCutOffWhileOpen(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("a mapped file can't be cut off")
	}
	path := filepath.Join(t.TempDir(), "handles")
	if err := os.WriteFile(path, sound(t), 0o600); err != nil {
		t.Fatal(err)
	}
	s := mustOpen(t, path)
	if err := os.Truncate(path, 3*4096); err != nil {
		t.Fatal(err)
	}
	all := s.All(func(uint64, []byte) bool { return true })
	for _, err := range []error{all, s.Put(1, nil), s.Delete(1)} {
		if !errors.Is(err, ErrDamaged) {
			t.Errorf("%v, want ErrDamaged", err)
		}
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if err := s.Put(1, nil); !errors.Is(err, os.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
	// What the error advises works without a new process.
	if err := os.Rename(path, path+".damaged"); err != nil {
		t.Fatal(err)
	}
	if err := mustOpen(t, path).Put(1, nil); err != nil {
		t.Error(err)
	}
}

// TestSharedCommit: what comes while a batch is written is the next, in one
// transaction, in its order.
func TestSharedCommit(t *testing.T) {
	s := mustOpen(t, filepath.Join(t.TempDir(), "handles"))
	before := s.txid(t)
	s.commit.Lock()
	var wg sync.WaitGroup
	wait := func(n int) {
		for {
			s.mu.Lock()
			full := s.next != nil && len(s.next.changes) == n
			s.mu.Unlock()
			if full {
				return
			}
			time.Sleep(time.Millisecond)
		}
	}
	for id := range uint64(64) {
		wg.Go(func() {
			if err := s.Put(id, []byte("x")); err != nil {
				t.Error(err)
			}
		})
	}
	wait(64)
	wg.Go(func() {
		if err := s.Delete(3); err != nil {
			t.Error(err)
		}
	})
	wait(65)
	s.commit.Unlock()
	wg.Wait()
	if n := s.txid(t) - before; n != 1 {
		t.Errorf("65 changes took %d transactions", n)
	}
	n := 0
	err := s.All(func(id uint64, _ []byte) bool {
		if id == 3 {
			t.Error("the removal was done before what it removes was put")
		}
		n++
		return true
	})
	if err != nil || n != 63 {
		t.Errorf("%d records, %v", n, err)
	}
}

func (s *Store) txid(t *testing.T) (id int) {
	t.Helper()
	err := s.db.View(func(tx *bolt.Tx) error {
		id = tx.ID()
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return id
}
