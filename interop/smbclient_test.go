package interop

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// smbclient is Samba's client, set up for one dialect and protection.
type smbclient struct {
	port       int
	dialect    string // SMB3_11; empty: what both sides prefer
	protection string // sign, encrypt; empty: the default
	user       string // name%password
	options    []string
}

func newSmbclient(t *testing.T, port int) *smbclient {
	need(t, "smbclient")
	return &smbclient{port: port, user: userName + "%" + password}
}

// run runs smbclient with further arguments against "share" of the server, or
// against the server itself when share is empty.
func (c *smbclient) run(t *testing.T, share string, args ...string) (string, error) {
	t.Helper()
	var lines []string
	if c.dialect != "" {
		lines = append(lines, "client min protocol = "+c.dialect, "client max protocol = "+c.dialect)
	}
	all := []string{"-s", clientConf(t, append(lines, c.options...)...), "-p", strconv.Itoa(c.port)}
	if c.protection != "" {
		all = append(all, "--client-protection="+c.protection)
	}
	if c.user == "" {
		all = append(all, "-N")
	} else {
		all = append(all, "-U", c.user)
	}
	if share == "" {
		all = append(all, "-L", "//127.0.0.1")
	} else {
		all = append(all, "//127.0.0.1/"+share)
	}
	return command(t, 5*time.Minute, "smbclient", append(all, args...)...)
}

// do runs commands on the share; all of them must succeed. Each is a process of
// its own, since smbclient's exit status is that of the last command.
func (c *smbclient) do(t *testing.T, commands ...string) string {
	t.Helper()
	var all strings.Builder
	for _, cmd := range commands {
		out, err := c.run(t, "share", "-c", cmd)
		all.WriteString(out)
		if err != nil || strings.Contains(out, "NT_STATUS_") {
			t.Fatalf("smbclient -c %q: %v\n%s", cmd, err, tail(out, 20))
		}
	}
	return all.String()
}

// fail runs a command that must fail with the status.
func (c *smbclient) fail(t *testing.T, share, status string, args ...string) {
	t.Helper()
	out, err := c.run(t, share, args...)
	if err == nil {
		t.Errorf("smbclient %q succeeded, want %s\n%s", args, status, tail(out, 20))
	} else if !strings.Contains(out, status) {
		t.Errorf("smbclient %q: %v, want %s\n%s", args, err, status, tail(out, 20))
	}
}

// matrix calls f for each dialect and protection.
func matrix(t *testing.T, f func(t *testing.T, dialect, protection string)) {
	for _, dialect := range []string{"SMB2_02", "SMB2_10", "SMB3_00", "SMB3_02", "SMB3_11"} {
		for _, protection := range []string{"sign", "encrypt"} {
			if protection == "encrypt" && dialect < "SMB3" {
				continue
			}
			t.Run(dialect+"/"+protection, func(t *testing.T) {
				t.Parallel()
				f(t, dialect, protection)
			})
		}
	}
}

// TestSmbclient does what people do with files, in every dialect, signed and
// encrypted, and looks at the result in the shared directory.
func TestSmbclient(t *testing.T) {
	matrix(t, func(t *testing.T, dialect, protection string) {
		s := start(t)
		c := newSmbclient(t, s.Port)
		c.dialect, c.protection = dialect, protection
		local := shareDir(t)

		c.do(t, "mkdir md", `mkdir "md/with blank"`)
		for _, size := range []int64{0, 1, 65537, 3<<20 + 5, 17<<20 + 1} {
			name := fmt.Sprintf("f%d", size)
			sum := writeRandom(t, filepath.Join(local, name), size)
			c.do(t, fmt.Sprintf("put %s/%s md/%s", local, name, name))
			if got := fileSum(t, filepath.Join(s.dir, "md", name)); got != sum {
				t.Errorf("put %d bytes: the file differs", size)
			}
			c.do(t, fmt.Sprintf("get md/%s %s/back", name, local))
			if got := fileSum(t, filepath.Join(local, "back")); got != sum {
				t.Errorf("get %d bytes: the file differs", size)
			}
		}

		out := c.do(t, "ls md/*")
		wantText(t, out, "f65537", "65537", "with blank", "blocks available")
		c.do(t, `rename md/f65537 "md/with blank/Ünï.txt"`)
		wantExists(t, filepath.Join(s.dir, "md", "with blank", "Ünï.txt"), true)
		wantExists(t, filepath.Join(s.dir, "md", "f65537"), false)
		out = c.do(t, `allinfo "MD/With Blank/ünï.TXT"`)
		wantText(t, out, "create_time:", "write_time:", "[::$DATA], 65537 bytes")
		c.do(t, `del "md/with blank/Ünï.txt"`, `rmdir "md/with blank"`)
		wantExists(t, filepath.Join(s.dir, "md", "with blank"), false)

		out, _ = c.run(t, "share", "-c", "rmdir md")
		wantText(t, out, "NT_STATUS_DIRECTORY_NOT_EMPTY")
		out, _ = c.run(t, "share", "-c", "get nosuch")
		wantText(t, out, "NT_STATUS_OBJECT_NAME_NOT_FOUND")
		out, _ = c.run(t, "share", "-c", "get nosuch/deeper")
		wantText(t, out, "NT_STATUS_OBJECT_PATH_NOT_FOUND")
		out, _ = c.run(t, "share", "-c", "mkdir md")
		wantText(t, out, "NT_STATUS_OBJECT_NAME_COLLISION")

		wantText(t, c.do(t, "volume"), "Volume:", "serial number")
		wantText(t, c.do(t, "du"), "blocks of size", "Total number of bytes:")
		c.do(t, "deltree md")
		wantExists(t, filepath.Join(s.dir, "md"), false)
	})
}

// TestSmbclientBrowse lists the shares: srvsvc over a named pipe.
func TestSmbclientBrowse(t *testing.T) {
	matrix(t, func(t *testing.T, dialect, protection string) {
		s := start(t)
		c := newSmbclient(t, s.Port)
		c.dialect, c.protection = dialect, protection
		out, err := c.run(t, "", "-g")
		if err != nil {
			t.Fatalf("smbclient -L: %v\n%s", err, out)
		}
		wantText(t, out, "Disk|share|", "IPC|IPC$|")
	})
}

// TestSmbclientTree fetches a thousand files, puts them into another directory
// and deletes both.
func TestSmbclientTree(t *testing.T) {
	s := start(t)
	c := newSmbclient(t, s.Port)
	for i := range 1000 {
		dir := filepath.Join(s.dir, "tree", fmt.Sprintf("d%d", i%10))
		if i < 10 {
			mkdirAll(t, dir)
		}
		writeRandom(t, filepath.Join(dir, fmt.Sprintf("file number %d", i)), int64(i*7))
	}
	local := shareDir(t)
	c.do(t, fmt.Sprintf(`lcd %s; prompt; recurse; mask ""; mget tree`, local))
	sameTree(t, filepath.Join(s.dir, "tree"), filepath.Join(local, "tree"))
	c.do(t, fmt.Sprintf(`mkdir up; cd up; lcd %s; prompt; recurse; mask ""; mput tree`, local))
	sameTree(t, filepath.Join(local, "tree"), filepath.Join(s.dir, "up", "tree"))
	out := c.do(t, "recurse; ls")
	for i := range 10 {
		wantText(t, out, fmt.Sprintf(`\tree\d%d`, i))
	}
	c.do(t, "deltree tree", "deltree up")
	wantExists(t, filepath.Join(s.dir, "tree"), false)
	wantExists(t, filepath.Join(s.dir, "up"), false)
}

// TestSmbclientLarge copies a gigabyte both ways.
func TestSmbclientLarge(t *testing.T) {
	size := int64(1 << 30)
	if testing.Short() {
		size = 64 << 20
	}
	local := shareDir(t)
	sum := writeRandom(t, filepath.Join(local, "big"), size)
	for _, cell := range []struct{ dialect, protection string }{
		{"SMB2_10", "sign"}, {"SMB3_11", "sign"}, {"SMB3_11", "encrypt"},
	} {
		t.Run(cell.dialect+"/"+cell.protection, func(t *testing.T) {
			s := start(t)
			c := newSmbclient(t, s.Port)
			c.dialect, c.protection = cell.dialect, cell.protection
			if cell.dialect < "SMB3" && !testing.Short() {
				t.Log("64 MiB only")
				short := filepath.Join(local, "short")
				sum := writeRandom(t, short, 64<<20)
				roundTrip(t, s, c, short, sum)
				return
			}
			roundTrip(t, s, c, filepath.Join(local, "big"), sum)
		})
	}
}

func roundTrip(t *testing.T, s *server, c *smbclient, file, sum string) {
	t.Helper()
	c.do(t, "put "+file+" big")
	if fileSum(t, filepath.Join(s.dir, "big")) != sum {
		t.Error("put: the file differs")
	}
	back := file + ".back"
	defer os.Remove(back)
	c.do(t, "get big "+back)
	if fileSum(t, back) != sum {
		t.Error("get: the file differs")
	}
}
