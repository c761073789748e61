package smb_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/gosmbd/smb"
	"github.com/gosmbd/smb/internal/smbtest"
	"github.com/gosmbd/smb/oplock"
	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs"
)

// noStreams is a backend whose files have no named streams.
type noStreams struct{ vfs.FS }

type plainFile struct{ vfs.File }

func (n noStreams) Open(ctx context.Context, name string, opt vfs.OpenOptions) (vfs.File, error) {
	f, err := n.FS.Open(ctx, name, opt)
	if err != nil {
		return nil, err
	}
	return plainFile{f}, nil
}

// streamList returns the streams that FileStreamInformation lists, with sizes.
func streamList(t testing.TB, c *smbtest.Client, id smb2.FileID) []string {
	t.Helper()
	b, st := c.QueryInfo(id, smb2.InfoFile, uint8(smb2.ClassFileStreamInformation), 4096)
	want(t, "FileStreamInformation", st, ok)
	return parseStreams(t, b)
}

func parseStreams(t testing.TB, b []byte) []string {
	t.Helper()
	if len(b) == 0 {
		return nil
	}
	list, err := smb2.ParseFileStreamInformation(b)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range list {
		names = append(names, fmt.Sprintf("%s %d", e.Name, e.Size))
	}
	slices.Sort(names)
	return names
}

func wantStreams(t testing.TB, c *smbtest.Client, id smb2.FileID, want ...string) {
	t.Helper()
	if got := streamList(t, c, id); !slices.Equal(got, want) {
		t.Errorf("streams %q, want %q", got, want)
	}
}

func write(t testing.TB, c *smbtest.Client, id smb2.FileID, data string) {
	t.Helper()
	_, st := c.Write(id, 0, []byte(data))
	want(t, "WRITE", st, ok)
}

func wantRead(t testing.TB, c *smbtest.Client, id smb2.FileID, data string) {
	t.Helper()
	got, st := c.Read(id, 0, 100)
	if data == "" {
		want(t, "READ", st, smb2.StatusEndOfFile)
		return
	}
	if st != ok || string(got) != data {
		t.Errorf("READ: %q, %v, want %q", got, st, data)
	}
}

// Names of streams. [MS-FSA] 2.1.5.1, [MS-FSCC] 2.1.5
func TestStreamNames(t *testing.T) {
	const (
		invalid = smb2.StatusObjectNameInvalid
		notDir  = smb2.StatusNotADirectory
		isDir   = smb2.StatusFileIsADirectory
	)
	r := newRig(t, nil)
	mkdir(t, r.fs, "d")
	put(t, r.fs, "f", "data")
	put(t, r.fs, "d/f", "data")
	c := r.logon(smb.Dialect311)
	for _, x := range []struct {
		name string
		d    smb2.Disposition
		opts smb2.CreateOptions
		want smb2.Status
	}{
		{"f:s", smb2.Open, 0, notFound},
		{"f:s", smb2.Overwrite, 0, notFound},
		{"g:s", smb2.Open, 0, notFound},
		{"x\\g:s", smb2.OpenIf, 0, smb2.StatusObjectPathNotFound},
		{"f:s", smb2.OpenIf, 0, ok},
		{"f:s", smb2.Create, 0, smb2.StatusObjectNameCollision},
		{"F:S:$data", smb2.Open, smb2.OptionNonDirectoryFile, ok},
		{"f::$DATA", smb2.Open, 0, ok},
		{"f:?*\x01<>|\"", smb2.OpenIf, 0, ok},
		{"f:$DATA", smb2.OpenIf, 0, ok},
		{"f:" + strings.Repeat("x", 255), smb2.OpenIf, 0, ok},
		{"f:" + strings.Repeat("x", 256), smb2.OpenIf, 0, invalid},
		{"f:", smb2.Open, 0, invalid},
		{"f::", smb2.Open, 0, invalid},
		{"f:s:", smb2.Open, 0, invalid},
		{"f:s:$DATA:", smb2.Open, 0, invalid},
		{"f:s:$DATA:x", smb2.Open, 0, invalid},
		{"f:s:$FOO", smb2.Open, 0, invalid},
		{"f:a/b", smb2.OpenIf, 0, invalid},
		{"f:s\\", smb2.Open, 0, invalid},
		{"f:s\\g", smb2.Open, 0, invalid},
		{"d\\:s", smb2.OpenIf, 0, invalid},
		{"..:s", smb2.OpenIf, 0, smb2.StatusObjectPathSyntaxBad},
		{".:s", smb2.OpenIf, 0, invalid},
		{"::$DATA", smb2.OpenIf, 0, invalid},
		{"f:s", smb2.Open, smb2.OptionDirectoryFile, notDir},
		{"d:s", smb2.Open, smb2.OptionDirectoryFile, notDir},
		{"d::$DATA", smb2.Open, smb2.OptionDirectoryFile, notDir},
		{"d::$DATA", smb2.Open, 0, isDir},
		{"d:s", smb2.OpenIf, 0, ok},
		{":s", smb2.OpenIf, 0, ok},
		{"d::$INDEX_ALLOCATION", smb2.Open, 0, ok},
		{"d:$i30:$index_allocation", smb2.Open, 0, ok},
		{"d:x:$INDEX_ALLOCATION", smb2.Open, 0, smb2.StatusInvalidParameter},
		{"f::$INDEX_ALLOCATION", smb2.Open, 0, notDir},
		{"d::$INDEX_ALLOCATION\\f", smb2.Open, 0, ok},
		{"new::$INDEX_ALLOCATION", smb2.Create, 0, ok},
	} {
		req := smbtest.CreateReq(x.name, x.d)
		req.Options = x.opts
		resp, st := c.Create(req)
		want(t, fmt.Sprintf("CREATE %q", x.name), st, x.want)
		if st == ok {
			want(t, "CLOSE", c.CloseFile(resp.FileID), ok)
		}
	}
	req := smbtest.CreateReq("new", smb2.Open)
	req.Options = smb2.OptionDirectoryFile
	r.create(c, req)
}

// Without streams nothing of them is seen.
func TestStreamsUnsupported(t *testing.T) {
	r := newRig(t, func(s *smb.Server) {
		s.Shares = smb.Shares{"s": {FS: noStreams{s.Shares.(smb.Shares)["s"].FS}}}
	})
	put(t, r.fs, "f", "data")
	c := r.logon(smb.Dialect311)
	for _, d := range []smb2.Disposition{smb2.Open, smb2.OpenIf, smb2.Create} {
		_, st := c.Create(smbtest.CreateReq("f:s", d))
		want(t, "CREATE", st, smb2.StatusObjectNameInvalid)
	}
	req := smbtest.CreateReq("f", smb2.Open)
	req.DesiredAccess = uint32(vfs.ReadData | vfs.ReadAttributes)
	id := r.create(c, req)
	wantStreams(t, c, id, "::$DATA 4")
	if namedStreams(t, c, id) {
		t.Error("named streams are advertised")
	}
}

func namedStreams(t testing.TB, c *smbtest.Client, id smb2.FileID) bool {
	t.Helper()
	b, st := c.QueryInfo(id, smb2.InfoFileSystem, uint8(smb2.ClassFsAttributeInformation), 1024)
	want(t, "FsAttributeInformation", st, ok)
	info, err := smb2.ParseFsAttributeInformation(b)
	if err != nil {
		t.Fatal(err)
	}
	return info.Attributes&smb2.FsNamedStreams != 0
}

// What is of a stream and what is of its file.
func TestStreamInfo(t *testing.T) {
	r := newRig(t, nil)
	c := r.logon(smb.Dialect311)
	s := r.open(c, "d1:Meta") // makes the file as well
	write(t, c, s, "stream")
	f := r.open(c, "d1")
	write(t, c, f, "the file")
	wantRead(t, c, s, "stream")
	wantRead(t, c, f, "the file")
	if !namedStreams(t, c, f) {
		t.Error("named streams are not advertised")
	}
	for _, id := range []smb2.FileID{s, f} {
		wantStreams(t, c, id, "::$DATA 8", ":Meta:$DATA 6")
	}
	// Sizes are the stream's own.
	want(t, "EndOfFile", c.SetInfo(s, smb2.ClassFileEndOfFileInformation, smb2.FileEndOfFileInformation{EndOfFile: 3}), ok)
	wantStreams(t, c, f, "::$DATA 8", ":Meta:$DATA 3")
	all := func(id smb2.FileID) smb2.FileAllInformation {
		return fileInfo(t, c, id, smb2.ClassFileAllInformation, smb2.ParseFileAllInformation)
	}
	a, b := all(s), all(f)
	if a.Name.FileName != `\d1:Meta` || b.Name.FileName != `\d1` {
		t.Errorf("names %q, %q", a.Name.FileName, b.Name.FileName)
	}
	if a.Internal != b.Internal || a.Basic.CreationTime != b.Basic.CreationTime {
		t.Error("id or times differ")
	}
	// Attributes are the file's.
	hidden := smb2.FileBasicInformation{FileAttributes: uint32(vfs.AttrHidden)}
	want(t, "FileBasicInformation", c.SetInfo(s, smb2.ClassFileBasicInformation, hidden), ok)
	if got := all(f).Basic.FileAttributes; got != uint32(vfs.AttrHidden) {
		t.Errorf("attributes %#x", got)
	}
	// A list is cut short after whole entries.
	_, st := c.QueryInfo(f, smb2.InfoFile, uint8(smb2.ClassFileStreamInformation), 50)
	want(t, "a list that is too long", st, smb2.StatusBufferOverflow)
	// The spelling is that of the one who made it.
	if got := all(r.open(c, "D1:META")).Name.FileName; got != `\d1:Meta` {
		t.Errorf("name %q", got)
	}
}

// Share modes and deletion across the streams of a file. [MS-FSA] 2.1.5.1.2.1
func TestStreamDelete(t *testing.T) {
	r := newRig(t, nil)
	c := r.logon(smb.Dialect311)
	unshared := smbtest.CreateReq("f:s", smb2.OpenIf)
	unshared.ShareAccess = 0
	s := r.create(c, unshared)
	other := unshared
	other.Name = "f:t"
	want(t, "CLOSE", c.CloseFile(r.create(c, other)), ok)
	_, st := c.Create(smbtest.CreateReq("f:s", smb2.Open))
	want(t, "the same stream", st, smb2.StatusSharingViolation)
	_, st = c.Create(smbtest.CreateReq("f", smb2.Open))
	want(t, "DELETE of the file", st, smb2.StatusSharingViolation)
	read := smbtest.CreateReq("f", smb2.Open)
	read.DesiredAccess, read.ShareAccess = uint32(vfs.ReadData), 0
	want(t, "CLOSE", c.CloseFile(r.create(c, read)), ok)
	want(t, "CLOSE", c.CloseFile(s), ok)

	f := r.open(c, "f")
	_, st = c.Create(unshared)
	want(t, "a stream not shared while the file may be deleted", st, smb2.StatusSharingViolation)
	other.Name = "f:new"
	_, st = c.Create(other)
	want(t, "the same for a new one", st, smb2.StatusSharingViolation)
	wantStreams(t, c, f, "::$DATA 0", ":s:$DATA 0", ":t:$DATA 0")

	// The file goes when the last stream is closed.
	s = r.open(c, "f:s")
	write(t, c, s, "x")
	want(t, "delete", c.Delete(f, true), ok)
	_, st = c.Create(smbtest.CreateReq("f:t", smb2.Open))
	want(t, "a stream of a doomed file", st, smb2.StatusDeletePending)
	want(t, "CLOSE", c.CloseFile(f), ok)
	for _, name := range []string{"f", "f:s", "f:t", "f:new"} {
		_, st = c.Create(smbtest.CreateReq(name, smb2.OpenIf))
		want(t, name, st, smb2.StatusDeletePending)
	}
	wantRead(t, c, s, "x")
	want(t, "CLOSE", c.CloseFile(s), ok)
	_, st = c.Create(smbtest.CreateReq("f", smb2.Open))
	want(t, "after the last close", st, notFound)

	// To delete a stream is to delete just that.
	s = r.open(c, "f:s")
	again := r.open(c, "F:S")
	want(t, "delete", c.Delete(s, true), ok)
	want(t, "CLOSE", c.CloseFile(s), ok)
	_, st = c.Create(smbtest.CreateReq("f:s", smb2.OpenIf))
	want(t, "a doomed stream", st, smb2.StatusDeletePending)
	f = r.open(c, "f")
	want(t, "CLOSE", c.CloseFile(again), ok)
	wantStreams(t, c, f, "::$DATA 0")
	doc := smbtest.CreateReq("f:s", smb2.OpenIf)
	doc.Options = smb2.OptionDeleteOnClose
	s = r.create(c, doc)
	want(t, "delete", c.Delete(f, true), ok)
	want(t, "CLOSE", c.CloseFile(f), ok)
	want(t, "CLOSE", c.CloseFile(s), ok)
	if d := dump(t, r.fs); d != "" {
		t.Errorf("left over: %s", d)
	}
}

// Who overwrites a file removes its streams, who overwrites a stream nothing else.
func TestStreamOverwrite(t *testing.T) {
	for _, d := range []smb2.Disposition{smb2.Overwrite, smb2.OverwriteIf, smb2.Supersede} {
		r := newRig(t, nil)
		c := r.logon(smb.Dialect311)
		write(t, c, r.open(c, "f"), "data")
		s, u := r.open(c, "f:s"), r.open(c, "f:u")
		write(t, c, s, "stream")
		write(t, c, u, "stream")
		want(t, "CLOSE", c.CloseFile(u), ok)
		id := r.create(c, smbtest.CreateReq("f:s", d))
		wantStreams(t, c, id, "::$DATA 4", ":s:$DATA 0", ":u:$DATA 6")
		write(t, c, id, "stream")
		id = r.create(c, smbtest.CreateReq("f", d))
		wantStreams(t, c, id, "::$DATA 0", ":s:$DATA 0") // s is open
		wantRead(t, c, s, "")
	}
}

// Renaming. [MS-FSA] 2.1.5.15.12.1
func TestStreamRename(t *testing.T) {
	r := newRig(t, nil)
	c := r.logon(smb.Dialect311)
	f, s := r.open(c, "f"), r.open(c, "f:s")
	write(t, c, s, "stream")
	same := r.open(c, "f:s")
	full, empty := r.open(c, "f:full"), r.open(c, "f:empty")
	write(t, c, full, "x")
	want(t, "CLOSE", c.CloseFile(full), ok)
	for _, x := range []struct {
		to      string
		replace bool
		want    smb2.Status
	}{
		{":t", false, ok},
		{":T:$DATA", false, ok}, // the same name
		{":full", false, smb2.StatusObjectNameCollision},
		{":full", true, smb2.StatusInvalidParameter},
		{":empty:$DATA", true, smb2.StatusInvalidParameter}, // open
		{":x:$INDEX_ALLOCATION", true, smb2.StatusInvalidParameter},
		{":", true, smb2.StatusInvalidParameter},
		{":a/b", true, smb2.StatusInvalidParameter},
		{"g:s", true, smb2.StatusSharingViolation},
		{"g", true, smb2.StatusSharingViolation},
	} {
		want(t, "rename to "+x.to, c.Rename(s, x.to, x.replace), x.want)
	}
	want(t, "CLOSE", c.CloseFile(empty), ok)
	want(t, "over an empty one", c.Rename(s, ":Empty", true), ok)
	wantStreams(t, c, same, "::$DATA 0", ":Empty:$DATA 6", ":full:$DATA 1")
	wantRead(t, c, same, "stream")
	var paths []string
	for _, o := range opensOf(r) {
		paths = append(paths, o.Path)
	}
	slices.Sort(paths)
	if want := []string{"f", "f:Empty", "f:Empty"}; !slices.Equal(paths, want) {
		t.Errorf("open: %q, want %q", paths, want)
	}
	// A file whose streams are open keeps its name.
	want(t, "rename of the file", c.Rename(f, "g", false), smb2.StatusAccessDenied)
	want(t, "delete", c.Delete(s, true), ok)
	want(t, "CLOSE", c.CloseFile(s), ok)
	want(t, "CLOSE", c.CloseFile(same), ok)
	want(t, "rename of the file", c.Rename(f, "g", false), ok)
	wantStreams(t, c, f, "::$DATA 0", ":full:$DATA 1")

	// Nor is one replaced whose streams are open.
	h := r.open(c, "h:s")
	want(t, "replacing", c.Rename(f, "h", true), smb2.StatusAccessDenied)
	want(t, "CLOSE", c.CloseFile(h), ok)
	want(t, "replacing", c.Rename(f, "h", true), ok)
}

// Each stream is cached for itself.
func TestStreamCaching(t *testing.T) {
	r := newRig(t, nil)
	a, b := r.caching(smb.Dialect311, 1), r.caching(smb.Dialect311, 2)
	mkdir(t, r.fs, "d")
	put(t, r.fs, "d/f", "")
	dir := smbtest.CreateReq("d", smb2.Open)
	dir.DesiredAccess = uint32(vfs.ReadData)
	r.granted(a, dir, smbtest.Lease2(leaseKey(1), leaseRH, 0), leaseRH)
	s, _ := r.leased(a, `d\f:s`, smbtest.Lease2(leaseKey(2), leaseRWH, 0), leaseRWH)
	leaseBroken(t, a, leaseKey(1), leaseRH, 0, 2) // the file isn't as it was in the listing
	ackLease(t, a, leaseKey(1), 0)
	resp, _, st := a.Open(smbtest.CreateReq(`d\f:t`, smb2.OpenIf), smbtest.Lease2(leaseKey(2), leaseRWH, 0))
	want(t, "the key of another stream", st, smb2.StatusInvalidParameter)
	_ = resp
	write(t, a, s, "x")

	read := smbtest.CreateReq(`d\f`, smb2.Open)
	read.DesiredAccess = uint32(vfs.ReadData)
	want(t, "CLOSE", b.CloseFile(r.create(b, read)), ok)
	unbroken(t, "the file is opened", a)

	// The directory's own open isn't mistaken for one of its streams.
	ds := r.open(a, "d:s")
	again := r.create(a, dir)
	for _, id := range []smb2.FileID{ds, again} {
		want(t, "CLOSE", a.CloseFile(id), ok)
	}
}

// Who wants to delete a file lets those close its streams who keep them open in case.
func TestStreamHandleBreak(t *testing.T) {
	r := newRig(t, nil)
	a, b := r.caching(smb.Dialect311, 1), r.caching(smb.Dialect311, 2)
	req := smbtest.CreateReq("f:s", smb2.OpenIf)
	req.ShareAccess = smb2.ShareRead
	s, _ := r.granted(a, req, smbtest.Lease2(leaseKey(1), leaseRWH, 0), leaseRWH)
	mid := b.Req(smb2.CommandCreate, smbtest.CreateReq("f", smb2.Open))
	b.Send(mid)
	b.WaitInterim(mid.MessageID)
	if x := a.Break(); x.Lease == nil || x.Lease.NewState&leaseH != 0 {
		t.Fatalf("break %+v", x.Lease)
	}
	want(t, "CLOSE", a.CloseFile(s), ok)
	want(t, "CREATE", b.Wait(mid.MessageID).Status, ok)
}

const leaseH = smb2.LeaseState(oplock.Handle)

// Persistent handles of streams come back after the server went, and know that the file
// is to be deleted.
func TestStreamPersistent(t *testing.T) {
	for _, doomed := range []bool{false, true} {
		store := &smb.MemoryHandles{}
		edit := func(s *smb.Server) {
			s.Handles = store
			s.Shares.(smb.Shares)["s"].ContinuouslyAvailable = true
		}
		first := newRig(t, edit)
		c := first.caching(smb.Dialect311, 1)
		guid := createGUID(1)
		f := first.open(c, "f")
		write(t, c, f, "data")
		resp, g, st := c.Open(smbtest.CreateReq("f:s", smb2.OpenIf), smbtest.Durable2(guid, 60000, smb2.DurableFlagPersistent))
		if st != ok || g.Durable2 == nil || g.Durable2.Flags&smb2.DurableFlagPersistent == 0 {
			t.Fatalf("CREATE: %v, %+v", st, g)
		}
		write(t, c, resp.FileID, "stream")
		want(t, "rename", c.Rename(resp.FileID, ":t", false), ok)
		if doomed {
			want(t, "delete", c.Delete(f, true), ok)
			want(t, "CLOSE", c.CloseFile(f), ok)
		}
		first.srv.Close()

		second := newRig(t, func(s *smb.Server) {
			s.Shares = smb.Shares{"s": {FS: first.fs}}
			edit(s)
		})
		c = second.caching(smb.Dialect311, 1)
		back, _, st := c.Open(smbtest.CreateReq("f:t", smb2.OpenIf), smbtest.Reconnect2(resp.FileID, guid, smb2.DurableFlagPersistent))
		if st != ok {
			t.Fatalf("reconnect: %v", st)
		}
		wantRead(t, c, back.FileID, "stream")
		wantStreams(t, c, back.FileID, "::$DATA 4", ":t:$DATA 6")
		if !doomed {
			f = second.open(c, "f")
			want(t, "delete", c.Delete(f, true), ok)
			want(t, "CLOSE", c.CloseFile(f), ok)
		}
		_, st = c.Create(smbtest.CreateReq("f", smb2.OpenIf))
		want(t, "while the stream is open", st, smb2.StatusDeletePending)
		want(t, "CLOSE", c.CloseFile(back.FileID), ok)
		if d := dump(t, second.fs); d != "" {
			t.Errorf("left over: %s", d)
		}
	}
}

// Many at once make, delete, rename and overwrite a file and its streams; in the end
// nothing is stuck.
func TestStreamRaces(t *testing.T) {
	r := newRig(t, nil)
	names := []string{"f", "f:a", "f:b", "d", "d:a"}
	mkdir(t, r.fs, "d")
	var wg sync.WaitGroup
	for i := range 6 {
		c := r.logon(smb.Dialect311)
		wg.Go(func() {
			for j := range 60 {
				k := (i*7 + j*5) % 35
				d := []smb2.Disposition{smb2.OpenIf, smb2.OverwriteIf, smb2.OpenIf, smb2.Create, smb2.Open, smb2.Supersede, smb2.OpenIf}[k/5]
				req := smbtest.CreateReq(names[k%5], d)
				if j%3 == 0 {
					req.Options = smb2.OptionDeleteOnClose
				}
				resp, st := c.Create(req)
				if st != ok {
					continue
				}
				if j%4 == 0 && strings.Contains(req.Name, ":") {
					c.Rename(resp.FileID, ":b", true)
				}
				c.CloseFile(resp.FileID)
			}
		})
	}
	wg.Wait()
	c := r.logon(smb.Dialect311)
	for _, name := range []string{"f:a", "d:a"} {
		id := r.open(c, name)
		want(t, "CLOSE", c.CloseFile(id), ok)
	}
}
