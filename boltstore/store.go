// Package boltstore keeps what an SMB server must remember of its persistent
// handles in one file, a bbolt database, so that clients find their open files
// again after the server's process was killed or the machine lost power.
//
// One process at a time can have the file open.
package boltstore

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"
	"time"

	bolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
)

// ErrLocked is what Open's error wraps when the file is open already, most
// likely in another process.
var ErrLocked = errors.New("it is in use, by another server perhaps")

// ErrDamaged is what errors wrap when the file doesn't hold what was stored, or
// never was a store.
var ErrDamaged = errors.New("not a store of handles, or damaged")

// remedy is what an administrator can do about a damaged file.
const remedy = "move the file away and start again: clients lose the handles in it and open their files anew"

// lockTimeout is how long Open waits for another process, which may be about to
// end, to let go of the file.
const lockTimeout = time.Second

// bucket is where the records are. Another format would have another name.
var bucket = []byte("handles")

// Store is a store of records by number, in a file. Its methods may be called
// from several goroutines at once.
type Store struct {
	path string
	db   *bolt.DB
	file *os.File

	commit sync.Mutex // held while a batch is written

	mu   sync.Mutex // a leaf
	next *batch     // collects changes while another is written; nil: none wait
	dead error      // why nothing can be done any more
}

// Open opens the store in the file path, which it creates, readable by its owner
// only, if there is none. It checks all that is in it. The error wraps ErrLocked if
// the file is still in use after about a second, and ErrDamaged if it can't be
// relied on. A damaged file may stay locked until the process ends; a new one can
// be opened in its place.
func Open(path string) (*Store, error) {
	s := &Store{path: path}
	if err := s.open(); err != nil {
		return nil, s.explain(err)
	}
	return s, nil
}

func (s *Store) open() error {
	err := guard(func() (err error) {
		s.db, err = bolt.Open(s.path, 0o600, &bolt.Options{
			Timeout: lockTimeout,
			OpenFile: func(name string, flag int, mode os.FileMode) (_ *os.File, err error) {
				s.file, err = os.OpenFile(name, flag, mode)
				return s.file, err
			},
		})
		return err
	})
	var system interface{ Timeout() bool } // as all errors of system calls have it
	switch {
	case errors.Is(err, bolterrors.ErrTimeout):
		return ErrLocked
	case errors.As(err, &system):
		return err
	case err != nil:
		s.file.Close()
		return damage(err)
	}
	if err := guard(s.check); err != nil {
		s.db.Close()
		return err
	}
	if err := guard(s.create); err != nil {
		s.release(err)
		return err
	}
	return nil
}

// create makes the bucket in a new file.
func (s *Store) create() error {
	found := false
	err := s.db.View(func(tx *bolt.Tx) error {
		found = tx.Bucket(bucket) != nil
		return nil
	})
	if found || err != nil {
		return err
	}
	if err := syncDir(filepath.Dir(s.path)); err != nil {
		return err
	}
	return s.db.Update(func(tx *bolt.Tx) error {
		_, err := tx.CreateBucket(bucket)
		return err
	})
}

// syncDir makes the names in a directory durable, that of a new file among them.
// Windows has no such call, nor have some file systems.
func syncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	if err := d.Sync(); !errors.Is(err, syscall.EINVAL) {
		return err
	}
	return nil
}

// Put stores record under id, replacing what was there. When it returns nil, the
// record is on stable storage.
func (s *Store) Put(id uint64, record []byte) error {
	if len(record) > math.MaxInt32-1024 {
		return fmt.Errorf("boltstore: record of %d bytes is too long", len(record))
	}
	return s.do(change{key: key(id), value: seal(id, record)})
}

// Delete removes the record of id. There may be none. When it returns nil, that is
// on stable storage.
func (s *Store) Delete(id uint64) error {
	return s.do(change{key: key(id)})
}

// All calls yield for every record until it returns false, in no order. The
// records are copies, of one moment, and yield may keep them. It may also call the
// other methods.
func (s *Store) All(yield func(id uint64, record []byte) bool) error {
	type entry struct {
		id     uint64
		record []byte
	}
	var all []entry
	err := s.use(func() error {
		return s.db.View(func(tx *bolt.Tx) error {
			return each(tx, func(id uint64, record []byte) error {
				all = append(all, entry{id, bytes.Clone(record)})
				return nil
			})
		})
	})
	if err != nil {
		return err
	}
	for _, e := range all {
		if !yield(e.id, e.record) {
			break
		}
	}
	return nil
}

// Close closes the file, when what is being stored is stored. What is called later
// fails with an error that wraps os.ErrClosed. A second Close does nothing.
func (s *Store) Close() error {
	s.commit.Lock()
	defer s.commit.Unlock()
	s.mu.Lock()
	dead := s.dead
	s.dead = os.ErrClosed
	s.mu.Unlock()
	switch dead {
	case nil:
		return s.db.Close()
	case os.ErrClosed:
		return nil
	}
	return s.release(dead)
}

// release closes the file after err. If bbolt panicked while it wrote, it may still
// hold a mutex that its Close would wait for: then the file stays mapped, and thereby
// locked, until the process ends.
func (s *Store) release(err error) error {
	if p := (panicError{}); errors.As(err, &p) {
		return s.file.Close()
	}
	return s.db.Close()
}

func key(id uint64) []byte { return binary.BigEndian.AppendUint64(nil, id) }

// sumSize is the length of the checksum in front of every record, which covers its
// id, too. bbolt doesn't notice when a disk returns something else than was written.
const sumSize = 4

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func checksum(id uint64, record []byte) uint32 {
	return crc32.Update(crc32.Checksum(key(id), castagnoli), castagnoli, record)
}

func seal(id uint64, record []byte) []byte {
	v := make([]byte, sumSize, sumSize+len(record))
	binary.BigEndian.PutUint32(v, checksum(id, record))
	return append(v, record...)
}

// each calls f for the records, which are only valid during the call, until it
// returns an error.
func each(tx *bolt.Tx, f func(id uint64, record []byte) error) error {
	b := tx.Bucket(bucket)
	if b == nil {
		return nil
	}
	return b.ForEach(func(k, v []byte) error {
		if len(k) != 8 || len(v) < sumSize {
			return damage(errors.New("an entry is too short"))
		}
		id := binary.BigEndian.Uint64(k)
		if binary.BigEndian.Uint32(v) != checksum(id, v[sumSize:]) {
			return damage(fmt.Errorf("the checksum of record %#x is wrong", id))
		}
		return f(id, v[sumSize:])
	})
}
