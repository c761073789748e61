package smb_test

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/gosmbd/smb/internal/smbtest"
	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs"
)

// concurrentClient does operations at random, one after the other, and tells the ledger.
type concurrentClient struct {
	*smbtest.Client
	t      *testing.T
	i      int
	ledger *ledger
	mode   concurrentMode
	rnd    *rand.Rand
	logon  func() *smbtest.Client
	opens  []*concurrentOpen
	serial int // of what it writes
}

// concurrentOpen is a handle.
type concurrentOpen struct {
	id      smb2.FileID
	tag     string // of its file; "" while that isn't known
	path    string // that this client gave it last
	deleted bool   // by this handle
}

func (c *concurrentClient) isPosix() bool { return c.mode.posix && c.i%2 == 0 }

// run does operations, and then closes all.
func (c *concurrentClient) run() {
	for range *modelOps {
		if c.step(); c.mode.drops && c.rnd.IntN(40) == 0 {
			c.drop()
		}
	}
	for len(c.opens) > 0 {
		c.close(c.opens[0])
	}
}

// drop ends the connection, and logs on anew. Durable handles stay.
func (c *concurrentClient) drop() {
	for _, o := range c.opens {
		c.tell(o.tag, "disconnected %s", o.path)
	}
	c.Close()
	c.opens, c.Client = nil, c.logon()
}

// do sends a request, and gives oplocks up until the answer comes.
func (c *concurrentClient) do(cmd smb2.Command, body smbtest.Body) smbtest.Reply {
	e := c.Req(cmd, body)
	if !c.Send(e) {
		c.t.Errorf("%v: the connection ended", cmd)
		runtime.Goexit()
	}
	for {
		r, good := c.Recv()
		switch {
		case !good:
			c.t.Errorf("%v: no answer", cmd)
			runtime.Goexit()
		case r.MessageID == ^uint64(0):
			o, err := smb2.ParseOplockBreak(r.Msg)
			if err != nil {
				c.t.Errorf("break of an oplock: %v", err)
			}
			// Others wait for it; the answer to it is skipped here.
			c.Send(c.Req(smb2.CommandOplockBreak, smb2.OplockBreak{FileID: o.FileID, Level: smb2.OplockNone}))
		case r.MessageID == e.MessageID && r.Status != smb2.StatusPending:
			return r
		}
	}
}

func (c *concurrentClient) create(q smb2.CreateRequest) (smb2.CreateResponse, smb2.Status) {
	r := c.do(smb2.CommandCreate, q)
	return smbtest.Parse(c.Client, r, smb2.ParseCreateResponse), r.Status
}

func (c *concurrentClient) set(id smb2.FileID, class smb2.FileInfoClass, info smbtest.Body) smb2.Status {
	return c.do(smb2.CommandSetInfo, smb2.SetInfoRequest{FileID: id, InfoType: smb2.InfoFile, Class: uint8(class), Data: info.Append(nil)}).Status
}

func (c *concurrentClient) closeID(id smb2.FileID) smb2.Status {
	return c.do(smb2.CommandClose, smb2.CloseRequest{FileID: id}).Status
}

func (c *concurrentClient) write(id smb2.FileID, off int64, s string) {
	want(c.t, "WRITE", c.do(smb2.CommandWrite, smb2.WriteRequest{FileID: id, Offset: uint64(off), Data: []byte(s)}).Status, ok)
}

// tag is that of the file that is open, "" if it wasn't written yet.
func (c *concurrentClient) tag(id smb2.FileID) string {
	r := c.do(smb2.CommandRead, smb2.ReadRequest{FileID: id, Length: 32})
	if r.Status != smb2.StatusEndOfFile {
		want(c.t, "READ", r.Status, ok)
	}
	return untagged(string(smbtest.Parse(c.Client, r, smb2.ParseReadResponse).Data))
}

func (c *concurrentClient) fileID(id smb2.FileID) string {
	r := c.do(smb2.CommandQueryInfo, smb2.QueryInfoRequest{FileID: id, InfoType: smb2.InfoFile, Class: uint8(smb2.ClassFileInternalInformation), OutputLength: 8})
	want(c.t, "FileInternalInformation", r.Status, ok)
	return string(smbtest.Parse(c.Client, r, smb2.ParseQueryInfoResponse).Data)
}

// tell adds to the story of a file.
func (c *concurrentClient) tell(tag, format string, args ...any) {
	c.ledger.with(tag, func(x *ledgerFile) { x.story = append(x.story, fmt.Sprintf("%d: ", c.i)+fmt.Sprintf(format, args...)) })
}

func (c *concurrentClient) name() string {
	name := ""
	for range pick(c.rnd, 0, 0, 0, 1, 1, 2) {
		name += pick(c.rnd, "d", "D", "e", "E", "x", "y") + `\`
	}
	return slashes(name+pick(c.rnd, "a", "A", "b", "B", "c", "d1"), c.isPosix())
}

func (c *concurrentClient) dirName() string {
	name := pick(c.rnd, "d", "D", "e", "x", "y", "X")
	if c.rnd.IntN(2) == 0 {
		name += `\` + pick(c.rnd, "x", "y", "e")
	}
	return slashes(name, c.isPosix())
}

func (c *concurrentClient) request(name string, d smb2.Disposition, opts smb2.CreateOptions) smb2.CreateRequest {
	q := smbtest.CreateReq(name, d)
	if c.isPosix() {
		q = posixReq(name, d, 0o644)
	}
	q.Options |= opts
	if c.mode.oplocks && c.rnd.IntN(2) == 0 {
		q.OplockLevel = pick(c.rnd, smb2.OplockBatch, smb2.OplockExclusive, smb2.OplockLevelII)
	}
	if c.mode.drops && c.rnd.IntN(3) == 0 {
		q.OplockLevel = smb2.OplockBatch
		q = smbtest.With(q, smbtest.Durable())
	}
	if c.rnd.IntN(10) == 0 {
		q.ShareAccess = pick[smb2.ShareAccess](c.rnd, 3, 1, 0, 5)
	}
	return q
}

// step does one operation. Those that need to know the file do nothing while nobody has written its tag.
func (c *concurrentClient) step() {
	k := c.rnd.IntN(100)
	switch {
	case len(c.opens) > 3:
		k = 99
	case k < 30, k >= 34 && len(c.opens) == 0:
		c.makeFile()
		return
	case k < 34:
		c.useDirectory()
		return
	}
	o := pick(c.rnd, c.opens...)
	if o.tag == "" && k < 90 {
		o.tag = c.tag(o.id)
	}
	known := o.tag != ""
	switch {
	case k < 45:
		if known && !c.mode.overwrite {
			c.writeSlot(o)
		}
	case k < 62:
		c.rename(o)
	case k < 70:
		if known && c.mode.links {
			c.link(o)
		}
	case k < 78:
		if known && !o.deleted {
			c.delete(o)
		}
	case k < 84:
		if known && !c.mode.overwrite && !c.isPosix() {
			c.useStream(o)
		}
	case k < 87:
		attrs := pick(c.rnd, vfs.AttrNormal, vfs.AttrNormal, vfs.AttrNormal, vfs.AttrReadOnly)
		want(c.t, "SET_INFO of the attributes", c.set(o.id, smb2.ClassFileBasicInformation, smb2.FileBasicInformation{FileAttributes: uint32(attrs)}), ok)
	case k < 90:
		if got := c.tag(o.id); known && !c.mode.overwrite && got != o.tag {
			c.t.Errorf("a handle of %s reads %q", o.tag, got)
		}
	default:
		c.close(o)
	}
}

func (c *concurrentClient) close(o *concurrentOpen) {
	c.opens = slices.DeleteFunc(c.opens, func(x *concurrentOpen) bool { return x == o })
	want(c.t, "CLOSE", c.closeID(o.id), ok)
	c.tell(o.tag, "close %s", o.path)
}

// either is the name as it may be spelled, too.
func (c *concurrentClient) either(name string) string {
	return pick(c.rnd, strings.ToUpper, strings.ToLower)(name)
}
