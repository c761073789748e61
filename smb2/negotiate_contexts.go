package smb2

// NegotiateContext is one context of a 3.1.1 negotiation, undecoded, [MS-SMB2]
// 2.2.3.1.
type NegotiateContext struct {
	Type ContextType
	Data []byte
}

// ContextType is the type of a NegotiateContext.
type ContextType uint16

const (
	ContextPreauthIntegrity ContextType = 1
	ContextEncryption       ContextType = 2
	ContextCompression      ContextType = 3
	ContextNetname          ContextType = 5
	ContextTransport        ContextType = 6
	ContextRDMATransform    ContextType = 7
	ContextSigning          ContextType = 8
	ContextPosix            ContextType = 0x100 // SMB3_POSIX_EXTENSIONS_AVAILABLE of [POSIX-SMB2]
)

// HashSHA512 is the only hash of a PreauthIntegrityContext.
const HashSHA512 uint16 = 1

// PreauthIntegrityContext is [MS-SMB2] 2.2.3.1.1.
type PreauthIntegrityContext struct {
	HashAlgorithms []uint16
	Salt           []byte
}

// EncryptionContext is [MS-SMB2] 2.2.3.1.2. The ids are those of
// signing.Cipher; any number of them is accepted.
type EncryptionContext struct{ Ciphers []uint16 }

// SigningContext is [MS-SMB2] 2.2.3.1.7. The ids are those of
// signing.Algorithm.
type SigningContext struct{ Algorithms []uint16 }

// negotiateContextHeader is the length of a context before its data.
const negotiateContextHeader = 8

// parseNegotiateContexts parses count contexts of the message b from offset on,
// which is a multiple of 8 not before from.
func parseNegotiateContexts(b []byte, from int, offset uint32, count uint16) ([]NegotiateContext, error) {
	if count == 0 {
		return nil, nil
	}
	if count > maxNegotiateContexts || offset%8 != 0 {
		return nil, StatusInvalidParameter
	}
	var contexts []NegotiateContext
	pos := uint64(offset)
	for range count {
		pos = (pos + 7) &^ 7
		head, err := slice(b, from, pos, negotiateContextHeader)
		if err != nil {
			return nil, err
		}
		c := cursor(head)
		x := NegotiateContext{Type: ContextType(c.u16())}
		length := uint64(c.u16())
		pos += negotiateContextHeader
		x.Data, err = slice(b, from, pos, length)
		if err != nil {
			return nil, err
		}
		contexts = append(contexts, x)
		pos += length
	}
	return contexts, nil
}

func (w *builder) negotiateContexts(contexts []NegotiateContext) {
	for _, x := range contexts {
		w.align8()
		w.u16(uint16(x.Type))
		w.u16(uint16(len(x.Data)))
		w.zero(4)
		w.bytes(x.Data)
	}
}

// parseIDs parses count ids at the start of b. None at all is an error.
func parseIDs(b []byte, count uint16) ([]uint16, error) {
	ids, err := slice(b, 0, 0, 2*uint64(count))
	if err != nil || count == 0 {
		return nil, StatusInvalidParameter
	}
	list := make([]uint16, count)
	c := cursor(ids)
	for i := range list {
		list[i] = c.u16()
	}
	return list, nil
}

// parseCountedIDs parses a number of ids and the ids.
func parseCountedIDs(b []byte) ([]uint16, error) {
	if len(b) < 2 {
		return nil, StatusInvalidParameter
	}
	c := cursor(b)
	count := c.u16()
	return parseIDs(c, count)
}

func appendCountedIDs(dst []byte, ids []uint16) []byte {
	w := newBuilder(dst)
	w.u16(uint16(len(ids)))
	for _, id := range ids {
		w.u16(id)
	}
	return w.b
}

// ParsePreauthIntegrityContext parses the data of a ContextPreauthIntegrity.
func ParsePreauthIntegrityContext(b []byte) (PreauthIntegrityContext, error) {
	if len(b) < 4 {
		return PreauthIntegrityContext{}, StatusInvalidParameter
	}
	c := cursor(b)
	count, saltLength := c.u16(), c.u16()
	ids, err := parseIDs(c, count)
	if err != nil {
		return PreauthIntegrityContext{}, err
	}
	salt, err := slice(c, 0, 2*uint64(count), uint64(saltLength))
	if err != nil {
		return PreauthIntegrityContext{}, err
	}
	return PreauthIntegrityContext{HashAlgorithms: ids, Salt: salt}, nil
}

// Append appends the data of the context.
func (x PreauthIntegrityContext) Append(dst []byte) []byte {
	w := newBuilder(dst)
	w.u16(uint16(len(x.HashAlgorithms)))
	w.u16(uint16(len(x.Salt)))
	for _, id := range x.HashAlgorithms {
		w.u16(id)
	}
	w.bytes(x.Salt)
	return w.b
}

// ParseEncryptionContext parses the data of a ContextEncryption.
func ParseEncryptionContext(b []byte) (EncryptionContext, error) {
	ids, err := parseCountedIDs(b)
	return EncryptionContext{Ciphers: ids}, err
}

// Append appends the data of the context.
func (x EncryptionContext) Append(dst []byte) []byte { return appendCountedIDs(dst, x.Ciphers) }

// ParseSigningContext parses the data of a ContextSigning.
func ParseSigningContext(b []byte) (SigningContext, error) {
	ids, err := parseCountedIDs(b)
	return SigningContext{Algorithms: ids}, err
}

// Append appends the data of the context.
func (x SigningContext) Append(dst []byte) []byte { return appendCountedIDs(dst, x.Algorithms) }
