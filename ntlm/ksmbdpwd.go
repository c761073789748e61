package ntlm

import (
	"encoding/base64"
	"errors"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/gosmbd/smb/vfs"
)

// errKsmbdpwd is a line that isn't one of the format.
var errKsmbdpwd = errors.New("not a ksmbdpwd.db entry")

// disabledMark follows the hash of an account that is disabled. ksmbd has nothing of
// the kind, but refuses the logon of an account whose hash is longer than 18 bytes, and
// its tools keep it.
const disabledMark = "disabled account"

// Ksmbdpwd is the accounts of a file in the format of ksmbd's ksmbdpwd.db, of
// ksmbd-tools. It is Accounts and vfs.Principals. The file is read again when it
// changed; should that fail, nobody logs on until it is mended.
type Ksmbdpwd struct{ *accountFile }

// OpenKsmbdpwd reads the file at path. Its users have no SIDs of their own, so the
// server makes them of the names.
func OpenKsmbdpwd(path string) (*Ksmbdpwd, error) {
	f, err := openAccountFile(path, &ksmbdpwdFormat)
	return &Ksmbdpwd{f}, err
}

var ksmbdpwdFormat = fileFormat{
	parse:   parseKsmbdpwdLine,
	blank:   func(line string) bool { return line == "" },
	whole:   func(string) bool { return true }, // or it has another length
	line:    func(_ string, u FileUser, _ time.Time) (string, error) { return ksmbdpwdLine(u) },
	sid:     func(FileUser) vfs.SID { return "" },
	maxName: 47,
}

// parseKsmbdpwdLine reads name:hash, the hash in base64.
func parseKsmbdpwdLine(line string) (FileUser, error) {
	name, text, ok := strings.Cut(line, ":")
	if !ok || name == "" || !utf8.ValidString(name) {
		return FileUser{}, errKsmbdpwd
	}
	b, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil {
		return FileUser{}, errKsmbdpwd // without the text, which may be half a secret
	}
	u := FileUser{Name: name}
	switch {
	case len(b) == len(u.Hash):
	case len(b) == len(u.Hash)+len(disabledMark) && string(b[len(u.Hash):]) == disabledMark:
		u.Disabled = true
	default:
		return FileUser{}, errKsmbdpwd
	}
	u.Hash = Hash(b)
	return u, nil
}

// ksmbdpwdLine writes what parseKsmbdpwdLine reads.
func ksmbdpwdLine(u FileUser) (string, error) {
	if u.Hash == (Hash{}) {
		return "", errors.New("ntlm: each account of this file needs a password")
	}
	b := u.Hash[:]
	if u.Disabled {
		b = append(b, disabledMark...)
	}
	return u.Name + ":" + base64.StdEncoding.EncodeToString(b), nil
}
