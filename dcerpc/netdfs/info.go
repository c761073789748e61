package netdfs

import (
	"context"
	"crypto/sha256"
	"strings"
	"time"

	"github.com/gosmbd/smb/dcerpc/internal/netapi"
	"github.com/gosmbd/smb/dcerpc/ndr"
)

const (
	stateOK        = 0x00000001 // DFS_VOLUME_STATE_OK, [MS-DFSNM] 2.2.3.2
	standAlone     = 0x00000100 // DFS_VOLUME_FLAVOR_STANDALONE
	targetOnline   = 0x00000002 // DFS_STORAGE_STATE_ONLINE, [MS-DFSNM] 2.2.4.6
	targetFailback = 0x00000008 // DFS_PROPERTY_FLAG_TARGET_FAILBACK, [MS-DFSNM] 2.2.3.5
)

// getInfo is NetrDfsGetInfo, [MS-DFSNM] 3.1.4.1.6.
func (v *service) getInfo(ctx context.Context, d *ndr.Decoder, e *ndr.Encoder) {
	name := d.WString()
	d.UniqueWString() // ServerName and ShareName are ignored
	d.UniqueWString()
	level := d.U32()
	if d.Err() != nil {
		return
	}
	row, code := v.info(ctx, name, level)
	switch {
	case row != nil, level >= 101 && level <= 107:
		netapi.AppendInfo(e, level, row, code)
	default:
		if known(level) {
			netapi.AppendNoInfo(e, level, code)
			return
		}
		e.U32(level) // an arm of the union that is empty
		e.U32(uint32(code))
	}
}

// known reports whether there is a structure for the level in the union of getInfo.
func known(level uint32) bool {
	return level >= 1 && level <= 9 || level == 50 || level == 100 || level == 150
}

// info returns what a level tells of the root or link called name.
func (v *service) info(ctx context.Context, name string, level uint32) (netapi.Row, netapi.Code) {
	if !known(level) || level == 50 {
		return nil, netapi.InvalidParameter
	}
	root, link := splitPath(name)
	if root == "" {
		return nil, netapi.NotFound
	}
	for i, x := range v.server.DFSEntries(ctx, root) {
		_, l := splitPath(x.Path)
		if !strings.EqualFold(l, link) {
			continue
		}
		row := x.row(level, i == 0)
		if row == nil {
			return nil, netapi.InvalidParameter
		}
		return row, netapi.OK
	}
	return nil, netapi.NotFound
}

// row gives x as the structure of a level, [MS-DFSNM] 2.2.3 and 2.2.5; nil if there is
// none.
func (x Entry) row(level uint32, root bool) netapi.Row {
	num, str := netapi.Num, netapi.Str
	state, properties := uint32(stateOK), uint32(0)
	if root {
		state |= standAlone
	}
	if x.Failback {
		properties |= targetFailback
	}
	count := num(uint32(len(x.Targets)))
	guid := netapi.InPlace(x.guid())
	head := netapi.Row{str(x.Path), str(x.Comment), num(state)}
	ttl := num(uint32(min(max(x.TTL/time.Second, 0), 0xffffffff)))
	const metadata = 0 // there is none
	five := append(head[:3:3], ttl, guid, num(properties), num(metadata))
	nine := append(five[:7:7], num(0), netapi.Null()) // no security descriptor
	switch {
	case level == 1:
		return head[:1]
	case level == 2:
		return append(head, count)
	case level == 3:
		return append(head, count, x.targets(false))
	case level == 4:
		return append(head, ttl, guid, count, x.targets(false))
	case level == 5:
		return append(five, count)
	case level == 6:
		return append(five, count, x.targets(true))
	case level == 7 && root:
		return netapi.Row{netapi.InPlace(make([]byte, 16))} // as on Windows, note 6
	case level == 8:
		return append(nine, count)
	case level == 9:
		return append(nine, count, x.targets(true))
	case level == 100:
		return netapi.Row{str(x.Comment)}
	case level == 150:
		return netapi.Row{num(0), netapi.Null()}
	}
	return nil
}

// targets gives the targets as DFS_STORAGE_INFO, or with their priority as
// DFS_STORAGE_INFO_1. [MS-DFSNM] 2.2.2.5, 2.2.2.6
func (x Entry) targets(priority bool) netapi.Cell {
	var rows []netapi.Row
	for _, t := range x.Targets {
		row := netapi.Row{netapi.Num(targetOnline), netapi.Str(t.Server), netapi.Str(t.Share)}
		if priority {
			row = append(row, netapi.Num(t.Priority), netapi.Num(uint32(t.Rank))) // and 16 bits of nothing
		}
		rows = append(rows, row)
	}
	return netapi.Array(rows)
}

// guid returns an id that is always the same for the same path. [MS-DFSNM] 3.1.4.1.6
func (x Entry) guid() []byte {
	sum := sha256.Sum256([]byte("netdfs" + strings.ToUpper(x.Path)))
	id := sum[:16]
	id[7] = id[7]&0x0F | 0x80 // version 8 of RFC 9562, in the order of the wire
	id[8] = id[8]&0x3F | 0x80
	return id
}
