package smb

import (
	"container/list"
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"maps"
	"math"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gosmbd/smb/dcerpc"
	"github.com/gosmbd/smb/dcerpc/winreg"
	"github.com/gosmbd/smb/internal/notify"
	"github.com/gosmbd/smb/oplock"
	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs"
)

// Dialect is a protocol revision.
type Dialect = smb2.Dialect

// The dialects that a Server speaks.
const (
	Dialect202 = smb2.Dialect202
	Dialect210 = smb2.Dialect210
	Dialect300 = smb2.Dialect300
	Dialect302 = smb2.Dialect302
	Dialect311 = smb2.Dialect311
)

// Policy says how the server stands to signing or encryption.
type Policy uint8

const (
	// PolicyDefault is Required for signing and Offered for encryption.
	PolicyDefault Policy = iota
	// Required refuses clients that don't.
	Required
	// Offered leaves it to the client.
	Offered
	// Disabled never does it. Signing can't be disabled: it is then Offered.
	Disabled
)

// ErrServerClosed is what Serve returns after Shutdown or Close.
var ErrServerClosed = errors.New("smb: server closed")

// Server serves shares to SMB clients. Its exported fields must not be changed
// after the first call of a Serve method; its methods may be called concurrently. The
// zero value lets nobody in: a useful server has Shares and Mechanisms.
type Server struct {
	// Addr is the TCP address of ListenAndServe; ":445" if empty. Windows
	// before 11 24H2 can't connect to another port.
	Addr string

	// Name is the host name that clients are told; the machine's if empty.
	Name string

	// Comment describes the server to clients that browse.
	Comment string

	// Shares is what can be mounted; nil shares nothing.
	Shares Namespace

	// Mechanisms are the ways to log on, offered in this order. Without any
	// nobody gets in.
	Mechanisms []Mechanism

	// MinDialect and MaxDialect bound what is spoken; zero means 2.0.2 and
	// 3.1.1.
	MinDialect, MaxDialect Dialect

	// UnixUser, if set, tells which user of the machine a caller is, for backends
	// that act as the user: it is called at each logon, guests' and anonymous ones
	// included, and what it returns becomes [vfs.Caller.Unix]. With nil that stays what
	// the mechanism made it, as without UnixUser: and if that is nothing, the user and
	// groups that the caller's SIDs stand for as [vfs.UnixIdentities] has it. An error
	// refuses the logon. osfs.LookupUser looks in the machine's table.
	UnixUser func(context.Context, *vfs.Caller) (*vfs.UnixUser, error)

	// Signing says whether sessions must be signed; zero: Required. Guests and
	// anonymous callers have no key and can't sign.
	Signing Policy

	// Encryption says whether sessions must be encrypted; zero: Offered, that
	// is, shares that ask for it and clients that begin with it are served
	// encrypted. Required refuses clients below 3.0.
	Encryption Policy

	// POSIX serves the POSIX extensions of SMB 3.1.1 to clients that ask for them,
	// as Linux does with the mount option posix: names that may have all
	// characters and, where the storage has Volume.CaseSensitive, differ in case
	// only; permissions and owners as far as the storage has them; files that
	// can be removed and replaced while they are open. False doesn't offer them.
	// Other clients don't see names that they couldn't have, so a directory
	// that is empty to them may not be removable; and storage must expect such
	// names.
	POSIX bool

	// SID is that of the server as a domain of accounts, S-1-5-21-x-y-z: the SIDs of
	// its users and groups begin with it. If it is empty, it is made from Name by a
	// hash, so a server that is given another name needs to be given the SID that it
	// had, or its descriptors would mean nobody.
	SID vfs.SID

	// Domain tells which domain the server is joined to, for clients that ask for it
	// over RPC; netlogon.Accounts.Domain is such a function. It is called for each
	// question, by any goroutine, and must not wait. Nil: none, and clients are told that
	// it is in the workgroup WORKGROUP. Who may log on has nothing to do with it.
	Domain func() Domain

	// Principals tells who has an account, for lists of users and groups, for names
	// in place of SIDs, and for the SIDs of users who log on and bring none. Nil: those
	// of the Mechanisms that are a vfs.Principals. One that is a
	// vfs.VersionedPrincipals is listed only when it changed.
	Principals vfs.Principals

	// Limits bounds memory, connections and time; its zero value has
	// sensible bounds.
	Limits Limits

	// Logger gets what an administrator should know; slog.Default() if nil.
	// No secret is ever logged.
	Logger *slog.Logger

	// Handles keeps persistent handles for shares that are
	// ContinuouslyAvailable; nil: there are none. What it holds from an
	// earlier run is opened again before the first connection is served.
	Handles HandleStore

	// Interfaces returns the addresses that clients are told for further
	// connections; nil: those of the machine that the client can use.
	Interfaces func() ([]Interface, error)

	// Registry is what administrators see besides what every server has when they
	// look at its registry, and in place of it. Nothing of it can be changed by
	// clients. See package winreg for who may read what.
	Registry winreg.Table

	// ConnState, if set, is called when a connection changes state, which then has to
	// wait for it.
	ConnState func(net.Conn, ConnState)

	// BaseContext, if set, returns the context that all requests of a
	// listener inherit from; context.Background() if nil. If it returns nil, Serve
	// fails.
	BaseContext func(net.Listener) context.Context

	// ConnContext, if set, derives the context of one connection, which is refused if it
	// returns nil.
	ConnContext func(context.Context, net.Conn) context.Context

	once    sync.Once
	failed  error // why it can't serve
	name    string
	sid     vfs.SID // of the server as a domain
	guid    smb2.GUID
	started time.Time
	limits  Limits
	log     *slog.Logger

	mu        sync.RWMutex
	closed    bool
	listeners map[net.Listener]struct{}
	conns     map[*conn]struct{}
	perIP     map[string]int
	sessions  map[uint64]*session
	clients   map[smb2.GUID][]*conn // those with a session, the oldest first
	mounts    map[any]*mount
	waiting   list.List      // connections without a session, oldest first
	waitingIP map[string]int // how many of them each address has

	uses    shareUses
	counted statistics

	done       chan struct{} // closed by Close: workers and the janitor end
	wg         sync.WaitGroup
	work       chan *chain
	workers    atomic.Int32
	idle       atomic.Int32 // workers waiting for work
	dormant    atomic.Int32 // workers waiting for a client or for what others do; also goroutines that aren't workers, seldom
	inline     inline
	conduits   conduits
	atWork     working
	clock      atomic.Int64 // seconds that the janitor counted
	memory     budget
	watching   notify.Budget // of all sessions together
	opens      fairCount[userKey]
	lockBlocks fairCount[userKey] // see lockRoom
	refused    atomic.Int64       // connections that were not let in, since the janitor looked
	evicted    atomic.Int64       // connections that gave way to others, likewise
	nextFile   atomic.Uint64      // persistent part of the next FileId
	leases     oplock.Table
	handles    handles
	gate       logonGate
	rechecks   atomic.Bool // sessions are being rechecked
	rpc        dcerpc.Server

	sessionCount fairCount[holder]

	pipeLogons pipeLogons
	nics       nicCache
	people     atomic.Pointer[directory]
}

// ConnState is the state of a connection, as ConnState hooks see it.
type ConnState int

// The states, in the order in which a connection has them; not each has the second.
const (
	StateNew    ConnState = iota // accepted, nothing read
	StateActive                  // has, or had, a session
	StateClosed                  // all that it had open is closed as well
)

// String returns the name of the state.
func (s ConnState) String() string {
	return [...]string{"new", "active", "closed"}[s]
}

// init fills in what the first Serve call fixes.
func (s *Server) init() {
	s.once.Do(func() {
		s.name = s.Name
		if s.name == "" {
			s.name, _ = os.Hostname()
		}
		if s.name == "" {
			s.name = "smb"
		}
		s.name, _, _ = strings.Cut(s.name, ".")
		rand.Read(s.guid[:])
		var seed [8]byte
		rand.Read(seed[:])
		// Ids begin at a random place, so that one of an earlier run doesn't
		// name an open of this one.
		s.nextFile.Store(uint64(seed[0])<<48 | uint64(seed[1])<<40 | uint64(seed[2])<<32 | 1)
		s.started = time.Now()
		s.counted.since.Store(&s.started)
		s.limits = s.Limits.withDefaults()
		s.log = s.Logger
		if s.log == nil {
			s.log = slog.Default()
		}
		s.listeners = make(map[net.Listener]struct{})
		s.conns = make(map[*conn]struct{})
		s.atWork.conns = make(map[*conn]struct{})
		s.perIP = make(map[string]int)
		s.waitingIP = make(map[string]int)
		s.sessions = make(map[uint64]*session)
		s.clients = make(map[smb2.GUID][]*conn)
		s.mounts = make(map[any]*mount)
		s.done = make(chan struct{})
		s.work = make(chan *chain)
		s.memory.init(s.limits.Memory)
		s.opens.init(s.limits.Opens)
		s.lockBlocks.init(s.limits.Locks / lockBlock)
		s.sessionCount.init(s.limits.Sessions)
		s.watching.Watches, s.watching.Bytes = math.MaxInt64, int64(s.limits.NotifyMemory)
		s.handles.init()
		s.gate.init(s.limits.FailedLogonDelay)
		if s.failed = s.misconfigured(); s.failed == nil {
			s.sid, s.failed = s.serverSID()
		}
		if s.failed == nil {
			s.failed = s.loadHandles()
		}
		s.wg.Add(1)
		go s.janitor()
	})
}

// ListenAndServe listens on Addr and is Serve from there on.
func (s *Server) ListenAndServe() error {
	addr := s.Addr
	if addr == "" {
		addr = ":445"
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	return s.Serve(l)
}

// Serve accepts connections on l until Shutdown or Close, and returns ErrServerClosed
// then. Another error is that of l, or that Handles can't be read. It closes l.
func (s *Server) Serve(l net.Listener) error {
	s.init()
	if s.failed != nil {
		l.Close()
		return s.failed
	}
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		l.Close()
		return ErrServerClosed
	}
	s.listeners[l] = struct{}{}
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		delete(s.listeners, l)
		s.mu.Unlock()
		l.Close()
	}()

	base := context.Background()
	if s.BaseContext != nil {
		if base = s.BaseContext(l); base == nil {
			return errors.New("smb: BaseContext returned nil")
		}
	}
	var pause time.Duration
	for {
		nc, err := l.Accept()
		if err != nil {
			if s.isClosed() {
				return ErrServerClosed
			}
			var ne net.Error
			if errors.As(err, &ne) && ne.Timeout() || isTransientAccept(err) {
				// Out of descriptors, say: it passes.
				pause = min(max(2*pause, 5*time.Millisecond), time.Second)
				s.log.Warn("smb: accept failed, trying again", "err", err, "in", pause)
				time.Sleep(pause)
				continue
			}
			return err
		}
		pause = 0
		ctx, err := s.connContext(base, nc)
		if err != nil {
			s.log.Error("smb: connection refused", "err", err)
			nc.Close()
			continue
		}
		if c := s.newConn(ctx, nc); c != nil {
			go c.serve()
		}
	}
}

// ServeConn serves one connection that the caller accepted, until it ends. ctx is what its
// requests inherit from, as that of BaseContext. It closes nc. The error is nil when the
// client or the server ended the connection, ErrServerClosed if the server was closed
// before, and else why it couldn't be served any longer.
func (s *Server) ServeConn(ctx context.Context, nc net.Conn) error {
	s.init()
	if s.failed != nil {
		nc.Close()
		return s.failed
	}
	ctx, err := s.connContext(ctx, nc)
	if err != nil {
		nc.Close()
		return err
	}
	c := s.newConn(ctx, nc)
	if c == nil {
		if s.isClosed() {
			return ErrServerClosed
		}
		return errTooManyConnections
	}
	c.serve()
	<-c.over
	return c.why
}

// connContext returns the context of a connection.
func (s *Server) connContext(ctx context.Context, nc net.Conn) (context.Context, error) {
	if s.ConnContext != nil {
		if ctx = s.ConnContext(ctx, nc); ctx == nil {
			return nil, errors.New("smb: ConnContext returned nil")
		}
	}
	return ctx, nil
}

var errTooManyConnections = errors.New("smb: too many connections")

func (s *Server) isClosed() bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.closed
}

// Close ends all connections at once and closes all open files. It returns when
// the backends have let go of them. The error is always nil.
func (s *Server) Close() error {
	s.init()
	s.stopListening()
	s.abortAll()
	s.finish()
	return nil
}

func (s *Server) allConns() []*conn {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return slices.Collect(maps.Keys(s.conns))
}

func (s *Server) abortAll() {
	for _, c := range s.allConns() {
		c.abort(ErrServerClosed)
	}
}

// Shutdown stops listening, lets the requests under way finish, closes all
// open files, so that what clients wrote is flushed, and ends the connections.
// When ctx is done first, it ends them at once and returns ctx's error, without
// waiting for backends that are still at work.
func (s *Server) Shutdown(ctx context.Context) error {
	s.init()
	s.stopListening()
	for _, c := range s.allConns() {
		c.drain()
	}
	poll := time.NewTicker(10 * time.Millisecond)
	defer poll.Stop()
	for {
		s.mu.RLock()
		n := len(s.conns)
		s.mu.RUnlock()
		if n == 0 {
			s.finish()
			return nil
		}
		select {
		case <-ctx.Done():
			s.abortAll()
			go s.finish()
			return ctx.Err()
		case <-poll.C:
		}
	}
}

func (s *Server) stopListening() {
	s.mu.Lock()
	s.closed = true
	listeners := slices.Collect(maps.Keys(s.listeners))
	s.mu.Unlock()
	for _, l := range listeners {
		l.Close()
	}
}

// finish ends the server's goroutines and waits for all connections.
func (s *Server) finish() {
	s.mu.Lock()
	select {
	case <-s.done:
	default:
		close(s.done)
	}
	s.mu.Unlock()
	s.wg.Wait()
	s.expelAll()
	s.conduits.close()
}
