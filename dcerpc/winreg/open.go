package winreg

import (
	"context"

	"github.com/gosmbd/smb/dcerpc"
	"github.com/gosmbd/smb/dcerpc/internal/netapi"
	"github.com/gosmbd/smb/dcerpc/ndr"
	"github.com/gosmbd/smb/vfs"
)

// openRoot returns the operation that opens a predefined key, [MS-RRP] 3.1.5.1 to
// 3.1.5.5 and 3.1.5.25. ServerName points to a single character that means nothing.
func openRoot(name string) operation {
	return func(v *service, ctx context.Context, c *dcerpc.Call) error {
		if c.In.Ptr() {
			c.In.U16()
		}
		desired := c.In.U32()
		if c.In.Err() != nil {
			return c.In.Err()
		}
		return answerOpen(ctx, c, v.predefined(ctx, name), desired)
	}
}

// openKey is BaseRegOpenKey, [MS-RRP] 3.1.5.15. No option makes a difference: there
// are no links, and a key can't be opened to back it up.
func (v *service) openKey(ctx context.Context, c *dcerpc.Call) error {
	parent, _, err := dcerpc.HandleOf[*handle](c)
	if err != nil {
		return err
	}
	path, _ := readString(c.In)
	c.In.U32() // dwOptions
	desired := c.In.U32()
	if c.In.Err() != nil {
		return c.In.Err()
	}
	return answerOpen(ctx, c, parent.key.find(path), desired)
}

// answerOpen opens k and writes the results.
func answerOpen(ctx context.Context, c *dcerpc.Call, k *key, desired uint32) error {
	id, code, err := open(ctx, c, k, desired)
	if err != nil {
		return err
	}
	c.Out.Handle(id)
	return end(c, code)
}

// open makes a handle of k, which is nil if there is no such key.
func open(ctx context.Context, c *dcerpc.Call, k *key, desired uint32) (ndr.Handle, netapi.Code, error) {
	if desired&^knownRights != 0 {
		return ndr.Handle{}, netapi.InvalidParameter, nil
	}
	if k == nil {
		return ndr.Handle{}, netapi.FileNotFound, nil
	}
	granted, ok := k.grant(vfs.CallerFrom(ctx).Token(), expand(desired))
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
func (v *service) createKey(ctx context.Context, c *dcerpc.Call) error {
	parent, _, err := dcerpc.HandleOf[*handle](c)
	if err != nil {
		return err
	}
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
		return d.Err()
	}
	var id ndr.Handle
	code := netapi.AccessDenied
	if k := parent.key.find(path); k != nil {
		if id, code, err = open(ctx, c, k, desired); err != nil {
			return err
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
	return end(c, code)
}

// closeKey is BaseRegCloseKey, [MS-RRP] 3.1.5.6.
func (v *service) closeKey(_ context.Context, c *dcerpc.Call) error {
	_, id, err := dcerpc.HandleOf[*handle](c)
	if err != nil {
		return err
	}
	c.Handles.Remove(id)
	c.Out.Handle(ndr.Handle{})
	return end(c, netapi.OK)
}

// flushKey is BaseRegFlushKey, [MS-RRP] 3.1.5.12. There never is anything to write.
func (v *service) flushKey(_ context.Context, c *dcerpc.Call) error {
	if _, _, err := dcerpc.HandleOf[*handle](c); err != nil {
		return err
	}
	return end(c, netapi.OK)
}

// version is BaseRegGetVersion, [MS-RRP] 3.1.5.24: 5 says that there is one namespace.
func (v *service) version(_ context.Context, c *dcerpc.Call) error {
	if _, _, err := dcerpc.HandleOf[*handle](c); err != nil {
		return err
	}
	c.Out.U32(5)
	return end(c, netapi.OK)
}
