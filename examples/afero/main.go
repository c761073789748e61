// Afero serves any file system of github.com/spf13/afero, here a directory in
// which changes are kept in memory: clients may do as they like, and the
// directory stays as it is.
//
//	go run ./examples/afero
//	smbclient //127.0.0.1/sandbox -p 4445 -U me%sandbox-me
package main

import (
	"log"

	"github.com/spf13/afero"

	"github.com/gosmbd/smb"
	"github.com/gosmbd/smb/ntlm"
	"github.com/gosmbd/smb/vfs/aferofs"
)

func main() {
	base := afero.NewReadOnlyFs(afero.NewBasePathFs(afero.NewOsFs(), "."))
	fsys := aferofs.New(afero.NewCopyOnWriteFs(base, afero.NewMemMapFs()))
	srv := &smb.Server{
		Addr:       ":4445",
		Shares:     smb.Shares{"sandbox": {FS: fsys}},
		Mechanisms: []smb.Mechanism{ntlm.New(ntlm.Static{"me": {Password: "sandbox-me"}})},
	}
	log.Print("serving a sandbox of this directory as smb://me@127.0.0.1:4445/sandbox, password sandbox-me")
	log.Fatal(srv.ListenAndServe())
}
