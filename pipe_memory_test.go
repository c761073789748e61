package smb_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"testing"
	"time"

	"github.com/gosmbd/smb"
	"github.com/gosmbd/smb/dcerpc/ndr"
	"github.com/gosmbd/smb/internal/smbtest"
	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs/memfs"
)

// fragment is part of a call, of n octets.
func (p *rpcPipe) fragment(flags byte, n int) []byte {
	b := p.pdu(0, 0, nil, make([]byte, 8+n))
	b[3] = flags
	binary.LittleEndian.PutUint32(b[12:], 9)
	return b
}

// TestPipeMemory begins large calls on one pipe after the other: a user can't have the
// server hold more than there is for pipes, nor take it from others, and gets it back.
func TestPipeMemory(t *testing.T) {
	r := newRig(t, func(s *smb.Server) {
		s.Limits.MaxIO, s.Limits.MemoryPerConn, s.Limits.Memory = 1<<20, 4<<20, 32<<20 // 8 MiB for pipes
	})
	c := r.logon(smb.Dialect311)
	p := r.openPipe(t, c)
	call := p.fragment(1, 5800)
	for len(call) < 900<<10 {
		call = append(call, p.fragment(0, 5800)...)
	}
	// begin reports whether the server takes the call.
	begin := func() bool {
		q := &rpcPipe{t: t, c: c, id: r.create(c, smbtest.CreateReq("srvsvc", smb2.Open))}
		if ack := q.transceive(q.pdu(11, 0, nil, bindBody())); ack[2] != 12 {
			return false
		}
		q.write(call)
		_, st := c.Write(q.id, 0, q.fragment(0, 0))
		return st == ok
	}
	n := 0
	for n < 20 && begin() {
		n++
	}
	if n < 2 || n > 4 {
		t.Errorf("%d calls of 900 KiB are under way", n)
	}

	bob := r.openPipe(t, r.as("bob", password+"!"))
	bob.transceive(bob.pdu(11, 0, nil, bindBody()))
	if resp := bob.transceive(bob.pdu(0, 0, nil, listening)); !bytes.HasSuffix(resp, isListening) {
		t.Errorf("another user: %x", resp)
	}

	c.Close()
	c = r.logon(smb.Dialect311)
	r.tree(c, "IPC$")
	for deadline := time.Now().Add(10 * time.Second); !begin(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("what the pipes held isn't given back")
		}
	}
}

// TestPipeListings lists thousands of shares on a few pipes before it reads any of the
// answers, with as little memory as TestPipeMemory.
func TestPipeListings(t *testing.T) {
	const shares = 5000
	r := newRig(t, func(s *smb.Server) {
		s.Limits.Memory, s.Limits.MemoryPerConn = 32<<20, 16<<20
		all := smb.Shares{}
		for i := range shares {
			all[fmt.Sprintf("share%05d", i)] = &smb.Share{FS: &memfs.FS{}}
		}
		s.Shares = all
	})
	c := r.dialect(smb.Dialect311, smbtest.NegotiateOptions{})
	r.setup(c, "ann", password)
	r.tree(c, "IPC$")
	var e ndr.Encoder
	e.Ptr(false)
	e.U32(1) // level
	e.U32(1)
	e.Ptr(true)
	e.U32(0)
	e.Ptr(false)
	e.U32(^uint32(0))
	e.Ptr(false)
	var pipes []*rpcPipe
	for range 4 {
		p := &rpcPipe{t: t, c: c, id: r.create(c, smbtest.CreateReq("srvsvc", smb2.Open))}
		p.transceive(p.pdu(11, 0, nil, srvsvcBody()))
		p.write(p.pdu(0, 0, nil, []byte{0, 0, 0, 0, 0, 0, 15, 0}, e.Bytes())) // NetrShareEnum
		pipes = append(pipes, p)
	}
	for _, p := range pipes {
		n := 0
		for last := false; !last; {
			b, st := c.Read(p.id, 0, 8192)
			if st != ok || b[2] != 2 {
				t.Fatalf("%v, %.32x", st, b)
			}
			n += len(b)
			last = b[3]&2 != 0
		}
		if n < shares*2*len("share00000") {
			t.Errorf("an answer of %d octets", n)
		}
	}
}
