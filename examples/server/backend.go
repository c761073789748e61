package main

import (
	"fmt"

	"github.com/gosmbd/smb/vfs"
	"github.com/gosmbd/smb/vfs/memfs"
	"github.com/gosmbd/smb/vfs/osfs"
)

// openBackend returns the storage of a share.
func openBackend(kind string, s shareConfig) (vfs.FS, error) {
	if kind == "mem" || s.mem {
		return &memfs.FS{}, nil
	}
	opt := osfs.Options{NativeNames: s.native, Snapshots: s.snapshots, Quotas: s.quotas,
		IgnoreMode: s.ignoreMode, SecurityFromMode: s.fromMode, ModeFromSecurity: s.toMode}
	if s.symlinks {
		opt.Symlinks = osfs.ShowSymlinks
	}
	if err := setRunAs(&opt, s.runAs); err != nil {
		return nil, fmt.Errorf("share %s: %w", s.name, err)
	}
	fsys, err := osfs.New(s.path, &opt)
	if err != nil {
		return nil, fmt.Errorf("share %s: %w", s.name, err)
	}
	return fsys, nil
}
