package oplock

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "rewrite the expected output in testdata")

// TestScripts runs the histories in testdata. A line is a verb with its
// arguments; indented lines beneath it are what comes of it.
//
//	open NAME [lease=KEY:STATE] [oplock=LEVEL] [v2] [epoch=N] [parent=KEY] [client=N]
//	          [access=MASK] [overwrite] [share=MASK] [dir] [doomed]
//	read|write|size|lock|rename|replace|delete|security|rename-parent|change NAME
//	ack NAME STATE-or-LEVEL      the client of NAME answers
//	ack-lease KEY STATE          as somebody without an open does
//	close|overrule|cancel NAME
//	file NAME                    what follows is about this file
//	tick DURATION                time passes, late clients are overruled
//	locked|deleted yes|no
//	show                         what the opens of the file have
//
// An operation that has to wait is tried again when its channel is closed.
func TestScripts(t *testing.T) {
	paths, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(paths) == 0 {
		t.Fatal("no scripts", err)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txt"), func(t *testing.T) {
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			got := runScript(string(want))
			if *update {
				if err := os.WriteFile(path, got, 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if !bytes.Equal(got, want) {
				t.Errorf("%s differs; got:\n%s", path, diff(string(want), string(got)))
			}
		})
	}
}

// diff shows the first line that differs, with what comes before.
func diff(want, got string) string {
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i := range g {
		if i >= len(w) || w[i] != g[i] {
			from := max(0, i-6)
			return strings.Join(g[from:i+1], "\n") + fmt.Sprintf("   <-- line %d", i+1)
		}
	}
	return "less than expected"
}

// machine runs a script.
type machine struct {
	out     strings.Builder
	now     time.Time
	table   Table
	files   map[string]*File
	f       *File
	opens   map[string]*scriptOpen
	order   []string
	waiting []*waiter
}

type scriptOpen struct {
	name  string
	h     *Holder
	f     *File
	share uint32
	in    bool
}

// denies reports whether p doesn't share what o does. [MS-FSA] 2.1.5.1.2.2
func (p *scriptOpen) denies(o *scriptOpen) bool {
	const read, write, del = 0x21, 0x6, 0x10000
	if p.h.access&(read|write|del) == 0 {
		return false
	}
	return p.share&1 == 0 && o.h.access&read != 0 ||
		p.share&2 == 0 && o.h.access&write != 0 ||
		p.share&4 == 0 && o.h.access&del != 0
}

type waiter struct {
	who  string
	try  func() (<-chan struct{}, string)
	wait <-chan struct{}
}

func runScript(src string) []byte {
	m := &machine{now: time.Unix(0, 0), files: map[string]*File{}, opens: map[string]*scriptOpen{}}
	m.file("f")
	for line := range strings.Lines(src) {
		line = strings.TrimRight(line, "\n")
		if strings.HasPrefix(line, "\t") {
			continue
		}
		fmt.Fprintln(&m.out, line)
		if f := strings.Fields(line); len(f) > 0 && f[0][0] != '#' {
			m.do(f[0], f[1:])
			m.retry()
		}
	}
	return []byte(m.out.String())
}

func (m *machine) say(format string, a ...any) {
	fmt.Fprintf(&m.out, "\t"+format+"\n", a...)
}

func (m *machine) file(name string) {
	if m.files[name] == nil {
		m.files[name] = &File{Ref: name}
	}
	m.f = m.files[name]
}

var ops = map[string]Op{
	"read": OpRead, "write": OpWrite, "size": OpSetSize, "lock": OpLock, "rename": OpRename,
	"replace": OpReplace, "delete": OpDelete, "security": OpSetSecurity,
	"rename-parent": OpRenameParent, "change": OpChangeEntry,
}

func (m *machine) do(verb string, args []string) {
	arg := func(i int) string {
		if i < len(args) {
			return args[i]
		}
		return ""
	}
	o := m.opens[arg(0)]
	if op, ok := ops[verb]; ok {
		m.operate(verb, arg(0), o, op)
		return
	}
	switch verb {
	case "open":
		m.open(arg(0), args[1:])
	case "file":
		m.file(arg(0))
	case "close":
		o.f.Close(&m.table, o.h)
		o.in = false
	case "overrule":
		o.f.Overrule(o.h)
	case "cancel":
		for i, w := range m.waiting {
			if w.who == arg(0) {
				m.waiting = append(m.waiting[:i], m.waiting[i+1:]...)
				break
			}
		}
	case "tick":
		d, _ := time.ParseDuration(arg(0))
		m.now = m.now.Add(d)
		for _, h := range m.f.Expire(m.now) {
			m.say("%v is overruled", h.Owner())
		}
		if t, ok := m.f.Deadline(); ok {
			m.say("next in %v", t.Sub(m.now))
		}
	case "locked":
		m.f.Locked = arg(0) == "yes"
	case "deleted":
		m.f.Deleted = arg(0) == "yes"
	case "ack":
		m.ack(o, arg(1))
	case "ack-lease":
		m.ackLease(key(arg(0)), key("1"), parseState(arg(1)))
	case "show":
		for _, name := range m.order {
			if o := m.opens[name]; o.in && o.f == m.f {
				m.say("%s has %s", name, granted(o.h.Granted()))
			}
		}
	default:
		m.say("unknown verb")
	}
}

// check runs an operation until it need not wait.
func (m *machine) attempt(who string, try func() (<-chan struct{}, string)) {
	wait, result := try()
	if wait != nil {
		m.say("%s waits", who)
		m.waiting = append(m.waiting, &waiter{who, try, wait})
		return
	}
	m.say("%s", result)
}

func (m *machine) retry() {
	for again := true; again; {
		again = false
		for i, w := range m.waiting {
			select {
			case <-w.wait:
			default:
				continue
			}
			m.waiting = append(m.waiting[:i:i], m.waiting[i+1:]...)
			m.attempt(w.who, w.try)
			again = true
			break
		}
	}
}

func (m *machine) operate(verb, who string, o *scriptOpen, op Op) {
	var h *Holder
	if o != nil {
		h = o.h
	}
	f := m.f
	m.attempt(who, func() (<-chan struct{}, string) {
		breaks, wait := f.Check(m.now, h, op)
		m.sayBreaks(breaks)
		return wait, verb + " goes on"
	})
}

func (m *machine) open(name string, opts []string) {
	o := &scriptOpen{name: name, f: m.f, share: 7}
	r := Request{Owner: name, Access: 3}
	client, version, epoch := key("1"), 1, 0
	overwrite := false
	for _, opt := range opts {
		k, v, _ := strings.Cut(opt, "=")
		switch k {
		case "lease":
			lk, s, _ := strings.Cut(v, ":")
			r.Level = Lease
			r.Lease = &LeaseRequest{Key: key(lk), State: parseState(s)}
		case "oplock":
			r.Level = parseLevel(v)
		case "v2":
			version = 2
		case "epoch":
			epoch, _ = strconv.Atoi(v)
		case "parent":
			r.Lease.Parent, r.Lease.HasParent = key(v), true
		case "client":
			client = key(v)
		case "access":
			n, _ := strconv.ParseUint(v, 0, 32)
			r.Access = uint32(n)
		case "overwrite":
			overwrite = true
		case "share":
			n, _ := strconv.ParseUint(v, 0, 32)
			o.share = uint32(n)
		case "dir":
			r.Directory = true
		case "doomed":
			r.DeleteOnClose = true
		default:
			m.say("unknown option %s", opt)
		}
	}
	if r.Lease != nil {
		r.Lease.Client, r.Lease.Version, r.Lease.Epoch = client, version, uint16(epoch)
	}
	o.h = NewHolder(r)
	m.opens[name] = o
	m.order = append(m.order, name)
	m.attempt(name, func() (<-chan struct{}, string) { return m.tryOpen(o, overwrite) })
}

func (m *machine) tryOpen(o *scriptOpen, overwrite bool) (<-chan struct{}, string) {
	conflict := false
	for _, p := range m.opens {
		if p.in && p.f == o.f && (p.denies(o) || o.denies(p)) {
			conflict = true
		}
	}
	breaks, wait := o.f.CheckOpen(m.now, o.h, overwrite, conflict)
	m.sayBreaks(breaks)
	switch {
	case wait != nil:
		return wait, ""
	case conflict:
		return nil, o.name + " violates share modes"
	}
	g, err := o.f.Grant(&m.table, o.h)
	if err != nil {
		return nil, err.Error()
	}
	o.in = true
	return nil, o.name + " gets " + granted(g)
}

func (m *machine) ack(o *scriptOpen, what string) {
	if o.h.level == Lease {
		m.ackLease(o.h.lease.Key, o.h.lease.Client, parseState(what))
		return
	}
	g, breaks, err := o.f.AckOplock(m.now, o.h, parseLevel(what))
	m.sayAck(g, breaks, err)
}

func (m *machine) ackLease(k, client Key, s State) {
	f := m.table.Find(client, k)
	if f == nil {
		m.say("%v", ErrNoLease)
		return
	}
	g, breaks, err := f.AckLease(m.now, client, k, s)
	m.sayAck(g, breaks, err)
}

func (m *machine) sayAck(g Granted, breaks []Break, err error) {
	if err != nil {
		m.say("%v", err)
	} else {
		m.say("acknowledged: %s", granted(g))
	}
	m.sayBreaks(breaks)
}

func (m *machine) sayBreaks(breaks []Break) {
	for _, b := range breaks {
		ack := ""
		if b.AckRequired {
			ack = ", to be answered"
		}
		if b.Lease {
			if b.Epoch != 0 {
				ack += fmt.Sprintf(", epoch %d", b.Epoch)
			}
			m.say("break %v: lease %s from %s to %s%s", b.Owners, keyName(b.Key), b.From.String(), b.To.String(), ack)
		} else {
			m.say("break %v: oplock to %s%s", b.Owners, b.Level.String(), ack)
		}
	}
}

func granted(g Granted) string {
	s := g.Level.String()
	if g.Level == Lease {
		s = "lease " + g.State.String()
		if g.Version == 2 {
			s += fmt.Sprintf(", epoch %d", g.Epoch)
		}
		if g.HasParent {
			s += ", parent " + keyName(g.Parent)
		}
	}
	if g.Breaking {
		s += ", breaking"
	}
	return s
}

func parseLevel(s string) Level {
	for _, l := range []Level{None, II, Exclusive, Batch, Lease} {
		if l.String() == s {
			return l
		}
	}
	return 0x42
}

func parseState(s string) State {
	var st State
	for _, c := range s {
		switch c {
		case 'R':
			st |= Read
		case 'W':
			st |= Write
		case 'H':
			st |= Handle
		}
	}
	return st
}

func key(s string) (k Key) {
	copy(k[:], s)
	return k
}

func keyName(k Key) string { return string(bytes.TrimRight(k[:], "\x00")) }
