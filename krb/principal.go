package krb

import (
	"context"
	"errors"
	"strings"
	"unicode"

	"github.com/gosmbd/smb/vfs"
	"github.com/jcmturner/gokrb5/v8/types"
)

// Principal is who or what a ticket is about.
type Principal struct {
	Name  []string // its parts: "ann", or "host" and "client.example.com"
	Realm string
}

func principalOf(n types.PrincipalName, realm string) Principal {
	return Principal{n.NameString, realm}
}

// String returns the usual form, such as ann/admin@EXAMPLE.COM. Characters with a meaning
// there that are part of a name have a backslash before them.
func (p Principal) String() string {
	quote := strings.NewReplacer(`\`, `\\`, "/", `\/`, "@", `\@`)
	var b strings.Builder
	for i, part := range p.Name {
		if i > 0 {
			b.WriteByte('/')
		}
		b.WriteString(quote.Replace(part))
	}
	return b.String() + "@" + strings.NewReplacer(`\`, `\\`, "@", `\@`).Replace(p.Realm)
}

// LocalUser is what Mechanism.Map does by default. The caller's name is the principal's,
// and his domain its realm, if that is the service's own and the name has one part.
func LocalUser(_ context.Context, client, service Principal) (*vfs.Caller, error) {
	switch {
	case client.Realm != service.Realm:
		return nil, errors.New("it is of another realm than the service; Mechanism.Map can let it in")
	case len(client.Name) != 1:
		return nil, errors.New("its name has an instance; Mechanism.Map can let it in")
	}
	name := client.Name[0]
	if name == "" || strings.ContainsAny(name, `/\@:`) || strings.ContainsFunc(name, unicode.IsControl) {
		return nil, errors.New("its name is none that a user could have")
	}
	return &vfs.Caller{Name: name, Domain: client.Realm}, nil
}
