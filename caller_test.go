package smb_test

import (
	"context"
	"errors"
	"reflect"
	"sync"
	"testing"

	"github.com/gosmbd/smb"
	"github.com/gosmbd/smb/internal/smbtest"
	"github.com/gosmbd/smb/ntlm"
	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs"
	"github.com/gosmbd/smb/vfs/memfs"
)

// callerFS notes who asks for what.
type callerFS struct {
	*memfs.FS
	mu    sync.Mutex
	asked map[string][]*vfs.Caller
}

func (f *callerFS) note(ctx context.Context, what string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.asked == nil {
		f.asked = make(map[string][]*vfs.Caller)
	}
	f.asked[what] = append(f.asked[what], vfs.CallerFrom(ctx))
}

// who returns the last who asked.
func (f *callerFS) who(what string) *vfs.Caller {
	f.mu.Lock()
	defer f.mu.Unlock()
	if list := f.asked[what]; len(list) > 0 {
		return list[len(list)-1]
	}
	return nil
}

func (f *callerFS) Open(ctx context.Context, name string, opt vfs.OpenOptions) (vfs.File, error) {
	f.note(ctx, "open "+name)
	return f.FS.Open(ctx, name, opt)
}

func (f *callerFS) Remove(ctx context.Context, name string) error {
	f.note(ctx, "remove "+name)
	return f.FS.Remove(ctx, name)
}

func (f *callerFS) Volume(ctx context.Context) (vfs.Volume, error) {
	f.note(ctx, "volume")
	return f.FS.Volume(ctx)
}

// TestCallerOfWork has the backend asked as whom the work is for: the server for what it
// must know of the backend, and who deletes something for its removal, whoever is the
// last to close it.
func TestCallerOfWork(t *testing.T) {
	fsys := &callerFS{FS: &memfs.FS{}}
	r := newRig(t, func(s *smb.Server) { s.Shares = smb.Shares{"s": {FS: fsys}} })
	ann := r.logon(smb.Dialect311)
	if c := fsys.asked["volume"]; len(c) != 1 || c[0] != vfs.SystemCaller() {
		t.Errorf("volume asked by %v", c)
	}
	if c := fsys.asked["open ."]; len(c) == 0 || c[0] != vfs.SystemCaller() {
		t.Errorf("root first opened by %v", c)
	}
	bob := r.as("bob", password+"!")
	for _, onClose := range []bool{false, true} {
		put(t, fsys.FS, "f", "x")
		mine := r.open(ann, "f")
		if c := fsys.who("open f"); c.Name != "ann" {
			t.Errorf("file opened by %v", c)
		}
		others := r.open(bob, "f")
		if onClose {
			req := smbtest.CreateReq("f", smb2.Open)
			req.Options = smb2.OptionDeleteOnClose
			want(t, "CLOSE", ann.CloseFile(r.create(ann, req)), ok)
		} else {
			want(t, "DISPOSITION", ann.Delete(mine, true), ok)
		}
		want(t, "CLOSE", ann.CloseFile(mine), ok)
		want(t, "CLOSE", bob.CloseFile(others), ok)
		if c := fsys.who("remove f"); c == nil || c.Name != "ann" {
			t.Errorf("removed by %v, want ann", c)
		}
		fsys.note(context.Background(), "remove f")
	}
}

// TestUnixUser: who tells who a caller is on the machine.
func TestUnixUser(t *testing.T) {
	hook := &vfs.UnixUser{UID: 7, GID: 8}
	failed := errors.New("no table")
	for name, tt := range map[string]struct {
		user ntlm.User
		hook *vfs.UnixUser
		err  error
		want *vfs.UnixUser
	}{
		"nobody":    {},
		"hook":      {hook: hook, want: hook},
		"SIDs":      {user: ntlm.User{SID: vfs.UnixUserSID(3), Groups: []vfs.SID{vfs.SIDUsers, vfs.UnixGroupSID(4), vfs.UnixGroupSID(5)}}, want: &vfs.UnixUser{UID: 3, GID: 4, Groups: []uint32{5}}},
		"no group":  {user: ntlm.User{SID: vfs.UnixUserSID(3)}},
		"hook wins": {user: ntlm.User{SID: vfs.UnixUserSID(3), Groups: []vfs.SID{vfs.UnixGroupSID(4)}}, hook: hook, want: hook},
		"error":     {err: failed},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, func(s *smb.Server) {
				tt.user.Password = password
				s.Mechanisms = []smb.Mechanism{ntlm.New(ntlm.Static{"ann": tt.user})}
				s.UnixUser = func(_ context.Context, c *vfs.Caller) (*vfs.UnixUser, error) {
					if c.Name != "ann" || !c.SID.Valid() {
						t.Errorf("asked for %+v", c)
					}
					return tt.hook, tt.err
				}
				s.Logger = quiet()
			})
			c := r.dialect(smb.Dialect311, smbtest.NegotiateOptions{})
			_, st := c.SessionSetup("ann", password)
			if st.IsError() != (tt.err != nil) {
				t.Fatalf("SESSION_SETUP: %v", st)
			}
			for info := range r.srv.Sessions() {
				if got := info.Caller.Unix; !reflect.DeepEqual(got, tt.want) {
					t.Errorf("Unix = %+v, want %+v", got, tt.want)
				}
			}
		})
	}
}
