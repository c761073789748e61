package ntlm

import (
	"bytes"
	"errors"
	"fmt"
	"iter"
	"path/filepath"
	"strings"
	"time"
)

// lockTime is how long another program may take to change a file.
const lockTime = 10 * time.Second

// ErrUserExists is what FileEdit.Add returns for a name that is taken.
var ErrUserExists = errors.New("there is such a user already")

var (
	errEditBusy = errors.New("another program is changing it")
	errNotFile  = errors.New("not a file")
)

// EditSmbpasswd changes the accounts of the smbpasswd file at path, which it creates
// if there is none: change is called with those that are there, and what it made of
// them takes the place of the file at once. Nothing is changed if change returns an
// error, which EditSmbpasswd returns then.
//
// Comments and lines that aren't understood stay. A new file can be read by its owner
// only; one that is replaced keeps its owner, and what group and owner may do. Samba's
// own programs wait, as they are waited for; see [FileEdit.Add] for what they ask of a
// name.
func EditSmbpasswd(path string, change func(*FileEdit) error) error {
	return editAccounts(path, &smbpasswdFormat, change)
}

// EditKsmbdpwd is EditSmbpasswd for a file in the format of ksmbd's ksmbdpwd.db.
// ksmbd.mountd reads the file again when it is told to (ksmbd.control --reload). An
// account that is disabled can't log on to ksmbd, either.
func EditKsmbdpwd(path string, change func(*FileEdit) error) error {
	return editAccounts(path, &ksmbdpwdFormat, change)
}

// FileEdit is the accounts of a file while they are being changed. It is for one
// goroutine, and until the function returns that it was given to.
type FileEdit struct {
	format  *fileFormat
	lines   []string // with their ends
	changed bool
	now     time.Time
}

// Users yields the accounts in the order of the file.
func (e *FileEdit) Users() iter.Seq[FileUser] {
	return func(yield func(FileUser) bool) {
		for _, raw := range e.lines {
			if u, ok := e.parse(raw); ok && !yield(u) {
				return
			}
		}
	}
}

// parse returns the account on a line; false if there is none.
func (e *FileEdit) parse(raw string) (FileUser, bool) {
	line, _ := cutLineEnd(raw)
	if e.format.blank(line) {
		return FileUser{}, false
	}
	u, err := e.format.parse(line)
	return u, err == nil
}

// User returns the account of that name; if there is none, the only one whose name
// differs in case. Else the error is ErrNoSuchUser.
func (e *FileEdit) User(name string) (FileUser, error) {
	t := make(accountTable)
	for u := range e.Users() {
		e.format.add(t, u)
	}
	u, ok := t.find(name)
	if !ok {
		return FileUser{}, ErrNoSuchUser
	}
	return u, nil
}

// Add adds an account; ErrUserExists if there is one whose name differs in case at most.
// Samba knows an account only if the machine has a user of the same name, whose uid
// must be u's.
func (e *FileEdit) Add(u FileUser) error {
	if err := e.format.checkName(u.Name); err != nil {
		return err
	}
	for other := range e.Users() {
		if strings.EqualFold(other.Name, u.Name) {
			return ErrUserExists
		}
	}
	line, err := e.format.line("", u, e.now)
	if err != nil {
		return err
	}
	if n := len(e.lines); n > 0 && !strings.HasSuffix(e.lines[n-1], "\n") {
		e.lines[n-1] += "\n"
	}
	e.lines, e.changed = append(e.lines, line+"\n"), true
	return nil
}

// Set changes the account whose name is u.Name; ErrNoSuchUser if there is none.
func (e *FileEdit) Set(u FileUser) error {
	return e.each(u.Name, func(raw string) (string, error) {
		old, _ := cutLineEnd(raw)
		line, err := e.format.line(old, u, e.now)
		return line + "\n", err
	})
}

// Remove removes the account of that very name; ErrNoSuchUser if there is none.
func (e *FileEdit) Remove(name string) error {
	return e.each(name, func(string) (string, error) { return "", nil })
}

// each replaces every line that is about the user: after the first that counts there
// may be others.
func (e *FileEdit) each(name string, replace func(raw string) (string, error)) error {
	lines := make([]string, len(e.lines))
	found := false
	for i, raw := range e.lines {
		lines[i] = raw
		u, ok := e.parse(raw)
		if !ok || u.Name != name && !(e.format.folded && strings.EqualFold(u.Name, name)) {
			continue
		}
		found = true
		var err error
		if lines[i], err = replace(raw); err != nil {
			return err
		}
	}
	if !found {
		return ErrNoSuchUser
	}
	e.lines, e.changed = lines, true
	return nil
}

// editAccounts reads, changes and replaces a file while others wait.
func editAccounts(path string, format *fileFormat, change func(*FileEdit) error) error {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real // the file is replaced, not the link to it
	}
	f, err := lockFile(path)
	if err != nil {
		return fmt.Errorf("ntlm: %w", err)
	}
	defer f.unlock()
	if !f.info.Mode().IsRegular() {
		return fmt.Errorf("ntlm: %s: %w", path, errNotFile)
	}
	e := &FileEdit{format: format, now: time.Now()}
	text, err := f.read()
	if err != nil {
		return fmt.Errorf("ntlm: %w", err)
	}
	for raw := range bytes.Lines(text) {
		e.lines = append(e.lines, string(raw))
	}
	if err := change(e); err != nil || !e.changed {
		return err
	}
	return f.replace([]byte(strings.Join(e.lines, "")))
}
