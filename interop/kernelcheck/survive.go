//go:build linux

package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// survivor is what survive works with.
type survivor struct {
	*report
	mounts [2]string
	plain  string
	stop   string // the file that ends it
	ready  string // the file that says that everything is open and locked
	strict bool   // handles must come back as they were
	back   time.Duration
}

// done reports whether it's time to end.
func (v *survivor) done() bool {
	_, err := os.Stat(v.stop)
	return err == nil || v.enough()
}

// survive keeps files open and locked, and writes, while somebody else kills the
// server or cuts its connections, until a file says that this is over. What was
// acknowledged may not get lost: not a write, not a lock, not a handle, and each
// call must come back in time.
func survive(args []string) error {
	fs := flag.NewFlagSet("survive", flag.ExitOnError)
	v := &survivor{}
	fs.StringVar(&v.stop, "until", "", "end when this file is there")
	fs.StringVar(&v.ready, "ready", "", "make this file when all is open and locked")
	fs.BoolVar(&v.strict, "strict", true, "handles and locks must survive, not only data")
	fs.DurationVar(&v.back, "back", time.Minute, "how long a call may take")
	most := fs.Int("faults", 30, "end after so many faults")
	if err := fs.Parse(args); err != nil {
		return err
	}
	if fs.NArg() != 3 || v.stop == "" {
		return errors.New("survive takes -until and three mounts")
	}
	v.report, v.mounts, v.plain = newReport(*most), [2]string{fs.Arg(0), fs.Arg(1)}, fs.Arg(2)

	held, err := v.holdLocks()
	if err != nil {
		return err
	}
	ids := v.handleIDs()
	if v.ready != "" {
		if err := os.WriteFile(v.ready, nil, 0o666); err != nil {
			return err
		}
	}
	var wg sync.WaitGroup
	for c := range v.mounts {
		wg.Go(func() { v.probeLock(c, held) })
		for _, how := range []writing{writeDirect, writeFlush} {
			wg.Go(func() { v.write(c, how) })
		}
	}
	wg.Go(v.passLock)
	wg.Wait()
	if v.strict {
		v.compareIDs(ids, v.handleIDs())
	}
	for _, f := range held {
		f.Close()
	}
	return v.finish()
}

// timed runs a call and reports it if it took too long to be a handle that came
// back in time.
func (v *survivor) timed(what string, call func() error) error {
	start := time.Now()
	err := call()
	d := time.Since(start)
	v.after(what, d)
	if d > v.back {
		v.fault("%s took %v", what, d.Round(time.Second))
	}
	return err
}

// retried repeats a call that fails only since the connection broke: what the
// kernel's client says then depends on where it noticed. Locks and flushes even
// fail until something else has made it ask for the handle again, which is what
// wake does. A call that still fails when the time is over is a fault.
func (v *survivor) retried(what string, wake, call func() error) bool {
	start := time.Now()
	for {
		err := v.timed(what, call)
		if err == nil {
			return true
		}
		if time.Since(start) > v.back || v.enough() {
			v.fault("%s: for %v: %v", what, v.back, err)
			return false
		}
		v.did(what + ": " + cause(err))
		time.Sleep(50 * time.Millisecond)
		if wake != nil {
			_ = wake()
		}
	}
}

// cause is what the system said.
func cause(err error) string {
	var errno syscall.Errno
	if errors.As(err, &errno) {
		return errno.Error()
	}
	return err.Error()
}

// touch reads a handle past the client's cache, where nobody locks.
func touch(f *os.File) error {
	_, err := f.ReadAt(alignedBlock(), blockSize)
	return err
}

const heldName = "held"

// holdLocks has both clients open one file, and lock a part of it each.
func (v *survivor) holdLocks() ([2]*os.File, error) {
	var held [2]*os.File
	if err := os.WriteFile(filepath.Join(v.plain, heldName), make([]byte, 2*blockSize), 0o666); err != nil {
		return held, err
	}
	for c := range held {
		f, err := os.OpenFile(filepath.Join(v.mounts[c], heldName), os.O_RDWR|syscall.O_DIRECT, 0)
		if err != nil {
			return held, err
		}
		held[c] = f
	}
	for c, f := range held {
		if err := setLock(f, syscall.F_SETLK, syscall.F_WRLCK, int64(c)*500, 100); err != nil {
			return held, fmt.Errorf("first lock of client %s: %w", client(c), err)
		}
	}
	return held, nil
}

// probeLock has client c try for what the other has locked all the time.
func (v *survivor) probeLock(c int, held [2]*os.File) {
	at := int64(1-c)*500 + 50
	for !v.done() {
		time.Sleep(150 * time.Millisecond)
		err := v.timed("lock that must be refused", func() error {
			return setLock(held[c], syscall.F_SETLK, syscall.F_WRLCK, at, 100)
		})
		switch {
		case err == nil && v.strict:
			v.fault("client %s got a lock that client %s has", client(c), client(1-c))
		case err == nil:
			v.did("lock lost")
		case err != syscall.EAGAIN && err != syscall.EACCES:
			v.did("lock that must be refused: " + cause(err))
			_ = touch(held[c])
		}
		if err == nil {
			_ = setLock(held[c], syscall.F_SETLK, syscall.F_UNLCK, at, 100)
		}
	}
}

// passLock has the clients take turns with a lock: who has none can't get it,
// who gave it back has none any more.
func (v *survivor) passLock() {
	for n := 0; !v.done(); n++ {
		if err := v.passOn(fmt.Sprintf("passed%d", n)); err != nil {
			v.fault("%v", err)
			return
		}
	}
}

// passOn is passLock with one file, until the client has lost sight of a lock.
func (v *survivor) passOn(name string) error {
	if err := os.WriteFile(filepath.Join(v.plain, name), make([]byte, 2*blockSize), 0o666); err != nil {
		return err
	}
	var f [2]*os.File
	for c := range f {
		var err error
		if f[c], err = os.OpenFile(filepath.Join(v.mounts[c], name), os.O_RDWR|syscall.O_DIRECT, 0); err != nil {
			return err
		}
		defer f[c].Close()
	}
	for turn := 0; !v.done(); turn++ {
		c := turn % 2
		if !v.take(f[c]) {
			return nil
		}
		for range 5 {
			time.Sleep(100 * time.Millisecond)
			err := setLock(f[1-c], syscall.F_SETLK, syscall.F_WRLCK, 0, 10)
			if err == nil && v.strict {
				v.fault("client %s got the lock that client %s has taken", client(1-c), client(c))
			}
			if err == nil {
				_ = setLock(f[1-c], syscall.F_SETLK, syscall.F_UNLCK, 0, 10)
			}
		}
		v.did("turns of the lock")
		wake := func() error { return touch(f[c]) }
		ok := v.retried("unlock", wake, func() error {
			err := setLock(f[c], syscall.F_SETLK, syscall.F_UNLCK, 0, 10)
			if err == syscall.EIO {
				// There is no such lock: the answer of the try before got lost.
				// The other client's turn shows whether it's true.
				v.did("unlock: " + cause(err))
				return nil
			}
			return err
		})
		if !ok {
			return nil
		}
	}
	return nil
}

// take gets a lock that nobody has. When the connection breaks the client can't
// know whether it was granted, and sends no lock sequence by which the server could
// tell. If it was, the client's own handle is in its way until it is closed, or
// expires in the server: the file is of no use then.
func (v *survivor) take(f *os.File) bool {
	refused, lost, useless := 0, false, false
	wake := func() error {
		_ = touch(f)
		return setLock(f, syscall.F_SETLK, syscall.F_UNLCK, 0, 10)
	}
	ok := v.retried("lock", wake, func() error {
		err := setLock(f, syscall.F_SETLK, syscall.F_WRLCK, 0, 10)
		switch {
		case err == nil:
		case err != syscall.EACCES: // the server refuses with EACCES
			lost = true
		case lost:
			if refused++; refused == 20 {
				useless = true
				return nil
			}
		}
		return err
	})
	if useless {
		v.did("lock granted, perhaps, and the answer got lost")
	}
	return ok && !useless
}

// handleIDs are the persistent parts of the file ids of the file that is held.
func (v *survivor) handleIDs() string {
	var ids []string
	for e := range strings.SplitSeq(openFiles(heldName), "; ") {
		if p := strings.Fields(e); len(p) > 2 {
			ids = append(ids, p[2])
		}
	}
	return strings.Join(ids, " ")
}

// compareIDs tells whether the client had to open anew what it held.
func (v *survivor) compareIDs(before, after string) {
	if before != after {
		v.fault("the held handles were %s and are %s: they were opened anew", before, after)
		return
	}
	v.note("the held handles are what they were: %s", after)
}
