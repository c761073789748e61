package interop

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gosmbd/smb/internal/harness"
)

// domainServer is a server without users of its own but for an administrator, which
// asks the domain's controller as the machine of the domain. Another controller is
// never there.
type domainServer struct {
	*harness.Server
	dir string
	d   *domain
}

func startDomainServer(t *testing.T, d *domain, args ...string) *domainServer {
	t.Helper()
	if peerIsSamba() {
		t.Skip("flags of the example server")
	}
	s := &domainServer{dir: shareDir(t), d: d}
	args = append([]string{"-listen", caclsHost + ":445", "-admin", adminName + ":" + password,
		"-domain", domainName + ",interop.example", "-machine", machineName,
		"-machine-password-file", passwordFile(t, machinePassword+"\n"),
		"-domain-controller", "dead.interop.example=" + d.addr + ":1",
		"-domain-controller", "dc.interop.example=" + d.addr}, args...)
	s.Server = startConfig(t, harness.Config{Shares: []harness.Share{{Name: "share", Dir: s.dir}}, Args: args})
	return s
}

func passwordFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "machine-password")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// client is an smbclient as user%password.
func (s *domainServer) client(t *testing.T, user string) *smbclient {
	c := newSmbclient(t, s.Port)
	c.user = user
	return c
}

// as runs a command as a user of the domain, who has the password of all.
func (s *domainServer) as(t *testing.T, user, command string) (string, error) {
	t.Helper()
	return s.client(t, domainName+`\`+user+"%"+password).run(t, "share", "-I", caclsHost, "-c", command)
}

// TestDomainLogon has the users of a domain log on by NTLM, which its controller checks.
func TestDomainLogon(t *testing.T) {
	need(t, "smbcacls")
	d := startDomain(t)
	s := startDomainServer(t, d)

	t.Run("names", func(t *testing.T) {
		for _, user := range []string{domainName + `\alice`, `interop.example\alice`, `\alice`, `alice@interop.example`} {
			for _, protection := range []string{"sign", "encrypt"} {
				c := s.client(t, user+"%"+password)
				c.protection = protection
				if out, err := c.run(t, "share", "-I", caclsHost, "-c", "ls"); err != nil {
					t.Errorf("%s: %v\n%s", user, err, tail(out, 5))
				}
			}
		}
		wantText(t, s.Log(), `user=`+domainName+`\alice`)
	})
	t.Run("told", func(t *testing.T) { testDomainTold(t, s) })
	t.Run("groups", func(t *testing.T) {
		testDomainGroups(t, d, s.dir, func(user, command string) (string, error) { return s.as(t, user, command) })
	})
	t.Run("refused", func(t *testing.T) { testDomainRefused(t, s) })
	t.Run("restart", func(t *testing.T) { testDomainRestart(t, s) })
	if strings.Contains(s.Log(), password) || strings.Contains(s.Log(), machinePassword) {
		t.Error("the log shows a password")
	}
}

// testDomainTold asks the server over RPC which domain it is in.
func testDomainTold(t *testing.T, s *domainServer) {
	needImpacket(t)
	sid := strings.TrimSuffix(s.d.sids["Domain Users"], "-513")
	for _, tc := range []struct {
		user, commands string
		want           []string
	}{
		{domainName + `\alice`, "lsaquery", []string{"Domain Name: " + domainName, "Domain Sid: " + sid}},
		{domainName + `\alice`, "dsroledominfo", []string{"Machine Role = [3]"}},
		{domainName + `\alice`, "lookupnames " + domainName, []string{sid + " (Domain: 3)"}},
	} {
		out, err := command(t, 20*time.Second, "rpcclient", "-s", clientConf(t), "-U", tc.user+"%"+password,
			"ncacn_np:"+caclsHost, "-c", tc.commands)
		if err != nil {
			t.Errorf("%s: %v\n%s", tc.commands, err, tail(out, 10))
		}
		wantText(t, out, tc.want...)
	}
	script, err := filepath.Abs("testdata/impacket_domain.py")
	if err != nil {
		t.Fatal(err)
	}
	out, err := command(t, 20*time.Second, python, script, caclsHost, adminName, password)
	if err != nil {
		t.Errorf("%v\n%s", err, tail(out, 10))
	}
	wantText(t, out, "wkssvc: "+domainName, "lsarpc: "+domainName+" interop.example interop.example "+sid)
	out, err = command(t, 20*time.Second, "net", "rpc", "registry", "getvalue", `HKLM\SYSTEM\CurrentControlSet\Services\Tcpip\Parameters`, "Domain",
		"-s", clientConf(t), "-S", caclsHost, "-U", adminName+"%"+password)
	if err != nil || !strings.Contains(out, "interop.example") {
		t.Errorf("%v\n%s", err, tail(out, 10))
	}
}

// testDomainGroups gives files in a share's directory to groups and sees who can read
// them, where as runs a command as a user.
func testDomainGroups(t *testing.T, d *domain, dir string, as func(user, command string) (string, error)) {
	t.Helper()
	c := smbcacls{clientConf(t), adminName}
	for _, g := range []struct {
		group      string
		alice, bob bool
	}{
		{"alice", true, false},
		{"Domain Users", true, true},
		{"engineers", true, false},
		{"staff", true, false},        // by way of engineers
		{"shareholders", true, false}, // by way of staff; with Kerberos one of the resource groups
		{"strangers", false, false},
	} {
		name := strings.ReplaceAll(g.group, " ", "-")
		if err := os.WriteFile(filepath.Join(dir, name), []byte("content"), 0o644); err != nil {
			t.Fatal(err)
		}
		c.do(t, name, "-S", "ACL:"+d.sids[g.group]+":ALLOWED/0x0/FULL")
		for user, want := range map[string]bool{"alice": g.alice, "bob": g.bob} {
			out, err := as(user, "get "+name+" -")
			if got := err == nil; got != want || !got && !strings.Contains(out, "NT_STATUS_ACCESS_DENIED") {
				t.Errorf("%s reads what %s may read: %v\n%s", user, g.group, err, tail(out, 5))
			}
		}
	}
}

// testDomainRefused has logons fail, all at once, since the server answers late.
func testDomainRefused(t *testing.T, s *domainServer) {
	t.Cleanup(func() { s.d.tool(t, "user", "unlock", "locked") })
	for range 5 { // as many as dc_accounts.py has lock an account
		command(t, 20*time.Second, "rpcclient", "-s", clientConf(t), "-U", domainName+`\locked%wrong`,
			"ncacn_ip_tcp:"+s.d.addr+"[seal]", "-c", "enumdomains")
	}
	for user, want := range map[string]string{
		domainName + `\bob%wrong`:                  "NT_STATUS_LOGON_FAILURE",
		domainName + `\nobody%` + password:         "NT_STATUS_LOGON_FAILURE",
		domainName + `\disabled%` + password:       "NT_STATUS_ACCOUNT_DISABLED",
		domainName + `\expired%` + password:        "NT_STATUS_ACCOUNT_EXPIRED",
		domainName + `\mustchange%` + password:     "NT_STATUS_PASSWORD_MUST_CHANGE",
		domainName + `\locked%` + password:         "NT_STATUS_ACCOUNT_LOCKED_OUT",
		machineName + `\administrator%` + password: "NT_STATUS_LOGON_FAILURE",
	} {
		t.Run(user, func(t *testing.T) {
			t.Parallel()
			s.client(t, user).fail(t, "share", want, "-I", caclsHost, "-c", "ls")
		})
	}
}

// testDomainRestart stops the controller and starts it again.
func testDomainRestart(t *testing.T, s *domainServer) {
	s.d.stop()
	out, err := s.as(t, "alice", "ls")
	if err == nil || !strings.Contains(out, "NT_STATUS_NO_LOGON_SERVERS") {
		t.Errorf("without a controller: %v\n%s", err, tail(out, 5))
	}
	wantText(t, s.Log(), "no controller of the domain "+domainName, "dc.interop.example", "connection refused")
	s.d.start(t)
	until(t, "a logon when the controller is back", func() bool {
		_, err := s.as(t, "bob", "ls")
		return err == nil
	})
}

// TestDomainRenew has the server change the password of its account.
func TestDomainRenew(t *testing.T) {
	const machine = "RENEWED"
	d := startDomain(t)
	d.tool(t, "computer", "create", machine)
	t.Cleanup(func() { d.tool(t, "computer", "delete", machine) })
	d.tool(t, "user", "setpassword", machine+"$", "--newpassword="+machinePassword)
	file := passwordFile(t, machinePassword+"\n")
	hourAgo := time.Now().Add(-time.Hour)
	if err := os.Chtimes(file, hourAgo, hourAgo); err != nil {
		t.Fatal(err)
	}
	s := startDomainServer(t, d, "-machine", machine, "-machine-password-file", file, "-machine-password-renew", "30m")
	var renewed string
	until(t, "the file has another password", func() bool {
		b, err := os.ReadFile(file)
		renewed = strings.TrimSpace(string(b))
		return err == nil && renewed != machinePassword
	})
	if out, err := s.as(t, "alice", "ls"); err != nil {
		t.Errorf("%v\n%s", err, tail(out, 5))
	}
	out, err := command(t, 20*time.Second, "rpcclient", "-s", clientConf(t), "-U", domainName+`\`+machine+"$%"+renewed,
		"ncacn_ip_tcp:"+d.addr+"[seal]", "-c", "samlookupnames domain "+userName)
	if err != nil || !strings.Contains(out, "name "+userName) {
		t.Errorf("the new password: %v\n%s", err, tail(out, 5))
	}
	s.Stop()
	again := startDomainServer(t, d, "-machine", machine, "-machine-password-file", file)
	if out, err := again.as(t, "bob", "ls"); err != nil {
		t.Errorf("a server that starts with it: %v\n%s", err, tail(out, 5))
	}
	if strings.Contains(s.Log()+again.Log(), renewed) {
		t.Error("the log shows the password")
	}
}

// TestDomainMisjoined has machines that the controller doesn't take for one of the
// domain: the server says what to do.
func TestDomainMisjoined(t *testing.T) {
	d := startDomain(t)
	for name, c := range map[string]struct{ flag, value, want string }{
		"password": {"-machine-password-file", passwordFile(t, "wrong"), "password is not that of the account " + machineName + "$"},
		"account":  {"-machine", "NOBODY", "no machine account NOBODY$"},
	} {
		t.Run(name, func(t *testing.T) {
			s := startDomainServer(t, d, c.flag, c.value)
			s.client(t, domainName+`\alice%`+password).fail(t, "share", "NT_STATUS_NO_LOGON_SERVERS", "-I", caclsHost, "-c", "ls")
			wantText(t, s.Log(), c.want)
		})
	}
}
