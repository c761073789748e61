package interop

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gosmbd/smb/internal/harness"
	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs"
	"github.com/gosmbd/smb/vfs/osfs"
)

// movedObject is an object of a data set: what Samba and osfs keep in extended
// attributes.
type movedObject struct {
	name       string
	dir        bool
	attributes vfs.Attributes
	created    time.Time
	stream     string
	security   string // SDDL
}

const movedInfo = vfs.OwnerSecurity | vfs.GroupSecurity | vfs.DACLSecurity

// movedSet has owner and group of the machine, since Samba applies them.
func movedSet(prefix string) []movedObject {
	const own = "O:S-1-22-1-0G:S-1-22-2-0D:"
	day := func(n int) time.Time { return time.Date(2001, 2, n, 3, 4, 5, 600, time.UTC) }
	return []movedObject{
		{prefix + "d", true, vfs.AttrHidden, day(1), "of a directory", own + "PAI(A;OICI;FA;;;S-1-22-1-0)(A;OICIIO;FR;;;CO)(A;;0x1200a9;;;WD)"},
		{prefix + "d/f", false, vfs.AttrHidden | vfs.AttrSystem, day(2), "of a file", own + "P(A;;FA;;;S-1-22-1-0)(A;;FR;;;S-1-5-21-1-2-3-1001)(A;;FR;;;WD)"},
		{prefix + "f", false, vfs.AttrArchive, day(3), "", own + "(D;;0x2;;;S-1-5-21-1-2-3-1002)(A;;FA;;;S-1-22-1-0)(A;;FR;;;WD)"},
	}
}

// TestMovedDataSet serves one directory with Samba's smbd and with osfs: what one of them
// stored the other finds.
func TestMovedDataSet(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("security.NTACL is root's")
	}
	need(t, "smbpasswd")
	for _, mode := range []string{"acl", "aclonly"} {
		t.Run(mode, func(t *testing.T) {
			dir := t.TempDir() // a disk: it has POSIX ACLs
			s, err := harness.StartSamba(t.TempDir(), harness.Config{
				Shares: []harness.Share{{Name: "share", Dir: dir, Options: []string{mode}}},
				Users:  []harness.User{{Name: userName, Password: password}},
			})
			if err != nil {
				missing(t, err.Error())
			}
			t.Cleanup(func() {
				if err := s.Stop(); err != nil {
					t.Error(err)
				}
			})
			c := mustLogon(t, s.Addr())
			f, err := osfs.New(dir, &osfs.Options{IgnoreMode: mode == "aclonly"})
			check(t, err)
			defer f.Close()

			for _, o := range movedSet("samba-") {
				o.writeSMB(t, c)
			}
			for _, o := range movedSet("samba-") {
				o.checkOS(t, f)
				o.checkSMB(t, c)
			}
			for _, o := range movedSet("osfs-") {
				o.writeOS(t, f)
			}
			for _, o := range movedSet("osfs-") {
				o.checkSMB(t, c)
				o.checkOS(t, f)
			}
			if mode == "aclonly" {
				return
			}
			// What a chmod changed is the other's concern as well.
			o := movedSet("osfs-")[2]
			check(t, os.Chmod(filepath.Join(dir, o.name), 0o600))
			if got := o.security1(t, c); got == o.security {
				t.Errorf("Samba still shows %s", got)
			}
			if got, err := o.open(t, f).Security(t.Context()); err != nil || got.String() == o.security {
				t.Errorf("osfs still shows %s, %v", got, err)
			}
		})
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// create opens or creates the object, or its stream, over SMB.
func (o movedObject) create(t *testing.T, c *rawClient, stream string) (smb2.FileID, smb2.CreateResponse) {
	t.Helper()
	options := smb2.OptionNonDirectoryFile
	if o.dir && stream == "" {
		options = smb2.OptionDirectoryFile
	}
	_, msg, err := c.call(smb2.CommandCreate, 1, smb2.CreateRequest{
		Impersonation: smb2.ImpersonationImpersonation,
		DesiredAccess: uint32(vfs.MaximumAllowed), ShareAccess: shareAll, Disposition: smb2.OpenIf, Options: options,
		FileAttributes: uint32(o.attributes), Name: strings.ReplaceAll(o.name, "/", `\`) + stream,
	}.Append)
	check(t, err)
	resp, err := smb2.ParseCreateResponse(msg)
	check(t, err)
	return resp.FileID, resp
}

func (o movedObject) writeSMB(t *testing.T, c *rawClient) {
	t.Helper()
	if o.stream != "" {
		id, _ := o.create(t, c, "")
		check(t, c.close(id))
		id, _ = o.create(t, c, ":str")
		_, _, err := c.call(smb2.CommandWrite, 1, smb2.WriteRequest{FileID: id, Data: []byte(o.stream)}.Append)
		check(t, err)
		check(t, c.close(id))
	}
	id, _ := o.create(t, c, "")
	set := func(typ smb2.InfoType, class uint8, info uint32, data []byte) {
		t.Helper()
		_, _, err := c.call(smb2.CommandSetInfo, 1, smb2.SetInfoRequest{InfoType: typ, Class: class, Additional: info, FileID: id, Data: data}.Append)
		check(t, err)
	}
	sd, err := vfs.ParseSDDL(o.security)
	check(t, err)
	sd.Control |= vfs.SDDACLInheritReq
	set(smb2.InfoSecurity, 0, uint32(movedInfo), sd.Append(nil))
	basic := smb2.FileBasicInformation{CreationTime: smb2.FileTimeOf(o.created), FileAttributes: uint32(o.attributes)}
	set(smb2.InfoFile, uint8(smb2.ClassFileBasicInformation), 0, basic.Append(nil))
	check(t, c.close(id))
}

// security1 queries the descriptor over SMB.
func (o movedObject) security1(t *testing.T, c *rawClient) string {
	t.Helper()
	id, _ := o.create(t, c, "")
	defer c.close(id)
	_, msg, err := c.call(smb2.CommandQueryInfo, 1, smb2.QueryInfoRequest{
		InfoType: smb2.InfoSecurity, OutputLength: 4096, Additional: uint32(movedInfo), FileID: id,
	}.Append)
	check(t, err)
	resp, err := smb2.ParseQueryInfoResponse(msg)
	check(t, err)
	sd, err := vfs.ParseSecurityDescriptor(resp.Data)
	check(t, err)
	return sd.String()
}

func (o movedObject) checkSMB(t *testing.T, c *rawClient) {
	t.Helper()
	id, resp := o.create(t, c, "")
	check(t, c.close(id))
	attributes := vfs.Attributes(resp.FileAttributes) &^ (vfs.AttrDirectory | vfs.AttrNormal)
	if attributes != o.attributes || !resp.CreationTime.Time().Equal(o.created) {
		t.Errorf("%s over SMB: attributes %#x, created %v", o.name, attributes, resp.CreationTime.Time())
	}
	if got := o.security1(t, c); got != o.security {
		t.Errorf("%s over SMB: %s\nwant %s", o.name, got, o.security)
	}
	if o.stream == "" {
		return
	}
	id, _ = o.create(t, c, ":str")
	defer c.close(id)
	_, msg, err := c.call(smb2.CommandRead, 1, readBody(id, 0, 100))
	check(t, err)
	read, err := smb2.ParseReadResponse(msg)
	check(t, err)
	if string(read.Data) != o.stream {
		t.Errorf("%s over SMB: stream %q", o.name, read.Data)
	}
}

func (o movedObject) open(t *testing.T, f *osfs.FS) *osfs.File {
	t.Helper()
	h, err := f.Open(t.Context(), o.name, vfs.OpenOptions{Access: vfs.AccessFull})
	check(t, err)
	t.Cleanup(func() { h.Close() })
	return h.(*osfs.File)
}

func (o movedObject) writeOS(t *testing.T, f *osfs.FS) {
	t.Helper()
	sd, err := vfs.ParseSDDL(o.security)
	check(t, err)
	created, err := f.Create(t.Context(), o.name, vfs.CreateOptions{
		OpenOptions: vfs.OpenOptions{Access: vfs.AccessFull}, Directory: o.dir, Attributes: o.attributes, Security: &sd,
	})
	check(t, err)
	h := created.(*osfs.File)
	defer h.Close()
	check(t, h.SetAttr(t.Context(), vfs.AttrChange{Created: o.created}))
	if o.stream != "" {
		st, err := h.OpenStream(t.Context(), "str", vfs.StreamOptions{OpenOptions: vfs.OpenOptions{Access: vfs.AccessFull}, Create: true})
		check(t, err)
		defer st.Close()
		_, err = st.(interface {
			WriteAt([]byte, int64) (int, error)
		}).WriteAt([]byte(o.stream), 0)
		check(t, err)
	}
}

func (o movedObject) checkOS(t *testing.T, f *osfs.FS) {
	t.Helper()
	h := o.open(t, f)
	a, err := h.Stat(t.Context())
	if err != nil || a.Attributes != o.attributes || !a.Created.Equal(o.created) {
		t.Errorf("%s in osfs: attributes %#x, created %v, %v", o.name, a.Attributes, a.Created, err)
	}
	if sd, err := h.Security(t.Context()); err != nil || sd.String() != o.security {
		t.Errorf("%s in osfs: %s, %v\nwant %s", o.name, sd, err, o.security)
	}
	if o.stream == "" {
		return
	}
	st, err := h.OpenStream(t.Context(), "str", vfs.StreamOptions{OpenOptions: vfs.OpenOptions{Access: vfs.AccessRead}})
	check(t, err)
	defer st.Close()
	b := make([]byte, 100)
	n, _ := st.(interface {
		ReadAt([]byte, int64) (int, error)
	}).ReadAt(b, 0)
	if string(b[:n]) != o.stream {
		t.Errorf("%s in osfs: stream %q", o.name, b[:n])
	}
}
