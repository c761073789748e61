package smb_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/gosmbd/smb"
	"github.com/gosmbd/smb/internal/smbtest"
	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs"
	"github.com/gosmbd/smb/vfs/osfs"
)

// TestRunAs serves a directory as root, to users whose permissions differ.
func TestRunAs(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	dir := t.TempDir()
	users := map[string]*vfs.UnixUser{"ann": {UID: 44001, GID: 44001}, "bob": {UID: 44002, GID: 44002}}
	r := newRig(t, func(s *smb.Server) {
		fsys, err := osfs.New(dir, &osfs.Options{RunAs: osfs.RunAsCaller, SecurityFromMode: true, ModeFromSecurity: true})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { fsys.Close() })
		s.Shares = smb.Shares{"s": {FS: fsys}}
		s.UnixUser = func(_ context.Context, c *vfs.Caller) (*vfs.UnixUser, error) { return users[c.Name], nil }
	})
	for _, o := range []struct {
		name string
		mode os.FileMode
	}{{"secret", 0o600}, {"readable", 0o644}, {"home/file", 0o666}, {"sticky/file", 0o644}, {"all/file", 0o600}} {
		name := filepath.Join(dir, o.name)
		mkdirs := os.MkdirAll(filepath.Dir(name), 0o755)
		write := os.WriteFile(name, []byte("content"), 0o600)
		if mkdirs != nil || write != nil || os.Chown(name, 44001, 44001) != nil || os.Chmod(name, o.mode) != nil {
			t.Fatal(mkdirs, write)
		}
	}
	for name, mode := range map[string]os.FileMode{".": 0o755, "home": 0o700, "sticky": 0o777 | os.ModeSticky, "all": 0o777} {
		if os.Chown(filepath.Join(dir, name), 44001, 44001) != nil || os.Chmod(filepath.Join(dir, name), mode) != nil {
			t.Fatal(name)
		}
	}
	ann, bob := r.logon(smb.Dialect311), r.as("bob", password+"!")

	const maximum = 0x02000000
	for _, tt := range []struct {
		name   string
		access vfs.Access
		how    smb2.Disposition
	}{
		{"secret", vfs.ReadData, smb2.Open},
		{"secret", vfs.WriteData, smb2.Open},
		{"secret", vfs.AppendData, smb2.Open},
		{"secret", vfs.Delete, smb2.Open},
		{"secret", vfs.WriteDAC, smb2.Open},
		{"secret", vfs.WriteOwner, smb2.Open},
		{"secret", vfs.WriteAttributes, smb2.Open},
		{"secret", vfs.WriteEA, smb2.Open},
		{"secret:s", vfs.WriteData, smb2.OpenIf},
		{"readable", vfs.WriteData, smb2.Open},
		{"readable", vfs.ReadData, smb2.Overwrite},
		{"readable", vfs.ReadData, smb2.Supersede},
		{"home", vfs.ListDirectory, smb2.Open},
		{`home\file`, vfs.ReadData, smb2.Open},
		{`home\file`, vfs.ReadAttributes, smb2.Open},
		{`home\new`, vfs.ReadData, smb2.Create},
		{"new", vfs.ReadData, smb2.Create},
		{`sticky\file`, vfs.Delete, smb2.Open},
	} {
		req := smbtest.CreateReq(tt.name, tt.how)
		req.DesiredAccess = uint32(tt.access)
		_, st := bob.Create(req)
		want(t, fmt.Sprintf("bob: CREATE of %s for %#x", tt.name, tt.access), st, smb2.StatusAccessDenied)
	}
	if b, err := os.ReadFile(filepath.Join(dir, "readable")); string(b) != "content" {
		t.Errorf("readable is %q, %v", b, err)
	}

	// What is allowed is told, and is so.
	req := smbtest.CreateReq("readable", smb2.Open)
	req.DesiredAccess = maximum
	want(t, "CLOSE", bob.CloseFile(r.create(bob, req)), ok)
	req = smbtest.CreateReq(`all\file`, smb2.Open)
	req.DesiredAccess = uint32(vfs.Delete) // it takes the right to the directory only
	want(t, "CLOSE", bob.CloseFile(r.create(bob, req)), ok)
	id := r.open(bob, `all\new`)
	want(t, "CLOSE", bob.CloseFile(id), ok)
	if info, err := osInfo(filepath.Join(dir, "all/new")); err != nil || info != [2]uint32{44002, 44002} {
		t.Errorf("new file is %v's, %v", info, err)
	}
	for _, name := range []string{"secret", `home\file`, "readable"} {
		req = smbtest.CreateReq(name, smb2.Open)
		req.DesiredAccess = uint32(vfs.AccessRead | vfs.AccessWrite | vfs.Delete)
		want(t, "CLOSE", ann.CloseFile(r.create(ann, req)), ok)
	}

	// Who is nobody has nothing.
	delete(users, "bob")
	c := r.dialect(smb.Dialect311, smbtest.NegotiateOptions{})
	r.setup(c, "bob", password+"!")
	r.tree(c, "s")
	_, st := c.Create(smbtest.CreateReq("readable", smb2.Open))
	want(t, "nobody: CREATE", st, smb2.StatusAccessDenied)
}

// osInfo returns the numbers of the owner and the group.
func osInfo(name string) ([2]uint32, error) {
	info, err := os.Stat(name)
	if err != nil {
		return [2]uint32{}, err
	}
	st := info.Sys().(*syscall.Stat_t)
	return [2]uint32{st.Uid, st.Gid}, nil
}
