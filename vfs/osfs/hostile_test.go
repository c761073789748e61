//go:build unix

package osfs

import (
	"context"
	"fmt"
	"math/rand"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gosmbd/smb/vfs"
)

// Names and programs that try to get out of the directory.

// rounds is how often a test tries: all of them with SMB_ENDURANCE=1, which takes
// minutes.
func rounds(full int) int {
	switch {
	case os.Getenv("SMB_ENDURANCE") != "":
		return full
	case testing.Short():
		return full / 1000
	}
	return full / 100
}

// eachMode runs a test with links that are followed, with os.Root alone as well, and
// with links that are shown. test gets a directory as outside makes it.
func eachMode(t *testing.T, test func(t *testing.T, f *FS, share string)) {
	for _, mode := range []string{"followed", "portable", "shown"} {
		t.Run(mode, func(t *testing.T) {
			share := outside(t)
			opt := Options{}
			if mode == "shown" {
				opt.Symlinks = ShowSymlinks
			}
			f, err := New(share, &opt)
			if err != nil {
				t.Skip(err)
			}
			defer f.Close()
			if mode == "portable" {
				makePortable(t, f)
			}
			test(t, f, share)
			untouched(t, share)
		})
	}
}

// untouched checks what lies beside a directory that outside made.
func untouched(t *testing.T, share string) {
	t.Helper()
	top := filepath.Dir(share)
	for dir, want := range map[string][]string{top: {"out", "share"}, filepath.Join(top, "out"): {"secret"}} {
		list, err := os.ReadDir(dir)
		var names []string
		for _, e := range list {
			names = append(names, e.Name())
		}
		if err != nil || !slices.Equal(names, want) {
			t.Errorf("beside the share there is %q, %v, want %q", names, err, want)
		}
	}
	if b, err := os.ReadFile(filepath.Join(top, "out/secret")); string(b) != "secret" {
		t.Errorf("the secret is %q, %v", b, err)
	}
}

// hostile are what names are put together from.
var hostile = []string{
	"..", "..", "..", ".", "/", "/", "/", "/", "\\", "..\\", "../", "/..", "", "\x00", ":", "::$DATA", ":s",
	"abs", "abs-file", "rel", "rel-file", "rel-missing", "long-way", "abs-inside", "proc", "loop", "dangling", "dir", "good", "good-dir", "up",
	"file", "secret", "out", "share", "etc", "passwd", "proc/self/root", "proc/self/fd/3", "C:", "\\\\?\\", "~", "%2e%2e", "．．", "‥", "\u202e",
	"\xc0\xae\xc0\xae", "\xff", " ", "\n", "*", "CON", "new", "new2", strings.Repeat("x", 255), strings.Repeat("../", 40),
}

// hostileName puts a name together, half of them valid in form.
func hostileName(r *rand.Rand, top string) string {
	var b strings.Builder
	sep := []string{"/", "", "/"}[r.Intn(3)]
	if r.Intn(20) == 0 {
		b.WriteString(top)
	}
	for i := range 1 + r.Intn(6) {
		if i > 0 {
			b.WriteString(sep)
		}
		b.WriteString(hostile[r.Intn(len(hostile))])
	}
	if r.Intn(2) == 0 {
		return strings.TrimLeft(filepath.Clean(b.String()), "/")
	}
	return b.String()
}

// TestHostileNames gives hostile names to every operation that takes one.
func TestHostileNames(t *testing.T) {
	eachMode(t, func(t *testing.T, f *FS, share string) {
		r := rand.New(rand.NewSource(1))
		top := filepath.Dir(share)
		beyond := idsOf(t, f, share)
		made := 0
		for range rounds(100_000) {
			if tryAll(t, f, beyond, hostileName(r, top), hostileName(r, top)) {
				made++
			}
			// What is made is cleared away, so that the next names find the same.
			for _, n := range []string{"new", "new2", "dir/new", "dir/sub/new"} {
				_ = os.RemoveAll(filepath.Join(share, n))
			}
			if _, err := os.Stat(filepath.Join(share, "dir/file")); err != nil {
				check(t, os.RemoveAll(filepath.Join(share, "dir")))
				check(t, os.MkdirAll(filepath.Join(share, "dir/sub"), 0o755))
				check(t, os.WriteFile(filepath.Join(share, "dir/file"), []byte("inside"), 0o644))
			}
		}
		if made == 0 {
			t.Error("no name was good for anything: the test tests nothing")
		}
	})
}

// tryAll does all that can be done with two names, and reports whether anything could.
func tryAll(t *testing.T, f *FS, beyond map[uint64]string, a, b string) (worked bool) {
	ctx := context.Background()
	done := func(err error) { worked = worked || err == nil }
	for _, name := range []string{a, b} {
		h, err := f.Open(ctx, name, vfs.OpenOptions{Access: vfs.AccessFull})
		if done(err); err == nil {
			look(t, h, name, beyond)
			h.Close()
		}
		for _, dir := range []bool{false, true} {
			h, err := f.Create(ctx, name, vfs.CreateOptions{OpenOptions: vfs.OpenOptions{Access: vfs.AccessFull}, Directory: dir})
			if done(err); err == nil {
				h.Close()
			}
		}
	}
	for _, replace := range []bool{false, true} {
		done(f.Link(ctx, "dir/file", a, replace))
		done(f.Link(ctx, a, b, replace))
		done(f.Rename(ctx, a, b, replace))
		done(f.Rename(ctx, b, "new2", replace))
		var v any = f
		if l, ok := v.(vfs.Symlinker); ok {
			done(l.Symlink(ctx, b, a, replace))
			_, err := l.Readlink(ctx, a)
			done(err)
		}
	}
	done(f.Remove(ctx, a))
	done(f.Remove(ctx, b))
	return worked
}

// idsOf returns the ids of what links of the directory lead out to.
func idsOf(t *testing.T, f *FS, share string) map[uint64]string {
	top := filepath.Dir(share)
	ids := make(map[uint64]string)
	for _, name := range []string{top, filepath.Join(top, "out"), filepath.Join(top, "out/secret"), "/", "/etc", "/etc/passwd"} {
		var st status
		check(t, st.at(unix.AT_FDCWD, name))
		ids[f.id(&st)] = name
	}
	return ids
}

// look checks that what was opened isn't what lies outside, nor has it, and writes to it.
func look(t *testing.T, h vfs.File, name string, beyond map[uint64]string) {
	file := h.(*File)
	if a, err := file.Stat(context.Background()); err != nil || beyond[a.ID] != "" {
		t.Errorf("%q leads to %q, %v", name, beyond[a.ID], err)
	}
	b := make([]byte, 6)
	if n, _ := file.ReadAt(b, 0); string(b[:n]) == "secret" {
		t.Errorf("%q leads out", name)
	}
	_, _ = file.WriteAt([]byte("inside"), 0)
	_ = file.SetAttr(context.Background(), vfs.AttrChange{Attributes: vfs.AttrArchive})
	for e, err := range file.ReadDir(context.Background()) {
		if err == nil && beyond[e.Attr.ID] != "" {
			t.Errorf("%q lists %q", name, beyond[e.Attr.ID])
		}
	}
}

// TestSwapRace exchanges a directory with a link that leads out, while others open,
// list, create, rename and remove through it. A round is one attempt of theirs; for each
// ten there is at least one exchange.
func TestSwapRace(t *testing.T) {
	eachMode(t, func(t *testing.T, f *FS, share string) {
		check(t, os.MkdirAll(filepath.Join(share, "swap"), 0o755))
		check(t, os.WriteFile(filepath.Join(share, "swap/file"), []byte("inside"), 0o644))
		beyond := idsOf(t, f, share)
		ctx, cancel := context.WithCancel(t.Context())
		var opened, refused, made atomic.Int64
		var wg sync.WaitGroup
		wg.Go(func() {
			defer cancel()
			dir, tmp := filepath.Join(share, "swap"), filepath.Join(share, "tmp")
			n := rounds(1_000_000)
			some := func() bool { return min(opened.Load(), refused.Load(), made.Load()) > 0 }
			end := time.Now().Add(10 * time.Second) // for some of each
			for i := 0; i < n/10 || opened.Load()+refused.Load() < int64(n) || !some() && time.Now().Before(end); i++ {
				_ = os.Rename(dir, tmp)
				_ = os.Symlink("../out", dir)
				_ = os.Remove(dir)
				_ = os.Rename(tmp, dir)
			}
		})
		for _, name := range []string{"swap/secret", "swap/file", "swap"} {
			wg.Go(func() {
				for ctx.Err() == nil {
					h, err := f.Open(t.Context(), name, vfs.OpenOptions{Access: vfs.AccessFull})
					if err != nil {
						refused.Add(1)
						continue
					}
					opened.Add(1)
					look(t, h, name, beyond)
					h.Close()
				}
			})
		}
		wg.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				name := fmt.Sprintf("swap/new%d", i&3)
				if h, err := f.Create(t.Context(), name, vfs.CreateOptions{Attributes: vfs.AttrHidden, Directory: i&4 != 0}); err == nil {
					made.Add(1)
					h.Close()
				}
				_ = f.Link(t.Context(), "dir/file", "swap/link", true)
				_ = f.Rename(t.Context(), name, "swap/renamed", true)
				_ = f.Rename(t.Context(), "swap/secret", "stolen", true)
				for _, n := range []string{"swap/renamed", name, "swap/link", "swap/secret"} {
					_ = f.Remove(t.Context(), n)
				}
			}
		})
		wg.Wait()
		if opened.Load() == 0 || refused.Load() == 0 || made.Load() == 0 {
			t.Errorf("%d opened, %d refused, %d made: the test tests nothing", opened.Load(), refused.Load(), made.Load())
		}
	})
}
