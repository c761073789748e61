package ntlm

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"strings"

	"github.com/gosmbd/smb/vfs"
)

// User is an account of a Static table, or what a Lookup found. One that has neither
// a Password nor a Hash can't log on. A User doesn't print its secrets.
type User struct {
	Password string
	Hash     Hash // used if Password is empty

	Name       string // as it is to be spelled; empty: the one that was looked up
	Domain     string // put into the Caller; logons may name any domain
	SID        vfs.SID
	Groups     []vfs.SID
	Privileges vfs.Privileges // besides those that the groups bring
	Disabled   bool
	NTLMv1     bool // accept NTLMv1 from this user, say from an old scanner
}

// hash returns the NT hash of the account, zero if it has none.
func (u User) hash() Hash {
	if u.Password != "" {
		return HashOf(u.Password)
	}
	return u.Hash
}

// Format implements fmt.Formatter for all verbs; it hides the secrets.
func (u User) Format(f fmt.State, _ rune) { io.WriteString(f, redacted) }

// LogValue implements slog.LogValuer.
func (u User) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText implements encoding.TextMarshaler; it hides the secrets.
func (u User) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// caller returns who has logged on.
func (u User) caller() vfs.Caller {
	return vfs.Caller{Name: u.Name, Domain: u.Domain, SID: u.SID, Groups: u.Groups, Privileges: u.Privileges}
}

// logon decides on an attempt that names the account.
func (u User) logon(a *Attempt) (*Logon, error) {
	a.NTLMv1 = a.NTLMv1 || u.NTLMv1
	key, err := a.VerifyHash(u.hash())
	if err != nil {
		return nil, err
	}
	if u.Disabled {
		return nil, ErrDisabled
	}
	return &Logon{Caller: u.caller(), SessionBaseKey: key}, nil
}

// Static is a fixed table of accounts by user name, without a domain: clients may put
// any in front. It must not change while in use. Names are compared without regard to
// case; if several are equal so, only an exact match counts.
//
// A search looks at each name, so tens of thousands of users are better served
// by a Lookup with an index.
type Static map[string]User

// Authenticate implements Accounts.
func (s Static) Authenticate(_ context.Context, a *Attempt) (*Logon, error) {
	for _, name := range a.Names() {
		if u, ok := s.find(name); ok {
			return u.logon(a)
		}
	}
	return nil, a.noSuchUser(HashOf("nobody's password")) // as long as u.hash takes
}

// find returns the account that name means.
func (s Static) find(name string) (User, bool) {
	var found string
	n := 0
	for k := range s {
		if k == name {
			return s.user(k), true
		}
		if strings.EqualFold(k, name) {
			found, n = k, n+1
		}
	}
	return s.user(found), n == 1
}

// user returns the account under a key of the table, with its name.
func (s Static) user(key string) User {
	u := s[key]
	if u.Name == "" {
		u.Name = key
	}
	return u
}

// Principals implements vfs.Principals.
func (s Static) Principals(context.Context) iter.Seq2[vfs.Principal, error] {
	return func(yield func(vfs.Principal, error) bool) {
		var list []vfs.Principal
		for key := range s {
			u := s.user(key)
			list = append(list, vfs.Principal{
				Kind: vfs.PrincipalUser, Name: u.Name, Domain: u.Domain, SID: u.SID,
				Disabled: u.Disabled, Groups: u.Groups,
			})
		}
		yieldPrincipals(list, yield)
	}
}

// PrincipalsVersion implements vfs.VersionedPrincipals: the table doesn't change.
func (s Static) PrincipalsVersion(context.Context) (version string, ok bool) { return "", true }

// Lookup is Accounts by a function that finds a user in a table of the application's
// own, say in a database; it returns ErrNoSuchUser if there is none. It is called by
// many goroutines at a time, with a name that a client claims. The name comes as it
// was typed, so compare it without regard to case and return User.Name as the table
// has it. domain is usually of no interest.
//
// While a user has a session the function is called every few seconds to see what
// became of him: the session ends when he is gone or disabled, and his client has to
// log on again when his password, groups or privileges changed.
type Lookup func(ctx context.Context, name, domain string) (User, error)

// Authenticate implements Accounts.
func (l Lookup) Authenticate(ctx context.Context, a *Attempt) (*Logon, error) {
	for _, name := range a.Names() {
		domain := a.Domain
		if name != a.User {
			domain = a.SentDomain
		}
		u, err := l.find(ctx, name, domain)
		if errors.Is(err, ErrNoSuchUser) {
			continue
		}
		if err != nil {
			return nil, err
		}
		logon, err := u.logon(a)
		if err == nil {
			logon.Recheck = func(ctx context.Context) error { return l.recheck(ctx, name, domain, u) }
		}
		return logon, err
	}
	return nil, a.NoSuchUser()
}

func (l Lookup) find(ctx context.Context, name, domain string) (User, error) {
	u, err := l(ctx, name, domain)
	if u.Name == "" {
		u.Name = name
	}
	return u, err
}

// recheck compares the account with what it was when somebody logged on.
func (l Lookup) recheck(ctx context.Context, name, domain string, was User) error {
	u, err := l.find(ctx, name, domain)
	switch {
	case err != nil:
		return err
	case u.Name != was.Name || u.Domain != was.Domain || u.SID != was.SID:
		return ErrNoSuchUser
	case u.Disabled:
		return ErrDisabled
	case u.hash() != was.hash():
		return errPasswordChanged
	}
	return sameRights(u.caller(), was.caller())
}
