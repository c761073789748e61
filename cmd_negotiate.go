package smb

import (
	"context"
	"crypto/rand"
	"slices"
	"time"

	"github.com/gosmbd/smb/internal/frame"
	"github.com/gosmbd/smb/internal/spnego"
	"github.com/gosmbd/smb/signing"
	"github.com/gosmbd/smb/smb2"
)

// NEGOTIATE settles dialect, capabilities and algorithms. [MS-SMB2] 3.3.5.4

// negotiation is a NEGOTIATE on its way.
type negotiation struct {
	c    *conn
	req  smb2.NegotiateRequest
	p    negotiated
	resp []smb2.NegotiateContext
}

func negotiate(_ context.Context, r *request, w *reply) error {
	c := r.c
	if c.negotiated.Load() {
		return dropError{"a second NEGOTIATE"}
	}
	req, err := smb2.ParseNegotiateRequest(r.msg)
	if err != nil {
		return err
	}
	n := &negotiation{c: c, req: req}
	for _, step := range []func() error{n.dialect, n.contexts, n.capabilities} {
		if err := step(); err != nil {
			return err
		}
	}
	c.params = n.p
	if n.p.dialect == Dialect311 {
		c.params.preauth = c.params.preauth.Extend(r.msg)
		w.final = func(msg []byte) { c.params.preauth = c.params.preauth.Extend(msg) }
	}
	w.grow(1024)
	w.buf.B = c.negotiateResponse(n.resp).Append(w.buf.B)
	c.negotiated.Store(true)
	return nil
}

// dialects returns what the server speaks, best first.
func (s *Server) dialects() []Dialect {
	all := []Dialect{Dialect311, Dialect302, Dialect300, Dialect210, Dialect202}
	return slices.DeleteFunc(all, func(d Dialect) bool {
		return d < s.MinDialect || s.MaxDialect != 0 && d > s.MaxDialect ||
			s.Encryption == Required && d < Dialect300
	})
}

func (n *negotiation) dialect() error {
	for _, d := range n.c.srv.dialects() {
		if slices.Contains(n.req.Dialects, d) {
			n.p.dialect = d
			return nil
		}
	}
	return smb2.StatusNotSupported
}

// contexts answers the negotiate contexts of 3.1.1. Unknown ones are skipped.
func (n *negotiation) contexts() error {
	if n.p.dialect != Dialect311 {
		return nil
	}
	seen := make(map[smb2.ContextType]bool)
	for _, x := range n.req.Contexts {
		var err error
		switch x.Type {
		case smb2.ContextPreauthIntegrity, smb2.ContextEncryption, smb2.ContextSigning, smb2.ContextCompression, smb2.ContextRDMATransform, smb2.ContextPosix:
			if seen[x.Type] {
				return smb2.StatusInvalidParameter
			}
			seen[x.Type] = true
		}
		switch x.Type {
		case smb2.ContextPreauthIntegrity:
			err = n.preauth(x.Data)
		case smb2.ContextEncryption:
			err = n.cipher(x.Data)
		case smb2.ContextSigning:
			err = n.signing(x.Data)
		case smb2.ContextPosix:
			err = n.posix(x.Data)
		}
		if err != nil {
			return err
		}
	}
	if !seen[smb2.ContextPreauthIntegrity] {
		return smb2.StatusInvalidParameter
	}
	if !seen[smb2.ContextSigning] {
		n.p.signAlg = signing.AESCMAC
	}
	return nil
}

func (n *negotiation) answer(t smb2.ContextType, data []byte) {
	n.resp = append(n.resp, smb2.NegotiateContext{Type: t, Data: data})
}

func (n *negotiation) preauth(data []byte) error {
	x, err := smb2.ParsePreauthIntegrityContext(data)
	if err != nil {
		return err
	}
	if !slices.Contains(x.HashAlgorithms, smb2.HashSHA512) {
		return smb2.StatusSmbNoPreauthIntegrityHashOverlap
	}
	salt := make([]byte, 32)
	rand.Read(salt)
	x = smb2.PreauthIntegrityContext{HashAlgorithms: []uint16{smb2.HashSHA512}, Salt: salt}
	n.answer(smb2.ContextPreauthIntegrity, x.Append(nil))
	return nil
}

// ciphers is what the server encrypts with, in the order of its preference: GCM
// is several times faster than CCM, and 128 bits are enough unless the client
// has nothing else.
var ciphers = []signing.Cipher{signing.AES128GCM, signing.AES256GCM, signing.AES128CCM, signing.AES256CCM}

func (n *negotiation) cipher(data []byte) error {
	if n.c.srv.Encryption == Disabled {
		return nil
	}
	x, err := smb2.ParseEncryptionContext(data)
	if err != nil {
		return err
	}
	// The client's order counts: an administrator may have put 256 bits first.
	for _, id := range x.Ciphers {
		if slices.Contains(ciphers, signing.Cipher(id)) {
			n.p.cipher = signing.Cipher(id)
			break
		}
	}
	x = smb2.EncryptionContext{Ciphers: []uint16{uint16(n.p.cipher)}}
	n.answer(smb2.ContextEncryption, x.Append(nil))
	return nil
}

func (n *negotiation) signing(data []byte) error {
	x, err := smb2.ParseSigningContext(data)
	if err != nil {
		return err
	}
	for _, id := range x.Algorithms {
		if id <= uint16(signing.AESGMAC) {
			n.p.signAlg = signing.Algorithm(id)
			x = smb2.SigningContext{Algorithms: []uint16{id}}
			n.answer(smb2.ContextSigning, x.Append(nil))
			return nil
		}
	}
	n.p.signAlg = signing.AESCMAC
	return nil
}

// posix agrees on the POSIX extensions. Of other versions of them nothing is known.
// [POSIX-SMB2] 3.3.5.4
func (n *negotiation) posix(data []byte) error {
	x, err := smb2.ParsePosixExtensions(data)
	if err != nil {
		return err
	}
	if n.c.srv.POSIX && slices.Contains(x.Versions, smb2.PosixGUID) {
		n.p.posix = true
		x = smb2.PosixExtensions{Versions: []string{smb2.PosixGUID}}
		n.answer(smb2.ContextPosix, x.Append(nil))
	}
	return nil
}

// capabilities fills in the rest.
func (n *negotiation) capabilities() error {
	s, p := n.c.srv, &n.p
	p.clientGUID = n.req.ClientGUID
	p.clientCaps = n.req.Capabilities
	p.clientMode = n.req.SecurityMode
	p.shouldSign = n.req.SecurityMode&smb2.SigningRequired != 0
	p.mode = s.securityMode()
	p.multiCredit = p.dialect >= Dialect210
	p.maxIO = 64 << 10
	if s.hasDFS() {
		p.caps |= smb2.CapDFS
	}
	if p.multiCredit {
		p.maxIO = uint32(s.limits.MaxIO)
		p.caps |= smb2.CapLargeMTU | smb2.CapLeasing
	}
	if p.dialect >= Dialect300 {
		p.caps |= p.clientCaps & (smb2.CapDirectoryLeasing | smb2.CapMultiChannel)
		if s.Handles != nil {
			p.caps |= p.clientCaps & smb2.CapPersistentHandles
		}
	}
	switch p.dialect {
	case Dialect300, Dialect302:
		// At 3.1.1 the context alone tells; the bit would make Windows think
		// that there is no encryption.
		p.signAlg = signing.AESCMAC
		if s.Encryption != Disabled && p.clientCaps&smb2.CapEncryption != 0 {
			p.caps |= smb2.CapEncryption
			p.cipher = signing.AES128CCM
		}
	}
	return nil
}

// hasDFS reports whether there are shares with DFS.
func (s *Server) hasDFS() bool {
	n, ok := s.Shares.(DFSNamespace)
	return ok && n.HasDFS()
}

func (s *Server) securityMode() smb2.SecurityMode {
	m := smb2.SigningEnabled
	if s.Signing == PolicyDefault || s.Signing == Required {
		m |= smb2.SigningRequired
	}
	return m
}

// negotiateResponse returns the answer that says what c.params holds.
func (c *conn) negotiateResponse(contexts []smb2.NegotiateContext) smb2.NegotiateResponse {
	p := &c.params
	return smb2.NegotiateResponse{
		SecurityMode:    p.mode,
		Dialect:         p.dialect,
		ServerGUID:      c.srv.guid,
		Capabilities:    p.caps,
		MaxTransactSize: p.maxIO,
		MaxReadSize:     p.maxIO,
		MaxWriteSize:    p.maxIO,
		SystemTime:      smb2.FileTimeOf(time.Now()),
		SecurityBuffer:  spnego.AppendInit2(nil, c.srv.mechOIDs()),
		Contexts:        contexts,
	}
}

// receiveSMB1 answers the SMB1 NEGOTIATE with which a client that also speaks
// SMB1 begins. [MS-SMB2] 3.3.5.3
func (c *conn) receiveSMB1(buf *frame.Buf) error {
	defer c.release(buf)
	if c.negotiated.Load() || c.sawWildcard {
		return dropError{"SMB1 after SMB2"}
	}
	names, err := smb2.ParseSMB1Negotiate(buf.B)
	if err != nil {
		return dropError{"malformed SMB1 negotiate"}
	}
	dialects := c.srv.dialects()
	p := negotiated{mode: c.srv.securityMode(), maxIO: 64 << 10}
	switch {
	case slices.Contains(names, "SMB 2.???") && slices.ContainsFunc(dialects, func(d Dialect) bool { return d >= Dialect210 }):
		p.dialect = smb2.DialectWildcard
		p.maxIO = uint32(c.srv.limits.MaxIO)
		p.caps = smb2.CapLargeMTU
		c.sawWildcard = true
	case slices.Contains(names, "SMB 2.002") && slices.Contains(dialects, Dialect202):
		p.dialect = Dialect202
	default:
		return dropError{"the client speaks SMB1 only, or no dialect that is allowed"}
	}
	if c.srv.hasDFS() {
		p.caps |= smb2.CapDFS
	}
	if !c.take(smb2.Header{}) {
		return dropError{"SMB1 negotiate out of order"}
	}
	c.params = p
	if !c.begin() {
		c.end()
		return nil
	}
	out := frame.Get(frame.Headroom + smb2.HeaderSize)
	h := smb2.Header{Command: smb2.CommandNegotiate, Flags: smb2.FlagServerToRedir, Credits: c.grant(smb2.Header{Credits: 1})}
	h.Put(out.B[frame.Headroom:])
	out.B = c.negotiateResponse(nil).Append(out.B)
	if p.dialect == Dialect202 {
		c.negotiated.Store(true)
	}
	c.queue(outFrame{buf: out, off: frame.Headroom, last: true}, false)
	return nil
}
