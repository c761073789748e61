package interop

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gosmbd/smb/internal/harness"
)

// tortureWorkers is how many tests run at once, each on a share of its own,
// because tests of one family use the same file names.
const tortureWorkers = 2

// slowTorture names tests that take minutes where the machine is slow.
var slowTorture = regexp.MustCompile(`^smb2\.(maxfid|scan|dir|deny|compound_find|mangle|charset|openattr|winattr|lock\.contend|rename\.rename_dir_bench|notify|oplock|lease|replay|multichannel|timestamps)`)

// specialShares are those that some tests want: with options of the example server's
// -share flag. A line of the list names one as "share=NAME". Dir is the name of one
// before it that has the same directory.
var specialShares = []harness.Share{
	{Name: "hideunread", Options: []string{"abe"}},
	{Name: "noperm", Options: []string{"ro"}},  // tests look for it by name
	{Name: "memory", Options: []string{"mem"}}, // files can be cloned and compressed
	{Name: "fruit", Options: []string{"unixmodes"}},
	{Name: "nofruit", Options: []string{"noapple"}, Dir: "fruit"},
	{Name: "fruitzf", Options: []string{"unixmodes", "zeroids"}},
	{Name: "fruittm", Options: []string{"unixmodes", "timemachine=32K"}},
	{Name: "fruitmem", Options: []string{"mem", "unixmodes"}}, // streams may be large
	{Name: "shadow"},
}

// specialFlags are the example server's flags for them.
var specialFlags = []string{"-snapshots", "shadow=.snapshots/@GMT-%Y.%m.%d-%H.%M.%S"}

// prepareShare puts into an emptied share what tests want to find there.
var prepareShare = map[string]func(t *testing.T, dir string){"shadow": prepareSnapshot}

// prepareSnapshot makes what smb2.twrp looks for: a snapshot with a file that has a
// stream, and one that is the live one's hard link.
func prepareSnapshot(t *testing.T, dir string) {
	t.Helper()
	snap := filepath.Join(dir, ".snapshots", "@GMT-2015.10.31-19.40.30")
	foo, live := filepath.Join(snap, "foo"), filepath.Join(dir, "subdir", "hardlink")
	err := errors.Join(
		os.MkdirAll(filepath.Join(dir, "subdir"), 0o755), os.MkdirAll(filepath.Join(snap, "subdir"), 0o755),
		os.WriteFile(foo, []byte("content\n"), 0o644), os.WriteFile(live, nil, 0o644),
		os.Link(live, filepath.Join(snap, "subdir", "hardlink")),
		exec.Command("setfattr", "-n", "user.DosStream.bar:$DATA", "-v", `baz\000`, foo).Run())
	if err != nil {
		t.Fatal(err)
	}
}

// tortureTest is a line of testdata/smbtorture.txt: the name of a test, and after "#" what
// it needs besides, in the words of ../shared/torture's lists: share=NAME, or an option
// of smbtorture, NAME:KEY=VALUE or --FLAG; or user=admin for an administrator, or user=krb5
// for one with a Kerberos ticket.
type tortureTest struct {
	name, share     string
	admin, kerberos bool
	args            []string
}

func parseTortureTest(line string) (x tortureTest) {
	name, more, _ := strings.Cut(line, "#")
	x.name = strings.TrimSpace(name)
	for _, word := range strings.Fields(more) {
		share, isShare := strings.CutPrefix(word, "share=")
		switch {
		case isShare:
			x.share = share
		case word == "user=admin":
			x.admin = true
		case word == "user=krb5":
			x.kerberos = true
		case strings.HasPrefix(word, "--"):
			x.args = append(x.args, word)
		case strings.Contains(word, ":"):
			x.args = append(x.args, "--option="+word)
		}
	}
	return x
}

// TestSmbtorture runs every test that testdata/smbtorture.txt names, in a
// process of its own.
func TestSmbtorture(t *testing.T) {
	need(t, "smbtorture")
	var shares []harness.Share
	special := make(map[string]chan harness.Share)
	dirs := make(map[string]string)
	for _, sh := range specialShares {
		if sh.Dir = dirs[sh.Dir]; sh.Dir == "" {
			sh.Dir = shareDir(t)
		}
		dirs[sh.Name] = sh.Dir
		shares = append(shares, sh)
		special[sh.Name] = make(chan harness.Share, 1)
		special[sh.Name] <- sh
	}
	workers := make(chan harness.Share, tortureWorkers)
	for i := range tortureWorkers {
		sh := harness.Share{Name: fmt.Sprintf("test%d", i+1), Dir: shareDir(t)}
		shares = append(shares, sh)
		workers <- sh
	}
	// Many tests send requests of sessions that they know to be invalid, and
	// can't do so on a connection that has to be signed.
	s := startWith(t, shares, append([]string{"-signing", "offered", "-name", "torture", "-admin", adminName + ":" + password}, specialFlags...)...)
	t.Run("list", func(t *testing.T) {
		for _, line := range readLines(t, "testdata/smbtorture.txt") {
			x := parseTortureTest(line)
			if x.kerberos {
				continue // TestSmbtortureKerberos runs it
			}
			t.Run(x.name, func(t *testing.T) {
				t.Parallel()
				pool := workers
				if x.share != "" {
					pool = special[x.share]
				}
				if pool == nil {
					t.Fatalf("no share is called %q", x.share)
				}
				sh := <-pool
				defer func() { pool <- sh }()
				if s.Exited() {
					t.Fatal("the server is gone")
				}
				torture(t, s.Port, sh, x)
			})
		}
	})
}

// torture runs one test on an emptied share.
func torture(t *testing.T, port int, sh harness.Share, x tortureTest) {
	t.Helper()
	empty(t, sh.Dir)
	if prepare := prepareShare[sh.Name]; prepare != nil {
		prepare(t, sh.Dir)
	}
	limit := 60 * time.Second
	if slowTorture.MatchString(x.name) {
		limit = 4 * time.Minute
	}
	user := userName
	if x.admin {
		user = adminName
	}
	line := x.line(t, "//127.0.0.1/"+sh.Name, port, "-W", "WORKGROUP", "-U", user+"%"+password, "--option=torture:user2name="+user2Name)
	out, err := command(t, limit, line[0], line[1:]...)
	if reason := tortureResult(out, err); reason != "" {
		t.Error(reason)
	}
}

// line is how the test is run; who says as which users.
func (x tortureTest) line(t *testing.T, share string, port int, who ...string) []string {
	t.Helper()
	line := append([]string{"smbtorture", share, "-p", strconv.Itoa(port), "-s", clientConf(t),
		"--basedir=" + t.TempDir(), "--format=subunit", "--seed=1", "--option=torture:user2password=" + password}, who...)
	return append(append(line, x.args...), x.name)
}

// tortureResult returns why a run of smbtorture didn't pass, or "".
func tortureResult(out string, err error) string {
	passed := false
	sc := bufio.NewScanner(strings.NewReader(out))
	sc.Buffer(nil, 1<<24)
	for sc.Scan() {
		kind, rest, ok := strings.Cut(sc.Text(), ": ")
		if !ok {
			continue
		}
		switch kind {
		case "success", "xfail":
			passed = true
		case "failure", "error", "skip", "uxsuccess":
			reason := kind
			if strings.HasSuffix(rest, "[") && sc.Scan() {
				reason += ": " + strings.TrimSpace(sc.Text())
			}
			return reason
		}
	}
	switch {
	case err != nil:
		return fmt.Sprintf("%v; output ends with\n%s", err, tail(out, 5))
	case !passed:
		return "no result; output ends with\n" + tail(out, 5)
	}
	return ""
}

// empty removes all below dir, and what the root itself got.
func empty(t *testing.T, dir string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if err := os.RemoveAll(filepath.Join(dir, e.Name())); err != nil {
			t.Fatal(err)
		}
	}
	for _, attr := range []string{"user.DOSATTRIB", "user.NTACL", "security.NTACL"} {
		exec.Command("setfattr", "-x", attr, dir).Run() // not there, or no such program: fine
	}
}

// readLines reads a file's lines, but for those that are empty or begin with #.
func readLines(t *testing.T, path string) []string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for line := range strings.Lines(string(data)) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			lines = append(lines, line)
		}
	}
	return lines
}
