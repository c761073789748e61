package interop

import (
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestAccountsByRPC asks with Samba's rpcclient who has an account, and which names SIDs
// have.
func TestAccountsByRPC(t *testing.T) {
	need(t, "rpcclient")
	if peerIsSamba() {
		t.Skip("its accounts are others")
	}
	s := start(t, "-name", "accounts", "-admin", adminName+":"+password)
	conf := clientConf(t)
	ask := func(t *testing.T, user, question string) string {
		t.Helper()
		out, _ := command(t, 30*time.Second, "rpcclient", "-s", conf, "-p", strconv.Itoa(s.Port), "-U", user+"%"+password, "127.0.0.1", "-c", question)
		return out
	}
	for _, x := range []struct{ question, want string }{
		{"enumdomains", "name:[ACCOUNTS]"},
		{"enumdomusers", "user:[Guest] rid:[0x1f5]"},
		{"enumdomusers", "user:[alice]"},
		{"enumdomgroups", "group:[None] rid:[0x201]"},
		{"enumalsgroups builtin", "group:[Administrators] rid:[0x220]"},
		{"lookupdomain builtin", "Domain SID: S-1-5-32"},
		{"queryuser 501", "User Name   :\tGuest"},
		{"queryuser bob", "User Name   :\tbob"},
		{"querygroup 513", "Group Name:\tNone"},
		{"queryusergroups 500", "group rid:[0x201]"},
		{"queryaliasmem builtin 545", "sid:[S-1-5-11]"},
		{"queryaliasmem builtin 544", "sid:[S-1-5-21-"},
		{"querydispinfo 1", "Account: Guest"},
		{"querydispinfo 1", "Account: bob"},
		{"querydispinfo 3", "Account: None"},
		{"querydispinfo 4", "Account: Guest"},
		{"querydispinfo 5", "Account: None"},
		{"querydominfo 1", "Minimum password length:\t\t\t0"},
		{"querydominfo 2", "ROLE_DOMAIN_PDC"},
		{"querydominfo 5", "ACCOUNTS"},
		{"querydominfo 12", "Lockout after bad attempts"},
		{"querydominfo 13", "Sequence No at last promotion"},
		{"samlookupnames domain Guest alice", "alice"},
		{"samlookuprids builtin 544", "Administrators (4)"},
		{"getdompwinfo", "min_password_length: 0"},
		{"samquerysecobj", "S-1-5-32-544"},
		{"createdomuser eve", "NT_STATUS_ACCESS_DENIED"},
		{"lookupnames carol administrators", "administrators S-1-5-32-544 (Local Group: 4)"},
		{"lookupsids S-1-1-0 S-1-5-18 S-1-5-32-545", `BUILTIN\Users (4)`},
		{"lookupnames4 carol", "NT_STATUS_ACCESS_DENIED"},
		{"getusername", "Account Name: carol, Authority Name: ACCOUNTS"},
		{"lsaquery", "Domain Name: WORKGROUP"},
		{"lsaenumsid", "S-1-5-32-544"},
		{"enumprivs", "SeBackupPrivilege"},
		{"lsaenumprivsaccount S-1-5-32-544", "found 5 privileges"},
		{"lsaenumacctrights S-1-5-32-545", "SeNetworkLogonRight"},
		{"lsaquerysecobj", "S-1-5-11"},
		{"dsroledominfo", "Machine Role = [2]"},
	} {
		if out := ask(t, adminName, x.question); !strings.Contains(out, x.want) {
			t.Errorf("%s: no %q in\n%s", x.question, x.want, out)
		}
	}
	for question, want := range map[string]string{
		"enumdomusers":                     "NT_STATUS_ACCESS_DENIED",
		"lookupsids S-1-5-32-544 S-1-1-0":  `BUILTIN\Administrators (4)`,
		"lookupnames alice":                "(User: 1)",
		"lsaenumprivsaccount S-1-5-32-544": "NT_STATUS_ACCESS_DENIED",
	} {
		if out := ask(t, userName, question); !strings.Contains(out, want) {
			t.Errorf("as a user, %s: no %q in\n%s", question, want, out)
		}
	}
}
