// Package utf16le converts between Go strings and the little-endian UTF-16 that
// SMB carries.
//
// A file name on the wire is a sequence of 16-bit units that need not be valid
// UTF-16: NTFS stores lone surrogates. They become the three bytes that UTF-8
// would have for them (the encoding called WTF-8), so that a name survives the
// way in and out again. Such a string is not valid UTF-8; all others are.
package utf16le

import (
	"encoding/binary"
	"errors"
	"slices"
	"strings"
	"unicode/utf8"
)

// ErrOddLength is returned by Decode for half a code unit.
var ErrOddLength = errors.New("utf16le: odd number of bytes")

// Decode returns the string that b encodes. Lone surrogates are kept, as the
// package comment tells; NULs and a byte order mark are kept too. The only error
// is ErrOddLength.
func Decode(b []byte) (string, error) {
	if len(b)%2 != 0 {
		return "", ErrOddLength
	}
	if len(b) == 0 {
		return "", nil
	}
	var s strings.Builder
	s.Grow(decodedLen(b))
	for len(b) > 0 {
		var r rune
		r, b = next(b)
		if isSurrogate(r) {
			s.WriteByte(0xE0 | byte(r>>12))
			s.WriteByte(0x80 | byte(r>>6)&0x3F)
			s.WriteByte(0x80 | byte(r)&0x3F)
			continue
		}
		s.WriteRune(r)
	}
	return s.String(), nil
}

// Append appends the encoding of s to dst. The bytes of a lone surrogate become
// that surrogate again; any other byte that isn't UTF-8 becomes U+FFFD.
func Append(dst []byte, s string) []byte {
	n := ascii(s)
	dst = slices.Grow(dst, 2*n)
	for i := range n {
		dst = append(dst, s[i], 0)
	}
	s = s[n:]
	for len(s) > 0 {
		r, n := decodeRune(s)
		s = s[n:]
		if r >= 0x10000 {
			r -= 0x10000
			dst = binary.LittleEndian.AppendUint16(dst, uint16(0xD800+r>>10))
			dst = binary.LittleEndian.AppendUint16(dst, uint16(0xDC00+r&0x3FF))
			continue
		}
		dst = binary.LittleEndian.AppendUint16(dst, uint16(r))
	}
	return dst
}

// Len returns the number of bytes that Append appends for s.
func Len(s string) int {
	n := ascii(s)
	s = s[n:]
	n *= 2
	for len(s) > 0 {
		r, size := decodeRune(s)
		s = s[size:]
		n += 2
		if r >= 0x10000 {
			n += 2
		}
	}
	return n
}

// ascii returns how many bytes of s come before the first that isn't ASCII.
func ascii(s string) int {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return i
		}
	}
	return len(s)
}

// next takes one code point, or one lone surrogate, off b, which holds at least
// one unit.
func next(b []byte) (rune, []byte) {
	r := rune(binary.LittleEndian.Uint16(b))
	b = b[2:]
	if r&^0x3FF != 0xD800 || len(b) < 2 {
		return r, b
	}
	low := rune(binary.LittleEndian.Uint16(b))
	if low&^0x3FF != 0xDC00 {
		return r, b
	}
	return 0x10000 + (r-0xD800)<<10 + (low - 0xDC00), b[2:]
}

// decodedLen is the exact size of the string, so that Decode allocates once.
func decodedLen(b []byte) int {
	n := 0
	for len(b) > 0 {
		var r rune
		r, b = next(b)
		if isSurrogate(r) {
			n += 3
		} else {
			n += utf8.RuneLen(r)
		}
	}
	return n
}

// decodeRune is utf8.DecodeRuneInString that knows surrogates too. s is not
// empty.
func decodeRune(s string) (rune, int) {
	if c := s[0]; c < utf8.RuneSelf {
		return rune(c), 1
	}
	if len(s) >= 3 && s[0] == 0xED && s[1]&0xE0 == 0xA0 && s[2]&0xC0 == 0x80 {
		return 0xD000 | rune(s[1]&0x3F)<<6 | rune(s[2]&0x3F), 3
	}
	return utf8.DecodeRuneInString(s)
}

func isSurrogate(r rune) bool { return r&^0x7FF == 0xD800 }
