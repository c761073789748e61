package main

import (
	"bufio"
	"crypto/rand"
	"encoding/asn1"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/gosmbd/smb/internal/ntlmclient"
	"github.com/gosmbd/smb/internal/spnego"
	"github.com/gosmbd/smb/signing"
	"github.com/gosmbd/smb/smb2"
)

// peer is a client without manners: it sends what it is told, and reads when it is told.
// It is for one goroutine.
type peer struct {
	nc      net.Conn
	r       *bufio.Reader
	next    uint64 // MessageId
	credits int    // that were given and not used
	ask     uint16 // credits, with each request
	session uint64
	tree    uint32
	key     *signing.Signer // nil: not logged on
	hash    signing.PreauthHash
	buf     []byte
	guid    smb2.GUID // ClientGuid; zero: another for each
	cipher  signing.Cipher
	sealer  *signing.Sealer // for what it sends encrypted; nil: not logged on
}

type body interface{ Append([]byte) []byte }

// raw is a body as it is.
type raw []byte

func (r raw) Append(b []byte) []byte { return append(b, r...) }

// dial connects from one of the hundred addresses 127.0.1.x.
func dial(addr string, from int) (*peer, error) {
	d := net.Dialer{Timeout: 20 * time.Second, LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 1, byte(1+from%100))}}
	nc, err := d.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	return &peer{nc: nc, r: bufio.NewReaderSize(nc, 512), credits: 1, ask: 64, cipher: signing.AES128GCM}, nil
}

// logOn connects, logs on and connects to the share.
func logOn(addr string, from int, user string) (*peer, error) {
	p, err := dial(addr, from)
	if err != nil {
		return nil, err
	}
	if err = p.logOn(user, password); err == nil {
		err = p.connect(shareName)
	}
	if err != nil {
		p.close()
		return nil, err
	}
	return p, nil
}

func (p *peer) close() { p.nc.Close() }

func (p *peer) logOn(user, password string) error {
	if err := p.negotiate(); err != nil {
		return err
	}
	st, err := p.setup(user, password, nil)
	if err == nil && st != smb2.StatusSuccess {
		err = st
	}
	return err
}

func (p *peer) negotiate() error {
	salt := make([]byte, 32)
	rand.Read(salt)
	req := smb2.NegotiateRequest{
		SecurityMode: smb2.SigningEnabled, Dialects: []smb2.Dialect{smb2.Dialect311},
		Capabilities: smb2.CapLargeMTU | smb2.CapLeasing,
		Contexts: []smb2.NegotiateContext{
			{Type: smb2.ContextPreauthIntegrity, Data: smb2.PreauthIntegrityContext{HashAlgorithms: []uint16{smb2.HashSHA512}, Salt: salt}.Append(nil)},
			{Type: smb2.ContextEncryption, Data: smb2.EncryptionContext{Ciphers: []uint16{uint16(p.cipher)}}.Append(nil)},
			{Type: smb2.ContextSigning, Data: smb2.SigningContext{Algorithms: []uint16{uint16(signing.AESGMAC)}}.Append(nil)},
		},
	}
	if req.ClientGUID = p.guid; p.guid == (smb2.GUID{}) {
		rand.Read(req.ClientGUID[:])
	}
	_, _, err := p.call(smb2.CommandNegotiate, req)
	return err
}

var oidNTLM = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 2, 2, 10}

// challenged sends the first half of a logon and returns the server's challenge.
func (p *peer) challenged(c *ntlmclient.Client) ([]byte, error) {
	token := spnego.NegTokenInit{Mechs: []asn1.ObjectIdentifier{oidNTLM}, MechToken: c.Negotiate()}.Append(nil)
	h, msg, err := p.try(smb2.CommandSessionSetup, smb2.SessionSetupRequest{SecurityMode: smb2.SigningEnabled, SecurityBuffer: token})
	if err != nil {
		return nil, err
	}
	if h.Status != smb2.StatusMoreProcessingRequired {
		return nil, h.Status
	}
	p.session = h.SessionID
	resp, err := smb2.ParseSessionSetupResponse(msg)
	if err != nil {
		return nil, err
	}
	_, answer, err := spnego.Parse(resp.SecurityBuffer)
	if err != nil {
		return nil, err
	}
	if answer == nil {
		return nil, errors.New("no challenge")
	}
	return answer.ResponseToken, nil
}

// answer sends the second half of a logon, which change may have changed.
func (p *peer) answer(c *ntlmclient.Client, challenge []byte, change func([]byte)) (key []byte, err error) {
	msg, key, err := c.Authenticate(challenge)
	if err != nil {
		return nil, err
	}
	if change != nil {
		change(msg)
	}
	token := spnego.NegTokenResp{State: spnego.AcceptIncomplete, ResponseToken: msg}.Append(nil)
	return key, p.send(p.message(smb2.CommandSessionSetup, 1, smb2.SessionSetupRequest{SecurityMode: smb2.SigningEnabled, SecurityBuffer: token}))
}

// setup logs on, and returns the status of the second half.
func (p *peer) setup(user, password string, change func([]byte)) (smb2.Status, error) {
	c := &ntlmclient.Client{User: user, Password: password}
	challenge, err := p.challenged(c)
	if err != nil {
		return 0, err
	}
	key, err := p.answer(c, challenge, change)
	if err != nil {
		return 0, err
	}
	hash := p.hash
	h, _, err := p.recv()
	if err != nil || h.Status != smb2.StatusSuccess {
		return h.Status, err
	}
	keys := signing.DeriveKeys(uint16(smb2.Dialect311), p.cipher, key, key, &hash)
	if p.key, err = signing.NewSigner(signing.AESGMAC, keys.Signing); err == nil {
		p.sealer, err = signing.NewSealer(p.cipher, keys.ServerIn)
	}
	return h.Status, err
}

func (p *peer) connect(share string) error {
	h, _, err := p.call(smb2.CommandTreeConnect, smb2.TreeConnectRequest{Path: `\\server\` + share})
	p.tree = h.TreeID
	return err
}

// message makes a request and takes the MessageIds that it needs.
func (p *peer) message(cmd smb2.Command, charge uint16, b body) []byte {
	h := smb2.Header{Command: cmd, CreditCharge: charge, Credits: p.ask, MessageID: p.next, SessionID: p.session, TreeID: p.tree}
	if cmd == smb2.CommandNegotiate {
		h.CreditCharge = 0
	}
	p.next += uint64(charge)
	p.credits -= int(charge)
	msg := b.Append(h.Append(nil))
	p.sign(msg)
	return msg
}

// sign signs msg if there is a session.
func (p *peer) sign(msg []byte) {
	if p.key != nil {
		binary.LittleEndian.PutUint32(msg[16:], binary.LittleEndian.Uint32(msg[16:])|uint32(smb2.FlagSigned))
		p.key.Sign(msg)
	}
}

// sealed returns msg encrypted.
func (p *peer) sealed(msg []byte) []byte {
	h := smb2.TransformHeader{OriginalMessageSize: uint32(len(msg)), Flags: smb2.TransformEncrypted, SessionID: p.session}
	binary.LittleEndian.PutUint64(h.Nonce[:], p.next) // the message's id has been used, so it is new
	out := append(h.Append(nil), msg...)
	p.sealer.Seal(out)
	return out
}

// send sends each message as a frame, all in one go.
func (p *peer) send(msgs ...[]byte) error {
	p.buf = p.buf[:0]
	for _, m := range msgs {
		p.buf = binary.BigEndian.AppendUint32(p.buf, uint32(len(m)))
		p.buf = append(p.buf, m...)
		if p.key == nil && len(m) >= smb2.HeaderSize {
			p.hash = p.hash.Extend(m)
		}
	}
	p.nc.SetWriteDeadline(time.Now().Add(patience))
	_, err := p.nc.Write(p.buf)
	return err
}

// compound sends messages as one frame; they are signed again.
func (p *peer) compound(msgs ...[]byte) error {
	var all []byte
	for i, m := range msgs {
		if i+1 < len(msgs) {
			m = append(m, make([]byte, -len(m)&7)...)
			binary.LittleEndian.PutUint32(m[20:], uint32(len(m)))
		}
		p.sign(m)
		all = append(all, m...)
	}
	return p.send(all)
}

// patience is how long a peer waits for an answer.
const patience = 60 * time.Second

// frame returns the next frame.
func (p *peer) frame() ([]byte, error) {
	p.nc.SetReadDeadline(time.Now().Add(patience))
	var length [4]byte
	if _, err := io.ReadFull(p.r, length[:]); err != nil {
		return nil, err
	}
	n := binary.BigEndian.Uint32(length[:])
	if n > 1<<24-1 {
		return nil, &frameError{n}
	}
	msg := make([]byte, n)
	_, err := io.ReadFull(p.r, msg)
	return msg, err
}

// recv returns the next reply; of a compound the first, with all of the frame.
func (p *peer) recv() (smb2.Header, []byte, error) {
	msg, err := p.frame()
	if err != nil {
		return smb2.Header{}, nil, err
	}
	h, err := smb2.ParseHeader(msg)
	if err != nil {
		return h, nil, err
	}
	if p.key == nil && !(h.Command == smb2.CommandSessionSetup && h.Status == smb2.StatusSuccess) {
		p.hash = p.hash.Extend(msg)
	}
	for b := msg; len(b) > 0; {
		e, err := smb2.ParseHeader(b)
		if err != nil {
			return h, nil, err
		}
		p.credits += int(e.Credits)
		if e.NextCommand == 0 || int(e.NextCommand) > len(b) {
			break
		}
		b = b[e.NextCommand:]
	}
	return h, msg, nil
}

// try sends a request and waits for the answer.
func (p *peer) try(cmd smb2.Command, b body) (smb2.Header, []byte, error) {
	if err := p.send(p.message(cmd, 1, b)); err != nil {
		return smb2.Header{}, nil, err
	}
	for {
		h, msg, err := p.recv()
		if err != nil || h.Status != smb2.StatusPending {
			return h, msg, err
		}
	}
}

// call is try, and an error status is an error.
func (p *peer) call(cmd smb2.Command, b body) (smb2.Header, []byte, error) {
	h, msg, err := p.try(cmd, b)
	if err == nil && h.Status != smb2.StatusSuccess {
		err = fmt.Errorf("%v: %w", cmd, h.Status)
	}
	return h, msg, err
}

// wealth asks for credits until there are n.
func (p *peer) wealth(n int) error {
	p.ask = 8192
	for range 10 {
		if p.credits >= n {
			return nil
		}
		if _, _, err := p.call(smb2.CommandEcho, smb2.EchoRequest{}); err != nil {
			return err
		}
	}
	return fmt.Errorf("%d credits, want %d", p.credits, n)
}

const (
	accessAll = 0x001F01FF
	shareAll  = smb2.ShareRead | smb2.ShareWrite | smb2.ShareDelete
)

func createBody(name string, d smb2.Disposition, o smb2.CreateOptions, contexts ...smb2.CreateContext) smb2.CreateRequest {
	return smb2.CreateRequest{
		Impersonation: smb2.ImpersonationImpersonation, DesiredAccess: accessAll, ShareAccess: shareAll,
		Disposition: d, Options: o, Name: name, Contexts: contexts,
	}
}

// open opens a file, or makes it.
func (p *peer) open(name string) (smb2.FileID, error) {
	return p.create(createBody(name, smb2.OpenIf, 0))
}

func (p *peer) create(req smb2.CreateRequest) (smb2.FileID, error) {
	_, msg, err := p.call(smb2.CommandCreate, req)
	if err != nil {
		return smb2.FileID{}, err
	}
	resp, err := smb2.ParseCreateResponse(msg)
	return resp.FileID, err
}

// frameError is a frame that can't be.
type frameError struct{ n uint32 }

func (e *frameError) Error() string { return fmt.Sprintf("a frame of %d bytes", e.n) }
