package interop

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// smbcquotas is Samba's tool for quotas, and smbclient, which runs into them.
type smbcquotas struct {
	t           *testing.T
	share, conf string
}

// newSmbcquotas starts a server that has a share which args say more of.
func newSmbcquotas(t *testing.T, share string, args ...string) smbcquotas {
	t.Helper()
	need(t, "smbcquotas")
	need(t, "smbclient")
	startAt445(t, args...)
	return smbcquotas{t, "//" + caclsHost + "/" + share, clientConf(t)}
}

func (q smbcquotas) try(user string, args ...string) (string, error) {
	q.t.Helper()
	return command(q.t, 30*time.Second, "smbcquotas", append([]string{q.share, "-s", q.conf, "-U", user + "%" + password}, args...)...)
}

// run returns what is printed without the spaces that align it.
func (q smbcquotas) run(user string, args ...string) string {
	q.t.Helper()
	out, err := q.try(user, args...)
	if err != nil {
		q.t.Fatalf("smbcquotas %q: %v\n%s", args, err, out)
	}
	return strings.Join(strings.Fields(out), "")
}

func (q smbcquotas) client(user, commands string) string {
	q.t.Helper()
	out, _ := command(q.t, 30*time.Second, "smbclient", q.share, "-s", q.conf, "-U", user+"%"+password, "-c", commands)
	return out
}

func (q smbcquotas) put(user string, size int, name string) string {
	q.t.Helper()
	local := filepath.Join(q.t.TempDir(), "local")
	if err := os.WriteFile(local, make([]byte, size), 0o600); err != nil {
		q.t.Fatal(err)
	}
	return q.client(user, "put "+local+" "+name)
}

// mayNotSet checks that a user doesn't get himself more.
func (q smbcquotas) mayNotSet(user string) {
	q.t.Helper()
	out, err := q.try(user, "-S", "UQLIM:"+user+":2000000/300000000")
	if err == nil {
		q.t.Errorf("a user changed his quota: %s", out)
		return
	}
	wantText(q.t, out, "NT_STATUS_ACCESS_DENIED")
}

// TestSmbcquotas has Samba's tool for quotas set them, and smbclient run into one.
func TestSmbcquotas(t *testing.T) {
	q := newSmbcquotas(t, "memory", "-admin", adminName+":"+password, "-share", "memory=,mem")
	q.put(userName, 1<<20, "first")
	wantText(t, q.run(adminName, "-F"), "DefaultHardLimit:18446744073709551615QuotaFlags:QuotasEnabled:OffDenyDisk:Off")
	wantText(t, q.run(adminName, "-S", "FSQFLAGS:DENY_DISK/LOG_HARDLIMIT"), "DenyDisk:OnLogSoftLimit:OffLogHardLimit:On")
	wantText(t, q.run(adminName, "-S", "FSQLIM:7000000/8000000"), "DefaultSoftLimit:7000000DefaultHardLimit:8000000")
	wantText(t, q.run(adminName, "-n", "-L"), ":1048576/7000000/8000000")
	wantText(t, q.run(adminName, "-n", "-S", "UQLIM:"+userName+":2000000/3000000"), ":1048576/2000000/3000000")
	wantText(t, q.put(userName, 4<<20, "second"), "NT_STATUS_DISK_FULL")
	if out := q.put(userName, 1<<20, "third"); strings.Contains(out, "NT_STATUS") {
		t.Errorf("less than the quota: %s", out)
	}
	wantText(t, q.run(adminName, "-n", "-L"), ":2097152/2000000/3000000")
	wantText(t, q.run(userName, "-n", "-u", userName), ":2097152/2000000/3000000")
	wantText(t, q.client(userName, "du"), "732 blocks of size 4096. 220 blocks available")
	q.mayNotSet(userName)
}

// quotaDisk is the directory of a file system whose quotas are the kernel's.
func quotaDisk(t *testing.T) string {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("SKIPPED, NOT TESTED: to mount a file system needs root")
	}
	need(t, "mkfs.ext4")
	dir := t.TempDir()
	image, at := filepath.Join(dir, "image"), filepath.Join(dir, "mounted")
	for _, err := range []error{os.WriteFile(image, nil, 0o600), os.Truncate(image, 64<<20), os.Mkdir(at, 0o755)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, line := range [][]string{
		{"mkfs.ext4", "-q", "-b", "4096", "-I", "1024", "-O", "quota", "-E", "quotatype=usrquota", image},
		{"mount", "-t", "ext4", "-o", "loop,usrquota", image, at},
	} {
		if out, err := command(t, 30*time.Second, line[0], line[1:]...); err != nil {
			t.Skipf("SKIPPED, NOT TESTED: no ext4 with quotas to be had (quota.sh has them in a virtual machine): %q: %v\n%s", line, err, out)
		}
	}
	t.Cleanup(func() {
		if out, err := command(t, 30*time.Second, "umount", at); err != nil {
			t.Errorf("umount: %v\n%s", err, out)
		}
	})
	if err := os.Chmod(at, 0o777); err != nil {
		t.Fatal(err)
	}
	return at
}

// TestSmbcquotasDisk has it set those of the machine's users on a disk, which are in KiB, and
// one of them run into his.
func TestSmbcquotasDisk(t *testing.T) {
	const user, sid, admin = "daemon", "S-1-22-1-1", "games" // whom each machine has
	q := newSmbcquotas(t, "disk", "-admin", admin+":"+password, "-user", user+":"+password, "-share", "disk="+quotaDisk(t)+",runas,quotas")
	wantText(t, q.run(admin, "-F"), "QuotasEnabled:OnDenyDisk:On")
	if out := q.put(user, 1<<20, "first"); strings.Contains(out, "NT_STATUS") {
		t.Errorf("without a quota: %s", out)
	}
	wantText(t, q.run(admin, "-n", "-L"), sid+":1048576/18446744073709551615/18446744073709551615")
	wantText(t, q.run(admin, "-n", "-S", "UQLIM:"+sid+":2000000/3000000"), sid+":1048576/1999872/2999296")
	wantText(t, q.put(user, 4<<20, "second"), "NT_STATUS_DISK_FULL")
	if out := q.client(user, "rm second"); strings.Contains(out, "NT_STATUS") {
		t.Error(out)
	}
	wantText(t, q.run(admin, "-L"), `UnixUser\daemon:1048576/1999872/2999296`)
	wantText(t, q.run(user, "-n", "-u", user), ":1048576/1999872/2999296")
	wantText(t, q.client(user, "du"), "732 blocks of size 4096. 476 blocks available")
	q.mayNotSet(user)
	wantText(t, q.run(admin, "-n", "-S", `UQLIM:Unix User\daemon:0/0`), sid+":1048576/1024/1024")
	if out, err := q.try(admin, "-S", "FSQLIM:7000000/8000000"); err == nil {
		t.Errorf("the machine's policy was changed: %s", out)
	}
}
