package smb_test

import (
	"flag"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/gosmbd/smb"
	"github.com/gosmbd/smb/internal/smbtest"
)

// TestConcurrentModel lets clients at once, and in some modes another program of the machine, make, rename, link, replace and
// delete files by few names, so that nearly each operation gets into the way of others. In what order they were done nobody
// can tell, but some things hold in any: what is written with a handle is in the file that was opened, no file is lost but
// by a deletion, a replacement or an overwriting that was granted, none has two names without a link, and what was deleted is
// gone when all is closed ([MS-FSA] 2.1.5.5, 2.1.5.15.3, 2.1.5.15.7, 2.1.5.15.12, [MS-FSCC] 2.4.12, 2.4.43). For that each file
// begins with a tag of its own, and a ledger has what was done to it.
//
// Not checked: whether what is refused had to be (TestModel does that), and which file a replacement took, only how many. Where
// files are overwritten, what they have after the tag isn't, nor that a deleted file is gone where there are links or another
// program.
var (
	modelRounds = flag.Int("model.rounds", 0, "how many rounds TestConcurrentModel does of each mode over each backend; 0: one of each mode over two backends, in turn")
	modelOnly   = flag.String("model.only", "", "the modes of TestConcurrentModel, over all backends, and of TestCachingModel whose names begin so")
)

// concurrentMode says what there is beyond files that are made, renamed and deleted.
type concurrentMode struct {
	name      string
	replace   bool // renames and links that replace
	overwrite bool // CREATE that overwrites
	links     bool
	foreign   bool // another program
	posix     bool // half of the clients are POSIX clients
	oplocks   bool
	drops     bool // connections that end, with durable handles
}

var concurrentModes = []concurrentMode{
	{name: "plain"},
	{name: "plain-oplocks", oplocks: true},
	{name: "links", links: true},
	{name: "replace", replace: true},
	{name: "replace-oplocks", replace: true, oplocks: true},
	{name: "replace-links", replace: true, links: true},
	{name: "overwrite", overwrite: true},
	{name: "overwrite-replace-links", overwrite: true, replace: true, links: true, oplocks: true},
	{name: "posix", posix: true},
	{name: "posix-replace-links", posix: true, replace: true, links: true},
	{name: "drops", drops: true},
	{name: "drops-links-posix", drops: true, links: true, posix: true, oplocks: true},
	{name: "drops-replace-overwrite", drops: true, replace: true, overwrite: true, oplocks: true},
	{name: "foreign", foreign: true},
	{name: "foreign-drops", foreign: true, drops: true, oplocks: true},
	{name: "foreign-replace", foreign: true, replace: true},
	{name: "foreign-posix", foreign: true, posix: true},
	{name: "foreign-oplocks", foreign: true, oplocks: true},
}

// over reports whether the mode makes sense with a backend.
func (m concurrentMode) over(k modelBackendKind) bool {
	return (k.disk || !m.foreign) && (k.links || !m.links) && (k.exact || !m.posix)
}

func TestConcurrentModel(t *testing.T) {
	for _, p := range concurrentPairs() {
		t.Run(p.String(), func(t *testing.T) {
			for i := range max(1, *modelRounds) {
				if concurrentRound(t, p.kind, p.mode, uint64(*modelSeed+i)); t.Failed() {
					return
				}
			}
		})
	}
}

// concurrentPair is a mode and what it runs over.
type concurrentPair struct {
	kind modelBackendKind
	mode concurrentMode
}

func (p concurrentPair) String() string { return p.kind.name + "/" + p.mode.name }

// concurrentPairs are those to run: without flags each mode has, twice, the backend that was used least so far.
func concurrentPairs() (pairs []concurrentPair) {
	var all []concurrentPair
	for _, m := range concurrentModes {
		for _, k := range modelBackends() {
			if strings.HasPrefix(m.name, *modelOnly) && m.over(k) {
				all = append(all, concurrentPair{k, m})
			}
		}
	}
	if *modelRounds > 0 || *modelOnly != "" {
		return all
	}
	used := make(map[string]int)
	for range 2 {
		for _, m := range concurrentModes {
			least := -1
			for i, p := range all {
				if p.mode == m && used[p.String()] == 0 && (least < 0 || used[p.kind.name] < used[all[least].kind.name]) {
					least = i
				}
			}
			if least >= 0 {
				p := all[least]
				used[p.kind.name]++
				used[p.String()]++
				pairs = append(pairs, p)
			}
		}
	}
	return pairs
}

// concurrentRound lets four clients have their way, and looks at what is left.
func concurrentRound(t *testing.T, k modelBackendKind, m concurrentMode, seed uint64) {
	b := k.make(t)
	l := &ledger{mode: m, files: make(map[string]*ledgerFile)}
	_, files := k.prepare(t, b)
	for _, name := range files {
		l.add(strings.TrimSpace(outsideContent(name)), "there from the start as "+name)
	}
	r := newRig(t, func(s *smb.Server) {
		s.Shares = smb.Shares{"s": {FS: b.fs}}
		s.POSIX = m.posix
	})
	end := func() {}
	if m.foreign {
		end = startForeign(b, l, seed)
	}
	var clients []*concurrentClient
	for i := range 4 {
		c := &concurrentClient{t: t, i: i, ledger: l, mode: m, rnd: randomFor(seed, fmt.Sprint(k.name, m.name, i))}
		c.logon = func() *smbtest.Client {
			if c.isPosix() {
				return r.posix("ann")
			}
			return r.logon(smb.Dialect311)
		}
		c.Client = c.logon()
		clients = append(clients, c)
	}
	var wg sync.WaitGroup
	for _, c := range clients {
		wg.Go(c.run)
	}
	wg.Wait()
	end()
	for _, c := range clients {
		c.Close()
	}
	r.srv.Close()
	l.check(t, b)
	if t.Failed() {
		t.Logf("%s", repeat(t, seed, "-model.rounds=1"))
	}
}

// tagged is a file's tag, or what is written into it, as it is in the file: 32 bytes.
func tagged(tag string) string { return fmt.Sprintf("%-32s", tag) }

// untagged is the tag of a content, "" where none was written yet.
func untagged(content string) string {
	return strings.TrimRight(content[:min(32, len(content))], " \x00")
}
