// Package vfs is the boundary between the SMB server and the storage it
// serves.
//
// A backend implements [FS] and [File]: three methods in all. Everything else
// is optional and lives in one-method interfaces that the server looks for
// with [As], once at mount for those of the file system and once at open for
// those of the file. Each interface's comment ends with what the server does
// without it. An optional method may also decline at run time by returning
// [errors.ErrUnsupported]; the same default then applies.
//
// # Names
//
// Names satisfy [io/fs.ValidPath]: slash-separated UTF-8, "." is the root. The
// server has already resolved backslashes, streams, snapshot tokens and case,
// and refused "..", NUL and the characters Windows can't have in a name. Names of
// POSIX clients, if the server is told to serve them, may have all characters but
// NUL, and differ in case only.
//
// # Concurrency
//
// All methods may be called at once from many goroutines, also on one File.
// The server calls Close once, after all other calls on the File returned.
//
// # Offsets and sizes
//
// Offsets and sizes are what clients choose, wherever the file ends: up to 16 TiB where
// something is written, and more if [Volume] has blocks above 4 KiB; up to 2^63-1 where
// it is read. A backend that holds content in memory has to bound what it allocates, and
// refuses the rest with ErrNoSpace. One below zero, which the server never passes, is an
// error such as [io/fs.ErrInvalid], and no panic.
//
// # Errors
//
// Methods return ordinary errors: [io/fs.ErrNotExist], [io/fs.ErrExist],
// [io/fs.ErrPermission], the errors of this package, or a syscall.Errno, all
// of them wrapped or not. An smb.Status says exactly what the client is told. An error
// that the server doesn't know becomes STATUS_UNEXPECTED_IO_ERROR and is logged.
//
// A panic in a method that answers a request is logged with its stack, and ends the
// connection that the request came on; the process goes on. Locks that are held then
// stay held, unless a deferred call lets go of them.
package vfs

import (
	"context"
	"errors"
	"io/fs"
	"iter"
	"syscall"
	"time"
)

// Errors that a backend returns where package io/fs has none.
var (
	ErrNotEmpty    = errors.New("directory not empty")
	ErrIsDir       = errors.New("is a directory")
	ErrNotDir      = errors.New("not a directory")
	ErrNoSpace     = errors.New("no space left")
	ErrReadOnly    = errors.New("read-only file system")
	ErrNameTooLong = errors.New("name too long")
	ErrCrossDevice = errors.New("not on the same file system")
	ErrTooManyLink = errors.New("too many links")
	ErrSharing     = errors.New("in use by another program")

	// ErrPrivilege is of a right that no descriptor grants, only a privilege.
	ErrPrivilege = errors.New("privilege not held")
	// ErrInvalidOwner and ErrInvalidGroup are of a descriptor whose owner or
	// group is missing, or can't be stored or assigned.
	ErrInvalidOwner = errors.New("invalid owner")
	ErrInvalidGroup = errors.New("invalid primary group")

	ErrNotReparsePoint = errors.New("not a reparse point")
)

// MaxName is the longest name that a client can send, in bytes of UTF-8; each UTF-16
// unit takes at most three.
const MaxName = 3 << 15

// FS is a tree of files and directories.
type FS interface {
	// Open opens the existing file or directory called name. It doesn't
	// create, and doesn't truncate: an object that isn't there is
	// fs.ErrNotExist, and one below something that is not a directory
	// ErrNotDir. A symbolic link as the last element is opened itself, and one
	// before it is not a directory, if the backend shows links: see Symlinker.
	Open(ctx context.Context, name string, opt OpenOptions) (File, error)
}

// File is an open file or directory.
type File interface {
	// Stat returns the current attributes.
	Stat(ctx context.Context) (Attr, error)

	// Close releases the file. An error means that data written earlier may
	// be lost; the client that closes is told.
	Close() error
}

// OpenOptions says what the handle will be used for.
type OpenOptions struct {
	// Access holds the specific rights that the client was granted, never
	// generic ones. Without ReadData, WriteData and AppendData only
	// attributes will be read or changed, and the backend need not open the
	// content.
	Access Access

	// WriteThrough asks that each write is on stable storage when it
	// returns.
	WriteThrough bool
}

// Writes reports whether the handle will be used to change the content.
func (o OpenOptions) Writes() bool { return o.Access&(WriteData|AppendData) != 0 }

// Reads reports whether the handle will be used to read the content.
func (o OpenOptions) Reads() bool { return o.Access&(ReadData|Execute) != 0 }

// CreateOptions says how a new object begins.
type CreateOptions struct {
	OpenOptions

	// Directory asks for a directory instead of a file. A backend without directories
	// declines with [errors.ErrUnsupported].
	Directory bool

	// Attributes holds the DOS attributes that the object gets; a backend
	// that can't store them ignores them.
	Attributes Attributes

	// Security is the descriptor that the object has before anybody can
	// open it; nil: none is stored. A backend without [Securer] ignores it.
	Security *SecurityDescriptor

	// Owner is who makes the object. It is for a [Quotaer]: the object counts for him
	// as long as it has no descriptor that names its owner.
	Owner SID

	// NoCompression asks that the object isn't compressed, even if its directory
	// is; see Compressor.
	NoCompression bool

	// Mode holds the PosixBits that a POSIX client asks for, if HasMode is set;
	// else the backend chooses. A backend that can't store them ignores them,
	// and leaves out those that it doesn't let clients set.
	Mode    fs.FileMode
	HasMode bool
}

// Attr describes a file or directory.
type Attr struct {
	// ID identifies the object within its file system: two names with the
	// same ID are the same object, and an ID doesn't change while the object
	// lives. Zero lets the server derive one from the name.
	ID uint64

	// Mode holds the type bits; the permission bits are informative.
	Mode fs.FileMode

	// UID and GID are the numbers of the user and the group that own the object,
	// if Owned is set; else it has no such owner.
	UID, GID uint32
	Owned    bool

	// Owner is CreateOptions.Owner, if the backend keeps that and the object has no
	// descriptor that names its owner; empty: not known.
	Owner SID

	Size  int64 // end of file, in bytes
	Alloc int64 // bytes allocated; zero lets the server round Size up

	Created  time.Time // zero: Written
	Accessed time.Time // zero: Written
	Written  time.Time // content changed
	Changed  time.Time // anything changed; zero: Written

	// Attributes holds the DOS attributes. AttrDirectory, AttrNormal and
	// AttrReparsePoint are derived by the server and need not be set, but for
	// AttrDirectory of a symbolic link to a directory.
	Attributes Attributes

	// ReparseTag tells that the object is a reparse point, and of which kind:
	// see Reparser and Symlinker. Zero: it is none.
	ReparseTag uint32

	Links uint32 // names of the object; zero: one
}

// IsDir reports whether the object is a directory.
func (a Attr) IsDir() bool { return a.Mode.IsDir() }

// Attributes holds DOS file attributes, [MS-FSCC] 2.6.
type Attributes uint32

// The attributes of [MS-FSCC] 2.6.
const (
	AttrReadOnly          Attributes = 0x0001
	AttrHidden            Attributes = 0x0002
	AttrSystem            Attributes = 0x0004
	AttrDirectory         Attributes = 0x0010
	AttrArchive           Attributes = 0x0020
	AttrNormal            Attributes = 0x0080
	AttrTemporary         Attributes = 0x0100
	AttrSparse            Attributes = 0x0200
	AttrReparsePoint      Attributes = 0x0400
	AttrCompressed        Attributes = 0x0800
	AttrOffline           Attributes = 0x1000
	AttrNotContentIndexed Attributes = 0x2000
	AttrEncrypted         Attributes = 0x4000
	AttrIntegrityStream   Attributes = 0x8000
	AttrNoScrubData       Attributes = 0x20000
)

// AttrChange says what SetAttr changes.
type AttrChange struct {
	// A zero time is left as it is.
	Created, Accessed, Written, Changed time.Time

	// Attributes replaces the DOS attributes; zero leaves them, AttrNormal
	// alone clears them. AttrSparse and AttrCompressed stay as they are: there
	// are Sparser and Compressor.
	Attributes Attributes
}

// DirEntry is one name in a directory.
type DirEntry struct {
	Name string // one element, without slashes
	Attr Attr

	// Xattrs is what the object's extended attributes take, as [XattrsSize]
	// counts; zero if it has none.
	Xattrs uint32
}

// Volume describes the storage beneath a file system.
type Volume struct {
	BlockSize uint32 // bytes per allocation unit; zero: 4096
	Blocks    uint64 // allocation units in all; zero: many, and half of them free
	Free      uint64 // allocation units not in use
	Available uint64 // allocation units the caller may use

	Files     uint64 // objects that there can be in all; zero: unknown
	FreeFiles uint64 // objects that can still be made

	Label  string // volume label; empty: the share's name
	Serial uint32 // serial number; zero: derived from the share's name
	FSName string // file system type; empty: "NTFS", which clients expect

	// MaxName is the longest element of a name; zero: 255.
	MaxName uint32
	// CaseSensitive tells that names which differ in case only are
	// different objects. It doesn't change while the file system is in use.
	CaseSensitive bool

	// What files can do: clients are told, and ask for it only then.
	Sparse      bool // see Sparser
	Clones      bool // see RangeCloner
	Compression bool // see Compressor
}

// Capabilities of a file system.
type (
	// Creator makes new objects. Without it the share is read-only.
	Creator interface {
		// Create makes name, which must not exist (fs.ErrExist), in a
		// directory that must (fs.ErrNotExist): it never makes the
		// directories above, also where the storage needs none.
		Create(ctx context.Context, name string, opt CreateOptions) (File, error)
	}

	// Remover removes names. Without it deletion is refused with
	// ACCESS_DENIED.
	Remover interface {
		// Remove removes a file, a link or an empty directory (ErrNotEmpty).
		// Open Files of the object go on working, or the backend declines
		// to be removed with ErrSharing.
		Remove(ctx context.Context, name string) error
	}

	// Renamer renames. Without it renames are refused with ACCESS_DENIED.
	Renamer interface {
		// Rename gives the object another name. If newname exists it is
		// replaced atomically when replace is set, else fs.ErrExist is
		// returned; the check and the act are one. Open Files of the object
		// and of those below it go on working.
		Rename(ctx context.Context, oldname, newname string, replace bool) error
	}

	// Linker makes hard links. Without it they are refused with
	// NOT_SUPPORTED.
	Linker interface {
		// Link gives the file a further name; replace as in Rename.
		Link(ctx context.Context, oldname, newname string, replace bool) error
	}

	// Sizer tells sizes. Without it the volume looks large and half empty.
	Sizer interface {
		// Volume returns the sizes as they are now.
		Volume(ctx context.Context) (Volume, error)
	}

	// Folder finds names without regard to case. Without it the server looks
	// for the exact name, then scans the directory and caches what it saw.
	Folder interface {
		// Fold returns the stored spelling of the last element of name,
		// whose directory part is spelled as stored; fs.ErrNotExist if
		// there is none.
		Fold(ctx context.Context, name string) (string, error)
	}

	// Namer finds objects by their Attr.ID, as clients on macOS look for what an alias
	// or a bookmark means. Without it they are told that it can't be done, and go by
	// the name that they remember.
	Namer interface {
		// Name returns the name of the object with the id, one of them if it has
		// several; fs.ErrNotExist if there is none. One longer than MaxName is of no
		// use: it may be ErrNameTooLong, without having been looked for to its end. Who
		// may know the name is for the server to see to.
		Name(ctx context.Context, id uint64) (string, error)
	}
)

// Capabilities of an open file, besides [io.ReaderAt] and [io.WriterAt].
type (
	// Truncater changes the size. Without it a change is refused with
	// ACCESS_DENIED.
	Truncater interface {
		// Truncate sets the end of file; new bytes read as zero.
		Truncate(size int64) error
	}

	// Syncer flushes. Without it a flush succeeds at once.
	Syncer interface {
		// Sync returns when all that was written is on stable storage.
		Sync() error
	}

	// DirReader lists a directory. Without it a directory can't be listed.
	DirReader interface {
		// ReadDir iterates over the names, without "." and "..", in any
		// order, from the start. An error ends the iteration. A name that
		// vanishes meanwhile is left out. The iteration may be abandoned,
		// and several may run at once.
		ReadDir(ctx context.Context) iter.Seq2[DirEntry, error]
	}

	// NameReader is a DirReader that lists the names alone for less. Without it the
	// server, which looks in a directory for other spellings of a name, uses ReadDir. A
	// type that embeds another's file and has a ReadDir of its own needs all three.
	NameReader interface {
		// ReadNames iterates over those names that ReadDir has, as that does.
		ReadNames(ctx context.Context) iter.Seq2[string, error]
	}

	// NameStater is a NameReader that tells of several names at a time what ReadDir has
	// of them. With it the server asks only for those that a client looks for, and for as
	// many as its answer has room for; without it, it uses ReadDir.
	NameStater interface {
		// StatNames sets Attr and Xattrs of entries, which have names of the directory.
		// The Name of what vanished it makes empty.
		StatNames(ctx context.Context, entries []DirEntry) error
	}

	// AttrSetter stores times and attributes. Without it changes are
	// accepted and forgotten, as on a FAT volume that can't hold them.
	AttrSetter interface {
		// SetAttr makes the change c.
		SetAttr(ctx context.Context, c AttrChange) error
	}

	// Securer keeps security descriptors. Without it, and for an object that
	// has none, the server makes one up from what the share allows; a change
	// is refused with NOT_SUPPORTED.
	//
	// The descriptor belongs to the object: all hard links have the same one,
	// and so have named streams. What is stored is kept whole, entries of
	// types that the backend doesn't know and mandatory labels as well.
	Securer interface {
		// Security returns the descriptor. [errors.ErrUnsupported] tells that
		// none is stored. It is called for each open, so it should be cheap.
		// The caller doesn't change what it gets.
		Security(ctx context.Context) (SecurityDescriptor, error)

		// SetSecurity replaces the descriptor whole, and leaves the old one
		// if it fails. One that is too long for the storage is ErrNoSpace;
		// one that [SecurityDescriptor.Validate] has an error for, that
		// error. ErrInvalidOwner and ErrInvalidGroup are also of those that
		// can't be stored. [errors.ErrUnsupported] tells that this object
		// can't have one. It changes the object's time of change.
		SetSecurity(ctx context.Context, sd SecurityDescriptor) error
	}

	// Reopener opens its object once more. Without it the server, which looks at an
	// object before it opens it for a client, has the name looked up twice.
	//
	// A wrapper of Files must not show that of what it wraps: the server doesn't look
	// behind Unwrap for it.
	Reopener interface {
		// Reopen opens the object that the file is open for, as FS.Open does what is
		// called so. It may return the file itself, if that serves for opt, and then
		// must be comparable; any other is independent of it.
		// [errors.ErrUnsupported] declines.
		Reopen(ctx context.Context, opt OpenOptions) (File, error)
	}

	// Sender sends content that the system has on to a connection, without a copy
	// of it in the server's memory. Without it the server reads, as it does
	// where it signs or encrypts.
	Sender interface {
		// SendTo writes up to n bytes from off to a connection, which it waits for,
		// and returns how many it wrote: less only with an error, which is io.EOF
		// at the end of the content. The file is not closed meanwhile.
		// [errors.ErrUnsupported] declines, also when some have been written.
		SendTo(conn syscall.RawConn, off, n int64) (int64, error)

		// ContentSize returns where the content ends, as Stat does.
		ContentSize() (int64, error)
	}

	// Splicer takes content from a pipe of Linux, without a copy of it in the server's
	// memory. Without it the server has what is to be written in memory, as it does where
	// that is signed or encrypted. A client that is lost in the middle of a large
	// write, with which it is written as it comes, may have written part of it.
	//
	// Who embeds a File that has it and has a WriteAt of his own must not show it, or have one
	// of his own, too.
	Splicer interface {
		// WriteFromPipe writes the next n bytes of a pipe, which has as many, at off, and
		// returns how many it took from the pipe: less only with an error. pipe is
		// the descriptor of its reading end. [errors.ErrUnsupported] declines, also
		// when some have been written.
		WriteFromPipe(pipe uintptr, off, n int64) (int64, error)
	}

	// RangeCopier copies within the backend. Without it the server copies
	// through a buffer.
	RangeCopier interface {
		// CopyRange copies up to n bytes from src, a File of the same file
		// system, into the file and returns how many it copied, at least
		// one unless at the end of src. A wrapper may be around src, which
		// As sees through. [errors.ErrUnsupported] declines.
		CopyRange(ctx context.Context, off int64, src File, srcOff, n int64) (int64, error)
	}
)

// As finds capability T in v or in what v wraps: a wrapper that hides a
// capability it doesn't itself have shows it with a method Unwrap() FS,
// Unwrap() File or Unwrap() any. Unwrap shows everything behind it, also what the wrapper
// means to check: a wrapper that has a Create and no Link lets links past. It hides a
// capability with a method that returns [errors.ErrUnsupported], or by having no Unwrap.
func As[T any](v any) (T, bool) {
	for v != nil {
		if t, ok := v.(T); ok {
			return t, true
		}
		switch u := v.(type) {
		case interface{ Unwrap() FS }:
			v = u.Unwrap()
		case interface{ Unwrap() File }:
			v = u.Unwrap()
		case interface{ Unwrap() any }:
			v = u.Unwrap()
		default:
			v = nil
		}
	}
	var zero T
	return zero, false
}
