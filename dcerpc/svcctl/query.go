package svcctl

import (
	"encoding/binary"

	"github.com/gosmbd/smb/dcerpc/internal/netapi"
	"github.com/gosmbd/smb/dcerpc/ndr"
	"github.com/gosmbd/smb/internal/utf16le"
)

// The places that clients offer for results are at most so large: 256 KiB, and 8 KiB where
// one service is asked about.
const (
	maxPlace      = 256 << 10
	maxSmallPlace = 8 << 10
)

// place reads how large a place the client offers.
func (c call) place() uint32 { return c.placeOf(maxPlace) }

func (c call) placeOf(limit uint32) uint32 {
	n := c.In.U32()
	if n > limit {
		c.In.Fail()
		return 0
	}
	return n
}

// fill writes an array of size octets that begins with data, and how many data needs. If
// they don't fit the array is empty.
func (c call) fill(size uint32, data []byte, code netapi.Code) netapi.Code {
	b := make([]byte, size)
	if copy(b, data) < len(data) {
		clear(b)
		code = netapi.InsufficientBuffer
	}
	c.Out.U32(size)
	c.Out.Raw(b)
	c.Out.U32(uint32(len(data)))
	return code
}

const (
	shareProcess = 0x20 // SERVICE_WIN32_SHARE_PROCESS
	stopped      = 1
	running      = 4
	autoStart    = 2
	demandStart  = 3
	errorNormal  = 1
)

// state is SERVICE_STATE of s.
func (s *Service) state() uint32 {
	if s.Running {
		return running
	}
	return stopped
}

// status returns SERVICE_STATUS of s: it accepts no control, and never failed.
func (s *Service) status() []byte {
	b := make([]byte, 28)
	binary.LittleEndian.PutUint32(b, shareProcess)
	binary.LittleEndian.PutUint32(b[4:], s.state())
	return b
}

// statusProcess is status with the process, which nobody is told, and no flags.
func (s *Service) statusProcess() []byte { return append(s.status(), make([]byte, 8)...) }

// queryStatus is RQueryServiceStatus.
func (m *manager) queryStatus(c call) (netapi.Code, error) {
	code := c.h.lacks(queryStatus)
	c.writeStatus(code)
	return code, nil
}

// writeStatus writes SERVICE_STATUS of the service, zeros unless code is OK.
func (c call) writeStatus(code netapi.Code) {
	b := make([]byte, 28)
	if code == netapi.OK {
		b = c.h.service.status()
	}
	c.Out.Align(4)
	c.Out.Raw(b)
}

// queryStatusEx is RQueryServiceStatusEx.
func (m *manager) queryStatusEx(c call) (netapi.Code, error) {
	level := c.In.U32()
	place := c.placeOf(maxSmallPlace)
	if c.In.Err() != nil {
		return 0, c.In.Err()
	}
	code := c.h.lacks(queryStatus)
	if level != 0 {
		code = netapi.InvalidLevel
	}
	var b []byte
	if code == netapi.OK {
		b = c.h.service.statusProcess()
	}
	return c.fill(place, b, code), nil
}

// queryConfig is RQueryServiceConfigW. The sizes of its strings are those that they have
// as a structure in memory.
func (m *manager) queryConfig(c call) (netapi.Code, error) {
	place := c.placeOf(maxSmallPlace)
	if c.In.Err() != nil {
		return 0, c.In.Err()
	}
	s := c.h.service
	strings := []string{`C:\Windows\System32\svchost.exe`, "", "", "LocalSystem", s.DisplayName}
	need := uint32(36)
	for _, text := range strings {
		need += uint32(utf16le.Len(text) + 2)
	}
	code := c.h.lacks(queryConfig)
	if code == netapi.OK && place < need {
		code = netapi.InsufficientBuffer
	}
	if code != netapi.OK {
		c.Out.Align(4)
		c.Out.Raw(make([]byte, 36))
		c.Out.U32(need)
		return code, nil
	}
	c.Out.U32(shareProcess)
	c.Out.U32(s.startType())
	c.Out.U32(errorNormal)
	c.Out.Ptr(true)
	c.Out.Ptr(true)
	c.Out.U32(0) // dwTagId
	c.Out.Ptr(true)
	c.Out.Ptr(true)
	c.Out.Ptr(true)
	for _, text := range strings {
		c.Out.WString(text)
	}
	c.Out.U32(need)
	return code, nil
}

func (s *Service) startType() uint32 {
	if s.Running {
		return autoStart
	}
	return demandStart
}

// queryConfig2 is RQueryServiceConfig2W: the description, and that nothing is to happen
// when the service fails.
func (m *manager) queryConfig2(c call) (netapi.Code, error) {
	level := c.In.U32()
	place := c.placeOf(maxSmallPlace)
	if c.In.Err() != nil {
		return 0, c.In.Err()
	}
	const description, failureActions = 1, 2
	code := c.h.lacks(queryConfig)
	var b []byte
	switch {
	case level == description:
		b = append(utf16le.Append([]byte{4, 0, 0, 0}, c.h.service.Description), 0, 0)
	case level == failureActions:
		b = make([]byte, 20)
	default:
		code = netapi.InvalidLevel
	}
	if code != netapi.OK {
		b = nil
	}
	return c.fill(place, b, code), nil
}

// controlService is RControlService: services can be asked how they are, which changes
// nothing.
func (m *manager) controlService(c call) (netapi.Code, error) {
	control := c.In.U32()
	if c.In.Err() != nil {
		return 0, c.In.Err()
	}
	const controlInterrogate, firstOwn, lastOwn = 4, 128, 255
	code := netapi.AccessDenied
	switch {
	case control == 0, control > 16 && control < firstOwn, control > lastOwn:
		code = netapi.InvalidParameter
	case control != controlInterrogate:
	case !c.h.service.Running:
		code = netapi.ServiceNotActive
	default:
		code = c.h.lacks(interrogate)
	}
	c.writeStatus(code)
	return code, nil
}

// startService is RStartServiceW.
func (m *manager) startService(c call) (netapi.Code, error) {
	if code := c.h.lacks(startService); code != netapi.OK || !c.h.service.Running {
		return netapi.AccessDenied, nil
	}
	return netapi.ServiceAlreadyRunning, nil
}

// changeConfig is RChangeServiceConfigW. It succeeds if nothing is to change.
func (m *manager) changeConfig(c call) (netapi.Code, error) {
	d, s := c.In, c.h.service
	const same = 0xffffffff // SERVICE_NO_CHANGE
	code := c.h.lacks(changeConfig)
	for _, is := range []uint32{shareProcess, s.startType(), errorNormal} {
		if to := d.U32(); to != same && to != is {
			code = netapi.AccessDenied
		}
	}
	// lpBinaryPathName, lpLoadOrderGroup, lpdwTagId, lpDependencies and its size,
	// lpServiceStartName, lpPassword and its size, lpDisplayName: nothing follows a null
	// pointer.
	for range 9 {
		if code == netapi.OK && d.U32() != 0 {
			code = netapi.AccessDenied
		}
	}
	if d.Err() != nil {
		return 0, d.Err()
	}
	c.Out.Ptr(false)
	return code, nil
}

// enumDependent is REnumDependentServicesW: no service needs another.
func (m *manager) enumDependent(c call) (netapi.Code, error) {
	state := c.In.U32()
	place := c.place()
	if c.In.Err() != nil {
		return 0, c.In.Err()
	}
	code := c.h.lacks(enumerateDependents)
	if state == 0 || state > stateAll {
		code = netapi.InvalidParameter
	}
	code = c.fill(place, nil, code)
	c.Out.U32(0)
	return code, nil
}

// What an enumeration may be of.
const (
	stateActive   = 1
	stateInactive = 2
	stateAll      = stateActive | stateInactive
)

// enumServices is REnumServicesStatusW.
func (m *manager) enumServices(c call) (netapi.Code, error) {
	return m.enumerate(c, netapi.OK, func(d *ndr.Decoder) {}, (*Service).status)
}

// enumServicesEx is REnumServicesStatusExW.
func (m *manager) enumServicesEx(c call) (netapi.Code, error) {
	code := netapi.OK
	if c.In.U32() != 0 { // InfoLevel
		code = netapi.InvalidLevel
	}
	group := func(d *ndr.Decoder) { d.UniqueWString() }
	return m.enumerate(c, code, group, (*Service).statusProcess)
}

// enumerate lists the services of a type and a state, with a status each. rest reads the
// parameters that follow.
func (m *manager) enumerate(c call, code netapi.Code, rest func(d *ndr.Decoder), status func(*Service) []byte) (netapi.Code, error) {
	kind, state := c.In.U32(), c.In.U32()
	place := c.place()
	resume, resumes := c.In.UniqueU32()
	rest(c.In)
	if c.In.Err() != nil {
		return 0, c.In.Err()
	}
	switch {
	case code != netapi.OK:
	case state == 0 || state > stateAll:
		code = netapi.InvalidParameter
	default:
		code = c.h.lacks(enumerateService)
	}
	var list []*Service
	for i := range m.services {
		s := &m.services[i]
		of := uint32(stateInactive)
		if s.Running {
			of = stateActive
		}
		if code == netapi.OK && uint64(i) >= uint64(resume) && kind&shareProcess != 0 && state&of != 0 {
			list = append(list, s)
		}
	}
	b := layOut(list, status)
	if code = c.fill(place, b, code); code == netapi.InsufficientBuffer {
		code, list = netapi.MoreData, nil
	}
	c.Out.U32(uint32(len(list)))
	c.Out.Ptr(resumes)
	if resumes {
		c.Out.U32(0)
	}
	return code, nil
}

// layOut makes an array of ENUM_SERVICE_STATUSW: two offsets of names and a status each,
// and the names behind.
func layOut(list []*Service, status func(*Service) []byte) []byte {
	if len(list) == 0 {
		return nil
	}
	var fixed, names []byte
	size := len(list) * (8 + len(status(list[0])))
	offset := func(s string) {
		fixed = binary.LittleEndian.AppendUint32(fixed, uint32(size+len(names)))
		names = append(utf16le.Append(names, s), 0, 0)
	}
	for _, s := range list {
		offset(s.Name)
		offset(s.DisplayName)
		fixed = append(fixed, status(s)...)
	}
	return append(fixed, names...)
}
