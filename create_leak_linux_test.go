package smb_test

import (
	"testing"

	"github.com/gosmbd/smb"
	"github.com/gosmbd/smb/internal/smbtest"
	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs/osfs"
)

// To refuse what lies beyond a reparse point leaves nothing open.
func TestStreamOfReparsePointRefused(t *testing.T) {
	dir, err := osfs.New(t.TempDir(), nil)
	noErr(t, err)
	defer dir.Close()
	r := newRig(t, func(s *smb.Server) { s.Shares.(smb.Shares)["s"] = &smb.Share{FS: dir} })
	c := r.logon(smb.Dialect311)
	if resp, st := c.Create(smbtest.CreateReq("f:s", smb2.Create)); st != ok {
		t.Skipf("no streams here: %v", st)
	} else {
		c.CloseFile(resp.FileID)
	}
	id := r.create(c, itself("f", smb2.Open, 0))
	unknown := []byte{0x34, 0x12, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16} // tag, length, GUID
	_, st := c.Ioctl(id, smb2.FsctlSetReparsePoint, unknown, 0)
	want(t, "FSCTL_SET_REPARSE_POINT", st, ok)
	c.CloseFile(id)
	refused := func() {
		_, st := c.Create(smbtest.CreateReq("f:s", smb2.Open))
		want(t, "CREATE", st, smb2.StatusIoReparseTagNotHandled)
	}
	refused()
	before := descriptors(t)
	for range 20 {
		refused()
	}
	if n := descriptors(t); n > before {
		t.Errorf("%d descriptors, %d before", n, before)
	}
}
