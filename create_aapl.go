package smb

import (
	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs"
)

// parseAAPL notes what an AAPL context asks for. One that isn't understood is not answered,
// from which clients see that there is nothing to be had.
func (c *creation) parseAAPL(b []byte) {
	q, err := smb2.ParseAAPLRequest(b)
	if err != nil || !c.r.tree.apple() {
		return
	}
	switch q.Command {
	case smb2.AAPLServerQuery:
		c.contexts.aapl = &q
	case smb2.AAPLResolveID:
		if c.r.tree.hasAAPL(0) && c.r.tree.resolvesIDs() {
			c.contexts.aapl = &q
		}
	}
}

// answerAAPL grants the extensions to the session, and answers exactly what was asked for:
// clients give the server up otherwise.
func (c *creation) answerAAPL() smb2.CreateContext {
	q, t := c.contexts.aapl, c.r.tree
	if q.Command == smb2.AAPLResolveID {
		return c.answerResolveID(q.FileID)
	}
	resp := smb2.AAPLResponse{
		Command:    smb2.AAPLServerQuery,
		Bitmap:     q.Bitmap & (smb2.AAPLServerCaps | smb2.AAPLVolumeCaps | smb2.AAPLModelInfo),
		ServerCaps: t.serverCaps(q.ClientCaps),
		VolumeCaps: t.volumeCaps(),
		Model:      t.share.Apple.Model,
	}
	if resp.Model == "" {
		resp.Model = "GoServer"
	}
	granted := uint64(aaplOn)
	if q.Bitmap&smb2.AAPLServerCaps != 0 {
		granted |= resp.ServerCaps
	}
	c.r.se.aapl.Store(granted)
	return smb2.CreateContext{Name: smb2.ContextAAPL, Data: resp.Append(nil)}
}

// checkBlank looks whether the stream s counts as missing: Finder info that isn't of its
// size, and what is empty if the client uses Apple's extensions. Who only opens doesn't
// find it then, and who may make it makes it out of what there is.
func (c *creation) checkBlank(s vfs.File) error {
	t := c.r.tree
	info := t.share.appleStream(c.stream.name) == appleInfo
	if !info && !t.hasAAPL(0) {
		return nil
	}
	a, err := s.Stat(c.ctx)
	if err != nil {
		return err
	}
	c.blank = a.Size == 0 || info && a.Size != infoSize
	if c.blank && (c.req.Disposition == smb2.Open || c.req.Disposition == smb2.Overwrite) {
		return smb2.StatusObjectNameNotFound
	}
	return nil
}
