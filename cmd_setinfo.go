package smb

import (
	"context"
	"math"

	"github.com/gosmbd/smb/oplock"
	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs"
)

// setInfo changes something about a file. [MS-SMB2] 3.3.5.21
func setInfo(ctx context.Context, r *request, w *reply) error {
	req, err := smb2.ParseSetInfoRequest(r.msg)
	if err != nil {
		return err
	}
	if len(req.Data) > int(r.c.params.maxIO) {
		return smb2.StatusInvalidParameter
	}
	switch req.InfoType {
	case smb2.InfoFile:
		err = r.setFile(ctx, smb2.FileInfoClass(req.Class), req.Data)
	case smb2.InfoFileSystem:
		err = r.setFileSystem(ctx, smb2.FSInfoClass(req.Class), req.Data)
	case smb2.InfoSecurity:
		err = r.setSecurity(ctx, vfs.SecurityInformation(req.Additional), req.Data)
	case smb2.InfoQuota:
		err = r.setQuotas(ctx, req.Data)
	default:
		err = smb2.StatusInvalidParameter
	}
	if err != nil {
		return err
	}
	w.buf.B = smb2.SetInfoResponse{}.Append(w.buf.B)
	return nil
}

// setRights is what an open must have been granted to set a class, and whether
// the class works on a pipe. A class that isn't here can't be set. Everything
// that SET_INFO may change on disk passes through this table.
var setRights = map[smb2.FileInfoClass]vfs.Access{
	smb2.ClassFileBasicInformation:           vfs.WriteAttributes,
	smb2.ClassFileRenameInformation:          vfs.Delete,
	smb2.ClassFileRenameInformationEx:        vfs.Delete,
	smb2.ClassFileLinkInformation:            0, // what is changed is the directory
	smb2.ClassFileDispositionInformation:     vfs.Delete,
	smb2.ClassFileDispositionInformationEx:   vfs.Delete,
	smb2.ClassFilePositionInformation:        0, // of the open only
	smb2.ClassFileModeInformation:            0, // of the open only
	smb2.ClassFileAllocationInformation:      vfs.WriteData,
	smb2.ClassFileEndOfFileInformation:       vfs.WriteData,
	smb2.ClassFileValidDataLengthInformation: vfs.WriteData,
	smb2.ClassFileFullEaInformation:          vfs.WriteEA,
	smb2.ClassFileShortNameInformation:       vfs.Delete,
	smb2.ClassFilePipeInformation:            0,
}

// setFile sets the classes of [MS-FSCC] 2.4. [MS-SMB2] 3.3.5.21.1
func (r *request) setFile(ctx context.Context, class smb2.FileInfoClass, data []byte) error {
	o := r.open
	right, ok := setRights[class]
	switch {
	case !ok:
		return smb2.StatusInvalidInfoClass
	case o.access&right != right:
		return smb2.StatusAccessDenied
	case o.pipe != nil:
		return o.pipe.setInfo(class, data)
	case o.isQuota():
		return smb2.StatusInvalidDeviceRequest
	case o.m.frozen() && class != smb2.ClassFilePositionInformation && class != smb2.ClassFileModeInformation:
		return smb2.StatusMediaWriteProtected // [MS-FSA] 2.1.5.15
	}
	switch class {
	case smb2.ClassFileBasicInformation:
		return o.setBasic(ctx, data)
	case smb2.ClassFileRenameInformation:
		x, err := smb2.ParseFileRenameInformation(data)
		if err != nil {
			return err
		}
		return r.rename(ctx, x.FileName, x.RootDirectory, renameFlags(x.ReplaceIfExists))
	case smb2.ClassFileRenameInformationEx:
		x, err := smb2.ParseFileRenameInformationEx(data)
		if err != nil {
			return err
		}
		return r.rename(ctx, x.FileName, x.RootDirectory, x.Flags)
	case smb2.ClassFileLinkInformation:
		x, err := smb2.ParseFileLinkInformation(data)
		if err != nil {
			return err
		}
		return r.link(ctx, x)
	case smb2.ClassFileDispositionInformation:
		x, err := smb2.ParseFileDispositionInformation(data)
		if err != nil {
			return err
		}
		return r.setDisposition(ctx, x.DeletePending, 0)
	case smb2.ClassFileDispositionInformationEx:
		x, err := smb2.ParseFileDispositionInformationEx(data)
		if err != nil {
			return err
		}
		return r.setDispositionEx(ctx, x.Flags)
	case smb2.ClassFilePositionInformation:
		return o.setPosition(data)
	case smb2.ClassFileModeInformation:
		return o.setMode(data)
	case smb2.ClassFileEndOfFileInformation:
		x, err := smb2.ParseFileEndOfFileInformation(data)
		if err != nil {
			return err
		}
		return r.setSize(ctx, x.EndOfFile, false)
	case smb2.ClassFileAllocationInformation:
		x, err := smb2.ParseFileAllocationInformation(data)
		if err != nil {
			return err
		}
		return r.setAllocation(ctx, x.AllocationSize)
	case smb2.ClassFileFullEaInformation:
		return o.setEAs(ctx, data)
	case smb2.ClassFilePipeInformation:
		return smb2.StatusInvalidParameter
	}
	// Short names, and the valid data length, which needs a privilege.
	return smb2.StatusNotSupported
}

// setBasic sets times and attributes. [MS-FSA] 2.1.5.15.2
func (o *open) setBasic(ctx context.Context, data []byte) error {
	x, err := smb2.ParseFileBasicInformation(data)
	if err != nil {
		return err
	}
	var times [4]timeChange
	for i, t := range []smb2.FileTime{x.CreationTime, x.LastAccessTime, x.LastWriteTime, x.ChangeTime} {
		if times[i], err = parseTime(t); err != nil {
			return err
		}
	}
	attrs := vfs.Attributes(x.FileAttributes)
	if attrs&vfs.AttrDirectory != 0 && !o.file.object().dir || attrs&vfs.AttrTemporary != 0 && o.file.object().dir {
		return smb2.StatusInvalidParameter
	}
	// Even a change of nothing shows writes, as on Windows.
	o.showWrites(ctx)
	a, err := o.f.Stat(ctx)
	if err != nil {
		return err
	}
	a = completeAttr(a)
	c := vfs.AttrChange{Created: times[0].to, Accessed: times[1].to}
	if attrs != 0 {
		settable := settableAttrs
		if o.path() == "." {
			settable &^= vfs.AttrHidden | vfs.AttrSystem
		}
		if c.Attributes = attrs&settable | a.Attributes&settableAttrs&^settable; c.Attributes == 0 {
			c.Attributes = vfs.AttrNormal
		}
	}
	o.mu.Lock()
	o.times.settle(&c, times[2], times[3], a)
	o.mu.Unlock()
	if c == (vfs.AttrChange{}) {
		return nil
	}
	err = o.setAttr(ctx, c)
	o.m.entryChanged(o.holder, modified(o.path(), attrFilter(c)))
	return err
}

// attrFilter returns what a change of attributes may be watched as. [MS-FSA] 2.1.5.15.2
func attrFilter(c vfs.AttrChange) (filter uint32) {
	if c.Attributes != 0 {
		filter |= smb2.FileNotifyChangeAttributes
	}
	if !c.Created.IsZero() {
		filter |= smb2.FileNotifyChangeCreation
	}
	if !c.Accessed.IsZero() {
		filter |= smb2.FileNotifyChangeLastAccess
	}
	if !c.Written.IsZero() {
		filter |= smb2.FileNotifyChangeLastWrite
	}
	return filter
}

// setAttr changes times and attributes; a backend that can't hold them forgets
// them.
func (o *open) setAttr(ctx context.Context, c vfs.AttrChange) error {
	if o.byName.Load() {
		return o.withObject(ctx, func(f vfs.File) error {
			if s, ok := vfs.As[vfs.AttrSetter](f); ok {
				return ignoreUnsupported(s.SetAttr(ctx, c))
			}
			return nil
		})
	}
	if o.attrs == nil {
		return nil
	}
	defer o.work().end()
	return ignoreUnsupported(o.attrs.SetAttr(ctx, c))
}

// setSize sets the end of the file; cut says that it gets no longer. [MS-FSA] 2.1.5.15.5
func (r *request) setSize(ctx context.Context, size int64, cut bool) error {
	o := r.open
	switch {
	case o.file.dir, size < 0, o.m.tooLong(ctx, size):
		return smb2.StatusInvalidParameter
	case o.trunc == nil || o.byName.Load():
		return smb2.StatusAccessDenied
	}
	if err := r.breakFor(o.file, o.holder, oplock.OpSetSize); err != nil {
		return err
	}
	a, err := o.f.Stat(ctx)
	if err != nil {
		return err
	}
	o.showWrites(ctx)
	if cut && size > a.Size {
		return nil // others cut it off meanwhile
	}
	if size == a.Size {
		o.touch(ctx) // [MS-FSA] 2.1.5.15.5: it was modified
		return nil
	}
	// Locks don't keep anybody from that, [MS-FSA] 2.1.5.15.5.
	note := o.beforeWrite(ctx)
	err = orDenied(o.trunc.Truncate(size))
	note.work.end()
	o.file.writes.Add(1)
	if err == nil {
		o.afterWrite(ctx, note)
		o.showWrites(ctx)
	}
	r.c.srv.brokenBy(o.file, o.holder, oplock.OpSetSize)
	o.m.entryChanged(o.holder, o.modified(dataFilter))
	return err
}

// setAllocation sets the bytes that the file takes, in whole clusters. Less than the end of the
// file cuts it off; more is remembered, since the backend allocates as it likes.
// [MS-FSA] 2.1.5.15.1
func (r *request) setAllocation(ctx context.Context, size int64) error {
	o := r.open
	if o.file.dir || size < 0 || size > math.MaxInt64-clusterSize {
		return smb2.StatusInvalidParameter
	}
	a, err := o.f.Stat(ctx)
	if err != nil {
		return err
	}
	size = roundUp(size)
	if size < a.Size {
		if err := r.setSize(ctx, size, true); err != nil {
			return err
		}
	} else if err := r.breakFor(o.file, o.holder, oplock.OpSetSize); err != nil {
		return err
	}
	o.file.mu.Lock()
	o.file.alloc = size
	o.file.mu.Unlock()
	err = o.save()
	o.m.entryChanged(o.holder, o.modified(smb2.FileNotifyChangeSize))
	return err
}

// setPosition sets what FilePositionInformation shows: reads and writes carry
// their own offsets.
func (o *open) setPosition(data []byte) error {
	x, err := smb2.ParseFilePositionInformation(data)
	if err != nil {
		return err
	}
	if x.CurrentByteOffset < 0 {
		return smb2.StatusInvalidParameter
	}
	o.position.Store(x.CurrentByteOffset)
	return nil
}

// setMode sets the flags of the open that may be changed. [MS-FSA] 2.1.5.15.8
func (o *open) setMode(data []byte) error {
	x, err := smb2.ParseFileModeInformation(data)
	if err != nil {
		return err
	}
	const (
		alert, nonAlert = smb2.OptionSynchronousIOAlert, smb2.OptionSynchronousIONonAlert
		changeable      = smb2.OptionWriteThrough | smb2.OptionSequentialOnly | alert | nonAlert
	)
	mode := smb2.CreateOptions(x.Mode)
	if mode&^changeable != 0 || mode&alert != 0 && mode&nonAlert != 0 {
		return smb2.StatusInvalidParameter
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.mode = o.mode&^changeable | mode
	return nil
}

// setFileSystem: nothing of a volume can be set but its quotas. [MS-SMB2] 3.3.5.21.2
func (r *request) setFileSystem(ctx context.Context, class smb2.FSInfoClass, data []byte) error {
	switch class {
	case smb2.ClassFsControlInformation:
		return r.setQuotaPolicy(ctx, data)
	case smb2.ClassFsObjectIdInformation, smb2.ClassFsLabelInformation:
		return smb2.StatusNotSupported
	}
	return smb2.StatusInvalidInfoClass
}
