package smb_test

import (
	"context"
	"fmt"
	"io/fs"
	"iter"
	"strings"

	"github.com/gosmbd/smb"
	"github.com/gosmbd/smb/ntlm"
	"github.com/gosmbd/smb/vfs"
)

// greetings is a backend: a directory with one file for everybody it knows.
type greetings struct{ names []string }

func (g *greetings) Open(_ context.Context, name string, _ vfs.OpenOptions) (vfs.File, error) {
	if name == "." {
		return directory{g}, nil
	}
	for _, n := range g.names {
		if n+".txt" == name {
			return greet(n), nil
		}
	}
	return nil, fs.ErrNotExist
}

type directory struct{ *greetings }

func (directory) Stat(context.Context) (vfs.Attr, error) { return vfs.Attr{Mode: fs.ModeDir}, nil }
func (directory) Close() error                           { return nil }

// ReadDir makes it a vfs.DirReader: the directory can be listed.
func (d directory) ReadDir(ctx context.Context) iter.Seq2[vfs.DirEntry, error] {
	return func(yield func(vfs.DirEntry, error) bool) {
		for _, n := range d.names {
			attr, err := greet(n).Stat(ctx)
			if !yield(vfs.DirEntry{Name: n + ".txt", Attr: attr}, err) {
				return
			}
		}
	}
}

// A greeting can be read, since strings.Reader has ReadAt.
type greeting struct{ *strings.Reader }

func greet(name string) greeting { return greeting{strings.NewReader("Hello, " + name + "!\n")} }

func (g greeting) Stat(context.Context) (vfs.Attr, error) { return vfs.Attr{Size: g.Size()}, nil }
func (greeting) Close() error                             { return nil }

// Serve a file system that exists nowhere. It is read-only, because it has no
// Create.
func Example_backend() {
	backend := &greetings{names: []string{"ann", "ben"}}
	srv := &smb.Server{
		Shares:     smb.Shares{"hello": {FS: backend}},
		Mechanisms: []smb.Mechanism{ntlm.New(ntlm.Static{"ann": {Password: "a long password"}})},
	}
	defer srv.Close()

	// srv.ListenAndServe() serves it. A client that lists the share sees:
	root, _ := backend.Open(context.Background(), ".", vfs.OpenOptions{})
	for e := range root.(vfs.DirReader).ReadDir(context.Background()) {
		fmt.Println(e.Name, e.Attr.Size)
	}
	// Output:
	// ann.txt 12
	// ben.txt 12
}
