package smb_test

import (
	"io/fs"
	"testing"
	"time"

	"github.com/gosmbd/smb"
	"github.com/gosmbd/smb/internal/smbtest"
	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs"
)

// What is foreign though it comes at an awkward moment, or is own though it comes late.

// A closing by another is noticed though one by the server is not settled yet.
func TestForeignCloseAfterOwn(t *testing.T) {
	var release chan struct{}
	slow := func(s *smb.Server) {
		sh := s.Shares.(smb.Shares)["s"]
		s.Shares.(smb.Shares)["s"] = &smb.Share{FS: &slowWrites{sh.FS.(*overheard), &release}}
	}
	overhear(t, slow, func(t *testing.T, r *rig, o *overheard) {
		a := r.caching(smb.Dialect311, 1)
		id, _ := r.leased(a, `d\f`, smbtest.Lease2(leaseKey(1), leaseRWH, 0), leaseRWH)
		other, _ := r.leased(a, `d\f`, smbtest.Lease2(leaseKey(1), leaseRWH, 0), leaseRWH)
		release = make(chan struct{})
		e := a.Req(smb2.CommandWrite, smb2.WriteRequest{FileID: id, Data: []byte("own")})
		a.Send(e)
		want(t, "CLOSE", a.CloseFile(other), ok)
		o.tell("d", vfs.WatchEvent{Op: vfs.WatchClosed, Name: "f"})
		time.Sleep(aWhile)
		rewrite(t, r.fs, "d/f", "foreign")
		o.tell("d", vfs.WatchEvent{Op: vfs.WatchClosed, Name: "f"})
		time.Sleep(aWhile)
		close(release)
		want(t, "WRITE", a.Wait(e.MessageID).Status, ok)
		time.Sleep(aWhile)
		leaseBroken(t, a, leaseKey(1), leaseRWH, 0, 2)
	})
}

// However long the server is at work on an object, what is heard meanwhile is its own.
func TestForeignWaitsLong(t *testing.T) {
	var release chan struct{}
	slow := func(s *smb.Server) {
		sh := s.Shares.(smb.Shares)["s"]
		s.Shares.(smb.Shares)["s"] = &smb.Share{FS: &slowWrites{sh.FS.(*overheard), &release}}
	}
	overhear(t, slow, func(t *testing.T, r *rig, o *overheard) {
		a := r.caching(smb.Dialect311, 1)
		id, _ := r.leased(a, `d\f`, smbtest.Lease2(leaseKey(1), leaseRWH, 0), leaseRWH)
		release = make(chan struct{})
		e := a.Req(smb2.CommandWrite, smb2.WriteRequest{FileID: id, Data: []byte("own")})
		a.Send(e)
		time.Sleep(aWhile)
		rewrite(t, r.fs, "d/f", "a part of it")
		o.tell("d", vfs.WatchEvent{Op: vfs.WatchWritten, Name: "f"})
		time.Sleep(2500 * time.Millisecond)
		close(release)
		want(t, "WRITE", a.Wait(e.MessageID).Status, ok)
		time.Sleep(aWhile)
		unbroken(t, "an own change", a)
	})
}
