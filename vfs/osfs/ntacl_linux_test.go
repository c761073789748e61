package osfs

import (
	"bytes"
	"encoding/hex"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gosmbd/smb/vfs"
)

// What smbd 4.17.12 with acl_xattr stored, all on ext4 as root.
const (
	// smbdDirectory is of a directory with a POSIX ACL and no default one, mode 0774.
	smbdDirectory = "0400040000000200040002000100cbc583edc1e09f17c8c42935a76421bd9062ba23986229eef6cfa95cf2e6be690000000000000000000000000000000000000000000000000000000000000000706f7369785f61636c00e643e84ba879dd01996792ede58bc8c8fe09257b8dde0c6165ed345d14802bb4b389864483c08a44000000000000000000000000000000000000000000000000000000000000000001001490b4000000c400000000000000d40000000102000000000016010000000000000001020000000000160200000000000000040034000200000000001800ff010000010200000000001601000000000000000000140089001200010100000000000100000000"
	// smbdFile is of a file with an ACL, mode 0775.
	smbdFile = "040004000000020004000200010045c79cb91af70e59080d13caee9012e314d539e06055da0cf65b88b1cab7997a0000000000000000000000000000000000000000000000000000000000000000706f7369785f61636c00d066d61ea879dd015dd2b193e43b4dc35157ee98c7526c731dd3e007cf250e67358da2c7ca90748e000000000000000000000000000000000000000000000000000000000000000001000480b4000000d000000000000000ec00000001050000000000051500000069ee072e50c4c64450b0befde803000001050000000000051500000069ee072e50c4c64450b0befd01020000020064000300000000002400ff011f0001050000000000051500000069ee072e50c4c64450b0befde803000000002400a900120001050000000000051500000069ee072e50c4c64450b0befd0102000000001400a9001200010100000000000100000000"
	// smbdDefault is of a directory with a default ACL, mode 0775.
	smbdDefault = "04000400000002000400020001005e63d72f554ef87edd13184a178fd1658e7a57830ee91f5b6b6ad555bbb3401e0000000000000000000000000000000000000000000000000000000000000000706f7369785f61636c009849d61ea879dd010da4270ae6b917c1692ed2e29bf473082239edf9883d68cb10aecc5e00e7ee07000000000000000000000000000000000000000000000000000000000000000001000480b4000000d000000000000000ec00000001050000000000051500000069ee072e50c4c64450b0befde803000001050000000000051500000069ee072e50c4c64450b0befd0102000002008c000500000000002400ff011f0001050000000000051500000069ee072e50c4c64450b0befde8030000000b1400ff011f0001010000000000030000000000002400a900120001050000000000051500000069ee072e50c4c64450b0befd01020000000b1400a900120001010000000000030100000000031400a9001200010100000000000100000000"
	// smbdIgnore is what it writes with "ignore system acls".
	smbdIgnore = "030003000000020004000200010000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000001001490640000007400000000000000840000000102000000000016010000000000000001020000000000160200000000000000040034000200000000001800ff010000010200000000001601000000000000000000140089001200010100000000000100000000"
)

// The ACLs of those objects.
var (
	smbdAccess = []posixEntry{{posixUserObj, 7, 1<<32 - 1}, {posixUser, 7, 0}, {posixGroupObj, 5, 1<<32 - 1}, {posixGroup, 5, 0},
		{posixMask, 7, 1<<32 - 1}, {posixOther, 5, 1<<32 - 1}}
	smbdAccess774 = []posixEntry{{posixUserObj, 7, 1<<32 - 1}, {posixUser, 7, 0}, {posixGroupObj, 4, 1<<32 - 1}, {posixGroup, 4, 0},
		{posixMask, 7, 1<<32 - 1}, {posixOther, 4, 1<<32 - 1}}
)

func mustHex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestParseNTACL(t *testing.T) {
	const domain = "S-1-5-21-772271721-1153877072-4257132624"
	const file = "O:" + domain + "-1000G:" + domain + "-513D:(A;;FA;;;" + domain + "-1000)(A;;0x1200a9;;;" + domain + "-513)(A;;0x1200a9;;;WD)"
	const sd = "O:S-1-22-1-0G:S-1-22-2-0D:P(A;;0x1ff;;;S-1-22-1-0)(A;;FR;;;WD)"
	for _, test := range []struct {
		name, blob, want string
		p                *posixACL
	}{
		{"file", smbdFile, file, &posixACL{st: status{mode: 0o100775}, access: smbdAccess, listed: true}},
		{"directory", smbdDirectory, sd,
			&posixACL{st: status{mode: 0o40774}, access: smbdAccess774, listed: true}},
		{"directory with default", smbdDefault, "", &posixACL{st: status{mode: 0o40775}, access: smbdAccess, listed: true, standard: smbdAccess, hasStd: true}},
		{"without hash", smbdIgnore, sd, nil},
	} {
		n, err := parseNTACL(mustHex(t, test.blob))
		if err != nil || test.want != "" && n.sd.String() != test.want {
			t.Errorf("%s: %s, %v\nwant %s", test.name, n.sd, err, test.want)
		}
		if n.hashed != (test.p != nil) || test.p != nil && !test.p.matches(n.hash) {
			t.Errorf("%s: the hash doesn't match", test.name)
		}
		if test.p != nil {
			test.p.st.mode ^= 0o001
			if test.p.matches(n.hash) {
				t.Errorf("%s: the hash matches another mode", test.name)
			}
		}
		// What Samba wrote is what would be written: but for the hash that
		// only Samba can make, and the time.
		again := appendNTACL(nil, n, time.Time{})
		want := mustHex(t, test.blob)
		for _, b := range [][]byte{again, want} {
			if b[0] == 4 {
				clear(b[14:78])
				clear(b[88:96])
			}
		}
		if test.name != "directory" && test.name != "without hash" && !bytes.Equal(again, want) { // those have an ACL revision for AD
			t.Errorf("%s: written as\n%x\nwant\n%x", test.name, again, want)
		}
	}
}

// ksmbd leaves out lists that the system doesn't store.
func TestPOSIXHashBare(t *testing.T) {
	p := &posixACL{st: status{mode: 0o40755}, access: []posixEntry{{posixUserObj, 7, 0}, {posixGroupObj, 5, 0}, {posixOther, 5, 0}}}
	bare, full := p.hash(true), p.hash(false)
	if bare == full || !p.matches(bare) || !p.matches(full) || p.matches([ntaclHash]byte{}) {
		t.Errorf("bare %x, full %x", bare, full)
	}
	p.listed, p.hasStd = true, true
	if p.hash(true) != p.hash(false) {
		t.Error("lists that are stored were left out")
	}
}

func TestParseNTACLVersions(t *testing.T) {
	sd := vfs.SecurityDescriptor{Owner: vfs.SIDSystem, Group: vfs.SIDUsers, DACL: &vfs.ACL{}}
	shifted := func(at int) []byte {
		b := sd.Append(nil)
		for _, field := range []int{4, 8, 16} {
			b[field] += byte(at)
		}
		return b
	}
	for version, head := range map[byte]int{1: 8, 2: 28, 3: 80} {
		blob := append(make([]byte, head), shifted(head)...)
		blob[0], blob[2] = version, version
		n, err := parseNTACL(blob)
		if err != nil || n.sd.String() != sd.String() || n.hashed {
			t.Errorf("version %d: %+v, %v", version, n, err)
		}
		if version == 3 {
			blob[14] = 1 // a hash that nobody else can make
			if n, err := parseNTACL(blob); err != nil || !n.hashed || (&posixACL{}).matches(n.hash) {
				t.Errorf("version %d with hash: %+v, %v", version, n, err)
			}
		}
		for i := range blob {
			if n, err := parseNTACL(blob[:i]); err == nil && n.sd.String() == sd.String() {
				t.Errorf("version %d, cut to %d bytes, is %s", version, i, n.sd)
			}
		}
	}
	// A part in the descriptor's head, or before it, is none; and a DACL that isn't there
	// lets everybody in.
	for _, field := range []int{4, 8, 16} {
		for _, off := range []byte{1, 7, 8, 9, 8 + ntaclFixed - 1} {
			blob := append([]byte{1, 0, 1, 0, 0, 0, 0, 0}, shifted(8)...)
			blob[8+field] = off
			if n, err := parseNTACL(blob); err == nil {
				t.Errorf("with offset %d at %d: %s", off, field, n.sd)
			}
		}
	}
	for _, blob := range []string{"", "0500050000000200", "0400030000000200", "0100010000000200"} {
		if n, err := parseNTACL(mustHex(t, blob)); err == nil {
			t.Errorf("%s is %+v", blob, n)
		}
	}
}

func FuzzNTACL(f *testing.F) {
	for _, s := range []string{smbdDirectory, smbdFile, smbdDefault, smbdIgnore} {
		f.Add(mustHex(f, s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		n, err := parseNTACL(b)
		if err != nil {
			return
		}
		if n.sd.Validate() != nil {
			return // opaque entries may be longer together than a list can be
		}
		again, err := parseNTACL(appendNTACL(nil, n, time.Now()))
		if err != nil || again.sd.String() != n.sd.String() || again.hashed != n.hashed || again.hash != n.hash {
			t.Fatalf("%+v became %+v, %v", n, again, err)
		}
	})
}

// BenchmarkSecurity measures what each CREATE pays.
func BenchmarkSecurity(b *testing.B) {
	dir := b.TempDir()
	f := newFSAt(b, dir, nil)
	h, err := f.Create(b.Context(), "f", vfs.CreateOptions{})
	if err != nil {
		b.Fatal(err)
	}
	defer h.Close()
	sec := h.(*File)
	run := func(name string) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_, _ = sec.security()
			}
		})
	}
	run("None")
	f.sys.userACL = true
	run("NoneUser")
	f.sys.userACL = false
	sd, err := vfs.ParseSDDL("O:SYG:SYD:(A;;FA;;;BA)(A;;FR;;;WD)(A;;FA;;;S-1-5-21-1-2-3-1001)")
	if err != nil {
		b.Fatal(err)
	}
	if err := sec.setSecurity(sd); err != nil {
		b.Skip(err)
	}
	run("Stored")
	b.Run("List", func(b *testing.B) {
		var room [1024]byte
		for b.Loop() {
			_, _ = unix.Flistxattr(sec.fd, room[:])
		}
	})
}
