package smb_test

import (
	"fmt"
	"strings"

	"github.com/gosmbd/smb/internal/smbtest"
	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs"
)

// name is a random name, which has something most often.
func (r *modelRun) name() string {
	name := ""
	for range pick(r.rnd, 0, 0, 0, 0, 1, 1, 1, 2) {
		name += pick(r.rnd, "d", "D", "e", "E", "d", "e") + `\`
	}
	return name + pick(r.rnd, "a", "A", "b", "B", "c", "a", "b", "d", "e")
}

// wire is a name as the client spells it.
func (r *modelRun) wire(client int, name string) string { return slashes(name, r.isPosix(client)) }

// slashes is a name with the separator of POSIX clients, or of others.
func slashes(name string, posix bool) string {
	if posix {
		return strings.ReplaceAll(name, `\`, "/")
	}
	return name
}

// describe is a handle in the log.
func (r *modelRun) describe(h *modelOpen) string {
	s := fmt.Sprintf("%d#%d %s", h.client, h.id.Volatile&0xffff, r.m.path(h.link))
	if h.stream != nil {
		s += ":" + h.stream.name
	}
	if h.link.gone {
		s += " (gone)"
	}
	return s
}

func (r *modelRun) create() modelStep {
	client, file, stream := r.rnd.IntN(len(r.clients)), r.name(), ""
	if !r.isPosix(client) && r.rnd.IntN(6) == 0 {
		stream = pick(r.rnd, "s", "S", "t")
	}
	q := r.request(client, file, stream)
	resp, st := r.clients[client].Create(q)
	what := fmt.Sprintf("%d create %s, disposition %d access %#x share %d options %#x attributes %#x -> #%d",
		client, q.Name, q.Disposition, q.DesiredAccess, q.ShareAccess, q.Options, q.FileAttributes, resp.FileID.Volatile&0xffff)
	return modelStep{client, what, st, func() smb2.Status { return r.m.create(client, resp.FileID, q, file, stream) }}
}

func (r *modelRun) request(client int, file, stream string) smb2.CreateRequest {
	name := file
	if stream != "" {
		name += ":" + stream
	}
	d := pick(r.rnd, smb2.Create, smb2.Open, smb2.OpenIf, smb2.OpenIf, smb2.OverwriteIf, smb2.Supersede, smb2.Overwrite)
	q := smbtest.CreateReq(name, d)
	if r.isPosix(client) {
		q = posixReq(slashes(name, true), d, 0o755)
	}
	q.DesiredAccess = pick[uint32](r.rnd, 0x1F01FF, 0x1F01FF, 0x12019F, 0x120089, 0x130089, 0x100080, 0x110080, 0x130180)
	q.ShareAccess = pick[smb2.ShareAccess](r.rnd, 7, 7, 7, 7, 7, 3, 1, 5, 0)
	switch k := r.rnd.IntN(10); {
	case stream != "":
	case k == 0 && (d == smb2.Create || d == smb2.Open || d == smb2.OpenIf):
		q.Options |= smb2.OptionDirectoryFile
	case k == 1 || k == 2:
		q.Options |= smb2.OptionNonDirectoryFile
	}
	if vfs.Access(q.DesiredAccess)&vfs.Delete != 0 && r.rnd.IntN(8) == 0 {
		q.Options |= smb2.OptionDeleteOnClose
	}
	if q.Options&smb2.OptionDirectoryFile == 0 && r.rnd.IntN(12) == 0 {
		q.FileAttributes = uint32(vfs.AttrReadOnly)
	}
	return q
}

func (r *modelRun) write(h *modelOpen) modelStep {
	r.writes++
	data, off := fmt.Sprintf("<%d>", r.writes), r.rnd.IntN(12)
	what := fmt.Sprintf("write %s %q at %d", r.describe(h), data, off)
	_, st := r.clients[h.client].Write(h.id, uint64(off), []byte(data))
	return modelStep{h.client, what, st, func() smb2.Status {
		switch {
		case h.isDir():
			return smb2.StatusInvalidDeviceRequest
		case h.access&vfs.WriteData == 0:
			return smb2.StatusAccessDenied
		}
		c := h.content()
		resize(c, max(len(*c), off+len(data)))
		copy((*c)[off:], data)
		return ok
	}}
}

func (r *modelRun) truncate(h *modelOpen) modelStep {
	size := r.rnd.IntN(12)
	what := fmt.Sprintf("truncate %s to %d", r.describe(h), size)
	st := r.clients[h.client].SetInfo(h.id, smb2.ClassFileEndOfFileInformation, smb2.FileEndOfFileInformation{EndOfFile: int64(size)})
	return modelStep{h.client, what, st, func() smb2.Status {
		switch {
		case h.access&vfs.WriteData == 0:
			return smb2.StatusAccessDenied
		case h.isDir():
			return smb2.StatusInvalidParameter
		}
		resize(h.content(), size)
		return ok
	}}
}

// resize cuts b off, or adds zeros.
func resize(b *[]byte, n int) {
	*b = append(*b, make([]byte, max(0, n-len(*b)))...)[:n]
}

// read also compares what it reads.
func (r *modelRun) read(h *modelOpen) modelStep {
	what := "read " + r.describe(h)
	got, st := r.clients[h.client].Read(h.id, 0, 4096)
	return modelStep{h.client, what, st, func() smb2.Status {
		switch {
		case h.isDir():
			return smb2.StatusInvalidDeviceRequest
		case h.access&vfs.ReadData == 0:
			return smb2.StatusAccessDenied
		case len(*h.content()) == 0:
			return smb2.StatusEndOfFile
		}
		if string(got) != string(*h.content()) {
			r.fail("%s: %q, want %q", what, got, *h.content())
		}
		return ok
	}}
}

func (r *modelRun) rename(h *modelOpen) modelStep {
	to, replace, posix := r.name(), r.rnd.IntN(2) == 0, r.rnd.IntN(4) == 0
	if !h.link.gone && r.rnd.IntN(5) == 0 { // at most the case changes
		to = r.m.path(h.link)
		last := len(to) - 1
		to = to[:last] + pick(r.rnd, strings.ToUpper, strings.ToLower)(to[last:])
	}
	c, wire := r.clients[h.client], r.wire(h.client, to)
	what := fmt.Sprintf("rename %s to %s, replace %v posix %v", r.describe(h), to, replace, posix)
	var st smb2.Status
	if posix {
		st = c.SetInfo(h.id, smb2.ClassFileRenameInformationEx, renameInfo(wire, replace, true))
	} else {
		st = c.Rename(h.id, wire, replace)
	}
	return modelStep{h.client, what, st, func() smb2.Status { return r.m.rename(h, to, replace, posix) }}
}

// renameInfo is FileRenameInformationEx.
func renameInfo(to string, replace, posix bool) smb2.FileRenameInformationEx {
	x := smb2.FileRenameInformationEx{FileName: to}
	if replace {
		x.Flags |= smb2.RenameReplaceIfExists
	}
	if posix {
		x.Flags |= smb2.RenamePosixSemantics
	}
	return x
}

func (r *modelRun) renameStream(h *modelOpen) modelStep {
	to, replace := pick(r.rnd, "s", "S", "t", "u"), r.rnd.IntN(2) == 0
	what := fmt.Sprintf("rename %s to :%s, replace %v", r.describe(h), to, replace)
	st := r.clients[h.client].Rename(h.id, ":"+to, replace)
	return modelStep{h.client, what, st, func() smb2.Status { return r.m.renameStream(h, to, replace) }}
}

func (r *modelRun) link(h *modelOpen) modelStep {
	to, replace := r.name(), r.rnd.IntN(2) == 0
	what := fmt.Sprintf("link %s to %s, replace %v", r.describe(h), to, replace)
	st := r.clients[h.client].SetInfo(h.id, smb2.ClassFileLinkInformation, smb2.FileLinkInformation{ReplaceIfExists: replace, FileName: r.wire(h.client, to)})
	return modelStep{h.client, what, st, func() smb2.Status { return r.m.link(h, to, replace) }}
}

func (r *modelRun) delete(h *modelOpen) modelStep {
	c, name := r.clients[h.client], r.describe(h)
	switch r.rnd.IntN(4) {
	case 0:
		return modelStep{h.client, "undelete " + name, c.Delete(h.id, false), func() smb2.Status { return r.m.undelete(h) }}
	case 1:
		st := disposeEx(c, h.id, smb2.DispositionDelete|smb2.DispositionPosixSemantics)
		return modelStep{h.client, "delete by POSIX " + name, st, func() smb2.Status { return r.m.delete(h, true) }}
	}
	return modelStep{h.client, "delete " + name, c.Delete(h.id, true), func() smb2.Status { return r.m.delete(h, r.m.posix) }}
}

func (r *modelRun) setReadOnly(h *modelOpen) modelStep {
	readOnly, attrs := r.rnd.IntN(3) == 0, vfs.AttrNormal
	if readOnly {
		attrs = vfs.AttrReadOnly
	}
	what := fmt.Sprintf("read-only %v %s", readOnly, r.describe(h))
	st := r.clients[h.client].SetInfo(h.id, smb2.ClassFileBasicInformation, smb2.FileBasicInformation{FileAttributes: uint32(attrs)})
	return modelStep{h.client, what, st, func() smb2.Status {
		if h.access&vfs.WriteAttributes == 0 {
			return smb2.StatusAccessDenied
		}
		h.file.readOnly = readOnly
		return ok
	}}
}

func (r *modelRun) close(h *modelOpen) modelStep {
	what := "close " + r.describe(h)
	return modelStep{h.client, what, r.clients[h.client].CloseFile(h.id), func() smb2.Status {
		r.m.close(h)
		return ok
	}}
}
