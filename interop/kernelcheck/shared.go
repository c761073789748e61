//go:build linux

package main

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

// setLock takes (F_WRLCK), or gives back (F_UNLCK), a byte-range lock; cmd says
// whether to wait for it.
func setLock(f *os.File, cmd int, kind int16, off, n int64) error {
	l := syscall.Flock_t{Type: kind, Start: off, Len: n}
	for {
		err := syscall.FcntlFlock(f.Fd(), cmd, &l)
		if err != syscall.EINTR {
			return err
		}
	}
}

// countUnderLock has both clients add to one number, each time under a lock.
// None of the additions may get lost. The file is opened anew each time, since
// that is when a client is sure to see what others wrote before.
func (g *rig) countUnderLock(id int) {
	name := fmt.Sprintf("counter%d", id)
	if err := os.WriteFile(filepath.Join(g.plain, name), make([]byte, 8), 0o666); err != nil {
		g.fault("counter: %v", err)
		return
	}
	var wg sync.WaitGroup
	var added [2]uint64
	for c := range g.mounts {
		wg.Go(func() {
			for !g.done() {
				if err := g.addOne(filepath.Join(g.mounts[c], name)); err != nil {
					g.fault("counter: client %s: %v", client(c), err)
					return
				}
				added[c]++
				g.did("counted by client " + client(c))
			}
		})
	}
	wg.Wait()
	b, err := os.ReadFile(filepath.Join(g.plain, name))
	if err != nil || len(b) != 8 {
		g.fault("counter: %d bytes, %v", len(b), err)
		return
	}
	if n := binary.BigEndian.Uint64(b); n != added[0]+added[1] {
		g.fault("counter: it says %d, and A added %d and B %d", n, added[0], added[1])
	}
}

func (g *rig) addOne(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := lockPatiently(f); err != nil {
		return fmt.Errorf("lock: %w", err)
	}
	var b [8]byte
	if _, err := f.ReadAt(b[:], 0); err != nil {
		return err
	}
	n := binary.BigEndian.Uint64(b[:]) + 1
	if _, err := f.WriteAt(binary.BigEndian.AppendUint64(nil, n), 0); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	return setLock(f, syscall.F_SETLK, syscall.F_UNLCK, 0, 8)
}

// lockPatiently tries for a lock again and again. Where the kernel's client waits
// for a lock itself, it waits in the server: that's for another test.
func lockPatiently(f *os.File) error {
	for start := time.Now(); ; time.Sleep(2 * time.Millisecond) {
		err := setLock(f, syscall.F_SETLK, syscall.F_WRLCK, 0, 8)
		if err != syscall.EAGAIN && err != syscall.EACCES || time.Since(start) > time.Minute {
			return err
		}
	}
}

// climb has one client write numbers that only grow, and the other read them with
// its cache: they may not fall, and must be the last one soon after.
func (g *rig) climb(id int) {
	name := fmt.Sprintf("ladder%d", id)
	if err := os.WriteFile(filepath.Join(g.plain, name), make([]byte, 64<<10), 0o666); err != nil {
		g.fault("ladder: %v", err)
		return
	}
	for round := 0; !g.done(); round++ {
		if err := g.climbOnce(name, round%2, uint64(round)); err != nil {
			g.fault("ladder, client %s writing: %v", client(round%2), err)
			return
		}
		g.did("ladders climbed")
	}
}

func (g *rig) climbOnce(name string, writer int, round uint64) error {
	const rungs = 100
	wf, err := os.OpenFile(filepath.Join(g.mounts[writer], name), os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer wf.Close()
	rf, err := os.Open(filepath.Join(g.mounts[1-writer], name))
	if err != nil {
		return err
	}
	defer rf.Close()
	last := round*rungs + rungs
	wrote := make(chan error, 1)
	go func() {
		for n := last - rungs + 1; n <= last; n++ {
			if _, err := wf.WriteAt(binary.BigEndian.AppendUint64(nil, n), 32<<10); err != nil {
				wrote <- err
				return
			}
			if g.flush {
				if err := wf.Sync(); err != nil {
					wrote <- err
					return
				}
			}
		}
		wrote <- nil
	}()
	var was uint64
	read := func() error {
		var b [8]byte
		if _, err := rf.ReadAt(b[:], 32<<10); err != nil {
			return err
		}
		n := binary.BigEndian.Uint64(b[:])
		if n < was {
			return fmt.Errorf("read %d after %d", n, was)
		}
		was = n
		return nil
	}
	for {
		if err := read(); err != nil {
			return err
		}
		select {
		case err := <-wrote:
			if err != nil {
				return err
			}
			g.eventually("end of the ladder", func() error {
				if err := read(); err != nil {
					return err
				}
				if was != last {
					return fmt.Errorf("client %s reads %d after %d was written; open: %s", client(1-writer), was, last, openFiles(name))
				}
				return nil
			})
			return nil
		default:
		}
	}
}
