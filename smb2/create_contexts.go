package smb2

// CreateContext is one create context, undecoded, [MS-SMB2] 2.2.13.2. Name is
// the raw name: four letters, or a GUID.
type CreateContext struct {
	Name string
	Data []byte
}

// Names of create contexts, [MS-SMB2] 2.2.13.2.
const (
	ContextExtA = "ExtA" // extended attributes
	ContextSecD = "SecD" // security descriptor
	ContextDHnQ = "DHnQ" // durable handle request, and response
	ContextDHnC = "DHnC" // durable handle reconnect
	ContextAlSi = "AlSi" // allocation size
	ContextMxAc = "MxAc" // maximal access request, and response
	ContextTWrp = "TWrp" // time warp token
	ContextQFid = "QFid" // on-disk id request, and response
	ContextRqLs = "RqLs" // lease request (v1 and v2), and response
	ContextDH2Q = "DH2Q" // durable handle request v2, and response
	ContextDH2C = "DH2C" // durable handle reconnect v2
	ContextAAPL = "AAPL" // Apple's extensions

	ContextAppInstanceID      = "\x45\xBC\xA6\x6A\xEF\xA7\xF7\x4A\x90\x08\xFA\x46\x2E\x14\x4D\x74"
	ContextAppInstanceVersion = "\xB9\x82\xD0\xB7\x3B\x56\x07\x4F\xA0\x7B\x52\x4A\x81\x16\xA0\x10"
	ContextSVHDX              = "\x9C\xCB\xCF\x9E\x04\xC1\xE6\x43\x98\x0E\x15\x8D\xA1\xF6\xEC\x83"
	ContextPosixCreate        = "\x93\xAD\x25\x50\x9C\xB4\x11\xE7\xB4\x23\x83\xDE\x96\x8B\xCD\x7C"
)

const (
	maxCreateContexts   = 64  // of one message
	minContextName      = 4   // [MS-SMB2] 3.3.5.9
	maxContextName      = 256 // known ones have 4 or 16 bytes
	createContextHeader = 16
)

// ParseCreateContexts parses the list of contexts that a CREATE request or
// response holds: at most 64, with names of 4 to 256 bytes. Each begins at a
// multiple of 8 after the one before it, and its name and data lie within it.
func ParseCreateContexts(list []byte) ([]CreateContext, error) {
	var contexts []CreateContext
	for len(list) > 0 {
		if len(list) < createContextHeader || len(contexts) == maxCreateContexts {
			return nil, StatusInvalidParameter
		}
		c := cursor(list[:createContextHeader])
		next := c.u32()
		one, rest := list, []byte(nil)
		if next != 0 {
			if next%8 != 0 || next < createContextHeader || uint64(next) >= uint64(len(list)) {
				return nil, StatusInvalidParameter
			}
			one, rest = list[:next], list[next:]
		}
		x, err := parseCreateContext(one, c)
		if err != nil {
			return nil, err
		}
		contexts = append(contexts, x)
		list = rest
	}
	return contexts, nil
}

// parseCreateContext parses the context b, whose header c is past Next.
func parseCreateContext(b []byte, c cursor) (CreateContext, error) {
	offset, length := c.u16(), c.u16()
	if length < minContextName || length > maxContextName {
		return CreateContext{}, StatusInvalidParameter
	}
	name, err := slice(b, createContextHeader, uint64(offset), uint64(length))
	if err != nil {
		return CreateContext{}, err
	}
	c.skip(2)
	dataOffset, dataLength := c.u16(), c.u32()
	data, err := slice(b, createContextHeader, uint64(dataOffset), uint64(dataLength))
	if err != nil {
		return CreateContext{}, err
	}
	return CreateContext{Name: contextName(name), Data: data}, nil
}

// contextName returns b as a string, without a copy of one that clients use often.
func contextName(b []byte) string {
	for _, name := range [...]string{ContextRqLs, ContextDH2Q, ContextMxAc, ContextQFid, ContextDHnQ, ContextPosixCreate} {
		if string(b) == name {
			return name
		}
	}
	return string(b)
}

// AppendCreateContexts appends the list. The end of dst must be at a multiple
// of 8 from the header of the message.
func AppendCreateContexts(dst []byte, contexts []CreateContext) []byte {
	for i, x := range contexts {
		w := newBuilder(dst)
		w.u32(0)
		w.u16(createContextHeader)
		w.u16(uint16(len(x.Name)))
		w.zero(4)
		w.u32(uint32(len(x.Data)))
		w.b = append(w.b, x.Name...)
		w.align8()
		if len(x.Data) > 0 {
			w.putU16(10, w.len())
			w.bytes(x.Data)
		}
		if i+1 < len(contexts) {
			w.align8()
			w.putU32(0, w.len())
		}
		dst = w.b
	}
	return dst
}

// FindContext returns the data of the first context with the name.
func FindContext(contexts []CreateContext, name string) ([]byte, bool) {
	for _, x := range contexts {
		if x.Name == name {
			return x.Data, true
		}
	}
	return nil, false
}
