package smb_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/gosmbd/smb"
	"github.com/gosmbd/smb/internal/smbtest"
	"github.com/gosmbd/smb/oplock"
	"github.com/gosmbd/smb/smb2"
)

// batch opens name with a batch oplock.
func (r *rig) batch(c *smbtest.Client, name string) smb2.FileID {
	r.t.Helper()
	req := smbtest.CreateReq(name, smb2.OpenIf)
	req.OplockLevel = smb2.OplockBatch
	resp, st := c.Create(req)
	want(r.t, "CREATE", st, ok)
	if resp.OplockLevel != smb2.OplockBatch {
		r.t.Fatalf("granted oplock %v", resp.OplockLevel)
	}
	return resp.FileID
}

// broken takes the break notification.
func broken(t testing.TB, c *smbtest.Client, id smb2.FileID, level smb2.OplockLevel) {
	t.Helper()
	rep := c.Wait(^uint64(0))
	b, err := smb2.ParseOplockBreak(rep.Msg)
	if err != nil || rep.Command != smb2.CommandOplockBreak || b.FileID != id || b.Level != level {
		t.Fatalf("break %+v, %v", b, err)
	}
	if rep.Flags&smb2.FlagSigned != 0 {
		t.Error("the break is signed: its MessageId must not become a nonce twice")
	}
}

func second(t testing.TB, c *smbtest.Client, name string) (mid uint64) {
	t.Helper()
	req := smbtest.CreateReq(name, smb2.Open)
	req.OplockLevel = smb2.OplockBatch
	e := c.Req(smb2.CommandCreate, req)
	c.Send(e)
	c.WaitInterim(e.MessageID)
	return e.MessageID
}

func opened(t testing.TB, c *smbtest.Client, mid uint64, level smb2.OplockLevel) smb2.FileID {
	t.Helper()
	rep := c.Wait(mid)
	want(t, "CREATE", rep.Status, ok)
	resp, err := smb2.ParseCreateResponse(rep.Msg)
	if err != nil || resp.OplockLevel != level {
		t.Fatalf("opened with oplock %v, %v", resp.OplockLevel, err)
	}
	return resp.FileID
}

// A second open waits until the holder of a batch oplock has answered the break;
// then both have level II, which a write ends without an answer.
func TestOplockBreak(t *testing.T) {
	r := newRig(t, nil)
	a, b := r.logon(smb.Dialect311), r.logon(smb.Dialect302)
	idA := r.batch(a, "f")
	mid := second(t, b, "f")
	broken(t, a, idA, smb2.OplockLevelII)

	ack := smb2.OplockBreak{Level: smb2.OplockLevelII, FileID: idA}
	rep := a.Do(smb2.CommandOplockBreak, ack)
	want(t, "acknowledgement", rep.Status, ok)
	idB := opened(t, b, mid, smb2.OplockLevelII)
	want(t, "a second acknowledgement", a.Do(smb2.CommandOplockBreak, ack).Status, smb2.StatusInvalidDeviceState)

	_, st := b.Write(idB, 0, []byte("new"))
	want(t, "WRITE", st, ok)
	broken(t, a, idA, smb2.OplockNone)
	end(r, a, b)
}

// A close, and the end of the connection, answer a break, too.
func TestOplockEnds(t *testing.T) {
	for name, how := range map[string]func(*smbtest.Client, smb2.FileID){
		"close":      func(c *smbtest.Client, id smb2.FileID) { c.CloseFile(id) },
		"logoff":     func(c *smbtest.Client, _ smb2.FileID) { c.Logoff() },
		"disconnect": func(c *smbtest.Client, _ smb2.FileID) { c.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, nil)
			a, b := r.logon(smb.Dialect311), r.logon(smb.Dialect311)
			id := r.batch(a, "f")
			mid := second(t, b, "f")
			broken(t, a, id, smb2.OplockLevelII)
			how(a, id)
			opened(t, b, mid, smb2.OplockBatch)
			end(r, a, b)
		})
	}
}

// A client that never answers is overruled in time; one that waits may give up.
func TestOplockTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nil)
		a, b, c := r.logon(smb.Dialect311), r.logon(smb.Dialect311), r.logon(smb.Dialect311)
		b.Timeout = time.Hour
		id := r.batch(a, "f")
		start := time.Now()
		mid := second(t, b, "f")
		broken(t, a, id, smb2.OplockLevelII)
		other := second(t, c, "f")
		c.Cancel(other, 0)
		want(t, "canceled CREATE", c.Wait(other).Status, smb2.StatusCancelled)
		opened(t, b, mid, smb2.OplockLevelII)
		if d := time.Since(start); d < oplock.AckTimeout || d > oplock.AckTimeout+time.Second {
			t.Errorf("overruled after %v", d)
		}
		end(r, a, b, c)
	})
}

// A rename over a file that a client only keeps open in case, and of a directory
// above one, has the client close it first.
func TestOplockRename(t *testing.T) {
	r := newRig(t, nil)
	a, b := r.logon(smb.Dialect311), r.logon(smb.Dialect311)
	want(t, "CLOSE", a.CloseFile(r.create(a, smb2.CreateRequest{
		Name: "d", DesiredAccess: 0x80, Disposition: smb2.Create, Options: smb2.OptionDirectoryFile, Impersonation: 2, ShareAccess: 7,
	})), ok)
	id := r.batch(a, `d\f`)
	dir := r.create(b, smb2.CreateRequest{
		Name: "d", DesiredAccess: 0x10080, Disposition: smb2.Open, Impersonation: 2, ShareAccess: 7,
	})
	e := b.Req(smb2.CommandSetInfo, smb2.SetInfoRequest{
		InfoType: smb2.InfoFile, Class: uint8(smb2.ClassFileRenameInformation), FileID: dir,
		Data: smb2.FileRenameInformation{FileName: "e"}.Append(nil),
	})
	b.Send(e)
	b.WaitInterim(e.MessageID)
	broken(t, a, id, smb2.OplockNone)
	want(t, "CLOSE", a.CloseFile(id), ok)
	want(t, "rename", b.Wait(e.MessageID).Status, ok)
	end(r, a, b)
}
