package smb_test

import (
	"fmt"
	"slices"
	"time"

	"github.com/gosmbd/smb/internal/smbtest"
	"github.com/gosmbd/smb/oplock"
	"github.com/gosmbd/smb/smb2"
)

// takeBreak takes a notification, and settles when it's answered. [MS-SMB2] 3.2.5.19
func (m *cachingModel) takeBreak(h *cachingHost, r smbtest.Reply) {
	take := m.takeOplockBreak
	if smb2.BreakStructureSize(r.Msg) == smb2.LeaseBreakNotificationSize {
		take = m.takeLeaseBreak
	}
	l, to, answer := take(h, r)
	switch {
	case l == nil:
		return
	case l.owed && l.to == to:
		l.flushing = false // it's repeated: the answer was lost, or what was flushed
		return
	case to&^l.state != 0 && l.opening == 0 && l.state != 0 && !l.more:
		m.fail("%d has its %v broken to %v", h.n, oplock.State(l.state), oplock.State(to))
	case !answer:
		m.shrink(l, to)
		return
	}
	if !l.has(smb2.LeaseWrite) && to&smb2.LeaseRead == 0 {
		l.forget() // nobody waits for the answer
		l.state &^= smb2.LeaseRead
	}
	now := time.Now()
	l.owed, l.to, l.flushing, l.answer = true, to, false, now
	l.due = now.Add(oplock.AckTimeout - 500*time.Millisecond)
	switch m.rnd.IntN(8) {
	case 0:
		l.answer = time.Time{}
	case 1, 2:
		l.answer = now.Add(time.Duration(m.rnd.IntN(30)) * time.Second)
	}
}

// takeLeaseBreak returns what is broken, if the client knows it, to what, and whether the server wants an answer.
func (m *cachingModel) takeLeaseBreak(h *cachingHost, r smbtest.Reply) (l *cachingLease, to smb2.LeaseState, answer bool) {
	n, err := smb2.ParseLeaseBreakNotification(r.Msg)
	if err != nil {
		m.fail("break of a lease: %v", err)
	}
	answer = n.Flags&smb2.LeaseBreakAckRequired != 0
	m.logf("%d < break of lease %x from %v to %v, to answer %v, epoch %d", h.n, n.LeaseKey[:4], oplock.State(n.CurrentState), oplock.State(n.NewState), answer, n.NewEpoch)
	i := slices.IndexFunc(h.leases, func(l *cachingLease) bool { return !l.oplock && l.key == n.LeaseKey })
	if i < 0 {
		if answer {
			m.send(h, &cachingRequest{cmd: smb2.CommandOplockBreak, what: "acknowledge the break of a lease that is gone", again: sentAgain,
				body: smb2.LeaseBreakAck{LeaseKey: n.LeaseKey}})
		}
		return nil, 0, false
	}
	if l = h.leases[i]; l.version == 2 {
		l.epoch = n.NewEpoch
	}
	return l, n.NewState, answer
}

// takeOplockBreak is takeLeaseBreak for an oplock. What isn't known isn't answered, as the Linux kernel does it.
func (m *cachingModel) takeOplockBreak(h *cachingHost, r smbtest.Reply) (l *cachingLease, to smb2.LeaseState, answer bool) {
	n, err := smb2.ParseOplockBreak(r.Msg)
	if err != nil {
		m.fail("break of an oplock: %v", err)
	}
	m.logf("%d < break of oplock %x to %v", h.n, n.FileID.Persistent, oplock.Level(n.Level))
	i := slices.IndexFunc(h.leases, func(l *cachingLease) bool { return l.oplock && len(l.opens) > 0 && l.opens[0].id == n.FileID })
	if i < 0 {
		return nil, 0, false
	}
	l = h.leases[i]
	return l, levelState(n.Level), l.state&(smb2.LeaseWrite|smb2.LeaseHandle) != 0
}

// expire is the end of the time for answers: the client has nothing then, before the server gives it to others.
// [MS-SMB2] 3.3.6.1, 3.3.6.5
func (m *cachingModel) expire() {
	for _, h := range m.hosts {
		for _, l := range h.leases {
			if l.owed && !time.Now().Before(l.due) {
				m.logf("%d is too late to answer the break of %v", h.n, l)
				l.owed, l.late, l.state = false, true, 0
				m.lost(l, nil, "the break timed out")
				l.forget()
			}
		}
	}
}

// answerBreaks answers the breaks whose time has come, after what is buffered was flushed.
func (m *cachingModel) answerBreaks() {
	m.expire()
	for _, h := range m.hosts {
		for _, l := range h.leases {
			if l.owed && h.up() && !l.flushing && !l.answer.IsZero() && !time.Now().Before(l.answer) && l.opening == 0 {
				l.flushing = true
				m.flush(l, func() { m.acknowledge(l) })
			}
		}
	}
}

// acknowledge answers a break, sometimes with less than the client could keep. [MS-SMB2] 3.3.5.22
func (m *cachingModel) acknowledge(l *cachingLease) {
	if !l.owed || !l.host.up() {
		return
	}
	to := l.to
	if m.chance(6) {
		to = 0
	}
	m.shrink(l, to&l.state)
	l.owed = false
	q := &cachingRequest{cmd: smb2.CommandOplockBreak, what: fmt.Sprintf("acknowledge the break of %v to %v", l, oplock.State(to)), again: sentAgain,
		body: smb2.LeaseBreakAck{LeaseKey: l.key, State: to},
		done: func(r smbtest.Reply) { l.late = l.late || r.Status != ok }}
	if l.oplock {
		if len(l.opens) == 0 {
			return
		}
		level := smb2.OplockNone
		if to == leaseR {
			level = smb2.OplockLevelII
		}
		q.body = smb2.OplockBreak{FileID: l.opens[0].id, Level: level}
	}
	m.send(l.host, q)
}
