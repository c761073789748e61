package vfstest

import (
	"errors"
	"io/fs"
	"strings"
	"sync"

	"github.com/gosmbd/smb/vfs"
)

const usualSDDL = "O:S-1-5-21-1-2-3-1001G:S-1-5-21-1-2-3-513D:PAI(D;OICI;0x2;;;BG)(A;OICI;FA;;;BA)(A;;FR;;;WD)"

func (s *suite) sddl(text string) vfs.SecurityDescriptor {
	s.Helper()
	sd, err := vfs.ParseSDDL(text)
	if err != nil {
		s.Fatal(err)
	}
	return sd
}

// securer finds the capability, or skips the test also where the storage beneath
// declines, which a file in the root tells.
func (s *suite) securer(f vfs.File) vfs.Securer {
	s.Helper()
	sec := need[vfs.Securer](s, f)
	if _, err := sec.Security(s.ctx); err != nil && !errors.Is(err, errors.ErrUnsupported) {
		s.Fatalf("Security: %v", err)
	}
	return sec
}

func (s *suite) setSecurity(f vfs.File, sd vfs.SecurityDescriptor) {
	s.Helper()
	err := s.securer(f).SetSecurity(s.ctx, sd)
	s.declined(err)
	if err != nil {
		s.Fatalf("SetSecurity(%s): %v", sd, err)
	}
}

// wantSecurity compares text, the flags that it has no place for, and bytes.
func (s *suite) wantSecurity(f vfs.File, want vfs.SecurityDescriptor) {
	s.Helper()
	got, err := s.securer(f).Security(s.ctx)
	if err != nil || string(got.Append(nil)) != string(want.Append(nil)) {
		s.Errorf("Security = %s, %v, want %s", got, err, want)
	}
}

// wantDefault checks that a new object has no descriptor, or, if the backend makes
// one up, that its owner is known.
func (s *suite) wantDefault(f vfs.File) {
	s.Helper()
	sd, err := s.securer(f).Security(s.ctx)
	if err == nil && !sd.Owner.Valid() || err != nil && !errors.Is(err, errors.ErrUnsupported) {
		s.Errorf("Security of a new object = %s, %v", sd, err)
	}
}

func testSecurity(s *suite) {
	sd := s.sddl(usualSDDL)
	s.eachObject(func(f vfs.File) {
		s.wantDefault(f)
		s.setSecurity(f, sd)
		s.wantSecurity(f, sd)
		other := s.sddl("O:SYG:SYD:(A;;FA;;;BA)")
		s.setSecurity(f, other)
		s.wantSecurity(f, other)
	})
}

// testSecurityLists stores descriptors of all shapes: whatever a client asks to
// keep is what it finds again.
func testSecurityLists(s *suite) {
	s.file("f", "")
	f := s.open("f", attributes)
	defer s.close(f)
	opaque := s.sddl(usualSDDL)
	opaque.DACL = &vfs.ACL{ACEs: []vfs.ACE{{Type: 0x09, Flags: vfs.ACEInherited, Raw: []byte{9, 0x10, 12, 0, 1, 2, 3, 4, 5, 6, 7, 8}}}}
	flags := s.sddl(usualSDDL)
	flags.Control |= vfs.SDOwnerDefaulted | vfs.SDGroupDefaulted | vfs.SDDACLDefaulted
	long := s.sddl("O:SYG:SYD:" + strings.Repeat("(A;;FA;;;S-1-5-21-1-2-3-4)", 60)) // 2160 bytes: an ext4 block is 4 KiB
	for _, sd := range []vfs.SecurityDescriptor{
		s.sddl("O:SYG:SYD:NO_ACCESS_CONTROL"),
		s.sddl("O:SYG:SYD:"),
		s.sddl("O:SY"),
		s.sddl("O:SYG:SYD:S:"),
		s.sddl("O:SYG:SYD:(A;;FA;;;WD)S:PAI(AU;SAFA;FA;;;WD)(ML;;NW;;;HI)"),
		opaque, flags, long,
	} {
		s.setSecurity(f, sd)
		s.wantSecurity(f, sd)
	}
}

// keepsSecurity reports whether descriptors are stored at all; a backend that
// doesn't ignores the one that a new object is to have.
func (s *suite) keepsSecurity(f vfs.File) bool {
	s.Helper()
	sec, ok := vfs.As[vfs.Securer](f)
	if !ok {
		return false
	}
	_, err := sec.Security(s.ctx)
	if !errors.Is(err, errors.ErrUnsupported) {
		return true
	}
	if sec.SetSecurity(s.ctx, s.sddl(usualSDDL)) == nil {
		s.Error("a new object can have a descriptor, but Create gave it none")
	}
	return false
}

func testSecurityCreate(s *suite) {
	sd := s.sddl(usualSDDL)
	keeps := false
	for _, directory := range s.kinds() {
		name := map[bool]string{false: "file", true: "dir"}[directory]
		create := func() (vfs.File, error) {
			return s.tryCreate(name, vfs.CreateOptions{
				OpenOptions: vfs.OpenOptions{Access: readWrite}, Directory: directory, Security: &sd,
			})
		}
		f, err := create()
		if err != nil {
			s.Fatalf("Create(%q): %v", name, err)
		}
		if !directory {
			s.write(f, "content", 0)
		}
		if keeps = s.keepsSecurity(f); keeps {
			s.wantSecurity(f, sd)
		}
		s.close(f)
		f = s.open(name, attributes)
		if keeps {
			s.wantSecurity(f, sd)
		}
		s.close(f)
		_, err = create()
		s.wantErr("Create("+name+") once more", err, fs.ErrExist)
		_, err = s.tryCreate(name+"/x", vfs.CreateOptions{Directory: directory, Security: &sd})
		if !directory {
			s.wantErr("Create below a file", err, vfs.ErrNotDir, fs.ErrNotExist)
		}
	}
	_, err := s.tryCreate("missing/x", vfs.CreateOptions{Security: &sd})
	s.wantErr("Create in what isn't there", err, fs.ErrNotExist)
	s.wantContent("file", "content")
	names, all := []string{"file"}, []string{"file"}
	if !s.flat {
		s.wantNames("dir", "x")
		names, all = []string{"dir", "file"}, []string{"dir/x", "dir", "file"}
	}
	s.wantNames(".", names...)
	if c, ok := vfs.As[vfs.Remover](s.fs); ok {
		for _, name := range all {
			if err := c.Remove(s.ctx, name); err != nil {
				s.Errorf("Remove(%q): %v", name, err)
			}
		}
	}
}

// testSecurityObject checks that a descriptor belongs to the object and not to a
// name, and that a stream shows its object's.
func testSecurityObject(s *suite) {
	sd := s.sddl(usualSDDL)
	s.file("f", "")
	f := s.open("f", readWrite)
	defer s.close(f)
	s.setSecurity(f, sd)
	if c, ok := vfs.As[vfs.Linker](s.fs); ok {
		if err := c.Link(s.ctx, "f", "link", false); err == nil {
			l := s.open("link", attributes)
			s.wantSecurity(l, sd)
			s.close(l)
		}
	}
	if c, ok := vfs.As[vfs.Renamer](s.fs); ok {
		if err := c.Rename(s.ctx, "f", "g", false); err != nil {
			s.Fatal(err)
		}
		g := s.open("g", attributes)
		s.wantSecurity(g, sd)
		s.close(g)
	}
	s.file("other", "")
	other := s.open("other", attributes)
	s.wantDefault(other)
	s.close(other)

	st, ok := vfs.As[vfs.Streamer](f)
	if !ok {
		return
	}
	stream, err := st.OpenStream(s.ctx, "s", vfs.StreamOptions{OpenOptions: vfs.OpenOptions{Access: readWrite}, Create: true})
	s.declined(err)
	if err != nil {
		s.Fatal(err)
	}
	defer s.close(stream)
	s.wantSecurity(stream, sd)
	changed := s.sddl("O:SYG:SYD:(A;;FA;;;BA)")
	s.setSecurity(stream, changed)
	s.wantSecurity(f, changed)
}

// testSecurityInvalid checks that what can't be stored is refused, and changes
// nothing.
func testSecurityInvalid(s *suite) {
	sd := s.sddl(usualSDDL)
	s.file("f", "")
	f := s.open("f", attributes)
	defer s.close(f)
	s.setSecurity(f, sd)
	long := &vfs.ACL{}
	for range 4000 {
		long.ACEs = append(long.ACEs, vfs.ACE{Mask: vfs.AccessFull, SID: vfs.SIDEveryone})
	}
	for _, test := range []struct {
		sd   vfs.SecurityDescriptor
		want error
	}{
		{vfs.SecurityDescriptor{Owner: "S-1-"}, vfs.ErrInvalidOwner},
		{vfs.SecurityDescriptor{Owner: vfs.SIDSystem, Group: "x"}, vfs.ErrInvalidGroup},
		{vfs.SecurityDescriptor{Owner: vfs.SIDSystem, DACL: &vfs.ACL{ACEs: []vfs.ACE{{}}}}, fs.ErrInvalid},
		{vfs.SecurityDescriptor{Owner: vfs.SIDSystem, DACL: long}, fs.ErrInvalid},
		{vfs.SecurityDescriptor{Owner: vfs.SIDSystem, SACL: long}, fs.ErrInvalid},
	} {
		s.wantErr("SetSecurity", s.securer(f).SetSecurity(s.ctx, test.sd), test.want)
		s.wantSecurity(f, sd)
		for _, directory := range s.kinds() {
			_, err := s.tryCreate("new", vfs.CreateOptions{Directory: directory, Security: &test.sd})
			s.wantErr("Create", err, test.want)
		}
	}
	s.wantNames(".", "f")
}

// testConcurrentSecurity checks that who reads sees one descriptor or the other,
// never parts of both.
func testConcurrentSecurity(s *suite) {
	a, b := s.sddl(usualSDDL), s.sddl("O:SYG:SYD:(A;;FA;;;BA)")
	s.file("f", "")
	f := s.open("f", attributes)
	defer s.close(f)
	s.setSecurity(f, a)
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			own := s.open("f", attributes)
			defer s.close(own)
			sec, _ := vfs.As[vfs.Securer](own)
			for j := range 100 {
				if i < 2 {
					if err := sec.SetSecurity(s.ctx, []vfs.SecurityDescriptor{a, b}[(i+j)%2]); err != nil {
						s.Errorf("SetSecurity: %v", err)
					}
				} else if sd, err := sec.Security(s.ctx); err != nil || sd.String() != a.String() && sd.String() != b.String() {
					s.Errorf("Security = %s, %v", sd, err)
				}
			}
		})
	}
	wg.Wait()
}
