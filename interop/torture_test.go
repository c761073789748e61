package interop

import (
	"bufio"
	"bytes"
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

// TestSmbtorture runs every test that testdata/smbtorture.txt names, in a
// process of its own.
func TestSmbtorture(t *testing.T) {
	need(t, "smbtorture")
	tests := readList(t, "testdata/smbtorture.txt")
	var shares []harness.Share
	workers := make(chan harness.Share, tortureWorkers)
	for i := range tortureWorkers {
		sh := harness.Share{Name: fmt.Sprintf("test%d", i+1), Dir: shareDir(t)}
		shares = append(shares, sh)
		workers <- sh
	}
	// Many tests send requests of sessions that they know to be invalid, and
	// can't do so on a connection that has to be signed.
	s := startWith(t, shares, "-signing", "offered")
	t.Run("list", func(t *testing.T) {
		for _, name := range tests {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				sh := <-workers
				defer func() { workers <- sh }()
				if s.Exited() {
					t.Fatal("the server is gone")
				}
				torture(t, s.Port, sh, name)
			})
		}
	})
}

// torture runs one test on an emptied share.
func torture(t *testing.T, port int, sh harness.Share, name string) {
	t.Helper()
	empty(t, sh.Dir)
	limit := 60 * time.Second
	if slowTorture.MatchString(name) {
		limit = 4 * time.Minute
	}
	conf := clientConf(t)
	out, err := command(t, limit, "smbtorture", "//127.0.0.1/"+sh.Name, "-p", strconv.Itoa(port), "-s", conf,
		"--basedir="+t.TempDir(), "--format=subunit", "--seed=1", "-W", "WORKGROUP", "-U", userName+"%"+password,
		"--option=torture:user2name="+user2Name, "--option=torture:user2password="+password, name)
	if reason := tortureResult(out, err); reason != "" {
		t.Error(reason)
	}
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
	exec.Command("setfattr", "-x", "user.DOSATTRIB", dir).Run() // not there, or no such program: fine
}

// readList reads names, one a line, with comments from # on.
func readList(t *testing.T, path string) []string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for line := range bytes.Lines(data) {
		text, _, _ := strings.Cut(string(line), "#")
		if text = strings.TrimSpace(text); text != "" {
			names = append(names, text)
		}
	}
	return names
}
