package ntlm

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// add, set and remove are changes of one account.
func add(name, password string) func(*FileEdit) error {
	return func(e *FileEdit) error { return e.Add(FileUser{Name: name, UID: 1000, Hash: HashOf(password)}) }
}

func set(name string, change func(*FileUser)) func(*FileEdit) error {
	return func(e *FileEdit) error {
		u, err := e.User(name)
		if err != nil {
			return err
		}
		change(&u)
		return e.Set(u)
	}
}

func remove(name string) func(*FileEdit) error {
	return func(e *FileEdit) error { return e.Remove(name) }
}

func disable(u *FileUser) { u.Disabled = true }
func enable(u *FileUser)  { u.Disabled = false }

func TestEditSmbpasswd(t *testing.T) {
	machine := "pc$:7:" + lm32 + ":" + hexHash("m") + ":[W          ]" + tail
	f := newFile(t, "# comment\r\nold:5:x:"+hexHash("one")+"\nnot an entry\n"+machine+"\n"+
		"nopw:6:NO PASSWORDXXXXXXXXXXXXXXXXXXXXX:NO PASSWORDXXXXXXXXXXXXXXXXXXXXX:[NU         ]"+tail)
	edit := func(change func(*FileEdit) error, want error) {
		t.Helper()
		before := f.read()
		err := EditSmbpasswd(f.path, change)
		if !errors.Is(err, want) {
			t.Errorf("error is %v, want %v", err, want)
		}
		if err != nil && f.read() != before {
			t.Error("a change that failed changed the file")
		}
	}
	edit(add("ann", "one"), nil)
	edit(add("ANN", "one"), ErrUserExists)
	edit(set("old", disable), nil)
	edit(set("PC$", disable), nil)
	edit(set("nopw", func(u *FileUser) { u.Hash = HashOf("two") }), nil)
	edit(set("nobody", disable), ErrNoSuchUser)
	edit(remove("nobody"), ErrNoSuchUser)
	lct := fmt.Sprintf("LCT-%08X", time.Now().Unix())[:9]
	got := strings.Split(f.read(), "\n")
	want := []string{
		"# comment\r",
		"old:5:x:" + hexHash("one") + ":[DU         ]:LCT-00000000:",
		"not an entry",
		"pc$:7:" + lm32 + ":" + hexHash("m") + ":[DW         ]" + tail,
		"nopw:6:" + lm32 + ":" + hexHash("two") + ":[U          ]:" + lct,
		"ann:1000:" + lm32 + ":" + hexHash("one") + ":[U          ]:" + lct,
		"",
	}
	if len(got) != len(want) {
		t.Fatalf("%q", got)
	}
	for i := range want {
		if !strings.HasPrefix(got[i], want[i]) || i < 4 && got[i] != want[i] {
			t.Errorf("line %d is %q, want %q", i, got[i], want[i])
		}
	}
	edit(set("pc$", func(u *FileUser) { u.Hash = HashOf("x") }), errMachine)
	edit(set("pc$", enable), nil)
	if !strings.Contains(f.read(), machine) {
		t.Error("the machine's line isn't what it was")
	}
	edit(remove("Ann"), nil)
	edit(set("old", enable), nil)
	if strings.Contains(f.read(), "ann:") || !strings.Contains(f.read(), "old:5:x:"+hexHash("one")+":[U          ]") {
		t.Error(f.read())
	}
	for _, name := range []string{"", "a:b", "a\nb", "#a", " a", "a ", strings.Repeat("a", 101), "a\xff"} {
		if err := EditSmbpasswd(f.path, add(name, "x")); err == nil {
			t.Errorf("%q is a name", name)
		}
	}
}

func TestEditKsmbdpwd(t *testing.T) {
	f := newFile(t, "ann:"+base64Hash("one"))
	edit := func(change func(*FileEdit) error, want error) {
		t.Helper()
		if err := EditKsmbdpwd(f.path, change); !errors.Is(err, want) {
			t.Errorf("error is %v, want %v", err, want)
		}
	}
	text := func(want string) {
		t.Helper()
		if got := f.read(); got != want {
			t.Errorf("file is %q, want %q", got, want)
		}
	}
	edit(add("#ben", "two"), nil)
	edit(set("ann", disable), nil)
	text("ann:" + disabledHash("one") + "\n#ben:" + base64Hash("two") + "\n")
	edit(set("ann", func(u *FileUser) { u.Hash = HashOf("three") }), nil) // stays disabled
	text("ann:" + disabledHash("three") + "\n#ben:" + base64Hash("two") + "\n")
	edit(set("ANN", enable), nil)
	edit(remove("#ben"), nil)
	text("ann:" + base64Hash("three") + "\n")
	edit(remove("ann"), nil)
	text("")
	if err := EditKsmbdpwd(f.path, add(strings.Repeat("a", 48), "x")); err == nil {
		t.Error("ksmbd has no such long names")
	}
	if err := EditKsmbdpwd(f.path, func(e *FileEdit) error { return e.Add(FileUser{Name: "ann"}) }); err == nil {
		t.Error("an account without a password")
	}
}

// Nothing is left of a file that wasn't there and that nothing was put into.
func TestEditNewFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "new")
	if err := EditKsmbdpwd(path, remove("ann")); !errors.Is(err, ErrNoSuchUser) {
		t.Error(err)
	}
	if err := EditKsmbdpwd(path, func(*FileEdit) error { return nil }); err != nil {
		t.Error(err)
	}
	if list, err := os.ReadDir(dir); err != nil || len(list) != 0 {
		t.Errorf("left over: %v, %v", list, err)
	}
	if err := EditKsmbdpwd(filepath.Join(dir, "no", "dir"), add("ann", "x")); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
	if err := EditKsmbdpwd(path, add("ann", "x")); err != nil {
		t.Fatal(err)
	}
	list, err := os.ReadDir(dir)
	if err != nil || len(list) != 1 {
		t.Errorf("left over: %v, %v", list, err)
	}
	if runtime.GOOS == "windows" {
		return
	}
	mode := func() os.FileMode {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		return info.Mode()
	}
	if mode() != 0o600 {
		t.Errorf("mode is %v", mode())
	}
	// What others may do goes, what the group may do stays, and a link stays a link.
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(dir, "link")
	if err := os.Symlink("new", link); err != nil {
		t.Fatal(err)
	}
	if err := EditKsmbdpwd(link, add("ben", "x")); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Lstat(link); err != nil || info.Mode().Type() != os.ModeSymlink || mode() != 0o640 {
		t.Errorf("link is %v, %v; mode of the file %v", info.Mode(), err, mode())
	}
}

// Changes at the same time don't lose each other, and who reads sees whole files.
func TestEditTogether(t *testing.T) {
	const n = 12
	path := filepath.Join(t.TempDir(), "db")
	if err := EditKsmbdpwd(path, add("first", "x")); err != nil {
		t.Fatal(err)
	}
	db, err := OpenKsmbdpwd(path)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			if err := EditKsmbdpwd(path, add(fmt.Sprintf("user%02d", i), "x")); err != nil {
				t.Error(err)
			}
			if _, err := db.file.load(); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	var names []string
	for p, err := range db.Principals(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, p.Name)
	}
	if len(names) != n+1 || !slices.IsSorted(names) {
		t.Errorf("%d accounts: %q", len(names), names)
	}
}
