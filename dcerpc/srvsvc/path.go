package srvsvc

import (
	"context"
	"strings"
	"unicode/utf16"

	"github.com/gosmbd/smb/dcerpc/internal/netapi"
	"github.com/gosmbd/smb/dcerpc/ndr"
	"github.com/gosmbd/smb/internal/utf16le"
)

// The types of a path, [MS-SRVS] 2.2.2.9. One with wildcards has pathWildcard besides.
const (
	pathUNC         = 4096
	pathUNCComputer = 4144
	pathUNCAny      = 4145
	pathRelative    = 8192
	pathAbsolute    = 8194
	pathDrive       = 8198
	pathDeviceDisk  = 16384
	pathDeviceLPT   = 16400
	pathDeviceCOM   = 16416

	pathWildcard = 1
)

// The longest paths, in 16-bit units.
const (
	maxPath    = 260
	maxOldPath = 128
)

// typeOfPath finds the type of a path that has been checked for length, [MS-SRVS]
// 3.1.1.9; false if it can't be a path.
func typeOfPath(path string) (uint32, bool) {
	upper := strings.ToUpper(path)
	wild := func(kind uint32, rest string) (uint32, bool) {
		if strings.ContainsAny(rest, "*?") {
			kind |= pathWildcard
		}
		return kind, true
	}
	switch {
	case strings.ContainsAny(path, `<>"|`):
		return 0, false
	case strings.HasPrefix(path, `\\`):
		return typeOfUNC(path[2:], wild)
	case strings.HasPrefix(upper, `\DEV\`):
		return deviceType(upper[len(`\DEV\`):])
	case strings.HasPrefix(path, `\`):
		return wild(pathAbsolute, path)
	case len(path) >= 2 && path[1] == ':' && 'A' <= upper[0] && upper[0] <= 'Z':
		if len(path) == 2 {
			return pathDeviceDisk, true
		}
		return wild(pathDrive, path)
	}
	if kind, ok := deviceType(upper); ok {
		return kind, true
	}
	return wild(pathRelative, path)
}

// typeOfUNC is typeOfPath for what follows two backslashes.
func typeOfUNC(rest string, wild func(uint32, string) (uint32, bool)) (uint32, bool) {
	computer, path, below := strings.Cut(rest, `\`)
	switch {
	case computer == "." && below:
		return wild(pathDrive, path)
	case rest == "*":
		return pathUNCAny, true
	case computer == "", computer == ".", strings.HasPrefix(computer, "*"):
		return 0, false
	case !below:
		return pathUNCComputer, true
	case path == "":
		return 0, false
	}
	return wild(pathUNC, path)
}

// deviceType finds the type of a name like LPT1 or COM2: in upper case.
func deviceType(name string) (uint32, bool) {
	number := func(prefix string) bool {
		n, ok := strings.CutPrefix(strings.TrimSuffix(name, ":"), prefix)
		return ok && n != "" && strings.Trim(n, "0123456789") == ""
	}
	switch {
	case number("LPT"):
		return pathDeviceLPT, true
	case number("COM"):
		return pathDeviceCOM, true
	}
	return 0, false
}

// checkPath finds the type of a path that a client sent, [MS-SRVS] 3.1.4.29. old asks for
// the rules of MS-DOS: 128 characters, names of 8 and 3.
func checkPath(path string, old bool) (uint32, netapi.Code) {
	units := len(utf16.Encode([]rune(path)))
	if units == 0 || units > maxPath || old && units > maxOldPath {
		return 0, netapi.InvalidName
	}
	kind, ok := typeOfPath(path)
	if !ok || old && !oldNames(path) {
		return 0, netapi.InvalidName
	}
	return kind, netapi.OK
}

// oldNames reports whether each part of a path is a name of 8 characters with an
// extension of 3.
func oldNames(path string) bool {
	if len(path) >= 2 && path[1] == ':' {
		path = path[2:]
	}
	for part := range strings.SplitSeq(path, `\`) {
		base, ext, _ := strings.Cut(part, ".")
		if part != "." && part != ".." && (len(base) > 8 || len(ext) > 3 || strings.Contains(ext, ".")) {
			return false
		}
	}
	return true
}

// pathType is NetprPathType, [MS-SRVS] 3.1.4.29.
func (v *service) pathType(_ context.Context, _ string, d *ndr.Decoder, e *ndr.Encoder) {
	path := d.WString()
	flags := d.U32()
	if d.Err() != nil {
		return
	}
	var kind uint32
	code := netapi.InvalidParameter
	if flags&^nameFlag == 0 {
		kind, code = checkPath(path, flags != 0)
	}
	e.U32(kind)
	e.U32(uint32(code))
}

// canonicalPath does to a path what note <113> of [MS-SRVS] says: slashes become
// backslashes, "." and ".." go with what they stand for, and names of devices are in upper
// case without a colon.
func canonicalPath(path string) (string, bool) {
	path = strings.ReplaceAll(path, "/", `\`)
	if kind, _ := typeOfPath(path); kind == pathDeviceLPT || kind == pathDeviceCOM {
		return strings.TrimSuffix(strings.ToUpper(path), ":"), true
	}
	root := 0 // how much of the path isn't a name that can be gone up from
	switch {
	case strings.HasPrefix(path, `\\.\`):
		root = 4
	case strings.HasPrefix(path, `\\`):
		root = len(path)
		if i := strings.IndexByte(path[2:], '\\'); i >= 0 {
			root = 2 + i + 1
		}
	case len(path) >= 3 && path[1] == ':' && path[2] == '\\':
		root = 3
	case len(path) >= 2 && path[1] == ':':
		root = 2
	case strings.HasPrefix(path, `\`):
		root = 1
	}
	var kept []string
	for part := range strings.SplitSeq(path[root:], `\`) {
		switch part {
		case "", ".":
		case "..":
			if len(kept) == 0 {
				return "", false
			}
			kept = kept[:len(kept)-1]
		default:
			kept = append(kept, part)
		}
	}
	return path[:root] + strings.Join(kept, `\`), true
}

// canonicalize makes a path of prefix and path, and finds its type.
func canonicalize(prefix, path string) (string, uint32, netapi.Code) {
	if _, code := checkPath(path, false); code != netapi.OK {
		return "", 0, code
	}
	if prefix != "" {
		if _, code := checkPath(prefix, false); code != netapi.OK {
			return "", 0, code
		}
		path = strings.TrimRight(prefix, `\/`) + `\` + strings.TrimLeft(path, `\/`)
	}
	path, ok := canonicalPath(path)
	if !ok {
		return "", 0, netapi.InvalidName
	}
	kind, code := checkPath(path, false)
	return path, kind, code
}

// pathCanonicalize is NetprPathCanonicalize, [MS-SRVS] 3.1.4.30. The result is an array
// of as many octets as the client says.
func (v *service) pathCanonicalize(_ context.Context, _ string, d *ndr.Decoder, e *ndr.Encoder) {
	path := d.WString()
	size := d.U32()
	prefix := d.WString()
	kind, flags := d.U32(), d.U32()
	if size > maxNameBuffer {
		d.Fail()
	}
	if d.Err() != nil {
		return
	}
	var canonical string
	code := netapi.InvalidParameter
	if flags&^(nameFlag|nameOld) == 0 {
		canonical, kind, code = canonicalize(prefix, path)
	}
	buf := make([]byte, size)
	if text := append(utf16le.Append(nil, canonical), 0, 0); code == netapi.OK && copy(buf, text) < len(text) {
		clear(buf)
		code = netapi.NErrBufTooSmall
	}
	e.U32(size)
	e.Raw(buf)
	e.U32(kind)
	e.U32(uint32(code))
}

// pathCompare is NetprPathCompare, [MS-SRVS] 3.1.4.31.
func (v *service) pathCompare(_ context.Context, _ string, d *ndr.Decoder, e *ndr.Encoder) {
	a, b := d.WString(), d.WString()
	d.U32() // PathType, which a server ignores, note <116>
	flags := d.U32()
	if d.Err() != nil {
		return
	}
	switch {
	case flags&^nameFlag != 0:
		e.U32(uint32(netapi.InvalidParameter))
		return
	case flags == 0:
		var kindA, kindB uint32
		var codeA, codeB netapi.Code
		a, kindA, codeA = canonicalize("", a)
		b, kindB, codeB = canonicalize("", b)
		if codeA != netapi.OK || codeB != netapi.OK {
			e.U32(uint32(netapi.InvalidName))
			return
		}
		if kindA != kindB {
			e.U32(1)
			return
		}
	}
	e.U32(uint32(int32(strings.Compare(a, b)))) // as C does, note <117>
}
