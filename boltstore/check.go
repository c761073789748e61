package boltstore

import (
	"bytes"
	"errors"
	"fmt"
	"runtime/debug"

	bolt "go.etcd.io/bbolt"
)

// panicError is what a panic of bbolt is turned into.
type panicError struct{ value any }

func (p panicError) Error() string { return fmt.Sprint(p.value) }

// guard runs f, which uses the database. bbolt panics when it finds a page that
// it doesn't understand; and since it maps the file into memory, reading what was
// cut off, or what the disk can't read, is a fault.
func guard(f func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if v := recover(); v != nil {
			err = damage(panicError{v})
		}
	}()
	return f()
}

// damage returns an ErrDamaged because of err.
func damage(err error) error {
	if errors.Is(err, ErrDamaged) {
		return err
	}
	return fmt.Errorf("%w (%w)", ErrDamaged, err)
}

// explain says whose error it is, and what to do about it.
func (s *Store) explain(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, ErrDamaged):
		return fmt.Errorf("boltstore: %s: %w; %s", s.path, err, remedy)
	}
	return fmt.Errorf("boltstore: %s: %w", s.path, err)
}

// check reads the whole file, and makes sure that storing more won't overwrite what
// is in it. Its caller guards it. (bbolt's own Check runs in a goroutine, where a
// fault would end the process.)
func (s *Store) check() error {
	return s.db.View(func(tx *bolt.Tx) error {
		info, err := s.file.Stat()
		switch {
		case err != nil:
			return err
		case info.Size() < tx.Size():
			return damage(fmt.Errorf("cut off: %d bytes of %d are left", info.Size(), tx.Size()))
		}
		if err := checkOwner(tx); err != nil {
			return err
		}
		if err := checkRecords(tx); err != nil {
			return err
		}
		return checkPages(tx)
	})
}

// checkOwner refuses a database of another application.
func checkOwner(tx *bolt.Tx) error {
	return tx.ForEach(func(name []byte, _ *bolt.Bucket) error {
		if !bytes.Equal(name, bucket) {
			return damage(fmt.Errorf("it has a bucket %q", name))
		}
		return nil
	})
}

// checkRecords checks that every record is as it was stored, and is found where
// one with its id is looked for.
func checkRecords(tx *bolt.Tx) error {
	b := tx.Bucket(bucket)
	if b == nil {
		return nil
	}
	return each(tx, func(id uint64, record []byte) error {
		if v := b.Get(key(id)); len(v) < sumSize || !bytes.Equal(v[sumSize:], record) {
			return damage(fmt.Errorf("record %#x is out of place", id))
		}
		return nil
	})
}

// checkPages checks that every page is either free or in use, once.
func checkPages(tx *bolt.Tx) error {
	free, used := 0, 0
	for id, end := 2, int(tx.Size()/int64(tx.DB().Info().PageSize)); id < end; {
		p, err := tx.Page(id)
		switch {
		case err != nil:
			return err
		case p != nil && p.Type == "free":
			free++
			id++
		case p == nil || p.OverflowCount < 0 || p.OverflowCount >= end-id:
			return damage(fmt.Errorf("page %d has no end", id))
		case p.Type == "freelist":
			id += 1 + p.OverflowCount
		default:
			used += 1 + p.OverflowCount
			id += 1 + p.OverflowCount
		}
	}
	tree := tx.Cursor().Bucket().Stats() // of the root and what is below
	reached := tree.BranchPageN + tree.BranchOverflowN + tree.LeafPageN + tree.LeafOverflowN
	list := tx.DB().Stats()
	if listed := list.FreePageN + list.PendingPageN; reached != used || listed != free {
		return damage(fmt.Errorf("%d pages in use, %d reached; %d free, %d listed", used, reached, free, listed))
	}
	return nil
}
