package osfs

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// dirThreads are threads that have a working directory of their own. Before Linux 6.13 there
// is no call for the extended attributes of a name in a directory that is open, and the way
// to them by /proc takes six times as long as that from the working directory.
type dirThreads struct {
	jobs   chan *dirJob
	closed chan struct{}
	close  func()
	count  atomic.Int32 // of threads: as many as there are processors for those who ask, and as many for helpers
	help   atomic.Int32 // how many helpers there are
	denied atomic.Bool  // the system doesn't let a thread have one
}

// dirJob is what one of them is to do.
type dirJob struct {
	dirfd    int
	act      func() error
	done     chan struct{}
	entered  bool
	err      error
	panicked any
}

// dirThreadIdle is how long a thread waits for more to do: as long as somebody lists.
const dirThreadIdle = 100 * time.Millisecond

func (t *dirThreads) init() {
	t.jobs, t.closed = make(chan *dirJob), make(chan struct{})
	t.close = sync.OnceFunc(func() { close(t.closed) })
}

// within calls act with the directory as the thread's working directory. Not done: there
// is no thread for it.
func (t *dirThreads) within(dirfd int, act func() error) (done bool, err error) {
	if t.denied.Load() {
		return false, nil
	}
	j := &dirJob{dirfd: dirfd, act: act, done: make(chan struct{})}
	select {
	case t.jobs <- j:
	default:
		if int(t.count.Add(1)) > 2*runtime.GOMAXPROCS(0) {
			t.count.Add(-1)
			return false, nil
		}
		go t.serve(j)
	}
	<-j.done
	if j.panicked != nil {
		panic(j.panicked)
	}
	return j.entered, j.err
}

// helping reports whether there may be one more helper; if so it's to call helped. Helpers
// leave a thread for each who asks, or one listing could keep another from having any.
func (t *dirThreads) helping() bool {
	if int(t.help.Add(1)) > runtime.GOMAXPROCS(0) {
		t.help.Add(-1)
		return false
	}
	return true
}

func (t *dirThreads) helped() { t.help.Add(-1) }

// serve does j and what else comes. Its thread, which nobody else could use any more, ends
// with it.
func (t *dirThreads) serve(j *dirJob) {
	runtime.LockOSThread()
	defer t.count.Add(-1)
	if unix.Unshare(unix.CLONE_FS) != nil {
		t.denied.Store(true)
		close(j.done)
		return
	}
	idle := time.NewTimer(dirThreadIdle)
	defer idle.Stop()
	for {
		j.do()
		idle.Reset(dirThreadIdle)
		select {
		case j = <-t.jobs:
		case <-idle.C:
			return
		case <-t.closed:
			return
		}
	}
}

func (j *dirJob) do() {
	defer close(j.done)
	if unix.Fchdir(j.dirfd) != nil {
		return
	}
	j.entered = true
	j.panicked, j.err = caught(j.act)
	_ = unix.Chdir("/") // or the directory's file system could not be unmounted
}
