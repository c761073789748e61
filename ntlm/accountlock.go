package ntlm

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"
)

// lockedFile is a file that nobody else changes meanwhile.
type lockedFile struct {
	path string
	file *os.File
	info os.FileInfo
	made bool // there was none
	lock locker
}

// lockFile opens the file at path and locks it. It creates an empty one if there is
// none.
func lockFile(path string) (*lockedFile, error) {
	made := false
	for end := time.Now().Add(lockTime); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
		made = made || err == nil
		if os.IsExist(err) {
			f, err = os.OpenFile(path, os.O_RDWR, 0)
			if _, there := os.Lstat(path); os.IsNotExist(err) && os.IsNotExist(there) {
				continue // removed in between
			}
		}
		if err != nil {
			return nil, err
		}
		l := &lockedFile{path: path, file: f, made: made}
		switch ok, err := l.lock.try(f); {
		case err != nil:
			f.Close()
			return nil, err
		case !ok:
			f.Close()
		case l.current():
			return l, nil
		default: // it was replaced before it was locked
			l.unlock()
		}
	}
	return nil, fmt.Errorf("%s: %w", path, errEditBusy)
}

// current reports whether the file that is open is still the one at its path.
func (l *lockedFile) current() bool {
	var err error
	if l.info, err = l.file.Stat(); err != nil {
		return false
	}
	now, err := os.Stat(l.path)
	return err == nil && os.SameFile(l.info, now)
}

// unlock ends the change. A file that was made for it and not replaced is removed.
func (l *lockedFile) unlock() {
	if l.made && l.info != nil && l.info.Size() == 0 && l.current() {
		os.Remove(l.path)
	}
	l.lock.release(l.file)
	l.file.Close()
}

func (l *lockedFile) read() ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(l.file, maxAccountFile+1))
	if err == nil && len(text) > maxAccountFile {
		err = errTooLarge
	}
	return text, err
}

// replace puts a new file in the place of this one, so that who reads it finds the one
// or the other, also after a crash.
func (l *lockedFile) replace(text []byte) (err error) {
	dir := filepath.Dir(l.path)
	tmp, err := os.CreateTemp(dir, "."+filepath.Base(l.path)+"-*") // for the owner only
	if err != nil {
		return fmt.Errorf("ntlm: %w", err)
	}
	defer func() {
		if err != nil {
			tmp.Close()
			os.Remove(tmp.Name())
			err = fmt.Errorf("ntlm: %w", err)
		}
	}()
	if _, err = tmp.Write(text); err != nil {
		return err
	}
	// The owner first: a change of it may take bits away.
	if err = keepOwner(tmp, l.info); err != nil {
		return err
	}
	if err = tmp.Chmod(l.info.Mode().Perm() &^ 0o007); err != nil {
		return err
	}
	if err = tmp.Sync(); err != nil {
		return err
	}
	if err = tmp.Close(); err != nil {
		return err
	}
	if err = beforeRename(l.file); err != nil {
		return err
	}
	if err = os.Rename(tmp.Name(), l.path); err != nil {
		return err
	}
	return syncDir(dir)
}
