package main

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/gosmbd/smb/bench/load"
)

// The honest client opens a file, reads 16 KiB and closes it, 200 times a second, and four
// times a second it logs on anew.

const (
	honestPause = 5 * time.Millisecond
	logonPause  = 250 * time.Millisecond
	honestFile  = "small"
	honestRead  = 16 << 10
)

// honestStat is what happened since it was asked for last.
type honestStat struct {
	Ops, Errors   int
	P50, P99, Max time.Duration
	Logons        int
	LogonErrors   int
	LogonMax      time.Duration
	LastError     string
}

type honestClient struct {
	addr string

	mu     sync.Mutex
	took   []time.Duration
	logons []time.Duration
	began  map[string]time.Time // what is under way
	stat   honestStat
}

// honestMain is the process of the honest client.
func honestMain() error {
	c := &honestClient{began: make(map[string]time.Time)}
	return answerLines(func(line []byte) any {
		if err := json.Unmarshal(line, &c.addr); err != nil {
			fmt.Fprintln(os.Stderr, "hostile: the honest client:", err)
			os.Exit(1)
		}
		go c.work()
		go c.logOn()
		return "ready"
	}, func([]string) any { return c.since() })
}

func (c *honestClient) work() {
	var l *load.Client
	var w *load.Worker
	for {
		time.Sleep(honestPause)
		err := c.timed("work", &c.took, &c.stat.Errors, func() (err error) {
			if l == nil {
				if l, err = load.Dial(c.addr, shareName, honest, password); err != nil {
					return err
				}
				w = l.NewWorker()
			}
			return openReadClose(w)
		})
		if err != nil && l != nil {
			l.Close()
			l = nil
		}
	}
}

func (c *honestClient) logOn() {
	for {
		time.Sleep(logonPause)
		c.timed("logon", &c.logons, &c.stat.LogonErrors, func() error {
			l, err := load.Dial(c.addr, shareName, honest, password)
			if err == nil {
				l.Close()
			}
			return err
		})
	}
}

// timed does something and notes how long it took.
func (c *honestClient) timed(name string, took *[]time.Duration, failed *int, do func() error) error {
	began := time.Now()
	c.mu.Lock()
	c.began[name] = began
	c.mu.Unlock()
	err := do()
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.began, name)
	if err != nil {
		*failed++
		c.stat.LastError = err.Error()
		return err
	}
	*took = append(*took, time.Since(began))
	return nil
}

func openReadClose(w *load.Worker) error {
	id, err := w.Open(honestFile)
	if err != nil {
		return err
	}
	if err := w.Read(id, 0, honestRead); err != nil {
		return err
	}
	return w.Close(id)
}

// since returns what happened since the last call. What is under way counts with the
// time that it took so far.
func (c *honestClient) since() honestStat {
	c.mu.Lock()
	defer c.mu.Unlock()
	if t, busy := c.began["work"]; busy {
		c.took = append(c.took, time.Since(t))
	}
	if t, busy := c.began["logon"]; busy {
		c.logons = append(c.logons, time.Since(t))
	}
	s := c.stat
	slices.Sort(c.took)
	if n := len(c.took); n > 0 {
		s.Ops, s.P50, s.P99, s.Max = n, c.took[n/2], c.took[n*99/100], c.took[n-1]
	}
	if n := len(c.logons); n > 0 {
		s.Logons, s.LogonMax = n, slices.Max(c.logons)
	}
	c.took, c.logons, c.stat = nil, nil, honestStat{}
	return s
}
