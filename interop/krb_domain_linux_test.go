package interop

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestKerberosDomain logs users of a domain on by tickets of its controller, whose PAC says
// who they are: files are given to groups, and they see which they can read.
func TestKerberosDomain(t *testing.T) {
	need(t, "kinit")
	const alias = "docs.interop.example"
	d := startDomain(t)
	dir := t.TempDir()
	k := &kdc{dir: dir}
	conf, err := os.ReadFile(d.krb5Conf)
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "krb5.conf"), conf, 0o600)
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "hosts"), []byte(caclsHost+" "+machineHost+" "+alias+"\n"), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	s := start(t, "-listen", caclsHost+":445", "-admin", adminName+":"+password, "-keytab", d.keytab)
	as := func(user, host, cmd string) (string, error) {
		line := k.line("smbclient", "//"+host+"/share", "-s", clientConf(t), "-U", user+"@"+realm+"%"+password,
			"--use-kerberos=required", "--realm="+realm, "-c", cmd)
		return command(t, 30*time.Second, line[0], line[1:]...)
	}
	c := smbcacls{clientConf(t), adminName}
	for _, g := range []struct {
		group      string
		alice, bob bool
	}{
		{"alice", true, false},
		{"Domain Users", true, true},
		{"engineers", true, false},
		{"staff", true, false},        // by way of engineers
		{"shareholders", true, false}, // by way of staff; it is one of the resource groups
		{"strangers", false, false},
	} {
		name := strings.ReplaceAll(g.group, " ", "-")
		if err := os.WriteFile(filepath.Join(s.dir, name), []byte("content"), 0o644); err != nil {
			t.Fatal(err)
		}
		c.do(t, name, "-S", "ACL:"+d.sids[g.group]+":ALLOWED/0x0/FULL")
		for user, want := range map[string]bool{"alice": g.alice, "bob": g.bob} {
			out, err := as(user, machineHost, "get "+name+" -")
			if got := err == nil; got != want || !got && !strings.Contains(out, "NT_STATUS_ACCESS_DENIED") {
				t.Errorf("%s reads what %s may read: %v\n%s", user, g.group, err, tail(out, 5))
			}
		}
	}
	wantLog(t, s.Server, `user=`+domainName+`\alice`)

	// Another name for the machine needs no further key.
	d.tool(t, "spn", "add", "cifs/"+alias, machineName+"$")
	t.Cleanup(func() { d.tool(t, "spn", "delete", "cifs/"+alias, machineName+"$") })
	if out, err := as("bob", alias, "ls"); err != nil {
		t.Errorf("by another name: %v\n%s", err, tail(out, 5))
	}
}
