package main

import (
	"fmt"

	"github.com/gosmbd/smb"
	"github.com/gosmbd/smb/krb"
	"github.com/gosmbd/smb/ntlm"
	"github.com/gosmbd/smb/vfs"
)

// newMechanisms returns the ways to log on: Kerberos if there are keytabs, and NTLM for
// who has no ticket.
func newMechanisms(cfg *config) ([]smb.Mechanism, error) {
	var list []smb.Mechanism
	if len(cfg.keytabs) > 0 {
		m, err := krb.Open(cfg.keytabs...)
		if err != nil {
			return nil, fmt.Errorf("-keytab: %w", err)
		}
		m.Services = cfg.services
		list = append(list, m)
	}
	m, err := newNTLM(cfg)
	if err != nil {
		return nil, err
	}
	return append(list, m), nil
}

// newNTLM returns NTLM with the users of the command
// line, of the account files and of the domain. Guests are let in if a share wants them; the
// other shares refuse them.
func newNTLM(cfg *config) (smb.Mechanism, error) {
	users := make(ntlm.Static)
	for _, u := range cfg.users {
		x := ntlm.User{Password: u.password}
		if u.admin {
			x.Groups = []vfs.SID{vfs.SIDAdministrators}
		}
		users[u.name] = x
	}
	all := ntlm.FirstOf{users}
	for _, f := range cfg.accountFiles() {
		accounts, err := f.open()
		if err != nil {
			return nil, fmt.Errorf("-%s: %w", f.flag, f.explain(err))
		}
		all = append(all, accounts)
	}
	var groups *ntlm.Groups
	if cfg.groups != "" {
		var err error
		if groups, err = ntlm.OpenGroups(cfg.groups); err != nil {
			return nil, fmt.Errorf("-groups: %w", explainFile(cfg.groups, err, "make it, with lines such as Administrators:x::ann"))
		}
	}
	local := ntlm.Grouped{Accounts: all, Groups: groups}
	mech := ntlm.New(local)
	if cfg.domain.passwordFile != "" {
		var err error
		if mech, err = cfg.domain.newMechanism(local); err != nil {
			return nil, err
		}
	}
	if cfg.name != "" && cfg.domain.accounts == nil { // controllers insist on the machine account's name
		mech.Host = cfg.name
	}
	for _, s := range cfg.shares {
		mech.Guest = mech.Guest || s.guest
		mech.Anonymous = mech.Guest
	}
	return mech, nil
}
