package signing

import (
	"bytes"
	"testing"

	"golang.org/x/sys/unix"
)

// Nothing behind a message is read or written: here it ends where no memory is.
func TestWideGCMAtEndOfMemory(t *testing.T) {
	if !hasWide {
		t.Skip("this processor has no instructions for it")
	}
	wide, aead := newWideGCM(upTo(16)), newTestAEAD(t, upTo(16))
	page := unix.Getpagesize()
	memory, err := unix.Mmap(-1, 0, 2*page, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Munmap(memory) })
	if err := unix.Mprotect(memory[page:], unix.PROT_NONE); err != nil {
		t.Fatal(err)
	}
	nonce := upTo(12)
	for n := range 1200 {
		p := memory[page-n : page]
		for i := range p {
			p[i] = byte(i)
		}
		plain := bytes.Clone(p)
		if tag := wide.crypt(nonce, p, nil, false); !bytes.Equal(tag[:], aead.Seal(nil, nonce, nil, plain)) {
			t.Fatalf("%d bytes: another MAC", n)
		}
		tag := wide.crypt(nonce, nil, p, false)
		if !bytes.Equal(append(bytes.Clone(p), tag[:]...), aead.Seal(nil, nonce, plain, nil)) {
			t.Fatalf("%d bytes: sealed otherwise", n)
		}
		if wide.crypt(nonce, nil, p, true) != tag || !bytes.Equal(p, plain) {
			t.Fatalf("%d bytes: opened otherwise", n)
		}
	}
}
