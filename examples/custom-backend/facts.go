package main

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"runtime"
	"time"

	"github.com/gosmbd/smb/vfs"
)

// factsFS is a backend: one directory of files whose content is computed. It is
// read-only because it has no method to create, remove or rename; the server
// does without what a backend lacks.
type factsFS map[string]func() string

func newFactsFS() factsFS {
	start := time.Now()
	return factsFS{
		"time.txt":   func() string { return time.Now().Format(time.RFC1123) + "\r\n" },
		"uptime.txt": func() string { return time.Since(start).Round(time.Second).String() + "\r\n" },
		"memory.txt": func() string {
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			return fmt.Sprintf("%d KiB in use, %d goroutines\r\n", m.HeapInuse/1024, runtime.NumGoroutine())
		},
		"environment.txt": func() string { return fmt.Sprintf("process %d in %s\r\n", os.Getpid(), os.TempDir()) },
	}
}

// Open implements vfs.FS. The root is called ".".
func (f factsFS) Open(_ context.Context, name string, _ vfs.OpenOptions) (vfs.File, error) {
	if name == "." {
		return factsDir{facts: f}, nil
	}
	content, ok := f[name]
	if !ok {
		return nil, fs.ErrNotExist
	}
	r := newFact(content())
	r.streams = streams{aboutStream: func() vfs.File { return newFact("made at " + r.made.Format("15:04:05") + "\r\n") }}
	if name == "environment.txt" {
		r.acl = bossOnly
	}
	return r, nil
}

// Who may read a fact. What isn't granted, such as deleting it, nobody may.
var (
	everybody = mustParse("O:BAG:BAD:(A;;FR;;;AU)")
	bossOnly  = mustParse("O:BAG:BAD:(A;;FR;;;BA)")
)

func mustParse(sddl string) vfs.SecurityDescriptor {
	sd, err := vfs.ParseSDDL(sddl)
	if err != nil {
		panic(err)
	}
	return sd
}

// fact is an open file: bytes.Reader has ReadAt, which is all that reading takes.
type fact struct {
	*bytes.Reader
	made time.Time
	acl  vfs.SecurityDescriptor
	streams
}

func newFact(content string) fact {
	return fact{Reader: bytes.NewReader([]byte(content)), made: time.Now(), acl: everybody}
}

func (f fact) Stat(context.Context) (vfs.Attr, error) {
	return vfs.Attr{Size: f.Size(), Written: f.made}, nil
}

func (f fact) Close() error { return nil }

// Security and SetSecurity implement vfs.Securer. The server enforces what they
// say.
func (f fact) Security(context.Context) (vfs.SecurityDescriptor, error) { return f.acl, nil }

func (f fact) SetSecurity(context.Context, vfs.SecurityDescriptor) error { return fs.ErrPermission }

// factsDir is the open root directory.
type factsDir struct {
	facts factsFS
	streams
}

func (d factsDir) Stat(context.Context) (vfs.Attr, error) {
	return vfs.Attr{Mode: fs.ModeDir, Written: time.Now()}, nil
}

func (d factsDir) Close() error { return nil }

// The root is a vfs.Securer as well: by that the server knows that there are
// descriptors.
func (d factsDir) Security(context.Context) (vfs.SecurityDescriptor, error) { return everybody, nil }

func (d factsDir) SetSecurity(context.Context, vfs.SecurityDescriptor) error {
	return fs.ErrPermission
}

// ReadDir implements vfs.DirReader.
func (d factsDir) ReadDir(ctx context.Context) iter.Seq2[vfs.DirEntry, error] {
	return func(yield func(vfs.DirEntry, error) bool) {
		for name, content := range d.facts {
			attr, err := newFact(content()).Stat(ctx)
			if !yield(vfs.DirEntry{Name: name, Attr: attr}, err) {
				return
			}
		}
	}
}
