package smb_test

import (
	"context"
	"testing"

	"github.com/gosmbd/smb"
	"github.com/gosmbd/smb/internal/smbtest"
	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs"
	"github.com/gosmbd/smb/vfs/memfs"
)

// reopening is a memfs whose Files are opened in two steps, before the second of which late is called.
type reopening struct {
	*memfs.FS
	late func()
}

type reopenedFile struct {
	vfs.File
	fs   *reopening
	name string
}

func (r *reopening) Open(ctx context.Context, name string, opt vfs.OpenOptions) (vfs.File, error) {
	f, err := r.FS.Open(ctx, name, opt)
	if err != nil {
		return nil, err
	}
	return &reopenedFile{f, r, name}, nil
}

func (f *reopenedFile) Unwrap() vfs.File { return f.File }

func (f *reopenedFile) Reopen(ctx context.Context, opt vfs.OpenOptions) (vfs.File, error) {
	if late := f.fs.late; late != nil && opt.Access&vfs.WriteData == 0 {
		late()
	}
	return f.fs.Open(ctx, f.name, opt)
}

// Who keeps others from writing learns what they wrote before: while it is opened, too.
func TestCreateAfterTheLastWrite(t *testing.T) {
	fsys := &reopening{}
	r := newRig(t, func(s *smb.Server) {
		fsys.FS = s.Shares.(smb.Shares)["s"].FS.(*memfs.FS)
		s.Shares.(smb.Shares)["s"] = &smb.Share{FS: fsys}
	})
	put(t, r.fs, "f", "short")
	a, b := r.logon(smb.Dialect311), r.logon(smb.Dialect311)
	id := r.create(a, smbtest.CreateReq("f", smb2.Open))
	fsys.late = func() {
		_, st := a.Write(id, 0, []byte("much longer"))
		want(t, "WRITE", st, ok)
		want(t, "CLOSE", a.CloseFile(id), ok)
	}
	req := smbtest.CreateReq("f", smb2.Open)
	req.DesiredAccess, req.ShareAccess = 0x00120089, smb2.ShareRead
	resp, st := b.Create(req)
	want(t, "CREATE", st, ok)
	if resp.EndOfFile != int64(len("much longer")) {
		t.Errorf("%d bytes", resp.EndOfFile)
	}
}
