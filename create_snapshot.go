package smb

import (
	"strings"
	"time"

	"github.com/gosmbd/smb/smb2"
)

// CREATE of something as it was: with a TWrp context or, as older clients do, with an
// @GMT token among the elements of the name. [MS-SMB2] 3.3.5.9.4

// gmtToken is the form of a token, [MS-SMB2] 2.2.32.2.
const gmtToken = "@GMT-2006.01.02-15.04.05"

// parseToken returns the time that an element of a name stands for.
func parseToken(elem string) (at time.Time, ok bool) {
	if len(elem) != len(gmtToken) || !strings.EqualFold(elem[:5], gmtToken[:5]) {
		return at, false
	}
	at, err := time.Parse(gmtToken[5:], elem[5:])
	return at, err == nil
}

// cutToken takes the first token out of a name.
func cutToken(name string) (rest string, at time.Time, ok bool) {
	for start := 0; start <= len(name); {
		end := len(name)
		if i := strings.IndexByte(name[start:], '\\'); i >= 0 {
			end = start + i
		}
		if at, ok = parseToken(name[start:end]); ok {
			if end < len(name) {
				return name[:start] + name[end+1:], at, true
			}
			return strings.TrimSuffix(name[:start], `\`), at, true
		}
		start = end + 1
	}
	return name, at, false
}

// takeToken makes what a token in the name says part of the contexts. Where there are
// no snapshots it is a name like others.
func (c *creation) takeToken() {
	if c.m.snapshotter == nil || !c.contexts.at.IsZero() || !strings.Contains(c.req.Name, "@") {
		return
	}
	if rest, at, ok := cutToken(c.req.Name); ok {
		c.req.Name, c.contexts.at = rest, at
	}
}

// warp makes the snapshot that is asked for, if one is, what the name is looked for in.
func (c *creation) warp() error {
	if c.contexts.at.IsZero() {
		return nil
	}
	m, err := c.m.snapshot(c.ctx, c.contexts.at)
	if err != nil {
		return err
	}
	c.m, c.warped = m, true
	switch {
	case c.req.Disposition != smb2.Open && c.req.Disposition != smb2.OpenIf:
		return smb2.StatusMediaWriteProtected // [MS-FSA] 2.1.5.1
	case c.req.Options&smb2.OptionDeleteOnClose != 0:
		return smb2.StatusCannotDelete // [MS-FSA] 2.1.5.1.2.1
	}
	return nil
}

// unwarp gives the snapshot up, unless an open has it now.
func (c *creation) unwarp() {
	if c.warped {
		c.warped = false
		c.m.release()
	}
}

// sameTime reports whether o is of what c asks for: the live tree, or the same snapshot.
func (c *creation) sameTime(o *open) bool {
	if c.contexts.at.IsZero() {
		return !o.m.frozen()
	}
	return o.m.frozen() && o.m.at == c.contexts.at.Unix()
}

// keepSnapshot lets the open have the use of the snapshot that was counted for c.
func (c *creation) keepSnapshot() { c.o.warped, c.warped = c.warped, false }
