package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/gosmbd/smb"
	"github.com/gosmbd/smb/ntlm"
	"github.com/gosmbd/smb/vfs"
)

// newMechanism returns the way to log on: NTLM with the users of the command
// line and of the smbpasswd file. Guests are let in if a share wants them; the
// other shares refuse them.
func newMechanism(cfg *config) (smb.Mechanism, error) {
	users := make(ntlm.Static)
	for _, u := range cfg.users {
		x := ntlm.User{Password: u.password}
		if u.admin {
			x.Groups = []vfs.SID{vfs.SIDAdministrators}
		}
		users[u.name] = x
	}
	all := firstOf{users}
	if cfg.smbpasswd != "" {
		file, err := ntlm.OpenSmbpasswd(cfg.smbpasswd)
		if err != nil {
			return nil, fmt.Errorf("-smbpasswd: %w", err)
		}
		all = append(all, file)
	}
	mech := ntlm.New(all)
	for _, s := range cfg.shares {
		mech.Guest = mech.Guest || s.guest
		mech.Anonymous = mech.Guest
	}
	return mech, nil
}

// firstOf is the accounts of several stores; the first that knows a user
// decides.
type firstOf []ntlm.Accounts

// Authenticate implements ntlm.Accounts.
func (f firstOf) Authenticate(ctx context.Context, a *ntlm.Attempt) (*ntlm.Logon, error) {
	for _, accounts := range f {
		logon, err := accounts.Authenticate(ctx, a)
		if !errors.Is(err, ntlm.ErrNoSuchUser) {
			return logon, err
		}
	}
	return nil, a.NoSuchUser()
}
