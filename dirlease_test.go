package smb_test

import (
	"fmt"
	"testing"

	"github.com/gosmbd/smb"
	"github.com/gosmbd/smb/internal/smbtest"
	"github.com/gosmbd/smb/smb2"
)

// dirReq opens a directory as one who lists it. With the right to delete it, too,
// nothing in it could be renamed.
func dirReq(name string, d smb2.Disposition) smb2.CreateRequest {
	req := smbtest.CreateReq(name, d)
	req.Options = smb2.OptionDirectoryFile
	req.DesiredAccess = 0x120089
	return req
}

// Leases on directories are R or RH, and version 2.
func TestDirectoryLeaseGrant(t *testing.T) {
	r := newRig(t, nil)
	mkdir(t, r.fs, "d")
	c := r.caching(smb.Dialect311, 1)
	for i, x := range []struct {
		x    smb2.CreateContext
		want smb2.LeaseState
	}{
		{smbtest.Lease2(leaseKey(1), leaseRWH, 0), leaseRH},
		{smbtest.Lease2(leaseKey(2), leaseRH, 0), leaseRH},
		{smbtest.Lease2(leaseKey(3), leaseRW, 0), leaseR},
		{smbtest.Lease2(leaseKey(4), leaseR, 0), leaseR},
		{smbtest.Lease(leaseKey(5), leaseRH), 0},
	} {
		_, g, st := c.Open(dirReq("d", smb2.Open), x.x)
		if st != ok || g.State() != x.want {
			t.Errorf("%d: %v, %+v", i, st, g.Lease)
		}
	}
	// Who didn't negotiate it gets none.
	old := r.caching(smb.Dialect210, 2)
	_, g, st := old.Open(dirReq("d", smb2.Open), smbtest.Lease2(leaseKey(1), leaseRH, 0))
	if st != ok || g.State() != 0 {
		t.Errorf("2.1: %v, %+v", st, g.Lease)
	}
}

// dirOp changes what is in the directory d. Its open has x among its contexts.
type dirOp func(t *testing.T, c *smbtest.Client, x ...smb2.CreateContext)

// must opens req.
func must(t testing.TB, c *smbtest.Client, req smb2.CreateRequest, x []smb2.CreateContext) smb2.FileID {
	t.Helper()
	resp, _, st := c.Open(req, x...)
	want(t, "CREATE "+req.Name, st, ok)
	return resp.FileID
}

var dirOps = map[string]dirOp{
	"create": func(t *testing.T, c *smbtest.Client, x ...smb2.CreateContext) {
		must(t, c, smbtest.CreateReq(`d\new`, smb2.Create), x)
	},
	"mkdir": func(t *testing.T, c *smbtest.Client, x ...smb2.CreateContext) {
		must(t, c, dirReq(`d\new`, smb2.Create), x)
	},
	"delete": func(t *testing.T, c *smbtest.Client, x ...smb2.CreateContext) {
		id := must(t, c, smbtest.CreateReq(`d\f`, smb2.Open), x)
		want(t, "delete", c.Delete(id, true), ok)
		want(t, "CLOSE", c.CloseFile(id), ok)
	},
	"delete on close": func(t *testing.T, c *smbtest.Client, x ...smb2.CreateContext) {
		req := smbtest.CreateReq(`d\f`, smb2.Open)
		req.Options = smb2.OptionDeleteOnClose
		want(t, "CLOSE", c.CloseFile(must(t, c, req, x)), ok)
	},
	"rename inside": func(t *testing.T, c *smbtest.Client, x ...smb2.CreateContext) {
		want(t, "rename", c.Rename(must(t, c, smbtest.CreateReq(`d\f`, smb2.Open), x), `d\g`, false), ok)
	},
	"rename away": func(t *testing.T, c *smbtest.Client, x ...smb2.CreateContext) {
		want(t, "rename", c.Rename(must(t, c, smbtest.CreateReq(`d\f`, smb2.Open), x), `g`, false), ok)
	},
	"attributes": func(t *testing.T, c *smbtest.Client, x ...smb2.CreateContext) {
		id := must(t, c, smbtest.CreateReq(`d\f`, smb2.Open), x)
		want(t, "SET_INFO", c.SetInfo(id, smb2.ClassFileBasicInformation, smb2.FileBasicInformation{FileAttributes: 2}), ok)
	},
	"size": func(t *testing.T, c *smbtest.Client, x ...smb2.CreateContext) {
		id := must(t, c, smbtest.CreateReq(`d\f`, smb2.Open), x)
		want(t, "SET_INFO", c.SetInfo(id, smb2.ClassFileEndOfFileInformation, smb2.FileEndOfFileInformation{EndOfFile: 100}), ok)
		want(t, "CLOSE", c.CloseFile(id), ok)
	},
	"write": func(t *testing.T, c *smbtest.Client, x ...smb2.CreateContext) {
		id := must(t, c, smbtest.CreateReq(`d\f`, smb2.Open), x)
		_, st := c.Write(id, 0, []byte("more than it was"))
		want(t, "WRITE", st, ok)
		want(t, "CLOSE", c.CloseFile(id), ok)
	},
	"overwrite": func(t *testing.T, c *smbtest.Client, x ...smb2.CreateContext) {
		id := must(t, c, smbtest.CreateReq(`d\f`, smb2.Overwrite), x)
		want(t, "CLOSE", c.CloseFile(id), ok)
	},
}

// A change of what is in a directory ends leases on it, but not that of who says
// that it is his own.
func TestDirectoryLeaseBreak(t *testing.T) {
	for name, op := range dirOps {
		// run has op done by the holder a of a lease, or by b, another client.
		run := func(what string, f func(t *testing.T, r *rig, a, b *smbtest.Client)) {
			t.Run(name+" "+what, func(t *testing.T) {
				bubble(t, nil, func(t *testing.T, r *rig) {
					mkdir(t, r.fs, "d")
					put(t, r.fs, "d/f", "content")
					a, b := r.caching(smb.Dialect311, 1), r.caching(smb.Dialect311, 2)
					r.granted(a, dirReq("d", smb2.Open), smbtest.Lease2(leaseKey(1), leaseRH, 0), leaseRH)
					f(t, r, a, b)
				})
			})
		}
		run("by another", func(t *testing.T, _ *rig, a, b *smbtest.Client) {
			op(t, b)
			leaseBroken(t, a, leaseKey(1), leaseRH, 0, 2)
			ackLease(t, a, leaseKey(1), 0)
			unbroken(t, "one change", a)
		})
		run("by the holder", func(t *testing.T, _ *rig, a, _ *smbtest.Client) {
			op(t, a, smbtest.LeaseUnder(leaseKey(1), leaseKey(2), leaseRWH))
			unbroken(t, "a change by the holder", a)
		})
		run("without the key", func(t *testing.T, _ *rig, a, _ *smbtest.Client) {
			op(t, a, smbtest.Lease2(leaseKey(2), leaseRWH, 0))
			leaseBroken(t, a, leaseKey(1), leaseRH, 0, 2)
		})
		// Another client's key isn't this one's, though it looks the same.
		run("with the key of another client", func(t *testing.T, _ *rig, a, b *smbtest.Client) {
			op(t, b, smbtest.LeaseUnder(leaseKey(1), leaseKey(2), leaseRWH))
			leaseBroken(t, a, leaseKey(1), leaseRH, 0, 2)
		})
	}
}

// What changes nothing in the directory breaks nothing.
func TestDirectoryLeaseKept(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		mkdir(t, r.fs, "d")
		mkdir(t, r.fs, "d/sub")
		put(t, r.fs, "d/f", "content")
		a, b := r.caching(smb.Dialect311, 1), r.caching(smb.Dialect311, 2)
		r.granted(a, dirReq("d", smb2.Open), smbtest.Lease2(leaseKey(1), leaseRH, 0), leaseRH)
		id := r.open(b, `d\f`)
		_, st := b.Read(id, 0, 4)
		want(t, "READ", st, ok)
		_, st = b.QueryInfo(id, smb2.InfoFile, uint8(smb2.ClassFileBasicInformation), 100)
		want(t, "QUERY_INFO", st, ok)
		want(t, "CLOSE", b.CloseFile(id), ok)
		_, st = b.Create(smbtest.CreateReq(`d\missing`, smb2.Open))
		want(t, "CREATE", st, smb2.StatusObjectNameNotFound)
		_, st = b.Create(smbtest.CreateReq(`d\f`, smb2.Create))
		want(t, "CREATE", st, smb2.StatusObjectNameCollision)
		r.open(b, `d\sub\new`)
		r.open(b, `new`)
		r.create(b, dirReq("d", smb2.Open))
		unbroken(t, "nothing changed", a)
	})
}

// The directory itself is renamed or deleted: handles go first.
func TestDirectoryLeaseRename(t *testing.T) {
	for name, op := range map[string]func(id smb2.FileID) smb2.SetInfoRequest{
		"rename": func(id smb2.FileID) smb2.SetInfoRequest {
			return smb2.SetInfoRequest{
				InfoType: smb2.InfoFile, Class: uint8(smb2.ClassFileRenameInformation), FileID: id,
				Data: smb2.FileRenameInformation{FileName: "e"}.Append(nil),
			}
		},
		"delete": func(id smb2.FileID) smb2.SetInfoRequest {
			return smb2.SetInfoRequest{
				InfoType: smb2.InfoFile, Class: uint8(smb2.ClassFileDispositionInformation), FileID: id,
				Data: smb2.FileDispositionInformation{DeletePending: true}.Append(nil),
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, nil)
			mkdir(t, r.fs, "d")
			a, b := r.caching(smb.Dialect311, 1), r.caching(smb.Dialect311, 2)
			held, _ := r.granted(a, dirReq("d", smb2.Open), smbtest.Lease2(leaseKey(1), leaseRH, 0), leaseRH)
			id := r.create(b, smbtest.CreateReq("d", smb2.Open))
			mid := start(b, smb2.CommandSetInfo, op(id))
			leaseBroken(t, a, leaseKey(1), leaseRH, leaseR, 2)
			want(t, "CLOSE", a.CloseFile(held), ok)
			want(t, name, b.Wait(mid).Status, ok)
		})
	}
}

// Who closes last what another wanted gone is told that the name went, by his own lease on the directory; if
// the lease is that of who wanted it, he knows.
func TestDirectoryLeaseOfLastCloser(t *testing.T) {
	for name, del := range map[string]func(t *testing.T, c *smbtest.Client, name string, x ...smb2.CreateContext) smb2.FileID{
		"disposition": func(t *testing.T, c *smbtest.Client, name string, x ...smb2.CreateContext) smb2.FileID {
			id := must(t, c, smbtest.CreateReq(name, smb2.Open), x)
			want(t, "delete", c.Delete(id, true), ok)
			return id
		},
		"on close": func(t *testing.T, c *smbtest.Client, name string, x ...smb2.CreateContext) smb2.FileID {
			return must(t, c, deleting(name), x)
		},
	} {
		for _, file := range []string{`d\f`, `d\f:s`} {
			for _, own := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s %s %v", name, file, own), func(t *testing.T) {
					bubble(t, nil, func(t *testing.T, r *rig) {
						mkdir(t, r.fs, "d")
						a, b := r.caching(smb.Dialect311, 1), r.caching(smb.Dialect311, 2)
						want(t, "CLOSE", b.CloseFile(r.open(b, file)), ok)
						under := smbtest.LeaseUnder(leaseKey(1), leaseKey(2), 0)
						r.granted(b, dirReq("d", smb2.Open), smbtest.Lease2(leaseKey(1), leaseRH, 0), leaseRH)
						last := must(t, b, smbtest.CreateReq(file, smb2.Open), []smb2.CreateContext{under})
						id := smb2.FileID{}
						if own {
							id = del(t, b, file, under)
							a = b
						} else {
							id = del(t, a, file)
						}
						want(t, "CLOSE by who deletes", a.CloseFile(id), ok)
						unbroken(t, "the name is there", b)
						want(t, "CLOSE by the last", b.CloseFile(last), ok)
						if own {
							unbroken(t, "its own deletion", b)
						} else {
							leaseBroken(t, b, leaseKey(1), leaseRH, 0, 2)
						}
						_, st := b.Create(smbtest.CreateReq(file, smb2.Open))
						want(t, "CREATE", st, smb2.StatusObjectNameNotFound)
					})
				})
			}
		}
	}
}

// Who only caches that he has a directory open doesn't keep others from giving names to it.
func TestDirectoryLeaseRenameInto(t *testing.T) {
	for name, x := range map[string]struct {
		class  smb2.FileInfoClass
		info   smbtest.Body
		access uint32
		share  smb2.ShareAccess
	}{
		"rename": {smb2.ClassFileRenameInformation, smb2.FileRenameInformation{FileName: `d\f`}, 0x10000, 7},
		"link":   {smb2.ClassFileLinkInformation, smb2.FileLinkInformation{FileName: `d\f`}, 0, smb2.ShareRead},
	} {
		for _, closes := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s %v", name, closes), func(t *testing.T) {
				bubble(t, nil, func(t *testing.T, r *rig) {
					mkdir(t, r.fs, "d")
					put(t, r.fs, "f", "content")
					a, b := r.caching(smb.Dialect311, 1), r.caching(smb.Dialect311, 2)
					req := dirReq("d", smb2.Open)
					req.DesiredAccess, req.ShareAccess = req.DesiredAccess|x.access, x.share
					held, _ := r.granted(a, req, smbtest.Lease2(leaseKey(1), leaseRH, 0), leaseRH)
					mid := start(b, smb2.CommandSetInfo, smb2.SetInfoRequest{
						InfoType: smb2.InfoFile, Class: uint8(x.class), FileID: r.open(b, "f"), Data: x.info.Append(nil),
					})
					leaseBroken(t, a, leaseKey(1), leaseRH, leaseR, 2)
					status := ok
					if closes {
						want(t, "CLOSE", a.CloseFile(held), ok)
					} else {
						ackLease(t, a, leaseKey(1), leaseR)
						status = smb2.StatusSharingViolation
					}
					want(t, name, b.Wait(mid).Status, status)
				})
			})
		}
	}
}

// Several directories and clients: only those that hold the one that changed are
// told, each once, on each of its leases.
func TestDirectoryLeasesOfMany(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		for _, d := range []string{"d", "e"} {
			mkdir(t, r.fs, d)
		}
		var clients []*smbtest.Client
		for n := range byte(4) {
			c := r.caching(smb.Dialect311, n)
			clients = append(clients, c)
			r.granted(c, dirReq("d", smb2.Open), smbtest.Lease2(leaseKey(1), leaseRH, 0), leaseRH)
			r.granted(c, dirReq("e", smb2.Open), smbtest.Lease2(leaseKey(2), leaseR, 0), leaseR)
		}
		r.open(clients[0], `d\x`)
		for _, c := range clients {
			leaseBroken(t, c, leaseKey(1), leaseRH, 0, 2)
			ackLease(t, c, leaseKey(1), 0)
		}
		unbroken(t, "a change of the other directory", clients...)
		id := r.open(clients[1], `d\x`)
		want(t, "rename", clients[1].Rename(id, `e\x`, false), ok)
		for _, c := range clients {
			leaseBroken(t, c, leaseKey(2), leaseR, 0, 2)
		}
		unbroken(t, "told once", clients...)
	})
}
