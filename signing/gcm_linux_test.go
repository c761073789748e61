package signing

import (
	"bytes"
	"testing"

	"golang.org/x/sys/unix"
)

// Nothing behind a message is read or written: here it ends where no memory is.
func TestWideGCMAtEndOfMemory(t *testing.T) {
	g := newTestGCM(t, upTo(16))
	if g.wide == nil {
		t.Skip("this processor has no instructions for it")
	}
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
		if tag := g.wide.crypt(nonce, p, nil, false); !bytes.Equal(tag[:], g.aead.Seal(nil, nonce, nil, plain)) {
			t.Fatalf("%d bytes: another MAC", n)
		}
		tag := g.wide.crypt(nonce, nil, p, false)
		if !bytes.Equal(append(bytes.Clone(p), tag[:]...), g.aead.Seal(nil, nonce, plain, nil)) {
			t.Fatalf("%d bytes: sealed otherwise", n)
		}
		if g.wide.crypt(nonce, nil, p, true) != tag || !bytes.Equal(p, plain) {
			t.Fatalf("%d bytes: opened otherwise", n)
		}
	}
}
