package smbtest

import (
	"encoding/binary"

	"github.com/gosmbd/smb/smb2"
)

// CachingCaps are the capabilities of a client that caches, and keeps its opens
// through whatever happens.
const CachingCaps = smb2.CapLeasing | smb2.CapDirectoryLeasing | smb2.CapMultiChannel | smb2.CapPersistentHandles

// States of leases.
const (
	R   = smb2.LeaseRead
	RH  = smb2.LeaseRead | smb2.LeaseHandle
	RW  = smb2.LeaseRead | smb2.LeaseWrite
	RWH = smb2.LeaseRead | smb2.LeaseWrite | smb2.LeaseHandle
)

// Key is a lease key.
type Key = [16]byte

// Lease asks for a lease of version 1.
func Lease(key Key, s smb2.LeaseState) smb2.CreateContext {
	return LeaseContext(smb2.LeaseContext{Version: 1, Key: key, State: s})
}

// Lease2 asks for a lease of version 2.
func Lease2(key Key, s smb2.LeaseState, epoch uint16) smb2.CreateContext {
	return LeaseContext(smb2.LeaseContext{Version: 2, Key: key, State: s, Epoch: epoch})
}

// LeaseUnder is Lease2, and tells the key of the lease on the directory.
func LeaseUnder(parent, key Key, s smb2.LeaseState) smb2.CreateContext {
	return LeaseContext(smb2.LeaseContext{
		Version: 2, Key: key, State: s, Flags: smb2.LeaseParentKeySet, ParentKey: parent,
	})
}

// LeaseContext is x as a create context.
func LeaseContext(x smb2.LeaseContext) smb2.CreateContext {
	return smb2.CreateContext{Name: smb2.ContextRqLs, Data: x.Append(nil)}
}

// Durable asks for a durable handle of version 1.
func Durable() smb2.CreateContext {
	return smb2.CreateContext{Name: smb2.ContextDHnQ, Data: smb2.DurableRequest{}.Append(nil)}
}

// Reconnect asks for the durable handle id back.
func Reconnect(id smb2.FileID) smb2.CreateContext {
	return smb2.CreateContext{Name: smb2.ContextDHnC, Data: smb2.DurableReconnect{FileID: id}.Append(nil)}
}

// Durable2 asks for a durable handle of version 2; timeout is in milliseconds.
func Durable2(guid smb2.GUID, timeout, flags uint32) smb2.CreateContext {
	return smb2.CreateContext{Name: smb2.ContextDH2Q, Data: smb2.DurableV2Request{
		CreateGUID: guid, Timeout: timeout, Flags: flags,
	}.Append(nil)}
}

// Reconnect2 is Reconnect for version 2.
func Reconnect2(id smb2.FileID, guid smb2.GUID, flags uint32) smb2.CreateContext {
	return smb2.CreateContext{Name: smb2.ContextDH2C, Data: smb2.DurableV2Reconnect{
		FileID: id, CreateGUID: guid, Flags: flags,
	}.Append(nil)}
}

// AppInstance names the application that opens a file. [MS-SMB2] 2.2.13.2.13
func AppInstance(id smb2.GUID) smb2.CreateContext {
	b := append([]byte{20, 0, 0, 0}, id[:]...)
	return smb2.CreateContext{Name: smb2.ContextAppInstanceID, Data: b}
}

// AppVersion is [MS-SMB2] 2.2.13.2.15.
func AppVersion(high, low uint64) smb2.CreateContext {
	b := []byte{24, 0, 0, 0, 0, 0, 0, 0}
	b = binary.LittleEndian.AppendUint64(b, high)
	b = binary.LittleEndian.AppendUint64(b, low)
	return smb2.CreateContext{Name: smb2.ContextAppInstanceVersion, Data: b}
}

// With returns req with more contexts. A context for a lease makes the oplock
// level that of a lease.
func With(req smb2.CreateRequest, contexts ...smb2.CreateContext) smb2.CreateRequest {
	req.Contexts = append(req.Contexts[:len(req.Contexts):len(req.Contexts)], contexts...)
	if _, found := smb2.FindContext(contexts, smb2.ContextRqLs); found {
		req.OplockLevel = smb2.OplockLease
	}
	return req
}

// Granted is what a CREATE got besides the open.
type Granted struct {
	Lease    *smb2.LeaseContext
	Durable  bool
	Durable2 *smb2.DurableV2Response
}

// State returns the state of the lease, or zero.
func (g Granted) State() smb2.LeaseState {
	if g.Lease == nil {
		return 0
	}
	return g.Lease.State
}

// Open is Create with contexts; it also parses those of the response.
func (c *Client) Open(req smb2.CreateRequest, contexts ...smb2.CreateContext) (smb2.CreateResponse, Granted, smb2.Status) {
	c.tb.Helper()
	return c.Opened(c.Do(smb2.CommandCreate, With(req, contexts...)))
}

// Opened takes the reply to a CREATE apart.
func (c *Client) Opened(r Reply) (smb2.CreateResponse, Granted, smb2.Status) {
	c.tb.Helper()
	resp := Parse(c, r, smb2.ParseCreateResponse)
	return resp, c.Granted(resp), r.Status
}

// Granted parses the contexts of a response.
func (c *Client) Granted(resp smb2.CreateResponse) Granted {
	c.tb.Helper()
	var g Granted
	for _, x := range resp.Contexts {
		var err error
		switch x.Name {
		case smb2.ContextRqLs:
			var l smb2.LeaseContext
			l, err = smb2.ParseLeaseContext(x.Data)
			g.Lease = &l
		case smb2.ContextDHnQ:
			_, err = smb2.ParseDurableResponse(x.Data)
			g.Durable = true
		case smb2.ContextDH2Q:
			var d smb2.DurableV2Response
			d, err = smb2.ParseDurableV2Response(x.Data)
			g.Durable2 = &d
		}
		if err != nil {
			c.tb.Errorf("CREATE: malformed context %q: %v", x.Name, err)
		}
	}
	return g
}

// LockSeq builds the LockSequence of a LOCK. [MS-SMB2] 2.2.26
func LockSeq(number uint8, index uint32) uint32 { return uint32(number&15) | index<<4 }
