package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/gosmbd/smb"
)

// attack is one way to be a nuisance.
type attack struct {
	name   string
	limits smb.Limits // where the defaults won't do
	lasts  bool       // what it left with the server stays for a while, by design
	crowds bool       // it has thousands of requests wait
	run    func(*arena) (sent string, err error)
}

var attacks = []attack{
	{name: "none", run: noAttack},
	{name: "halfopen", run: halfOpen},
	{name: "unfinished", limits: smb.Limits{Unauthenticated: 8192, AuthTimeout: time.Minute}, run: unfinished},
	{name: "lengths", run: announcedLengths},
	{name: "slowreaders", run: slowReaders},
	{name: "malformed", limits: smb.Limits{FailedLogonDelay: -1}, run: malformed},
	{name: "compounds", run: compounds},
	{name: "credits", run: creditAbuse},
	{name: "notify", crowds: true, run: notifyFlood},
	{name: "locks", crowds: true, run: lockFlood},
	{name: "pipes", crowds: true, run: abandonedReads},
	{name: "durable", lasts: true, run: durableHoard},
	{name: "opens", run: openHoard},
	{name: "names", run: hostileNames},
	{name: "patterns", run: hostilePatterns},
	{name: "guessing", lasts: true, run: guessing},
	{name: "users", limits: smb.Limits{FailedLogonDelay: -1}, run: userTiming},
	{name: "macs", limits: smb.Limits{FailedLogonDelay: -1}, run: macTiming},
	{name: "tags", run: tagTiming},
	{name: "idle", run: idleConnections},
}

// report is what an attack did.
type report struct {
	name, sent    string
	before, after serverStat
	quiet, during honestStat
	peak          int64
	missed        []string // goals
	notes         []string
}

func (r *report) verdict() string {
	text := "held"
	if len(r.missed) > 0 {
		text = "MISSED: " + strings.Join(r.missed, "; ")
	}
	if len(r.notes) > 0 {
		text += " (" + strings.Join(r.notes, "; ") + ")"
	}
	return text
}

// arena is where an attack takes place: a server of its own, and an honest client.
type arena struct {
	*report
	options
	attack attack
	addr   string
	dir    string // that the server shares; secret lies beside it
	server *child
	honest *child

	mu    sync.Mutex
	peers []*peer
}

const secretContent = "nobody on the network may read this"

func carryOut(a attack, o options) (*report, error) {
	top, err := os.MkdirTemp("/dev/shm", "smb-hostile-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(top)
	x := &arena{report: &report{name: a.name}, options: o, attack: a, dir: filepath.Join(top, "share")}
	err = errors.Join(
		os.Mkdir(x.dir, 0o777),
		os.WriteFile(filepath.Join(x.dir, honestFile), make([]byte, 64<<10), 0o666),
		os.WriteFile(filepath.Join(top, "secret"), []byte(secretContent), 0o666),
	)
	if err != nil {
		return nil, err
	}
	if x.server, err = startChild("server", serverConfig{Dir: x.dir, Limits: a.limits}, &x.addr); err != nil {
		return nil, err
	}
	defer x.server.stop()
	var ready string
	if x.honest, err = startChild("honest", x.addr, &ready); err != nil {
		return nil, err
	}
	defer x.honest.stop()
	defer x.leave()
	time.Sleep(500 * time.Millisecond)
	if x.sent, err = a.run(x); err != nil {
		return nil, err
	}
	return x.report, x.conclude(a)
}

// quietTime is how long the honest client is watched before an attack. It asks 200 times a second: of 2 s p99 would be the fourth
// longest time, which differs by a fifth from once to the next.
const quietTime = 10 * time.Second

// begin notes how things are before the attack, after it was rehearsed.
func (x *arena) begin() error {
	x.leave()
	if err := x.alone(30 * time.Second); err != nil {
		return err
	}
	var done string
	if x.attack.crowds {
		if err := x.server.ask("crowd", &done); err != nil {
			return err
		}
	}
	var drop honestStat
	if err := x.honest.ask("since", &drop); err != nil {
		return err
	}
	time.Sleep(quietTime)
	if err := x.honest.ask("since", &x.quiet); err != nil {
		return err
	}
	// The peak of memory is counted from here.
	os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", x.pid()), []byte("5"), 0)
	if err := x.server.ask("stat", &x.before); err != nil {
		return err
	}
	if x.profile != "" {
		if err := x.server.ask("busy "+x.profile, &done); err != nil {
			return err
		}
	}
	return x.honest.ask("since", &drop) // the collection may have held it up
}

func (x *arena) pid() int { return x.server.cmd.Process.Pid }

// noAttack shows what the machine does to the honest client without one.
func noAttack(x *arena) (string, error) {
	if err := x.begin(); err != nil {
		return "", err
	}
	const long = 10 * time.Second
	time.Sleep(long)
	return fmt.Sprintf("nothing for %v", long), nil
}

// pause ends what counts as the attack: a measurement may follow that isn't one.
func (x *arena) pause() error {
	if x.during.Ops > 0 {
		return nil
	}
	x.peak = procValue(x.pid(), "VmHWM")
	var done string
	if x.profile != "" {
		if err := x.server.ask("profile "+x.profile, &done); err != nil {
			return err
		}
	}
	return x.honest.ask("since", &x.during)
}

// conclude looks what the attack left.
func (x *arena) conclude(a attack) error {
	if err := x.pause(); err != nil {
		return err
	}
	x.leave()
	if err := x.alone(60 * time.Second); err != nil {
		x.miss("%v", err)
	}
	// Workers that wait for work end by themselves or not; timers may run out.
	for range 20 {
		if err := x.server.ask("stat", &x.after); err != nil {
			return err
		}
		if x.after.Heap-x.before.Heap < 1<<20 && x.after.Goroutines <= x.before.Goroutines || a.lasts {
			break
		}
		time.Sleep(500 * time.Millisecond)
	}
	if d := x.after.Heap - x.before.Heap; d >= 1<<20 && !a.lasts {
		x.miss("the heap grew by %d KiB (G12: 1 MiB)", d>>10)
	}
	if d := x.after.Goroutines - x.before.Goroutines; d > spareGoroutines {
		x.miss("%d goroutines more (G12)", d)
	}
	if x.after.Panics > 0 {
		x.miss("%d panics (G4)", x.after.Panics)
	}
	if x.during.Errors+x.during.LogonErrors > 0 {
		x.miss("the honest client failed %d times, its logon %d times: %s", x.during.Errors, x.during.LogonErrors, x.during.LastError)
	}
	if x.during.LogonMax > time.Second {
		x.miss("an honest logon took %s (G6: 1 s)", ms(x.during.LogonMax))
	}
	if x.during.P99 > time.Second {
		x.miss("honest p99 %s", ms(x.during.P99))
	}
	return nil
}

// spareGoroutines are the server's workers that wait for work, and what the honest client
// has under way.
const spareGoroutines = 64 + 6

// alone waits until only the honest client is connected.
func (x *arena) alone(limit time.Duration) error {
	var n int
	for end := time.Now().Add(limit); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if err := x.server.ask("conns", &n); err != nil {
			return err
		}
		if n <= 2 {
			return nil
		}
	}
	return fmt.Errorf("%d connections are still there after %v", n, limit)
}

func (x *arena) miss(format string, args ...any) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.missed = append(x.missed, fmt.Sprintf(format, args...))
}

func (x *arena) note(format string, args ...any) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.notes = append(x.notes, fmt.Sprintf(format, args...))
}

// times returns n, scaled, and at least 1.
func (x *arena) times(n int) int { return max(1, int(float64(n)*x.scale)) }

// keep has p closed when the attack is over.
func (x *arena) keep(p *peer) *peer {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.peers = append(x.peers, p)
	return p
}

// leave closes all peers.
func (x *arena) leave() {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, p := range x.peers {
		p.close()
	}
	x.peers = nil
}

// logOn is logOn of the attacker, whose connection is kept.
func (x *arena) logOn(from int) (*peer, error) {
	p, err := logOn(x.addr, from, attacker)
	if err != nil {
		return nil, err
	}
	return x.keep(p), nil
}

// each does something n times, at most so many at once, and returns the first error.
func each(n, atOnce int, do func(i int) error) error {
	var wg sync.WaitGroup
	var once sync.Once
	var failed error
	turn := make(chan struct{}, atOnce)
	for i := range n {
		turn <- struct{}{}
		wg.Go(func() {
			defer func() { <-turn }()
			if err := do(i); err != nil {
				once.Do(func() { failed = err })
			}
		})
	}
	wg.Wait()
	return failed
}
