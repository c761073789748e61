package smb

import (
	"context"
	"slices"
	"time"

	"github.com/gosmbd/smb/smb2"
)

// enumerateSnapshots lists the previous versions: those of the volume, as Windows and
// Samba do, whether or not the file was there or was another. A client tells by looking,
// and where snapshots must be mounted to be looked at nobody else should.
// [MS-SMB2] 3.3.5.15.1
func enumerateSnapshots(ctx context.Context, r *request, q *control) error {
	o := r.open
	if o.file == nil {
		return smb2.StatusInvalidDeviceRequest
	}
	if q.MaxOutputResponse < 16 {
		return smb2.StatusInvalidParameter
	}
	tokens, err := o.m.tokens(ctx)
	if err != nil {
		return err
	}
	q.out = smb2.NewSrvSnapshotArray(tokens, q.MaxOutputResponse).Append(nil)
	return nil
}

// maxTokens bounds the list of snapshots; the newest count.
const maxTokens = 16 << 10

// tokens returns the snapshots, the newest first.
func (m *mount) tokens(ctx context.Context) ([]string, error) {
	if m.live != nil {
		m = m.live
	}
	if m.snapshotter == nil {
		return nil, nil
	}
	times, err := m.snapshotter.Snapshots(ctx)
	if err != nil {
		return nil, ignoreUnsupported(err)
	}
	slices.SortFunc(times, func(a, b time.Time) int { return b.Compare(a) })
	var tokens []string
	for _, t := range times {
		token := t.UTC().Format(gmtToken)
		if _, ok := parseToken(token); !ok || len(tokens) > 0 && tokens[len(tokens)-1] == token {
			continue // a year of five digits, or the same second
		}
		if tokens = append(tokens, token); len(tokens) == maxTokens {
			break
		}
	}
	return tokens, nil
}

// readControls are the control codes that change nothing, and so are served in a
// snapshot. The others are refused there, as on any volume that can't be written to.
// [MS-FSA] 2.1.5.10
var readControls = []smb2.CtlCode{
	smb2.FsctlSrvEnumerateSnapshots, smb2.FsctlSrvRequestResumeKey, smb2.FsctlLmrRequestResiliency,
	smb2.FsctlGetCompression, smb2.FsctlGetObjectID, smb2.FsctlCreateOrGetObjectID, smb2.FsctlGetReparsePoint,
	smb2.FsctlQueryAllocatedRanges, smb2.FsctlQueryFileRegions, smb2.FsctlGetIntegrityInformation, smb2.FsctlOffloadRead,
}
