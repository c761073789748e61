package smb_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gosmbd/smb"
	"github.com/gosmbd/smb/vfs/memfs"
)

// TestCachingModel lets three clients cache what they read, write and list, lose their connections, come back for their
// handles, and have the server restarted, all of it at random and with several requests under way at once. Two things are
// checked: nobody sees anything old, neither in what he has cached nor in what he reads, and nobody loses what he was
// promised.
//
// Modelled, of [MS-SMB2], are oplocks and leases of both versions, also on a directory, and that an open takes nothing
// from a lease that it shares (3.3.5.9.8, 3.3.5.9.11); breaks, which are answered at once, late, with less than was left,
// or never, and which are repeated (3.3.4.6, 3.3.4.7, 3.3.5.22, 3.3.6.1, 3.3.6.5); durable handles of both versions,
// resilient and persistent ones (3.3.5.9.6, 3.3.5.9.10, 3.3.5.15.9); the loss of connections, of which a session has one
// or two (3.3.7.1), and requests that are sent again on the other (3.3.5.2.10, 3.3.5.9); logoffs; restarts of the server;
// and the return to handles, with what they had of caching and locks, and by nobody else (3.3.5.9.7, 3.3.5.9.12). Beside
// that there are share modes, byte-range locks, overwriting, renames and deletions, since these are what breaks what
// others cache.
//
// Not modelled: dialects before 3.1.1, parent keys, application instances, streams, links, POSIX clients, locks that wait
// or are cached, notifications, other programs that use the files, and a server that is killed instead of closed. Clients
// with leases of version 1 have one connection. Whether a request may be refused is only judged of READ, WRITE, CLOSE and
// UNLOCK: none may be, but for the locks of others.
//
// Where the server may do one thing or another, less is checked:
//
//   - A handle whose client is away is threatened, which means that it needn't come back, or may with less, if the client
//     owed the answer to a break when its session ended, or if it is durable at most and has no right to cache handles:
//     3.3.7.1 keeps opens that hold that right and aren't Breaking. It isn't safe either if anybody did something to a
//     file of its name meanwhile, or began to before and wasn't answered: what breaks what it caches also ends it, since
//     there's nobody to be told (3.3.2.2, 3.3.4.6, 3.3.4.7). Which requests break what is for the model test of package
//     oplock. Nor is it after its time (3.3.6.2), nor if requests were under way when the server was restarted, for the
//     same reason.
//   - A lease is late once its client didn't answer a break in time, or was refused the answer. Such a client gives all
//     up half a second before the server takes it, as it can't know when that began to wait. In between the server counts
//     what the client no longer does, so that a handle which comes back then comes with more than the client had
//     (3.3.6.1, 3.3.6.5), and its session may end while the server still waits, as above.
//   - A lease may be more than its client knows if a CREATE that shares it isn't answered. And of a break of R alone,
//     which nobody answers, a client can't be told again (3.3.4.7): it gives R up by itself with a connection on which
//     something was under way to it.
//   - What a client has buffered is in doubt while it is away. If its handle is ended it's lost, and others read what the
//     server has; if the handle comes back with the right to buffer it counts again. This is not so of persistent handles
//     until their time is up, since others are refused with STATUS_FILE_NOT_AVAILABLE (3.3.5.9).
//   - A lock is unsure if the session ended before LOCK was answered: then it was canceled, or done (3.3.7.1).
//   - A client that owes an answer may have old data cached if it hasn't the right to buffer: nobody waits for such an
//     answer, and of what else is broken meanwhile it is told after it ([MS-FSA] 2.1.4.12).
func TestCachingModel(t *testing.T) {
	for _, mode := range cachingModes {
		if !strings.HasPrefix(mode.name, *modelOnly) {
			continue
		}
		t.Run(mode.name, func(t *testing.T) {
			for i := range mode.seeds() {
				seed := uint64(*modelSeed + i)
				t.Run(fmt.Sprint(seed), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) { newCachingModel(t, mode, seed).run() })
				})
				if t.Failed() {
					return
				}
			}
		})
	}
}

type cachingMode struct {
	name       string
	persistent bool // the server has persistent handles
	noIDs      bool // the backend doesn't tell files apart but by name; nothing is renamed or deleted
}

var cachingModes = []cachingMode{
	{name: "plain"},
	{name: "persistent", persistent: true},
	{name: "no-ids", noIDs: true},
	{name: "persistent-no-ids", persistent: true, noIDs: true},
}

// seeds is how many the mode takes; where less can happen it takes fewer.
func (mode cachingMode) seeds() int {
	n := seedsOr(60)
	if mode.noIDs {
		n = (n + 3) / 4
	}
	return n
}

// cachingNames are those of the files.
var cachingNames = []string{"a", "b", `d\a`, `d\b`, `d\c`}

// cachingModel is a server, its clients, and what they may see.
type cachingModel struct {
	t      *testing.T
	mode   cachingMode
	seed   uint64
	rnd    *rand.Rand
	r      *rig
	stored smb.MemoryHandles
	hosts  []*cachingHost
	files  map[uint64]*cachingFile // by id
	named  map[string]*cachingFile // those that had a name when it was last seen
	start  time.Time
	log    []string

	opened  int            // CREATEs
	written uint64         // values
	touched map[string]int // counts what may have taken something from handles that wait, by name
}

func newCachingModel(t *testing.T, mode cachingMode, seed uint64) *cachingModel {
	m := &cachingModel{
		t: t, mode: mode, seed: seed, rnd: randomFor(seed, mode.name), start: time.Now(),
		files: make(map[uint64]*cachingFile), named: make(map[string]*cachingFile), touched: make(map[string]int),
	}
	m.r = newRig(t, func(s *smb.Server) {
		if mode.persistent {
			continuous(&m.stored)(s)
			s.Logger = noPanics(t)
		}
		if sh := s.Shares.(smb.Shares)["s"]; mode.noIDs {
			sh.FS = &slowStat{FS: sh.FS.(*memfs.FS)}
		}
	})
	mkdir(t, m.r.fs, "d")
	for i, user := range []string{"ann", "ann", "bob"} {
		m.hosts = append(m.hosts, &cachingHost{n: i + 1, user: user})
	}
	return m
}

// chance is true once in n times.
func (m *cachingModel) chance(n int) bool { return m.rnd.IntN(n) == 0 }

func (m *cachingModel) logf(format string, args ...any) {
	m.log = append(m.log, fmt.Sprintf("%8.3f ", time.Since(m.start).Seconds())+fmt.Sprintf(format, args...))
}

func (m *cachingModel) fail(format string, args ...any) {
	m.t.Helper()
	last := strings.Join(m.log[max(0, len(m.log)-120):], "\n")
	m.t.Fatalf("%s\nafter\n%s\n%s", repeat(m.t, m.seed, "-model.seeds=1"), last, fmt.Sprintf(format, args...))
}

// run does steps, and looks at what is left.
func (m *cachingModel) run() {
	for range *modelOps {
		m.step(pick(m.rnd, m.hosts...))
		m.settle()
	}
	m.checkEnd()
}

// step lets one of the hosts do something.
func (m *cachingModel) step(h *cachingHost) {
	switch k := m.rnd.IntN(200); {
	case !h.up():
		if k < 60 {
			m.connect(h)
		}
	case k < 45 && len(h.opens) < 6:
		m.create(h)
	case k < 60:
		m.closeOne(h, m.chance(4))
	case k < 95:
		m.read(h)
	case k < 135:
		m.write(h)
	case k < 145:
		m.lock(h)
	case k < 150:
		m.resilience(h)
	case k < 160:
		m.list(h)
	case k < 163:
		m.rename(h)
	case k < 166:
		m.delete(h)
	case k < 174:
		m.cut(h)
	case k < 176:
		m.logoff(h)
	case k < 177:
		if m.mode.persistent {
			m.restart()
		}
	case k < 180:
		if len(h.conns) == 1 && h.binds() {
			m.bind(h)
		}
	case k < 195:
		m.sleep(time.Duration(m.rnd.IntN(3000)) * time.Millisecond)
	default:
		m.sleep(time.Duration(m.rnd.IntN(40)) * time.Second)
	}
}

// sleep lets time go on, in which answers come and breaks are answered.
func (m *cachingModel) sleep(d time.Duration) {
	for ; d > 0; d -= 400 * time.Millisecond {
		time.Sleep(min(d, 400*time.Millisecond))
		m.settle()
	}
}

// settle lets all happen that does without time going on, and checks what is seen then.
func (m *cachingModel) settle() {
	m.doubt()
	m.expire()
	m.drain()
	m.answerBreaks()
	m.drain()
	m.checkCached()
}

// busy reports whether requests are under way.
func (m *cachingModel) busy() bool {
	return slices.ContainsFunc(m.hosts, func(h *cachingHost) bool { return len(h.requests) > 0 })
}
