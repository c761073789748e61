// Afero serves any file system of github.com/spf13/afero, here a directory in
// which changes and new files are kept in memory: the directory stays as it is,
// and what is in it can't be deleted. Who deletes what was changed has the old one again.
//
//	go run ./examples/afero
//	smbclient //127.0.0.1/sandbox -p 4445 -U me%sandbox-me
package main

import (
	"log"
	"os"

	"github.com/spf13/afero"

	"github.com/gosmbd/smb"
	"github.com/gosmbd/smb/ntlm"
	"github.com/gosmbd/smb/vfs/aferofs"
)

func main() {
	dir, err := os.Getwd()
	if err != nil {
		log.Fatal(err)
	}
	base := afero.NewReadOnlyFs(afero.NewBasePathFs(afero.NewOsFs(), dir))
	fsys := aferofs.New(afero.NewCopyOnWriteFs(base, afero.NewMemMapFs()))
	srv := &smb.Server{
		Addr:       "127.0.0.1:4445",
		Shares:     smb.Shares{"sandbox": {FS: fsys}},
		Mechanisms: []smb.Mechanism{ntlm.New(ntlm.Static{"me": {Password: "sandbox-me"}})},
	}
	log.Print("serving a sandbox of this directory as smb://me@127.0.0.1:4445/sandbox, password sandbox-me")
	log.Fatal(srv.ListenAndServe())
}
