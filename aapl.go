package smb

import (
	"strings"

	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs"
)

// Apple's extensions. A client asks for them with a create context (create_aapl.go), once
// for a session, and from then on gets listings with Finder info (aapl_readdir.go), copies
// files with all their streams by one request (aapl_copy.go), moves directories in which
// files are open, and doesn't see empty streams. The two streams in which macOS keeps
// what isn't data obey rules of their own whoever asks (aapl_info.go, aapl_stream.go).

// AppleOptions says how a share serves macOS and iOS. The zero value is right for most: a
// client that knows Apple's extensions gets them, if the storage has named streams
// ([vfs.Streamer]), and others notice nothing.
type AppleOptions struct {
	// Off leaves the extensions out. Clients on macOS then work, but list
	// directories slowly and copy within the share by way of their own machine.
	// A client decides for the whole server: have the same in all of its shares.
	Off bool

	// Model is what the server says it is, such as "RackMac" or "Xserve", by which
	// the Finder chooses an icon. Empty: "GoServer", which has none.
	Model string

	// TimeMachine lets clients flush backups to the medium itself. To be offered as a
	// destination, the share must also be announced by mDNS as "_adisk._tcp".
	TimeMachine bool

	// TimeMachineMax is the most bytes that backups may take: the volume looks as
	// if it were no larger. It is reckoned from the bands of the sparse bundles in
	// the root of the share. Zero: no limit. It means nothing without TimeMachine.
	TimeMachineMax uint64

	// ZeroFileIDs tells clients that ask for the extensions that files have no ids,
	// for storage whose ids are not unique or change.
	ZeroFileIDs bool

	// UnixModes lets clients set POSIX modes, which they then find as entries of the
	// access control list. It is for storage with [vfs.Chmoder]; with others a
	// change is refused.
	UnixModes bool
}

// aaplOn is set in session.aapl once the client has asked for the extensions; the other
// bits are the capabilities that it was granted.
const aaplOn = 1 << 63

// hasAAPL reports whether the client of the session uses Apple's extensions, and all the
// capabilities of caps.
func (se *session) hasAAPL(caps uint64) bool {
	caps |= aaplOn
	return se != nil && se.aapl.Load()&caps == caps
}

// apple reports whether the share keeps the rules of Apple's streams.
func (t *tree) apple() bool {
	return t != nil && t.share != nil && !t.share.Apple.Off && t.mount.streams
}

// hasAAPL reports whether the client uses the extensions and the share has them.
func (t *tree) hasAAPL(caps uint64) bool { return t.apple() && t.se.hasAAPL(caps) }

// hidesIDs reports whether the client is told that files have no ids.
func (t *tree) hidesIDs() bool { return t.hasAAPL(0) && t.share.Apple.ZeroFileIDs }

// fileID is the id that o's client is told.
func (o *open) fileID(a vfs.Attr) uint64 {
	if o.tree().hidesIDs() {
		return 0
	}
	return a.ID
}

// appleStream is a stream that macOS keeps something in.
type appleStream uint8

const (
	notApple      appleStream = iota
	appleInfo                 // Finder info, a record of fixed size
	appleResource             // the resource fork
)

// The names of both.
const (
	infoStream     = "AFP_AfpInfo"
	resourceStream = "AFP_Resource"
)

// appleStream returns which of the streams with rules of their own the one called name is.
func (sh *Share) appleStream(name string) appleStream {
	switch {
	case sh.Apple.Off:
	case strings.EqualFold(name, infoStream):
		return appleInfo
	case strings.EqualFold(name, resourceStream):
		return appleResource
	}
	return notApple
}

// serverCaps returns the capabilities that a client of t is granted, of which it has asked
// for asked.
func (t *tree) serverCaps(asked uint64) uint64 {
	caps := smb2.AAPLUnixBased | smb2.AAPLCopyFile
	switch {
	case asked&smb2.AAPLReadDirAttrV2 != 0:
		caps |= smb2.AAPLReadDirAttrV2
	case asked&smb2.AAPLReadDirAttr != 0:
		caps |= smb2.AAPLReadDirAttr
	}
	if t.share.Apple.UnixModes {
		caps |= smb2.AAPLNFSACE
	}
	return caps
}

// volumeCaps returns those of the volume.
func (t *tree) volumeCaps() (caps uint64) {
	if t.resolvesIDs() {
		caps |= smb2.AAPLSupportsResolveID
	}
	if t.share.Apple.TimeMachine {
		caps |= smb2.AAPLFullSync
	}
	return caps
}
