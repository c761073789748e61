package osfs

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os/user"
	"slices"
	"strconv"

	"github.com/gosmbd/smb/vfs"
)

// errNobody refuses callers who are nobody on the machine.
var errNobody = errors.Join(errors.New("caller is no user of the machine"), fs.ErrPermission)

// RunAsCaller is for Options.RunAs: everybody is who vfs.Caller.Unix says, and those of
// whom it says nothing have no access.
func RunAsCaller(c *vfs.Caller) (*vfs.UnixUser, error) {
	if c == nil || c.Unix == nil {
		return nil, errNobody
	}
	return c.Unix, nil
}

// RunAsUser is for Options.RunAs: everybody is u.
func RunAsUser(u vfs.UnixUser) func(*vfs.Caller) (*vfs.UnixUser, error) {
	return func(*vfs.Caller) (*vfs.UnixUser, error) { return &u, nil }
}

// LookupUser is for smb.Server.UnixUser: it looks in the machine's tables of users and
// groups. A caller is the user whose SID of vfs.UnixIdentities he has, else one of his
// name; but not if he belongs to a domain, whose users aren't those of the machine that
// are called the same. Guests, anonymous callers and unknown ones are nobody, and so is
// root. A program that is built without cgo knows /etc/passwd and /etc/group only.
func LookupUser(ctx context.Context, c *vfs.Caller) (*vfs.UnixUser, error) {
	if c.Guest || c.Anonymous {
		return nil, nil
	}
	var u *user.User
	var err error
	if uid, ok := (vfs.UnixIdentities{}).UID(c.SID); ok {
		u, err = user.LookupId(strconv.FormatUint(uint64(uid), 10))
	} else if c.Domain == "" {
		u, err = user.Lookup(c.Name)
	}
	var noID user.UnknownUserIdError
	var noName user.UnknownUserError
	switch {
	case errors.As(err, &noID), errors.As(err, &noName), err == nil && u == nil:
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("osfs: %w", err)
	}
	return unixUser(u)
}

func unixUser(u *user.User) (*vfs.UnixUser, error) {
	groups, err := u.GroupIds()
	if err != nil {
		return nil, fmt.Errorf("osfs: groups of %s: %w", u.Username, err)
	}
	var ids []uint32
	for _, s := range append([]string{u.Uid, u.Gid}, groups...) {
		id, err := strconv.ParseUint(s, 10, 32)
		if err != nil {
			return nil, fmt.Errorf("osfs: number of %s: %w", u.Username, err)
		}
		ids = append(ids, uint32(id))
	}
	if ids[0] == 0 {
		return nil, nil
	}
	return &vfs.UnixUser{UID: ids[0], GID: ids[1], Groups: ids[2:]}, nil
}

// agent is whom the system takes the process for while it does something for a caller;
// nil is the process itself. It is immutable.
type agent struct {
	uid, gid int
	groups   []int
	sys      *system
}

// agent returns whom an operation under ctx is done as.
func (f *FS) agent(ctx context.Context) (*agent, error) {
	if f.opt.RunAs == nil {
		return nil, nil
	}
	c := vfs.CallerFrom(ctx)
	if c == vfs.SystemCaller() {
		return nil, nil
	}
	u, err := f.opt.RunAs(c)
	switch {
	case err != nil:
		return nil, err
	case u == nil || u.UID == 0 || u.UID == math.MaxUint32 || u.GID == math.MaxUint32 || slices.Contains(u.Groups, math.MaxUint32):
		return nil, errNobody // -1 stands for no change
	}
	a := &agent{uid: int(u.UID), gid: int(u.GID), groups: make([]int, len(u.Groups)), sys: &f.sys}
	for i, gid := range u.Groups {
		a.groups[i] = int(gid)
	}
	return a, nil
}

// as does what needs the caller's permissions on the way to a name.
func (f *FS) as(ctx context.Context, act func() error) error {
	a, err := f.agent(ctx)
	if err != nil {
		return err
	}
	return a.run(act)
}
