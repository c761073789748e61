package interop

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestSmbcquotas has Samba's tool for quotas set them, and smbclient run into one.
func TestSmbcquotas(t *testing.T) {
	need(t, "smbcquotas")
	need(t, "smbclient")
	if peerIsSamba() {
		t.Skip("smbd listens on another port, and has no quotas of its own")
	}
	l, err := net.Listen("tcp", caclsHost+":445")
	if err != nil {
		t.Skipf("SKIPPED, NOT TESTED: smbcquotas needs a server on port 445: %v", err)
	}
	l.Close()
	start(t, "-listen", caclsHost+":445", "-admin", adminName+":"+password, "-share", "memory=,mem")
	conf := clientConf(t)
	tool := func(user string, args ...string) (string, error) {
		t.Helper()
		return command(t, 30*time.Second, "smbcquotas", append([]string{"//" + caclsHost + "/memory", "-s", conf, "-U", user + "%" + password}, args...)...)
	}
	quotas := func(user string, args ...string) string {
		t.Helper()
		out, err := tool(user, args...)
		if err != nil {
			t.Fatalf("smbcquotas %q: %v\n%s", args, err, out)
		}
		return out
	}
	client := func(commands string) string {
		t.Helper()
		out, _ := command(t, 30*time.Second, "smbclient", "//"+caclsHost+"/memory", "-s", conf, "-U", userName+"%"+password, "-c", commands)
		return out
	}
	put := func(size int, name string) string {
		t.Helper()
		local := filepath.Join(t.TempDir(), "local")
		if err := os.WriteFile(local, make([]byte, size), 0o600); err != nil {
			t.Fatal(err)
		}
		return client("put " + local + " " + name)
	}
	// fields are what is printed without the spaces that align it.
	fields := func(out string) string { return strings.Join(strings.Fields(out), "") }
	put(1<<20, "first")
	wantText(t, fields(quotas(adminName, "-F")), "DefaultHardLimit:18446744073709551615QuotaFlags:QuotasEnabled:OffDenyDisk:Off")
	wantText(t, fields(quotas(adminName, "-S", "FSQFLAGS:DENY_DISK/LOG_HARDLIMIT")), "DenyDisk:OnLogSoftLimit:OffLogHardLimit:On")
	wantText(t, fields(quotas(adminName, "-S", "FSQLIM:7000000/8000000")), "DefaultSoftLimit:7000000DefaultHardLimit:8000000")
	wantText(t, fields(quotas(adminName, "-n", "-L")), ":1048576/7000000/8000000")
	wantText(t, fields(quotas(adminName, "-n", "-S", "UQLIM:"+userName+":2000000/3000000")), ":1048576/2000000/3000000")
	wantText(t, put(4<<20, "second"), "NT_STATUS_DISK_FULL")
	if out := put(1<<20, "third"); strings.Contains(out, "NT_STATUS") {
		t.Errorf("less than the quota: %s", out)
	}
	wantText(t, fields(quotas(adminName, "-n", "-L")), ":2097152/2000000/3000000")
	wantText(t, fields(quotas(userName, "-n", "-u", userName)), ":2097152/2000000/3000000")
	wantText(t, client("du"), "732 blocks of size 4096. 220 blocks available")
	if out, err := tool(userName, "-S", "UQLIM:"+userName+":2000000/300000000"); err == nil {
		t.Errorf("a user changed his quota: %s", out)
	} else {
		wantText(t, out, "NT_STATUS_ACCESS_DENIED")
	}
}
