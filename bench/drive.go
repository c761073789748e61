package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/gosmbd/smb/bench/load"
)

// What smbclient can't drive: many requests at a time, and many clients.

const (
	blockSize = 4 << 10
	queue     = 32 // requests at a time on one connection
	atOnce    = 8  // operations of more than one request, or of compounds
	few       = 10 // clients
)

// target is the server that a drive works on.
type target struct {
	*bench
	c     *load.Client                 // one connection
	dial  func() (*load.Client, error) // makes another
	rate  float64                      // requests per second that are to be offered
	begin func() error                 // to be called once, when what is measured begins
}

// run is load.Run, with which what is measured begins.
func (t *target) run(workers []*load.Worker, total int, do func(*load.Worker, int) error) (load.Result, error) {
	if err := t.begin(); err != nil {
		return load.Result{}, err
	}
	return load.Run(workers, total, do)
}

// keep is load.Keep with t's own connection, which it uses up.
func (t *target) keep(file string, depth, n int, do func(*load.Op) []load.Request) (load.Result, error) {
	return load.Keep([]*load.Client{t.c}, file, depth, n, do, t.begin)
}

// drive is a phase of the load generator. It works on one connection unless it opens more.
type drive func(t *target) (load.Result, error)

// drives returns the phases of the load generator, in order.
func (b *bench) drives() []phase {
	n, many := b.o.operations, b.o.clients
	return []phase{
		// Over a file that is there: fresh pages of memory cost more than all the rest.
		{name: "write 1 MiB in turn, 4 at a time", work: b.o.sizeMiB, unit: "MiB", drive: writeInTurn},
		{name: fmt.Sprintf("read 4 KiB, %d at a time", queue), work: 5 * n, unit: "read", drive: readRandom(queue, 5*n)},
		{name: fmt.Sprintf("write 4 KiB, %d at a time", queue), work: 5 * n, unit: "write", drive: writeRandom(5 * n)},
		{name: fmt.Sprintf("make and remove %d files", n), work: n, unit: "file", drive: makeAndRemove},
		{name: fmt.Sprintf("make %d files in a directory, then remove them", n), work: n, unit: "file", drive: makeThenRemove},
		{name: "open, query, close", work: 2 * n, unit: "compound", drive: statFiles},
		{name: fmt.Sprintf("list %d entries five times", b.o.entries), work: 5 * b.o.entries, unit: "entry", drive: listMany},
		{name: "10 clients read 4 KiB", work: 5 * n, unit: "read", drive: readMany(few, 5*n)},
		{name: fmt.Sprintf("%d clients read 4 KiB", many), work: 5 * n, unit: "read", drive: readMany(many, 5*n), readers: many},
		{name: "10 clients read 4 KiB when they like", work: 5 * n, unit: "read", drive: readPaced(few, 5*n), paced: true},
		{name: fmt.Sprintf("%d clients read 4 KiB when they like", many), work: 5 * n, unit: "read", drive: readPaced(many, 5*n), paced: true, readers: many},
		{name: fmt.Sprintf("%d clients idle for 5 s", many), work: many, unit: "client", drive: idle, clients: many},
	}
}

func makeAndRemove(t *target) (load.Result, error) {
	name := func(i int) string { return fmt.Sprintf("made%d", i) }
	work := load.Then(load.Make(name, make([]byte, blockSize)), 3, load.Remove(name))
	return t.keep("", atOnce, t.o.operations, work)
}

// makeThenRemove has all files be there before the first is removed. That which looks
// through a directory for each shows here.
func makeThenRemove(t *target) (load.Result, error) {
	dir := filepath.Join(t.share, "made")
	if err := os.Mkdir(dir, 0o777); err != nil {
		return load.Result{}, err
	}
	defer os.RemoveAll(dir)
	second, err := t.dial()
	if err != nil {
		return load.Result{}, err
	}
	defer second.Close()
	n := t.o.operations
	name := func(i int) string { return fmt.Sprintf(`made\%d`, i) }
	made, err := t.keep("", atOnce, n, load.Make(name, make([]byte, blockSize)))
	if err != nil {
		return made, err
	}
	removed, err := load.Keep([]*load.Client{second}, "", atOnce, n, load.Remove(name), func() error { return nil })
	made.Wall += removed.Wall
	made.Median += removed.Median
	made.P99 += removed.P99
	return made, err
}

func statFiles(t *target) (load.Result, error) {
	return t.keep("", atOnce, 2*t.o.operations, load.Stat(func(i int) string {
		k := i % t.o.files
		return fmt.Sprintf(`tree\d%03d\file%05d`, k/100, k)
	}))
}

func listMany(t *target) (load.Result, error) {
	return t.run(t.c.Workers(1), 5, func(w *load.Worker, _ int) error {
		got, err := w.List("many")
		if err == nil && got != t.o.entries+2 {
			err = fmt.Errorf("%d entries listed, want %d", got, t.o.entries+2)
		}
		return err
	})
}

// idle has many clients do nothing.
func idle(t *target) (load.Result, error) {
	if err := t.begin(); err != nil {
		return load.Result{}, err
	}
	clients, err := dialMany(t.o.clients, t.dial)
	defer hangUp(clients)
	if err == nil {
		time.Sleep(5 * time.Second)
	}
	return load.Result{Operations: len(clients)}, err
}

func readRandom(depth, n int) drive {
	return func(t *target) (load.Result, error) {
		return t.keep("big", depth, n, load.ReadBlock(t.bigSize(), blockSize))
	}
}

func writeRandom(n int) drive {
	return func(t *target) (load.Result, error) {
		return t.keep("big", queue, n, load.WriteBlock(t.bigSize(), make([]byte, blockSize)))
	}
}

// writeInTurn overwrites the large file.
func writeInTurn(t *target) (load.Result, error) {
	data := make([]byte, 1<<20)
	workers := t.c.Workers(4)
	id, err := workers[0].Open("big")
	if err != nil {
		return load.Result{}, err
	}
	return t.run(workers, t.o.sizeMiB, func(w *load.Worker, i int) error {
		return w.Write(id, int64(i)<<20, data)
	})
}

// readMany has as many clients read, one block at a time each.
func readMany(clients, n int) drive {
	return func(t *target) (load.Result, error) {
		all, err := dialMany(clients, t.dial)
		defer hangUp(all)
		if err != nil {
			return load.Result{}, err
		}
		return load.Keep(all, "big", 1, n, load.ReadBlock(t.bigSize(), blockSize), t.begin)
	}
}

// readPaced has as many clients read, at random times and t.rate times in a second, however
// long it takes.
func readPaced(clients, n int) drive {
	return func(t *target) (load.Result, error) {
		all, err := dialMany(clients, t.dial)
		defer hangUp(all)
		if err != nil {
			return load.Result{}, err
		}
		return load.Offer(all, "big", t.bigSize(), blockSize, t.rate, n, t.begin)
	}
}

// dialMany opens n connections, some at a time. Those that it has it returns in any case.
func dialMany(n int, dial func() (*load.Client, error)) (clients []*load.Client, err error) {
	var mu sync.Mutex
	var group sync.WaitGroup
	slots := make(chan struct{}, 16)
	for range n {
		slots <- struct{}{}
		group.Go(func() {
			defer func() { <-slots }()
			c, e := dial()
			mu.Lock()
			defer mu.Unlock()
			if e != nil {
				err = errors.Join(err, e)
				return
			}
			clients = append(clients, c)
		})
	}
	group.Wait()
	return clients, err
}

func hangUp(clients []*load.Client) {
	for _, c := range clients {
		c.Close()
	}
}
