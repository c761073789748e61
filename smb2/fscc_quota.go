package smb2

// FileQuotaEntry is the quota of one user; amounts are in bytes. A threshold or
// limit of -1 is none, and a limit of -2 removes the entry. SID is undecoded.
type FileQuotaEntry struct {
	ChangeTime     FileTime
	QuotaUsed      int64
	QuotaThreshold int64
	QuotaLimit     int64
	SID            []byte
}

// FileQuotaInformation is a list of quotas, [MS-FSCC] 2.4.41. Parsed SIDs alias
// the input.
type FileQuotaInformation []FileQuotaEntry

const (
	quotaFixed      = 40
	getQuotaFixed   = 8
	queryQuotaFixed = 16
)

// ParseFileQuotaInformation parses b.
func ParseFileQuotaInformation(b []byte) (FileQuotaInformation, error) {
	return parseList(b, quotaFixed, func(b []byte) (FileQuotaEntry, error) {
		c := cursor(b[4:])
		length := c.u32()
		e := FileQuotaEntry{
			ChangeTime:     c.fileTime(),
			QuotaUsed:      c.i64(),
			QuotaThreshold: c.i64(),
			QuotaLimit:     c.i64(),
		}
		var err error
		e.SID, err = slice(b, quotaFixed, quotaFixed, uint64(length))
		return e, err
	})
}

// Append appends the list.
func (l FileQuotaInformation) Append(dst []byte) []byte {
	dst, _ = l.AppendMax(dst, noMax)
	return dst
}

// AppendMax appends as many whole entries as fit into max bytes, and returns how
// many those are.
func (l FileQuotaInformation) AppendMax(dst []byte, max int) ([]byte, int) {
	return appendList(dst, l, 8, max, func(dst []byte, e FileQuotaEntry) []byte {
		w := newBuilder(dst)
		w.u32(0)
		w.u32(uint32(len(e.SID)))
		w.fileTime(e.ChangeTime)
		w.i64(e.QuotaUsed)
		w.i64(e.QuotaThreshold)
		w.i64(e.QuotaLimit)
		w.bytes(e.SID)
		return w.b
	})
}

// FileGetQuotaInformation is the list of SIDs whose quotas are asked for,
// [MS-FSCC] 2.4.41.1. Parsed SIDs alias the input.
type FileGetQuotaInformation [][]byte

// ParseFileGetQuotaInformation parses b.
func ParseFileGetQuotaInformation(b []byte) (FileGetQuotaInformation, error) {
	return parseList(b, getQuotaFixed, func(b []byte) ([]byte, error) {
		c := cursor(b[4:])
		return slice(b, getQuotaFixed, getQuotaFixed, uint64(c.u32()))
	})
}

// Append appends the list.
func (l FileGetQuotaInformation) Append(dst []byte) []byte {
	dst, _ = appendList(dst, l, 4, noMax, func(dst, sid []byte) []byte {
		w := newBuilder(dst)
		w.u32(0)
		w.u32(uint32(len(sid)))
		w.bytes(sid)
		return w.b
	})
	return dst
}

// QueryQuotaInfo is the input of a QUERY_INFO for quotas, [MS-SMB2] 2.2.37.1:
// with SIDs, whose quotas; with StartSID, where to begin; with neither, all.
type QueryQuotaInfo struct {
	ReturnSingle bool
	RestartScan  bool
	SIDs         FileGetQuotaInformation
	StartSID     []byte // aliases the input
}

// ParseQueryQuotaInfo parses b. If it has both forms the list of SIDs wins.
func ParseQueryQuotaInfo(b []byte) (QueryQuotaInfo, error) {
	if len(b) < queryQuotaFixed {
		return QueryQuotaInfo{}, StatusInvalidParameter
	}
	c := cursor(b[:queryQuotaFixed])
	q := QueryQuotaInfo{ReturnSingle: c.bool(), RestartScan: c.bool()}
	c.skip(2)
	listLength, sidLength, sidOffset := c.u32(), c.u32(), c.u32()
	rest := b[queryQuotaFixed:]
	list, err := slice(rest, 0, 0, uint64(listLength))
	if err != nil {
		return QueryQuotaInfo{}, err
	}
	if listLength == 0 {
		q.StartSID, err = slice(rest, 0, uint64(sidOffset), uint64(sidLength))
	} else {
		q.SIDs, err = ParseFileGetQuotaInformation(list)
	}
	if err != nil {
		return QueryQuotaInfo{}, StatusInvalidParameter
	}
	return q, nil
}

// Append appends the structure, with SIDs if there are any, else with StartSID.
func (q QueryQuotaInfo) Append(dst []byte) []byte {
	w := newBuilder(dst)
	w.bool(q.ReturnSingle)
	w.bool(q.RestartScan)
	w.u16(0)
	w.zero(12)
	if len(q.SIDs) > 0 {
		w.b = q.SIDs.Append(w.b)
		w.putU32(4, w.len()-queryQuotaFixed)
	} else {
		w.bytes(q.StartSID)
		w.putU32(8, len(q.StartSID))
	}
	return w.b
}
