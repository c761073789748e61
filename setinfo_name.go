package smb

import (
	"context"
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/gosmbd/smb/oplock"
	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs"
)

// Changes of names: rename, link, delete.

// ignoreUnsupported turns a backend's refusal of an optional act into success.
func ignoreUnsupported(err error) error {
	if errors.Is(err, errors.ErrUnsupported) {
		return nil
	}
	return err
}

// orDenied turns it into what a backend without the capability means.
func orDenied(err error) error {
	if errors.Is(err, errors.ErrUnsupported) {
		return smb2.StatusAccessDenied
	}
	return err
}

// setDisposition marks the file for deletion, or unmarks it. [MS-FSA] 2.1.5.15.3
// flags are those of setDispositionEx.
func (r *request) setDisposition(ctx context.Context, del bool, flags uint32) error {
	o := r.open
	if o.posix {
		flags |= smb2.DispositionPosixSemantics
	}
	posix := flags&smb2.DispositionPosixSemantics != 0
	switch {
	case o.unlinked.Load() && del:
		return nil
	case o.unlinked.Load():
		return smb2.StatusFileDeleted
	case !del:
		o.file.setDisposition(o, false, false)
		return o.file.saveAll()
	}
	if o.m.remover == nil || o.path() == "." && o.file.base == nil {
		return smb2.StatusCannotDelete
	}
	a, err := o.stat(ctx)
	if err != nil {
		return err
	}
	ignore := o.clears || flags&smb2.DispositionIgnoreReadOnlyAttribute != 0 && o.access&vfs.WriteAttributes != 0
	if a.Attributes&vfs.AttrReadOnly != 0 && !ignore {
		return smb2.StatusCannotDelete
	}
	if o.file.dir {
		if err := o.checkEmpty(ctx); err != nil {
			return err
		}
	}
	if err := r.breakFor(o.file, o.holder, oplock.OpDelete); err != nil {
		return err
	}
	if !o.file.setDisposition(o, true, posix) {
		return nil // somebody else removed the name meanwhile
	}
	return o.file.saveAll()
}

// setDispositionEx is the same with flags. [MS-FSA] 2.1.5.15.4
func (r *request) setDispositionEx(ctx context.Context, flags uint32) error {
	o := r.open
	const known = smb2.DispositionDelete | smb2.DispositionPosixSemantics | smb2.DispositionForceImageSectionCheck |
		smb2.DispositionOnClose | smb2.DispositionIgnoreReadOnlyAttribute
	del := flags&smb2.DispositionDelete != 0
	switch {
	case flags&^known != 0:
		return smb2.StatusNotSupported
	case flags&smb2.DispositionOnClose == 0:
		return r.setDisposition(ctx, del, flags)
	case o.options&smb2.OptionDeleteOnClose == 0: // [MS-FSCC] 2.4.12
		return smb2.StatusNotSupported
	}
	o.file.mu.Lock()
	o.deleteOnClose = del
	o.posixDelete = del && flags&smb2.DispositionPosixSemantics != 0
	o.file.mu.Unlock()
	return o.save()
}

// checkEmpty checks that a directory has no entry, and no link in it.
func (o *open) checkEmpty(ctx context.Context) error {
	if o.dfs().hasLinks(ctx, o.path()) {
		return smb2.StatusDirectoryNotEmpty
	}
	if o.lister == nil {
		return nil // the backend will tell
	}
	return empty(ctx, o.lister)
}

// empty checks that a directory has no entry.
func empty(ctx context.Context, d vfs.DirReader) error {
	for _, err := range namesIn(ctx, d) {
		if err != nil {
			return err
		}
		return smb2.StatusDirectoryNotEmpty
	}
	return nil
}

// renaming is a rename or link on its way.
type renaming struct {
	r       *request
	ctx     context.Context
	o       *open
	m       *mount
	from    string
	to      string // as it is to be spelled
	replace bool
	renames bool            // not links
	flags   uint32          // of a rename, [MS-FSCC] 2.4.43
	same    bool            // what has the new name already is the file itself
	old     *file           // what has it is open, and lets itself be replaced
	wait    <-chan struct{} // with errBreaking
}

// renameFlags are those that the older form stands for.
func renameFlags(replace bool) uint32 {
	if replace {
		return smb2.RenameReplaceIfExists
	}
	return 0
}

// rename gives the file another name. [MS-FSA] 2.1.5.15.12
func (r *request) rename(ctx context.Context, name string, root uint64, flags uint32) error {
	o, replace := r.open, flags&smb2.RenameReplaceIfExists != 0
	switch {
	case strings.HasPrefix(name, ":") && !o.posix:
		return r.renameStream(ctx, name, root, replace)
	case o.file.base != nil:
		return smb2.StatusSharingViolation // as on Windows: a stream stays with its file
	case o.m.renamer == nil:
		return smb2.StatusAccessDenied
	}
	n, err := o.newName(ctx, name, root, replace)
	if err != nil {
		return err
	}
	if o.posix {
		flags |= smb2.RenamePosixSemantics
	}
	n.r, n.flags, n.renames = r, flags, true
	if o.path() == "." {
		return smb2.StatusAccessDenied
	}
	return n.run(n.rename)
}

// run does it, after those have given up what they cache who must.
func (n *renaming) run(do func() error) error {
	o, r := n.o, n.r
	if err := r.breakFor(o.file, o.holder, oplock.OpRename); err != nil {
		return err
	}
	for races := 0; races < 8; races++ {
		n.from = o.path()
		switch err := n.attempt(do); err {
		case errRaced:
		case errBreaking:
			if err := r.waitOnOpen(n.wait); err != nil {
				return err
			}
			races--
		default:
			return err
		}
	}
	return smb2.StatusSharingViolation
}

// attempt claims the names and does it, unless another rename was first.
func (n *renaming) attempt(do func() error) error {
	claims := n.claims(n.o.file.dir)
	if err := n.m.claim(n.ctx, claims...); err != nil {
		return err
	}
	defer n.m.unclaim(claims...)
	if n.o.path() != n.from {
		return errRaced
	}
	return do()
}

// newName resolves the directory of the new name.
func (o *open) newName(ctx context.Context, name string, root uint64, replace bool) (*renaming, error) {
	if root != 0 {
		return nil, smb2.StatusInvalidParameter
	}
	parse, resolve := parseName, o.m.resolveDir
	if o.posix {
		parse = parsePosixName
	}
	if o.posix && o.m.exact {
		resolve = o.m.exactDir
	}
	clean, _, err := parse(name)
	if err != nil {
		return nil, err
	}
	if clean == "." {
		return nil, smb2.StatusObjectNameInvalid
	}
	if err := o.dfs().coversNew(ctx, clean, replace); err != nil {
		return nil, err
	}
	n := &renaming{ctx: ctx, o: o, m: o.m, to: clean, replace: replace}
	if dir := path.Dir(clean); dir != "." {
		if dir, err = resolve(ctx, dir); err != nil {
			return nil, err
		}
		n.to = path.Join(dir, path.Base(clean))
	}
	return n, o.dfs().coversNew(ctx, n.to, replace) // now without short names
}

// claims are of a directory with what is below either name: what is open there is called
// by the new one only when all is done.
func (n *renaming) claims(dir bool) []claim {
	from, to := foldPath(n.from), foldPath(n.to)
	claims := []claim{{key: from, exclusive: true, subtree: dir}}
	if to != from {
		claims = append(claims, claim{key: to, exclusive: true, subtree: dir})
	}
	return claims
}

// rename does it; the names are claimed.
func (n *renaming) rename() error {
	o, m := n.o, n.m
	if o.isDoomed() {
		return smb2.StatusDeletePending
	}
	if o.isElsewhere(n.ctx, n.from) {
		return smb2.StatusObjectNameNotFound
	}
	if o.file.dir {
		if to, from := m.keyOf(n.to), m.keyOf(n.from); below(to, from) && to != from {
			return smb2.StatusInvalidParameter
		}
		if o.dfs().hasLinks(n.ctx, n.from) {
			return smb2.StatusAccessDenied // they stay where they are
		}
		if files := m.openBelow(n.from); len(files) > 0 && !n.movesOpen() && !n.carries(files) {
			return n.breakAll(files, oplock.OpRenameParent)
		}
	}
	if streams := o.file.openStreams(); len(streams) > 0 {
		return n.breakAll(streams, oplock.OpRenameParent)
	}
	if err := n.checkParents(path.Dir(n.from)); err != nil {
		return err
	}
	if n.to == n.from {
		return nil
	}
	if err := n.mayAdd(o.file.dir); err != nil {
		return err
	}
	old, err := n.target()
	if err != nil {
		return err
	}
	if old != "" && old != n.to {
		// The one to be replaced is spelled otherwise; so is the result.
		n.to = path.Join(path.Dir(n.to), path.Base(old))
	}
	if err := o.file.willRename(n.to); err != nil {
		return err
	}
	defer m.names.change(n.from)()
	defer m.names.change(n.to)()
	if err := orDenied(m.renamer.Rename(n.ctx, n.from, n.to, old != "")); err != nil {
		o.file.mu.Lock()
		o.file.renaming = ""
		o.file.mu.Unlock()
		if errors.Is(err, fs.ErrExist) {
			return smb2.StatusObjectNameCollision
		}
		return err
	}
	m.names.renamed(n.from, n.to, o.file.dir)
	if n.old != nil {
		n.old.unlinked(n.to)
	}
	o.file.renamed(n.from, n.to)
	o.renameLease()
	o.did()
	if path.Dir(n.from) != path.Dir(n.to) {
		m.noteMove(n.from, o.file)
	}
	o.file.follow()
	err = o.file.saveAll()
	if o.file.dir {
		err = errors.Join(err, m.movedBelow(n.from, n.to))
	}
	n.report(old != "" && !n.same)
	return err
}

// report tells of a rename. A file that was renamed is to be archived, which shows
// when it is closed. [MS-FSA] 2.1.5.15.12
func (n *renaming) report(replaced bool) {
	o, dir := n.o, n.o.file.dir
	from, to := removed(n.from, dir), added(n.to, dir)
	switch {
	case replaced:
		to = modified(n.to, replacedFilter)
	case path.Dir(n.from) == path.Dir(n.to):
		from.Action, to.Action = smb2.ActionFileRenamedOldName, smb2.ActionFileRenamedNewName
	}
	if !dir {
		o.pending.Or(smb2.FileNotifyChangeAttributes)
	}
	n.m.entryChanged(o.holder, from, to)
}

// isAnotherCase reports whether there is something called like the new name in this very case.
func (n *renaming) isAnotherCase() bool {
	if !n.m.exact {
		return false
	}
	_, err := n.m.exists(n.ctx, n.to)
	return !isMissing(err)
}

// target looks for what has the new name already, and whether it may be
// replaced. It returns its spelling, or "".
func (n *renaming) target() (string, error) {
	m := n.m
	n.same, n.old = false, nil
	old, err := n.existing()
	if isMissing(err) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	if old == n.from && n.renames && !n.respells() {
		return "", nil // the backend, but not the server, takes the two for one
	}
	if foldPath(old) != foldPath(n.to) {
		n.to = old // it was found by its short name, and isn't claimed
		return "", errRaced
	}
	if n.respells() {
		// Only the case changes, unless another file has that spelling.
		if !n.isAnotherCase() {
			return "", nil
		}
		old = n.to
	}
	attr, err := m.exists(n.ctx, old)
	if err != nil {
		return "", err
	}
	if n.same = n.renames && attr.ID == n.o.file.id && attr.ID != 0; n.same {
		if n.o.file.isDeletePendingAt(old) {
			return "", smb2.StatusDeletePending
		}
		return old, nil // a further link: the one that is renamed goes
	}
	readOnly := attr.Attributes&vfs.AttrReadOnly != 0 && n.flags&smb2.RenameIgnoreReadOnlyAttribute == 0 && !n.clears(old)
	switch {
	case !n.replace:
		return "", smb2.StatusObjectNameCollision
	case n.o.posix && attr.IsDir() != n.o.file.dir:
		return "", wrongKind(attr)
	case attr.IsDir() && n.o.dfs().hasLinks(n.ctx, old):
		return "", smb2.StatusDirectoryNotEmpty
	case readOnly, attr.IsDir() && !n.o.posix && !(n.renames && n.o.file.dir):
		return "", smb2.StatusAccessDenied
	}
	if err := n.mayReplace(old); err != nil {
		return "", err
	}
	if attr.IsDir() && !n.o.posix {
		return "", n.inTheWay(old)
	}
	f := m.findOpen(attr, old)
	switch {
	case f == nil:
		return old, nil
	case f.isDeletePendingAt(old):
		return "", smb2.StatusDeletePending
	case n.flags&smb2.RenamePosixSemantics != 0 && f.sharesDelete():
		n.old = f
		return old, nil
	}
	return "", n.breakAll(append(f.openStreams(), f), oplock.OpReplace)
}

// inTheWay is the error for a directory that is to be renamed over another one. It is
// ACCESS_DENIED by [MS-FSA] 2.1.5.15.12, whereupon Linux removes the one that is in the way
// and tries again. To one that isn't empty smbd and ksmbd say so, and applications that
// know rename(2) want to hear it.
func (n *renaming) inTheWay(name string) error {
	f, err := n.m.fs.Open(n.ctx, name, vfs.OpenOptions{Access: vfs.ListDirectory})
	if err != nil {
		return smb2.StatusAccessDenied
	}
	defer f.Close()
	if d, ok := vfs.As[vfs.DirReader](f); ok && empty(n.ctx, d) == smb2.StatusDirectoryNotEmpty {
		return smb2.StatusDirectoryNotEmpty
	}
	return smb2.StatusAccessDenied
}

// breakAll asks those who have files open that are in the way to close them, as a
// client does that only keeps them open in case. It returns errBreaking if there
// are any, and else that the files are in use.
func (n *renaming) breakAll(files []*file, op oplock.Op) error {
	for _, f := range files {
		f.mu.Lock()
		breaks, wait := f.cache().Check(time.Now(), n.o.holder, op)
		f.mu.Unlock()
		n.m.srv.sendBreaks(f, breaks)
		if wait != nil {
			n.wait = wait
			return errBreaking
		}
	}
	return smb2.StatusAccessDenied
}

// findOpen returns the object if it is open.
func (m *mount) findOpen(attr vfs.Attr, name string) *file {
	m.mu.Lock()
	defer m.mu.Unlock()
	if attr.ID == 0 {
		return m.byName[m.keyOf(name)]
	}
	return m.files[attr.ID]
}

// checkParents checks that the directory that a name is added to, and from, which it may
// be taken away from, can be changed while others have them open. [MS-FSA] 2.1.5.15.7,
// 2.1.5.15.12
func (n *renaming) checkParents(from string) error {
	to := path.Dir(n.to)
	if from != to {
		if err := n.checkParent(from, false); err != nil {
			return err
		}
	}
	return n.checkParent(to, true)
}

// checkParent checks that a name in dir may be changed while others have dir open: it may
// not be renamed while somebody could delete or rename dir, and not be added while
// somebody doesn't let others write.
func (n *renaming) checkParent(dir string, adds bool) error {
	m := n.m
	key := m.keyOf(dir)
	m.mu.Lock()
	opened, doomed := m.paths[key].n > 0, m.doomed[key] > 0
	m.mu.Unlock()
	if doomed {
		return smb2.StatusDeletePending
	}
	if !opened {
		return nil
	}
	attr, err := m.exists(n.ctx, dir)
	if err != nil {
		return err
	}
	f := m.findOpen(attr, dir)
	if f == nil {
		return nil
	}
	const all = sharedRead | sharedWrite | sharedDelete
	f.mu.Lock()
	busy := slices.ContainsFunc(f.opens, func(o *open) bool {
		return n.renames && o.access&vfs.Delete != 0 && !(o.posix && n.o.posix) || adds && o.share&smb2.ShareWrite == 0 && o.shared&all != 0
	})
	f.mu.Unlock()
	switch {
	case !busy:
		return nil
	case n.breakAll([]*file{f}, oplock.OpRenameParent) == errBreaking:
		return errBreaking
	}
	return smb2.StatusSharingViolation
}

// link gives the file a further name. [MS-FSA] 2.1.5.15.7
func (r *request) link(ctx context.Context, x smb2.FileLinkInformation) error {
	o, m := r.open, r.open.m
	switch {
	case o.file.base != nil:
		return smb2.StatusInvalidParameter
	case o.file.dir:
		return smb2.StatusFileIsADirectory
	case m.linker == nil:
		return smb2.StatusNotSupported
	}
	// Unlike the new name of a rename, that of a link may begin with a backslash.
	n, err := o.newName(ctx, strings.TrimPrefix(x.FileName, `\`), x.RootDirectory, x.ReplaceIfExists)
	if err != nil {
		return err
	}
	n.r = r
	return n.run(n.link)
}

// link does it; the names are claimed.
func (n *renaming) link() error {
	o, m, ctx := n.o, n.m, n.ctx
	if o.isDoomed() {
		return smb2.StatusAccessDenied
	}
	if o.isElsewhere(ctx, n.from) {
		return smb2.StatusObjectNameNotFound
	}
	if m.isDoomed(path.Dir(n.to)) {
		return smb2.StatusDeletePending
	}
	if n.from == n.to || n.respells() && !n.isAnotherCase() {
		if n.replace {
			return nil
		}
		return smb2.StatusObjectNameCollision
	}
	if err := n.mayAdd(false); err != nil {
		return err
	}
	if err := n.checkParents(path.Dir(n.to)); err != nil {
		return err
	}
	old, err := n.target()
	if err != nil {
		return err
	}
	if old != "" {
		n.to = old
	}
	defer m.names.change(n.to)()
	if err := m.linker.Link(ctx, n.from, n.to, old != ""); err != nil {
		if errors.Is(err, errors.ErrUnsupported) {
			return smb2.StatusNotSupported
		}
		return err
	}
	m.names.added(n.to)
	o.did()
	change := added(n.to, false)
	if old != "" {
		change = modified(n.to, replacedFilter)
	}
	m.entryChanged(o.holder, change)
	return nil
}
