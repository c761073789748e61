package netlogon

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"time"
)

const defaultTimeout = 15 * time.Second

// Config says which domain, and as which of its machines.
type Config struct {
	// Domain is the domain's NetBIOS name, "EXAMPLE".
	Domain string

	// DNSDomain is its DNS name, "example.com". It may be missing if there are
	// Controllers.
	DNSDomain string

	// Computer is the NetBIOS name of this machine, as its account in the domain is
	// called without the "$". Empty means the host name up to its first dot in upper
	// case.
	Computer string

	// Secret is the password of the machine account.
	Secret Secret

	// PasswordFile is the path of a file with the password, in place of Secret, for who
	// wants [Accounts.Renew] to change it.
	PasswordFile string

	// Controllers are asked in this order: the next if one can't be reached or
	// won't talk. None means those that DNS names in _ldap._tcp.dc._msdcs.DNSDomain.
	Controllers []Controller

	// Timeout is how long one logon may take, with all that it takes to set up a
	// channel. Zero means 15 seconds.
	Timeout time.Duration

	// Dial connects to a controller; nil means a net.Dialer. Resolver finds
	// controllers; nil means net.DefaultResolver.
	Dial     func(ctx context.Context, network, addr string) (net.Conn, error)
	Resolver *net.Resolver
}

func (c *Config) dial() func(context.Context, string, string) (net.Conn, error) {
	if c.Dial != nil {
		return c.Dial
	}
	return new(net.Dialer).DialContext
}

func (c *Config) resolver() *net.Resolver {
	if c.Resolver != nil {
		return c.Resolver
	}
	return net.DefaultResolver
}

// New checks a configuration. It doesn't connect; see [Accounts.Check].
func New(cfg Config) (*Accounts, error) {
	if cfg.Computer == "" {
		host, err := os.Hostname()
		if err != nil {
			return nil, fmt.Errorf("netlogon: Computer is not set, and this machine has no name: %w", err)
		}
		host, _, _ = strings.Cut(host, ".")
		cfg.Computer = strings.ToUpper(host)
	}
	for what, name := range map[string]string{"Domain": cfg.Domain, "Computer": cfg.Computer} {
		if !isNetBIOSName(name) {
			return nil, fmt.Errorf("netlogon: %s %q is not a NetBIOS name: 1 to 15 ASCII characters, no dots", what, name)
		}
	}
	switch {
	case cfg.Secret != nil && cfg.PasswordFile != "":
		return nil, errors.New("netlogon: both Secret and PasswordFile are set")
	case cfg.PasswordFile != "":
		cfg.Secret = PasswordFile(cfg.PasswordFile)
	}
	if cfg.Secret == nil {
		return nil, errors.New("netlogon: the password of the machine account is missing")
	}
	if cfg.Timeout <= 0 {
		cfg.Timeout = defaultTimeout
	}
	for _, dc := range cfg.Controllers {
		if dc.Name == "" {
			return nil, errors.New("netlogon: a controller has no name")
		}
	}
	return &Accounts{cfg: cfg}, nil
}

func isNetBIOSName(s string) bool {
	for _, r := range s {
		if r <= ' ' || r >= 0x7f || strings.ContainsRune(`."/\[]:|<>+=;,*?$`, r) {
			return false
		}
	}
	return s != "" && len(s) <= 15
}
