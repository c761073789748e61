package winreg

import (
	"github.com/gosmbd/smb/dcerpc/internal/netapi"
	"github.com/gosmbd/smb/dcerpc/ndr"
	"github.com/gosmbd/smb/internal/utf16le"
)

// queryValue is BaseRegQueryValue, [MS-RRP] 3.1.5.17. Without a place for the data the
// client is told its size; with one that is too small, too, as note <21> says.
func (v *service) queryValue(c call) (netapi.Code, error) {
	d, e := c.In, c.Out
	name, named := readString(d)
	kind, hasType := d.UniqueU32()
	buf := readBuffer(d)
	if d.Err() != nil {
		return 0, d.Err()
	}
	value, found := c.key.value(name)
	code := netapi.OK
	switch {
	case c.access&queryValue == 0:
		code = netapi.AccessDenied
	case !named, !hasType, buf.size == nil, buf.length == nil:
		code = netapi.InvalidParameter
	case !found:
		code = netapi.FileNotFound
	case buf.present && *buf.size < value.size():
		writeUnique(e, true, uint32(value.Type))
		buf.write(e, nil, value.size(), 0)
		return netapi.MoreData, nil
	}
	if code != netapi.OK {
		writeUnique(e, hasType, kind)
		buf.write(e, nil, 0, 0)
		return code, nil
	}
	writeUnique(e, true, uint32(value.Type))
	buf.write(e, buf.take(value.Data), value.size(), value.size())
	return code, nil
}

// maxNames bounds how many values one call may ask for, maxName how many octets the name
// of one has, which is told in 16 bits with a terminator.
const (
	maxNames = 1024
	maxName  = 0xfffc
)

// A wanted is an RVALENT of a request, [MS-RRP] 2.2.5: the name of a value.
type wanted struct {
	room
	name string
}

// readWanted reads val_listIn and num_vals.
func readWanted(d *ndr.Decoder) []wanted {
	d.U32() // maximum count
	offset, n := d.U32(), d.U32()
	if offset != 0 || n > maxNames {
		d.Fail()
	}
	list := make([]wanted, d.Count(min(n, maxNames), 16))
	for i := range list {
		list[i].present = d.Ptr()
		d.U32() // ve_valuelen, ve_valueptr, ve_type: results
		d.U32()
		d.U32()
	}
	for i := range list {
		if !list[i].present {
			continue
		}
		d.Align(4)
		d.U16()
		list[i].octets = d.U16()
		if d.Ptr() {
			list[i].name = d.WString()
		}
		if utf16le.Len(list[i].name) > maxName {
			d.Fail()
		}
	}
	if d.U32() != n {
		d.Fail()
	}
	return list
}

// queryValues is BaseRegQueryMultipleValues, [MS-RRP] 3.1.5.26.
func (v *service) queryValues(c call) (netapi.Code, error) {
	list, placed, size := readMultiple(c.In)
	if c.In.Err() != nil {
		return 0, c.In.Err()
	}
	data, code := c.answerWanted(c.Out, list, size)
	// The place is both parameter and result, so it shrinks to what is in it.
	place := data
	if code != netapi.OK {
		place = nil
	}
	writePlace(c.Out, placed && code == netapi.OK, place)
	c.Out.U32(uint32(len(data)))
	return code, nil
}

// queryValuesSize is BaseRegQueryMultipleValues2, [MS-RRP] 3.1.5.30, which tells apart
// the size of the place and the one that is needed.
func (v *service) queryValuesSize(c call) (netapi.Code, error) {
	list, placed, size := readMultiple(c.In)
	if c.In.Err() != nil {
		return 0, c.In.Err()
	}
	data, code := c.answerWanted(c.Out, list, size)
	place := make([]byte, 0)
	if placed { // then as many octets came with the request
		place = make([]byte, size)
		if code == netapi.OK {
			copy(place, data)
		}
	}
	writePlace(c.Out, placed, place)
	c.Out.U32(uint32(len(data)))
	return code, nil
}

// readMultiple reads the parameters that both operations have behind the handle. placed
// says whether there is a place for the data, which has to be of the size that is told.
func readMultiple(d *ndr.Decoder) (list []wanted, placed bool, size uint32) {
	list = readWanted(d)
	var have uint32
	if placed = d.Ptr(); placed {
		have = d.U32()
		offset, actual := d.U32(), d.U32()
		if offset != 0 || actual != have {
			d.Fail()
		}
		d.Bytes(d.Count(actual, 1))
	}
	if size = d.U32(); placed && have != size {
		d.Fail()
	}
	return list, placed, size
}

// writePlace writes lpvalueBuf.
func writePlace(e *ndr.Encoder, placed bool, b []byte) {
	e.Ptr(placed)
	if placed {
		e.Varying(len(b), len(b), b)
	}
}

// answerWanted writes val_listOut, and returns the data of all values one after another.
func (h *handle) answerWanted(e *ndr.Encoder, list []wanted, size uint32) ([]byte, netapi.Code) {
	found, code := h.lookUp(list)
	e.Varying(len(list), len(list), nil) // the elements follow
	var data []byte
	for i, w := range list {
		e.Ptr(w.present)
		e.U32(found[i].size())
		e.U32(uint32(len(data)))
		e.U32(uint32(found[i].Type))
		data = append(data, found[i].Data...)
	}
	for _, w := range list {
		if w.present {
			w.octets = uint16(utf16le.Len(w.name) + 2)
			w.write(e, w.name)
		}
	}
	if code == netapi.OK && uint64(len(data)) > uint64(size) {
		code = netapi.MoreData
	}
	return data, code
}

// lookUp finds the values that are asked for; without all of them there is none.
func (h *handle) lookUp(list []wanted) ([]Value, netapi.Code) {
	found := make([]Value, len(list))
	if h.access&queryValue == 0 {
		return found, netapi.AccessDenied
	}
	total := 0
	for i, w := range list {
		v, ok := h.key.value(w.name)
		if total += len(v.Data); !w.present || !ok {
			return make([]Value, len(list)), netapi.FileNotFound
		}
		if total > maxData {
			return make([]Value, len(list)), netapi.InvalidParameter
		}
		found[i] = v
	}
	return found, netapi.OK
}

// maxData bounds what one call returns, whose list may name the same value again and
// again.
const maxData = 4 << 20
