package interop

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// caclsHost is where the server listens for smbcacls, which knows no port but 445.
const caclsHost = "127.0.0.77"

const (
	someSID  = "S-1-5-21-1-2-3-1005"
	otherSID = "S-1-5-21-1-2-3-1006"
)

// smbcacls runs the program as an administrator, and returns what it prints.
type smbcacls struct {
	conf, user string
}

func (c smbcacls) run(t *testing.T, args ...string) (string, error) {
	t.Helper()
	args = append([]string{"//" + caclsHost + "/share", "-s", c.conf, "-U", c.user + "%" + password}, args...)
	return command(t, 30*time.Second, "smbcacls", args...)
}

func (c smbcacls) do(t *testing.T, args ...string) string {
	t.Helper()
	out, err := c.run(t, args...)
	if err != nil {
		t.Fatalf("smbcacls %q: %v\n%s", args, err, out)
	}
	return out
}

// entries returns the access control list of a file.
func (c smbcacls) entries(t *testing.T, name string) (list []string) {
	t.Helper()
	for line := range strings.Lines(c.do(t, name)) {
		if acl, ok := strings.CutPrefix(strings.TrimSpace(line), "ACL:"); ok {
			list = append(list, acl)
		}
	}
	return list
}

func wantEntries(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("%s: %q, want %q", what, got, want)
	}
}

func startForCacls(t *testing.T) (*server, smbcacls) {
	need(t, "smbcacls")
	return startAt445(t, "-admin", adminName+":"+password), smbcacls{clientConf(t), adminName}
}

// startAt445 starts a server for those of Samba's tools that know no other port.
func startAt445(t *testing.T, args ...string) *server {
	t.Helper()
	if peerIsSamba() {
		t.Skip("smbd listens on another port")
	}
	l, err := net.Listen("tcp", caclsHost+":445")
	if err != nil {
		t.Skipf("SKIPPED, NOT TESTED: a server on port 445 is needed: %v", err)
	}
	l.Close()
	return start(t, append([]string{"-listen", caclsHost + ":445"}, args...)...)
}

// TestSmbcacls sets, inherits and propagates permissions of a tree.
func TestSmbcacls(t *testing.T) {
	s, c := startForCacls(t)
	if err := os.MkdirAll(filepath.Join(s.dir, "d/sub"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"d/f", "d/sub/g"} {
		if err := os.WriteFile(filepath.Join(s.dir, name), []byte("content"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	const all = "Everyone:ALLOWED/"
	wantEntries(t, "nothing stored", c.entries(t, "d"), all+"OI|CI/FULL")

	c.do(t, "d", "-a", "ACL:"+someSID+":ALLOWED/OI|CI/READ")
	wantEntries(t, "added", c.entries(t, "d"), all+"OI|CI/FULL", someSID+":ALLOWED/OI|CI/READ")
	wantEntries(t, "below, nothing stored", c.entries(t, "d/sub"), all+"OI|CI/FULL")
	c.do(t, "d", "-a", "ACL:"+otherSID+":ALLOWED/0x0/READ")
	c.do(t, "d", "-M", "ACL:"+someSID+":ALLOWED/OI|CI/CHANGE")
	c.do(t, "d", "-D", "ACL:"+otherSID+":ALLOWED/0x0/READ")
	wantEntries(t, "modified and deleted", c.entries(t, "d"), all+"OI|CI/FULL", someSID+":ALLOWED/OI|CI/CHANGE")

	c.do(t, "d", "--propagate-inheritance", "-a", "ACL:"+otherSID+":ALLOWED/OI|CI/READ")
	inherited := []string{all + "I/FULL", someSID + ":ALLOWED/I/CHANGE", otherSID + ":ALLOWED/I/READ"}
	wantEntries(t, "propagated", c.entries(t, "d/sub/g"), append([]string{all + "0x0/FULL"}, inherited...)...)
	wantEntries(t, "propagated", c.entries(t, "d/f"), append([]string{all + "0x0/FULL"}, inherited...)...)

	c.do(t, "d/sub", "-I", "remove")
	wantEntries(t, "inheritance removed", c.entries(t, "d/sub"), all+"OI|CI/FULL")
	c.do(t, "d/sub", "-I", "allow")
	wantEntries(t, "allowed", c.entries(t, "d/sub"), all+"OI|CI/FULL", all+"OI|CI|I/FULL",
		someSID+":ALLOWED/OI|CI|I/CHANGE", otherSID+":ALLOWED/OI|CI|I/READ")
	c.do(t, "d/sub", "-I", "copy")
	wantEntries(t, "copied", c.entries(t, "d/sub"), all+"OI|CI/FULL",
		someSID+":ALLOWED/OI|CI/CHANGE", otherSID+":ALLOWED/OI|CI/READ")

	// Saved as SDDL and restored. Without an option smbcacls asks for the SID of the
	// domain, and crashes if there is none.
	const domain = "--domain-sid=S-1-5-21-1-2-3"
	sddl := func() string { return strings.TrimSpace(c.do(t, "d/f", "--sddl", domain)) }
	saved := sddl()
	c.do(t, "d/f", "-C", someSID)
	wantText(t, c.do(t, "d/f"), "OWNER:"+someSID)
	c.do(t, "d/f", "-S", saved, "--sddl", domain)
	if again := sddl(); again != saved {
		t.Errorf("restored %s, want %s", again, saved)
	}
}

// TestSmbcaclsHold checks that other users are held to what was set.
func TestSmbcaclsHold(t *testing.T) {
	s, c := startForCacls(t)
	if err := os.WriteFile(filepath.Join(s.dir, "f"), []byte("content"), 0o644); err != nil {
		t.Fatal(err)
	}
	owner := smbcacls{c.conf, userName}
	owner.do(t, "f", "-a", "ACL:S-1-5-11:DENIED/0x0/0x2")
	out := filepath.Join(t.TempDir(), "out")
	for user, st := range map[string]string{userName: "", user2Name: ""} {
		read, err := command(t, 30*time.Second, "smbclient", "//"+caclsHost+"/share", "-s", c.conf, "-U", user+"%"+password, "-c", "get f "+out)
		if st == "" && err != nil {
			t.Errorf("%s reads: %v\n%s", user, err, read)
		}
		wrote, _ := command(t, 30*time.Second, "smbclient", "//"+caclsHost+"/share", "-s", c.conf, "-U", user+"%"+password, "-c", "put "+out+" f")
		wantText(t, wrote, "NT_STATUS_ACCESS_DENIED")
	}
	if b, err := os.ReadFile(filepath.Join(s.dir, "f")); err != nil || string(b) != "content" {
		t.Errorf("the file has %q, %v", b, err)
	}
	// Neither may the other user change the permissions, who doesn't own the file.
	owner.do(t, "f", "-S", "REVISION:1,OWNER:"+ownerOf(t, owner, "f")+",GROUP:S-1-5-32-545,ACL:S-1-1-0:ALLOWED/0x0/READ")
	if out, err := (smbcacls{c.conf, user2Name}).run(t, "f", "-a", "ACL:S-1-1-0:ALLOWED/0x0/FULL"); err == nil {
		t.Errorf("the other user changed the permissions:\n%s", out)
	}
	wantEntries(t, "still", owner.entries(t, "f"), "Everyone:ALLOWED/0x0/READ")
}

func ownerOf(t *testing.T, c smbcacls, name string) string {
	t.Helper()
	for line := range strings.Lines(c.do(t, name)) {
		if sid, ok := strings.CutPrefix(strings.TrimSpace(line), "OWNER:"); ok {
			return sid
		}
	}
	t.Fatal("no owner")
	return ""
}
