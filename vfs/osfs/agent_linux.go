package osfs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"runtime/debug"

	"golang.org/x/sys/unix"
)

// The kernel has a user per thread. An operation that is done as an agent is done by a
// goroutine of its own on a thread that is the agent's meanwhile: the user and group that
// file systems see, the supplementary groups, and none of root's capabilities for files.
// A thread that can't be made root's again ends with its goroutine.
//
// That costs more than most operations, so it is done only where the kernel is to judge:
// on the way to a name, and where content is opened. What is open needs no permission,
// and what the server keeps with an object (attributes, descriptors) it reads and writes
// as itself, once mayRead or mayChange said that the user could.

// fileCaps are the capabilities of root that are about files: those which the kernel takes
// from a thread whose user isn't root, and that of exceeding quotas.
var fileCaps = [2]uint32{
	1<<unix.CAP_CHOWN | 1<<unix.CAP_DAC_OVERRIDE | 1<<unix.CAP_DAC_READ_SEARCH | 1<<unix.CAP_FOWNER | 1<<unix.CAP_FSETID |
		1<<unix.CAP_LINUX_IMMUTABLE | 1<<unix.CAP_MKNOD | 1<<unix.CAP_SYS_RESOURCE,
	1 << (unix.CAP_MAC_OVERRIDE - 32),
}

// writeCaps are those that matter to who writes what is open: with them, writing leaves
// set-user-ID bits where they are, and quotas don't hold.
const writeCaps = 1<<unix.CAP_FSETID | 1<<unix.CAP_SYS_RESOURCE

// self is who the process is, and what of that agents are not.
type self struct {
	uid, gid int
	groups   []int
	caps     [2]unix.CapUserData
	dropCaps bool // the kernel doesn't take all of fileCaps by itself
	guard    bool // the process has writeCaps
}

var capHeader = unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}

// initAgents finds out whether the process can be somebody else.
func (f *FS) initAgents() (err error) {
	s := &f.sys.self
	s.uid, s.gid = unix.Geteuid(), unix.Getegid()
	if s.groups, err = unix.Getgroups(); err != nil {
		return err
	}
	if err := unix.Capget(&capHeader, &s.caps[0]); err != nil {
		return err
	}
	const need = 1<<unix.CAP_SETUID | 1<<unix.CAP_SETGID
	switch {
	case !f.sys.openat2:
		return errors.ErrUnsupported
	case s.uid != 0 || s.caps[0].Effective&need != need:
		return fmt.Errorf("to act as others takes root: %w", fs.ErrPermission)
	}
	s.guard = s.caps[0].Effective&writeCaps != 0
	const nobody = 65534
	a := &agent{uid: nobody, gid: nobody, sys: &f.sys}
	return a.run(func() error {
		var now [2]unix.CapUserData
		err := unix.Capget(&capHeader, &now[0])
		s.dropCaps = now[0].Effective&fileCaps[0]|now[1].Effective&fileCaps[1] != 0
		return err
	})
}

// run calls act as the agent.
func (a *agent) run(act func() error) error {
	if a == nil {
		return act()
	}
	return onThread(a.become, a.sys.self.restore, act)
}

// onThread calls act in a goroutine on a thread that begin changed and end restores.
func onThread(begin, end, act func() error) error {
	var err error
	var panicked any
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread()
		if err = begin(); err == nil {
			panicked, err = caught(act)
		}
		if end() == nil {
			runtime.UnlockOSThread()
		} // else the thread ends with the goroutine
	}()
	<-done
	if panicked != nil {
		panic(panicked)
	}
	return err
}

// caught calls act and returns what it panics with, for another goroutine to do so.
func caught(act func() error) (panicked any, err error) {
	defer func() {
		if p := recover(); p != nil {
			panicked = fmt.Sprintf("%v\n\n%s", p, debug.Stack())
		}
	}()
	return nil, act()
}

var errIdentity = errors.New("thread has the wrong user")

// setUser sets the thread's user. The system calls don't tell whether they did.
func setUser(uid, gid int, groups []int) error {
	if err := unix.Setgroups(groups); err != nil {
		return os.NewSyscallError("setgroups", err)
	}
	for _, x := range []struct {
		set func(int) (int, error)
		id  int
	}{{unix.SetfsgidRetGid, gid}, {unix.SetfsuidRetUid, uid}} {
		if _, err := x.set(x.id); err != nil {
			return os.NewSyscallError("setfsuid", err)
		}
		if now, err := x.set(-1); err != nil || uint32(now) != uint32(x.id) {
			return errIdentity
		}
	}
	return nil
}

// become makes the thread the agent's. The capabilities go last: it takes one to do so.
func (a *agent) become() error {
	if err := setUser(a.uid, a.gid, a.groups); err != nil {
		return err
	}
	if s := &a.sys.self; s.dropCaps {
		return s.drop(fileCaps)
	}
	return nil
}

// drop takes capabilities from the thread, for restore to give back.
func (s *self) drop(caps [2]uint32) error {
	left := s.caps
	for i := range left {
		left[i].Effective &^= caps[i]
	}
	return unix.Capset(&capHeader, &left[0])
}

// restore makes the thread the process's again.
func (s *self) restore() error {
	if err := setUser(s.uid, s.gid, s.groups); err != nil {
		return err
	}
	if s.dropCaps {
		return s.restoreCaps()
	}
	return nil
}

func (s *self) restoreCaps() error { return unix.Capset(&capHeader, &s.caps[0]) }

// guarded reports whether what the agent has open must not be written as the process.
func (a *agent) guarded() bool { return a.sys.self.guard }

// change calls act, which changes content through what is open, or whom it counts for. Nothing
// has to be asked; but who isn't root must not be able to leave somebody else's set-user-ID
// bit with a program of his own, nor to exceed his quota, or another's.
func (h *File) change(act func() error) error {
	if h.as == nil || !h.as.guarded() {
		return act()
	}
	s := &h.as.sys.self
	return onThread(func() error { return s.drop([2]uint32{writeCaps}) }, s.restoreCaps, act)
}

// probeAttr is an extended attribute that no object has. To ask for it, and to replace it,
// needs the right to read and to write the object, and does nothing.
const probeAttr = "user.smb.may"

// mayRead reports why the user that h was opened for mustn't see content.
func (h *File) mayRead() error {
	return h.may(func(name string) error {
		_, err := unix.Getxattr(name, probeAttr, nil)
		return err
	})
}

// mayChange reports why the user that h was opened for mustn't change what is kept with
// the object: he who owns it may, and who has the right to write it. So it is on
// Windows, and with Samba ("dos filetimes"), while the system itself lets only the owner
// set times.
func (h *File) mayChange() error {
	return h.may(func(name string) error {
		return unix.Setxattr(name, probeAttr, nil, unix.XATTR_REPLACE)
	})
}

func (h *File) may(probe func(name string) error) error {
	owns, err := h.owns()
	if owns || err != nil {
		return err
	}
	err = h.as.run(func() error { return again(func() error { return probe(procPath(h.fd)) }) })
	if err == errNotStored || err == unix.ENOTSUP {
		return nil
	}
	return err
}

// owns reports whether the user that h was opened for owns the object.
func (h *File) owns() (bool, error) {
	if h.as == nil {
		return true, nil
	}
	var st status
	err := st.fd(h.fd)
	return err == nil && st.uid == uint32(h.as.uid), err
}
