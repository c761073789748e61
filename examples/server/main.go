// Server serves directories to SMB clients: Windows, macOS, Linux, phones.
//
//	go run ./examples/server
//
// serves the current directory read-write on port 4445 to one user, whose
// password it makes up and prints together with the lines to type on each kind
// of client. Run it with -help for the rest. "server user" keeps the accounts of a file.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/gosmbd/smb"
	"github.com/gosmbd/smb/boltstore"
)

// drainTime is how long clients get to finish when the server is told to end.
const drainTime = 10 * time.Second

func main() {
	os.Exit(run(os.Args[1:]))
}

// run returns the exit status: 2 for a command line that makes no sense, 1 for
// what went wrong later.
func run(args []string) int {
	if len(args) > 0 && args[0] == "user" {
		return runUser(args[1:], os.Stdin, os.Stdout, os.Stderr)
	}
	cfg, err := parseFlags(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		fmt.Fprintf(os.Stderr, "server: %v\n", err)
		return 2
	}
	if err := shedCapabilities(cfg); err != nil {
		fmt.Fprintf(os.Stderr, "server: %v\n", err)
	}
	if err := serve(cfg); err != nil {
		fmt.Fprintf(os.Stderr, "server: %v\n", err)
		return 1
	}
	return 0
}

// serve runs the server until a signal ends it.
func serve(cfg *config) error {
	level := slog.LevelInfo
	if cfg.verbose {
		level = slog.LevelDebug
	}
	slog.SetDefault(slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level})))
	srv, err := newServer(cfg)
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", cfg.listen)
	if err != nil {
		return explainListen(cfg.listen, err)
	}
	printBanner(os.Stdout, cfg, l.Addr().(*net.TCPAddr))

	// SIGINT and SIGTERM are caught before anybody can have read the banner.
	stop := make(chan os.Signal, 2)
	signal.Notify(stop, os.Interrupt, syscall.SIGTERM)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go reportStatus(ctx, srv, cfg.status)

	served := make(chan error, 1)
	go func() { served <- srv.Serve(l) }()
	select {
	case err := <-served:
		return err
	case <-stop:
	}
	return drain(srv, stop)
}

// drain ends the server once its clients are done, or at the second signal.
func drain(srv *smb.Server, stop <-chan os.Signal) error {
	fmt.Fprintln(os.Stderr, "server: finishing what is under way; once more to end at once")
	ctx, cancel := context.WithTimeout(context.Background(), drainTime)
	defer cancel()
	go func() {
		select {
		case <-stop:
			cancel()
		case <-ctx.Done():
		}
	}()
	if err := srv.Shutdown(ctx); err != nil {
		return errors.New("ended before all clients were done")
	}
	return nil
}

// newServer makes the server that the command line describes.
func newServer(cfg *config) (*smb.Server, error) {
	mechs, err := newMechanisms(cfg)
	if err != nil {
		return nil, err
	}
	shares, st := make(smb.Shares), &storage{}
	for _, s := range cfg.shares {
		fsys, err := st.open(cfg.backend, s)
		if err != nil {
			return nil, err
		}
		share := &smb.Share{FS: fsys, ReadOnly: s.readOnly, Encrypt: s.encrypt, ContinuouslyAvailable: cfg.handles != "",
			AccessBasedEnumeration: s.abe, NoCaching: s.noCaching, Apple: s.apple, DFS: s.dfs}
		if s.guest {
			share.Allow = smb.AllowGuests
		}
		shares[s.name] = share
	}
	srv := &smb.Server{
		Name:       cfg.name,
		Shares:     namespace(cfg, shares, st),
		Mechanisms: mechs,
		Domain:     cfg.domain.told,
		MinDialect: cfg.min,
		MaxDialect: cfg.max,
		Signing:    cfg.signing,
		POSIX:      cfg.posix,
		Limits:     smb.Limits{RecheckInterval: 3 * time.Second}, // account files are cheap to look at
	}
	if cfg.actsAsCallers() {
		srv.UnixUser = unixUser
	}
	if cfg.encrypt {
		srv.Encryption = smb.Required
	}
	if cfg.handles != "" {
		if srv.Handles, err = boltstore.Open(cfg.handles); err != nil {
			return nil, explainStore(cfg.handles, err)
		}
	}
	return srv, nil
}

// explainListen turns an error of net.Listen into one that says what to do.
func explainListen(addr string, err error) error {
	_, port, _ := net.SplitHostPort(addr)
	next := ":4446"
	if n, e := strconv.Atoi(port); e == nil && n < 65535 {
		next = ":" + strconv.Itoa(n+1)
	}
	text := strings.ToLower(err.Error())
	switch {
	case errors.Is(err, syscall.EADDRINUSE) || strings.Contains(text, "only one usage"):
		return fmt.Errorf("port %s is taken by another program: choose another one, as with -listen %s", port, next)
	case errors.Is(err, os.ErrPermission):
		return fmt.Errorf("not allowed to listen on port %s: choose one above 1023, as with -listen :4445", port)
	}
	return fmt.Errorf("can't listen on %q: %v; -listen takes [address]:port, as in :4445", addr, err)
}
