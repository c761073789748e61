package smb

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/gosmbd/smb/dcerpc/srvsvc"
	"github.com/gosmbd/smb/dcerpc/wkssvc"
	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs"
)

// The version of Windows that the server says it is: what it serves is that of 10.0.
const versionMajor, versionMinor = 10, 0

// rpcServer is what the RPC interfaces see of a Server.
type rpcServer struct{ s *Server }

func (v rpcServer) Info(context.Context) srvsvc.Info {
	return srvsvc.Info{Name: v.s.name, Comment: v.s.Comment, Domain: v.s.joined().Name, Major: versionMajor, Minor: versionMinor}
}

func (v rpcServer) Workstation(context.Context) wkssvc.Info {
	d := v.s.joined()
	return wkssvc.Info{Name: v.s.name, Domain: d.Name, Joined: d.Name != "", Major: versionMajor, Minor: versionMinor}
}

// Users lists who has a session, each once.
func (v rpcServer) Users(context.Context) []wkssvc.User {
	users := make(map[wkssvc.User]struct{})
	for s := range v.s.Sessions() {
		if !s.Caller.Anonymous {
			users[wkssvc.User{Name: s.Caller.Name, Domain: s.Caller.Domain}] = struct{}{}
		}
	}
	return slices.SortedFunc(maps.Keys(users), func(a, b wkssvc.User) int {
		return cmp.Or(strings.Compare(a.Domain, b.Domain), strings.Compare(a.Name, b.Name))
	})
}

// Admin reports whether the caller administrates the server.
func (v rpcServer) Admin(ctx context.Context) bool {
	return administers(vfs.CallerFrom(ctx))
}

func (v rpcServer) Sessions(context.Context) []srvsvc.Session {
	var list []srvsvc.Session
	for s := range v.s.Sessions() {
		list = append(list, srvsvc.Session{
			Client: addrString(s.Peer), User: s.Caller.Name, Files: uint32(s.Opens), Guest: s.Caller.Guest,
			Active: time.Since(s.Started), Idle: time.Since(s.Used),
		})
	}
	slices.SortFunc(list, func(a, b srvsvc.Session) int {
		return strings.Compare(a.Client+a.User, b.Client+b.User)
	})
	return list
}

func (v rpcServer) Files(ctx context.Context) []srvsvc.File {
	var list []srvsvc.File
	for o := range v.s.Opens() {
		f := srvsvc.File{ID: uint32(o.ID), Locks: uint32(o.Locks), Path: v.path(ctx, o.Share) + wireName(o.Path)}
		if o.Share == ipcName {
			f.Path = `\PIPE\` + o.Path
		}
		if o.Access&sharedRead != 0 {
			f.Permissions |= 1
		}
		if o.Access&sharedWrite != 0 {
			f.Permissions |= 2
		}
		if o.Caller != nil {
			f.User = o.Caller.Name
		}
		list = append(list, f)
	}
	slices.SortFunc(list, func(a, b srvsvc.File) int { return int(int64(a.ID) - int64(b.ID)) })
	return list
}

// path returns what administrators are told for the top of a share, with a backslash at
// its end.
func (v rpcServer) path(ctx context.Context, share string) string {
	x, ok := v.Share(ctx, share)
	if !ok { // it was removed meanwhile
		x.Path = `C:\` + share
	}
	return strings.TrimSuffix(x.Path, `\`) + `\`
}

func (v rpcServer) Connections(_ context.Context, qualifier string) []srvsvc.Connection {
	client, byClient := strings.CutPrefix(qualifier, `\\`)
	var list []srvsvc.Connection
	for s := range v.s.Sessions() {
		peer := addrString(s.Peer)
		for _, share := range s.Shares {
			c := srvsvc.Connection{ID: uint32(s.ID), Files: uint32(s.Opens), Users: 1, Active: time.Since(s.Started), User: s.Caller.Name, Name: share}
			if !byClient {
				if !strings.EqualFold(share, qualifier) {
					continue
				}
				c.Name = peer
			} else if !strings.HasPrefix(peer, client) {
				continue
			}
			if share == ipcName {
				c.Type = uint32(srvsvc.TypeIPC)
			}
			list = append(list, c)
		}
	}
	return list
}

// CloseFile closes the open with the id that Files told, as if its client had.
func (v rpcServer) CloseFile(_ context.Context, id uint32) bool {
	for _, se := range v.s.allSessions() {
		for _, o := range se.allOpens() {
			if uint32(o.id.Persistent) == id && se.takeOpen(o) {
				o.cancelWaits(smb2.StatusFileClosed)
				go o.close() // it waits for requests, perhaps for this one
				return true
			}
		}
	}
	return false
}
