package smb

import (
	"context"
	"errors"
	"io"
	"path"
	"strconv"
	"strings"

	"github.com/gosmbd/smb/vfs"
)

const (
	backupUnit = 1024     // what a limited volume is counted in
	maxPlist   = 64 << 10 // of an Info.plist that is looked into
)

// limitBackups makes v as large as the share's limit for backups, and as full as the
// backups are.
func (t *tree) limitBackups(ctx context.Context, v vfs.Volume) (vfs.Volume, error) {
	limit := t.share.Apple.TimeMachineMax
	used, err := t.mount.backupSize(ctx, limit)
	if err != nil {
		return v, err
	}
	free := (limit - used) / backupUnit
	// As much as there really is, if that is less.
	scale := func(n uint64) uint64 {
		return min(free, n/backupUnit*uint64(v.BlockSize)+n%backupUnit*uint64(v.BlockSize)/backupUnit)
	}
	v.Free, v.Available = scale(v.Free), scale(v.Available)
	v.Blocks, v.BlockSize = limit/backupUnit, backupUnit
	return v, nil
}

// backupSize returns how many bytes the disk images in the root take, at most limit. It
// counts their bands, which are files of the same size.
func (m *mount) backupSize(ctx context.Context, limit uint64) (used uint64, err error) {
	err = m.eachName(ctx, ".", func(image string) bool {
		if ext := strings.ToLower(path.Ext(image)); ext != ".sparsebundle" && ext != ".backupbundle" {
			return true
		}
		band := m.bandSize(ctx, path.Join(image, "Info.plist"))
		if band == 0 {
			return true // not an image, or one that is being made
		}
		// What vanishes meanwhile takes no room.
		m.eachName(ctx, path.Join(image, "bands"), func(string) bool {
			used += min(band, limit-used)
			return used < limit
		})
		return used < limit
	})
	return used, err
}

// eachName calls do with the names in a directory until it returns false.
func (m *mount) eachName(ctx context.Context, dir string, do func(string) bool) error {
	f, err := m.fs.Open(ctx, dir, vfs.OpenOptions{Access: vfs.ListDirectory | vfs.ReadAttributes})
	if err != nil {
		return err
	}
	defer f.Close()
	d, ok := vfs.As[vfs.DirReader](f)
	if !ok {
		return nil
	}
	for name, err := range namesIn(ctx, d) {
		if err != nil {
			return err
		}
		if !do(name) {
			break
		}
	}
	return nil
}

// bandSize reads from the property list of a disk image how large its bands are; 0 if it
// doesn't tell.
func (m *mount) bandSize(ctx context.Context, name string) uint64 {
	f, err := m.fs.Open(ctx, name, vfs.OpenOptions{Access: vfs.ReadData | vfs.ReadAttributes})
	if err != nil {
		return 0
	}
	defer f.Close()
	r, ok := vfs.As[io.ReaderAt](f)
	if !ok {
		return 0
	}
	b, err := io.ReadAll(io.NewSectionReader(r, 0, maxPlist))
	if err != nil && !errors.Is(err, io.EOF) {
		return 0
	}
	_, rest, _ := strings.Cut(string(b), "<key>band-size</key>")
	rest, ok = strings.CutPrefix(strings.TrimSpace(rest), "<integer>")
	value, _, closed := strings.Cut(rest, "</integer>")
	if !ok || !closed {
		return 0
	}
	n, err := strconv.ParseUint(strings.TrimSpace(value), 10, 63)
	if err != nil {
		return 0
	}
	return n
}
