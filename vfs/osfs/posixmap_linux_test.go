package osfs

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/gosmbd/smb/vfs"
	"github.com/gosmbd/smb/vfs/vfstest"
)

func TestFSMapped(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("the process may lose its own right to what it makes")
	}
	vfstest.TestFS(t, func(t *testing.T) vfs.FS {
		return newFS(t, &Options{SecurityFromMode: true, ModeFromSecurity: true})
	})
}

// A derived descriptor grants each what the system would: the first entry about
// somebody counts alone.
func TestDerive(t *testing.T) {
	f := newFS(t, nil)
	const owner, group, named, team = 1, 2, 3, 4
	who := map[string]*vfs.Token{
		"owner":         (&vfs.Caller{SID: vfs.UnixUserSID(owner)}).Token(),
		"owner, group":  (&vfs.Caller{SID: vfs.UnixUserSID(owner), Groups: []vfs.SID{vfs.UnixGroupSID(group)}}).Token(),
		"group":         (&vfs.Caller{SID: vfs.UnixUserSID(9), Groups: []vfs.SID{vfs.UnixGroupSID(group)}}).Token(),
		"other":         (&vfs.Caller{SID: vfs.UnixUserSID(9)}).Token(),
		"named":         (&vfs.Caller{SID: vfs.UnixUserSID(named)}).Token(),
		"team":          (&vfs.Caller{SID: vfs.UnixUserSID(9), Groups: []vfs.SID{vfs.UnixGroupSID(team)}}).Token(),
		"group of both": (&vfs.Caller{SID: vfs.UnixUserSID(9), Groups: []vfs.SID{vfs.UnixGroupSID(group), vfs.UnixGroupSID(team)}}).Token(),
	}
	mode := func(m uint16) []posixEntry {
		return []posixEntry{{posixUserObj, m >> 6, 0}, {posixGroupObj, m >> 3 & 7, 0}, {posixOther, m & 7, 0}}
	}
	listed := func(m, user, grp, mask uint16) []posixEntry {
		return []posixEntry{{posixUserObj, m >> 6, 0}, {posixUser, user, named}, {posixGroupObj, m >> 3 & 7, 0}, {posixGroup, grp, team},
			{posixMask, mask, 0}, {posixOther, m & 7, 0}}
	}
	for _, test := range []struct {
		name   string
		access []posixEntry
		want   map[string]uint32
	}{
		{"usual", mode(0o754), map[string]uint32{"owner": 7, "owner, group": 7, "group": 5, "other": 4, "named": 4}},
		{"others only", mode(0o007), map[string]uint32{"owner": 0, "owner, group": 0, "group": 0, "other": 7}},
		{"group less than others", mode(0o604), map[string]uint32{"owner": 6, "owner, group": 6, "group": 0, "other": 4}},
		{"list", listed(0o740, 6, 5, 7), map[string]uint32{"owner": 7, "group": 4, "named": 6, "team": 5, "group of both": 5, "other": 0}},
		{"mask", listed(0o775, 7, 7, 1), map[string]uint32{"owner": 7, "group": 1, "named": 1, "team": 1, "other": 5}},
	} {
		for _, dir := range []uint32{0o100000, 0o040000} {
			sd := f.derive(&posixACL{st: status{mode: dir, uid: owner, gid: group}, access: test.access})
			for name, want := range test.want {
				got := sd.Maximum(who[name])
				if modeBits(got) != want || got&modeAlways != modeAlways || (got&vfs.WriteDAC != 0) != (name[0] == 'o' && name != "other") {
					t.Errorf("%s: %s may %#x in %s, want %o", test.name, name, got, sd, want)
				}
			}
		}
	}
}

func TestSecurityMode(t *testing.T) {
	const head = "O:S-1-22-1-1G:S-1-22-2-2"
	for _, test := range []struct {
		sddl string
		want uint32
	}{
		{"D:NO_ACCESS_CONTROL", 0o777},
		{"D:", 0},
		{"D:(A;;FA;;;S-1-22-1-1)(A;;FR;;;S-1-22-2-2)", 0o740},
		{"D:(A;;FA;;;S-1-22-1-1)(A;;0x1200a9;;;WD)", 0o755},
		{"D:(A;;FA;;;S-1-22-1-1)(A;;FR;;;AU)(A;;FR;;;BG)(A;;FR;;;NU)", 0o700},
		{"D:(A;;0x2;;;WD)", 0}, // to write without appending isn't the bit w
		{"D:(D;;FW;;;S-1-5-21-1-2-3-4)(A;;FA;;;WD)", 0o755},
		{"D:(D;;FR;;;S-1-22-1-1)(A;;FA;;;WD)", 0o333},
		{"D:(A;OIIO;FA;;;WD)(A;;FR;;;OW)", 0o400},
	} {
		if got := securityMode(sddl(t, head+test.sddl)); got != test.want {
			t.Errorf("%s: %o, want %o", test.sddl, got, test.want)
		}
	}
}

// What is set is seen by local programs, and what they change is seen.
func TestMapped(t *testing.T) {
	dir := t.TempDir()
	f := newFSAt(t, dir, &Options{SecurityFromMode: true, ModeFromSecurity: true})
	path := filepath.Join(dir, "f")
	check(t, os.WriteFile(path, nil, 0o640))
	check(t, os.Chmod(path, 0o640))
	got, err := f.Open(t.Context(), "f", vfs.OpenOptions{})
	check(t, err)
	h := got.(*File)
	defer h.Close()
	var st status
	check(t, st.fd(h.fd))
	o, g := vfs.UnixUserSID(st.uid), vfs.UnixGroupSID(st.gid)
	derived := func(rest string) string {
		return "O:" + string(o) + "G:" + string(g) + "D:(A;;0x1f01df;;;" + string(o) + ")" + rest
	}
	wantSDDL(t, h, derived("(A;;FR;;;"+string(g)+")(A;;0x120088;;;WD)"))

	const set = "O:S-1-22-1-1234G:S-1-22-2-2345D:P(A;;FA;;;S-1-22-1-1234)(A;;0x1200a9;;;WD)"
	check(t, h.SetSecurity(t.Context(), sddl(t, set)))
	wantSDDL(t, h, set)
	check(t, st.fd(h.fd))
	if st.mode != 0o100755 || os.Geteuid() == 0 && (st.uid != 1234 || st.gid != 2345) {
		t.Errorf("mode %o, owner %d, group %d", st.mode, st.uid, st.gid)
	}

	check(t, os.Chmod(path, 0o600))
	o, g = vfs.UnixUserSID(st.uid), vfs.UnixGroupSID(st.gid)
	wantSDDL(t, h, derived("(A;;0x120088;;;"+string(g)+")(A;;0x120088;;;WD)"))
}
