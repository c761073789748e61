package ntlm

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"iter"
	"slices"
	"strings"

	"github.com/gosmbd/smb/vfs"
)

// Principals implements vfs.Principals: those of Accounts, if it is one that can tell.
func (m *Mechanism) Principals(ctx context.Context) iter.Seq2[vfs.Principal, error] {
	return principalsOf(ctx, m.Accounts)
}

// principalsOf yields whom the store tells of, nobody if it can't tell.
func principalsOf(ctx context.Context, a Accounts) iter.Seq2[vfs.Principal, error] {
	if p, ok := a.(vfs.Principals); ok {
		return p.Principals(ctx)
	}
	return func(func(vfs.Principal, error) bool) {}
}

// PrincipalsVersion implements vfs.VersionedPrincipals, if Accounts does or isn't a
// vfs.Principals.
func (m *Mechanism) PrincipalsVersion(ctx context.Context) (version string, ok bool) {
	return versionOf(ctx, m.Accounts)
}

// versionOf returns the version of what principalsOf yields.
func versionOf(ctx context.Context, a Accounts) (version string, ok bool) {
	switch a := a.(type) {
	case vfs.VersionedPrincipals:
		return a.PrincipalsVersion(ctx)
	case vfs.Principals:
		return "", false
	}
	return "", true
}

// yieldPrincipals yields a table by name. Those without a SID get a number that comes
// from the name; where two would have the same, neither gets it.
func yieldPrincipals(list []vfs.Principal, yield func(vfs.Principal, error) bool) {
	slices.SortFunc(list, func(a, b vfs.Principal) int {
		return cmp.Or(strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)), strings.Compare(a.Name, b.Name))
	})
	count := make(map[uint32]int)
	for i, p := range list {
		if p.SID == "" {
			list[i].RID = nameRID(p.Domain, p.Name)
			count[list[i].RID]++
		}
	}
	for _, p := range list {
		if count[p.RID] > 1 {
			p.RID = 0
		}
		if !yield(p, nil) {
			return
		}
	}
}

// nameRID makes the last number of a SID from a name: the same that the SID ends with
// that a Server makes for a caller who has none. Accounts that every machine has are
// below 1<<31.
func nameRID(domain, name string) uint32 {
	h := sha256.Sum256([]byte("SMB account\x00" + strings.ToLower(domain) + "\\" + strings.ToLower(name)))
	return binary.LittleEndian.Uint32(h[12:]) | 1<<31
}
