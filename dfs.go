package smb

import (
	"cmp"
	"context"
	"fmt"
	"io/fs"
	"iter"
	"maps"
	"math"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// DFS is the namespace of a share that is a root of the Distributed File System: places
// in it, the links, are shares of other servers, and clients are referred there. See
// NewDFS for one that doesn't change.
//
// Links are called as backends call files: elements separated by slashes, from the root
// of the share. There is no link below another one, at most 32 elements deep, and case
// doesn't count. Methods are called by many goroutines at once, and often: Link for
// every path that a client opens. The context carries the caller (vfs.CallerFrom).
//
// [MS-DFSC]
type DFS interface {
	// Link returns the link called name, or an error that is fs.ErrNotExist. The
	// name is a valid one, in the client's spelling. The link called "." tells of
	// the root itself; if there is none, or it has no targets, that is on this
	// server only.
	Link(ctx context.Context, name string) (DFSLink, error)

	// Links lists the links in the directory dir and below it, for listings, and
	// to know what may not be moved. A link that isn't listed is reached by those
	// who know its name.
	Links(ctx context.Context, dir string) iter.Seq[string]
}

// DFSNamespace is a Namespace that has, or may come to have, shares with DFS. Clients are
// told in general, before they log on, whether to ask for referrals. A Namespace that
// isn't a DFSNamespace has none.
type DFSNamespace interface {
	Namespace
	// HasDFS reports whether there is a share with DFS.
	HasDFS() bool
}

// HasDFS reports whether a share has DFS.
func (s Shares) HasDFS() bool {
	for _, sh := range s {
		if sh.DFS != nil {
			return true
		}
	}
	return false
}

// DFSLink is a place in a namespace, and where it really is.
type DFSLink struct {
	// Targets are the shares that hold the same content. Clients use the best one that
	// they reach.
	Targets []DFSTarget

	// TTL is how long clients may remember the targets; zero: 30 minutes, or 5 of
	// a root. It is rounded to seconds.
	TTL time.Duration

	// Failback asks clients to go back to a better target when it is there again.
	// That of the root is for all links.
	Failback bool

	// Interlink tells that the targets are, or are in, DFS namespaces themselves,
	// which are to be asked for a further referral.
	Interlink bool

	// Comment is shown by tools that manage DFS.
	Comment string
}

// DFSTarget is a share, or a directory in it.
type DFSTarget struct {
	// Path is \\server\share or \\server\share\directory; slashes will do. Clients connect to the
	// server by that name, and nearly all of them to port 445.
	Path string

	// Priority says how good the target is, and Rank, from 0 to 31, how good among
	// those of the same priority; less is better. Those that are as good as each
	// other are told in random order. [MS-DFSNM] 2.2.2.7
	Priority DFSPriority
	Rank     uint8
}

// DFSPriority is the class of a target, [MS-DFSNM] 2.2.2.8. The server knows no sites,
// so the three in the middle differ by their order only.
type DFSPriority uint8

// The classes of targets, with the numbers that they have on the wire.
const (
	DFSNormal     DFSPriority = iota
	DFSGlobalHigh             // before all others
	DFSHigh
	DFSLow
	DFSGlobalLow // after all others
)

// dfsPriorities are the classes in their order, the best first.
var dfsPriorities = []DFSPriority{DFSGlobalHigh, DFSHigh, DFSNormal, DFSLow, DFSGlobalLow}

const (
	dfsDepth   = 32 // elements that the name of a link may have
	dfsMaxRank = 31
)

// NewDFS returns a DFS with these links, by their names; "." is the root, which need
// not be among them. The directories that a link lies in should be in the storage of the
// share: they aren't made up. It is an error if a name or target can't be one.
func NewDFS(links map[string]DFSLink) (DFS, error) {
	d := &dfsTable{links: make(map[string]namedLink)}
	for _, name := range slices.Sorted(maps.Keys(links)) {
		l := links[name]
		if err := l.check(name); err != nil {
			return nil, fmt.Errorf("smb: DFS link %q: %w", name, err)
		}
		key := foldPath(name)
		if other, ok := d.links[key]; ok {
			return nil, fmt.Errorf("smb: DFS link %q: there is %q already", name, other.name)
		}
		l.Targets = slices.Clone(l.Targets)
		d.links[key] = namedLink{name, l}
		if name != "." {
			d.keys = append(d.keys, key)
		}
	}
	slices.Sort(d.keys)
	for _, key := range d.keys {
		if n := parentLink(d.links, key); n != "" {
			return nil, fmt.Errorf("smb: DFS link %q: it lies below the link %q", d.links[key].name, n)
		}
	}
	return d, nil
}

// parentLink returns the link that the one under key is below, "" if there is none.
func parentLink(links map[string]namedLink, key string) string {
	for i, c := range key {
		if c == '/' {
			if l, ok := links[key[:i]]; ok {
				return l.name
			}
		}
	}
	return ""
}

// check checks that l can be a link called name.
func (l DFSLink) check(name string) error {
	if !validLinkName(name) && name != "." {
		return fmt.Errorf("no name of a file, or more than %d elements", dfsDepth)
	}
	if len(l.Targets) == 0 && name != "." {
		return fmt.Errorf("no targets")
	}
	for _, t := range l.Targets {
		if _, err := t.wirePath(); err != nil {
			return err
		}
		if t.Rank > dfsMaxRank || t.Priority > DFSGlobalLow {
			return fmt.Errorf("target %s: no such priority or rank", t.Path)
		}
	}
	return nil
}

// validLinkName reports whether a link can have the name.
func validLinkName(name string) bool {
	if !utf8.ValidString(name) {
		return false
	}
	n := 0
	for p := range strings.SplitSeq(name, "/") {
		if n++; n > dfsDepth || checkElement(p) != nil || strings.Contains(p, `\`) {
			return false
		}
	}
	return true
}

// wirePath returns the target as referrals have it, with one backslash in front.
func (t DFSTarget) wirePath() (string, error) {
	p := strings.ReplaceAll(t.Path, "/", `\`)
	rest, ok := strings.CutPrefix(p, `\\`)
	parts := strings.Split(strings.TrimSuffix(rest, `\`), `\`)
	bad := func(e string) bool { return checkElement(e) != nil }
	if !ok || len(parts) < 2 || len(rest) > 4096 || !utf8.ValidString(rest) || slices.ContainsFunc(parts, bad) {
		return "", fmt.Errorf(`target %q: want \\server\share`, t.Path)
	}
	return `\` + strings.Join(parts, `\`), nil
}

// seconds returns the TTL for the wire.
func (l DFSLink) seconds(root bool) uint32 {
	ttl := l.TTL
	switch {
	case ttl <= 0 && root:
		ttl = 5 * time.Minute // as on Windows
	case ttl <= 0:
		ttl = 30 * time.Minute
	}
	return uint32(min(max(ttl.Round(time.Second)/time.Second, 1), math.MaxUint32))
}

// dfsTable is a DFS that doesn't change.
type dfsTable struct {
	links map[string]namedLink // by folded name
	keys  []string             // sorted, without the root
}

type namedLink struct {
	name string
	DFSLink
}

func (d *dfsTable) Link(_ context.Context, name string) (DFSLink, error) {
	l, ok := d.links[foldPath(name)]
	if !ok {
		return DFSLink{}, fs.ErrNotExist
	}
	return l.DFSLink, nil
}

func (d *dfsTable) Links(_ context.Context, dir string) iter.Seq[string] {
	prefix := foldPath(dir) + "/"
	if dir == "." {
		prefix = ""
	}
	first, _ := slices.BinarySearch(d.keys, prefix)
	return func(yield func(string) bool) {
		for _, key := range d.keys[first:] {
			if !strings.HasPrefix(key, prefix) || !yield(d.links[key].name) {
				return
			}
		}
	}
}

// compareTargets orders targets by how good they are.
func compareTargets(a, b DFSTarget) int {
	return cmp.Or(
		cmp.Compare(slices.Index(dfsPriorities, a.Priority), slices.Index(dfsPriorities, b.Priority)),
		cmp.Compare(a.Rank, b.Rank))
}
