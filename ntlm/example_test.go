package ntlm_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strings"

	"github.com/gosmbd/smb"
	"github.com/gosmbd/smb/ntlm"
	"github.com/gosmbd/smb/vfs"
	"github.com/gosmbd/smb/vfs/memfs"
)

// A server with two users.
func Example() {
	m := ntlm.New(ntlm.Static{
		"alice": {Password: "correct horse"},
		"bob":   {Hash: ntlm.HashOf("battery staple")},
	})
	mechanisms := []smb.Mechanism{m} // goes into smb.Server.Mechanisms
	fmt.Println(mechanisms[0].OID())
	// Output: 1.3.6.1.4.1.311.2.2.10
}

// An application with a table of users of its own: here a map stands for its database.
// It keeps an NT hash for each user, made when he set his password.
func ExampleLookup() {
	table := map[string]ntlm.User{
		"ann": {Name: "ann", Hash: ntlm.HashOf("correct horse"), Groups: []vfs.SID{vfs.SIDAdministrators}},
		"ben": {Name: "ben", Hash: ntlm.HashOf("battery staple"), Disabled: true},
	}
	lookup := func(ctx context.Context, name, domain string) (ntlm.User, error) {
		u, ok := table[strings.ToLower(name)] // say, a query; ctx ends with the connection
		if !ok {
			return ntlm.User{}, ntlm.ErrNoSuchUser
		}
		return u, nil
	}
	srv := &smb.Server{
		Shares:     smb.Shares{"files": {FS: &memfs.FS{}}},
		Mechanisms: []smb.Mechanism{ntlm.New(ntlm.Lookup(lookup))},
	}
	defer srv.Close() // after srv.ListenAndServe()
	fmt.Println(len(srv.Mechanisms), "way to log on")
	// Output: 1 way to log on
}

// authority is somebody else who has the hashes, such as a domain controller or the
// application's own service for passwords.
type authority interface {
	Verify(ctx context.Context, user, domain string, challenge [8]byte, response []byte) (key [16]byte, err error)
}

// remote has the authority verify what the client answered. It needs no hash.
type remote struct{ authority }

func (r remote) Authenticate(ctx context.Context, a *ntlm.Attempt) (*ntlm.Logon, error) {
	// The response goes over the name as it was sent.
	key, err := r.Verify(ctx, a.SentUser, a.SentDomain, a.ServerChallenge, a.NTResponse)
	if err != nil {
		return nil, err // ntlm.ErrNoSuchUser where it is that, ntlm.ErrWrongPassword
	}
	return &ntlm.Logon{Caller: vfs.Caller{Name: strings.ToLower(a.User)}, SessionBaseKey: key}, nil
}

// Accounts that have no hashes ask somebody who has.
func ExampleAccounts() {
	var service authority // say, a client of it
	m := ntlm.New(remote{service})
	m.RequireMIC = ntlm.CheckRequire
	fmt.Println(m.OID())
	// Output: 1.3.6.1.4.1.311.2.2.10
}

// Users of the application, and those of a file, in the groups of another file.
func ExampleFirstOf() {
	file, err := ntlm.OpenKsmbdpwd("/etc/ksmbd/ksmbdpwd.db")
	if err != nil {
		log.Print(err)
		return
	}
	groups, err := ntlm.OpenGroups("/etc/group")
	if err != nil {
		log.Print(err)
		return
	}
	users := ntlm.Static{"alice": {Password: "correct horse"}}
	_ = ntlm.New(ntlm.Grouped{Accounts: ntlm.FirstOf{users, file}, Groups: groups})
}

// An account for a new user, as "server user add" of the example server makes it.
func ExampleEditKsmbdpwd() {
	dir, err := os.MkdirTemp("", "accounts-")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	err = ntlm.EditKsmbdpwd(filepath.Join(dir, "ksmbdpwd.db"), func(e *ntlm.FileEdit) error {
		if err := e.Add(ntlm.FileUser{Name: "carol", Hash: ntlm.HashOf("rosebud")}); err != nil {
			return err
		}
		for u := range e.Users() {
			fmt.Println(u)
		}
		return nil
	})
	if err != nil {
		log.Fatal(err)
	}
	// Output: {carol 0 REDACTED false}
}

// The accounts of a Samba server.
func ExampleOpenSmbpasswd() {
	accounts, err := ntlm.OpenSmbpasswd("/var/lib/samba/private/smbpasswd")
	if err != nil {
		log.Print(err)
		return
	}
	_ = ntlm.New(accounts)
}

// A Hash doesn't show itself.
func ExampleHash() {
	fmt.Printf("%x\n", ntlm.HashOf("secret"))
	// Output: REDACTED
}
