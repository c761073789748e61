//go:build linux

package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// rig is two clients of one share, and a third that caches nothing and so tells
// what the server has.
type rig struct {
	*report
	mounts  [2]string
	plain   string
	grace   time.Duration
	linger  time.Duration // how long clients keep closed handles
	flush   bool
	until   time.Time
	verbose bool
}

// done reports whether it's time to end.
func (g *rig) done() bool { return time.Now().After(g.until) || g.enough() }

// client is the letter of a client, for messages.
func client(c int) string { return string(rune('A' + c)) }

// coherence has two clients change the same files and directories, and checks
// that each sees what the other did. Three kinds of work run side by side:
// walkers know what the share must look like and do one thing at a time, counters
// have both clients add to a number under a lock, and ladders have one client
// read what the other is writing.
//
// A server tells a client that its cache is void before the change is made, but
// does not wait until a cache of reads is dropped; and the client keeps names that
// don't exist for a second. So what is seen late is only counted, and what isn't
// seen within the grace is a fault.
func coherence(args []string) error {
	fs := flag.NewFlagSet("coherence", flag.ExitOnError)
	length := fs.Duration("for", 30*time.Minute, "how long")
	grace := fs.Duration("grace", 5*time.Second, "how late a client may see a change")
	walkers := fs.Int("walkers", 3, "walkers")
	counters := fs.Int("counters", 1, "counters")
	ladders := fs.Int("ladders", 1, "ladders")
	seed := fs.Uint64("seed", uint64(time.Now().UnixNano()), "of the random choices")
	linger := fs.Duration("linger", 0, "how long clients keep handles that were closed: the mount option closetimeo")
	flush := fs.Bool("flush", false, "flush each write to a file that stays open: kernels from 6.10 on do not write through without a lease")
	most := fs.Int("faults", 20, "end after so many faults")
	verbose := fs.Bool("v", false, "print each step")
	if err := fs.Parse(args); err != nil {
		return err
	}
	if fs.NArg() != 3 {
		return fmt.Errorf("coherence takes three mounts, not %d", fs.NArg())
	}
	g := &rig{report: newReport(*most), mounts: [2]string{fs.Arg(0), fs.Arg(1)}, plain: fs.Arg(2), grace: *grace, linger: *linger, flush: *flush, verbose: *verbose}
	for d := range dirs {
		if err := os.MkdirAll(filepath.Join(g.plain, dirName(d)), 0o777); err != nil {
			return err
		}
	}
	g.note("seed %d", *seed)
	g.until = time.Now().Add(*length)
	var wg sync.WaitGroup
	for i := range *walkers {
		wg.Go(func() { newWalker(g, i, *seed).run() })
	}
	for i := range *counters {
		wg.Go(func() { g.countUnderLock(i) })
	}
	for i := range *ladders {
		wg.Go(func() { g.climb(i) })
	}
	wg.Wait()
	return g.finish()
}

// dirs is how many directories the walkers share.
const dirs = 3

func dirName(d int) string { return fmt.Sprintf("dir%d", d) }

// eventually tries check until it is content, at most for the grace. What it
// complains of after that is a fault. It returns whether it was content.
func (g *rig) eventually(what string, check func() error) bool {
	start := time.Now()
	var was error
	for first := true; ; first = false {
		err := check()
		d := time.Since(start)
		switch {
		case err == nil && first:
			g.did("seen at once: " + what)
			return true
		case err == nil:
			g.after("seen late: "+what, d)
			if d > g.grace/5 {
				g.note("only after %v: %v", d.Round(time.Millisecond), was)
			}
			return true
		case d > g.grace && g.excused(err):
			g.did("zeros that the kernel made up")
			return false
		case d > g.grace:
			g.fault("%s: %v", what, err)
			return false
		}
		was = err
		time.Sleep(5 * time.Millisecond)
	}
}

// excused reports whether err is a fault of the kernel's: since 6.10 it may show
// zeros past what was once the end of a file, without asking the server.
func (g *rig) excused(err error) bool {
	m, ok := err.(*mismatch)
	return ok && m.zeros && g.flush
}

// openFiles is what the kernel tells about its opens of files named name.
func openFiles(name string) string {
	b, _ := os.ReadFile("/proc/fs/cifs/open_files")
	var list []string
	for line := range strings.Lines(string(b)) {
		if strings.Contains(line, name) {
			list = append(list, strings.TrimSpace(line))
		}
	}
	if list == nil {
		return "none"
	}
	return strings.Join(list, "; ")
}
