package smb_test

import (
	"context"
	"errors"
	"net"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gosmbd/smb"
	"github.com/gosmbd/smb/internal/smbtest"
	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs"
	"github.com/gosmbd/smb/vfs/faultfs"
	"github.com/gosmbd/smb/vfs/memfs"
)

// A READ of a pipe that nothing comes from keeps no memory from others, however much it asks for, and
// gets it when something comes.
func TestPipeReadsHoldNothing(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		c := r.logon(smb.Dialect311)
		p := r.openPipe(t, c)
		c.Ask = 512
		for range 4 {
			alive(t, c)
		}
		var reads []uint64
		for range 6 { // 48 MiB
			reads = append(reads, start(c, smb2.CommandRead, smb2.ReadRequest{FileID: p.id, Length: 8 << 20}))
		}
		synctest.Wait()
		if r.srv.Counters().MemoryHeld {
			t.Error("memory is held for what waits")
		}
		alive(t, c)
		p.write(p.pdu(11, 0, nil, bindBody()))
		if rep, found := c.Recv(); !found || !slices.Contains(reads, rep.MessageID) || rep.Status != ok {
			t.Errorf("READ: %v, %+v", found, rep.Header)
		}
		c.Close()
		gone(t, r, 0)
		if r.srv.Counters().MemoryHeld {
			t.Error("memory is held for nobody")
		}
	})
}

// directory makes a directory, or opens it.
func (r *rig) directory(c *smbtest.Client, name string) smb2.FileID {
	r.t.Helper()
	req := smbtest.CreateReq(name, smb2.OpenIf)
	req.Options = smb2.OptionDirectoryFile
	return r.create(c, req)
}

// Answers that go out before an element that waits count until the client has taken them.
func TestAnswersBeforeWaitsCount(t *testing.T) {
	for _, together := range []int{1, 4} { // the latter are as large as what a connection may hold
		var reads atomic.Int32
		count := func(op faultfs.Op) error {
			if op.Kind == faultfs.Read {
				reads.Add(1)
			}
			return nil
		}
		bubble(t, func(s *smb.Server) {
			s.Limits.MaxIO, s.Limits.MemoryPerConn, s.Limits.Memory = 1<<20, 4<<20, 8<<20
			sh := s.Shares.(smb.Shares)["s"]
			sh.FS = faultfs.New(sh.FS, count)
		}, func(t *testing.T, r *rig) {
			put(t, r.fs, "f", string(make([]byte, 1<<20)))
			c := r.logon(smb.Dialect311)
			f, d := r.open(c, "f"), r.directory(c, "d")
			c.Ask = 512
			for range 20 {
				alive(t, c)
			}
			var asked, waits []uint64
			send := func(chains int) {
				for range chains {
					var elems []*smbtest.Elem
					for range together {
						elems = append(elems, c.Req(smb2.CommandRead, smb2.ReadRequest{FileID: f, Length: 1 << 20}))
						asked = append(asked, elems[len(elems)-1].MessageID)
					}
					elems = append(elems, c.Req(smb2.CommandChangeNotify, smb2.ChangeNotifyRequest{FileID: d, Filter: 1, OutputLength: 1000}))
					waits = append(waits, elems[together].MessageID)
					c.Send(elems...)
				}
			}
			release := c.Hold()
			sent := make(chan struct{})
			go func() {
				defer close(sent)
				send(20)
			}()
			synctest.Wait()
			if n := reads.Load(); n > 5 { // one may have been written to the client
				t.Errorf("%d MiB are held for a client that takes nothing, %d may be", n, 4)
			}
			release()
			<-sent
			for _, mid := range asked {
				want(t, "READ", c.Wait(mid).Status, ok)
			}
			for _, mid := range waits {
				c.WaitInterim(mid)
			}
			synctest.Wait()
			if r.srv.Counters().MemoryHeld {
				t.Error("memory is held for what waits")
			}
			c.Cancel(waits[0], 0)
			want(t, "CHANGE_NOTIFY", c.Wait(waits[0]).Status, smb2.StatusCancelled)
			release = c.Hold()
			alive(t, c) // the one frame that is still read
			send(1)
			synctest.Wait()
			c.Close() // what is held for it goes with it
			release()
			end(r)
		})
	}
}

// What an element needs that comes after one that waits is counted again, whatever the frame took along that went out before.
func TestAnswersAfterWaitsCount(t *testing.T) {
	var reads atomic.Int32
	bubble(t, func(s *smb.Server) {
		s.Limits.MaxIO, s.Limits.MemoryPerConn, s.Limits.Memory = 4<<20, 8<<20, 32<<20
		sh := s.Shares.(smb.Shares)["s"]
		sh.FS = faultfs.New(sh.FS, func(op faultfs.Op) error {
			if op.Kind == faultfs.Read && op.Length > 2<<20 {
				reads.Add(1)
			}
			return nil
		})
	}, func(t *testing.T, r *rig) {
		put(t, r.fs, "f", string(make([]byte, 4<<20)))
		c := r.logon(smb.Dialect311)
		f, d := r.open(c, "f"), r.directory(c, "d")
		c.Ask = 512
		for range 20 {
			alive(t, c)
		}
		var waits []uint64
		for range 20 {
			notify := c.Req(smb2.CommandChangeNotify, smb2.ChangeNotifyRequest{FileID: d, Filter: 1, OutputLength: 1000})
			c.Send(c.Req(smb2.CommandRead, smb2.ReadRequest{FileID: f, Length: 5 << 18}), notify, // in a buffer of 4 MiB
				c.Req(smb2.CommandRead, smb2.ReadRequest{FileID: f, Length: 5 << 19}))
			c.WaitInterim(notify.MessageID)
			waits = append(waits, notify.MessageID)
		}
		release := c.Hold()
		alive(t, c)
		for _, mid := range waits {
			c.Cancel(mid, 0)
		}
		synctest.Wait()
		if n := reads.Load(); n > 4 {
			t.Errorf("%d answers of 2.5 MiB are held for a client that takes nothing", n)
		}
		c.Close()
		release()
		end(r)
	})
}

// slowWatcher takes long to begin to watch.
type slowWatcher struct{ *memfs.FS }

func (slowWatcher) Watch(context.Context, string, func(vfs.WatchEvent)) (stop func(), err error) {
	time.Sleep(10 * time.Second)
	return func() {}, nil
}

// Nor does it keep memory that the interim reply went out before the request knew that it would wait.
func TestAnswersBeforeSlowWaits(t *testing.T) {
	bubble(t, func(s *smb.Server) {
		sh := s.Shares.(smb.Shares)["s"]
		sh.FS = slowWatcher{sh.FS.(*memfs.FS)}
	}, func(t *testing.T, r *rig) {
		put(t, r.fs, "f", string(make([]byte, 1<<20)))
		c := r.logon(smb.Dialect311)
		c.Timeout = time.Hour
		f, d := r.open(c, "f"), r.directory(c, "d")
		for range 20 {
			alive(t, c)
		}
		read := c.Req(smb2.CommandRead, smb2.ReadRequest{FileID: f, Length: 1 << 20})
		notify := c.Req(smb2.CommandChangeNotify, smb2.ChangeNotifyRequest{FileID: d, Filter: 1, OutputLength: 1000})
		c.Send(read, notify)
		c.WaitInterim(notify.MessageID)
		rep := c.Wait(read.MessageID)
		want(t, "READ", rep.Status, ok)
		if rep.BadSig {
			t.Error("bad signature")
		}
		synctest.Wait()
		if r.srv.Counters().MemoryHeld {
			t.Error("memory is held for what waits")
		}
		c.Cancel(notify.MessageID, 0)
		want(t, "CHANGE_NOTIFY", c.Wait(notify.MessageID).Status, smb2.StatusCancelled)
		end(r, c)
	})
}

// padded is a body with n bytes behind it.
type padded struct {
	smbtest.Body
	n int
}

func (p padded) Append(b []byte) []byte { return append(p.Body.Append(b), make([]byte, p.n)...) }

// What is to wait for as long as it likes isn't large itself.
func TestLargeRequestsDontWait(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		c := r.logon(smb.Dialect311)
		id := r.directory(c, "d")
		rep := c.Do(smb2.CommandChangeNotify, padded{smb2.ChangeNotifyRequest{FileID: id, Filter: 1, OutputLength: 1000}, 8 << 20})
		want(t, "CHANGE_NOTIFY", rep.Status, smb2.StatusInsufficientResources)
		start(c, smb2.CommandChangeNotify, padded{smb2.ChangeNotifyRequest{FileID: id, Filter: 1, OutputLength: 1000}, 2000})
		if r.srv.Counters().MemoryHeld {
			t.Error("memory is held")
		}
	})
}

// Shutdown also ends what begins to wait afterwards, as the second of two elements.
func TestShutdownEndsTheNextWait(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		c := r.logon(smb.Dialect311)
		id := r.directory(c, "d")
		notify := smb2.ChangeNotifyRequest{FileID: id, Filter: 1, OutputLength: 1000}
		a, b := c.Req(smb2.CommandChangeNotify, notify), c.Req(smb2.CommandChangeNotify, notify)
		c.Send(a, b)
		c.WaitInterim(a.MessageID)
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		if err := r.srv.Shutdown(ctx); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
	})
}

// slowLink takes 5 ms for each write.
type slowLink struct{ net.Conn }

func (l slowLink) Write(b []byte) (int, error) {
	time.Sleep(5 * time.Millisecond)
	return l.Conn.Write(b)
}

// Who has sent an interim reply isn't kept from sending the final one by what the client goes on to ask for.
func TestInterimOnBusyConnection(t *testing.T) {
	var gate atomic.Pointer[chan struct{}]
	edit := func(s *smb.Server) {
		s.Shares.(smb.Shares)["s"].FS = faultfs.New(s.Shares.(smb.Shares)["s"].FS, func(op faultfs.Op) error {
			if g := gate.Load(); g != nil && op.Kind == faultfs.Sync {
				<-*g
			}
			return nil
		})
	}
	bubble(t, edit, func(t *testing.T, r *rig) {
		put(t, r.fs, "f", string(make([]byte, 64<<10)))
		x, y := net.Pipe()
		go r.srv.ServeConn(context.Background(), slowLink{y})
		c := smbtest.New(t, x)
		_, st := c.Negotiate([]smb.Dialect{smb.Dialect311}, smbtest.NegotiateOptions{})
		want(t, "NEGOTIATE", st, ok)
		r.setup(c, "ann", password)
		r.tree(c, "s")
		id := r.open(c, "f")
		for range 3 {
			alive(t, c)
		}
		stuck := make(chan struct{})
		gate.Store(&stuck)
		release := c.Hold()
		flush := c.Req(smb2.CommandFlush, smb2.FlushRequest{FileID: id})
		c.Send(flush)
		time.Sleep(200 * time.Millisecond)
		alive(t, c)                 // the one frame that is still read
		time.Sleep(6 * time.Second) // the interim reply is being written
		read := func() { c.Send(c.Req(smb2.CommandRead, smb2.ReadRequest{FileID: id, Length: 32 << 10})) }
		for range 16 {
			read()
		}
		time.Sleep(100 * time.Millisecond)
		release()
		close(stuck)
		for n := 0; n < 200; n++ {
			rep, found := c.Recv()
			if !found {
				t.Fatal("the connection ended")
			}
			if rep.MessageID == flush.MessageID && rep.Status != smb2.StatusPending {
				return
			}
			if rep.MessageID != flush.MessageID {
				read()
			}
		}
		t.Error("FLUSH isn't answered while others are")
	})
}

// The buffers that chunks are copied by are counted.
func TestCopyBuffersAreCounted(t *testing.T) {
	var gate atomic.Pointer[chan struct{}]
	var reading atomic.Int32
	edit := func(s *smb.Server) {
		s.Limits.MaxIO, s.Limits.Memory, s.Limits.MemoryPerConn = 1<<20, 64<<20, 4<<20
		s.Shares.(smb.Shares)["s"].FS = faultfs.New(s.Shares.(smb.Shares)["s"].FS, func(op faultfs.Op) error {
			switch g := gate.Load(); {
			case op.Kind == faultfs.CopyRange:
				return errors.ErrUnsupported
			case g != nil && op.Kind == faultfs.Read:
				reading.Add(1)
				<-*g
			}
			return nil
		})
	}
	bubble(t, edit, func(t *testing.T, r *rig) {
		put(t, r.fs, "f", string(make([]byte, 1<<20)))
		c := r.logon(smb.Dialect311)
		src, dst := r.open(c, "f"), r.open(c, "g")
		c.Ask = 512
		for range 5 {
			alive(t, c)
		}
		key, st := c.Ioctl(src, smb2.FsctlSrvRequestResumeKey, nil, 64)
		want(t, "key", st, ok)
		var q smb2.SrvCopychunkCopy
		copy(q.SourceKey[:], key)
		q.Chunks = []smb2.SrvCopychunk{{Length: 1 << 20}}
		stuck := make(chan struct{})
		gate.Store(&stuck)
		sent := make(chan struct{})
		var last *smbtest.Elem
		go func() {
			defer close(sent)
			for range 20 {
				last = c.Req(smb2.CommandIoctl, smb2.IoctlRequest{CtlCode: smb2.FsctlSrvCopychunkWrite, FileID: dst,
					MaxOutputResponse: 64, Flags: smb2.IoctlFlagFsctl, Input: q.Append(nil)})
				c.Send(last)
			}
		}()
		time.Sleep(time.Second)
		if n := reading.Load(); n < 1 || n > 3 {
			t.Errorf("%d chunks of 1 MiB are being copied, in memory of 4 MiB", n)
		}
		close(stuck)
		<-sent
		want(t, "the last copy", c.Wait(last.MessageID).Status, ok)
	})
}

// A large request that asks for a large reply and the next one, which is read meanwhile, don't wait for each other's memory.
func TestReadAheadDoesntKeepMemory(t *testing.T) {
	r := newRig(t, func(s *smb.Server) { s.Logger = quiet() })
	put(t, r.fs, "f", string(make([]byte, 8<<20)))
	c, nc, _ := r.dialTCP()
	_, st := c.Negotiate([]smb.Dialect{smb.Dialect311}, smbtest.NegotiateOptions{})
	want(t, "NEGOTIATE", st, ok)
	r.setup(c, "ann", password)
	r.tree(c, "s")
	c.Session.Seal = true
	id := r.open(c, "f")
	c.Ask = 512
	for range 6 {
		alive(t, c)
	}
	write := smb2.WriteRequest{FileID: id, Data: make([]byte, 8<<20)}
	read := smb2.ReadRequest{FileID: id, Length: 8 << 20}
	first := c.Build(c.Req(smb2.CommandWrite, write), c.Req(smb2.CommandRead, read), c.Req(smb2.CommandRead, read))
	second := c.Build(c.Req(smb2.CommandWrite, write))
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		c.SendFrame(first)
		c.SendFrame(second)
	}()
	select {
	case <-sent:
		time.Sleep(time.Second)
	case <-time.After(5 * time.Second):
	}
	nc.Close()
	<-sent
	for began := time.Now(); r.srv.Counters().Conns > 0 && time.Since(began) < 8*time.Second; time.Sleep(50 * time.Millisecond) {
	}
	gone(t, r, 0)
	if r.srv.Counters().MemoryHeld {
		t.Error("memory is held for nobody")
	}
}
