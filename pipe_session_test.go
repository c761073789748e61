package smb_test

import (
	"testing"

	"github.com/gosmbd/smb"
	"github.com/gosmbd/smb/internal/smbtest"
	"github.com/gosmbd/smb/smb2"
)

// TestPipesOfSession opens as many pipes as a session may. Files are no pipes.
func TestPipesOfSession(t *testing.T) {
	r := newRig(t, func(s *smb.Server) { s.Limits.Opens = 1 << 20 })
	c := r.logon(smb.Dialect311)
	r.open(c, "file")
	file := c.Tree
	r.tree(c, "IPC$")
	req := smbtest.CreateReq("srvsvc", smb2.Open)
	var last smb2.FileID
	for range 2048 {
		last = r.create(c, req)
	}
	_, st := c.Create(req)
	want(t, "a pipe too many", st, smb2.StatusInsufficientResources)
	want(t, "CLOSE", c.CloseFile(last), ok)
	r.create(c, req)
	c.Tree = file
	r.open(c, "another file")
}
