package smb

import (
	"context"
	"errors"
	"io/fs"
	"strings"
	"time"

	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs"
)

const ipcName = "IPC$"

// treeConnect gives the session a share. [MS-SMB2] 3.3.5.7
func treeConnect(ctx context.Context, r *request, w *reply) error {
	req, err := smb2.ParseTreeConnectRequest(r.msg)
	if err != nil {
		return err
	}
	caller := r.id.caller
	if r.c.params.dialect == Dialect311 && !caller.Guest && !caller.Anonymous &&
		!r.proved {
		return dropError{"a TREE_CONNECT that is neither signed nor encrypted"}
	}
	name, err := shareName(req.Path)
	if err != nil {
		return err
	}
	t := &tree{se: r.se, name: name, born: time.Now()}
	if strings.EqualFold(name, ipcName) {
		t.name = ipcName
		r.c.srv.uses.add(ipcName, 0)
		t.setAccess(vfs.AccessFull)
	} else if err := t.connect(ctx, r); err != nil {
		return err
	}
	if err := r.se.addTree(t); err != nil {
		t.release()
		return err
	}
	if id := r.se.identity.Load(); id != r.id { // who logged on again meanwhile, when t wasn't to be found
		t.permit(id.ctx, id.caller)
	}
	if t.share != nil && r.c.srv.removed(ctx, name) { // meanwhile, when t wasn't to be found
		if opens, ok := r.se.takeTree(t); ok {
			// Ids can be guessed. The request itself has none of them pinned.
			r.c.srv.closeAll(opens, smb2.StatusNetworkNameDeleted)
			t.release()
		}
		return smb2.StatusNetworkNameDeleted
	}
	w.tree, r.ch.tree = t.id, t.id
	resp := smb2.TreeConnectResponse{
		ShareType:     t.shareType(),
		ShareFlags:    smb2.ShareManualCaching,
		MaximalAccess: uint32(t.access()),
	}
	if t.ipc() {
		resp.ShareFlags = smb2.ShareNoCaching
	}
	if t.encrypt {
		resp.ShareFlags |= smb2.ShareEncryptData
	}
	if t.share != nil && t.share.AccessBasedEnumeration {
		resp.ShareFlags |= smb2.ShareAccessBasedEnum
	}
	if r.c.params.caps&smb2.CapDFS != 0 && t.share != nil && t.share.DFS != nil {
		resp.ShareFlags |= smb2.ShareDFS | smb2.ShareDFSRoot
		resp.Capabilities |= smb2.ShareCapDFS
	}
	if r.c.params.caps&smb2.CapPersistentHandles != 0 && r.c.srv.continuous(t.share) {
		resp.Capabilities |= smb2.ShareCapContinuousAvailability
	}
	w.buf.B = resp.Append(w.buf.B)
	return nil
}

// shareName takes the share out of \\server\share. Which server the client
// meant makes no difference.
func shareName(path string) (string, error) {
	rest, ok := strings.CutPrefix(path, `\\`)
	if !ok {
		return "", smb2.StatusInvalidParameter
	}
	_, name, ok := strings.Cut(rest, `\`)
	name = strings.TrimSuffix(name, `\`)
	switch {
	case !ok || name == "":
		return "", smb2.StatusInvalidParameter
	case !validShareName(name):
		return "", smb2.StatusBadNetworkName
	}
	return strings.Clone(name), nil // it is kept, and may be a small part of the path
}

// validShareName reports whether a share could have the name.
func validShareName(name string) bool {
	return name != "" && len(name) <= 80*4 && !strings.ContainsAny(name, `\/`+"\x00")
}

// connect finds the share and its storage.
func (t *tree) connect(ctx context.Context, r *request) error {
	s := r.c.srv
	if s.Shares == nil {
		return smb2.StatusBadNetworkName
	}
	sh, err := s.Shares.Share(ctx, t.name)
	if errors.Is(err, fs.ErrNotExist) || err == nil && sh == nil {
		return smb2.StatusBadNetworkName
	}
	if err != nil {
		return err
	}
	if c := r.id.caller; sh.Encrypt && (r.c.params.cipher == 0 || c.Guest || c.Anonymous) {
		s.log.Warn("smb: who can't encrypt is refused", "share", t.name, "user", c.String())
		return smb2.StatusAccessDenied
	}
	access, err := sh.access(ctx, r.id.caller)
	if err != nil {
		if _, known := statusOf(err); !known {
			s.log.Error("smb: Share.Allow failed", "share", t.name, "err", err)
		}
		return smb2.StatusAccessDenied
	}
	fsys := sh.FS
	if sh.Open != nil {
		if fsys, err = sh.Open(ctx, r.id.caller); err != nil {
			return err
		}
	}
	if fsys == nil {
		s.log.Error("smb: a share has no storage", "share", t.name)
		return smb2.StatusBadNetworkName
	}
	m := s.mount(ctx, fsys) // which may panic
	if !s.uses.add(t.name, sh.MaxUsers) {
		m.release()
		return smb2.StatusRequestNotAccepted
	}
	t.share, t.encrypt, t.mount = sh, sh.Encrypt, m
	t.setAccess(access)
	return nil
}

// treeDisconnect gives the share up, and closes what is open on it. [MS-SMB2]
// 3.3.5.8
func treeDisconnect(_ context.Context, r *request, w *reply) error {
	if _, err := smb2.ParseTreeDisconnectRequest(r.msg); err != nil {
		return err
	}
	opens, ok := r.se.takeTree(r.tree)
	if !ok {
		return smb2.StatusNetworkNameDeleted
	}
	r.c.srv.closeAll(opens, smb2.StatusNetworkNameDeleted)
	r.tree.release()
	w.buf.B = smb2.TreeDisconnectResponse{}.Append(w.buf.B)
	return nil
}
