package smb

import (
	"context"
	"errors"
	"io/fs"
	"path"
	"strings"

	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs"
)

// Reparse points as the backend has them, and symbolic links in the forms of the wire
// and of backends.

// hasReparse reports whether objects can be reparse points, as far as the root tells.
func hasReparse(ctx context.Context, root vfs.File) bool {
	r, ok := vfs.As[vfs.Reparser](root)
	if !ok {
		return false
	}
	_, err := r.ReparsePoint(ctx)
	return !errors.Is(err, errors.ErrUnsupported)
}

// symlinkerOf returns what makes links of the backend's own, nil if it has none.
func symlinkerOf(ctx context.Context, fsys vfs.FS) vfs.Symlinker {
	s, ok := vfs.As[vfs.Symlinker](fsys)
	if !ok {
		return nil
	}
	if _, err := s.Readlink(ctx, "."); errors.Is(err, errors.ErrUnsupported) {
		return nil
	}
	return s
}

// reparsePoint returns what the object called name, which f is open on, is. a are its
// attributes.
func (m *mount) reparsePoint(ctx context.Context, f vfs.File, name string, a vfs.Attr) (vfs.ReparsePoint, error) {
	switch {
	case a.ReparseTag == 0:
		return vfs.ReparsePoint{}, vfs.ErrNotReparsePoint
	case isSymlink(a) && m.symlinker != nil:
		target, err := m.symlinker.Readlink(ctx, name)
		if err != nil {
			return vfs.ReparsePoint{}, err
		}
		return symlinkPoint(target)
	}
	r, ok := vfs.As[vfs.Reparser](f)
	if !ok {
		return vfs.ReparsePoint{}, vfs.ErrNotReparsePoint
	}
	p, err := r.ReparsePoint(ctx)
	if err == nil && (p.Tag != a.ReparseTag || len(p.Data) > vfs.MaxReparseData) {
		err = smb2.StatusIoReparseDataInvalid
	}
	return p, err
}

// isSymlink reports whether a is a link of the backend's own.
func isSymlink(a vfs.Attr) bool { return a.Mode&fs.ModeSymlink != 0 }

// reparseBuffer returns p in the form of the wire.
func reparseBuffer(p vfs.ReparsePoint) []byte {
	return smb2.ReparseDataBuffer{Tag: p.Tag, GUID: p.GUID, Data: p.Data}.Append(nil)
}

// symlinkPoint returns the reparse point that stands for a link to target. One that is
// absolute on the server's machine means nothing to a client, but it is what is there.
func symlinkPoint(target string) (vfs.ReparsePoint, error) {
	l := smb2.SymbolicLinkReparse{SubstituteName: strings.ReplaceAll(target, "/", `\`)}
	l.PrintName = l.SubstituteName
	if !path.IsAbs(target) {
		l.Flags = smb2.SymlinkFlagRelative
	}
	b := l.Append(nil)
	r, err := smb2.ParseReparseDataBuffer(b)
	if err != nil || strings.ContainsRune(target, '\\') {
		return vfs.ReparsePoint{}, smb2.StatusIoReparseDataInvalid // too long, or not to be expressed
	}
	return vfs.ReparsePoint{Tag: r.Tag, Data: r.Data}, nil
}

// symlinkTarget returns l as a Symlinker understands it, for a link called name. It is
// not ok if l can't be expressed: absolute, out of the share, or with what no name can
// have. Such a link is kept as the client wrote it, where that is possible.
func symlinkTarget(l smb2.SymbolicLinkReparse, name string) (target string, ok bool) {
	s := l.SubstituteName
	if l.Flags&smb2.SymlinkFlagRelative == 0 || s == "" || s[0] == '\\' || strings.ContainsRune(s, '/') {
		return "", false
	}
	depth := strings.Count(name, "/")
	parts := strings.Split(s, `\`)
	for i, p := range parts {
		switch p {
		case "..":
			depth--
		case ".":
		default:
			if p == "" && i == len(parts)-1 && i > 0 {
				break // a separator at the end
			}
			if checkElement(p) != nil {
				return "", false
			}
			depth++
		}
		if depth < 0 {
			return "", false
		}
	}
	return strings.Join(parts, "/"), true
}
