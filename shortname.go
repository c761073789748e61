package smb

import (
	"fmt"
	"path"
	"strconv"
	"strings"
	"sync"
	"time"
)

// shortName returns the 8.3 name that clients are shown for a name: itself, in
// capitals, if it is one, and else one made from it, by which it can be opened as
// long as no other file has it, too. Listings don't show short names, as on a volume
// that makes none; but some clients give up where there is none to ask for.
func shortName(name string) string {
	up := foldPath(name)
	ext := path.Ext(up)
	stem := strings.TrimSuffix(up, ext)
	ext = strings.TrimPrefix(ext, ".")
	s, e := shortChars(stem), shortChars(ext)
	if s == stem && e == ext && 0 < len(s) && len(s) <= 8 && len(e) <= 3 {
		return up
	}
	s = fmt.Sprintf("%.3s~%04X", s, hashString(up)&0xFFFF)
	if e == "" {
		return s
	}
	return s + "." + e[:min(3, len(e))]
}

// isMadeShort reports whether name, in capitals, is one that shortName makes.
func isMadeShort(name string) bool {
	stem, ext, dot := strings.Cut(name, ".")
	n := len(stem) - len("~1234")
	if n < 0 || n > 3 || stem[n] != '~' || len(ext) > 3 || dot && ext == "" {
		return false
	}
	_, err := strconv.ParseUint(stem[n+1:], 16, 16)
	return err == nil && shortChars(stem[:n]) == stem[:n] && shortChars(ext) == ext
}

// shortChars removes what a short name can't hold. [MS-FSCC] 2.1.5.2.1
func shortChars(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("!#$%&'()-@^_`{}~", r) {
			return r
		}
		return -1
	}, s)
}

// tunnel remembers for a while which long names were found by their short ones,
// so that a program that removes a file by its short name and makes it again
// doesn't lose the long one. [MS-FSA] 2.1.1.2, TunnelCacheEntry
type tunnel struct {
	mu    sync.Mutex
	names map[string]tunneled // by folded path with the short name
}

type tunneled struct {
	name string
	at   time.Time
}

const (
	tunnelTime = 15 * time.Second
	tunnelSize = 1024
)

// note remembers that short in dir stands for name.
func (t *tunnel) note(dir, short, name string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.names == nil || len(t.names) >= tunnelSize {
		t.names = make(map[string]tunneled)
	}
	t.names[foldPath(path.Join(dir, short))] = tunneled{name, time.Now()}
}

// restore returns what a new file that is to be called full should be called.
func (t *tunnel) restore(full string) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if e, ok := t.names[foldPath(full)]; ok && time.Since(e.at) < tunnelTime {
		return path.Join(path.Dir(full), e.name)
	}
	return full
}
