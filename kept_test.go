package smb_test

import (
	"strings"
	"testing"

	"github.com/gosmbd/smb"
	"github.com/gosmbd/smb/smb2"
)

// maxKept is what may be kept of something small that a client said at length, in bytes.
const maxKept = 8 << 10

// keptEach returns how many bytes are held more for each of n calls of do.
func keptEach(n int, do func(i int)) int {
	do(0) // what the first costs the rest shares
	before := memoryInUse()
	for i := range n {
		do(i + 1)
	}
	return (int(memoryInUse()) - int(before)) / n
}

// A share is known by its name, whatever the server was called before it.
func TestTreeConnectPathNotKept(t *testing.T) {
	r := newRig(t, nil)
	c := r.logon(smb.Dialect311)
	path := `\\` + strings.Repeat("\u4e2d", 30000) + `\s`
	n := keptEach(100, func(int) {
		e := c.Req(smb2.CommandTreeConnect, smb2.TreeConnectRequest{Path: path})
		e.TreeID = 0
		want(t, "TREE_CONNECT", c.DoElem(e).Status, ok)
	})
	if n > maxKept {
		t.Errorf("%d bytes for each tree", n)
	}
}
