package lint

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/gosmbd/smb"

// maxLines is how long a file may be. One story per file.
const maxLines = 700

// mayImport is the import table: which packages of the module a package may
// import, outside its tests. A pattern that ends in /... covers what is below,
// too; the first row whose pattern fits counts. "." is the root.
var mayImport = []struct {
	pkg     string
	allowed []string
}{
	{"smb2", []string{"internal/utf16le"}},
	{"signing", nil},
	{"oplock", nil},
	{"vfs", []string{"internal/deepest"}},
	{"internal/deepest", nil},
	{"internal/frame", nil},
	{"internal/nowait", nil},
	{"internal/window", nil},
	{"internal/utf16le", nil},
	{"internal/notify", []string{"smb2", "internal/utf16le"}},
	{"internal/harness", nil},
	{"internal/lint", nil},
	{"internal/spnego", nil},
	{"internal/ntlmclient", []string{"internal/utf16le", "internal/spnego"}},
	{"dcerpc/...", []string{"dcerpc/...", "internal/utf16le", "vfs"}},
	{"vfs/osfs", []string{"vfs/...", "internal/nowait"}},
	{"vfs/aferofs", []string{"vfs/...", "internal/deepest"}},
	{"vfs/...", []string{"vfs/..."}},
	{"boltstore", nil},
	{".", []string{"smb2", "signing", "oplock", "vfs", "dcerpc/...", "internal/frame", "internal/nowait", "internal/window", "internal/notify", "internal/utf16le", "internal/spnego"}},
	{"ntlm", []string{".", "vfs", "internal/utf16le", "internal/spnego"}},
	{"krb", []string{".", "vfs", "dcerpc/ndr", "internal/utf16le", "internal/spnego"}},
	{"netlogon", []string{".", "ntlm", "smb2", "vfs", "dcerpc", "dcerpc/ndr", "internal/utf16le"}},
	{"internal/smbtest", []string{"smb2", "signing", "internal/frame", "internal/utf16le", "internal/spnego", "internal/ntlmclient"}},
	{"examples/...", []string{".", "ntlm", "krb", "netlogon", "smb2", "signing", "oplock", "vfs/...", "dcerpc/...", "boltstore"}},
	{"interop/...", []string{"internal/harness"}},
	{"bench/hostile", []string{".", "ntlm", "vfs/osfs", "bench/load", "smb2", "signing", "internal/ntlmclient", "internal/spnego"}},
	{"bench/...", []string{"bench/...", "internal/harness", "smb2", "signing", "internal/ntlmclient", "internal/spnego"}},
}

// heavy are modules that only one package may import, since its users then
// have them as dependencies.
var heavy = map[string]string{
	"github.com/spf13/afero": "vfs/aferofs",
	"github.com/jcmturner/":  "krb",
	"go.etcd.io/bbolt":       "boltstore",
}

// listed is what go list tells about a package.
type listed struct {
	ImportPath string
	Dir        string
	Imports    []string
	DepOnly    bool
}

func TestImports(t *testing.T) {
	for _, p := range packages(t) {
		pkg := short(p.ImportPath)
		allowed, known := allowedFor(pkg)
		if !known {
			t.Errorf("%s is not in the import table: add it to design and mayImport", pkg)
			continue
		}
		for _, path := range p.Imports {
			if path == "C" || path == "reflect" && pkg == "smb2" {
				t.Errorf("%s imports %s", pkg, path)
			}
			for mod, only := range heavy {
				if strings.HasPrefix(path, mod) && pkg != only && !strings.HasPrefix(pkg, "examples/") {
					t.Errorf("%s imports %s, which only %s may", pkg, path, only)
				}
			}
			if path != module && !strings.HasPrefix(path, module+"/") {
				continue
			}
			if dep := short(path); !fitsAny(allowed, dep) {
				t.Errorf("%s may not import %s", pkg, dep)
			}
		}
	}
}

func allowedFor(pkg string) ([]string, bool) {
	for _, row := range mayImport {
		if fits(row.pkg, pkg) {
			return row.allowed, true
		}
	}
	return nil, false
}

func fitsAny(patterns []string, pkg string) bool {
	for _, p := range patterns {
		if fits(p, pkg) {
			return true
		}
	}
	return false
}

func fits(pattern, pkg string) bool {
	prefix, tree := strings.CutSuffix(pattern, "/...")
	return pkg == prefix || tree && strings.HasPrefix(pkg, prefix+"/")
}

func short(path string) string {
	if path == module {
		return "."
	}
	return strings.TrimPrefix(path, module+"/")
}

// packages lists the packages of the module.
func packages(t *testing.T) []listed {
	t.Helper()
	cmd := exec.Command("go", "list", "-e", "-json=ImportPath,Dir,Imports", "./...")
	cmd.Dir = root(t)
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var all []listed
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listed
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

func root(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func importsUnsafe(src []byte) bool {
	f, err := parser.ParseFile(token.NewFileSet(), "", src, parser.ImportsOnly)
	return err == nil && slices.ContainsFunc(f.Imports, func(s *ast.ImportSpec) bool { return s.Path.Value == `"unsafe"` })
}

// TestFiles checks each file by itself.
func TestFiles(t *testing.T) {
	top := root(t)
	err := filepath.WalkDir(top, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && path != top && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata"):
			return filepath.SkipDir
		case d.IsDir() || filepath.Ext(path) != ".go":
			return nil
		}
		src, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, _ := filepath.Rel(top, path)
		for _, fault := range faults(name, src) {
			t.Errorf("%s: %s", name, fault)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// unsafeFiles are those that may import unsafe, as nothing else leads to the system call that
// each of them is for.
var unsafeFiles = []string{"internal/nowait/nowait_linux.go", "vfs/osfs/quotactl_linux.go"}

func faults(name string, src []byte) []string {
	var f []string
	if importsUnsafe(src) != slices.Contains(unsafeFiles, filepath.ToSlash(name)) {
		f = append(f, "unsafe is for unsafeFiles alone")
	}
	if want, err := format.Source(src); err != nil {
		f = append(f, err.Error())
	} else if !bytes.Equal(want, src) {
		f = append(f, "gofmt would change it")
	}
	if n := bytes.Count(src, []byte("\n")); n > maxLines && !strings.HasSuffix(name, "_test.go") {
		f = append(f, fmt.Sprintf("%d lines, more than %d: does it still tell one story?", n, maxLines))
	}
	return f
}
