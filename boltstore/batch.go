package boltstore

import (
	"errors"
	"os"

	bolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
)

// change is a record to store, or to remove if it has no value.
type change struct {
	key, value []byte
}

// batch is a number of changes that are written, and synced, as one transaction.
type batch struct {
	changes []change
	done    chan struct{} // closed after err is set
	err     error
}

// do makes a change. All that come while one batch is being written form the next,
// in the order in which they came; the first of them writes it. So nobody waits for
// company, as with bbolt's own Batch, and no goroutine has to run.
func (s *Store) do(c change) error {
	s.mu.Lock()
	b := s.next
	first := b == nil
	if first {
		b = &batch{done: make(chan struct{})}
		s.next = b
	}
	b.changes = append(b.changes, c)
	s.mu.Unlock()
	if !first {
		<-b.done
		return b.err
	}
	s.commit.Lock()
	s.mu.Lock()
	s.next = nil // from here on the batch is this goroutine's
	s.mu.Unlock()
	b.err = s.use(func() error { return s.write(b.changes) })
	s.commit.Unlock()
	close(b.done)
	return b.err
}

func (s *Store) write(changes []change) error {
	return s.db.Update(func(tx *bolt.Tx) error {
		b := tx.Bucket(bucket)
		for _, c := range changes {
			var err error
			if c.value == nil {
				err = b.Delete(c.key)
			} else {
				err = b.Put(c.key, c.value)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// use runs f on the database, unless it is closed or was left in a state that
// can't be relied on.
func (s *Store) use(f func() error) error {
	s.mu.Lock()
	err := s.dead
	s.mu.Unlock()
	if err == nil {
		err = guard(f)
	}
	var p panicError
	if errors.As(err, &p) {
		s.mu.Lock()
		if s.dead == nil {
			s.dead = err
		}
		s.mu.Unlock()
	}
	if errors.Is(err, bolterrors.ErrDatabaseNotOpen) { // closed since
		err = os.ErrClosed
	}
	return s.explain(err)
}
