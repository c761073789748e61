package winreg

import (
	"github.com/gosmbd/smb/dcerpc/internal/netapi"
	"github.com/gosmbd/smb/internal/utf16le"
	"github.com/gosmbd/smb/vfs"
)

// enumKey is BaseRegEnumKey, [MS-RRP] 3.1.5.10.
func (v *service) enumKey(c call) (netapi.Code, error) {
	d, e := c.In, c.Out
	index := d.U32()
	name := readRoom(d)
	var class room
	hasClass := d.Ptr()
	if hasClass {
		class = readRoom(d)
	}
	hasTime := d.Ptr()
	if hasTime {
		d.U32()
		d.U32()
	}
	if d.Err() != nil {
		return 0, d.Err()
	}
	code := netapi.OK
	switch {
	case c.access&enumerateSubKeys == 0:
		code = netapi.AccessDenied
	case uint64(index) >= uint64(len(c.key.keys)):
		code = netapi.NoMoreItems
	case !name.fits(c.key.keys[index].name):
		code = netapi.MoreData
	}
	if code == netapi.OK {
		name.write(e, c.key.keys[index].name)
	} else {
		name.writeNothing(e)
	}
	e.Ptr(hasClass)
	if hasClass {
		class.writeNothing(e)
	}
	e.Ptr(hasTime)
	if hasTime {
		e.U32(0)
		e.U32(0)
	}
	return code, nil
}

// enumValue is BaseRegEnumValue, [MS-RRP] 3.1.5.11.
func (v *service) enumValue(c call) (netapi.Code, error) {
	d, e := c.In, c.Out
	index := d.U32()
	name := readRoom(d)
	kind, hasType := d.UniqueU32()
	buf := readBuffer(d)
	if d.Err() != nil {
		return 0, d.Err()
	}
	var value Value
	code := netapi.OK
	switch {
	case c.access&queryValue == 0:
		code = netapi.AccessDenied
	case uint64(index) >= uint64(len(c.key.values)):
		code = netapi.NoMoreItems
	case buf.present && (buf.size == nil || buf.length == nil):
		code = netapi.InvalidParameter
	default:
		value = c.key.values[index]
		if !name.fits(value.Name) || buf.present && *buf.size < value.size() {
			code = netapi.MoreData
		}
	}
	if code != netapi.OK {
		name.writeNothing(e)
		writeUnique(e, hasType, kind)
		buf.write(e, nil, value.size(), 0)
		return code, nil
	}
	name.write(e, value.Name)
	writeUnique(e, hasType, uint32(value.Type))
	buf.write(e, buf.take(value.Data), value.size(), value.size())
	return code, nil
}

// size is how many octets the value has.
func (v Value) size() uint32 { return uint32(len(v.Data)) }

// take returns data if the client has a place for it, else nil.
func (b buffer) take(data []byte) []byte {
	if !b.present {
		return nil
	}
	if data == nil {
		return []byte{}
	}
	return data
}

// queryInfoKey is BaseRegQueryInfoKey, [MS-RRP] 3.1.5.16.
func (v *service) queryInfoKey(c call) (netapi.Code, error) {
	readRoom(c.In) // lpClassIn
	if c.In.Err() != nil {
		return 0, c.In.Err()
	}
	code := netapi.OK
	k := c.key
	if c.access&queryValue == 0 {
		k, code = &key{}, netapi.AccessDenied
	}
	var maxKey, maxName, maxData int // two octets to a character
	for _, sub := range k.keys {
		maxKey = max(maxKey, utf16le.Len(sub.name))
	}
	for _, value := range k.values {
		maxName = max(maxName, utf16le.Len(value.Name))
		maxData = max(maxData, len(value.Data))
	}
	e := c.Out
	room{}.writeNothing(e)
	e.U32(uint32(len(k.keys)))
	e.U32(uint32(maxKey))
	e.U32(0) // longest class
	e.U32(uint32(len(k.values)))
	e.U32(uint32(maxName))
	e.U32(uint32(maxData))
	e.U32(uint32(k.security().Len()))
	e.U32(0) // last write time
	e.U32(0)
	return code, nil
}

// keySecurity is BaseRegGetKeySecurity, [MS-RRP] 3.1.5.13.
func (v *service) keySecurity(c call) (netapi.Code, error) {
	d, e := c.In, c.Out
	info := vfs.SecurityInformation(d.U32())
	place := readDescriptor(d)
	place.skip(d)
	if d.Err() != nil {
		return 0, d.Err()
	}
	sd := c.key.security().Select(info).Append(nil)
	code := netapi.OK
	switch {
	case uint32(info.QueryAccess())&^c.access != 0:
		sd, code = nil, netapi.AccessDenied
	case place.size < uint32(len(sd)):
		e.Ptr(false)
		e.U32(uint32(len(sd))) // what is needed
		e.U32(0)
		return netapi.InsufficientBuffer, nil
	}
	e.Ptr(len(sd) > 0)
	e.U32(uint32(len(sd)))
	e.U32(uint32(len(sd)))
	if len(sd) > 0 {
		e.Varying(len(sd), len(sd), sd)
	}
	return code, nil
}
