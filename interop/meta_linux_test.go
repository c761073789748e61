package interop

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// TestSmbclientEAs sets and reads extended attributes, and looks at those of the
// shared directory.
func TestSmbclientEAs(t *testing.T) {
	matrix(t, func(t *testing.T, dialect, protection string) {
		s := start(t)
		c := newSmbclient(t, s.Port)
		c.dialect, c.protection = dialect, protection
		file := filepath.Join(s.dir, "f")
		if err := os.WriteFile(file, []byte("hello"), 0o644); err != nil {
			t.Fatal(err)
		}
		c.do(t, "mkdir d", "setea f Author Ann", "setea d on dir", "setea f other 2")
		wantText(t, c.do(t, "geteas f"), "Author (0) =", "Ann", "other (0) =")
		wantText(t, c.do(t, "geteas d"), "on (0) =", "dir")
		c.do(t, "setea F AUTHOR Bob", `setea f other ""`)
		wantXattr(t, file, "user.Author", "Bob")
		wantXattr(t, file, "user.other", "")
		if peerIsSamba() {
			return // it lists them in other places
		}
		c.fail(t, "share", "INVALID_EA_NAME", "-c", "setea f a:b x")
		c.fail(t, "share", "NT_STATUS_ACCESS_DENIED", "-c", "setea f NTACL x")

		// What a program on the server sets, and what Windows can't have.
		for _, attr := range []string{"user.local", "user.with:colon", "user.NTACL"} {
			if err := unix.Setxattr(file, attr, []byte("1"), 0); err != nil {
				t.Fatal(err)
			}
		}
		out := c.do(t, "geteas f")
		wantText(t, out, "local (0) =", "Author (0) =")
		for _, hidden := range []string{"colon", "NTACL", "DOSATTRIB"} {
			if strings.Contains(out, hidden) {
				t.Errorf("geteas shows %s:\n%s", hidden, out)
			}
		}
	})
}

func wantXattr(t *testing.T, path, attr, want string) {
	t.Helper()
	b := make([]byte, 100)
	n, err := unix.Getxattr(path, attr, b)
	if want == "" && err == unix.ENODATA {
		return
	}
	if err != nil || string(b[:n]) != want {
		t.Errorf("%s of %s is %q, %v, want %q", attr, path, b[:max(n, 0)], err, want)
	}
}

// TestSmbclientMeta does with files what isn't about their content.
func TestSmbclientMeta(t *testing.T) {
	matrix(t, func(t *testing.T, dialect, protection string) {
		s := start(t)
		c := newSmbclient(t, s.Port)
		c.dialect, c.protection = dialect, protection
		local := filepath.Join(shareDir(t), "stream")
		if err := os.WriteFile(local, []byte("in a stream"), 0o644); err != nil {
			t.Fatal(err)
		}
		sum := writeRandom(t, filepath.Join(s.dir, "f"), 3<<20+5)
		c.do(t, "put "+local+" f:s")
		wantText(t, c.do(t, "allinfo f"), "altname: F", "attributes: A", "stream: [::$DATA], 3145733 bytes", "stream: [:s:$DATA], 11 bytes")

		c.do(t, "utimes f 2020:01:02-03:04:05 2020:02:03-04:05:06 2020:03:04-05:06:07 -1")
		wantText(t, c.do(t, "allinfo f"), "Thu Jan  2 03:04:05 2020", "Mon Feb  3 04:05:06 2020", "Wed Mar  4 05:06:07 2020")

		c.do(t, "setmode f +rhs")
		wantText(t, c.do(t, "allinfo f"), "attributes: RHSA (27)")
		c.do(t, "setmode f -rhs")

		if dialect != "SMB2_02" { // smbclient copies on the server from 2.1 on
			c.do(t, "scopy f g")
			if got := fileSum(t, filepath.Join(s.dir, "g")); got != sum {
				t.Error("scopy: the file differs")
			}
		}

		c.do(t, "mkdir d", "hardlink f d/h")
		a, err := os.Stat(filepath.Join(s.dir, "f"))
		if err != nil {
			t.Fatal(err)
		}
		b, err := os.Stat(filepath.Join(s.dir, "d", "h"))
		if err != nil || !os.SameFile(a, b) || a.Sys().(*syscall.Stat_t).Nlink != 2 {
			t.Errorf("hardlink: %v", err)
		}
		wantText(t, c.do(t, `allinfo d\h`), "stream: [:s:$DATA], 11 bytes")
		c.fail(t, "share", "NT_STATUS_OBJECT_NAME_COLLISION", "-c", "hardlink f d/h")
	})
}
