package smb

import (
	"context"
	"encoding/binary"
	"slices"

	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs"
)

// fsctl is what is known of a control code. A code that isn't in the table is
// refused.
type fsctl struct {
	run    func(ctx context.Context, r *request, q *control) error
	noFile bool       // acts on the connection, with a FileId of all ones
	disk   bool       // for files and directories, not for pipes
	rights vfs.Access // of which the open must have one; not zero only for those with disk
	change bool       // changes what is on disk
}

var fsctls map[smb2.CtlCode]fsctl

func init() {
	fsctls = map[smb2.CtlCode]fsctl{
		smb2.FsctlValidateNegotiateInfo:     {run: validateNegotiate, noFile: true},
		smb2.FsctlQueryNetworkInterfaceInfo: {run: queryInterfaces, noFile: true},
		smb2.FsctlDfsGetReferrals:           {run: dfsReferrals, noFile: true},
		smb2.FsctlDfsGetReferralsEx:         {run: dfsReferralsEx, noFile: true},
		smb2.FsctlPipeWait:                  {run: pipeWait, noFile: true},
		smb2.FsctlPipeTransceive:            {run: pipeTransceive},
		smb2.FsctlPipePeek:                  {run: pipePeek},
		smb2.FsctlLmrRequestResiliency:      {run: requestResiliency},
		smb2.FsctlSrvRequestResumeKey:       {run: resumeKey, disk: true},
		smb2.FsctlSrvCopychunk:              {run: copyChunk, disk: true},
		smb2.FsctlSrvCopychunkWrite:         {run: copyChunk, disk: true},
		smb2.FsctlSrvEnumerateSnapshots:     {run: enumerateSnapshots},
		smb2.FsctlIsPathnameValid:           {run: isPathnameValid, disk: true},
		smb2.FsctlCreateOrGetObjectID:       {run: objectID, disk: true},
		smb2.FsctlGetObjectID:               {run: objectID, disk: true},
		smb2.FsctlGetCompression:            {run: getCompression, disk: true},
		smb2.FsctlSetCompression:            {run: setCompression, disk: true, change: true, rights: vfs.WriteData},
		smb2.FsctlGetIntegrityInformation:   {run: getIntegrity, disk: true},
		smb2.FsctlSetIntegrityInformation:   {run: setIntegrity, disk: true, change: true, rights: vfs.WriteData},
		smb2.FsctlSetSparse:                 {run: setSparse, disk: true, change: true, rights: sharedWrite | vfs.WriteAttributes},
		smb2.FsctlSetZeroData:               {run: setZeroData, disk: true, change: true, rights: vfs.WriteData},
		smb2.FsctlQueryAllocatedRanges:      {run: queryAllocatedRanges, disk: true, rights: vfs.ReadData},
		smb2.FsctlQueryFileRegions:          {run: queryFileRegions, disk: true},
		smb2.FsctlFileLevelTrim:             {run: fileLevelTrim, disk: true, change: true, rights: vfs.WriteData},
		smb2.FsctlDuplicateExtentsToFile:    {run: duplicateExtents, disk: true, change: true, rights: vfs.WriteData},
		smb2.FsctlDuplicateExtentsToFileEx:  {run: duplicateExtentsEx, disk: true, change: true, rights: vfs.WriteData},
		smb2.FsctlOffloadRead:               {run: offloadRead, disk: true, rights: vfs.ReadData},
		smb2.FsctlOffloadWrite:              {run: offloadWrite, disk: true, change: true, rights: vfs.WriteData},
		smb2.FsctlGetReparsePoint:           {run: getReparsePoint},
		smb2.FsctlSetReparsePoint:           {run: setReparsePoint},
		smb2.FsctlDeleteReparsePoint:        {run: deleteReparsePoint},
	}
}

// control is an IOCTL on its way. A handler sets out, and status if the output
// goes with one that is not success.
type control struct {
	smb2.IoctlRequest
	out    []byte
	status Status
}

// ioctl carries out a file system control. [MS-SMB2] 3.3.5.15
func ioctl(ctx context.Context, r *request, w *reply) error {
	req, err := smb2.ParseIoctlRequest(r.msg)
	if err != nil {
		return err
	}
	q := &control{IoctlRequest: req}
	limit := r.c.params.maxIO
	if len(req.Input) > int(limit) || req.MaxInputResponse > limit || req.MaxOutputResponse > limit {
		return smb2.StatusInvalidParameter
	}
	if req.Flags != smb2.IoctlFlagFsctl {
		return smb2.StatusNotSupported
	}
	f, ok := fsctls[req.CtlCode]
	if f.noFile {
		if req.FileID != smb2.RelatedFileID {
			return smb2.StatusInvalidParameter
		}
	} else if err := r.useFile(req.FileID); err != nil {
		return err
	}
	if !ok {
		return r.unknownControl(req.CtlCode)
	}
	if err := f.check(r); err != nil {
		return err
	}
	if !f.noFile && r.open.isQuota() {
		return smb2.StatusInvalidDeviceRequest
	}
	if o := r.open; !f.noFile && o.m.frozen() && !slices.Contains(readControls, req.CtlCode) {
		return smb2.StatusMediaWriteProtected
	}
	if err := f.run(ctx, r, q); err != nil {
		return err
	}
	w.status = q.status
	w.grow(len(q.out) + 64)
	w.buf.B = smb2.IoctlResponse{CtlCode: req.CtlCode, FileID: req.FileID, Output: q.out}.Append(w.buf.B)
	return nil
}

// check checks what must hold before f runs.
func (f *fsctl) check(r *request) error {
	switch o := r.open; {
	case f.disk && o.file == nil:
		return smb2.StatusInvalidDeviceRequest
	case f.change && !r.tree.writable():
		return smb2.StatusMediaWriteProtected
	case f.rights != 0 && o.access&f.rights == 0:
		return smb2.StatusAccessDenied
	}
	return nil
}

// unknownControl is the answer for a code that isn't served: a file system would
// have to, or nobody. [MS-FSCC] 2.2
func (r *request) unknownControl(code smb2.CtlCode) error {
	const deviceFileSystem = 0x0009
	switch {
	case r.open.pipe != nil:
		return smb2.StatusNotSupported
	case uint32(code)>>16 == deviceFileSystem:
		return smb2.StatusInvalidDeviceRequest
	}
	return smb2.StatusNotSupported
}

// validateNegotiate lets a client check that nobody tampered with NEGOTIATE.
// [MS-SMB2] 3.3.5.15.12
func validateNegotiate(_ context.Context, r *request, q *control) error {
	p := &r.c.params
	req, err := smb2.ParseValidateNegotiateInfoRequest(q.Input)
	if err != nil {
		return dropError{"malformed VALIDATE_NEGOTIATE_INFO"}
	}
	best := Dialect(0)
	for _, d := range r.c.srv.dialects() {
		if slices.Contains(req.Dialects, d) {
			best = d
			break
		}
	}
	resp := smb2.ValidateNegotiateInfoResponse{
		Capabilities: p.caps, GUID: r.c.srv.guid, SecurityMode: p.mode, Dialect: p.dialect,
	}
	out := resp.Append(nil)
	if p.dialect == Dialect311 || best != p.dialect || req.GUID != p.clientGUID || req.SecurityMode != p.clientMode ||
		req.Capabilities != p.clientCaps || int(q.MaxOutputResponse) < len(out) {
		return dropError{"VALIDATE_NEGOTIATE_INFO doesn't match NEGOTIATE"}
	}
	q.out = out
	return nil
}

// resumeKey gives the key by which a copy names its source. [MS-SMB2]
// 3.3.5.15.5
func resumeKey(_ context.Context, r *request, q *control) error {
	out := smb2.SrvRequestResumeKeyResponse{ResumeKey: r.open.resumeKey()}.Append(nil)
	if int(q.MaxOutputResponse) < len(out) {
		return smb2.StatusInvalidParameter
	}
	q.out = out
	return nil
}

// resumeKey returns the open's key. It holds the id, so that the open can be found
// by it within its session.
func (o *open) resumeKey() (k [24]byte) {
	binary.LittleEndian.PutUint64(k[0:], o.id.Volatile)
	binary.LittleEndian.PutUint64(k[8:], o.id.Persistent)
	binary.LittleEndian.PutUint64(k[16:], o.session().id)
	return k
}

// pinByKey returns the open that a resume key names, pinned.
func (se *session) pinByKey(k [24]byte) *open {
	o := se.pin(smb2.FileID{
		Volatile:   binary.LittleEndian.Uint64(k[0:]),
		Persistent: binary.LittleEndian.Uint64(k[8:]),
	}, nil)
	if o != nil && o.resumeKey() != k {
		o.unpin()
		return nil
	}
	return o
}
