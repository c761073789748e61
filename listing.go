package smb

import (
	"context"
	"hash/maphash"
	"time"

	"github.com/gosmbd/smb/vfs"
)

// listing is what a directory held when it was read, kept up to date with what
// is done through this server. What others do shows in the directory's time of
// change, but not at once: hence listingMaxAge, and the short life of a listing that
// was read while the directory was changing.
//
// Of a large directory only hashes are kept, which tell what isn't there, and of one that is larger than the
// cache just that.
type listing struct {
	names   map[string]string // folded to spelled
	hashes  map[uint64]uint64 // if it is large: hashes of the folded ones to those of the spelled ones
	asked   map[string]string // and some names as in names, which may be out of date
	twins   map[uint64]bool   // hashes of folded names that have more than one spelling
	written time.Time         // of the directory
	read    time.Time
	took    time.Duration // to read it
	own     bool          // we changed the directory since
	changes uint64        // by us, begun or ended
	young   bool          // it was changing when it was read
	long    int           // what names count for besides, as they are long
	path    int           // and the directory's path
}

const (
	listingMaxAge = 10 * time.Second
	listingYoung  = time.Second
	listingWorth  = 20                // a listing lives at least this many times as long as it took to read,
	listingOld    = time.Minute       // but not longer than this
	maxSpelled    = nameCacheSize / 4 // names of a directory whose spelling is kept
	hashesPerName = 4                 // that count like one
	bytesPerName  = 128               // of a name, or a path, that count like one more
	maxAsked      = 10_000
	maxHashes     = nameCacheSize*hashesPerName - hashesPerName
)

var listingSeed = maphash.MakeSeed()

func hashName(name string) uint64 { return maphash.String(listingSeed, name) }

// readListing reads a directory; nil: it can't be.
func readListing(ctx context.Context, m *mount, dir string) *listing {
	f, err := m.fs.Open(ctx, dir, vfs.OpenOptions{Access: vfs.ListDirectory | vfs.ReadAttributes})
	if err != nil {
		return nil
	}
	defer f.Close()
	d, ok := vfs.As[vfs.DirReader](f)
	if !ok {
		return nil
	}
	l := &listing{names: make(map[string]string)}
	for name, err := range namesIn(ctx, d) {
		if err != nil {
			return nil
		}
		if l.add(name); l.tooLarge() {
			break
		}
	}
	return l
}

// fresh reports whether l isn't too old to be used.
func (l *listing) fresh() bool {
	age := time.Since(l.read)
	worth := min(l.took*listingWorth, listingOld)
	return age < max(listingMaxAge, worth) && (!l.young || age < max(listingYoung, worth))
}

// tooLarge reports whether no names are kept.
func (l *listing) tooLarge() bool { return l.names == nil && l.hashes == nil }

// size is what l counts for; one for itself.
func (l *listing) size() int {
	return len(l.names) + l.long + len(l.asked) + len(l.hashes)/hashesPerName + l.path + 1
}

// find reports whether there is a name that folds to key, and how it is spelled; "": that isn't kept.
func (l *listing) find(key string) (name string, ok bool) {
	if l.hashes == nil {
		name, ok = l.names[key]
		return name, ok
	}
	spelled, ok := l.hashes[hashName(key)]
	if name = l.asked[key]; name != "" && hashName(name) != spelled {
		name = ""
	}
	return name, ok
}

// learn notes how the name is spelled that folds to key, which somebody asked for.
func (l *listing) learn(key, name string) {
	if l.hashes == nil {
		return
	}
	if l.asked == nil || len(l.asked) >= maxAsked {
		l.asked = make(map[string]string)
	}
	l.asked[key] = name
}

// add notes a name.
func (l *listing) add(name string) {
	if l.tooLarge() {
		return
	}
	key := foldPath(name)
	hash := hashName(key)
	var twin bool
	if l.hashes == nil {
		old, ok := l.names[key]
		twin = ok && old != name
		l.names[key] = name
		l.long += len(name)/bytesPerName - len(old)/bytesPerName
	} else {
		spelled := hashName(name)
		old, ok := l.hashes[hash]
		twin = ok && old != spelled
		l.hashes[hash] = spelled
	}
	if twin {
		if l.twins == nil {
			l.twins = make(map[uint64]bool)
		}
		l.twins[hash] = true
	}
	switch {
	case len(l.names)+l.long > maxSpelled:
		l.condense()
	case len(l.hashes) > maxHashes:
		l.hashes, l.asked, l.twins = nil, nil, nil
	}
}

// condense keeps hashes instead of names.
func (l *listing) condense() {
	l.hashes = make(map[uint64]uint64, 2*len(l.names))
	for key, name := range l.names {
		l.hashes[hashName(key)] = hashName(name)
	}
	l.names, l.long = nil, 0
}

// remove notes that the name is gone. It reports false if there is another one that folds to the
// same: l doesn't hold any more.
func (l *listing) remove(name string) bool {
	key := foldPath(name)
	hash := hashName(key)
	l.long -= len(l.names[key]) / bytesPerName
	delete(l.names, key)
	delete(l.hashes, hash)
	delete(l.asked, key)
	return !l.twins[hash]
}

// has reports whether name is what is known to fold like it.
func (l *listing) has(name string) bool {
	key := foldPath(name)
	if l.hashes != nil {
		return l.hashes[hashName(key)] == hashName(name)
	}
	return l.names[key] == name
}
