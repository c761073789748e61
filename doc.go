// Package smb is an SMB file server as a library: SMB 2.0.2 to 3.1.1 in Go,
// without cgo, kernel modules or root. What it serves is whatever implements
// package vfs: a directory of the machine (vfs/osfs), memory (vfs/memfs), any
// io/fs or afero file system, or a backend of one's own, for which three methods
// are enough.
//
// # Overview
//
// A [Server] needs two things: [Server.Shares], what can be mounted, and
// [Server.Mechanisms], the ways to log on, of which packages ntlm and krb have one each.
//
//	dir, err := osfs.New("/srv/files", nil)
//	...
//	srv := &smb.Server{
//		Addr:       ":4445",
//		Shares:     smb.Shares{"files": {FS: dir}},
//		Mechanisms: []smb.Mechanism{ntlm.New(ntlm.Static{"ann": {Password: "..."}})},
//	}
//	err = srv.ListenAndServe()
//
// The zero value of every setting is the safe one: nobody gets in, sessions of
// users must be signed, guests and anonymous callers are refused, and memory,
// connections and time are bounded by [Limits].
//
// The context that backends and hooks get carries the caller, see
// [vfs.CallerFrom], and ends with the session. A hook or a backend chooses what
// the client is told by the error that it returns, see [StatusOf]; one that the
// server doesn't know becomes STATUS_UNEXPECTED_IO_ERROR and is logged.
//
// # Life of a request
//
// One goroutine per connection reads frames. It refuses one that is too long
// before it takes memory for it, waits until the frame fits the memory budgets,
// decrypts it in place, takes the MessageIds of all its elements out of the
// connection's window, and hands the frame to a worker. From there on the frame
// is a chain: one request, or the elements of a compound, worked off in order by
// one goroutine.
//
// For each element the dispatch table says what must hold: signature, session,
// tree connect, FileId. Then the command's handler parses the body, calls the
// backend, and appends the body of the reply. A read goes from the backend into
// its final place in the reply, and a write hands the backend a slice of the
// request. An error becomes a status in one place. Header, credits, padding,
// signature or encryption are added when the chain is complete, in place, and
// the frame is queued; whoever finds the queue idle writes all that is ready.
//
// A handler that has to wait, for a lock or a change of a directory, first sends an interim reply;
// CANCEL ends the wait. A request that a backend takes seconds for gets its
// interim reply meanwhile, so that the client doesn't give up. ARCHITECTURE.md
// has the same with file names.
//
// # Glossary
//
//   - Backend: what implements [vfs.FS], with its files. A capability is a further
//     interface that it may have; what it lacks the server does otherwise, or refuses.
//   - Caller: who a request comes from ([vfs.Caller]). A principal is somebody whom the
//     account stores know, whether or not he is there.
//   - Connection: a transport connection; it has one dialect and many sessions.
//   - Session: a logon. It ends with its last connection. Its identity is swapped by
//     re-authentication, its keys are not.
//   - Channel: a session's use of one connection, with a signing key of its own.
//   - Tree connect: a share as one session sees it, with the access that
//     [Share.Allow] granted.
//   - Open: a handle that a client has to a file, directory or pipe. A durable,
//     resilient or persistent one is parked when its session is lost, and waits for its
//     client to come back. While a request uses an open it holds a pin on it: closing
//     waits for those.
//   - Oplock, lease: the promise that a client will be told before what it caches
//     changes. A break is the telling. An oplock is one open's, a lease is shared by
//     all opens of a file under one key that the client chose.
//   - File: what all opens of one object share (share modes, byte-range locks, a
//     pending deletion), found by the backend's [vfs.Attr] ID and not by the name. A
//     named stream has one of its own, found in that of its object.
//   - Mount: a backend in use. Shares and sessions with the same (comparable)
//     vfs.FS value have one mount, and so see each other's opens. A snapshot that is
//     in use is a mount as well.
//   - Link: a name in a DFS namespace ([Share.DFS]) that is on another server. A referral
//     tells a client on which.
//   - Claim: the right to a name, exclusive or shared, while the backend works on
//     it. It is waited for, but it is not a lock.
//   - Watch: a client's wish to be told of changes in a directory (CHANGE_NOTIFY), and
//     those that it wasn't told of yet.
//   - Lookout: a directory that the backend watches for the server, because clients
//     cache or watch something in it that other programs may change.
//   - Chain: a received frame on its way to the frame that answers it. An element
//     is one request in it.
//   - Credit: the right to have one more request under way.
//   - Interim reply: STATUS_PENDING, sent when the answer takes a while. A CREATE that
//     waits for others' caching to end is parked meanwhile: no goroutine waits.
//   - Budget: the bytes that requests and replies under way may take, of a connection
//     and in all.
//   - Dialect: a protocol revision, [Dialect202] to [Dialect311].
//
// # Lock order
//
// For those who change the package. A lock may be taken while one that stands
// before it in its line is held; locks of different lines are not nested but as
// shown, and there are never two of one kind.
//
//	Server.mu, conn.mu, session.mu
//	handles.mu, Server.mu
//	handles.mu, then mount.mu, file.mu
//	open.mu, conn.mu
//	mount.mu, file.mu (of a named stream before that of its object)
//	pipe.mu, then any of the above
//	cursor.mu, then mount.mu or nameCache.mu
//	file.appends, then file.mu
//	open.saving, then open.mu or mount.mu, file.mu
//	lookout.judging, then mount.mu, file.mu, lookout.mu
//	Server.mu, lookouts.mu
//
// conn.creditMu, conn.send, Server.inline.mu, Server.atWork.mu, fairCount.mu, shareUses.mu, EditableShares.mu, nameCache.mu, tunnel.mu, logonGate.mu, lookout.mu, lookouts.mu
// and that of mount.watches are leaves.
//
// Five of these are not there to guard state, but to make one request wait for
// another on the same handle or file, and are held while others' code runs:
// cursor.mu while the backend lists a directory, file.appends while the backend
// appends, open.saving while [HandleStore] stores, pipe.mu while an RPC interface
// works, which may ask [Namespace] and the account stores, or a logon on the pipe is held back, and lookout.judging while the backend is asked how
// files look.
// Nothing else is held while a backend or a hook works, or while the server waits
// for a socket.
//
// # Limitations
//
// Not served: domain-based DFS namespaces, compression, SMB over QUIC and
// RDMA, and SMB1 beyond the negotiation that leads to SMB2. They are not
// advertised, and a client that asks gets the status that the specification has
// for it.
//
// What other programs change is noticed only if the backend tells ([vfs.Watcher]), and a
// moment later. Who watches a tree is told of it in the directory at the top, and in
// those below that somebody else watches or caches something of; of others not, nor of what
// a backend without Watcher holds. Share modes, byte-range locks and pending
// deletions hold among the clients of one Server; programs that use the same
// files otherwise don't see them.
//
// Quotas need a backend with [vfs.Quotaer]. Package osfs is one on Linux alone, and if it is told
// to; else those of the machine's file system hold for its users, but clients don't see or set them.
// FSCTL_FIND_FILES_BY_SID is not served.
//
// Named streams need a backend with [vfs.Streamer]; others refuse names with a colon.
// What one holds can't become the content of its file by a rename, nor the other way.
// Their content is never sparse, cloned or compressed.
// Extended attributes need one with [vfs.Xattrer]; on others a file has none, and to
// set one is refused.
//
// Accounts and rights can be looked at by RPC, not changed. Lists of accounts are for
// administrators, as on Windows; names in place of SIDs are for all users, and so whoever
// has an account can find out by SIDs which others there are, as on Windows. The machine's
// own users are among them.
//
// The registry, the services and the printers that administrators see are made up, and can't
// be changed; the registry says what [Server.Registry] says besides. Descriptors of files
// can't be changed over RPC, which is no loss, as clients use SMB for it.
//
// A token of an offloaded copy is good for its session, for a limited time, and while
// its source is open and not written. Byte-range locks don't keep anybody from
// duplicating extents, as on Windows.
//
// The server follows no reparse point: clients are told where a symbolic link leads,
// and that another tag has no meaning here, junctions among them. A backend may follow
// links by itself, as vfs/osfs does unless it is told otherwise.
//
// The server knows no sites of DFS, and doesn't look whether targets are there. The
// directories above a link are those of the backend; without them clients that go step by
// step, as Linux does, don't find it. What a backend's own symbolic link leads to isn't
// looked for among the links.
//
// The way from a file's id to its name, which Apple's extensions have, needs a backend with
// [vfs.Namer]; memfs is one, osfs isn't. AppleDouble files stay files. The server
// doesn't announce itself by mDNS.
//
// POSIX clients see owners and permissions, and may change what the backend lets them,
// but permissions keep nobody who comes through the server from anything: descriptors
// do, and the share. A lock of such a client belongs to an open, not to a process. What
// one named as no other client could isn't listed to those.
//
// Snapshots need a backend with [vfs.Snapshotter]; a client sees all that the
// backend has, also those in which a file is the same.
//
// The time of last access is what the backend makes of it, also where a client
// asked that it be left alone. A file is at most as long as on NTFS with clusters
// of the backend's size: 16 TiB with 4 KiB.
//
// [Server.Close] waits until all requests have ended, and so does
// [Server.Shutdown] as long as its context lets it. A backend or hook that calls
// Close waits for itself.
package smb
