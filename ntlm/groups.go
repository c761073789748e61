package ntlm

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"

	"github.com/gosmbd/smb"
	"github.com/gosmbd/smb/vfs"
)

var errGroupChange = fmt.Errorf("groups or privileges were changed: %w", smb.StatusNetworkSessionExpired)

// sameRights is an error if the client has to log on again to get what it is now.
func sameRights(now, was vfs.Caller) error {
	if now.Privileges != was.Privileges || !slices.Equal(now.Groups, was.Groups) {
		return errGroupChange
	}
	return nil
}

// Grouped is Accounts with groups from a file: who is known to Accounts gets, besides
// the groups that he has there, those that list his name. It makes groups and privileges
// of stores that have none, such as Smbpasswd and Ksmbdpwd.
type Grouped struct {
	Accounts
	Groups *Groups // nil: none
}

// Authenticate implements Accounts. Should the file not be readable, nobody logs on
// until it is mended: a group may be there to deny something.
func (g Grouped) Authenticate(ctx context.Context, a *Attempt) (*Logon, error) {
	on, err := g.Accounts.Authenticate(ctx, a)
	if err != nil || on == nil {
		return nil, err
	}
	logon, own := *on, on.Caller
	if err := g.Groups.put(&logon.Caller); err != nil {
		return nil, err
	}
	was := logon.Caller
	logon.Recheck = func(ctx context.Context) error {
		if on.Recheck != nil {
			if err := on.Recheck(ctx); err != nil {
				return err
			}
		}
		now := own
		if err := g.Groups.put(&now); err != nil {
			return err
		}
		return sameRights(now, was)
	}
	return &logon, nil
}

// Principals implements vfs.Principals: whom Accounts knows, and the groups.
func (g Grouped) Principals(ctx context.Context) iter.Seq2[vfs.Principal, error] {
	return func(yield func(vfs.Principal, error) bool) {
		list, err := g.Groups.load()
		if err != nil {
			yield(vfs.Principal{}, err)
			return
		}
		for p, err := range principalsOf(ctx, g.Accounts) {
			if err == nil && p.Kind == vfs.PrincipalUser {
				p.Groups = list.of(p.Name, p.Groups)
			}
			if !yield(p, err) || err != nil {
				return
			}
		}
		for _, gr := range list {
			// Those of BUILTIN every server has.
			if !strings.HasPrefix(string(gr.sid), "S-1-5-32-") &&
				!yield(vfs.Principal{Kind: vfs.PrincipalAlias, Name: gr.name, SID: gr.sid}, nil) {
				return
			}
		}
	}
}

// PrincipalsVersion implements vfs.VersionedPrincipals, if Accounts does or isn't a
// vfs.Principals.
func (g Grouped) PrincipalsVersion(ctx context.Context) (version string, ok bool) {
	users, ok := versionOf(ctx, g.Accounts)
	if !ok || g.Groups == nil {
		return users, ok
	}
	groups, ok := g.Groups.file.version()
	return groups + " " + users, ok
}

// Groups is a file of groups in the format of group(5), which is that of /etc/group:
//
//	name:x:gid:member,member
//
// The group's SID is Samba's for a Unix group, S-1-22-2-gid. In place of a gid there may
// be a SID; it may also be missing for Administrators, Users, Guests, Power Users and Backup
// Operators, which are those that Windows calls so, and for no others. Members of Administrators
// administrate the server and have all privileges, and those of Backup Operators
// have PrivilegeBackup and PrivilegeRestore. Names are compared without regard to case.
//
// The file is read again when it changed.
type Groups struct{ file cachedFile[groupList] }

// OpenGroups reads the file at path.
func OpenGroups(path string) (*Groups, error) {
	g := &Groups{}
	g.file.path, g.file.parse = path, parseGroups
	_, err := g.file.load()
	return g, err
}

func (g *Groups) load() (groupList, error) {
	if g == nil {
		return nil, nil
	}
	return g.file.load()
}

// put adds to a caller what the file says of him.
func (g *Groups) put(c *vfs.Caller) error {
	list, err := g.load()
	if err != nil {
		return err
	}
	c.Groups = list.of(c.Name, c.Groups)
	if slices.Contains(c.Groups, vfs.SIDBackupOperators) {
		c.Privileges |= vfs.PrivilegeBackup | vfs.PrivilegeRestore
	}
	return nil
}

type group struct {
	name    string
	sid     vfs.SID
	members map[string]bool // in lower case
}

type groupList []group

// of returns the groups of a user: those that he has anyhow, and those of the list.
func (l groupList) of(user string, has []vfs.SID) []vfs.SID {
	all := slices.Clone(has)
	user = strings.ToLower(user)
	for _, g := range l {
		if g.members[user] && !slices.Contains(all, g.sid) {
			all = append(all, g.sid)
		}
	}
	return all
}

// builtinGroups are those whose SIDs everybody knows. Their names are in lower case.
var builtinGroups = map[string]vfs.SID{
	"administrators":   vfs.SIDAdministrators,
	"users":            vfs.SIDUsers,
	"guests":           vfs.SIDGuests,
	"power users":      vfs.SIDPowerUsers,
	"backup operators": vfs.SIDBackupOperators,
}

var errGroup = errors.New("not a group: want name:x:gid:member,member")

func parseGroups(text []byte) (groupList, error) {
	var list groupList
	number := 0
	for raw := range bytes.Lines(text) {
		number++
		line, ended := cutLineEnd(string(raw))
		if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
			continue
		}
		g, err := parseGroup(line)
		if err == nil && !ended {
			err = errCut
		}
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", number, err)
		}
		list = append(list, g)
	}
	return list, nil
}

// parseGroup reads a line.
func parseGroup(line string) (group, error) {
	p := strings.Split(line, ":")
	if len(p) != 4 || p[0] == "" {
		return group{}, errGroup
	}
	g := group{name: p[0], sid: vfs.SID(p[2]), members: make(map[string]bool)}
	if gid, err := strconv.ParseUint(p[2], 10, 32); err == nil {
		g.sid = vfs.UnixGroupSID(uint32(gid))
	} else if p[2] == "" {
		g.sid = builtinGroups[strings.ToLower(g.name)]
	}
	if !g.sid.Valid() {
		return group{}, errGroup
	}
	for name := range strings.SplitSeq(p[3], ",") {
		if name = strings.TrimSpace(name); name != "" {
			g.members[strings.ToLower(name)] = true
		}
	}
	return g, nil
}
