package smb_test

import (
	"path/filepath"
	"syscall"
	"testing"

	"github.com/gosmbd/smb"
	"github.com/gosmbd/smb/internal/smbtest"
	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs"
	"github.com/gosmbd/smb/vfs/osfs"
)

// TestLocalPipe: a pipe of the machine's holds nobody up, and clients see what it is.
func TestLocalPipe(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mkfifo(filepath.Join(dir, "fifo"), 0o666); err != nil {
		t.Fatal(err)
	}
	r := newRig(t, func(s *smb.Server) {
		fsys, err := osfs.New(dir, nil)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { fsys.Close() })
		s.Shares = smb.Shares{"s": {FS: fsys}}
	})
	c := r.logon(smb.Dialect311)
	for _, d := range dispositions {
		for _, access := range []vfs.Access{vfs.ReadData, vfs.WriteData, vfs.AccessFull, vfs.ReadAttributes} {
			req := smbtest.CreateReq("fifo", d)
			req.DesiredAccess = uint32(access)
			_, st := c.Create(req)
			want(t, "CREATE", st, smb2.StatusIoReparseTagNotHandled)
		}
	}
	req := smbtest.CreateReq("fifo", smb2.Open)
	req.Options = smb2.OptionOpenReparsePoint
	id := r.create(c, req)
	got, st := c.Ioctl(id, smb2.FsctlGetReparsePoint, nil, 100)
	want(t, "GET_REPARSE_POINT", st, ok)
	if p, err := smb2.ParseReparseDataBuffer(got); err != nil || p.Tag != smb2.ReparseTagNFS || smb2.NFSType(p.Data) != smb2.NFSFIFO {
		t.Errorf("reparse point %+v, %v", p, err)
	}
	_, st = c.Read(id, 0, 1)
	want(t, "READ", st, smb2.StatusAccessDenied)
	want(t, "delete", c.Delete(id, true), ok)
	want(t, "CLOSE", c.CloseFile(id), ok)
}
