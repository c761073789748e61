// Package aferofs serves any file system of github.com/spf13/afero.
//
// # What is lost
//
// afero has no object identity, hard links, DOS attributes, creation times,
// volume sizes or case folding, so the server's defaults apply. Times of last
// access can be set and not read. Symbolic links are followed wherever they
// lead, out of an afero.BasePathFs too: use package osfs for a directory of
// the machine.
//
// afero doesn't promise that creating is exclusive, that renaming minds what
// it replaces or that only empty directories can be removed, and
// afero.MemMapFs does none of it. The adapter checks first, so these rules
// hold among all that goes through one adapter; make one for an afero.Fs, not
// several.
//
// In an afero.CopyOnWriteFs what only the lower layer has can't be removed or renamed,
// which is fs.ErrPermission. Of what both have the upper one goes, and the lower one shows.
//
// Such a file is copied when it is changed first, if New has the CopyOnWriteFs itself and
// its upper layer is an afero.MemMapFs; in all other cases when it is opened for writing,
// which clients do to look at it. One too large for memory can't be changed: vfs.ErrNoSpace.
//
// Files of afero's zipfs are read into memory when first read and kept while open, within
// vfs.MaxHeldFile and vfs.MaxHeld, as vfs.FromFS does. That takes a zip.Reader itself, which
// needs half of the memory meanwhile.
package aferofs

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/spf13/afero"

	"github.com/gosmbd/smb/internal/deepest"
	"github.com/gosmbd/smb/vfs"
)

// New returns a view of fsys, which should not be changed by other means
// meanwhile. A read-only fsys works: it refuses what would change it.
//
// Names are passed as they are, without a slash in front, as afero.NewIOFS
// does: afero.NewOsFs shows the working directory, and afero.MemMapFs finds
// what was created under relative names. To have other names, wrap fsys with
// afero.NewBasePathFs, whose base may be "/".
func New(fsys afero.Fs) vfs.FS {
	f := &aferoFS{
		afero: fsys,
		zip:   vfs.FromFS(sequential{fsys}),
		open:  make(map[*handle]*file),
	}
	_, f.copying.on = fsys.(*afero.CopyOnWriteFs)
	return f
}

type aferoFS struct {
	afero afero.Fs
	zip   vfs.FS // the content of files in zip archives

	copying copying

	// mu keeps names as they are: those who change what names there are, or
	// the names of handles, hold it for writing, and those who use a name for
	// reading. It is held while calling afero, which may be slow.
	mu sync.RWMutex

	openMu sync.Mutex        // a leaf
	open   map[*handle]*file // nil for directories
}

var (
	_ vfs.Creator = (*aferoFS)(nil)
	_ vfs.Remover = (*aferoFS)(nil)
	_ vfs.Renamer = (*aferoFS)(nil)
)

func (f *aferoFS) Open(_ context.Context, name string, opt vfs.OpenOptions) (vfs.File, error) {
	defer f.lock(opt.Writes())()
	fi, err := f.stat(name)
	if err != nil {
		return nil, pathError("open", name, err)
	}
	flag, lower := os.O_RDONLY, f.isLower(fi)
	switch {
	case fi.IsDir() || lower:
	case fi.Mode()&(fs.ModeNamedPipe|fs.ModeSocket|fs.ModeDevice) != 0:
		// Opening a pipe would block.
		return nil, pathError("open", name, fs.ErrPermission)
	case opt.Writes() && opt.Reads():
		flag = os.O_RDWR
	case opt.Writes():
		flag = os.O_WRONLY
	}
	file, err := f.afero.OpenFile(native(name), flag, 0)
	if err == nil && flag == os.O_RDONLY && isZip(fi) && !fi.IsDir() {
		file, err = f.inflate(file, name)
	}
	if err != nil {
		return nil, err
	}
	return f.handle(file, name, fi.IsDir(), lower, opt), nil
}

func (f *aferoFS) Create(_ context.Context, name string, opt vfs.CreateOptions) (vfs.File, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, err := f.stat(name); err == nil {
		return nil, pathError("create", name, fs.ErrExist)
	} else if !errors.Is(err, fs.ErrNotExist) {
		return nil, pathError("create", name, err)
	}
	// MemMapFs would make the directories.
	if err := f.checkParent(name); err != nil {
		return nil, pathError("create", name, err)
	}
	flag := os.O_RDWR | os.O_CREATE | os.O_EXCL
	if opt.Directory {
		if err := f.afero.Mkdir(native(name), 0o777); err != nil {
			return nil, err
		}
		flag = os.O_RDONLY
	}
	file, err := f.afero.OpenFile(native(name), flag, 0o666)
	if err != nil {
		return nil, err
	}
	return f.handle(file, name, opt.Directory, false, opt.OpenOptions), nil
}

func (f *aferoFS) Remove(_ context.Context, name string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	fi, err := f.stat(name)
	if err == nil && name == "." {
		err = fs.ErrInvalid
	}
	if err == nil && fi.IsDir() {
		err = f.checkEmpty(name)
	}
	if err == nil {
		err = f.unlink(name)
	}
	if err != nil {
		return pathError("remove", name, err)
	}
	f.moved(name, "")
	return nil
}

func (f *aferoFS) Rename(_ context.Context, oldname, newname string, replace bool) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	err := f.rename(oldname, newname, replace)
	if err != nil {
		return &os.LinkError{Op: "rename", Old: oldname, New: newname, Err: err}
	}
	return nil
}

func (f *aferoFS) rename(oldname, newname string, replace bool) error {
	from, err := f.stat(oldname)
	switch {
	case err != nil:
		return err
	case oldname == "." || newname == "." || strings.HasPrefix(newname, oldname+"/"):
		return fs.ErrInvalid
	case oldname == newname:
		return nil
	}
	to, err := f.stat(newname)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		err = f.checkParent(newname)
	case err != nil:
	case os.SameFile(from, to) && strings.EqualFold(oldname, newname):
		// The file system below ignores case, and the case is to change.
	case !replace:
		err = fs.ErrExist
	default:
		err = f.makeWay(from, to, newname)
	}
	if err != nil {
		return err
	}
	if err := f.afero.Rename(native(oldname), native(newname)); err != nil {
		return err
	}
	f.moved(oldname, newname)
	return nil
}

// makeWay checks that from may replace to and removes it if it's a directory,
// which afero.Rename doesn't replace; for files it does.
func (f *aferoFS) makeWay(from, to fs.FileInfo, name string) error {
	switch {
	case to.IsDir() && !from.IsDir():
		return vfs.ErrIsDir
	case !to.IsDir() && from.IsDir():
		return vfs.ErrNotDir
	case to.IsDir():
		if err := f.checkEmpty(name); err != nil {
			return err
		}
		if err := f.unlink(name); err != nil {
			return err
		}
	case slices.ContainsFunc(f.lowerAt(name), func(x *file) bool { return x.writes }):
		// Who may write to it needs a file to write to.
		if err := f.copyUp(name); err != nil {
			return err
		}
	}
	f.moved(name, "")
	return nil
}

// unlink removes a name that is there. afero.CopyOnWriteFs says of one in its lower layer,
// which stays, that there is none, and the server takes that for success.
func (f *aferoFS) unlink(name string) error {
	err := f.afero.Remove(native(name))
	if errors.Is(err, fs.ErrNotExist) {
		if _, still := f.stat(name); still == nil {
			return fs.ErrPermission
		}
	}
	return err
}

// moved gives the handles of an object, and of those below it, another name. What is in the
// lower layer stays there.
func (f *aferoFS) moved(oldname, newname string) {
	f.openMu.Lock()
	defer f.openMu.Unlock()
	for h, x := range f.open {
		switch {
		case h.name == oldname:
			h.name = newname
		case x != nil && x.lower:
		case h.name != "" && strings.HasPrefix(h.name, oldname+"/"):
			h.name = newname + h.name[len(oldname):]
		}
	}
}

// stat tells what is at name, following links, or why nothing can be.
func (f *aferoFS) stat(name string) (fs.FileInfo, error) {
	if !fs.ValidPath(name) {
		return nil, fs.ErrInvalid
	}
	fi, err := f.afero.Stat(native(name))
	if err == nil {
		return fi, nil
	}
	// Whatever afero calls it, below a file there can be nothing.
	if deepest.IsFile(name, func(dir string) (fs.FileInfo, error) { return f.afero.Stat(native(dir)) }) {
		return nil, vfs.ErrNotDir
	}
	return nil, err
}

func (f *aferoFS) checkParent(name string) error {
	fi, err := f.stat(path.Dir(name))
	if err == nil && !fi.IsDir() {
		err = vfs.ErrNotDir
	}
	return err
}

func (f *aferoFS) checkEmpty(name string) error {
	d, err := f.afero.Open(native(name))
	if err != nil {
		return err
	}
	defer d.Close()
	if names, _ := d.Readdirnames(1); len(names) > 0 {
		return vfs.ErrNotEmpty
	}
	return nil
}

func native(name string) string { return filepath.FromSlash(name) }

func pathError(op, name string, err error) error {
	return &fs.PathError{Op: op, Path: name, Err: err}
}
