package smb_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/gosmbd/smb"
	"github.com/gosmbd/smb/internal/smbtest"
	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs/osfs"
)

// onDisk is newRig with a directory of the machine as share "s".
func onDisk(t testing.TB) (r *rig, at func(name string) string) {
	t.Helper()
	dir := t.TempDir()
	fsys, err := osfs.New(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	r = newRig(t, func(s *smb.Server) { s.Shares.(smb.Shares)["s"] = &smb.Share{FS: fsys} })
	t.Cleanup(func() { // after the server's
		r.srv.Close()
		fsys.Close()
	})
	return r, func(name string) string { return filepath.Join(dir, filepath.FromSlash(name)) }
}

// Programs of the machine end what clients cache, within a second.
func TestLocalPrograms(t *testing.T) {
	for _, tt := range []struct {
		name string
		do   func(t *testing.T, at func(string) string)
		file bool // the lease on d/f ends
		told string
	}{
		{"create", func(t *testing.T, at func(string) string) { noErr(t, os.Mkdir(at("d/New"), 0o755)) }, false, "+New"},
		{"write", func(t *testing.T, at func(string) string) {
			f, err := os.OpenFile(at("d/f"), os.O_WRONLY, 0)
			noErr(t, err)
			defer f.Close()
			_, err = f.WriteAt([]byte("CONTENT"), 0)
			noErr(t, err)
		}, true, "~f"},
		{"remove", func(t *testing.T, at func(string) string) { noErr(t, os.Remove(at("d/f"))) }, true, "-f"},
		{"rename", func(t *testing.T, at func(string) string) { noErr(t, os.Rename(at("d/f"), at("d/g"))) }, true, "<f >g"},
		{"replace", func(t *testing.T, at func(string) string) { noErr(t, os.Rename(at("other"), at("d/f"))) }, true, "+f"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r, at := onDisk(t)
			noErr(t, os.Mkdir(at("d"), 0o755))
			noErr(t, os.WriteFile(at("d/f"), []byte("content"), 0o644))
			noErr(t, os.WriteFile(at("other"), nil, 0o644))
			a, b := r.caching(smb.Dialect311, 1), r.caching(smb.Dialect311, 2)
			r.granted(a, dirReq("d", smb2.Open), smbtest.Lease2(leaseKey(1), leaseRH, 0), leaseRH)
			id, _ := r.leased(a, `d\f`, smbtest.LeaseUnder(leaseKey(1), leaseKey(2), leaseRWH), leaseRWH)
			_, st := a.Write(id, 0, []byte("CLIENT'S"))
			want(t, "WRITE", st, ok)
			time.Sleep(aWhile)
			unbroken(t, "own changes", a)
			w := r.watch(b, "d", notifyAll, false)
			start := time.Now()
			tt.do(t, at)
			leaseBroken(t, a, leaseKey(1), leaseRH, 0, 2)
			if tt.file {
				leaseBroken(t, a, leaseKey(2), leaseRWH, 0, 2)
			}
			w.wantAnswer("the watcher", tt.told)
			if took := time.Since(start); took > time.Second {
				t.Errorf("it took %v", took)
			}
		})
	}
}

// What clients do in a directory that is watched is told once and ends no lease of
// those who do it, however fast.
func TestOwnChangesOfDirectory(t *testing.T) {
	r, at := onDisk(t)
	noErr(t, os.Mkdir(at("d"), 0o755))
	a, b := r.caching(smb.Dialect311, 1), r.caching(smb.Dialect311, 2)
	r.granted(a, dirReq("d", smb2.Open), smbtest.Lease2(leaseKey(1), leaseRH, 0), leaseRH)
	w := r.watch(b, "d", notifyName, false)
	for i := range 300 {
		name := fmt.Sprintf(`d\%d`, i%10)
		key := leaseKey(byte(10 + i%10))
		id, _ := r.leased(a, name, smbtest.LeaseUnder(leaseKey(1), key, leaseRWH), leaseRWH)
		for range 3 {
			a.Write(id, 0, []byte("own"))
		}
		a.SetInfo(id, smb2.ClassFileBasicInformation, smb2.FileBasicInformation{FileAttributes: uint32(0x20 | 2*(i%2))})
		if i%2 == 0 {
			want(t, "rename", a.Rename(id, name+"x", false), ok)
			a.Write(id, 0, []byte("own"))
		}
		a.Delete(id, true)
		want(t, "CLOSE", a.CloseFile(id), ok)
		if i == 0 {
			w.wantAnswer("the first", "+0")
		}
	}
	time.Sleep(2500 * time.Millisecond) // the longest that an event is put off, and some
	alive(t, a)
	unbroken(t, "own changes", a)
}

// A directory that is made in place of one that a client has open is watched.
func TestLocalDirectoryReplaced(t *testing.T) {
	r, at := onDisk(t)
	noErr(t, os.Mkdir(at("d"), 0o755))
	a, b := r.caching(smb.Dialect311, 1), r.caching(smb.Dialect311, 2)
	r.watch(b, "d", notifyAll, false)
	noErr(t, os.Remove(at("d")))
	noErr(t, os.Mkdir(at("d"), 0o755))
	noErr(t, os.WriteFile(at("d/f"), []byte("content"), 0o644))
	r.leased(a, `d\f`, smbtest.Lease2(leaseKey(1), leaseRWH, 0), leaseRWH)
	time.Sleep(aWhile)
	unbroken(t, "before", a)
	noErr(t, os.WriteFile(at("d/f"), []byte("foreign"), 0o644))
	leaseBroken(t, a, leaseKey(1), leaseRWH, 0, 2)
}

// A client that renames a directory keeps what it caches of it.
func TestOwnRenameOfDirectory(t *testing.T) {
	r, at := onDisk(t)
	noErr(t, os.Mkdir(at("d"), 0o755))
	a := r.caching(smb.Dialect311, 1)
	req := dirReq("d", smb2.Open)
	req.DesiredAccess |= 0x10000
	id, _ := r.granted(a, req, smbtest.Lease2(leaseKey(1), leaseRH, 0), leaseRH)
	for i := range 5 {
		old, name := fmt.Sprint("d", i-1), fmt.Sprint("d", i)
		if i > 0 {
			file, _ := r.leased(a, old+`\New`, smbtest.LeaseUnder(leaseKey(1), leaseKey(2), leaseRWH), leaseRWH)
			want(t, "CLOSE", a.CloseFile(file), ok)
		}
		want(t, "rename", a.Rename(id, name, false), ok)
		time.Sleep(aWhile)
		unbroken(t, "own rename", a)
	}
	noErr(t, os.WriteFile(at("d4/foreign"), nil, 0o644))
	leaseBroken(t, a, leaseKey(1), leaseRH, 0, 2)
}

// A file is watched though a directory above it was renamed.
func TestLocalRenameAbove(t *testing.T) {
	r, at := onDisk(t)
	noErr(t, os.MkdirAll(at("p/d"), 0o755))
	noErr(t, os.WriteFile(at("p/d/f"), []byte("content"), 0o644))
	a := r.caching(smb.Dialect311, 1)
	r.leased(a, `p\d\f`, smbtest.Lease2(leaseKey(1), leaseRWH, 0), leaseRWH)
	noErr(t, os.Rename(at("p"), at("q")))
	noErr(t, os.WriteFile(at("q/d/f"), []byte("foreign"), 0o644))
	leaseBroken(t, a, leaseKey(1), leaseRWH, 0, 2)
}

// BenchmarkWatched is what the watching of a directory of the machine costs: CREATE and
// CLOSE without a lease, which has nothing watched, and with one; WRITE and READ of
// 64 KiB likewise.
func BenchmarkWatched(b *testing.B) {
	b.Run("create", func(b *testing.B) {
		leaseCost(b, func() *rig {
			r, at := onDisk(b)
			noErr(b, os.WriteFile(at("f"), make([]byte, 64<<10), 0o644))
			return r
		})
	})
	for name, x := range map[string][]smb2.CreateContext{
		"plain": nil,
		"lease": {smbtest.Lease2(leaseKey(1), leaseRWH, 0)},
	} {
		r, at := onDisk(b)
		noErr(b, os.WriteFile(at("f"), make([]byte, 64<<10), 0o644))
		c := r.caching(smb.Dialect311, 1)
		id := r.create(c, smbtest.With(smbtest.CreateReq("f", smb2.Open), x...))
		data := make([]byte, 64<<10)
		b.Run("write/"+name, func(b *testing.B) {
			for b.Loop() {
				_, st := c.Write(id, 0, data)
				want(b, "WRITE", st, ok)
			}
		})
		b.Run("read/"+name, func(b *testing.B) {
			for b.Loop() {
				_, st := c.Read(id, 0, 64<<10)
				want(b, "READ", st, ok)
			}
		})
	}
}
