//go:build !linux

package osfs

import (
	"context"
	"io/fs"
	"os"
)

// scanBatch is few, as a listing that waits for its client to go on holds as many.
const scanBatch = 16

type dirEntry = fs.DirEntry

// scan calls do with what is in the directory d until do returns false.
func scan(ctx context.Context, d *os.File, do func(e dirEntry) bool) error {
	for ctx.Err() == nil {
		names, more, err := readNames(d, scanBatch)
		for _, e := range names {
			if !do(e) {
				return nil
			}
		}
		if err != nil || !more {
			return err
		}
	}
	return ctx.Err()
}
