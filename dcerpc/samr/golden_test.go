package samr

import (
	"context"
	"encoding/binary"
	"fmt"
	"testing"
	"time"

	"github.com/gosmbd/smb/dcerpc"
	"github.com/gosmbd/smb/dcerpc/internal/transcript"
	"github.com/gosmbd/smb/vfs"
)

// different lists what is not compared with smbd's answer, by operation, and class if it has
// any, and why.
var different = map[string]string{
	"3":    "smbd has another descriptor",
	"5":    "smbd points to no SID for an unknown domain",
	"6":    "smbd numbers domains, which the specification has as zeros",
	"8/1":  "smbd wants passwords of five characters, that change",
	"8/2":  "smbd names the workgroup",
	"8/3":  "smbd has another number for never",
	"8/6":  "smbd is its own replica",
	"8/8":  "smbd tells the time",
	"8/11": "smbd names the workgroup",
	"8/12": "smbd's half an hour is a bit longer",
	"8/13": "smbd tells the time",
	"11":   "smbd doesn't list the group that users are in",
	"13":   "smbd gives a resume handle at the end",
	"15":   "smbd lists no aliases without winbindd",
	"17":   "smbd has -1 for an unknown name",
	"33":   "smbd lists no members without winbindd",
	"36/2": "smbd leaves a string out",
	"36/3": "smbd's passwords expire, and users have homes",
	"36/5": "smbd's users have homes",

	"36/10": "smbd's users have homes",
	"36/12": "smbd's users have profiles",
	"36/16": "smbd's passwords expire",
	"36/17": "smbd's accounts expire in 2036",
	"36/20": "smbd has an empty string for none",
	"36/21": "smbd's passwords expire, and users have homes",
	"40/1":  "smbd's passwords expire",
	"44":    "smbd wants passwords of five characters",
	"56":    "smbd wants passwords of five characters",
}

// keyOf is the key in different of a request. Operations of one kind have the number of the
// first.
func keyOf(request []byte) string {
	op := binary.LittleEndian.Uint16(request[22:])
	if same := map[uint16]uint16{46: 8, 47: 36, 48: 40, 51: 40}[op]; same != 0 {
		op = same
	}
	if op != 8 && op != 36 && op != 40 {
		return fmt.Sprint(op)
	}
	return fmt.Sprintf("%d/%d", op, binary.LittleEndian.Uint16(request[44:]))
}

// opens are the operations that return a handle.
var opens = []uint16{0, 7, 19, 27, 34, 57, 62, 64}

// TestGolden replays what rpcclient and impacket asked Samba's smbd, to a Server of the
// same content, and compares the replies octet by octet.
func TestGolden(t *testing.T) {
	for _, client := range []string{"impacket", "rpcclient"} {
		t.Run(client, func(t *testing.T) { replay(t, client) })
	}
}

func replay(t *testing.T, client string) {
	x := transcript.Read(t, "testdata/samr-"+client+".txt")
	v := &service{server: smbd{}, now: func() time.Time { return time.Unix(0, 0) }}
	iface := Interface(smbd{})
	iface.Call = func(_ context.Context, c *dcerpc.Call) error {
		return v.call(vfs.WithCaller(context.Background(), admin), c)
	}
	open := func() *dcerpc.Conn { return dcerpc.NewConn(`\pipe\samr`, iface) }
	transcript.Compare(t, x, opens, open, func(i int) string {
		if request := x[i].Request; request[2] == 0 {
			return different[keyOf(request)]
		}
		return ""
	})
}

var admin = &vfs.Caller{Name: "torture", SID: "S-1-5-21-893324237-838063960-1569629371-1000", Groups: []vfs.SID{vfs.SIDAdministrators}}

// smbd has the content of the server that was recorded.
type smbd struct{}

const machine vfs.SID = "S-1-5-21-893324237-838063960-1569629371"

func (smbd) Domains(context.Context) (account, builtin *Domain, err error) {
	make := func(kind vfs.PrincipalKind, rid uint32, name, comment string) Account {
		p := vfs.Principal{Kind: kind, Name: name, FullName: name, SID: ridSID(machine, rid), RID: rid, Comment: comment}
		return Account{Principal: p}
	}
	admins := make(vfs.PrincipalAlias, 544, "tortadmins", "Wellknown Unix group")
	admins.Members = []vfs.SID{admin.SID}
	account = &Domain{Name: "SAMBAREF", SID: machine, Comment: "samba reference", Accounts: []Account{
		make(vfs.PrincipalGroup, 513, "None", "Ordinary Users"),
		make(vfs.PrincipalUser, 1000, "torture", ""), make(vfs.PrincipalUser, 1001, "torture2", ""),
	}}
	builtin = &Domain{Name: "Builtin", SID: "S-1-5-32", Accounts: []Account{admins}}
	return account, builtin, nil
}
