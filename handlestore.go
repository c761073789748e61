package smb

import (
	"bytes"
	"maps"
	"slices"
	"sync"
)

// HandleStore keeps what a Server must remember of persistent handles when its process
// is killed. Package boltstore has one in a file, and [MemoryHandles] is one for
// servers that are started again within one process. Its methods are called by many
// goroutines at once, but not for one id at a time. Records are the Server's own
// business. An error is logged; what it does besides, each method says.
type HandleStore interface {
	// Put stores record under id in place of what was there. When it returns, the
	// record is there after a crash. record must not be kept. After an
	// error the request that changed the handle fails.
	Put(id uint64, record []byte) error

	// Delete removes what is stored under id, if there is anything. After an error
	// the handle is opened again when the server starts the next time.
	Delete(id uint64) error

	// All calls yield for every record, in no order, until it returns false. A record
	// is not used after that call. After an error the server doesn't start.
	All(yield func(id uint64, record []byte) bool) error
}

// MemoryHandles is a HandleStore in memory, whose methods never fail. The zero value is
// empty; it must not be copied.
type MemoryHandles struct {
	mu      sync.Mutex
	records map[uint64][]byte
}

// Put implements HandleStore.
func (m *MemoryHandles) Put(id uint64, record []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.records == nil {
		m.records = make(map[uint64][]byte)
	}
	m.records[id] = bytes.Clone(record)
	return nil
}

// Delete implements HandleStore.
func (m *MemoryHandles) Delete(id uint64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.records, id)
	return nil
}

// All implements HandleStore.
func (m *MemoryHandles) All(yield func(id uint64, record []byte) bool) error {
	m.mu.Lock()
	all := maps.Clone(m.records)
	m.mu.Unlock()
	for _, id := range slices.Sorted(maps.Keys(all)) {
		if !yield(id, all[id]) {
			break
		}
	}
	return nil
}
