package oplock

import (
	"sync"
	"testing"
	"time"
)

// TestTableShared uses one table from many files at once.
func TestTableShared(t *testing.T) {
	var table Table
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			f := &File{Ref: i}
			for n := range 500 {
				r := LeaseRequest{Client: Key{byte(i)}, Key: Key{byte(n), 1}, State: Read | Handle}
				h := NewHolder(Request{Access: 1, Level: Lease, Lease: &r})
				if err := table.Check(&r, nil); err != nil {
					t.Error(err)
				}
				if _, err := f.Grant(&table, h); err != nil {
					t.Error(err)
				}
				if got := table.Find(r.Client, r.Key); got != f || got.Ref != i {
					t.Errorf("found %v", got)
				}
				if err := table.Check(&r, nil); err != ErrKeyInUse {
					t.Errorf("a key in use: %v", err)
				}
				f.Close(&table, h)
				f.Close(&table, h)
			}
		})
	}
	wg.Wait()
	if len(table.leases) != 0 {
		t.Errorf("%d leases are left", len(table.leases))
	}
}

// TestRestore gives opens back what they had.
func TestRestore(t *testing.T) {
	var table Table
	var f File
	lease := func(key byte) *Holder {
		return NewHolder(Request{
			Access: 1, Level: Lease,
			Lease: &LeaseRequest{Key: Key{key}, State: Read, Version: 2, Parent: Key{9}, HasParent: true},
		})
	}
	had := Granted{Level: Lease, State: Read | Handle, Version: 2, Epoch: 70, Parent: Key{9}, HasParent: true}
	for range 2 {
		got, err := f.Restore(&table, lease(1), had)
		if err != nil || got != had {
			t.Errorf("got %+v, %v; had %+v", got, err, had)
		}
	}
	left := had
	left.State = Read // another of the lease's opens was stored when it had less
	for _, then := range []Granted{{Level: Lease, State: Read, Version: 2, Epoch: 69}, had} {
		if got, err := f.Restore(&table, lease(1), then); err != nil || got != left {
			t.Errorf("after %+v got %+v, %v, want %+v", then, got, err, left)
		}
	}
	for level, loss := range map[Level]Op{II: OpWrite, Exclusive: OpRead, Batch: OpRename} {
		var f File
		h := NewHolder(Request{Access: 1, Level: level, Owner: level})
		got, err := f.Restore(&table, h, Granted{Level: level})
		if err != nil || got.Level != level || h.Granted().Level != level {
			t.Errorf("%v: got %v, %v", level, got.Level, err)
		}
		if breaks, _ := f.Check(time.Now(), nil, loss); len(breaks) != 1 || breaks[0].Owners[0] != level {
			t.Errorf("%v: breaks %v", level, breaks)
		}
	}
	var other File
	if _, err := other.Restore(&table, lease(1), had); err != ErrKeyInUse {
		t.Errorf("the key of another file: %v", err)
	}
}

// TestLeaseIgnored: the level of a lease without the lease is nothing.
func TestLeaseIgnored(t *testing.T) {
	var f File
	h := NewHolder(Request{Access: 1, Level: Lease, Owner: 5})
	if got, err := f.Grant(nil, h); err != nil || got.Level != None {
		t.Errorf("got %v, %v", got, err)
	}
	if h.Owner() != 5 || f.Idle() {
		t.Error("not open")
	}
}

// BenchmarkLease opens a file that nobody else has, with a lease and without.
func BenchmarkLease(b *testing.B) {
	for _, level := range []Level{None, Batch, Lease} {
		b.Run(level.String(), func(b *testing.B) {
			var table Table
			r := Request{Access: 1, Level: level, Lease: &LeaseRequest{State: Read | Write | Handle, Version: 2}}
			b.ReportAllocs()
			for b.Loop() {
				var f File
				h := NewHolder(r)
				f.CheckOpen(time.Time{}, h, false, false)
				f.Grant(&table, h)
				f.Close(&table, h)
			}
		})
	}
}

// BenchmarkBreak is a life of a lease: granted, broken, answered, closed.
func BenchmarkBreak(b *testing.B) {
	var table Table
	var f File
	r := LeaseRequest{State: Read | Write | Handle, Version: 2}
	b.ReportAllocs()
	for b.Loop() {
		h := NewHolder(Request{Access: 1, Level: Lease, Lease: &r})
		f.Grant(&table, h)
		f.Check(time.Time{}, nil, OpWrite)
		f.AckLease(time.Time{}, Key{}, Key{}, 0)
		f.Close(&table, h)
	}
}
