package netlogon

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
)

// renewedFile is the path of a file with a password that is changed now and then. The one
// that is to follow is in a file beside it, from before anybody else knows it until it is
// the password.
type renewedFile string

func (f renewedFile) next() string { return string(f) + ".new" }

// begin returns the password that is to follow, and has stored it: that of a change that
// was not finished, or one of make.
func (f renewedFile) begin(make func() string) (string, error) {
	switch password, err := readPassword(f.next()); {
	case err == nil:
		return password, nil
	case !errors.Is(err, fs.ErrNotExist):
		return "", err
	}
	password := make()
	dir := filepath.Dir(string(f))
	tmp, err := os.CreateTemp(dir, "."+filepath.Base(string(f))+"-*") // for the owner only
	if err != nil {
		return "", err
	}
	_, err = tmp.WriteString(password + "\n")
	err = errors.Join(err, tmp.Sync(), tmp.Close())
	if err == nil {
		err = os.Rename(tmp.Name(), f.next())
	}
	if err != nil {
		os.Remove(tmp.Name())
		return "", err
	}
	return password, syncDir(dir)
}

// end makes the password that is to follow the password.
func (f renewedFile) end() error {
	if err := os.Rename(f.next(), string(f)); err != nil {
		return err
	}
	return syncDir(filepath.Dir(string(f)))
}

// syncDir makes a change of a directory outlive a crash, on systems that can.
func syncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
