package interop

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gosmbd/smb/internal/harness"
)

// TestSnapshots looks at previous versions with smbclient, and tries to change them.
func TestSnapshots(t *testing.T) {
	if peerIsSamba() {
		t.Skip("the share would need shadow_copy2")
	}
	dir := shareDir(t)
	const token = "@GMT-2026.01.02-03.04.05"
	write := func(name, content string) {
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("d/f", "after\n")
	write(".snapshots/daily-20260102-030405/d/f", "before\n")
	write(".snapshots/daily-20260102-030405/gone", "gone\n")
	s := startWith(t, []harness.Share{{Name: "share", Dir: dir}}, "-snapshots", "share=.snapshots/daily-%Y%m%d-%H%M%S")
	c := newSmbclient(t, s.Port)

	if out := c.do(t, "ls"); strings.Contains(out, ".snapshots") {
		t.Errorf("the snapshots are listed:\n%s", out)
	}
	if out := c.do(t, `allinfo d\f`); !strings.Contains(out, token) || !strings.Contains(out, "size: 7") {
		t.Errorf("allinfo:\n%s", out)
	}
	if out := c.do(t, "ls "+token+`\*`); !strings.Contains(out, "gone") {
		t.Errorf("ls:\n%s", out)
	}
	got := filepath.Join(t.TempDir(), "got")
	c.do(t, "get "+token+`\d\f `+got)
	if b, _ := os.ReadFile(got); string(b) != "before\n" {
		t.Errorf("got %q", b)
	}
	for cmd, status := range map[string]string{
		"put " + got + " " + token + `\d\f`:           "MEDIA_WRITE_PROTECTED",
		"mkdir " + token + `\new`:                     "MEDIA_WRITE_PROTECTED",
		"rm " + token + `\gone`:                       "CANNOT_DELETE",
		"get @GMT-2026.01.02-03.04.06\\gone " + got:   "NOT_FOUND",
		`ls .snapshots\*`:                             "NOT_FOUND",
		`get .snapshots\daily-20260102-030405\gone x`: "NOT_FOUND",
	} {
		// Of some commands smbclient's exit status says nothing.
		if out, _ := c.run(t, "share", "-c", cmd); !strings.Contains(out, status) {
			t.Errorf("%s: want %s\n%s", cmd, status, out)
		}
	}
}
