package krb

import (
	"encoding/binary"
	"errors"
	"math"
)

// gokrb5 has a parser of keytabs, too, but it puts the bytes of a damaged file into its
// errors, keys and all.

var errKeytab = errors.New("not a keytab, or a damaged one")

// keytabEntry is one key.
type keytabEntry struct {
	principal Principal
	kvno      uint32
	key       key
}

// parseKeytab reads a keytab of version 2,
// https://web.mit.edu/kerberos/krb5-latest/doc/formats/keytab_file_format.html. Keys of
// types that are never accepted are left out.
func parseKeytab(b []byte) ([]keytabEntry, error) {
	if len(b) < 2 || b[0] != 5 || b[1] != 2 {
		return nil, errKeytab
	}
	var entries []keytabEntry
	for b = b[2:]; len(b) >= 4; {
		n := int64(int32(binary.BigEndian.Uint32(b)))
		b = b[4:]
		if n == 0 { // the end, if the file was made longer in advance
			break
		}
		hole := n < 0 // an entry that was removed
		if hole {
			n = -n
		}
		if n > int64(len(b)) {
			return nil, errKeytab
		}
		record := b[:n]
		b = b[n:]
		if hole {
			continue
		}
		e, err := parseKeytabEntry(record)
		if err != nil {
			return nil, err
		}
		if t, ok := enctypes[e.key.etype]; ok && len(e.key.value) == t.keyLen {
			entries = append(entries, e)
		}
	}
	return entries, nil
}

func parseKeytabEntry(b []byte) (keytabEntry, error) {
	var e keytabEntry
	r := keytabReader{b: b}
	parts := r.u16()
	e.principal.Realm = string(r.counted())
	for range parts {
		e.principal.Name = append(e.principal.Name, string(r.counted()))
		if r.failed {
			return e, errKeytab
		}
	}
	r.take(4 + 4) // name type, time
	if v := r.take(1); v != nil {
		e.kvno = uint32(v[0])
	}
	e.key.etype = int32(r.u16())
	e.key.value = append([]byte(nil), r.counted()...)
	if r.failed {
		return e, errKeytab
	}
	if len(r.b) >= 4 { // a version of more than 8 bits
		if v := binary.BigEndian.Uint32(r.b); v != 0 {
			e.kvno = v
		}
	}
	return e, nil
}

// keytabReader takes fields off a record.
type keytabReader struct {
	b      []byte
	failed bool
}

func (r *keytabReader) take(n int) []byte {
	if r.failed || n > len(r.b) {
		r.failed = true
		return nil
	}
	v := r.b[:n]
	r.b = r.b[n:]
	return v
}

func (r *keytabReader) u16() uint16 {
	if v := r.take(2); v != nil {
		return binary.BigEndian.Uint16(v)
	}
	return 0
}

func (r *keytabReader) counted() []byte {
	n := r.u16()
	if n > math.MaxInt16 {
		r.failed = true
	}
	return r.take(int(n))
}
