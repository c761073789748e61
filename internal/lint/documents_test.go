package lint

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// document returns a file of the module.
func document(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(root(t), name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestArchitecture checks that ARCHITECTURE.md names each package, each file of the root
// package, each command and each control, and no file that isn't there.
func TestArchitecture(t *testing.T) {
	text := document(t, "ARCHITECTURE.md")
	var named []string
	for _, m := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(text, -1) {
		named = append(named, strings.TrimSuffix(m[1], "/"))
	}
	isNamed := func(what string) bool {
		return slices.ContainsFunc(named, func(pattern string) bool {
			ok, _ := filepath.Match(pattern, what)
			return ok
		})
	}
	for _, p := range packages(t) {
		if pkg := short(p.ImportPath); !isNamed(pkg) {
			t.Errorf("package %s is missing", pkg)
		}
	}
	files, _ := filepath.Glob(filepath.Join(root(t), "*.go"))
	for _, f := range files {
		if f = filepath.Base(f); !strings.HasSuffix(f, "_test.go") && !isNamed(f) {
			t.Errorf("%s is missing", f)
		}
	}
	for _, name := range named {
		if !strings.HasSuffix(name, ".go") {
			continue
		}
		here, _ := filepath.Glob(filepath.Join(root(t), name))
		below, _ := filepath.Glob(filepath.Join(root(t), "*", name))
		if len(here)+len(below) == 0 {
			t.Errorf("there is no %s", name)
		}
	}
	plain := strings.ReplaceAll(text, "_", "")
	for file, row := range map[string]string{"cmd_ioctl.go": `smb2\.Fsctl(\w+): +\{`, "dispatch.go": `smb2\.Command(\w+): +\{`} {
		for _, m := range regexp.MustCompile(row).FindAllStringSubmatch(document(t, file), -1) {
			if name := strings.ToUpper(m[1]); !regexp.MustCompile(`\b` + name + `\b`).MatchString(plain) {
				t.Errorf("%s of %s is missing", name, file)
			}
		}
	}
}

// TestLinks checks that what the documents link to is there.
func TestLinks(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^):#]*)(?:#([^)]*))?\)`)
	heading := regexp.MustCompile(`(?m)^#+ (.*)$`)
	for _, name := range []string{"README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md"} {
		for _, m := range link.FindAllStringSubmatch(document(t, name), -1) {
			file, anchor := m[1], m[2]
			if file == "" {
				file = name
			}
			if _, err := os.Stat(filepath.Join(root(t), file)); err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			if anchor == "" {
				continue
			}
			found := false
			for _, h := range heading.FindAllStringSubmatch(document(t, file), -1) {
				found = found || strings.ReplaceAll(strings.ToLower(h[1]), " ", "-") == anchor
			}
			if !found {
				t.Errorf("%s: %s has no heading %q", name, file, anchor)
			}
		}
	}
}

// given is what the README's pieces of code take for granted.
const given = `
var (
	db       *sql.DB
	dir      vfs.FS
	accounts ntlm.Static
	srv      *smb.Server
)
`

// TestReadme builds the code of the README: whole programs as they are, declarations and
// statements in a program of their own.
func TestReadme(t *testing.T) {
	if testing.Short() {
		t.Skip("builds programs")
	}
	block := regexp.MustCompile("(?ms)^```go\n(.*?)^```$")
	assigned := regexp.MustCompile(`(?m)^(\w+)(?:, (\w+))? :=`)
	for i, m := range block.FindAllStringSubmatch(document(t, "README.md"), -1) {
		code := regexp.MustCompile(`(?m)^(// )?\.\.\.$`).ReplaceAllString(m[1], "")
		switch {
		case strings.HasPrefix(code, "package "):
		case strings.Contains(code, "\ntype "):
			code = program(code + "\nfunc main() {}\n")
		default:
			for _, a := range assigned.FindAllStringSubmatch(code, -1) {
				code += fmt.Sprintf("_ = %s\n", a[1])
				if a[2] != "" {
					code += fmt.Sprintf("_ = %s\n", a[2])
				}
			}
			code = program(given + "func main() {\n" + code + "}\n")
		}
		file := filepath.Join(t.TempDir(), "main.go")
		if err := os.WriteFile(file, []byte(code), 0o600); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command("go", "vet", file)
		cmd.Dir = root(t)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("piece %d: %v\n%s%s", i+1, err, out, code)
		}
	}
}

// program puts in front of code the imports that it has a use for.
func program(code string) string {
	head := "package main\n\n"
	for _, path := range []string{"context", "database/sql", "errors", "io/fs", "iter", "log", "net", "strings", "syscall",
		"golang.org/x/sys/unix", module, module + "/boltstore", module + "/krb", module + "/ntlm", module + "/vfs"} {
		if regexp.MustCompile(`\b` + filepath.Base(path) + `\.`).MatchString(code) {
			head += fmt.Sprintf("import %q\n", path)
		}
	}
	return head + code
}
