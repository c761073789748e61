package srvsvc

import (
	"context"
	"time"

	"github.com/gosmbd/smb/dcerpc/internal/netapi"
	"github.com/gosmbd/smb/dcerpc/ndr"
)

const (
	platformNT  = 500    // [MS-SRVS] 2.2.2.6
	defaultType = 0x9003 // workstation, server, NT, server NT: [MS-SRVS] 2.2.2.7
)

// row gives i as the structure of a level, [MS-SRVS] 2.2.4.40 to 2.2.4.45; nil if
// there is none.
func (i Info) row(level uint32) netapi.Row {
	num, str := netapi.Num, netapi.Str
	if i.Major == 0 && i.Minor == 0 {
		i.Major = 10
	}
	if i.Type == 0 {
		i.Type = defaultType
	}
	one := netapi.Row{num(platformNT), str(i.Name), num(i.Major), num(i.Minor), num(i.Type), str(i.Comment)}
	two := append(one[:6:6],
		num(orAll(i.MaxUsers)),
		num(15),    // minutes until an idle session is disconnected, the default
		num(0),     // hidden
		num(240),   // announced every so many seconds, the default
		num(3000),  // and so many milliseconds of variation
		num(0),     // licenses, unused
		str(`c:\`)) // user path, "due to historical reasons"
	switch level {
	case 100:
		return one[:2]
	case 101:
		return one
	case 102:
		return two
	case 103:
		return append(two, num(0)) // capabilities
	case 502:
		return tuning()
	case 503:
		return i.moreTuning()
	}
	return nil
}

// numbers is a row of DWORDs.
func numbers(values ...uint32) netapi.Row {
	r := make(netapi.Row, len(values))
	for i, n := range values {
		r[i] = netapi.Num(n)
	}
	return r
}

// tuning is SERVER_INFO_502, [MS-SRVS] 2.2.4.44: numbers that tune Windows' server for SMB
// 1, as it has them by default. They mean nothing here.
func tuning() netapi.Row {
	return numbers(16384, 1, 2048, 4356, 4, 64, 4, 15, 65535, 2048, 2048, 0xffffffff, 0xffffffff, 1, 1, 0, 1, 0)
}

// moreTuning is SERVER_INFO_503, [MS-SRVS] 2.2.4.45.
func (i Info) moreTuning() netapi.Row {
	if i.Domain == "" {
		i.Domain = "WORKGROUP"
	}
	return append(append(tuning(), netapi.Str(i.Domain)),
		numbers(8192, 0, 480, 3600, 240, 600, 2, 2, 30, 2, 2, 0x100000, 1, 50, 35, 35, 1, 0, 1, 1, 0, 2, 2)...)
}

// serverGetInfo is NetrServerGetInfo, [MS-SRVS] 3.1.4.17. The name that is told is
// the server's own, not the one that the client addressed it by: there are no
// scoped names here.
func (v *service) serverGetInfo(ctx context.Context, server string, d *ndr.Decoder, e *ndr.Encoder) {
	level := d.U32()
	if d.Err() != nil {
		return
	}
	row := v.server.Info(ctx).row(level)
	code := netapi.OK
	switch {
	case len(server) >= maxQualifier:
		row, code = nil, netapi.InvalidParameter
	case row == nil && level == 599:
		// A level of local calls. The union has an arm for it.
		netapi.AppendNoInfo(e, level, netapi.InvalidLevel)
		return
	case row == nil:
		code = netapi.InvalidLevel
	case level >= 102:
		if code = v.admin(ctx); code != netapi.OK {
			row = nil
		}
	}
	netapi.AppendInfo(e, level, row, code)
}

// diskEnum is NetrServerDiskEnum, [MS-SRVS] 3.1.4.19. There are no drives to tell
// of: the shares' directories are not the client's business, even an
// administrator's. The array is conformant and varying.
func (v *service) diskEnum(ctx context.Context, _ string, d *ndr.Decoder, e *ndr.Encoder) {
	level := d.U32()
	n := d.U32()
	if d.Ptr() {
		d.U32() // maximum count
		if offset, actual := d.U32(), d.U32(); offset != 0 || actual != 0 || n != 0 {
			d.Fail()
		}
	}
	d.U32() // PreferedMaximumLength
	_, resumes := d.UniqueU32()
	if d.Err() != nil {
		return
	}
	code := v.admin(ctx)
	if level != 0 {
		code = netapi.InvalidLevel
	}
	e.U32(0)
	e.Ptr(false)
	e.U32(0) // TotalEntries
	e.Ptr(resumes)
	if resumes {
		e.U32(0)
	}
	e.U32(uint32(code))
}

// row gives s as STAT_SERVER_0, [MS-SRVS] 2.2.4.39.
func (s Statistics) row() netapi.Row {
	num := netapi.Num
	var start uint32
	if !s.Start.IsZero() {
		start = uint32(s.Start.Unix())
	}
	return netapi.Row{
		num(start), num(s.FileOpens),
		num(0), num(0), // devices, print jobs
		num(s.Sessions), num(s.TimedOut),
		num(0), // sessions that failed: always zero
		num(s.PasswordErrors), num(s.PermissionErrors),
		num(0), // system errors: always zero
		num(uint32(s.BytesSent)), num(uint32(s.BytesSent >> 32)),
		num(uint32(s.BytesReceived)), num(uint32(s.BytesReceived >> 32)),
		num(0), num(0), num(0), // response time, buffers needed: always zero
	}
}

// statisticsGet is NetrServerStatisticsGet, [MS-SRVS] 3.1.4.20.
func (v *service) statisticsGet(ctx context.Context, _ string, d *ndr.Decoder, e *ndr.Encoder) {
	d.UniqueWString() // Service, ignored
	level, options := d.U32(), d.U32()
	if d.Err() != nil {
		return
	}
	code := v.admin(ctx)
	if level != 0 {
		code = netapi.InvalidLevel
	} else if options != 0 {
		code = netapi.InvalidParameter
	}
	if code != netapi.OK {
		e.Ptr(false)
		e.U32(uint32(code))
		return
	}
	var s Statistics
	if r, ok := v.server.(StatisticsReporter); ok {
		s = r.Statistics(ctx)
	}
	s.row().AppendPtr(e)
	e.U32(uint32(code))
}

// transportEnum is NetrServerTransportEnum, [MS-SRVS] 3.1.4.24. The one transport
// is direct TCP, under the name that Windows gives it.
func (v *service) transportEnum(ctx context.Context, _ string, d *ndr.Decoder, e *ndr.Encoder) {
	q := netapi.DecodeEnum(d, 0, 1, 2)
	if d.Err() != nil {
		return
	}
	const address = "000000000000"
	num, str := netapi.Num, netapi.Str
	name := v.server.Info(ctx).Name
	row := netapi.Row{num(0), str(`\Device\NetbiosSmb`), netapi.Buf([]byte(name)), num(uint32(len(name))), str(address)}
	if q.Level >= 1 {
		row = append(row, str(""))
	}
	if q.Level >= 2 {
		row = append(row, num(0))
	}
	q.Append(e, []netapi.Row{row}, v.admin(ctx))
}

// remoteTOD is NetrRemoteTOD, [MS-SRVS] 3.1.4.21: the time of day, which any caller
// may know. The fields are in Greenwich Mean Time; the zone is to be applied by the
// client.
func (v *service) remoteTOD(_ context.Context, _ string, _ *ndr.Decoder, e *ndr.Encoder) {
	now := v.now()
	_, offset := now.Zone()
	t := now.UTC()
	num := netapi.Num
	netapi.Row{
		num(uint32(t.Unix())),
		num(uint32(t.UnixMilli())),
		num(uint32(t.Hour())), num(uint32(t.Minute())), num(uint32(t.Second())),
		num(uint32(t.Nanosecond() / int(10*time.Millisecond))),
		num(uint32(int32(-offset / 60))),
		num(310), // ten-thousandths of a second that a tick takes, as Windows says
		num(uint32(t.Day())), num(uint32(t.Month())), num(uint32(t.Year())), num(uint32(t.Weekday())),
	}.AppendPtr(e)
	e.U32(uint32(netapi.OK))
}
