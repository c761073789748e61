// Package osfs serves a directory of the machine.
//
// It rests on [os.Root], so that no name and no symbolic link leads out of the
// directory; on Linux 5.6 and later it asks the kernel for the same with
// openat2.
//
// # Symbolic links
//
// Nothing that is reached through FS lies outside the directory, whatever links are in
// it. Within, Options.Symlinks chooses.
//
// With FollowSymlinks, the default, a link is followed while its target lies beneath
// the directory. One that leads out of it, to nothing, or to what clients can't see, is as if
// it weren't there: to open it is fs.ErrNotExist, whether or not the outer target exists, and
// it isn't listed (as with Samba). Remove, Rename and Link act on the link itself. To create a name that
// a hidden link has is fs.ErrExist, and a directory that holds one can't be removed. So
// links that programs of the machine made work for every client, also Windows, which
// refuses to follow those of a server unless it is told otherwise (fsutil behavior set
// SymlinkEvaluation). Links that clients make are reparse points, see below: they are
// links to all clients, and to programs of the machine empty files or directories. So no
// client can lay a link that leads other programs astray.
//
// With ShowSymlinks (on Linux) nothing is followed. A link is a vfs.Symlinker's, and
// clients are told where it leads, to follow it by themselves, also if that is outside of
// the directory. Those that clients make are real ones if they are relative and don't
// lead above the directory as written; they may after a rename, so programs of
// the machine shouldn't trust them. That suits Linux and macOS clients that share a tree
// with programs of the machine.
//
// # Reparse points
//
// On Linux a reparse point is a file or directory with the extended attribute
// user.SmbReparse in the format of Samba 4.20 and later. ext4 has a block, usually 4 KiB,
// for all attributes of an object together; what exceeds that is vfs.ErrNoSpace. Special
// files that clients make, such as devices and pipes, are nothing but that; and those that
// there are on the machine are shown as such, with vfs.TagNFS.
//
// # Attributes
//
// What NTFS keeps and a Unix file system doesn't, the DOS attributes and the
// time of creation, is in the extended attribute user.DOSATTRIB in Samba's
// format. The permission bits aren't touched then. On a file system without
// extended attributes only AttrReadOnly is kept, as a missing write permission
// of the owner. On Windows the attributes are the native ones.
//
// # Owners and permissions
//
// On Unix the permission bits and the numbers of owner and group are shown to POSIX
// clients, who may change the permissions of what they have the right to write the
// descriptor of. New objects belong to the user who runs the process, whoever the
// client is, and the permissions don't keep clients of this server from anything that
// that user may do, unless Options.RunAs is set.
//
// # Acting as the user
//
// With Options.RunAs, which takes Linux and a process of root's, the system takes each
// caller for the user of the machine that he is, and new objects are his. RunAsCaller
// goes by vfs.Caller.Unix, which the server sets at the logon: see
// smb.Server.UnixUser and LookupUser. RunAsUser makes everybody one user. Who is nobody
// on the machine is refused, and so is who would be root.
//
// The system's permissions then hold besides the descriptors, and both must allow what
// is done. The system is asked on the way to a name, where content is opened, and where
// owner, group or mode are changed; what is open can be used until it is closed. Of what it doesn't
// know, the owner may change all, and who may write an object its times, DOS attributes,
// extended attributes and named streams, which who may read it may read. Attributes and
// descriptors are shown to all who get to the name. A descriptor, where none is stored yet, is
// set by the owner alone. What the server does for itself, as to watch directories
// (vfs.SystemCaller), it does as root.
//
// Where no descriptor is stored the server believes that everybody may do everything, and
// clients that ask what they may do are told so. With Options.SecurityFromMode they are
// told what is so, and with Options.ModeFromSecurity the permissions follow when
// descriptors are set; RunAsCaller goes best with both.
//
// A process that has the capability CAP_FSETID or CAP_SYS_RESOURCE makes each write without it, as
// set-user-ID bits wouldn't be cleared and quotas wouldn't hold otherwise. That costs some
// microseconds, which a process without them saves:
//
//	setpriv --bounding-set=-fsetid,-sys_resource server ...
//
// # Named streams
//
// On Linux a named stream of a file or directory is in the extended attribute
// user.DosStream.NAME:$DATA in the format of Samba's vfs_streams_xattr; on other
// systems there are none. Its name is at most 234 bytes long in UTF-8. Each write
// replaces the attribute. Several who write through one FS don't lose
// anything of each other's; of several programs, or several FS on one directory,
// the last to write a stream wins. A change sets the time of last write only if
// the process owns the object.
//
// An attribute is at most 64 KiB long, and ext4 has a block, usually 4 KiB, for all
// attributes of an object together. A stream that doesn't fit becomes a file in the
// directory .smb-streams at the root, which clients can't see, and stays one; the
// attribute user.SmbStream.NAME:$DATA says which. Samba doesn't know of those. Such a
// stream goes wherever the object goes below the root, and when its last name is removed
// through an FS. A program of the machine that removes the object leaves the stream
// behind, as garbage; one that copies it doesn't copy the stream, and one that restores it from a
// backup has to keep its inode number. Where the process can't make the directory, or
// another user owns it, such a stream is vfs.ErrNoSpace; and what is there already can't be
// opened, nor its object's streams be listed, while another user owns it or may write it.
//
// The system lists at most 64 KiB of names for an object. A further stream or extended
// attribute is vfs.ErrNoSpace if all their names took more than 62 KiB.
//
// # Security descriptors
//
// On Linux the descriptor of an object is in the extended attribute
// security.NTACL in the format of Samba's vfs_acl_xattr and of ksmbd, so they are
// found by whichever serves the directory. Only privileged processes may
// write that attribute (CAP_SYS_ADMIN, and not that of a container's own user
// namespace); others use user.NTACL, which everybody who may write the file can
// change, and which privileged ones don't look at. Which it is New finds out.
// Descriptors are enforced by the server alone: local programs go by the
// permission bits, which say something else unless Options.ModeFromSecurity is
// set.
//
// With a descriptor a hash of owner, group, permission bits and POSIX ACL is
// stored. If they have been changed since, for instance by chmod, the descriptor
// grants only what both it and the bits do, until it is set again. With
// Options.SecurityFromMode it is replaced by one made of the bits instead, as with
// Samba. An attribute that can't be understood lets nobody in; administrators can
// replace it.
//
// An object that is created with a descriptor gets its name only when it has it,
// where the kernel and file system can do that: a file has none before, and a
// directory one that begins with ".~smb-new-", which isn't shown.
//
// # Extended attributes
//
// On Linux those of clients are the system's in the user namespace, as with Samba;
// on other systems there are none. What this server and Samba keep there is
// neither shown nor set, and names that Windows can't have, empty ones, and more
// than [vfs.MaxXattrs] in all aren't shown. The room is what named streams have to
// do with, and a name is at most 250 bytes long. Which ones are Xattr.Needed is in
// user.SMB_NEED_EA.
//
// # Sparse files, clones, compression
//
// On Linux these are what the file system beneath can do, which is found out by trying
// when a client first asks for the volume. Whether a file is sparse is in
// user.DOSATTRIB; its holes are those of the file system, and a file that is no longer
// sparse is allocated in full. Compression is the flag that chattr calls c.
//
// # Quotas
//
// With Options.Quotas, on Linux 5.14 and later, quotas are those of users that the kernel keeps, which setquota
// sets, if the file system counts for users: ext4 and XFS can, as they are made and mounted.
// They are about all that a user has there, also outside of the directory. Whose they are
// Identities tells. Limits are in KiB; a threshold is what the kernel calls a soft limit, which
// holds once it is exceeded for longer than the file system's time of grace. Others than those
// of his own only root sees and sets. The policy is that nobody has a limit unless he is given
// one, and can't be changed; whether limits hold the machine's administrator says. XFS gives
// the limits of root to whoever has none.
//
// An object counts for the user who owns it on the machine, whatever its descriptor says: see
// Options.RunAs and Options.ModeFromSecurity. Without Options.RunAs a process of root's
// exceeds all limits.
//
// # Durability
//
// Sync makes content durable. A new name, a rename and a removal become durable
// when the file system commits, without a sync of the directory.
package osfs

import (
	"context"
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/gosmbd/smb/vfs"
)

// Options says how a directory is served. The zero value is ready to use.
type Options struct {
	// FileMode and DirMode are the permission bits of new files and
	// directories, less the process's umask. Zero: 0644 and 0755.
	FileMode, DirMode fs.FileMode

	// Symlinks is what symbolic links in the directory are to clients.
	Symlinks SymlinkMode

	// Snapshots says where snapshots of the directory are, which clients see as
	// previous versions: a slash-separated path, absolute or below the directory,
	// in which one element stands for the name of a snapshot. Conversions of
	// strftime in it (%Y %m %d %H %M %S %y %j %b %z %s) tell its time, in UTC without
	// %z; "*" stands for any name, and the time is that of the last change of the
	// snapshot's own directory. What follows leads to the tree in each of them:
	//
	//	.snapshots/@GMT-%Y.%m.%d-%H.%M.%S
	//	.zfs/snapshot/auto-%Y-%m-%d_%H-%M
	//	.snapshots/*/snapshot
	//
	// Below the directory, the first element of the path is as if it weren't there.
	// To learn the time of "*" each snapshot is opened, so ZFS mounts them all.
	Snapshots string

	// Quotas lets administrators among the clients see and set the quotas that the file
	// system has, and others see their own. They are about all that the machine's users
	// have there, also outside of the directory: clients get to say something about more
	// than what they are served. Linux only.
	Quotas bool

	// HideDotFiles shows names that begin with a dot with AttrHidden. They
	// are listed all the same; the client hides them.
	HideDotFiles bool

	// NativeNames stores the characters that clients can't have in names, and
	// macOS sends others from U+F001 on for, as what they stand for, and sends
	// those for what is stored, so that '?' and ':' are the same for the user of
	// a Mac and for programs of this machine. Without it the substitutes are stored,
	// and names with such characters are not shown to clients. It doesn't do
	// anything on Windows, whose programs can't have them either.
	NativeNames bool

	// IgnoreMode makes stored security descriptors hold whatever the
	// permission bits say, as Samba's "ignore system acls"; such descriptors
	// are stored without a hash. For directories that only this server and
	// others like it share.
	IgnoreMode bool

	// SecurityFromMode makes a descriptor of owner, group and permissions
	// where none is stored, or where the permissions were changed since.
	SecurityFromMode bool

	// ModeFromSecurity gives an object whose descriptor is set the permission
	// bits that come nearest to it, and if the process is root owner and
	// group, as far as Identities knows them.
	ModeFromSecurity bool

	// RunAs tells whose permissions hold for what a caller does, and who owns what he
	// makes; see Acting as the user in the package documentation. An error refuses all
	// access, and so does a user who is nil or root. nil: the process's own. New fails
	// with errors.ErrUnsupported where that can't be had: it takes Linux 5.6, and /proc;
	// and with fs.ErrPermission if the process isn't root. It is called for each
	// operation on a name, so it should be cheap.
	RunAs func(*vfs.Caller) (*vfs.UnixUser, error)

	// Identities tells which SIDs users and groups have; nil:
	// vfs.UnixIdentities.
	Identities vfs.IdentityMapper

	// SetID lets POSIX clients set the set-user-ID and set-group-ID bits of files and
	// directories. Else they are left out, and stay where the machine has set them.
	SetID bool

	// Chown lets POSIX clients give objects to other users and groups of the
	// machine, as far as the system lets the process. Else that is
	// fs.ErrPermission.
	Chown bool
}

// SymlinkMode is what symbolic links are to clients, see the package documentation.
type SymlinkMode uint8

const (
	// FollowSymlinks makes a link what it leads to.
	FollowSymlinks SymlinkMode = iota
	// ShowSymlinks makes it a reparse point, which the client follows or not. New
	// fails with errors.ErrUnsupported where that can't be had: it takes Linux 5.6,
	// and /proc.
	ShowSymlinks
)

// FS is a directory of the machine.
type FS struct {
	root *os.Root
	dir  *os.File // the root itself
	opt  Options
	sys  system

	onClose func()     // of the system, may be nil
	snaps   *snapshots // nil without

	escape  error         // what root returns for a name that leads out of it
	changes atomic.Uint64 // of extended attributes

	attrMu sync.Mutex // read, change and write of user.DOSATTRIB are one, and of mode and descriptor
	nameMu sync.Mutex // the check and the act of a rename, where the system has no call for both
}

// The capabilities that FS and File have.
var (
	_ vfs.Creator    = (*FS)(nil)
	_ vfs.Remover    = (*FS)(nil)
	_ vfs.Renamer    = (*FS)(nil)
	_ vfs.Linker     = (*FS)(nil)
	_ vfs.Sizer      = (*FS)(nil)
	_ vfs.Truncater  = (*File)(nil)
	_ vfs.Syncer     = (*File)(nil)
	_ vfs.DirReader  = (*File)(nil)
	_ vfs.AttrSetter = (*File)(nil)
)

// New returns the file system below directory dir. A nil opt stands for the
// zero Options.
func New(dir string, opt *Options) (*FS, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	if opt == nil {
		opt = &Options{}
	}
	return fromRoot(root, *opt)
}

// fromRoot returns the file system below root, which is closed with it.
func fromRoot(root *os.Root, opt Options) (_ *FS, err error) {
	f := &FS{root: root, opt: opt}
	if opt.Snapshots != "" {
		if f.snaps, err = parseSnapshots(opt.Snapshots); err != nil {
			root.Close()
			return nil, err
		}
	}
	f.opt.NativeNames = f.opt.NativeNames && validName(":")
	if f.opt.FileMode == 0 {
		f.opt.FileMode = 0o644
	}
	if f.opt.DirMode == 0 {
		f.opt.DirMode = 0o755
	}
	if f.opt.Identities == nil {
		f.opt.Identities = vfs.UnixIdentities{}
	}
	if f.dir, err = root.Open("."); err != nil {
		root.Close()
		return nil, err
	}
	// os has no name for this error, so provoke one.
	_, err = root.Lstat("..")
	f.escape = cause(err)
	err = f.init()
	if err == nil && opt.RunAs != nil {
		if err = f.initAgents(); err != nil {
			err = f.fail("run as", ".", err)
		}
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	if f.opt.Symlinks == ShowSymlinks && !f.nativeLinks() {
		f.Close()
		return nil, f.fail("show symlinks", ".", errors.ErrUnsupported)
	}
	return f, nil
}

// Close releases the directory and ends all watches. Open Files are closed by their
// owners.
func (f *FS) Close() error {
	if f.onClose != nil {
		f.onClose()
	}
	return errors.Join(f.dir.Close(), f.root.Close())
}

// Open opens an existing file or directory. Content is opened only if opt.Access
// has a right to it; the content of a device, a socket or a pipe never is, and to read or
// write it is fs.ErrPermission.
func (f *FS) Open(ctx context.Context, name string, opt vfs.OpenOptions) (vfs.File, error) {
	name = f.local(name)
	if err := f.checkName(name); err != nil {
		return nil, f.fail("open", name, err)
	}
	a, err := f.agent(ctx)
	if err != nil {
		return nil, f.fail("open", name, err)
	}
	h, err := f.openAs(a, name, opt)
	if err != nil {
		return nil, f.fail("open", name, err)
	}
	return h, nil
}

func (f *FS) openAs(a *agent, name string, opt vfs.OpenOptions) (h *File, err error) {
	err = a.run(func() (err error) {
		h, err = f.open(name, opt)
		return err
	})
	if err != nil {
		return nil, err
	}
	h.as = a
	return h, nil
}

// Create makes a file or a directory.
func (f *FS) Create(ctx context.Context, name string, opt vfs.CreateOptions) (vfs.File, error) {
	name = f.local(name)
	if err := f.checkNew(name); err != nil {
		return nil, f.fail("create", name, err)
	}
	if opt.Security != nil {
		if err := opt.Security.Validate(); err != nil {
			return nil, f.fail("create", name, err)
		}
	}
	a, err := f.agent(ctx)
	if err != nil {
		return nil, f.fail("create", name, err)
	}
	h, err := f.create(a, name, opt)
	if err != nil {
		return nil, f.fail("create", name, err)
	}
	if opt.NoCompression {
		h.dontCompress()
	}
	if opt.Attributes&stored != 0 {
		// What can't be stored is forgotten, as CreateOptions has it: a file
		// that exists is worth more.
		_ = h.setAttr(vfs.AttrChange{Attributes: opt.Attributes})
	}
	return h, nil
}

func (f *FS) create(a *agent, name string, opt vfs.CreateOptions) (*File, error) {
	if opt.Security != nil {
		return f.createSecure(a, name, opt)
	}
	return f.createPlain(a, name, opt)
}

func (f *FS) createPlain(a *agent, name string, opt vfs.CreateOptions) (h *File, err error) {
	err = a.run(func() (err error) {
		h, err = f.makeNew(name, opt)
		return err
	})
	if err != nil {
		return nil, err
	}
	h.as = a
	return h, nil
}

func (f *FS) makeNew(name string, opt vfs.CreateOptions) (*File, error) {
	fileMode, dirMode := f.createModes(opt)
	if opt.Directory {
		if err := f.mkdir(name, dirMode); err != nil {
			return nil, err
		}
		h, err := f.open(name, opt.OpenOptions)
		if err == nil {
			h.setCreateMode(opt)
		}
		return h, err
	}
	flags := os.O_CREATE | os.O_EXCL | os.O_RDWR
	if opt.WriteThrough {
		flags |= syncFlag
	}
	file, err := f.openFile(name, flags, fileMode)
	if err != nil {
		return nil, err
	}
	h := newFile(f, name, file, true, false)
	h.setCreateMode(opt)
	return h, nil
}

// createModes returns what a new file or directory has until setCreateMode.
func (f *FS) createModes(opt vfs.CreateOptions) (file, dir fs.FileMode) {
	if !opt.HasMode {
		return f.opt.FileMode.Perm(), f.opt.DirMode.Perm()
	}
	return opt.Mode.Perm(), opt.Mode.Perm() | 0o700 // or it couldn't be opened
}

// Remove removes a file, a link or an empty directory.
func (f *FS) Remove(ctx context.Context, name string) error {
	name = f.local(name)
	err := f.checkName(name)
	if err == nil && name == "." {
		err = fs.ErrInvalid
	}
	if err != nil {
		return f.fail("remove", name, err)
	}
	gone, err := f.lastLink(name)
	if err != nil {
		return f.fail("remove", name, err)
	}
	defer gone()
	err = f.as(ctx, func() error {
		err := f.unlink(name)
		if err != nil && f.sweep(name) {
			err = f.unlink(name)
		}
		return err
	})
	if err != nil {
		return f.fail("remove", name, err)
	}
	return nil
}

// Volume tells the size of the file system that dir is on.
func (f *FS) Volume(ctx context.Context) (vfs.Volume, error) {
	v, err := f.volume()
	if err != nil {
		return vfs.Volume{}, f.fail("statfs", ".", err)
	}
	return v, nil
}

// valid refuses what the server never passes on, should it ever, and NUL, which
// fs.ValidPath lets through.
func valid(name string) bool {
	return fs.ValidPath(name) && strings.IndexByte(name, 0) < 0 && validName(name) && !strings.Contains(name, temporary)
}

// temporary begins names that are not the share's, but in use for a moment.
const temporary = ".~smb-new-"

// sidecars is where what named streams hold is kept if it fits nowhere else. Clients
// don't see it, neither here nor in other directories of the share, which may be shared by
// themselves.
const sidecars = ".smb-streams"

func isSidecars(name string) bool {
	for elem := range strings.SplitSeq(name, "/") {
		if strings.EqualFold(elem, sidecars) {
			return true
		}
	}
	return false
}

func temporaryName() string { return temporary + rand.Text() }

// sweep removes what a process that was killed left in a directory, if there is
// nothing else in it, and reports whether it did.
func (f *FS) sweep(name string) bool {
	dir, err := f.openFile(name, os.O_RDONLY|dirFlag, 0)
	if err != nil {
		return false
	}
	defer dir.Close()
	names, _ := dir.Readdirnames(dirBatch)
	for _, n := range names {
		if !strings.HasPrefix(n, temporary) {
			return false
		}
	}
	for _, n := range names {
		_ = f.unlink(path.Join(name, n))
	}
	return len(names) > 0
}

// checkName checks the name of what may exist.
func (f *FS) checkName(name string) error {
	switch {
	case !valid(name):
		return fs.ErrInvalid
	case f.concealed(name):
		return fs.ErrNotExist
	}
	return nil
}

// checkNew checks a name that is to be made.
func (f *FS) checkNew(name string) error {
	err := f.checkName(name)
	if err == fs.ErrNotExist {
		err = fs.ErrPermission
	}
	return err
}

// checkNames checks those of a rename or a link.
func (f *FS) checkNames(oldname, newname string) error {
	if oldname == "." || newname == "." {
		return fs.ErrInvalid
	}
	if err := f.checkName(oldname); err != nil {
		return err
	}
	return f.checkNew(newname)
}

// hiddenByName are the attributes that a name has by its looks.
func (f *FS) hiddenByName(name string) vfs.Attributes {
	if f.opt.HideDotFiles && name != "." && strings.HasPrefix(path.Base(name), ".") {
		return vfs.AttrHidden
	}
	return 0
}
