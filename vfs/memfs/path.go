package memfs

import (
	"io/fs"
	"strings"
	"time"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/gosmbd/smb/vfs"
)

// maxName is the longest element of a name, in UTF-16 units.
const maxName = 255

// place is where a name is or would be: an element of a directory. The root
// has no directory.
type place struct {
	dir   *directory
	elem  string
	entry *entry // nil if there is none
}

func (p place) exists() bool { return p.dir == nil || p.entry != nil }

func (p place) cost() int64 { return nameCost + 2*int64(len(p.elem)) }

// insert gives n the name.
func (p place) insert(n *node, now time.Time) {
	elem := strings.Clone(p.elem) // not the whole path, which isn't counted
	p.dir.add(elem, p.dir.key(elem), n)
	n.addLink(+1, now)
	p.dir.node.touch(now)
}

// find finds the place of a name. FS.mu is held.
func (f *FS) find(name string) (place, error) {
	if !fs.ValidPath(name) {
		return place{}, fs.ErrInvalid
	}
	d := f.rootNode().dir
	if name == "." {
		return place{}, nil
	}
	for {
		elem, rest, more := strings.Cut(name, "/")
		e := d.find(elem)
		if !more {
			return place{d, elem, e}, nil
		}
		if e == nil {
			return place{}, fs.ErrNotExist
		}
		if e.node.dir == nil {
			return place{}, vfs.ErrNotDir
		}
		d, name = e.node.dir, rest
	}
}

// place is find for a name that will be made or changed.
func (f *FS) place(name string) (place, error) {
	at, err := f.find(name)
	if err == nil && at.entry == nil && utf16Len(at.elem) > maxName {
		err = vfs.ErrNameTooLong
	}
	return at, err
}

// lookup finds an object. FS.mu is held.
func (f *FS) lookup(name string) (*node, error) {
	at, err := f.find(name)
	switch {
	case err != nil:
		return nil, err
	case at.dir == nil:
		return f.rootNode(), nil
	case at.entry == nil:
		return nil, fs.ErrNotExist
	}
	return at.entry.node, nil
}

// key returns what all spellings of a name in d have in common.
func (d *directory) key(elem string) string {
	if d.exact {
		return elem
	}
	return fold(elem)
}

func (d *directory) find(elem string) *entry {
	if d.exact {
		return d.byKey[elem]
	}
	var buf [128]byte
	return d.byKey[string(appendFold(buf[:0], elem))]
}

// fold returns the form that names which differ in case only have in common:
// each rune is replaced by the smallest one that simple folding equates.
func fold(s string) string { return string(appendFold(nil, s)) }

func appendFold(dst []byte, s string) []byte {
	for _, r := range s {
		switch {
		case 'a' <= r && r <= 'z':
			dst = append(dst, byte(r)-'a'+'A')
		case r < utf8.RuneSelf:
			dst = append(dst, byte(r))
		default:
			dst = utf8.AppendRune(dst, smallest(r))
		}
	}
	return dst
}

func smallest(r rune) rune {
	least := r
	for o := unicode.SimpleFold(r); o != r; o = unicode.SimpleFold(o) {
		least = min(least, o)
	}
	return least
}

func utf16Len(s string) int {
	n := 0
	for _, r := range s {
		n += utf16.RuneLen(r)
	}
	return n
}
