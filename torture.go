//go:build smbtorture

package smb

import (
	"context"
	"sync"
	"time"

	"github.com/gosmbd/smb/smb2"
)

// What Samba's smbtorture needs to act out a connection that is cut off without either
// end noticing. It isn't part of a server that anybody runs: it takes the build tag.

// forceUnackedTimeout is a control code of Samba's own. On the connection that it comes
// by, break notifications count as never received from then on.
const forceUnackedTimeout smb2.CtlCode = 0x83848003

// fspAsyncSleep is another one: it works for as many milliseconds as its input says, on a
// handle that is closed meanwhile.
const fspAsyncSleep smb2.CtlCode = 0x83848043

func init() {
	fsctls[fspAsyncSleep] = fsctl{disk: true, run: func(_ context.Context, r *request, q *control) error {
		if len(q.Input) != 1 {
			return smb2.StatusInvalidParameter
		}
		if _, err := r.goAsync(); err != nil {
			return err
		}
		time.Sleep(time.Duration(q.Input[0]) * time.Millisecond)
		return nil
	}}
}

// unackedTimeout is after what time such a connection is given up.
const unackedTimeout = 1200 * time.Millisecond

var blocked sync.Map // of *conn

// torture answers the control code, which comes without session and tree.
func (r *request) torture(w *reply) bool {
	if r.hdr.Command != smb2.CommandIoctl || r.hdr.SessionID != 0 {
		return false
	}
	req, err := smb2.ParseIoctlRequest(r.msg)
	if err != nil || req.CtlCode != forceUnackedTimeout || len(req.Input) > 0 {
		return false
	}
	blocked.Store(r.c, true)
	w.buf.B = smb2.IoctlResponse{CtlCode: req.CtlCode, FileID: req.FileID}.Append(w.buf.B)
	return true
}

// breakSent ends the connection when the time for an acknowledgement of the transport
// is up.
func (c *conn) breakSent() {
	if _, ok := blocked.Load(c); ok {
		time.AfterFunc(unackedTimeout, func() { c.abort(errConnClosed) })
	}
}
