// Custom-backend serves a file system that exists nowhere: one file per fact
// about the running program, made when it is opened. Who may read it says an
// access control list: one fact is for the boss alone.
//
//	go run ./examples/custom-backend
//	smbclient //127.0.0.1/facts -p 4445 -U me%facts-me -c 'get memory.txt -'
//	smbclient //127.0.0.1/facts -p 4445 -U boss%facts-boss -c 'get environment.txt -'
package main

import (
	"log"

	"github.com/gosmbd/smb"
	"github.com/gosmbd/smb/ntlm"
	"github.com/gosmbd/smb/vfs"
)

func main() {
	srv := &smb.Server{
		Addr:   "127.0.0.1:4445",
		Shares: smb.Shares{"facts": {FS: newFactsFS()}},
		Mechanisms: []smb.Mechanism{ntlm.New(ntlm.Static{
			"me":   {Password: "facts-me"},
			"boss": {Password: "facts-boss", Groups: []vfs.SID{vfs.SIDAdministrators}},
		})},
	}
	log.Print("serving facts as smb://me@127.0.0.1:4445/facts, password facts-me")
	log.Fatal(srv.ListenAndServe())
}
