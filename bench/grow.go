package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// How cost grows with the work: what costs more per unit at ten times the size does
// something with each unit that it should do once, or that has to do with all others.

// sizes are those that everything is measured at, in tenths of what was asked for.
var sizes = []struct {
	tenths int
	name   string
}{{1, "1/10"}, {10, "1"}, {100, "10"}}

// smaller sets the flags that were not given to sizes of which there can be ten times as
// much. A user may have 7,500 files open on a server that may have 20,000 descriptors.
func smaller() error {
	given := make(map[string]bool)
	flag.Visit(func(f *flag.Flag) { given[f.Name] = true })
	for name, value := range map[string]int{"size": 128, "files": 1000, "entries": 10000, "operations": 10000, "clients": 700, "rounds": 1} {
		if given[name] {
			continue
		}
		if err := flag.Set(name, strconv.Itoa(value)); err != nil {
			return err
		}
	}
	return nil
}

// scaled returns o with all that has a size at tenths of it.
func (o *options) scaled(tenths int) *options {
	s := *o
	for _, n := range []*int{&s.sizeMiB, &s.files, &s.entries, &s.operations, &s.clients} {
		*n = max(1, *n*tenths/10)
	}
	return &s
}

// grow measures everything at several sizes, and prints what a unit of work costs.
func grow(w io.Writer, o *options, dir string, own starter) error {
	costs := &costs{results: make(map[int]*results), phases: (&bench{o: o}).all()}
	for i, size := range sizes {
		if err := costs.measure(o.scaled(size.tenths), filepath.Join(dir, strconv.Itoa(i)), own, i); err != nil {
			return fmt.Errorf("at %s of the size: %w", size.name, err)
		}
	}
	costs.print(w)
	return nil
}

// costs are those of a unit of work.
type costs struct {
	servers []string
	phases  []phase          // at the size that was asked for
	results map[int]*results // by size
}

// measure measures everything at one of the sizes.
func (c *costs) measure(o *options, dir string, own starter, size int) error {
	r := newResults()
	c.results[size] = r
	fits := func(what string) bool {
		need, free := o.needs(), min(freeBytes(o.dir), availableMemory())
		if need > free {
			fmt.Fprintf(os.Stderr, "%s at %s of the size: left out, it takes %d MiB, and %d are free\n", what, sizes[size].name, need>>20, free>>20)
		}
		return need <= free
	}
	noLarge := !fits("what counts in MiB")
	if noLarge {
		o.sizeMiB = 10
		if !fits("all else") {
			return nil
		}
	}
	defer os.RemoveAll(dir)
	b, err := newBench(o, dir, own)
	if err != nil {
		return err
	}
	c.servers = b.serverNames()
	for range o.rounds {
		for i, p := range b.all() {
			for _, server := range b.servers {
				if !strings.Contains(c.phases[i].name, o.only) || noLarge && p.unit == "MiB" {
					continue
				}
				if why := p.tooMuch(server.name); why != "" {
					fmt.Fprintf(os.Stderr, "%s, %s: left out, %s\n", p.name, server.name, why)
					continue
				}
				m, err := b.measure(server, p)
				if err != nil {
					return fmt.Errorf("%s, %s: %w", server.name, p.name, err)
				}
				fmt.Fprintf(os.Stderr, "%-40s %-6s %7.2f s, server CPU %6.2f s\n", p.name, server.name, m.wall.Seconds(), m.cpu.Seconds())
				m.work = p.work
				r.add(strconv.Itoa(i), server.name, m)
			}
		}
	}
	return nil
}

// needs returns how many bytes of files there will be at most, and some to spare.
func (o *options) needs() int64 {
	const ( // with what the system has for each
		smallFile = 8 << 10
		entry     = 2 << 10
		spare     = 1 << 30
	)
	return 2*int64(o.sizeMiB)<<20 + int64(3*o.files+o.operations)*smallFile + int64(o.entries)*entry + spare
}

// tooMuch returns why a server can't have as many clients.
func (p phase) tooMuch(server string) string {
	// What is given to one user of this server is at most three quarters of half of what
	// descriptors there are.
	if most := descriptors() * 3 / 8; p.readers > most {
		return fmt.Sprintf("%d readers need more than %d descriptors", p.readers, descriptors())
	}
	if most := descriptors() - 100; p.clients > most {
		return fmt.Sprintf("%d clients need more than %d descriptors", p.clients, descriptors())
	}
	each := int64(128 << 10)
	if server == "smbd" {
		each = 4 << 20 // a process, as far as it shares nothing
	}
	if need, free := int64(max(p.clients, p.readers))*each, availableMemory(); need > free {
		return fmt.Sprintf("%d clients need %d MiB, and %d are free", max(p.clients, p.readers), need>>20, free>>20)
	}
	return ""
}

// print writes a table for each server.
func (c *costs) print(w io.Writer) {
	quantities := []column{
		{"CPU µs", func(m measurement) float64 { return float64(m.cpu.Microseconds()) / float64(m.work) }},
		{"wall µs", func(m measurement) float64 { return float64(m.wall.Microseconds()) / float64(m.work) }},
		{"peak MiB", func(m measurement) float64 { return float64(m.peak) / (1 << 20) }},
	}
	for _, server := range c.servers {
		head := []string{server, "unit"}
		for _, q := range quantities {
			for _, s := range sizes {
				head = append(head, q.name+" at "+s.name)
			}
			head = append(head, "ratio")
		}
		fmt.Fprintf(w, "| %s |\n|%s\n", strings.Join(head, " | "), strings.Repeat(" --- |", len(head)))
		for i, p := range c.phases {
			if row := c.row(server, i, quantities); row != nil {
				fmt.Fprintf(w, "| %s | %s | %s |\n", p.name, p.unit, strings.Join(row, " | "))
			}
		}
		fmt.Fprintln(w)
	}
}

// row returns the cells of a phase, the last of each quantity being the ratio of the
// largest size to the one that was asked for; nil: it wasn't measured.
func (c *costs) row(server string, phase int, quantities []column) (cells []string) {
	measured := 0
	for _, q := range quantities {
		var values []float64
		for i := range sizes {
			runs := c.results[i].runs[[2]string{strconv.Itoa(phase), server}]
			measured += len(runs)
			values = append(values, median(runs, q.value))
			cells = append(cells, cell(values[i]))
		}
		cells = append(cells, cell(values[2]/values[1]))
	}
	if measured == 0 {
		return nil
	}
	return cells
}

// cell prints what there is.
func cell(x float64) string {
	if x > 0 && x < 1e12 {
		return fmt.Sprintf("%.2f", x)
	}
	return "-"
}
