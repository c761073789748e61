package smb_test

import (
	"testing"

	"github.com/gosmbd/smb"
	"github.com/gosmbd/smb/internal/smbtest"
	"github.com/gosmbd/smb/smb2"
)

// A compound whose replies don't fit a frame gets several; one that asks for more than
// the connection may hold ends it.
func TestCompoundOfLargeReads(t *testing.T) {
	r := newRig(t, nil)
	put(t, r.fs, "f", string(make([]byte, 8<<20)))
	reads := func(n int) (*smbtest.Client, []*smbtest.Elem) {
		c := r.logon(smb.Dialect311)
		id := r.open(c, "f")
		c.Ask = 4096
		alive(t, c)
		var list []*smbtest.Elem
		for range n {
			list = append(list, c.Req(smb2.CommandRead, smb2.ReadRequest{FileID: id, Length: 8 << 20}))
		}
		return c, list
	}
	c, list := reads(3)
	c.Send(list...)
	frames := make(map[int]bool)
	for _, e := range list {
		rep := c.Wait(e.MessageID)
		want(t, "READ", rep.Status, ok)
		frames[rep.Frame] = true
		if resp := smbtest.Parse(c, rep, smb2.ParseReadResponse); len(resp.Data) != 8<<20 {
			t.Errorf("%d bytes", len(resp.Data))
		}
	}
	if len(frames) != 3 {
		t.Errorf("24 MiB came in %d frames", len(frames))
	}
	alive(t, c)
	c.Close()
	c, list = reads(5)
	c.Send(list...)
	dropped(t, "40 MiB at once", c)
}
