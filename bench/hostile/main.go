// Hostile attacks a server of its own, with the safe defaults of this module, while an
// honest client goes on, and prints what that did to both:
//
//	go run ./bench/hostile                  everything, about 6 minutes
//	go run ./bench/hostile -only names,idle
//	go run ./bench/hostile -scale 50        a million malformed exchanges per command
//
// It ends with 1 if a goal is missed. Linux only: memory and CPU time come from /proc, and
// the attackers have the addresses 127.0.1.1 to 127.0.1.100.
package main

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

func main() {
	var err error
	switch os.Getenv(kindVariable) {
	case "server":
		err = serverMain()
	case "honest":
		err = honestMain()
	case "attackers":
		err = run()
	default:
		os.Exit(apart())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "hostile:", err)
		os.Exit(1)
	}
}

// options is the command line.
type options struct {
	only    []string
	scale   float64
	profile string
}

func run() error {
	var o options
	only := flag.String("only", "", "the attacks, by commas; all if empty")
	flag.Float64Var(&o.scale, "scale", 1, "times as many requests")
	flag.StringVar(&o.profile, "profile", "", "directory for profiles of the server, of CPU during the attack and of the heap at its end")
	flag.Parse()
	for _, name := range strings.FieldsFunc(*only, func(r rune) bool { return r == ',' }) {
		if !slices.ContainsFunc(attacks, func(a attack) bool { return a.name == name }) {
			return fmt.Errorf("no attack is called %q; there are %s", name, names())
		}
		o.only = append(o.only, name)
	}
	// The attackers share the machine with the server and the honest client, and are not
	// to have all of it.
	runtime.GOMAXPROCS(1)
	giveWay()
	var done []*report
	missed := 0
	for _, a := range attacks {
		if len(o.only) > 0 && !slices.Contains(o.only, a.name) {
			continue
		}
		began := time.Now()
		r, err := carryOut(a, o)
		if err != nil {
			return fmt.Errorf("%s: %w", a.name, err)
		}
		done = append(done, r)
		missed += len(r.missed)
		fmt.Fprintf(os.Stderr, "%-11s %5.1f s  %s\n", a.name, time.Since(began).Seconds(), r.verdict())
	}
	printReports(done)
	if missed > 0 {
		return fmt.Errorf("%d goals missed", missed)
	}
	return nil
}

func names() string {
	var list []string
	for _, a := range attacks {
		list = append(list, a.name)
	}
	return strings.Join(list, " ")
}

func printReports(all []*report) {
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 1, ' ', 0)
	fmt.Fprintln(w, "| attack\t| sent\t| heap\t| goroutines\t| RSS peak\t| honest p50, p99 before\t| during\t| logon at most\t| verdict\t|")
	fmt.Fprintln(w, "| ---\t| ---\t| ---\t| ---\t| ---\t| ---\t| ---\t| ---\t| ---\t|")
	for _, r := range all {
		fmt.Fprintf(w, "| %s\t| %s\t| %+d KiB\t| %+d\t| %d MiB\t| %s, %s\t| %s, %s\t| %s\t| %s\t|\n", r.name, r.sent,
			(r.after.Heap-r.before.Heap)>>10, r.after.Goroutines-r.before.Goroutines, r.peak>>20,
			ms(r.quiet.P50), ms(r.quiet.P99), ms(r.during.P50), ms(r.during.P99), ms(r.during.LogonMax), r.verdict())
	}
	w.Flush()
}

func ms(d time.Duration) string { return fmt.Sprintf("%.1f ms", float64(d.Microseconds())/1000) }
