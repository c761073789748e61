package smb_test

import (
	"fmt"
	"io/fs"
	"testing"
	"time"

	"github.com/gosmbd/smb"
	"github.com/gosmbd/smb/internal/smbtest"
	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs"
)

// What is foreign though it comes at an awkward moment, or is own though it comes late.

// A closing by another is noticed though one by the server is not settled yet.
func TestForeignCloseAfterOwn(t *testing.T) {
	var release chan struct{}
	overhear(t, slowly(&release), func(t *testing.T, r *rig, o *overheard) {
		a := r.caching(smb.Dialect311, 1)
		id, _ := r.leased(a, `d\f`, smbtest.Lease2(leaseKey(1), leaseRWH, 0), leaseRWH)
		other, _ := r.leased(a, `d\f`, smbtest.Lease2(leaseKey(1), leaseRWH, 0), leaseRWH)
		release = make(chan struct{})
		e := a.Req(smb2.CommandWrite, smb2.WriteRequest{FileID: id, Data: []byte("own")})
		a.Send(e)
		want(t, "CLOSE", a.CloseFile(other), ok)
		o.tell("d", vfs.WatchEvent{Op: vfs.WatchClosed, Name: "f"})
		time.Sleep(aWhile)
		rewrite(t, r.fs, "d/f", "foreign")
		o.tell("d", vfs.WatchEvent{Op: vfs.WatchClosed, Name: "f"})
		time.Sleep(aWhile)
		close(release)
		want(t, "WRITE", a.Wait(e.MessageID).Status, ok)
		time.Sleep(aWhile)
		leaseBroken(t, a, leaseKey(1), leaseRWH, 0, 2)
	})
}

// What was noted of a name isn't held against another's change of it for ever.
func TestForeignLongAfterOwn(t *testing.T) {
	overhear(t, nil, func(t *testing.T, r *rig, o *overheard) {
		a, b := r.caching(smb.Dialect311, 1), r.caching(smb.Dialect311, 2)
		r.granted(a, dirReq("d", smb2.Open), smbtest.Lease2(leaseKey(1), leaseRH, 0), leaseRH)
		r.create(a, smbtest.CreateReq(`d\New`, smb2.Create)) // which isn't heard of
		time.Sleep(time.Minute)
		w := r.watch(b, "d", notifyName, false)
		o.tell("d", vfs.WatchEvent{Op: vfs.WatchAdded, Name: "New"})
		w.wantAnswer("the watcher", "+New")
	})
}

// What the server did is known as long as what was heard of it isn't settled.
func TestOwnChangesSettledLate(t *testing.T) {
	overhear(t, nil, func(t *testing.T, r *rig, o *overheard) {
		a := r.caching(smb.Dialect311, 1)
		r.granted(a, dirReq("d", smb2.Open), smbtest.Lease2(leaseKey(1), leaseRH, 0), leaseRH)
		create := func(name string) {
			r.leased(a, `d\`+name, smbtest.LeaseUnder(leaseKey(1), leaseKey(2+name[0]), leaseRWH), leaseRWH)
			o.tell("d", vfs.WatchEvent{Op: vfs.WatchAdded, Name: name})
		}
		for i := range 100 {
			o.tell("d", vfs.WatchEvent{Op: vfs.WatchWritten, Name: fmt.Sprint("gone", i)})
		}
		o.slow.Store(int64(100 * time.Millisecond))
		time.Sleep(aWhile)
		create("1")
		time.Sleep(5 * time.Second)
		create("2")
		time.Sleep(time.Minute)
		o.slow.Store(0)
		unbroken(t, "own changes", a)
	})
}

// However long the server is at work on an object, what is heard meanwhile is its own.
func TestForeignWaitsLong(t *testing.T) {
	var release chan struct{}
	overhear(t, slowly(&release), func(t *testing.T, r *rig, o *overheard) {
		a := r.caching(smb.Dialect311, 1)
		id, _ := r.leased(a, `d\f`, smbtest.Lease2(leaseKey(1), leaseRWH, 0), leaseRWH)
		release = make(chan struct{})
		e := a.Req(smb2.CommandWrite, smb2.WriteRequest{FileID: id, Data: []byte("own")})
		a.Send(e)
		time.Sleep(aWhile)
		rewrite(t, r.fs, "d/f", "a part of it")
		o.tell("d", vfs.WatchEvent{Op: vfs.WatchWritten, Name: "f"})
		time.Sleep(2500 * time.Millisecond)
		close(release)
		want(t, "WRITE", a.Wait(e.MessageID).Status, ok)
		time.Sleep(aWhile)
		unbroken(t, "an own change", a)
	})
}

// What changes while the watch of a directory is begun anew is noticed.
func TestForeignWhileWatchEnds(t *testing.T) {
	overhear(t, nil, func(t *testing.T, r *rig, o *overheard) {
		a, b := r.caching(smb.Dialect311, 1), r.caching(smb.Dialect311, 2)
		r.granted(a, dirReq("d", smb2.Open), smbtest.Lease2(leaseKey(1), leaseRH, 0), leaseRH)
		o.watch = func(string) {
			r.leased(b, `d\f`, smbtest.Lease2(leaseKey(2), leaseRWH, 0), leaseRWH)
			rewrite(t, r.fs, "d/f", "foreign")
		}
		o.tell("d", vfs.WatchEvent{Op: vfs.WatchEnded})
		time.Sleep(aWhile)
		leaseBroken(t, b, leaseKey(2), leaseRWH, 0, 2)
	})
}

// A directory that was away for a while is watched again.
func TestForeignDirectoryReturns(t *testing.T) {
	overhear(t, nil, func(t *testing.T, r *rig, o *overheard) {
		a, b := r.caching(smb.Dialect311, 1), r.caching(smb.Dialect311, 2)
		r.granted(a, dirReq("d", smb2.Open), smbtest.Lease2(leaseKey(1), leaseRH, 0), leaseRH)
		if err := r.fs.Rename(t.Context(), "d", "away", false); err != nil {
			t.Fatal(err)
		}
		o.refuse(fs.ErrNotExist)
		o.tell("d", vfs.WatchEvent{Op: vfs.WatchEnded})
		time.Sleep(time.Second)
		if err := r.fs.Rename(t.Context(), "away", "d", false); err != nil {
			t.Fatal(err)
		}
		o.refuse(nil)
		r.leased(b, `d\f`, smbtest.Lease2(leaseKey(2), leaseRWH, 0), leaseRWH)
		rewrite(t, r.fs, "d/f", "foreign")
		o.tell("d", vfs.WatchEvent{Op: vfs.WatchWritten, Name: "f"})
		time.Sleep(aWhile)
		leaseBroken(t, b, leaseKey(2), leaseRWH, 0, 2)
	})
}

// A write that the clock can't tell from one before the file was opened is noticed when
// it is closed.
func TestForeignAtOnce(t *testing.T) {
	overhear(t, nil, func(t *testing.T, r *rig, o *overheard) {
		a := r.caching(smb.Dialect311, 1)
		rewrite(t, r.fs, "d/f", "foreign")
		r.leased(a, `d\f`, smbtest.Lease2(leaseKey(1), leaseRWH, 0), leaseRWH)
		rewrite(t, r.fs, "d/f", "FOREIGN")
		for range 2 {
			o.tell("d", vfs.WatchEvent{Op: vfs.WatchWritten, Name: "f"})
		}
		o.tell("d", vfs.WatchEvent{Op: vfs.WatchClosed, Name: "f"})
		time.Sleep(aWhile)
		leaseBroken(t, a, leaseKey(1), leaseRWH, 0, 2)
	})
}

// Who begins to wait for changes of a directory while it is renamed is told of those
// under its new name.
func TestForeignListenWhileRenamed(t *testing.T) {
	overhear(t, nil, func(t *testing.T, r *rig, o *overheard) {
		a, b := r.caching(smb.Dialect311, 1), r.caching(smb.Dialect311, 2)
		req := dirReq("d", smb2.Open)
		req.DesiredAccess |= 0x10000
		id := r.create(b, req)
		o.watch = func(string) {
			o.watch = nil
			want(t, "rename", b.Rename(id, "e", false), ok)
		}
		w := r.watch(a, "d", notifyName, false)
		time.Sleep(aWhile)
		o.tell("e", vfs.WatchEvent{Op: vfs.WatchAdded, Name: "New"})
		w.wantAnswer("the watcher", "+New")
	})
}

// What another wrote to a file and closed is noticed though a client moved the file to
// another directory before that was settled.
func TestForeignThenMovedAway(t *testing.T) {
	overhear(t, nil, func(t *testing.T, r *rig, o *overheard) {
		a := r.caching(smb.Dialect311, 1)
		id, _ := r.leased(a, `d\f`, smbtest.Lease2(leaseKey(1), leaseRWH, 0), leaseRWH)
		rewrite(t, r.fs, "d/f", "foreign")
		o.tell("d", vfs.WatchEvent{Op: vfs.WatchWritten, Name: "f"})
		o.tell("d", vfs.WatchEvent{Op: vfs.WatchClosed, Name: "f"})
		want(t, "rename", a.Rename(id, "g", false), ok)
		o.tell("d", vfs.WatchEvent{Op: vfs.WatchRemoved, Name: "f"})
		time.Sleep(aWhile)
		leaseBroken(t, a, leaseKey(1), leaseRWH, 0, 2)
	})
}
