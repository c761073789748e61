// Package vfstest checks that a backend keeps the contract of package vfs.
//
// A backend's own test calls [TestFS], or [TestReadOnlyFS] if it can't create:
//
//	func TestBackend(t *testing.T) {
//		vfstest.TestFS(t, func(t *testing.T) vfs.FS { return New(t.TempDir()) })
//	}
//
// What a backend doesn't have isn't tested: a subtest that needs a missing
// capability is skipped, and so is the rest of one from where it needs directories that
// the backend declines to make with errors.ErrUnsupported. Run the tests with -race as well.
package vfstest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"slices"
	"syscall"
	"testing"

	"github.com/gosmbd/smb/vfs"
)

// TestFS runs all tests, each on an empty file system of its own that newFS
// makes. newFS registers what is to be cleaned up with t.Cleanup.
func TestFS(t *testing.T, newFS func(t *testing.T) vfs.FS) {
	probe := newSuite(t, newFS(t))
	if _, ok := vfs.As[vfs.Creator](probe.fs); !ok {
		t.Fatal("the file system is no vfs.Creator: use TestReadOnlyFS")
	}
	flat := probe.isFlat()
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := newSuite(t, newFS(t))
			s.flat = flat
			test.run(s)
		})
	}
}

var tests = []struct {
	name string
	run  func(s *suite)
}{
	{"Root", testRoot},
	{"OpenMissing", testOpenMissing},
	{"CreateExclusive", testCreateExclusive},
	{"CreateMissingParent", testCreateMissingParent},
	{"FileAsDirectory", testFileAsDirectory},
	{"DirectoryAsFile", testDirectoryAsFile},
	{"AttributesOnly", testAttributesOnly},
	{"Reopen", testReopen},
	{"Names", testNames},
	{"HostileNames", testHostileNames},
	{"LongNames", testLongNames},
	{"Cancelled", testCancelled},
	{"Volume", testVolume},
	{"Snapshots", testSnapshots},

	{"ReadWrite", testReadWrite},
	{"EOF", testEOF},
	{"Holes", testHoles},
	{"Truncate", testTruncate},
	{"StaleBytes", testStaleBytes},
	{"WriteThrough", testWriteThrough},
	{"TwoHandles", testTwoHandles},
	{"CopyRange", testCopyRange},
	{"SendTo", testSendTo},
	{"WriteFromPipe", testWriteFromPipe},

	{"Stat", testStat},
	{"ID", testID},
	{"Namer", testNamer},
	{"Times", testTimes},
	{"WriteChangesTimes", testWriteChangesTimes},
	{"Attributes", testAttributes},
	{"CreateAttributes", testCreateAttributes},
	{"Mode", testMode},
	{"CreateMode", testCreateMode},
	{"Owner", testOwner},

	{"Mkdir", testMkdir},
	{"ReadDir", testReadDir},
	{"ReadDirLarge", testReadDirLarge},
	{"ReadDirWhileRemoving", testReadDirWhileRemoving},
	{"StatNames", testStatNames},
	{"Fold", testFold},

	{"Remove", testRemove},
	{"RemoveOpen", testRemoveOpen},
	{"Rename", testRename},
	{"RenameReplace", testRenameReplace},
	{"RenameItself", testRenameItself},
	{"RenameOpen", testRenameOpen},
	{"RenameDirectory", testRenameDirectory},
	{"Link", testLink},

	{"Stream", testStream},
	{"StreamCreate", testStreamCreate},
	{"StreamRights", testStreamRights},
	{"StreamAttr", testStreamAttr},
	{"StreamHandles", testStreamHandles},
	{"StreamRemove", testStreamRemove},
	{"StreamRename", testStreamRename},
	{"StreamObject", testStreamObject},
	{"StreamLimit", testStreamLimit},

	{"Security", testSecurity},
	{"SecurityLists", testSecurityLists},
	{"SecurityCreate", testSecurityCreate},
	{"SecurityObject", testSecurityObject},
	{"SecurityInvalid", testSecurityInvalid},
	{"Quota", testQuota},
	{"QuotaMaker", testQuotaMaker},
	{"QuotaLimit", testQuotaLimit},
	{"QuotaOwner", testQuotaOwner},
	{"QuotaChanges", testQuotaChanges},
	{"Symlink", testSymlink},
	{"SymlinkReplace", testSymlinkReplace},
	{"Reparse", testReparse},
	{"ReparseLimit", testReparseLimit},

	{"Xattrs", testXattrs},
	{"XattrNeeded", testXattrNeeded},
	{"XattrRefused", testXattrRefused},
	{"XattrObject", testXattrObject},
	{"XattrList", testXattrList},

	{"Sparse", testSparse},
	{"Punch", testPunch},
	{"CloneRange", testCloneRange},
	{"CloneRefused", testCloneRefused},
	{"Compression", testCompression},
	{"Abilities", testAbilities},

	{"Concurrent", testConcurrent},
	{"ConcurrentFile", testConcurrentFile},
	{"ConcurrentCreate", testConcurrentCreate},
	{"ConcurrentRename", testConcurrentRename},
	{"ConcurrentStream", testConcurrentStream},
	{"ConcurrentSecurity", testConcurrentSecurity},
	{"ConcurrentXattr", testConcurrentXattr},
}

// The rights that the tests open with.
const (
	readWrite  = vfs.AccessReadOnly | vfs.AccessWrite
	attributes = vfs.ReadAttributes | vfs.WriteAttributes | vfs.Synchronize
)

// suite is one test on one file system.
type suite struct {
	*testing.T
	ctx  context.Context
	fs   vfs.FS
	flat bool // without directories
}

func newSuite(t *testing.T, fsys vfs.FS) *suite {
	return &suite{T: t, ctx: t.Context(), fs: fsys}
}

// need finds a capability or skips the test.
func need[T any](s *suite, v any) T {
	s.Helper()
	c, ok := vfs.As[T](v)
	if !ok {
		s.Skipf("%T is no %T", v, (*T)(nil))
	}
	return c
}

// declined skips the test if an optional method declined at run time.
func (s *suite) declined(err error) {
	s.Helper()
	if errors.Is(err, errors.ErrUnsupported) {
		s.Skip("declined:", err)
	}
}

func (s *suite) tryCreate(name string, opt vfs.CreateOptions) (vfs.File, error) {
	c, _ := vfs.As[vfs.Creator](s.fs)
	f, err := c.Create(s.ctx, name, opt)
	if (f == nil) != (err != nil) {
		s.Errorf("Create(%q) = %v, %v: want either a File or an error", name, f, err)
	}
	return f, err
}

func (s *suite) create(name string) vfs.File {
	s.Helper()
	f, err := s.tryCreate(name, vfs.CreateOptions{OpenOptions: vfs.OpenOptions{Access: readWrite}})
	if err != nil {
		s.Fatalf("Create(%q): %v", name, err)
	}
	return f
}

// isFlat reports whether the backend declines to make directories.
func (s *suite) isFlat() bool {
	f, err := s.tryCreate("d", vfs.CreateOptions{Directory: true})
	if err == nil {
		s.close(f)
	}
	return errors.Is(err, errors.ErrUnsupported)
}

// kinds tells whether objects may be directories, as CreateOptions.Directory has it.
func (s *suite) kinds() []bool {
	if s.flat {
		return []bool{false}
	}
	return []bool{false, true}
}

// objects makes an object of each kind, and returns their names.
func (s *suite) objects() []string {
	s.Helper()
	s.file("f", "content")
	if s.flat {
		return []string{"f"}
	}
	s.mkdir("d")
	return []string{"f", "d"}
}

// mkdir makes a directory. The rest of the test is skipped if the backend has none.
func (s *suite) mkdir(name string) {
	s.Helper()
	if s.flat {
		s.Skip("the backend has no directories")
	}
	f, err := s.tryCreate(name, vfs.CreateOptions{
		OpenOptions: vfs.OpenOptions{Access: vfs.AccessReadOnly},
		Directory:   true,
	})
	if err != nil {
		s.Fatalf("Create(%q, directory): %v", name, err)
	}
	s.close(f)
}

// file creates name with content and closes it.
func (s *suite) file(name, content string) {
	s.Helper()
	f := s.create(name)
	if content != "" {
		s.write(f, content, 0)
	}
	s.close(f)
}

func (s *suite) tryOpen(name string, access vfs.Access) (vfs.File, error) {
	f, err := s.fs.Open(s.ctx, name, vfs.OpenOptions{Access: access})
	if (f == nil) != (err != nil) {
		s.Errorf("Open(%q) = %v, %v: want either a File or an error", name, f, err)
	}
	return f, err
}

func (s *suite) open(name string, access vfs.Access) vfs.File {
	s.Helper()
	f, err := s.tryOpen(name, access)
	if err != nil {
		s.Fatalf("Open(%q): %v", name, err)
	}
	return f
}

func (s *suite) close(f vfs.File) {
	s.Helper()
	if err := f.Close(); err != nil {
		s.Errorf("Close: %v", err)
	}
}

func (s *suite) stat(f vfs.File) vfs.Attr {
	s.Helper()
	a, err := f.Stat(s.ctx)
	if err != nil {
		s.Fatalf("Stat: %v", err)
	}
	return a
}

func (s *suite) statName(name string) vfs.Attr {
	s.Helper()
	f := s.open(name, attributes)
	defer s.close(f)
	return s.stat(f)
}

func (s *suite) write(f vfs.File, content string, off int64) {
	s.Helper()
	w := need[io.WriterAt](s, f)
	if n, err := w.WriteAt([]byte(content), off); n != len(content) || err != nil {
		s.Fatalf("WriteAt(%d bytes, %d) = %d, %v", len(content), off, n, err)
	}
}

// content reads all of f, by its size.
func (s *suite) content(f vfs.File) string {
	s.Helper()
	r, ok := vfs.As[io.ReaderAt](f)
	if !ok {
		s.Fatalf("%T is no io.ReaderAt", f)
	}
	b := bytes.Repeat([]byte{0xA5}, int(s.stat(f).Size)+16)
	n, err := r.ReadAt(b, 0)
	if err != io.EOF {
		s.Fatalf("ReadAt past the end of file = %d, %v: want io.EOF", n, err)
	}
	return string(b[:n])
}

func (s *suite) wantContent(name, want string) {
	s.Helper()
	f := s.open(name, vfs.AccessRead)
	defer s.close(f)
	if got := s.content(f); got != want {
		s.Errorf("content of %q = %.60q, want %.60q", name, got, want)
	}
}

// wantErr checks for any one of the errors.
func (s *suite) wantErr(what string, err error, want ...error) {
	s.Helper()
	for _, w := range want {
		if is(err, w) {
			return
		}
	}
	s.Errorf("%s: error %v, want one of %v", what, err, want)
}

func (s *suite) wantMissing(name string) {
	s.Helper()
	f, err := s.tryOpen(name, attributes)
	if err == nil {
		s.close(f)
	}
	s.wantErr("Open("+name+")", err, fs.ErrNotExist)
}

// errnos holds the system's errors that stand for those of package vfs.
var errnos = map[error]syscall.Errno{
	vfs.ErrNotEmpty:    syscall.ENOTEMPTY,
	vfs.ErrIsDir:       syscall.EISDIR,
	vfs.ErrNotDir:      syscall.ENOTDIR,
	vfs.ErrNoSpace:     syscall.ENOSPC,
	vfs.ErrReadOnly:    syscall.EROFS,
	vfs.ErrNameTooLong: syscall.ENAMETOOLONG,
	vfs.ErrCrossDevice: syscall.EXDEV,
	vfs.ErrTooManyLink: syscall.EMLINK,
	vfs.ErrSharing:     syscall.EBUSY,
}

func is(err, target error) bool {
	if errors.Is(err, target) {
		return true
	}
	errno, ok := errnos[target]
	return ok && errors.Is(err, errno)
}

// names lists a directory, sorted.
func (s *suite) names(dir string) []string {
	s.Helper()
	f := s.open(dir, vfs.AccessRead)
	defer s.close(f)
	var names []string
	for e, err := range need[vfs.DirReader](s, f).ReadDir(s.ctx) {
		if err != nil {
			s.Fatalf("ReadDir(%q): %v", dir, err)
		}
		names = append(names, e.Name)
	}
	slices.Sort(names)
	return names
}

func (s *suite) wantNames(dir string, want ...string) {
	s.Helper()
	slices.Sort(want)
	if got := s.names(dir); !slices.Equal(got, want) {
		s.Errorf("names in %q = %.200q, want %.200q", dir, got, want)
	}
}

func (s *suite) remove(name string) error {
	s.Helper()
	return need[vfs.Remover](s, s.fs).Remove(s.ctx, name)
}

func (s *suite) rename(oldname, newname string, replace bool) error {
	s.Helper()
	return need[vfs.Renamer](s, s.fs).Rename(s.ctx, oldname, newname, replace)
}
