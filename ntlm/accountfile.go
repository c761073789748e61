package ntlm

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/gosmbd/smb"
	"github.com/gosmbd/smb/vfs"
)

// FileUser is an account in a file. It doesn't print its hash.
type FileUser struct {
	Name     string
	UID      uint32 // of the Unix user; in smbpasswd only
	Hash     Hash   // zero: the account has none, and can't log on
	Disabled bool
}

// fileFormat is a format of account files, one account a line.
type fileFormat struct {
	// parse reads a line without its end.
	parse func(line string) (FileUser, error)
	// blank reports whether a line is one without an account.
	blank func(line string) bool
	// whole reports whether a line that parse takes is surely not the beginning of a
	// longer one.
	whole func(line string) bool
	// line returns the line for u in place of old, which is empty for a new one.
	line func(old string, u FileUser, now time.Time) (string, error)
	// sid returns the user's SID, empty if he has none of his own.
	sid func(FileUser) vfs.SID
	// folded: names that differ in case only are the same, and the first line counts.
	// Else the last line of a name counts.
	folded bool
	// maxName bounds names, in bytes.
	maxName int
	// first holds what a name can't begin with.
	first string
}

// accountFile is the accounts of a file.
type accountFile struct {
	format *fileFormat
	file   cachedFile[accountTable]
}

func openAccountFile(path string, format *fileFormat) (*accountFile, error) {
	f := &accountFile{format: format}
	f.file.path, f.file.parse = path, format.table
	_, err := f.file.load()
	return f, err
}

// Authenticate implements Accounts.
func (f *accountFile) Authenticate(_ context.Context, a *Attempt) (*Logon, error) {
	users, err := f.file.load()
	if err != nil {
		return nil, err
	}
	for _, name := range a.Names() {
		u, ok := users.find(name)
		if !ok {
			continue
		}
		key, err := a.VerifyHash(u.Hash)
		if err != nil {
			return nil, err
		}
		if u.Disabled {
			return nil, ErrDisabled
		}
		return &Logon{
			Caller:         vfs.Caller{Name: u.Name, SID: f.format.sid(u)},
			SessionBaseKey: key,
			Recheck:        func(context.Context) error { return f.recheck(u) },
		}, nil
	}
	return nil, a.NoSuchUser()
}

// recheck compares the account with what it was when somebody logged on.
func (f *accountFile) recheck(was FileUser) error {
	users, err := f.file.load()
	if err != nil {
		return err
	}
	switch u, ok := users.find(was.Name); {
	case !ok || u.Name != was.Name || u.UID != was.UID:
		return ErrNoSuchUser
	case u.Disabled:
		return ErrDisabled
	case u.Hash != was.Hash:
		return errPasswordChanged
	}
	return nil
}

var errPasswordChanged = fmt.Errorf("password was changed: %w", smb.StatusNetworkSessionExpired)

// Principals implements vfs.Principals.
func (f *accountFile) Principals(context.Context) iter.Seq2[vfs.Principal, error] {
	return func(yield func(vfs.Principal, error) bool) {
		users, err := f.file.load()
		if err != nil {
			yield(vfs.Principal{}, err)
			return
		}
		var list []vfs.Principal
		for _, same := range users {
			for _, u := range same {
				list = append(list, vfs.Principal{Kind: vfs.PrincipalUser, Name: u.Name, SID: f.format.sid(u), Disabled: u.Disabled})
			}
		}
		yieldPrincipals(list, yield)
	}
}

// PrincipalsVersion implements vfs.VersionedPrincipals.
func (f *accountFile) PrincipalsVersion(context.Context) (version string, ok bool) {
	return f.file.version()
}

// accountTable holds accounts by name in lower case. There are several of one key only
// in formats that tell them apart.
type accountTable map[string][]FileUser

// find returns the account of that very name, or the only one whose name differs in
// case.
func (t accountTable) find(name string) (FileUser, bool) {
	same := t[strings.ToLower(name)]
	for _, u := range same {
		if u.Name == name {
			return u, true
		}
	}
	if len(same) != 1 {
		return FileUser{}, false
	}
	return same[0], true
}

// table reads a file.
func (f *fileFormat) table(text []byte) (accountTable, error) {
	t := make(accountTable)
	number := 0
	for raw := range bytes.Lines(text) {
		number++
		line, ended := cutLineEnd(string(raw))
		if f.blank(line) {
			continue
		}
		u, err := f.parse(line)
		if err == nil && !ended && !f.whole(line) {
			err = errCut // what is missing might say that the account is disabled
		}
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", number, err)
		}
		f.add(t, u)
	}
	return t, nil
}

var errCut = errors.New("the last line has no end: the file was cut off, or is still being written")

// add puts an account into the table.
func (f *fileFormat) add(t accountTable, u FileUser) {
	key := strings.ToLower(u.Name)
	if f.folded && len(t[key]) > 0 {
		return
	}
	for i, other := range t[key] {
		if other.Name == u.Name {
			t[key][i] = u
			return
		}
	}
	t[key] = append(t[key], u)
}

// cutLineEnd returns a line without its end, and whether it had one.
func cutLineEnd(line string) (string, bool) {
	line, ended := strings.CutSuffix(line, "\n")
	return strings.TrimSuffix(line, "\r"), ended
}

// checkName reports a name that the format can't hold.
func (f *fileFormat) checkName(name string) error {
	switch {
	case name == "":
		return errors.New("ntlm: an account needs a name")
	case len(name) > f.maxName:
		return fmt.Errorf("ntlm: a name has at most %d bytes in this file", f.maxName)
	case !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl) || strings.ContainsRune(name, ':'):
		return errors.New("ntlm: a name has neither colons nor control characters")
	case strings.TrimSpace(name) != name:
		return errors.New("ntlm: a name neither begins nor ends with a blank")
	case strings.ContainsAny(name[:1], f.first):
		return fmt.Errorf("ntlm: a name in this file doesn't begin with %s", name[:1])
	}
	return nil
}
