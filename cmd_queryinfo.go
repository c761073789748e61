package smb

import (
	"context"
	"encoding/binary"

	"github.com/gosmbd/smb/smb2"
)

// queryInfo tells about a file, its volume or its security. [MS-SMB2] 3.3.5.20
func queryInfo(ctx context.Context, r *request, w *reply) error {
	req, err := smb2.ParseQueryInfoRequest(r.msg)
	if err != nil {
		return err
	}
	if req.OutputLength > r.c.params.maxIO {
		return smb2.StatusInvalidParameter
	}
	q := &query{ctx: ctx, r: r, o: r.open, req: req}
	w.grow(1024)
	start := w.beginOutput()
	switch req.InfoType {
	case smb2.InfoFile:
		w.buf.B, err = q.file(w.buf.B)
	case smb2.InfoFileSystem:
		w.buf.B, err = q.fileSystem(w.buf.B)
	case smb2.InfoSecurity:
		w.buf.B, err = q.security(w.buf.B)
	case smb2.InfoQuota:
		w.buf.B, err = q.quotas(w.buf.B)
	default:
		return smb2.StatusInvalidParameter
	}
	if err != nil {
		return err
	}
	if max := start + int(req.OutputLength); len(w.buf.B) > max {
		w.buf.B = w.buf.B[:max]
		w.status = smb2.StatusBufferOverflow
	}
	if q.overflow {
		w.status = smb2.StatusBufferOverflow
	}
	w.endOutput(start)
	return nil
}

// query is a QUERY_INFO on its way.
type query struct {
	ctx context.Context
	r   *request
	o   *open
	req smb2.QueryInfoRequest

	overflow bool // a list is cut short after a whole entry
}

// room checks that the fixed part of a class fits.
func (q *query) room(n int) error {
	if int(q.req.OutputLength) >= n {
		return nil
	}
	if q.r.c.params.dialect == Dialect311 {
		return statusData{Status: smb2.StatusInfoLengthMismatch, data: make([]byte, 8)}
	}
	return smb2.StatusInfoLengthMismatch
}

// tooSmall tells how much room an answer needs that can't be cut short.
func (q *query) tooSmall(n int) error {
	return q.r.errorData(smb2.StatusBufferTooSmall, binary.LittleEndian.AppendUint32(nil, uint32(n)))
}
