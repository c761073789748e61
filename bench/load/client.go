// Package load is an SMB client that keeps a server busy: many requests at a time on one
// connection, of which nothing is cached, and as little work of its own as possible. It
// signs what it sends and doesn't verify what comes back. The servers that it drives are
// those of the benchmark; what they send is not checked beyond what is needed.
package load

import (
	"bufio"
	"crypto/rand"
	"encoding/asn1"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"github.com/gosmbd/smb/internal/ntlmclient"
	"github.com/gosmbd/smb/internal/spnego"
	"github.com/gosmbd/smb/signing"
	"github.com/gosmbd/smb/smb2"
)

// Client is one connection with one session and one connected share. Its Workers use it
// at the same time.
type Client struct {
	nc   net.Conn
	sign *signing.Signer
	tree uint32
	id   uint64 // of the session

	mu      sync.Mutex
	room    sync.Cond // for credits
	nextID  uint64
	credits int
	waiting map[uint64]*Worker
	err     error

	writing sync.Mutex
}

// askCredits is how many credits each request asks for: enough for the deepest queue.
const askCredits = 256

var oidNTLM = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 2, 2, 10}

// Dial connects to the share of the server at addr by SMB 3.1.1.
func Dial(addr, share, user, password string) (*Client, error) {
	return DialFrom(nil, addr, share, user, password)
}

// DialFrom is Dial from an address of this machine, or from any if it is nil. Servers
// bound how many connections one address may have.
func DialFrom(local net.IP, addr, share, user, password string) (*Client, error) {
	d := net.Dialer{Timeout: 10 * time.Second}
	if local != nil {
		d.LocalAddr = &net.TCPAddr{IP: local}
	}
	nc, err := d.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	c := &Client{nc: nc, credits: 1, waiting: make(map[uint64]*Worker)}
	c.room.L = &c.mu
	go c.read()
	if err := c.logon(addr, share, user, password); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// Close ends the connection.
func (c *Client) Close() { c.nc.Close() }

func (c *Client) logon(addr, share, user, password string) error {
	w := c.NewWorker()
	salt := make([]byte, 32)
	rand.Read(salt)
	negotiate := smb2.NegotiateRequest{
		SecurityMode: smb2.SigningEnabled,
		Dialects:     []smb2.Dialect{smb2.Dialect311},
		Capabilities: smb2.CapLargeMTU,
		Contexts: []smb2.NegotiateContext{
			{Type: smb2.ContextPreauthIntegrity, Data: smb2.PreauthIntegrityContext{HashAlgorithms: []uint16{smb2.HashSHA512}, Salt: salt}.Append(nil)},
			{Type: smb2.ContextSigning, Data: smb2.SigningContext{Algorithms: []uint16{uint16(signing.AESGMAC)}}.Append(nil)},
		},
	}
	rand.Read(negotiate.ClientGUID[:])
	r, err := w.Do(Request{Command: smb2.CommandNegotiate, Body: negotiate})
	if err != nil {
		return err
	}
	hash := signing.PreauthHash{}.Extend(w.Sent()).Extend(r[0].Msg)
	ntlm := ntlmclient.Client{User: user, Password: password}
	token := spnego.NegTokenInit{Mechs: []asn1.ObjectIdentifier{oidNTLM}, MechToken: ntlm.Negotiate()}.Append(nil)
	if r, err = w.Try(Request{Command: smb2.CommandSessionSetup, Body: smb2.SessionSetupRequest{SecurityMode: smb2.SigningEnabled, SecurityBuffer: token}}); err != nil {
		return err
	}
	if r[0].Status != smb2.StatusMoreProcessingRequired {
		return fmt.Errorf("logon: %w", r[0].Status)
	}
	c.id = r[0].SessionID
	hash = hash.Extend(w.Sent()).Extend(r[0].Msg)
	challenge, err := smb2.ParseSessionSetupResponse(r[0].Msg)
	if err != nil {
		return err
	}
	_, answer, err := spnego.Parse(challenge.SecurityBuffer)
	if err != nil || answer == nil {
		return fmt.Errorf("logon: no answer of SPNEGO: %w", err)
	}
	msg, key, err := ntlm.Authenticate(answer.ResponseToken)
	if err != nil {
		return err
	}
	// smbd wants the list of mechanisms protected.
	offered, _, err := spnego.Parse(token)
	if err != nil {
		return err
	}
	token = spnego.NegTokenResp{State: spnego.AcceptIncomplete, ResponseToken: msg, MechListMIC: ntlm.MIC(offered.RawMechList)}.Append(nil)
	if _, err = w.Do(Request{Command: smb2.CommandSessionSetup, Body: smb2.SessionSetupRequest{SecurityMode: smb2.SigningEnabled, SecurityBuffer: token}}); err != nil {
		return err
	}
	hash = hash.Extend(w.Sent())
	keys := signing.DeriveKeys(uint16(smb2.Dialect311), 0, key, key, &hash)
	if c.sign, err = signing.NewSigner(signing.AESGMAC, keys.Signing); err != nil {
		return err
	}
	host, _, _ := net.SplitHostPort(addr)
	if r, err = w.Do(Request{Command: smb2.CommandTreeConnect, Body: smb2.TreeConnectRequest{Path: `\\` + host + `\` + share}}); err != nil {
		return err
	}
	c.tree = r[0].TreeID
	return nil
}

// read hands the replies to those who wait for them.
func (c *Client) read() {
	r := bufio.NewReaderSize(c.nc, 64<<10)
	var buf []byte
	for {
		var length [4]byte
		if _, err := io.ReadFull(r, length[:]); err != nil {
			c.fail(err)
			return
		}
		n := int(binary.BigEndian.Uint32(length[:]))
		if cap(buf) < n {
			buf = make([]byte, n)
		}
		buf = buf[:n]
		if _, err := io.ReadFull(r, buf); err != nil {
			c.fail(err)
			return
		}
		for b := buf; len(b) > 0; {
			h, err := smb2.ParseHeader(b)
			if err != nil {
				c.fail(err)
				return
			}
			k := len(b)
			if h.NextCommand != 0 {
				k = min(k, int(h.NextCommand))
			}
			c.deliver(h, b[:k])
			b = b[k:]
		}
	}
}

func (c *Client) deliver(h smb2.Header, msg []byte) {
	c.mu.Lock()
	c.credits += int(h.Credits)
	c.room.Broadcast()
	w := c.waiting[h.MessageID]
	if h.Status == smb2.StatusPending {
		w = nil
	} else {
		delete(c.waiting, h.MessageID)
	}
	c.mu.Unlock()
	if w != nil {
		w.take(h, msg)
	}
}

func (c *Client) fail(err error) {
	c.mu.Lock()
	if c.err == nil {
		c.err = fmt.Errorf("the connection ended: %w", err)
	}
	waiting := c.waiting
	c.waiting = nil
	c.room.Broadcast()
	c.mu.Unlock()
	told := make(map[*Worker]bool)
	for _, w := range waiting {
		if !told[w] {
			told[w] = true
			w.done <- struct{}{}
		}
	}
}

// Request is one request of a compound.
type Request struct {
	Command smb2.Command
	Body    interface{ Append([]byte) []byte }
	Charge  uint16 // zero: one
}

// Reply is one reply. It is valid until the worker's next request.
type Reply struct {
	smb2.Header
	Msg []byte // header and body
}

// Worker sends one frame after the other and waits for the answers. It is for one
// goroutine.
type Worker struct {
	c       *Client
	ids     []uint64
	replies []Reply
	missing int
	out     []byte
	done    chan struct{}
}

// NewWorker returns another user of the connection.
func (c *Client) NewWorker() *Worker { return &Worker{c: c, done: make(chan struct{}, 1)} }

// Do sends reqs as one frame, those after the first related to it, and waits. An error
// status is an error.
func (w *Worker) Do(reqs ...Request) ([]Reply, error) {
	replies, err := w.Try(reqs...)
	if err != nil {
		return nil, err
	}
	for i, r := range replies {
		if r.Status != smb2.StatusSuccess {
			return nil, fmt.Errorf("%v: %w", reqs[i].Command, r.Status)
		}
	}
	return replies, nil
}

// Try is Do for those who look at the status themselves.
func (w *Worker) Try(reqs ...Request) ([]Reply, error) {
	if err := w.reserve(reqs); err != nil {
		return nil, err
	}
	w.out = w.c.appendFrame(w.out[:0], w.ids, reqs)
	w.c.writing.Lock()
	_, err := w.c.nc.Write(w.out)
	w.c.writing.Unlock()
	if err != nil {
		w.c.nc.Close() // whereupon the reader fails
	}
	<-w.done
	if w.missing > 0 {
		return nil, w.c.failure()
	}
	return w.replies, nil
}

func (c *Client) failure() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// reserve takes credits and message ids.
func (w *Worker) reserve(reqs []Request) error {
	c, n := w.c, 0
	for i := range reqs {
		reqs[i].Charge = max(reqs[i].Charge, 1)
		n += int(reqs[i].Charge)
	}
	if cap(w.replies) < len(reqs) {
		w.replies = make([]Reply, len(reqs))
	}
	w.replies, w.ids, w.missing = w.replies[:len(reqs)], w.ids[:0], len(reqs)
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.credits < n && c.err == nil {
		c.room.Wait()
	}
	if c.err != nil {
		return c.err
	}
	c.credits -= n
	for _, r := range reqs {
		w.ids = append(w.ids, c.nextID)
		c.waiting[c.nextID] = w
		c.nextID += uint64(r.Charge)
	}
	return nil
}

// appendFrame appends the frame of reqs, with its length before it.
func (c *Client) appendFrame(b []byte, ids []uint64, reqs []Request) []byte {
	frame := len(b)
	b = append(b, 0, 0, 0, 0)
	for i, r := range reqs {
		start := len(b)
		b = append(b, make([]byte, smb2.HeaderSize)...)
		b = r.Body.Append(b)
		h := smb2.Header{Command: r.Command, CreditCharge: r.Charge, Credits: askCredits, MessageID: ids[i], SessionID: c.id, TreeID: c.tree}
		if r.Command == smb2.CommandNegotiate {
			h.CreditCharge = 0
		}
		if i > 0 {
			h.Flags |= smb2.FlagRelated
		}
		if i+1 < len(reqs) {
			for (len(b)-start)%8 != 0 {
				b = append(b, 0)
			}
			h.NextCommand = uint32(len(b) - start)
		}
		if c.sign != nil {
			h.Flags |= smb2.FlagSigned
		}
		h.Put(b[start:])
		if c.sign != nil {
			c.sign.Sign(b[start:])
		}
	}
	binary.BigEndian.PutUint32(b[frame:], uint32(len(b)-frame-4))
	return b
}

// Sent returns the frame that was sent last, without its length.
func (w *Worker) Sent() []byte { return w.out[4:] }

// take keeps a reply. The reader calls it.
func (w *Worker) take(h smb2.Header, msg []byte) {
	for i, id := range w.ids {
		if id == h.MessageID {
			w.replies[i] = Reply{h, append(w.replies[i].Msg[:0], msg...)}
		}
	}
	if w.missing--; w.missing == 0 {
		w.done <- struct{}{}
	}
}

// errShort means that less came back than was asked for.
var errShort = errors.New("short answer")
