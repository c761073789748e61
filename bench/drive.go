package main

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/gosmbd/smb/bench/load"
)

// What smbclient can't drive: many requests at a time, and many clients.

const (
	blockSize = 4 << 10
	queue     = 32 // requests at a time on one connection
)

// drive is a phase of the load generator. It works on one connection unless it opens more.
type drive func(b *bench, c *load.Client, dial func() (*load.Client, error)) (load.Result, error)

// drives returns the phases of the load generator, in order.
func (b *bench) drives() []phase {
	n := b.o.operations
	row := func(name string, d drive) phase { return phase{name: name, drive: d} }
	return []phase{
		// Over a file that is there: fresh pages of memory cost more than all the rest.
		row("write 1 MiB in turn, 4 at a time", writeInTurn),
		row(fmt.Sprintf("read 4 KiB, %d at a time", queue), readRandom(queue, 5*n)),
		row(fmt.Sprintf("write 4 KiB, %d at a time", queue), writeRandom(5*n)),
		row(fmt.Sprintf("make and remove %d files", n), func(_ *bench, c *load.Client, _ func() (*load.Client, error)) (load.Result, error) {
			data := make([]byte, blockSize)
			return load.Run(c.Workers(8), n, func(w *load.Worker, i int) error {
				return w.MakeAndRemove(fmt.Sprintf("made%d", i), data)
			})
		}),
		row("open, query, close", func(b *bench, c *load.Client, _ func() (*load.Client, error)) (load.Result, error) {
			return load.Run(c.Workers(8), 2*n, func(w *load.Worker, i int) error {
				k := i % b.o.files
				return w.Stat(fmt.Sprintf(`tree\d%03d\file%05d`, k/100, k))
			})
		}),
		row(fmt.Sprintf("list %d entries five times", b.o.entries), func(b *bench, c *load.Client, _ func() (*load.Client, error)) (load.Result, error) {
			return load.Run(c.Workers(1), 5, func(w *load.Worker, _ int) error {
				got, err := w.List("many")
				if err == nil && got != b.o.entries+2 {
					err = fmt.Errorf("%d entries listed, want %d", got, b.o.entries+2)
				}
				return err
			})
		}),
		row("10 clients read 4 KiB", readMany(10, 5*n)),
		row(fmt.Sprintf("%d clients read 4 KiB", b.o.clients), readMany(b.o.clients, 5*n)),
		row(fmt.Sprintf("%d clients idle for 5 s", b.o.clients), func(b *bench, _ *load.Client, dial func() (*load.Client, error)) (load.Result, error) {
			clients, err := dialMany(b.o.clients, dial)
			defer hangUp(clients)
			if err == nil {
				time.Sleep(5 * time.Second)
			}
			return load.Result{Operations: len(clients)}, err
		}),
	}
}

func readRandom(depth, n int) drive {
	return func(b *bench, c *load.Client, _ func() (*load.Client, error)) (load.Result, error) {
		workers := c.Workers(depth)
		id, err := workers[0].Open("big")
		if err != nil {
			return load.Result{}, err
		}
		return load.Run(workers, n, func(w *load.Worker, _ int) error {
			return w.Read(id, load.Block(b.bigSize(), blockSize), blockSize)
		})
	}
}

func writeRandom(n int) drive {
	return func(b *bench, c *load.Client, _ func() (*load.Client, error)) (load.Result, error) {
		data := make([]byte, blockSize)
		workers := c.Workers(queue)
		id, err := workers[0].Open("big")
		if err != nil {
			return load.Result{}, err
		}
		return load.Run(workers, n, func(w *load.Worker, _ int) error {
			return w.Write(id, load.Block(b.bigSize(), blockSize), data)
		})
	}
}

// writeInTurn overwrites the large file.
func writeInTurn(b *bench, c *load.Client, _ func() (*load.Client, error)) (load.Result, error) {
	data := make([]byte, 1<<20)
	workers := c.Workers(4)
	id, err := workers[0].Open("big")
	if err != nil {
		return load.Result{}, err
	}
	return load.Run(workers, b.o.sizeMiB, func(w *load.Worker, i int) error {
		return w.Write(id, int64(i)<<20, data)
	})
}

// readMany has as many clients read, one block at a time each.
func readMany(clients, n int) drive {
	return func(b *bench, _ *load.Client, dial func() (*load.Client, error)) (load.Result, error) {
		all, err := dialMany(clients, dial)
		defer hangUp(all)
		if err != nil {
			return load.Result{}, err
		}
		var workers []*load.Worker
		var files sync.Map
		for _, c := range all {
			w := c.NewWorker()
			id, err := w.Open("big")
			if err != nil {
				return load.Result{}, err
			}
			files.Store(w, id)
			workers = append(workers, w)
		}
		return load.Run(workers, n, func(w *load.Worker, _ int) error {
			id, _ := files.Load(w)
			return w.Read(id.(load.FileID), load.Block(b.bigSize(), blockSize), blockSize)
		})
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
