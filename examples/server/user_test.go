package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// userTool runs "server user" with standard input from a pipe.
func userTool(t *testing.T, stdin string, args ...string) (out, msg string, code int) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	go func() {
		w.WriteString(stdin)
		w.Close()
	}()
	var o, m bytes.Buffer
	code = runUser(args, r, &o, &m)
	return o.String(), m.String(), code
}

func TestUser(t *testing.T) {
	dir := t.TempDir()
	for _, tt := range []struct {
		flag  string
		extra []string
	}{{"-smbpasswd", []string{"-uid", "1000"}}, {"-ksmbdpwd", nil}} {
		file := []string{tt.flag, filepath.Join(dir, tt.flag)}
		do := func(stdin, word string, args ...string) (out, msg string) {
			t.Helper()
			all := append([]string{word}, append(file, args...)...)
			out, msg, code := userTool(t, stdin, all...)
			if (code == 0) != (msg == "") || code > 1 {
				t.Errorf("%v: exit status %d, %s", all, code, msg)
			}
			if strings.Contains(out+msg, "secret") {
				t.Errorf("%v shows the password: %s%s", all, out, msg)
			}
			return out, msg
		}
		list := func(want string) {
			t.Helper()
			if out, _ := do("", "list"); out != want {
				t.Errorf("list is %q, want %q", out, want)
			}
		}
		if _, msg := do("", "list"); !strings.Contains(msg, "make it with server user add "+tt.flag) {
			t.Errorf("list of no file: %s", msg)
		}
		do("secret1\nignored\n", "add", append(tt.extra, "ben")...)
		do("secret2", "add", append(tt.extra, "ann")...)
		list("ann  enabled\nben  enabled\n")
		if _, msg := do("secret3\n", "add", append(tt.extra, "ANN")...); !strings.Contains(msg, "user password") {
			t.Errorf("add again: %s", msg)
		}
		before, err := os.ReadFile(file[1])
		if err != nil {
			t.Fatal(err)
		}
		do("secret4\r\n", "password", "ann")
		after, err := os.ReadFile(file[1])
		if err != nil || bytes.Equal(before, after) {
			t.Errorf("the password stayed: %v", err)
		}
		do("", "disable", "Ben")
		list("ann  enabled\nben  disabled\n")
		do("", "enable", "ben")
		do("", "remove", "ann")
		list("ben  enabled\n")
		for _, bad := range []string{"", "\n", "\xff\n", strings.Repeat("x", maxPassword+1) + "\n"} {
			if _, msg := do(bad, "password", "ben"); !strings.Contains(msg, "nothing was changed") {
				t.Errorf("password %.10q: %s", bad, msg)
			}
		}
		for _, word := range []string{"password", "disable", "enable", "remove"} {
			if _, msg := do("secret\n", word, "nobody"); !strings.Contains(msg, "there is no") {
				t.Errorf("%s of nobody: %s", word, msg)
			}
		}
		if err := os.WriteFile(file[1], append(after, "broken\n"...), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, _, code := userTool(t, "", append([]string{"list"}, file...)...); code != 1 {
			t.Error("a broken file is listed")
		}
		if _, msg, code := userTool(t, "", append([]string{"disable"}, append(file, "ben")...)...); code != 0 || !strings.Contains(msg, "nobody in until") {
			t.Errorf("change of a broken file: %d, %s", code, msg)
		}
	}
}

func TestBadUserLines(t *testing.T) {
	file := filepath.Join(t.TempDir(), "f")
	for _, tt := range []struct {
		args, want string
	}{
		{"", "want add"},
		{"frob", "want add"},
		{"add", "which file"},
		{"add -ksmbdpwd F -smbpasswd F ann", "which file"},
		{"add -ksmbdpwd F", "whom"},
		{"add -ksmbdpwd F ann ben", "whom"},
		{"list -ksmbdpwd F ann", "no name"},
		{"add -ksmbdpwd F -uid 7 ann", "-uid is for"},
		{"remove -smbpasswd F -uid 7 ann", "-uid is for"},
		{"add -smbpasswd F -uid 4294967295 ann", "too large"},
		{"add -nosuch", "nosuch"},
		{`add -ksmbdpwd F DOM\ann`, "say ann"},
		{"add -ksmbdpwd F DOM/ann", "say ann"},
	} {
		_, msg, code := userTool(t, "", strings.Fields(strings.ReplaceAll(tt.args, "F", file))...)
		if code != 2 || !strings.Contains(msg, tt.want) || strings.Count(msg, "\n") != 1 {
			t.Errorf("%q: %d, %q, want one line with %q", tt.args, code, msg, tt.want)
		}
	}
	if out, _, code := userTool(t, "", "-help"); code != 0 || !strings.Contains(out, "server user add") {
		t.Errorf("help: %d, %s", code, out)
	}
	if _, msg, code := userTool(t, "x\n", "add", "-ksmbdpwd", filepath.Join(file, "f"), "ann"); code != 1 || !strings.Contains(msg, "there is no directory") {
		t.Errorf("no directory: %d, %s", code, msg)
	}
	_, msg, code := userTool(t, "x\n", "add", "-smbpasswd", file, "no such user here")
	if code != 1 || !strings.Contains(msg, "-uid") {
		t.Errorf("no uid: %d, %s", code, msg)
	}
}
