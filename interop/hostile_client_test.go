package interop

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"github.com/gosmbd/smb/internal/ntlmclient"
	"github.com/gosmbd/smb/signing"
	"github.com/gosmbd/smb/smb2"
)

// rawClient is an SMB 2.1 client that signs and that leaves it to the test what
// to send and what to read. It is used by one goroutine at a time, but for one
// that sends while another receives.
type rawClient struct {
	nc      net.Conn
	r       *bufio.Reader
	mid     uint64
	session uint64
	tree    uint32
	signer  *signing.Signer
	credits uint16 // to ask for with each request
}

// rawTimeout bounds every wait for an answer.
const rawTimeout = 20 * time.Second

// rawDial connects, from the address local if it isn't empty.
func rawDial(addr, local string) (*rawClient, error) {
	d := net.Dialer{Timeout: rawTimeout}
	if local != "" {
		d.LocalAddr = &net.TCPAddr{IP: net.ParseIP(local)}
	}
	nc, err := d.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	return &rawClient{nc: nc, r: bufio.NewReaderSize(nc, 64<<10), credits: 1}, nil
}

// rawLogon connects, logs on and connects to the share.
func rawLogon(addr, local, user, pass string) (*rawClient, error) {
	c, err := rawDial(addr, local)
	if err != nil {
		return nil, err
	}
	if err := c.setup(user, pass); err != nil {
		c.nc.Close()
		return nil, err
	}
	return c, nil
}

// mustLogon is rawLogon as alice, for the length of the test.
func mustLogon(t *testing.T, addr string) *rawClient {
	t.Helper()
	c, err := rawLogon(addr, "", userName, password)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.nc.Close() })
	return c
}

func (c *rawClient) setup(user, pass string) error {
	st, err := c.guess(user, pass)
	if err == nil {
		err = statusError(st)
	}
	if err != nil {
		return fmt.Errorf("logon: %w", err)
	}
	h, _, err := c.call(smb2.CommandTreeConnect, 1, smb2.TreeConnectRequest{Path: `\\server\share`}.Append)
	if err != nil {
		return fmt.Errorf("tree connect: %w", err)
	}
	c.tree = h.TreeID
	// From here on there is enough to pipeline.
	c.credits = 8192
	_, _, err = c.call(smb2.CommandEcho, 1, smb2.EchoRequest{}.Append)
	c.credits = 1
	return err
}

// statusError is nil for success.
func statusError(st smb2.Status) error {
	if st == smb2.StatusSuccess {
		return nil
	}
	return st
}

// guess does a whole logon and returns what the server said to it.
func (c *rawClient) guess(user, pass string) (smb2.Status, error) {
	if err := c.negotiate(); err != nil {
		return 0, err
	}
	if err := c.sendGuess(user, pass); err != nil {
		return 0, err
	}
	h, _, err := c.recv()
	return h.Status, err
}

// negotiate agrees on 2.1.
func (c *rawClient) negotiate() error {
	if err := c.send(smb2.CommandNegotiate, 1, c.negotiateRequest()); err != nil {
		return err
	}
	_, _, err := c.recvOK()
	return err
}

func (c *rawClient) negotiateRequest() func([]byte) []byte {
	return smb2.NegotiateRequest{
		SecurityMode: smb2.SigningEnabled,
		ClientGUID:   smb2.GUID{1},
		Dialects:     []smb2.Dialect{smb2.Dialect210},
	}.Append
}

// sendGuess logs on up to the last request, whose answer it doesn't wait for.
func (c *rawClient) sendGuess(user, pass string) error {
	n := ntlmclient.Client{User: user, Password: pass, Domain: "WORKGROUP"}
	setup := func(token []byte) error {
		c.credits = 8
		defer func() { c.credits = 1 }()
		return c.send(smb2.CommandSessionSetup, 1, smb2.SessionSetupRequest{SecurityMode: smb2.SigningEnabled, SecurityBuffer: token}.Append)
	}
	if err := setup(n.Negotiate()); err != nil {
		return err
	}
	h, msg, err := c.recv()
	if err != nil {
		return err
	}
	if h.Status != smb2.StatusMoreProcessingRequired {
		return h.Status
	}
	resp, err := smb2.ParseSessionSetupResponse(msg)
	if err != nil {
		return err
	}
	c.session = h.SessionID
	token, key, err := n.Authenticate(resp.SecurityBuffer)
	if err != nil {
		return err
	}
	if err := setup(token); err != nil {
		return err
	}
	c.signer, err = signing.NewSigner(signing.HMACSHA256, key)
	return err
}

// frame makes a request with its length prefix.
func (c *rawClient) frame(cmd smb2.Command, charge uint16, body func([]byte) []byte) []byte {
	msg := c.element(cmd, charge, body)
	if c.signer != nil {
		c.signer.Sign(msg)
	}
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(msg))), msg...)
}

// compound makes a frame of n unrelated requests.
func (c *rawClient) compound(n int, cmd smb2.Command, charge uint16, body func([]byte) []byte) []byte {
	var all []byte
	for i := range n {
		msg := c.element(cmd, charge, body)
		if i+1 < n {
			msg = append(msg, make([]byte, -len(msg)&7)...)
			binary.LittleEndian.PutUint32(msg[20:], uint32(len(msg)))
		}
		c.signer.Sign(msg)
		all = append(all, msg...)
	}
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(all))), all...)
}

// element makes a request that isn't signed yet.
func (c *rawClient) element(cmd smb2.Command, charge uint16, body func([]byte) []byte) []byte {
	h := smb2.Header{
		CreditCharge: charge,
		Command:      cmd,
		Credits:      max(c.credits, charge),
		MessageID:    c.mid,
		TreeID:       c.tree,
		SessionID:    c.session,
	}
	if c.signer != nil {
		h.Flags = smb2.FlagSigned
	}
	c.mid += uint64(charge)
	return body(h.Append(nil))
}

func (c *rawClient) send(cmd smb2.Command, charge uint16, body func([]byte) []byte) error {
	_, err := c.nc.Write(c.frame(cmd, charge, body))
	return err
}

// recv returns the next response that isn't an interim one.
func (c *rawClient) recv() (smb2.Header, []byte, error) {
	for {
		h, msg, err := c.recvAny()
		if err != nil || h.Status != smb2.StatusPending {
			return h, msg, err
		}
	}
}

func (c *rawClient) recvAny() (smb2.Header, []byte, error) {
	c.nc.SetReadDeadline(time.Now().Add(rawTimeout))
	var prefix [4]byte
	if _, err := io.ReadFull(c.r, prefix[:]); err != nil {
		return smb2.Header{}, nil, err
	}
	n := binary.BigEndian.Uint32(prefix[:])
	if n > 17<<20 {
		return smb2.Header{}, nil, fmt.Errorf("a frame of %d bytes", n)
	}
	msg := make([]byte, n)
	if _, err := io.ReadFull(c.r, msg); err != nil {
		return smb2.Header{}, nil, err
	}
	h, err := smb2.ParseHeader(msg)
	return h, msg, err
}

func (c *rawClient) recvOK() (smb2.Header, []byte, error) {
	h, msg, err := c.recv()
	if err == nil {
		err = statusError(h.Status)
	}
	return h, msg, err
}

// call sends a request and waits for success.
func (c *rawClient) call(cmd smb2.Command, charge uint16, body func([]byte) []byte) (smb2.Header, []byte, error) {
	if err := c.send(cmd, charge, body); err != nil {
		return smb2.Header{}, nil, err
	}
	return c.recvOK()
}

const (
	accessAll  = 0x0013019F // read, write, delete, attributes
	shareAll   = smb2.ShareRead | smb2.ShareWrite | 4
	shareNone  = smb2.ShareAccess(0)
	exclusive  = smb2.LockExclusive
	exclusive0 = smb2.LockExclusive | smb2.LockFailImmediately
)

// open creates the file or opens it.
func (c *rawClient) open(name string, share smb2.ShareAccess, options smb2.CreateOptions) (smb2.FileID, error) {
	_, msg, err := c.call(smb2.CommandCreate, 1, smb2.CreateRequest{
		Impersonation: smb2.ImpersonationImpersonation,
		DesiredAccess: accessAll,
		ShareAccess:   share,
		Disposition:   smb2.OpenIf,
		Options:       options | smb2.OptionNonDirectoryFile,
		Name:          name,
	}.Append)
	if err != nil {
		return smb2.FileID{}, err
	}
	resp, err := smb2.ParseCreateResponse(msg)
	return resp.FileID, err
}

func (c *rawClient) close(id smb2.FileID) error {
	_, _, err := c.call(smb2.CommandClose, 1, smb2.CloseRequest{FileID: id}.Append)
	return err
}

func lockBody(id smb2.FileID, off, n uint64, flags smb2.LockFlags) func([]byte) []byte {
	return smb2.LockRequest{FileID: id, Locks: []smb2.LockElement{{Offset: off, Length: n, Flags: flags}}}.Append
}

func (c *rawClient) lock(id smb2.FileID, off, n uint64, flags smb2.LockFlags) error {
	_, _, err := c.call(smb2.CommandLock, 1, lockBody(id, off, n, flags))
	return err
}

// startLock asks for a lock that can't be had now, up to the interim reply.
func (c *rawClient) startLock(id smb2.FileID, off, n uint64) error {
	if err := c.send(smb2.CommandLock, 1, lockBody(id, off, n, exclusive)); err != nil {
		return err
	}
	h, _, err := c.recvAny()
	if err == nil && h.Status != smb2.StatusPending {
		err = fmt.Errorf("a lock of another was answered with %v", h.Status)
	}
	return err
}

func readBody(id smb2.FileID, off uint64, n uint32) func([]byte) []byte {
	return smb2.ReadRequest{FileID: id, Offset: off, Length: n}.Append
}

// latency does a small piece of work and returns how long it took.
func (c *rawClient) latency(name string) (time.Duration, error) {
	begin := time.Now()
	id, err := c.open(name, shareAll, 0)
	if err != nil {
		return 0, err
	}
	if _, _, err := c.call(smb2.CommandRead, 1, readBody(id, 0, 16<<10)); err != nil && !errors.Is(err, smb2.StatusEndOfFile) {
		return 0, err
	}
	err = c.close(id)
	return time.Since(begin), err
}

// reset ends the connection with a TCP reset.
func (c *rawClient) reset() {
	c.nc.(*net.TCPConn).SetLinger(0)
	c.nc.Close()
}

// gone waits until the server has closed the connection; nothing that still
// comes is looked at.
func (c *rawClient) gone(limit time.Duration) error {
	c.nc.SetReadDeadline(time.Now().Add(limit))
	if _, err := io.Copy(io.Discard, c.r); errors.Is(err, os.ErrDeadlineExceeded) {
		return fmt.Errorf("the connection is still there after %v", limit)
	}
	return nil
}
