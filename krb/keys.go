package krb

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"time"
)

// maxKeytab bounds a keytab file. Real ones have a few kilobytes.
const maxKeytab = 4 << 20

// keytabs is the keys of some files, read again when one changed. The zero value has
// nothing read yet.
type keytabs struct {
	mu    sync.Mutex
	files []keytabState
	table *keyTable // nil until all files were read
}

// keyTable is immutable. It is behind a pointer, so that nobody prints it by printing what
// it is part of.
type keyTable struct{ entries []keytabEntry }

// keytabState is what tells that a file changed.
type keytabState struct {
	info    os.FileInfo
	modTime time.Time
	size    int64
}

func (s keytabState) same(info os.FileInfo) bool {
	return s.info != nil && os.SameFile(s.info, info) &&
		s.modTime.Equal(info.ModTime()) && s.size == info.Size()
}

// load returns the keys of the files at paths, which are the same each time. Should one be
// missing or damaged, nobody logs on until it is mended: a key that was taken out must not
// stay in use.
func (k *keytabs) load(paths []string) (*keyTable, error) {
	if len(paths) == 0 {
		return nil, errors.New("krb: no keytab is given")
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.table != nil && k.unchanged(paths) {
		return k.table, nil
	}
	k.table = nil
	files := make([]keytabState, len(paths))
	table := new(keyTable)
	for i, path := range paths {
		entries, state, err := readKeytab(path)
		if err != nil {
			return nil, fmt.Errorf("krb: keytab %s: %w", path, err)
		}
		files[i] = state
		table.entries = append(table.entries, entries...)
	}
	k.files, k.table = files, table
	return table, nil
}

func (k *keytabs) unchanged(paths []string) bool {
	for i, path := range paths {
		info, err := os.Stat(path)
		if err != nil || !k.files[i].same(info) {
			return false
		}
	}
	return true
}

func readKeytab(path string) ([]keytabEntry, keytabState, error) {
	f, err := os.Open(path)
	if err != nil {
		var pe *os.PathError
		if errors.As(err, &pe) {
			err = pe.Err // the path is said already
		}
		return nil, keytabState{}, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, keytabState{}, err
	}
	b, err := io.ReadAll(io.LimitReader(f, maxKeytab+1))
	if err != nil {
		return nil, keytabState{}, err
	}
	if len(b) > maxKeytab {
		return nil, keytabState{}, errKeytab
	}
	entries, err := parseKeytab(b)
	return entries, keytabState{info, info.ModTime(), info.Size()}, err
}

// maxTries bounds the keys that one ticket is tried with.
const maxTries = 32

// candidates are the keys that a ticket may be encrypted with, the likeliest first. The
// service's own come before those of the machine: in a domain a service such as cifs/host
// is a name of the machine's account, and has its key. Keys of other versions are tried
// last, [MS-KILE] 3.4.5. Tickets have only the low 8 bits of a version from some KDCs.
func (t *keyTable) candidates(service Principal, etype int32, kvno uint32) []keytabEntry {
	var found []keytabEntry
	for _, e := range t.entries {
		if e.key.etype == etype && e.principal.Realm == service.Realm && (sameName(e.principal, service) || e.principal.isMachine()) {
			found = append(found, e)
		}
	}
	rank := func(e keytabEntry) int {
		r := 0
		if !sameName(e.principal, service) {
			r = 1
		}
		if kvno != 0 && e.kvno != kvno && e.kvno&0xff != kvno {
			r += 2
		}
		return r
	}
	slices.SortStableFunc(found, func(a, b keytabEntry) int {
		// Of the same rank, the newest first.
		return cmp.Or(rank(a)-rank(b), cmp.Compare(b.kvno, a.kvno))
	})
	// A machine account's key stands there under each of its names.
	found = slices.CompactFunc(found, func(a, b keytabEntry) bool { return a.kvno == b.kvno && string(a.key.value) == string(b.key.value) })
	return found[:min(len(found), maxTries)]
}

// sameName compares services; clients don't agree on case.
func sameName(a, b Principal) bool {
	return slices.EqualFunc(a.Name, b.Name, strings.EqualFold)
}

// isMachine reports whether p is a name of a machine's account: MACHINE$, host/machine and
// the like.
func (p Principal) isMachine() bool {
	switch len(p.Name) {
	case 1:
		return strings.HasSuffix(p.Name[0], "$")
	case 0:
		return false
	}
	switch strings.ToLower(p.Name[0]) {
	case "host", "restrictedkrbhost", "cifs":
		return true
	}
	return false
}

// versions lists the key versions of some entries, for a message.
func versions(entries []keytabEntry) string {
	var list []uint32
	for _, e := range entries {
		list = append(list, e.kvno)
	}
	slices.Sort(list)
	return strings.Trim(fmt.Sprint(slices.Compact(list)), "[]")
}
