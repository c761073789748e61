package main

import (
	"crypto/aes"
	"crypto/cipher"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"github.com/gosmbd/smb/signing"
)

// The limit is what a large file costs a program in Go that does nothing but what every
// server has to: read a block of the file, sign or encrypt it in place and write it to a
// socket, or the other way round. It is measured in the same run, since the same machine
// may take half as long again an hour later.

// protections makes what the modes protect blocks with: with the standard library, as far as that has it.
var protections = map[string]func() (protection, error){
	"off":     func() (protection, error) { return nothing{}, nil },
	"sign":    func() (protection, error) { aead, err := gcm(16); return gmac{aead}, err },
	"encrypt": func() (protection, error) { aead, err := gcm(16); return sealing{aead}, err },
	"gcm256":  func() (protection, error) { aead, err := gcm(32); return sealing{aead}, err },

	"cmac": func() (protection, error) {
		s, err := signing.NewSigner(signing.AESCMAC, make([]byte, 16))
		return cmac{s}, err
	},
	"ccm": func() (protection, error) {
		s, err := signing.NewSealer(signing.AES128CCM, make([]byte, signing.AES128CCM.KeyLen()))
		return ccm{s}, err
	},
}

// protection is of a block: front bytes, data, and overhead bytes.
type protection interface {
	front() int
	overhead() int
	add(block []byte)
	check(block []byte) error
}

func gcm(key int) (cipher.AEAD, error) {
	b, err := aes.NewCipher(make([]byte, key))
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(b)
}

// It is always the same block that is sent, so the nonce may be.
var nonce = make([]byte, 12)

type nothing struct{}

func (nothing) front() int         { return 0 }
func (nothing) overhead() int      { return 0 }
func (nothing) add([]byte)         {}
func (nothing) check([]byte) error { return nil }

type gmac struct{ aead cipher.AEAD }

func (gmac) front() int      { return 0 }
func (g gmac) overhead() int { return g.aead.Overhead() }

func (g gmac) add(block []byte) {
	data := len(block) - g.overhead()
	g.aead.Seal(block[data:data], nonce, nil, block[:data])
}

func (g gmac) check(block []byte) error {
	data := len(block) - g.overhead()
	_, err := g.aead.Open(nil, nonce, block[data:], block[:data])
	return err
}

type sealing struct{ aead cipher.AEAD }

func (sealing) front() int      { return 0 }
func (s sealing) overhead() int { return s.aead.Overhead() }

func (s sealing) add(block []byte) {
	s.aead.Seal(block[:0], nonce, block[:len(block)-s.overhead()], nil)
}

func (s sealing) check(block []byte) error {
	_, err := s.aead.Open(block[:0], nonce, block, nil)
	return err
}

type cmac struct{ *signing.Signer }

func (cmac) front() int         { return signing.HeaderSize }
func (cmac) overhead() int      { return 0 }
func (c cmac) add(block []byte) { c.Sign(block) }

func (c cmac) check(block []byte) error {
	if !c.Verify(block) {
		return signing.ErrAuthentication
	}
	return nil
}

type ccm struct{ *signing.Sealer }

func (ccm) front() int                 { return signing.TransformHeaderSize }
func (ccm) overhead() int              { return 0 }
func (c ccm) add(block []byte)         { c.Seal(block) }
func (c ccm) check(block []byte) error { return c.Open(block) }

// limitPeer is the first argument with which this program is the client of such a program.
const limitPeer = "limit-peer"

// transfer is what both ends of the connection know.
type transfer struct {
	mode  string
	get   bool // from the server's view of it: files are read
	size  int64
	block int           // bytes of data at a time; size has a whole number of them
	time  time.Duration // that a put is to take, if it's not slower by itself
}

func newTransfer(p phase, size int64) transfer {
	t := transfer{mode: p.mode, get: p.get, size: size, block: 8 << 20} // as smbclient
	if size%int64(t.block) != 0 {
		t.block = 1 << 20
	}
	return t
}

// limit measures what the phase, which took so long, would cost at least. ok is false if there is no telling.
func (b *bench) limit(p phase, took time.Duration) (m measurement, ok bool, err error) {
	newProtection, ok := protections[p.mode]
	if !p.large || !ok {
		return m, false, nil
	}
	protect, err := newProtection()
	if err != nil {
		return m, false, err
	}
	t := newTransfer(p, b.bigSize())
	path, how := filepath.Join(b.share, "big"), os.O_RDONLY
	if !t.get {
		path, how = filepath.Join(b.share, "limit"), os.O_WRONLY
		if !p.inPlace {
			how |= os.O_TRUNC
			t.time = took // what it costs to use the memory again depends on that
		}
		if err := write(path, t.size); err != nil { // as before a server's
			return m, false, err
		}
		defer os.Remove(path)
	}
	f, err := os.OpenFile(path, how, 0)
	if err != nil {
		return m, false, err
	}
	defer f.Close()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return m, false, err
	}
	defer l.Close()
	start := time.Now()
	peer := exec.Command(os.Args[0], limitPeer, l.Addr().String(), t.mode, strconv.FormatBool(t.get),
		strconv.FormatInt(t.size, 10), strconv.Itoa(t.block), t.time.String())
	peer.Stderr = os.Stderr
	if err := peer.Start(); err != nil {
		return m, false, err
	}
	defer peer.Wait()
	nc, err := l.Accept()
	if err != nil {
		return m, false, err
	}
	defer nc.Close()
	before, ok := cpuClock(os.Getpid())
	if err := t.serve(nc, f, protect); err != nil {
		return m, false, fmt.Errorf("limit of %s: %w", p.name, err)
	}
	after, _ := cpuClock(os.Getpid())
	m.cpu, m.wall = after-before, time.Since(start)
	return m, ok, nil
}

// serve is what a server has to do at least.
func (t transfer) serve(nc net.Conn, f *os.File, protect protection) error {
	block, data := t.blocks(protect)
	for off := int64(0); off < t.size; off += int64(t.block) {
		if t.get {
			if _, err := f.ReadAt(data, off); err != nil {
				return err
			}
			protect.add(block)
			if _, err := nc.Write(block); err != nil {
				return err
			}
			continue
		}
		if _, err := io.ReadFull(nc, block); err != nil {
			return err
		}
		if err := protect.check(block); err != nil {
			return err
		}
		if _, err := f.WriteAt(data, off); err != nil {
			return err
		}
	}
	return nil
}

// blocks returns a block and what of it is data.
func (t transfer) blocks(protect protection) (block, data []byte) {
	block = make([]byte, protect.front()+t.block+protect.overhead())
	return block, block[protect.front():][:t.block]
}

// runLimitPeer is the client: it takes what comes, or sends.
func runLimitPeer(args []string) error {
	if len(args) != 6 {
		return fmt.Errorf("%s is for bench itself", limitPeer)
	}
	t := transfer{mode: args[1], get: args[2] == "true"}
	var err error
	if t.size, err = strconv.ParseInt(args[3], 10, 64); err != nil {
		return err
	}
	if t.block, err = strconv.Atoi(args[4]); err != nil {
		return err
	}
	if t.time, err = time.ParseDuration(args[5]); err != nil {
		return err
	}
	protect, err := protections[t.mode]()
	if err != nil {
		return err
	}
	nc, err := net.Dial("tcp", args[0])
	if err != nil {
		return err
	}
	defer nc.Close()
	block, _ := t.blocks(protect)
	if !t.get {
		protect.add(block)
	}
	start, n := time.Now(), t.size/int64(t.block)
	for i := range n {
		if t.get {
			_, err = io.ReadFull(nc, block)
		} else {
			time.Sleep(time.Until(start.Add(t.time / time.Duration(n) * time.Duration(i))))
			_, err = nc.Write(block)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
