package smb_test

import (
	"slices"
	"testing/synctest"
	"time"

	"github.com/gosmbd/smb/internal/smbtest"
	"github.com/gosmbd/smb/oplock"
	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs"
)

// cachingHost is a client: a machine, and its user's session on one connection or two.
type cachingHost struct {
	n        int
	user     string
	conns    []*smbtest.Client // none: it is away
	previous uint64            // its session before
	sequence uint16            // ChannelSequence, [MS-SMB2] 3.2.7.1
	requests []*cachingRequest // not answered yet
	leases   []*cachingLease
	opens    []*cachingOpen
}

// cachingRequest is a request to the server, which others may overtake.
type cachingRequest struct {
	cmd     smb2.Command
	body    smbtest.Body
	what    string
	open    *cachingOpen // that isn't closed meanwhile; may be nil
	touches []string     // names of files that others may have to give something up of for this
	again   resending
	done    func(smbtest.Reply)
	lost    func() // called instead of done if nobody will answer

	host   *cachingHost
	conn   *smbtest.Client
	id     uint64 // MessageId
	born   time.Time
	retry  time.Time // when it's sent again; zero: it waits for the answer
	replay bool
}

// resending says what a client does about a request without an answer.
type resending int

const (
	sentOnce     resending = iota // nothing
	sentAgain                     // sends it again, as a replay, when its connection ends and there is another one
	sentTillDone                  // does so, and once more while the server is still at what was sent before
)

func (h *cachingHost) up() bool { return len(h.conns) > 0 }

// binds reports whether the host may have several connections. With leases of version 1, which have no epoch, it couldn't
// tell then which of an answer and a break was first.
func (h *cachingHost) binds() bool {
	return !slices.ContainsFunc(h.leases, func(l *cachingLease) bool { return l.version == 1 })
}

// usable returns one of the host's handles of files, or of directories, that permits access; nil: there is none.
func (m *cachingModel) usable(h *cachingHost, access vfs.Access, dir bool) *cachingOpen {
	var list []*cachingOpen
	for _, o := range h.opens {
		if !o.closing && o.dir == dir && o.access&access == access {
			list = append(list, o)
		}
	}
	if list == nil {
		return nil
	}
	return pick(m.rnd, list...)
}

func (m *cachingModel) touch(names []string) {
	for _, name := range names {
		m.touched[name]++
	}
}

// send sends q on one of the host's connections.
func (m *cachingModel) send(h *cachingHost, q *cachingRequest) {
	m.logf("%d > %s", h.n, q.what)
	q.host, q.born = h, time.Now()
	if q.open != nil {
		q.open.busy++
	}
	m.touch(q.touches)
	h.requests = append(h.requests, q)
	m.transmit(q)
}

func (m *cachingModel) transmit(q *cachingRequest) {
	q.conn = pick(m.rnd, q.host.conns...)
	q.conn.Sequence = q.host.sequence
	e := q.conn.Req(q.cmd, q.body)
	if q.replay {
		e.Replay()
	}
	q.id, q.retry = e.MessageID, time.Time{}
	if !q.conn.Send(e) {
		m.fail("%d can't send %s", q.host.n, q.what)
	}
}

// over ends q: there is an answer, or there won't be one.
func (m *cachingModel) over(q *cachingRequest) {
	h := q.host
	h.requests = slices.DeleteFunc(h.requests, func(x *cachingRequest) bool { return x == q })
	if q.open != nil {
		q.open.busy--
	}
	m.touch(q.touches)
}

func (m *cachingModel) lose(q *cachingRequest) {
	m.over(q)
	if q.lost != nil {
		q.lost()
	}
}

// drain takes all that comes before time goes on, and sends again what waited for that.
func (m *cachingModel) drain() {
	for m.receive() {
	}
	for _, h := range m.hosts {
		for _, q := range h.requests {
			if !q.retry.IsZero() && time.Now().After(q.retry) {
				m.logf("%d > again %s", h.n, q.what)
				m.transmit(q)
			}
			if d := time.Since(q.born); d > 7*oplock.AckTimeout {
				m.fail("%d has no answer to %s since %v", h.n, q.what, d)
			}
		}
	}
}

// receive takes what came, and reports whether there was something. Several connections keep no order among them: what a
// break is about may be told on another, so the breaks are taken last then.
func (m *cachingModel) receive() (some bool) {
	synctest.Wait()
	for _, h := range m.hosts {
		var breaks []smbtest.Reply
		for _, c := range h.conns {
			for !c.Quiet(time.Microsecond) {
				r, there := c.Recv()
				if !there {
					break // the connection ended
				}
				some = true
				switch {
				case r.MessageID != ^uint64(0):
					m.takeAnswer(h, c, r)
				case len(h.conns) > 1:
					breaks = append(breaks, r)
				default:
					m.takeBreak(h, r)
				}
			}
		}
		for _, r := range breaks {
			m.takeBreak(h, r)
		}
	}
	return some
}

func (m *cachingModel) takeAnswer(h *cachingHost, c *smbtest.Client, r smbtest.Reply) {
	i := slices.IndexFunc(h.requests, func(q *cachingRequest) bool { return q.conn == c && q.id == r.MessageID && q.retry.IsZero() })
	if i < 0 {
		m.fail("%d is answered what it didn't ask: %v %v", h.n, r.Command, r.Status)
	}
	q := h.requests[i]
	if r.Status == smb2.StatusPending {
		return
	}
	m.logf("%d < %s: %v", h.n, q.what, r.Status)
	if q.again == sentTillDone && r.Status == notAvailable {
		q.retry = time.Now().Add(100 * time.Millisecond)
		return
	}
	m.over(q)
	if q.done != nil {
		q.done(r)
	}
}
