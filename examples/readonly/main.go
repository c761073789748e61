// Readonly serves files that are compiled into the program, for anybody to read:
//
//	go run ./examples/readonly
//	smbclient //127.0.0.1/site -p 4445 -N
package main

import (
	"context"
	"embed"
	"io/fs"
	"log"

	"github.com/gosmbd/smb"
	"github.com/gosmbd/smb/ntlm"
	"github.com/gosmbd/smb/vfs"
)

//go:embed site
var content embed.FS

func main() {
	site, err := fs.Sub(content, "site")
	if err != nil {
		log.Fatal(err)
	}
	srv := &smb.Server{
		Addr: "127.0.0.1:4445",
		Shares: smb.Shares{"site": {
			FS:       vfs.FromFS(site),
			Comment:  "files of the program itself",
			ReadOnly: true,
			Allow: func(context.Context, *vfs.Caller) (vfs.Access, error) {
				return vfs.AccessReadOnly, nil
			},
		}},
		// No accounts: everybody is a guest. Guests have no key to sign with.
		Mechanisms: []smb.Mechanism{&ntlm.Mechanism{Guest: true, Anonymous: true}},
		Signing:    smb.Offered,
	}
	log.Print("serving smb://127.0.0.1:4445/site to everybody, read-only")
	log.Fatal(srv.ListenAndServe())
}
