package netdfs

import (
	"context"
	"slices"

	"github.com/gosmbd/smb/dcerpc/internal/netapi"
	"github.com/gosmbd/smb/dcerpc/ndr"
)

// levelRoots lists namespaces, all others list what is in one.
const levelRoots = 300

// enumeration is what NetrDfsEnum and NetrDfsEnumEx have in common.
type enumeration struct {
	level   uint32
	max     uint32 // PrefMaxLen
	wants   bool   // there is a DfsEnum to put the results in
	resume  uint32 // ResumeHandle, if resumes
	resumes bool
}

// decodeEnum reads Level and what follows it. The containers are outputs; a client
// sends them empty.
func decodeEnum(d *ndr.Decoder) enumeration {
	q := enumeration{level: d.U32(), max: d.U32()}
	if q.wants = d.Ptr(); q.wants {
		level, arm := d.U32(), d.U32()
		if level != q.level || arm != q.level {
			d.Fail()
		}
		if !slices.Contains([]uint32{1, 2, 3, 4, 5, 6, 8, 9, 200, levelRoots}, q.level) {
			d.Fail() // nobody knows what follows
		}
		if d.Ptr() {
			n := d.U32()
			if d.Ptr() && d.MaxCount(n, 4) > 0 {
				d.Fail()
			}
		}
	}
	q.resume, q.resumes = d.UniqueU32()
	return q
}

// enum is NetrDfsEnum, [MS-DFSNM] 3.1.4.1.7.
func (v *service) enum(ctx context.Context, d *ndr.Decoder, e *ndr.Encoder) {
	q := decodeEnum(d)
	if d.Err() != nil {
		return
	}
	roots := v.server.DFSRoots(ctx)
	switch {
	case len(roots) == 0:
		q.append(e, nil, netapi.NotFound)
	case q.level != levelRoots && len(roots) > 1:
		q.append(e, nil, netapi.DeviceNotAvailable)
	default:
		rows, code := v.list(ctx, q.level, roots, roots[0])
		q.append(e, rows, code)
	}
}

// enumEx is NetrDfsEnumEx, [MS-DFSNM] 3.1.4.2.3. Without the name of a namespace it is
// about the only one.
func (v *service) enumEx(ctx context.Context, d *ndr.Decoder, e *ndr.Encoder) {
	name := d.WString()
	q := decodeEnum(d)
	if d.Err() != nil {
		return
	}
	roots := v.server.DFSRoots(ctx)
	root, _ := splitPath(name)
	if root == "" && len(roots) == 1 {
		root = roots[0]
	}
	rows, code := v.list(ctx, q.level, roots, root)
	q.append(e, rows, code)
}

// list returns the rows of a level: the namespaces, or what is in the one called root.
func (v *service) list(ctx context.Context, level uint32, roots []string, root string) (rows []netapi.Row, code netapi.Code) {
	switch level {
	case levelRoots:
		for _, r := range roots {
			if all := v.server.DFSEntries(ctx, r); len(all) > 0 {
				rows = append(rows, netapi.Row{netapi.Num(standAlone), netapi.Str(all[0].Path)})
			}
		}
		return rows, netapi.OK
	case 1, 2, 3, 4, 5, 6, 8, 9:
	default:
		return nil, netapi.InvalidParameter
	}
	if root != "" {
		for i, x := range v.server.DFSEntries(ctx, root) {
			rows = append(rows, x.row(level, i == 0))
		}
	}
	if len(rows) == 0 {
		return nil, netapi.NotFound
	}
	return rows, netapi.OK
}

// append writes the results: those behind the resume handle that fit. With a code other
// than OK there are none.
func (q enumeration) append(e *ndr.Encoder, all []netapi.Row, code netapi.Code) {
	from := 0
	if q.resumes {
		from = int(min(uint64(q.resume), uint64(len(all))))
	}
	rest := all[from:]
	switch {
	case code == netapi.OK && !q.wants:
		code, rest = netapi.InvalidParameter, nil
	case code == netapi.OK && len(rest) == 0:
		code = netapi.NoMoreItems
	}
	fit := netapi.Fit(rest, q.max)
	e.Ptr(q.wants)
	if q.wants {
		e.U32(q.level)
		e.U32(q.level)
		netapi.AppendContainer(e, rest[:fit])
	}
	e.Ptr(q.resumes)
	if q.resumes {
		e.U32(uint32(from + fit))
	}
	e.U32(uint32(code))
}
