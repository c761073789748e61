package main

import (
	"crypto/rand"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/gosmbd/smb/smb2"
)

// flood has connections send requests that wait, far more than may, and cancel them.
// request makes one, the n-th.
func (x *arena) flood(conns, each8 int, prepare func(p *peer, i int) (request func(n int) body, cmd smb2.Command, err error)) (refused, waited int64, err error) {
	var no, yes atomic.Int64
	err = each(conns, 16, func(i int) error {
		p, err := logOn(x.addr, i, attacker)
		if err != nil {
			return err
		}
		defer p.close()
		request, cmd, err := prepare(p, i)
		if err != nil {
			return err
		}
		if err := p.wealth(2000); err != nil {
			return err
		}
		for range each8 {
			const many = 700
			first := p.next
			msgs := make([][]byte, many)
			for k := range msgs {
				msgs[k] = p.message(cmd, 1, request(k))
			}
			if err := p.send(msgs...); err != nil {
				return err
			}
			waiting := make(map[uint64]smb2.Header)
			for heard := 0; heard < many; {
				h, _, err := p.recv()
				if err != nil {
					return err
				}
				switch _, again := waiting[h.MessageID]; {
				case h.Status == smb2.StatusPending:
					waiting[h.MessageID] = h
					yes.Add(1)
				case again: // it waits no longer
					delete(waiting, h.MessageID)
					continue
				case h.Status == smb2.StatusInsufficientResources:
					no.Add(1)
				}
				heard++
			}
			if len(waiting) > 512 {
				x.miss("%d requests of a connection wait, at most 512 may", len(waiting))
			}
			for _, h := range waiting {
				c := smb2.Header{Command: smb2.CommandCancel, SessionID: p.session, MessageID: h.MessageID, AsyncID: h.AsyncID, Flags: smb2.FlagAsync}
				msg := smb2.CancelRequest{}.Append(c.Append(nil))
				p.sign(msg)
				if err := p.send(msg); err != nil {
					return err
				}
			}
			for range waiting {
				if _, _, err := p.recv(); err != nil {
					return fmt.Errorf("of %d canceled, from id %d: %w", len(waiting), first, err)
				}
			}
		}
		return nil
	})
	return no.Load(), yes.Load(), err
}

// notifyFlood watches directories, and changes them meanwhile.
func notifyFlood(x *arena) (string, error) {
	prepare := func(p *peer, i int) (func(int) body, smb2.Command, error) {
		ids := make([]smb2.FileID, 16)
		for k := range ids {
			req := createBody(fmt.Sprintf("dir%d", k%4), smb2.OpenIf, smb2.OptionDirectoryFile)
			id, err := p.create(req)
			if err != nil {
				return nil, 0, err
			}
			ids[k] = id
		}
		if i%4 == 0 { // somebody has to change something
			id, err := p.open(fmt.Sprintf(`dir%d\f%d`, i%4, i))
			if err != nil {
				return nil, 0, err
			}
			p.send(p.message(smb2.CommandClose, 1, smb2.CloseRequest{FileID: id}))
			if _, _, err := p.recv(); err != nil {
				return nil, 0, err
			}
		}
		return func(n int) body {
			return smb2.ChangeNotifyRequest{FileID: ids[n%len(ids)], Flags: uint16(n & 1), OutputLength: 64 << 10, Filter: 0xFFF}
		}, smb2.CommandChangeNotify, nil
	}
	return x.floodOf(prepare, "CHANGE_NOTIFY")
}

// lockFlood has all wait for one lock, having filled the file with others.
func lockFlood(x *arena) (string, error) {
	owner, err := x.logOn(0)
	if err != nil {
		return "", err
	}
	if err := fillWithLocks(owner); err != nil {
		return "", err
	}
	prepare := func(p *peer, _ int) (func(int) body, smb2.Command, error) {
		id, err := p.open("locked")
		return func(n int) body {
			return smb2.LockRequest{FileID: id, Locks: []smb2.LockElement{{Offset: uint64(n) * 2, Length: 1, Flags: smb2.LockExclusive}}}
		}, smb2.CommandLock, err
	}
	if _, _, err := x.flood(16, 1, prepare); err != nil {
		return "", err
	}
	if err := x.begin(); err != nil {
		return "", err
	}
	if owner, err = x.logOn(0); err != nil {
		return "", err
	}
	if err := fillWithLocks(owner); err != nil {
		return "", err
	}
	refused, waited, err := x.flood(x.times(200), 2, prepare)
	return fmt.Sprintf("16,000 locks on a file, %d more waited for and canceled, %d refused", waited, refused), err
}

// abandonedReads has clients read as much as they may from pipes that nothing comes from, more than a connection may hold
// memory for, and go away. A large READ has to be answered nevertheless.
func abandonedReads(x *arena) (string, error) {
	if err := x.bigFile(); err != nil {
		return "", err
	}
	abandon := func(i int) error {
		p, err := dial(x.addr, i)
		if err != nil {
			return err
		}
		defer p.close()
		if err := p.logOn(attacker, password); err != nil {
			return err
		}
		if err := p.connect("IPC$"); err != nil {
			return err
		}
		id, err := p.open("srvsvc")
		if err != nil {
			return err
		}
		const reads, charge = 8, 128
		if err := p.wealth(reads * charge); err != nil {
			return err
		}
		for range reads {
			if err := p.send(p.message(smb2.CommandRead, charge, smb2.ReadRequest{FileID: id, Length: 8 << 20})); err != nil {
				return err
			}
		}
		for range 3 { // at least they wait
			if _, _, err := p.recv(); err != nil {
				return err
			}
		}
		return nil
	}
	if err := each(16, 16, abandon); err != nil {
		return "", err
	}
	if err := x.begin(); err != nil {
		return "", err
	}
	n := x.times(1000)
	if err := each(n, 100, abandon); err != nil {
		return "", err
	}
	p, err := x.logOn(0)
	if err != nil {
		return "", err
	}
	id, err := p.open(bigFile)
	if err != nil {
		return "", err
	}
	if err := p.wealth(128); err != nil {
		return "", err
	}
	p.nc.SetDeadline(time.Now().Add(10 * time.Second))
	if err := p.send(p.message(smb2.CommandRead, 128, smb2.ReadRequest{FileID: id, Length: 8 << 20})); err != nil {
		return "", err
	}
	if h, _, err := p.recv(); err != nil {
		x.miss("a READ of 8 MiB wasn't answered: %v", err)
	} else if h.Status != smb2.StatusSuccess {
		x.miss("a READ of 8 MiB: %v", h.Status)
	}
	return fmt.Sprintf("%d connections asked pipes for 64 MiB each and went away", n), nil
}

// fillWithLocks locks all that one file can have locked.
func fillWithLocks(p *peer) error {
	id, err := p.open("locked")
	if err != nil {
		return err
	}
	for off := 0; off < 16000; off += 64 {
		locks := make([]smb2.LockElement, 64)
		for i := range locks {
			locks[i] = smb2.LockElement{Offset: uint64(off+i) * 2, Length: 1, Flags: smb2.LockExclusive | smb2.LockFailImmediately}
		}
		if _, _, err := p.call(smb2.CommandLock, smb2.LockRequest{FileID: id, Locks: locks}); err != nil {
			return err
		}
	}
	return nil
}

func (x *arena) floodOf(prepare func(*peer, int) (func(int) body, smb2.Command, error), name string) (string, error) {
	if _, _, err := x.flood(16, 1, prepare); err != nil {
		return "", err
	}
	if err := x.begin(); err != nil {
		return "", err
	}
	refused, waited, err := x.flood(x.times(200), 4, prepare)
	return fmt.Sprintf("%d of %s waited and were canceled, %d refused", waited, name, refused), err
}

func newGUID() (g smb2.GUID) {
	rand.Read(g[:])
	return g
}

func durable(g smb2.GUID) smb2.CreateContext {
	return smb2.CreateContext{Name: smb2.ContextDH2Q, Data: smb2.DurableV2Request{CreateGUID: g, Timeout: 300_000}.Append(nil)}
}

// durableHoard leaves durable handles behind, more than a user may. Another user's has to
// stay. (row 12)
func durableHoard(x *arena) (string, error) {
	hoard := func(i int) error {
		p, err := logOn(x.addr, i, attacker)
		if err != nil {
			return err
		}
		defer p.close()
		for k := range 500 {
			req := createBody(fmt.Sprintf("h%d-%d", i, k), smb2.OpenIf, 0, durable(newGUID()))
			req.OplockLevel = smb2.OplockBatch
			if _, err := p.create(req); err != nil {
				return err
			}
		}
		return nil
	}
	if err := hoard(0); err != nil {
		return "", err
	}
	if err := x.begin(); err != nil {
		return "", err
	}
	g := newGUID()
	p, err := dial(x.addr, 99)
	if err != nil {
		return "", err
	}
	guid := newGUID()
	id, err := p.victimOpens(guid, createBody("victim", smb2.OpenIf, 0, durable(g)))
	p.close()
	if err != nil {
		return "", err
	}
	n := x.times(24)
	if err := each(n, 4, hoard); err != nil {
		return "", err
	}
	if err := x.pause(); err != nil {
		return "", err
	}
	if p, err = dial(x.addr, 99); err != nil {
		return "", err
	}
	defer p.close()
	back := smb2.CreateContext{Name: smb2.ContextDH2C, Data: smb2.DurableV2Reconnect{FileID: id, CreateGUID: g}.Append(nil)}
	if _, err := p.victimOpens(guid, createBody("victim", smb2.OpenIf, 0, back)); err != nil {
		x.miss("the durable handle of another user is lost: %v", err)
	}
	var s serverStat
	if err := x.server.ask("stat", &s); err != nil {
		return "", err
	}
	if s.Opens > 4096+16 {
		x.miss("%d handles, a user may have 4096 that wait", s.Opens)
	}
	x.note("%d handles are kept, %.1f KiB each", s.Opens, float64(s.Heap-x.before.Heap)/1024/float64(s.Opens))
	return fmt.Sprintf("%d durable handles left behind", n*500), nil
}

// victimOpens logs another user on, with a ClientGuid, and opens a file.
func (p *peer) victimOpens(guid smb2.GUID, req smb2.CreateRequest) (smb2.FileID, error) {
	p.guid = guid
	if err := p.logOn(victim, password); err != nil {
		return smb2.FileID{}, err
	}
	if err := p.connect(shareName); err != nil {
		return smb2.FileID{}, err
	}
	req.OplockLevel = smb2.OplockBatch
	return p.create(req)
}

// openHoard opens files until nothing more is to be had, and keeps them.
func openHoard(x *arena) (string, error) {
	hoard := func(i, n int) (opened int, last error, err error) {
		p, err := x.logOn(i)
		if err != nil {
			return 0, err, nil
		}
		if err := p.wealth(500); err != nil {
			return 0, nil, err
		}
		for k := 0; k < n; {
			var msgs [][]byte
			for ; k < n && len(msgs) < 100; k++ {
				msgs = append(msgs, p.message(smb2.CommandCreate, 1, createBody(fmt.Sprintf("o%d", k%100), smb2.OpenIf, 0)))
			}
			if err := p.send(msgs...); err != nil {
				return opened, err, nil
			}
			for range msgs {
				h, _, err := p.recv()
				if err != nil {
					return opened, err, nil
				}
				for h.Status == smb2.StatusPending && err == nil {
					h, _, err = p.recv()
				}
				if h.Status == smb2.StatusSuccess {
					opened++
				} else {
					last = h.Status
				}
			}
			if last != nil {
				return opened, last, nil
			}
		}
		return opened, nil, nil
	}
	if _, _, err := hoard(0, 1000); err != nil {
		return "", err
	}
	if err := x.begin(); err != nil {
		return "", err
	}
	total := 0
	var why error
	for i := range 8 {
		n, last, err := hoard(i, 8000)
		if err != nil {
			return "", err
		}
		total += n
		if last != nil {
			why = last
		}
	}
	time.Sleep(5 * time.Second) // how the honest one fares now
	if err := x.pause(); err != nil {
		return "", err
	}
	if why != nil {
		x.note("no more: %v", why)
	}
	return fmt.Sprintf("%d files opened and kept", total), nil
}
