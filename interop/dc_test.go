package interop

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// What the domain of the tests is called, and who is in it; its users, alice and
// others, have the password that users have everywhere in these tests.
// testdata/dc_accounts.py tells all accounts.
const (
	domainName      = "INTEROP"
	realm           = "INTEROP.EXAMPLE"
	machineName     = "FILES" // account of the server under test
	machinePassword = "Staple-Battery9"
	machineHost     = "files.interop.example" // cifs/ and host/ of it are the machine's SPNs
)

// domain is Samba as the domain controller of a domain of its own. All tests
// share it, so they leave its accounts as they were.
type domain struct {
	addr     string            // IP address, with the services on their usual ports
	dir      string            // all of its state
	conf     string            // its smb.conf, for samba-tool
	krb5Conf string            // for KRB5_CONFIG
	keytab   string            // keys of the machine account
	sids     map[string]string // of accounts by name

	cmd   *exec.Cmd
	stdin io.Closer // samba -i ends with its standard input, so it never outlives the tests
	log   *os.File
}

// sharedDomain is the one that startDomain makes at first, until endDomain.
var sharedDomain struct {
	sync.Mutex
	*domain
}

// startDomain returns the domain, with its controller running. The first test that
// asks waits some ten seconds.
func startDomain(t *testing.T) *domain {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("a domain controller takes ports that are root's")
	}
	need(t, "samba")
	need(t, "samba-tool")
	sharedDomain.Lock()
	defer sharedDomain.Unlock()
	if d := sharedDomain.domain; d != nil {
		if d.cmd == nil {
			d.start(t)
		}
		return d
	}
	dir, err := os.MkdirTemp(scratch(), "smb-interop-dc-")
	if err != nil {
		t.Fatal(err)
	}
	d := &domain{dir: dir}
	d.provision(t)
	d.start(t)
	sharedDomain.domain = d
	return d
}

// endDomain is for when all tests are done.
func endDomain() {
	if d := sharedDomain.domain; d != nil {
		d.stop()
		os.RemoveAll(d.dir)
	}
}

// dcConf is the controller's configuration. Arguments: directory, address.
const dcConf = `[global]
	netbios name = DC
	workgroup = ` + domainName + `
	realm = ` + realm + `
	server role = active directory domain controller
	server services = rpc ldap cldap kdc
	dcerpc endpoint servers = epmapper netlogon samr lsarpc
	interfaces = %[2]s/8
	bind interfaces only = yes
	disable netbios = yes
	tls enabled = no
	private dir = %[1]s/private
	lock directory = %[1]s
	state directory = %[1]s/state
	cache directory = %[1]s/cache
	binddns dir = %[1]s/bind-dns
	pid directory = %[1]s/run
	ncalrpc dir = %[1]s/ncalrpc
	ntp signd socket directory = %[1]s/run
	winbindd socket directory = %[1]s/run
	log file = %[1]s/samba.log
	panic action =
`

const domainKrb5Conf = `[libdefaults]
	default_realm = ` + realm + `
	dns_lookup_realm = false
	dns_lookup_kdc = false
	rdns = false
[realms]
	` + realm + ` = {
		kdc = %s
	}
[domain_realm]
	.interop.example = ` + realm + `
`

// provision makes the domain and its accounts.
func (d *domain) provision(t *testing.T) {
	t.Helper()
	d.addr = freeLoopback(t)
	d.conf = filepath.Join(d.dir, "etc", "smb.conf")
	d.krb5Conf = filepath.Join(d.dir, "krb5.conf")
	d.keytab = filepath.Join(d.dir, "files.keytab")
	out, err := command(t, 2*time.Minute, "samba-tool", "domain", "provision", "--targetdir="+d.dir,
		"--realm="+realm, "--domain="+domainName, "--host-name=dc", "--host-ip="+d.addr,
		"--adminpass="+password, "--dns-backend=NONE")
	if err != nil {
		t.Fatalf("samba-tool domain provision: %v\n%s", err, tail(out, 20))
	}
	for path, text := range map[string]string{
		d.conf:     fmt.Sprintf(dcConf, d.dir, d.addr),
		d.krb5Conf: fmt.Sprintf(domainKrb5Conf, d.addr),
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	script, err := filepath.Abs("testdata/dc_accounts.py")
	if err != nil {
		t.Fatal(err)
	}
	// Debian's package belongs to Debian's python.
	out, err = command(t, time.Minute, python, script, d.conf, password, machineName, machinePassword, d.keytab)
	if err != nil {
		t.Fatalf("accounts of the domain: %v\n%s", err, tail(out, 20))
	}
	d.sids = make(map[string]string)
	for line := range strings.Lines(out) {
		line = strings.TrimSpace(line)
		if i := strings.LastIndex(line, " S-1-5-"); i > 0 {
			d.sids[line[:i]] = line[i+1:]
		}
	}
}

// freeLoopback returns an address of this machine whose port of the endpoint mapper
// nobody has taken: several processes may test at a time.
func freeLoopback(t *testing.T) string {
	t.Helper()
	for n := range 200 {
		addr := fmt.Sprintf("127.0.%d.%d", 1+n, 1+os.Getpid()%250)
		l, err := net.Listen("tcp", net.JoinHostPort(addr, "135"))
		if err == nil {
			l.Close()
			return addr
		}
	}
	t.Fatal("no address for the domain controller")
	return ""
}

// start runs the controller.
func (d *domain) start(t *testing.T) {
	t.Helper()
	cmd := exec.Command("samba", "-i", "-M", "single", "-s", d.conf, "--debug-stdout")
	cmd.Env = append(os.Environ(), "KRB5_CONFIG="+d.krb5Conf)
	var err error
	if d.log, err = os.OpenFile(filepath.Join(d.dir, "output"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = d.log, d.log
	if d.stdin, err = cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	d.cmd = cmd
	for _, port := range []string{"135", "389", "88"} {
		until(t, "the domain controller listens on port "+port, func() bool {
			c, err := net.Dial("tcp", net.JoinHostPort(d.addr, port))
			if err != nil {
				return false
			}
			c.Close()
			return true
		})
	}
}

// stop ends the controller, as losing power would; startDomain or start runs it
// again. A test that does this must not be parallel to others.
func (d *domain) stop() {
	if d.cmd == nil {
		return
	}
	d.cmd.Process.Kill()
	d.cmd.Wait()
	d.stdin.Close()
	d.log.Close()
	d.cmd = nil
}

// tool runs samba-tool on the domain's database.
func (d *domain) tool(t *testing.T, args ...string) string {
	t.Helper()
	out, err := command(t, time.Minute, "samba-tool", append(args, "-s", d.conf)...)
	if err != nil {
		t.Fatalf("samba-tool %s: %v\n%s", strings.Join(args, " "), err, tail(out, 20))
	}
	return out
}

// TestDomain sees to it that the domain is one: its controller knows the users and
// the machine, and the keytab has the machine's keys.
func TestDomain(t *testing.T) {
	d := startDomain(t)
	for _, name := range []string{userName, "engineers", "staff", "shareholders", machineName + "$"} {
		if !strings.HasPrefix(d.sids[name], "S-1-5-21-") {
			t.Errorf("%s has the SID %q", name, d.sids[name])
		}
	}
	for user, pw := range map[string]string{userName: password, machineName + "$": machinePassword} {
		out, err := command(t, 20*time.Second, "rpcclient", "-s", clientConf(t), "-U", domainName+`\\`+user+"%"+pw,
			"ncacn_ip_tcp:"+d.addr+"[seal]", "-c", "samlookupnames domain "+userName)
		if err != nil || !strings.Contains(out, "name "+userName) {
			t.Errorf("%s: %v\n%s", user, err, tail(out, 5))
		}
	}
}
