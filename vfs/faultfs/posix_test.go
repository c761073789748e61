package faultfs

import (
	"testing"

	"github.com/gosmbd/smb/vfs"
)

func TestPosixFails(t *testing.T) {
	x := newFixture(t)
	for kind, change := range map[Kind]func() error{
		Chmod: func() error { return x.file.Chmod(0o700) },
		Chown: func() error { return x.file.Chown(1, 2) },
	} {
		before, err := x.file.Stat(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		x.fault = func(op Op) error {
			if op.Kind != kind || op.Name != "f" {
				t.Errorf("%v: the operation is %+v", kind, op)
			}
			return errTest
		}
		if err := change(); err != errTest {
			t.Errorf("%v: %v", kind, err)
		}
		x.fault = nil
		if a, err := x.file.Stat(t.Context()); err != nil || a != before {
			t.Errorf("%v failed and made %+v of %+v, %v", kind, a, before, err)
		}
		if err := change(); err != nil {
			t.Errorf("%v: %v", kind, err)
		}
	}
	want := vfs.Attr{UID: 1, GID: 2, Mode: 0o700, Owned: true}
	if a, err := x.file.Stat(t.Context()); err != nil || a.UID != want.UID || a.GID != want.GID || a.Mode != want.Mode || !a.Owned {
		t.Errorf("%+v, %v", a, err)
	}
}
