package smb_test

import (
	"flag"
	"fmt"
	"hash/crc32"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/gosmbd/smb"
	"github.com/gosmbd/smb/internal/smbtest"
	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs"
)

var (
	modelSeeds = flag.Int("model.seeds", 0, "how many seeds TestModel and TestModelPosix take for each backend, TestCachingModel for each mode; 0: 2 and 60")
	modelSeed  = flag.Int("model.seed", 1, "the first seed of the model tests")
	modelOps   = flag.Int("model.ops", 220, "how many operations a model test does, the concurrent one in each client")
)

// seedsOr is how many seeds a model test takes that takes n without a flag.
func seedsOr(n int) int {
	if *modelSeeds > 0 {
		return *modelSeeds
	}
	return n
}

// repeat tells how to run again what failed.
func repeat(t testing.TB, seed uint64, more string) string {
	run := "^" + strings.ReplaceAll(t.Name(), "/", "$/^") + "$"
	return fmt.Sprintf("seed %d; again: go test -race -run '%s' -model.seed=%d -model.ops=%d %s .", seed, run, seed, *modelOps, more)
}

func TestModel(t *testing.T) { testModel(t, modelBackends(), false) }

// Every other client is a POSIX client, which needs a backend that tells case apart.
func TestModelPosix(t *testing.T) {
	testModel(t, slices.DeleteFunc(modelBackends(), func(k modelBackendKind) bool { return !k.exact }), true)
}

func testModel(t *testing.T, kinds []modelBackendKind, posix bool) {
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			for i := range seedsOr(2) {
				seed := uint64(*modelSeed + i)
				t.Run(fmt.Sprint(seed), func(t *testing.T) { newModelRun(t, k, seed, posix).run() })
				if t.Failed() {
					return
				}
			}
		})
	}
}

// modelRun is a server, its clients and the model of what they do.
type modelRun struct {
	t       *testing.T
	kind    modelBackendKind
	fs      vfs.FS
	m       *model
	seed    uint64
	rnd     *rand.Rand
	clients []*smbtest.Client
	posix   bool
	writes  int
	log     []string
}

func newModelRun(t *testing.T, k modelBackendKind, seed uint64, posix bool) *modelRun {
	b := k.make(t)
	r := &modelRun{t: t, kind: k, fs: b.fs, m: newModel(k.exact), seed: seed, rnd: randomFor(seed, k.name), posix: posix}
	dirs, files := k.prepare(t, b)
	add := func(name string, f *modelFile) {
		dir, base := r.m.dirOf(strings.ReplaceAll(name, "/", `\`))
		r.m.add(dir, base, f)
	}
	for _, d := range dirs {
		add(d, newModelFile(true))
	}
	for _, name := range files {
		f := newModelFile(false)
		f.content = []byte(outsideContent(name))
		add(name, f)
	}
	srv := newRig(t, func(s *smb.Server) {
		s.Shares = smb.Shares{"s": {FS: b.fs}}
		s.POSIX = posix
	})
	for i := range 2 + r.rnd.IntN(3) {
		logon := func() *smbtest.Client { return srv.logon(smb.Dialect311) }
		if r.isPosix(i) {
			logon = func() *smbtest.Client { return srv.posix("ann") }
		}
		r.clients = append(r.clients, logon())
	}
	return r
}

func (r *modelRun) isPosix(client int) bool { return r.posix && client%2 == 1 }

// run does operations, and then closes what is open.
func (r *modelRun) run() {
	for range *modelOps {
		r.step(r.choose())
	}
	for len(r.m.opens) > 0 {
		r.step(r.close(r.handle()))
	}
}

// handle is one of those that are open.
func (r *modelRun) handle() *modelOpen { return pick(r.rnd, r.m.opens...) }

// choose does an operation; few handles are open at once, so that most are of some file that others have, too.
func (r *modelRun) choose() modelStep {
	switch n := len(r.m.opens); {
	case n == 0:
		return r.create()
	case n > 12:
		return r.close(r.handle())
	}
	k := r.rnd.IntN(100)
	if k < 35 {
		return r.create()
	}
	h := r.handle()
	switch {
	case k < 50:
		return r.write(h)
	case k < 54:
		return r.truncate(h)
	case k < 66 && h.stream != nil && r.rnd.IntN(3) > 0:
		return r.renameStream(h)
	case k < 66:
		return r.rename(h)
	case k < 72 && r.kind.links:
		return r.link(h)
	case k < 78:
		return r.delete(h)
	case k < 81 && !h.file.dir:
		return r.setReadOnly(h)
	case k < 84:
		return r.read(h)
	}
	return r.close(h)
}

// modelStep is an operation that was done.
type modelStep struct {
	client int
	what   string
	got    smb2.Status
	model  func() smb2.Status // does it to the model, too
}

// step holds the answer, and what there is now, against the model. What a POSIX client is refused isn't judged, but it
// must have changed nothing.
func (r *modelRun) step(s modelStep) {
	r.t.Helper()
	r.log = append(r.log, fmt.Sprintf("%s: %v", s.what, s.got))
	if !r.isPosix(s.client) || s.got == ok {
		r.m.posix = r.isPosix(s.client)
		if st := s.model(); st != s.got {
			r.fail("%v, the model says %v; there is\n%s", s.got, st, r.real())
		}
	}
	if got, want := r.real(), r.m.String(); got != want {
		r.fail("there is\n%s\ninstead of\n%s", got, want)
	}
}

func (r *modelRun) fail(format string, args ...any) {
	r.t.Helper()
	last := strings.Join(r.log[max(0, len(r.log)-25):], "\n")
	r.t.Fatalf("%s\nafter\n%s\n%s", repeat(r.t, r.seed, "-model.seeds=1"), last, fmt.Sprintf(format, args...))
}

func (r *modelRun) real() string {
	r.t.Helper()
	return describeKept(allKept(r.t, r.fs, "."))
}

func (m *model) String() string {
	var list []kept
	m.each(m.root, func(l *modelLink) {
		k := kept{name: strings.ReplaceAll(m.path(l), `\`, "/"), content: string(l.file.content), streams: make(map[string]string)}
		for _, s := range l.file.streams {
			k.streams[s.name] = string(s.content)
		}
		k.dir, k.readOnly = l.file.dir, l.file.readOnly
		list = append(list, k)
	})
	return describeKept(list)
}

func describeKept(list []kept) string {
	var b strings.Builder
	for _, k := range slices.SortedFunc(slices.Values(list), func(x, y kept) int { return strings.Compare(x.name, y.name) }) {
		fmt.Fprintf(&b, "%s dir=%v read-only=%v %q", k.name, k.dir, k.readOnly, k.content)
		for _, s := range slices.Sorted(maps.Keys(k.streams)) {
			fmt.Fprintf(&b, " %s=%q", s, k.streams[s])
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// randomFor is deterministic, but not the same for different names.
func randomFor(seed uint64, name string) *rand.Rand {
	return rand.New(rand.NewPCG(seed, uint64(crc32.ChecksumIEEE([]byte(name)))))
}

// pick returns one of list.
func pick[T any](r *rand.Rand, list ...T) T { return list[r.IntN(len(list))] }
