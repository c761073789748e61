package smbtest

import "github.com/gosmbd/smb/smb2"

// The methods below send one request on the current session and tree, and return
// the parsed response where the status says that there is one.

func do[T any](c *Client, cmd smb2.Command, body Body, parse func([]byte) (T, error)) (T, smb2.Status) {
	c.tb.Helper()
	r := c.Do(cmd, body)
	return Parse(c, r, parse), r.Status
}

// Parse returns the body of a reply, or the zero value if it is an error. An
// error's own body is checked.
func Parse[T any](c *Client, r Reply, parse func([]byte) (T, error)) T {
	c.tb.Helper()
	var zero T
	if r.BadSig {
		c.tb.Errorf("%v: bad signature on the reply", r.Command)
	}
	// Of the warnings only this one comes with what was asked for.
	if r.Status.IsError() || r.Status.IsWarning() && r.Status != smb2.StatusBufferOverflow {
		if _, err := smb2.ParseErrorResponse(r.Msg); err != nil && r.Command != smb2.CommandIoctl {
			c.tb.Errorf("%v: malformed error response: %v", r.Command, err)
		}
		return zero
	}
	v, err := parse(r.Msg)
	if err != nil {
		c.tb.Errorf("%v: malformed response: %v: %x", r.Command, err, r.Msg[:min(len(r.Msg), 200)])
	}
	return v
}

// TreeConnect connects \\server\share, which becomes the current tree.
func (c *Client) TreeConnect(share string) (smb2.TreeConnectResponse, smb2.Status) {
	c.tb.Helper()
	e := c.Req(smb2.CommandTreeConnect, smb2.TreeConnectRequest{Path: `\\server\` + share})
	e.TreeID = 0
	r := c.DoElem(e)
	if r.Status == smb2.StatusSuccess {
		c.Tree = r.TreeID
	}
	return Parse(c, r, smb2.ParseTreeConnectResponse), r.Status
}

// TreeDisconnect gives the current tree up.
func (c *Client) TreeDisconnect() smb2.Status {
	c.tb.Helper()
	_, st := do(c, smb2.CommandTreeDisconnect, smb2.TreeDisconnectRequest{}, smb2.ParseTreeDisconnectResponse)
	return st
}

// Logoff ends the current session.
func (c *Client) Logoff() smb2.Status {
	c.tb.Helper()
	_, st := do(c, smb2.CommandLogoff, smb2.LogoffRequest{}, smb2.ParseLogoffResponse)
	return st
}

// Echo asks whether the server is there.
func (c *Client) Echo() smb2.Status {
	c.tb.Helper()
	_, st := do(c, smb2.CommandEcho, smb2.EchoRequest{}, smb2.ParseEchoResponse)
	return st
}

// CreateReq is a CREATE of an ordinary kind: all rights, all sharing, a file.
func CreateReq(name string, d smb2.Disposition) smb2.CreateRequest {
	return smb2.CreateRequest{
		Impersonation: 2,
		DesiredAccess: 0x001F01FF,
		ShareAccess:   smb2.ShareRead | smb2.ShareWrite | smb2.ShareDelete,
		Disposition:   d,
		Name:          name,
	}
}

// Create opens or makes what req says.
func (c *Client) Create(req smb2.CreateRequest) (smb2.CreateResponse, smb2.Status) {
	c.tb.Helper()
	return do(c, smb2.CommandCreate, req, smb2.ParseCreateResponse)
}

// CloseFile closes a file.
func (c *Client) CloseFile(id smb2.FileID) smb2.Status {
	c.tb.Helper()
	_, st := do(c, smb2.CommandClose, smb2.CloseRequest{FileID: id}, smb2.ParseCloseResponse)
	return st
}

// Flush flushes a file.
func (c *Client) Flush(id smb2.FileID) smb2.Status {
	c.tb.Helper()
	_, st := do(c, smb2.CommandFlush, smb2.FlushRequest{FileID: id}, smb2.ParseFlushResponse)
	return st
}

// Read reads n bytes at off.
func (c *Client) Read(id smb2.FileID, off uint64, n int) ([]byte, smb2.Status) {
	c.tb.Helper()
	r, st := do(c, smb2.CommandRead, smb2.ReadRequest{FileID: id, Offset: off, Length: uint32(n)}, smb2.ParseReadResponse)
	return r.Data, st
}

// Write writes data at off.
func (c *Client) Write(id smb2.FileID, off uint64, data []byte) (uint32, smb2.Status) {
	c.tb.Helper()
	r, st := do(c, smb2.CommandWrite, smb2.WriteRequest{FileID: id, Offset: off, Data: data}, smb2.ParseWriteResponse)
	return r.Count, st
}

// LockReq is a LOCK with one element.
func LockReq(id smb2.FileID, off, n uint64, flags smb2.LockFlags) smb2.LockRequest {
	return smb2.LockRequest{FileID: id, Locks: []smb2.LockElement{{Offset: off, Length: n, Flags: flags}}}
}

// Lock takes or gives up a lock.
func (c *Client) Lock(id smb2.FileID, off, n uint64, flags smb2.LockFlags) smb2.Status {
	c.tb.Helper()
	_, st := do(c, smb2.CommandLock, LockReq(id, off, n, flags), smb2.ParseLockResponse)
	return st
}

// IoctlReq is an FSCTL.
func IoctlReq(id smb2.FileID, code smb2.CtlCode, in []byte, maxOut uint32) smb2.IoctlRequest {
	return smb2.IoctlRequest{CtlCode: code, FileID: id, Input: in, MaxOutputResponse: maxOut, Flags: smb2.IoctlFlagFsctl}
}

// Ioctl sends an FSCTL and returns its output.
func (c *Client) Ioctl(id smb2.FileID, code smb2.CtlCode, in []byte, maxOut uint32) ([]byte, smb2.Status) {
	c.tb.Helper()
	r, st := do(c, smb2.CommandIoctl, IoctlReq(id, code, in, maxOut), smb2.ParseIoctlResponse)
	return r.Output, st
}

// QueryDirectory returns one batch of entries.
func (c *Client) QueryDirectory(req smb2.QueryDirectoryRequest) ([]smb2.DirectoryEntry, smb2.Status) {
	c.tb.Helper()
	r, st := do(c, smb2.CommandQueryDirectory, req, smb2.ParseQueryDirectoryResponse)
	if st != smb2.StatusSuccess {
		return nil, st
	}
	if len(r.Data) > int(req.OutputLength) {
		c.tb.Errorf("QUERY_DIRECTORY: %d bytes for a buffer of %d", len(r.Data), req.OutputLength)
	}
	list, err := smb2.ParseDirectoryList(req.Class, r.Data)
	if err != nil {
		c.tb.Errorf("QUERY_DIRECTORY: malformed list: %v", err)
	}
	return list, st
}

// QueryInfo asks for a class of information.
func (c *Client) QueryInfo(id smb2.FileID, t smb2.InfoType, class uint8, maxOut uint32) ([]byte, smb2.Status) {
	c.tb.Helper()
	r, st := do(c, smb2.CommandQueryInfo, smb2.QueryInfoRequest{FileID: id, InfoType: t, Class: class, OutputLength: maxOut},
		smb2.ParseQueryInfoResponse)
	return r.Data, st
}

// SetInfo sets a class of file information.
func (c *Client) SetInfo(id smb2.FileID, class smb2.FileInfoClass, body Body) smb2.Status {
	c.tb.Helper()
	_, st := do(c, smb2.CommandSetInfo, smb2.SetInfoRequest{
		FileID: id, InfoType: smb2.InfoFile, Class: uint8(class), Data: body.Append(nil),
	}, smb2.ParseSetInfoResponse)
	return st
}

// Rename renames an open file.
func (c *Client) Rename(id smb2.FileID, to string, replace bool) smb2.Status {
	c.tb.Helper()
	return c.SetInfo(id, smb2.ClassFileRenameInformation, smb2.FileRenameInformation{FileName: to, ReplaceIfExists: replace})
}

// Delete marks an open file for deletion.
func (c *Client) Delete(id smb2.FileID, del bool) smb2.Status {
	c.tb.Helper()
	return c.SetInfo(id, smb2.ClassFileDispositionInformation, smb2.FileDispositionInformation{DeletePending: del})
}

// Cancel cancels the request mid, or the one with asyncID if that isn't zero.
func (c *Client) Cancel(mid, asyncID uint64) {
	c.tb.Helper()
	e := c.Req(smb2.CommandCancel, smb2.CancelRequest{})
	e.MessageID = mid
	if asyncID != 0 {
		e.Flags |= smb2.FlagAsync
		e.AsyncID, e.TreeID = asyncID, 0
	}
	if !c.Send(e) {
		c.tb.Error("CANCEL: the connection ended")
	}
}
