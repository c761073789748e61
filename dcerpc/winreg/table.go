package winreg

import (
	"encoding/binary"
	"strings"

	"github.com/gosmbd/smb/internal/utf16le"
)

// Table is the content of a registry: the values of its keys by their paths, such as
// `HKLM\SOFTWARE\Example`. A path begins with HKLM, HKCR, HKCU, HKU or HKCC, or with
// the name in full as HKEY_LOCAL_MACHINE; others are ignored. Names have no case, and
// the keys on the way to one exist by themselves. HKCU is the same for all callers. A
// Table must not be changed while it is in use.
type Table map[string][]Value

// Value is a value of a key, [MS-RRP] 3.1.1.5. The one with an empty name is the key's
// default value.
type Value struct {
	Name string
	Type Type
	Data []byte
}

// Type says what a value is, [MS-RRP] 3.1.1.5.
type Type uint32

// The types of values.
const (
	TypeNone           Type = 0
	TypeString         Type = 1 // UTF-16LE with a NUL at its end
	TypeExpandString   Type = 2 // the same, with names of environment variables
	TypeBinary         Type = 3
	TypeDWord          Type = 4 // 32 bits, little-endian
	TypeDWordBigEndian Type = 5
	TypeLink           Type = 6
	TypeMultiString    Type = 7 // strings with a NUL each, and one more
	TypeQWord          Type = 11
)

// String returns a value of type REG_SZ.
func String(name, s string) Value {
	return Value{Name: name, Type: TypeString, Data: append(utf16le.Append(nil, s), 0, 0)}
}

// DWord returns a value of type REG_DWORD.
func DWord(name string, n uint32) Value {
	return Value{Name: name, Type: TypeDWord, Data: binary.LittleEndian.AppendUint32(nil, n)}
}

// MultiString returns a value of type REG_MULTI_SZ.
func MultiString(name string, list ...string) Value {
	var b []byte
	for _, s := range list {
		b = append(utf16le.Append(b, s), 0, 0)
	}
	return Value{Name: name, Type: TypeMultiString, Data: append(b, 0, 0)}
}

// The names of the predefined keys, [MS-RRP] 3.1.1.7.
const (
	classesRoot   = "HKEY_CLASSES_ROOT"
	currentUser   = "HKEY_CURRENT_USER"
	localMachine  = "HKEY_LOCAL_MACHINE"
	users         = "HKEY_USERS"
	currentConfig = "HKEY_CURRENT_CONFIG"
)

var shortNames = map[string]string{
	"HKCR": classesRoot, "HKCU": currentUser, "HKLM": localMachine, "HKU": users, "HKCC": currentConfig,
}

// longPath replaces the short name of a predefined key at the beginning of path.
func longPath(path string) string {
	root, rest, below := strings.Cut(path, `\`)
	long, ok := shortNames[strings.ToUpper(root)]
	if !ok {
		return path
	}
	if below {
		return long + `\` + rest
	}
	return long
}
