package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/gosmbd/smb"
	"github.com/gosmbd/smb/netlogon"
	"github.com/gosmbd/smb/ntlm"
)

// domainConfig is the Windows or Samba domain whose users are let in.
type domainConfig struct {
	name, dnsName string
	computer      string
	passwordFile  string
	renewEvery    time.Duration // zero: the password stays
	controllers   []netlogon.Controller

	accounts *netlogon.Accounts // nil without a password of the machine
}

func (d *domainConfig) addFlags(fs *flag.FlagSet) {
	fs.Func("domain", "let the users of the `domain` in, too, whose NetBIOS and DNS names are given as EXAMPLE,example.com; with -keytab and without -machine-password-file by tickets only", func(s string) error {
		d.name, d.dnsName, _ = strings.Cut(s, ",")
		if d.name == "" {
			return errors.New("want the domain's names, as in EXAMPLE,example.com")
		}
		return nil
	})
	fs.StringVar(&d.computer, "machine", "", "`name` of this machine's account in the domain, without $ (default the host name)")
	fs.StringVar(&d.passwordFile, "machine-password-file", "", "`file` with the password of the machine account")
	fs.DurationVar(&d.renewEvery, "machine-password-renew", 0, "change the machine account's password when its file is older than this `time`, as in 720h; not if a keytab has keys of the account")
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
	case d.renewEvery < 0:
		return errors.New("-machine-password-renew takes a time, as in 720h")
	case d.renewEvery != 0 && (d.passwordFile == "" || tickets):
		return errors.New("-machine-password-renew is about -machine-password-file, and would make a -keytab of the account useless")
	case d.name != "" && d.dnsName == "" && d.controllers == nil:
		return fmt.Errorf("-domain lacks the DNS name, as in -domain %s,example.com", d.name)
	}
	return nil
}

// newMechanism returns NTLM for the users of the domain, and of local, which is asked
// first: whom it knows, the domain's user of that name can't be. -groups is about local
// users only, since names alone count there. It says so if there is no controller now, but
// there may be one later.
func (d *domainConfig) newMechanism(local ntlm.Accounts) (*ntlm.Mechanism, error) {
	_, err := os.Stat(d.passwordFile)
	if err != nil {
		return nil, fmt.Errorf("-machine-password-file: %w", explainFile(d.passwordFile, err, "write the machine account's password to it"))
	}
	d.accounts, err = netlogon.New(netlogon.Config{
		Domain:       d.name,
		DNSDomain:    d.dnsName,
		Computer:     d.computer,
		PasswordFile: d.passwordFile,
		Controllers:  d.controllers,
	})
	if err != nil {
		return nil, err
	}
	go func() {
		if err := d.accounts.Check(context.Background()); err != nil {
			fmt.Fprintf(os.Stderr, "server: users of the domain can't log on for now: %v\n", err)
		}
	}()
	if d.renewEvery > 0 {
		go d.renew()
	}
	mech := d.accounts.Mechanism()
	mech.Accounts = ntlm.FirstOf{local, d.accounts}
	return mech, nil
}

// renew changes the machine account's password whenever it is old enough.
func (d *domainConfig) renew() {
	for {
		if info, err := os.Stat(d.passwordFile); err == nil && time.Since(info.ModTime()) >= d.renewEvery {
			if err := d.accounts.Renew(context.Background()); err != nil {
				fmt.Fprintf(os.Stderr, "server: the machine account keeps its password for now: %v\n", err)
			}
		}
		time.Sleep(min(d.renewEvery, time.Hour))
	}
}

// told is what clients are told of the domain.
func (d *domainConfig) told() smb.Domain {
	if d.accounts != nil {
		return d.accounts.Domain()
	}
	return smb.Domain{Name: d.name, DNSName: d.dnsName}
}
