package main

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/gosmbd/smb/bench/load"
)

// results holds all measurements by phase and server.
type results struct {
	phases []string
	runs   map[[2]string][]measurement
}

func newResults() *results { return &results{runs: make(map[[2]string][]measurement)} }

func (r *results) add(phase, server string, m measurement) {
	if !slices.Contains(r.phases, phase) {
		r.phases = append(r.phases, phase)
	}
	key := [2]string{phase, server}
	r.runs[key] = append(r.runs[key], m)
}

// print writes the medians, and the ratio of the first server to the second, as
// a table in Markdown.
func (r *results) print(w io.Writer, servers []string) {
	fmt.Fprintf(w, "%s, %s, %d CPUs (%s), TCP congestion control %s, load %s\n\n", time.Now().Format(time.DateOnly), runtime.Version(),
		runtime.NumCPU(), cpuModel(), firstWord("/proc/sys/net/ipv4/tcp_congestion_control"), firstWord("/proc/loadavg"))
	cost := []column{
		{"wall s", func(m measurement) float64 { return m.wall.Seconds() }},
		cpuSeconds,
		{"peak MiB", func(m measurement) float64 { return float64(m.peak) / (1 << 20) }},
	}
	r.table(w, servers, r.phases, cost)
	r.limits(w, servers[0])
	rate := []column{
		{"operations/s", func(m measurement) float64 { return float64(m.load.Operations) / m.load.Wall.Seconds() }},
		{"median ms", func(m measurement) float64 { return 1000 * m.load.Median.Seconds() }},
		{"p99 ms", func(m measurement) float64 { return 1000 * m.load.P99.Seconds() }},
	}
	r.tableOf(w, servers, rate, func(l load.Result) bool { return l.Wall > 0 })
	paced := []column{
		{"requests late by ms (p99)", func(m measurement) float64 { return 1000 * m.load.Late.Seconds() }},
	}
	r.tableOf(w, servers, paced, func(l load.Result) bool { return l.Late > 0 })
}

// limitName stands for the server in what the limit is measured to be.
const limitName = "limit"

// limits prints what the first server costs beside what it would at least.
func (r *results) limits(w io.Writer, server string) {
	phases := slices.DeleteFunc(slices.Clone(r.phases), func(p string) bool { return r.runs[[2]string{p, limitName}] == nil })
	if len(phases) > 0 {
		fmt.Fprintln(w)
		r.table(w, []string{server, limitName}, phases, []column{cpuSeconds})
	}
}

// tableOf prints the columns of the phases that have them, if any.
func (r *results) tableOf(w io.Writer, servers []string, columns []column, has func(load.Result) bool) {
	phases := slices.DeleteFunc(slices.Clone(r.phases), func(p string) bool { return !has(r.runs[[2]string{p, servers[0]}][0].load) })
	if len(phases) > 0 {
		fmt.Fprintln(w)
		r.table(w, servers, phases, columns)
	}
}

// column is a quantity that is printed.
type column struct {
	name  string
	value func(measurement) float64
}

var cpuSeconds = column{"CPU s", func(m measurement) float64 { return m.cpu.Seconds() }}

// table prints the columns of some phases.
func (r *results) table(w io.Writer, servers, phases []string, columns []column) {
	head := []string{"phase"}
	for _, c := range columns {
		for _, s := range servers {
			head = append(head, s+" "+c.name)
		}
		if len(servers) > 1 {
			head = append(head, "ratio")
		}
	}
	fmt.Fprintf(w, "| %s |\n|%s\n", strings.Join(head, " | "), strings.Repeat(" --- |", len(head)))
	for _, p := range phases {
		row := []string{p}
		for _, c := range columns {
			var medians []float64
			for _, s := range servers {
				medians = append(medians, median(r.runs[[2]string{p, s}], c.value))
				row = append(row, fmt.Sprintf("%.2f", medians[len(medians)-1]))
			}
			if len(medians) > 1 {
				row = append(row, fmt.Sprintf("%.2f", medians[0]/medians[1]))
			}
		}
		fmt.Fprintf(w, "| %s |\n", strings.Join(row, " | "))
	}
}

func median(runs []measurement, value func(measurement) float64) float64 {
	if len(runs) == 0 {
		return 0
	}
	sorted := slices.SortedFunc(slices.Values(runs), func(a, b measurement) int { return cmp.Compare(value(a), value(b)) })
	n := len(sorted)
	return (value(sorted[(n-1)/2]) + value(sorted[n/2])) / 2
}

func cpuModel() string {
	data, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(data)) {
		if name, ok := strings.CutPrefix(line, "model name"); ok {
			return strings.TrimSpace(strings.TrimLeft(name, "\t :"))
		}
	}
	return "unknown"
}

// firstWord returns the first word in a file of the system's.
func firstWord(file string) string {
	data, _ := os.ReadFile(file)
	words := strings.Fields(string(data))
	if len(words) == 0 {
		return "unknown"
	}
	return words[0]
}
