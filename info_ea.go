package smb

import (
	"bytes"
	"context"
	"errors"

	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs"
)

// Extended attributes (EAs). They are the object's: an open of a named stream has
// those of its file.

// maxEAValue is the longest value that the protocol can tell.
const maxEAValue = 1<<16 - 1

// hasEAs reports whether the objects of a backend can have extended attributes, as
// far as f, its root, tells.
func hasEAs(ctx context.Context, f vfs.File) bool {
	x, ok := vfs.As[vfs.Xattrer](f)
	if !ok {
		return false
	}
	_, err := x.Xattrs(ctx)
	return !errors.Is(err, errors.ErrUnsupported)
}

// readEAs returns the extended attributes of f, without what can't be told.
func readEAs(ctx context.Context, f vfs.File) (smb2.FileFullEaInformation, error) {
	x, ok := vfs.As[vfs.Xattrer](f)
	if !ok {
		return nil, nil
	}
	list, err := x.Xattrs(ctx)
	if err != nil {
		return nil, ignoreUnsupported(err)
	}
	var eas smb2.FileFullEaInformation
	for _, a := range list {
		if !vfs.ValidXattrName(a.Name) || len(a.Value) == 0 || len(a.Value) > maxEAValue {
			continue
		}
		e := smb2.FileFullEaEntry{Name: a.Name, Value: a.Value}
		if a.Needed {
			e.Flags = smb2.FileNeedEa
		}
		eas = append(eas, e)
	}
	return eas, nil
}

// sizeOfEAs returns what the extended attributes of f take, in [MS-FSA]'s words
// File.ExtendedAttributesLength. If they can't be read it is zero, as for who lists the
// directory: it stands among what is more important.
func sizeOfEAs(ctx context.Context, f vfs.File) (n uint32) {
	list, _ := readEAs(ctx, f)
	for _, e := range list {
		n += uint32(vfs.Xattr{Name: e.Name, Value: e.Value}.Size())
	}
	return n
}

// eaInfo is that as clients are told: their list has a header. [MS-FSA] 2.1.5.12.10
func eaInfo(n uint32) smb2.FileEaInformation {
	if n > 0 {
		n += 4
	}
	return smb2.FileEaInformation{EaSize: n}
}

// fullEAs answers FileFullEaInformation. [MS-SMB2] 3.3.5.20.1, [MS-FSA] 2.1.5.12.12
func (q *query) fullEAs(dst []byte) ([]byte, error) {
	if len(q.req.Input) > maxEAList {
		return dst, smb2.StatusEaListInconsistent
	}
	names, err := smb2.ParseFileGetEaInformation(q.req.Input)
	if err != nil {
		return dst, err
	}
	for _, name := range names {
		if !vfs.ValidXattrName(name) {
			return dst, smb2.StatusInvalidEaName
		}
	}
	all, err := readEAs(q.ctx, q.o.f)
	if err != nil {
		return dst, err
	}
	if len(names) > 0 {
		dst, _, err = q.appendEAs(dst, selectEAs(all, names))
		return dst, err
	}
	q.o.mu.Lock()
	defer q.o.mu.Unlock()
	at := q.o.nextEA
	switch flags := q.req.Flags; {
	case flags&smb2.EaIndexSpecified != 0:
		if q.req.Additional == 0 || uint64(q.req.Additional) > uint64(len(all)) {
			return dst, smb2.StatusNonexistentEaEntry
		}
		at = int(q.req.Additional) - 1 // it counts from 1
	case flags&smb2.EaRestartScan != 0:
		at = 0
	}
	if at >= len(all) {
		return dst, smb2.StatusNoEasOnFile
	}
	dst, n, err := q.appendEAs(dst, all[at:])
	q.o.nextEA = at + n
	return dst, err
}

// appendEAs appends as many as fit and are asked for, and tells how many those are.
func (q *query) appendEAs(dst []byte, list smb2.FileFullEaInformation) ([]byte, int, error) {
	if q.req.Flags&smb2.EaReturnSingleEntry != 0 {
		list = list[:1]
	}
	dst, n := list.AppendMax(dst, int(q.req.OutputLength))
	if n == 0 {
		return dst, 0, q.tooSmall(len(list[:1].Append(nil)))
	}
	q.overflow = n < len(list)
	return dst, n, nil
}

// selectEAs returns those of the names, each once. What isn't there is told with an
// empty value.
func selectEAs(all smb2.FileFullEaInformation, names []string) (list smb2.FileFullEaInformation) {
	byName := make(map[string]smb2.FileFullEaEntry, len(all))
	for _, e := range all {
		byName[vfs.FoldXattrName(e.Name)] = e
	}
	told := make(map[string]bool, len(names))
	for _, name := range names {
		key := vfs.FoldXattrName(name)
		if told[key] {
			continue
		}
		told[key] = true
		e, ok := byName[key]
		if !ok {
			e.Name = name
		}
		list = append(list, e)
	}
	return list
}

// maxEAList is how long a client's list of attributes, or of their names, may be: some of those that it sets
// may be in there twice, and others be removed.
const maxEAList = 4 * vfs.MaxXattrs

// parseEAs parses the extended attributes that a client sets; the last of a name
// counts. They don't alias b. [MS-FSA] 2.1.5.15.6
func parseEAs(b []byte) ([]vfs.Xattr, error) {
	if len(b) > maxEAList {
		return nil, smb2.StatusEaTooLarge
	}
	list, err := smb2.ParseFileFullEaInformation(b)
	switch {
	case err != nil:
		return nil, err
	case len(list) == 0:
		return nil, smb2.StatusEaListInconsistent
	}
	var changes []vfs.Xattr
	at := make(map[string]int, len(list))
	for _, e := range list {
		if !vfs.ValidXattrName(e.Name) || e.Flags&^smb2.FileNeedEa != 0 {
			return nil, smb2.StatusInvalidEaName
		}
		x := vfs.Xattr{Name: e.Name, Value: bytes.Clone(e.Value), Needed: e.Flags&smb2.FileNeedEa != 0}
		key := vfs.FoldXattrName(e.Name)
		if i, found := at[key]; found {
			changes[i] = x
			continue
		}
		at[key] = len(changes)
		changes = append(changes, x)
	}
	return changes, nil
}

// changeEAs makes changes to the extended attributes of f, all or none; replace
// removes those that aren't among them. It returns what undoes that, which is empty if
// there was nothing to do. [MS-FSA] 2.1.5.15.6
func changeEAs(ctx context.Context, f vfs.File, changes []vfs.Xattr, replace bool) (undo []vfs.Xattr, err error) {
	x, ok := vfs.As[vfs.Xattrer](f)
	if !ok {
		return nil, smb2.StatusEasNotSupported
	}
	have, err := x.Xattrs(ctx)
	if err != nil {
		return nil, eaError(err)
	}
	was := make(map[string]int, len(changes)) // where in undo
	size := 0
	for _, c := range changes {
		was[vfs.FoldXattrName(c.Name)] = len(undo)
		undo = append(undo, vfs.Xattr{Name: c.Name})
		if len(c.Value) > 0 {
			size += c.Size()
		}
	}
	for _, old := range have {
		i, changed := was[vfs.FoldXattrName(old.Name)]
		switch {
		case changed:
			undo[i] = old
		case replace:
			changes = append(changes, vfs.Xattr{Name: old.Name})
			undo = append(undo, old)
		default:
			size += old.Size()
		}
	}
	switch {
	case size > vfs.MaxXattrs:
		return nil, smb2.StatusEaTooLarge
	case len(changes) == 0:
		return nil, nil
	}
	if err := x.SetXattrs(ctx, changes); err != nil {
		return nil, eaError(err)
	}
	return undo, nil
}

// eaError turns what a backend says into what it means here.
func eaError(err error) error {
	switch {
	case errors.Is(err, errors.ErrUnsupported):
		return smb2.StatusEasNotSupported
	case errors.Is(err, vfs.ErrNameTooLong):
		return smb2.StatusInvalidEaName
	}
	return err
}

// setEAs sets and removes extended attributes. [MS-FSA] 2.1.5.15.6
func (o *open) setEAs(ctx context.Context, data []byte) error {
	changes, err := parseEAs(data)
	if err != nil {
		return err
	}
	a, err := o.stat(ctx)
	if err != nil {
		return err
	}
	if a.Attributes&vfs.AttrReparsePoint != 0 || !o.m.eas {
		return smb2.StatusEasNotSupported
	}
	defer o.work().end()
	if _, err := changeEAs(ctx, o.f, changes, false); err != nil {
		return err
	}
	if a.Attributes&vfs.AttrArchive == 0 {
		o.setAttr(ctx, vfs.AttrChange{Attributes: a.Attributes&settableAttrs | vfs.AttrArchive})
	}
	o.m.entryChanged(o.holder, modified(o.path(), smb2.FileNotifyChangeEa|smb2.FileNotifyChangeAttributes))
	return nil
}
