package smb

import (
	"encoding/binary"
	"errors"

	"github.com/gosmbd/smb/internal/frame"
	"github.com/gosmbd/smb/signing"
	"github.com/gosmbd/smb/smb2"
)

// reply is the answer to one element of a chain. A handler appends the body to
// buf.B and may set the fields; the rest is done for it.
type reply struct {
	buf *frame.Buf

	// status is sent when the handler returns no error. A handler that sets
	// one that is not success appends the body that goes with it.
	status Status

	// Ids in the header; by default those of the request.
	session uint64
	tree    uint32

	// signer signs the reply, whether or not the request was signed.
	signer *signing.Signer
	// final, if set, is called with the reply's bytes once they are final, and before they are sent.
	final func(msg []byte)

	off int // of the header in buf.B
}

// statusData is a Status whose error response carries data.
type statusData struct {
	Status
	data     []byte
	contexts uint8 // how many error contexts data is, at 3.1.1
}

func (e statusData) Unwrap() error { return e.Status }

// smallError is the most data that an error needn't be counted for: begin makes room for that much.
const smallError = 256

// errorData returns a status with data in the form of the dialect. [MS-SMB2] 2.2.2
func (r *request) errorData(s Status, data []byte) error {
	if r.c.params.dialect != Dialect311 {
		return statusData{Status: s, data: data}
	}
	data = smb2.AppendErrorContexts(nil, []smb2.ErrorContext{{ID: smb2.ErrorIDDefault, Data: data}})
	return statusData{Status: s, data: data, contexts: 1}
}

// begin makes room for the header of the next element.
func (w *reply) begin(ch *chain) {
	if ch.out == nil {
		ch.out = frame.Get(frame.Headroom)
	} else if pad := -(len(ch.out.B) - frame.Headroom) & 7; pad > 0 {
		ch.out.Grow(pad)
		ch.out.B = append(ch.out.B, make([]byte, pad)...)
	}
	*w = reply{buf: ch.out, off: len(ch.out.B)}
	w.buf.Grow(smb2.HeaderSize + 256)
	w.buf.B = w.buf.B[:w.off+smb2.HeaderSize]
}

// grow makes room for n bytes of body.
func (w *reply) grow(n int) { w.buf.Grow(n + frame.Tailroom) }

// bodyOff returns where the body begins.
func (w *reply) bodyOff() int { return w.off + smb2.HeaderSize }

// end completes the element: the body of an error, and the header.
func (w *reply) end(r *request, err error) {
	ch := r.ch
	asyncID := ch.settle()
	if err != nil {
		status, known := statusOf(err)
		if !known {
			r.c.log.Error("smb: backend error", "command", r.hdr.Command, "err", err)
		}
		if status == smb2.StatusAccessDenied {
			r.c.srv.counted.denied.Add(1)
		}
		var data statusData
		errors.As(err, &data)
		if n := len(data.data); n > smallError && !ch.payNow(n) { // the client doesn't take its answers
			status, data = smb2.StatusInsufficientResources, statusData{}
		}
		w.status = status
		w.buf.B = smb2.ErrorResponse{ContextCount: data.contexts, Data: data.data}.Append(w.buf.B[:w.bodyOff()])
	}
	h := smb2.Header{
		CreditCharge: r.hdr.CreditCharge,
		Status:       w.status,
		Command:      r.hdr.Command,
		Flags:        r.hdr.Flags&(smb2.FlagRelated|smb2.FlagReplayOperation|smb2.FlagPriorityMask) | smb2.FlagServerToRedir,
		MessageID:    r.hdr.MessageID,
		TreeID:       w.tree,
		SessionID:    w.session,
	}
	if asyncID != 0 {
		h.Flags |= smb2.FlagAsync
		h.AsyncID = asyncID
	} else {
		ch.grant += r.c.grant(r.hdr)
	}
	e := outElem{off: w.off, final: w.final}
	if ch.sealed == nil {
		e.signer = w.signer
	}
	if e.signer != nil {
		h.Flags |= smb2.FlagSigned
	}
	h.Put(w.buf.B[w.off:])
	ch.elems = append(ch.elems, e)
}

// seal completes the frame: chaining, credits, signatures or encryption. It
// takes out from the chain. [MS-SMB2] 3.3.4.1
func (ch *chain) seal() outFrame {
	buf := ch.out
	ch.out = nil
	if pad := -(len(buf.B) - frame.Headroom) & 7; pad > 0 && len(ch.elems) > 1 {
		buf.Grow(pad + frame.Tailroom) // the last of several is padded as well, 3.3.4.1.3
		buf.B = append(buf.B, make([]byte, pad)...)
	}
	for i, e := range ch.elems {
		end := len(buf.B)
		if i+1 < len(ch.elems) {
			end = ch.elems[i+1].off
			binary.LittleEndian.PutUint32(buf.B[e.off+20:], uint32(end-e.off))
		} else {
			binary.LittleEndian.PutUint16(buf.B[e.off+14:], ch.grant)
			ch.grant = 0
		}
		msg := buf.B[e.off:end]
		if e.signer != nil {
			e.signer.Sign(msg)
		}
		if e.final != nil {
			e.final(msg)
		}
	}
	clear(ch.elems)
	ch.elems = ch.elems[:0]
	if ch.sealed == nil {
		return outFrame{buf: buf, off: frame.Headroom}
	}
	ch.sealed.seal(buf)
	return outFrame{buf: buf, off: frame.Headroom - smb2.TransformHeaderSize}
}
