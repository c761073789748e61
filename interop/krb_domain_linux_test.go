package interop

import (
	"os"
	"path/filepath"
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
	testDomainGroups(t, d, s.dir, func(user, command string) (string, error) { return as(user, machineHost, command) })
	wantLog(t, s.Server, `user=`+domainName+`\alice`)

	// Another name for the machine needs no further key.
	d.tool(t, "spn", "add", "cifs/"+alias, machineName+"$")
	t.Cleanup(func() { d.tool(t, "spn", "delete", "cifs/"+alias, machineName+"$") })
	if out, err := as("bob", alias, "ls"); err != nil {
		t.Errorf("by another name: %v\n%s", err, tail(out, 5))
	}
}
