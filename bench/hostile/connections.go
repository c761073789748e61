package main

import (
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"sync/atomic"
	"time"

	"github.com/gosmbd/smb/internal/ntlmclient"
	"github.com/gosmbd/smb/smb2"
)

// stages are the ways to get stuck before a logon.
var stages = []struct {
	name string
	do   func(p *peer) error
}{
	{"connected", func(*peer) error { return nil }},
	{"a length", func(p *peer) error { return p.write(announce(128<<10, 1)) }},
	{"half a frame", func(p *peer) error { return p.write(announce(128<<10, 3000)) }},
	{"negotiated", func(p *peer) error { return p.negotiate() }},
	{"challenged", func(p *peer) error {
		if err := p.negotiate(); err != nil {
			return err
		}
		_, err := p.challenged(&ntlmclient.Client{User: attacker})
		return err
	}},
}

// announce makes a frame of n bytes of which the first few are there.
func announce(n, there int) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(n))
	b = append(b, "\xFESMB"...)
	return append(b, make([]byte, there)...)[:4+there]
}

func (p *peer) write(b []byte) error {
	p.nc.SetWriteDeadline(time.Now().Add(patience))
	_, err := p.nc.Write(b)
	return err
}

// gone waits until the server has ended the connection.
func (p *peer) gone(limit time.Duration) bool {
	p.nc.SetReadDeadline(time.Now().Add(limit))
	_, err := io.Copy(io.Discard, p.r)
	ne, ok := err.(net.Error)
	return !ok || !ne.Timeout()
}

// halfOpen has 10,000 peers that connect, get stuck somewhere before the logon, and come
// again when they are dropped. (G6)
func halfOpen(x *arena) (string, error) {
	if err := x.begin(); err != nil {
		return "", err
	}
	n, long := x.times(10_000), 20*time.Second
	stop := time.Now().Add(long)
	var connects, failures atomic.Int64
	base := procValue(x.pid(), "VmRSS")
	each(n, n, func(i int) error {
		time.Sleep(time.Duration(i) * 4 * time.Second / time.Duration(n))
		for time.Now().Before(stop) {
			p, err := dial(x.addr, i)
			if err != nil {
				failures.Add(1)
				time.Sleep(time.Second)
				continue
			}
			connects.Add(1)
			if stages[i%len(stages)].do(p) == nil {
				p.gone(time.Until(stop))
			}
			p.close()
			time.Sleep(time.Second + rand.N(time.Second))
		}
		return nil
	})
	if err := x.pause(); err != nil {
		return "", err
	}
	if grown := x.peak - base; grown > 400<<20 {
		x.miss("RSS grew by %d MiB (G6: 400)", grown>>20)
	}
	return fmt.Sprintf("%d peers of 100 addresses, %d connections in %v", n, connects.Load(), long), nil
}

// unfinished holds connections in each stage and looks what one costs. (G6)
func unfinished(x *arena) (string, error) {
	const n = 500
	hold := func(stage int) error {
		return each(n, 50, func(i int) error {
			p, err := dial(x.addr, i)
			if err != nil {
				return err
			}
			x.keep(p)
			return stages[stage].do(p)
		})
	}
	for i := range stages { // rehearsed
		if err := hold(i); err != nil {
			return "", err
		}
	}
	if err := x.begin(); err != nil {
		return "", err
	}
	for i, stage := range stages {
		var before, after serverStat
		if err := x.server.ask("stat", &before); err != nil {
			return "", err
		}
		if err := hold(i); err != nil {
			return "", err
		}
		time.Sleep(200 * time.Millisecond)
		if err := x.server.ask("stat", &after); err != nil {
			return "", err
		}
		each := (after.Heap + after.Stack - before.Heap - before.Stack) / n
		x.note("%s: %.1f KiB", stage.name, float64(each)/1024)
		if each > 32<<10 {
			x.miss("%d KiB for a connection that is %s (G6: 32)", each>>10, stage.name)
		}
		x.leave()
		if err := x.alone(10 * time.Second); err != nil {
			return "", err
		}
	}
	return fmt.Sprintf("%d connections in each of %d stages", n, len(stages)), nil
}

// announcedLengths tells of 8 MiB, after a logon, and sends little of it. (G8)
func announcedLengths(x *arena) (string, error) {
	n := x.times(1000)
	attack := func(n int) error {
		return each(n, 20, func(i int) error {
			p, err := x.logOn(i)
			if err != nil {
				return err
			}
			return p.write(announce(8<<20, []int{1, 100, 60_000}[i%3]))
		})
	}
	if err := attack(100); err != nil {
		return "", err
	}
	if err := x.begin(); err != nil {
		return "", err
	}
	if err := attack(n); err != nil {
		return "", err
	}
	time.Sleep(5 * time.Second)
	var held serverStat
	if err := x.pause(); err != nil {
		return "", err
	}
	if err := x.server.ask("stat", &held); err != nil {
		return "", err
	}
	if each := (held.Heap - x.before.Heap) / int64(n); each > 100<<10 {
		x.miss("%d KiB held for each", each>>10)
	} else {
		x.note("%d KiB held for each", each>>10)
	}
	return fmt.Sprintf("%d logons, 8 GiB announced of which 20 MB came", n), nil
}

// slowReaders ask for much and take nothing. (G8, G14)
func slowReaders(x *arena) (string, error) {
	if err := x.bigFile(); err != nil {
		return "", err
	}
	if err := x.begin(); err != nil {
		return "", err
	}
	const n, each8 = 64, 8
	began := time.Now()
	var dropped, slowest atomic.Int64
	var failed error
	go func() {
		failed = each(n, 8, func(i int) error {
			p, err := x.logOn(i)
			if err != nil {
				return err
			}
			p.nc.(*net.TCPConn).SetReadBuffer(4096)
			id, err := p.open(bigFile)
			if err == nil {
				err = p.wealth(each8 * 128)
			}
			for range each8 {
				if err == nil {
					err = p.send(p.message(smb2.CommandRead, 128, smb2.ReadRequest{FileID: id, Length: 8 << 20}))
				}
			}
			return err
		})
	}()
	var conns int
	for time.Since(began) < 45*time.Second {
		time.Sleep(500 * time.Millisecond)
		if err := x.server.ask("conns", &conns); err != nil {
			return "", err
		}
		if conns <= 2 && time.Since(began) > 5*time.Second {
			dropped.Store(n)
			slowest.Store(int64(time.Since(began)))
			break
		}
	}
	if failed != nil {
		return "", failed
	}
	if err := x.pause(); err != nil {
		return "", err
	}
	if dropped.Load() == 0 {
		x.miss("%d connections after 45 s (G14: each is dropped 30 s after its first reply)", conns)
	} else {
		x.note("all dropped after %.0f s", time.Duration(slowest.Load()).Seconds())
	}
	if x.peak > (1<<30)*11/10+(64<<20) {
		x.miss("RSS peak %d MiB, the budget is 1024 (G8)", x.peak>>20)
	}
	if most := x.quiet.P99 * 11 / 10; x.during.P99 > most {
		x.miss("honest p99 %s (G14: as before)", ms(x.during.P99))
	}
	return fmt.Sprintf("%d connections that ask for %d MiB each", n, each8*8), nil
}

// idleConnections looks what connections cost that do nothing. (G7)
func idleConnections(x *arena) (string, error) {
	for i := range 50 {
		if _, err := x.logOn(i); err != nil {
			return "", err
		}
	}
	if err := x.begin(); err != nil {
		return "", err
	}
	n := max(100, min(x.times(10_000), 15_000))
	if err := each(n, 32, func(i int) error { _, err := x.logOn(i); return err }); err != nil {
		return "", err
	}
	var busy, idle serverStat
	if err := x.pause(); err != nil {
		return "", err
	}
	x.honest.stop() // what it costs isn't wanted
	if err := x.server.ask("stat", &busy); err != nil {
		return "", err
	}
	const long = 20 * time.Second
	cpu := procCPU(x.pid())
	time.Sleep(long)
	cpu = procCPU(x.pid()) - cpu
	if err := x.server.ask("stat", &idle); err != nil {
		return "", err
	}
	heap, stack := (idle.Heap-x.before.Heap)/int64(n), (idle.Stack-x.before.Stack)/int64(n)
	x.note("%.1f KiB of heap and %.1f of stack each; RSS %d MiB, CPU %.1f %%", float64(heap)/1024, float64(stack)/1024,
		procValue(x.pid(), "VmRSS")>>20, 100*cpu.Seconds()/long.Seconds())
	if heap+stack > 64<<10 {
		x.miss("%d KiB for an idle connection (G7: 64)", (heap+stack)>>10)
	}
	if share := cpu.Seconds() / long.Seconds(); share > 0.01 {
		x.miss("%.1f %% CPU for nothing (G7: none)", 100*share)
	}
	// Go keeps what it needed once for goroutines and maps: only what a second time adds
	// is lost.
	x.leave()
	if err := x.alone(30 * time.Second); err != nil {
		return "", err
	}
	if err := x.server.ask("stat", &x.before); err != nil {
		return "", err
	}
	again := n / 2
	if err := each(again, 32, func(i int) error { _, err := x.logOn(i); return err }); err != nil {
		return "", err
	}
	return fmt.Sprintf("%d logons, then nothing for %v, and %d logons again", n, long, again), nil
}
