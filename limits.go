package smb

import "time"

// Limits bounds what clients can make the server hold. A zero field means the
// default that its comment gives; a negative one means no limit where that is
// possible at all.
type Limits struct {
	// Connections is the most connections at once. Default 16384.
	Connections int
	// ConnectionsPerIP is the most connections of one address, an IPv6
	// address counted by its /64. Default 4096.
	ConnectionsPerIP int
	// Unauthenticated is the most connections without a session. When it is
	// reached, the oldest gives way of those whose address has as many as the
	// average, or more. Default 1024.
	Unauthenticated int

	// SessionsPerConn is the most sessions on a connection. Default 64.
	SessionsPerConn int
	// Sessions is the most sessions in all, of which the last quarter is for users who have
	// no more than what is left. When there are half as many, a connection without a user
	// gets eight at most. Default 65536.
	Sessions int
	// TreesPerSession is the most tree connects of a session. Default 1024.
	TreesPerSession int
	// OpensPerSession is the most open files of a session. Default 65536.
	OpensPerSession int
	// Opens is the most open files in all, of which the last quarter is for users who
	// have no more than what is left. Default 1048576, or on Unix half as many as the
	// process may have descriptors, if that is less.
	Opens int
	// DisconnectedPerUser is the most handles of one user that wait for him to come
	// back after a lost connection; the oldest gives way, of those that aren't persistent if
	// there are some. Default 4096.
	DisconnectedPerUser int
	// LocksPerFile is the most byte-range locks on one file. Default 16384.
	LocksPerFile int
	// Locks is the most byte-range locks in all, but for a few of each open, of which the last
	// quarter is for users who have no more than what is left. A persistent open has 1024 at
	// most. Default 1048576.
	Locks int
	// AsyncPerConn is the most requests of a connection that wait for
	// something: locks, pipes, changes of a directory. Default 512.
	AsyncPerConn int
	// WatchesPerSession is the most directories that a session may watch at once.
	// Default 4096.
	WatchesPerSession int
	// NotifyMemory is the most bytes that changes in watched directories may hold
	// until somebody asks for them; one session gets a sixteenth at most. Above it
	// clients are told to look at the directory again. Default 64 MiB.
	NotifyMemory int

	// Credits is the most requests that a connection may have under way.
	// Default 8192.
	Credits int
	// MaxIO is the largest read, write and transact, in bytes. Default 8 MiB.
	MaxIO int
	// MemoryPerConn is the most bytes that the requests and replies under
	// way on a connection may hold. Above it the server stops reading from
	// the connection. Default 32 MiB, at least 2*MaxIO.
	MemoryPerConn int
	// Memory is the same for all connections together. Default 1 GiB. Pipes may hold a
	// quarter of it besides, at least 4 MiB.
	Memory int

	// AuthTimeout is how long a connection may take to its first session, and about how
	// long a further logon on it may take. Default 10 s.
	AuthTimeout time.Duration
	// WriteTimeout is how long a client may take to accept a reply; a sixth of
	// that if others wait for Memory. Default 30 s.
	WriteTimeout time.Duration
	// IdleTimeout closes a connection that has no open file and sent nothing; up to a
	// sixteenth later. Default: never.
	IdleTimeout time.Duration
	// FailedLogonDelay is how long the answer to a failed logon is held back,
	// and further attempts from the same address for the same user with
	// it. Default 2 s.
	FailedLogonDelay time.Duration
	// RecheckInterval is how often the account of each session is looked at, see
	// Rechecker. Default 10 s.
	RecheckInterval time.Duration
}

// unlimited stands for a negative limit.
const unlimited = int(^uint(0) >> 1)

func limit(v *int, def int) {
	switch {
	case *v == 0:
		*v = def
	case *v < 0:
		*v = unlimited
	}
}

// withDefaults returns l with every zero field replaced.
func (l Limits) withDefaults() Limits {
	limit(&l.Connections, 16384)
	limit(&l.ConnectionsPerIP, 4096)
	limit(&l.Unauthenticated, 1024)
	limit(&l.SessionsPerConn, 64)
	limit(&l.Sessions, 65536)
	limit(&l.TreesPerSession, 1024)
	limit(&l.OpensPerSession, 65536)
	limit(&l.Opens, min(1<<20, descriptors()/2))
	limit(&l.DisconnectedPerUser, 4096)
	limit(&l.LocksPerFile, 16384)
	limit(&l.Locks, 1<<20)
	limit(&l.AsyncPerConn, 512)
	limit(&l.WatchesPerSession, 4096)
	limit(&l.NotifyMemory, 64<<20)
	if l.Credits <= 0 || l.Credits > 8192 {
		l.Credits = 8192
	}
	if l.MaxIO <= 0 || l.MaxIO > 8<<20 {
		l.MaxIO = 8 << 20
	}
	l.MaxIO = max(l.MaxIO, 64<<10)
	limit(&l.MemoryPerConn, 32<<20)
	l.MemoryPerConn = max(l.MemoryPerConn, 2*l.MaxIO)
	limit(&l.Memory, 1<<30)
	l.Memory = max(l.Memory, l.MemoryPerConn)
	// Negative times stand for none.
	if l.AuthTimeout == 0 {
		l.AuthTimeout = 10 * time.Second
	}
	if l.WriteTimeout == 0 {
		l.WriteTimeout = 30 * time.Second
	}
	if l.FailedLogonDelay == 0 {
		l.FailedLogonDelay = 2 * time.Second
	}
	if l.RecheckInterval == 0 {
		l.RecheckInterval = 10 * time.Second
	}
	return l
}
