package main

import (
	"fmt"

	"github.com/gosmbd/smb/ntlm"
	"github.com/gosmbd/smb/vfs"
)

// accountFile is a file of accounts, of one of the formats.
type accountFile struct {
	flag string // by which it is given
	path string
	open func() (fileAccounts, error)
	edit func(change func(*ntlm.FileEdit) error) error
	uids bool // accounts have a uid
}

// accountFiles returns those of the command line.
func (c *config) accountFiles() []accountFile {
	var list []accountFile
	if c.smbpasswd != "" {
		list = append(list, smbpasswdFile(c.smbpasswd))
	}
	if c.ksmbdpwd != "" {
		list = append(list, ksmbdpwdFile(c.ksmbdpwd))
	}
	return list
}

// explain says what to do about a file that isn't there.
func (f accountFile) explain(err error) error {
	return explainFile(f.path, err, fmt.Sprintf("make it with server user add -%s %s NAME", f.flag, f.path))
}

// fileAccounts is what a file holds.
type fileAccounts interface {
	ntlm.Accounts
	vfs.Principals
}

func smbpasswdFile(path string) accountFile {
	return accountFile{
		flag: "smbpasswd", path: path, uids: true,
		open: func() (fileAccounts, error) { return ntlm.OpenSmbpasswd(path) },
		edit: func(change func(*ntlm.FileEdit) error) error { return ntlm.EditSmbpasswd(path, change) },
	}
}

func ksmbdpwdFile(path string) accountFile {
	return accountFile{
		flag: "ksmbdpwd", path: path,
		open: func() (fileAccounts, error) { return ntlm.OpenKsmbdpwd(path) },
		edit: func(change func(*ntlm.FileEdit) error) error { return ntlm.EditKsmbdpwd(path, change) },
	}
}
