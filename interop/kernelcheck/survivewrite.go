//go:build linux

package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"syscall"
)

// writing is how a writer makes sure that the server has what it wrote.
type writing string

const (
	writeDirect writing = "direct" // past the client's cache
	writeFlush  writing = "flush"  // and a flush each time
)

const (
	blockSize = 4096
	blocks    = 64
)

// write has client c fill blocks of a file that it keeps open. What it was told
// is written must be there, and must be there at the end.
func (v *survivor) write(c int, how writing) {
	name := fmt.Sprintf("written-%s-%s", client(c), how)
	flags := os.O_RDWR | os.O_CREATE
	if how == writeDirect {
		flags |= syscall.O_DIRECT
	}
	f, err := os.OpenFile(filepath.Join(v.mounts[c], name), flags, 0o666)
	if err != nil {
		v.fault("%v", err)
		return
	}
	defer f.Close()
	var written [blocks]uint64
	buf := alignedBlock()
	for n := uint64(1); !v.done(); n++ {
		b := rand.IntN(blocks)
		fillBlock(buf, n)
		ok := v.retried("write, "+string(how), nil, func() error {
			if _, err := f.WriteAt(buf, int64(b)*blockSize); err != nil || how == writeDirect {
				return err
			}
			return f.Sync()
		})
		if !ok {
			return
		}
		written[b] = n
		if rand.IntN(4) == 0 {
			v.check(name, b, n)
		}
	}
	for b, n := range written {
		if n > 0 {
			v.check(name, b, n)
		}
	}
}

// check reads a block back past all caches.
func (v *survivor) check(name string, b int, n uint64) {
	got, want := make([]byte, blockSize), make([]byte, blockSize)
	ok := v.retried("open and read back", nil, func() error {
		f, err := os.Open(filepath.Join(v.plain, name))
		if err != nil {
			return err
		}
		defer f.Close()
		_, err = f.ReadAt(got, int64(b)*blockSize)
		return err
	})
	fillBlock(want, n)
	switch {
	case !ok:
	case !bytes.Equal(got, want):
		v.fault("%s, block %d: has %d, and %d was acknowledged", name, b, binary.BigEndian.Uint64(got), n)
	default:
		v.did("blocks that were right")
	}
}

func fillBlock(b []byte, n uint64) {
	for i := 0; i+8 <= len(b); i += 8 {
		binary.BigEndian.PutUint64(b[i:], n)
	}
}

// alignedBlock is a block that starts at a page, as direct writes need it.
func alignedBlock() []byte {
	b, err := syscall.Mmap(-1, 0, blockSize, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		panic(err)
	}
	return b
}
