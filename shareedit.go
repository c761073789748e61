package smb

import (
	"context"
	"errors"
	"io/fs"
	"iter"
	"maps"
	"strings"
	"sync"

	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs"
)

// ShareEditor is a Namespace that administrators can change, with Windows' Computer
// Management or "net rpc share". Its methods are called for members of
// BUILTIN\Administrators only, and with the caller in the context. An error that is
// fs.ErrExist, fs.ErrNotExist, fs.ErrPermission, fs.ErrInvalid or errors.ErrUnsupported is
// told to the client. A Namespace without it can't be changed by clients.
type ShareEditor interface {
	Namespace

	// AddShare adds a share; its name is none that Share finds. fs.ErrNotExist says
	// that there is no such path.
	AddShare(ctx context.Context, name string, s ShareSettings) error

	// ChangeShare changes what is set in c, for connections that are yet to come.
	ChangeShare(ctx context.Context, name string, c ShareChange) error

	// RemoveShare ends a share. The server ends its connections afterwards.
	RemoveShare(ctx context.Context, name string) error
}

// ShareSettings is what an administrator says of a share that is to be.
type ShareSettings struct {
	Path     string // as on Windows, such as C:\docs; absolute, without "." and ".."
	Comment  string
	MaxUsers int                     // zero: no limit
	Security *vfs.SecurityDescriptor // nil: none, see Share.Security
}

// ShareChange is what is to be changed of a share; nil stays as it is.
type ShareChange struct {
	Comment                *string
	MaxUsers               *int // zero: no limit
	AccessBasedEnumeration *bool
	Encrypt                *bool
	Security               *vfs.SecurityDescriptor
}

// EditableShares is a ShareEditor whose shares are held in memory. The zero value has
// none. Its methods may be called concurrently, but it must not be copied.
type EditableShares struct {
	// Make makes the share that an administrator asks for; its comment, limit and
	// descriptor are set afterwards. Nil refuses to add shares over the network. It
	// decides what may be shared: a path that comes from a client must not lead out of
	// what clients are meant to reach.
	Make func(ctx context.Context, name, path string) (*Share, error)

	mu     sync.RWMutex
	shares Shares // replaced as a whole
}

// Share returns the share called name, without regard to case.
func (e *EditableShares) Share(ctx context.Context, name string) (*Share, error) {
	return e.current().Share(ctx, name)
}

// All lists the shares in the order of their names, without those that are Hidden.
func (e *EditableShares) All(ctx context.Context) iter.Seq2[string, *Share] {
	return e.current().All(ctx)
}

func (e *EditableShares) current() Shares {
	e.mu.RLock()
	defer e.mu.RUnlock()
	return e.shares
}

// Set adds a share, or puts it in place of the one that is called so.
func (e *EditableShares) Set(name string, sh *Share) {
	e.edit(name, func(string, *Share) (string, *Share, error) { return name, sh, nil })
}

// Remove removes a share and reports whether there was one. Connections to it stay.
func (e *EditableShares) Remove(name string) bool {
	return e.RemoveShare(context.Background(), name) == nil
}

// edit replaces the share that is called name, if there is one, by what change makes of
// it: nothing if that is nil. Readers keep the table that they have.
func (e *EditableShares) edit(name string, change func(name string, old *Share) (string, *Share, error)) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	var old *Share
	was := name
	for n, sh := range e.shares {
		if strings.EqualFold(n, name) {
			was, old = n, sh
		}
	}
	to, sh, err := change(was, old)
	if err != nil {
		return err
	}
	next := maps.Clone(e.shares)
	if next == nil {
		next = make(Shares)
	}
	delete(next, was)
	if sh != nil {
		next[to] = sh
	}
	e.shares = next
	return nil
}

// AddShare implements ShareEditor with Make.
func (e *EditableShares) AddShare(ctx context.Context, name string, s ShareSettings) error {
	if e.Make == nil {
		return fs.ErrPermission
	}
	if sh, err := e.Share(ctx, name); err == nil && sh != nil {
		return fs.ErrExist
	}
	made, err := e.Make(ctx, name, s.Path)
	if err != nil {
		return err
	}
	if made == nil {
		return errors.New("smb: EditableShares.Make made nothing")
	}
	sh := *made
	sh.Path, sh.Comment, sh.MaxUsers = s.Path, s.Comment, s.MaxUsers
	if s.Security != nil {
		sh.Security = s.Security
	}
	return e.edit(name, func(_ string, old *Share) (string, *Share, error) {
		if old != nil { // somebody was faster
			return "", nil, fs.ErrExist
		}
		return name, &sh, nil
	})
}

// ChangeShare implements ShareEditor.
func (e *EditableShares) ChangeShare(_ context.Context, name string, c ShareChange) error {
	return e.edit(name, func(was string, old *Share) (string, *Share, error) {
		if old == nil {
			return "", nil, fs.ErrNotExist
		}
		sh := *old
		setIf(&sh.Comment, c.Comment)
		setIf(&sh.MaxUsers, c.MaxUsers)
		setIf(&sh.AccessBasedEnumeration, c.AccessBasedEnumeration)
		setIf(&sh.Encrypt, c.Encrypt)
		if c.Security != nil {
			sh.Security = c.Security
		}
		return was, &sh, nil
	})
}

func setIf[T any](to, from *T) {
	if from != nil {
		*to = *from
	}
}

// RemoveShare implements ShareEditor.
func (e *EditableShares) RemoveShare(_ context.Context, name string) error {
	return e.edit(name, func(_ string, old *Share) (string, *Share, error) {
		if old == nil {
			return "", nil, fs.ErrNotExist
		}
		return "", nil, nil
	})
}

// shareUses counts the connections to each share.
type shareUses struct {
	mu sync.Mutex
	n  map[string]int // by the name in upper case
}

// add counts a connection to a share that may have limit of them, zero for any number.
// It reports false, and counts nothing, if there are as many.
func (u *shareUses) add(name string, limit int) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	name = strings.ToUpper(name)
	if limit > 0 && u.n[name] >= limit {
		return false
	}
	if u.n == nil {
		u.n = make(map[string]int)
	}
	u.n[name]++
	return true
}

// remove takes back what add counted.
func (u *shareUses) remove(name string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	name = strings.ToUpper(name)
	if u.n[name]--; u.n[name] <= 0 {
		delete(u.n, name)
	}
}

// count returns how many connections a share has.
func (u *shareUses) count(name string) int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.n[strings.ToUpper(name)]
}

// removed reports whether an administrator has removed a share.
func (s *Server) removed(ctx context.Context, name string) bool {
	e, ok := s.Shares.(ShareEditor)
	if !ok {
		return false
	}
	sh, err := e.Share(ctx, name)
	return errors.Is(err, fs.ErrNotExist) || err == nil && sh == nil
}

// disconnect ends all connections to a share that is no more. [MS-SMB2] 3.3.4.15
func (s *Server) disconnect(name string) {
	for _, se := range s.allSessions() {
		for _, t := range se.allTrees() {
			if t.ipc() || !strings.EqualFold(t.name, name) {
				continue
			}
			if opens, ok := se.takeTree(t); ok {
				s.closeAll(opens, smb2.StatusNetworkNameDeleted)
				t.release()
			}
		}
	}
}
