package vfstest

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gosmbd/smb/vfs"
)

// xattrer finds the capability, or skips the test also where the storage beneath
// declines.
func (s *suite) xattrer(f vfs.File) vfs.Xattrer {
	s.Helper()
	x := need[vfs.Xattrer](s, f)
	_, err := x.Xattrs(s.ctx)
	s.declined(err)
	return x
}

// xattrs makes a change of pairs NAME=VALUE; without a value it is a removal.
func xattrs(pairs ...string) []vfs.Xattr {
	var list []vfs.Xattr
	for _, p := range pairs {
		name, value, _ := strings.Cut(p, "=")
		list = append(list, vfs.Xattr{Name: name, Value: []byte(value)})
	}
	return list
}

func (s *suite) setXattrs(f vfs.File, pairs ...string) {
	s.Helper()
	list := xattrs(pairs...)
	if err := s.xattrer(f).SetXattrs(s.ctx, list); err != nil {
		s.Fatalf("SetXattrs(%.60q): %v", pairs, err)
	}
	for _, x := range list {
		clear(x.Value) // isn't kept
	}
}

func (s *suite) wantXattrs(f vfs.File, want ...string) {
	s.Helper()
	list, err := s.xattrer(f).Xattrs(s.ctx)
	if err != nil {
		s.Fatalf("Xattrs: %v", err)
	}
	got := []string{}
	for _, x := range list {
		got = append(got, x.Name+"="+string(x.Value))
	}
	slices.Sort(got)
	if want := slices.Sorted(slices.Values(want)); !slices.Equal(got, want) {
		s.Errorf("extended attributes %.200q, want %.200q", got, want)
	}
}

func testXattrs(s *suite) {
	s.eachObject(func(f vfs.File) {
		s.wantXattrs(f)
		all := []string{"Author=Ann", "nul=\x00a\x00", "A name.1-_~!#$%&'()@^`{}=x"}
		s.setXattrs(f, all...)
		s.wantXattrs(f, all...)
		s.setXattrs(f, "AUTHOR=Bob", "none", "new=1")
		s.wantXattrs(f, "Author=Bob", all[1], all[2], "new=1")
		s.setXattrs(f, "NEW", "nul", "A NAME.1-_~!#$%&'()@^`{}", "second=2")
		s.wantXattrs(f, "Author=Bob", "second=2")
		s.setXattrs(f, "author", "second")
		s.wantXattrs(f)
	})
}

// Flags are kept with the attribute that they were set with.
func testXattrNeeded(s *suite) {
	s.eachObject(func(f vfs.File) {
		x := s.xattrer(f)
		set := func(name, value string, needed bool) {
			s.Helper()
			if err := x.SetXattrs(s.ctx, []vfs.Xattr{{Name: name, Value: []byte(value), Needed: needed}}); err != nil {
				s.Fatalf("SetXattrs: %v", err)
			}
		}
		want := func(names ...string) {
			s.Helper()
			list, err := x.Xattrs(s.ctx)
			if err != nil {
				s.Fatal(err)
			}
			needed := []string{}
			for _, x := range list {
				if x.Needed {
					needed = append(needed, x.Name)
				}
			}
			slices.Sort(needed)
			if !slices.Equal(needed, names) {
				s.Errorf("needed: %q, want %q", needed, names)
			}
		}
		set("a", "1", true)
		set("b", "1", false)
		set("c", "1", true)
		want("a", "c")
		set("A", "2", false)
		set("B", "2", true)
		want("b", "c")
		set("c", "", false)
		want("b")
		set("c", "3", false)
		set("b", "", true)
		want([]string{}...)
		s.wantXattrs(f, "a=2", "c=3")
	})
}

// What is refused changes nothing.
func testXattrRefused(s *suite) {
	f := s.create("f")
	defer s.close(f)
	x := s.xattrer(f)
	s.setXattrs(f, "a=1", "b=2")
	for _, name := range []string{"", "a/b", "a\x00", "user:x", strings.Repeat("x", 255)} {
		if err := x.SetXattrs(s.ctx, []vfs.Xattr{{Name: "A", Value: []byte("x")}, {Name: "b"}, {Name: name, Value: []byte("x")}}); err == nil {
			s.Errorf("SetXattrs of %q succeeds", name)
		}
		s.wantXattrs(f, "a=1", "b=2")
	}
	long := strings.Repeat("n", 254)
	if err := x.SetXattrs(s.ctx, xattrs("a", long+"=x")); err == nil {
		s.wantXattrs(f, "b=2", long+"=x")
		s.setXattrs(f, "a=1", long)
	} else {
		s.wantErr("SetXattrs with a long name", err, vfs.ErrNameTooLong)
	}
	// Some storage has less room than others.
	for n := 0; n < 40; n++ {
		name := fmt.Sprint("big", n)
		err := x.SetXattrs(s.ctx, xattrs("b", name+"="+strings.Repeat("v", 2000), "a=3"))
		if err != nil {
			s.wantErr("SetXattrs of too much", err, vfs.ErrNoSpace)
			break
		}
		s.setXattrs(f, "b=2", "a=1")
	}
	list, err := x.Xattrs(s.ctx)
	if err != nil {
		s.Fatal(err)
	}
	if n := vfs.XattrsSize(list); n > vfs.MaxXattrs {
		s.Errorf("they take %d", n)
	}
	for _, x := range list {
		if x.Name == "a" && string(x.Value) != "1" || x.Name == "b" && string(x.Value) != "2" {
			s.Errorf("%s is %q after a change that was refused", x.Name, x.Value)
		}
	}
}

// They are the object's, whatever its names, and streams have the same.
func testXattrObject(s *suite) {
	f := s.create("f")
	s.setXattrs(f, "a=1")
	s.wantContent("f", "")
	if _, ok := vfs.As[vfs.AttrSetter](f); ok {
		before := s.stat(f).Changed
		time.Sleep(20 * time.Millisecond)
		s.setXattrs(f, "b=2")
		if after := s.stat(f).Changed; !before.IsZero() && !after.After(before) {
			s.Errorf("Changed is %v after a change, %v before", after, before)
		}
		s.setXattrs(f, "b")
	}
	if st, ok := vfs.As[vfs.Streamer](f); ok {
		opt := vfs.StreamOptions{OpenOptions: vfs.OpenOptions{Access: readWrite}, Create: true}
		if h, err := st.OpenStream(s.ctx, "s", opt); err == nil {
			s.wantXattrs(h, "a=1")
			s.setXattrs(h, "c=3")
			s.close(h)
			s.wantXattrs(f, "a=1", "c=3")
			s.setXattrs(f, "c")
		}
	}
	s.close(f)
	if err := s.rename("f", "g", false); err != nil {
		s.Fatal(err)
	}
	g := s.open("g", attributes)
	s.wantXattrs(g, "a=1")
	s.close(g)
	if err := s.remove("g"); err != nil {
		s.Fatal(err)
	}
	s.file("f", "")
	f = s.open("f", attributes)
	defer s.close(f)
	s.wantXattrs(f)
}

// A listing tells how much they take.
func testXattrList(s *suite) {
	s.file("plain", "")
	s.mkdir("d")
	f, d := s.create("f"), s.open("d", attributes)
	s.setXattrs(f, "a=1", "b=22")
	s.setXattrs(d, "a="+strings.Repeat("x", 1000))
	s.close(f)
	s.close(d)
	root := s.open(".", vfs.AccessRead)
	defer s.close(root)
	got := make(map[string]uint32)
	for e, err := range need[vfs.DirReader](s, root).ReadDir(s.ctx) {
		if err != nil {
			s.Fatal(err)
		}
		got[e.Name] = e.Xattrs
	}
	for name, want := range map[string]uint32{"plain": 0, "f": 7 + 8, "d": 1006} {
		if got[name] != want {
			s.Errorf("%q is listed with %d bytes of extended attributes, want %d", name, got[name], want)
		}
	}
}

// testConcurrentXattr has goroutines change different attributes of one object.
func testConcurrentXattr(s *suite) {
	const writers = 8
	f := s.create("f")
	defer s.close(f)
	x := s.xattrer(f)
	parallel(writers, func(i int) {
		own := fmt.Sprint("own", i)
		for n := range 30 {
			err := x.SetXattrs(s.ctx, []vfs.Xattr{{Name: own, Value: []byte(fmt.Sprint(n)), Needed: n%2 == 1}})
			if err != nil {
				s.Errorf("SetXattrs: %v", err)
			}
			if _, err := x.Xattrs(s.ctx); err != nil {
				s.Errorf("Xattrs: %v", err)
			}
		}
	})
	list, err := x.Xattrs(s.ctx)
	if err != nil {
		s.Fatal(err)
	}
	for _, x := range list {
		if string(x.Value) != "29" || !x.Needed {
			s.Errorf("%s is %q, needed %v", x.Name, x.Value, x.Needed)
		}
	}
	if len(list) != writers {
		s.Errorf("%d attributes, want %d", len(list), writers)
	}
}
