package netlogon

import (
	"bytes"
	"fmt"
	"os"

	"github.com/gosmbd/smb/ntlm"
)

// A Secret returns the NT hash of the machine account's password. It is asked whenever
// a secure channel is set up, so the password may change.
type Secret func() (ntlm.Hash, error)

// Password returns a Secret for a password that is known.
func Password(password string) Secret {
	hash := ntlm.HashOf(password)
	return func() (ntlm.Hash, error) { return hash, nil }
}

// PasswordFile returns a Secret that reads the password from a file, whose last line
// break doesn't count. The file may be replaced while it is in use.
func PasswordFile(path string) Secret {
	return func() (ntlm.Hash, error) {
		password, err := readPassword(path)
		if err != nil {
			return ntlm.Hash{}, err
		}
		return ntlm.HashOf(password), nil
	}
}

func readPassword(path string) (string, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	b = bytes.TrimSuffix(b, []byte("\n"))
	b = bytes.TrimSuffix(b, []byte("\r"))
	if len(b) == 0 {
		return "", fmt.Errorf("%s is empty", path)
	}
	return string(b), nil
}
