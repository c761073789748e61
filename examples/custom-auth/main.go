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

// users stands for the application's database. It keeps NT hashes, since NTLM never
// shows a password: hash it once, when the user sets it.
var users = map[string]ntlm.User{
	"ann": {Name: "ann", Hash: ntlm.HashOf("ann-password")},
	"ben": {Name: "ben", Hash: ntlm.HashOf("ben-password")},
}

// lookup finds a user. It is called again while he has a session: who is gone or
// disabled then is put out.
func lookup(_ context.Context, name, _ string) (ntlm.User, error) {
	u, ok := users[strings.ToLower(name)]
	if !ok {
		return ntlm.User{}, ntlm.ErrNoSuchUser
	}
	return u, nil
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
	h := &homes{byName: make(map[string]*memfs.FS)}
	srv := &smb.Server{
		Addr:       "127.0.0.1:4445",
		Shares:     smb.Shares{"home": {Open: h.open, Comment: "your own files"}},
		Mechanisms: []smb.Mechanism{ntlm.New(ntlm.Lookup(lookup))},
	}
	log.Print("serving smb://ann@127.0.0.1:4445/home, password ann-password, and the same for ben")
	log.Fatal(srv.ListenAndServe())
}
