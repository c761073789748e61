package netlogon_test

import (
	"fmt"
	"log"

	"github.com/gosmbd/smb"
	"github.com/gosmbd/smb/netlogon"
	"github.com/gosmbd/smb/ntlm"
	"github.com/gosmbd/smb/vfs"
	"github.com/gosmbd/smb/vfs/memfs"
)

// Let the users of a domain in, and one of the server's own who administrates it.
func ExampleNew() {
	domain, err := netlogon.New(netlogon.Config{
		Domain:    "EXAMPLE",
		DNSDomain: "example.com",
		Computer:  "FILES",
		Secret:    netlogon.PasswordFile("/etc/smb/machine-password"),
	})
	if err != nil {
		log.Fatal(err)
	}
	// domain.Check(ctx) tells whether a controller knows this machine.

	mech := domain.Mechanism()
	mech.Accounts = ntlm.FirstOf{
		ntlm.Static{"admin": {Password: "a long password", Groups: []vfs.SID{vfs.SIDAdministrators}}},
		domain,
	}
	srv := &smb.Server{
		Shares:     smb.Shares{"files": {FS: &memfs.FS{}}},
		Mechanisms: []smb.Mechanism{mech},
		Domain:     domain.Domain, // for clients that ask
	}
	defer srv.Close()

	fmt.Println(srv.Domain().DNSName, mech.Host)
	// Output: example.com FILES
}
