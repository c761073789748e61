package smb

import (
	"context"
	"errors"
	"io/fs"
	"slices"
	"strings"

	"github.com/gosmbd/smb/dcerpc/srvsvc"
	"github.com/gosmbd/smb/vfs"
)

// Shares lists the shares that the caller may see, and the server's own.
func (v rpcServer) Shares(ctx context.Context) []srvsvc.Share {
	var list []srvsvc.Share
	if v.s.Shares != nil {
		for name, sh := range v.s.Shares.All(ctx) {
			list = append(list, v.share(name, sh))
		}
	}
	slices.SortFunc(list, func(a, b srvsvc.Share) int { return strings.Compare(a.Name, b.Name) })
	return append(list, v.ipcShare())
}

// Share finds a share, hidden ones too.
func (v rpcServer) Share(ctx context.Context, name string) (srvsvc.Share, bool) {
	if strings.EqualFold(name, ipcName) {
		return v.ipcShare(), true
	}
	if v.s.Shares == nil {
		return srvsvc.Share{}, false
	}
	sh, err := v.s.Shares.Share(ctx, name)
	if err != nil || sh == nil {
		return srvsvc.Share{}, false
	}
	return v.share(name, sh), true
}

func (v rpcServer) ipcShare() srvsvc.Share {
	return srvsvc.Share{
		Name: ipcName, Comment: "Remote IPC", Type: srvsvc.TypeIPC | srvsvc.TypeSpecial,
		CurrentUses: uint32(v.s.uses.count(ipcName)),
	}
}

// share describes a share. Its descriptor is the one that it has, else one that says what
// it lets users do.
func (v rpcServer) share(name string, sh *Share) srvsvc.Share {
	x := srvsvc.Share{
		Name: name, Comment: sh.Comment, Path: sh.Path, Type: srvsvc.TypeDisk,
		MaxUses: uint32(sh.MaxUsers), CurrentUses: uint32(v.s.uses.count(name)),
	}
	if x.Path == "" {
		x.Path = `C:\` + name
	}
	for flag, set := range map[uint32]bool{
		srvsvc.FlagAccessBasedEnumeration: sh.AccessBasedEnumeration,
		srvsvc.FlagContinuouslyAvailable:  v.s.continuous(sh),
		srvsvc.FlagDFSRoot:                sh.DFS != nil && v.s.hasDFS(),
		srvsvc.FlagEncrypt:                sh.Encrypt,
	} {
		if set {
			x.Flags |= flag
		}
	}
	sd := sh.Security
	if sd == nil {
		access := vfs.AccessFull
		if sh.ReadOnly {
			access = vfs.AccessReadOnly
		}
		sd = &vfs.SecurityDescriptor{
			Owner: vfs.SIDAdministrators,
			Group: vfs.SIDAdministrators,
			DACL:  &vfs.ACL{ACEs: []vfs.ACE{{Type: vfs.ACEAllowed, Mask: access, SID: vfs.SIDAuthenticatedUsers}}},
		}
	}
	x.SecurityDescriptor = sd.Append(nil)
	return x
}

// editor returns the namespace if it can be changed.
func (v rpcServer) editor() (ShareEditor, error) {
	e, ok := v.s.Shares.(ShareEditor)
	if !ok {
		return nil, fs.ErrPermission
	}
	return e, nil
}

// AddShare implements srvsvc.ShareEditor.
func (v rpcServer) AddShare(ctx context.Context, x srvsvc.Share) error {
	e, err := v.editor()
	if err != nil {
		return err
	}
	sd, err := descriptorOf(x.SecurityDescriptor)
	if err != nil {
		return err
	}
	s := ShareSettings{Path: x.Path, Comment: x.Comment, MaxUsers: clampInt(x.MaxUses), Security: sd}
	return v.changed(ctx, "added", x.Name, e.AddShare(ctx, x.Name, s))
}

// ChangeShare implements srvsvc.ShareEditor. Two flags can be changed, the others have to be
// as they are.
func (v rpcServer) ChangeShare(ctx context.Context, name string, x srvsvc.ShareChange) error {
	e, err := v.editor()
	if err != nil {
		return err
	}
	c := ShareChange{Comment: x.Comment}
	if c.Security, err = descriptorOf(x.SecurityDescriptor); err != nil {
		return err
	}
	if x.MaxUses != nil {
		n := clampInt(*x.MaxUses)
		c.MaxUsers = &n
	}
	if x.Flags != nil {
		const known = srvsvc.FlagAccessBasedEnumeration | srvsvc.FlagEncrypt
		if was, _ := v.Share(ctx, name); (*x.Flags^was.Flags)&^known != 0 {
			return errors.ErrUnsupported
		}
		abe, encrypt := *x.Flags&srvsvc.FlagAccessBasedEnumeration != 0, *x.Flags&srvsvc.FlagEncrypt != 0
		c.AccessBasedEnumeration, c.Encrypt = &abe, &encrypt
	}
	return v.changed(ctx, "changed", name, e.ChangeShare(ctx, name, c))
}

// RemoveShare implements srvsvc.ShareEditor.
func (v rpcServer) RemoveShare(ctx context.Context, name string) error {
	e, err := v.editor()
	if err != nil {
		return err
	}
	if err := e.RemoveShare(ctx, name); err != nil {
		return v.changed(ctx, "removed", name, err)
	}
	v.s.disconnect(name)
	return v.changed(ctx, "removed", name, nil)
}

// changed logs who changed a share, or why it failed.
func (v rpcServer) changed(ctx context.Context, what, name string, err error) error {
	by := vfs.CallerFrom(ctx).String()
	if err != nil {
		v.s.log.Warn("smb: a share could not be "+what, "share", name, "by", by, "err", err)
	} else {
		v.s.log.Info("smb: share "+what, "share", name, "by", by)
	}
	return err
}

// descriptorOf parses a descriptor that a client sent, nil if there is none.
func descriptorOf(b []byte) (*vfs.SecurityDescriptor, error) {
	if len(b) == 0 {
		return nil, nil
	}
	sd, err := vfs.ParseSecurityDescriptor(slices.Clone(b))
	if err != nil {
		return nil, fs.ErrInvalid
	}
	return &sd, nil
}

// clampInt turns a number of users into an int.
func clampInt(n uint32) int { return int(min(n, 1<<31-1)) }
