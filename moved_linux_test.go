package smb_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"strings"
	"testing"

	"github.com/gosmbd/smb"
	"github.com/gosmbd/smb/internal/smbtest"
	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs"
	"github.com/gosmbd/smb/vfs/memfs"
	"github.com/gosmbd/smb/vfs/osfs"
)

// A file that another program renamed is taken for a further link of itself when its handle is given
// that very name, and what has its old name now takes its place, though the client
// didn't ask for anything to be replaced.
func TestRenameToWhereItWasMoved(t *testing.T) {
	r, at := onDisk(t)
	c := r.logon(smb.Dialect311)
	id := r.open(c, "f")
	write(t, c, id, "of the client")
	noErr(t, os.Rename(at("f"), at("g")))
	noErr(t, os.WriteFile(at("f"), []byte("another"), 0o644))
	st := c.Rename(id, "g", false)
	want(t, "RENAME", st, smb2.StatusObjectNameNotFound)
	c.CloseFile(id)
	for _, content := range []string{"of the client", "another"} {
		found := false
		for _, name := range []string{"f", "g"} {
			b, _ := os.ReadFile(at(name))
			found = found || string(b) == content
		}
		if !found {
			t.Errorf("%q is lost", content)
		}
	}
}

// The same among clients alone: the name is free for another file as soon as the other program moved it.
func TestRenameToWhereItWasMovedByClient(t *testing.T) {
	r, at := onDisk(t)
	a, b := r.logon(smb.Dialect311), r.logon(smb.Dialect311)
	id := r.open(a, "f")
	write(t, a, id, "of a")
	noErr(t, os.Rename(at("f"), at("g")))
	other := r.open(b, "f")
	write(t, b, other, "of b")
	b.CloseFile(other)
	want(t, "RENAME", a.Rename(id, "g", false), smb2.StatusObjectNameNotFound)
	a.CloseFile(id)
	for _, content := range []string{"of a", "of b"} {
		found := false
		for _, name := range []string{"f", "g"} {
			b, _ := os.ReadFile(at(name))
			found = found || string(b) == content
		}
		if !found {
			t.Errorf("%q is lost", content)
		}
	}
}

// What is renamed is what has the name, not what the handle is of: with replace the wrong file takes the target's place.
func TestRenameOfAnother(t *testing.T) {
	r, at := onDisk(t)
	c := r.logon(smb.Dialect311)
	id := r.open(c, "saved")
	write(t, c, id, "new")
	noErr(t, os.WriteFile(at("doc"), []byte("old"), 0o644))
	noErr(t, os.Rename(at("saved"), at("elsewhere")))
	noErr(t, os.WriteFile(at("saved"), []byte("another"), 0o644))
	st := c.Rename(id, "doc", true)
	b, _ := os.ReadFile(at("doc"))
	want(t, "RENAME", st, smb2.StatusObjectNameNotFound)
	if string(b) != "old" {
		t.Errorf("a rename that failed left %q", b)
	}
}

// A link is of what has the name, too.
func TestLinkOfAnother(t *testing.T) {
	r, at := onDisk(t)
	c := r.logon(smb.Dialect311)
	id := r.open(c, "saved")
	write(t, c, id, "new")
	noErr(t, os.WriteFile(at("doc"), []byte("old"), 0o644))
	noErr(t, os.Rename(at("saved"), at("elsewhere")))
	noErr(t, os.WriteFile(at("saved"), []byte("another"), 0o644))
	st := c.SetInfo(id, smb2.ClassFileLinkInformation, smb2.FileLinkInformation{FileName: "doc", ReplaceIfExists: true})
	b, _ := os.ReadFile(at("doc"))
	want(t, "LINK", st, smb2.StatusObjectNameNotFound)
	if string(b) != "old" {
		t.Errorf("a link that failed left %q", b)
	}
}

// A link that is to replace another file whose name differs in case only is answered as if it did.
func TestLinkOverOtherCase(t *testing.T) {
	r, at := onDisk(t)
	noErr(t, os.WriteFile(at("A"), []byte("upper"), 0o644))
	noErr(t, os.WriteFile(at("a"), []byte("lower"), 0o644))
	c := r.logon(smb.Dialect311)
	id := r.create(c, smbtest.CreateReq("A", smb2.Open))
	st := c.SetInfo(id, smb2.ClassFileLinkInformation, smb2.FileLinkInformation{FileName: "a", ReplaceIfExists: true})
	b, _ := os.ReadFile(at("a"))
	want(t, "LINK", st, ok)
	if string(b) != "upper" {
		t.Errorf("a has %q", b)
	}
}

// gapFS calls hook once, after it said that a name is missing.
type gapFS struct {
	*memfs.FS
	hook func(name string)
}

func (g *gapFS) Open(ctx context.Context, name string, opt vfs.OpenOptions) (vfs.File, error) {
	f, err := g.FS.Open(ctx, name, opt)
	if h := g.hook; h != nil && errors.Is(err, fs.ErrNotExist) {
		g.hook = nil
		h(name)
	}
	return f, err
}

// What another program makes under a name that was free when the server looked isn't what the client deletes.
func TestDeleteWhatWasMoved(t *testing.T) {
	fsys := &gapFS{FS: &memfs.FS{}}
	r := newRig(t, func(s *smb.Server) { s.Shares = smb.Shares{"s": {FS: fsys}} })
	put(t, fsys.FS, "f", "old")
	c := r.logon(smb.Dialect311)
	id := r.open(c, "f")
	want(t, "delete", c.Delete(id, true), ok)
	noErr(t, fsys.Rename(context.Background(), "f", "g", false)) // by another program
	fsys.hook = func(name string) { put(t, fsys.FS, name, "new") }
	want(t, "CLOSE", c.CloseFile(id), ok)
	if got := dump(t, fsys.FS); !strings.Contains(got, `"new"`) {
		t.Errorf("there is\n%s", got)
	}
}

// A symbolic link takes the place of what has the name, not of what the handle is of.
func TestSymlinkOverAnother(t *testing.T) {
	dir := t.TempDir()
	fsys, err := osfs.New(dir, &osfs.Options{Symlinks: osfs.ShowSymlinks})
	noErr(t, err)
	r := newRig(t, func(s *smb.Server) { s.Shares = smb.Shares{"s": {FS: fsys}} })
	c := r.logon(smb.Dialect311)
	id := r.open(c, "l")
	noErr(t, os.Rename(dir+"/l", dir+"/m"))
	noErr(t, os.WriteFile(dir+"/l", []byte("another"), 0o644))
	_, st := c.Ioctl(id, smb2.FsctlSetReparsePoint, relative("x").Append(nil), 0)
	b, err := os.ReadFile(dir + "/l")
	if string(b) != "another" {
		t.Errorf("SET_REPARSE_POINT: %v; the other program's file is lost: %q, %v", st, b, err)
	}
}

// A stream's rename is of what has the file's name.
func TestStreamRenameOfAnother(t *testing.T) {
	r, at := onDisk(t)
	c := r.logon(smb.Dialect311)
	s := r.open(c, "f:s")
	write(t, c, s, "mine")
	noErr(t, os.Rename(at("f"), at("g")))
	x := r.open(c, "f:s")
	write(t, c, x, "another's")
	c.CloseFile(x)
	st := c.Rename(s, ":t", false)
	c.CloseFile(s)
	got := streamList(t, c, r.open(c, "f"))
	want(t, "RENAME", st, smb2.StatusObjectNameNotFound)
	if len(got) != 2 || got[1] != ":s:$DATA 9" {
		t.Errorf("the stream of another file was renamed: %q", got)
	}
}

// What is written to a file that became a link of the backend's own would be lost: it isn't taken.
func TestWriteToWhatBecameALink(t *testing.T) {
	fsys, err := osfs.New(t.TempDir(), &osfs.Options{Symlinks: osfs.ShowSymlinks})
	noErr(t, err)
	r := newRig(t, func(s *smb.Server) { s.Shares = smb.Shares{"s": {FS: fsys}} })
	c := r.logon(smb.Dialect311)
	other, id := r.open(c, "l"), r.open(c, "l")
	_, st := c.Ioctl(id, smb2.FsctlSetReparsePoint, relative("x").Append(nil), 0)
	want(t, "SET_REPARSE_POINT", st, ok)
	for _, id := range []smb2.FileID{other, id} {
		_, st = c.Write(id, 0, []byte("acknowledged"))
		want(t, "WRITE", st, smb2.StatusAccessDenied)
		want(t, "SET_INFO", c.SetInfo(id, smb2.ClassFileEndOfFileInformation, smb2.FileEndOfFileInformation{EndOfFile: 7}), smb2.StatusAccessDenied)
	}
}

// A name that is a link's which isn't shown is taken, and nothing that a client could wait for.
func TestCreateOverHiddenLink(t *testing.T) {
	r, at := onDisk(t)
	noErr(t, os.Symlink(t.TempDir(), at("out")))
	c := r.logon(smb.Dialect311)
	for d, st := range map[smb2.Disposition]smb2.Status{
		smb2.Open: smb2.StatusObjectNameNotFound, smb2.Create: smb2.StatusObjectNameCollision,
		smb2.OpenIf: smb2.StatusAccessDenied, smb2.Supersede: smb2.StatusAccessDenied, smb2.OverwriteIf: smb2.StatusAccessDenied,
	} {
		_, got := c.Create(smbtest.CreateReq("out", d))
		want(t, "CREATE", got, st)
	}
}
