package smb

import (
	"strings"

	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs"
)

// Symbolic links are kept as Windows writes them, with backslashes. To POSIX opens their
// targets have slashes, and a backslash is a character like others.

// slashes returns the reparse point as POSIX clients have it.
func slashes(p vfs.ReparsePoint) vfs.ReparsePoint {
	return reseparated(p, `\`, "/")
}

// backslashes is the reverse. A target with backslashes in it can't be expressed, and is
// kept as it is.
func backslashes(p vfs.ReparsePoint) vfs.ReparsePoint {
	return reseparated(p, "/", `\`)
}

func reseparated(p vfs.ReparsePoint, from, to string) vfs.ReparsePoint {
	if p.Tag != vfs.TagSymlink {
		return p
	}
	l, err := smb2.ParseSymbolicLinkReparse(reparseBuffer(p))
	if err != nil || strings.Contains(l.SubstituteName, to) {
		return p
	}
	l.SubstituteName = strings.ReplaceAll(l.SubstituteName, from, to)
	l.PrintName = strings.ReplaceAll(l.PrintName, from, to)
	b, err := smb2.ParseReparseDataBuffer(l.Append(nil))
	if err != nil {
		return p
	}
	return vfs.ReparsePoint{Tag: b.Tag, Data: b.Data}
}
