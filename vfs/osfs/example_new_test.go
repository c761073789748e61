package osfs_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log"
	"os"
	"path/filepath"

	"github.com/gosmbd/smb"
	"github.com/gosmbd/smb/vfs"
	"github.com/gosmbd/smb/vfs/osfs"
)

// Serve a directory, to users and to guests. Both shares have the same FS, so that all
// clients see each other's locks.
func ExampleNew() {
	path, err := os.MkdirTemp("", "share-") // say, "/srv/files"
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(path)

	dir, err := osfs.New(path, &osfs.Options{HideDotFiles: true})
	if err != nil {
		log.Fatal(err)
	}
	defer dir.Close() // after the server's
	srv := &smb.Server{Shares: smb.Shares{
		"files":  {FS: dir},
		"public": {FS: dir, ReadOnly: true, Allow: smb.AllowGuests},
	}}
	defer srv.Close()

	// No name leads out of the directory, and no link.
	os.Symlink("/etc/passwd", filepath.Join(path, "link"))
	_, err = dir.Open(context.Background(), "link", vfs.OpenOptions{Access: vfs.AccessRead})
	fmt.Println(errors.Is(err, fs.ErrNotExist))
	// Output: true
}
