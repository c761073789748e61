package vfs_test

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"log"
	"strings"
	"testing/fstest"
	"time"

	"github.com/gosmbd/smb/vfs"
	"github.com/gosmbd/smb/vfs/memfs"
)

// A file system in memory, at most 16 MiB large.
func Example_memory() {
	ctx := context.Background()
	fsys := &memfs.FS{MaxBytes: 16 << 20, Label: "scratch"}

	f, err := fsys.Create(ctx, "Hello.txt", vfs.CreateOptions{
		OpenOptions: vfs.OpenOptions{Access: vfs.AccessWrite},
	})
	if err != nil {
		log.Fatal(err)
	}
	f.(io.WriterAt).WriteAt([]byte("hello, world"), 0)
	f.Close()

	name, err := fsys.Fold(ctx, "HELLO.TXT")
	fmt.Println(name, err)
	// Output: Hello.txt <nil>
}

// Any io/fs file system can be shared for reading: embed.FS, a zip archive,
// os.DirFS.
func ExampleFromFS() {
	ctx := context.Background()
	fsys := vfs.FromFS(fstest.MapFS{
		"docs/readme.txt": {Data: []byte("read me")},
		"docs/todo.txt":   {Data: []byte("nothing")},
	})

	dir, err := fsys.Open(ctx, "docs", vfs.OpenOptions{Access: vfs.AccessRead})
	if err != nil {
		log.Fatal(err)
	}
	defer dir.Close()
	for e, err := range dir.(vfs.DirReader).ReadDir(ctx) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(e.Name, e.Attr.Size)
	}
	// Output:
	// readme.txt 7
	// todo.txt 7
}

// clock is a file system with one file, which tells the time when it was
// opened. It has the three methods that a backend must have, and io.ReaderAt
// as its content is to be read.
type clock struct{ now func() time.Time }

func (c clock) Open(_ context.Context, name string, _ vfs.OpenOptions) (vfs.File, error) {
	now := c.now()
	switch name {
	case ".":
		return tick{nil, vfs.Attr{Mode: fs.ModeDir, Written: now}}, nil
	case "time.txt":
		s := now.Format(time.RFC1123)
		return tick{strings.NewReader(s), vfs.Attr{Size: int64(len(s)), Written: now}}, nil
	}
	return nil, fs.ErrNotExist
}

type tick struct {
	io.ReaderAt
	attr vfs.Attr
}

func (t tick) Stat(context.Context) (vfs.Attr, error) { return t.attr, nil }

func (t tick) Close() error { return nil }

// A backend of one's own.
func Example_backend() {
	fsys := clock{now: func() time.Time { return time.Unix(0, 0).UTC() }}

	f, err := fsys.Open(context.Background(), "time.txt", vfs.OpenOptions{Access: vfs.AccessRead})
	if err != nil {
		log.Fatal(err)
	}
	defer f.Close()
	b := make([]byte, 100)
	n, err := f.(io.ReaderAt).ReadAt(b, 0)
	fmt.Printf("%s %v\n", b[:n], err)
	// Output: Thu, 01 Jan 1970 00:00:00 UTC EOF
}
