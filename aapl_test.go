package smb_test

import (
	"context"
	"errors"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"github.com/gosmbd/smb"
	"github.com/gosmbd/smb/internal/smbtest"
	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs"
	"github.com/gosmbd/smb/vfs/memfs"
)

// askAAPL asks for Apple's extensions with an open of the root, and returns the answer.
func askAAPL(t testing.TB, c *smbtest.Client, q []byte) (smb2.AAPLResponse, bool) {
	t.Helper()
	req := smbtest.CreateReq("", smb2.Open)
	req.DesiredAccess = uint32(vfs.ReadAttributes)
	resp, st := c.Create(smbtest.With(req, smb2.CreateContext{Name: smb2.ContextAAPL, Data: q}))
	want(t, "CREATE with AAPL", st, ok)
	c.CloseFile(resp.FileID)
	data, found := smb2.FindContext(resp.Contexts, smb2.ContextAAPL)
	if !found {
		return smb2.AAPLResponse{}, false
	}
	a, err := smb2.ParseAAPLResponse(data)
	if err != nil {
		t.Fatal(err)
	}
	return a, true
}

func serverQuery(parts, caps uint64) []byte {
	return smb2.AAPLRequest{Command: smb2.AAPLServerQuery, Bitmap: parts, ClientCaps: caps}.Append(nil)
}

// mac returns a client of share that uses the extensions with the capabilities caps.
func (r *rig) mac(share string, caps uint64) *smbtest.Client {
	r.t.Helper()
	c := r.dialect(smb.Dialect311, smbtest.NegotiateOptions{})
	r.setup(c, "ann", password)
	r.tree(c, share)
	if _, found := askAAPL(r.t, c, serverQuery(7, caps)); !found {
		r.t.Fatal("AAPL isn't answered")
	}
	return c
}

// appleRig is a rig with shares of one backend that differ in their options.
func appleRig(t testing.TB) *rig {
	return newRig(t, func(s *smb.Server) {
		fsys := s.Shares.(smb.Shares)["s"].FS
		shares := s.Shares.(smb.Shares)
		shares["off"] = &smb.Share{FS: fsys, Apple: smb.AppleOptions{Off: true}}
		shares["bare"] = &smb.Share{FS: noStreams{&memfs.FS{}}}
		shares["more"] = &smb.Share{FS: fsys, Apple: smb.AppleOptions{
			Model: "Xserve", TimeMachine: true, TimeMachineMax: 64 << 10, ZeroFileIDs: true, UnixModes: true,
		}}
	})
}

func TestAAPLQuery(t *testing.T) {
	const (
		v1, v2 = smb2.AAPLReadDirAttr, smb2.AAPLReadDirAttrV2
		always = smb2.AAPLUnixBased | smb2.AAPLCopyFile

		resolves = smb2.AAPLSupportsResolveID // memfs does
	)
	answer := func(parts, server, volume uint64, model string) *smb2.AAPLResponse {
		return &smb2.AAPLResponse{Command: smb2.AAPLServerQuery, Bitmap: parts, ServerCaps: server, VolumeCaps: volume, Model: model}
	}
	r := appleRig(t)
	for _, tt := range []struct {
		name, share string
		data        []byte
		want        *smb2.AAPLResponse // nil: none
	}{
		{"everything", "s", serverQuery(7, v1|smb2.AAPLNFSACE), answer(7, always|v1, resolves, "GoServer")},
		{"both forms of listings", "s", serverQuery(7, v1|v2), answer(7, always|v2, resolves, "GoServer")},
		{"unknown parts", "s", serverQuery(1<<63|2, v1), answer(2, 0, resolves, "")},
		{"nothing", "s", serverQuery(0, 0), answer(0, 0, 0, "")},
		{"read-only", "ro", serverQuery(1, v1), answer(1, always|v1, 0, "")},
		{"options", "more", serverQuery(7, 0), answer(7, always|smb2.AAPLNFSACE, smb2.AAPLFullSync, "Xserve")},
		{"off", "off", serverQuery(7, v1), nil},
		{"no streams", "bare", serverQuery(7, v1), nil},
		{"short", "s", serverQuery(7, v1)[:23], nil},
		{"long", "s", append(serverQuery(7, v1), 0), nil},
		{"an unknown command", "s", []byte{9, 23: 0}, nil},
		{"no data", "s", nil, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := r.dialect(smb.Dialect311, smbtest.NegotiateOptions{})
			r.setup(c, "ann", password)
			r.tree(c, tt.share)
			got, found := askAAPL(t, c, tt.data)
			if found != (tt.want != nil) || found && got != *tt.want {
				t.Errorf("%+v, %v, want %+v", got, found, tt.want)
			}
		})
	}
}

func TestZeroFileIDs(t *testing.T) {
	r := appleRig(t)
	put(t, r.fs, "f", "")
	id := func(c *smbtest.Client) (disk, internal uint64, listed []uint64) {
		resp, st := c.Create(smbtest.With(smbtest.CreateReq("f", smb2.Open), smb2.CreateContext{Name: smb2.ContextQFid}))
		want(t, "CREATE", st, ok)
		data, _ := smb2.FindContext(resp.Contexts, smb2.ContextQFid)
		q, err := smb2.ParseQueryOnDiskIDResponse(data)
		if err != nil {
			t.Fatal(err)
		}
		info := fileInfo(t, c, resp.FileID, smb2.ClassFileInternalInformation, smb2.ParseFileInternalInformation)
		c.CloseFile(resp.FileID)
		for _, e := range list(t, c, smb2.ClassFileIdFullDirectoryInformation) {
			listed = append(listed, e.FileID)
		}
		return q.DiskFileID, info.IndexNumber, listed
	}
	if disk, internal, listed := id(r.logon(smb.Dialect311)); disk == 0 || internal != disk || slices.Contains(listed, 0) {
		t.Errorf("ids without AAPL: %d, %d, %d", disk, internal, listed)
	}
	if disk, internal, listed := id(r.mac("more", 0)); disk != 0 || internal != 0 || slices.Max(listed) != 0 {
		t.Errorf("ids with AAPL: %d, %d, %d", disk, internal, listed)
	}
}

// list lists the root in one of the usual forms.
func list(t testing.TB, c *smbtest.Client, class smb2.FileInfoClass) []smb2.DirectoryEntry {
	t.Helper()
	dir := smbtest.CreateReq("", smb2.Open)
	dir.DesiredAccess = uint32(vfs.ListDirectory)
	resp, st := c.Create(dir)
	want(t, "CREATE of the root", st, ok)
	defer c.CloseFile(resp.FileID)
	entries, st := c.QueryDirectory(smb2.QueryDirectoryRequest{Class: class, FileID: resp.FileID, Pattern: "*", OutputLength: 8192})
	want(t, "QUERY_DIRECTORY", st, ok)
	return entries
}

// listAAPL lists the root in Apple's form.
func listAAPL(t testing.TB, c *smbtest.Client) map[string]smb2.DirectoryEntry {
	t.Helper()
	dir := smbtest.CreateReq("", smb2.Open)
	dir.DesiredAccess = uint32(vfs.ListDirectory)
	resp, st := c.Create(dir)
	want(t, "CREATE of the root", st, ok)
	defer c.CloseFile(resp.FileID)
	q := smb2.QueryDirectoryRequest{Class: smb2.ClassFileIdBothDirectoryInformation, FileID: resp.FileID, Pattern: "*", OutputLength: 8192}
	reply := c.Do(smb2.CommandQueryDirectory, q)
	want(t, "QUERY_DIRECTORY", reply.Status, ok)
	out := smbtest.Parse(c, reply, smb2.ParseQueryDirectoryResponse)
	entries, err := smb2.ParseAAPLDirectoryList(out.Data)
	if err != nil {
		t.Fatal(err)
	}
	m := make(map[string]smb2.DirectoryEntry)
	for _, e := range entries {
		m[e.Name] = e
	}
	return m
}

// putStream writes a stream into a backend.
func putStream(t testing.TB, fsys vfs.FS, name, stream, content string) {
	t.Helper()
	ctx := context.Background()
	f, err := fsys.Open(ctx, name, vfs.OpenOptions{Access: vfs.ReadAttributes})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	opt := vfs.StreamOptions{OpenOptions: vfs.OpenOptions{Access: vfs.AccessFull}, Create: true}
	s, err := f.(vfs.Streamer).OpenStream(ctx, stream, opt)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if content == "" {
		return
	}
	if _, err := s.(interface {
		WriteAt([]byte, int64) (int, error)
	}).WriteAt([]byte(content), 0); err != nil {
		t.Fatal(err)
	}
}

// keptStreams returns the streams that a backend keeps of name.
func keptStreams(t testing.TB, fsys vfs.FS, name string) (names []string) {
	t.Helper()
	f, err := fsys.Open(context.Background(), name, vfs.OpenOptions{Access: vfs.ReadAttributes})
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return []string{"gone"}
		}
		t.Fatal(err)
	}
	defer f.Close()
	for s, err := range f.(vfs.Streamer).Streams(context.Background()) {
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, s.Name)
	}
	slices.Sort(names)
	return names
}

// finder is a record of AFP_AfpInfo.
func finder(info string) string {
	return "AFP\x00\x00\x00\x01\x00\x00\x00\x00\x00\x80\x00\x00\x00" + info + strings.Repeat("\x00", 44-len(info))
}

func TestAAPLListing(t *testing.T) {
	r := appleRig(t)
	put(t, r.fs, "plain", "")
	put(t, r.fs, "rich", "")
	mkdir(t, r.fs, "dir")
	info := "TYPECREAfg" + strings.Repeat("\x00", 10) + "dateex"
	putStream(t, r.fs, "rich", "AFP_AfpInfo", finder(info))
	putStream(t, r.fs, "rich", "AFP_Resource", "fork")
	putStream(t, r.fs, "dir", "AFP_Resource", "not on directories")
	putStream(t, r.fs, "plain", "AFP_AfpInfo", "no record")
	packed := [16]byte([]byte("TYPECREAfgexdate"))

	const v1, v2 = smb2.AAPLReadDirAttr, smb2.AAPLReadDirAttrV2
	full := uint32(vfs.AccessFull)
	for _, tt := range []struct {
		share string
		caps  uint64
		want  map[string]smb2.AAPLEntry
	}{
		{"s", v1, map[string]smb2.AAPLEntry{
			"plain": {MaximalAccess: full, Flags: 24, Mode: 0o100666},
			"rich":  {MaximalAccess: full, Flags: 24, Mode: 0o100666, ResourceSize: 4, FinderInfo: packed},
			"dir":   {MaximalAccess: full, Flags: 24, Mode: 0o040777},
			"..":    {MaximalAccess: full, Flags: 24},
		}},
		{"s", v2, map[string]smb2.AAPLEntry{
			"plain": {MaximalAccess: full, Flags: smb2.AAPLReadDirNoXattr, Mode: 0o100666},
			"rich":  {MaximalAccess: full, Mode: 0o100666, ResourceSize: 4, FinderInfo: packed},
		}},
		{"ro", v1, map[string]smb2.AAPLEntry{
			"plain": {MaximalAccess: uint32(vfs.AccessReadOnly), Flags: 24, Mode: 0o100666},
		}},
	} {
		got := listAAPL(t, r.mac(tt.share, tt.caps))
		for name, want := range tt.want {
			if e, found := got[name]; !found || *e.AAPL != want {
				t.Errorf("%s, %#x: %s: %+v, want %+v", tt.share, tt.caps, name, e.AAPL, want)
			}
		}
	}
	// Nobody else notices.
	for _, c := range []*smbtest.Client{r.logon(smb.Dialect311), r.mac("s", 0)} {
		for _, e := range list(t, c, smb2.ClassFileIdBothDirectoryInformation) {
			if e.EASize != 0 {
				t.Errorf("%s: EaSize %#x", e.Name, e.EASize)
			}
		}
	}
}

// The client expects Apple's form on all shares, also on those without the extensions.
func TestAAPLListingElsewhere(t *testing.T) {
	r := appleRig(t)
	put(t, r.fs, "f", "")
	c := r.mac("s", smb2.AAPLReadDirAttr)
	r.tree(c, "off")
	if e := listAAPL(t, c)["f"]; e.AAPL == nil || e.AAPL.MaximalAccess != uint32(vfs.AccessFull) {
		t.Errorf("%+v", e.AAPL)
	}
}

// modeFS is a backend whose files have a mode that can be set.
type modeFS struct {
	vfs.FS
	set []fs.FileMode
}

func (m *modeFS) Unwrap() vfs.FS { return m.FS }

func (m *modeFS) Open(ctx context.Context, name string, opt vfs.OpenOptions) (vfs.File, error) {
	f, err := m.FS.Open(ctx, name, opt)
	if err != nil {
		return nil, err
	}
	return modeFile{f, m}, nil
}

type modeFile struct {
	vfs.File
	fs *modeFS
}

func (f modeFile) Unwrap() vfs.File { return f.File }

func (f modeFile) Chmod(mode fs.FileMode) error {
	f.fs.set = append(f.fs.set, mode)
	return nil
}

func TestAAPLModes(t *testing.T) {
	r := appleRig(t)
	put(t, r.fs, "f", "")
	modal := &modeFS{FS: r.fs}
	r.srv.Shares.(smb.Shares)["modal"] = &smb.Share{FS: modal, Apple: smb.AppleOptions{UnixModes: true}}
	query := func(c *smbtest.Client, id smb2.FileID) vfs.SecurityDescriptor {
		reply := c.Do(smb2.CommandQueryInfo, smb2.QueryInfoRequest{InfoType: smb2.InfoSecurity, Additional: uint32(vfs.DACLSecurity), FileID: id, OutputLength: 4096})
		want(t, "QUERY_INFO", reply.Status, ok)
		sd, err := vfs.ParseSecurityDescriptor(smbtest.Parse(c, reply, smb2.ParseQueryInfoResponse).Data)
		if err != nil {
			t.Fatal(err)
		}
		return sd
	}
	set := func(c *smbtest.Client, id smb2.FileID, sd vfs.SecurityDescriptor) smb2.Status {
		q := smb2.SetInfoRequest{InfoType: smb2.InfoSecurity, Additional: uint32(vfs.DACLSecurity), FileID: id, Data: sd.Append(nil)}
		return c.Do(smb2.CommandSetInfo, q).Status
	}
	modes := func(sd vfs.SecurityDescriptor) (sids []vfs.SID) {
		for _, e := range sd.DACL.ACEs {
			if strings.HasPrefix(string(e.SID), "S-1-5-88-") {
				sids = append(sids, e.SID)
			}
		}
		return sids
	}
	c := r.mac("more", 0)
	id := r.open(c, "f")
	sd := query(c, id)
	if got, want := modes(sd), []vfs.SID{"S-1-5-88-1-4294967294", "S-1-5-88-2-4294967294", "S-1-5-88-3-33206"}; !slices.Equal(got, want) {
		t.Errorf("entries for modes: %q, want %q", got, want)
	}
	// What comes back as it was changes nothing, nor does an empty list.
	want(t, "the same again", set(c, id, sd), ok)
	want(t, "an empty list", set(c, id, vfs.SecurityDescriptor{Control: vfs.SDDACLPresent, DACL: &vfs.ACL{}}), ok)
	if got := len(query(c, id).DACL.ACEs); got != len(sd.DACL.ACEs) {
		t.Errorf("%d entries, want %d", got, len(sd.DACL.ACEs))
	}
	// Where the backend has modes they are set, and nothing else.
	sd.DACL.ACEs[2].SID = "S-1-5-88-3-33152"
	m := r.mac("modal", 0)
	id = r.open(m, "f")
	want(t, "another mode", set(m, id, sd), ok)
	if !slices.Equal(modal.set, []fs.FileMode{0o600}) {
		t.Errorf("modes set: %v", modal.set)
	}
	if got := len(query(m, id).DACL.ACEs); got != len(sd.DACL.ACEs) {
		t.Errorf("%d entries, want %d", got, len(sd.DACL.ACEs))
	}
	// Others don't see the entries, nor do Macs where they aren't wanted.
	for _, c := range []*smbtest.Client{r.logon(smb.Dialect311), r.mac("s", 0)} {
		if got := modes(query(c, r.open(c, "f"))); got != nil {
			t.Errorf("entries for modes: %q", got)
		}
	}
}
