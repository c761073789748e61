package osfs

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/gosmbd/smb/vfs"
	"github.com/gosmbd/smb/vfs/vfstest"
)

const (
	ann    = vfs.SID("S-1-5-21-1-2-3-1001")
	annsDs = "O:S-1-5-21-1-2-3-1001G:S-1-5-21-1-2-3-513D:(A;;FA;;;S-1-5-21-1-2-3-1001)(A;;FA;;;BA)(A;;FR;;;WD)"
)

func sddl(t testing.TB, s string) vfs.SecurityDescriptor {
	t.Helper()
	sd, err := vfs.ParseSDDL(s)
	check(t, err)
	return sd
}

// secured makes an object with a descriptor, or skips the test where none can be
// stored.
func secured(t testing.TB, f *FS, name, text string, directory bool) *File {
	t.Helper()
	sd := sddl(t, text)
	h, err := f.Create(t.Context(), name, vfs.CreateOptions{Directory: directory, Security: &sd})
	check(t, err)
	t.Cleanup(func() { h.Close() })
	if _, err := h.(*File).Security(t.Context()); errors.Is(err, errors.ErrUnsupported) {
		t.Skip("no descriptors here")
	}
	return h.(*File)
}

func wantSDDL(t *testing.T, h *File, want string) {
	t.Helper()
	if sd, err := h.Security(t.Context()); err != nil || sd.String() != want {
		t.Errorf("Security = %s, %v\nwant %s", sd, err, want)
	}
}

// TestSecurityUser runs as a process that may not write security.NTACL.
func TestSecurityUser(t *testing.T) {
	vfstest.TestFS(t, func(t *testing.T) vfs.FS {
		f := newFS(t, nil)
		f.sys.userACL = true
		return f
	})
}

// What was stored with more rights is found with fewer, and hidden by what is
// stored since; what others could store isn't looked at with more rights.
func TestSecurityNames(t *testing.T) {
	f := newFS(t, nil)
	if f.sys.userACL {
		t.Skip("security.NTACL can't be written")
	}
	h := secured(t, f, "f", annsDs, false)
	f.sys.userACL = true
	wantSDDL(t, h, annsDs)
	const other = "O:SYG:SYD:(A;;FR;;;WD)"
	check(t, h.SetSecurity(t.Context(), sddl(t, other)))
	wantSDDL(t, h, other)
	f.sys.userACL = false
	wantSDDL(t, h, annsDs)
}

// TestSecurityContainer runs itself as the root of a container: it has CAP_SYS_ADMIN, and
// not the right to write security.NTACL.
func TestSecurityContainer(t *testing.T) {
	const inside = "OSFS_TEST_CONTAINER"
	if dir := os.Getenv(inside); dir != "" {
		testSecurityContainer(t, dir)
		return
	}
	self := func(id int) []syscall.SysProcIDMap { return []syscall.SysProcIDMap{{HostID: id, Size: 1}} }
	cmd := exec.Command(os.Args[0], "-test.run=^TestSecurityContainer$", "-test.v")
	cmd.Env = append(os.Environ(), inside+"="+t.TempDir())
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER,
		UidMappings: self(os.Getuid()), GidMappings: self(os.Getgid()),
	}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Skip("SKIPPED, NOT TESTED: the kernel makes no user namespace:", err)
	}
	err := cmd.Wait()
	switch {
	case err != nil:
		t.Errorf("%v\n%s", err, out.Bytes())
	case bytes.Contains(out.Bytes(), []byte("--- SKIP")):
		t.Skipf("SKIPPED, NOT TESTED: no descriptors here\n%s", out.Bytes())
	}
}

func testSecurityContainer(t *testing.T, dir string) {
	if !isAdmin() || initialNamespace() {
		t.Fatal("not the root of a container")
	}
	f := newFSAt(t, dir, nil)
	if !f.sys.userACL {
		t.Error("security.NTACL is believed to be writable")
	}
	secured(t, f, "f", annsDs, false)
	f = newFSAt(t, dir, nil) // as after a restart
	wantSDDL(t, opened(t, t.Context(), f, "f", vfs.ReadAttributes), annsDs)
}

// TestMayWriteSecurity: what the root of the share is like doesn't matter.
func TestMayWriteSecurity(t *testing.T) {
	dir := t.TempDir()
	if newFSAt(t, dir, nil).sys.userACL {
		t.Skip("security.NTACL can't be written")
	}
	d, err := os.Open(dir)
	check(t, err)
	defer d.Close()
	was, err := unix.IoctlGetUint32(int(d.Fd()), unix.FS_IOC_GETFLAGS)
	set := func(flags uint32) error {
		return unix.IoctlSetPointerInt(int(d.Fd()), unix.FS_IOC_SETFLAGS, int(flags))
	}
	const immutable = 0x10
	if err = errors.Join(err, set(was|immutable)); err != nil {
		t.Skip("SKIPPED, NOT TESTED: nothing can be frozen here:", err)
	}
	defer set(was)
	if newFSAt(t, dir, nil).sys.userACL {
		t.Error("the root is frozen, and its descriptors are believed to be in user.NTACL")
	}
}

// After a chmod from outside nobody has more than both say, the owner can set it
// right again, and a descriptor that is set anew holds.
func TestSecurityAfterChmod(t *testing.T) {
	dir := t.TempDir()
	f := newFSAt(t, dir, nil)
	token := (&vfs.Caller{SID: ann}).Token()
	stranger := (&vfs.Caller{Name: "bob"}).Token()
	for _, directory := range []bool{false, true} {
		name := map[bool]string{false: "file", true: "dir"}[directory]
		h := secured(t, f, name, annsDs, directory)
		may := func(tok *vfs.Token) vfs.Access {
			sd, err := h.Security(t.Context())
			check(t, err)
			return sd.Maximum(tok)
		}
		for _, test := range []struct {
			mode           fs.FileMode
			owner, someone vfs.Access // of reading and writing
		}{
			{0o755, vfs.ReadData | vfs.WriteData, vfs.ReadData},
			{0o700, vfs.ReadData | vfs.WriteData, 0},
			{0o777, vfs.ReadData | vfs.WriteData, vfs.ReadData}, // the descriptor grants no more
			{0o400, vfs.ReadData, 0},
			{0o000, 0, 0},
		} {
			if test.mode == 0 && f.sys.userACL {
				continue // see TestSecurityUnreadable
			}
			check(t, os.Chmod(filepath.Join(dir, name), test.mode))
			const both = vfs.ReadData | vfs.WriteData
			if o, s := may(token)&both, may(stranger)&both; o != test.owner || s != test.someone {
				t.Errorf("%s, mode %o: owner %#x, others %#x, want %#x, %#x", name, test.mode, o, s, test.owner, test.someone)
			}
			if may(token)&vfs.WriteDAC == 0 {
				t.Errorf("%s, mode %o: the owner can't set it right", name, test.mode)
			}
		}
		if f.sys.userACL {
			check(t, os.Chmod(filepath.Join(dir, name), 0o700)) // or it can't be written
		}
		check(t, h.SetSecurity(t.Context(), sddl(t, annsDs)))
		wantSDDL(t, h, annsDs)
	}
}

// A descriptor that the process has no right to read is none that lets people in.
func TestSecurityUnreadable(t *testing.T) {
	dir := t.TempDir()
	f := newFSAt(t, dir, nil)
	h := secured(t, f, "f", annsDs, false)
	if !f.sys.userACL {
		t.Skip("the process reads everything")
	}
	check(t, os.Chmod(filepath.Join(dir, "f"), 0))
	if sd, err := h.Security(t.Context()); err != nil || sd.Maximum((&vfs.Caller{SID: ann}).Token()) != 0 {
		t.Errorf("Security = %s, %v", sd, err)
	}
}

// TestCapped: who has a SID gets what the permissions give to all who may have it.
func TestCapped(t *testing.T) {
	f := newFS(t, nil)
	const owner, group, named, team, stranger = 1, 2, 3, 4, 9
	user, crowd := vfs.UnixUserSID, vfs.UnixGroupSID
	list := func(o, u, g, tm, mask, other uint16) []posixEntry {
		return []posixEntry{{posixUserObj, o, 0}, {posixUser, u, named}, {posixGroupObj, g, 0}, {posixGroup, tm, team}, {posixMask, mask, 0}, {posixOther, other, 0}}
	}
	mode := func(o, g, other uint16) []posixEntry {
		return []posixEntry{{posixUserObj, o, 0}, {posixGroupObj, g, 0}, {posixOther, other, 0}}
	}
	const everyone = vfs.SIDEveryone
	for _, test := range []struct {
		name   string
		access []posixEntry
		want   map[vfs.SID]uint32
	}{
		{"bits", mode(6, 4, 7), map[vfs.SID]uint32{user(owner): 6, crowd(group): 4, user(named): 4, crowd(team): 4, everyone: 4, ann: 4, vfs.SIDOwnerRights: 6, vfs.SIDAdministrators: 7}},
		{"owner has least", mode(0, 7, 7), map[vfs.SID]uint32{user(owner): 0, crowd(group): 0, everyone: 0}},
		{"the group is denied", list(7, 6, 0, 6, 6, 6), map[vfs.SID]uint32{user(owner): 7, crowd(group): 0, user(named): 6, crowd(team): 6, everyone: 0, user(stranger): 0}},
		{"the mask", list(7, 7, 7, 7, 4, 7), map[vfs.SID]uint32{user(owner): 7, crowd(group): 4, user(named): 4, crowd(team): 4, everyone: 4, vfs.SIDOwnerRights: 7}},
		{"a user is denied", list(7, 0, 7, 7, 7, 7), map[vfs.SID]uint32{user(owner): 7, crowd(group): 0, user(named): 0, crowd(team): 0, everyone: 0, ann: 0}},
		{"a group is denied", list(7, 6, 6, 0, 7, 6), map[vfs.SID]uint32{crowd(group): 6, user(named): 6, crowd(team): 0, everyone: 0, user(stranger): 0, vfs.SIDSystem: 7}},
	} {
		p := &posixACL{st: status{mode: 0o100000, uid: owner, gid: group}, access: test.access, listed: len(test.access) > 3}
		for sid, want := range test.want {
			sd := vfs.SecurityDescriptor{Owner: user(owner), Group: crowd(group), DACL: &vfs.ACL{ACEs: []vfs.ACE{{Mask: vfs.AccessFull, SID: sid}}}}
			if got := modeBits(f.capped(sd, p).DACL.ACEs[0].Mask); got != want {
				t.Errorf("%s: %s may %o, want %o", test.name, sid, got, want)
			}
		}
	}
}

// TestSecurityAfterACL: the group bits of the mode are but the mask then.
func TestSecurityAfterACL(t *testing.T) {
	dir := t.TempDir()
	f := newFSAt(t, dir, nil)
	h := secured(t, f, "f", "O:S-1-22-1-1000G:S-1-22-2-1000D:P(A;;FA;;;S-1-22-1-1000)(A;;FA;;;S-1-22-2-1000)(A;;FA;;;S-1-22-1-1001)(A;;FA;;;S-1-22-1-1002)", false)
	const none = 1<<32 - 1
	acl := binary.LittleEndian.AppendUint32(nil, 2)
	for _, e := range []posixEntry{
		{posixUserObj, 6, none}, {posixUser, 0, 1001}, {posixUser, 6, 1002},
		{posixGroupObj, 0, none}, {posixMask, 6, none}, {posixOther, 6, none},
	} {
		acl = binary.LittleEndian.AppendUint16(acl, e.tag)
		acl = binary.LittleEndian.AppendUint16(acl, e.perm)
		acl = binary.LittleEndian.AppendUint32(acl, e.id)
	}
	if err := unix.Setxattr(filepath.Join(dir, "f"), "system.posix_acl_access", acl, 0); err != nil {
		t.Skip("SKIPPED, NOT TESTED: no POSIX ACLs here:", err)
	}
	sd, err := h.Security(t.Context())
	check(t, err)
	for sid, want := range map[vfs.SID]uint32{"S-1-22-1-1000": 6, "S-1-22-2-1000": 0, "S-1-22-1-1001": 0, "S-1-22-1-1002": 6} {
		if got := modeBits(sd.Maximum((&vfs.Caller{Guest: true, SID: sid}).Token())); got != want {
			t.Errorf("%s may %o, want %o, by %s", sid, got, want, sd)
		}
	}
}

func TestSecurityAfterChmodNullDACL(t *testing.T) {
	dir := t.TempDir()
	f := newFSAt(t, dir, nil)
	h := secured(t, f, "f", "O:SYG:SYD:NO_ACCESS_CONTROL", false)
	wantSDDL(t, h, "O:SYG:SYD:NO_ACCESS_CONTROL")
	check(t, os.Chmod(filepath.Join(dir, "f"), 0o600))
	sd, err := h.Security(t.Context())
	check(t, err)
	if a := sd.Maximum((&vfs.Caller{Name: "bob"}).Token()); a&(vfs.ReadData|vfs.WriteData) != 0 {
		t.Errorf("%s grants %#x", sd, a)
	}
}

func TestSecurityIgnoreMode(t *testing.T) {
	dir := t.TempDir()
	f := newFSAt(t, dir, &Options{IgnoreMode: true})
	h := secured(t, f, "f", annsDs, false)
	check(t, os.Chmod(filepath.Join(dir, "f"), 0o400))
	wantSDDL(t, h, annsDs)
	// It has no hash, so it holds for others as well.
	other, err := newFSAt(t, dir, nil).Open(t.Context(), "f", vfs.OpenOptions{})
	check(t, err)
	defer other.Close()
	wantSDDL(t, other.(*File), annsDs)
}

// An attribute that can't be understood lets nobody in, and can be replaced.
func TestHostileNTACL(t *testing.T) {
	dir := t.TempDir()
	f := newFSAt(t, dir, nil)
	h := secured(t, f, "f", annsDs, false)
	name := ntaclName
	if f.sys.userACL {
		name = ntaclUserName
	}
	for _, blob := range []string{"", "\x00", strings.Repeat("\xff", 300), "\x04\x00\x04\x00" + strings.Repeat("\x00", 200), strings.Repeat("A", 3000)} {
		check(t, unix.Setxattr(filepath.Join(dir, "f"), name, []byte(blob), 0))
		sd, err := h.Security(t.Context())
		if err != nil || sd.Maximum((&vfs.Caller{SID: ann}).Token()) != 0 {
			t.Errorf("%.20x: %s, %v", blob, sd, err)
		}
	}
	check(t, h.SetSecurity(t.Context(), sddl(t, annsDs)))
	wantSDDL(t, h, annsDs)
}

// TestCreateSecureNeverBare looks at names as they appear.
func TestCreateSecureNeverBare(t *testing.T) {
	f := newFS(t, nil)
	secured(t, f, "probe", annsDs, false)
	sd := sddl(t, annsDs)
	for _, directory := range []bool{false, true} {
		done, seen := make(chan struct{}), make(chan int)
		go func() {
			n := 0
			defer func() { seen <- n }()
			for {
				select {
				case <-done:
					return
				default:
				}
				h, err := f.Open(t.Context(), "x", vfs.OpenOptions{})
				if err != nil {
					continue
				}
				n++
				if got, err := h.(*File).Security(t.Context()); err != nil || got.String() != annsDs {
					t.Errorf("directory %v: %s, %v", directory, got, err)
				}
				h.Close()
			}
		}()
		for range 200 {
			h, err := f.Create(t.Context(), "x", vfs.CreateOptions{Directory: directory, Security: &sd})
			check(t, err)
			check(t, h.Close())
			check(t, f.Remove(t.Context(), "x"))
		}
		close(done)
		t.Log("seen", <-seen)
	}
}

// Names that are only in use for a moment are nobody's, and those that a process
// left when it was killed don't keep a directory from being removed.
func TestTemporaryNames(t *testing.T) {
	dir := t.TempDir()
	f := newFSAt(t, dir, nil)
	left := temporaryName()
	check(t, os.MkdirAll(filepath.Join(dir, "d", left), 0o755))
	check(t, os.WriteFile(filepath.Join(dir, "d", temporaryName()), []byte("x"), 0o644))
	if names := list(t, f, "d"); len(names) != 0 {
		t.Errorf("listed: %v", names)
	}
	sd := sddl(t, annsDs)
	for _, name := range []string{left, "d/" + left, "d/" + left + "/x"} {
		_, open := f.Open(t.Context(), name, vfs.OpenOptions{})
		_, create := f.Create(t.Context(), name, vfs.CreateOptions{})
		_, secure := f.Create(t.Context(), name, vfs.CreateOptions{Directory: true, Security: &sd})
		for _, err := range []error{open, create, secure, f.Remove(t.Context(), name), f.Rename(t.Context(), "d", name, false), f.Link(t.Context(), "d", name, false)} {
			if !errors.Is(err, fs.ErrInvalid) {
				t.Errorf("%q: %v", name, err)
			}
		}
	}
	check(t, os.WriteFile(filepath.Join(dir, "d", "file"), nil, 0o644))
	if err := f.Remove(t.Context(), "d"); !errors.Is(err, vfs.ErrNotEmpty) {
		t.Errorf("Remove of a directory that holds a file: %v", err)
	}
	if _, err := os.Stat(filepath.Join(dir, "d", left)); err != nil {
		t.Errorf("what was left went although the directory stays: %v", err)
	}
	check(t, f.Remove(t.Context(), "d/file"))
	check(t, f.Remove(t.Context(), "d"))
}

// Creation with a descriptor goes where creation without goes: through links
// beneath the root, and not out of it.
func TestCreateSecureLinks(t *testing.T) {
	outside, dir := t.TempDir(), t.TempDir()
	f := newFSAt(t, dir, nil)
	check(t, os.Mkdir(filepath.Join(dir, "d"), 0o755))
	check(t, os.Symlink("d", filepath.Join(dir, "in")))
	check(t, os.Symlink(outside, filepath.Join(dir, "out")))
	check(t, os.Symlink("nowhere", filepath.Join(dir, "dangling")))
	sd := sddl(t, annsDs)
	for _, directory := range []bool{false, true} {
		for name, want := range map[string]error{
			"in/x": nil, "out/x": fs.ErrNotExist, "dangling": fs.ErrExist, "dangling/x": fs.ErrNotExist, ".": fs.ErrExist,
		} {
			h, err := f.Create(t.Context(), name, vfs.CreateOptions{Directory: directory, Security: &sd})
			if !errors.Is(err, want) {
				t.Errorf("%q, directory %v: %v, want %v", name, directory, err, want)
			}
			if err == nil {
				check(t, h.Close())
				check(t, f.Remove(t.Context(), "d/x"))
			}
		}
	}
	if names, err := os.ReadDir(outside); err != nil || len(names) != 0 {
		t.Errorf("outside: %v, %v", names, err)
	}
}
