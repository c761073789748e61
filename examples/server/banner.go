package main

import (
	"fmt"
	"io"
	"net"
	"os"
	"strings"

	"github.com/gosmbd/smb"
)

// printBanner tells where the server listens and what to type on a client. Its
// first line is for programs: the address, with the port that was really taken.
func printBanner(w io.Writer, cfg *config, addr *net.TCPAddr) {
	fmt.Fprintf(w, "listening on %s\n", addr)
	for _, u := range cfg.users {
		if u.generated {
			fmt.Fprintf(w, "user %s, password %s\n", u.name, u.password)
		} else {
			fmt.Fprintf(w, "user %s, with the password that you gave\n", u.name)
		}
	}
	for _, f := range cfg.accountFiles() {
		fmt.Fprintf(w, "users of %s\n", f.path)
	}
	if cfg.domain.name != "" {
		fmt.Fprintf(w, "users of the domain %s\n", cfg.domain.name)
	}
	if len(cfg.keytabs) > 0 {
		fmt.Fprintf(w, "users with a Kerberos ticket for a key of %s\n", strings.Join(cfg.keytabs, ", "))
	}
	for _, s := range cfg.shares {
		fmt.Fprintf(w, "share %s: %s\n", s.name, describe(cfg, s))
	}
	printCommands(w, cfg, clientHost(addr), addr.Port)
}

func describe(cfg *config, s shareConfig) string {
	text := s.path
	if cfg.backend == "mem" {
		text = "in memory, gone when the server ends"
	}
	for _, o := range []struct {
		set  bool
		text string
	}{{s.readOnly, "read-only"}, {s.encrypt, "encrypted"}, {s.guest, "guests too"}} {
		if o.set {
			text += ", " + o.text
		}
	}
	return text
}

// mountVersions says how Linux's mount spells the dialects that aren't 3.1.1.
var mountVersions = map[smb.Dialect]string{
	smb.Dialect202: "2.0",
	smb.Dialect210: "2.1",
	smb.Dialect300: "3.0",
	smb.Dialect302: "3.0.2",
}

// printCommands prints the lines to type, for the first user and share.
func printCommands(w io.Writer, cfg *config, host string, port int) {
	name := "NAME"
	if len(cfg.users) > 0 {
		name = cfg.users[0].name
	}
	share := cfg.shares[0].name
	vers := mountVersions[cfg.max]
	if vers == "" {
		vers = "3.1.1"
	}
	fmt.Fprintf(w, `
Windows      net use Z: \\%[1]s\%[3]s * /TCPPORT:%[2]d /USER:%[4]s
             (Windows 11 24H2 and newer; older ones want -listen :445, and no /TCPPORT)
macOS        open smb://%[4]s@%[1]s:%[2]d/%[3]s
             or mkdir -p ~/%[3]s && mount_smbfs //%[4]s@%[1]s:%[2]d/%[3]s ~/%[3]s
Linux        sudo mount -t cifs //%[1]s/%[3]s /mnt -o port=%[2]d,user=%[4]s,vers=%[5]s,uid=$(id -u)
smbclient    smbclient //%[1]s/%[3]s -p %[2]d -U %[4]s

They ask for the password. Ctrl-C ends the server.
`, host, port, share, name, vers)
}

// clientHost returns what clients can reach addr by: the address itself, or
// when that is "all", the address of the first interface that has one for
// other machines.
func clientHost(addr *net.TCPAddr) string {
	if !addr.IP.IsUnspecified() {
		return bracket(addr.IP)
	}
	var v6 net.IP
	addrs, _ := net.InterfaceAddrs()
	for _, a := range addrs {
		n, ok := a.(*net.IPNet)
		if !ok || !n.IP.IsGlobalUnicast() {
			continue
		}
		if n.IP.To4() != nil {
			return n.IP.String()
		}
		if v6 == nil {
			v6 = n.IP
		}
	}
	if name, err := os.Hostname(); err == nil {
		return name
	}
	if v6 != nil {
		return bracket(v6)
	}
	return "127.0.0.1"
}

func bracket(ip net.IP) string {
	if ip.To4() == nil {
		return "[" + ip.String() + "]"
	}
	return ip.String()
}
