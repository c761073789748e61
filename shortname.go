package smb

import (
	"fmt"
	"path"
	"strings"
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

// shortChars removes what a short name can't hold. [MS-FSCC] 2.1.5.2.1
func shortChars(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("!#$%&'()-@^_`{}~", r) {
			return r
		}
		return -1
	}, s)
}
