package smb

import (
	"context"
	"io/fs"
	"strings"

	"github.com/gosmbd/smb/vfs"
)

// The file by whose handle clients ask for a volume's quotas (info_quota.go), whether or not
// it has any. Windows' dialog opens it before it says that there are none. [MS-FSA] 2.1.5.21

// quotaName is the name of it. [MS-FSCC] 5.4
const quotaName = `$Extend\$Quota:$Q:$INDEX_ALLOCATION`

// quotaAccess is what may be asked of it, since smbcquotas asks for so much: to delete it is
// refused, and to change it other than by quotas.
const quotaAccess = vfs.AccessRead | vfs.AccessWrite

// checkQuota reports whether the client means the file of the quotas.
func (c *creation) checkQuota() bool {
	if !strings.EqualFold(c.req.Name, quotaName) {
		return false
	}
	c.name, c.quota = `$Extend/$Quota`, true
	c.stream.index = true
	return true
}

// quotaFile is the file of the quotas. No backend has it.
type quotaFile struct{}

func (quotaFile) Stat(context.Context) (vfs.Attr, error) {
	return vfs.Attr{Mode: fs.ModeDir, Attributes: vfs.AttrHidden | vfs.AttrSystem | vfs.AttrArchive}, nil
}

func (quotaFile) Close() error { return nil }

// isQuota reports whether o is an open of it: what acts on files by their names must not
// act on one that happens to be called so.
func (o *open) isQuota() bool {
	_, ok := o.f.(quotaFile)
	return ok
}
