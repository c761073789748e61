package lsarpc

import (
	"context"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"

	"github.com/gosmbd/smb/dcerpc"
	"github.com/gosmbd/smb/dcerpc/dssetup"
	"github.com/gosmbd/smb/dcerpc/internal/transcript"
	"github.com/gosmbd/smb/vfs"
)

// different lists what is not compared with smbd's answer, by operation and what it asks
// for, and why.
var different = map[string]string{
	"2":    "smbd has other privileges",
	"3":    "smbd has another descriptor",
	"7/1":  "smbd has zeros for the constants of the specification",
	"7/2":  "smbd audits",
	"7/12": "smbd has none as long as it is in no domain",
	"7/13": "smbd has none as long as it is in no domain",
	"7/14": "smbd doesn't know the class",
	"11":   "smbd gives rights to more groups",
	"13":   "smbd has another resume handle at the end",
	"15/1": "smbd has a domain for an unknown SID",
	"15/6": "smbd has a domain for an unknown SID",
	"18":   "smbd gives administrators more",
	"33":   "smbd doesn't tell the language",
	"36":   "smbd gives administrators more",
	"46":   "smbd doesn't know the operation",
	"68/6": "smbd has a SID for an unknown name",

	"dssetup": "smbd calls itself the domain",
}

// keyOf is the key in different of a request.
func keyOf(request []byte) string {
	switch op := binary.LittleEndian.Uint16(request[22:]); {
	case len(request) == 26:
		return "dssetup"
	case op == 7 || op == 15 || op == 68:
		return fmt.Sprintf("%d/%d", op, binary.LittleEndian.Uint16(request[44:]))
	default:
		return fmt.Sprint(op)
	}
}

// opens are the operations that return a handle.
var opens = []uint16{6, 17, 44}

// TestGolden replays what rpcclient and impacket asked Samba's smbd, to a Server of the
// same content, and compares the replies octet by octet.
func TestGolden(t *testing.T) {
	for _, client := range []string{"impacket", "rpcclient"} {
		t.Run(client, func(t *testing.T) { replay(t, client) })
	}
}

func replay(t *testing.T, client string) {
	x := transcript.Read(t, "testdata/lsarpc-"+client+".txt")
	iface := transcript.As(admin, Interface(smbd{}))
	open := func() *dcerpc.Conn { return dcerpc.NewConn(`\pipe\lsass`, iface, dssetup.Interface(smbd{})) }
	transcript.Compare(t, x, opens, open, func(i int) string {
		if request := x[i].Request; request[2] == 0 {
			return different[keyOf(request)]
		}
		return ""
	})
}

const machine vfs.SID = "S-1-5-21-893324237-838063960-1569629371"

var admin = &vfs.Caller{Name: "torture", Domain: "SAMBAREF", SID: machine + "-1000", Groups: []vfs.SID{vfs.SIDAdministrators}}

// smbd has the content of the server that was recorded.
type smbd struct{}

func (smbd) Policy(context.Context) Policy { return Policy{Name: "SAMBAREF", SID: machine} }

func (smbd) Role(context.Context) dssetup.Role { return dssetup.Role{} }

var names = []Name{
	{vfs.PrincipalUser, "torture", machine + "-1000", "SAMBAREF", machine},
	{vfs.PrincipalWellKnown, "Everyone", vfs.SIDEveryone, "", "S-1-1"},
	{vfs.PrincipalWellKnown, "Creator Owner", vfs.SIDCreatorOwner, "", "S-1-3"},
	{vfs.PrincipalWellKnown, "SYSTEM", vfs.SIDSystem, "NT Authority", "S-1-5"},
	{vfs.PrincipalWellKnown, "Authenticated Users", vfs.SIDAuthenticatedUsers, "NT Authority", "S-1-5"},
	{vfs.PrincipalDomain, "BUILTIN", "S-1-5-32", "BUILTIN", "S-1-5-32"},
	{vfs.PrincipalAlias, "Administrators", vfs.SIDAdministrators, "BUILTIN", "S-1-5-32"},
	{vfs.PrincipalAlias, "Users", vfs.SIDUsers, "BUILTIN", "S-1-5-32"},
}

func (smbd) NamesOf(_ context.Context, sids []vfs.SID) ([]Name, error) {
	list := make([]Name, len(sids))
	for i, sid := range sids {
		list[i] = Name{Kind: vfs.PrincipalUnknown, SID: sid}
		for _, n := range names {
			if n.SID == sid {
				list[i] = n
			}
		}
	}
	return list, nil
}

func (smbd) SIDsOf(_ context.Context, asked []string) ([]Name, error) {
	list := make([]Name, len(asked))
	for i, text := range asked {
		name := text[strings.LastIndexByte(text, '\\')+1:]
		for _, n := range names {
			if strings.EqualFold(n.Name, name) {
				n.Domain = strings.ReplaceAll(n.Domain, "Authority", "AUTHORITY") // as it was asked for
				list[i] = n
			}
		}
	}
	return list, nil
}

func (smbd) Holders(context.Context) []Holder {
	return []Holder{
		{SID: vfs.SIDAdministrators, Rights: []string{"SeMachineAccountPrivilege", "SeTakeOwnershipPrivilege", "SeBackupPrivilege", "SeRestorePrivilege", "SeRemoteShutdownPrivilege", "SeDiskOperatorPrivilege", "SeAddUsersPrivilege", "SePrintOperatorPrivilege"}},
		{SID: vfs.SIDEveryone},
	}
}
