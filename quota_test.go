package smb_test

import (
	"context"
	"errors"
	"math"
	"sync/atomic"
	"testing"

	"github.com/gosmbd/smb"
	"github.com/gosmbd/smb/internal/smbtest"
	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs"
	"github.com/gosmbd/smb/vfs/memfs"
	"github.com/gosmbd/smb/vfs/osfs"
)

const quotaFile = `$Extend\$Quota:$Q:$INDEX_ALLOCATION`

func openQuotas(t testing.TB, c *smbtest.Client, access vfs.Access) smb2.FileID {
	t.Helper()
	req := smbtest.CreateReq(quotaFile, smb2.Open)
	req.DesiredAccess = uint32(access)
	resp, st := c.Create(req)
	want(t, "CREATE", st, ok)
	return resp.FileID
}

func queryQuotas(t testing.TB, c *smbtest.Client, id smb2.FileID, q smb2.QueryQuotaInfo, room uint32) (smb2.FileQuotaInformation, smb2.Status) {
	t.Helper()
	r := c.Do(smb2.CommandQueryInfo, smb2.QueryInfoRequest{FileID: id, InfoType: smb2.InfoQuota, OutputLength: room, Input: q.Append(nil)})
	if r.Status != ok {
		return nil, r.Status
	}
	resp, err := smb2.ParseQueryInfoResponse(r.Msg)
	if err != nil {
		t.Fatal(err)
	}
	list, err := smb2.ParseFileQuotaInformation(resp.Data)
	if err != nil {
		t.Fatal(err)
	}
	return list, ok
}

func setQuotas(c *smbtest.Client, id smb2.FileID, list ...smb2.FileQuotaEntry) smb2.Status {
	return c.Do(smb2.CommandSetInfo, smb2.SetInfoRequest{FileID: id, InfoType: smb2.InfoQuota, Data: smb2.FileQuotaInformation(list).Append(nil)}).Status
}

func setPolicy(c *smbtest.Client, id smb2.FileID, limit uint64, flags vfs.QuotaFlags) smb2.Status {
	x := smb2.FsControlInformation{DefaultQuotaThreshold: math.MaxUint64, DefaultQuotaLimit: limit, FileSystemControlFlags: uint32(flags)}
	return c.Do(smb2.CommandSetInfo, smb2.SetInfoRequest{
		FileID: id, InfoType: smb2.InfoFileSystem, Class: uint8(smb2.ClassFsControlInformation), Data: x.Append(nil),
	}).Status
}

func quotaOf(sid vfs.SID, limit int64) smb2.FileQuotaEntry {
	return smb2.FileQuotaEntry{SID: sid.Append(nil), QuotaThreshold: vfs.NoQuota, QuotaLimit: limit}
}

func wantQuotas(t testing.TB, what string, list smb2.FileQuotaInformation, st smb2.Status, sids ...vfs.SID) {
	t.Helper()
	want(t, what, st, ok)
	if len(list) != len(sids) {
		t.Fatalf("%s: %d quotas, want those of %v", what, len(list), sids)
	}
	for i, e := range list {
		if string(e.SID) != string(sids[i].Append(nil)) {
			t.Errorf("%s: quota %d is that of %x, want %s", what, i, e.SID, sids[i])
		}
	}
}

// TestQuotaFile asks a backend that is no vfs.Quotaer.
func TestQuotaFile(t *testing.T) {
	disk := osDir(t)
	var fsys struct {
		vfs.FS
		vfs.Creator
	}
	fsys.FS, fsys.Creator = disk, disk.(vfs.Creator)
	r := newRig(t, func(s *smb.Server) { s.Shares = smb.Shares{"s": {FS: fsys}} })
	c := r.logon(smb.Dialect311)
	req := smbtest.CreateReq(quotaFile, smb2.Open)
	req.DesiredAccess = uint32(vfs.AccessRead | vfs.AccessWrite)
	resp, st := c.Create(req)
	want(t, "CREATE", st, ok)
	if resp.CreationTime != 0 || resp.FileAttributes != smb2.FileAttributeHidden|smb2.FileAttributeSystem|smb2.FileAttributeDirectory|smb2.FileAttributeArchive {
		t.Errorf("%+v", resp)
	}
	_, st = c.QueryInfo(resp.FileID, smb2.InfoQuota, 0, 4096)
	want(t, "quotas", st, smb2.StatusNotSupported)
	want(t, "to set quotas", setQuotas(c, resp.FileID, quotaOf(annSID, 1)), smb2.StatusNotSupported)
	_, st = c.QueryInfo(resp.FileID, smb2.InfoFileSystem, uint8(smb2.ClassFsControlInformation), 4096)
	want(t, "FileFsControlInformation", st, ok)
	want(t, "to set it", setPolicy(c, resp.FileID, 1, vfs.QuotaEnforce), smb2.StatusVolumeNotUpgraded)
	if fsFlags(t, c, resp.FileID)&smb2.FsVolumeQuotas != 0 {
		t.Error("clients are told that there are quotas")
	}
	req.DesiredAccess |= uint32(vfs.Delete)
	_, st = c.Create(req)
	want(t, "CREATE to delete it", st, smb2.StatusAccessDenied)
	req = smbtest.CreateReq(req.Name, smb2.OverwriteIf)
	if _, st = c.Create(req); !st.IsError() {
		t.Error("it was overwritten")
	}
	if got := dump(t, fsys); got != "" {
		t.Errorf("the backend has %s", got)
	}
}

// TestQuotaFileChanges checks that the file of the quotas doesn't stand for one that happens
// to be called so.
func TestQuotaFileChanges(t *testing.T) {
	fsys := &memfs.FS{}
	r := guarded(t, fsys)
	mkdir(t, fsys, "$Extend")
	put(t, fsys, "$Extend/$Quota", "somebody's")
	before := dump(t, fsys)
	c := r.as("ann", password)
	id := openQuotas(t, c, vfs.AccessRead|vfs.AccessWrite)
	link := smb2.SymbolicLinkReparse{SubstituteName: "x", PrintName: "x", Flags: smb2.SymlinkFlagRelative}
	_, st := c.Ioctl(id, smb2.FsctlSetReparsePoint, link.Append(nil), 0)
	want(t, "FSCTL_SET_REPARSE_POINT", st, smb2.StatusInvalidDeviceRequest)
	st = c.SetInfo(id, smb2.ClassFileBasicInformation, smb2.FileBasicInformation{FileAttributes: smb2.FileAttributeHidden})
	want(t, "FileBasicInformation", st, smb2.StatusInvalidDeviceRequest)
	st = c.SetInfo(id, smb2.ClassFileLinkInformation, smb2.FileLinkInformation{FileName: "link"})
	want(t, "FileLinkInformation", st, smb2.StatusInvalidDeviceRequest)
	if after := dump(t, fsys); after != before {
		t.Errorf("the backend has\n%s\nand had\n%s", after, before)
	}
}

// TestQuotaOwner has somebody else change who may do what: the file stays its owner's.
func TestQuotaOwner(t *testing.T) {
	fsys := &memfs.FS{}
	r := guarded(t, fsys)
	ann, bob := r.as("ann", password), r.as("bob", password)
	id := r.open(ann, "f")
	_, st := ann.Write(id, 0, make([]byte, 64<<10))
	want(t, "WRITE", st, ok)
	want(t, "CLOSE", ann.CloseFile(id), ok)
	req := smbtest.CreateReq("f", smb2.Open)
	req.DesiredAccess = uint32(vfs.ReadControl | vfs.WriteDAC)
	id = r.create(bob, req)
	sd, st := querySecurity(bob, id, vfs.OwnerSecurity)
	want(t, "QUERY_INFO", st, ok)
	if sd.Owner != annSID {
		t.Errorf("the owner is %s", sd.Owner)
	}
	sd = vfs.SecurityDescriptor{Control: vfs.SDDACLPresent, DACL: &vfs.ACL{ACEs: []vfs.ACE{allow(vfs.SIDEveryone, vfs.AccessFull)}}}
	want(t, "SET_INFO", own(bob, id, vfs.DACLSecurity, sd), ok)
	x, err := fsys.Quota(t.Context(), annSID)
	if err != nil || x.Used != 64<<10 {
		t.Errorf("ann has %+v, %v", x, err)
	}
	if x, err := fsys.Quota(t.Context(), bobSID); err == nil {
		t.Errorf("bob has %+v", x)
	}
}

// TestQuotaPolicyShown checks that a volume looks no larger than it will be to who has
// nothing yet, and as large as it is if limits don't hold.
func TestQuotaPolicyShown(t *testing.T) {
	fsys := &memfs.FS{}
	r := guarded(t, fsys)
	c := r.as("ann", password)
	id := r.open(c, "")
	for _, tt := range []struct {
		flags vfs.QuotaFlags
		want  int64
	}{{vfs.QuotaEnforce, 1 << 20}, {0, memfs.DefaultMaxBytes}} {
		fsys.SetQuotaPolicy(t.Context(), vfs.QuotaPolicy{Threshold: vfs.NoQuota, Limit: 1 << 20, Flags: tt.flags})
		b, st := c.QueryInfo(id, smb2.InfoFileSystem, uint8(smb2.ClassFsSizeInformation), 100)
		want(t, "FileFsSizeInformation", st, ok)
		x, err := smb2.ParseFsSizeInformation(b)
		if got := x.TotalAllocationUnits * int64(x.SectorsPerAllocationUnit) * int64(x.BytesPerSector); got != tt.want || err != nil {
			t.Errorf("flags %#x: the volume has %d bytes, %v, want %d", tt.flags, got, err, tt.want)
		}
	}
}

// TestQuotasOfSnapshot checks that those of a snapshot stay as they are.
func TestQuotasOfSnapshot(t *testing.T) {
	fsys := &memfs.FS{}
	r := guarded(t, fsys)
	at, err := fsys.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	c := r.as("eve", password)
	for _, name := range []string{quotaFile, ""} {
		req := warped(name, at)
		req.DesiredAccess = uint32(vfs.ReadData | vfs.WriteData)
		resp, st := c.Create(req)
		if st != ok {
			continue
		}
		if st := setQuotas(c, resp.FileID, quotaOf(annSID, 1)); !st.IsError() {
			t.Errorf("quotas through %q are set", name)
		}
		if st := setPolicy(c, resp.FileID, 1, vfs.QuotaEnforce); st != smb2.StatusMediaWriteProtected {
			t.Errorf("the policy through %q: %v", name, st)
		}
	}
	snap, err := fsys.OpenSnapshot(t.Context(), at)
	if err != nil {
		t.Fatal(err)
	}
	q := snap.(vfs.Quotaer)
	list, err := q.Quotas(t.Context())
	p, perr := q.QuotaPolicy(t.Context())
	if len(list) > 0 || p.Flags != 0 || err != nil || perr != nil {
		t.Errorf("the snapshot has %v and %+v, %v %v", list, p, err, perr)
	}
}

func osDir(t testing.TB) vfs.FS {
	fsys, err := osfs.New(t.TempDir(), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { fsys.Close() })
	return fsys
}

func fsFlags(t testing.TB, c *smbtest.Client, id smb2.FileID) uint32 {
	t.Helper()
	b, st := c.QueryInfo(id, smb2.InfoFileSystem, uint8(smb2.ClassFsAttributeInformation), 4096)
	want(t, "FileFsAttributeInformation", st, ok)
	x, err := smb2.ParseFsAttributeInformation(b)
	if err != nil {
		t.Fatal(err)
	}
	return x.Attributes
}

// TestQuotas has an administrator limit a user, and each see what he may.
func TestQuotas(t *testing.T) {
	fsys := &memfs.FS{}
	r := guarded(t, fsys)
	eve, ann := r.as("eve", password), r.as("ann", password)
	both := vfs.AccessRead | vfs.AccessWrite
	admin, own := openQuotas(t, eve, both), openQuotas(t, ann, both)
	if fsFlags(t, ann, own)&smb2.FsVolumeQuotas == 0 {
		t.Error("clients aren't told that there are quotas")
	}
	const all = 4096

	_, st := queryQuotas(t, eve, admin, smb2.QueryQuotaInfo{}, all)
	want(t, "a list of none", st, smb2.StatusNoMoreEntries)
	want(t, "ann sets a quota", setQuotas(ann, own, quotaOf(annSID, 1<<40)), smb2.StatusAccessDenied)
	want(t, "ann sets the policy", setPolicy(ann, own, math.MaxUint64, 0), smb2.StatusAccessDenied)
	want(t, "eve", setQuotas(eve, admin, quotaOf(annSID, 1<<20), quotaOf(bobSID, 1<<30)), ok)
	want(t, "eve", setPolicy(eve, admin, math.MaxUint64, vfs.QuotaEnforce|0x300), ok)

	b, st := ann.QueryInfo(own, smb2.InfoFileSystem, uint8(smb2.ClassFsControlInformation), all)
	want(t, "policy", st, ok)
	if x, err := smb2.ParseFsControlInformation(b); err != nil || x.DefaultQuotaLimit != math.MaxUint64 || vfs.QuotaFlags(x.FileSystemControlFlags) != vfs.QuotaEnforce {
		t.Errorf("the policy is %+v, %v", x, err)
	}

	// What ann writes is hers, and bounded.
	id := r.open(ann, "f")
	_, st = ann.Write(id, 0, make([]byte, 512<<10))
	want(t, "WRITE", st, ok)
	_, st = ann.Write(id, 512<<10, make([]byte, 1<<20))
	want(t, "WRITE beyond the limit", st, smb2.StatusDiskFull)
	b, st = ann.QueryInfo(id, smb2.InfoFileSystem, uint8(smb2.ClassFsFullSizeInformation), all)
	want(t, "size", st, ok)
	full, err := smb2.ParseFsFullSizeInformation(b)
	unit := int64(full.SectorsPerAllocationUnit) * int64(full.BytesPerSector)
	if err != nil || full.TotalAllocationUnits*unit != 1<<20 || full.CallerAvailableAllocationUnits*unit != 512<<10 ||
		full.ActualAvailableAllocationUnits <= full.CallerAvailableAllocationUnits {
		t.Errorf("the volume has %+v, %v", full, err)
	}

	list, st := queryQuotas(t, eve, admin, smb2.QueryQuotaInfo{}, all)
	wantQuotas(t, "all", list, st, annSID, bobSID)
	if list[0].QuotaUsed != 512<<10 || list[0].QuotaLimit != 1<<20 || list[0].ChangeTime == 0 {
		t.Errorf("ann has %+v", list[0])
	}
	_, st = queryQuotas(t, eve, admin, smb2.QueryQuotaInfo{}, all)
	want(t, "after the last", st, smb2.StatusNoMoreEntries)
	list, st = queryQuotas(t, eve, admin, smb2.QueryQuotaInfo{RestartScan: true, ReturnSingle: true}, all)
	wantQuotas(t, "the first", list, st, annSID)
	list, st = queryQuotas(t, eve, admin, smb2.QueryQuotaInfo{}, 72)
	wantQuotas(t, "the next", list, st, bobSID)
	list, st = queryQuotas(t, eve, admin, smb2.QueryQuotaInfo{StartSID: bobSID.Append(nil)}, all)
	wantQuotas(t, "from bob", list, st, bobSID)
	_, st = queryQuotas(t, eve, admin, smb2.QueryQuotaInfo{StartSID: eveSID.Append(nil)}, all)
	want(t, "from who has none", st, smb2.StatusInvalidParameter)
	list, st = queryQuotas(t, eve, admin, smb2.QueryQuotaInfo{SIDs: [][]byte{bobSID.Append(nil), eveSID.Append(nil)}}, all)
	wantQuotas(t, "bob and eve", list, st, bobSID, eveSID)
	if list[0].QuotaLimit != 1<<30 || list[1].QuotaLimit != 0 || list[1].ChangeTime != 0 {
		t.Errorf("bob and eve have %+v", list)
	}
	list, st = queryQuotas(t, eve, admin, smb2.QueryQuotaInfo{SIDs: [][]byte{bobSID.Append(nil), eveSID.Append(nil)}}, 80)
	wantQuotas(t, "bob and eve, in little room", list, st, bobSID)
	for _, room := range []uint32{0, 39, 60} {
		_, st = queryQuotas(t, eve, admin, smb2.QueryQuotaInfo{RestartScan: true}, room)
		want(t, "too little room", st, smb2.StatusBufferTooSmall)
	}
	_, st = queryQuotas(t, eve, admin, smb2.QueryQuotaInfo{SIDs: [][]byte{{1, 2, 3, 4}}}, all)
	want(t, "what is no SID", st, smb2.StatusInvalidParameter)

	list, st = queryQuotas(t, ann, own, smb2.QueryQuotaInfo{}, all)
	wantQuotas(t, "what ann sees", list, st, annSID)
	list, st = queryQuotas(t, ann, own, smb2.QueryQuotaInfo{SIDs: [][]byte{bobSID.Append(nil)}}, all)
	wantQuotas(t, "bob for ann", list, st, bobSID)
	if list[0].QuotaLimit != 0 {
		t.Errorf("ann is told that bob has %+v", list[0])
	}
}

// TestQuotasRefused checks that a list of which one is refused changes nothing.
func TestQuotasRefused(t *testing.T) {
	fsys := &memfs.FS{}
	r := guarded(t, fsys)
	eve := r.as("eve", password)
	both := vfs.AccessRead | vfs.AccessWrite
	id, reads := openQuotas(t, eve, both), openQuotas(t, eve, vfs.AccessRead)
	good := quotaOf(annSID, 1<<20)
	none := smb2.FileQuotaEntry{SID: annSID.Append(nil)[:11], QuotaLimit: 1}
	negative := quotaOf(bobSID, 1)
	negative.QuotaThreshold = -2
	for _, test := range []struct {
		what string
		id   smb2.FileID
		list []smb2.FileQuotaEntry
		want smb2.Status
	}{
		{"nothing", id, nil, smb2.StatusInvalidParameter},
		{"through a handle to read", reads, []smb2.FileQuotaEntry{good}, smb2.StatusAccessDenied},
		{"through a file", r.open(eve, "f"), []smb2.FileQuotaEntry{good}, smb2.StatusInvalidHandle},
		{"a limit for administrators", id, []smb2.FileQuotaEntry{good, quotaOf(vfs.SIDAdministrators, 1)}, smb2.StatusAccessDenied},
		{"to remove what isn't there", id, []smb2.FileQuotaEntry{good, quotaOf(bobSID, -2)}, smb2.StatusNoMatch},
		{"a limit below all", id, []smb2.FileQuotaEntry{good, quotaOf(bobSID, -3)}, smb2.StatusInvalidParameter},
		{"a threshold below all", id, []smb2.FileQuotaEntry{good, negative}, smb2.StatusInvalidParameter},
		{"half a SID", id, []smb2.FileQuotaEntry{good, none}, smb2.StatusInvalidParameter},
	} {
		want(t, test.what, setQuotas(eve, test.id, test.list...), test.want)
	}
	want(t, "the policy through a handle to read", setPolicy(eve, reads, 1, vfs.QuotaEnforce), smb2.StatusAccessDenied)
	_, st := queryQuotas(t, eve, id, smb2.QueryQuotaInfo{}, 4096)
	want(t, "the list after that", st, smb2.StatusNoMoreEntries)
	_, st = queryQuotas(t, eve, openQuotas(t, eve, vfs.WriteData), smb2.QueryQuotaInfo{}, 4096)
	want(t, "a list through a handle to write", st, smb2.StatusAccessDenied)

	want(t, "no limit for administrators", setQuotas(eve, id, quotaOf(vfs.SIDAdministrators, vfs.NoQuota), good), ok)
	want(t, "to remove", setQuotas(eve, id, quotaOf(annSID, -2)), ok)
	list, st := queryQuotas(t, eve, id, smb2.QueryQuotaInfo{}, 4096)
	wantQuotas(t, "what is left", list, st, vfs.SIDAdministrators)
}

// fickle stops to count when it is told to.
type fickle struct {
	*memfs.FS
	gone atomic.Bool
}

func (f *fickle) Quota(ctx context.Context, sid vfs.SID) (vfs.Quota, error) {
	if f.gone.Load() {
		return vfs.Quota{}, errors.ErrUnsupported
	}
	return f.FS.Quota(ctx, sid)
}

// TestQuotasGone: a volume has its size, also if there are no quotas any more.
func TestQuotasGone(t *testing.T) {
	fsys := &fickle{FS: &memfs.FS{}}
	r := guarded(t, fsys)
	eve, ann := r.as("eve", password), r.as("ann", password)
	want(t, "eve", setQuotas(eve, openQuotas(t, eve, vfs.AccessWrite), quotaOf(annSID, 1<<20)), ok)
	id := r.open(ann, "f")
	size := func() uint64 {
		b, st := ann.QueryInfo(id, smb2.InfoFileSystem, uint8(smb2.ClassFsFullSizeInformation), 4096)
		want(t, "size", st, ok)
		x, err := smb2.ParseFsFullSizeInformation(b)
		if err != nil {
			t.Fatal(err)
		}
		return uint64(x.TotalAllocationUnits) * uint64(x.SectorsPerAllocationUnit) * uint64(x.BytesPerSector)
	}
	if n := size(); n != 1<<20 {
		t.Errorf("the volume has %d bytes", n)
	}
	fsys.gone.Store(true)
	if n := size(); n <= 1<<20 {
		t.Errorf("without quotas the volume has %d bytes", n)
	}
}
