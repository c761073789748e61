package vfs_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"strings"
	"sync/atomic"

	"github.com/gosmbd/smb/vfs"
	"github.com/gosmbd/smb/vfs/memfs"
)

// auditFS is a wrapper: it notes who opens, makes, removes and renames what. Embedding
// alone would show nothing but Open, and so make the share read-only.
type auditFS struct {
	vfs.FS
	log *log.Logger
}

// Unwrap shows all else that the backend can do. None of that comes by here: a Linker, a
// Symlinker or a Snapshotter works as if there were no wrapper. Without Unwrap clients
// can't do it.
func (a *auditFS) Unwrap() vfs.FS { return a.FS }

func (a *auditFS) note(who *vfs.Caller, err error, what ...any) {
	result := "ok"
	if err != nil {
		result = err.Error()
	}
	a.log.Printf("%v: %s: %s", who, strings.TrimSpace(fmt.Sprintln(what...)), result)
}

func (a *auditFS) Open(ctx context.Context, name string, opt vfs.OpenOptions) (vfs.File, error) {
	f, err := a.FS.Open(ctx, name, opt)
	// The server looks at each object by its attributes first, before it opens it.
	if opt.Reads() || opt.Writes() {
		a.note(vfs.CallerFrom(ctx), err, "open", name)
	}
	return a.file(ctx, name, f, err)
}

// Create declines if the backend has none: it is then as if the wrapper had none.
func (a *auditFS) Create(ctx context.Context, name string, opt vfs.CreateOptions) (vfs.File, error) {
	c, ok := vfs.As[vfs.Creator](a.FS)
	if !ok {
		return nil, errors.ErrUnsupported
	}
	f, err := c.Create(ctx, name, opt)
	a.note(vfs.CallerFrom(ctx), err, "create", name)
	return a.file(ctx, name, f, err)
}

func (a *auditFS) Remove(ctx context.Context, name string) error {
	r, ok := vfs.As[vfs.Remover](a.FS)
	if !ok {
		return errors.ErrUnsupported
	}
	err := r.Remove(ctx, name)
	a.note(vfs.CallerFrom(ctx), err, "remove", name)
	return err
}

func (a *auditFS) Rename(ctx context.Context, oldname, newname string, replace bool) error {
	r, ok := vfs.As[vfs.Renamer](a.FS)
	if !ok {
		return errors.ErrUnsupported
	}
	err := r.Rename(ctx, oldname, newname, replace)
	a.note(vfs.CallerFrom(ctx), err, "rename", oldname, newname)
	return err
}

// file wraps each File, also one that nothing is noted of: else the server could open the
// object once more by a vfs.Reopener, which doesn't come by Open. For that interface it
// doesn't look behind Unwrap.
func (a *auditFS) file(ctx context.Context, name string, f vfs.File, err error) (vfs.File, error) {
	if err != nil {
		return nil, err
	}
	return &auditFile{File: f, fs: a, who: vfs.CallerFrom(ctx), name: name}, nil
}

// auditFile notes how much was written.
type auditFile struct {
	vfs.File
	fs      *auditFS
	who     *vfs.Caller
	name    string
	written atomic.Int64
}

func (f *auditFile) Unwrap() vfs.File { return f.File }

func (f *auditFile) WriteAt(p []byte, off int64) (int, error) {
	w, ok := vfs.As[io.WriterAt](f.File)
	if !ok {
		return 0, errors.ErrUnsupported
	}
	n, err := w.WriteAt(p, off)
	f.written.Add(int64(n))
	return n, err
}

// WriteFromPipe declines in place of a vfs.Splicer, which would write without WriteAt.
func (f *auditFile) WriteFromPipe(uintptr, int64, int64) (int64, error) {
	return 0, errors.ErrUnsupported
}

func (f *auditFile) Close() error {
	err := f.File.Close()
	if n := f.written.Load(); n > 0 {
		f.fs.note(f.who, err, "wrote", n, "bytes to", f.name)
	}
	return err
}

// A wrapper of a backend: a log of who does what.
func Example_wrapper() {
	fsys := &auditFS{FS: &memfs.FS{}, log: log.New(os.Stdout, "", 0)}

	// The server does this for a client; its context has the caller.
	ctx := vfs.WithCaller(context.Background(), &vfs.Caller{Name: "ann"})
	f, err := fsys.Create(ctx, "plan.txt", vfs.CreateOptions{OpenOptions: vfs.OpenOptions{Access: vfs.AccessWrite}})
	if err != nil {
		log.Fatal(err)
	}
	w, _ := vfs.As[io.WriterAt](f)
	w.WriteAt([]byte("first, think"), 0)
	f.Close()
	fsys.Rename(ctx, "plan.txt", "old.txt", false)
	fsys.Open(ctx, "plan.txt", vfs.OpenOptions{Access: vfs.AccessRead})
	fsys.Remove(ctx, "old.txt")

	// What the wrapper doesn't have it shows all the same.
	_, links := vfs.As[vfs.Linker](fsys)
	fmt.Println("links:", links)
	// Output:
	// ann: create plan.txt: ok
	// ann: wrote 12 bytes to plan.txt: ok
	// ann: rename plan.txt old.txt: ok
	// ann: open plan.txt: open plan.txt: file does not exist
	// ann: remove old.txt: ok
	// links: true
}
