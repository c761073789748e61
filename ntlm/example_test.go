package ntlm_test

import (
	"context"
	"fmt"
	"log"

	"github.com/gosmbd/smb"
	"github.com/gosmbd/smb/ntlm"
	"github.com/gosmbd/smb/vfs"
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

// userTable is an application's own store, which keeps an NT hash per user.
type userTable map[string]ntlm.Hash

func (t userTable) Authenticate(ctx context.Context, a *ntlm.Attempt) (*ntlm.Logon, error) {
	for _, name := range a.Names() {
		hash, ok := t[name] // say, a query; ctx ends with the connection
		if !ok {
			continue
		}
		key, err := a.VerifyHash(hash)
		if err != nil {
			return nil, err
		}
		return &ntlm.Logon{Caller: vfs.Caller{Name: name}, SessionBaseKey: key}, nil
	}
	return nil, a.NoSuchUser()
}

// An application with its own table of users implements one method.
func ExampleAccounts() {
	m := ntlm.New(userTable{"carol": ntlm.HashOf("rosebud")})
	m.RequireMIC = ntlm.CheckRequire
	fmt.Println(m.OID())
	// Output: 1.3.6.1.4.1.311.2.2.10
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
