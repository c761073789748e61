package krb_test

import (
	"context"
	"errors"
	"log"

	"github.com/gosmbd/smb"
	"github.com/gosmbd/smb/krb"
	"github.com/gosmbd/smb/ntlm"
	"github.com/gosmbd/smb/vfs"
	"github.com/gosmbd/smb/vfs/memfs"
)

// Let those in who have a ticket of a realm, and by NTLM who has none.
func ExampleOpen() {
	tickets, err := krb.Open("/etc/smb.keytab") // with a key of cifs/files.example.com
	if err != nil {
		log.Fatal(err) // it says what is wrong with the file
	}
	// Outside of a Windows domain, Map decides who comes in, and as whom.
	tickets.Map = func(ctx context.Context, client, service krb.Principal) (*vfs.Caller, error) {
		if client.String() == "backup@EXAMPLE.COM" {
			return nil, errors.New("backups are made on the machine")
		}
		return krb.LocalUser(ctx, client, service)
	}
	srv := &smb.Server{
		Shares:     smb.Shares{"files": {FS: &memfs.FS{}}},
		Mechanisms: []smb.Mechanism{tickets, ntlm.New(ntlm.Static{"ann": {Password: "a long password"}})},
	}
	log.Fatal(srv.ListenAndServe())
}
