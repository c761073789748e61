// Package winreg is the Windows Remote Registry Protocol, [MS-RRP], over a table that
// is only read: what clients and administrators' tools ask a file server for, such as
// its name, version and shares.
//
// Who may read what is as on Windows, [MS-RRP] note <12>. Administrators may read
// everything. Other users, but not guests and anonymous callers, may open HKEY_LOCAL_MACHINE
// and below it those keys alone that the table itself names, in two values of type
// REG_MULTI_SZ called "Machine": those of the key AllowedExactPaths below
// HKLM\SYSTEM\CurrentControlSet\Control\SecurePipeServers\winreg are readable, those of
// AllowedPaths with all that is below them.
//
// # Limitations
//
// All that would change something is refused with ERROR_ACCESS_DENIED. There is one key
// namespace, the one of 32 bits; KEY_WOW64 flags make no difference. Keys have no class
// and no time of their last change, and can't be watched. There is no performance data.
package winreg

import (
	"context"
	"sync"

	"github.com/gosmbd/smb/dcerpc"
	"github.com/gosmbd/smb/dcerpc/internal/netapi"
	"github.com/gosmbd/smb/dcerpc/ndr"
)

// PipeName is the name of the pipe that clients open, below IPC$.
const PipeName = "winreg"

// Interface returns the winreg interface over what tables returns, which is called
// once, when the first key is opened; a value stands in place of one of the same name
// in a table before. ctx carries the caller of the session
// (vfs.CallerFrom) as it came to Conn.Write, here and whenever access is checked.
func Interface(tables func(ctx context.Context) []Table) dcerpc.Interface {
	v := &service{tables: tables}
	return dcerpc.Interface{
		UUID:  dcerpc.MustUUID("338cd001-2244-31f1-aaaa-900038001003"),
		Major: 1,
		Call:  v.call,
	}
}

// service holds the operations.
type service struct {
	tables func(ctx context.Context) []Table
	once   sync.Once
	root   *key // of the predefined keys; set by once
}

// predefined returns one of the predefined keys.
func (v *service) predefined(ctx context.Context, name string) *key {
	v.once.Do(func() { v.root = build(v.tables(ctx)) })
	return v.root.child(name)
}

// handle is an open key.
type handle struct {
	key    *key
	access uint32 // granted when it was opened
}

// call is a call of an operation on an open key.
type call struct {
	ctx context.Context
	*dcerpc.Call
	*handle
	id ndr.Handle
}

// operation reads its parameters behind the handle and writes its results but for the
// code that it returns last. An error is a fault.
type operation func(v *service, c call) (netapi.Code, error)

// operations are those on a key, indexed by operation number, [MS-RRP] 3.1.5.
var operations = map[uint16]operation{
	5:  (*service).closeKey,
	6:  (*service).createKey,
	7:  denied, // BaseRegDeleteKey
	8:  denied, // BaseRegDeleteValue
	9:  (*service).enumKey,
	10: (*service).enumValue,
	11: (*service).flushKey,
	12: (*service).keySecurity,
	13: denied,         // BaseRegLoadKey
	14: notImplemented, // BaseRegNotifyChangeKeyValue, not on the wire
	15: (*service).openKey,
	16: (*service).queryInfoKey,
	17: (*service).queryValue,
	18: denied, // BaseRegReplaceKey
	19: denied, // BaseRegRestoreKey
	20: denied, // BaseRegSaveKey: it would make a file
	21: denied, // BaseRegSetKeySecurity
	22: denied, // BaseRegSetValue
	23: denied, // BaseRegUnLoadKey
	26: (*service).version,
	29: (*service).queryValues,
	31: denied, // BaseRegSaveKeyEx
	34: (*service).queryValuesSize,
	35: denied, // BaseRegDeleteKeyEx
}

// withoutKey are the other operations, whose calls have no handle.
var withoutKey = map[uint16]operation{
	0:  openRoot(classesRoot),
	1:  openRoot(currentUser),
	2:  openRoot(localMachine),
	3:  deniedHandle, // OpenPerformanceData
	4:  openRoot(users),
	24: denied, // BaseInitiateSystemShutdown of [MS-RSP]
	25: denied, // BaseAbortSystemShutdown
	27: openRoot(currentConfig),
	28: deniedHandle, // OpenDynamicData of Windows 95
	30: denied,       // BaseInitiateSystemShutdownEx
	32: deniedHandle, // OpenPerformanceText
	33: deniedHandle, // OpenPerformanceNlsText
}

func (v *service) call(ctx context.Context, c *dcerpc.Call) (err error) {
	k := call{ctx: ctx, Call: c}
	op := withoutKey[c.Opnum]
	if op == nil {
		if op = operations[c.Opnum]; op == nil {
			return dcerpc.FaultOpRange
		}
		if k.handle, k.id, err = dcerpc.HandleOf[*handle](c); err != nil {
			return err
		}
	}
	code, err := op(v, k)
	if err != nil {
		return err
	}
	c.Out.U32(uint32(code))
	return nil
}

// denied answers the operations that change a key or shut the computer down: their
// parameters don't matter.
func denied(*service, call) (netapi.Code, error) { return netapi.AccessDenied, nil }

// deniedHandle answers the operations that would open a key which there is not.
func deniedHandle(_ *service, c call) (netapi.Code, error) {
	c.Out.Handle(ndr.Handle{})
	return netapi.AccessDenied, nil
}

func notImplemented(*service, call) (netapi.Code, error) { return netapi.CallNotImplemented, nil }
