package boltstore_test

import (
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/gosmbd/smb/boltstore"
)

func ExampleOpen() {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)

	handles, err := boltstore.Open(filepath.Join(dir, "handles.db"))
	if err != nil {
		log.Fatal(err) // says what to do when the file is damaged or in use
	}
	defer handles.Close() // after the server's Shutdown

	if err := handles.Put(1, []byte("a record")); err != nil {
		log.Fatal(err)
	}
	err = handles.All(func(id uint64, record []byte) bool {
		fmt.Printf("%d: %s\n", id, record)
		return true
	})
	if err != nil {
		log.Fatal(err)
	}
	// Output: 1: a record
}
