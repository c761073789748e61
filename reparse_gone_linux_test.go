package smb_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/gosmbd/smb"
	"github.com/gosmbd/smb/internal/smbtest"
	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs"
	"github.com/gosmbd/smb/vfs/memfs"
	"github.com/gosmbd/smb/vfs/osfs"
)

// A handle that made a link, whose name is gone, does nothing to the file of another user that gets the name.
func TestLinkerHandleAfterDeletion(t *testing.T) {
	fsys := &memfs.FS{}
	r := guarded(t, fsys)
	ann := r.as("ann", password)
	bob := r.as("bob", password)
	evil := r.setReparse(bob, "l", 0, relative("x"))
	second := r.create(bob, itself("l", smb2.Open, 0))
	want(t, "delete", bob.SetInfo(second, smb2.ClassFileDispositionInformationEx, smb2.FileDispositionInformationEx{Flags: smb2.DispositionDelete | smb2.DispositionPosixSemantics}), ok)
	want(t, "close", bob.CloseFile(second), ok)
	// ann makes a file of her own.
	id := r.create(ann, smbtest.CreateReq("l", smb2.Create))
	write(t, ann, id, "secret")
	want(t, "close", ann.CloseFile(id), ok)
	secure(t, fsys, "l", allow(annSID, vfs.AccessFull))
	_, st := bob.Create(smbtest.CreateReq("l", smb2.Open))
	want(t, "bob opens it", st, smb2.StatusAccessDenied)
	before := dump(t, fsys)

	_, st = querySecurity(bob, evil, vfs.DACLSecurity|vfs.OwnerSecurity)
	want(t, "query of a descriptor", st, smb2.StatusFileDeleted)
	st = bob.SetInfo(evil, smb2.ClassFileBasicInformation, smb2.FileBasicInformation{FileAttributes: uint32(vfs.AttrReadOnly | vfs.AttrHidden)})
	want(t, "set attributes", st, smb2.StatusFileDeleted)
	unchanged(t, "SET_INFO", fsys, before)
	st = setSecurity(bob, evil, vfs.DACLSecurity, vfs.SecurityDescriptor{Control: vfs.SDDACLPresent, DACL: &vfs.ACL{ACEs: []vfs.ACE{allow(bobSID, vfs.AccessFull)}}})
	want(t, "set security", st, smb2.StatusFileDeleted)
	req := smbtest.CreateReq("l", smb2.Open)
	req.DesiredAccess = uint32(vfs.ReadData)
	_, st = bob.Create(req)
	want(t, "bob opens it", st, smb2.StatusAccessDenied)
}

func TestLinkerHandleAfterDeletionOS(t *testing.T) {
	fsys, err := osfs.New(t.TempDir(), &osfs.Options{Symlinks: osfs.ShowSymlinks})
	noErr(t, err)
	r := guarded(t, fsys)
	t.Cleanup(func() { r.srv.Close(); fsys.Close() })
	ann, bob := r.as("ann", password), r.as("bob", password)
	evil := r.setReparse(bob, "l", 0, relative("x"))
	second := r.create(bob, itself("l", smb2.Open, 0))
	want(t, "delete", bob.SetInfo(second, smb2.ClassFileDispositionInformationEx, smb2.FileDispositionInformationEx{Flags: smb2.DispositionDelete | smb2.DispositionPosixSemantics}), ok)
	want(t, "close", bob.CloseFile(second), ok)
	id := r.create(ann, smbtest.CreateReq("l", smb2.Create))
	write(t, ann, id, "secret")
	want(t, "close", ann.CloseFile(id), ok)
	secure(t, fsys, "l", allow(annSID, vfs.AccessFull))
	req := smbtest.CreateReq("l", smb2.Open)
	req.DesiredAccess = uint32(vfs.ReadData)
	_, st := bob.Create(req)
	want(t, "bob opens it", st, smb2.StatusAccessDenied)
	st = setSecurity(bob, evil, vfs.DACLSecurity, vfs.SecurityDescriptor{Control: vfs.SDDACLPresent, DACL: &vfs.ACL{ACEs: []vfs.ACE{allow(bobSID, vfs.AccessFull)}}})
	want(t, "set security", st, smb2.StatusFileDeleted)
	_, st = bob.Create(req)
	want(t, "bob opens it", st, smb2.StatusAccessDenied)
}

// What gets the inode of a link that is gone, while the handle that made the link is open, is another file.
func TestInodeOfLinkReused(t *testing.T) {
	fsys, err := osfs.New(t.TempDir(), &osfs.Options{Symlinks: osfs.ShowSymlinks})
	noErr(t, err)
	r := guarded(t, fsys)
	t.Cleanup(func() { r.srv.Close(); fsys.Close() })
	ann, bob := r.as("ann", password), r.as("bob", password)
	req := itself("l", smb2.Create, 0)
	req.ShareAccess = smb2.ShareDelete
	evil := r.create(bob, req)
	_, st := bob.Ioctl(evil, smb2.FsctlSetReparsePoint, relative("x").Append(nil), 0)
	want(t, "set", st, ok)
	req = itself("l", smb2.Open, 0)
	req.DesiredAccess = uint32(vfs.Delete)
	second := r.create(bob, req)
	want(t, "delete", bob.SetInfo(second, smb2.ClassFileDispositionInformationEx, smb2.FileDispositionInformationEx{Flags: smb2.DispositionDelete | smb2.DispositionPosixSemantics}), ok)
	want(t, "close", bob.CloseFile(second), ok)
	_, st = ann.Create(smbtest.CreateReq("new", smb2.Create))
	want(t, "CREATE of a new file", st, ok)
}

type closeHookFS struct {
	*memfs.FS
	closed func(name string)
}
type closeHookFile struct {
	vfs.File
	fsys *closeHookFS
	name string
}

func (f *closeHookFS) Open(ctx context.Context, name string, opt vfs.OpenOptions) (vfs.File, error) {
	return f.file(name)(f.FS.Open(ctx, name, opt))
}
func (f *closeHookFS) Create(ctx context.Context, name string, opt vfs.CreateOptions) (vfs.File, error) {
	return f.file(name)(f.FS.Create(ctx, name, opt))
}
func (f *closeHookFS) file(name string) func(vfs.File, error) (vfs.File, error) {
	return func(file vfs.File, err error) (vfs.File, error) {
		if err != nil || name == "." {
			return file, err
		}
		return &closeHookFile{file, f, name}, nil
	}
}
func (f *closeHookFile) Unwrap() vfs.File { return f.File }
func (f *closeHookFile) Close() error {
	err := f.File.Close()
	f.fsys.closed(f.name)
	return err
}

// A directory that was made a link is deleted, though somebody opens it while it is closed.
func TestOpenOfLinkBeingDeleted(t *testing.T) {
	for _, disposition := range []bool{false, true} {
		closed, goOn := make(chan struct{}), make(chan struct{})
		release := sync.OnceFunc(func() { close(goOn) })
		defer release()
		var armed atomic.Bool
		fsys := &closeHookFS{FS: &memfs.FS{}}
		fsys.closed = func(name string) {
			if name == "d" && armed.CompareAndSwap(true, false) {
				close(closed)
				<-goOn
			}
		}
		r := newRig(t, func(s *smb.Server) { s.Shares = smb.Shares{"s": {FS: fsys}} })
		a, b := r.logon(smb.Dialect311), r.logon(smb.Dialect311)
		opts := smb2.OptionDirectoryFile
		if !disposition {
			opts |= smb2.OptionDeleteOnClose
		}
		id := r.setReparse(a, "d", opts, relative("x"))
		if disposition {
			want(t, "delete", a.Delete(id, true), ok)
		}
		armed.Store(true)
		var wg sync.WaitGroup
		wg.Go(func() { want(t, "close", a.CloseFile(id), ok) })
		<-closed
		resp, st := b.Create(itself("d", smb2.Open, 0))
		release()
		wg.Wait()
		if st == ok {
			want(t, "close", b.CloseFile(resp.FileID), ok)
		}
		_, st = b.Create(itself("d", smb2.Open, 0))
		want(t, "CREATE of what was deleted", st, smb2.StatusObjectNameNotFound)
	}
}
