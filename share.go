package smb

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"sort"
	"strings"

	"github.com/gosmbd/smb/vfs"
)

// Namespace is what a Server shares: it is to a Server what a Handler is to an
// http.Server. Its methods are called by many goroutines at once; the context
// carries the caller (vfs.CallerFrom).
type Namespace interface {
	// Share returns the share called name, without regard to case, or an
	// error that is fs.ErrNotExist; the client is told of another as [StatusOf] has
	// it. The same *Share must come back as long as the share is the same: files meet
	// by it.
	Share(ctx context.Context, name string) (*Share, error)

	// All lists the shares that clients may see when they browse.
	All(ctx context.Context) iter.Seq2[string, *Share]
}

// Shares is a Namespace that doesn't change. Its keys are the names.
type Shares map[string]*Share

// misconfigured returns what no server can be meant to be like.
func (s *Server) misconfigured() error {
	switch {
	case s.Signing > Disabled:
		return fmt.Errorf("smb: Server.Signing is %d, which is no Policy", s.Signing)
	case s.Encryption > Disabled:
		return fmt.Errorf("smb: Server.Encryption is %d, which is no Policy", s.Encryption)
	case len(s.dialects()) == 0:
		return fmt.Errorf("smb: no dialect is left from Server.MinDialect %v to Server.MaxDialect %v", s.MinDialect, s.MaxDialect)
	case slices.Contains(s.Mechanisms, nil):
		return errors.New("smb: one of Server.Mechanisms is nil")
	case len(s.Mechanisms) == 0:
		s.log.Warn("smb: nobody can log on, since there are no Server.Mechanisms")
	}
	shares, _ := s.Shares.(Shares)
	for name, sh := range shares {
		switch {
		case !validShareName(name) || strings.EqualFold(name, "IPC$"):
			return fmt.Errorf("smb: %q can't be the name of a share", name)
		case sh == nil:
			return fmt.Errorf("smb: share %q is nil", name)
		case sh.FS == nil && sh.Open == nil:
			return fmt.Errorf("smb: share %q has no storage: set FS, or Open", name)
		}
	}
	return nil
}

// Share returns the share called name, without regard to case.
func (s Shares) Share(_ context.Context, name string) (*Share, error) {
	if sh, ok := s[name]; ok {
		return sh, nil
	}
	for n, sh := range s {
		if strings.EqualFold(n, name) {
			return sh, nil
		}
	}
	return nil, StatusBadNetworkName
}

// All lists the shares in the order of their names, without those that are
// Hidden.
func (s Shares) All(context.Context) iter.Seq2[string, *Share] {
	names := make([]string, 0, len(s))
	for n, sh := range s {
		if !sh.Hidden {
			names = append(names, n)
		}
	}
	sort.Strings(names)
	return func(yield func(string, *Share) bool) {
		for _, n := range names {
			if !yield(n, s[n]) {
				return
			}
		}
	}
}

// Share is a file system under a name. It must not be changed while a Server
// uses it.
type Share struct {
	// FS is the storage.
	FS vfs.FS

	// Open, if set, chooses the storage for each tree connect instead of FS.
	// Callers that get the same (comparable) FS see each other's locks and
	// share modes. An error refuses the connection.
	Open func(ctx context.Context, c *vfs.Caller) (vfs.FS, error)

	// DFS makes the share the root of a DFS namespace, in which some names are
	// on other servers; nil: all is here. Namespaces other than Shares have to be
	// a DFSNamespace for it.
	DFS DFS

	// Comment is shown when clients browse.
	Comment string

	// Path is where administrators are told that the share is; C:\NAME if empty. It
	// means nothing to the server.
	Path string

	// MaxUsers bounds how many connections the share may have; zero: no limit.
	MaxUsers int

	// ReadOnly refuses all that would change something.
	ReadOnly bool

	// Encrypt refuses clients that can't encrypt, and asks the others to.
	Encrypt bool

	// ContinuouslyAvailable promises clients that their handles outlive the
	// server's process, if Server.Handles is set: everything that changes a
	// handle is stored before it is answered, and data is written through.
	ContinuouslyAvailable bool

	// NoCaching lets clients cache neither files nor directories: each open sees
	// what is there. It is for storage that other programs change too and that
	// can't tell of it; see vfs.Watcher.
	NoCaching bool

	// Hidden leaves the share out of browse lists.
	Hidden bool

	// AccessBasedEnumeration leaves out of listings what the caller may not read,
	// for a backend that keeps security descriptors (vfs.Securer). Each entry is
	// opened to find out.
	AccessBasedEnumeration bool

	// Security says who may do what with the share, besides Allow; what is in it is
	// under descriptors of its own where the backend keeps them. Nil denies nothing.
	Security *vfs.SecurityDescriptor

	// Apple says how the share serves macOS and iOS.
	Apple AppleOptions

	// Allow returns what the caller may do at most, or an error to refuse the
	// connection. Nil lets every authenticated user do everything, and guests
	// and anonymous callers nothing.
	Allow func(ctx context.Context, c *vfs.Caller) (vfs.Access, error)
}

// AllowGuests is an Allow hook that gives everybody whom the mechanisms let in
// full access, guests and anonymous callers too.
func AllowGuests(context.Context, *vfs.Caller) (vfs.Access, error) {
	return vfs.AccessFull, nil
}

// access returns what c may do on the share, or why it can't be connected.
func (sh *Share) access(ctx context.Context, c *vfs.Caller) (vfs.Access, error) {
	a := vfs.AccessFull
	switch {
	case sh.Allow != nil:
		var err error
		if a, err = sh.Allow(ctx, c); err != nil {
			return 0, err
		}
	case c.Guest || c.Anonymous:
		return 0, StatusAccessDenied
	}
	a = a.Expand() & vfs.AccessFull
	if sh.Security != nil {
		a &= sh.Security.Maximum(c.Token())
	}
	if sh.ReadOnly {
		a &= vfs.AccessReadOnly
	}
	if a == 0 {
		return 0, StatusAccessDenied
	}
	return a, nil
}
