package ntlm

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/gosmbd/smb/vfs"
)

// maxSmbpasswd bounds the file, to some hundred thousand users.
const maxSmbpasswd = 32 << 20

// errSmbpasswd is a line that isn't one of the format.
var errSmbpasswd = errors.New("not an smbpasswd entry")

// Smbpasswd is the accounts of a file in the format of Samba's smbpasswd(5). The
// file is read again when it changed; should that fail, nobody logs on until it
// is mended.
type Smbpasswd struct {
	path string

	mu    sync.Mutex
	state fileState
	users map[string]smbpasswdEntry // by name in lower case
}

// fileState is what tells that a file changed.
type fileState struct {
	info    os.FileInfo
	modTime time.Time
	size    int64
}

func (s fileState) same(info os.FileInfo) bool {
	return s.info != nil && os.SameFile(s.info, info) &&
		s.modTime.Equal(info.ModTime()) && s.size == info.Size()
}

// smbpasswdEntry is one line.
type smbpasswdEntry struct {
	name     string
	uid      uint32
	hash     Hash // zero: the account has none, or is one of a machine
	disabled bool
}

// OpenSmbpasswd reads the file at path. A caller's SID is Samba's for a Unix
// user, S-1-22-1-uid.
func OpenSmbpasswd(path string) (*Smbpasswd, error) {
	s := &Smbpasswd{path: path}
	_, err := s.load()
	return s, err
}

// Authenticate implements Accounts.
func (s *Smbpasswd) Authenticate(_ context.Context, a *Attempt) (*Logon, error) {
	users, err := s.load()
	if err != nil {
		return nil, err
	}
	for _, name := range a.Names() {
		e, ok := users[strings.ToLower(name)]
		if !ok {
			continue
		}
		key, err := a.VerifyHash(e.hash)
		if err != nil {
			return nil, err
		}
		if e.disabled {
			return nil, ErrDisabled
		}
		return &Logon{Caller: vfs.Caller{Name: e.name, SID: vfs.UnixUserSID(e.uid)}, SessionBaseKey: key}, nil
	}
	return nil, a.NoSuchUser()
}

// load returns the users, from the file if it isn't the one that was read last.
// The map is never changed.
func (s *Smbpasswd) load() (map[string]smbpasswdEntry, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f, err := os.Open(s.path)
	if err != nil {
		return nil, fmt.Errorf("ntlm: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("ntlm: %w", err)
	}
	if s.state.same(info) {
		return s.users, nil
	}
	text, err := io.ReadAll(io.LimitReader(f, maxSmbpasswd+1))
	if err == nil && len(text) > maxSmbpasswd {
		err = errors.New("file is too large")
	}
	if err != nil {
		return nil, fmt.Errorf("ntlm: %s: %w", s.path, err)
	}
	users, err := parseSmbpasswd(text)
	if err != nil {
		return nil, fmt.Errorf("ntlm: %s: %w", s.path, err)
	}
	s.users, s.state = users, fileState{info: info, modTime: info.ModTime(), size: info.Size()}
	return users, nil
}

// parseSmbpasswd reads a file. Of two lines for one user the first counts.
func parseSmbpasswd(text []byte) (map[string]smbpasswdEntry, error) {
	users := make(map[string]smbpasswdEntry)
	number := 0
	for line := range bytes.Lines(text) {
		number++
		line := strings.TrimSpace(string(line))
		if line == "" || line[0] == '#' {
			continue
		}
		e, err := parseSmbpasswdLine(line)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", number, err)
		}
		key := strings.ToLower(e.name)
		if _, ok := users[key]; !ok {
			users[key] = e
		}
	}
	return users, nil
}

// parseSmbpasswdLine reads name:uid:LM hash:NT hash:[flags]:LCT-time:. The LM
// hash is not looked at; from the flags on all may be missing.
func parseSmbpasswdLine(line string) (smbpasswdEntry, error) {
	p := strings.Split(line, ":")
	if len(p) < 4 || p[0] == "" {
		return smbpasswdEntry{}, errSmbpasswd
	}
	uid, err := strconv.ParseUint(p[1], 10, 32)
	if err != nil {
		return smbpasswdEntry{}, errSmbpasswd
	}
	e := smbpasswdEntry{name: p[0], uid: uint32(uid)}
	// No hash is X's, "NO PASSWORD" and X's, or asterisks.
	if h := p[3]; len(h) == 32 && strings.Trim(h, "X*") != "" && !strings.HasPrefix(h, "NO PASSWORD") {
		if e.hash, err = ParseHash(h); err != nil {
			return smbpasswdEntry{}, errSmbpasswd
		}
	} else if len(h) != 32 && strings.Trim(h, "X*") != "" {
		return smbpasswdEntry{}, errSmbpasswd
	}
	if len(p) > 4 && strings.HasPrefix(p[4], "[") {
		e.setFlags(p[4])
	}
	return e, nil
}

// setFlags takes the account flags in their brackets. Only users log on (U),
// not machines and trusts (W, S, I).
func (e *smbpasswdEntry) setFlags(f string) {
	e.disabled = strings.ContainsAny(f, "DL") // L: locked out
	if strings.ContainsAny(f, "NWSI") {
		e.hash = Hash{}
	}
}
