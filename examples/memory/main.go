// Memory serves a scratch share that lives in memory and is gone at the end:
//
//	go run ./examples/memory
//	smbclient //127.0.0.1/scratch -p 4445 -U me%scratch-me
package main

import (
	"log"

	"github.com/gosmbd/smb"
	"github.com/gosmbd/smb/ntlm"
	"github.com/gosmbd/smb/vfs/memfs"
)

func main() {
	srv := &smb.Server{
		Addr:       "127.0.0.1:4445",
		Shares:     smb.Shares{"scratch": {FS: &memfs.FS{MaxBytes: 256 << 20}}},
		Mechanisms: []smb.Mechanism{ntlm.New(ntlm.Static{"me": {Password: "scratch-me"}})},
	}
	log.Print("serving 256 MiB of memory as smb://me@127.0.0.1:4445/scratch, password scratch-me")
	log.Fatal(srv.ListenAndServe())
}
