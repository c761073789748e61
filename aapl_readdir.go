package smb

import (
	"context"
	"io"
	"io/fs"
	"path"

	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs"
)

// listsAAPL reports whether the session's client gets listings in Apple's form. It expects
// them on all shares, whichever it negotiated on.
func (se *session) listsAAPL() bool {
	return se.hasAAPL(smb2.AAPLReadDirAttr) || se.hasAAPL(smb2.AAPLReadDirAttrV2)
}

// describeAAPL adds to an entry of the directory o what Apple's clients otherwise open
// each file for: what they may do with it, the size of the resource fork, the Finder info
// and the mode.
func (o *open) describeAAPL(ctx context.Context, e *smb2.DirectoryEntry) {
	t := o.tree()
	x := &smb2.AAPLEntry{MaximalAccess: uint32(t.access())}
	e.AAPL = x
	if t.se.hasAAPL(smb2.AAPLReadDirAttr) {
		x.Flags = 24 // the length of the short name, which isn't one
	}
	if e.Name == "." || e.Name == ".." {
		return
	}
	f, err := o.m.fs.Open(ctx, path.Join(o.path(), e.Name), vfs.OpenOptions{Access: vfs.ReadAttributes | vfs.ReadControl})
	if err != nil {
		return
	}
	defer f.Close()
	a, err := f.Stat(ctx)
	if err != nil {
		return
	}
	if sd, err := storedSecurity(ctx, f); err == nil {
		x.MaximalAccess &= uint32(held(sd, t.se.identity.Load().token))
	}
	if a.Attributes&vfs.AttrReadOnly != 0 && !a.IsDir() {
		x.MaximalAccess &^= uint32(vfs.WriteData | vfs.AppendData)
	}
	if t.se.hasAAPL(smb2.AAPLUnixBased) {
		x.Mode = posixMode(a.Mode)
	}
	if any := t.describeStreams(ctx, f, a.IsDir(), x); !any && t.se.hasAAPL(smb2.AAPLReadDirAttrV2) {
		x.Flags |= smb2.AAPLReadDirNoXattr
	}
}

// describeStreams fills in what lies in streams. It reports whether there are any.
func (t *tree) describeStreams(ctx context.Context, f vfs.File, dir bool, x *smb2.AAPLEntry) (any bool) {
	s, ok := vfs.As[vfs.Streamer](f)
	if !ok || !t.apple() {
		return false
	}
	finder := ""
	for info, err := range s.Streams(ctx) {
		if err != nil {
			break
		}
		if t.hides(info, dir) {
			continue
		}
		any = true
		switch t.share.appleStream(info.Name) {
		case appleInfo:
			finder = info.Name
		case appleResource:
			x.ResourceSize = uint64(info.Size)
		}
	}
	if finder != "" {
		x.FinderInfo = finderInfo(ctx, s, finder)
	}
	return any
}

// finderInfo reads the Finder info from the stream called name.
func finderInfo(ctx context.Context, s vfs.Streamer, name string) (packed [16]byte) {
	f, err := s.OpenStream(ctx, name, vfs.StreamOptions{OpenOptions: vfs.OpenOptions{Access: vfs.ReadData}})
	if err != nil {
		return packed
	}
	defer f.Close()
	r, ok := vfs.As[io.ReaderAt](f)
	if !ok {
		return packed
	}
	var record [infoSize]byte
	if n, _ := readAt(r, record[:], 0); n < infoSize {
		return packed
	}
	return smb2.PackFinderInfo([infoFinderSize]byte(record[infoFinder:]))
}

// posixMode is m with the type bits of POSIX.
func posixMode(m fs.FileMode) uint16 {
	mode := uint16(m.Perm())
	switch m.Type() {
	case 0:
		mode |= 0o100000
	case fs.ModeDir:
		mode |= 0o040000
	case fs.ModeSymlink:
		mode |= 0o120000
	case fs.ModeNamedPipe:
		mode |= 0o010000
	case fs.ModeSocket:
		mode |= 0o140000
	case fs.ModeDevice:
		mode |= 0o060000
	case fs.ModeDevice | fs.ModeCharDevice:
		mode |= 0o020000
	}
	return mode
}
