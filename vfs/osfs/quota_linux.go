package osfs

import (
	"context"
	"encoding/binary"
	"errors"
	"io/fs"
	"math"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/gosmbd/smb/vfs"
)

// Quotas are the kernel's, of users. It counts by itself, and limits everybody without
// CAP_SYS_RESOURCE, see File.change. What is done here is done as the process, whoever the
// caller is: the kernel asks for CAP_SYS_ADMIN, and the server has judged who may.

var _ vfs.Quotaer = (*FS)(nil)

// What quotactl(2) is told, from linux/quota.h and linux/dqblk_xfs.h.
const (
	getQuota      = 0x800007   // Q_GETQUOTA
	setQuota      = 0x800008   // Q_SETQUOTA
	getNextQuota  = 0x800009   // Q_GETNEXTQUOTA
	getQuotaState = 'X'<<8 | 5 // Q_XGETQSTAT, which not only XFS answers
	ofUsers       = 0          // USRQUOTA

	usersCounted = 1 << 0 // FS_QUOTA_UDQ_ACCT
	usersLimited = 1 << 1 // FS_QUOTA_UDQ_ENFD

	blockLimits = 1 << 0 // QIF_BLIMITS
	blockGrace  = 1 << 4 // QIF_BTIME

	quotaBlock = 1024 // QIF_DQBLKSIZE

	lastUID = math.MaxUint32 - 1 // one more is nobody
)

// userQuota is what the kernel knows of a user, as far as it is about space.
type userQuota struct {
	uid        uint32
	hard, soft uint64 // in blocks of quotaBlock; zero: none
	used       uint64 // in bytes
	grace      uint64 // when soft becomes as hard, once it is exceeded
}

// exists reports whether there is more to it than to the quota of a user of whom the kernel
// knows nothing.
func (q userQuota) exists() bool { return q.hard != 0 || q.soft != 0 || q.used != 0 }

// parseUserQuota parses struct if_nextdqblk.
func parseUserQuota(b *quotaRoom) userQuota {
	n := binary.NativeEndian
	return userQuota{
		hard: n.Uint64(b[0:]), soft: n.Uint64(b[8:]), used: n.Uint64(b[16:]), grace: n.Uint64(b[48:]),
		uid: n.Uint32(b[68:]),
	}
}

// dqblk returns struct if_dqblk to set the fields that the flags name.
func (q userQuota) dqblk(fields uint32) *quotaRoom {
	b, n := new(quotaRoom), binary.NativeEndian
	n.PutUint64(b[0:], q.hard)
	n.PutUint64(b[8:], q.soft)
	n.PutUint64(b[48:], q.grace)
	n.PutUint32(b[64:], fields)
	return b
}

// toBlocks returns a limit as the kernel has it, which can't say that somebody may have
// nothing.
func toBlocks(limit int64) uint64 {
	if limit < 0 {
		return 0
	}
	return max(1, uint64(limit)/quotaBlock)
}

func fromBlocks(n uint64) int64 {
	if n == 0 {
		return vfs.NoQuota
	}
	return int64(min(n, math.MaxInt64/quotaBlock)) * quotaBlock
}

func (q userQuota) quota(sid vfs.SID) vfs.Quota {
	return vfs.Quota{
		SID: sid, Used: int64(min(q.used, math.MaxInt64)),
		Threshold: fromBlocks(q.soft), Limit: fromBlocks(q.hard),
	}
}

// quotactl asks the kernel about users of the file system that the root is on. If nobody
// wants that, and where it doesn't count for users, is too old to be asked, or doesn't answer as one can't write
// there, that is errors.ErrUnsupported.
func (f *FS) quotactl(command, uid uint32, b *quotaRoom) error {
	if !f.opt.Quotas {
		return errors.ErrUnsupported
	}
	err := again(func() error { return quotactl(f.sys.rootfd, command<<8|ofUsers, uid, b) })
	switch err {
	case unix.ESRCH, unix.ENOSYS, unix.EOPNOTSUPP, unix.ENODEV, unix.ENOTBLK, unix.EROFS:
		return errors.ErrUnsupported
	case unix.ERANGE: // of a limit
		return fs.ErrInvalid
	}
	return err
}

func (f *FS) userQuota(uid uint32) (userQuota, error) {
	b := new(quotaRoom)
	err := f.quotactl(getQuota, uid, b)
	if err == unix.ENOENT { // XFS hasn't heard of him
		err = nil
	}
	q := parseUserQuota(b)
	q.uid = uid
	return q, err
}

func (f *FS) setUserQuota(q userQuota, fields uint32) error {
	return f.quotactl(setQuota, q.uid, q.dqblk(fields))
}

// Quotas implements vfs.Quotaer. Who may not see those of others sees that of the user who
// runs the process.
func (f *FS) Quotas(ctx context.Context) (list []vfs.Quota, err error) {
	err = f.eachQuota(ctx, func(q userQuota) {
		if sid := f.opt.Identities.UserSID(q.uid); sid.Valid() && q.exists() {
			list = append(list, q.quota(sid))
		}
	})
	if err != nil {
		return nil, f.fail("quota", ".", err)
	}
	return list, nil
}

func (f *FS) eachQuota(ctx context.Context, each func(userQuota)) error {
	b := new(quotaRoom)
	for uid := uint32(0); ; {
		err := f.quotactl(getNextQuota, uid, b)
		switch {
		case err == unix.ENOENT:
			return nil
		case err == unix.EPERM:
			q, err := f.userQuota(uint32(unix.Geteuid()))
			if err == nil {
				each(q)
			}
			return err
		case err != nil:
			return err
		}
		q := parseUserQuota(b)
		each(q)
		if q.uid >= lastUID {
			return nil
		}
		uid = q.uid + 1
		if err := ctx.Err(); err != nil {
			return err
		}
	}
}

// Quota implements vfs.Quotaer. A caller whose SID is nobody's here has the quota of the user
// as whom he acts.
func (f *FS) Quota(ctx context.Context, sid vfs.SID) (vfs.Quota, error) {
	q, err := f.quotaOf(ctx, sid)
	if err != nil {
		return vfs.Quota{}, f.fail("quota", ".", err)
	}
	return q.quota(sid), nil
}

func (f *FS) quotaOf(ctx context.Context, sid vfs.SID) (userQuota, error) {
	uid, ok := f.opt.Identities.UID(sid)
	if c := vfs.CallerFrom(ctx); !ok && c != nil && c.SID == sid {
		if a, err := f.agent(ctx); err == nil && a != nil {
			uid, ok = uint32(a.uid), true
		}
	}
	if !ok || uid > lastUID {
		return userQuota{}, fs.ErrNotExist
	}
	q, err := f.userQuota(uid)
	if err == unix.EPERM || err == nil && !q.exists() {
		err = fs.ErrNotExist
	}
	return q, err
}

// SetQuotas implements vfs.Quotaer. Limits are rounded down to KiB, but none to less than
// one.
func (f *FS) SetQuotas(ctx context.Context, changes []vfs.QuotaChange) error {
	f.sys.quotaMu.Lock()
	defer f.sys.quotaMu.Unlock()
	plan, err := f.planQuotas(changes)
	if err == nil {
		err = ctx.Err()
	}
	if err == nil {
		err = setAllQuotas(plan, f.setUserQuota)
	}
	if err != nil {
		return f.fail("setquota", ".", err)
	}
	return nil
}

// quotaStep is what becomes of the quota of one user.
type quotaStep struct{ from, to userQuota }

func (f *FS) planQuotas(changes []vfs.QuotaChange) (plan []*quotaStep, err error) {
	steps := make(map[uint32]*quotaStep)
	for _, c := range changes {
		uid, ok := f.opt.Identities.UID(c.SID)
		if !ok || uid > lastUID {
			return nil, fs.ErrInvalid
		}
		s := steps[uid]
		if s == nil {
			q, err := f.userQuota(uid)
			if err != nil {
				return nil, err
			}
			s = &quotaStep{q, q}
			steps[uid] = s
			plan = append(plan, s)
		}
		switch {
		case !c.Remove:
			s.to.hard, s.to.soft = toBlocks(c.Limit), toBlocks(c.Threshold)
			if s.to.hard != 0 { // XFS ignores what makes no sense
				s.to.soft = min(s.to.soft, s.to.hard)
			}
		case s.to.exists():
			s.to.hard, s.to.soft = 0, 0
		default:
			return nil, fs.ErrNotExist
		}
	}
	return plan, nil
}

// setAllQuotas follows a plan by calling set, and takes back what it did if that fails.
func setAllQuotas(plan []*quotaStep, set func(q userQuota, fields uint32) error) error {
	for i, s := range plan {
		if s.from == s.to {
			continue
		}
		err := set(s.to, blockLimits)
		if err == nil {
			continue
		}
		for _, done := range slices.Backward(plan[:i]) {
			if done.from != done.to {
				err = errors.Join(err, set(done.from, blockLimits|blockGrace))
			}
		}
		return err
	}
	return nil
}

// QuotaPolicy implements vfs.Quotaer.
func (f *FS) QuotaPolicy(ctx context.Context) (vfs.QuotaPolicy, error) {
	flags, err := f.quotaFlags()
	if err != nil {
		return vfs.QuotaPolicy{}, f.fail("quotapolicy", ".", err)
	}
	return vfs.QuotaPolicy{Threshold: vfs.NoQuota, Limit: vfs.NoQuota, Flags: flags}, nil
}

// quotaFlags finds out what the kernel does. Where the process can't even see its own quota
// that doesn't matter to clients.
func (f *FS) quotaFlags() (vfs.QuotaFlags, error) {
	b := new(quotaRoom)
	err := f.quotactl(getQuotaState, 0, b)
	if err == nil {
		_, err = f.userQuota(uint32(unix.Geteuid()))
	}
	state := binary.NativeEndian.Uint16(b[2:]) // qs_flags of struct fs_quota_stat
	switch {
	case err == unix.EPERM:
		return 0, errors.ErrUnsupported
	case err != nil:
		return 0, err
	case state&usersLimited != 0:
		return vfs.QuotaEnforce, nil
	case state&usersCounted != 0:
		return vfs.QuotaTrack, nil
	}
	return 0, errors.ErrUnsupported
}

// SetQuotaPolicy implements vfs.Quotaer. The policy is a matter of how the file system is
// mounted.
func (f *FS) SetQuotaPolicy(ctx context.Context, p vfs.QuotaPolicy) error {
	now, err := f.QuotaPolicy(ctx)
	if err != nil {
		return err
	}
	p = vfs.QuotaPolicy{Threshold: max(p.Threshold, vfs.NoQuota), Limit: max(p.Limit, vfs.NoQuota), Flags: p.Flags.Valid()}
	if p != now {
		return f.fail("setquotapolicy", ".", errors.ErrUnsupported)
	}
	return nil
}
