package smb

import (
	"context"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/gosmbd/smb/dcerpc/netdfs"
	"github.com/gosmbd/smb/vfs"
)

// What the RPC interface netdfs sees of the server.

// DFSRoots lists the shares with DFS that the caller could use.
func (v rpcServer) DFSRoots(ctx context.Context) []string {
	var names []string
	if v.s.Shares == nil || !v.s.hasDFS() {
		return nil
	}
	for name, sh := range v.s.Shares.All(ctx) {
		if sh.DFS != nil && usable(ctx, sh) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// usable reports whether the caller could connect the share.
func usable(ctx context.Context, sh *Share) bool {
	c := vfs.CallerFrom(ctx)
	if c == nil {
		return false
	}
	_, err := sh.access(ctx, c)
	return err == nil
}

// DFSEntries lists the root and the links of the share called name.
func (v rpcServer) DFSEntries(ctx context.Context, name string) []netdfs.Entry {
	if v.s.Shares == nil || !v.s.hasDFS() || !validShareName(name) {
		return nil
	}
	sh, err := v.s.Shares.Share(ctx, name)
	if err != nil || sh == nil || sh.DFS == nil || !usable(ctx, sh) {
		return nil
	}
	root, err := sh.DFS.Link(ctx, ".")
	if err != nil || len(root.Targets) == 0 {
		root.Targets = []DFSTarget{{Path: `\\` + v.s.name + `\` + name}}
	}
	top := `\\` + v.s.name + `\` + name
	list := []netdfs.Entry{root.entry(top, true)}
	for n := range sh.DFS.Links(ctx, ".") {
		l, err := sh.DFS.Link(ctx, n)
		if err != nil || !validLinkName(n) {
			continue
		}
		list = append(list, l.entry(top+`\`+wireName(path.Clean(n)), false))
	}
	return list
}

// entry describes l for those who manage DFS.
func (l DFSLink) entry(name string, root bool) netdfs.Entry {
	x := netdfs.Entry{Path: name, Comment: l.Comment, TTL: time.Duration(l.seconds(root)) * time.Second, Failback: l.Failback}
	for _, t := range l.Targets {
		p, err := t.wirePath()
		if err != nil {
			continue
		}
		server, share, _ := strings.Cut(p[1:], `\`)
		x.Targets = append(x.Targets, netdfs.Target{Server: server, Share: share, Priority: uint32(t.Priority), Rank: uint16(t.Rank)})
	}
	return x
}
