package netapi

import (
	"slices"

	"github.com/gosmbd/smb/dcerpc/ndr"
)

// maxEnum bounds what one enumeration returns; the rest comes with the next.
const maxEnum = 4 << 20

// Enum is what the parameters of all enumerations have in common.
type Enum struct {
	Level   uint32
	max     uint32 // PreferedMaximumLength
	resume  uint32 // ResumeHandle, if resumes
	resumes bool
	known   bool
	arm     bool // Level has an arm in the union, if not a use
}

// DecodeEnum reads InfoStruct, PreferedMaximumLength and ResumeHandle. levels are
// those that the operation knows. A level of another kind is not a failure of d: it
// makes the operation return ERROR_INVALID_LEVEL.
func DecodeEnum(d *ndr.Decoder, levels ...uint32) Enum {
	return DecodeEnumOf(d, levels)
}

// DecodeEnumOf is DecodeEnum for an operation that has no use for some levels, although
// the union has arms for them.
func DecodeEnumOf(d *ndr.Decoder, levels []uint32, unused ...uint32) Enum {
	q := Enum{Level: d.U32()}
	if d.U32() != q.Level {
		d.Fail() // the discriminant of the union is the level
	}
	q.arm = slices.Contains(unused, q.Level)
	if q.known = slices.Contains(levels, q.Level); !q.known {
		return q
	}
	if d.Ptr() {
		n := d.U32()
		// The buffer is an output. A client that sends one sends it empty.
		if d.Ptr() && d.MaxCount(n, 4) > 0 {
			d.Fail()
		}
	}
	q.max = d.U32()
	q.resume, q.resumes = d.UniqueU32()
	return q
}

// Known says whether the level is one that the operation knows.
func (q Enum) Known() bool { return q.known }

// Append writes the results: the entries of all that come after the resume handle
// and fit, their number, the new resume handle and the code. The first entry
// always fits, so that a client that asks again gets on. With a code other than OK
// there are no entries.
func (q Enum) Append(e *ndr.Encoder, all []Row, code Code) {
	e.U32(q.Level)
	e.U32(q.Level)
	if !q.known {
		if q.arm {
			e.Ptr(false)
		}
		q.finish(e, 0, 0, InvalidLevel)
		return
	}
	if code != OK {
		all = nil
	}
	from := 0
	if q.resumes {
		from = int(min(uint64(q.resume), uint64(len(all))))
	}
	rest := all[from:]
	fit := Fit(rest, q.max)
	AppendContainer(e, rest[:fit])
	var resume uint32
	if fit < len(rest) {
		resume, code = uint32(from+fit), MoreData
	}
	q.finish(e, len(rest), resume, code)
}

func (q Enum) finish(e *ndr.Encoder, total int, resume uint32, code Code) {
	e.U32(uint32(total))
	e.Ptr(q.resumes)
	if q.resumes {
		e.U32(resume)
	}
	e.U32(uint32(code))
}

// Fit counts the rows that a limit of the client's, in bytes, and ours leave room for: one
// at least, if there is one.
func Fit(rows []Row, max uint32) int {
	limit := min(uint64(max), maxEnum)
	var used uint64
	for i, r := range rows {
		if used += r.size(); used > limit && i > 0 {
			return i
		}
	}
	return len(rows)
}
