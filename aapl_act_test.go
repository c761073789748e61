package smb_test

import (
	"context"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/gosmbd/smb"
	"github.com/gosmbd/smb/internal/smbtest"
	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs"
)

// content returns what a backend keeps in a file or, after a colon, in a stream of it.
func content(t testing.TB, fsys vfs.FS, name string) string {
	t.Helper()
	ctx := context.Background()
	name, stream, _ := strings.Cut(name, ":")
	f, err := fsys.Open(ctx, name, vfs.OpenOptions{Access: vfs.AccessRead})
	if err != nil {
		return err.Error()
	}
	defer f.Close()
	if stream != "" {
		s, err := f.(vfs.Streamer).OpenStream(ctx, stream, vfs.StreamOptions{OpenOptions: vfs.OpenOptions{Access: vfs.AccessRead}})
		if err != nil {
			return err.Error()
		}
		defer s.Close()
		f = s
	}
	b, err := io.ReadAll(io.NewSectionReader(f.(io.ReaderAt), 0, 1<<30))
	if err != nil {
		return err.Error()
	}
	return string(b)
}

// copyFile copies src to dst as Apple's clients do.
func copyFile(t testing.TB, c *smbtest.Client, src, dst smb2.FileID) (smb2.SrvCopychunkResponse, smb2.Status) {
	t.Helper()
	out, st := c.Ioctl(src, smb2.FsctlSrvRequestResumeKey, nil, 32)
	want(t, "resume key", st, ok)
	key, err := smb2.ParseSrvRequestResumeKeyResponse(out)
	if err != nil {
		t.Fatal(err)
	}
	in := smb2.SrvCopychunkCopy{SourceKey: key.ResumeKey}.Append(nil)
	out, st = c.Ioctl(dst, smb2.FsctlSrvCopychunk, in, 12)
	resp, _ := smb2.ParseSrvCopychunkResponse(out)
	return resp, st
}

func TestAAPLCopyFile(t *testing.T) {
	r := appleRig(t)
	big := strings.Repeat("0123456789abcdef", 3<<16) // more than one chunk
	put(t, r.fs, "src", big)
	put(t, r.fs, "dst", big+"and more")
	putStream(t, r.fs, "src", "AFP_AfpInfo", finder("x"))
	putStream(t, r.fs, "src", "AFP_Resource", "fork")
	putStream(t, r.fs, "src", "empty", "")
	putStream(t, r.fs, "src", "s", "short")
	putStream(t, r.fs, "dst", "s", "a longer one")
	old := time.Date(1999, 1, 2, 3, 4, 5, 0, time.UTC)
	c := r.mac("s", 0)
	src, dst := r.open(c, "src"), r.open(c, "dst")
	c.SetInfo(src, smb2.ClassFileBasicInformation, smb2.FileBasicInformation{LastWriteTime: smb2.FileTimeOf(old), FileAttributes: uint32(vfs.AttrHidden)})

	// Without the extensions such a copy has nothing to do.
	w := r.logon(smb.Dialect311)
	resp, st := copyFile(t, w, r.open(w, "src"), r.open(w, "dst"))
	if st != ok || resp != (smb2.SrvCopychunkResponse{}) || content(t, r.fs, "dst") != big+"and more" {
		t.Errorf("without AAPL: %+v, %v", resp, st)
	}

	resp, st = copyFile(t, c, src, dst)
	if st != ok || resp != (smb2.SrvCopychunkResponse{TotalBytesWritten: uint32(len(big))}) {
		t.Errorf("%+v, %v", resp, st)
	}
	for name, want := range map[string]string{"dst": big, "dst:AFP_AfpInfo": finder("x"), "dst:AFP_Resource": "fork", "dst:s": "short"} {
		if got := content(t, r.fs, name); got != want {
			t.Errorf("%s has %d bytes, want %d", name, len(got), len(want))
		}
	}
	if got := fmt.Sprint(keptStreams(t, r.fs, "dst")); got != "[AFP_AfpInfo AFP_Resource s]" {
		t.Errorf("the copy has %s", got)
	}
	info := basic(t, c, dst)
	if !info.LastWriteTime.Time().Equal(old) || info.FileAttributes != uint32(vfs.AttrHidden) {
		t.Errorf("written %v, attributes %#x", info.LastWriteTime.Time(), info.FileAttributes)
	}
}

// A copy that is refused changes nothing.
func TestAAPLCopyFileRefused(t *testing.T) {
	r := appleRig(t)
	mkdir(t, r.fs, "dir")
	put(t, r.fs, "src", "new")
	put(t, r.fs, "dst", "old")
	putStream(t, r.fs, "src", "s", "new")
	putStream(t, r.fs, "dst", "s", "old")
	c := r.mac("s", 0)
	src := r.open(c, "src")
	access := func(name string, a vfs.Access) smb2.FileID {
		req := smbtest.CreateReq(name, smb2.Open)
		req.DesiredAccess = uint32(a)
		return r.create(c, req)
	}
	for _, tt := range []struct {
		name     string
		src, dst smb2.FileID
		want     smb2.Status
	}{
		{"onto itself", src, r.open(c, "src"), smb2.StatusInvalidParameter},
		{"not for writing", src, access("dst", vfs.ReadData), smb2.StatusAccessDenied},
		{"not for reading", access("src", vfs.WriteData), r.open(c, "dst"), smb2.StatusAccessDenied},
		{"a directory", access("dir", vfs.ReadAttributes), r.open(c, "dst"), smb2.StatusInvalidDeviceRequest},
	} {
		_, st := copyFile(t, c, tt.src, tt.dst)
		want(t, tt.name, st, tt.want)
	}
	req := smbtest.CreateReq("dst:s", smb2.Open)
	req.ShareAccess = smb2.ShareRead | smb2.ShareDelete
	busy := r.create(c, req)
	_, st := copyFile(t, c, src, r.open(c, "dst"))
	want(t, "a stream that is in use", st, smb2.StatusSharingViolation)
	if got := content(t, r.fs, "dst") + content(t, r.fs, "dst:s"); got != "oldold" {
		t.Errorf("dst has %q", got)
	}
	c.CloseFile(busy)
	_, st = copyFile(t, c, src, r.open(c, "dst"))
	want(t, "afterwards", st, ok)
	if got := content(t, r.fs, "dst") + content(t, r.fs, "dst:s"); got != "newnew" {
		t.Errorf("dst has %q", got)
	}
}

func TestAAPLRenameOpenDirectory(t *testing.T) {
	r := appleRig(t)
	for _, d := range []string{"Dir", "Dir/Sub", "Dir/Sub/doomed"} {
		mkdir(t, r.fs, d)
	}
	for _, f := range []string{"Dir/f", "Dir/Sub/g", "Dirt"} {
		put(t, r.fs, f, "")
	}
	c, w := r.mac("s", 0), r.logon(smb.Dialect311)
	dir := r.open(c, "dir")
	f, g, stream := r.open(w, `dir\f`), r.open(w, `DIR\sub\g`), r.open(w, `dir\f:s`)
	doomed, other := r.open(w, `dir\sub\doomed`), r.open(w, "dirt")
	want(t, "deletion", w.Delete(doomed, true), ok)

	// It is Apple's clients who may.
	mine := r.open(w, "dir")
	want(t, "rename by another", w.Rename(mine, "new", false), smb2.StatusAccessDenied)
	w.CloseFile(mine)
	want(t, "rename", c.Rename(dir, "new", false), ok)

	name := func(id smb2.FileID) string {
		return fileInfo(t, w, id, smb2.ClassFileNameInformation, smb2.ParseFileNameInformation).FileName
	}
	for id, want := range map[smb2.FileID]string{f: `\new\f`, g: `\new\Sub\g`, stream: `\new\f:s`, other: `\Dirt`} {
		if got := name(id); got != want {
			t.Errorf("name %q, want %q", got, want)
		}
	}
	write(t, w, g, "written")
	if got := content(t, r.fs, "new/Sub/g"); got != "written" {
		t.Errorf("new/Sub/g has %q", got)
	}
	// What is to be deleted is, where it is now, and nothing that took its place.
	mkdir(t, r.fs, "Dir")
	mkdir(t, r.fs, "Dir/Sub")
	mkdir(t, r.fs, "Dir/Sub/doomed")
	_, st := w.Create(smbtest.CreateReq(`new\sub\doomed\x`, smb2.OpenIf))
	want(t, "creation in what is to be deleted", st, smb2.StatusDeletePending)
	w.CloseFile(r.open(w, `dir\sub\doomed\x`))
	w.CloseFile(doomed)
	if got := dump(t, r.fs); strings.Contains(got, "new/Sub/doomed") || !strings.Contains(got, "Dir/Sub/doomed") {
		t.Errorf("after the deletion:\n%s", got)
	}
	for _, id := range []smb2.FileID{f, g, stream, other} {
		want(t, "CLOSE", w.CloseFile(id), ok)
	}
	// Nothing is known any more by the old names.
	want(t, "rename", c.Rename(dir, "again", false), ok)
	c.CloseFile(dir)
}

// Files that are open at once keep their names apart.
func TestAAPLRenameOpenDirectoryTwice(t *testing.T) {
	r := appleRig(t)
	mkdir(t, r.fs, "a")
	mkdir(t, r.fs, "a/b")
	put(t, r.fs, "a/b/f", "")
	c := r.mac("s", 0)
	a, b, f := r.open(c, "a"), r.open(c, `a\b`), r.open(c, `a\b\f`)
	want(t, "rename of a", c.Rename(a, "x", false), ok)
	c.CloseFile(a) // who could delete a directory bars renames in it
	want(t, "rename of b", c.Rename(b, `x\y`, false), ok)
	c.CloseFile(b)
	want(t, "rename of f", c.Rename(f, `x\y\g`, false), ok)
	write(t, c, f, "data")
	if got := content(t, r.fs, "x/y/g"); got != "data" {
		t.Errorf("x/y/g has %q", got)
	}
	want(t, "deletion", c.Delete(f, true), ok)
	c.CloseFile(f)
	if got := dump(t, r.fs); got != "x/\nx/y/\n" {
		t.Errorf("left is\n%s", got)
	}
}

func TestTimeMachineSize(t *testing.T) {
	r := appleRig(t)
	size := func(share string) (total, free, unit int64) {
		c := r.dialect(smb.Dialect311, smbtest.NegotiateOptions{})
		r.setup(c, "ann", password)
		r.tree(c, share)
		b, st := c.QueryInfo(r.create(c, smbtest.CreateReq("", smb2.Open)), smb2.InfoFileSystem, uint8(smb2.ClassFsFullSizeInformation), 32)
		want(t, "FsFullSizeInformation", st, ok)
		x, err := smb2.ParseFsFullSizeInformation(b)
		if err != nil {
			t.Fatal(err)
		}
		return x.TotalAllocationUnits, x.CallerAvailableAllocationUnits, int64(x.SectorsPerAllocationUnit * x.BytesPerSector)
	}
	check := func(what string, want int64) {
		t.Helper()
		if total, free, unit := size("more"); total*unit != 64<<10 || free*unit != want {
			t.Errorf("%s: %d free of %d, want %d", what, free*unit, total*unit, want)
		}
	}
	check("empty", 64<<10)
	for _, d := range []string{"mac.sparsebundle", "mac.sparsebundle/bands", "New.Sparsebundle", "plain", "plain/bands"} {
		mkdir(t, r.fs, d)
	}
	put(t, r.fs, "mac.sparsebundle/bands/0", "")
	put(t, r.fs, "plain/bands/0", "")
	check("without a property list", 64<<10)
	put(t, r.fs, "mac.sparsebundle/Info.plist", "<plist>\n<key>band-size</key>\n\t<integer>10000</integer>\n</plist>")
	put(t, r.fs, "New.Sparsebundle/Info.plist", "<key>band-size</key><integer>-5</integer>")
	check("one band", 54<<10)
	for i := range 20 {
		put(t, r.fs, fmt.Sprintf("mac.sparsebundle/bands/a%d", i), "")
	}
	check("more than there is room for", 0)
	if total, _, unit := size("s"); total*unit <= 64<<10 {
		t.Errorf("the other share has %d bytes", total*unit)
	}
}

func TestFullSync(t *testing.T) {
	r := appleRig(t)
	c := r.mac("more", 0)
	id := r.open(c, "f")
	write(t, c, id, "data")
	st := c.Do(smb2.CommandFlush, smb2.FlushRequest{Reserved1: smb2.FlushFullSync, FileID: id}).Status
	want(t, "FLUSH", st, ok)
}

// Who may only append must not replace a file by way of Apple's copy of all of it.
func TestAppleCopyAppendOnly(t *testing.T) {
	r := appleRig(t)
	put(t, r.fs, "src", "X")
	put(t, r.fs, "log", "0123456789")
	c := r.mac("s", 0)
	req := smbtest.CreateReq("log", smb2.Open)
	req.DesiredAccess = uint32(vfs.AppendData | vfs.ReadData)
	_, st := copyFile(t, c, r.open(c, "src"), r.create(c, req))
	want(t, "copy", st, smb2.StatusAccessDenied)
	if got := content(t, r.fs, "log"); got != "0123456789" {
		t.Errorf("through a handle that may only append the file became %q", got)
	}
}

// Apple's copy of a whole file must not write to a stream that another has locked, nor to
// one of which another caches writes without having that broken first.
func TestAppleCopyStreamLocked(t *testing.T) {
	r := appleRig(t)
	put(t, r.fs, "src", "new")
	put(t, r.fs, "dst", "old")
	putStream(t, r.fs, "src", "s", "new")
	putStream(t, r.fs, "dst", "s", "old")
	w := r.caching(smb.Dialect311, 2)
	id := r.open(w, "dst:s")
	want(t, "LOCK", w.Lock(id, 0, 3, exclusiveNow), ok)
	c := r.mac("s", 0)
	_, st := c.Write(r.open(c, "dst:s"), 0, []byte("x"))
	want(t, "WRITE of what is locked", st, smb2.StatusFileLockConflict)
	_, st = copyFile(t, c, r.open(c, "src"), r.open(c, "dst"))
	want(t, "copy", st, smb2.StatusFileLockConflict)
	if got := content(t, r.fs, "dst"); got != "old" {
		t.Errorf("the file became %q all the same", got)
	}
	if got := content(t, r.fs, "dst:s"); got != "old" {
		t.Errorf("a locked stream became %q", got)
	}
}

// The same, with a lease that lets the other cache what it writes.
func TestAppleCopyStreamLeased(t *testing.T) {
	r := appleRig(t)
	put(t, r.fs, "src", "new")
	put(t, r.fs, "dst", "old")
	putStream(t, r.fs, "src", "s", "new")
	putStream(t, r.fs, "dst", "s", "old")
	w := r.caching(smb.Dialect311, 2)
	id, _ := r.leased(w, "dst:s", smbtest.LeaseContext(rwh), leaseRWH)
	c := r.mac("s", 0)
	src, dst := r.open(c, "src"), r.open(c, "dst")
	done := make(chan smb2.Status, 1)
	go func() {
		_, st := copyFile(t, c, src, dst)
		done <- st
	}()
	w.Break() // now w writes back what it caches, then answers
	time.Sleep(100 * time.Millisecond)
	if got := content(t, r.fs, "dst:s"); got != "old" {
		t.Errorf("before the break is answered the stream became %q", got)
	}
	_, st := w.Write(id, 0, []byte("OLD"))
	want(t, "the write that was cached", st, ok)
	w.AckLease(rwh.Key, 0)
	want(t, "copy", <-done, ok)
	if got := content(t, r.fs, "dst:s"); got != "new" {
		t.Errorf("after the copy the stream is %q", got)
	}
}
