package smb

import "unicode/utf8"

// matchPattern reports whether a folded name matches a folded pattern, in which
// * and ? mean what they do on NTFS, and < > and " what DOS meant by * ? and
// dot. [MS-FSA] 2.1.4.4
//
// It follows all ways to match at once, so that its cost is bounded by the
// product of the lengths.
func matchPattern(pattern, name string) bool {
	if pattern == "*" {
		return true
	}
	pat := []rune(pattern)
	// at[i]: pat[:i] matches what has been read of the name.
	at := make([]bool, len(pat)+1)
	next := make([]bool, len(pat)+1)
	at[0] = true
	lastDot := -1
	for i := 0; i < len(name); i++ {
		if name[i] == '.' {
			lastDot = i
		}
	}
	for i := 0; i < len(name); {
		r, n := utf8.DecodeRuneInString(name[i:])
		skipEmpty(pat, at, r)
		clear(next)
		for j, p := range pat {
			if !at[j] {
				continue
			}
			switch p {
			case '*':
				next[j] = true
			case '<':
				// Takes all up to the last dot.
				if i != lastDot {
					next[j] = true
				}
			case '?':
				next[j+1] = true
			case '>':
				if r != '.' {
					next[j+1] = true
				}
			case '"':
				if r == '.' {
					next[j+1] = true
				}
			default:
				if p == r {
					next[j+1] = true
				}
			}
		}
		at, next = next, at
		i += n
	}
	skipEmpty(pat, at, -1)
	return at[len(pat)]
}

// skipEmpty adds the positions that are reached without reading anything, before
// r, or at the end of the name (-1).
func skipEmpty(pat []rune, at []bool, r rune) {
	for j, p := range pat {
		if !at[j] {
			continue
		}
		switch p {
		case '*', '<':
			at[j+1] = true
		case '>':
			if r == '.' || r < 0 {
				at[j+1] = true
			}
		case '"':
			if r < 0 {
				at[j+1] = true
			}
		}
	}
}
