package smb_test

import (
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	"github.com/gosmbd/smb/internal/smbtest"
	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs"
)

// read reads a cell, unless the client has it: what is cached is looked at after each step.
func (m *cachingModel) read(h *cachingHost) {
	o, i := m.usable(h, vfs.ReadData, false), m.rnd.IntN(cachingCells)
	if o == nil {
		return
	}
	l, before := o.lease, 0
	if l != nil {
		if _, cached := l.cached[i]; l.dirty[i] != nil || cached && l.has(smb2.LeaseRead) && !m.chance(3) {
			return
		}
		before = l.changes
	}
	may, locker := o.file.cells[i].read(), m.lockedBeside(o, i)
	m.send(h, &cachingRequest{cmd: smb2.CommandRead, what: fmt.Sprintf("READ %v, cell %d", o, i), open: o,
		body: smb2.ReadRequest{FileID: o.id, Offset: cellOffset(i), Length: cachingCellSize},
		done: func(r smbtest.Reply) {
			v := uint64(0)
			switch r.Status {
			case ok:
				resp, _ := smb2.ParseReadResponse(r.Msg)
				v = cellValue(resp.Data)
			case smb2.StatusEndOfFile:
			case smb2.StatusFileLockConflict:
				return
			default:
				if !o.closing {
					m.fail("READ %v: %v", o, r.Status)
				}
				return
			}
			m.checkUnlocked("READ", o, i, locker)
			if !may()[v] {
				m.fail("READ %v, cell %d of file %d: %d, want one of %v", o, i, o.file.id, v, may())
			}
			if l != nil && l.changes == before && l.has(smb2.LeaseRead) && l.dirty[i] == nil {
				l.cached[i] = v
			}
		}})
}

// lockedBeside returns another handle that has the cell locked, nil if none has.
func (m *cachingModel) lockedBeside(o *cachingOpen, cell int) *cachingOpen {
	for _, h := range m.hosts {
		for _, other := range h.opens {
			if other != o && other.file == o.file && other.locks[cell] && !other.down && !other.closing {
				return other
			}
		}
	}
	return nil
}

// checkUnlocked checks that what was done with a cell wasn't while locker had it, which had it at the beginning.
func (m *cachingModel) checkUnlocked(what string, o *cachingOpen, cell int, locker *cachingOpen) {
	if locker != nil && locker == m.lockedBeside(o, cell) {
		m.fail("%s %v: cell %d is locked by %v", what, o, cell, locker)
	}
}

// write writes a cell, or buffers it. While other handles of the lease have locks it does nothing, as a client couldn't tell
// itself what those keep it from.
func (m *cachingModel) write(h *cachingHost) {
	o, i := m.usable(h, vfs.WriteData, false), m.rnd.IntN(cachingCells)
	if o == nil {
		return
	}
	l, c := o.lease, &o.file.cells[i]
	m.written++
	v := m.written
	if l != nil {
		d := l.dirty[i]
		if d != nil && d.sent || slices.ContainsFunc(l.opens, func(x *cachingOpen) bool { return x != o && len(x.locks)+len(x.unsure) > 0 }) {
			return
		}
		if l.has(smb2.LeaseWrite) && !l.owed && l.opening == 0 && (d == nil || d.open == o) && !m.chance(4) {
			m.logf("%d buffers %v, cell %d of file %d: %d", h.n, o, i, o.file.id, v)
			l.dirty[i] = &dirtyCell{value: v, open: o}
			delete(l.cached, i)
			c.buffer(v)
			return
		}
		if d != nil {
			return
		}
	}
	l.written(i)
	end, locker := c.begin(v), m.lockedBeside(o, i)
	m.send(h, &cachingRequest{cmd: smb2.CommandWrite, what: fmt.Sprintf("WRITE %v, cell %d of file %d: %d", o, i, o.file.id, v), open: o, again: sentTillDone, touches: []string{o.name},
		body: smb2.WriteRequest{FileID: o.id, Offset: cellOffset(i), Data: cellData(v)},
		lost: func() { end(false) },
		done: func(r smbtest.Reply) {
			end(r.Status == ok)
			l.written(i)
			switch {
			case r.Status == ok:
				m.checkUnlocked("WRITE", o, i, locker)
			case r.Status != smb2.StatusFileLockConflict && !o.closing:
				m.fail("WRITE %v: %v", o, r.Status)
			}
		}})
}

// written drops what is cached of a cell, also what is being read of it.
func (l *cachingLease) written(cell int) {
	if l != nil {
		delete(l.cached, cell)
		l.changes++
	}
}

// lock locks a cell, or gives the lock up.
func (m *cachingModel) lock(h *cachingHost) {
	o, i := m.usable(h, vfs.ReadData, false), m.rnd.IntN(cachingCells)
	if o == nil || o.busy > 0 || o.unsure[i] {
		return
	}
	if l := o.lease; l != nil && len(l.dirty) > 0 && len(l.opens) > 1 {
		return // the lock may be in the way of what is to be flushed
	}
	unlock, flags := o.locks[i], exclusiveNow
	if unlock {
		flags = smb2.LockUnlock
	}
	req := smbtest.LockReq(o.id, cellOffset(i), cachingCellSize, flags)
	req.LockSequence = smbtest.LockSeq(uint8(o.sequence/64), o.sequence%64+1)
	o.sequence++
	o.unsure[i] = true
	m.send(h, &cachingRequest{cmd: smb2.CommandLock, what: fmt.Sprintf("LOCK %v, cell %d, unlock %v", o, i, unlock), body: req, open: o, again: sentTillDone, touches: []string{o.name},
		done: func(r smbtest.Reply) {
			delete(o.unsure, i)
			switch {
			case unlock:
				delete(o.locks, i)
				if r.Status != ok && !o.closing {
					m.fail("UNLOCK %v: %v", o, r.Status)
				}
			case r.Status == ok:
				o.locks[i] = true
				m.excludeLocks(o, i)
			}
		}})
}

// excludeLocks checks that no two handles have a cell locked. One whose client is away may have been closed for the other.
func (m *cachingModel) excludeLocks(o *cachingOpen, cell int) {
	for _, h := range m.hosts {
		for _, other := range h.opens {
			if other == o || other.file != o.file || !other.locks[cell] || other.closing {
				continue
			}
			if !other.down {
				m.fail("%v and %v have locked cell %d", o, other, cell)
			}
			other.mustBeGone = fmt.Sprintf("%v has its lock", o)
		}
	}
}

// resilience makes a handle resilient. [MS-SMB2] 3.3.5.15.9
func (m *cachingModel) resilience(h *cachingHost) {
	o, d := m.usable(h, 0, false), pick(m.rnd, 10*time.Second, 100*time.Second)
	if o == nil {
		return
	}
	in := binary.LittleEndian.AppendUint64(nil, uint64(d.Milliseconds())) // and a reserved field
	m.send(h, &cachingRequest{cmd: smb2.CommandIoctl, what: fmt.Sprintf("resiliency of %v, %v", o, d), open: o, again: sentTillDone,
		body: smbtest.IoctlReq(o.id, smb2.FsctlLmrRequestResiliency, in, 0),
		done: func(r smbtest.Reply) {
			if r.Status == ok {
				o.resilience = d
			}
		}})
}

// list lists the directory, which may be cached then.
func (m *cachingModel) list(h *cachingHost) {
	o := m.usable(h, 0, true)
	if o == nil || o.busy > 0 {
		return
	}
	l, before := o.lease, o.lease.changes
	m.send(h, &cachingRequest{cmd: smb2.CommandQueryDirectory, what: fmt.Sprintf("QUERY_DIRECTORY %v", o), open: o,
		body: smb2.QueryDirectoryRequest{Class: smb2.ClassFileNamesInformation, Flags: smb2.RestartScans, FileID: o.id, Pattern: "*", OutputLength: 8192},
		done: func(r smbtest.Reply) {
			if r.Status != ok || l.changes != before || !l.has(smb2.LeaseRead) {
				return
			}
			resp, _ := smb2.ParseQueryDirectoryResponse(r.Msg)
			entries, _ := smb2.ParseDirectoryList(smb2.ClassFileNamesInformation, resp.Data)
			l.listing = []string{}
			for _, e := range entries {
				l.listing = append(l.listing, e.Name)
			}
			slices.Sort(l.listing)
		}})
}

// rename renames a file, perhaps over another, and delete marks one for deletion. Where files have no ids nobody could tell
// which is which then.
func (m *cachingModel) rename(h *cachingHost) {
	o, to := m.usable(h, vfs.Delete, false), pick(m.rnd, cachingNames...)
	if m.mode.noIDs || o == nil || o.busy > 0 || o.lease != nil && o.lease.opening > 0 {
		return
	}
	from, replace := o.name, m.chance(2)
	m.send(h, &cachingRequest{cmd: smb2.CommandSetInfo, what: fmt.Sprintf("rename %v to %s, replace %v", o, to, replace), open: o, again: sentTillDone, touches: []string{from, to},
		body: setInfo(o, smb2.ClassFileRenameInformation, smb2.FileRenameInformation{FileName: to, ReplaceIfExists: replace}),
		done: func(r smbtest.Reply) {
			if r.Status != ok {
				return
			}
			for _, h := range m.hosts {
				for _, x := range h.opens {
					if x.file == o.file && x.name == from {
						x.name = to
						x.threatened = true // for it has another name to be asked for by
					}
				}
			}
			delete(m.named, from)
			m.named[to] = o.file
		}})
}

func (m *cachingModel) delete(h *cachingHost) {
	o := m.usable(h, vfs.Delete, false)
	if m.mode.noIDs || o == nil || o.busy > 0 {
		return
	}
	m.send(h, &cachingRequest{cmd: smb2.CommandSetInfo, what: fmt.Sprintf("delete %v", o), open: o, again: sentTillDone, touches: []string{o.name},
		body: setInfo(o, smb2.ClassFileDispositionInformation, smb2.FileDispositionInformation{DeletePending: true})})
}

func setInfo(o *cachingOpen, class smb2.FileInfoClass, info smbtest.Body) smb2.SetInfoRequest {
	return smb2.SetInfoRequest{FileID: o.id, InfoType: smb2.InfoFile, Class: uint8(class), Data: info.Append(nil)}
}
