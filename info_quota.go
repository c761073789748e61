package smb

import (
	"context"
	"errors"
	"io/fs"
	"math"
	"slices"
	"strings"

	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs"
)

// Quotas of a backend that has them, [vfs.Quotaer]. Administrators see and change all of
// them; others see their own.

// quotaerOf returns f as one, unless it declines.
func quotaerOf(ctx context.Context, f vfs.FS) vfs.Quotaer {
	q, ok := vfs.As[vfs.Quotaer](f)
	if !ok {
		return nil
	}
	if _, err := q.QuotaPolicy(ctx); errors.Is(err, errors.ErrUnsupported) {
		return nil
	}
	return q
}

// administers reports whether c is an administrator of the server.
func administers(c *vfs.Caller) bool {
	return c != nil && !c.Guest && !c.Anonymous && slices.Contains(c.Groups, vfs.SIDAdministrators)
}

// quotaHandle returns what o, which must be the file of the quotas, is to be asked.
func (o *open) quotaHandle(need vfs.Access) (vfs.Quotaer, error) {
	if o.pipe != nil || o.m.quotaer == nil {
		return nil, smb2.StatusNotSupported
	}
	if !o.isQuota() {
		return nil, smb2.StatusInvalidHandle
	}
	if o.access&need != need {
		return nil, smb2.StatusAccessDenied
	}
	return o.m.quotaer, nil
}

// quotas lists quotas. [MS-SMB2] 3.3.5.20.4, [MS-FSA] 2.1.5.21
func (q *query) quotas(dst []byte) ([]byte, error) {
	quotaer, err := q.o.quotaHandle(vfs.ReadData)
	if err != nil {
		return dst, err
	}
	info, err := smb2.ParseQueryQuotaInfo(q.req.Input)
	if err != nil {
		return dst, err
	}
	all, err := q.allQuotas(quotaer)
	if err != nil {
		return dst, err
	}
	max := int(q.req.OutputLength)
	if max == 0 {
		return dst, smb2.StatusBufferTooSmall
	}
	if len(info.SIDs) > 0 {
		list, err := selectQuotas(all, info, max)
		if err != nil {
			return dst, err
		}
		dst, _, err = appendQuotas(dst, list, info.ReturnSingle, max)
		return dst, err
	}
	q.o.mu.Lock()
	defer q.o.mu.Unlock()
	at, err := q.o.quotasFrom(all, info)
	if err != nil {
		return dst, err
	}
	if at == len(all) {
		return dst, smb2.StatusNoMoreEntries
	}
	list := make(smb2.FileQuotaInformation, 0, len(all)-at)
	for _, x := range all[at:] {
		list = append(list, quotaEntry(x))
	}
	dst, n, err := appendQuotas(dst, list, info.ReturnSingle, max)
	if err == nil {
		q.o.lastQuota = all[at+n-1].SID
	}
	return dst, err
}

// allQuotas returns those that the caller may see, by their SIDs.
func (q *query) allQuotas(quotaer vfs.Quotaer) ([]vfs.Quota, error) {
	caller := q.r.id.caller
	if !administers(caller) {
		x, err := quotaer.Quota(q.ctx, caller.SID)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, nil
		}
		return []vfs.Quota{x}, err
	}
	all, err := quotaer.Quotas(q.ctx)
	slices.SortFunc(all, func(a, b vfs.Quota) int { return strings.Compare(string(a.SID), string(b.SID)) })
	return all, err
}

// findQuota returns where in all that of a user is, or would be.
func findQuota(all []vfs.Quota, sid vfs.SID) (int, bool) {
	return slices.BinarySearchFunc(all, sid, func(q vfs.Quota, sid vfs.SID) int {
		return strings.Compare(string(q.SID), string(sid))
	})
}

// selectQuotas returns the quotas of those who are asked for, as many as may fit into max
// bytes. Of somebody who has none everything is zero.
func selectQuotas(all []vfs.Quota, info smb2.QueryQuotaInfo, max int) (list smb2.FileQuotaInformation, err error) {
	if info.ReturnSingle {
		info.SIDs = info.SIDs[:1]
	}
	for _, b := range info.SIDs {
		sid, n, err := vfs.ParseSID(b)
		if err != nil || n != len(b) {
			return nil, smb2.StatusInvalidParameter
		}
		if max < 0 {
			continue // it is only looked at
		}
		e := smb2.FileQuotaEntry{SID: b}
		if i, ok := findQuota(all, sid); ok {
			e = quotaEntry(all[i])
		}
		list = append(list, e)
		max -= len(smb2.FileQuotaInformation{e}.Append(nil))
	}
	return list, nil
}

// quotasFrom returns where in all the list goes on: if with a user, then with his own, as
// [MS-FSA] 2.1.5.21 has it; by [MS-SMB2] it would be the one after him.
func (o *open) quotasFrom(all []vfs.Quota, info smb2.QueryQuotaInfo) (int, error) {
	switch {
	case len(info.StartSID) > 0:
		sid, n, err := vfs.ParseSID(info.StartSID)
		at, ok := findQuota(all, sid)
		if err != nil || n != len(info.StartSID) || !ok {
			return 0, smb2.StatusInvalidParameter
		}
		return at, nil
	case info.RestartScan || o.lastQuota == "":
		return 0, nil
	}
	at, ok := findQuota(all, o.lastQuota)
	if ok {
		at++
	}
	return at, nil
}

// appendQuotas appends as many as fit and are asked for, and tells how many those are.
func appendQuotas(dst []byte, list smb2.FileQuotaInformation, single bool, max int) ([]byte, int, error) {
	if single {
		list = list[:1]
	}
	dst, n := list.AppendMax(dst, max)
	if n == 0 {
		return dst, 0, smb2.StatusBufferTooSmall
	}
	return dst, n, nil
}

func quotaEntry(q vfs.Quota) smb2.FileQuotaEntry {
	return smb2.FileQuotaEntry{
		ChangeTime: smb2.FileTimeOf(q.Changed), QuotaUsed: q.Used, QuotaThreshold: q.Threshold, QuotaLimit: q.Limit,
		SID: q.SID.Append(nil),
	}
}

// setQuotas sets and removes quotas, all or none of them. [MS-SMB2] 3.3.5.21.4, [MS-FSA] 2.1.5.22
func (r *request) setQuotas(ctx context.Context, data []byte) error {
	quotaer, err := r.open.quotaHandle(vfs.WriteData)
	if err == nil {
		err = r.mayManageQuotas()
	}
	if err != nil {
		return err
	}
	list, err := smb2.ParseFileQuotaInformation(data)
	if err != nil || len(list) == 0 {
		return smb2.StatusInvalidParameter
	}
	changes := make([]vfs.QuotaChange, 0, len(list))
	for _, e := range list {
		const remove = -2
		sid, n, err := vfs.ParseSID(e.SID)
		switch {
		case err != nil, n != len(e.SID), e.QuotaLimit < remove, e.QuotaThreshold < vfs.NoQuota && e.QuotaLimit != remove:
			return smb2.StatusInvalidParameter
		case sid == vfs.SIDAdministrators && e.QuotaLimit != vfs.NoQuota:
			return smb2.StatusAccessDenied
		case e.QuotaLimit == remove:
			changes = append(changes, vfs.QuotaChange{SID: sid, Remove: true})
			continue
		}
		changes = append(changes, vfs.QuotaChange{SID: sid, Threshold: e.QuotaThreshold, Limit: e.QuotaLimit})
	}
	err = quotaer.SetQuotas(ctx, changes)
	if errors.Is(err, fs.ErrNotExist) {
		return smb2.StatusNoMatch
	}
	return err
}

// mayManageQuotas refuses who may not change quotas through the handle of r.
func (r *request) mayManageQuotas() error {
	switch {
	case !administers(r.id.caller):
		return smb2.StatusAccessDenied
	case r.open.m.frozen():
		return smb2.StatusMediaWriteProtected
	}
	return nil
}

// quotaPolicy answers FileFsControlInformation. [MS-FSA] 2.1.5.13.6
func (q *query) quotaPolicy(dst []byte) ([]byte, error) {
	// Without quotas that is VOLUME_NOT_UPGRADED, but Samba answers, and smbtorture wants it.
	p := vfs.QuotaPolicy{Threshold: vfs.NoQuota, Limit: vfs.NoQuota}
	if q.o.m.quotaer != nil {
		var err error
		if p, err = q.o.m.quotaer.QuotaPolicy(q.ctx); err != nil {
			return dst, err
		}
	}
	return smb2.FsControlInformation{
		DefaultQuotaThreshold: uint64(p.Threshold), DefaultQuotaLimit: uint64(p.Limit), FileSystemControlFlags: uint32(p.Flags),
	}.Append(dst), nil
}

// setQuotaPolicy sets FileFsControlInformation. [MS-SMB2] 3.3.5.21.2, [MS-FSA] 2.1.5.16.6
func (r *request) setQuotaPolicy(ctx context.Context, data []byte) error {
	o := r.open
	switch {
	case o.pipe != nil:
		return smb2.StatusInvalidDeviceRequest
	case o.access&vfs.WriteData == 0:
		return smb2.StatusAccessDenied
	}
	x, err := smb2.ParseFsControlInformation(data)
	if err == nil && o.m.quotaer == nil {
		err = smb2.StatusVolumeNotUpgraded
	}
	if err == nil {
		err = r.mayManageQuotas()
	}
	if err != nil {
		return err
	}
	amount := func(n uint64) int64 {
		if n > math.MaxInt64 {
			return vfs.NoQuota
		}
		return int64(n)
	}
	return o.m.quotaer.SetQuotaPolicy(ctx, vfs.QuotaPolicy{
		Threshold: amount(x.DefaultQuotaThreshold), Limit: amount(x.DefaultQuotaLimit),
		Flags: vfs.QuotaFlags(x.FileSystemControlFlags).Valid(),
	})
}

// limitVolume makes v look no larger to the caller than his quota. [MS-FSA] 2.1.5.13.3, 2.1.5.13.7
func (q *query) limitVolume(v vfs.Volume) (vfs.Volume, error) {
	sid := q.r.id.caller.SID
	if q.o.m.quotaer == nil || sid == "" {
		return v, nil
	}
	x, err := q.o.m.quotaer.Quota(q.ctx, sid)
	if errors.Is(err, fs.ErrNotExist) {
		// He has nothing yet, but that will be limited, too.
		var p vfs.QuotaPolicy
		p, err = q.o.m.quotaer.QuotaPolicy(q.ctx)
		if x.Limit = vfs.NoQuota; p.Flags.Enforces() && sid != vfs.SIDAdministrators {
			x.Limit = p.Limit
		}
	}
	switch {
	case errors.Is(err, errors.ErrUnsupported): // perhaps no longer
		return v, nil
	case err != nil:
		return v, err
	case x.Limit < 0:
		return v, nil
	}
	unit := uint64(v.BlockSize)
	v.Blocks = min(v.Blocks, uint64(x.Limit)/unit)
	v.Available = min(v.Available, uint64(max(0, x.Limit-x.Used))/unit)
	return v, nil
}
