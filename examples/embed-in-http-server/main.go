// Embed-in-http-server is one program that shows the same files over HTTP and
// SMB: what is put into the share is on the web page at once.
//
//	go run ./examples/embed-in-http-server
//	smbclient //127.0.0.1/www -p 4445 -U me%www-me -c 'put README.md'
//	curl http://127.0.0.1:8080/README.md
package main

import (
	"context"
	"errors"
	"log"
	"net/http"
	"os"
	"os/signal"
	"time"

	"github.com/gosmbd/smb"
	"github.com/gosmbd/smb/ntlm"
	"github.com/gosmbd/smb/vfs/osfs"
)

func main() {
	if err := run(); err != nil {
		log.Fatal(err)
	}
}

func run() error {
	dir, err := os.MkdirTemp("", "www-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	fsys, err := osfs.New(dir, nil)
	if err != nil {
		return err
	}
	defer fsys.Close()

	web := &http.Server{Addr: "127.0.0.1:8080", Handler: http.FileServer(http.Dir(dir))}
	files := &smb.Server{
		Addr:       "127.0.0.1:4445",
		Shares:     smb.Shares{"www": {FS: fsys}},
		Mechanisms: []smb.Mechanism{ntlm.New(ntlm.Static{"me": {Password: "www-me"}})},
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	failed := make(chan error, 2)
	go func() { failed <- web.ListenAndServe() }()
	go func() { failed <- files.ListenAndServe() }()
	log.Print("serving http://127.0.0.1:8080/ and smb://me@127.0.0.1:4445/www, password www-me")

	select {
	case err = <-failed:
	case <-ctx.Done():
	}
	// Both drain: what clients have under way is finished first.
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	return errors.Join(err, files.Shutdown(ctx), web.Shutdown(ctx))
}
