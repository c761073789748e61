package smb_test

import (
	"context"
	"errors"
	"expvar"
	"fmt"
	"io/fs"
	"log"
	"net"
	"os"
	"strings"
	"time"

	"github.com/gosmbd/smb"
	"github.com/gosmbd/smb/ntlm"
	"github.com/gosmbd/smb/vfs"
	"github.com/gosmbd/smb/vfs/memfs"
	"github.com/gosmbd/smb/vfs/osfs"
)

// Serve a directory to one user, until the program is told to end.
func Example() {
	path, err := os.MkdirTemp("", "share-") // say, "/srv/files"
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(path)
	dir, err := osfs.New(path, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer dir.Close()

	srv := &smb.Server{
		Addr:       "127.0.0.1:0", // ":445" or ":4445", say
		Shares:     smb.Shares{"files": {FS: dir, Comment: "what we share"}},
		Mechanisms: []smb.Mechanism{ntlm.New(ntlm.Static{"ann": {Password: "a long password"}})},
	}
	served := make(chan error, 1)
	go func() { served <- srv.ListenAndServe() }()

	// On a signal, say: finish what clients have under way, for ten seconds at
	// most.
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := srv.Shutdown(ctx); err != nil {
		log.Print(err)
	}
	fmt.Println(<-served)
	// Output: smb: server closed
}

// Serve memory, on a listener of one's own.
func Example_memory() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	srv := &smb.Server{
		Shares:     smb.Shares{"scratch": {FS: &memfs.FS{MaxBytes: 64 << 20}}},
		Mechanisms: []smb.Mechanism{ntlm.New(ntlm.Static{"ann": {Password: "a long password"}})},
		Encryption: smb.Required,
	}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(l) }()

	// Clients mount \\host\scratch now.

	srv.Close()
	fmt.Println(errors.Is(<-served, smb.ErrServerClosed))
	// Output: true
}

// List who is there and what is open, as for a status page.
func ExampleServer_Sessions() {
	srv := &smb.Server{Shares: smb.Shares{"scratch": {FS: &memfs.FS{}}}}
	defer srv.Close()

	sessions, opens := 0, 0
	for s := range srv.Sessions() {
		sessions++
		fmt.Printf("%v from %v by SMB %v on %s\n", s.Caller, s.Peer, s.Dialect, strings.Join(s.Shares, ", "))
	}
	for o := range srv.Opens() {
		opens++
		fmt.Printf("%v has %s:%s open since %v\n", o.Caller, o.Share, o.Path, o.Opened)
	}
	fmt.Printf("%d sessions, %d open files\n", sessions, opens)
	// Output: 0 sessions, 0 open files
}

// Show what the server counts at /debug/vars; Prometheus takes the same numbers.
func ExampleServer_Statistics() {
	srv := &smb.Server{Shares: smb.Shares{"scratch": {FS: &memfs.FS{}}}}
	defer srv.Close()
	v := expvar.Func(func() any { return srv.Statistics() })
	// expvar.Publish("smb", v) now.

	fmt.Println(v)
	// Output: {"Since":"0001-01-01T00:00:00Z","Sessions":0,"FailedLogons":0,"Opens":0,"Denied":0,"BytesSent":0,"BytesReceived":0}
}

// Serve one connection that is the program's own: from a tunnel, say, or a TLS listener.
func ExampleServer_ServeConn() {
	srv := &smb.Server{
		Shares:     smb.Shares{"scratch": {FS: &memfs.FS{}}},
		Mechanisms: []smb.Mechanism{ntlm.New(ntlm.Static{"ann": {Password: "a long password"}})},
	}
	defer srv.Close()
	client, server := net.Pipe()
	served := make(chan error, 1)
	go func() { served <- srv.ServeConn(context.Background(), server) }()

	// An SMB client uses the other end now.

	client.Close()
	fmt.Println(<-served)
	// Output: <nil>
}

// Let administrators share more while the server runs, of what the program says.
func ExampleEditableShares() {
	volumes := map[string]vfs.FS{`C:\docs`: &memfs.FS{}, `C:\photos`: &memfs.FS{}}
	shares := &smb.EditableShares{
		Make: func(_ context.Context, _, path string) (*smb.Share, error) {
			fsys, ok := volumes[path] // two shares of one path have the same
			if !ok {
				return nil, fs.ErrNotExist
			}
			return &smb.Share{FS: fsys}, nil
		},
	}
	shares.Set("docs", &smb.Share{FS: volumes[`C:\docs`], Path: `C:\docs`})
	srv := &smb.Server{Shares: shares}
	defer srv.Close()

	// "net rpc share add" of an administrator does this; the program may, too.
	ctx := context.Background()
	fmt.Println(shares.AddShare(ctx, "photos", smb.ShareSettings{Path: `C:\photos`}))
	fmt.Println(shares.AddShare(ctx, "system", smb.ShareSettings{Path: `C:\Windows`}))
	for name, share := range shares.All(ctx) {
		fmt.Println(name, "is", share.Path)
	}
	// Output:
	// <nil>
	// file does not exist
	// docs is C:\docs
	// photos is C:\photos
}

// Let one group write, and everybody else who has an account read.
func ExampleShare_allow() {
	const editors vfs.SID = "S-1-5-21-1-2-3-1001"
	share := &smb.Share{
		FS: &memfs.FS{},
		Allow: func(_ context.Context, c *vfs.Caller) (vfs.Access, error) {
			if c.Guest || c.Anonymous {
				return 0, smb.StatusAccessDenied
			}
			for _, g := range c.Groups {
				if g == editors {
					return vfs.AccessChange, nil
				}
			}
			return vfs.AccessReadOnly, nil
		},
	}
	access, err := share.Allow(context.Background(), &vfs.Caller{Name: "ann", Groups: []vfs.SID{editors}})
	fmt.Println(access == vfs.AccessChange, err)
	_, err = share.Allow(context.Background(), &vfs.Caller{Guest: true})
	fmt.Println(errors.Is(err, os.ErrPermission))
	// Output:
	// true <nil>
	// true
}

// Make a share the root of a DFS namespace: clients find the archive, and what the team
// in the north has, on other servers.
func ExampleNewDFS() {
	links, err := smb.NewDFS(map[string]smb.DFSLink{
		"archive":     {Targets: []smb.DFSTarget{{Path: "//nas2/archive"}}},
		"teams/north": {Targets: []smb.DFSTarget{{Path: "//north1/team"}, {Path: "//north2/team", Rank: 1}}, Failback: true},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	share := &smb.Share{FS: &memfs.FS{}, DFS: links}
	l, err := share.DFS.Link(context.Background(), "Teams/North")
	fmt.Println(l.Targets[0].Path, err)
	_, err = smb.NewDFS(map[string]smb.DFSLink{"archive": {Targets: []smb.DFSTarget{{Path: "//nas2"}}}})
	fmt.Println(err)
	// Output:
	// //north1/team <nil>
	// smb: DFS link "archive": target "//nas2": want \\server\share
}
