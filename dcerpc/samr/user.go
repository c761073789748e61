package samr

import (
	"bytes"
	"context"

	"github.com/gosmbd/smb/dcerpc"
	"github.com/gosmbd/smb/dcerpc/internal/ntapi"
	"github.com/gosmbd/smb/dcerpc/ndr"
)

// never is the time of what doesn't happen.
const never = 1<<63 - 1

// hours is how many hours a week has, in which users may log on.
const hours = 7 * 24

// userClasses are what clients can query of a user: which rights the handle needs, and
// what writes the structure. [MS-SAMR] 3.1.5.5.5.1, 2.2.6.29
//
// Of what an account of Windows has, those here have few. The rest is as Windows makes a
// new one: no home, no profile, all hours; nobody counts logons.
var userClasses = map[uint16]struct {
	need ntapi.Access
	arm  func(c *ndr.Construct, a *Account)
}{
	1: {userReadGeneral, func(c *ndr.Construct, a *Account) {
		c.String(a.Name)
		c.String(a.FullName)
		c.U32(a.primaryGroup())
		c.String(a.Comment)
		c.String("")
	}},
	2: {userReadPreferences | userReadGeneral, func(c *ndr.Construct, _ *Account) {
		texts(c, 2)
		c.U16(0) // country
		c.U16(0) // code page
	}},
	3: {userReadGeneral | userReadPreferences | userReadLogon | userReadAccount, userLogon},
	4: {userReadLogon, func(c *ndr.Construct, _ *Account) { allHours(c) }},
	5: {userReadGeneral | userReadPreferences | userReadLogon | userReadAccount, userAccount},
	6: {userReadGeneral, func(c *ndr.Construct, a *Account) {
		c.String(a.Name)
		c.String(a.FullName)
	}},
	7:  {userReadGeneral, func(c *ndr.Construct, a *Account) { c.String(a.Name) }},
	8:  {userReadGeneral, func(c *ndr.Construct, a *Account) { c.String(a.FullName) }},
	9:  {userReadGeneral, func(c *ndr.Construct, a *Account) { c.U32(a.primaryGroup()) }},
	10: {userReadLogon, func(c *ndr.Construct, _ *Account) { texts(c, 2) }}, // home
	11: {userReadLogon, func(c *ndr.Construct, _ *Account) { texts(c, 1) }}, // script
	12: {userReadLogon, func(c *ndr.Construct, _ *Account) { texts(c, 1) }}, // profile
	13: {userReadGeneral, func(c *ndr.Construct, a *Account) { c.String(a.Comment) }},
	14: {userReadLogon, func(c *ndr.Construct, _ *Account) { texts(c, 1) }}, // workstations
	16: {userReadAccount, func(c *ndr.Construct, a *Account) { c.U32(a.control()) }},
	17: {userReadAccount, func(c *ndr.Construct, _ *Account) { old(c, never) }},
	20: {userReadAccount, func(c *ndr.Construct, _ *Account) { c.NullString() }},
}

// queryUser is SamrQueryInformationUser2, [MS-SAMR] 3.1.5.5.5, and the first of that name.
// Classes that hold passwords can't be queried.
func (v *service) queryUser(ctx context.Context, c *dcerpc.Call) (ntapi.Status, error) {
	h, _, err := dcerpc.HandleOf[*userHandle](c)
	level := c.In.U16()
	if err != nil || c.In.Err() != nil {
		return 0, err
	}
	a, _, status := h.find(ctx, v, userClasses[level].need, ntapi.NoSuchUser)
	if status != ntapi.OK {
		return status, nil
	}
	if level == 21 {
		fields := fieldsFor(h.Granted)
		if fields == 0 {
			return ntapi.AccessDenied, nil
		}
		return ntapi.AppendInfo(c.Out, level, func(c *ndr.Construct) { a.appendAll(c, fields) }), nil
	}
	arm := userClasses[level].arm
	if arm == nil {
		return ntapi.InvalidInfoClass, nil
	}
	return ntapi.AppendInfo(c.Out, level, func(c *ndr.Construct) { arm(c, a) }), nil
}

// texts writes n empty strings.
func texts(c *ndr.Construct, n int) {
	for range n {
		c.String("")
	}
}

// allHours writes a SAMPR_LOGON_HOURS, [MS-SAMR] 2.2.6.5.
func allHours(c *ndr.Construct) {
	const capacity = 1260
	c.Align(4)
	c.U16(hours)
	c.Defer(func(c *ndr.Construct) { c.Varying(capacity, hours/8, bytes.Repeat([]byte{0xff}, hours/8)) })
}

// userLogon writes a SAMPR_USER_LOGON_INFORMATION, [MS-SAMR] 2.2.6.10.
func userLogon(c *ndr.Construct, a *Account) {
	c.String(a.Name)
	c.String(a.FullName)
	c.U32(a.RID)
	c.U32(a.primaryGroup())
	texts(c, 5)   // home, its drive, script, profile, workstations
	old(c, 0)     // last logon
	old(c, 0)     // last logoff
	old(c, 0)     // password was set
	old(c, 0)     // and can be changed
	old(c, never) // and has to be
	allHours(c)
	c.U16(0) // bad passwords
	c.U16(0) // logons
	c.U32(a.control())
}

// userAccount writes a SAMPR_USER_ACCOUNT_INFORMATION, [MS-SAMR] 2.2.6.11.
func userAccount(c *ndr.Construct, a *Account) {
	c.String(a.Name)
	c.String(a.FullName)
	c.U32(a.RID)
	c.U32(a.primaryGroup())
	texts(c, 4) // home, its drive, script, profile
	c.String(a.Comment)
	texts(c, 1) // workstations
	old(c, 0)   // last logon
	old(c, 0)   // last logoff
	allHours(c)
	c.U16(0)      // bad passwords
	c.U16(0)      // logons
	old(c, 0)     // password was set
	old(c, never) // account expires
	c.U32(a.control())
}
