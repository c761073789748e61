package ntlm

import (
	"context"
	"encoding/base64"
	"errors"
	"iter"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/gosmbd/smb"
	"github.com/gosmbd/smb/internal/ntlmclient"
	"github.com/gosmbd/smb/vfs"
)

// textFile is a file in a directory of the test.
type textFile struct {
	t    *testing.T
	path string
}

func newFile(t *testing.T, text string) textFile {
	f := textFile{t, filepath.Join(t.TempDir(), "file")}
	f.write(text)
	return f
}

func (f textFile) write(text string) {
	f.t.Helper()
	if err := os.WriteFile(f.path, []byte(text), 0o600); err != nil {
		f.t.Fatal(err)
	}
}

func (f textFile) read() string {
	f.t.Helper()
	b, err := os.ReadFile(f.path)
	if err != nil {
		f.t.Fatal(err)
	}
	return string(b)
}

// logsOn wants a logon to end with an error, or none.
func logsOn(t *testing.T, a Accounts, user, password string, want error) smb.Acceptor {
	t.Helper()
	acc, _, err := logon(t, New(a), &ntlmclient.Client{User: user, Password: password}, nil)
	if !errors.Is(err, want) {
		t.Errorf("%s: error is %v, want %v", user, err, want)
	}
	return acc
}

func base64Hash(password string) string {
	h := HashOf(password)
	return base64.StdEncoding.EncodeToString(h[:])
}

func disabledHash(password string) string {
	h := HashOf(password)
	return base64.StdEncoding.EncodeToString(append(h[:], disabledMark...))
}

func TestKsmbdpwd(t *testing.T) {
	f := newFile(t, "alice:"+base64Hash("one")+"\n\nAlice:"+base64Hash("two")+"\n"+
		"bob:"+base64Hash("old")+"\nbob:"+base64Hash("one")+"\n"+
		"off:"+disabledHash("one")+"\nempty:"+base64Hash("")+"\njürgen:"+base64Hash("one"))
	db, err := OpenKsmbdpwd(f.path)
	if err != nil {
		t.Fatal(err)
	}
	logsOn(t, db, "alice", "one", nil)
	logsOn(t, db, "Alice", "two", nil)
	logsOn(t, db, "ALICE", "one", ErrNoSuchUser) // could be either
	logsOn(t, db, "bob", "old", ErrWrongPassword)
	if c := logsOn(t, db, "BOB", "one", nil).Caller(); c.Name != "bob" || c.SID != "" {
		t.Errorf("caller is %+v", c)
	}
	logsOn(t, db, "off", "one", ErrDisabled)
	logsOn(t, db, "off", "two", ErrWrongPassword)
	logsOn(t, db, "empty", "", ErrNoSecret)
	logsOn(t, db, "jürgen", "one", nil)

	for _, bad := range []string{"alice", ":" + base64Hash("one"), "alice:", "alice:" + base64Hash("one")[:22],
		"alice:" + base64Hash("one") + "AAAA", "alice:" + disabledHash("one")[:24], "# alice", "a\xff:" + base64Hash("one"),
		"alice:AAAAAAAAAAAAAAAAAAAAAB=="} {
		if u, err := parseKsmbdpwdLine(bad); err == nil {
			t.Errorf("%q gives %+v", bad, u)
		} else if strings.Contains(err.Error(), "one") || strings.Contains(err.Error(), base64Hash("one")) {
			t.Errorf("the error shows what may be a secret: %v", err)
		}
	}
	f.write("alice:" + base64Hash("one") + "\nbroken\n")
	logsOn(t, db, "alice", "one", errKsmbdpwd)
	if _, err := OpenKsmbdpwd(f.path); err == nil || !strings.Contains(err.Error(), "line 2") {
		t.Errorf("error %v doesn't tell the line", err)
	}
}

// A change that leaves size and time of a file as they were is found, if the file was
// young when it was read.
func TestChangeWithinTick(t *testing.T) {
	f := newFile(t, "alice:"+base64Hash("one")+"\n")
	now := time.Now()
	touch := func() {
		if err := os.Chtimes(f.path, now, now); err != nil {
			t.Fatal(err)
		}
	}
	touch()
	db, err := OpenKsmbdpwd(f.path)
	if err != nil {
		t.Fatal(err)
	}
	logsOn(t, db, "alice", "one", nil)
	f.write("alice:" + base64Hash("two") + "\n")
	touch()
	logsOn(t, db, "alice", "one", ErrWrongPassword)
	logsOn(t, db, "alice", "two", nil)

	// One that is older isn't read each time.
	now = now.Add(-time.Minute)
	touch()
	logsOn(t, db, "alice", "two", nil)
	if db.file.state.info == nil {
		t.Error("an old file isn't kept")
	}
}

func TestFirstOf(t *testing.T) {
	f := newFile(t, "alice:"+base64Hash("file")+"\nbob:"+base64Hash("file")+"\n")
	db, err := OpenKsmbdpwd(f.path)
	if err != nil {
		t.Fatal(err)
	}
	both := FirstOf{Static{"alice": {Password: "table"}}, db}
	logsOn(t, both, "alice", "table", nil)
	logsOn(t, both, "alice", "file", ErrWrongPassword)
	logsOn(t, both, "bob", "file", nil)
	logsOn(t, both, "carol", "file", ErrNoSuchUser)
	logsOn(t, FirstOf(nil), "carol", "file", ErrNoSuchUser)
	f.write("broken\n")
	logsOn(t, both, "bob", "file", errKsmbdpwd)
	logsOn(t, both, "carol", "file", errKsmbdpwd)
	logsOn(t, both, "alice", "table", nil)
}

// counted counts the answers that it gives.
type counted struct {
	Accounts
	n *int
}

func (c counted) Authenticate(ctx context.Context, a *Attempt) (*Logon, error) {
	*c.n++
	return c.Accounts.Authenticate(ctx, a)
}

// A store that fails decides: the stores behind it aren't asked.
func TestFirstOfStops(t *testing.T) {
	n := 0
	last := counted{Static{"alice": {Password: "last"}}, &n}
	down := Lookup(func(context.Context, string, string) (User, error) { return User{}, errors.New("database is down") })
	if _, _, err := logon(t, New(FirstOf{down, last}), &ntlmclient.Client{User: "alice", Password: "last"}, nil); err == nil {
		t.Error("got in by a later store")
	}
	if n != 0 {
		t.Error("a later store was asked")
	}
}

func TestLookup(t *testing.T) {
	users := map[string]User{
		"alice": {Name: "Alice", Hash: HashOf("one"), Groups: []vfs.SID{vfs.SIDUsers}, Privileges: vfs.PrivilegeBackup},
		"off":   {Hash: HashOf("one"), Disabled: true},
		"blank": {},
	}
	l := Lookup(func(_ context.Context, name, domain string) (User, error) {
		u, ok := users[strings.ToLower(name)]
		if !ok || domain == "elsewhere" {
			return User{}, ErrNoSuchUser
		}
		return u, nil
	})
	acc := logsOn(t, l, "ALICE@example.org", "one", nil)
	if c := acc.Caller(); c.Name != "Alice" || len(c.Groups) != 1 || c.Privileges != vfs.PrivilegeBackup {
		t.Errorf("caller is %+v", c)
	}
	logsOn(t, l, "alice", "two", ErrWrongPassword)
	logsOn(t, l, "alice@elsewhere", "one", ErrNoSuchUser)
	logsOn(t, l, "off", "one", ErrDisabled)
	logsOn(t, l, "blank", "", ErrNoSecret)
	logsOn(t, l, "nobody", "one", ErrNoSuchUser)

	check := func(want error) {
		t.Helper()
		if err := recheck(t, acc); !errors.Is(err, want) {
			t.Errorf("recheck: %v, want %v", err, want)
		}
	}
	was := users["alice"]
	change := func(edit func(*User)) {
		u := was
		edit(&u)
		users["alice"] = u
	}
	check(nil)
	change(func(u *User) { u.Hash = HashOf("two") })
	check(smb.StatusNetworkSessionExpired)
	change(func(u *User) { u.Groups = nil })
	check(smb.StatusNetworkSessionExpired)
	change(func(u *User) { u.Privileges = 0 })
	check(smb.StatusNetworkSessionExpired)
	change(func(u *User) { u.Disabled = true })
	check(ErrDisabled)
	change(func(u *User) { u.SID = "S-1-5-21-1-2-3-4" })
	check(smb.StatusUserSessionDeleted)
	delete(users, "alice")
	check(smb.StatusUserSessionDeleted)
}

// recheck asks a logon whether it still holds.
func recheck(t *testing.T, acc smb.Acceptor) error {
	t.Helper()
	r, ok := acc.(smb.Rechecker)
	if !ok {
		t.Fatal("no smb.Rechecker")
	}
	return r.Recheck(t.Context())
}

func TestRecheckFile(t *testing.T) {
	line := func(name, password, flags string) string {
		return name + ":1000:" + lm32 + ":" + hexHash(password) + ":" + flags + tail + "\n"
	}
	f := newFile(t, line("alice", "one", "[U          ]"))
	db, err := OpenSmbpasswd(f.path)
	if err != nil {
		t.Fatal(err)
	}
	acc := logsOn(t, db, "alice", "one", nil)
	for _, tt := range []struct {
		text string
		want error
	}{
		{line("bob", "two", "[U          ]") + line("alice", "one", "[U          ]"), nil},
		{line("alice", "two", "[U          ]"), smb.StatusNetworkSessionExpired},
		{line("alice", "one", "[DU         ]"), ErrDisabled},
		{strings.Replace(line("alice", "one", "[U          ]"), "1000", "1001", 1), smb.StatusUserSessionDeleted},
		{line("bob", "two", "[U          ]"), smb.StatusUserSessionDeleted},
		{"broken\n", errSmbpasswd},
	} {
		f.write(tt.text)
		err := recheck(t, acc)
		if !errors.Is(err, tt.want) {
			t.Errorf("recheck: %v, want %v", err, tt.want)
		}
		var st smb.Status
		if tt.want == errSmbpasswd && errors.As(err, &st) {
			t.Errorf("a file that can't be read ends sessions: %v", err)
		}
	}
}

func TestGroups(t *testing.T) {
	groups := newFile(t, "# who is what\nstaff:x:50:alice, BOB,\nAdministrators:x::carol\n"+
		"backup operators:*::alice\nfar:x:S-1-5-21-1-2-3-1000:alice\n")
	g, err := OpenGroups(groups.path)
	if err != nil {
		t.Fatal(err)
	}
	accounts := Grouped{Static{
		"Alice": {Password: "one", Groups: []vfs.SID{"S-1-5-21-9-9-9-9", "S-1-22-2-50"}},
		"bob":   {Password: "one"}, "carol": {Password: "one"}, "dave": {Password: "one"},
	}, g}
	alice := logsOn(t, accounts, "alice", "one", nil)
	want := []vfs.SID{"S-1-5-21-9-9-9-9", "S-1-22-2-50", vfs.SIDBackupOperators, "S-1-5-21-1-2-3-1000"}
	if c := alice.Caller(); !reflect.DeepEqual(c.Groups, want) || c.Privileges != vfs.PrivilegeBackup|vfs.PrivilegeRestore {
		t.Errorf("alice is %+v", c)
	}
	if c := logsOn(t, accounts, "bob", "one", nil).Caller(); !reflect.DeepEqual(c.Groups, want[1:2]) || c.Privileges != 0 {
		t.Errorf("bob is %+v", c)
	}
	if c := logsOn(t, accounts, "carol", "one", nil).Caller(); !c.Token().Holds(vfs.PrivilegeTakeOwnership) {
		t.Errorf("carol is %+v", c)
	}
	dave := logsOn(t, accounts, "dave", "one", nil)
	if c := dave.Caller(); c.Groups != nil {
		t.Errorf("dave is %+v", c)
	}
	if err := recheck(t, alice); err != nil {
		t.Error(err)
	}
	groups.write("staff:x:50:alice,bob\nfar:x:S-1-5-21-1-2-3-1000:\n")
	if err := recheck(t, alice); !errors.Is(err, smb.StatusNetworkSessionExpired) {
		t.Errorf("recheck after alice lost groups: %v", err)
	}
	if err := recheck(t, dave); err != nil {
		t.Errorf("recheck of dave: %v", err)
	}
	for _, bad := range []string{"staff", "staff:x:50", ":x:50:a", "staff:x::a", "staff:x:-1:a", "staff:x:S-1-x:a", "a:x:1:b:c"} {
		groups.write(bad + "\n")
		logsOn(t, accounts, "dave", "one", errGroup)
	}
	groups.write("staff:x:50:alice")
	logsOn(t, accounts, "dave", "one", errCut)
	logsOn(t, Grouped{Accounts: accounts.Accounts}, "dave", "one", nil)
}

func TestPrincipals(t *testing.T) {
	smbpasswd := newFile(t, "uwe:1000:"+lm32+":"+hexHash("one")+":[DU         ]"+tail+"\nAnn:1001:"+lm32+":"+lm32+":[U          ]"+tail+"\n")
	ksmbd := newFile(t, "zoe:"+base64Hash("one")+"\nann:"+base64Hash("one")+"\n")
	s, err := OpenSmbpasswd(smbpasswd.path)
	if err != nil {
		t.Fatal(err)
	}
	k, err := OpenKsmbdpwd(ksmbd.path)
	if err != nil {
		t.Fatal(err)
	}
	groups := newFile(t, "staff:x:50:ZOE\nAdministrators:x::ann\n")
	g, err := OpenGroups(groups.path)
	if err != nil {
		t.Fatal(err)
	}
	var m vfs.Principals = New(Grouped{FirstOf{Static{"max": {SID: "S-1-5-21-1-2-3-4"}}, userless{}, s, k}, g})
	want := []vfs.Principal{
		{Kind: vfs.PrincipalUser, Name: "max", SID: "S-1-5-21-1-2-3-4"},
		{Kind: vfs.PrincipalUser, Name: "Ann", SID: "S-1-22-1-1001", Groups: []vfs.SID{vfs.SIDAdministrators}},
		{Kind: vfs.PrincipalUser, Name: "uwe", SID: "S-1-22-1-1000", Disabled: true},
		{Kind: vfs.PrincipalUser, Name: "zoe", RID: nameRID("", "ZOE"), Groups: []vfs.SID{"S-1-22-2-50"}},
		{Kind: vfs.PrincipalAlias, Name: "staff", SID: "S-1-22-2-50"},
	}
	var got []vfs.Principal
	for p, err := range m.Principals(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, p)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if rid := nameRID("", "zoe"); rid>>31 != 1 {
		t.Errorf("RID %#x", rid)
	}
	for range m.Principals(t.Context()) {
		break // who stops early isn't called again
	}
	for range New(userless{}).Principals(t.Context()) {
		t.Error("a store that can't tell tells of somebody")
	}
	ksmbd.write("broken\n")
	failed := false
	for _, err := range m.Principals(t.Context()) {
		failed = err != nil
	}
	if !failed {
		t.Error("a broken file isn't told of")
	}
}

// unversioned is a Principals that doesn't notice changes.
type unversioned struct{ userless }

func (unversioned) Principals(context.Context) iter.Seq2[vfs.Principal, error] {
	return func(func(vfs.Principal, error) bool) {}
}

// TestPrincipalsVersion checks that the version changes with each file, and with nothing
// else.
func TestPrincipalsVersion(t *testing.T) {
	users, groups := newFile(t, "ann:"+base64Hash("one")+"\n"), newFile(t, "staff:x:50:ann\n")
	k, err := OpenKsmbdpwd(users.path)
	if err != nil {
		t.Fatal(err)
	}
	g, err := OpenGroups(groups.path)
	if err != nil {
		t.Fatal(err)
	}
	m := New(Grouped{FirstOf{Static{"max": {}}, userless{}, k, Lookup(nil)}, g})
	last, age := "", time.Hour
	settle := func(f textFile) { // as if it had been written long ago, but after it was before
		t.Helper()
		age -= time.Minute
		if err := os.Chtimes(f.path, time.Now().Add(-age), time.Now().Add(-age)); err != nil {
			t.Fatal(err)
		}
	}
	settle(users)
	settle(groups)
	same := func(want bool) {
		t.Helper()
		v, ok := m.PrincipalsVersion(t.Context())
		if !ok || (v == last) != want {
			t.Errorf("version %q after %q, %t", v, last, ok)
		}
		last = v
	}
	same(false)
	same(true)
	users.write("bob:" + base64Hash("one") + "\n")
	settle(users)
	same(false)
	same(true)
	groups.write("staff:x:50:bob\n")
	settle(groups)
	same(false)
	same(true)
	users.write("broken\n")
	if v, ok := m.PrincipalsVersion(t.Context()); ok {
		t.Errorf("a broken file has version %q", v)
	}
	users.write("bob:" + base64Hash("one") + "\n")
	settle(users)
	same(false)
	if v, ok := New(FirstOf{Static{}, unversioned{}}).PrincipalsVersion(t.Context()); ok {
		t.Errorf("a store that doesn't notice changes has version %q", v)
	}
	if _, ok := (&Mechanism{}).PrincipalsVersion(t.Context()); !ok {
		t.Error("nobody may change")
	}
}

// Names that get the same number have none.
func TestPrincipalsCollide(t *testing.T) {
	var got []vfs.Principal
	yieldPrincipals([]vfs.Principal{{Name: "A"}, {Name: "a"}, {Name: "b"}}, func(p vfs.Principal, _ error) bool {
		got = append(got, p)
		return true
	})
	if got[0].RID != 0 || got[1].RID != 0 || got[2].RID == 0 {
		t.Errorf("%+v", got)
	}
}

// userless is Accounts that can't tell whom it knows.
type userless struct{}

func (userless) Authenticate(_ context.Context, a *Attempt) (*Logon, error) {
	return nil, a.NoSuchUser()
}
