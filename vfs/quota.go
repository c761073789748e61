package vfs

import (
	"context"
	"errors"
	"time"
)

// NoQuota is a threshold or a limit that there is none.
const NoQuota = -1

// ErrQuota tells that the owner of an object would have more than his quota allows.
// Clients are told that the volume is full, which their programs understand.
var ErrQuota = errors.New("quota exceeded")

// Quota is what a user has on a file system, and what he may have.
type Quota struct {
	SID SID

	// Used is how many bytes the content takes of the objects that he owns, streams
	// included.
	Used int64

	// Threshold is what he may have before he should be warned, and Limit what he
	// can have at most, in bytes; NoQuota: as much as he likes.
	Threshold, Limit int64

	// Changed is when Threshold or Limit were set; zero: never, they are the
	// policy's, or it isn't known.
	Changed time.Time
}

// QuotaChange is what becomes of the quota of a user.
type QuotaChange struct {
	SID              SID
	Threshold, Limit int64 // as in Quota
	Remove           bool  // the quota goes, and he has what the policy says
}

// QuotaPolicy is what a file system does about quotas.
type QuotaPolicy struct {
	// Threshold and Limit are those of users who have none of their own.
	Threshold, Limit int64

	Flags QuotaFlags
}

// QuotaFlags are the flags of [MS-FSCC] 2.5.2. The backend keeps all of them, but only
// needs to obey Enforces.
type QuotaFlags uint32

// The flags of [MS-FSCC] 2.5.2 that can be set. QuotaTrack wins over QuotaEnforce.
const (
	QuotaTrack        QuotaFlags = 0x01 // tell what users have
	QuotaEnforce      QuotaFlags = 0x02 // let nobody exceed his limit
	QuotaLogThreshold QuotaFlags = 0x10
	QuotaLogLimit     QuotaFlags = 0x20

	quotaFlags = QuotaTrack | QuotaEnforce | 0x08 | QuotaLogThreshold | QuotaLogLimit | 0x40 | 0x80
)

// Valid returns f without what can't be set. [MS-FSA] 2.1.5.16.6
func (f QuotaFlags) Valid() QuotaFlags { return f & quotaFlags }

// Enforces reports whether limits hold.
func (f QuotaFlags) Enforces() bool { return f&(QuotaTrack|QuotaEnforce) == QuotaEnforce }

// Quotaer is a file system that counts what the objects of each owner take, whom their
// security descriptors or CreateOptions.Owner name, and can bound it. It is the owner who
// counts, whoever writes. Without it, or if all methods decline,
// clients are told that there are no quotas. A system that bounds what its users have by
// other means needs none of this: it returns an error that wraps [ErrQuota] or EDQUOT.
//
// The server sees to it that only administrators change something, and that others see
// what is theirs alone.
type Quotaer interface {
	// Quotas returns the quotas of all users who have something, or a quota of their
	// own, in any order.
	Quotas(ctx context.Context) ([]Quota, error)

	// Quota returns that of one user; fs.ErrNotExist if Quotas doesn't have it. It is
	// called when a client asks for the volume's size, so it should be cheap.
	Quota(ctx context.Context, sid SID) (Quota, error)

	// SetQuotas makes the changes in their order, all or none of them. To remove
	// what isn't there is fs.ErrNotExist. A limit may be below what is used.
	SetQuotas(ctx context.Context, changes []QuotaChange) error

	// QuotaPolicy returns the policy.
	QuotaPolicy(ctx context.Context) (QuotaPolicy, error)

	// SetQuotaPolicy replaces the policy.
	SetQuotaPolicy(ctx context.Context, p QuotaPolicy) error
}
