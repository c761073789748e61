package memfs

import (
	"context"
	"io/fs"
	"sync"
	"time"

	"github.com/gosmbd/smb/vfs"
)

var _ vfs.Quotaer = (*FS)(nil)

// accounts are what users have, and may have. Nobody is limited before SetQuotaPolicy
// says so.
type accounts struct {
	mu     sync.Mutex
	policy *vfs.QuotaPolicy // nil: no limits
	bySID  map[vfs.SID]*account
}

// account is that of one user. It is kept while he has something, or a quota of his own.
type account struct {
	used             int64
	threshold, limit int64
	changed          time.Time // zero: he has what the policy says
}

// noPolicy is that of an FS to which none was given.
var noPolicy = vfs.QuotaPolicy{Threshold: vfs.NoQuota, Limit: vfs.NoQuota}

func (a *accounts) rules() vfs.QuotaPolicy {
	if a.policy == nil {
		return noPolicy
	}
	return *a.policy
}

// quota returns what is told of an account.
func (a *accounts) quota(sid vfs.SID, x *account) vfs.Quota {
	q := vfs.Quota{SID: sid, Used: x.used, Threshold: x.threshold, Limit: x.limit, Changed: x.changed}
	if x.changed.IsZero() {
		p := a.rules()
		q.Threshold, q.Limit = p.Threshold, p.Limit
	}
	if unlimited(sid) {
		q.Limit = vfs.NoQuota
	}
	return q
}

// unlimited reports whether it is somebody whom no quota can be set. [MS-FSA] 2.1.5.22
func unlimited(sid vfs.SID) bool { return sid == vfs.SIDAdministrators || sid == vfs.SIDSystem }

// charge counts n further bytes for a user, or fewer, and fails if that exceeds his quota.
func (a *accounts) charge(sid vfs.SID, n int64) error {
	if n == 0 || sid == "" {
		return nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	x := a.bySID[sid]
	if x == nil {
		x = &account{}
	}
	if n > 0 && a.rules().Flags.Enforces() {
		if q := a.quota(sid, x); q.Limit >= 0 && n > q.Limit-x.used {
			return vfs.ErrQuota
		}
	}
	x.used += n
	a.keep(sid, x)
	return nil
}

// keep has x be the account of a user, if there is anything to it.
func (a *accounts) keep(sid vfs.SID, x *account) {
	if x.used == 0 && x.changed.IsZero() {
		delete(a.bySID, sid)
		return
	}
	if a.bySID == nil {
		a.bySID = make(map[vfs.SID]*account)
	}
	a.bySID[sid] = x
}

// move makes n bytes of one user another's.
func (a *accounts) move(n int64, from, to vfs.SID) error {
	if from == to {
		return nil
	}
	if err := a.charge(to, n); err != nil {
		return err
	}
	return a.charge(from, -n)
}

// Quotas implements vfs.Quotaer.
func (f *FS) Quotas(context.Context) ([]vfs.Quota, error) {
	a := &f.accounts
	a.mu.Lock()
	defer a.mu.Unlock()
	list := make([]vfs.Quota, 0, len(a.bySID))
	for sid, x := range a.bySID {
		list = append(list, a.quota(sid, x))
	}
	return list, nil
}

// Quota implements vfs.Quotaer.
func (f *FS) Quota(_ context.Context, sid vfs.SID) (vfs.Quota, error) {
	a := &f.accounts
	a.mu.Lock()
	defer a.mu.Unlock()
	if x := a.bySID[sid]; x != nil {
		return a.quota(sid, x), nil
	}
	return vfs.Quota{}, fs.ErrNotExist
}

// SetQuotas implements vfs.Quotaer. Quotas of users' own count against MaxBytes.
func (f *FS) SetQuotas(_ context.Context, changes []vfs.QuotaChange) error {
	a := &f.accounts
	a.mu.Lock()
	defer a.mu.Unlock()
	next := make(map[vfs.SID]*account, len(changes))
	var more int64 // quotas
	now := time.Now()
	for _, c := range changes {
		x := next[c.SID]
		if x == nil {
			x = &account{}
			if old := a.bySID[c.SID]; old != nil {
				*x = *old
			}
			next[c.SID] = x
		}
		had := !x.changed.IsZero()
		switch {
		case !c.SID.Valid():
			return fs.ErrInvalid
		case c.Remove && !had && x.used == 0:
			return fs.ErrNotExist
		case c.Remove:
			x.changed = time.Time{}
			if had {
				more--
			}
			continue
		}
		x.threshold, x.limit, x.changed = max(c.Threshold, vfs.NoQuota), max(c.Limit, vfs.NoQuota), now
		if !had {
			more++
		}
	}
	if more > 0 && !f.reserve(more*objectCost) {
		return vfs.ErrNoSpace
	}
	if more < 0 {
		f.release(-more * objectCost)
	}
	for sid, x := range next {
		a.keep(sid, x)
	}
	return nil
}

// QuotaPolicy implements vfs.Quotaer.
func (f *FS) QuotaPolicy(context.Context) (vfs.QuotaPolicy, error) {
	f.accounts.mu.Lock()
	defer f.accounts.mu.Unlock()
	return f.accounts.rules(), nil
}

// SetQuotaPolicy implements vfs.Quotaer.
func (f *FS) SetQuotaPolicy(_ context.Context, p vfs.QuotaPolicy) error {
	p = vfs.QuotaPolicy{Threshold: max(p.Threshold, vfs.NoQuota), Limit: max(p.Limit, vfs.NoQuota), Flags: p.Flags.Valid()}
	f.accounts.mu.Lock()
	defer f.accounts.mu.Unlock()
	f.accounts.policy = &p
	return nil
}

// payer pays for the blocks of a node, which is locked: the FS has to have them, and the
// node's owner may not have more than his quota.
type payer struct {
	fs   *FS
	node *node
}

// spend lets act allocate up to n bytes of memory and c grow by growth bytes, or by less
// than none; act returns how many of the former it took.
func (p payer) spend(c *content, n, growth int64, act func() (took int64)) error {
	if err := p.fs.accounts.charge(p.node.owner(), growth); err != nil {
		return err
	}
	if n > 0 && !p.fs.reserve(n) {
		p.settle(growth, 0)
		return vfs.ErrNoSpace
	}
	before := c.alloc
	p.fs.release(n - act())
	p.settle(growth, c.alloc-before)
	return nil
}

// settle counts that the node grew by n bytes, for which growth have been charged.
func (p payer) settle(growth, n int64) {
	p.node.charged += n
	// Less than was charged, or nothing: that is never refused.
	_ = p.fs.accounts.charge(p.node.owner(), n-growth)
}

// free gives back all of c.
func (p payer) free(c *content) {
	freed := int64(len(c.blocks)) * placeCost
	for _, b := range c.blocks {
		freed += b.leave()
	}
	p.fs.release(freed)
	p.settle(0, -c.alloc)
	*c = content{}
}

// owner returns whose quota the node counts for; nobody's: "".
func (n *node) owner() vfs.SID { return n.ownerBy(n.security) }

// shownMaker returns who owns the node, if no descriptor says so.
func (n *node) shownMaker() vfs.SID {
	if n.security != nil && n.security.Owner != "" {
		return ""
	}
	return n.maker
}

// ownerBy returns the same if the node had s.
func (n *node) ownerBy(s *security) vfs.SID {
	if s == nil || s.Owner == "" {
		return n.maker
	}
	return s.Owner
}
