package main

import (
	_ "embed"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/gosmbd/smb/bench/load"
	"github.com/gosmbd/smb/internal/harness"
)

const (
	userName = "bench"
	password = "bench-password"
)

// bench is the material and the servers.
type bench struct {
	o       *options
	share   string // what both servers serve
	local   string // the client's side
	conf    string // of smbclient
	servers []candidate
	rates   map[string]float64 // by server, what is offered to it in a second
}

// candidate is a server to measure.
type candidate struct {
	name  string
	start starter
}

// starter starts a server.
type starter func(harness.Config) (*harness.Server, error)

// modes are the ways to protect what is sent: what smbclient is told.
var modes = map[string][]string{
	"off":     {"--client-protection=off"},
	"cmac":    {"--client-protection=sign", "--option=client smb3 signing algorithms=AES-128-CMAC"},
	"sign":    {"--client-protection=sign"}, // with AES-128-GMAC
	"encrypt": {"--client-protection=encrypt", "--option=client smb3 encryption algorithms=AES-128-GCM"},
	"gcm256":  {"--client-protection=encrypt", "--option=client smb3 encryption algorithms=AES-256-GCM"},
	"ccm":     {"--client-protection=encrypt", "--option=client smb3 encryption algorithms=AES-128-CCM"},
}

// encrypted are those that encrypt. The server insists on it then, for libsmbclient doesn't encrypt of its own accord,
// whatever its configuration says.
var encrypted = []string{"encrypt", "gcm256", "ccm"}

// phase is one thing that is measured.
type phase struct {
	name     string
	work     int    // how much of it there is
	unit     string // in which work counts
	mode     string
	large    bool                      // it moves the large file
	get      bool                      // to the client
	inPlace  bool                      // over what is there, by overwrite.py instead of smbclient
	commands string                    // for smbclient
	drive    drive                     // instead of smbclient
	paced    bool                      // the drive needs target.rate
	clients  int                       // that it opens besides, if they are many
	readers  int                       // the same, with a file open each
	prepare  func() error              // before it
	check    func(output string) error // after it
	clean    func() error              // after that
}

func newBench(o *options, dir string, own starter) (*bench, error) {
	b := &bench{o: o, rates: make(map[string]float64), share: filepath.Join(dir, "share"), local: filepath.Join(dir, "local")}
	for _, d := range []string{b.share, b.local, filepath.Join(b.share, "many"), filepath.Join(b.local, "back")} {
		if err := os.MkdirAll(d, 0o777); err != nil {
			return nil, err
		}
	}
	size := b.bigSize()
	if err := write(filepath.Join(b.share, "big"), size); err != nil {
		return nil, err
	}
	if err := os.Link(filepath.Join(b.share, "big"), filepath.Join(b.local, "big")); err != nil {
		return nil, err
	}
	for _, top := range []string{b.share, b.local} {
		if err := writeTree(filepath.Join(top, "tree"), o.files); err != nil {
			return nil, err
		}
	}
	for i := range o.entries {
		if err := os.WriteFile(filepath.Join(b.share, "many", fmt.Sprintf("an entry with number %d", i)), nil, 0o666); err != nil {
			return nil, err
		}
	}
	b.conf = filepath.Join(dir, "smb.conf")
	conf := "[global]\n\tclient min protocol = SMB2_02\n"
	for _, d := range []string{"private dir", "lock directory", "state directory", "cache directory", "pid directory"} {
		conf += fmt.Sprintf("\t%s = %s\n", d, b.local)
	}
	if err := os.WriteFile(b.conf, []byte(conf), 0o600); err != nil {
		return nil, err
	}
	b.servers = []candidate{{"own", own}}
	if o.peer == "smbd" {
		b.servers = append(b.servers, candidate{"smbd", startSamba(dir)})
	}
	return b, nil
}

// order returns the servers in the order in which a round measures them.
func (b *bench) order(round int) []candidate {
	order := slices.Clone(b.servers)
	if round%2 == 1 {
		slices.Reverse(order)
	}
	return order
}

func (b *bench) serverNames() []string {
	var names []string
	for _, s := range b.servers {
		names = append(names, s.name)
	}
	return names
}

// all returns what is measured, in order.
func (b *bench) all() []phase { return append(b.phases(), b.drives()...) }

// phases returns the phases with smbclient.
func (b *bench) phases() []phase {
	size := b.bigSize()
	var all []phase
	for _, mode := range b.o.modes {
		// It is there, and as long, before each: pages of memory that nobody used for a while can
		// cost twice as much as all the rest.
		put := filepath.Join(b.share, "put")
		all = append(all, phase{
			name:     fmt.Sprintf("get %d MiB, %s", b.o.sizeMiB, mode),
			mode:     mode,
			large:    true,
			get:      true,
			work:     b.o.sizeMiB,
			unit:     "MiB",
			commands: "get big /dev/null",
		}, phase{
			name:     fmt.Sprintf("put %d MiB, %s", b.o.sizeMiB, mode),
			mode:     mode,
			large:    true,
			work:     b.o.sizeMiB,
			unit:     "MiB",
			commands: "put " + filepath.Join(b.local, "big") + " put",
			prepare:  func() error { return write(put, size) },
			check:    func(string) error { return wantSize(put, size) },
			clean:    func() error { return os.Remove(put) },
		}, phase{
			name:    fmt.Sprintf("overwrite %d MiB, %s", b.o.sizeMiB, mode),
			mode:    mode,
			large:   true,
			inPlace: true,
			work:    b.o.sizeMiB,
			unit:    "MiB",
			prepare: func() error { return write(put, size) },
			check:   func(string) error { return wantOverwritten(put, size) },
			clean:   func() error { return os.Remove(put) },
		})
	}
	back, up := filepath.Join(b.local, "back"), filepath.Join(b.share, "up")
	return append(all, phase{
		name:     fmt.Sprintf("put %d files", b.o.files),
		mode:     "sign",
		work:     b.o.files,
		unit:     "file",
		commands: `mkdir up; cd up; lcd ` + b.local + `; prompt; recurse; mask ""; mput tree`,
		check:    func(string) error { return wantFiles(filepath.Join(up, "tree"), b.o.files) },
		clean:    func() error { return os.RemoveAll(up) },
	}, phase{
		name:     fmt.Sprintf("get %d files", b.o.files),
		mode:     "sign",
		work:     b.o.files,
		unit:     "file",
		commands: "lcd " + back + `; prompt; recurse; mask ""; mget tree`,
		check:    func(string) error { return wantFiles(filepath.Join(back, "tree"), b.o.files) },
		clean:    func() error { return os.RemoveAll(filepath.Join(back, "tree")) },
	}, phase{
		name:     fmt.Sprintf("list %d entries", b.o.entries),
		mode:     "sign",
		work:     b.o.entries,
		unit:     "entry",
		commands: `ls many\*`,
		check: func(out string) error {
			if n := strings.Count(out, "an entry with number"); n != b.o.entries {
				return fmt.Errorf("%d entries listed, want %d", n, b.o.entries)
			}
			return nil
		},
	})
}

func (b *bench) bigSize() int64 { return int64(b.o.sizeMiB) << 20 }

// measure starts the server afresh, so that memory is that of the phase, and
// runs the phase.
func (b *bench) measure(c candidate, p phase) (measurement, error) {
	profiled := b.o.profile != "" && c.name == "own"
	if profiled {
		if err := b.profileDir(p); err != nil {
			return measurement{}, err
		}
	}
	if p.prepare != nil {
		if err := p.prepare(); err != nil {
			return measurement{}, err
		}
	}
	share := harness.Share{Name: "share", Dir: b.share}
	if slices.Contains(encrypted, p.mode) {
		share.Options = []string{"encrypt"}
	}
	srv, err := c.start(harness.Config{
		Shares: []harness.Share{share},
		Users:  []harness.User{{Name: userName, Password: password}},
		Args:   []string{"-signing", "offered"},
	})
	if err != nil {
		return measurement{}, err
	}
	defer srv.Stop()
	if p.drive != nil {
		return b.measureDrive(srv, c.name, profiled, p)
	}
	cmd := b.client(srv, p)
	cmd.Dir = b.local
	stop, err := b.observe(srv, profiled)
	if err != nil {
		return measurement{}, err
	}
	start := time.Now()
	out, err := cmd.CombinedOutput()
	took := time.Since(start)
	m, stopErr := stop()
	m.wall = took
	if stopErr != nil {
		return m, stopErr
	}
	if err != nil {
		return m, fmt.Errorf("%v: %s", err, lastLine(string(out)))
	}
	if p.check != nil {
		if err := p.check(string(out)); err != nil {
			return m, fmt.Errorf("%v: %s", err, lastLine(string(out)))
		}
	}
	if p.clean != nil {
		return m, p.clean()
	}
	return m, nil
}

//go:embed overwrite.py
var overwrite string

// client returns the program that drives srv, which isn't the load generator.
func (b *bench) client(srv *harness.Server, p phase) *exec.Cmd {
	port := strconv.Itoa(srv.Port)
	if p.inPlace {
		url := fmt.Sprintf("smb://%s:%s/share/put", harness.Host, port)
		return exec.Command("python3", "-c", overwrite, b.conf, url, userName, password, p.mode, strconv.Itoa(b.o.sizeMiB))
	}
	args := append([]string{"-s", b.conf, "-p", port, "-U", userName + "%" + password}, modes[p.mode]...)
	return exec.Command("smbclient", append(args, "//"+harness.Host+"/share", "-c", p.commands)...)
}

// observe begins to count what srv uses, and to profile it if profiled is set; stop ends
// that.
func (b *bench) observe(srv *harness.Server, profiled bool) (stop func() (measurement, error), err error) {
	if profiled {
		if err := signalProfile(srv, "profiling"); err != nil {
			return nil, err
		}
	}
	watch := watchProcess(srv.PID())
	return func() (measurement, error) {
		m := watch.stop()
		if profiled {
			return m, signalProfile(srv, "profiled")
		}
		return m, nil
	}, nil
}

// measureDrive runs a phase of the load generator.
func (b *bench) measureDrive(srv *harness.Server, name string, profiled bool, p phase) (measurement, error) {
	var dialed atomic.Uint32
	dial := func() (*load.Client, error) {
		// Servers bound how many connections an address may have.
		from := net.IPv4(127, 0, 1, byte(1+dialed.Add(1)/1000))
		return load.DialFrom(from, srv.Addr(), "share", userName, password)
	}
	c, err := dial()
	if err != nil {
		return measurement{}, err
	}
	defer c.Close()
	t := &target{bench: b, c: c, dial: dial, begin: func() error { return nil }}
	if p.paced {
		if t.rate, err = b.rate(name, t); err != nil {
			return measurement{}, err
		}
	}
	var stop func() (measurement, error)
	var start time.Time
	t.begin = func() (err error) {
		stop, err = b.observe(srv, profiled)
		start = time.Now()
		return err
	}
	r, err := p.drive(t)
	if err != nil {
		return measurement{}, err
	}
	took := time.Since(start)
	m, err := stop()
	m.wall, m.load = took, r
	if r.Wall > 0 {
		m.wall = r.Wall
	}
	return m, err
}

// rate returns how many reads per second a server is offered: the same to few clients and
// to many. If none is given, half of what few make of it that wait for the answers.
func (b *bench) rate(name string, t *target) (float64, error) {
	if b.o.rate > 0 {
		return b.o.rate, nil
	}
	if b.rates[name] == 0 {
		r, err := readMany(few, b.o.operations)(t)
		if err != nil {
			return 0, err
		}
		b.rates[name] = float64(r.Operations) / r.Wall.Seconds() / 2
	}
	return b.rates[name], nil
}

func lastLine(s string) string {
	s = strings.TrimSpace(s)
	return s[strings.LastIndexByte(s, '\n')+1:]
}

func wantSize(path string, size int64) error {
	info, err := os.Stat(path)
	if err == nil && info.Size() != size {
		err = fmt.Errorf("%d bytes arrived, want %d", info.Size(), size)
	}
	return err
}

// wantOverwritten checks that a file ends as overwrite.py has it, which isn't as write does.
func wantOverwritten(path string, size int64) error {
	if err := wantSize(path, size); err != nil {
		return err
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	end := make([]byte, 1024)
	if _, err := f.ReadAt(end, size-int64(len(end))); err != nil {
		return err
	}
	for i, b := range end {
		if b != byte(i) {
			return fmt.Errorf("the file wasn't overwritten: byte %d before the end is %#x", len(end)-i, b)
		}
	}
	return nil
}

func wantFiles(top string, want int) error {
	n := 0
	err := filepath.WalkDir(top, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			n++
		}
		return err
	})
	if err == nil && n != want {
		err = fmt.Errorf("%d files arrived, want %d", n, want)
	}
	return err
}
