package signing

import "crypto/sha512"

// PreauthHash is a preauthentication integrity hash value of dialect 3.1.1 ([MS-SMB2] 3.3.1.7, 3.3.1.8). The zero value is the start of
// the chain.
type PreauthHash [sha512.Size]byte

// Extend returns SHA-512(h || msg), the hash once msg, from the SMB2 header to its last byte, has been sent or received.
func (h PreauthHash) Extend(msg []byte) PreauthHash {
	d := sha512.New()
	d.Write(h[:])
	d.Write(msg)
	d.Sum(h[:0])
	return h
}
