package memfs

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/gosmbd/smb/vfs"
)

var users = []vfs.SID{"S-1-5-21-1-2-3-1001", "S-1-5-21-1-2-3-1002", "S-1-5-21-1-2-3-1003"}

func ownedBy(t *testing.T, sid vfs.SID) vfs.SecurityDescriptor {
	t.Helper()
	sd, err := vfs.ParseSDDL("O:" + string(sid) + "G:SYD:(A;;FA;;;WD)")
	if err != nil {
		t.Fatal(err)
	}
	return sd
}

// checkAccounts compares what each user is said to have with what there is, to the byte.
func checkAccounts(t *testing.T, f *FS, after string) {
	t.Helper()
	sum := make(map[vfs.SID]int64)
	for _, n := range f.byID {
		has := n.content.alloc
		for _, s := range n.streams {
			has += s.content.alloc
		}
		if n.opens.Load() == 0 && n.charged != has {
			t.Fatalf("after %s: node %d counts %d bytes and has %d", after, n.id, n.charged, has)
		}
		sum[n.owner()] += n.charged
	}
	for _, sid := range users {
		var used int64
		if x := f.accounts.bySID[sid]; x != nil {
			used = x.used
		}
		if used != sum[sid] {
			t.Fatalf("after %s: %s is said to have %d bytes and has %d", after, sid, used, sum[sid])
		}
	}
}

// TestAccounts does at random what changes what users have, also beyond the limits.
func TestAccounts(t *testing.T) {
	ctx := context.Background()
	for seed := range uint64(8) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		f := &FS{MaxBytes: 3 << 20}
		f.SetQuotaPolicy(ctx, vfs.QuotaPolicy{Threshold: vfs.NoQuota, Limit: 1 << 20, Flags: vfs.QuotaEnforce})
		name := func() string { return fmt.Sprintf("f%d", rnd.IntN(6)) }
		use := func(name string, do func(file vfs.File) error) error {
			file, err := f.Open(ctx, name, vfs.OpenOptions{Access: vfs.AccessFull})
			if err != nil {
				return err
			}
			defer file.Close()
			return do(file)
		}
		for i := range 1500 {
			off, n := rnd.Int64N(300<<10), rnd.Int64N(200<<10)
			ops := []func() error{
				func() error {
					opt := vfs.CreateOptions{OpenOptions: vfs.OpenOptions{Access: vfs.AccessFull}, Owner: users[rnd.IntN(3)]}
					if rnd.IntN(2) == 0 {
						sd := ownedBy(t, users[rnd.IntN(3)])
						opt.Security = &sd
					}
					file, err := f.Create(ctx, name(), opt)
					if err == nil {
						err = file.Close()
					}
					return err
				},
				func() error {
					return use(name(), func(file vfs.File) error {
						_, err := file.(io.WriterAt).WriteAt(make([]byte, n), off)
						return err
					})
				},
				func() error {
					return use(name(), func(file vfs.File) error { return file.(vfs.Truncater).Truncate(off) })
				},
				func() error {
					return use(name(), func(file vfs.File) error { return file.(vfs.Sparser).Punch(ctx, vfs.Range{Off: off, Len: n}) })
				},
				func() error {
					return use(name(), func(file vfs.File) error {
						return use(name(), func(src vfs.File) error {
							_, err := file.(vfs.RangeCopier).CopyRange(ctx, off, src, 0, n)
							return err
						})
					})
				},
				func() error {
					return use(name(), func(file vfs.File) error {
						return use(name(), func(src vfs.File) error {
							r := vfs.Range{Off: off &^ (64<<10 - 1), Len: 64 << 10}
							return file.(vfs.RangeCloner).CloneRange(ctx, r, src, 0)
						})
					})
				},
				func() error {
					return use(name(), func(file vfs.File) error {
						return file.(vfs.Securer).SetSecurity(ctx, ownedBy(t, users[rnd.IntN(3)]))
					})
				},
				func() error {
					return use(name(), func(file vfs.File) error {
						s, err := file.(vfs.Streamer).OpenStream(ctx, fmt.Sprint("s", rnd.IntN(2)), vfs.StreamOptions{OpenOptions: vfs.OpenOptions{Access: vfs.AccessFull}, Create: true})
						if err != nil {
							return err
						}
						defer s.Close()
						if rnd.IntN(3) == 0 {
							file.(vfs.Streamer).RemoveStream(ctx, fmt.Sprint("s", rnd.IntN(2)))
						}
						_, err = s.(io.WriterAt).WriteAt(make([]byte, n/4), off/4)
						return err
					})
				},
				func() error { return f.Rename(ctx, name(), name(), true) },
				func() error { return f.Remove(ctx, name()) },
			}
			op := rnd.IntN(len(ops))
			err := ops[op]()
			checkAccounts(t, f, fmt.Sprintf("step %d of seed %d, operation %d: %v", i, seed, op, err))
		}
		for i := range 6 {
			f.Remove(ctx, fmt.Sprint("f", i))
		}
		if len(f.accounts.bySID) > 0 || len(f.byID) > 0 || f.used.Load() != 0 {
			t.Errorf("seed %d: left are %v, %d names, %d bytes", seed, f.accounts.bySID, len(f.byID), f.used.Load())
		}
	}
}

// TestQuotaClone writes over what is shared, where nothing may grow.
func TestQuotaClone(t *testing.T) {
	ctx := context.Background()
	f := &FS{}
	opt := vfs.CreateOptions{OpenOptions: vfs.OpenOptions{Access: vfs.AccessFull}, Owner: users[0]}
	a, err := f.Create(ctx, "a", opt)
	if err != nil {
		t.Fatal(err)
	}
	b, err := f.Create(ctx, "b", opt)
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range []vfs.File{a, b} {
		if _, err := file.(io.WriterAt).WriteAt(make([]byte, 64<<10), 0); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.(vfs.RangeCloner).CloneRange(ctx, vfs.Range{Len: 64 << 10}, a, 0); err != nil {
		t.Fatal(err)
	}
	f.SetQuotaPolicy(ctx, vfs.QuotaPolicy{Threshold: vfs.NoQuota, Limit: 128 << 10, Flags: vfs.QuotaEnforce})
	var wg sync.WaitGroup
	for _, file := range []vfs.File{a, b} {
		wg.Go(func() {
			if _, err := file.(io.WriterAt).WriteAt([]byte{1}, 5); err != nil {
				t.Errorf("over what is there: %v", err)
			}
		})
	}
	wg.Wait()
	checkAccounts(t, f, "that")
}

// TestNameOfDeep finds what is as deep as a client can send a name of, and nothing deeper.
func TestNameOfDeep(t *testing.T) {
	ctx := context.Background()
	f := &FS{MaxBytes: -1}
	top := ""
	var ids []uint64
	mkdir := func(name string) {
		d, err := f.Create(ctx, name, vfs.CreateOptions{Directory: true})
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		a, _ := d.Stat(ctx)
		ids = append(ids, a.ID)
	}
	// From the bottom up: each is moved into the next, so no long name is needed.
	elem := strings.Repeat("x", 199)
	mkdir("0")
	for i := range vfs.MaxName/200 + 10 {
		next := fmt.Sprint(1 - i%2)
		mkdir(next)
		if err := f.Rename(ctx, fmt.Sprint(i%2), next+"/"+elem, false); err != nil {
			t.Fatal(err)
		}
		top = next
	}
	if name, err := f.Name(ctx, ids[len(ids)-1]); name != top || err != nil {
		t.Errorf("the top is %q, %v", name, err)
	}
	if name, err := f.Name(ctx, ids[len(ids)-101]); len(name) != 1+100*200 || err != nil {
		t.Errorf("the hundredth below is %q, %v", name, err)
	}
	if name, err := f.Name(ctx, ids[0]); err == nil {
		t.Errorf("the deepest has a name of %d bytes", len(name))
	}
}
