package vfs

import "context"

// Caller is who a request comes from. It is immutable once a session is set up;
// re-authentication makes a new one.
type Caller struct {
	Name   string // user name as the account store spells it
	Domain string

	SID    SID   // zero: none known
	Groups []SID // without the well-known ones, but for BUILTIN\Administrators and its like

	// Privileges holds what the user may do whatever descriptors say. Members
	// of SIDAdministrators have all of them anyhow.
	Privileges Privileges

	// Unix is who the caller is on the machine; nil: nobody there. A mechanism or
	// its account store sets it, or smb.Server.UnixUser does. Backends that act as
	// the user go by it, and so does [Caller.Token].
	Unix *UnixUser

	Guest     bool // let in without proof, as guest
	Anonymous bool // let in without a name
}

// UnixUser is a user of the machine as its file systems know one. It is immutable.
type UnixUser struct {
	UID, GID uint32
	Groups   []uint32 // supplementary ones; GID need not be among them
}

// system is the caller that SystemCaller returns.
var system = &Caller{Name: "SYSTEM", Domain: "NT AUTHORITY", SID: SIDSystem}

// SystemCaller returns the caller of what the server does for itself, and not for a
// client: to learn what a file system can do, and to see what other programs changed in
// a directory that clients cache or watch. It is known by the pointer; no client is it,
// whatever he is called. A backend with permissions of its own lets it look at
// everything: clients get nothing of it but what they asked for and were let.
func SystemCaller() *Caller { return system }

// String returns DOMAIN\name, or what stands for it.
func (c *Caller) String() string {
	switch {
	case c == nil:
		return "nobody"
	case c.Anonymous:
		return "anonymous"
	case c.Domain == "":
		return c.Name
	}
	return c.Domain + `\` + c.Name
}

type callerKey struct{}

// WithCaller returns a context that carries c.
func WithCaller(ctx context.Context, c *Caller) context.Context {
	return context.WithValue(ctx, callerKey{}, c)
}

// CallerFrom returns the caller of the request that ctx belongs to, or nil.
func CallerFrom(ctx context.Context) *Caller {
	c, _ := ctx.Value(callerKey{}).(*Caller)
	return c
}
