package smb2

import (
	"encoding/binary"
	"math"

	"github.com/gosmbd/smb/internal/utf16le"
)

// The structures of [MS-FSCC] stand alone: their parsers take the buffer of a
// message, not the message, and offsets count from its start. A buffer that
// can't hold the fixed part is StatusInfoLengthMismatch ([MS-FSA] 2.1.5.12 and
// 2.1.5.15 say so for one class after the other), a length that points out of the
// buffer StatusInvalidParameter. Bytes after the structure are ignored.

// fixedInfo returns the first n bytes of an information structure.
func fixedInfo(b []byte, n int) (cursor, error) {
	if len(b) < n {
		return nil, StatusInfoLengthMismatch
	}
	return cursor(b[:n]), nil
}

func (c *cursor) i64() int64         { return int64(c.u64()) }
func (c *cursor) bool() bool         { return c.u8() != 0 }
func (c *cursor) fileTime() FileTime { return FileTime(c.u64()) }

func (w *builder) i64(v int64)         { w.u64(uint64(v)) }
func (w *builder) fileTime(v FileTime) { w.u64(uint64(v)) }
func (w *builder) bool(v bool) {
	if v {
		w.u8(1)
	} else {
		w.u8(0)
	}
}

// longName appends a length of 32 bits and the name.
func (w *builder) longName(s string) {
	w.u32(uint32(utf16le.Len(s)))
	w.name(s)
}

// nameAt returns the name of length bytes that begins at b[from]. The caller
// has checked that from is within b.
func nameAt(b []byte, from int, length uint32) (string, error) {
	if uint64(length) > uint64(len(b)-from) {
		return "", StatusInvalidParameter
	}
	return decodeName(b[from : from+int(length)])
}

// nextEntry splits the first entry off a list whose entries begin with
// NextEntryOffset. fixed is the length of the fixed part of an entry; rest is
// nil after the last.
func nextEntry(b []byte, fixed int) (entry, rest []byte, err error) {
	if len(b) < fixed {
		return nil, nil, StatusInfoLengthMismatch
	}
	next := binary.LittleEndian.Uint32(b)
	if next == 0 {
		return b, nil, nil
	}
	// At least the fixed part of another entry has to follow, so a list that
	// parses always makes progress and ends.
	if uint64(next) < uint64(fixed) || uint64(next)+uint64(fixed) > uint64(len(b)) {
		return nil, nil, StatusInvalidParameter
	}
	return b[:next], b[next:], nil
}

// parseList parses a list of entries. An empty buffer is an empty list.
func parseList[E any](b []byte, fixed int, parse func([]byte) (E, error)) ([]E, error) {
	var list []E
	for len(b) > 0 {
		entry, rest, err := nextEntry(b, fixed)
		if err != nil {
			return nil, err
		}
		e, err := parse(entry)
		if err != nil {
			return nil, err
		}
		list = append(list, e)
		b = rest
	}
	return list, nil
}

// appendList appends as many entries as max bytes can hold and returns how many
// those are. add appends one entry with 0 for its NextEntryOffset; each entry but
// the first begins at a multiple of align from the start of the list.
func appendList[E any](dst []byte, list []E, align, max int, add func([]byte, E) []byte) ([]byte, int) {
	start, last := len(dst), len(dst)
	for i, e := range list {
		end := len(dst)
		at := start + (end-start+align-1)/align*align
		dst = append(dst, make([]byte, at-end)...)
		dst = add(dst, e)
		if len(dst)-start > max {
			return dst[:end], i
		}
		if i > 0 {
			binary.LittleEndian.PutUint32(dst[last:], uint32(at-last))
		}
		last = at
	}
	return dst, len(list)
}

// noMax lets appendList append everything.
const noMax = math.MaxInt
