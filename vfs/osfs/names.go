package osfs

import "strings"

// Clients can't have some characters in names, nor a space or a dot at the end. macOS sends
// others for them, as Services for Macintosh on Windows did: for control characters those
// with the same number from U+F001 on, and for the rest these.
const (
	substitutes = '\uF020' // of the characters of forbidden, in this order
	forbidden   = `"*:<>?\|`
	lastSpace   = '\uF028'
	lastDot     = '\uF029'
)

// local returns what name is called on the machine.
func (f *FS) local(name string) string {
	if f.opt.NativeNames && strings.Contains(name, "\xEF\x80") { // as the substitutes begin in UTF-8
		name = mapElements(name, nativeName)
	}
	return name
}

// remote is the reverse of local for one element of a name.
func (f *FS) remote(element string) string {
	if !f.opt.NativeNames {
		return element
	}
	return substituted(element)
}

func mapElements(name string, f func(string) string) string {
	parts := strings.Split(name, "/")
	for i, p := range parts {
		parts[i] = f(p)
	}
	return strings.Join(parts, "/")
}

// nativeName puts the characters in that those of an element stand for.
func nativeName(element string) string {
	element = strings.Map(func(r rune) rune {
		switch {
		case r > 0xF000 && r < 0xF020:
			return r - 0xF000
		case r >= substitutes && r < substitutes+rune(len(forbidden)):
			return rune(forbidden[r-substitutes])
		}
		return r
	}, element)
	if s, ok := strings.CutSuffix(element, string(lastSpace)); ok {
		return s + " "
	}
	// "." and ".." mean something else.
	if s, ok := strings.CutSuffix(element, string(lastDot)); ok && s != "" && s != "." {
		return s + "."
	}
	return element
}

// substituted is the reverse of nativeName.
func substituted(element string) string {
	element = strings.Map(func(r rune) rune {
		if r > 0 && r < 0x20 {
			return r + 0xF000
		}
		if i := strings.IndexRune(forbidden, r); i >= 0 {
			return substitutes + rune(i)
		}
		return r
	}, element)
	if s, ok := strings.CutSuffix(element, " "); ok {
		return s + string(lastSpace)
	}
	if s, ok := strings.CutSuffix(element, "."); ok && s != "" && s != "." {
		return s + string(lastDot)
	}
	return element
}
