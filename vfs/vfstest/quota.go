package vfstest

import (
	"errors"
	"io"
	"io/fs"
	"slices"

	"github.com/gosmbd/smb/vfs"
)

// Two users, and what their objects are like.
const (
	userA, userB = vfs.SID("S-1-5-21-1-2-3-1001"), vfs.SID("S-1-5-21-1-2-3-1002")
	ownedByA     = "O:" + string(userA) + "G:SYD:(A;;FA;;;WD)"
	ownedByB     = "O:" + string(userB) + "G:SYD:(A;;FA;;;WD)"
)

// quotaUnit is large against what a backend allocates for a byte.
const quotaUnit = 1 << 20

// quotaer finds the capability, or skips the test. It leaves A without a quota.
func (s *suite) quotaer() vfs.Quotaer {
	s.Helper()
	q := need[vfs.Quotaer](s, s.fs)
	_, err := q.QuotaPolicy(s.ctx)
	s.declined(err)
	if err != nil {
		s.Fatalf("QuotaPolicy: %v", err)
	}
	err = q.SetQuotas(s.ctx, []vfs.QuotaChange{{SID: userA, Limit: quotaUnit}, {SID: userA, Remove: true}})
	if errors.Is(err, fs.ErrInvalid) {
		s.Skip("the users of this test are nobody there:", err)
	}
	if err != nil {
		s.Fatalf("SetQuotas: %v", err)
	}
	return q
}

// enforce makes limits hold, and sets those of A and B.
func (s *suite) enforce(q vfs.Quotaer, a, b int64) {
	s.Helper()
	if err := q.SetQuotaPolicy(s.ctx, vfs.QuotaPolicy{Threshold: vfs.NoQuota, Limit: vfs.NoQuota, Flags: vfs.QuotaEnforce}); err != nil {
		s.Fatalf("SetQuotaPolicy: %v", err)
	}
	err := q.SetQuotas(s.ctx, []vfs.QuotaChange{{SID: userA, Threshold: vfs.NoQuota, Limit: a}, {SID: userB, Threshold: vfs.NoQuota, Limit: b}})
	if err != nil {
		s.Fatalf("SetQuotas: %v", err)
	}
}

// owned makes a file that belongs to who sddl says.
func (s *suite) owned(name, sddl string) vfs.File {
	s.Helper()
	sd := s.sddl(sddl)
	f, err := s.tryCreate(name, vfs.CreateOptions{OpenOptions: vfs.OpenOptions{Access: readWrite}, Security: &sd})
	if err != nil {
		s.Fatalf("Create(%q): %v", name, err)
	}
	return f
}

// wantUsed checks that a user has n units, give or take half of one.
func (s *suite) wantUsed(sid vfs.SID, n int64) {
	s.Helper()
	q, err := need[vfs.Quotaer](s, s.fs).Quota(s.ctx, sid)
	if n == 0 && errors.Is(err, fs.ErrNotExist) {
		return
	}
	if (q.Used+quotaUnit/2)/quotaUnit != n || err != nil || q.SID != sid {
		s.Errorf("Quota(%s) = %+v, %v, want %d MiB used", sid, q, err, n)
	}
}

func (s *suite) tryWrite(f vfs.File, off, n int64) error {
	s.Helper()
	_, err := need[io.WriterAt](s, f).WriteAt(make([]byte, n), off)
	return err
}

// refused checks that what would have grown A's file failed for his quota, and takes back what
// was done of it: a backend may do as much as the quota allows.
func (s *suite) refused(what string, f vfs.File, size int64, err error) {
	s.Helper()
	s.wantErr(what, err, vfs.ErrQuota)
	if x, err := need[vfs.Quotaer](s, s.fs).Quota(s.ctx, userA); err != nil || x.Used > x.Limit {
		s.Errorf("%s: Quota = %+v, %v", what, x, err)
	}
	if s.stat(f).Size == size {
		return
	}
	if err := need[vfs.Truncater](s, f).Truncate(size); err != nil {
		s.Fatal(err)
	}
}

// testQuota checks that what an owner's objects take is counted: content, streams, and as
// long as an object lives.
func testQuota(s *suite) {
	s.quotaer()
	f := s.owned("f", ownedByA)
	write := func(off, n int64) {
		if err := s.tryWrite(f, off, n); err != nil {
			s.Fatal(err)
		}
	}
	s.wantUsed(userA, 0)
	write(0, 3*quotaUnit)
	s.wantUsed(userA, 3)
	write(quotaUnit, quotaUnit) // over what is there
	s.wantUsed(userA, 3)
	if t, ok := vfs.As[vfs.Truncater](f); ok {
		if err := t.Truncate(2 * quotaUnit); err != nil {
			s.Fatal(err)
		}
		s.wantUsed(userA, 2)
		write(2*quotaUnit, quotaUnit)
	}
	if st, ok := vfs.As[vfs.Streamer](f); ok {
		stream, err := st.OpenStream(s.ctx, "s", vfs.StreamOptions{OpenOptions: vfs.OpenOptions{Access: readWrite}, Create: true})
		if err == nil {
			if err := s.tryWrite(stream, 0, quotaUnit); err != nil {
				s.Fatal(err)
			}
			s.wantUsed(userA, 4)
			if err := st.RemoveStream(s.ctx, "s"); err != nil {
				s.Fatal(err)
			}
			s.wantUsed(userA, 4)
			s.close(stream)
			s.wantUsed(userA, 3)
		}
	}
	if _, ok := vfs.As[vfs.RangeCloner](f); ok {
		g := s.owned("g", ownedByB)
		if err := s.tryWrite(g, 2*quotaUnit-1, 1); err != nil {
			s.Fatal(err)
		}
		gc, _ := vfs.As[vfs.RangeCloner](g)
		if err := gc.CloneRange(s.ctx, vfs.Range{Len: 2 * quotaUnit}, f, 0); err == nil {
			s.wantUsed(userB, 2) // although it takes no more room
		}
		s.wantUsed(userA, 3)
		s.close(g)
	}
	s.remove("f")
	s.wantUsed(userA, 3)
	s.close(f)
	s.wantUsed(userA, 0)
}

// testQuotaMaker checks that an object without a descriptor counts for who made it.
func testQuotaMaker(s *suite) {
	s.quotaer()
	f, err := s.tryCreate("made", vfs.CreateOptions{OpenOptions: vfs.OpenOptions{Access: readWrite}, Owner: userB})
	if err != nil {
		s.Fatal(err)
	}
	if err := s.tryWrite(f, 0, quotaUnit); err != nil {
		s.Fatal(err)
	}
	s.wantUsed(userB, 1)
	s.setSecurity(f, s.sddl(ownedByA))
	s.wantUsed(userB, 0)
	s.wantUsed(userA, 1)
	s.close(f)
	s.remove("made")
	s.wantUsed(userA, 0)
}

// testQuotaLimit checks that nobody exceeds his limit, where limits hold.
func testQuotaLimit(s *suite) {
	q := s.quotaer()
	f, g := s.owned("f", ownedByA), s.owned("g", ownedByB)
	defer s.close(f)
	defer s.close(g)
	s.enforce(q, 2*quotaUnit, vfs.NoQuota)
	if err := s.tryWrite(f, 0, quotaUnit); err != nil {
		s.Fatal(err)
	}
	s.refused("a write beyond the limit", f, quotaUnit, s.tryWrite(f, quotaUnit, 2*quotaUnit))
	s.wantUsed(userA, 1)
	if err := s.tryWrite(f, 0, quotaUnit); err != nil {
		s.Errorf("over what is there: %v", err)
	}
	if err := s.tryWrite(g, 0, 4*quotaUnit); err != nil {
		s.Errorf("somebody else: %v", err)
	}
	if c, ok := vfs.As[vfs.RangeCopier](f); ok {
		var done, n int64
		var err error
		for err == nil && done < 3*quotaUnit {
			n, err = c.CopyRange(s.ctx, quotaUnit+done, g, done, 3*quotaUnit-done)
			done += n
		}
		if !errors.Is(err, errors.ErrUnsupported) {
			s.refused("CopyRange", f, quotaUnit, err)
		}
	}
	s.wantUsed(userA, 1)

	// Below what he has: he keeps it, but gets nothing more.
	s.enforce(q, 0, vfs.NoQuota)
	s.wantErr("a write", s.tryWrite(f, quotaUnit, quotaUnit), vfs.ErrQuota)
	s.wantUsed(userA, 1)

	policy := vfs.QuotaPolicy{Threshold: 5, Limit: 3 * quotaUnit, Flags: vfs.QuotaEnforce | vfs.QuotaTrack | vfs.QuotaLogLimit}
	err := q.SetQuotaPolicy(s.ctx, policy)
	if errors.Is(err, errors.ErrUnsupported) {
		return // it is what it is
	}
	if err != nil {
		s.Fatal(err)
	}
	if got, err := q.QuotaPolicy(s.ctx); got != policy || err != nil {
		s.Errorf("QuotaPolicy = %+v, %v, want %+v", got, err, policy)
	}
	if err := s.tryWrite(f, quotaUnit, quotaUnit); err != nil {
		s.Errorf("where limits don't hold: %v", err)
	}
	policy.Flags = vfs.QuotaEnforce
	if err := errors.Join(q.SetQuotaPolicy(s.ctx, policy), q.SetQuotas(s.ctx, []vfs.QuotaChange{{SID: userA, Remove: true}})); err != nil {
		s.Fatal(err)
	}
	if x, err := q.Quota(s.ctx, userA); err != nil || x.Limit != policy.Limit || x.Threshold != policy.Threshold || !x.Changed.IsZero() {
		s.Errorf("Quota = %+v, %v, want the policy's", x, err)
	}
	s.wantErr("a write beyond the policy's limit", s.tryWrite(f, 2*quotaUnit, 2*quotaUnit), vfs.ErrQuota)
}

// testQuotaOwner checks that what an object takes goes over to who owns it from now on.
func testQuotaOwner(s *suite) {
	q := s.quotaer()
	f := s.owned("f", ownedByA)
	defer s.close(f)
	if err := s.tryWrite(f, 0, 2*quotaUnit); err != nil {
		s.Fatal(err)
	}
	s.enforce(q, vfs.NoQuota, quotaUnit)
	s.wantErr("SetSecurity", s.securer(f).SetSecurity(s.ctx, s.sddl(ownedByB)), vfs.ErrQuota)
	s.wantSecurity(f, s.sddl(ownedByA))
	s.wantUsed(userA, 2)
	s.wantUsed(userB, 0)
	s.enforce(q, vfs.NoQuota, 2*quotaUnit+quotaUnit/4)
	s.setSecurity(f, s.sddl(ownedByB))
	s.wantUsed(userA, 0)
	s.wantUsed(userB, 2)
}

// testQuotaChanges checks that changes are made all or none.
func testQuotaChanges(s *suite) {
	q := s.quotaer()
	list := func() (sids []vfs.SID) {
		all, err := q.Quotas(s.ctx)
		if err != nil {
			s.Fatal(err)
		}
		for _, x := range all {
			if x.SID == userA || x.SID == userB {
				sids = append(sids, x.SID)
			}
		}
		slices.Sort(sids)
		return sids
	}
	change := vfs.QuotaChange{SID: userA, Threshold: quotaUnit, Limit: 2 * quotaUnit}
	s.wantErr("SetQuotas", q.SetQuotas(s.ctx, []vfs.QuotaChange{change, {SID: userB, Remove: true}}), fs.ErrNotExist)
	s.wantErr("SetQuotas", q.SetQuotas(s.ctx, []vfs.QuotaChange{change, {SID: "S-1-", Limit: 1}}), fs.ErrInvalid)
	if got := list(); len(got) > 0 {
		s.Errorf("after changes that were refused there are %v", got)
	}
	_, err := q.Quota(s.ctx, userA)
	s.wantErr("Quota", err, fs.ErrNotExist)
	if err := q.SetQuotas(s.ctx, []vfs.QuotaChange{change, {SID: userB}, {SID: userB, Remove: true}}); err != nil {
		s.Fatal(err)
	}
	if got := list(); !slices.Equal(got, []vfs.SID{userA}) {
		s.Errorf("there are %v", got)
	}
	x, err := q.Quota(s.ctx, userA)
	if err != nil || x.Threshold != quotaUnit || x.Limit != 2*quotaUnit || x.Used != 0 {
		s.Errorf("Quota = %+v, %v", x, err)
	}
	if err := q.SetQuotas(s.ctx, []vfs.QuotaChange{{SID: userA, Remove: true}}); err != nil {
		s.Fatal(err)
	}
	if got := list(); len(got) > 0 {
		s.Errorf("after all are removed there are %v", got)
	}
}
