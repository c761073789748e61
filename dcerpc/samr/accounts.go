package samr

import (
	"slices"
	"strconv"
	"strings"

	"github.com/gosmbd/smb/vfs"
)

// What is known of accounts, beyond what Account has.
const (
	ridGuest = 501
	ridUsers = 513 // the group that all users are in, [MS-SAMR] 2.2.1.14

	// membership is the attributes of a membership: mandatory, enabled and enabled by
	// default, [MS-SAMR] 2.2.1.10.
	membership = 7
)

// The flags of a user that are told, [MS-SAMR] 2.2.1.12.
const (
	userDisabled     = 0x00000001
	userNormal       = 0x00000010
	userDontExpire   = 0x00000200
	userControlCares = ^uint32(0x00020400) // of a filter: without "locked" and "expired"
)

// control returns the UserAccountControl of a user.
func (a *Account) control() uint32 {
	flags := uint32(userNormal | userDontExpire)
	if a.Disabled {
		flags |= userDisabled
	}
	return flags
}

// ridSID returns the SID of what has a number in a domain.
func ridSID(domain vfs.SID, rid uint32) vfs.SID {
	return domain + vfs.SID("-"+strconv.FormatUint(uint64(rid), 10))
}

// ridOf returns the number of what is in the domain, ok false if it isn't.
func (d *Domain) ridOf(sid vfs.SID) (rid uint32, ok bool) {
	text, ok := strings.CutPrefix(string(sid), string(d.SID)+"-")
	n, err := strconv.ParseUint(text, 10, 32)
	return uint32(n), ok && err == nil
}

// find returns the account with that number, nil if there is none.
func (d *Domain) find(rid uint32) *Account {
	i, ok := slices.BinarySearchFunc(d.Accounts, rid, func(a Account, rid uint32) int {
		return int(int64(a.RID) - int64(rid))
	})
	if !ok {
		return nil
	}
	return &d.Accounts[i]
}

// byName indexes the accounts by their names, for operations with many.
func (d *Domain) byName() map[string]*Account {
	m := make(map[string]*Account, len(d.Accounts))
	for i := range d.Accounts {
		m[strings.ToLower(d.Accounts[i].Name)] = &d.Accounts[i]
	}
	return m
}

// kind returns the accounts of one kind, in ascending order of RID.
func (d *Domain) kind(k vfs.PrincipalKind) []*Account {
	var list []*Account
	for i := range d.Accounts {
		if d.Accounts[i].Kind == k {
			list = append(list, &d.Accounts[i])
		}
	}
	return list
}

// primaryGroup returns the number of the group that a user is in first of all.
func (a *Account) primaryGroup() uint32 {
	if a.RID == ridGuest {
		return 514 // Domain Guests, as on Windows, where there is none of that name
	}
	return ridUsers
}
