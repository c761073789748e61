package ntlm

import (
	"context"
	"errors"
	"iter"
	"strconv"
	"strings"

	"github.com/gosmbd/smb/vfs"
)

// FirstOf is several stores as one. The first that knows a user decides; so does one
// that fails, since the user may be its own.
type FirstOf []Accounts

// Authenticate implements Accounts.
func (f FirstOf) Authenticate(ctx context.Context, a *Attempt) (*Logon, error) {
	for i, accounts := range f {
		logon, err := accounts.Authenticate(ctx, a)
		if err == nil {
			return logon, nil
		}
		if !errors.Is(err, ErrNoSuchUser) {
			for range f[i+1:] { // as long as for a name that nobody knows
				a.NoSuchUser()
			}
			return nil, err
		}
	}
	if len(f) == 0 {
		return nil, a.NoSuchUser()
	}
	return nil, ErrNoSuchUser
}

// PrincipalsVersion implements vfs.VersionedPrincipals, if all stores do that are a
// vfs.Principals.
func (f FirstOf) PrincipalsVersion(ctx context.Context) (version string, ok bool) {
	var all []byte
	for _, accounts := range f {
		v, ok := versionOf(ctx, accounts)
		if !ok {
			return "", false
		}
		all = strconv.AppendQuote(all, v)
	}
	return string(all), true
}

// Principals implements vfs.Principals. Whom two stores know by one name is the first
// one's.
func (f FirstOf) Principals(ctx context.Context) iter.Seq2[vfs.Principal, error] {
	return func(yield func(vfs.Principal, error) bool) {
		type key struct{ domain, name string }
		seen := make(map[key]bool)
		for _, accounts := range f {
			for p, err := range principalsOf(ctx, accounts) {
				k := key{strings.ToLower(p.Domain), strings.ToLower(p.Name)}
				if err == nil && seen[k] {
					continue
				}
				seen[k] = err == nil
				if !yield(p, err) || err != nil {
					return
				}
			}
		}
	}
}
