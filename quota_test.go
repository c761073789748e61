package smb_test

import (
	"testing"

	"github.com/gosmbd/smb"
	"github.com/gosmbd/smb/internal/smbtest"
	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs"
)

func TestQuotaFile(t *testing.T) {
	r := newRig(t, nil)
	c := r.logon(smb.Dialect311)
	req := smbtest.CreateReq(`$Extend\$Quota:$Q:$INDEX_ALLOCATION`, smb2.Open)
	req.DesiredAccess = uint32(vfs.AccessRead)
	resp, st := c.Create(req)
	want(t, "CREATE", st, ok)
	if resp.CreationTime != 0 || resp.FileAttributes != smb2.FileAttributeHidden|smb2.FileAttributeSystem|smb2.FileAttributeDirectory|smb2.FileAttributeArchive {
		t.Errorf("%+v", resp)
	}
	_, st = c.QueryInfo(resp.FileID, smb2.InfoQuota, 0, 4096)
	want(t, "quotas", st, smb2.StatusNotSupported)
	_, st = c.QueryInfo(resp.FileID, smb2.InfoFileSystem, uint8(smb2.ClassFsControlInformation), 4096)
	want(t, "FileFsControlInformation", st, ok)
	req.DesiredAccess |= uint32(vfs.Delete)
	_, st = c.Create(req)
	want(t, "CREATE to delete it", st, smb2.StatusAccessDenied)
	req = smbtest.CreateReq(req.Name, smb2.OverwriteIf)
	if _, st = c.Create(req); !st.IsError() {
		t.Error("it was overwritten")
	}
	if got := dump(t, r.fs); got != "" {
		t.Errorf("the backend has %s", got)
	}
}
