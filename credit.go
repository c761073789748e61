package smb

import "github.com/gosmbd/smb/smb2"

// preauthCredits bounds what a client may have under way before it has a
// session.
const preauthCredits = 32

// take consumes the MessageIds of a request. [MS-SMB2] 3.3.5.2.3
func (c *conn) take(h smb2.Header) bool {
	charge := uint16(1)
	if c.params.multiCredit && h.CreditCharge > 1 {
		charge = h.CreditCharge
	}
	c.creditMu.Lock()
	defer c.creditMu.Unlock()
	return c.window.Take(h.MessageID, charge)
}

// grant returns how many credits to give for a request: what was asked for,
// never less than it cost, as long as the window has room. [MS-SMB2] 3.3.4.1.2
func (c *conn) grant(h smb2.Header) uint16 {
	most := c.srv.limits.Credits
	if !c.authed.Load() {
		most = min(most, preauthCredits)
	}
	charge := uint16(1)
	if c.params.multiCredit && h.CreditCharge > 1 {
		charge = h.CreditCharge
	}
	c.creditMu.Lock()
	defer c.creditMu.Unlock()
	n := max(int(h.Credits), int(charge))
	n = min(n, most-c.window.Available(), c.window.Room())
	if n <= 0 {
		return 0
	}
	c.window.Grant(uint16(n))
	return uint16(n)
}
