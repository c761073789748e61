package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"unicode"
)

// checkValues finds flags whose value can't be meant.
func (c *config) checkValues() error {
	if err := checkServerName(c.name); err != nil {
		return err
	}
	if c.status < 0 {
		return errors.New("-status takes the time between two lists, as in 10s")
	}
	for _, s := range c.shares {
		if s.guest && (s.encrypt || c.encrypt) {
			return fmt.Errorf("share %s: guests can't encrypt, so none could come in: leave out guest or encrypt", s.name)
		}
	}
	if c.addShares != "" {
		return checkDir("-addshares", c.addShares)
	}
	return nil
}

// checkServerName refuses what can't be the name of a machine; clients are told what is
// before the first dot. Empty is that of the machine.
func checkServerName(name string) error {
	bad := func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("-_.", r)
	}
	if strings.HasPrefix(name, ".") || strings.ContainsFunc(name, bad) {
		return fmt.Errorf("-name %q is no name of a machine: letters, digits and - are", name)
	}
	return nil
}

// checkDir tells why a flag's value is no directory that can be served.
func checkDir(flag, path string) error {
	info, err := os.Stat(path)
	switch {
	case path == "" || errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("there is no directory %q: make it, or correct %s", path, flag)
	case err == nil && !info.IsDir():
		return fmt.Errorf("%q is a file: %s takes a directory", path, flag)
	}
	return explainDir(path, err)
}

// explainDir says what to do about a directory that can't be opened.
func explainDir(path string, err error) error {
	if errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("not allowed to read %q: start the server as a user who may, or change the permissions", path)
	}
	return err
}

// explainFile says what to do about a file of a flag that isn't there.
func explainFile(path string, err error, todo string) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("there is no file %q: %s", path, todo)
	}
	return err
}

// explainStore is explainFile for a file that is made where there is none.
func explainStore(path string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("-handles: there is no directory %q: make it, or correct -handles", filepath.Dir(path))
	}
	return fmt.Errorf("-handles: %w", err)
}
