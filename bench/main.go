// Bench compares this server with Debian's smbd: both serve the same directory
// in memory, the same smbclient and the same load generator drive them in turns, and
// the medians and their ratios are printed as tables.
//
//	go run ./bench                          everything, about 25 minutes
//	go run ./bench -rounds 1 -size 256 -files 1000 -entries 5000 -operations 2000 -clients 100
//	go run ./bench -grow -peer none         how cost grows, about 5 minutes
//	go run ./bench -profile DIR -peer none  where the server spends its time
//
// It needs smbclient and the package samba (or smbd named by SMB_SMBD), and
// Linux: CPU seconds and memory come from /proc.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gosmbd/smb/internal/harness"
)

// options is the command line.
type options struct {
	sizeMiB int
	files   int
	entries int
	rounds  int

	operations int
	clients    int
	rate       float64

	modes []string
	peer  string
	dir   string
	only  string
	grow  bool

	profile string
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run() error {
	if len(os.Args) > 1 && os.Args[1] == limitPeer {
		return runLimitPeer(os.Args[2:])
	}
	o, err := parseFlags()
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp(o.dir, "smb-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	own, err := startOwn(o, dir)
	if err != nil {
		return err
	}
	if o.grow {
		return grow(os.Stdout, o, dir, own)
	}
	b, err := newBench(o, dir, own)
	if err != nil {
		return err
	}
	results := newResults()
	for round := range o.rounds {
		for _, p := range b.all() {
			if !strings.Contains(p.name, o.only) {
				continue
			}
			// In turns, so that a busy minute hits both, and each first as often as the other: who
			// comes second may find memory that the first used, which is cheaper.
			var took time.Duration
			for _, server := range b.order(round) {
				m, err := b.measure(server, p)
				if err != nil {
					return fmt.Errorf("%s, %s: %w", server.name, p.name, err)
				}
				results.add(p.name, server.name, m)
				if server.name == b.servers[0].name {
					took = m.wall
				}
				fmt.Fprintf(os.Stderr, "round %d: %-24s %-6s %7.2f s, server CPU %6.2f s, peak %4d MiB\n",
					round+1, p.name, server.name, m.wall.Seconds(), m.cpu.Seconds(), m.peak>>20)
			}
			m, ok, err := b.limit(p, took)
			if err != nil {
				return err
			}
			if ok {
				results.add(p.name, limitName, m)
			}
		}
	}
	results.print(os.Stdout, b.serverNames())
	return nil
}

func parseFlags() (*options, error) {
	o := &options{}
	var protections string
	flag.IntVar(&o.sizeMiB, "size", 2048, "`MiB` of the large file")
	flag.IntVar(&o.files, "files", 20000, "`number` of small files")
	flag.IntVar(&o.entries, "entries", 50000, "`number` of entries in the large directory")
	flag.IntVar(&o.operations, "operations", 20000, "`number` of operations of the load generator")
	flag.IntVar(&o.clients, "clients", 1000, "`number` of clients at once")
	flag.Float64Var(&o.rate, "rate", 0, "`reads` per second that are offered to clients who read when they like\n(default half of what 10 clients make of a server that wait for the answers)")
	flag.IntVar(&o.rounds, "rounds", 3, "`times` that everything is measured")
	flag.StringVar(&protections, "modes", "sign,encrypt", "protections of the large file: any of `off,cmac,sign,encrypt,gcm256,ccm`")
	flag.StringVar(&o.peer, "peer", "smbd", "`server` to compare with: smbd or none")
	flag.StringVar(&o.dir, "dir", "/dev/shm", "`directory` for the files; should be in memory")
	flag.StringVar(&o.only, "only", "", "only phases whose name contains this `text`")
	flag.BoolVar(&o.grow, "grow", false, "measure everything at a tenth of its size and at ten times it, too, and print what a unit of work costs")
	flag.StringVar(&o.profile, "profile", "", "write profiles of this server (CPU, mutex, block, allocs) into `directory`, those of each phase below a directory of its name")
	flag.Parse()
	if o.grow {
		if err := smaller(); err != nil {
			return nil, err
		}
	}
	o.modes = strings.Split(protections, ",")
	for _, mode := range o.modes {
		if modes[mode] == nil {
			return nil, fmt.Errorf("-modes has %q", mode)
		}
	}
	switch {
	case flag.NArg() > 0:
		return nil, fmt.Errorf("don't know what to do with %q", flag.Arg(0))
	case o.peer != "smbd" && o.peer != "none":
		return nil, errors.New("-peer is smbd or none")
	case min(o.sizeMiB, o.files, o.entries, o.operations, o.clients, o.rounds) < 1:
		return nil, errors.New("-size, -files, -entries, -operations, -clients and -rounds must be positive")
	}
	return o, nil
}

// startOwn builds the example server once and returns what starts it.
func startOwn(o *options, dir string) (starter, error) {
	var tags []string
	if o.profile != "" {
		tags = append(tags, "profile")
	}
	bin, err := harness.Build(dir, false, tags...)
	if err != nil {
		return nil, err
	}
	return func(cfg harness.Config) (*harness.Server, error) { return harness.Start(bin, cfg) }, nil
}

// startSamba starts smbd with its state in a fresh directory below dir.
func startSamba(dir string) starter {
	return func(cfg harness.Config) (*harness.Server, error) {
		state, err := os.MkdirTemp(dir, "smbd-")
		if err != nil {
			return nil, err
		}
		return harness.StartSamba(state, cfg)
	}
}

// write makes a file of size bytes that doesn't compress to nothing.
func write(path string, size int64) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	block := make([]byte, 1<<20)
	for i := range block {
		block[i] = byte(i*7 + i>>8)
	}
	for size > 0 {
		n := min(size, int64(len(block)))
		if _, err := f.Write(block[:n]); err != nil {
			return err
		}
		size -= n
	}
	return f.Close()
}

// writeTree makes n files of 1 KiB, a hundred to a directory.
func writeTree(top string, n int) error {
	data := make([]byte, 1024)
	for i := range n {
		dir := filepath.Join(top, fmt.Sprintf("d%03d", i/100))
		if i%100 == 0 {
			if err := os.MkdirAll(dir, 0o777); err != nil {
				return err
			}
		}
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("file%05d", i)), data, 0o666); err != nil {
			return err
		}
	}
	return nil
}
