package smb

import (
	"context"
	"errors"
	"io/fs"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/gosmbd/smb/internal/utf16le"
	"github.com/gosmbd/smb/smb2"
)

// Referrals: telling a client which servers have what a path of a DFS namespace names.
// [MS-SMB2] 3.3.5.15.2, [MS-DFSC] 3.2.5

func dfsReferrals(ctx context.Context, r *request, q *control) error {
	if r.c.params.caps&smb2.CapDFS == 0 {
		return smb2.StatusFsDriverRequired
	}
	req, err := smb2.ParseDFSReferralRequest(q.Input)
	if err != nil {
		return err
	}
	return r.refer(ctx, q, req)
}

// dfsReferralsEx is the same with the name of the client's site, which means nothing here.
func dfsReferralsEx(ctx context.Context, r *request, q *control) error {
	if r.c.params.caps&smb2.CapDFS == 0 {
		return smb2.StatusFsDriverRequired
	}
	req, err := smb2.ParseDFSReferralRequestEx(q.Input)
	if err != nil {
		return err
	}
	return r.refer(ctx, q, smb2.DFSReferralRequest{MaxReferralLevel: req.MaxReferralLevel, Path: req.Path})
}

// refer answers with a referral, or as much of it as the client has room for.
func (r *request) refer(ctx context.Context, q *control, req smb2.DFSReferralRequest) error {
	if req.MaxReferralLevel == 0 {
		return smb2.StatusInvalidParameter
	}
	f, err := r.referral(ctx, req.Path)
	if err != nil {
		return err
	}
	f.Version = min(req.MaxReferralLevel, smb2.DFSReferralVersion)
	switch f.Version {
	case 1:
		f.Flags = smb2.DFSReferralServers | smb2.DFSStorageServers
	case 2, 3:
		f.Flags &^= smb2.DFSTargetFailback
	}
	if f = f.Within(int(q.MaxOutputResponse)); len(f.Targets) == 0 {
		q.status = smb2.StatusBufferOverflow // without anything, as on Windows
		return nil
	}
	q.out = f.Append(nil)
	return nil
}

// dfsPath is the path of a request for a referral.
type dfsPath struct {
	clean string // with one backslash in front, and none behind
	lead  int    // how many it had
	parts []string
}

// parseDFSPath splits a path. One backslash in front is right, but clients send two or
// none; and what they are told to have been consumed counts as if two were one.
// [MS-DFSC] 2.2.1, 2.2.1.3
func parseDFSPath(p string) (dfsPath, error) {
	rest := strings.TrimLeft(p, `\`)
	d := dfsPath{lead: len(p) - len(rest)}
	rest = strings.TrimSuffix(rest, `\`)
	if d.lead > 2 || utf16le.Len(rest) > math.MaxUint16-4 {
		return d, smb2.StatusInvalidParameter
	}
	if rest == "" {
		return d, nil
	}
	d.clean, d.parts = `\`+rest, strings.Split(rest, `\`)
	if slices.Contains(d.parts, "") {
		return d, smb2.StatusInvalidParameter
	}
	return d, nil
}

// prefix returns the first n elements of the path, and how many bytes they took.
func (d dfsPath) prefix(n int) (string, uint16) {
	p := `\` + strings.Join(d.parts[:n], `\`)
	size := utf16le.Len(p)
	if d.lead == 0 {
		size -= 2
	}
	return p, uint16(size)
}

// referral finds out what a path leads to. [MS-DFSC] 3.2.5.2 to 3.2.5.5
func (r *request) referral(ctx context.Context, name string) (f smb2.DFSReferralResponse, err error) {
	p, err := parseDFSPath(name)
	switch {
	case err != nil:
		return f, err
	case len(p.parts) < 2:
		return f, smb2.StatusInvalidParameter // about domains, and this is no controller of any
	}
	sh, err := r.dfsShare(ctx, p.parts[1])
	if err != nil {
		return f, err
	}
	root, err := sh.DFS.Link(ctx, ".")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return f, err
	}
	link, l, err := sh.findLink(ctx, linkPath(p.parts[2:]))
	if err != nil {
		return f, err
	}
	depth := 2
	if f.Root = link == ""; f.Root {
		l = root
	} else {
		depth += strings.Count(link, "/") + 1
	}
	f.Path, f.PathConsumed = p.prefix(depth)
	f.TimeToLive = l.seconds(f.Root)
	f.Flags = l.referralFlags(f.Root)
	if root.Failback {
		f.Flags |= smb2.DFSTargetFailback
	}
	f.Targets = r.dfsTargets(l.Targets)
	switch {
	case len(f.Targets) > 0:
		return f, nil
	case !f.Root:
		return f, smb2.StatusNotFound
	}
	// This server, by the name that the client has for it.
	f.Targets = []smb2.DFSReferralTarget{{Path: f.Path, Boundary: true}}
	return f, nil
}

// referralFlags returns what clients are told of the targets. [MS-DFSC] 3.2.5.5
func (l DFSLink) referralFlags(root bool) smb2.DFSReferralFlags {
	flags := smb2.DFSStorageServers
	switch {
	case root:
		flags |= smb2.DFSReferralServers
	case l.Interlink:
		flags = smb2.DFSReferralServers // [MS-DFSC] 3.1.5.4.5
	}
	if l.Failback {
		flags |= smb2.DFSTargetFailback
	}
	return flags
}

// dfsShare returns the share called name if it is a root, and the caller could use it.
func (r *request) dfsShare(ctx context.Context, name string) (*Share, error) {
	s := r.c.srv
	if s.Shares == nil || !validShareName(name) {
		return nil, smb2.StatusNotFound
	}
	sh, err := s.Shares.Share(ctx, name)
	if errors.Is(err, fs.ErrNotExist) || err == nil && (sh == nil || sh.DFS == nil) {
		return nil, smb2.StatusNotFound
	}
	if err != nil {
		return nil, err
	}
	if _, err := sh.access(ctx, r.id.caller); err != nil {
		return nil, smb2.StatusAccessDenied
	}
	return sh, nil
}

// linkPath returns as much of a path as a link may have in its name.
func linkPath(parts []string) string {
	for i, p := range parts {
		if !utf8.ValidString(p) || checkElement(p) != nil {
			parts = parts[:i]
			break
		}
	}
	if len(parts) == 0 {
		return "."
	}
	return strings.Join(parts, "/")
}

// dfsTargets returns the targets in the order that a client is to try them, those that
// are as good as each other by chance. [MS-DFSC] 3.2.5.5
func (r *request) dfsTargets(targets []DFSTarget) []smb2.DFSReferralTarget {
	targets = slices.Clone(targets)
	rand.Shuffle(len(targets), func(i, j int) { targets[i], targets[j] = targets[j], targets[i] })
	slices.SortStableFunc(targets, compareTargets)
	var list []smb2.DFSReferralTarget
	var last DFSTarget
	for _, t := range targets {
		p, err := t.wirePath()
		if err != nil {
			r.c.srv.log.Error("smb: bad DFS target", "err", err)
			continue
		}
		list = append(list, smb2.DFSReferralTarget{Path: p, Boundary: len(list) == 0 || compareTargets(last, t) != 0})
		last = t
	}
	return list
}
