package samr

import (
	"github.com/gosmbd/smb/dcerpc/internal/ntapi"
	"github.com/gosmbd/smb/dcerpc/ndr"
)

// The fields that WhichFields names, by the right that it takes to read them, [MS-SAMR]
// 3.1.5.5.5.2.
const (
	fieldsGeneral     = 0x0000003f
	fieldsLogon       = 0x00000040 | 0x00000080 | 0x00000100 | 0x00000200 | 0x00000400 | 0x00000800 | 0x00001000 | 0x00002000 | 0x00004000 | 0x00008000 | 0x00010000 | 0x00020000
	fieldsAccount     = 0x00040000 | 0x00080000 | 0x00100000 | 0x00200000
	fieldsPreferences = 0x00400000 | 0x00800000
)

// fieldsFor returns the fields that a handle with these rights may read.
func fieldsFor(granted ntapi.Access) uint32 {
	var fields uint32
	for _, f := range []struct {
		need   ntapi.Access
		fields uint32
	}{
		{userReadGeneral, fieldsGeneral}, {userReadLogon, fieldsLogon},
		{userReadAccount, fieldsAccount}, {userReadPreferences, fieldsPreferences},
	} {
		if granted&f.need != 0 {
			fields |= f.fields
		}
	}
	return fields
}

// appendAll writes a SAMPR_USER_ALL_INFORMATION, [MS-SAMR] 2.2.6.6. Fields that aren't
// asked for are empty; passwords, private data and descriptors always are.
func (a *Account) appendAll(c *ndr.Construct, fields uint32) {
	general := func(s string) {
		if fields&fieldsGeneral == 0 {
			s = ""
		}
		c.String(s)
	}
	number := func(mask, n uint32) uint32 {
		if fields&mask == 0 {
			n = 0
		}
		return n
	}
	old(c, 0)                                      // last logon
	old(c, 0)                                      // last logoff
	old(c, 0)                                      // password was set
	old(c, never*uint64(number(fieldsAccount, 1))) // account expires
	old(c, 0)                                      // password can be changed
	old(c, never*uint64(number(fieldsLogon, 1)))   // and has to be
	general(a.Name)
	general(a.FullName)
	texts(c, 4) // home, its drive, script, profile
	general(a.Comment)
	texts(c, 2) // workstations, the user's own comment
	for range 4 {
		c.NullString() // parameters, hashes, private data
	}
	c.U32(0) // length of the descriptor
	c.Ptr(false)
	c.U32(number(fieldsGeneral, a.RID))
	c.U32(number(fieldsGeneral, a.primaryGroup()))
	c.U32(number(fieldsAccount, a.control()))
	c.U32(fields)
	if fields&fieldsLogon != 0 {
		allHours(c)
	} else {
		c.U16(0)
		c.Ptr(false)
	}
	for range 4 {
		c.U16(0) // bad passwords, logons, country, code page
	}
	for range 4 {
		c.U8(0) // hashes present, password expired, private data
	}
}
