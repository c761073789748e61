package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/gosmbd/smb"
	"github.com/gosmbd/smb/oplock"
)

// reportStatus prints the status at every interval, unless that is zero, and
// whenever the user asks for it with a signal.
func reportStatus(ctx context.Context, srv *smb.Server, interval time.Duration) {
	var tick <-chan time.Time
	if interval > 0 {
		t := time.NewTicker(interval)
		defer t.Stop()
		tick = t.C
	}
	asked := statusSignal()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick:
		case <-asked:
		}
		printStatus(os.Stderr, srv)
	}
}

// printStatus lists who is there and what is open.
func printStatus(w io.Writer, srv *smb.Server) {
	now := time.Now()
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	n := 0
	for s := range srv.Sessions() {
		if n++; n == 1 {
			fmt.Fprintln(t, "session\tuser\tfrom\tdialect\tprotection\tsince\tidle\tshares\topen")
		}
		fmt.Fprintf(t, "%x\t%v\t%v\t%s\t%s\t%s\t%v\t%s\t%d\n", s.ID, s.Caller, s.Peer, dialectName(s.Dialect), protection(s),
			s.Started.Format("15:04:05"), now.Sub(s.Used).Round(time.Second), strings.Join(s.Shares, ","), s.Opens)
	}
	opens := 0
	for o := range srv.Opens() {
		if opens++; opens == 1 {
			fmt.Fprintln(t, "\nuser\tshare\tpath\taccess\tcaching\tkept\tlocks\tsince")
		}
		path := o.Path
		if o.Directory {
			path += "/"
		}
		fmt.Fprintf(t, "%v\t%s\t%q\t%#x\t%s\t%s\t%d\t%s\n", o.Caller, o.Share, path, uint32(o.Access), caching(o), kept(o), o.Locks, o.Opened.Format("15:04:05"))
	}
	fmt.Fprintf(t, "\n%d sessions, %d open files\n", n, opens)
	t.Flush()
}

func protection(s smb.SessionInfo) string {
	switch {
	case s.Encrypted:
		return "encrypted"
	case s.Signed:
		return "signed"
	}
	return "none"
}

// caching names what the client caches of an open file.
func caching(o smb.OpenInfo) string {
	if o.Caching.Level == oplock.Lease {
		return o.Caching.State.String()
	}
	return o.Caching.Level.String()
}

// kept names what an open outlives.
func kept(o smb.OpenInfo) string {
	s := "-"
	switch {
	case o.Persistent:
		s = "persistent"
	case o.Resilient:
		s = "resilient"
	case o.Durable:
		s = "durable"
	}
	if o.Channels == 0 {
		s += ", disconnected"
	}
	return s
}
