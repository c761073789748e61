package smb_test

import (
	"testing"
	"time"

	"github.com/gosmbd/smb"
	"github.com/gosmbd/smb/internal/smbtest"
	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs"
)

// basic asks for times and attributes.
func basic(t testing.TB, c *smbtest.Client, id smb2.FileID) smb2.FileBasicInformation {
	t.Helper()
	return fileInfo(t, c, id, smb2.ClassFileBasicInformation, smb2.ParseFileBasicInformation)
}

func setBasic(t testing.TB, c *smbtest.Client, id smb2.FileID, x smb2.FileBasicInformation) {
	t.Helper()
	want(t, "SET_INFO", c.SetInfo(id, smb2.ClassFileBasicInformation, x), ok)
}

// Times that were set, or frozen, through a handle stay when it writes, until they are
// thawed. [MS-FSA] 2.1.5.15.2
func TestStickyTimes(t *testing.T) {
	r := newRig(t, nil)
	c := r.logon(smb.Dialect311)
	id := r.open(c, "f")
	past := smb2.FileTimeOf(time.Date(2001, 2, 3, 4, 5, 6, 700, time.UTC))
	setBasic(t, c, id, smb2.FileBasicInformation{LastWriteTime: past})
	write := func() smb2.FileBasicInformation {
		c.Write(id, 0, []byte("x"))
		want(t, "FLUSH", c.Flush(id), ok)
		return basic(t, c, id)
	}
	if x := write(); x.LastWriteTime != past || x.ChangeTime <= past {
		t.Errorf("after a write: %+v", x)
	}
	want(t, "END_OF_FILE", c.SetInfo(id, smb2.ClassFileEndOfFileInformation, smb2.FileEndOfFileInformation{EndOfFile: 7}), ok)
	want(t, "END_OF_FILE again", c.SetInfo(id, smb2.ClassFileEndOfFileInformation, smb2.FileEndOfFileInformation{EndOfFile: 7}), ok)
	if x := basic(t, c, id); x.LastWriteTime != past {
		t.Errorf("after a change of size: %+v", x)
	}
	// Another handle changes it.
	other := r.open(c, "f")
	c.Write(other, 0, []byte("y"))
	c.CloseFile(other)
	if x := basic(t, c, id); x.LastWriteTime == past {
		t.Error("a write through another handle didn't change the time")
	}
	setBasic(t, c, id, smb2.FileBasicInformation{LastWriteTime: past, ChangeTime: past})
	if x := write(); x.LastWriteTime != past || x.ChangeTime != past {
		t.Errorf("both set, after a write: %+v", x)
	}
	setBasic(t, c, id, smb2.FileBasicInformation{LastWriteTime: smb2.FileTimeThaw, ChangeTime: smb2.FileTimeThaw})
	if x := basic(t, c, id); x.LastWriteTime != past || x.ChangeTime != past {
		t.Errorf("thawing changed something: %+v", x)
	}
	if x := write(); x.LastWriteTime <= past || x.ChangeTime <= past {
		t.Errorf("thawed, after a write: %+v", x)
	}
	setBasic(t, c, id, smb2.FileBasicInformation{LastWriteTime: smb2.FileTimeFreeze, ChangeTime: smb2.FileTimeFreeze})
	x := basic(t, c, id)
	setBasic(t, c, id, smb2.FileBasicInformation{FileAttributes: uint32(vfs.AttrHidden)})
	y := write()
	if y.FileAttributes&smb2.FileAttributeHidden == 0 {
		t.Error("the attribute isn't set")
	}
	if y.LastWriteTime != x.LastWriteTime || y.ChangeTime != x.ChangeTime {
		t.Errorf("frozen at %+v, became %+v", x, y)
	}
	want(t, "a time below -2", c.SetInfo(id, smb2.ClassFileBasicInformation, smb2.FileBasicInformation{LastWriteTime: smb2.FileTimeThaw - 1}), smb2.StatusInvalidParameter)
}

// A write shows in the time of last write through its handle when that is flushed or
// closed, and through others at once. It sets the archive bit.
func TestDelayedWriteTime(t *testing.T) {
	r := newRig(t, nil)
	put(t, r.fs, "f", "hello")
	c := r.logon(smb.Dialect311)
	id, other := r.open(c, "f"), r.open(c, "f")
	before := basic(t, c, id)
	time.Sleep(time.Millisecond)
	c.Write(id, 0, []byte("x"))
	x, y := basic(t, c, id), basic(t, c, other)
	if x.LastWriteTime != before.LastWriteTime || y.LastWriteTime <= before.LastWriteTime {
		t.Errorf("before %+v, through the handle %+v, through another %+v", before, x, y)
	}
	if x.FileAttributes != smb2.FileAttributeArchive {
		t.Errorf("attributes %#x", x.FileAttributes)
	}
	want(t, "FLUSH", c.Flush(id), ok)
	if z := basic(t, c, id); z.LastWriteTime != y.LastWriteTime {
		t.Errorf("after FLUSH %+v, want %+v", z, y)
	}
	c.Write(id, 0, []byte("x"))
	setBasic(t, c, id, smb2.FileBasicInformation{})
	if z := basic(t, c, id); z.LastWriteTime <= y.LastWriteTime {
		t.Errorf("after SET_INFO of nothing %+v, was %+v", z, y)
	}
}

// Attributes of the root that Explorer would hide it by can't be set.
func TestRootAttributes(t *testing.T) {
	r := newRig(t, nil)
	c := r.logon(smb.Dialect311)
	id := r.open(c, "")
	setBasic(t, c, id, smb2.FileBasicInformation{FileAttributes: smb2.FileAttributeHidden | smb2.FileAttributeSystem | smb2.FileAttributeArchive})
	if x := basic(t, c, id); x.FileAttributes != smb2.FileAttributeArchive|smb2.FileAttributeDirectory {
		t.Errorf("attributes %#x", x.FileAttributes)
	}
}
