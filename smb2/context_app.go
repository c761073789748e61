package smb2

// AppInstanceVersion is [MS-SMB2] 2.2.13.2.15.
type AppInstanceVersion struct{ High, Low uint64 }

// Less reports whether v is before w.
func (v AppInstanceVersion) Less(w AppInstanceVersion) bool {
	return v.High < w.High || v.High == w.High && v.Low < w.Low
}

// AppInstanceID is [MS-SMB2] 2.2.13.2.13.
type AppInstanceID struct{ ID GUID }

// ParseAppInstanceID parses the data of a ContextAppInstanceID.
func ParseAppInstanceID(b []byte) (AppInstanceID, error) {
	if len(b) != 20 {
		return AppInstanceID{}, StatusInvalidParameter
	}
	c := cursor(b)
	if c.u16() != 20 {
		return AppInstanceID{}, StatusInvalidParameter
	}
	c.skip(2)
	return AppInstanceID{GUID(c.bytes16())}, nil
}

// Append appends the data of the context.
func (r AppInstanceID) Append(dst []byte) []byte {
	w := newBuilder(dst)
	w.u16(20)
	w.zero(2)
	w.bytes16(r.ID)
	return w.b
}

// ParseAppInstanceVersion parses the data of a ContextAppInstanceVersion.
func ParseAppInstanceVersion(b []byte) (AppInstanceVersion, error) {
	if len(b) != 24 {
		return AppInstanceVersion{}, StatusInvalidParameter
	}
	c := cursor(b)
	if c.u16() != 24 {
		return AppInstanceVersion{}, StatusInvalidParameter
	}
	c.skip(6)
	return AppInstanceVersion{High: c.u64(), Low: c.u64()}, nil
}

// Append appends the data of the context.
func (v AppInstanceVersion) Append(dst []byte) []byte {
	w := newBuilder(dst)
	w.u16(24)
	w.zero(6)
	w.u64(v.High)
	w.u64(v.Low)
	return w.b
}
