package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"

	"github.com/gosmbd/smb"
	"github.com/gosmbd/smb/netlogon"
	"github.com/gosmbd/smb/ntlm"
)

// domainConfig is the Windows or Samba domain whose users are let in.
type domainConfig struct {
	name, dnsName string
	computer      string
	passwordFile  string
	controllers   []netlogon.Controller

	accounts *netlogon.Accounts // nil without a password of the machine
}

func (d *domainConfig) addFlags(fs *flag.FlagSet) {
	fs.Func("domain", "let the users of the `domain` in, too, whose NetBIOS and DNS names are given as EXAMPLE,example.com; with -keytab and without -machine-password-file by tickets only", func(s string) error {
		d.name, d.dnsName, _ = strings.Cut(s, ",")
		return nil
	})
	fs.StringVar(&d.computer, "machine", "", "`name` of this machine's account in the domain, without $ (default the host name)")
	fs.StringVar(&d.passwordFile, "machine-password-file", "", "`file` with the password of the machine account")
	fs.Func("domain-controller", "ask this domain controller: `name` or name=address; may be repeated (default those that DNS knows)", func(s string) error {
		name, addr, _ := strings.Cut(s, "=")
		d.controllers = append(d.controllers, netlogon.Controller{Name: name, Addr: addr})
		return nil
	})
}

// check finds what makes no sense on the command line; tickets says whether it has keytabs.
func (d *domainConfig) check(tickets bool) error {
	switch {
	case d.name == "" && (d.computer != "" || d.passwordFile != "" || d.controllers != nil):
		return errors.New("-machine, -machine-password-file and -domain-controller are of no use without -domain")
	case d.name != "" && d.passwordFile == "" && (!tickets || d.computer != "" || d.controllers != nil):
		return errors.New("-domain needs the machine account's password: -machine-password-file")
	}
	return nil
}

// newMechanism returns NTLM for the users of the domain, and of local, which is asked
// first: whom it knows, the domain's user of that name can't be. -groups is about local
// users only, since names alone count there. It says so if there is no controller now, but
// there may be one later.
func (d *domainConfig) newMechanism(local ntlm.Accounts) (*ntlm.Mechanism, error) {
	var err error
	d.accounts, err = netlogon.New(netlogon.Config{
		Domain:      d.name,
		DNSDomain:   d.dnsName,
		Computer:    d.computer,
		Secret:      netlogon.PasswordFile(d.passwordFile),
		Controllers: d.controllers,
	})
	if err != nil {
		return nil, err
	}
	go func() {
		if err := d.accounts.Check(context.Background()); err != nil {
			fmt.Fprintf(os.Stderr, "server: users of the domain can't log on for now: %v\n", err)
		}
	}()
	mech := d.accounts.Mechanism()
	mech.Accounts = ntlm.FirstOf{local, d.accounts}
	return mech, nil
}

// told is what clients are told of the domain.
func (d *domainConfig) told() smb.Domain {
	if d.accounts != nil {
		return d.accounts.Domain()
	}
	return smb.Domain{Name: d.name, DNSName: d.dnsName}
}
