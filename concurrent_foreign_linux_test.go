package smb_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// foreignProgram is another program that changes the directory. It moves in files that it made outside, and moves out instead
// of deleting, without replacing anything, so that whatever is lost was the server's doing.
type foreignProgram struct {
	modelBackend
	ledger *ledger
	rnd    *rand.Rand
	n      int      // of what it makes and moves out
	trash  []string // what it moved out
}

// startForeign starts the program, end stops it.
func startForeign(b modelBackend, l *ledger, seed uint64) (end func()) {
	p := &foreignProgram{modelBackend: b, ledger: l, rnd: randomFor(seed, l.mode.name)}
	var stop atomic.Bool
	done := make(chan struct{})
	go func() {
		defer close(done)
		for !stop.Load() {
			time.Sleep(time.Duration(p.rnd.IntN(300)) * time.Microsecond)
			p.step()
		}
	}()
	return func() {
		stop.Store(true)
		<-done
	}
}

func (p *foreignProgram) step() {
	p.n++
	switch k := p.rnd.IntN(10); {
	case k < 4:
		p.makeFile(move)
	case k < 6:
		move(p.name(), p.name())
	case k < 8:
		if to := filepath.Join(p.outside, fmt.Sprint("trash", p.n)); move(p.name(), to) == nil {
			p.trash = append(p.trash, to)
		}
	case k < 9:
		if len(p.trash) == 0 {
			return
		}
		i := p.rnd.IntN(len(p.trash))
		if move(p.trash[i], p.name()) == nil {
			p.trash = append(p.trash[:i], p.trash[i+1:]...)
		}
	case p.ledger.mode.replace:
		p.ledger.replaced()
		p.makeFile(os.Rename) // as editors save
	default:
		move(p.dirName(), p.dirName())
	}
}

// makeFile makes a file outside, which then comes in by move.
func (p *foreignProgram) makeFile(move func(from, to string) error) {
	tag, tmp, to := fmt.Sprint("F", p.n), filepath.Join(p.outside, "tmp"), p.name()
	if os.WriteFile(tmp, []byte(tagged(tag)), 0o644) != nil {
		return
	}
	// Clients may have it before the move returns.
	p.ledger.add(tag, "foreign: made as "+strings.TrimPrefix(to, p.dir))
	if move(tmp, to) != nil {
		p.ledger.with(tag, func(x *ledgerFile) { x.names-- })
		os.Remove(tmp)
	}
}

func (p *foreignProgram) name() string {
	name := p.dir
	for range pick(p.rnd, 0, 0, 0, 1, 1, 2) {
		name = filepath.Join(name, pick(p.rnd, "d", "e", "x", "y"))
	}
	return filepath.Join(name, pick(p.rnd, "a", "A", "b", "B", "c", "d1"))
}

func (p *foreignProgram) dirName() string {
	return filepath.Join(p.dir, pick(p.rnd, "d", "e", "x", "y"))
}

// move renames unless there is something already.
func move(from, to string) error {
	return unix.Renameat2(unix.AT_FDCWD, from, unix.AT_FDCWD, to, unix.RENAME_NOREPLACE)
}
