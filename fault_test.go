package smb_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/gosmbd/smb"
	"github.com/gosmbd/smb/internal/smbtest"
	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs"
	"github.com/gosmbd/smb/vfs/faultfs"
	"github.com/gosmbd/smb/vfs/memfs"
)

// faulty is a rig whose backend fails as a test says.
type faulty struct {
	*rig
	hook atomic.Pointer[faultfs.Hook]
}

func newFaulty(t *testing.T) *faulty {
	f := &faulty{}
	f.rig = newRig(t, func(s *smb.Server) {
		s.Logger = quiet() // some make the backend panic
		s.Shares.(smb.Shares)["s"] = &smb.Share{FS: faultfs.New(s.Shares.(smb.Shares)["s"].FS, func(op faultfs.Op) error {
			if h := f.hook.Load(); h != nil {
				return (*h)(op)
			}
			return nil
		})}
	})
	return f
}

// fail makes operations of a kind return err; kind 255: none.
func (f *faulty) fail(kind faultfs.Kind, err error) {
	h := faultfs.Hook(func(op faultfs.Op) error {
		if op.Kind == kind {
			return err
		}
		return nil
	})
	f.hook.Store(&h)
}

func (f *faulty) heal() { f.hook.Store(nil) }

// Each error of the backend is told at the request that met it, and a request that
// failed hasn't changed anything.
func TestBackendErrors(t *testing.T) {
	errs := []struct {
		err  error
		want smb2.Status
	}{
		{vfs.ErrNoSpace, smb2.StatusDiskFull},
		{errors.New("strange"), smb2.StatusUnexpectedIoError},
		{syscall.EIO, smb2.StatusUnexpectedIoError},
		{smb2.StatusDiskCorruptError, smb2.StatusDiskCorruptError},
	}
	for _, tt := range []struct {
		name string
		kind faultfs.Kind
		do   func(r *faulty, c *smbtest.Client, id smb2.FileID) smb2.Status
	}{
		{"READ", faultfs.Read, func(_ *faulty, c *smbtest.Client, id smb2.FileID) smb2.Status { _, st := c.Read(id, 0, 5); return st }},
		{"WRITE", faultfs.Write, func(_ *faulty, c *smbtest.Client, id smb2.FileID) smb2.Status {
			_, st := c.Write(id, 0, []byte("zap"))
			return st
		}},
		{"FLUSH", faultfs.Sync, func(_ *faulty, c *smbtest.Client, id smb2.FileID) smb2.Status { return c.Flush(id) }},
		{"WRITE through", faultfs.Sync, func(_ *faulty, c *smbtest.Client, id smb2.FileID) smb2.Status {
			return c.Do(smb2.CommandWrite, smb2.WriteRequest{FileID: id, Data: []byte("hello"), Flags: smb2.WriteFlagWriteThrough}).Status
		}},
		{"CLOSE", faultfs.Close, func(_ *faulty, c *smbtest.Client, id smb2.FileID) smb2.Status { return c.CloseFile(id) }},
		{"set end of file", faultfs.Truncate, func(_ *faulty, c *smbtest.Client, id smb2.FileID) smb2.Status {
			return c.SetInfo(id, smb2.ClassFileEndOfFileInformation, smb2.FileEndOfFileInformation{EndOfFile: 1})
		}},
		{"set allocation", faultfs.Truncate, func(_ *faulty, c *smbtest.Client, id smb2.FileID) smb2.Status {
			return c.SetInfo(id, smb2.ClassFileAllocationInformation, smb2.FileAllocationInformation{})
		}},
		{"set basic", faultfs.SetAttr, func(_ *faulty, c *smbtest.Client, id smb2.FileID) smb2.Status {
			return c.SetInfo(id, smb2.ClassFileBasicInformation, smb2.FileBasicInformation{FileAttributes: 2})
		}},
		{"query basic", faultfs.Stat, func(_ *faulty, c *smbtest.Client, id smb2.FileID) smb2.Status {
			_, st := c.QueryInfo(id, smb2.InfoFile, uint8(smb2.ClassFileBasicInformation), 100)
			return st
		}},
		{"query size", faultfs.Volume, func(_ *faulty, c *smbtest.Client, id smb2.FileID) smb2.Status {
			_, st := c.QueryInfo(id, smb2.InfoFileSystem, uint8(smb2.ClassFsFullSizeInformation), 100)
			return st
		}},
		{"rename", faultfs.Rename, func(_ *faulty, c *smbtest.Client, id smb2.FileID) smb2.Status { return c.Rename(id, "new", false) }},
		{"link", faultfs.Link, func(_ *faulty, c *smbtest.Client, id smb2.FileID) smb2.Status {
			return c.SetInfo(id, smb2.ClassFileLinkInformation, smb2.FileLinkInformation{FileName: "new"})
		}},
		{"CREATE of a new file", faultfs.Create, func(_ *faulty, c *smbtest.Client, _ smb2.FileID) smb2.Status {
			_, st := c.Create(smbtest.CreateReq("new", smb2.Create))
			return st
		}},
		{"CREATE, looking", faultfs.Open, func(_ *faulty, c *smbtest.Client, _ smb2.FileID) smb2.Status {
			_, st := c.Create(smbtest.CreateReq("f", smb2.Open))
			return st
		}},
		{"CREATE, asking", faultfs.Stat, func(_ *faulty, c *smbtest.Client, _ smb2.FileID) smb2.Status {
			_, st := c.Create(smbtest.CreateReq("f", smb2.Open))
			return st
		}},
		{"CREATE, overwriting", faultfs.Truncate, func(_ *faulty, c *smbtest.Client, _ smb2.FileID) smb2.Status {
			_, st := c.Create(smbtest.CreateReq("f", smb2.Overwrite))
			return st
		}},
		{"copy", faultfs.CopyRange, copySelf},
		{"QUERY_DIRECTORY", faultfs.ReadDir, func(r *faulty, c *smbtest.Client, _ smb2.FileID) smb2.Status {
			h := r.hook.Load()
			r.heal()
			dir := r.open(c, "")
			r.hook.Store(h)
			_, st := c.QueryDirectory(smb2.QueryDirectoryRequest{FileID: dir, Class: smb2.ClassFileNamesInformation, OutputLength: 4096, Pattern: "*"})
			return st
		}},
		{"delete, at CLOSE", faultfs.Remove, func(_ *faulty, c *smbtest.Client, id smb2.FileID) smb2.Status {
			want(t, "DISPOSITION", c.Delete(id, true), ok)
			return c.CloseFile(id)
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, e := range errs {
				r := newFaulty(t)
				put(t, r.fs, "f", "hello")
				c := r.logon(smb.Dialect311)
				id := r.open(c, "f")
				c.Write(id, 0, []byte("hello")) // which sets the archive bit
				before := dump(t, r.fs)
				r.fail(tt.kind, e.err)
				want(t, tt.name, tt.do(r, c, id), e.want)
				r.heal()
				unchanged(t, "the share", r.fs, before)
				alive(t, c)
				// What failed holds nothing: the file can be had alone again.
				c.CloseFile(id)
				c.TreeDisconnect()
				r.tree(c, "s")
				req := smbtest.CreateReq("f", smb2.Open)
				req.ShareAccess = 0
				r.create(c, req)
				c.Close()
			}
		})
	}
}

func copySelf(r *faulty, c *smbtest.Client, id smb2.FileID) smb2.Status {
	h := r.hook.Load()
	r.heal()
	key, _ := c.Ioctl(id, smb2.FsctlSrvRequestResumeKey, nil, 32)
	r.hook.Store(h)
	req := smb2.SrvCopychunkCopy{Chunks: []smb2.SrvCopychunk{{Length: 5}}}
	copy(req.SourceKey[:], key)
	_, st := c.Ioctl(id, smb2.FsctlSrvCopychunk, req.Append(nil), 12)
	return st
}

// A WRITE of which only a part arrived is not a success.
func TestPartialWrite(t *testing.T) {
	r := newFaulty(t)
	c := r.logon(smb.Dialect311)
	id := r.open(c, "f")
	r.fail(faultfs.Write, &faultfs.Partial{N: 3, Err: vfs.ErrNoSpace})
	n, st := c.Write(id, 0, []byte("hello"))
	if st != smb2.StatusDiskFull {
		t.Errorf("%d bytes, %v", n, st)
	}
}

// A READ that fails in the middle gives nothing, least of all what was in the
// buffer before.
func TestPartialRead(t *testing.T) {
	r := newFaulty(t)
	put(t, r.fs, "f", "hello")
	c := r.logon(smb.Dialect311)
	id := r.open(c, "f")
	r.fail(faultfs.Read, &faultfs.Partial{N: 3, Err: syscall.EIO})
	data, st := c.Read(id, 0, 5)
	if !st.IsError() || len(data) > 0 {
		t.Errorf("%q, %v", data, st)
	}
	r.fail(faultfs.Read, &faultfs.Partial{N: 3, Err: io.EOF})
	data, st = c.Read(id, 0, 5)
	if st != ok || string(data) != "hel" {
		t.Errorf("%q, %v", data, st)
	}
}

// A backend that panics costs a connection, not the process.
func TestBackendPanics(t *testing.T) {
	r := newFaulty(t)
	other := r.logon(smb.Dialect311)
	for _, kind := range []faultfs.Kind{faultfs.Read, faultfs.Stat, faultfs.Open} {
		c := r.logon(smb.Dialect311)
		put(t, r.fs, kind.String(), "x")
		id := r.open(c, kind.String())
		h := faultfs.Hook(func(op faultfs.Op) error {
			if op.Kind == kind && op.Name == kind.String() {
				panic("boom")
			}
			return nil
		})
		r.hook.Store(&h)
		switch kind {
		case faultfs.Read:
			c.Send(c.Req(smb2.CommandRead, smb2.ReadRequest{FileID: id, Length: 1}))
		case faultfs.Open:
			c.Send(c.Req(smb2.CommandCreate, smbtest.CreateReq(kind.String(), smb2.Open)))
		default:
			c.Send(c.Req(smb2.CommandQueryInfo, bodies(id)[smb2.CommandQueryInfo]))
		}
		dropped(t, kind.String(), c)
		r.heal()
		gone(t, r.rig, 1)
		alive(t, other)
		// No name stays claimed.
		want(t, "CLOSE", other.CloseFile(r.open(other, kind.String())), ok)
	}
}

// A backend that panics when a file is closed fails the CLOSE, or the connection, and nobody is kept out by
// what was open.
func TestClosePanics(t *testing.T) {
	r := newFaulty(t)
	other := r.logon(smb.Dialect311)
	for _, x := range []struct {
		kind    faultfs.Kind
		n       int32 // which operation of that kind panics
		opts    smb2.CreateOptions
		drops   bool
		st      smb2.Status // otherwise
		isThere bool
	}{
		{kind: faultfs.Close, n: 1, st: smb2.StatusUnexpectedIoError, isThere: true},
		{kind: faultfs.Close, n: 1, opts: smb2.OptionDeleteOnClose, st: smb2.StatusUnexpectedIoError},
		{kind: faultfs.Stat, n: 1, opts: smb2.OptionDeleteOnClose, st: ok},
		{kind: faultfs.Stat, n: 2, opts: smb2.OptionDeleteOnClose, drops: true, isThere: true},
		{kind: faultfs.Remove, n: 1, opts: smb2.OptionDeleteOnClose, drops: true, isThere: true},
	} {
		c, name := r.logon(smb.Dialect311), fmt.Sprint(x.kind, x.n, x.opts)
		req := smbtest.CreateReq(name, smb2.OpenIf)
		req.ShareAccess, req.Options = 0, x.opts
		id := r.create(c, req)
		var seen atomic.Int32
		h := faultfs.Hook(func(op faultfs.Op) error {
			if op.Kind == x.kind && op.Name == name && seen.Add(1) == x.n {
				panic("boom")
			}
			return nil
		})
		r.hook.Store(&h)
		if !x.drops {
			want(t, "CLOSE", c.CloseFile(id), x.st)
		} else {
			c.Send(c.Req(smb2.CommandClose, smb2.CloseRequest{FileID: id}))
			dropped(t, name, c)
		}
		r.heal()
		if left := dump(t, r.fs); x.isThere != strings.Contains(left, name) {
			t.Errorf("%s: there is\n%s", name, left)
		}
		want(t, "CLOSE", other.CloseFile(r.create(other, req)), ok)
	}
}

// A backend that panics when a stream is renamed keeps nobody from its file.
func TestRenameStreamPanics(t *testing.T) {
	r := newFaulty(t)
	put(t, r.fs, "f", "x")
	other, c := r.logon(smb.Dialect311), r.logon(smb.Dialect311)
	id := r.open(c, "f:s")
	h := faultfs.Hook(func(op faultfs.Op) error {
		if op.Kind == faultfs.RenameStream {
			panic("boom")
		}
		return nil
	})
	r.hook.Store(&h)
	c.Send(c.Req(smb2.CommandSetInfo, smb2.SetInfoRequest{InfoType: smb2.InfoFile, Class: uint8(smb2.ClassFileRenameInformation),
		FileID: id, Data: smb2.FileRenameInformation{FileName: ":t"}.Append(nil)}))
	dropped(t, "rename", c)
	r.heal()
	gone(t, r.rig, 1)
	want(t, "CLOSE", other.CloseFile(r.create(other, smbtest.CreateReq("f", smb2.OverwriteIf))), ok)
}

// oddFile returns what it likes from ReadAt and WriteAt, against what package io asks for.
type oddFile struct {
	vfs.File
	n      int
	pieces bool // ReadAt returns one byte at a time instead
}

func (f *oddFile) ReadAt(b []byte, off int64) (int, error) {
	if f.pieces {
		return f.File.(io.ReaderAt).ReadAt(b[:1], off)
	}
	return f.n, nil
}

func (f *oddFile) WriteAt(b []byte, off int64) (int, error) { return f.n, nil }

type oddFS struct {
	*memfs.FS
	file *oddFile
}

func (f oddFS) Open(ctx context.Context, name string, opt vfs.OpenOptions) (vfs.File, error) {
	file, err := f.FS.Open(ctx, name, opt)
	if err != nil || name == "." {
		return file, err
	}
	odd := *f.file
	odd.File = file
	return &odd, nil
}

// A backend that miscounts is an error, not an end of file, nor a write that was done.
func TestBackendMiscounts(t *testing.T) {
	for _, n := range []int{-3, 0, 2, 100} {
		t.Run(strconv.Itoa(n), func(t *testing.T) {
			fsys := oddFS{&memfs.FS{}, &oddFile{n: n}}
			put(t, fsys.FS, "f", "0123456789")
			r := newRig(t, func(s *smb.Server) {
				s.Shares.(smb.Shares)["s"].FS = fsys
				s.Logger = quiet()
			})
			c := r.logon(smb.Dialect311)
			id := r.open(c, "f")
			_, st := c.Write(id, 0, []byte("hello"))
			want(t, "WRITE", st, smb2.StatusUnexpectedIoError)
			b, st := c.Read(id, 0, 10)
			if n == 2 { // asked for the rest, it goes on
				want(t, "READ", st, ok)
				return
			}
			want(t, "READ", st, smb2.StatusUnexpectedIoError)
			if len(b) > 0 {
				t.Errorf("read %q", b)
			}
		})
	}
	fsys := oddFS{&memfs.FS{}, &oddFile{pieces: true}}
	put(t, fsys.FS, "f", "0123456789")
	r := newRig(t, func(s *smb.Server) { s.Shares.(smb.Shares)["s"].FS = fsys })
	c := r.logon(smb.Dialect311)
	contentIs(t, "by pieces", c, r.open(c, "f"), []byte("0123456789"))
}

// What isn't meant as an error is one all the same.
func TestBackendOddStatus(t *testing.T) {
	r := newFaulty(t)
	put(t, r.fs, "f", "x")
	c := r.logon(smb.Dialect311)
	for _, st := range []smb2.Status{smb2.StatusSuccess, smb2.StatusPending} {
		h := faultfs.Hook(func(op faultfs.Op) error {
			if op.Kind == faultfs.Open && op.Name == "f" {
				return st
			}
			return nil
		})
		r.hook.Store(&h)
		_, got := c.Create(smbtest.CreateReq("f", smb2.Open))
		want(t, "CREATE", got, smb2.StatusUnexpectedIoError)
		r.heal()
	}
}

// A CREATE whose backend panics after it took effect for others is undone, and what it found or made stays.
func TestCreatePanics(t *testing.T) {
	r := newFaulty(t)
	other := r.logon(smb.Dialect311)
	put(t, r.fs, "there", "x")
	for _, x := range []struct {
		name        string
		disposition smb2.Disposition
		kind        faultfs.Kind
		n           int32 // which operation of that kind
	}{
		{"there", smb2.OverwriteIf, faultfs.Truncate, 1},
		{"there", smb2.Open, faultfs.Stat, 2},
		{"new", smb2.Create, faultfs.Stat, 2},
	} {
		var seen atomic.Int32
		h := faultfs.Hook(func(op faultfs.Op) error {
			if op.Kind == x.kind && op.Name == x.name && seen.Add(1) == x.n {
				panic("boom")
			}
			return nil
		})
		c := r.logon(smb.Dialect311)
		r.hook.Store(&h)
		req := smbtest.CreateReq(x.name, x.disposition)
		req.ShareAccess, req.Options = 0, smb2.OptionDeleteOnClose
		c.Send(c.Req(smb2.CommandCreate, req))
		dropped(t, x.name, c)
		r.heal()
		gone(t, r.rig, 1)
		if seen.Load() != x.n {
			t.Errorf("%s: %d operations", x.name, seen.Load())
		}
		want(t, "CREATE afterwards", other.CloseFile(r.create(other, smbtest.CreateReq(x.name, smb2.Open))), ok)
	}
	if got := dump(t, r.fs); !strings.Contains(got, "there") || !strings.Contains(got, "new") {
		t.Errorf("there is\n%s", got)
	}
}

// What a CREATE made and then couldn't open isn't left behind.
func TestCreateFailsHalfway(t *testing.T) {
	r := newFaulty(t)
	c := r.logon(smb.Dialect311)
	for _, opts := range []smb2.CreateOptions{0, smb2.OptionDirectoryFile} {
		r.fail(faultfs.Stat, vfs.ErrNoSpace)
		want(t, "CREATE", dispose(c, "new", smb2.Create, vfs.ReadAttributes, opts), smb2.StatusDiskFull)
		r.heal()
		if left := dump(t, r.fs); left != "" {
			t.Errorf("left:\n%s", left)
		}
		want(t, "CREATE", dispose(c, "new", smb2.Create, vfs.ReadAttributes|vfs.Delete, opts|smb2.OptionDeleteOnClose), ok)
	}
}

// A backend may have files only.
func TestBackendWithoutDirectories(t *testing.T) {
	r := newFaulty(t)
	r.fail(faultfs.Create, errors.ErrUnsupported)
	c := r.logon(smb.Dialect311)
	req := smbtest.CreateReq("d", smb2.Create)
	_, st := c.Create(req)
	want(t, "CREATE of a file", st, smb2.StatusMediaWriteProtected)
	req.Options = smb2.OptionDirectoryFile
	_, st = c.Create(req)
	want(t, "CREATE of a directory", st, smb2.StatusNotSupported)
}
