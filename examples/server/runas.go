package main

import (
	"context"
	"fmt"

	"github.com/gosmbd/smb/vfs"
	"github.com/gosmbd/smb/vfs/osfs"
)

// asCaller is the option runas without a name.
const asCaller = "caller"

// actsAsCallers reports whether it matters who callers are on the machine.
func (c *config) actsAsCallers() bool {
	for _, s := range c.shares {
		if s.runAs == asCaller {
			return true
		}
	}
	return false
}

// setRunAs has a directory served with the rights of a user of the machine.
func setRunAs(opt *osfs.Options, who string) error {
	switch who {
	case "":
	case asCaller:
		opt.RunAs = osfs.RunAsCaller
		// So that clients are told what the permissions are, and can change them.
		opt.SecurityFromMode, opt.ModeFromSecurity = true, true
	default:
		u, err := osfs.LookupUser(context.Background(), &vfs.Caller{Name: who})
		if err != nil {
			return err
		}
		if u == nil {
			return fmt.Errorf("runas=%s: the machine has no such user, or it is root", who)
		}
		opt.RunAs = osfs.RunAsUser(*u)
	}
	return nil
}

// unixUser is osfs.LookupUser, with guests as the user nobody.
func unixUser(ctx context.Context, c *vfs.Caller) (*vfs.UnixUser, error) {
	if c.Guest || c.Anonymous {
		c = &vfs.Caller{Name: "nobody"}
	}
	return osfs.LookupUser(ctx, c)
}
