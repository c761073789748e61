package smb_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gosmbd/smb"
	"github.com/gosmbd/smb/internal/smbtest"
	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs"
	"github.com/gosmbd/smb/vfs/memfs"
)

var dfsTestLinks = map[string]smb.DFSLink{
	"docs":          {Targets: []smb.DFSTarget{{Path: `//fs2/docs`}}},
	"teams/Nörd":    {Targets: []smb.DFSTarget{{Path: `\\fs3\north\x\`}}, TTL: 90 * time.Second, Failback: true},
	"teams/deep/er": {Targets: []smb.DFSTarget{{Path: `//fs4/er`}}, Interlink: true},
	"long link name": {Targets: []smb.DFSTarget{
		{Path: "//low/x", Priority: smb.DFSGlobalLow}, {Path: "//n1/x"}, {Path: "//n2/x"}, {Path: "//r1/x", Rank: 1},
		{Path: "//best/x", Priority: smb.DFSGlobalHigh, Rank: 31}, {Path: "//high/x", Priority: smb.DFSHigh}, {Path: "//worse/x", Priority: smb.DFSLow},
	}},
}

// dfsRig has a share "s" that is a DFS root, and one that isn't, "plain", with the same
// storage.
func dfsRig(t *testing.T, links map[string]smb.DFSLink) *rig {
	t.Helper()
	d, err := smb.NewDFS(links)
	if err != nil {
		t.Fatal(err)
	}
	r := newRig(t, func(s *smb.Server) {
		sh := s.Shares.(smb.Shares)
		sh["s"].DFS = d
		sh["plain"] = &smb.Share{FS: sh["s"].FS}
	})
	mkdir(t, r.fs, "teams")
	mkdir(t, r.fs, "teams/deep")
	put(t, r.fs, "file", "content")
	return r
}

// dfsElem returns a CREATE that is a DFS operation.
func dfsElem(c *smbtest.Client, name string, d smb2.Disposition) *smbtest.Elem {
	e := c.Req(smb2.CommandCreate, smbtest.CreateReq(name, d))
	e.Header.Flags |= smb2.FlagDFSOperations
	return e
}

func TestDFSCapability(t *testing.T) {
	eachDialect(t, func(t *testing.T, d smb.Dialect) {
		r := dfsRig(t, dfsTestLinks)
		c := r.dial()
		n, _ := c.Negotiate([]smb.Dialect{d}, smbtest.NegotiateOptions{})
		if n.Capabilities&smb2.CapDFS == 0 {
			t.Errorf("NEGOTIATE has the capabilities %#x", n.Capabilities)
		}
		r.setup(c, "ann", password)
		const flags = smb2.ShareDFS | smb2.ShareDFSRoot
		resp, st := c.TreeConnect("s")
		if st != ok || resp.ShareFlags&flags != flags || resp.Capabilities&smb2.ShareCapDFS == 0 {
			t.Errorf("TREE_CONNECT: %v, %+v", st, resp)
		}
		resp, st = c.TreeConnect("plain")
		if st != ok || resp.ShareFlags&flags != 0 || resp.Capabilities&smb2.ShareCapDFS != 0 {
			t.Errorf("TREE_CONNECT of another: %v, %+v", st, resp)
		}
	})
	t.Run("none", func(t *testing.T) {
		r := newRig(t, nil)
		c := r.dial()
		n, _ := c.Negotiate([]smb.Dialect{smb.Dialect311}, smbtest.NegotiateOptions{})
		if n.Capabilities&smb2.CapDFS != 0 {
			t.Errorf("NEGOTIATE has the capabilities %#x", n.Capabilities)
		}
		r.setup(c, "ann", password)
		r.tree(c, "IPC$")
		for _, code := range []smb2.CtlCode{smb2.FsctlDfsGetReferrals, smb2.FsctlDfsGetReferralsEx} {
			_, st := c.Ioctl(smb2.RelatedFileID, code, smb2.DFSReferralRequest{MaxReferralLevel: 4, Path: `\server\s`}.Append(nil), 4096)
			want(t, "referral", st, smb2.StatusFsDriverRequired)
		}
	})
}

// referral asks for one, of version 4 at most.
func referral(t *testing.T, c *smbtest.Client, version uint16, path string) (smb2.DFSReferralResponse, smb2.Status) {
	t.Helper()
	b, st := c.Ioctl(smb2.RelatedFileID, smb2.FsctlDfsGetReferrals, smb2.DFSReferralRequest{MaxReferralLevel: version, Path: path}.Append(nil), 4096)
	if st != ok {
		return smb2.DFSReferralResponse{}, st
	}
	resp, err := smb2.ParseDFSReferralResponse(b)
	if err != nil {
		t.Fatalf("referral for %s: %v\n% x", path, err, b)
	}
	return resp, ok
}

func TestDFSReferral(t *testing.T) {
	r := dfsRig(t, dfsTestLinks)
	c := r.dialect(smb.Dialect311, smbtest.NegotiateOptions{})
	r.setup(c, "ann", password)
	r.tree(c, "IPC$")
	for _, x := range []struct {
		path, prefix, target string
		consumed             int // characters
		flags                smb2.DFSReferralFlags
		ttl                  uint32
	}{
		{`\server\s`, `\server\s`, `\server\s`, 9, 3, 300},
		{`\10.1.2.3\S`, `\10.1.2.3\S`, `\10.1.2.3\S`, 11, 3, 300},
		{`\\any.name\s\`, `\any.name\s`, `\any.name\s`, 11, 3, 300},
		{`server\s`, `\server\s`, `\server\s`, 8, 3, 300},
		{`\server\s\file\x`, `\server\s`, `\server\s`, 9, 3, 300},
		{`\server\s\teams`, `\server\s`, `\server\s`, 9, 3, 300},
		{`\server\s\docsx`, `\server\s`, `\server\s`, 9, 3, 300},
		{`\server\s\..\docs`, `\server\s`, `\server\s`, 9, 3, 300},
		{`\server\s\docs`, `\server\s\docs`, `\fs2\docs`, 14, 2, 1800},
		{`\server\s\DOCS\A\b:c`, `\server\s\DOCS`, `\fs2\docs`, 14, 2, 1800},
		{`\\server\s\docs\a`, `\server\s\docs`, `\fs2\docs`, 14, 2, 1800},
		{`\server\s\Teams\nÖRD\a`, `\server\s\Teams\nÖRD`, `\fs3\north\x`, 20, 6, 90},
		{`\server\s\teams\deep\er`, `\server\s\teams\deep\er`, `\fs4\er`, 23, 1, 1800},
	} {
		resp, st := referral(t, c, 4, x.path)
		want(t, x.path, st, ok)
		if resp.Version != 4 || resp.Path != x.prefix || int(resp.PathConsumed) != 2*x.consumed || resp.Flags != x.flags || resp.TimeToLive != x.ttl ||
			resp.Root != (x.ttl == 300) || len(resp.Targets) != 1 || resp.Targets[0].Path != x.target || !resp.Targets[0].Boundary {
			t.Errorf("%s: %+v", x.path, resp)
		}
	}
	for path, st := range map[string]smb2.Status{
		"":                                      smb2.StatusInvalidParameter, // domain referral
		`\`:                                     smb2.StatusInvalidParameter,
		`\domain`:                               smb2.StatusInvalidParameter, // DC referral
		`domain`:                                smb2.StatusInvalidParameter,
		`\domain\SYSVOL`:                        smb2.StatusNotFound,
		`\server\plain`:                         smb2.StatusNotFound,
		`\server\plain\docs`:                    smb2.StatusNotFound,
		`\server\IPC$`:                          smb2.StatusNotFound,
		`\server\nothing`:                       smb2.StatusNotFound,
		`\server\s\\docs`:                       smb2.StatusInvalidParameter,
		`\\\server\s`:                           smb2.StatusInvalidParameter,
		`\server\%m\..\s`:                       smb2.StatusNotFound,
		`\server\s` + "/docs":                   smb2.StatusNotFound,
		strings.Repeat(`\x`, 9):                 smb2.StatusNotFound,
		`\` + strings.Repeat("x", 33000) + `\s`: smb2.StatusInvalidParameter,
	} {
		_, got := referral(t, c, 4, path)
		want(t, path, got, st)
	}
}

func TestDFSReferralVersions(t *testing.T) {
	r := dfsRig(t, map[string]smb.DFSLink{
		"l": {Targets: []smb.DFSTarget{{Path: "//a/x"}, {Path: "//b/y", Rank: 1}}},
		".": {Targets: []smb.DFSTarget{{Path: "//r1/s"}, {Path: "//r2/s", Rank: 1}}, TTL: time.Hour, Failback: true},
	})
	c := r.logon(smb.Dialect300)
	for version, flags := range map[uint16]smb2.DFSReferralFlags{1: 3, 2: 2, 3: 2, 4: 6, 9: 6} {
		resp, st := referral(t, c, version, `\server\s\l\x`)
		want(t, "link", st, ok)
		if resp.Version != min(version, 4) || resp.Flags != flags || len(resp.Targets) != 2 || resp.Targets[1].Path != `\b\y` || resp.Root {
			t.Errorf("asked for %d: %+v", version, resp)
		}
		resp, st = referral(t, c, version, `\server\s`)
		want(t, "root", st, ok)
		if len(resp.Targets) != 2 || resp.Targets[0].Path != `\r1\s` || !resp.Root || version > 1 && resp.TimeToLive != 3600 {
			t.Errorf("root, asked for %d: %+v", version, resp)
		}
	}
	_, st := referral(t, c, 0, `\server\s`)
	want(t, "version 0", st, smb2.StatusInvalidParameter)

	ex := smb2.DFSReferralRequestEx{MaxReferralLevel: 4, HasSite: true, Path: `\server\s\l`, Site: "Default"}.Append(nil)
	b, st := c.Ioctl(smb2.RelatedFileID, smb2.FsctlDfsGetReferralsEx, ex, 4096)
	resp, err := smb2.ParseDFSReferralResponse(b)
	if st != ok || err != nil || len(resp.Targets) != 2 {
		t.Errorf("extended: %v, %v, %+v", st, err, resp)
	}
	_, st = c.Ioctl(smb2.RelatedFileID, smb2.FsctlDfsGetReferralsEx, ex[:12], 4096)
	want(t, "extended, cut off", st, smb2.StatusInvalidParameter)
	full := len(b)
	in := smb2.DFSReferralRequest{MaxReferralLevel: 4, Path: `\server\s\l`}.Append(nil)
	for max := range full + 1 {
		b, st := c.Ioctl(smb2.RelatedFileID, smb2.FsctlDfsGetReferrals, in, uint32(max))
		resp, _ := smb2.ParseDFSReferralResponse(b)
		switch n := len(resp.Targets); {
		case len(b) > max, n == 0 && (st != smb2.StatusBufferOverflow || len(b) > 0), n > 0 && st != ok, max == full && n != 2, max == full-1 && n != 1:
			t.Fatalf("%d bytes of room: %v, %d bytes, %d targets", max, st, len(b), n)
		}
	}
}

// TestDFSPriorities: the order of the targets, and that those that are as good as each
// other take turns.
func TestDFSPriorities(t *testing.T) {
	r := dfsRig(t, dfsTestLinks)
	c := r.logon(smb.Dialect311)
	seen := map[string]int{}
	for range 60 {
		resp, st := referral(t, c, 4, `\server\s\long link name`)
		want(t, "referral", st, ok)
		var got []string
		for _, x := range resp.Targets {
			mark := ""
			if x.Boundary {
				mark = "|"
			}
			got = append(got, mark+x.Path[1:len(x.Path)-2])
		}
		seen[strings.Join(got, " ")]++
	}
	if seen["|best |high |n1 n2 |r1 |worse |low"] == 0 || seen["|best |high |n2 n1 |r1 |worse |low"] == 0 || len(seen) != 2 {
		t.Errorf("orders: %v", seen)
	}
}

func TestDFSNames(t *testing.T) {
	r := dfsRig(t, dfsTestLinks)
	c := r.logon(smb.Dialect311)
	for _, x := range []struct {
		name string
		want smb2.Status
	}{
		{`server\s\file`, ok},
		{`\server\s\file`, ok},
		{`\\\server\s\file`, ok},
		{`BAD\BAD\file`, ok}, // as on Windows
		{`server/s/file`, ok},
		{`server\s\/file`, ok}, // Linux
		{`server\s\/docs/x`, smb2.StatusPathNotCovered},
		{`server\s`, ok},
		{`server`, ok},
		{``, ok},
		{`::::`, ok},
		{`server\s:x\file`, smb2.StatusObjectNameInvalid},
		{`server\s\nothing`, smb2.StatusObjectNameNotFound},
		{`server\s\no\thing`, smb2.StatusObjectPathNotFound},
		{`server\s\docs`, smb2.StatusPathNotCovered},
		{`server\s\DOCS\x\y`, smb2.StatusPathNotCovered},
		{`server\s\docs:stream`, smb2.StatusPathNotCovered},
		{`server\s\teams\NÖRD`, smb2.StatusPathNotCovered},
		{`server\s\teams\.\deep\..\deep\er\x`, smb2.StatusPathNotCovered},
		{`server\s\docsx`, smb2.StatusObjectNameNotFound},
		{`server\s\teams`, ok},
	} {
		resp := c.DoElem(dfsElem(c, x.name, smb2.Open))
		want(t, x.name, resp.Header.Status, x.want)
	}
	for name, st := range map[string]smb2.Status{ // without the flag
		"file": ok, `docs\x`: smb2.StatusPathNotCovered, "docs": smb2.StatusPathNotCovered, `server\s\file`: smb2.StatusObjectPathNotFound,
	} {
		_, got := c.Create(smbtest.CreateReq(name, smb2.Open))
		want(t, name, got, st)
	}
	r.tree(c, "plain") // on which the flag means nothing
	want(t, "plain share", c.DoElem(dfsElem(c, "file", smb2.Open)).Header.Status, ok)
	want(t, "plain share", c.DoElem(dfsElem(c, `server\plain\file`, smb2.Open)).Header.Status, smb2.StatusObjectPathNotFound)
}

// TestDFSProtected: a link can't be made, replaced, moved or removed, nor what is in the
// way of one, whatever the storage has there.
func TestDFSProtected(t *testing.T) {
	r := dfsRig(t, dfsTestLinks)
	mkdir(t, r.fs, "docs")
	put(t, r.fs, "docs/hidden", "")
	mkdir(t, r.fs, "long link name")
	before := dump(t, r.fs)
	c := r.logon(smb.Dialect311)
	r.tree(c, "plain")
	alternate := fileInfo(t, c, r.create(c, openDir("long link name")), smb2.ClassFileAlternateNameInformation, smb2.ParseFileNameInformation)
	r.tree(c, "s")
	for _, d := range []smb2.Disposition{smb2.Supersede, smb2.Open, smb2.Create, smb2.OpenIf, smb2.Overwrite, smb2.OverwriteIf} {
		for _, name := range []string{"docs", `docs\hidden`, `docs\new`, alternate.FileName, `teams\deep\er`} {
			_, st := c.Create(smbtest.CreateReq(name, d))
			want(t, fmt.Sprintf("CREATE %s, disposition %d", name, d), st, smb2.StatusPathNotCovered)
		}
	}
	file := r.open(c, "file")
	for _, replace := range []bool{false, true} {
		self := smb2.StatusObjectNameCollision
		if replace {
			self = smb2.StatusAccessDenied
		}
		want(t, "rename to a link", c.Rename(file, "DOCS", replace), self)
		want(t, "rename below a link", c.Rename(file, `docs\x`, replace), smb2.StatusPathNotCovered)
		want(t, "rename below a short name", c.Rename(file, alternate.FileName+`\x`, replace), smb2.StatusPathNotCovered)
		link := func(name string) smb2.Status {
			return c.SetInfo(file, smb2.ClassFileLinkInformation, smb2.FileLinkInformation{ReplaceIfExists: replace, FileName: name})
		}
		want(t, "link to a link", link("docs"), self)
		want(t, "link below a link", link(`teams\deep\er\x`), smb2.StatusPathNotCovered)
	}
	c.CloseFile(file)
	for _, name := range []string{"teams", `teams\deep`} {
		dir := r.create(c, openDir(name))
		want(t, "rename "+name, c.Rename(dir, "elsewhere", false), smb2.StatusAccessDenied)
		want(t, "delete "+name, c.Delete(dir, true), smb2.StatusDirectoryNotEmpty)
		c.CloseFile(dir)
		req := openDir(name)
		req.Options |= smb2.OptionDeleteOnClose
		c.CloseFile(r.create(c, req))
	}
	unchanged(t, "the storage", r.fs, before)
}

func openDir(name string) smb2.CreateRequest {
	req := smbtest.CreateReq(name, smb2.Open)
	req.Options = smb2.OptionDirectoryFile
	return req
}

// listing returns the entries of a directory, without "." and "..".
func listing(t *testing.T, c *smbtest.Client, dir smb2.FileID, pattern string, class smb2.FileInfoClass) map[string]smb2.DirectoryEntry {
	t.Helper()
	all := make(map[string]smb2.DirectoryEntry)
	flags := smb2.RestartScans
	for {
		list, st := c.QueryDirectory(smb2.QueryDirectoryRequest{FileID: dir, Class: class, Flags: flags, Pattern: pattern, OutputLength: 300})
		if st == smb2.StatusNoMoreFiles || st == smb2.StatusNoSuchFile {
			return all
		}
		want(t, "QUERY_DIRECTORY", st, ok)
		for _, e := range list {
			if _, twice := all[e.Name]; twice {
				t.Errorf("%s is listed twice", e.Name)
			}
			all[e.Name] = e
		}
		flags = 0
	}
}

func TestDFSListing(t *testing.T) {
	r := dfsRig(t, dfsTestLinks)
	put(t, r.fs, "DOCS", "a file that the link hides")
	c := r.logon(smb.Dialect311)
	root := r.create(c, openDir(""))
	list := func(dir smb2.FileID, pattern string) string {
		var names []string
		for name, e := range listing(t, c, dir, pattern, smb2.ClassFileIdBothDirectoryInformation) {
			if name == "." || name == ".." {
				continue
			}
			if e.FileAttributes&uint32(vfs.AttrReparsePoint) != 0 {
				if e.EASize != smb2.ReparseTagDFS || e.FileAttributes&uint32(vfs.AttrDirectory) == 0 || e.EndOfFile != 0 || e.FileID == 0 || e.LastWriteTime == 0 {
					t.Errorf("link %s: %+v", name, e)
				}
				name = "@" + name
			}
			names = append(names, name)
		}
		slices.Sort(names)
		return strings.Join(names, " ")
	}
	for pattern, names := range map[string]string{
		"*": "@docs @long link name file teams", "d*": "@docs", "Docs": "@docs", "FILE": "file", "teams": "teams", "nörd": "", "?": "",
	} {
		if got := list(root, pattern); got != names {
			t.Errorf("%q: %s, want %s", pattern, got, names)
		}
	}
	teams := r.create(c, openDir("teams"))
	if got := list(teams, "*"); got != "@Nörd deep" {
		t.Errorf("teams: %s", got)
	}
	r.tree(c, "plain")
	if got := list(r.create(c, openDir("")), "*"); got != "DOCS file teams" {
		t.Errorf("plain share: %s", got)
	}
}

// computedDFS is a DFS without a table: each user has a home on a server of his own.
type computedDFS struct{ err error }

func (d computedDFS) Link(ctx context.Context, name string) (smb.DFSLink, error) {
	user, found := strings.CutPrefix(strings.ToLower(name), "home/")
	switch {
	case d.err != nil:
		return smb.DFSLink{}, d.err
	case !found || user != vfs.CallerFrom(ctx).Name:
		return smb.DFSLink{}, fs.ErrNotExist
	}
	return smb.DFSLink{Targets: []smb.DFSTarget{{Path: "//nonsense"}, {Path: "//srv-" + user + "/home"}}}, nil
}

func (d computedDFS) Links(ctx context.Context, dir string) iter.Seq[string] {
	return slices.Values([]string{"home/" + vfs.CallerFrom(ctx).Name})
}

func TestDFSComputed(t *testing.T) {
	r := newRig(t, func(s *smb.Server) {
		s.Shares.(smb.Shares)["s"].DFS = computedDFS{}
		s.Shares.(smb.Shares)["bad"] = &smb.Share{FS: &memfs.FS{}, DFS: computedDFS{errors.New("out of order")}}
		s.Logger = quiet()
	})
	mkdir(t, r.fs, "home")
	for user, pw := range map[string]string{"ann": password, "bob": password + "!"} {
		c := r.as(user, pw)
		for _, other := range []string{"ann", "bob"} {
			_, st := c.Create(smbtest.CreateReq(`home\`+other+`\x`, smb2.Open))
			resp, rst := referral(t, c, 3, `\server\s\home\`+other)
			want(t, "referral", rst, ok)
			if mine := user == other; mine != (st == smb2.StatusPathNotCovered) || mine == resp.Root || mine && resp.Targets[0].Path != `\srv-`+user+`\home` {
				t.Errorf("%s for %s: %v, %+v", other, user, st, resp)
			}
		}
		home := r.create(c, openDir("home"))
		if all := listing(t, c, home, "*", smb2.ClassFileDirectoryInformation); len(all) != 3 || all[user].Name == "" {
			t.Errorf("home of %s: %v", user, all)
		}
		r.tree(c, "bad")
		_, st := c.Create(smbtest.CreateReq("x", smb2.OpenIf))
		want(t, "CREATE where the hook fails", st, smb2.StatusUnexpectedIoError)
		_, st = referral(t, c, 4, `\server\bad`)
		want(t, "referral where the hook fails", st, smb2.StatusUnexpectedIoError)
	}
}

// TestDFSReferralRights: who can't use the share is told nothing of it.
func TestDFSReferralRights(t *testing.T) {
	r := dfsRig(t, dfsTestLinks)
	r.srv.Shares.(smb.Shares)["s"].Allow = func(_ context.Context, c *vfs.Caller) (vfs.Access, error) {
		if c.Name == "ann" {
			return vfs.AccessReadOnly, nil
		}
		return 0, fs.ErrPermission
	}
	for user, st := range map[string]smb2.Status{"ann": ok, "bob": smb2.StatusAccessDenied} {
		c := r.dialect(smb.Dialect311, smbtest.NegotiateOptions{})
		r.setup(c, user, map[string]string{"ann": password, "bob": password + "!"}[user])
		r.tree(c, "IPC$")
		_, got := referral(t, c, 4, `\server\s\docs`)
		want(t, user, got, st)
	}
}

func TestNewDFS(t *testing.T) {
	good := []smb.DFSTarget{{Path: "//server/share"}}
	for name, links := range map[string]map[string]smb.DFSLink{
		"no targets":  {"a": {}},
		"nested":      {"a": {Targets: good}, "A/b/c": {Targets: good}},
		"twins":       {"a": {Targets: good}, "A": {Targets: good}},
		"absolute":    {"/a": {Targets: good}},
		"backslash":   {`a\b`: {Targets: good}},
		"dots":        {"a/../b": {Targets: good}},
		"wildcard":    {"a*": {Targets: good}},
		"empty":       {"": {Targets: good}},
		"too deep":    {strings.Repeat("a/", 32) + "a": {Targets: good}},
		"no share":    {"a": {Targets: []smb.DFSTarget{{Path: "//server"}}}},
		"local path":  {"a": {Targets: []smb.DFSTarget{{Path: "/server/share"}}}},
		"empty share": {"a": {Targets: []smb.DFSTarget{{Path: `\\server\\x`}}}},
		"port":        {"a": {Targets: []smb.DFSTarget{{Path: `//server:445/x`}}}},
		"rank":        {"a": {Targets: []smb.DFSTarget{{Path: `//server/x`, Rank: 32}}}},
		"priority":    {"a": {Targets: []smb.DFSTarget{{Path: `//server/x`, Priority: 5}}}},
		"root":        {".": {Targets: []smb.DFSTarget{{Path: `x`}}}},
	} {
		if _, err := smb.NewDFS(links); err == nil {
			t.Errorf("%s: no error", name)
		} else if !strings.HasPrefix(err.Error(), "smb: DFS link ") {
			t.Errorf("%s: %v", name, err)
		}
	}
	d, err := smb.NewDFS(map[string]smb.DFSLink{"a/b": {Targets: good}, "A/bc": {Targets: good}, "ab": {Targets: good}, "a/b c/d": {Targets: good}, ".": {}})
	if err != nil {
		t.Fatal(err)
	}
	for dir, names := range map[string]string{".": "A/bc,a/b,a/b c/d,ab", "A": "A/bc,a/b,a/b c/d", "a/B c": "a/b c/d", "a/b": "", "x": ""} {
		got := slices.Sorted(d.Links(context.Background(), dir))
		if strings.Join(got, ",") != names {
			t.Errorf("links in %s: %q, want %s", dir, got, names)
		}
	}
}
