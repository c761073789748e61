package aferofs_test

import (
	"context"
	"fmt"
	"log"

	"github.com/spf13/afero"

	"github.com/gosmbd/smb"
	"github.com/gosmbd/smb/vfs"
	"github.com/gosmbd/smb/vfs/aferofs"
)

// Serve what a program has in an afero.Fs. New is called once for each of those, also if it
// has several shares.
func ExampleNew() {
	files := afero.NewMemMapFs()
	if err := afero.WriteFile(files, "hello.txt", []byte("hello"), 0o666); err != nil {
		log.Fatal(err)
	}
	fsys := aferofs.New(files)
	srv := &smb.Server{Shares: smb.Shares{"files": {FS: fsys}}}
	defer srv.Close()

	f, err := fsys.Open(context.Background(), "hello.txt", vfs.OpenOptions{Access: vfs.AccessRead})
	if err != nil {
		log.Fatal(err)
	}
	defer f.Close()
	attr, err := f.Stat(context.Background())
	fmt.Println(attr.Size, err)
	// Output: 5 <nil>
}
