package netlogon

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
)

// Controller is a domain controller.
type Controller struct {
	// Name is its DNS or NetBIOS name. Controllers look at the name that they are
	// called by, so it has to be right.
	Name string

	// Addr is where to connect to, if not to Name: a host or an IP address. With a
	// port, host:port, the Netlogon service is there; otherwise the endpoint mapper
	// at port 135 tells where it is.
	Addr string
}

// address splits Addr, or what stands for it. The port is empty if it is to be asked
// for.
func (c Controller) address() (host, port string) {
	addr := c.Addr
	if addr == "" {
		addr = c.Name
	}
	if host, port, err := net.SplitHostPort(addr); err == nil {
		return host, port
	}
	return strings.Trim(addr, "[]"), ""
}

// maxControllers bounds how many of those in DNS are tried.
const maxControllers = 8

// locate returns the controllers to try, in this order: those of the configuration, or
// those that DNS knows of, [MS-ADTS] 6.3.6.
func (a *Accounts) locate(ctx context.Context) ([]Controller, error) {
	if len(a.cfg.Controllers) > 0 {
		return a.cfg.Controllers, nil
	}
	if a.cfg.DNSDomain == "" {
		return nil, errors.New("netlogon: neither Controllers nor DNSDomain is set, so no domain controller can be found")
	}
	// By priority, and by chance according to weight.
	_, records, err := a.cfg.resolver().LookupSRV(ctx, "ldap", "tcp", "dc._msdcs."+a.cfg.DNSDomain)
	if err != nil && len(records) == 0 {
		return nil, fmt.Errorf("netlogon: no domain controller in DNS (is this machine's DNS server one of the domain?): %w", err)
	}
	var all []Controller
	for _, r := range records[:min(len(records), maxControllers)] {
		all = append(all, Controller{Name: strings.TrimSuffix(r.Target, ".")})
	}
	return all, nil
}
