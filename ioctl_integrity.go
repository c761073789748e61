package smb

import (
	"context"

	"github.com/gosmbd/smb/smb2"
)

// Checksums of content are ReFS's: a volume that says it is something else doesn't know
// them, and one that says it is has files without.

// checksums refuses what only ReFS has.
func (r *request) checksums(ctx context.Context) (clusterSize uint32, err error) {
	v, err := r.open.m.volume(ctx, r.tree)
	if err == nil && v.FSName != "ReFS" {
		err = smb2.StatusInvalidDeviceRequest
	}
	return v.BlockSize, err
}

// getIntegrity tells that content has no checksums. [MS-FSA] 2.1.5.10.10
func getIntegrity(ctx context.Context, r *request, q *control) error {
	size, err := r.checksums(ctx)
	if err != nil {
		return err
	}
	out := smb2.GetIntegrityInformation{
		ChecksumAlgorithm: smb2.ChecksumNone, ChecksumChunkSize: size, ClusterSize: size,
	}.Append(nil)
	if int(q.MaxOutputResponse) < len(out) {
		return smb2.StatusInvalidParameter
	}
	q.out = out
	return nil
}

// setIntegrity accepts that content has no checksums. [MS-FSA] 2.1.5.10.33
func setIntegrity(ctx context.Context, r *request, q *control) error {
	if _, err := r.checksums(ctx); err != nil {
		return err
	}
	x, err := smb2.ParseSetIntegrityInformation(q.Input)
	switch {
	case err != nil:
		return err
	case x.Flags != 0: // of what isn't checked, nothing can be left unchecked
		return smb2.StatusInvalidParameter
	}
	switch x.ChecksumAlgorithm {
	case smb2.ChecksumNone, smb2.ChecksumUnchanged:
		return nil
	case smb2.ChecksumCRC32, smb2.ChecksumCRC64:
		return smb2.StatusNotSupported
	}
	return smb2.StatusInvalidParameter
}
