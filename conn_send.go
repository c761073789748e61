package smb

import (
	"runtime"
	"time"

	"github.com/gosmbd/smb/internal/frame"
)

// outFrame is a frame on its way to the client.
type outFrame struct {
	buf  *frame.Buf
	body fileBody // what follows buf; mostly nothing
	off  int      // where the frame begins; before it there is headroom
	cost int      // bytes of the budgets to give back
	last bool     // it completes a chain
	lost func()   // called if it certainly doesn't reach the client; it mustn't wait
}

// sendTogether is the longest frame that others are sent with: to send a longer one takes so long that the next ones
// queue up by themselves.
const sendTogether = 16 << 10

const (
	// queueDepth is how many requests of a connection may be under way before answers are sent together. A client with fewer,
	// as one with some threads that wait for an answer each, is better off with each at once.
	queueDepth = 8

	// burst is how many answers at a time are so many that a connection doesn't keep the room for them.
	burst = 8 * queueDepth

	// othersTime is how long others' answers may take to be added to one. If it was longer, so many of the next answers
	// go out by themselves.
	othersTime = 500 * time.Microsecond
	othersRest = 1000
)

// queue sends f, after those queued before it. Whoever finds the queue idle writes
// until it is empty. What is to follow f comes from then, which is called before the
// client can know of f. Beside says that there may be other answers in a moment.
func (c *conn) queue(f outFrame, beside bool, then ...func()) {
	idle, _ := c.enqueue(f)
	for _, do := range then {
		do()
	}
	if !idle {
		return
	}
	if beside && len(f.buf.B) <= sendTogether && f.body.n == 0 {
		c.letOthersAnswer()
	}
	c.write()
}

// letOthersAnswer lets those run who are ready to, so that they add their answers: one system call sends them all, and the
// client is woken once. Where others than that keep the processors busy it takes too long, and is left for a while. The
// caller is who is writing.
func (c *conn) letOthersAnswer() {
	if c.send.hurry > 0 {
		c.send.hurry--
		return
	}
	began := time.Now()
	runtime.Gosched()
	if time.Since(began) > othersTime {
		c.send.hurry = othersRest
	}
}

// queueSoon is queue for those who mustn't wait for the client. It reports whether
// the connection still takes frames.
func (c *conn) queueSoon(f outFrame) bool {
	idle, ok := c.enqueue(f)
	if idle {
		go c.write()
	}
	return ok
}

// enqueue puts f into the queue. If it finds it idle, the caller calls write. It is
// not ok when nothing is written any more.
func (c *conn) enqueue(f outFrame) (idle, ok bool) {
	c.send.Lock()
	if c.send.err != nil {
		c.send.Unlock()
		f.lost = nil // the caller is told
		c.sent(f, errConnClosed)
		return false, false
	}
	c.send.queue = append(c.send.queue, f)
	idle = !c.send.writing
	c.send.writing = true
	c.send.Unlock()
	return idle, true
}

// write writes what is queued.
func (c *conn) write() {
	c.send.Lock()
	for len(c.send.queue) > 0 && c.send.err == nil {
		batch := c.send.queue
		c.send.queue = c.send.spare[:0]
		c.send.Unlock()
		err := c.tr.send(batch, c.srv.limits.WriteTimeout)
		if err != nil {
			c.abort(err)
		}
		for _, f := range batch {
			c.sent(f, err)
		}
		clear(batch)
		c.send.Lock()
		c.send.spare = batch[:0]
		if err != nil {
			c.send.err = err
		}
	}
	c.send.writing = false
	if cap(c.send.spare) > burst {
		c.send.spare = nil
	}
	if len(c.send.queue) == 0 && cap(c.send.queue) > burst {
		c.send.queue = nil
	}
	c.send.Unlock()
	if c.ctx.Err() != nil {
		c.dropQueue()
	}
}

// dropQueue frees what won't be written any more.
func (c *conn) dropQueue() {
	c.send.Lock()
	if c.send.err == nil {
		c.send.err = errConnClosed
	}
	if c.send.writing {
		c.send.Unlock()
		return
	}
	batch := c.send.queue
	c.send.queue = nil
	c.send.Unlock()
	for _, f := range batch {
		c.sent(f, errConnClosed)
	}
}

// sent frees f, which was written unless there is an error.
func (c *conn) sent(f outFrame, err error) {
	if err == nil {
		c.srv.counted.sent.Add(uint64(len(f.buf.B)-f.off) + uint64(f.body.n))
	}
	f.buf.Free()
	f.body.end()
	if err != nil && f.lost != nil {
		go f.lost()
	}
	if f.cost > 0 {
		c.unadmit(f.cost)
	}
	if f.last {
		c.end()
	}
}
