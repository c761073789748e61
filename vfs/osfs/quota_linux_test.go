package osfs

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/gosmbd/smb/vfs"
	"github.com/gosmbd/smb/vfs/vfstest"
)

// quotaDisk is a kind of file system that counts for users.
type quotaDisk struct {
	size             int64
	make             []string // the program, and its arguments
	limited, counted string   // how to mount it so that limits hold, and that they don't
	unit             int64    // of limits
}

var quotaDisks = map[string]quotaDisk{
	"ext4": {64 << 20, []string{"mkfs.ext4", "-q", "-b", "4096", "-I", "256", "-O", "quota", "-E", "quotatype=usrquota"}, "usrquota", "defaults", 1024},
	"xfs":  {320 << 20, []string{"mkfs.xfs", "-q"}, "uquota", "uqnoenforce", 4096},
}

// dir makes a file system and mounts it.
func (d quotaDisk) dir(t testing.TB, options string) string {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("SKIPPED, NOT TESTED: to mount a file system needs root")
	}
	dir := t.TempDir()
	image, at := filepath.Join(dir, "image"), filepath.Join(dir, "mounted")
	check(t, os.WriteFile(image, nil, 0o600))
	check(t, os.Truncate(image, d.size))
	check(t, os.Mkdir(at, 0o755))
	for _, line := range [][]string{append(slices.Clone(d.make), image), {"mount", "-o", "loop," + options, image, at}} {
		if out, err := exec.Command(line[0], line[1:]...).CombinedOutput(); err != nil {
			t.Skipf("SKIPPED, NOT TESTED: no quotas to be had here (interop/quota.sh has them in a virtual machine): %q: %v\n%s", line, err, out)
		}
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", at).CombinedOutput(); err != nil {
			t.Errorf("umount: %v\n%s", err, out)
			_ = unix.Unmount(at, unix.MNT_DETACH)
		}
	})
	check(t, os.Chmod(at, 0o755))
	return at
}

func eachQuotaDisk(t *testing.T, test func(t *testing.T, d quotaDisk)) {
	for name, d := range quotaDisks {
		t.Run(name, func(t *testing.T) { test(t, d) })
	}
}

// suiteUsers are those of vfstest, the rest of Unix.
type suiteUsers struct{ vfs.UnixIdentities }

var suiteSIDs = map[uint32]vfs.SID{44001: "S-1-5-21-1-2-3-1001", 44002: "S-1-5-21-1-2-3-1002"}

func (u suiteUsers) UserSID(uid uint32) vfs.SID {
	if sid, ok := suiteSIDs[uid]; ok {
		return sid
	}
	return u.UnixIdentities.UserSID(uid)
}

func (u suiteUsers) UID(sid vfs.SID) (uint32, bool) {
	for uid, s := range suiteSIDs {
		if s == sid {
			return uid, true
		}
	}
	return u.UnixIdentities.UID(sid)
}

// TestQuotaSuite has a third user work with files that those of the suite own.
func TestQuotaSuite(t *testing.T) {
	ext4 := quotaDisks["ext4"]
	dir := ext4.dir(t, ext4.limited)
	all := newFSAt(t, dir, &Options{Quotas: true})
	n := 0
	vfstest.TestFS(t, func(t *testing.T) vfs.FS {
		_, test, _ := strings.Cut(t.Name(), "/")
		switch {
		case test != "" && !strings.HasPrefix(test, "Quota"):
			t.Skip("not about quotas")
		case test == "QuotaMaker":
			t.Skip("what is made counts for who makes it as far as the machine is concerned")
		}
		n++
		sub := filepath.Join(dir, fmt.Sprint(n))
		check(t, os.Mkdir(sub, 0o755))
		const worker = 44003
		check(t, os.Chown(sub, worker, worker))
		t.Cleanup(func() {
			check(t, os.RemoveAll(sub))
			for uid := range suiteSIDs {
				check(t, all.setUserQuota(userQuota{uid: uid}, blockLimits))
				if q, err := all.userQuota(uid); err != nil || q.exists() {
					t.Errorf("what is left of %d: %+v, %v", uid, q, err)
				}
			}
		})
		return newFSAt(t, sub, &Options{
			Quotas: true, RunAs: RunAsUser(vfs.UnixUser{UID: worker, GID: worker}), ModeFromSecurity: true, Identities: suiteUsers{},
		})
	})
}

// putFile writes a file of n bytes for a user of the machine.
func putFile(t *testing.T, name string, n int, uid uint32) {
	t.Helper()
	check(t, os.WriteFile(name, make([]byte, n), 0o644))
	check(t, os.Chown(name, int(uid), int(uid)))
}

func TestQuotas(t *testing.T) { eachQuotaDisk(t, testQuotas) }

func testQuotas(t *testing.T, d quotaDisk) {
	dir := d.dir(t, d.limited)
	ctx := t.Context()
	f := newFSAt(t, dir, &Options{Quotas: true})
	a, b, none := alice.Unix.UID, bob.Unix.UID, uint32(lastUID)
	aSID, bSID, noneSID := vfs.UnixUserSID(a), vfs.UnixUserSID(b), vfs.UnixUserSID(none)
	putFile(t, filepath.Join(dir, "a"), 1<<20, a)
	putFile(t, filepath.Join(dir, "0"), 1<<20, 0)

	policy := vfs.QuotaPolicy{Threshold: vfs.NoQuota, Limit: vfs.NoQuota, Flags: vfs.QuotaEnforce}
	if p, err := f.QuotaPolicy(ctx); err != nil || p != policy {
		t.Errorf("QuotaPolicy = %+v, %v", p, err)
	}
	check(t, f.SetQuotaPolicy(ctx, policy))
	policy.Limit = 1 << 20
	if err := f.SetQuotaPolicy(ctx, policy); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("SetQuotaPolicy: %v", err)
	}

	quotas := func() map[vfs.SID]vfs.Quota {
		t.Helper()
		list, err := f.Quotas(ctx)
		check(t, err)
		m := make(map[vfs.SID]vfs.Quota)
		for _, q := range list {
			m[q.SID] = q
			if one, err := f.Quota(ctx, q.SID); err != nil || one != q {
				t.Errorf("Quota = %+v, %v, but Quotas %+v", one, err, q)
			}
		}
		if len(m) != len(list) {
			t.Errorf("somebody is listed twice: %+v", list)
		}
		return m
	}
	m := quotas()
	if q := m[aSID]; len(m) != 2 || m[vfs.UnixUserSID(0)].Used == 0 ||
		q != (vfs.Quota{SID: aSID, Used: 1 << 20, Threshold: vfs.NoQuota, Limit: vfs.NoQuota}) {
		t.Errorf("Quotas = %+v", m)
	}
	for _, sid := range []vfs.SID{bSID, noneSID, "S-1-22-1-4294967295", "S-1-5-21-1-2-3-1001", vfs.SIDEveryone, ""} {
		if q, err := f.Quota(ctx, sid); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("Quota(%s) = %+v, %v", sid, q, err)
		}
	}

	// Limits of inodes stay what they are.
	var room quotaRoom
	binary.NativeEndian.PutUint64(room[24:], 77)
	binary.NativeEndian.PutUint64(room[32:], 66)
	binary.NativeEndian.PutUint32(room[64:], 1<<2) // QIF_ILIMITS
	check(t, f.quotactl(setQuota, a, &room))
	rounded := func(n int64) int64 { return (n + d.unit - 1) / d.unit * d.unit }
	for _, test := range []struct{ threshold, limit, wantThreshold, wantLimit int64 }{
		{4096, 8192, 4096, 8192},
		{0, 0, rounded(1024), rounded(1024)},
		{1, 2047, rounded(1024), rounded(1024)},
		{vfs.NoQuota, 3 << 40, vfs.NoQuota, 3 << 40},
		{3 << 20, vfs.NoQuota, 3 << 20, vfs.NoQuota},
		{3 << 20, 2 << 20, 2 << 20, 2 << 20},
		{math.MaxInt64 &^ 4095, math.MaxInt64 &^ 4095, math.MaxInt64 &^ 4095, math.MaxInt64 &^ 4095},
	} {
		check(t, f.SetQuotas(ctx, []vfs.QuotaChange{{SID: aSID, Threshold: test.threshold, Limit: test.limit}}))
		want := vfs.Quota{SID: aSID, Used: 1 << 20, Threshold: test.wantThreshold, Limit: test.wantLimit}
		if q := quotas()[aSID]; q != want {
			t.Errorf("after %+v the quota is %+v, want %+v", test, q, want)
		}
	}
	room = quotaRoom{}
	check(t, f.quotactl(getQuota, a, &room))
	if hard, soft := binary.NativeEndian.Uint64(room[24:]), binary.NativeEndian.Uint64(room[32:]); hard != 77 || soft != 66 {
		t.Errorf("limits of inodes are %d and %d", hard, soft)
	}

	// All or none.
	before := quotas()
	for what, c := range map[string]vfs.QuotaChange{
		"nobody": {SID: vfs.SIDAdministrators, Limit: vfs.NoQuota},
		"-1":     {SID: "S-1-22-1-4294967295", Limit: 1 << 20},
		"no SID": {SID: "x", Limit: 1 << 20},
	} {
		if err := f.SetQuotas(ctx, []vfs.QuotaChange{{SID: aSID, Limit: 5 << 20}, {SID: bSID, Limit: 5 << 20}, c}); !errors.Is(err, fs.ErrInvalid) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if err := f.SetQuotas(ctx, []vfs.QuotaChange{{SID: aSID, Remove: true}, {SID: bSID, Remove: true}}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("to remove what isn't there: %v", err)
	}
	if m := quotas(); !maps.Equal(m, before) {
		t.Errorf("%+v, before %+v", m, before)
	}

	// The last of all users, and root.
	check(t, f.SetQuotas(ctx, []vfs.QuotaChange{
		{SID: noneSID, Limit: 2 << 20}, {SID: vfs.UnixUserSID(0), Limit: 4096}, {SID: aSID, Remove: true},
		{SID: bSID, Limit: 1 << 20}, {SID: bSID, Remove: true},
	}))
	m = quotas()
	if len(m) != 3 || m[noneSID].Limit != 2<<20 || m[vfs.UnixUserSID(0)].Limit != 4096 || m[aSID].Limit != vfs.NoQuota || m[aSID].Used != 1<<20 {
		t.Errorf("Quotas = %+v", m)
	}
	putFile(t, filepath.Join(dir, "root"), 1<<20, 0)
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := f.Quotas(cancelled); !errors.Is(err, context.Canceled) {
		t.Errorf("Quotas, canceled: %v", err)
	}
}

// TestQuotaHolds: a user runs into his limit, and others and root don't.
func TestQuotaHolds(t *testing.T) { eachQuotaDisk(t, testQuotaHolds) }

func testQuotaHolds(t *testing.T, d quotaDisk) {
	dir := d.dir(t, d.limited)
	check(t, os.Chmod(dir, 0o777))
	f := newFSAt(t, dir, &Options{Quotas: true, RunAs: RunAsCaller})
	aSID := vfs.UnixUserSID(alice.Unix.UID)
	check(t, f.SetQuotas(t.Context(), []vfs.QuotaChange{{SID: aSID, Threshold: vfs.NoQuota, Limit: 1 << 20}}))
	write := func(f *FS, c *vfs.Caller, name string) error {
		h, err := f.Create(vfs.WithCaller(t.Context(), c), name, vfs.CreateOptions{OpenOptions: vfs.OpenOptions{Access: vfs.WriteData}})
		check(t, err)
		const step = 64 << 10 // XFS refuses what doesn't fit as a whole
		for off := int64(0); off < 2<<20 && err == nil; off += step {
			_, err = h.(io.WriterAt).WriteAt(make([]byte, step), off)
		}
		return errors.Join(err, h.Close())
	}
	if err := write(f, alice, "hers"); !errors.Is(err, vfs.ErrQuota) {
		t.Errorf("alice exceeds her quota: %v", err)
	}
	if q, err := f.Quota(t.Context(), aSID); err != nil || q.Used == 0 || q.Used > q.Limit {
		t.Errorf("Quota = %+v, %v", q, err)
	}
	check(t, write(f, bob, "his"))
	check(t, write(newFSAt(t, dir, &Options{Quotas: true}), alice, "root's"))

	// Whose SID is only known with his account has the quota of whom he acts as.
	known := &vfs.Caller{SID: "S-1-5-21-1-2-3-1001", Unix: alice.Unix}
	q, err := f.Quota(vfs.WithCaller(t.Context(), known), known.SID)
	if err != nil || q.SID != known.SID || q.Limit != 1<<20 {
		t.Errorf("of a caller: %+v, %v", q, err)
	}
	if q, err := f.Quota(vfs.WithCaller(t.Context(), bob), known.SID); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("of another: %+v, %v", q, err)
	}
}

// TestQuotaCounted: limits don't hold where nobody asked for that.
func TestQuotaCounted(t *testing.T) { eachQuotaDisk(t, testQuotaCounted) }

func testQuotaCounted(t *testing.T, d quotaDisk) {
	dir := d.dir(t, d.counted)
	f := newFSAt(t, dir, &Options{Quotas: true})
	if p, err := f.QuotaPolicy(t.Context()); err != nil || p.Flags != vfs.QuotaTrack {
		t.Errorf("QuotaPolicy = %+v, %v", p, err)
	}
	putFile(t, filepath.Join(dir, "a"), 1<<20, alice.Unix.UID)
	if q, err := f.Quota(t.Context(), vfs.UnixUserSID(alice.Unix.UID)); err != nil || q.Used != 1<<20 {
		t.Errorf("Quota = %+v, %v", q, err)
	}
}

// TestQuotaUnprivileged runs itself as alice, who sees her own quota and sets none.
func TestQuotaUnprivileged(t *testing.T) {
	const variable = "OSFS_TEST_QUOTA_DIR"
	ctx := t.Context()
	aSID, bSID := vfs.UnixUserSID(alice.Unix.UID), vfs.UnixUserSID(bob.Unix.UID)
	if dir := os.Getenv(variable); dir != "" {
		f := newFSAt(t, dir, &Options{Quotas: true})
		if p, err := f.QuotaPolicy(ctx); err != nil || p.Flags != vfs.QuotaEnforce {
			t.Errorf("QuotaPolicy = %+v, %v", p, err)
		}
		want := vfs.Quota{SID: aSID, Used: 1 << 20, Threshold: vfs.NoQuota, Limit: 2 << 20}
		if list, err := f.Quotas(ctx); err != nil || !slices.Equal(list, []vfs.Quota{want}) {
			t.Errorf("Quotas = %+v, %v", list, err)
		}
		if q, err := f.Quota(ctx, aSID); err != nil || q != want {
			t.Errorf("Quota = %+v, %v", q, err)
		}
		if q, err := f.Quota(ctx, bSID); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("another's: %+v, %v", q, err)
		}
		for _, sid := range []vfs.SID{aSID, bSID} {
			if err := f.SetQuotas(ctx, []vfs.QuotaChange{{SID: sid, Limit: 9 << 20}}); !errors.Is(err, fs.ErrPermission) {
				t.Errorf("SetQuotas: %v", err)
			}
		}
		return
	}
	ext4 := quotaDisks["ext4"]
	dir := ext4.dir(t, ext4.limited)
	putFile(t, filepath.Join(dir, "a"), 1<<20, alice.Unix.UID)
	putFile(t, filepath.Join(dir, "b"), 1<<20, bob.Unix.UID)
	check(t, newFSAt(t, dir, &Options{Quotas: true}).SetQuotas(ctx, []vfs.QuotaChange{{SID: aSID, Threshold: vfs.NoQuota, Limit: 2 << 20}}))
	// She can't get to where the program and the directory are.
	at, err := os.Open(dir)
	check(t, err)
	defer at.Close()
	cmd := exec.Command("/proc/self/exe", "-test.run=^TestQuotaUnprivileged$", "-test.v")
	cmd.Dir, cmd.Env, cmd.ExtraFiles = "/", append(os.Environ(), variable+"=/proc/self/fd/3"), []*os.File{at}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: alice.Unix.UID, Gid: alice.Unix.GID}}
	if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "--- PASS: TestQuotaUnprivileged") {
		t.Errorf("as alice: %v\n%s", err, out)
	}
}

// TestQuotaReadOnly: the kernel doesn't even tell quotas where it is mounted read-only.
func TestQuotaReadOnly(t *testing.T) {
	ext4 := quotaDisks["ext4"]
	dir := ext4.dir(t, ext4.limited)
	check(t, unix.Mount("", dir, "", unix.MS_REMOUNT|unix.MS_BIND|unix.MS_RDONLY, ""))
	noQuotas(t, newFSAt(t, dir, &Options{Quotas: true}))
}

// TestQuotaNone: where nothing is counted clients are told that there are no quotas.
func TestQuotaNone(t *testing.T) { noQuotas(t, newFSAt(t, "/proc", &Options{Quotas: true})) }

func noQuotas(t *testing.T, f *FS) {
	t.Helper()
	ctx, sid := t.Context(), vfs.UnixUserSID(0)
	_, errPolicy := f.QuotaPolicy(ctx)
	_, errAll := f.Quotas(ctx)
	_, errOne := f.Quota(ctx, sid)
	for what, err := range map[string]error{
		"QuotaPolicy": errPolicy, "Quotas": errAll, "Quota": errOne,
		"SetQuotas":      f.SetQuotas(ctx, []vfs.QuotaChange{{SID: sid, Limit: 1 << 20}}),
		"SetQuotaPolicy": f.SetQuotaPolicy(ctx, vfs.QuotaPolicy{}),
	} {
		if !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// TestSetAllQuotas: what was set before one can't be is put back, with its time of grace.
func TestSetAllQuotas(t *testing.T) {
	step := func(uid uint32, from, to uint64) *quotaStep {
		return &quotaStep{userQuota{uid: uid, hard: from, grace: 7}, userQuota{uid: uid, hard: to, grace: 7}}
	}
	plan := []*quotaStep{step(1, 10, 11), step(2, 20, 20), step(3, 30, 31), step(4, 40, 41), step(5, 50, 51)}
	for _, test := range []struct {
		failing uint64
		want    []string
	}{
		{0, []string{"1:11", "3:31", "4:41", "5:51"}},
		{11, []string{"1:11"}},
		{41, []string{"1:11", "3:31", "4:41", "3:30 grace", "1:10 grace"}},
	} {
		var calls []string
		errFailing := errors.New("failing")
		err := setAllQuotas(plan, func(q userQuota, fields uint32) error {
			call := fmt.Sprintf("%d:%d", q.uid, q.hard)
			if fields == blockLimits|blockGrace && q.grace == 7 {
				call += " grace"
			}
			calls = append(calls, call)
			if q.hard == test.failing {
				return errFailing
			}
			return nil
		})
		if !slices.Equal(calls, test.want) || errors.Is(err, errFailing) != (test.failing != 0) {
			t.Errorf("when %d fails: %q, %v, want %q", test.failing, calls, err, test.want)
		}
	}
}

// TestQuotaUnasked checks that nothing is told of quotas by who wasn't told to.
func TestQuotaUnasked(t *testing.T) {
	eachQuotaDisk(t, func(t *testing.T, d quotaDisk) { noQuotas(t, newFSAt(t, d.dir(t, d.limited), nil)) })
}
