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

	Guest     bool // let in without proof, as guest
	Anonymous bool // let in without a name
}

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
