package ntlm

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/gosmbd/smb/vfs"
)

// errSmbpasswd is a line that isn't one of the format.
var errSmbpasswd = errors.New("not an smbpasswd entry")

// errMachine is for a password that isn't a user's.
var errMachine = errors.New("ntlm: it is the account of a machine")

// Smbpasswd is the accounts of a file in the format of Samba's smbpasswd(5). It is
// Accounts and vfs.Principals. The file is read again when it changed; should that
// fail, nobody logs on until it is mended.
type Smbpasswd struct{ *accountFile }

// OpenSmbpasswd reads the file at path. A caller's SID is Samba's for a Unix
// user, S-1-22-1-uid.
func OpenSmbpasswd(path string) (*Smbpasswd, error) {
	f, err := openAccountFile(path, &smbpasswdFormat)
	return &Smbpasswd{f}, err
}

var smbpasswdFormat = fileFormat{
	parse: parseSmbpasswdLine,
	blank: func(line string) bool {
		line = strings.TrimSpace(line)
		return line == "" || line[0] == '#'
	},
	whole:   func(line string) bool { return strings.Contains(line, "]:") },
	line:    smbpasswdLine,
	sid:     func(u FileUser) vfs.SID { return vfs.UnixUserSID(u.UID) },
	folded:  true,
	maxName: 100, // Samba reads lines of 255 bytes
	first:   "#",
}

// The fields of a line.
const (
	smbpasswdName = iota
	smbpasswdUID
	smbpasswdLM
	smbpasswdNT
	smbpasswdFlags
	smbpasswdLCT
	smbpasswdFields
)

const (
	noHash     = "XXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX"
	noPassword = "NO PASSWORD"
)

// parseSmbpasswdLine reads name:uid:LM hash:NT hash:[flags]:LCT-time:. The LM
// hash is not looked at; from the flags on all may be missing.
func parseSmbpasswdLine(line string) (FileUser, error) {
	p := strings.Split(strings.TrimSpace(line), ":")
	if len(p) <= smbpasswdNT || p[smbpasswdName] == "" {
		return FileUser{}, errSmbpasswd
	}
	uid, err := strconv.ParseUint(p[smbpasswdUID], 10, 32)
	if err != nil {
		return FileUser{}, errSmbpasswd
	}
	u := FileUser{Name: p[smbpasswdName], UID: uint32(uid)}
	// No hash is X's, "NO PASSWORD" and X's, or asterisks.
	if h := p[smbpasswdNT]; len(h) == 32 && strings.Trim(h, "X*") != "" && !strings.HasPrefix(h, noPassword) {
		if u.Hash, err = ParseHash(h); err != nil {
			return FileUser{}, errSmbpasswd
		}
	} else if len(h) != 32 && strings.Trim(h, "X*") != "" {
		return FileUser{}, errSmbpasswd
	}
	if len(p) > smbpasswdFlags && strings.HasPrefix(p[smbpasswdFlags], "[") {
		u.setFlags(p[smbpasswdFlags])
	}
	return u, nil
}

// setFlags takes the account flags in their brackets. Only users log on (U),
// not machines and trusts (W, S, I).
func (u *FileUser) setFlags(f string) {
	u.Disabled = strings.ContainsAny(f, "DL") // L: locked out
	if strings.ContainsAny(f, "NWSI") {
		u.Hash = Hash{}
	}
}

// smbpasswdLine writes what parseSmbpasswdLine reads, as Samba does: the flags take
// eleven places. Of an old line all stays that u doesn't change.
func smbpasswdLine(old string, u FileUser, now time.Time) (string, error) {
	p := []string{u.Name, "", noHash, noHash, "[U]", "LCT-00000000", ""}
	var was FileUser
	if old != "" {
		var err error
		if was, err = parseSmbpasswdLine(old); err != nil {
			return "", err
		}
		fields := strings.Split(strings.TrimSpace(old), ":")
		if len(fields) < smbpasswdFields { // of an old Samba, which had no flags
			fields = append(fields[:min(len(fields), smbpasswdFlags)], p[min(len(fields), smbpasswdFlags):]...)
		}
		p = fields
	}
	flags := strings.Trim(p[smbpasswdFlags], "[ ]")
	p[smbpasswdName], p[smbpasswdUID] = u.Name, strconv.FormatUint(uint64(u.UID), 10)
	if u.Hash != was.Hash {
		if strings.ContainsAny(flags, "WSI") {
			return "", errMachine
		}
		flags = strings.ReplaceAll(flags, "N", "")
		p[smbpasswdNT] = noHash
		if u.Hash != (Hash{}) {
			p[smbpasswdNT] = strings.ToUpper(u.Hash.hex())
		}
		p[smbpasswdLM] = noHash
		p[smbpasswdLCT] = fmt.Sprintf("LCT-%08X", uint32(now.Unix()))
	}
	if u.Disabled != was.Disabled {
		flags = strings.NewReplacer("D", "", "L", "").Replace(flags)
		if u.Disabled {
			flags = "D" + flags
		}
	}
	p[smbpasswdFlags] = fmt.Sprintf("[%-11s]", flags)
	return strings.Join(p, ":"), nil
}
