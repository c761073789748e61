package smb

import (
	"context"
	"encoding/binary"

	"github.com/gosmbd/smb/signing"
	"github.com/gosmbd/smb/smb2"
)

// request is one element of a chain, with what its ids stand for.
type request struct {
	ch     *chain
	c      *conn
	hdr    smb2.Header
	msg    []byte // header and body
	sealed bool
	proved bool // to come from who has the session's keys

	se   *session
	id   *identity // who asks, as of now
	tree *tree
	open *open // pinned until the handler returns

	counted bool   // in open.sequence
	epoch   uint32 // as of then
}

// command is what must hold before a handler runs.
type command struct {
	run     func(ctx context.Context, r *request, w *reply) error
	session bool // needs one
	tree    bool // needs one
	file    int  // where the FileId is in the message; zero: there is none
	quick   bool // mostly it takes no time
}

const body = smb2.HeaderSize

// commands is indexed by smb2.Command. Nil run: handled elsewhere.
var commands [smb2.CommandOplockBreak + 1]command

func init() {
	commands = [...]command{
		smb2.CommandNegotiate:      {run: negotiate},
		smb2.CommandSessionSetup:   {run: sessionSetup},
		smb2.CommandLogoff:         {run: logoff, session: true},
		smb2.CommandTreeConnect:    {run: treeConnect, session: true},
		smb2.CommandTreeDisconnect: {run: treeDisconnect, session: true, tree: true},
		smb2.CommandCreate:         {run: create, session: true, tree: true, quick: true},
		smb2.CommandClose:          {run: closeFile, session: true, tree: true, file: body + 8, quick: true},
		smb2.CommandFlush:          {run: flush, session: true, tree: true, file: body + 8},
		smb2.CommandRead:           {run: read, session: true, tree: true, file: body + 16, quick: true},
		smb2.CommandWrite:          {run: write, session: true, tree: true, file: body + 16, quick: true},
		smb2.CommandLock:           {run: lock, session: true, tree: true, file: body + 8},
		smb2.CommandIoctl:          {run: ioctl, session: true, tree: true},
		smb2.CommandCancel:         {},
		smb2.CommandEcho:           {run: echo},
		smb2.CommandQueryDirectory: {run: queryDirectory, session: true, tree: true, file: body + 8},
		smb2.CommandChangeNotify:   {run: changeNotify, session: true, tree: true, file: body + 8},
		smb2.CommandQueryInfo:      {run: queryInfo, session: true, tree: true, file: body + 24, quick: true},
		smb2.CommandSetInfo:        {run: setInfo, session: true, tree: true, file: body + 16, quick: true},
		smb2.CommandOplockBreak:    {run: oplockBreak, session: true, tree: true},
	}
}

// dispatch checks all that can be checked without knowing the command's body
// and runs its handler. [MS-SMB2] 3.3.5.2
func dispatch(r *request, w *reply) error {
	cmd := &unknownCommand
	if int(r.hdr.Command) < len(commands) {
		cmd = &commands[r.hdr.Command]
	}
	broken := r.inherit()
	w.session, w.tree = r.hdr.SessionID, r.hdr.TreeID
	if !r.c.negotiated.Load() && r.hdr.Command != smb2.CommandNegotiate {
		return dropError{"a request before NEGOTIATE"}
	}
	if err := r.verify(w); err != nil {
		return err
	}
	if broken {
		return smb2.StatusInvalidParameter
	}
	if r.torture(w) {
		return nil
	}
	if cmd.session {
		if err := r.findSession(); err != nil {
			return err
		}
	}
	if cmd.tree {
		if err := r.findTree(); err != nil {
			return err
		}
	}
	if err := r.checkCharge(); err != nil {
		return err
	}
	if cmd.file != 0 {
		if err := r.findOpen(cmd.file); err != nil {
			return err
		}
	}
	return cmd.run(r.context(), r, w)
}

// unknownCommand answers what no command is. The specification would have the
// connection dropped, [MS-SMB2] 3.3.5.2.6; Samba answers, and clients probe.
var unknownCommand = command{run: func(context.Context, *request, *reply) error { return smb2.StatusInvalidParameter }}

// inherit gives a related element the ids of the one before it. It reports
// whether there are none: the first element is marked as related, or the one
// before failed to find its session or tree. [MS-SMB2] 3.3.5.2.7.2
func (r *request) inherit() (broken bool) {
	ch := r.ch
	if r.hdr.Flags&smb2.FlagRelated == 0 {
		ch.session, ch.tree = r.hdr.SessionID, r.hdr.TreeID
		ch.hasFile, ch.broken, ch.status = false, false, smb2.StatusSuccess
		return false
	}
	if !ch.started {
		ch.session, ch.tree = r.hdr.SessionID, r.hdr.TreeID
		ch.broken = true
	}
	r.hdr.SessionID, r.hdr.TreeID = ch.session, ch.tree
	return ch.broken
}

// verify checks the signature, or that none was needed, and arranges for the
// reply's. [MS-SMB2] 3.3.5.2.4
func (r *request) verify(w *reply) error {
	if r.sealed {
		if r.hdr.SessionID != r.ch.sealed.id {
			return dropError{"encrypted for another session"}
		}
		r.proved = true
		return nil
	}
	signed := r.hdr.Flags&smb2.FlagSigned != 0
	if r.hdr.Command == smb2.CommandNegotiate {
		switch {
		case r.c.negotiated.Load():
			return dropError{"a second NEGOTIATE"}
		case signed:
			return smb2.StatusInvalidParameter
		}
		return nil
	}
	x := r.c.channel(r.hdr.SessionID)
	if x == nil {
		if !signed {
			return nil
		}
		w.signer = r.otherSigner()
		if r.hdr.Command != smb2.CommandSessionSetup {
			return smb2.StatusUserSessionDeleted
		}
		return nil // it may be to bind the session
	}
	keys, signer := x.se.keys.Load(), x.signer.Load()
	if !signed {
		if x.se.signingRequired() {
			return smb2.StatusAccessDenied
		}
		return nil
	}
	if keys == nil {
		return smb2.StatusNotSupported
	}
	if signer == nil {
		// A guest has no key; some clients sign their first tree connect all
		// the same, with one that nobody else knows. It proves nothing, so it
		// is not looked at.
		return nil
	}
	// The refusal is signed, too, [MS-SMB2] 3.3.4.1.1, for clients hang up otherwise. Each
	// MessageId is answered once, so that no nonce of AES-GMAC comes twice.
	w.signer = signer
	if r.proved = signer.Verify(r.msg); !r.proved {
		return smb2.StatusAccessDenied
	}
	return nil
}

// otherSigner returns the key of a session that the client has on other connections, if
// it signed the request with it: it may want the refusal signed. Whoever listened can
// have such an answer, too, by repeating the request. For AES-GMAC that would be a nonce
// used twice, so there only what binds the session is answered like this, which has to
// be.
func (r *request) otherSigner() *signing.Signer {
	r.c.srv.mu.RLock()
	se := r.c.srv.sessions[r.hdr.SessionID]
	r.c.srv.mu.RUnlock()
	if se == nil {
		return nil
	}
	keys := se.keys.Load()
	if keys == nil || keys.signer == nil || !keys.signer.Verify(r.msg) {
		return nil
	}
	if keys.signer.Algorithm() == signing.AESGMAC && !r.binds() {
		return nil
	}
	return keys.signer
}

// binds reports whether the request is a SESSION_SETUP that binds a session.
func (r *request) binds() bool {
	if r.hdr.Command != smb2.CommandSessionSetup {
		return false
	}
	req, err := smb2.ParseSessionSetupRequest(r.msg)
	return err == nil && req.Flags&smb2.SessionFlagBinding != 0
}

// findSession finds the session and checks that it may be used. [MS-SMB2]
// 3.3.5.2.9
func (r *request) findSession() error {
	r.ch.broken = true
	x := r.c.channel(r.hdr.SessionID)
	if x == nil {
		return smb2.StatusUserSessionDeleted
	}
	se := x.se
	id := se.identity.Load()
	if id == nil {
		return smb2.StatusUserSessionDeleted // not yet set up
	}
	// The logon, or the binding of the connection, may have been completed since verify.
	if id.encrypt && !r.sealed || id.signing && !r.proved {
		return smb2.StatusAccessDenied
	}
	if id.expired() {
		switch r.hdr.Command {
		case smb2.CommandLogoff, smb2.CommandClose, smb2.CommandLock:
		default:
			return smb2.StatusNetworkSessionExpired
		}
	}
	r.se, r.id = se, id
	r.ch.broken = false
	return nil
}

// findTree finds the tree connect. [MS-SMB2] 3.3.5.2.11
func (r *request) findTree() error {
	r.ch.broken = true
	t := r.se.tree(r.hdr.TreeID)
	if t == nil {
		return smb2.StatusNetworkNameDeleted
	}
	if t.encrypt && !r.sealed {
		return smb2.StatusAccessDenied
	}
	r.tree = t
	r.ch.broken = false
	return nil
}

// checkCharge checks that the client paid for the payload. [MS-SMB2] 3.3.5.2.5
func (r *request) checkCharge() error {
	if !r.c.params.multiCredit {
		return nil
	}
	size := max(len(r.msg)+r.coming()-smb2.HeaderSize-64, replySize(r.hdr.Command, r.msg))
	switch r.hdr.Command {
	case smb2.CommandWrite, smb2.CommandSetInfo, smb2.CommandRead, smb2.CommandQueryInfo, smb2.CommandQueryDirectory, smb2.CommandIoctl:
	default:
		return nil
	}
	if max(int(r.hdr.CreditCharge), 1) < (size+65535)/65536 {
		return smb2.StatusInvalidParameter
	}
	return nil
}

// findOpen finds the open that the FileId at off names and pins it.
func (r *request) findOpen(off int) error {
	if len(r.msg) < off+16 {
		return smb2.StatusInvalidParameter
	}
	return r.useFile(fileIDAt(r.msg, off))
}

func fileIDAt(msg []byte, off int) smb2.FileID {
	return smb2.FileID{
		Persistent: binary.LittleEndian.Uint64(msg[off:]),
		Volatile:   binary.LittleEndian.Uint64(msg[off+8:]),
	}
}

// useFile pins the open called fid; in a related element, the open of the one
// before.
func (r *request) useFile(fid smb2.FileID) error {
	ch := r.ch
	if r.hdr.Flags&smb2.FlagRelated != 0 {
		if !ch.hasFile {
			if ch.status.IsError() || ch.status.IsWarning() {
				return ch.status
			}
			return smb2.StatusInvalidHandle
		}
		fid = ch.file
	}
	o := ch.early
	ch.early = nil
	if o == nil || o.id != fid || o.tree() != r.tree {
		o.unpin()
		if o = r.se.pin(fid, r.tree); o == nil {
			return smb2.StatusFileClosed
		}
	}
	if o.replayable.Load() && r.hdr.Flags&smb2.FlagRelated == 0 {
		r.c.srv.handles.used(o)
	}
	r.open = o
	ch.file, ch.hasFile = fid, true
	return r.sequenced(o)
}

// pinEarly pins the open that the first element of a frame is about, when the
// frame arrives: a client that reads and closes without waiting in between must
// find the file open for the read.
func (c *conn) pinEarly(h smb2.Header, msg []byte) *open {
	if int(h.Command) >= len(commands) {
		return nil
	}
	off := commands[h.Command].file
	if h.Command == smb2.CommandIoctl {
		off = body + 8 // which not every control code makes use of
	}
	if off == 0 || len(msg) < off+16 {
		return nil
	}
	x := c.channel(h.SessionID)
	if x == nil {
		return nil
	}
	return x.se.pin(fileIDAt(msg, off), nil)
}

// release unpins the open.
func (r *request) release() {
	r.uncount(r.open)
	r.open.unpin()
	r.open = nil
	r.ch.early.unpin()
	r.ch.early = nil
	r.ch.turn.pass()
	r.ch.turn = nil
}
