package winreg

import (
	"github.com/gosmbd/smb/dcerpc/internal/netapi"
	"github.com/gosmbd/smb/dcerpc/ndr"
	"github.com/gosmbd/smb/vfs"
)

// openRoot returns the operation that opens a predefined key, [MS-RRP] 3.1.5.1 to
// 3.1.5.5 and 3.1.5.25. ServerName points to a single character that means nothing.
func openRoot(name string) operation {
	return func(v *service, c call) (netapi.Code, error) {
		if c.In.Ptr() {
			c.In.U16()
		}
		desired := c.In.U32()
		if c.In.Err() != nil {
			return 0, c.In.Err()
		}
		return c.answerOpen(v.predefined(c.ctx, name), desired)
	}
}

// openKey is BaseRegOpenKey, [MS-RRP] 3.1.5.15. No option makes a difference: there
// are no links, and a key can't be opened to back it up.
func (v *service) openKey(c call) (netapi.Code, error) {
	path, _ := readString(c.In)
	c.In.U32() // dwOptions
	desired := c.In.U32()
	if c.In.Err() != nil {
		return 0, c.In.Err()
	}
	return c.answerOpen(c.key.find(path), desired)
}

// answerOpen opens k and writes the handle.
func (c call) answerOpen(k *key, desired uint32) (netapi.Code, error) {
	id, code, err := c.open(k, desired)
	c.Out.Handle(id)
	return code, err
}

// open makes a handle of k, which is nil if there is no such key.
func (c call) open(k *key, desired uint32) (ndr.Handle, netapi.Code, error) {
	if desired&^knownRights != 0 {
		return ndr.Handle{}, netapi.InvalidParameter, nil
	}
	if k == nil {
		return ndr.Handle{}, netapi.FileNotFound, nil
	}
	granted, ok := k.grant(vfs.CallerFrom(c.ctx).Token(), expand(desired))
	if !ok {
		return ndr.Handle{}, netapi.AccessDenied, nil
	}
	id, err := c.Handles.New(&handle{key: k, access: granted})
	return id, netapi.OK, err
}

// grant decides what who has the token t gets of k when he asks for desired. Every user
// may open HKEY_LOCAL_MACHINE to get at the public keys below; such a handle is good for
// nothing else.
func (k *key) grant(t *vfs.Token, desired uint32) (uint32, bool) {
	granted, err := k.security().Check(t, vfs.Access(desired), 0)
	if err == nil {
		return uint32(granted), true
	}
	root := k.name == localMachine && t.Has(vfs.SIDAuthenticatedUsers)
	return 0, root && desired&^(keyRead|maximumAllowed) == 0
}

// createKey is BaseRegCreateKey, [MS-RRP] 3.1.5.7: a key that exists is opened.
func (v *service) createKey(c call) (netapi.Code, error) {
	d := c.In
	path, _ := readString(d)
	readString(d) // lpClass
	d.U32()       // dwOptions
	desired := d.U32()
	if d.Ptr() { // lpSecurityAttributes
		d.U32()
		sd := readDescriptor(d)
		d.U8() // bInheritHandle
		sd.skip(d)
	}
	action, asked := d.UniqueU32() // lpdwDisposition
	if d.Err() != nil {
		return 0, d.Err()
	}
	var id ndr.Handle
	code := netapi.AccessDenied
	if k := c.key.find(path); k != nil {
		var err error
		if id, code, err = c.open(k, desired); err != nil {
			return 0, err
		}
	}
	const openedExisting = 2 // REG_OPENED_EXISTING_KEY
	if code == netapi.OK {
		action = openedExisting
	}
	c.Out.Handle(id)
	c.Out.Ptr(asked)
	if asked {
		c.Out.U32(action)
	}
	return code, nil
}

// closeKey is BaseRegCloseKey, [MS-RRP] 3.1.5.6.
func (v *service) closeKey(c call) (netapi.Code, error) {
	c.Handles.Remove(c.id)
	c.Out.Handle(ndr.Handle{})
	return netapi.OK, nil
}

// flushKey is BaseRegFlushKey, [MS-RRP] 3.1.5.12. There never is anything to write.
func (v *service) flushKey(c call) (netapi.Code, error) {
	return netapi.OK, nil
}

// version is BaseRegGetVersion, [MS-RRP] 3.1.5.24: 5 says that there is one namespace.
func (v *service) version(c call) (netapi.Code, error) {
	c.Out.U32(5)
	return netapi.OK, nil
}
