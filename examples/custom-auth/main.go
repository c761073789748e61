// Custom-auth logs users on from a table of the application's own, and gives
// each a share "home" that nobody else sees.
//
//	go run ./examples/custom-auth
//	smbclient //127.0.0.1/home -p 4445 -U ann%ann-password
package main

import (
	"context"
	"log"
	"strings"
	"sync"

	"github.com/gosmbd/smb"
	"github.com/gosmbd/smb/ntlm"
	"github.com/gosmbd/smb/vfs"
	"github.com/gosmbd/smb/vfs/memfs"
)

// userTable stands for the application's database. It keeps NT hashes, since
// NTLM never shows a password: hash it once, when the user sets it.
type userTable struct {
	hashes map[string]ntlm.Hash
}

// Authenticate implements ntlm.Accounts.
func (u *userTable) Authenticate(_ context.Context, a *ntlm.Attempt) (*ntlm.Logon, error) {
	for _, name := range a.Names() {
		name = strings.ToLower(name)
		hash, ok := u.hashes[name]
		if !ok {
			continue
		}
		key, err := a.VerifyHash(hash)
		if err != nil {
			return nil, err
		}
		return &ntlm.Logon{Caller: vfs.Caller{Name: name}, SessionBaseKey: key}, nil
	}
	return nil, a.NoSuchUser() // takes as long as a wrong password
}

// homes keeps a file system per user. All sessions of a user get the same one,
// so that they see each other's locks.
type homes struct {
	mu     sync.Mutex
	byName map[string]*memfs.FS
}

func (h *homes) open(_ context.Context, c *vfs.Caller) (vfs.FS, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	fsys := h.byName[c.Name]
	if fsys == nil {
		fsys = &memfs.FS{Label: c.Name, MaxBytes: 64 << 20}
		h.byName[c.Name] = fsys
	}
	return fsys, nil
}

func main() {
	users := &userTable{hashes: map[string]ntlm.Hash{
		"ann": ntlm.HashOf("ann-password"),
		"ben": ntlm.HashOf("ben-password"),
	}}
	h := &homes{byName: make(map[string]*memfs.FS)}
	srv := &smb.Server{
		Addr:       ":4445",
		Shares:     smb.Shares{"home": {Open: h.open, Comment: "your own files"}},
		Mechanisms: []smb.Mechanism{ntlm.New(users)},
	}
	log.Print("serving smb://ann@127.0.0.1:4445/home, password ann-password, and the same for ben")
	log.Fatal(srv.ListenAndServe())
}
