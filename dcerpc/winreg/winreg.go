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

// operation reads its parameters from c.In and writes its results to c.Out. The error
// is a fault.
type operation func(v *service, ctx context.Context, c *dcerpc.Call) error

// operations are indexed by operation number, [MS-RRP] 3.1.5.
var operations = map[uint16]operation{
	0:  openRoot(classesRoot),
	1:  openRoot(currentUser),
	2:  openRoot(localMachine),
	3:  (*service).deniedHandle, // OpenPerformanceData
	4:  openRoot(users),
	5:  (*service).closeKey,
	6:  (*service).createKey,
	7:  (*service).denied, // BaseRegDeleteKey
	8:  (*service).denied, // BaseRegDeleteValue
	9:  (*service).enumKey,
	10: (*service).enumValue,
	11: (*service).flushKey,
	12: (*service).keySecurity,
	13: (*service).denied,          // BaseRegLoadKey
	14: (*service).notImplemented,  // BaseRegNotifyChangeKeyValue, not on the wire
	15: (*service).openKey,         //
	16: (*service).queryInfoKey,    //
	17: (*service).queryValue,      //
	18: (*service).denied,          // BaseRegReplaceKey
	19: (*service).denied,          // BaseRegRestoreKey
	20: (*service).denied,          // BaseRegSaveKey: it would make a file
	21: (*service).denied,          // BaseRegSetKeySecurity
	22: (*service).denied,          // BaseRegSetValue
	23: (*service).denied,          // BaseRegUnLoadKey
	24: (*service).deniedShutdown,  // BaseInitiateSystemShutdown of [MS-RSP]
	25: (*service).deniedShutdown,  // BaseAbortSystemShutdown
	26: (*service).version,         //
	27: openRoot(currentConfig),    //
	28: (*service).deniedHandle,    // OpenDynamicData of Windows 95
	29: (*service).queryValues,     //
	30: (*service).deniedShutdown,  // BaseInitiateSystemShutdownEx
	31: (*service).denied,          // BaseRegSaveKeyEx
	32: (*service).deniedHandle,    // OpenPerformanceText
	33: (*service).deniedHandle,    // OpenPerformanceNlsText
	34: (*service).queryValuesSize, // BaseRegQueryMultipleValues2
	35: (*service).denied,          // BaseRegDeleteKeyEx
}

func (v *service) call(ctx context.Context, c *dcerpc.Call) error {
	op := operations[c.Opnum]
	if op == nil {
		return dcerpc.FaultOpRange
	}
	return op(v, ctx, c)
}

// denied answers the operations that change a key: only their handle matters.
func (v *service) denied(_ context.Context, c *dcerpc.Call) error {
	if _, _, err := dcerpc.HandleOf[*handle](c); err != nil {
		return err
	}
	return end(c, netapi.AccessDenied)
}

// deniedHandle answers the operations that would open a key which there is not.
func (v *service) deniedHandle(_ context.Context, c *dcerpc.Call) error {
	c.Out.Handle(ndr.Handle{})
	return end(c, netapi.AccessDenied)
}

// deniedShutdown answers the operations by which the computer is shut down.
func (v *service) deniedShutdown(_ context.Context, c *dcerpc.Call) error {
	return end(c, netapi.AccessDenied)
}

func (v *service) notImplemented(_ context.Context, c *dcerpc.Call) error {
	if _, _, err := dcerpc.HandleOf[*handle](c); err != nil {
		return err
	}
	return end(c, netapi.CallNotImplemented)
}

// end writes the last result of every operation.
func end(c *dcerpc.Call, code netapi.Code) error {
	c.Out.U32(uint32(code))
	return nil
}
