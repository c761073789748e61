package smb

import (
	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs"
)

// file answers the classes of [MS-FSCC] 2.4. [MS-SMB2] 3.3.5.20.1
func (q *query) file(dst []byte) ([]byte, error) {
	class := smb2.FileInfoClass(q.req.Class)
	if class == smb2.ClassFilePosixInformation {
		return q.posixFile(dst)
	}
	n, ok := class.MinOutput()
	if !ok || isDirectoryClass(class) {
		switch class {
		case smb2.ClassFileIdInformation, smb2.ClassFileHardLinkInformation, smb2.ClassFileStandardLinkInformation:
			ok = true // [MS-FSA] 2.1.5.12.13, 2.1.5.12.28
		}
		if ok {
			return dst, smb2.StatusNotSupported
		}
		return dst, smb2.StatusInvalidInfoClass
	}
	if err := q.room(n); err != nil {
		return dst, err
	}
	if q.o.pipe != nil {
		return q.pipeFile(dst, class)
	}
	switch class {
	case smb2.ClassFilePipeInformation, smb2.ClassFilePipeLocalInformation, smb2.ClassFilePipeRemoteInformation:
		return dst, smb2.StatusInvalidParameter
	case smb2.ClassFileBasicInformation, smb2.ClassFileAllInformation,
		smb2.ClassFileNetworkOpenInformation, smb2.ClassFileAttributeTagInformation:
		if q.o.access&vfs.ReadAttributes == 0 {
			return dst, smb2.StatusAccessDenied
		}
	case smb2.ClassFileFullEaInformation:
		if q.o.access&vfs.ReadEA == 0 {
			return dst, smb2.StatusAccessDenied
		}
		return q.fullEAs(dst)
	case smb2.ClassFileNormalizedNameInformation:
		if q.r.c.params.dialect < Dialect311 {
			return dst, smb2.StatusNotSupported
		}
	case smb2.ClassFileIdInformation:
		if q.r.c.params.dialect < Dialect300 {
			return dst, smb2.StatusNotSupported
		}
	}
	return q.diskFile(dst, class)
}

func isDirectoryClass(class smb2.FileInfoClass) bool {
	_, err := smb2.NewDirectoryList(class, nil, 0)
	return err == nil
}

// diskFile answers for files and directories.
func (q *query) diskFile(dst []byte, class smb2.FileInfoClass) ([]byte, error) {
	o := q.o
	a, err := o.stat(q.ctx)
	if err != nil {
		return dst, err
	}
	name := wireName(o.fullPath())
	switch class {
	case smb2.ClassFileBasicInformation:
		return basicInfo(a).Append(dst), nil
	case smb2.ClassFileStandardInformation:
		return o.standardInfo(a).Append(dst), nil
	case smb2.ClassFileInternalInformation:
		return smb2.FileInternalInformation{IndexNumber: o.fileID(a)}.Append(dst), nil
	case smb2.ClassFileEaInformation:
		return eaInfo(sizeOfEAs(q.ctx, o.f)).Append(dst), nil
	case smb2.ClassFileAccessInformation:
		return smb2.FileAccessInformation{AccessFlags: uint32(o.access)}.Append(dst), nil
	case smb2.ClassFilePositionInformation:
		return smb2.FilePositionInformation{CurrentByteOffset: o.position.Load()}.Append(dst), nil
	case smb2.ClassFileModeInformation:
		return smb2.FileModeInformation{Mode: o.modeFlags()}.Append(dst), nil
	case smb2.ClassFileAlignmentInformation:
		return smb2.FileAlignmentInformation{}.Append(dst), nil
	case smb2.ClassFileNameInformation:
		return smb2.FileNameInformation{FileName: `\` + name}.Append(dst), nil
	case smb2.ClassFileAlternateNameInformation:
		return smb2.FileNameInformation{FileName: shortName(base(o.path()))}.Append(dst), nil
	case smb2.ClassFileNormalizedNameInformation:
		return smb2.FileNameInformation{FileName: name}.Append(dst), nil
	case smb2.ClassFileAllInformation:
		return smb2.FileAllInformation{
			Basic:    basicInfo(a),
			Standard: o.standardInfo(a),
			Internal: smb2.FileInternalInformation{IndexNumber: o.fileID(a)},
			Ea:       eaInfo(sizeOfEAs(q.ctx, o.f)),
			Access:   smb2.FileAccessInformation{AccessFlags: uint32(o.access)},
			Position: smb2.FilePositionInformation{CurrentByteOffset: o.position.Load()},
			Mode:     smb2.FileModeInformation{Mode: o.modeFlags()},
			Name:     smb2.FileNameInformation{FileName: `\` + name},
		}.Append(dst), nil
	case smb2.ClassFileNetworkOpenInformation:
		return smb2.FileNetworkOpenInformation{
			CreationTime:   smb2.FileTimeOf(a.Created),
			LastAccessTime: smb2.FileTimeOf(a.Accessed),
			LastWriteTime:  smb2.FileTimeOf(a.Written),
			ChangeTime:     smb2.FileTimeOf(a.Changed),
			AllocationSize: a.Alloc,
			EndOfFile:      a.Size,
			FileAttributes: uint32(a.Attributes),
		}.Append(dst), nil
	case smb2.ClassFileAttributeTagInformation:
		return smb2.FileAttributeTagInformation{FileAttributes: uint32(a.Attributes), ReparseTag: a.ReparseTag}.Append(dst), nil
	case smb2.ClassFileCompressionInformation:
		return o.compressionInfo(a).Append(dst), nil
	case smb2.ClassFileStreamInformation:
		return q.streams(dst, a)
	case smb2.ClassFileIdInformation:
		info := smb2.FileIdInformation{VolumeSerialNumber: o.tree().volumeID()}
		putUint64(info.FileID[:], o.fileID(a))
		return info.Append(dst), nil
	}
	return dst, smb2.StatusInvalidInfoClass
}

func basicInfo(a vfs.Attr) smb2.FileBasicInformation {
	return smb2.FileBasicInformation{
		CreationTime:   smb2.FileTimeOf(a.Created),
		LastAccessTime: smb2.FileTimeOf(a.Accessed),
		LastWriteTime:  smb2.FileTimeOf(a.Written),
		ChangeTime:     smb2.FileTimeOf(a.Changed),
		FileAttributes: uint32(a.Attributes),
	}
}

func (o *open) standardInfo(a vfs.Attr) smb2.FileStandardInformation {
	info := smb2.FileStandardInformation{
		AllocationSize: a.Alloc,
		EndOfFile:      a.Size,
		NumberOfLinks:  a.Links,
		DeletePending:  o.isDoomed(),
		Directory:      isDirectory(a),
	}
	if o.file.object().dir && !o.posix {
		info.NumberOfLinks = min(info.NumberOfLinks, 1) // some systems count what is in it
	}
	if n := o.file.object().dooms(); n > 0 {
		info.NumberOfLinks -= min(n, info.NumberOfLinks) // names that go don't count any more
		info.DeletePending = info.DeletePending || info.NumberOfLinks == 0
	}
	return info
}

func (o *open) modeFlags() uint32 {
	o.mu.Lock()
	defer o.mu.Unlock()
	return uint32(o.mode)
}
