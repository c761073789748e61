package smb

import (
	"context"
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs"
)

// maxDepth is how many elements a path may have. To find one that is spelled in another way, backends are
// asked for each of its directories by the whole path to it.
const maxDepth = 512

// parseName turns a name of the wire into one that backends understand, or says
// why it can't be one. It is the only way for a client's name to a backend; parsePath
// comes before it where the name may have a stream.
// [MS-FSCC] 2.1.5
func parseName(name string) (clean string, trailing bool, err error) {
	if name == "" {
		return ".", false, nil
	}
	if name[0] == '\\' {
		return "", false, smb2.StatusInvalidParameter
	}
	if len(name) > 32<<10*3 || !utf8.ValidString(name) {
		return "", false, smb2.StatusObjectNameInvalid
	}
	for strings.HasSuffix(name, `\`) {
		name, trailing = name[:len(name)-1], true
	}
	if strings.Count(name, `\`) >= maxDepth {
		return "", false, smb2.StatusObjectNameInvalid
	}
	parts := strings.Split(name, `\`)
	for i, p := range parts {
		p = directoryName(p)
		parts[i] = p
		if err := checkElement(p); err != nil {
			return "", false, err
		}
	}
	clean = joinPath(parts)
	if !fs.ValidPath(clean) {
		return "", false, smb2.StatusObjectNameInvalid
	}
	return clean, trailing, nil
}

// joinPath joins the elements of a path. What it returns shares nothing with the name of the wire, which may have
// been much longer.
func joinPath(parts []string) string {
	if len(parts) == 1 {
		return strings.Clone(parts[0])
	}
	return strings.Join(parts, "/")
}

// turnSlashes turns the slashes of a CREATE's name into backslashes, as Samba does and
// clients expect that were tested with it; those in the name of a stream stay, and are
// refused.
func turnSlashes(name string) string {
	file, stream, found := strings.Cut(name, ":")
	file = strings.ReplaceAll(file, "/", `\`)
	if !found {
		return file
	}
	return file + ":" + stream
}

// resolveDots removes "." and "..", which a CREATE may contain, from a name of the wire.
// It looks at the name only: what stands before ".." need not exist, and what leads
// above the share is refused. [MS-SMB2] 3.3.5.9, note 303; [MS-FSCC] 2.1.5.1
func resolveDots(name string) (string, error) {
	isDots := func(p string) bool { return p == "." || p == ".." }
	body := strings.TrimSuffix(name, `\`)
	parts := strings.Split(body, `\`)
	if !slices.ContainsFunc(parts, isDots) {
		return name, nil
	}
	if len(parts) > 2 && parts[1] == ".." && !isDots(parts[0]) {
		return "", smb2.StatusInvalidParameter // as on Windows
	}
	var out []string
	for _, p := range parts {
		switch {
		case p == ".." && len(out) == 0:
			return "", smb2.StatusObjectPathSyntaxBad
		case p == "..":
			out = out[:len(out)-1]
		case p == ".":
		default:
			if err := checkElement(p); err != nil {
				return "", err
			}
			out = append(out, p)
		}
	}
	if len(out) == 0 {
		return "", nil
	}
	return strings.Join(out, `\`) + name[len(body):], nil
}

// checkElement checks one element of a path.
func checkElement(p string) error {
	switch p {
	case "", ".":
		return smb2.StatusObjectNameInvalid
	case "..":
		return smb2.StatusObjectPathSyntaxBad
	}
	units := 0
	for _, r := range p {
		switch r {
		case '"', '*', '/', ':', '<', '>', '?', '|':
			return smb2.StatusObjectNameInvalid
		}
		if r < 0x20 {
			return smb2.StatusObjectNameInvalid
		}
		units++
		if r > 0xFFFF {
			units++
		}
	}
	if units > 255 {
		return smb2.StatusObjectNameInvalid
	}
	return nil
}

// plain are the bytes that an element may have anywhere.
var plain = func() (is [256]bool) {
	for c := ' '; c <= '~'; c++ {
		is[c] = !strings.ContainsRune(`"*/:<>?|\`, c)
	}
	return is
}()

// isPlain reports whether name is seen to be a good element, as most are, at one look.
func isPlain(name string) bool {
	for i := range len(name) {
		if !plain[name[i]] {
			return false
		}
	}
	return len(name) > len("..") && len(name) <= 255
}

// wireName is the reverse of parseName.
func wireName(name string) string {
	if name == "." {
		return ""
	}
	return strings.ReplaceAll(name, "/", `\`)
}

// foldPath returns what all spellings of a path have in common.
func foldPath(p string) string {
	for i := 0; i < len(p); i++ {
		if c := p[i]; c >= utf8.RuneSelf || 'a' <= c && c <= 'z' {
			return strings.Map(foldRune, p)
		}
	}
	return p
}

// foldRune maps a letter to its upper case, as NTFS compares names: one rune to
// one, whatever the language. Letters whose capital is another letter's, such as the dotless i's, are
// their own, but for the final sigma.
func foldRune(r rune) rune {
	if r < utf8.RuneSelf {
		if 'a' <= r && r <= 'z' {
			r -= 'a' - 'A'
		}
		return r
	}
	u := unicode.ToUpper(r)
	if unicode.ToLower(u) != r && r != 'ς' {
		return r
	}
	return u
}

// resolve returns how name is spelled in the backend. When it is missing, it
// returns fs.ErrNotExist and the name with its directory spelled right; when the
// directory is missing too, OBJECT_PATH_NOT_FOUND.
func (m *mount) resolve(ctx context.Context, name string) (string, error) {
	if name == "." {
		return ".", nil
	}
	dir, base := path.Split(name)
	dir = strings.TrimSuffix(dir, "/")
	if dir != "" {
		var err error
		if dir, err = m.resolveDir(ctx, dir); err != nil {
			return "", err
		}
	}
	found, err := m.find(ctx, dir, base)
	if err != nil {
		return path.Join(dir, base), err
	}
	return path.Join(dir, found), nil
}

// resolveDir resolves the directory that something is looked for in.
func (m *mount) resolveDir(ctx context.Context, dir string) (string, error) {
	if m.folder == nil || m.exact {
		attr, err := m.exists(ctx, dir)
		switch {
		case err == nil && (!attr.IsDir() || attr.ReparseTag != 0):
			return "", smb2.StatusObjectPathNotFound
		case err == nil:
			return dir, nil
		case !isMissing(err):
			return "", err
		}
	}
	found, err := m.resolve(ctx, dir)
	var attr vfs.Attr
	if err == nil {
		attr, err = m.exists(ctx, found)
	}
	if isMissing(err) || err == nil && (!attr.IsDir() || attr.ReparseTag != 0) {
		return "", smb2.StatusObjectPathNotFound
	}
	return found, err
}

// find returns how base is spelled in dir. Where files may differ in case only, the one that
// is spelled like this comes first.
func (m *mount) find(ctx context.Context, dir, base string) (string, error) {
	found, err := m.findFolded(ctx, dir, base)
	if err != nil || found == base || !m.exact {
		return found, err
	}
	exact, err := m.exists(ctx, path.Join(dir, base))
	if isMissing(err) {
		return found, nil
	}
	if other, e := m.exists(ctx, path.Join(dir, found)); e == nil && err == nil && other.ID == exact.ID && other.ID != 0 {
		return found, nil // the backend folds names after all
	}
	return base, err
}

// findFolded is find where the case doesn't matter.
func (m *mount) findFolded(ctx context.Context, dir, base string) (string, error) {
	if m.folder != nil {
		found, err := m.folder.Fold(ctx, path.Join(dir, base))
		if isMissing(err) {
			return m.findShort(ctx, dir, base)
		}
		if !errors.Is(err, errors.ErrUnsupported) {
			return path.Base(found), err
		}
	}
	if dir == "" {
		dir = "."
	}
	key := foldPath(base)
	if found, there, ok := m.names.find(ctx, m, dir, key); ok {
		if !there {
			return m.findShort(ctx, dir, base)
		}
		return found, nil
	}
	found, err := m.scan(ctx, dir, func(name string) bool { return foldPath(name) == key })
	if err == nil {
		m.names.learn(dir, key, found)
	}
	return found, err
}

// findShort looks for the file whose short name base is.
func (m *mount) findShort(ctx context.Context, dir, base string) (string, error) {
	key := foldPath(base)
	if !isMadeShort(key) {
		return "", fs.ErrNotExist
	}
	found, err := m.scan(ctx, dir, func(name string) bool { return shortName(name) == key })
	if err == nil {
		m.tunnel.note(dir, base, found)
	}
	return found, err
}

// scan looks through a directory for a name.
func (m *mount) scan(ctx context.Context, dir string, is func(name string) bool) (string, error) {
	if dir == "" {
		dir = "."
	}
	f, err := m.fs.Open(ctx, dir, vfs.OpenOptions{Access: vfs.ListDirectory | vfs.ReadAttributes})
	if err != nil {
		return "", err
	}
	defer f.Close()
	d, ok := vfs.As[vfs.DirReader](f)
	if !ok {
		return "", fs.ErrNotExist
	}
	for name, err := range namesIn(ctx, d) {
		if err != nil {
			return "", err
		}
		if is(name) {
			return name, nil
		}
	}
	return "", fs.ErrNotExist
}

// behind returns a path without its first n elements.
func behind(name string, n int) string {
	for ; n > 0; n-- {
		_, name, _ = strings.Cut(name, "/")
	}
	return name
}
